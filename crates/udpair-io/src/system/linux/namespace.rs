//! Network namespaces (network_namespaces(7)).

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;

/// Moves this thread; see [`enter_main_namespace`](crate::enter_main_namespace).
pub(crate) fn enter_main_namespace() -> io::Result<()> {
    if fs::read_link(OF_THIS_THREAD)? == fs::read_link(OF_MAIN_THREAD)? {
        return Ok(());
    }
    let namespace = File::open(OF_MAIN_THREAD)?;
    // SAFETY: setns(2) takes two numbers; the descriptor is open.
    let result = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Returns the number of the network namespace that a socket is in; `None` on Linux before 5.14.
pub(super) fn cookie(socket: &impl AsRawFd) -> Option<u64> {
    let mut cookie = 0_u64;
    let mut length = size_of_val(&cookie) as libc::socklen_t;
    // SAFETY: `cookie` is writable for `length` bytes, and the kernel writes at most that many.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    (result == 0).then_some(cookie)
}

/// The namespace of the process's main thread (proc_pid_ns(5)).
pub(super) const OF_MAIN_THREAD: &str = "/proc/self/ns/net";

/// The namespace of this thread.
pub(super) const OF_THIS_THREAD: &str = "/proc/thread-self/ns/net";
