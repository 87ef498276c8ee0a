//! What a socket receives: messages, and what the network says about datagrams of ours.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use bytes::Bytes;
use udpair_io::{Adapter, Destination, Membership, NetworkError, OwnedDatagram};

use crate::observe;

pub use udpair_io::NetworkErrorKind as PeerErrorKind;

/// One received datagram, and what is known of it.
///
/// What the system or the engine in use cannot tell is `None`; see
/// [`Engine::capabilities`](udpair_io::Engine::capabilities).
///
/// # Model
///
/// `DatagramSocketMessageReceivedEventArgs` (MSG-07 to MSG-11, MSG-20).
#[derive(Clone, Debug)]
pub struct Message(OwnedDatagram);

impl Message {
    #[inline]
    pub(crate) fn new(datagram: OwnedDatagram) -> Self {
        Self(datagram)
    }

    /// Returns the bytes of the datagram; none for an empty one, which is a datagram too.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.0.payload()
    }

    /// Returns the bytes of the datagram without copying them; see [`detach`](Self::detach).
    pub fn into_payload(self) -> Bytes {
        self.0.into_payload()
    }

    /// Gives the message a copy of its bytes, of about their length.
    ///
    /// Datagrams that came in one piece share a buffer of 64 KiB, which lives as long as one of them. A
    /// small message that is kept for long should not hold it; and while 128 such buffers are held, what
    /// the process receives is copied anyway.
    #[must_use = "the message itself is what was detached"]
    pub fn detach(self) -> Self {
        Self(self.0.detach())
    }

    /// Returns who sent it. An IPv4 sender has an IPv4 address on a dual-stack socket too.
    pub fn remote(&self) -> SocketAddr {
        self.0.metadata().from
    }

    /// Returns where a reply goes, for [`send_to`](crate::DatagramSocket::send_to): to the sender, from
    /// the address of this machine that the message was sent to.
    ///
    /// A machine with several addresses would else answer from the one that the routing table prefers,
    /// and whoever asked would not know the answer for his.
    pub fn reply(&self) -> Destination {
        self.0.metadata().reply()
    }

    /// Returns the address of this machine that received it: for multicast and broadcast the
    /// adapter's own (MSG-11).
    ///
    /// Linux says which that is, except for IPv6 groups: there the adapters are listed, and the address is
    /// one of the group's scope.
    pub fn local(&self) -> Option<IpAddr> {
        let metadata = self.0.metadata();
        metadata.local.or_else(|| {
            let group = metadata.to.filter(IpAddr::is_multicast)?;
            let adapters = udpair_io::adapters().ok()?;
            let mut adapters = adapters.iter();
            let adapter = adapters.find(|adapter| Some(adapter.index) == metadata.adapter)?;
            address_of_scope(adapter, group)
        })
    }

    /// Returns the index of the adapter that it came in by.
    pub fn adapter(&self) -> Option<u32> {
        self.0.metadata().adapter
    }

    /// Returns the ECN bits of its packet, 0 to 3 (RFC 3168, section 5).
    pub fn ecn(&self) -> Option<u8> {
        self.0.metadata().ecn
    }

    /// Returns the hop limit (IPv4: TTL) that its packet had left.
    pub fn hop_limit(&self) -> Option<u8> {
        self.0.metadata().hop_limit
    }

    /// Returns when the kernel received it, by the system's clock. `None` unless the socket was opened
    /// with [`timestamps`](crate::Builder::timestamps).
    ///
    /// Of datagrams that came in one piece, all have the time of the first.
    pub fn timestamp(&self) -> Option<SystemTime> {
        self.0.metadata().timestamp
    }

    /// Returns how many datagrams the kernel dropped on this socket, for want of room, between the
    /// message before and this one.
    ///
    /// Exact with [`receive_offload`](crate::Builder::receive_offload) off; a lower bound otherwise,
    /// because the kernel then counts what it coalesced as one.
    pub fn dropped_before(&self) -> u32 {
        self.0.dropped_before()
    }

    /// Returns whether the system cut off its end; no buffer of ours is too small for a datagram.
    pub fn truncated(&self) -> bool {
        self.0.metadata().truncated
    }
}

