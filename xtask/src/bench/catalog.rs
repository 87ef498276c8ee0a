//! What `udpair-bench` can measure, as `udpair-bench list` prints it.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::command;

/// All workloads, modes and microbenchmarks.
#[derive(Debug, Deserialize)]
pub(crate) struct Catalog {
    workloads: Vec<Workload>,
    modes: Vec<Mode>,
    pub(crate) microbenchmarks: Vec<Microbenchmark>,
}

/// A workload, and the modes that take part in it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) about: String,
    /// The most important figure first.
    pub(crate) figures: Vec<Figure>,
    pub(crate) modes: Vec<String>,
    /// The modes that the others are compared with.
    // Results that were saved before the key was renamed have `marks`.
    #[serde(alias = "marks")]
    pub(crate) baselines: Vec<String>,
}

/// A number that every run of a workload measures.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// Whether a larger number is better.
    pub(crate) is_rate: bool,
}

/// One way of using UDP sockets.
#[derive(Debug, Deserialize)]
struct Mode {
    name: String,
    /// Why the mode cannot run here; `None` if it can.
    missing: Option<String>,
}

/// An operation whose instructions can be counted.
#[derive(Debug, Deserialize)]
pub(crate) struct Microbenchmark {
    pub(crate) name: String,
    pub(crate) about: String,
}

impl Catalog {
    pub(crate) fn ask(program: &Path) -> Result<Self, String> {
        command::json(Command::new(program).arg("list"))
    }

    /// Returns the workloads whose names begin with one of `prefixes`. Each has the modes of
    /// udpair, those of the chosen peers, and the baselines among these. Prints the modes that
    /// cannot run.
    pub(crate) fn chosen(
        &self,
        prefixes: &[String],
        peers: &[String],
    ) -> Result<Vec<Workload>, String> {
        for peer in peers {
            if !self.modes.iter().any(|mode| belongs_to(&mode.name, peer)) {
                return Err(format!("there is no peer {peer}"));
            }
        }
        let is_wanted = |mode: &Mode| {
            is_udpair(&mode.name)
                || peers.is_empty()
                || peers.iter().any(|peer| belongs_to(&mode.name, peer))
        };
        let (mut runnable, mut missing) = (Vec::new(), Vec::new());
        for mode in self.modes.iter().filter(|mode| is_wanted(mode)) {
            match &mode.missing {
                None => runnable.push(&mode.name),
                Some(why) => missing.push((&mode.name, why)),
            }
        }
        for (name, why) in missing {
            println!("NOT RUN  {name}: {why}");
        }
        let workloads: Vec<_> = self
            .workloads
            .iter()
            .filter(|workload| {
                let matches = |prefix: &String| workload.name.starts_with(prefix);
                prefixes.is_empty() || prefixes.iter().any(matches)
            })
            .map(|workload| {
                let mut workload = workload.clone();
                workload.modes.retain(|mode| runnable.contains(&mode));
                workload
                    .baselines
                    .retain(|baseline| runnable.contains(&baseline));
                workload
            })
            .collect();
        if workloads.is_empty() {
            return Err(format!("there is no workload {}", prefixes.join(", ")));
        }
        Ok(workloads)
    }
}

/// Returns whether a mode belongs to udpair.
pub(crate) fn is_udpair(mode: &str) -> bool {
    belongs_to(mode, "udpair")
}

/// Returns whether a mode belongs to a peer: its name is that of the peer, or that, a hyphen and
/// more.
fn belongs_to(mode: &str, peer: &str) -> bool {
    let rest = mode.strip_prefix(peer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modes_of_a_peer_begin_with_its_name() {
        for (mode, peer, belongs) in [
            ("raw", "raw", true),
            ("raw-gso", "raw", true),
            ("rawhide", "raw", false),
            ("quinn-udp", "quinn", true),
            ("quinn", "quinn-udp", false),
        ] {
            assert_eq!(belongs_to(mode, peer), belongs, "{mode} {peer}");
        }
    }
}
