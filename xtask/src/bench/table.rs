//! Results as text.

use std::collections::BTreeMap;

use super::catalog::{Figure, Piece, Workload};
use super::comparison::Comparison;
use super::number::{ratio, readable};
use super::results::Results;
use super::summary::Spread;

/// Prints a table for every workload.
pub(crate) fn print(results: &Results) {
    let machine = &results.machine;
    println!(
        "\nLinux {}, {}, {} cores; {} runs of {} s each, medians [least .. most].",
        machine.kernel, machine.processor, machine.cores, results.repetitions, results.seconds
    );
    println!(
        "x MODE, and (in parentheses): divided by the figure of MODE in this run. Clean: runs in which others took\n\
         less than a quarter of a core from those it used; where fewer than three were, all count."
    );
    for workload in &results.workloads {
        println!("\n{}: {}", workload.name, workload.about);
        print_rows(&rows(results, workload));
    }
}

/// The cells of one workload, headings first.
fn rows(results: &Results, workload: &Workload) -> Vec<Vec<String>> {
    let Some((first, others)) = workload.figures.split_first() else {
        return Vec::new();
    };
    let median = |mode: &str, figure: &Figure| {
        let spread = results.summary(workload, mode)?.get(&figure.name)?;
        Some(spread.median)
    };
    let mut head = vec!["mode".to_owned(), heading(first), "range".into()];
    head.extend(workload.marks.iter().map(|mark| format!("x {mark}")));
    head.extend(others.iter().map(|figure| match workload.marks.first() {
        Some(mark) => format!("{} (x {mark})", heading(figure)),
        None => heading(figure),
    }));
    head.push("clean".into());

    let mut rows = vec![head];
    for mode in &workload.modes {
        let Some(summary) = results.summary(workload, mode) else {
            continue;
        };
        let Some(spread) = summary.get(&first.name) else {
            continue;
        };
        let mut row = vec![mode.clone(), readable(spread.median), range(spread)];
        row.extend(workload.marks.iter().map(|mark| {
            let mark = median(mark, first).unwrap_or(f64::NAN);
            ratio(spread.median / mark)
        }));
        row.extend(others.iter().map(|figure| {
            let Some(value) = median(mode, figure) else {
                return "-".into();
            };
            let mark = workload.marks.first();
            match mark.and_then(|mark| median(mark, figure)) {
                // Of nothing there are no multiples.
                Some(mark) if mark > 0.0 => {
                    format!("{} ({})", readable(value), ratio(value / mark))
                }
                _ => readable(value),
            }
        }));
        row.push(format!("{}/{}", summary.clean, summary.runs));
        rows.push(row);
    }
    rows
}

fn heading(figure: &Figure) -> String {
    format!("{} {}", figure.name.replace('_', " "), figure.unit)
}

fn range(spread: Spread) -> String {
    format!("[{} .. {}]", readable(spread.least), readable(spread.most))
}

/// Prints how many instructions each piece takes.
pub(crate) fn print_instructions(pieces: &[Piece], counts: &BTreeMap<String, f64>) {
    let mut rows = vec![
        ["piece", "instructions", "an operation"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for piece in pieces {
        if let Some(count) = counts.get(&piece.name) {
            rows.push(vec![
                piece.name.clone(),
                readable(*count),
                piece.about.clone(),
            ]);
        }
    }
    print_rows(&rows);
}

/// Prints what has changed.
pub(crate) fn print_comparison(comparison: &Comparison) {
    println!("\nAgainst what was kept (gain: above 1 is better):");
    if !comparison.is_same_machine {
        println!("That was another machine or kernel.");
    }
    let head = ["workload", "mode", "figure", "before", "now", "gain", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for change in &comparison.rows {
        let (figure, number): (_, fn(f64) -> String) = match &change.mark {
            Some(mark) => (format!("{} x {mark}", change.figure), ratio),
            None => (change.figure.clone(), readable),
        };
        let verdict = if change.is_regression() { "WORSE" } else { "" };
        rows.push(vec![
            change.workload.clone(),
            change.mode.clone(),
            figure,
            number(change.before),
            number(change.now),
            format!("{:.2}", change.gain),
            verdict.into(),
        ]);
    }
    print_rows(&rows);
}

/// Prints columns as wide as they need to be: names to the left, numbers to the right.
fn print_rows(rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..columns).filter_map(width).collect();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                let is_text = cell.starts_with(|first: char| first.is_alphabetic());
                if column == 0 || is_text && column + 1 == columns {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        println!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
