//! Programs that we must get along with and did not write: real DNS servers, real UDP servers.
//!
//! Each suite installs what it needs where it may, starts servers on high ports of loopback, drives the
//! built command, reads what it prints, and stops the servers it started.

mod adapters;
mod broadcast;
mod daemon;
mod kubernetes;
mod lan;
mod many;
mod multicast;
mod named;
mod namespace;
mod network;
mod peers;
mod stun;
mod tied;
mod udpair;

use crate::packages;
use crate::suite::Outcome;

/// Suites, in the order to run them.
pub(crate) const SUITES: &[Suite] = &[
    stun::SUITE,
    peers::SUITE,
    network::SUITE,
    adapters::SUITE,
    multicast::SUITE,
    broadcast::SUITE,
    many::SUITE,
    tied::SUITE,
    kubernetes::SUITE,
];

/// A suite of cases that share their servers.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    /// Programs, and the Debian packages that bring them.
    needs: &'static [(&'static str, &'static str)],
    /// Whether it makes network namespaces, which only root may.
    needs_root: bool,
    /// Runs all cases; each prints a line.
    cases: fn() -> Result<(), String>,
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
fn passed(case: &str, seen: &str) {
    println!("    {case}: {seen}");
}

/// Fails a case unless `is_so`.
fn check(is_so: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what()) }
}
