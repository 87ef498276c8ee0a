//! From where a destination can be reached: the local address that the system would take, and the
//! others that it accepts.
//!
//! The system is asked by connecting scratch sockets; nothing is sent. Linux would reach a loopback
//! address from any address of the machine, and the other way round for addresses of its own: such
//! pairs help nobody and are left out.

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
    /// What is known of `address`, whoever named it.
    pub(super) fn of(mut address: SocketAddr, adapters: &[Adapter]) -> Self {
        address.set_port(0);
        let zone = zone_of(address);
        let found = adapters
            .iter()
            .filter(|adapter| zone.is_none_or(|zone| adapter.index == zone))
            .find_map(|adapter| {
                let own = adapter.address(address.ip())?;
                Some((adapter.index, own.prefix_length))
            });
        Self {
            address,
            prefix_length: found.and_then(|(_, prefix_length)| prefix_length),
            adapter: found.map(|(index, _)| index),
        }
    }

    /// Returns it as the order of addresses sees it.
    pub(super) fn source(&self) -> SourceAddress {
        SourceAddress {
            ip: self.address.ip(),
            prefix_length: self.prefix_length,
        }
    }
}

/// Returns the address that the system would send from to reach `destination`; `None` if there is no
/// way there.
pub(super) fn chosen(destination: SocketAddr, adapters: &[Adapter]) -> Option<LocalAddress> {
    let source = udpair_io::source_address(with_port(destination)).ok()?;
    Some(LocalAddress::of(source, adapters))
}

/// Returns the addresses from which `destination` can be reached, besides the one that the system would
/// take.
pub(super) fn others(
    destination: SocketAddr,
    chosen: &LocalAddress,
    adapters: &[Adapter],
) -> Vec<LocalAddress> {
    let mut others = Vec::new();
    for adapter in adapters.iter().filter(|adapter| adapter.is_up) {
        for own in &adapter.addresses {
            let local = LocalAddress {
                address: with_zone(own, adapter),
                prefix_length: own.prefix_length,
                adapter: Some(adapter.index),
            };
            if local.address != chosen.address
                && makes_sense(local.address, destination)
                && reaches(local.address, destination)
            {
                others.push(local);
            }
        }
    }
    others
}

/// Whether the system lets datagrams go from `local` to `destination`.
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

/// Whether a datagram between the two stays where both addresses mean something: on this machine for
/// loopback, on one link for link-local addresses (RFC 4291, sections 2.5.3 and 2.5.6).
fn makes_sense(local: SocketAddr, destination: SocketAddr) -> bool {
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

fn with_zone(own: &AdapterAddress, adapter: &Adapter) -> SocketAddr {
    match own.ip {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), 0),
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            SocketAddrV6::new(ip, 0, 0, adapter.index).into()
        }
        IpAddr::V6(ip) => SocketAddrV6::new(ip, 0, 0, 0).into(),
    }
}

/// Some systems connect to no port 0; which port it is makes no difference to the way there.
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
    fn loopback_pairs_with_loopback_and_a_link_with_itself() {
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
            let sensible = makes_sense(local.parse().unwrap(), destination.parse().unwrap());
            assert_eq!(sensible, expected, "{local} -> {destination}");
        }
    }

    #[test]
    fn the_system_tells_which_local_addresses_lead_to_a_destination() {
        let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
        assert!(reaches(loopback, loopback));
        // TEST-NET-1 (RFC 5737) is nobody's.
        assert!(!reaches("192.0.2.77:0".parse().unwrap(), loopback));
    }

    /// GEP-03: each address once.
    #[test]
    fn the_address_that_the_system_would_take_is_not_among_the_others() {
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
