//! Destinations that stand for many hosts: multicast groups and broadcast addresses.
//!
//! The surprising one is the limited broadcast address, 255.255.255.255. The kernel sends to it on
//! one adapter, that of the default route. The model sends to it on all adapters, and a connected
//! socket sends to it on the first one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use udpair_io::{Adapter, Destination, Source};

use super::link::Link;
use super::settings::Settings;
use super::shared::Shared;
use crate::error::{Error, ErrorKind, WSAEOPNOTSUPP};

/// Returns whether an address is the limited broadcast address, 255.255.255.255.
pub(crate) fn is_limited_broadcast(address: SocketAddr) -> bool {
    address.ip().to_canonical() == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// Returns the adapters on which a limited broadcast is sent (BRC-02): all that are up, support
/// broadcast and have an IPv4 address, except loopback, in the order of their indices.
fn broadcast_adapters(adapters: &[Adapter]) -> impl Iterator<Item = &Adapter> {
    adapters.iter().filter(|adapter| {
        let mut addresses = adapter.addresses.iter();
        adapter.is_up
            && adapter.is_broadcast
            && !adapter.is_loopback
            && addresses.any(|address| address.ip.is_ipv4())
    })
}

/// Returns the adapter on which a socket that is connected to the limited broadcast address sends:
/// the first one that supports broadcast (CON-10).
pub(crate) fn first_broadcast_adapter(settings: &Settings) -> Option<Adapter> {
    let adapters = settings.resolver.list_adapters().ok()?;
    broadcast_adapters(&adapters).next().cloned()
}

/// Returns the destinations of the copies of a datagram: one for each adapter if it is a limited
/// broadcast, unless the socket or the datagram is pinned to an adapter or an address; otherwise
/// only `to`.
pub(crate) fn copies(shared: &Shared, to: Destination) -> Vec<Destination> {
    let is_pinned = shared.is_pinned() || !to.source.is_any();
    if !is_limited_broadcast(to.address) || is_pinned {
        return vec![to];
    }
    let adapters = shared.settings.resolver.list_adapters().unwrap_or_default();
    let copies: Vec<_> = broadcast_adapters(&adapters)
        .map(|adapter| {
            let mut copy = to;
            copy.source.adapter = Some(adapter.index);
            copy
        })
        .collect();
    // If there is no such adapter, the system decides, and returns its own error.
    if copies.is_empty() { vec![to] } else { copies }
}

/// Returns another destination for a datagram to a group for which the system has no route: the
/// same group, on the first adapter on which the socket has joined a group, otherwise on loopback
/// (MCG-11).
///
/// Returns `None` if `error` is not about a missing route, if the caller chose the adapter or the
/// address to send from, or if the engine cannot choose the adapter.
pub(crate) fn fallback_without_route(
    shared: &Shared,
    link: &Link,
    to: Destination,
    error: &Error,
) -> Option<Destination> {
    let ip = to.address.ip().to_canonical();
    let is_about_routes = error.kind() == ErrorKind::NetworkUnreachable && ip.is_multicast();
    let is_chosen = shared.is_pinned()
        || shared.current_settings().multicast.adapter.is_some()
        || !to.source.is_any();
    if !is_about_routes || is_chosen || !shared.capabilities().source {
        return None;
    }
    let joined = link.memberships.first_adapter(ip.is_ipv4());
    let adapter = joined.or_else(|| {
        let adapters = shared.settings.resolver.list_adapters().ok()?;
        let loopback = adapters.iter().find(|adapter| adapter.is_loopback)?;
        Some(loopback.index)
    });
    let source = Source {
        adapter: Some(adapter?),
        ..to.source
    };
    Some(Destination { source, ..to })
}

/// Checks that a socket for multicast and broadcast only does not send to a single host (OUT-19).
pub(crate) fn check_multicast_only(shared: &Shared, to: SocketAddr) -> Result<(), Error> {
    let adapters = || shared.settings.resolver.list_adapters().unwrap_or_default();
    if !shared.is_multicast_only() || is_multicast_or_broadcast(to.ip().to_canonical(), &adapters) {
        return Ok(());
    }
    Err(multicast_only_error(&format!("cannot send to {to}")))
}

/// Returns the error for using a socket for multicast and broadcast only with a single host.
pub(crate) fn multicast_only_error(message: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("{message}: the socket is for multicast and broadcast only"),
    )
    .with_hresult(WSAEOPNOTSUPP)
    .with_advice("use another socket, or leave `multicast_only` off")
}

/// Returns whether `ip` is a multicast group or a broadcast address. A directed broadcast address
/// is one that belongs to the network of an adapter's address.
fn is_multicast_or_broadcast(ip: IpAddr, adapters: &dyn Fn() -> Vec<Adapter>) -> bool {
    let IpAddr::V4(ipv4) = ip else {
        return ip.is_multicast();
    };
    ipv4.is_multicast()
        || ipv4.is_broadcast()
        || adapters()
            .iter()
            .flat_map(|adapter| &adapter.addresses)
            .any(|address| address.directed_broadcast() == Some(ipv4))
}

#[cfg(test)]
mod tests {
    use udpair_io::AdapterAddress;

    use super::*;

    fn adapter(index: u32, address: &str, prefix: u8, is_broadcast: bool) -> Adapter {
        let mut adapter = Adapter::new(format!("eth{index}"), index);
        adapter.is_up = true;
        adapter.is_broadcast = is_broadcast;
        adapter.addresses = vec![AdapterAddress::new(address.parse().unwrap(), prefix)];
        adapter
    }

    /// OUT-19, BRC-04
    #[test]
    fn groups_and_broadcast_addresses_are_recognized() {
        let adapters = || {
            vec![
                adapter(1, "192.0.2.9", 26, true),
                adapter(2, "198.51.100.0", 31, true),
            ]
        };
        for (address, expected) in [
            ("224.3.0.5", true),
            ("255.255.255.255", true),
            ("192.0.2.63", true),
            ("192.0.2.62", false),
            ("192.0.2.255", false),
            ("198.51.100.1", false),
            ("ff02::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(
                is_multicast_or_broadcast(address.parse().unwrap(), &adapters),
                expected,
                "{address}"
            );
        }
    }

    /// BRC-02, CON-10
    #[test]
    fn broadcasts_are_sent_on_adapters_that_support_them() {
        let mut down = adapter(3, "192.0.2.3", 24, true);
        down.is_up = false;
        let adapters = [
            adapter(1, "192.0.2.1", 24, true),
            adapter(2, "192.0.2.2", 24, false),
            down,
            adapter(4, "2001:db8::1", 64, true),
            adapter(5, "192.0.2.5", 24, true),
        ];
        let found: Vec<_> = broadcast_adapters(&adapters)
            .map(|found| found.index)
            .collect();
        assert_eq!(found, [1, 5]);
    }
}
