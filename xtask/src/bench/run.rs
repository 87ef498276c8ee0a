//! One measurement, as `udpair-bench` prints it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One measurement.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Run {
    pub(crate) workload: String,
    pub(crate) mode: String,
    pub(crate) figures: BTreeMap<String, f64>,
    /// How much of a core other processes used.
    pub(crate) others: f64,
    /// Whether that was little enough.
    pub(crate) is_clean: bool,
}
