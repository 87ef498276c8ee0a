//! A short datagram that came by itself, in one allocation with what is known of it.

use bytes::Bytes;

use super::Metadata;
use crate::pool::COPIED_BYTES_MAX;

/// See the module.
///
/// Its room has one of a few lengths, so that it can be made without unsafe code; most datagrams are either
/// very short or about as long as a packet.
#[derive(Debug)]
pub(super) struct Alone<Room: ?Sized = [u8]> {
    metadata: Metadata,
    length: usize,
    room: Room,
}

impl Alone {
    /// Copies a datagram of up to [`COPIED_BYTES_MAX`] bytes.
    #[inline]
    pub(super) fn copy(payload: &[u8], metadata: &Metadata) -> Box<Self> {
        match payload.len() {
            0..=64 => Alone::<[u8; 64]>::copy_into(payload, metadata),
            65..=256 => Alone::<[u8; 256]>::copy_into(payload, metadata),
            257..=1024 => Alone::<[u8; 1024]>::copy_into(payload, metadata),
            _ => Alone::<[u8; COPIED_BYTES_MAX]>::copy_into(payload, metadata),
        }
    }

    #[inline]
    pub(super) fn payload(&self) -> &[u8] {
        &self.room[..self.length]
    }

    #[inline]
    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl<const LENGTH: usize> Alone<[u8; LENGTH]> {
    fn copy_into(payload: &[u8], metadata: &Metadata) -> Box<Self> {
        let mut alone = Box::new(Self {
            metadata: *metadata,
            length: payload.len(),
            room: [0; LENGTH],
        });
        alone.room[..payload.len()].copy_from_slice(payload);
        alone
    }
}

impl Clone for Box<Alone> {
    fn clone(&self) -> Self {
        Alone::copy(self.payload(), &self.metadata)
    }
}

/// The bytes of one, for those who keep nothing else.
struct Payload(Box<Alone>);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.0.payload()
    }
}

impl From<Box<Alone>> for Bytes {
    fn from(alone: Box<Alone>) -> Self {
        Self::from_owner(Payload(alone))
    }
}
