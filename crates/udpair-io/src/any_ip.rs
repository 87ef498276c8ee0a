//! The addresses of this machine that are on no adapter and that a socket has used.

use std::net::Ipv6Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use once_cell::race::OnceBox;

/// Addresses that were found to be this machine's own. Most sockets never have any.
#[derive(Debug, Default)]
pub(crate) struct AnyIp(OnceBox<Mutex<Vec<Known>>>);

/// An address, and when it was found to be this machine's own.
#[derive(Debug)]
struct Known {
    ip: Ipv6Addr,
    since: Instant,
}

impl AnyIp {
    /// Returns whether there ever was such an address.
    #[inline]
    pub(crate) fn is_in_use(&self) -> bool {
        self.0.get().is_some()
    }

    /// Returns whether an address was found to be this machine's own a moment ago.
    pub(crate) fn is_known(&self, ip: Ipv6Addr) -> bool {
        let is_recent = |known: &Known| known.ip == ip && known.since.elapsed() < KNOWN_FOR;
        self.is_in_use() && self.known().iter().any(is_recent)
    }

    /// Records that an address was found to be this machine's own.
    pub(crate) fn add(&self, ip: Ipv6Addr) {
        let mut known = self.known();
        known.retain(|known| known.ip != ip && known.since.elapsed() < KNOWN_FOR);
        known.truncate(KNOWN_MAX - 1);
        known.push(Known {
            ip,
            since: Instant::now(),
        });
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        let known = self.0.get_or_init(Box::default);
        known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For how long an address is believed to stay this machine's own.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// How many addresses are remembered.
const KNOWN_MAX: usize = 64;
