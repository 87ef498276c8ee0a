//! Notifications about changed adapters, addresses or default routes.

use std::io;

use crate::system;

/// A source of notifications about changes to the machine's network. Never blocks.
///
/// An event says where something changed, but not what: a [`NetworkReader`](crate::NetworkReader)
/// returns the new state. So nothing is lost when the system reports more than is read; see
/// [`Overrun`](NetworkEvent::Overrun).
#[derive(Debug)]
pub struct NetworkMonitor(system::NetworkMonitor);

/// A notification that says which part of the network has changed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NetworkEvent {
    /// An adapter was added, removed or changed.
    Adapter {
        /// Its index.
        index: u32,
    },
    /// An adapter gained or lost an address.
    Addresses {
        /// The adapter's index.
        index: u32,
    },
    /// A default route was added or removed.
    DefaultRoutes,
    /// The system discarded events that were not read in time. Anything may have changed.
    Overrun,
}

impl NetworkMonitor {
    /// Opens a monitor for the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where changes cannot be
    /// monitored.
    pub fn open() -> io::Result<Self> {
        system::NetworkMonitor::open().map(Self)
    }

    /// Returns a number for the monitored network namespace, the same for every monitor of that
    /// namespace; `None` where the system has no network namespaces, or does not report their
    /// number.
    pub fn namespace(&self) -> Option<u64> {
        self.0.namespace()
    }

    /// Returns the next pending event.
    ///
    /// Irrelevant changes (other routes, the state of a scan) are skipped.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if no event is pending; otherwise the system's
    /// own.
    pub fn next_event(&mut self) -> io::Result<NetworkEvent> {
        self.0.next_event()
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for NetworkMonitor {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(unix)]
impl std::os::fd::AsRawFd for NetworkMonitor {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        std::os::fd::AsFd::as_fd(self).as_raw_fd()
    }
}
