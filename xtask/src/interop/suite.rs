//! A suite of the programs of others: what it needs, and how its cases tell what they saw.

use crate::packages;
use crate::suite::Outcome;

/// A suite of cases that share their servers.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    /// Programs, and the Debian packages that bring them.
    pub(super) needs: &'static [(&'static str, &'static str)],
    /// Whether it makes network namespaces, which only root may.
    pub(super) needs_root: bool,
    /// Runs all cases; each prints a line.
    pub(super) cases: fn() -> Result<(), String>,
}

impl Suite {
    pub(crate) fn run(&self) -> Outcome {
        if self.needs_root && !packages::is_root() {
            return Outcome::NotRun("only root may make network namespaces".into());
        }
        for (program, package) in self.needs {
            if let Err(why) = packages::need(program, package) {
                return Outcome::NotRun(why);
            }
        }
        (self.cases)().into()
    }
}

/// Prints that a case went well, and what was seen.
pub(super) fn passed(case: &str, seen: &str) {
    println!("    {case}: {seen}");
}

/// Fails a case unless `is_so`.
pub(super) fn check(is_so: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what()) }
}
