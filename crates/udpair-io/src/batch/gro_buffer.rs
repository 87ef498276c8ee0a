//! The content of one kernel message: one datagram, or several coalesced datagrams of one length
//! and one sender.
//!
//! It begins in a buffer of the pool, which is far larger than most datagrams. Whatever outlives
//! the next call leaves that buffer, unless it fills a good part of it.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use super::Metadata;
use super::filled::Filled;
use super::owned::{ExactDatagram, OwnedDatagram, Payload, SharedBuffer};
use crate::memory::{Reservation, receive_memory, receive_memory_limit};
use crate::pool::{BUFFER_BYTES, Buffer};
use crate::segment;
use crate::system::headed::Headed;

/// The content of one kernel message, as far as it was not taken out.
#[derive(Debug)]
pub(super) struct GroBuffer {
    content: Content,
    /// How many bytes were already taken out.
    taken: usize,
    /// Bytes in total.
    length: usize,
    /// Bytes of each datagram; the last may have fewer.
    pub(super) segment: usize,
    pub(super) metadata: Metadata,
    pub(super) dropped_before: u32,
}

#[derive(Debug)]
enum Content {
    /// In the buffer into which it was received, until the next call.
    Received(Buffer),
    /// In that buffer, which the batch has reserved.
    Kept(Buffer),
    /// In memory of exactly its length, which the batch has reserved.
    Exact(ExactDatagram),
    /// Shared with datagrams that were taken out.
    Shared(Arc<SharedBuffer>),
}

impl Default for Content {
    /// Returns an empty content, which takes no memory.
    fn default() -> Self {
        Self::Received(Buffer::default())
    }
}

impl Content {
    /// Returns all bytes, also those that were taken out, and those after the end.
    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Received(buffer) | Self::Kept(buffer) => buffer.bytes(),
            Self::Exact(whole) => whole.bytes(),
            Self::Shared(shared) => &shared.bytes,
        }
    }
}

impl GroBuffer {
    #[inline]
    pub(super) fn new(buffer: Buffer, length: usize, segment: usize, metadata: Metadata) -> Self {
        Self {
            content: Content::Received(buffer),
            taken: 0,
            length,
            segment: segment.max(1),
            metadata,
            dropped_before: 0,
        }
    }

    /// Returns how many datagrams are left.
    #[inline]
    pub(super) fn datagrams(&self) -> usize {
        segment::count(self.bytes(), self.segment)
    }

