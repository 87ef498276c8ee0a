//! This machine's name, and the part of its network that a thread uses.

use std::io;

use crate::system;

/// Returns the name that the machine was given, which may be any text.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it cannot be read.
pub fn machine_name() -> io::Result<String> {
    system::machine_name()
}

/// Returns a number for the network namespace of the calling thread; `None` where the system has no
/// network namespaces, or does not tell their number.
///
/// Sockets that the thread opens, and threads that it starts, are in the same namespace.
pub fn network_namespace() -> Option<u64> {
    system::network_namespace()
}
