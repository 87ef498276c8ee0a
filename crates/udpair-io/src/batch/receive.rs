//! Received datagrams, as they came from the kernel: one by one, or several in one piece.

use std::collections::VecDeque;
use std::collections::vec_deque;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::Metadata;
use crate::pool::Buffer;
use crate::segment;

/// A received datagram, borrowed from its batch.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    payload: &'a [u8],
    metadata: &'a Metadata,
    dropped_before: u32,
}

impl<'a> Datagram<'a> {
    /// Returns the bytes of the datagram; none for an empty one, which is a datagram too.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Returns who sent it. An IPv4 sender has an IPv4 address on a dual-stack socket too.
    #[inline]
    pub fn remote(&self) -> SocketAddr {
        self.metadata.from
    }

    /// Returns what else is known of it.
    #[inline]
    pub fn metadata(&self) -> &'a Metadata {
        self.metadata
    }

    /// Returns how many datagrams the kernel dropped on this socket between the one before and this
    /// one.
    ///
    /// With receive offload on the kernel counts what it coalesced as one, so this is a lower bound.
    pub fn dropped_before(&self) -> u32 {
        self.dropped_before
    }
}

/// A received datagram that may be kept.
///
/// It holds its bytes together with those that came in one piece with it, so that taking one out of a
/// batch costs no more than counting who holds them.
#[derive(Clone, Debug)]
pub struct OwnedDatagram {
    piece: Arc<Shared>,
    start: usize,
    end: usize,
    dropped_before: u32,
}

/// What one message of the kernel brought, in a form that many may hold.
#[derive(Debug)]
struct Shared {
    bytes: Bytes,
    metadata: Metadata,
}

impl OwnedDatagram {
    /// Returns the bytes of the datagram; none for an empty one, which is a datagram too.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.piece.bytes[self.start..self.end]
    }

    /// Returns the bytes of the datagram without copying them.
    pub fn into_payload(self) -> Bytes {
        self.piece.bytes.slice(self.start..self.end)
    }

    /// Returns what else is known of it.
    #[inline]
    pub fn metadata(&self) -> &Metadata {
        &self.piece.metadata
    }

    /// See [`Datagram::dropped_before`].
    pub fn dropped_before(&self) -> u32 {
        self.dropped_before
    }

    /// Returns the same datagram with a copy of its bytes, of just their length.
    #[must_use]
    pub fn detach(self) -> Self {
        let piece = Shared {
            bytes: Bytes::copy_from_slice(self.payload()),
            metadata: self.piece.metadata,
        };
        Self {
            end: piece.bytes.len(),
            start: 0,
            piece: Arc::new(piece),
            dropped_before: self.dropped_before,
        }
    }
}

/// Room for received datagrams: filled by a call that receives, then read or emptied.
///
/// The buffers come from a pool that the process shares, are fetched when datagrams are there and go
/// back when the batch is cleared, filled again or dropped.
#[derive(Debug, Default)]
pub struct RecvBatch {
    limit: usize,
    pieces: VecDeque<Piece>,
    datagrams: usize,
}

/// What one message of the kernel brought: a datagram, or several of one length and one sender.
#[derive(Debug)]
struct Piece {
    content: Content,
    /// How far it was taken out already.
    taken: usize,
    /// Bytes in all.
    length: usize,
    /// Bytes of each datagram; the last may have fewer.
    segment: usize,
    metadata: Metadata,
    dropped_before: u32,
}

#[derive(Debug)]
enum Content {
    Own(Buffer),
    Shared(Arc<Shared>),
}

