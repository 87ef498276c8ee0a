//! What this machine is called.

use std::io;

use crate::system;

/// Returns the name that the machine has been given, which may be anything.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where we cannot ask it.
pub fn machine_name() -> io::Result<String> {
    system::machine_name()
}
