//! A received datagram that is independent of its batch.

use std::sync::Arc;

use bytes::Bytes;

use super::Metadata;
use crate::system::headed::Headed;

/// A received datagram that is independent of its batch.
///
/// A datagram that arrived on its own is one allocation of its length and its metadata. The
/// datagrams of one GRO buffer share a buffer, so removing one from a batch costs no more than
/// incrementing a reference count.
#[derive(Clone, Debug)]
pub struct OwnedDatagram {
    content: Content,
    dropped_before: u32,
}

#[derive(Clone, Debug)]
enum Content {
    Exact(ExactDatagram),
    Slice {
        buffer: Arc<SharedBuffer>,
        start: usize,
        end: usize,
    },
}

/// A datagram in one allocation with its metadata.
pub(super) type ExactDatagram = Box<Headed<Metadata>>;

/// The datagrams of one kernel message, shared by the [`OwnedDatagram`]s that point into them.
#[derive(Debug)]
pub(super) struct SharedBuffer {
    pub(super) bytes: Bytes,
    pub(super) metadata: Metadata,
}

impl OwnedDatagram {
    /// Returns a datagram with its bytes in memory of its own.
    #[inline]
    pub(super) fn exact(datagram: ExactDatagram, dropped_before: u32) -> Self {
        Self {
            content: Content::Exact(datagram),
            dropped_before,
        }
    }

    /// Returns a datagram that is the bytes from `start` to `end` of a shared buffer.
    #[inline]
    pub(super) fn slice(
        buffer: Arc<SharedBuffer>,
        start: usize,
        end: usize,
        dropped_before: u32,
    ) -> Self {
        let content = Content::Slice { buffer, start, end };
        Self {
            content,
            dropped_before,
        }
    }

    /// Returns the bytes of the datagram. The payload of an empty datagram is empty.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        match &self.content {
            Content::Exact(datagram) => datagram.bytes(),
            Content::Slice { buffer, start, end } => &buffer.bytes[*start..*end],
        }
    }

    /// Returns the bytes of the datagram without copying them.
    pub fn into_payload(self) -> Bytes {
        match self.content {
            Content::Exact(datagram) => Bytes::from_owner(Payload(datagram)),
            Content::Slice { buffer, start, end } => buffer.bytes.slice(start..end),
        }
    }

    /// Returns the metadata that the engine reported for this datagram.
    #[inline]
    pub fn metadata(&self) -> &Metadata {
        match &self.content {
            Content::Exact(datagram) => datagram.head(),
            Content::Slice { buffer, .. } => &buffer.metadata,
        }
    }

    /// Returns how many datagrams the kernel dropped on this socket between the previous datagram
    /// and this one; see [`Datagram::dropped_before`](super::Datagram::dropped_before).
    pub fn dropped_before(&self) -> u32 {
        self.dropped_before
    }

    /// Returns the same datagram with its bytes in one allocation of its length, not in a shared
    /// buffer.
    #[must_use]
    pub fn detach(self) -> Self {
        match self.content {
            Content::Exact(_) => self,
            Content::Slice { .. } => {
                let copy = Headed::new(self.metadata(), self.payload());
                Self::exact(copy, self.dropped_before)
            }
        }
    }
}

/// The payload of a datagram, as the owner of a [`Bytes`].
pub(super) struct Payload(pub(super) ExactDatagram);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}
