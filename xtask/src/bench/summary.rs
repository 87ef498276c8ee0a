//! Medians and ranges of repeated runs.

use std::collections::BTreeMap;

use super::run::Run;

/// The figures of all runs of a mode in a workload, summarized.
#[derive(Debug, PartialEq)]
pub(crate) struct Summary {
    figures: BTreeMap<String, Spread>,
    /// The number of runs in which other processes did little.
    pub(crate) clean: usize,
    pub(crate) runs: usize,
}

/// The range and the median of the values of several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Summary {
    /// Summarizes the clean runs, or all runs if fewer than three are clean; `None` for no runs.
    pub(super) fn of(runs: &[&Run]) -> Option<Self> {
        let clean: Vec<_> = runs.iter().copied().filter(|run| run.is_clean).collect();
        let counted = if clean.len() < CLEAN_MIN {
            runs
        } else {
            &clean
        };
        let first = counted.first()?;
        let figures = first.figures.keys().filter_map(|name| {
            let values = counted.iter().filter_map(|run| run.figures.get(name));
            Some((name.clone(), Spread::of(values.copied().collect())?))
        });
        Some(Self {
            figures: figures.collect(),
            clean: clean.len(),
            runs: runs.len(),
        })
    }

    pub(crate) fn get(&self, figure: &str) -> Option<Spread> {
        self.figures.get(figure).copied()
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let upper = values.len() / 2;
        let lower = (values.len() - 1) / 2;
        Some(Self {
            least,
            median: f64::midpoint(values[lower], values[upper]),
            most,
        })
    }
}

/// With at least this many clean runs, only those count.
const CLEAN_MIN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(values: &[(f64, bool)]) -> Vec<Run> {
        let run = |(value, is_clean): &(f64, bool)| Run {
            workload: "w".into(),
            mode: "m".into(),
            figures: BTreeMap::from([("sent".to_owned(), *value)]),
            others: 0.0,
            is_clean: *is_clean,
        };
        values.iter().map(run).collect()
    }

    fn sent(values: &[(f64, bool)]) -> Option<(f64, usize, usize)> {
        let runs = runs(values);
        let summary = Summary::of(&runs.iter().collect::<Vec<_>>())?;
        Some((summary.get("sent")?.median, summary.clean, summary.runs))
    }

    #[test]
    fn only_clean_runs_count_if_there_are_three() {
        for (values, expected) in [
            (&[] as &[_], None),
            (&[(4.0, false)], Some((4.0, 0, 1))),
            (&[(1.0, true), (4.0, false)], Some((2.5, 1, 2))),
            (
                &[(1.0, true), (9.0, false), (3.0, true), (2.0, true)],
                Some((2.0, 3, 4)),
            ),
        ] {
            assert_eq!(sent(values), expected, "{values:?}");
        }
    }
}
