//! Datagrams on their way in or out, and what is known of each.

use std::io;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use crate::pool::Buffer;

/// One datagram to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The bytes of the datagram; none is a datagram too.
    pub payload: &'a [u8],
    /// Where it goes; `None` sends to the peer of a connected socket.
    pub to: Option<SocketAddr>,
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
            drops: None,
            truncated: false,
        }
    }
}

/// A received datagram, borrowed from its batch.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The bytes of the datagram.
    pub payload: &'a [u8],
    /// What else is known of it.
    pub metadata: &'a Metadata,
}

/// Room for received datagrams: filled by one call of an engine, then read or emptied.
///
/// The buffers come from a pool that the process shares, are fetched when a datagram is about to be
/// received and go back when the batch is cleared or dropped.
#[derive(Debug)]
pub struct RecvBatch {
    limit: usize,
    filled: Vec<Filled>,
}

#[derive(Debug)]
struct Filled {
    buffer: Buffer,
    length: usize,
    metadata: Metadata,
}

impl RecvBatch {
    /// Returns an empty batch that takes up to `limit` datagrams a call, at least one.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            filled: Vec::new(),
        }
    }

    /// Returns how many datagrams the batch holds.
    pub fn len(&self) -> usize {
        self.filled.len()
    }

    /// Returns whether the batch holds no datagram.
    pub fn is_empty(&self) -> bool {
        self.filled.is_empty()
    }

    /// Returns whether the batch takes no more.
    pub(crate) fn is_full(&self) -> bool {
        self.filled.len() >= self.limit
    }

    /// Returns the datagrams in arrival order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Datagram<'_>> {
        self.filled.iter().map(|filled| Datagram {
            payload: &filled.buffer.bytes()[..filled.length],
            metadata: &filled.metadata,
        })
    }

    /// Takes the datagrams out in arrival order, each with bytes of its own.
    pub fn drain(&mut self) -> impl ExactSizeIterator<Item = (Bytes, Metadata)> {
        self.filled.drain(..).map(|filled| {
            let payload = Bytes::copy_from_slice(&filled.buffer.bytes()[..filled.length]);
            (payload, filled.metadata)
        })
    }

    /// Forgets the datagrams and gives their buffers back.
    pub fn clear(&mut self) {
        self.filled.clear();
    }

    /// Adds the datagram that `receive` writes into the buffer it is given; it returns the length and
    /// the rest. The buffer holds any UDP datagram whole.
    pub(crate) fn push_with(
        &mut self,
        receive: impl FnOnce(&mut [u8]) -> io::Result<(usize, Metadata)>,
    ) -> io::Result<()> {
        let mut buffer = Buffer::take();
        let (length, metadata) = receive(buffer.bytes_mut())?;
        self.filled.push(Filled {
            buffer,
            length,
            metadata,
        });
        Ok(())
    }
}