impl RecvBatch {
    /// Returns an empty batch that takes up to `limit` messages of the kernel a call, at least one.
    ///
    /// With receive offload on one message may carry several datagrams (up to 64 KiB of them), so that a
    /// batch can hold more than `limit`.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            ..Self::default()
        }
    }

    /// Returns how many datagrams the batch holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.datagrams
    }

    /// Returns whether the batch holds no datagram.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.datagrams == 0
    }

    /// Takes up to `limit` messages of the kernel a call from now on, at least one.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// Returns how many messages one call may bring.
    pub fn limit(&self) -> usize {
        self.limit.max(1)
    }

    /// Returns the datagrams in arrival order.
    #[inline]
    pub fn iter(&self) -> Datagrams<'_> {
        Datagrams {
            pieces: self.pieces.iter(),
            current: None,
            left: self.datagrams,
        }
    }

    /// Returns how many messages of the kernel the datagrams came in.
    pub fn messages(&self) -> usize {
        self.pieces.len()
    }

    /// Returns how many bytes the datagrams have together.
    pub fn payload_bytes(&self) -> usize {
        self.pieces
            .iter()
            .map(|piece| piece.length - piece.taken)
            .sum()
    }

    /// Returns how many of the datagrams lost their end.
    pub fn truncated(&self) -> usize {
        let truncated = self.pieces.iter().filter(|piece| piece.metadata.truncated);
        // What is cut off is the end of a piece, so it is the last of its datagrams.
        truncated.count()
    }

    /// Takes the first datagram out.
    #[inline]
    pub fn pop(&mut self) -> Option<OwnedDatagram> {
        let piece = self.pieces.front_mut()?;
        self.datagrams -= 1;
        let start = piece.taken;
        piece.taken = (start + piece.segment).min(piece.length);
        let datagram = OwnedDatagram {
            piece: piece.share().clone(),
            start,
            end: piece.taken,
            dropped_before: mem::take(&mut piece.dropped_before),
        };
        if piece.taken == piece.length {
            self.pieces.pop_front();
        }
        Some(datagram)
    }

    /// Forgets the datagrams and gives their buffers back.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.datagrams = 0;
    }

    /// Keeps the datagrams of those senders that `is_admitted` names, and returns how many others there
    /// were. What the kernel dropped before one of those, it dropped before the next that is kept.
    pub fn retain(&mut self, is_admitted: impl Fn(&Metadata) -> bool) -> usize {
        let before = self.datagrams;
        let (mut refused, mut dropped) = (0, 0_u32);
        self.pieces.retain_mut(|piece| {
            let is_admitted = is_admitted(&piece.metadata);
            if is_admitted {
                piece.dropped_before = piece.dropped_before.saturating_add(mem::take(&mut dropped));
            } else {
                refused += piece.datagrams();
                dropped = dropped.saturating_add(piece.dropped_before);
            }
            is_admitted
        });
        self.datagrams = before - refused;
        refused
    }

    /// Forgets the first `count` datagrams.
    pub fn remove(&mut self, count: usize) {
        for _ in 0..count {
            if self.pop().is_none() {
                return;
            }
        }
    }

    /// Moves all datagrams of `other` behind these.
    pub fn append(&mut self, other: &mut Self) {
        self.pieces.append(&mut other.pieces);
        self.datagrams += mem::take(&mut other.datagrams);
    }

    /// Tells for each datagram how many the kernel dropped before it, from the counts that came along;
    /// `last` is the count so far.
    pub fn note_drops(&mut self, last: &mut u32) {
        for piece in &mut self.pieces {
            if let Some(drops) = piece.metadata.drops {
                piece.dropped_before = drops.wrapping_sub(*last);
                *last = drops;
            }
        }
    }

    /// Returns the count of drops before the first datagram, for [`note_drops`](Self::note_drops) to begin
    /// with when datagrams have left the batch; `None` if it is empty.
    pub fn drops_before(&self) -> Option<u32> {
        let first = self.pieces.front()?;
        // None were counted before the first drop.
        let drops = first.metadata.drops.unwrap_or(0);
        Some(drops.wrapping_sub(first.dropped_before))
    }

    /// Adds what `buffer` holds: `length` bytes of datagrams that have `segment` bytes each.
    pub(crate) fn push(
        &mut self,
        buffer: Buffer,
        length: usize,
        segment: usize,
        metadata: Metadata,
    ) {
        let piece = Piece {
            content: Content::Own(buffer),
            taken: 0,
            length,
            segment: segment.max(1),
            metadata,
            dropped_before: 0,
        };
        self.datagrams += piece.datagrams();
        self.pieces.push_back(piece);
    }
}

impl Piece {
    fn datagrams(&self) -> usize {
        segment::count(self.length - self.taken, self.segment)
    }

    fn rest(&self) -> &[u8] {
        let bytes = match &self.content {
            Content::Own(buffer) => buffer.bytes(),
            Content::Shared(shared) => &shared.bytes,
        };
        &bytes[self.taken..self.length]
    }

    /// Returns the piece in a form that many may hold.
    #[inline]
    fn share(&mut self) -> &Arc<Shared> {
        if let Content::Own(buffer) = &mut self.content {
            let shared = Shared {
                bytes: mem::take(buffer).share(self.length),
                metadata: self.metadata,
            };
            self.content = Content::Shared(Arc::new(shared));
        }
        match &self.content {
            Content::Shared(shared) => shared,
            Content::Own(_) => unreachable!("made shared above"),
        }
    }
}

/// The datagrams of a batch, in arrival order.
#[derive(Clone, Debug)]
pub struct Datagrams<'a> {
    pieces: vec_deque::Iter<'a, Piece>,
    /// What is left of the piece at hand.
    current: Option<Rest<'a>>,
    left: usize,
}

#[derive(Clone, Debug)]
struct Rest<'a> {
    bytes: &'a [u8],
    segment: usize,
    metadata: &'a Metadata,
    dropped_before: u32,
}

impl<'a> Iterator for Datagrams<'a> {
    type Item = Datagram<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = match self.current.take() {
            Some(rest) => rest,
            None => {
                let piece = self.pieces.next()?;
                Rest {
                    bytes: piece.rest(),
                    segment: piece.segment,
                    metadata: &piece.metadata,
                    dropped_before: piece.dropped_before,
                }
            }
        };
        self.left -= 1;
        let (payload, behind) = segment::cut(rest.bytes, rest.segment);
        let datagram = Datagram {
            payload,
            metadata: rest.metadata,
            dropped_before: rest.dropped_before,
        };
        if !behind.is_empty() {
            rest.bytes = behind;
            rest.dropped_before = 0;
            self.current = Some(rest);
        }
        Some(datagram)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Datagrams<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(pieces: &[(&str, usize, &str, Option<u32>)]) -> RecvBatch {
        let mut batch = RecvBatch::new(8);
        for (text, segment, from, drops) in pieces {
            let mut buffer = Buffer::take();
            buffer.bytes_mut()[..text.len()].copy_from_slice(text.as_bytes());
            let mut metadata = Metadata::of_sender(from.parse().unwrap());
            metadata.drops = *drops;
            batch.push(buffer, text.len(), *segment, metadata);
        }
        batch
    }

