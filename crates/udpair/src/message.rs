//! What a socket receives: messages, and events such as errors that the network sent back.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use udpair_io::{Adapter, Destination, Membership, Metadata, NetworkError, OwnedDatagram};

use crate::error::{Error, ErrorKind};
use crate::observe;

pub use udpair_io::NetworkErrorKind as PeerErrorKind;

/// A received datagram and its metadata.
///
/// Metadata that the system or the engine in use does not report is `None`; see
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

    /// Returns the payload of the datagram.
    ///
    /// It is empty for an empty datagram, which is a valid datagram too.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.0.payload()
    }

    /// Converts the message to its payload without copying it; see [`detach`](Self::detach).
    pub fn into_payload(self) -> Bytes {
        self.0.into_payload()
    }

    /// Copies the payload into memory of its own: one allocation for its bytes and its metadata,
    /// without room for more.
    ///
    /// A message that arrived by itself and has at most 16 KiB is such an allocation already, and
    /// is returned as it is. Beyond its length it takes about 160 bytes on 64-bit Linux. Datagrams
    /// that the kernel coalesced share a buffer, which is not freed before the last of them is
    /// dropped: one of exactly their length if they have at most 16 KiB together, otherwise one of
    /// 64 KiB. A longer message that arrived by itself has a buffer of 64 KiB too. A small message
    /// that is kept for a long time should not hold such a buffer. What these buffers hold in the
    /// process is limited; see [`set_receive_memory_limit`](crate::set_receive_memory_limit).
    #[must_use = "the message itself is what was detached"]
    pub fn detach(self) -> Self {
        Self(self.0.detach())
    }

    /// Returns the address of the sender.
    ///
    /// An IPv4 sender has an IPv4 address on a dual-stack socket too.
    pub fn remote(&self) -> SocketAddr {
        self.0.metadata().remote
    }

    /// Returns where a reply goes, and from where: to the sender, from the address of this machine
    /// that the sender asked. Nothing is sent by this; hand it to
    /// [`send_to`](crate::DatagramSocket::send_to).
    ///
    /// A client accepts a reply only from the address that it asked. If `send_to` were given only
    /// [`remote`](Self::remote), the system would choose the address by the route to the client,
    /// and on a machine with several addresses that may be another one.
    ///
    /// The reply leaves from another address than the one that was asked
    ///
    /// - if the message was sent to a group or a broadcast address, which nothing can be sent from:
    ///   it then leaves from an address of the adapter on which the message arrived. For groups of
    ///   IPv6 the system chooses the address by the route to the client.
    /// - if the engine does not report [`local`](Metadata::local) (see
    ///   [`Capabilities::local_address`](udpair_io::Capabilities::local_address)): then the address
    ///   that the socket is bound to counts, and if it is bound to none, the system chooses.
    ///
    /// The routing table chooses the adapter that the reply leaves through, except for link-local
    /// senders: those are reached only where the message arrived. If this machine has lost the
    /// address meanwhile, `send_to` fails, and sends from no other one.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn echo(socket: &udpair::DatagramSocket) -> Result<(), udpair::Error> {
    /// let message = socket.recv().await?;
    /// socket.send_to(message.payload(), message.reply()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "this sends nothing; hand it to `send_to`"]
    pub fn reply(&self) -> Destination {
        self.0.metadata().reply()
    }

    /// Returns the address of this machine that received the message. For multicast and broadcast
    /// this is the address of the adapter on which the message arrived (MSG-11).
    ///
    /// # Platform
    ///
    /// Linux reports the adapter's address, except for IPv6 groups. For those this method lists the
    /// adapters, and returns an address of the adapter that has the group's scope.
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

    /// Returns the address that the sender sent the message to.
    ///
    /// For a multicast message this is the address of the group, and for a broadcast the broadcast
    /// address; [`local`](Self::local) then is the address of the adapter. For any other message
    /// both are the same. `None` where the engine does not report it.
    pub fn to(&self) -> Option<IpAddr> {
        let metadata = self.0.metadata();
        metadata.to.or(metadata.local)
    }

    /// Returns all that the engine reported about the message.
    pub fn metadata(&self) -> &Metadata {
        self.0.metadata()
    }

    /// Returns the index of the adapter (network interface) on which the message arrived.
    pub fn adapter(&self) -> Option<u32> {
        self.0.metadata().adapter
    }

    /// Returns the ECN bits of the message's packet, 0 to 3 (RFC 3168, section 5).
    pub fn ecn(&self) -> Option<u8> {
        self.0.metadata().ecn
    }

    /// Returns the hop limit (IPv4: TTL) that the message's packet had on arrival.
    pub fn hop_limit(&self) -> Option<u8> {
        self.0.metadata().hop_limit
    }

    /// Returns when the kernel received the message, by the system's clock.
    ///
    /// `None` unless the socket was opened with [`timestamps`](crate::Builder::timestamps).
    /// Datagrams that the kernel coalesced all have the time of the first one.
    pub fn timestamp(&self) -> Option<SystemTime> {
        self.0.metadata().timestamp
    }

    /// Returns how many datagrams the kernel dropped on this socket, because the receive buffer was
    /// full, between the previous message and this one.
    ///
    /// The number is exact if [`receive_offload`](crate::Builder::receive_offload) is off.
    /// Otherwise it is a lower bound, because the kernel counts coalesced datagrams as one.
    pub fn dropped_before(&self) -> u32 {
        self.0.dropped_before()
    }

    /// Returns whether the system truncated the payload.
    ///
    /// This crate's receive buffers are never too small for a datagram.
    pub fn is_truncated(&self) -> bool {
        self.0.metadata().is_truncated
    }
}

