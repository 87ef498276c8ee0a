//! The machine on which results were measured.

use std::fs;

use serde::{Deserialize, Serialize};

/// A machine, as its kernel describes it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Machine {
    pub(crate) kernel: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("an unknown processor", |(_, name)| name.trim());
        Self {
            kernel: kernel.trim().into(),
            processor: processor.into(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}