    fn texts(batch: &RecvBatch) -> Vec<&str> {
        let datagrams = batch.iter();
        assert_eq!(datagrams.len(), batch.len());
        datagrams
            .map(|datagram| str::from_utf8(datagram.payload()).unwrap())
            .collect()
    }

    #[test]
    fn datagrams_come_out_one_by_one_however_they_came_in() {
        let mut batch = batch(&[
            ("aabbc", 2, "192.0.2.1:1", None),
            ("", 9, "192.0.2.1:1", None),
            ("dd", 2, "192.0.2.1:1", None),
        ]);
        assert_eq!(texts(&batch), ["aa", "bb", "c", "", "dd"]);
        assert_eq!(batch.payload_bytes(), 7);
        let mut popped = Vec::new();
        // Taken out or looked at, in any mixture.
        while let Some(datagram) = batch.pop() {
            popped.push(String::from_utf8(datagram.payload().to_vec()).unwrap());
            let bytes = datagram.clone().detach().into_payload();
            assert_eq!(bytes, datagram.into_payload());
            assert_eq!(texts(&batch).len(), 5 - popped.len());
        }
        assert_eq!(popped, ["aa", "bb", "c", "", "dd"]);
        assert!(batch.is_empty());
    }

    #[test]
    fn what_is_refused_is_counted_by_the_datagram() {
        let mut batch = batch(&[
            ("aabbc", 2, "192.0.2.1:1", None),
            ("dddd", 2, "192.0.2.2:1", None),
            ("ee", 2, "192.0.2.1:1", None),
        ]);
        let peer = "192.0.2.1:1".parse().unwrap();
        assert_eq!(batch.retain(|metadata| metadata.from == peer), 2);
        assert_eq!(texts(&batch), ["aa", "bb", "c", "ee"]);
    }

    #[test]
    fn drops_before_what_is_refused_are_told_by_the_next() {
        let mut batch = batch(&[
            ("aa", 2, "192.0.2.1:1", Some(1)),
            ("bb", 2, "192.0.2.2:1", Some(3)),
            ("cc", 2, "192.0.2.1:1", Some(7)),
        ]);
        batch.note_drops(&mut 0);
        let peer = "192.0.2.1:1".parse().unwrap();
        batch.retain(|metadata| metadata.from == peer);
        let drops: Vec<_> = batch.iter().map(|kept| kept.dropped_before()).collect();
        assert_eq!(drops, [1, 6]);
    }

    #[test]
    fn drops_are_told_once_and_past_the_end_of_the_counter() {
        let mut batch = batch(&[
            ("aabb", 2, "192.0.2.1:1", Some(u32::MAX)),
            ("cc", 2, "192.0.2.1:1", Some(1)),
            ("dd", 2, "192.0.2.1:1", None),
        ]);
        let mut last = u32::MAX - 3;
        batch.note_drops(&mut last);
        let drops: Vec<_> = batch
            .iter()
            .map(|datagram| datagram.dropped_before())
            .collect();
        assert_eq!(drops, [3, 0, 2, 0]);
        assert_eq!(last, 1);
        let popped: Vec<_> = std::iter::from_fn(|| batch.pop())
            .map(|datagram| datagram.dropped_before())
            .collect();
        assert_eq!(popped, [3, 0, 2, 0]);
    }

    #[test]
    fn drops_that_came_with_a_refused_datagram_are_told_by_the_next() {
        for (pieces, told, last) in [
            (vec![("peer", 2), ("", 5), ("peer", 6)], vec![1, 4], 6),
            (vec![("", 2), ("", 5), ("peer", 6)], vec![5], 6),
            (vec![("peer", 2), ("", 5)], vec![1], 2),
            (vec![("", 2)], vec![], 1),
        ] {
            let mut batch = batch(
                &pieces
                    .iter()
                    .map(|(text, drops)| (*text, 9, "192.0.2.1:1", Some(*drops)))
                    .collect::<Vec<_>>(),
            );
            batch.note_drops(&mut 1);
            let mut before = batch.drops_before().unwrap();
            assert_eq!(before, 1, "{pieces:?}");
            batch.pieces.retain(|piece| piece.length > 0);
            batch.note_drops(&mut before);
            let drops: Vec<_> = batch
                .pieces
                .iter()
                .map(|piece| piece.dropped_before)
                .collect();
            assert_eq!((drops, before), (told, last), "{pieces:?}");
        }
        assert_eq!(RecvBatch::new(1).drops_before(), None);
    }
}
