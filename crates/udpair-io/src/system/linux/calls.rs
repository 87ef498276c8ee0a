//! Which of the calls that move datagrams this system has.
//!
//! A kernel may be older than recvmmsg(2) and sendmmsg(2), and a filter (seccomp(2)) may refuse
//! these calls, recvmsg(2) and sendmsg(2), even after a process has used them. A filter says so
//! with any error number, which may have other meanings: a firewall refuses a datagram with the
//! same number. So a call counts as missing only if it fails on a socket where it has nothing to
//! do. That is remembered for the process.

use std::io;
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use super::message::empty_header;
use crate::socket::{Family, Socket};

/// A call that the system may lack.
pub(super) struct Call {
    is_missing: AtomicBool,
    /// Whether the call was tried before it was needed.
    trial: Once,
    /// Makes the call without any effect, and returns whether it failed.
    probe: fn(&Socket) -> bool,
}

pub(super) static RECVMMSG: Call = Call::new(|socket| {
    let (headers, flags) = (ptr::null_mut(), libc::MSG_DONTWAIT as _);
    // SAFETY: there are no headers. recvmmsg(2) allows a null timeout.
    unsafe { libc::recvmmsg(socket.as_raw_fd(), headers, 0, flags, ptr::null_mut()) < 0 }
});

pub(super) static SENDMMSG: Call = Call::new(|socket| {
    // SAFETY: there are no headers.
    unsafe { libc::sendmmsg(socket.as_raw_fd(), ptr::null_mut(), 0, 0) < 0 }
});

pub(super) static RECVMSG: Call = Call::new(|socket| {
    let mut header = empty_header();
    // SAFETY: the header is valid, and has no buffers.
    unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) < 0 }
});

pub(super) static SENDMSG: Call = Call::new(|socket| {
    let header = empty_header();
    // SAFETY: the header is valid, and has no buffers.
    unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, 0) < 0 }
});

impl Call {
    const fn new(probe: fn(&Socket) -> bool) -> Self {
        Self {
            is_missing: AtomicBool::new(false),
            trial: Once::new(),
            probe,
        }
    }

    /// Returns whether this system was found to lack the call.
    #[inline]
    pub(super) fn is_missing(&self) -> bool {
        self.is_missing.load(Ordering::Relaxed)
    }

    /// Returns whether this system has the call, which is tried once: for what cannot be taken back
    /// when the call turns out to be missing.
    pub(super) fn works(&self) -> bool {
        self.trial.call_once(|| self.try_on_scratch());
        !self.is_missing()
    }

    /// Finds out whether `error`, with which the call failed, means that this system lacks it.
    #[cold]
    pub(super) fn finds_missing(&self, error: &io::Error) -> bool {
        if !may_mean_missing(error) {
            return false;
        }
        self.try_on_scratch();
        self.is_missing()
    }

    /// Makes the call where it has nothing to do, and notes if it fails all the same.
    fn try_on_scratch(&self) {
        // Nobody has sent anything to this socket, and it has no peer.
        let Ok(scratch) = Socket::bare(Family::Ipv4).or_else(|_| Socket::bare(Family::Ipv6)) else {
            return;
        };
        let is_missing = (self.probe)(&scratch) && may_mean_missing(&io::Error::last_os_error());
        self.is_missing.fetch_or(is_missing, Ordering::Relaxed);
    }
}

/// Returns whether an error may be that of a call that the kernel does not have, or of one that a
/// filter refuses.
fn may_mean_missing(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOSYS | libc::EPERM | libc::EACCES | libc::EOPNOTSUPP)
    )
}

/// Returns the error for a datagram that needs a call which this system lacks.
pub(super) fn missing(name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("this system refuses the call {name}"),
    )
}
