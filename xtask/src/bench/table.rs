//! Results as tables.

use std::collections::BTreeMap;

use super::catalog::{Figure, Microbenchmark, Workload};
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
        "x MODE, and (in parentheses): the figure divided by that of MODE in this run.\n\
         Clean: runs in which other processes used less than a quarter of a core on the cores\n\
         of the workload. If fewer than three runs are clean, all count."
    );
    for workload in &results.workloads {
        println!("\n{}: {}", workload.name, workload.about);
        print_rows(&rows(results, workload));
    }
}

/// Returns the cells of one workload's table, headings first.
fn rows(results: &Results, workload: &Workload) -> Vec<Vec<String>> {
    let Some((first, others)) = workload.figures.split_first() else {
        return Vec::new();
    };
    let median = |mode: &str, figure: &Figure| {
        let spread = results.summary(workload, mode)?.get(&figure.name)?;
        Some(spread.median)
    };
    let mut head = vec!["mode".to_owned(), heading(first), "range".into()];
    head.extend(
        workload
            .baselines
            .iter()
            .map(|baseline| format!("x {baseline}")),
    );
    head.extend(
        others
            .iter()
            .map(|figure| match workload.baselines.first() {
                Some(baseline) => format!("{} (x {baseline})", heading(figure)),
                None => heading(figure),
            }),
    );
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
        row.extend(workload.baselines.iter().map(|baseline| {
            let baseline = median(baseline, first).unwrap_or(f64::NAN);
            ratio(spread.median / baseline)
        }));
        row.extend(others.iter().map(|figure| {
            let Some(value) = median(mode, figure) else {
                return "-".into();
            };
            let baseline = workload.baselines.first();
            match baseline.and_then(|baseline| median(baseline, figure)) {
                // There is no ratio to zero.
                Some(baseline) if baseline > 0.0 => {
                    format!("{} ({})", readable(value), ratio(value / baseline))
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

/// Prints how many instructions each microbenchmark takes per operation.
pub(crate) fn print_instructions(
    microbenchmarks: &[Microbenchmark],
    counts: &BTreeMap<String, f64>,
) {
    let mut rows = vec![
        ["microbenchmark", "instructions", "operation"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for microbenchmark in microbenchmarks {
        if let Some(count) = counts.get(&microbenchmark.name) {
            rows.push(vec![
                microbenchmark.name.clone(),
                readable(*count),
                microbenchmark.about.clone(),
            ]);
        }
    }
    print_rows(&rows);
}

/// Prints what has changed since the saved results.
pub(crate) fn print_comparison(comparison: &Comparison) {
    println!("\nCompared with the saved results (gain: above 1 is better):");
    if !comparison.is_same_machine {
        println!("The saved results are of another machine or kernel.");
    }
    let head = ["workload", "mode", "figure", "before", "now", "gain", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for change in &comparison.rows {
        let (figure, number): (_, fn(f64) -> String) = match &change.baseline {
            Some(baseline) => (format!("{} x {baseline}", change.figure), ratio),
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

/// Prints rows in columns as wide as their longest cell: text flush left, numbers flush right.
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
