//! Being told that adapters, addresses or default routes have changed.

use std::io;

use crate::system;

/// Hears of changes to the machine's network. Never blocks.
///
/// It says where something changed, not what: who wants to know asks a
/// [`NetworkReader`](crate::NetworkReader). So nothing is lost when the system has more to tell than
/// anybody listens to, see [`Overrun`](NetworkEvent::Overrun).
#[derive(Debug)]
pub struct NetworkMonitor(system::NetworkMonitor);

/// Where the network has changed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NetworkEvent {
    /// An adapter appeared, vanished, or is not what it was.
    Adapter {
        /// Its index.
        index: u32,
    },
    /// An adapter has got an address or lost one.
    Addresses {
        /// The adapter's index.
        index: u32,
    },
    /// There is another default route, or one less.
    DefaultRoutes,
    /// More happened than the system kept for us; anything may have changed.
    Overrun,
}

impl NetworkMonitor {
    /// Starts listening, in the network namespace of this thread.
    ///
    /// # Errors
    ///
    /// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it does not tell us.
    pub fn open() -> io::Result<Self> {
        system::NetworkMonitor::open().map(Self)
    }

    /// Returns a number for the network namespace in which this listens, the same for all who listen in it;
    /// `None` where the system has none, or does not say.
    pub fn namespace(&self) -> Option<u64> {
        self.0.namespace()
    }

    /// Returns the next event that is there.
    ///
    /// What does not matter here (another route, the state of a scan) is passed over.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when nothing more has happened; else the system's own.
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
