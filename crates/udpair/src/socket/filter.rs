//! Which received datagrams reach the application.
//!
//! A connected socket delivers datagrams from one peer only. The kernel applies the same rule, but
//! only to datagrams that arrive after `connect(2)`: those queued since `bind(2)` stay in the
//! receive buffer, whoever sent them. This filter stops those.
//!
//! Pure: no I/O and no clock. It runs once per datagram, so it never allocates.

use std::net::SocketAddr;

/// Returns whether a datagram from `from` may be delivered by a socket whose peer is `peer`; `None`
/// is a socket that hears everybody.
///
/// Both are addresses as the kernel reports them: no IPv4-mapped form, no flow label, and the zone
/// set where there is one.
pub(super) fn admits(peer: Option<&SocketAddr>, from: &SocketAddr) -> bool {
    peer.is_none_or(|peer| peer == from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CON-08, CON-09
    #[test]
    fn only_the_peers_address_and_port_pass() {
        for (peer, from, admitted) in [
            (None, "192.0.2.1:5", true),
            (Some("192.0.2.1:5"), "192.0.2.1:5", true),
            (Some("192.0.2.1:5"), "192.0.2.1:6", false),
            (Some("192.0.2.1:5"), "192.0.2.2:5", false),
            (Some("[2001:db8::1]:5"), "[2001:db8::1]:5", true),
            (Some("[fe80::1%2]:5"), "[fe80::1%2]:5", true),
            (Some("[fe80::1%2]:5"), "[fe80::1%3]:5", false),
            (Some("[::1]:5"), "127.0.0.1:5", false),
        ] {
            let peer: Option<SocketAddr> = peer.map(|text| text.parse().unwrap());
            let from = from.parse().unwrap();
            assert_eq!(admits(peer.as_ref(), &from), admitted, "{peer:?} {from}");
        }
    }
}
