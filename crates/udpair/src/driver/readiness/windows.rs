//! Readiness of a Windows socket.
//!
//! On Windows the runtime has no type that watches a foreign handle. So it gets a second handle of
//! the same socket, inside one of its own UDP sockets, which is never read from or written to.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::net::UdpSocket;
use udpair_io::{NetworkMonitor, Socket};

/// A socket that the current runtime watches. It stays open until this value is dropped, which
/// closes both handles.
#[derive(Debug)]
pub(crate) struct Readiness<T> {
    source: T,
    watched: UdpSocket,
}

/// A type whose socket can be watched.
pub(crate) trait Watchable {
    /// Returns another handle of the socket.
    fn duplicate(&self) -> io::Result<std::net::UdpSocket>;
}

impl Watchable for Socket {
    fn duplicate(&self) -> io::Result<std::net::UdpSocket> {
        self.try_clone_std()
    }
}

impl Watchable for NetworkMonitor {
    fn duplicate(&self) -> io::Result<std::net::UdpSocket> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl<T: Watchable> Readiness<T> {
    /// Watches `source` for everything that a reader waits for.
    ///
    /// # Errors
    ///
    /// Returns `source` with the system's error.
    pub(crate) fn for_reading(source: T) -> Result<Self, (T, io::Error)> {
        match source.duplicate().and_then(UdpSocket::from_std) {
            Ok(watched) => Ok(Self { source, watched }),
            Err(error) => Err((source, error)),
        }
    }

    /// Watches `source` for writability.
    ///
    /// # Errors
    ///
    /// Returns `source` with the system's error.
    pub(crate) fn for_writing(source: T) -> Result<Self, (T, io::Error)> {
        Self::for_reading(source)
    }

    /// Returns the watched source.
    pub(crate) fn get_ref(&self) -> &T {
        &self.source
    }

    /// Ends the watch, and returns the source.
    pub(crate) fn into_inner(self) -> T {
        self.source
    }

    /// Returns a mutable reference to the watched source.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        &mut self.source
    }

    /// Waits until the source is readable, and clears that state.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.watched.poll_recv_ready(cx))?;
        self.take_readable();
        Poll::Ready(Ok(()))
    }

    /// Returns whether the source has become readable, and clears that state. No task is woken for
    /// it later.
    pub(crate) fn take_readable(&self) -> bool {
        self.take(Interest::READABLE)
    }

    /// Waits until the source is writable.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched.poll_send_ready(cx)
    }

    fn take(&self, interest: Interest) -> bool {
        let mut is_ready = false;
        // `try_io` clears the state if the attempt would block, and makes the system check again.
        let _ = self.watched.try_io(interest, || {
            is_ready = true;
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
        is_ready
    }
}
