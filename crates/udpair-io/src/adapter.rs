//! The machine's network adapters and their addresses.

use std::io;
use std::net::IpAddr;

use crate::system;

/// A network adapter, as the system described it when it was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Adapter {
    /// The system's name for it: `eth0`, `lo`.
    pub name: String,
    /// The system's number for it, as used in IPv6 zone ids (RFC 4007, section 11).
    pub index: u32,
    /// Whether it is switched on.
    pub is_up: bool,
    /// Whether it leads only to this machine.
    pub is_loopback: bool,
    /// Whether it carries multicast.
    pub is_multicast: bool,
    /// Whether it carries broadcasts.
    pub is_broadcast: bool,
    /// Its unicast addresses.
    pub addresses: Vec<AdapterAddress>,
}

/// A unicast address of an adapter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AdapterAddress {
    /// The address.
    pub ip: IpAddr,
    /// How many leading bits name the adapter's own network; `None` where the system does not say.
    pub prefix_length: Option<u8>,
}

/// Returns the adapters, in the order of their indices.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where we cannot ask it.
pub fn adapters() -> io::Result<Vec<Adapter>> {
    let mut adapters = system::adapters()?;
    adapters.sort_by_key(|adapter| adapter.index);
    Ok(adapters)
}

/// Returns the index of the adapter called `name`; `None` when there is none.
pub fn adapter_index(name: &str) -> Option<u32> {
    system::adapter_index(name)
}