/// Returns the datagram, which a program took from a batch, as a message.
///
/// ```
/// # fn messages(batch: &mut udpair::RecvBatch) {
/// while let Some(datagram) = batch.pop() {
///     let message = udpair::Message::from(datagram);
///     println!("{} bytes from {}", message.payload().len(), message.remote());
/// }
/// # }
/// ```
impl From<OwnedDatagram> for Message {
    #[inline]
    fn from(datagram: OwnedDatagram) -> Self {
        Self(datagram)
    }
}

/// Returns an address of an adapter that has the scope of an IPv6 group (RFC 4291, section 2.7). If
/// the adapter has none of that scope, returns its first IPv6 address.
fn address_of_scope(adapter: &Adapter, group: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(group) = group else {
        return None;
    };
    let addresses = adapter.addresses.iter().map(|address| address.ip);
    let mut addresses = addresses.filter(IpAddr::is_ipv6);
    let is_link_scope = group.octets()[1] & SCOPE_MASK <= LINK_LOCAL_SCOPE;
    let has_scope =
        |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local() == is_link_scope);
    let other = addresses.clone().next();
    addresses.find(has_scope).or(other)
}

/// The lower half of a group's second octet holds the scope.
const SCOPE_MASK: u8 = 0x0f;

/// Interface-local is 1, link-local is 2; wider scopes have higher numbers.
const LINK_LOCAL_SCOPE: u8 = 2;

/// An error that the network sent back for a datagram that this socket sent.
///
/// The error ends nothing: the socket goes on receiving and sending. On every system a connected
/// socket is notified when its peer's port is closed. Which other errors are reported depends on
/// [`Engine::capabilities`](udpair_io::Engine::capabilities).
///
/// # Model
///
/// MSG-12 to MSG-15. Every ICMP error is reported as a `PeerError`, with its kind, its reporter and
/// the MTU.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeerError {
    /// The kind of the error.
    pub kind: PeerErrorKind,
    /// The destination of the lost datagram; `None` where the system does not report it.
    pub destination: Option<SocketAddr>,
    /// The address that sent the error, the destination's or a router's; `None` where the system
    /// does not report it.
    pub reporter: Option<IpAddr>,
    /// The path MTU, the largest packet that the path carries, in bytes, if the datagram's packet
    /// was larger.
    pub mtu: Option<u32>,
}

impl PeerError {
    pub(crate) fn new(error: NetworkError) -> Self {
        Self {
            kind: error.kind,
            destination: error.destination,
            reporter: error.reporter,
            mtu: error.mtu,
        }
    }

    /// Returns the kind of error that this is to a request: that of a failure which no repetition
    /// of the datagram overcomes, such as a closed port. `None` for errors about one datagram or one
    /// path.
    pub fn unreachable(&self) -> Option<ErrorKind> {
        match self.kind {
            PeerErrorKind::PortUnreachable | PeerErrorKind::ProtocolUnreachable => {
                Some(ErrorKind::PeerUnreachable)
            }
            PeerErrorKind::HostUnreachable | PeerErrorKind::AdministrativelyProhibited => {
                Some(ErrorKind::HostUnreachable)
            }
            PeerErrorKind::NetworkUnreachable => Some(ErrorKind::NetworkUnreachable),
            _ => None,
        }
    }

