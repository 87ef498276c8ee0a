//! Results as a picture: a bar for each mode, a group for each workload.

use std::fmt::Write;

use super::catalog::{Workload, is_ours};
use super::number::{ratio, readable};
use super::results::Results;
use super::summary::Spread;

/// Draws the first figure of every workload, as an SVG document.
pub(crate) fn draw(results: &Results) -> String {
    let mut body = String::new();
    let mut top = MARGIN + TITLE_HEIGHT;
    for workload in &results.workloads {
        top = draw_workload(&mut body, results, workload, top);
    }
    let machine = &results.machine;
    let (height, left, title) = (top + MARGIN, MARGIN, MARGIN + 14);
    let about = escaped(&format!(
        "Linux {}, {}, {} cores. Bars: medians of {} runs; lines: from the least to the most.",
        machine.kernel, machine.processor, machine.cores, results.repetitions
    ));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <style>text {{ fill: #222 }} .about {{ fill: #666; font-size: 12px }}\n\
         .other {{ fill: #9db4c8 }} .ours {{ fill: #d9722a }} .range {{ stroke: #222 }}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"{left}\" y=\"{title}\" class=\"about\">{about}</text>\n\
         {body}</svg>\n"
    )
}

/// Draws one group, and returns where the next may begin.
fn draw_workload(body: &mut String, results: &Results, workload: &Workload, top: u32) -> u32 {
    let Some(figure) = workload.figures.first() else {
        return top;
    };
    let bars: Vec<(&str, Spread)> = workload
        .modes
        .iter()
        .filter_map(|mode| {
            let spread = results.summary(workload, mode)?.get(&figure.name)?;
            Some((mode.as_str(), spread))
        })
        .collect();
    let longest = bars
        .iter()
        .map(|(_, spread)| spread.most)
        .fold(f64::MIN_POSITIVE, f64::max);
    let length = |value: f64| (value / longest * f64::from(BAR_LENGTH)).max(1.0);
    let best = if figure.is_rate {
        "more is better"
    } else {
        "less is better"
    };
    let title = escaped(&format!(
        "{}: {} \u{2013} {} {}, {best}",
        workload.name, workload.about, figure.name, figure.unit
    ));
    let mut at = top + HEAD_HEIGHT;
    let _ = writeln!(
        body,
        "<text x=\"{MARGIN}\" y=\"{}\" font-weight=\"bold\">{title}</text>",
        at - 10
    );
    let mark = workload.marks.first();
    let mark = mark.and_then(|mark| bars.iter().find(|(mode, _)| mode == mark));
    for (mode, spread) in &bars {
        let class = if is_ours(mode) { "ours" } else { "other" };
        let (middle, baseline) = (at + BAR_HEIGHT / 2, at + BAR_HEIGHT - 4);
        let (least, most) = (length(spread.least), length(spread.most));
        let bar = length(spread.median);
        let left = f64::from(BAR_LEFT);
        let times = mark.map_or(String::new(), |(name, mark)| {
            format!(" ({} x {name})", ratio(spread.median / mark.median))
        });
        let label = escaped(&format!("{}{times}", readable(spread.median)));
        let _ = writeln!(
            body,
            "<text x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{BAR_LEFT}\" y=\"{at}\" width=\"{bar:.1}\" \
             height=\"{BAR_HEIGHT}\"/>\
             <line class=\"range\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\"/>\
             <text x=\"{:.1}\" y=\"{baseline}\">{label}</text>",
            BAR_LEFT - 8,
            escaped(mode),
            left + least,
            left + most,
            left + most + 8.0,
        );
        at += BAR_HEIGHT + GAP;
    }
    at
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

const WIDTH: u32 = 860;
const MARGIN: u32 = 20;
const TITLE_HEIGHT: u32 = 18;
const HEAD_HEIGHT: u32 = 38;
const BAR_LEFT: u32 = 170;
const BAR_LENGTH: u32 = 440;
const BAR_HEIGHT: u32 = 17;
const GAP: u32 = 4;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::catalog::Figure;
    use super::super::results::Run;
    use super::*;

    #[test]
    fn every_mode_has_a_bar_with_its_number() {
        let mut results = Results::new(1, 0.1);
        results.workloads.push(Workload {
            name: "w".into(),
            about: "a < b".into(),
            figures: vec![Figure {
                name: "sent".into(),
                unit: "1/s".into(),
                is_rate: true,
            }],
            modes: vec!["raw".into(), "udpair".into(), "absent".into()],
            marks: vec!["raw".into()],
        });
        for (mode, value) in [("raw", 2_000.0), ("udpair", 1_000.0)] {
            results.runs.push(Run {
                workload: "w".into(),
                mode: mode.into(),
                figures: BTreeMap::from([("sent".to_owned(), value)]),
                others: 0.0,
                is_clean: true,
            });
        }
        let picture = draw(&results);
        assert_eq!(picture.matches("class=\"range\"").count(), 2);
        assert_eq!(picture.matches("class=\"ours\"").count(), 1);
        for text in ["1,000 (0.50 x raw)", "a &lt; b", ">udpair<"] {
            assert!(picture.contains(text), "{text}: {picture}");
        }
    }
}
