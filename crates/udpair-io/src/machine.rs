//! This machine's name.

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
