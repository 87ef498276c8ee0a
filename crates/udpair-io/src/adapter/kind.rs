//! The kinds of adapters.

use std::fmt;

/// The kind of an adapter, after IANA's interface types (ianaiftype-mib).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AdapterKind {
    /// None of the other kinds, or the system does not report it.
    Other,
    /// Ethernet, or an adapter that behaves like Ethernet.
    Ethernet,
    /// Token ring.
    TokenRing,
    /// The point-to-point protocol.
    Ppp,
    /// Reaches only this machine.
    Loopback,
    /// Asynchronous transfer mode.
    Atm,
    /// IEEE 802.11.
    Wireless,
    /// IP packets inside IP packets.
    Tunnel,
    /// IEEE 1394, "FireWire".
    Ieee1394,
    /// A modem in a mobile network.
    Cellular,
}

impl AdapterKind {
    /// Returns the number of this kind in IANA's registry of interface types.
    ///
    /// # Model
    ///
    /// `NetworkAdapter.IanaInterfaceType` (NET-07).
    pub fn iana_type(self) -> u32 {
        match self {
            Self::Other => 1,
            Self::Ethernet => 6,
            Self::TokenRing => 9,
            Self::Ppp => 23,
            Self::Loopback => 24,
            Self::Atm => 37,
            Self::Wireless => 71,
            Self::Tunnel => 131,
            Self::Ieee1394 => 144,
            Self::Cellular => 243,
        }
    }
}

/// One lower-case word: `ethernet`, `wireless`.
impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Other => "other",
            Self::Ethernet => "ethernet",
            Self::TokenRing => "token-ring",
            Self::Ppp => "ppp",
            Self::Loopback => "loopback",
            Self::Atm => "atm",
            Self::Wireless => "wireless",
            Self::Tunnel => "tunnel",
            Self::Ieee1394 => "ieee1394",
            Self::Cellular => "cellular",
        })
    }
}
