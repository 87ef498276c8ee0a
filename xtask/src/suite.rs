//! The outcomes of suites, and the summary of a run.

use std::time::{Duration, Instant};

/// The outcome of a suite.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// The suite could not run, for this reason.
    NotRun(String),
    /// An optional suite could not run, for this reason. This is never a failure.
    Skipped(String),
}

impl Outcome {
    /// Turns [`NotRun`](Self::NotRun) into [`Skipped`](Self::Skipped), for an optional suite: one
    /// that needs something a machine may lack.
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

/// The suites of a run, with their outcomes.
#[derive(Debug, Default)]
pub(crate) struct Report {
    suites: Vec<(String, Outcome, Duration)>,
}

impl Report {
    /// Runs a suite and records its outcome.
    pub(crate) fn run(&mut self, name: &str, suite: impl FnOnce() -> Outcome) {
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = suite();
        self.suites
            .push((name.to_owned(), outcome, started.elapsed()));
    }

    /// Prints the summary, and returns whether the run succeeded.
    ///
    /// With `all_must_run` a suite that could not run is a failure.
    pub(crate) fn finish(&self, all_must_run: bool) -> bool {
        println!();
        let mut is_success = true;
        for (name, outcome, elapsed) in &self.suites {
            let seconds = elapsed.as_secs_f64();
            match outcome {
                Outcome::Passed => println!("passed   {name} ({seconds:.1} s)"),
                Outcome::Failed(why) => {
                    is_success = false;
                    println!("FAILED   {name} ({seconds:.1} s): {why}");
                }
                Outcome::NotRun(why) => {
                    is_success &= !all_must_run;
                    println!("NOT RUN  {name}: {why}");
                }
                Outcome::Skipped(why) => println!("SKIPPED  {name}: {why}"),
            }
        }
        is_success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_cannot_run_is_a_failure_if_all_must_run() {
        let mut report = Report::default();
        report.run("a", || Outcome::Passed);
        report.run("b", || Outcome::NotRun("no such program".into()));
        assert!(report.finish(false));
        assert!(!report.finish(true));
    }

    #[test]
    fn an_optional_suite_that_cannot_run_is_never_a_failure() {
        let mut report = Report::default();
        let outcome = Outcome::NotRun("no such compiler".into()).or_skipped();
        report.run("a", || outcome);
        report.run("b", || Outcome::Passed.or_skipped());
        assert!(report.finish(true));
        report.run("c", || Outcome::Failed("broken".into()).or_skipped());
        assert!(!report.finish(true));
    }

    #[test]
    fn one_failed_suite_fails_the_run() {
        let mut report = Report::default();
        report.run("a", || Outcome::Passed);
        report.run("c", || Err("broken".to_owned()).into());
        assert!(!report.finish(false));
    }
}
