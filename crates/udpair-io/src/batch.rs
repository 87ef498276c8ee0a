//! Datagrams on their way in or out, and what is known of each.

mod alone;
mod receive;
mod send;

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

pub use receive::{
    Datagram, Datagrams, FilterStats, OwnedDatagram, RecvBatch, filter_again, filter_received,
};
pub use send::SendBatch;

/// One datagram to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The bytes of the datagram; none is a datagram too.
    pub payload: &'a [u8],
    /// Where it goes; `None` sends to the peer of a connected socket.
    pub to: Option<Destination>,
}

/// Where a datagram goes, and by which of this machine's addresses and adapters.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Destination {
    /// The address it is sent to.
    pub address: SocketAddr,
    /// Where it leaves from.
    pub source: Source,
}

/// Where a datagram leaves from; the default leaves both to the system.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Source {
    /// One of this machine's addresses, of the destination's family; `None` is the system's choice.
    pub address: Option<IpAddr>,
    /// The index of the adapter it leaves by; `None` is the system's choice.
    pub adapter: Option<u32>,
}

impl Source {
    /// Returns whether all is left to the system.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            source: Source::default(),
        }
    }
}

/// What an engine knows of a received datagram beside its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Metadata {
    /// The sender. An IPv4 sender is an IPv4 address on a dual-stack socket too.
    pub from: SocketAddr,
    /// The local address the datagram was sent to, a group's or broadcast address included; `None`
    /// where the engine cannot tell.
    pub to: Option<IpAddr>,
    /// The address of ours that a reply should leave from; differs from `to` for multicast and
    /// broadcast, and is `None` where the engine cannot tell.
    pub local: Option<IpAddr>,
    /// The index of the adapter it came in by; `None` where the engine cannot tell.
    pub adapter: Option<u32>,
    /// The two ECN bits of its packet (RFC 3168, section 5); `None` where the engine cannot tell.
    pub ecn: Option<u8>,
    /// The hop limit (TTL) that its packet had left; `None` where the engine cannot tell.
    pub hop_limit: Option<u8>,
    /// When the kernel received it; of datagrams that came coalesced, when the first of them was.
    /// `None` where the engine cannot tell, or was not asked to.
    pub timestamp: Option<SystemTime>,
    /// How many datagrams the kernel had dropped on this socket when this one was queued, modulo
    /// 2³²; `None` before the first drop and where the engine cannot tell.
    pub drops: Option<u32>,
    /// Whether the end of the datagram was cut off.
    pub truncated: bool,
}

impl Metadata {
    /// Returns what is known when only the sender is.
    pub(crate) fn of_sender(from: SocketAddr) -> Self {
        Self {
            from,
            to: None,
            local: None,
            adapter: None,
            ecn: None,
            hop_limit: None,
            timestamp: None,
            drops: None,
            truncated: false,
        }
    }

    /// Returns where a reply goes: to the sender, from the address and by the adapter that the
    /// datagram came to, as far as they are known.
    ///
    /// Without them a machine of several addresses may answer from another than it was asked at. The
    /// adapter is named for link-local senders alone, who are somebody else on each; everywhere else
    /// the way back is the routing table's to choose.
    pub fn reply(&self) -> Destination {
        let is_link_local = match self.from.ip() {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        Destination {
            address: self.from,
            source: Source {
                address: self.local,
                adapter: self.adapter.filter(|_| is_link_local),
            },
        }
    }
}
