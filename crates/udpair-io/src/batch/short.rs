//! Short received datagrams, each copied into one allocation with its metadata.

use bytes::Bytes;

use super::Metadata;
use crate::pool::COPIED_BYTES_MAX;

/// A copy of a short datagram, in one allocation with its metadata.
///
/// The storage has one of four fixed lengths, so that it can be allocated without unsafe code. Most
/// datagrams are either very short or about as long as a packet.
#[derive(Debug)]
pub(super) struct ShortDatagram<Storage: ?Sized = [u8]> {
    metadata: Metadata,
    length: usize,
    storage: Storage,
}

impl ShortDatagram {
    /// Copies a datagram of up to [`COPIED_BYTES_MAX`] bytes.
    #[inline]
    pub(super) fn copy(payload: &[u8], metadata: &Metadata) -> Box<Self> {
        match payload.len() {
            0..=64 => ShortDatagram::<[u8; 64]>::copy_into(payload, metadata),
            65..=256 => ShortDatagram::<[u8; 256]>::copy_into(payload, metadata),
            257..=1024 => ShortDatagram::<[u8; 1024]>::copy_into(payload, metadata),
            _ => ShortDatagram::<[u8; COPIED_BYTES_MAX]>::copy_into(payload, metadata),
        }
    }

    #[inline]
    pub(super) fn payload(&self) -> &[u8] {
        &self.storage[..self.length]
    }

    #[inline]
    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl<const LENGTH: usize> ShortDatagram<[u8; LENGTH]> {
    fn copy_into(payload: &[u8], metadata: &Metadata) -> Box<Self> {
        let mut datagram = Box::new(Self {
            metadata: *metadata,
            length: payload.len(),
            storage: [0; LENGTH],
        });
        datagram.storage[..payload.len()].copy_from_slice(payload);
        datagram
    }
}

impl Clone for Box<ShortDatagram> {
    fn clone(&self) -> Self {
        ShortDatagram::copy(self.payload(), &self.metadata)
    }
}

/// The payload of a short datagram, as the owner of a [`Bytes`].
struct Payload(Box<ShortDatagram>);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.0.payload()
    }
}

impl From<Box<ShortDatagram>> for Bytes {
    fn from(datagram: Box<ShortDatagram>) -> Self {
        Self::from_owner(Payload(datagram))
    }
}