/// Returns the address of an adapter that has the scope of a group (RFC 4291, section 2.7), or else any of
/// its family.
fn address_of_scope(adapter: &Adapter, group: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(group) = group else {
        return None;
    };
    let addresses = adapter.addresses.iter().map(|address| address.ip);
    let mut addresses = addresses.filter(IpAddr::is_ipv6);
    let is_of_link = group.octets()[1] & SCOPE_MASK <= LINK_LOCAL_SCOPE;
    let has_scope =
        |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local() == is_of_link);
    let other = addresses.clone().next();
    addresses.find(has_scope).or(other)
}

/// The scope of a group stands in the lower half of its second octet.
const SCOPE_MASK: u8 = 0x0f;

/// Interface-local is 1, link-local 2; what is wider comes after.
const LINK_LOCAL_SCOPE: u8 = 2;

/// An error that the network sent back for a datagram of ours.
///
/// It ends nothing: the socket goes on receiving and sending. A connected socket hears of its peer's
/// closed port on every system; the rest depends on
/// [`Engine::capabilities`](udpair_io::Engine::capabilities).
///
/// # Model
///
/// MSG-12 to MSG-15; every ICMP error is reported here, with its kind, its reporter and the MTU.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerError(NetworkError);

impl PeerError {
    /// Takes an error that the network has just sent back.
    pub(crate) fn new(error: NetworkError) -> Self {
        observe::peer_error(error.destination, &error.kind, error.mtu);
        Self(error)
    }

    /// Returns where the lost datagram was going; `None` where the system does not say.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.0.destination
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> PeerErrorKind {
        self.0.kind
    }

    /// Returns the largest packet that the path takes, in bytes, if it was too big for it.
    pub fn mtu(&self) -> Option<u32> {
        self.0.mtu
    }

    /// Returns who said so: the destination itself or a router; `None` where the system does not say.
    pub fn reporter(&self) -> Option<IpAddr> {
        self.0.reporter
    }
}

/// Something that happened on a socket.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A datagram came in.
    Message(Message),
    /// The network sent an error back.
    PeerError(PeerError),
    /// A multicast group is heard on one adapter more, or on one less.
    MembershipChanged(MembershipChange),
}

/// A group that is heard on one adapter more, or on one less, because the network changed.
///
/// What [`join_multicast`](crate::DatagramSocket::join_multicast) itself brings about, it returns.
///
/// # Model
///
/// MCG-07: the model leaves it to the application to join again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MembershipChange {
    membership: Membership,
    is_member: bool,
}

impl MembershipChange {
    pub(crate) fn new(membership: Membership, is_member: bool) -> Self {
        Self {
            membership,
            is_member,
        }
    }

    /// Returns the group's address.
    pub fn group(&self) -> IpAddr {
        self.membership.group
    }

    /// Returns the one sender that is heard there; `None` for everybody.
    pub fn source(&self) -> Option<IpAddr> {
        self.membership.source
    }

    /// Returns the index of the adapter.
    pub fn adapter(&self) -> u32 {
        self.membership.adapter
    }

    /// Returns whether the group is heard there now.
    pub fn is_member(&self) -> bool {
        self.is_member
    }
}

#[cfg(test)]
mod tests {
    use udpair_io::AdapterAddress;

    use super::*;

    /// MSG-11
    #[test]
    fn a_group_is_received_by_an_address_of_its_scope() {
        let adapter = |addresses: &[&str]| {
            let mut adapter = Adapter::new("eth0", 2);
            let addresses = addresses.iter().map(|ip| ip.parse().unwrap());
            adapter.addresses = addresses.map(|ip| AdapterAddress::new(ip, None)).collect();
            adapter
        };
        let both = ["192.0.2.1", "2001:db8::1", "fe80::1"];
        for (addresses, group, expected) in [
            (&both as &[_], "ff02::1", Some("fe80::1")),
            (&both, "ff05::1", Some("2001:db8::1")),
            (&both, "ff3e::1", Some("2001:db8::1")),
            (&both[..1], "ff02::1", None),
            (&both[1..2], "ff02::1", Some("2001:db8::1")),
            (&both, "224.0.0.1", None),
        ] {
            let found = address_of_scope(&adapter(addresses), group.parse().unwrap());
            let expected = expected.map(|ip| ip.parse().unwrap());
            assert_eq!(found, expected, "{addresses:?} {group}");
        }
    }
}
