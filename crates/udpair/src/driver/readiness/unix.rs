//! Readiness of a Unix descriptor.

use std::io;
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdRegisterError};

/// A descriptor that the current runtime watches. It stays open until this value is dropped.
#[derive(Debug)]
pub(crate) struct Readiness<T: AsRawFd>(AsyncFd<T>);

impl<T: AsRawFd> Readiness<T> {
    /// Watches `source` for everything that a reader waits for: data, and errors that the network
    /// sent back.
    ///
    /// # Errors
    ///
    /// Returns `source` with the system's error.
    pub(crate) fn for_reading(source: T) -> Result<Self, (T, io::Error)> {
        Self::register(source, READING)
    }

    /// Watches `source` for writability. The runtime accepts each descriptor only once.
    ///
    /// # Errors
    ///
    /// Returns `source` with the system's error.
    pub(crate) fn for_writing(source: T) -> Result<Self, (T, io::Error)> {
        Self::register(source, Interest::WRITABLE)
    }

    /// Returns the watched source.
    #[inline]
    pub(crate) fn get_ref(&self) -> &T {
        self.0.get_ref()
    }

    /// Ends the watch, and returns the source.
    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// Returns a mutable reference to the watched source.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Waits until the source is readable, and clears that state.
    #[inline]
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_read_ready(cx))?.clear_ready();
        Poll::Ready(Ok(()))
    }

    /// Returns whether the source has become readable, and clears that state. No task is woken for
    /// it later.
    #[inline]
    pub(crate) fn take_readable(&self) -> bool {
        let mut is_readable = false;
        // `try_io` clears the state if the attempt would block.
        let _ = self.0.try_io(Interest::READABLE, |_| {
            is_readable = true;
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
        is_readable
    }

    /// Waits until the source is writable.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_write_ready(cx).map_ok(drop)
    }

    #[expect(
        unsafe_code,
        reason = "the runtime has no safe function to watch a descriptor for one direction"
    )]
    fn register(source: T, interest: Interest) -> Result<Self, (T, io::Error)> {
        // SAFETY: `AsyncFd` takes the source and with it the descriptor, which no other code
        // closes: sockets and monitors keep one descriptor for life, and only shared references to
        // them are handed out.
        unsafe { AsyncFd::register_with_interest(source, interest) }
            .map(Self)
            .map_err(AsyncFdRegisterError::into_parts)
    }
}

/// A queued error counts as priority data here, see `udpair_io::Socket::open`. The runtime does not
/// wake a reader if there is only an error.
#[cfg(any(target_os = "linux", target_os = "android"))]
const READING: Interest = Interest::READABLE.add(Interest::PRIORITY);

/// A queued error makes a socket readable.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const READING: Interest = Interest::READABLE;
