//! The local addresses from which a destination can be reached: the one that the system would
//! choose, and the others that it accepts.
//!
//! The answer comes from the system, by connecting scratch sockets; nothing is sent. Linux would
//! reach a loopback address from any address of the machine, and any address of the machine from a
//! loopback address. Such pairs are useless and are left out.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use udpair_io::{Adapter, AdapterAddress, Family, Socket};

use super::order::SourceAddress;
use super::zone_of;

/// An address of this machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LocalAddress {
    /// With its zone, and without a port.
    pub(super) address: SocketAddr,
    pub(super) prefix_length: Option<u8>,
    /// The adapter it belongs to, by index; `None` if that is not known.
    pub(super) adapter: Option<u32>,
}

impl LocalAddress {
    /// Returns `address` without its port, with what `adapters` say about it.
    pub(super) fn of(mut address: SocketAddr, adapters: &[Adapter]) -> Self {
        address.set_port(0);
        let zone = zone_of(address);
        let found = adapters
            .iter()
            .filter(|adapter| zone.is_none_or(|zone| adapter.index == zone))
            .find_map(|adapter| {
                let found = adapter.address(address.ip())?;
                Some((adapter.index, found.prefix_length))
            });
        Self {
            address,
            prefix_length: found.and_then(|(_, prefix_length)| prefix_length),
            adapter: found.map(|(index, _)| index),
        }
    }

    /// Returns this address as a source address for the order of RFC 6724.
    pub(super) fn source(&self) -> SourceAddress {
        SourceAddress {
            ip: self.address.ip(),
            prefix_length: self.prefix_length,
        }
    }
}

/// Returns the address from which the system would send to `destination`; `None` if there is no
/// route.
pub(super) fn chosen(destination: SocketAddr, adapters: &[Adapter]) -> Option<LocalAddress> {
    let source = udpair_io::source_address(with_port(destination)).ok()?;
    Some(LocalAddress::of(source, adapters))
}

/// Returns the addresses from which `destination` can be reached, except the one that the system
/// would choose.
pub(super) fn others(
    destination: SocketAddr,
    chosen: &LocalAddress,
    adapters: &[Adapter],
) -> Vec<LocalAddress> {
    let mut others = Vec::new();
    for adapter in adapters.iter().filter(|adapter| adapter.is_up) {
        for address in &adapter.addresses {
            let local = LocalAddress {
                address: with_zone(address, adapter),
                prefix_length: address.prefix_length,
                adapter: Some(adapter.index),
            };
            if local.address != chosen.address
                && has_matching_scope(local.address, destination)
                && reaches(local.address, destination)
            {
                others.push(local);
            }
        }
    }
    others
}

/// Returns whether the system sends datagrams from `local` to `destination`.
pub(super) fn reaches(local: SocketAddr, destination: SocketAddr) -> bool {
    let family = match local.ip() {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    };
    let connect = || {
        let socket = Socket::open(family)?;
        socket.bind(local)?;
        socket.connect(with_port(destination))
    };
    connect().is_ok()
}

/// Returns whether a datagram between the two stays within the scope of both addresses: this
/// machine for loopback, one link for link-local addresses (RFC 4291, sections 2.5.3 and 2.5.6).
fn has_matching_scope(local: SocketAddr, destination: SocketAddr) -> bool {
    let (ip, to) = (local.ip(), destination.ip().to_canonical());
    ip.is_ipv4() == to.is_ipv4()
        && ip.is_loopback() == to.is_loopback()
        && is_link_local(ip) == is_link_local(to)
        && zone_of(destination).is_none_or(|zone| zone_of(local) == Some(zone))
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn with_zone(address: &AdapterAddress, adapter: &Adapter) -> SocketAddr {
    match address.ip {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), 0),
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            SocketAddrV6::new(ip, 0, 0, adapter.index).into()
        }
        IpAddr::V6(ip) => SocketAddrV6::new(ip, 0, 0, 0).into(),
    }
}

/// Returns `destination` with a port other than 0: some systems refuse to connect to port 0, and
/// the route does not depend on the port.
fn with_port(mut destination: SocketAddr) -> SocketAddr {
    if destination.port() == 0 {
        destination.set_port(DISCARD);
    }
    destination
}

/// The discard service (RFC 863); nothing is sent there.
const DISCARD: u16 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    /// GEP-03
    #[test]
    fn loopback_is_paired_with_loopback_and_a_link_with_itself() {
        for (local, destination, expected) in [
            ("127.0.0.1:0", "127.0.0.2:9", true),
            ("127.0.0.1:0", "192.0.2.1:9", false),
            ("192.0.2.1:0", "127.0.0.1:9", false),
            ("192.0.2.1:0", "198.51.100.1:9", true),
            ("192.0.2.1:0", "[2001:db8::1]:9", false),
            ("[2001:db8::1]:0", "192.0.2.1:9", false),
            ("[2001:db8::1]:0", "[2001:db8::2]:9", true),
            ("[::1]:0", "[2001:db8::2]:9", false),
            ("[fe80::1%2]:0", "[2001:db8::2]:9", false),
            ("[2001:db8::1]:0", "[fe80::2%2]:9", false),
            ("[fe80::1%2]:0", "[fe80::2%2]:9", true),
            ("[fe80::1%3]:0", "[fe80::2%2]:9", false),
            ("169.254.0.1:0", "192.0.2.1:9", false),
            ("169.254.0.1:0", "169.254.0.2:9", true),
        ] {
            let matches = has_matching_scope(local.parse().unwrap(), destination.parse().unwrap());
            assert_eq!(matches, expected, "{local} -> {destination}");
        }
    }

    #[test]
    fn the_system_decides_which_local_addresses_reach_a_destination() {
        let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
        assert!(reaches(loopback, loopback));
        // TEST-NET-1 (RFC 5737): no machine has this address.
        assert!(!reaches("192.0.2.77:0".parse().unwrap(), loopback));
    }

    /// GEP-03: each address once.
    #[test]
    fn the_address_that_the_system_would_choose_is_not_among_the_others() {
        let adapters = udpair_io::adapters().unwrap();
        let destination: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let chosen = chosen(destination, &adapters).unwrap();
        assert_eq!(chosen.address, "127.0.0.1:0".parse().unwrap());
        for other in others(destination, &chosen, &adapters) {
            assert!(other.address.ip().is_loopback(), "{other:?}");
            assert_ne!(other.address, chosen.address);
        }
    }
}
