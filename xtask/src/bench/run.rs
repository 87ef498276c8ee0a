//! One measurement, as `udpair-bench` prints it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One measurement of a mode in a workload.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Run {
    pub(crate) workload: String,
    pub(crate) mode: String,
    pub(crate) figures: BTreeMap<String, f64>,
    /// The share of a core that other processes used.
    pub(crate) others: f64,
    /// Whether that share was small enough.
    pub(crate) is_clean: bool,
}
