//! The machine's network adapters (network interfaces) and their addresses.

mod id;
mod kind;

use std::net::{IpAddr, Ipv4Addr};

pub use id::AdapterId;
pub use kind::AdapterKind;

use crate::system;

/// A network adapter (a network interface), as the system described it when this value was made.
///
/// Two values are equal if the system's descriptions are equal. They describe the same adapter if
/// their [`id`](Self::id)s are equal.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Adapter {
    /// The adapter's name on this system: `eth0`, `lo`.
    pub name: String,
    /// The adapter's number on this system, as used in IPv6 zone ids (RFC 4007, section 11). It
    /// changes when the adapter is removed and added again.
    pub index: u32,
    /// The adapter's identity, which is the same after a restart (MODEL NET-06).
    pub id: AdapterId,
    /// The kind of adapter (MODEL NET-07).
    pub kind: AdapterKind,
    /// The size of the largest IP packet that it carries, in bytes; `None` where the system does
    /// not report it.
    pub mtu: Option<u32>,
    /// Whether the adapter is enabled.
    pub is_up: bool,
    /// Whether the adapter can carry packets: it is enabled, and its cable is plugged in, or it has
    /// whatever takes the place of a cable.
    pub is_running: bool,
    /// Whether the adapter reaches only this machine.
    pub is_loopback: bool,
    /// Whether the adapter supports multicast.
    pub is_multicast: bool,
    /// Whether the adapter supports broadcast.
    pub is_broadcast: bool,
    /// The adapter's unicast addresses.
    pub addresses: Vec<AdapterAddress>,
}

impl Adapter {
    /// Returns an adapter with only a name and an index: it is disabled and has no addresses.
    ///
    /// For tests, and for applications that learn about adapters from another source than the
    /// system.
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

    /// Returns this adapter's entry in `adapters`, which may be newer than this value; `None` if it
    /// was removed.
    ///
    /// An adapter that was removed and added again has another index. It is recognized by its
    /// [`id`](Self::id), otherwise by its name, which the system gives to what is plugged in at the
    /// same place. An adapter that was only renamed is recognized by its index.
    pub fn find_in<'a>(&self, adapters: &'a [Self]) -> Option<&'a Self> {
        let find = |is_same: &dyn Fn(&&Self) -> bool| adapters.iter().find(is_same);
        find(&|other| other.id == self.id)
            .or_else(|| find(&|other| other.index == self.index))
            .or_else(|| find(&|other| other.name == self.name))
    }

    /// Returns whether `ip` is one of the adapter's addresses.
    pub fn has_address(&self, ip: IpAddr) -> bool {
        self.address(ip).is_some()
    }

    /// Returns the entry for `ip`, if it is one of the adapter's addresses.
    pub fn address(&self, ip: IpAddr) -> Option<&AdapterAddress> {
        self.addresses.iter().find(|address| address.ip == ip)
    }

    /// Returns the nominal speed of the adapter's link, in bits per second; `None` where the system
    /// does not report it, for example for a link that is down.
    ///
    /// Each call asks the system. The speed is not a field because reading it takes as long as
    /// reading everything else about an adapter.
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
    /// How many leading bits identify the adapter's own network: at most 32 for IPv4 and 128 for
    /// IPv6. `None` where the system does not report it (MODEL NET-04).
    pub prefix_length: Option<u8>,
}

impl AdapterAddress {
    /// Returns an address with its prefix length. A prefix length greater than the length of the
    /// address becomes `None`.
    pub fn new(ip: IpAddr, prefix_length: impl Into<Option<u8>>) -> Self {
        let bits = if ip.is_ipv4() { 32 } else { 128 };
        Self {
            ip,
            prefix_length: prefix_length.into().filter(|length| *length <= bits),
        }
    }

    /// Returns the broadcast address of the address's subnet (RFC 919).
    ///
    /// Returns `None` for IPv6, if the prefix length is not known, and on links between two hosts,
    /// which have no broadcast address (RFC 3021).
    pub fn directed_broadcast(&self) -> Option<Ipv4Addr> {
        let IpAddr::V4(ip) = self.ip else {
            return None;
        };
        let prefix = u32::from(self.prefix_length?);
        let hosts = u32::MAX.checked_shr(prefix).filter(|hosts| *hosts > 1)?;
        Some(Ipv4Addr::from_bits(ip.to_bits() | hosts))
    }
}

/// Returns the index of the adapter called `name`; `None` if there is no such adapter.
pub fn adapter_index(name: &str) -> Option<u32> {
    system::adapter_index(name)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn an_adapter_is_found_again_by_id_then_by_index_then_by_name() {
        let adapter = |name: &str, index, hardware: u8| {
            let mut adapter = Adapter::new(name, index);
            adapter.id = AdapterId::of(&[hardware], name);
            adapter
        };
        let before = adapter("eth0", 2, 1);
        let other = || adapter("eth1", 3, 9);
        for (now, expected) in [
            (vec![other(), adapter("eth0", 2, 1)], Some(2)),
            (vec![other(), adapter("eth0", 7, 1)], Some(7)),
            // Another adapter has taken the index.
            (vec![adapter("eth1", 2, 9), adapter("eth0", 7, 1)], Some(7)),
            // Renamed, and another adapter has taken the name.
            (vec![adapter("eth0", 7, 9), adapter("lan0", 2, 1)], Some(2)),
            // Another adapter was plugged in at the same place.
            (vec![other(), adapter("eth0", 7, 8)], Some(7)),
            (vec![other()], None),
        ] {
            let found = before.find_in(&now).map(|adapter| adapter.index);
            assert_eq!(found, expected, "{now:?}");
        }
    }

    /// NET-04
    #[test]
    fn a_prefix_length_that_exceeds_its_address_is_none() {
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
    fn a_subnet_has_a_broadcast_address_unless_it_is_a_link_between_two_hosts() {
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