    /// Returns how many bytes the datagrams that are left have in total. 0 after a datagram was
    /// taken out means that it was the last one.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.length - self.taken
    }

    /// Returns the bytes of the datagrams that are left.
    #[inline]
    pub(super) fn rest(&self) -> &[u8] {
        &self.content.bytes()[self.taken..self.length]
    }

    /// Returns how many bytes the batch has reserved for this content.
    pub(super) fn reserved(&self) -> usize {
        match &self.content {
            Content::Received(_) | Content::Shared(_) => 0,
            Content::Kept(_) => BUFFER_BYTES,
            Content::Exact(whole) => whole.bytes().len(),
        }
    }

    /// Takes the first datagram out.
    ///
    /// `reservation` is that of the batch.
    #[inline]
    pub(super) fn pop(&mut self, reservation: &mut Reservation) -> OwnedDatagram {
        let Content::Shared(shared) = &self.content else {
            return self.pop_unshared(reservation);
        };
        let (start, end) = (self.taken, self.length.min(self.taken + self.segment));
        self.taken = end;
        let dropped_before = mem::take(&mut self.dropped_before);
        OwnedDatagram::slice(shared.clone(), start, end, dropped_before)
    }

    /// Copies datagrams to the front of `buffer`, as many whole ones as fit, but at most
    /// `datagrams_max`, and at least one, of which the end may be missing. They are taken out.
    pub(super) fn pop_into(&mut self, buffer: &mut [u8], datagrams_max: usize) -> Filled {
        let left = self.bytes();
        let whole = left
            .min(buffer.len())
            .min(self.segment.saturating_mul(datagrams_max));
        let taken = match whole == left {
            true => left,
            // Of the last datagram that fits, nothing may be missing.
            false => (whole - whole % self.segment).max(self.segment.min(left)),
        };
        let copied = taken.min(buffer.len());
        buffer[..copied].copy_from_slice(&self.rest()[..copied]);
        let mut metadata = self.metadata;
        // Truncation removes the end of what the kernel delivered.
        metadata.is_truncated = copied < taken || metadata.is_truncated && taken == left;
        self.taken += taken;
        let mut filled = Filled::new(metadata, copied, self.segment.min(copied));
        filled.dropped_before = mem::take(&mut self.dropped_before);
        filled
    }

    /// Skips the first `count` datagrams, of which there are more than `count`.
    pub(super) fn skip(&mut self, count: usize) {
        self.taken += count * self.segment;
        if count > 0 {
            self.dropped_before = 0;
        }
    }

    /// Takes the first datagram out of content that is not shared yet.
    fn pop_unshared(&mut self, reservation: &mut Reservation) -> OwnedDatagram {
        let is_single = self.bytes() <= self.segment;
        let needs_sharing = match &self.content {
            Content::Received(_) => !is_single || self.bytes() > COPIED_BYTES_MAX,
            Content::Kept(_) => true,
            Content::Exact(_) => !is_single,
            Content::Shared(_) => false,
        };
        if needs_sharing {
            self.share(reservation);
            if let Content::Shared(_) = self.content {
                return self.pop(reservation);
            }
        }
        let (start, end) = (self.taken, self.length.min(self.taken + self.segment));
        self.taken = end;
        let datagram = match &mut self.content {
            Content::Exact(whole) if whole.bytes().len() == end - start => {
                let Content::Exact(whole) = mem::take(&mut self.content) else {
                    unreachable!("matched above")
                };
                whole
            }
            content => Headed::new(&self.metadata, &content.bytes()[start..end]),
        };
        let dropped_before = mem::take(&mut self.dropped_before);
        OwnedDatagram::exact(datagram, dropped_before)
    }

    /// Makes what is left hold no more than it needs, and returns the reservation for it; an empty
    /// one if it has one already.
    ///
    /// It leaves the buffer of the pool if it is short, or if the limit is reached.
    pub(super) fn compact(&mut self) -> Reservation {
        let Content::Received(buffer) = &mut self.content else {
            return Reservation::default();
        };
        let buffer = mem::take(buffer);
        if self.bytes() > COPIED_BYTES_MAX
            && let Some(reservation) = Reservation::within_limit(BUFFER_BYTES)
        {
            self.content = Content::Kept(buffer);
            return reservation;
        }
        let rest = Headed::new(&self.metadata, &buffer.bytes()[self.taken..self.length]);
        self.content = Content::Exact(rest);
        (self.taken, self.length) = (0, self.bytes());
        Reservation::beyond_limit(self.length)
    }

    /// Lets the datagrams share what is left, if the limit allows it. Otherwise each of them is
    /// copied.
    fn share(&mut self, reservation: &mut Reservation) {
        if let Content::Received(_) = self.content {
            // What it is compacted to is also what it is shared as.
            reservation.append(self.compact());
        }
        if receive_memory() > receive_memory_limit() {
            return;
        }
        let _reserved = reservation.split(self.reserved());
        let bytes = match mem::take(&mut self.content) {
            Content::Received(bytes) | Content::Kept(bytes) => {
                Bytes::from_owner(Counted { bytes, _reserved })
            }
            Content::Exact(whole) => {
                let bytes = Payload(whole);
                Bytes::from_owner(Counted { bytes, _reserved })
            }
            Content::Shared(_) => unreachable!("it is shared only once"),
        };
        let metadata = self.metadata;
        self.content = Content::Shared(Arc::new(SharedBuffer { bytes, metadata }));
    }
}

/// Bytes that are counted as long as they exist.
struct Counted<T> {
    bytes: T,
    _reserved: Reservation,
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Counted<T> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

/// A quarter of a buffer. Up to this length a copy costs little more than sharing, and does not
/// hold a far larger buffer.
const COPIED_BYTES_MAX: usize = 16 * 1024;
