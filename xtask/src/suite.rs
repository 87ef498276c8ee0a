//! Suites, and what became of them.

use std::time::{Duration, Instant};

/// What became of a suite.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// It could not run, for this reason.
    NotRun(String),
    /// The same of a suite that needs what a machine may lack: no failure anywhere.
    Skipped(String),
}

impl Outcome {
    /// Returns the outcome of a suite that needs what a machine may lack.
    pub(crate) fn or_skipped(self) -> Self {
        match self {
            Self::NotRun(why) => Self::Skipped(why),
            outcome => outcome,
        }
    }
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(why) => Self::Failed(why),
        }
    }
}

/// All suites of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    suites: Vec<(String, Outcome, Duration)>,
}

impl Report {
    /// Runs a suite and remembers what became of it.
    pub(crate) fn run(&mut self, name: &str, suite: impl FnOnce() -> Outcome) {
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = suite();
        self.suites
            .push((name.to_owned(), outcome, started.elapsed()));
    }

    /// Prints the summary, and returns whether all is well.
    ///
    /// With `all_must_run` a suite that could not run is a failure.
    pub(crate) fn finish(&self, all_must_run: bool) -> bool {
        println!();
        let mut is_well = true;
        for (name, outcome, elapsed) in &self.suites {
            let seconds = elapsed.as_secs_f64();
            match outcome {
                Outcome::Passed => println!("passed   {name} ({seconds:.1} s)"),
                Outcome::Failed(why) => {
                    is_well = false;
                    println!("FAILED   {name} ({seconds:.1} s): {why}");
                }
                Outcome::NotRun(why) => {
                    is_well &= !all_must_run;
                    println!("NOT RUN  {name}: {why}");
                }
                Outcome::Skipped(why) => println!("SKIPPED  {name}: {why}"),
            }
        }
        is_well
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_cannot_run_is_a_failure_where_all_must() {
        let mut report = Report::default();
        report.run("a", || Outcome::Passed);
        report.run("b", || Outcome::NotRun("no such program".into()));
        assert!(report.finish(false));
        assert!(!report.finish(true));
    }

    #[test]
    fn a_suite_that_may_be_left_out_is_a_failure_nowhere() {
        let mut report = Report::default();
        let outcome = Outcome::NotRun("no such compiler".into()).or_skipped();
        report.run("a", || outcome);
        report.run("b", || Outcome::Passed.or_skipped());
        assert!(report.finish(true));
        report.run("c", || Outcome::Failed("broken".into()).or_skipped());
        assert!(!report.finish(true));
    }

    #[test]
    fn one_failure_is_enough() {
        let mut report = Report::default();
        report.run("a", || Outcome::Passed);
        report.run("c", || Err("broken".to_owned()).into());
        assert!(!report.finish(false));
    }
}
