//! What has changed since results were saved.
//!
//! No two runs have the same conditions: the machine may have been busy, or may be a different one.
//! Therefore the comparison uses ratios: the figure of udpair divided by that of each baseline in
//! the same run.

use super::catalog::{Figure, Workload, is_udpair};
use super::results::Results;
use super::summary::Spread;

/// The change of every figure that both results have.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) rows: Vec<Change>,
    pub(crate) is_same_machine: bool,
}

/// The change of one figure.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) workload: String,
    pub(crate) mode: String,
    /// The baseline of the ratios; `None` for figures that need no baseline.
    pub(crate) baseline: Option<String>,
    pub(crate) figure: String,
    pub(crate) before: f64,
    pub(crate) now: f64,
    /// The factor by which the figure is better now; below 1, it is worse.
    pub(crate) gain: f64,
    is_regression: bool,
}

impl Comparison {
    pub(crate) fn new(before: &Results, now: &Results) -> Self {
        let mut rows = Vec::new();
        for workload in &now.workloads {
            for mode in workload.modes.iter().filter(|mode| is_udpair(mode)) {
                let figures = workload.figures.iter().enumerate();
                for (_, figure) in figures.filter(|(at, figure)| *at == 0 || is_steady(figure)) {
                    rows.extend(changes(before, now, workload, mode, figure));
                }
            }
        }
        for (name, count) in &now.instructions {
            rows.extend(
                before
                    .instructions
                    .get(name)
                    .map(|earlier| instructions(name, *earlier, *count)),
            );
        }
        Self {
            rows,
            is_same_machine: before.machine == now.machine,
        }
    }

    /// Returns the figures that have become clearly worse.
    pub(crate) fn regressions(&self) -> impl Iterator<Item = &Change> {
        self.rows.iter().filter(|change| change.is_regression)
    }
}

impl Change {
    pub(crate) fn is_regression(&self) -> bool {
        self.is_regression
    }
}

/// Returns the changes of a figure against every baseline.
///
/// If a mode has become slower, its ratio to every baseline is worse. If the ratio to only one is
/// worse, that baseline has changed.
fn changes(
    before: &Results,
    now: &Results,
    workload: &Workload,
    mode: &str,
    figure: &Figure,
) -> Vec<Change> {
    let against = |baseline: &String| {
        let modes = ComparedModes {
            workload,
            mode,
            baseline,
        };
        change(before, now, &modes, figure)
    };
    let mut changes: Vec<_> = workload.baselines.iter().filter_map(against).collect();
    let is_regression = changes.iter().all(|change| change.is_regression);
    for change in &mut changes {
        change.is_regression = is_regression;
    }
    changes
}

/// Two modes of a workload whose figures are compared.
struct ComparedModes<'a> {
    workload: &'a Workload,
    mode: &'a str,
    baseline: &'a str,
}

/// Returns whether a figure depends little on when other processes ran: the processor time per
/// datagram.
fn is_steady(figure: &Figure) -> bool {
    figure.unit == "s/M"
}

/// Returns the change of a mode against a baseline; `None` if one of the results lacks either mode.
fn change(
    before: &Results,
    now: &Results,
    modes: &ComparedModes<'_>,
    figure: &Figure,
) -> Option<Change> {
    let &ComparedModes {
        workload,
        mode,
        baseline,
    } = modes;
    let mode_before = before.summary(workload, mode)?.get(&figure.name)?;
    let baseline_before = before.summary(workload, baseline)?.get(&figure.name)?;
    let mode_now = now.summary(workload, mode)?.get(&figure.name)?;
    let baseline_now = now.summary(workload, baseline)?.get(&figure.name)?;
    let earlier = mode_before.median / baseline_before.median;
    let later = mode_now.median / baseline_now.median;
    let gain = if figure.is_rate {
        later / earlier
    } else {
        earlier / later
    };
    // Whether the best run now is still worse than the worst run before.
    let best_now = best(mode_now, figure) / baseline_now.median;
    let is_apart = if figure.is_rate {
        best_now < mode_before.least / baseline_before.median
    } else {
        best_now > mode_before.most / baseline_before.median
    };
    Some(Change {
        workload: workload.name.clone(),
        mode: mode.into(),
        baseline: Some(baseline.into()),
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

fn instructions(name: &str, before: f64, now: f64) -> Change {
    let gain = before.max(1.0) / now.max(1.0);
    Change {
        workload: "instructions".into(),
        mode: name.into(),
        baseline: None,
        figure: "instructions".into(),
        before,
        now,
        gain,
        is_regression: gain < 1.0 - INSTRUCTIONS_TOLERANCE,
    }
}

/// Ratios of runs of the same code differ by up to this share.
const RATIO_TOLERANCE: f64 = 0.15;

/// Counts differ little. Random numbers, hash seeds and the addresses of buffers change them.
const INSTRUCTIONS_TOLERANCE: f64 = 0.05;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::run::Run;
    use super::*;

    /// Returns results with two baselines; the figures of the second are always the same.
    fn results(is_rate: bool, udpair: &[f64], raw: &[f64]) -> Results {
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
            baselines: ["raw", "tokio"].map(str::to_owned).to_vec(),
        });
        for (mode, values) in [("udpair", udpair), ("raw", raw), ("tokio", &[100.0; 3])] {
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
    fn a_regression_is_a_clear_loss_against_every_baseline() {
        let before = results(true, &[90.0, 100.0, 110.0], &[200.0; 3]);
        for (udpair, raw, is_regression, why) in [
            (100.0, 200.0, false, "the same"),
            (60.0, 200.0, true, "udpair is slower"),
            (100.0, 400.0, false, "one baseline is faster"),
            (60.0, 100.0, false, "udpair and one baseline are slower"),
            (88.0, 200.0, false, "within the tolerance"),
        ] {
            let now = results(true, &[udpair; 3], &[raw; 3]);
            let comparison = Comparison::new(&before, &now);
            let found = comparison.regressions().count() == 2;
            assert_eq!(found, is_regression, "{why}");
        }
    }

    #[test]
    fn a_cost_that_grows_is_a_regression() {
        let before = results(false, &[90.0, 100.0, 110.0], &[100.0; 3]);
        for (udpair, is_regression) in [(150.0, true), (100.0, false), (50.0, false)] {
            let now = results(false, &[udpair; 3], &[100.0; 3]);
            let comparison = Comparison::new(&before, &now);
            assert_eq!(
                comparison.regressions().count() == 2,
                is_regression,
                "{udpair}"
            );
        }
    }

    #[test]
    fn instruction_counts_are_compared_without_a_baseline() {
        assert!(instructions("p", 100.0, 110.0).is_regression());
        assert!(!instructions("p", 100.0, 101.0).is_regression());
    }
}
