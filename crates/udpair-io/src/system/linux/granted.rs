//! What the system granted to one socket.

use std::sync::atomic::{AtomicU16, Ordering};

/// A feature that a system may refuse to a socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u16)]
pub(crate) enum Feature {
    LocalAddress = 1,
    PacketHeader = 1 << 1,
    Drops = 1 << 2,
    Timestamps = 1 << 3,
    /// Errors about datagrams over IPv4.
    ErrorQueueIpv4 = 1 << 4,
    /// Errors about datagrams over IPv6.
    ErrorQueueIpv6 = 1 << 5,
    ReceiveOffload = 1 << 6,
}

/// The features of a socket: those that the engine enabled.
#[derive(Debug, Default)]
pub(crate) struct Granted(AtomicU16);

impl Granted {
    /// Records whether the socket has a feature.
    pub(crate) fn set(&self, feature: Feature, is_granted: bool) {
        match is_granted {
            true => self.0.fetch_or(feature as u16, Ordering::Relaxed),
            false => self.0.fetch_and(!(feature as u16), Ordering::Relaxed),
        };
    }

    /// Returns whether the socket has a feature.
    pub(crate) fn has(&self, feature: Feature) -> bool {
        self.0.load(Ordering::Relaxed) & feature as u16 != 0
    }
}
