//! The zone of an IPv6 address that was given without one (RFC 4007, section 6).
//!
//! A link-local address names a different host on each adapter, and DNS cannot say which.

use std::io;
use std::net::{SocketAddr, SocketAddrV6};

use udpair_io::Adapter;

use crate::name::needs_zone;

/// Returns the zone of `address`; `None` if it has none.
pub(crate) fn zone_of(address: SocketAddr) -> Option<u32> {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(v6.scope_id()),
        _ => None,
    }
}

/// Returns `address` in another zone, if it has a zone.
pub(crate) fn in_zone(mut address: SocketAddr, zone: u32) -> SocketAddr {
    if let SocketAddr::V6(v6) = &mut address
        && v6.scope_id() != 0
    {
        v6.set_scope_id(zone);
    }
    address
}

/// Returns `address` with the zone it needs: its own, otherwise `preferred`, otherwise that of the
/// only suitable adapter. If there is none of these, `address` stays as it is.
pub(crate) fn with_zone(
    address: SocketAddr,
    preferred: Option<u32>,
    adapters: impl Fn() -> io::Result<Vec<Adapter>>,
) -> SocketAddr {
    let SocketAddr::V6(v6) = address else {
        return address;
    };
    if v6.scope_id() != 0 || !needs_zone(*v6.ip()) {
        return address;
    }
    let zone = preferred.or_else(|| only_adapter(&adapters().unwrap_or_default()));
    SocketAddrV6::new(*v6.ip(), v6.port(), 0, zone.unwrap_or(0)).into()
}

/// Returns the index of the only adapter that supports multicast, which link-local addresses need;
/// `None` if there are several or none.
fn only_adapter(adapters: &[Adapter]) -> Option<u32> {
    let mut suitable = adapters
        .iter()
        .filter(|adapter| adapter.is_up && adapter.is_multicast && !adapter.is_loopback);
    let first = suitable.next()?;
    suitable.next().is_none().then_some(first.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an adapter that is up.
    fn adapter(index: u32, is_loopback: bool) -> Adapter {
        let mut adapter = udpair_io::adapters().unwrap().swap_remove(0);
        adapter.index = index;
        adapter.is_loopback = is_loopback;
        adapter.is_multicast = !is_loopback;
        adapter.is_up = true;
        adapter
    }

    /// ADR-04
    #[test]
    fn a_zone_comes_from_the_address_the_socket_or_the_only_adapter() {
        let one = vec![adapter(1, true), adapter(2, false)];
        let two = vec![adapter(1, true), adapter(2, false), adapter(3, false)];
        for (address, preferred, adapters, expected) in [
            ("[fe80::1]:5", None, &one, "[fe80::1%2]:5"),
            ("[fe80::1]:5", Some(7), &one, "[fe80::1%7]:5"),
            ("[fe80::1%9]:5", Some(7), &one, "[fe80::1%9]:5"),
            ("[fe80::1]:5", None, &two, "[fe80::1]:5"),
            ("[fe80::1]:5", Some(3), &two, "[fe80::1%3]:5"),
            ("[ff02::fb]:5", None, &one, "[ff02::fb%2]:5"),
            ("[ff0e::fb]:5", None, &one, "[ff0e::fb]:5"),
            ("[2001:db8::1]:5", Some(7), &one, "[2001:db8::1]:5"),
            ("192.0.2.1:5", Some(7), &one, "192.0.2.1:5"),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            let adapters = adapters.clone();
            let found = with_zone(address, preferred, &move || Ok(adapters.clone()));
            assert_eq!(found, expected.parse().unwrap(), "{address} {preferred:?}");
        }
    }
}
