//! The zone of an IPv6 address that came without one (RFC 4007, section 6).
//!
//! A link-local address names a different host on each adapter, and DNS cannot say which.

use std::io;
use std::net::{SocketAddr, SocketAddrV6};

use udpair_io::Adapter;

use crate::name::needs_zone;

/// Returns `address` with the zone it needs: its own, else `preferred`, else that of the only adapter
/// that could be meant. Without any of these it stays as it is.
pub(crate) fn with_zone(
    address: SocketAddr,
    preferred: Option<u32>,
    adapters: &dyn Fn() -> io::Result<Vec<Adapter>>,
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

/// Returns the index of the one adapter that carries multicast, as link-local addresses need it.
fn only_adapter(adapters: &[Adapter]) -> Option<u32> {
    let mut suitable = adapters
        .iter()
        .filter(|adapter| adapter.is_up && adapter.is_multicast && !adapter.is_loopback);
    let first = suitable.next()?;
    suitable.next().is_none().then_some(first.index)
}
