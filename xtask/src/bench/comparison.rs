//! What has changed since something was kept.
//!
//! Two runs are not alike: the machine was busy, or is another. So what is compared is how far we are from
//! each mark, within each run.

use super::catalog::{Figure, Workload, is_ours};
use super::results::Results;
use super::summary::Spread;

/// Every row that both results have.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) rows: Vec<Change>,
    pub(crate) is_same_machine: bool,
}

/// How a row has changed.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) workload: String,
    pub(crate) mode: String,
    /// The mark that the ratios are to; `None` for figures that need none.
    pub(crate) mark: Option<String>,
    pub(crate) figure: String,
    pub(crate) before: f64,
    pub(crate) now: f64,
    /// By how much it is better now, as a factor; below 1 it is worse.
    pub(crate) gain: f64,
    is_regression: bool,
}

impl Comparison {
    pub(crate) fn new(before: &Results, now: &Results) -> Self {
        let mut rows = Vec::new();
        for workload in &now.workloads {
            for mode in workload.modes.iter().filter(|mode| is_ours(mode)) {
                let figures = workload.figures.iter().enumerate();
                for (_, figure) in figures.filter(|(at, figure)| *at == 0 || is_steady(figure)) {
                    rows.extend(changes(before, now, workload, mode, figure));
                }
            }
        }
        for (piece, count) in &now.instructions {
            rows.extend(
                before
                    .instructions
                    .get(piece)
                    .map(|earlier| instructions(piece, *earlier, *count)),
            );
        }
        Self {
            rows,
            is_same_machine: before.machine == now.machine,
        }
    }

    /// Returns the rows that have become clearly worse.
    pub(crate) fn regressions(&self) -> impl Iterator<Item = &Change> {
        self.rows.iter().filter(|change| change.is_regression)
    }
}

impl Change {
    pub(crate) fn is_regression(&self) -> bool {
        self.is_regression
    }
}

/// The changes of a figure against every mark.
///
/// Whoever has become slower is further behind all of them; behind one alone, that one has changed.
fn changes(
    before: &Results,
    now: &Results,
    workload: &Workload,
    mode: &str,
    figure: &Figure,
) -> Vec<Change> {
    let against = |mark: &String| {
        let against = Against {
            workload,
            mode,
            mark,
        };
        change(before, now, &against, figure)
    };
    let mut changes: Vec<_> = workload.marks.iter().filter_map(against).collect();
    let is_regression = changes.iter().all(|change| change.is_regression);
    for change in &mut changes {
        change.is_regression = is_regression;
    }
    changes
}

/// Whose figures are compared.
struct Against<'a> {
    workload: &'a Workload,
    mode: &'a str,
    mark: &'a str,
}

/// Returns whether a figure depends little on when others ran: the processor time of a datagram.
fn is_steady(figure: &Figure) -> bool {
    figure.unit == "s/M"
}

/// The change of a mode against a mark; `None` if one of the results lacks either.
fn change(
    before: &Results,
    now: &Results,
    against: &Against<'_>,
    figure: &Figure,
) -> Option<Change> {
    let &Against {
        workload,
        mode,
        mark,
    } = against;
    let ours_before = before.summary(workload, mode)?.get(&figure.name)?;
    let mark_before = before.summary(workload, mark)?.get(&figure.name)?;
    let ours_now = now.summary(workload, mode)?.get(&figure.name)?;
    let mark_now = now.summary(workload, mark)?.get(&figure.name)?;
    let earlier = ours_before.median / mark_before.median;
    let later = ours_now.median / mark_now.median;
    let gain = if figure.is_rate {
        later / earlier
    } else {
        earlier / later
    };
    // The best run of now is still worse than the worst of before.
    let is_apart = best(ours_now, figure) / mark_now.median;
    let is_apart = if figure.is_rate {
        is_apart < ours_before.least / mark_before.median
    } else {
        is_apart > ours_before.most / mark_before.median
    };
    Some(Change {
        workload: workload.name.clone(),
        mode: mode.into(),
        mark: Some(mark.into()),
        figure: figure.name.clone(),
        before: earlier,
        now: later,
        gain,
        is_regression: gain < 1.0 - RATIO_TOLERANCE && is_apart,
    })
}

fn best(spread: Spread, figure: &Figure) -> f64 {
    if figure.is_rate {
        spread.most
    } else {
        spread.least
    }
}

fn instructions(piece: &str, before: f64, now: f64) -> Change {
    let gain = before.max(1.0) / now.max(1.0);
    Change {
        workload: "instructions".into(),
        mode: piece.into(),
        mark: None,
        figure: "instructions".into(),
        before,
        now,
        gain,
        is_regression: gain < 1.0 - INSTRUCTIONS_TOLERANCE,
    }
}

/// Ratios of runs that are alike differ by so much.
const RATIO_TOLERANCE: f64 = 0.15;

/// Counts hardly differ: random numbers, hash seeds, the addresses of buffers.
const INSTRUCTIONS_TOLERANCE: f64 = 0.05;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::run::Run;
    use super::*;

    /// With a second mark that is always the same.
    fn results(is_rate: bool, ours: &[f64], mark: &[f64]) -> Results {
        let mut results = Results::new(3, 0.1);
        results.workloads.push(Workload {
            name: "w".into(),
            about: String::new(),
            figures: vec![Figure {
                name: "sent".into(),
                unit: "1/s".into(),
                is_rate,
            }],
            modes: ["udpair", "raw", "tokio"].map(str::to_owned).to_vec(),
            marks: ["raw", "tokio"].map(str::to_owned).to_vec(),
        });
        for (mode, values) in [("udpair", ours), ("raw", mark), ("tokio", &[100.0; 3])] {
            results.runs.extend(values.iter().map(|value| Run {
                workload: "w".into(),
                mode: mode.into(),
                figures: BTreeMap::from([("sent".to_owned(), *value)]),
                others: 0.0,
                is_clean: true,
            }));
        }
        results
    }

    #[test]
    fn only_what_is_clearly_slower_against_every_mark_is_a_regression() {
        let before = results(true, &[90.0, 100.0, 110.0], &[200.0; 3]);
        for (ours, mark, is_regression, why) in [
            (100.0, 200.0, false, "the same"),
            (60.0, 200.0, true, "we are slower"),
            (100.0, 400.0, false, "one mark is faster"),
            (60.0, 100.0, false, "we are slower, and so is one mark"),
            (88.0, 200.0, false, "within what runs differ"),
        ] {
            let now = results(true, &[ours; 3], &[mark; 3]);
            let comparison = Comparison::new(&before, &now);
            let found = comparison.regressions().count() == 2;
            assert_eq!(found, is_regression, "{why}");
        }
    }

    #[test]
    fn of_a_cost_more_is_worse() {
        let before = results(false, &[90.0, 100.0, 110.0], &[100.0; 3]);
        for (ours, is_regression) in [(150.0, true), (100.0, false), (50.0, false)] {
            let now = results(false, &[ours; 3], &[100.0; 3]);
            let comparison = Comparison::new(&before, &now);
            assert_eq!(
                comparison.regressions().count() == 2,
                is_regression,
                "{ours}"
            );
        }
    }

    #[test]
    fn instructions_are_compared_as_they_are() {
        assert!(instructions("p", 100.0, 110.0).is_regression());
        assert!(!instructions("p", 100.0, 101.0).is_regression());
    }
}
