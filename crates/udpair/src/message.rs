//! What a socket receives: messages, and what the network says about datagrams of ours.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use bytes::Bytes;
use udpair_io::{Destination, Membership, NetworkError, OwnedDatagram};

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

    /// Gives the message a copy of its bytes, of just their length.
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
    /// adapter's own, where the system says which (MSG-11).
    pub fn local(&self) -> Option<IpAddr> {
        self.0.metadata().local
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
