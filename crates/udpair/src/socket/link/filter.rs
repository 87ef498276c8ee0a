//! Which received datagrams reach the application.
//!
//! A connected socket delivers datagrams from one peer only. The kernel applies the same rule, but
//! only to datagrams that arrive after `connect(2)`: those queued since `bind(2)` stay in the
//! receive buffer, regardless of their sender. This filter drops those.
//!
//! A socket for multicast and broadcast only does not deliver datagrams that were sent to an
//! address of this machine.
//!
//! Pure: no I/O and no clock. It runs once per datagram, so it never allocates.

use std::net::{IpAddr, SocketAddr};

use crate::resolve::in_zone;

/// Returns whether a socket whose peer is `peer` may deliver a datagram from `from`. A socket
/// without a peer accepts every sender.
///
/// Both are addresses as the kernel reports them: no IPv4-mapped form, no flow label, and the zone
/// set where there is one. `zone` is the zone that the peer has now, if it has changed; 0
/// otherwise.
#[inline]
pub(crate) fn admits(peer: Option<&SocketAddr>, zone: u32, from: &SocketAddr) -> bool {
    peer.is_none_or(|peer| peer == from || (zone != 0 && in_zone(*peer, zone) == *from))
}

/// Returns whether a datagram that was sent to `to` is a multicast or a broadcast. `local` is the
/// local address that received the datagram. It differs from `to` if `to` is a broadcast address.
pub(crate) fn is_multicast_or_broadcast(to: Option<IpAddr>, local: Option<IpAddr>) -> bool {
    to.is_some_and(|to| to.is_multicast() || Some(to) != local)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MSG-21
    #[test]
    fn a_datagram_to_a_local_address_is_neither_multicast_nor_broadcast() {
        for (to, local, expected) in [
            (Some("192.0.2.1"), Some("192.0.2.1"), false),
            (Some("2001:db8::1"), Some("2001:db8::1"), false),
            (Some("192.0.2.255"), Some("192.0.2.1"), true),
            (Some("255.255.255.255"), Some("192.0.2.1"), true),
            (Some("224.3.0.5"), Some("192.0.2.1"), true),
            (Some("ff02::1"), None, true),
            (None, None, false),
        ] {
            let [to, local] = [to, local].map(|ip: Option<&str>| ip.map(|ip| ip.parse().unwrap()));
            assert_eq!(
                is_multicast_or_broadcast(to, local),
                expected,
                "{to:?} {local:?}"
            );
        }
    }

    /// CON-08, CON-09
    #[test]
    fn only_the_peers_address_and_port_pass() {
        for (peer, zone, from, admitted) in [
            (None, 0, "192.0.2.1:5", true),
            (Some("192.0.2.1:5"), 0, "192.0.2.1:5", true),
            (Some("192.0.2.1:5"), 0, "192.0.2.1:6", false),
            (Some("192.0.2.1:5"), 0, "192.0.2.2:5", false),
            (Some("192.0.2.1:5"), 3, "192.0.2.1:6", false),
            (Some("[2001:db8::1]:5"), 0, "[2001:db8::1]:5", true),
            (Some("[fe80::1%2]:5"), 0, "[fe80::1%2]:5", true),
            (Some("[fe80::1%2]:5"), 0, "[fe80::1%3]:5", false),
            (Some("[fe80::1%2]:5"), 3, "[fe80::1%3]:5", true),
            (Some("[fe80::1%2]:5"), 3, "[fe80::1%2]:5", true),
            (Some("[fe80::1%2]:5"), 3, "[fe80::1%4]:5", false),
            (Some("[fe80::1%2]:5"), 3, "[fe80::2%3]:5", false),
            (Some("[::1]:5"), 0, "127.0.0.1:5", false),
        ] {
            let peer: Option<SocketAddr> = peer.map(|text| text.parse().unwrap());
            let from = from.parse().unwrap();
            assert_eq!(
                admits(peer.as_ref(), zone, &from),
                admitted,
                "{peer:?} {zone} {from}"
            );
        }
    }
}
