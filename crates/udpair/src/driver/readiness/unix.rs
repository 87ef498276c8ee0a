//! Readiness of a Unix descriptor.

use std::io;
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdRegisterError};

/// What the runtime around us watches. It keeps the descriptor open, and closes it when it is dropped.
#[derive(Debug)]
pub(crate) struct Readiness<T: AsRawFd>(AsyncFd<T>);

impl<T: AsRawFd> Readiness<T> {
    /// Watches `source` for whatever a reader waits for: data, and errors that the network sent back.
    ///
    /// # Errors
    ///
    /// The system's own, with `source`.
    pub(crate) fn of_reading(source: T) -> Result<Self, (T, io::Error)> {
        Self::register(source, READING)
    }

    /// Watches `source` for room to write. The runtime takes each descriptor only once.
    ///
    /// # Errors
    ///
    /// The system's own, with `source`.
    pub(crate) fn of_writing(source: T) -> Result<Self, (T, io::Error)> {
        Self::register(source, Interest::WRITABLE)
    }

    /// Returns what is watched.
    #[inline]
    pub(crate) fn get_ref(&self) -> &T {
        self.0.get_ref()
    }

    /// Returns what is watched, for a change.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Waits until it is readable, and takes that back.
    #[inline]
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_read_ready(cx))?.clear_ready();
        Poll::Ready(Ok(()))
    }

    /// Returns whether it has become readable, and takes that back; nobody is woken for it later.
    #[inline]
    pub(crate) fn take_readable(&self) -> bool {
        let mut is_readable = false;
        // An attempt that finds nothing is what takes a readiness back.
        let _ = self.0.try_io(Interest::READABLE, |_| {
            is_readable = true;
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
        is_readable
    }

    /// Waits until there is room to write.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_write_ready(cx).map_ok(drop)
    }

    #[expect(
        unsafe_code,
        reason = "the runtime's only way to watch a descriptor for one direction"
    )]
    fn register(source: T, interest: Interest) -> Result<Self, (T, io::Error)> {
        // SAFETY: `AsyncFd` takes the source and with it the descriptor, which nobody else closes: sockets
        // and monitors keep one descriptor for life, and only shared references to them are handed out.
        unsafe { AsyncFd::register_with_interest(source, interest) }
            .map(Self)
            .map_err(AsyncFdRegisterError::into_parts)
    }
}

/// A queued error counts as priority data here, see `udpair_io::Socket::open`; the runtime wakes no reader
/// for an error alone.
#[cfg(any(target_os = "linux", target_os = "android"))]
const READING: Interest = Interest::READABLE.add(Interest::PRIORITY);

/// A queued error makes a socket readable.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const READING: Interest = Interest::READABLE;
