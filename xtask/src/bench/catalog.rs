//! What `udpair-bench` can measure, as it says itself.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::command;

/// All workloads, modes and pieces.
#[derive(Debug, Deserialize)]
pub(crate) struct Catalog {
    workloads: Vec<Workload>,
    modes: Vec<Mode>,
    pub(crate) pieces: Vec<Piece>,
}

/// A workload, and who takes part in it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) about: String,
    /// The most important one first.
    pub(crate) figures: Vec<Figure>,
    pub(crate) modes: Vec<String>,
    /// The modes that the others are compared with.
    pub(crate) marks: Vec<String>,
}

/// A number that every run of a workload has.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// Whether a larger one is better.
    pub(crate) is_rate: bool,
}

/// A way of using sockets.
#[derive(Debug, Deserialize)]
struct Mode {
    name: String,
    /// Why it cannot run here; `None` if it can.
    missing: Option<String>,
}

/// A function whose instructions can be counted.
#[derive(Debug, Deserialize)]
pub(crate) struct Piece {
    pub(crate) name: String,
    pub(crate) about: String,
}

impl Catalog {
    pub(crate) fn ask(program: &Path) -> Result<Self, String> {
        command::json(Command::new(program).arg("list"))
    }

    /// Returns the workloads whose names begin so, each with our own modes, those of the peers that are
    /// wanted, and the marks among them; prints who cannot run.
    pub(crate) fn chosen(
        &self,
        beginnings: &[String],
        peers: &[String],
    ) -> Result<Vec<Workload>, String> {
        for peer in peers {
            if !self.modes.iter().any(|mode| belongs_to(&mode.name, peer)) {
                return Err(format!("there is no peer {peer}"));
            }
        }
        let is_wanted = |mode: &Mode| {
            is_ours(&mode.name)
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
                let begins = |beginning: &String| workload.name.starts_with(beginning);
                beginnings.is_empty() || beginnings.iter().any(begins)
            })
            .map(|workload| {
                let mut workload = workload.clone();
                workload.modes.retain(|mode| runnable.contains(&mode));
                workload.marks.retain(|mark| runnable.contains(&mark));
                workload
            })
            .collect();
        if workloads.is_empty() {
            return Err(format!("there is no workload {}", beginnings.join(", ")));
        }
        Ok(workloads)
    }
}

/// Returns whether a mode is one of our own socket.
pub(crate) fn is_ours(mode: &str) -> bool {
    belongs_to(mode, "udpair")
}

/// Returns whether a mode is one of a peer: its name, or that and more.
fn belongs_to(mode: &str, peer: &str) -> bool {
    let rest = mode.strip_prefix(peer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_modes_that_begin_with_its_name() {
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
