//! The engines of this build.

use crate::engine::Engine;
use crate::portable::Portable;
use crate::system;

/// Returns the engines of this build, fastest first. The last one works everywhere.
pub fn engines() -> &'static [&'static dyn Engine] {
    system::ENGINES
}

/// Returns the engine that works everywhere: one datagram per call, with its payload and its
/// sender.
pub fn portable_engine() -> &'static dyn Engine {
    &Portable
}
