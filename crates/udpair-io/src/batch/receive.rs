//! Received datagrams, as they came from the kernel: one by one, or several in one piece.

use std::collections::VecDeque;
use std::collections::vec_deque;

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
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Returns who sent it. An IPv4 sender has an IPv4 address on a dual-stack socket too.
    pub fn remote(&self) -> std::net::SocketAddr {
        self.metadata.from
    }

    /// Returns what else is known of it.
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
    Shared(Bytes),
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
    pub fn len(&self) -> usize {
        self.datagrams
    }

    /// Returns whether the batch holds no datagram.
    pub fn is_empty(&self) -> bool {
        self.datagrams == 0
    }

    /// Returns how many messages one call may bring.
    pub fn limit(&self) -> usize {
        self.limit.max(1)
    }

    /// Returns the datagrams in arrival order.
    pub fn iter(&self) -> Datagrams<'_> {
        Datagrams {
            pieces: self.pieces.iter(),
            current: None,
            left: self.datagrams,
        }
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

    /// Takes the first datagram out; its bytes may be kept. The last value is what
    /// [`Datagram::dropped_before`] says.
    pub fn pop(&mut self) -> Option<(Bytes, Metadata, u32)> {
        let piece = self.pieces.front_mut()?;
        self.datagrams -= 1;
        let dropped_before = std::mem::take(&mut piece.dropped_before);
        let end = (piece.taken + piece.segment).min(piece.length);
        if end < piece.length {
            let start = std::mem::replace(&mut piece.taken, end);
            let datagram = piece.shared().slice(start..end);
            return Some((datagram, piece.metadata, dropped_before));
        }
        let piece = self.pieces.pop_front()?;
        let mut bytes = match piece.content {
            Content::Own(buffer) => buffer.share(piece.length),
            Content::Shared(bytes) => bytes,
        };
        bytes::Buf::advance(&mut bytes, piece.taken);
        Some((bytes, piece.metadata, dropped_before))
    }

    /// Forgets the datagrams and gives their buffers back.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.datagrams = 0;
    }

    /// Keeps the datagrams of those senders that `is_admitted` names, and returns how many others there
    /// were.
    pub fn retain(&mut self, is_admitted: impl Fn(&Metadata) -> bool) -> usize {
        let before = self.datagrams;
        let mut refused = 0;
        self.pieces.retain(|piece| {
            let is_admitted = is_admitted(&piece.metadata);
            if !is_admitted {
                refused += piece.datagrams();
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
        self.datagrams += std::mem::take(&mut other.datagrams);
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
            Content::Shared(bytes) => bytes,
        };
        &bytes[self.taken..self.length]
    }

    /// Returns the bytes in a form that may be cut and kept.
    fn shared(&mut self) -> &Bytes {
        if let Content::Own(_) = self.content {
            let nothing = Content::Shared(Bytes::new());
            if let Content::Own(buffer) = std::mem::replace(&mut self.content, nothing) {
                self.content = Content::Shared(buffer.share(self.length));
            }
        }
        match &self.content {
            Content::Shared(bytes) => bytes,
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
        while let Some((bytes, ..)) = batch.pop() {
            popped.push(String::from_utf8(bytes.to_vec()).unwrap());
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
            .map(|(_, _, dropped)| dropped)
            .collect();
        assert_eq!(popped, [3, 0, 2, 0]);
    }
}
