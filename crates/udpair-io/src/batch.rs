//! Datagrams to send, received datagrams, and the metadata of each.

mod filled;
mod filter_stats;
mod gro_buffer;
mod owned;
mod receive;
mod send;

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

pub use filled::{Filled, filter_filled};
pub use filter_stats::FilterStats;
pub use owned::OwnedDatagram;
pub use receive::{Datagram, Datagrams, RecvBatch, filter_again, filter_received};
#[allow(
    unused_imports,
    reason = "only engines that send several datagrams need it"
)]
pub(crate) use send::Segments;
pub use send::SendBatch;

/// One datagram to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The bytes of the datagram. An empty payload is sent as an empty datagram.
    pub payload: &'a [u8],
    /// The destination. `None` sends to the peer of a connected socket.
    pub to: Option<Destination>,
}

/// Datagrams of one length to one destination, back to back in memory.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The bytes of all datagrams. Without bytes, this is one empty datagram where that is allowed.
    pub payload: &'a [u8],
    /// The length of each datagram in bytes, at least 1; the last may be shorter.
    pub segment: usize,
    /// The destination. `None` sends to the peer of a connected socket.
    pub to: Option<Destination>,
}

impl<'a> Run<'a> {
    /// Returns the first datagram.
    pub fn first(&self) -> Outgoing<'a> {
        Outgoing {
            payload: &self.payload[..self.segment.min(self.payload.len())],
            to: self.to,
        }
    }

    /// Returns the number of datagrams. A run without bytes is one empty datagram.
    pub fn datagrams(&self) -> usize {
        self.payload.len().div_ceil(self.segment).max(1)
    }
}

/// Where a datagram goes, the local address and adapter that it is sent from, and what the header
/// of its packet says.
///
/// ```
/// # use udpair_io::{Destination, PacketHeader};
/// # use std::net::SocketAddr;
/// # let address = SocketAddr::from(([192, 0, 2, 1], 9));
/// let to = Destination {
///     header: PacketHeader {
///         hop_limit: Some(7),
///         ..PacketHeader::default()
///     },
///     ..Destination::from(address)
/// };
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Destination {
    /// The address and port of the receiver.
    pub address: SocketAddr,
    /// The local address and adapter to send from.
    pub source: Source,
    /// What the header of the packet says.
    pub header: PacketHeader,
}

/// The local address and adapter that a datagram is sent from. By default, the address is the one
/// that the socket is bound to, and the system chooses what the socket leaves open.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Source {
    /// One of this machine's addresses, of the destination's family. `None`: the address that the
    /// socket is bound to; if it is bound to none, the system chooses.
    pub address: Option<IpAddr>,
    /// The index of the adapter to send through. `None`: the system chooses.
    pub adapter: Option<u32>,
}

impl Source {
    /// Returns whether neither the address nor the adapter is chosen for the datagram.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }
}

/// What the header of a datagram's packet says, for one datagram. By default, it says what the
/// socket's options say.
///
/// Not every engine supports this; see
/// [`Capabilities::send_header`](crate::Capabilities::send_header).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct PacketHeader {
    /// The hop limit (IPv4: TTL), 1 to 255, of a datagram to a host or to a group. `None`: the
    /// socket's.
    pub hop_limit: Option<u8>,
    /// The differentiated services code point, 0 to 63 (RFC 2474, section 3). `None`: the socket's.
    pub dscp: Option<u8>,
    /// The two ECN bits, 0 to 3 (RFC 3168, section 5). `None`: the socket's.
    pub ecn: Option<u8>,
}

impl PacketHeader {
    /// Returns whether the socket's options decide about everything.
    #[inline]
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether every number is in its range.
    pub fn is_valid(&self) -> bool {
        self.hop_limit != Some(0)
            && self.dscp.is_none_or(|dscp| dscp <= DSCP_MAX)
            && self.ecn.is_none_or(|ecn| ecn <= ECN_MAX)
    }

