//! Network namespaces, which only some systems have.

use std::io;

use crate::system;

/// Moves the calling thread to the network namespace of the process's main thread.
///
/// A thread keeps the namespace alive in which it was started. A helper thread that outlives the
/// work of its first user calls this at its start, so that it keeps only a namespace alive that the
/// process is in anyway. Sockets that the thread uses stay in their own namespaces.
///
/// # Errors
///
/// The system's own: on Linux, a thread needs `CAP_SYS_ADMIN` to change its namespace (setns(2)).
/// The thread then stays where it is.
pub fn enter_main_namespace() -> io::Result<()> {
    system::enter_main_namespace()
}
