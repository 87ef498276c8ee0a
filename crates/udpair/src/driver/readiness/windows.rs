//! Readiness of a Windows socket.
//!
//! The runtime has no type there that watches a handle of somebody else's. So it gets a second handle of
//! the same socket, inside a UDP socket of its own that nobody reads from or writes to.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::net::UdpSocket;
use udpair_io::{NetworkMonitor, Socket};

/// What the runtime around us watches. It keeps the socket open, and closes both handles when it is
/// dropped.
#[derive(Debug)]
pub(crate) struct Readiness<T> {
    source: T,
    watched: UdpSocket,
}

/// What has a socket that can be watched.
pub(crate) trait Watchable {
    /// Returns another handle of its socket.
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
    /// Watches `source` for whatever a reader waits for.
    ///
    /// # Errors
    ///
    /// The system's own, with `source`.
    pub(crate) fn of_reading(source: T) -> Result<Self, (T, io::Error)> {
        match source.duplicate().and_then(UdpSocket::from_std) {
            Ok(watched) => Ok(Self { source, watched }),
            Err(error) => Err((source, error)),
        }
    }

    /// Watches `source` for room to write.
    ///
    /// # Errors
    ///
    /// The system's own, with `source`.
    pub(crate) fn of_writing(source: T) -> Result<Self, (T, io::Error)> {
        Self::of_reading(source)
    }

    /// Returns what is watched.
    pub(crate) fn get_ref(&self) -> &T {
        &self.source
    }

    /// Returns what is watched, for a change.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        &mut self.source
    }

    /// Waits until it is readable, and takes that back.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.watched.poll_recv_ready(cx))?;
        self.take_readable();
        Poll::Ready(Ok(()))
    }

    /// Returns whether it has become readable, and takes that back; nobody is woken for it later.
    pub(crate) fn take_readable(&self) -> bool {
        self.take(Interest::READABLE)
    }

    /// Waits until there is room to write.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched.poll_send_ready(cx)
    }

    fn take(&self, interest: Interest) -> bool {
        let mut is_ready = false;
        // An attempt that finds nothing takes the readiness back, and has the system look again.
        let _ = self.watched.try_io(interest, || {
            is_ready = true;
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
        is_ready
    }
}