    /// Returns this error as that of an operation. `action` says what could not be done.
    pub(crate) fn into_error(self, action: impl fmt::Display) -> Error {
        let kind = self.unreachable().unwrap_or(ErrorKind::Io);
        let what = format!("{:?}", self.kind);
        let mut message = match self.destination {
            Some(to) => format!("{action}: {what} for a datagram to {to}"),
            None => format!("{action}: {what}"),
        };
        if let Some(reporter) = self.reporter {
            message.push_str(&format!(", reported by {reporter}"));
        }
        Error::new(kind, message)
    }

    /// Emits the error as a tracing event. The caller holds no lock.
    pub(crate) fn observe(&self) {
        observe::peer_error(self.destination, &self.kind, self.mtu);
    }
}

/// An event of a socket, returned by [`next_event`](crate::DatagramSocket::next_event).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A datagram arrived.
    Message(Message),
    /// The network sent an error back.
    PeerError(PeerError),
    /// A queue on the route to a destination was full and dropped datagrams that this socket sent.
    SendDropped(SendDrop),
    /// A multicast group was joined or left on an adapter because the network changed.
    MembershipChanged(MembershipChange),
    /// An adapter that the socket is tied to was removed, or has come back.
    AttachmentChanged(AttachmentChange),
}

/// Datagrams to one destination that a full queue on their route dropped while they were sent.
///
/// Their writes succeeded: UDP promises no delivery, and a queue of another machine would have
/// dropped them without notice. [`Statistics::send_dropped`](crate::Statistics::send_dropped)
/// counts all of them.
///
/// # Platform
///
/// Linux reports drops by its own queues only (those of its adapters; `ENOBUFS` with `IP_RECVERR`,
/// ip(7)). Other systems report none.
///
/// # Model
///
/// OUT-16.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SendDrop {
    /// Where the datagrams were sent to.
    pub destination: SocketAddr,
    /// How many datagrams were dropped in a row.
    pub datagrams: u64,
}

impl SendDrop {
    pub(crate) fn new(destination: SocketAddr, datagrams: u64) -> Self {
        Self {
            destination,
            datagrams,
        }
    }

    /// Adds datagrams to the same destination.
    pub(crate) fn add(&mut self, datagrams: u64) {
        self.datagrams = self.datagrams.saturating_add(datagrams);
    }
}

/// A multicast group that was joined or left on an adapter because the network changed.
///
/// The memberships that a call to [`join_multicast`](crate::DatagramSocket::join_multicast) itself
/// creates are not reported as changes; the call returns them.
///
/// # Model
///
/// MCG-07: the model leaves it to the application to join again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MembershipChange {
    /// The address of the group.
    pub group: IpAddr,
    /// The one sender that the membership accepts; `None` if it accepts every sender.
    pub source: Option<IpAddr>,
    /// The index of the adapter.
    pub adapter: u32,
    /// Whether the socket is now a member of the group on this adapter.
    pub is_member: bool,
}

impl MembershipChange {
    pub(crate) fn new(membership: Membership, is_member: bool) -> Self {
        Self {
            group: membership.group,
            source: membership.source,
            adapter: membership.adapter,
            is_member,
        }
    }
}

/// An adapter (network interface) that a socket is tied to was removed, or has come back.
///
/// A socket is tied to an adapter by [`Builder::bind_on`](crate::Builder::bind_on), by
/// [`Builder::multicast_adapter`](crate::Builder::multicast_adapter), by a link-local IPv6 address
/// that it is bound or connected to, and by a connection to the limited broadcast address. While
/// the adapter is away, the socket receives nothing through it, and writes through it fail. The
/// socket uses the adapter again when it is back.
///
/// # Model
///
/// BND-06, MCG-07.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttachmentChange {
    /// The adapter: as it is now, or as it was before it was removed.
    pub adapter: Arc<Adapter>,
    /// Whether the socket uses the adapter again; `false` if the adapter was removed.
    pub is_attached: bool,
}

impl AttachmentChange {
    pub(crate) fn new(adapter: Arc<Adapter>, is_attached: bool) -> Self {
        Self {
            adapter,
            is_attached,
        }
    }
}

#[cfg(test)]
mod tests {
    use udpair_io::AdapterAddress;

    use super::*;

    /// MSG-11
    #[test]
    fn a_message_to_a_group_has_a_local_address_of_the_groups_scope() {
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
