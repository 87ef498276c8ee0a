//! The machine's network adapters and their addresses.

mod id;
mod kind;

use std::net::{IpAddr, Ipv4Addr};

pub use id::AdapterId;
pub use kind::AdapterKind;

use crate::system;

/// A network adapter, as the system described it when it was asked.
///
/// Two values are equal when the system said the same of both. Whether both are the same adapter, their
/// [`id`](Self::id) says.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Adapter {
    /// The system's name for it: `eth0`, `lo`.
    pub name: String,
    /// The system's number for it, as used in IPv6 zone ids (RFC 4007, section 11). Another one when the
    /// adapter is taken out and put back.
    pub index: u32,
    /// Its identity, which outlives restarts (MODEL NET-06).
    pub id: AdapterId,
    /// What it is (MODEL NET-07).
    pub kind: AdapterKind,
    /// The longest IP packet that it carries, in bytes; `None` where the system does not say.
    pub mtu: Option<u32>,
    /// Whether it is switched on.
    pub is_up: bool,
    /// Whether it can carry packets: it is switched on, and its cable is plugged in, or whatever is in
    /// the place of one.
    pub is_running: bool,
    /// Whether it leads only to this machine.
    pub is_loopback: bool,
    /// Whether it carries multicast.
    pub is_multicast: bool,
    /// Whether it carries broadcasts.
    pub is_broadcast: bool,
    /// Its unicast addresses.
    pub addresses: Vec<AdapterAddress>,
}

impl Adapter {
    /// Returns an adapter of which nothing is known but this: it is switched off and has no addresses.
    ///
    /// For tests, and for those who know the adapters from elsewhere than the system.
    pub fn new(name: impl Into<String>, index: u32) -> Self {
        let name = name.into();
        Self {
            id: AdapterId::of(&[], &name),
            name,
            index,
            kind: AdapterKind::Other,
            mtu: None,
            is_up: false,
            is_running: false,
            is_loopback: false,
            is_multicast: false,
            is_broadcast: false,
            addresses: Vec::new(),
        }
    }

    /// Returns whether `ip` is one of its addresses.
    pub fn has_address(&self, ip: IpAddr) -> bool {
        self.address(ip).is_some()
    }

    /// Returns what is known of `ip`, if it is one of its addresses.
    pub fn address(&self, ip: IpAddr) -> Option<&AdapterAddress> {
        self.addresses.iter().find(|address| address.ip == ip)
    }

    /// Asks the system for the nominal speed of the adapter's link, in bits a second; `None` where it
    /// does not say, as of a link that is down.
    ///
    /// Asked when it is wanted, because it takes as long as all else about an adapter together.
    ///
    /// # Model
    ///
    /// `InboundMaxBitsPerSecond` and `OutboundMaxBitsPerSecond` (NET-08), which are 0 where this is
    /// `None`.
    pub fn bits_per_second(&self) -> Option<u64> {
        system::bits_per_second(self)
    }
}

/// A unicast address of an adapter.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct AdapterAddress {
    /// The address.
    pub ip: IpAddr,
    /// How many leading bits name the adapter's own network: at most 32 for IPv4 and 128 for IPv6;
    /// `None` where the system does not say (MODEL NET-04).
    pub prefix_length: Option<u8>,
}

impl AdapterAddress {
    /// Returns an address with its prefix length, which is left out when the address is shorter.
    pub fn new(ip: IpAddr, prefix_length: impl Into<Option<u8>>) -> Self {
        let bits = if ip.is_ipv4() { 32 } else { 128 };
        Self {
            ip,
            prefix_length: prefix_length.into().filter(|length| *length <= bits),
        }
    }

    /// Returns the broadcast address of its subnet (RFC 919); `None` for IPv6, where the prefix is not
    /// known, and on links between two hosts, which have none (RFC 3021).
    pub fn directed_broadcast(&self) -> Option<Ipv4Addr> {
        let IpAddr::V4(ip) = self.ip else {
            return None;
        };
        let prefix = u32::from(self.prefix_length?);
        let hosts = u32::MAX.checked_shr(prefix).filter(|hosts| *hosts > 1)?;
        Some(Ipv4Addr::from_bits(ip.to_bits() | hosts))
    }
}

/// Returns the index of the adapter called `name`; `None` when there is none.
pub fn adapter_index(name: &str) -> Option<u32> {
    system::adapter_index(name)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    /// NET-04
    #[test]
    fn a_prefix_length_fits_its_address_or_is_not_there() {
        let v4 = IpAddr::from(Ipv4Addr::LOCALHOST);
        let v6 = IpAddr::from(Ipv6Addr::LOCALHOST);
        for (ip, given, kept) in [
            (v4, Some(0), Some(0)),
            (v4, Some(32), Some(32)),
            (v4, Some(33), None),
            (v6, Some(33), Some(33)),
            (v6, Some(128), Some(128)),
            (v6, Some(255), None),
            (v6, None, None),
        ] {
            let address = AdapterAddress::new(ip, given);
            assert_eq!(address.prefix_length, kept, "{ip} {given:?}");
        }
    }

    /// BRC-04, BND-11
    #[test]
    fn a_subnet_has_a_broadcast_address_unless_it_is_a_link_between_two() {
        for (ip, prefix, broadcast) in [
            ("192.0.2.9", Some(26), Some("192.0.2.63")),
            ("192.0.2.9", Some(24), Some("192.0.2.255")),
            ("127.0.0.1", Some(8), Some("127.255.255.255")),
            ("192.0.2.9", Some(0), Some("255.255.255.255")),
            ("192.0.2.9", Some(30), Some("192.0.2.11")),
            ("198.51.100.0", Some(31), None),
            ("192.0.2.9", Some(32), None),
            ("192.0.2.9", None, None),
            ("2001:db8::1", Some(64), None),
        ] {
            let address = AdapterAddress::new(ip.parse().unwrap(), prefix);
            let broadcast = broadcast.map(|ip| ip.parse().unwrap());
            assert_eq!(address.directed_broadcast(), broadcast, "{ip} {prefix:?}");
        }
    }
}
