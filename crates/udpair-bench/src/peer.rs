//! The ways of using UDP sockets that are compared with each other.

mod hickory;
mod mode;
mod node;
mod quinn;
mod raw;
mod runtime;
mod script;
mod tokio;
mod udpair;
mod winrt;

use crate::Result;
pub(crate) use mode::{Ends, Load, Mode};

/// Returns all modes, in the order of the tables.
pub(crate) fn modes() -> impl Iterator<Item = &'static Mode> {
    [
        raw::MODES,
        tokio::MODES,
        quinn::MODES,
        udpair::MODES,
        winrt::MODES,
        hickory::MODES,
        node::MODES,
    ]
    .into_iter()
    .flatten()
}

/// Finds a mode by its name.
pub(crate) fn mode(name: &str) -> Result<&'static Mode> {
    modes()
        .find(|mode| mode.name == name)
        .ok_or_else(|| format!("there is no mode {name}").into())
}
