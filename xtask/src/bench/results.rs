//! The results of a run, and the file that stores them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::catalog::Workload;
use super::machine::Machine;
use super::run::Run;
use super::summary::Summary;

/// The results of one `cargo xtask bench`, including every single measurement.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) repetitions: u32,
    pub(crate) seconds: f64,
    /// The chosen workloads, with the modes that could run.
    pub(crate) workloads: Vec<Workload>,
    pub(crate) runs: Vec<Run>,
    /// Instructions per operation of each microbenchmark.
    #[serde(default)]
    pub(crate) instructions: BTreeMap<String, f64>,
}

impl Results {
    pub(crate) fn new(repetitions: u32, seconds: f64) -> Self {
        Self {
            machine: Machine::this(),
            repetitions,
            seconds,
            workloads: Vec::new(),
            runs: Vec::new(),
            instructions: BTreeMap::new(),
        }
    }

    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let wrong = |why: &dyn std::fmt::Display| format!("cannot read {}: {why}", path.display());
        let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
        serde_json::from_str(&text).map_err(|error| wrong(&error))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        fs::write(path, text + "\n")
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// Summarizes the runs of a mode in a workload; `None` if there were none.
    pub(crate) fn summary(&self, workload: &Workload, mode: &str) -> Option<Summary> {
        let is_wanted = |run: &&Run| run.workload == workload.name && run.mode == mode;
        let runs: Vec<_> = self.runs.iter().filter(is_wanted).collect();
        Summary::of(&runs)
    }
}
