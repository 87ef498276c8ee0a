//! A suite of interop tests: what it needs, and how its cases report what they saw.

use crate::packages;
use crate::suite::Outcome;

/// A suite: cases that share their servers.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    /// The programs that it needs, and the Debian packages that contain them.
    pub(super) needs: &'static [(&'static str, &'static str)],
    /// Whether it creates network namespaces, which only root may do.
    pub(super) needs_root: bool,
    /// Runs all cases. Each prints a line.
    pub(super) cases: fn() -> Result<(), String>,
}

impl Suite {
    pub(crate) fn run(&self) -> Outcome {
        if self.needs_root && !packages::is_root() {
            return Outcome::NotRun("only root may create network namespaces".into());
        }
        for (program, package) in self.needs {
            if let Err(why) = packages::need(program, package) {
                return Outcome::NotRun(why);
            }
        }
        (self.cases)().into()
    }
}

/// Prints that a case has passed, and what it saw.
pub(super) fn passed(case: &str, seen: &str) {
    println!("    {case}: {seen}");
}

/// Fails with the text of `what` unless `condition` is true.
pub(super) fn check(condition: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(what()) }
}