    /// Returns the traffic class that code point and ECN bits make, where `default` is that of the
    /// socket; `None` if neither is chosen.
    #[allow(dead_code, reason = "only engines that choose headers need it")]
    pub(crate) fn traffic_class(&self, default: impl FnOnce() -> u8) -> Option<u8> {
        let (dscp, ecn) = match (self.dscp, self.ecn) {
            (None, None) => return None,
            (Some(dscp), Some(ecn)) => (dscp, ecn),
            (dscp, ecn) => {
                let class = default();
                (
                    dscp.unwrap_or(class >> ECN_BITS),
                    ecn.unwrap_or(class & ECN_MAX),
                )
            }
        };
        Some((dscp << ECN_BITS) | ecn)
    }
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            source: Source::default(),
            header: PacketHeader::default(),
        }
    }
}

/// What an engine reports about a received datagram in addition to its payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Metadata {
    /// The sender. On a dual-stack socket too, an IPv4 sender has a plain IPv4 address.
    pub remote: SocketAddr,
    /// The address that the datagram was sent to, which may be a multicast group's or a broadcast
    /// address. `None` where the engine does not report it.
    pub to: Option<IpAddr>,
    /// The address of this machine that received the datagram, from which a reply is sent. It is
    /// `to`, except for multicast and broadcast: then it is an address of the adapter. `None` where
    /// the engine does not report it; on Linux, for groups of IPv6.
    pub local: Option<IpAddr>,
    /// The index of the adapter on which the datagram arrived. `None` where the engine does not
    /// report it.
    pub adapter: Option<u32>,
    /// The two ECN bits of its packet (RFC 3168, section 5). `None` where the engine does not
    /// report them.
    pub ecn: Option<u8>,
    /// The hop limit (TTL) of its packet on arrival. `None` where the engine does not report it.
    pub hop_limit: Option<u8>,
    /// When the kernel received it; for coalesced datagrams, when it received the first of them.
    /// `None` where the engine does not report it, or was not asked to.
    pub timestamp: Option<SystemTime>,
    /// How many datagrams the kernel had dropped on this socket when this one was queued, modulo
    /// 2³². `None` before the first drop, and where the engine does not report it.
    pub drops: Option<u32>,
    /// Whether the datagram was truncated: its end is missing.
    pub is_truncated: bool,
}

impl Metadata {
    /// Returns metadata in which only the sender is known.
    pub(crate) fn of_sender(remote: SocketAddr) -> Self {
        Self {
            remote,
            to: None,
            local: None,
            adapter: None,
            ecn: None,
            hop_limit: None,
            timestamp: None,
            drops: None,
            is_truncated: false,
        }
    }

    /// Returns where a reply goes, and from where: to the sender, from the [`local`](Self::local)
    /// address. Nothing is sent by this.
    ///
    /// A client accepts a reply only from the address that it asked. Without
    /// [`Source::address`], the system would choose the address by the route to the client, and on
    /// a machine with several addresses that may be another one.
    ///
    /// If `local` is `None`, the reply leaves from the address that the socket is bound to, or from
    /// one that the system chooses.
    ///
    /// The adapter is set only for link-local senders, because a link-local address means a
    /// different host on each adapter. For all other senders, the routing table chooses the adapter
    /// of the reply, which may be another one than that on which the datagram arrived.
    #[must_use = "this sends nothing; it is a destination to send to"]
    pub fn reply(&self) -> Destination {
        let is_link_local = match self.remote.ip() {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        Destination {
            address: self.remote,
            source: Source {
                address: self.local,
                adapter: self.adapter.filter(|_| is_link_local),
            },
            header: PacketHeader::default(),
        }
    }
}

/// How many payload bytes one message of the kernel has at most, be it one datagram or several
/// coalesced ones: what the length field of a UDP packet can say (RFC 768).
pub const MESSAGE_BYTES_MAX: usize = 65_535;

/// The number of ECN bits, which are the low bits of a traffic class (RFC 3168, section 5).
const ECN_BITS: u32 = 2;

/// The largest number of two bits.
const ECN_MAX: u8 = 3;

/// The largest number of six bits.
const DSCP_MAX: u8 = 63;
