//! Received datagrams, as they came from the kernel: one by one, or several in one piece.

use std::collections::VecDeque;
use std::collections::vec_deque;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::Metadata;
use super::alone::Alone;
use crate::pool::{Buffer, COPIED_BYTES_MAX};
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
/// What came in one piece with others is held together with them, so that taking one out of a batch costs
/// no more than counting who holds them. A short one that came by itself is copied.
#[derive(Clone, Debug)]
pub struct OwnedDatagram {
    content: Owned,
    dropped_before: u32,
}

#[derive(Clone, Debug)]
enum Owned {
    Alone(Box<Alone>),
    Part {
        piece: Arc<SharedBuffer>,
        start: usize,
        end: usize,
    },
}

/// What one message of the kernel brought, in a form that many may hold.
#[derive(Debug)]
struct SharedBuffer {
    bytes: Bytes,
    metadata: Metadata,
}

impl OwnedDatagram {
    /// Returns the bytes of the datagram; none for an empty one, which is a datagram too.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        match &self.content {
            Owned::Alone(alone) => alone.payload(),
            Owned::Part { piece, start, end } => &piece.bytes[*start..*end],
        }
    }

    /// Returns the bytes of the datagram without copying them.
    pub fn into_payload(self) -> Bytes {
        match self.content {
            Owned::Alone(alone) => alone.into(),
            Owned::Part { piece, start, end } => piece.bytes.slice(start..end),
        }
    }

    /// Returns what else is known of it.
    #[inline]
    pub fn metadata(&self) -> &Metadata {
        match &self.content {
            Owned::Alone(alone) => alone.metadata(),
            Owned::Part { piece, .. } => &piece.metadata,
        }
    }

    /// See [`Datagram::dropped_before`].
    pub fn dropped_before(&self) -> u32 {
        self.dropped_before
    }

    /// Returns the same datagram with a copy of its bytes that holds no others.
    #[must_use]
    pub fn detach(self) -> Self {
        let content = match self.content {
            Owned::Part { .. } if self.payload().len() > COPIED_BYTES_MAX => {
                let bytes = Bytes::copy_from_slice(self.payload());
                Owned::Part {
                    start: 0,
                    end: bytes.len(),
                    piece: Arc::new(SharedBuffer {
                        bytes,
                        metadata: *self.metadata(),
                    }),
                }
            }
            Owned::Part { .. } => Owned::Alone(Alone::copy(self.payload(), self.metadata())),
            content => content,
        };
        Self { content, ..self }
    }
}

/// Room for received datagrams: filled by a call that receives, then read or emptied.
///
/// The buffers come from a pool that the process shares, are fetched when datagrams are there and go
/// back when the batch is cleared, filled again or dropped.
#[derive(Debug, Default)]
pub struct RecvBatch {
    limit: usize,
    pieces: VecDeque<GroBuffer>,
    datagrams: usize,
}

/// What one message of the kernel brought: a datagram, or several of one length and one sender.
#[derive(Debug)]
struct GroBuffer {
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
    Shared(Arc<SharedBuffer>),
}

/// What a filter kept of a batch, and what it did not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FilterStats {
    /// How many datagrams were refused.
    pub refused: usize,
    /// How many bytes the others have together.
    pub bytes: usize,
    /// How many of the others lost their end.
    pub truncated: usize,
    /// How many the kernel dropped before those at the end that were refused, with nothing behind them to
    /// tell so.
    pub drops: u32,
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
    #[inline]
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// Returns how many messages one call may bring.
    #[inline]
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
    #[inline]
    pub fn messages(&self) -> usize {
        self.pieces.len()
    }

    /// Takes the first datagram out.
    #[inline]
    pub fn pop(&mut self) -> Option<OwnedDatagram> {
        let piece = self.pieces.front_mut()?;
        let start = piece.taken;
        let end = (start + piece.segment).min(piece.length);
        let content = match &piece.content {
            // Most lie between others, and the piece was shared for the first of them.
            Content::Shared(shared) => Owned::Part {
                piece: shared.clone(),
                start,
                end,
            },
            Content::Own(_) => piece.hand_out_first(end),
        };
        piece.taken = end;
        let dropped_before = mem::take(&mut piece.dropped_before);
        let is_last = end == piece.length;
        self.datagrams -= 1;
        if is_last {
            self.pieces.pop_front();
        }
        Some(OwnedDatagram {
            content,
            dropped_before,
        })
    }

    /// Forgets the datagrams and gives their buffers back.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.datagrams = 0;
    }

    /// Keeps the datagrams of those senders that `is_admitted` names, of those that were just received,
    /// and tells for each how many the kernel dropped before it. `told` is how many were told of so far.
    ///
    /// What the kernel dropped before a datagram that is not kept, it dropped before the next that is.
    #[inline]
    fn filter_received(
        &mut self,
        told: &mut u32,
        is_admitted: impl Fn(&Metadata) -> bool,
    ) -> FilterStats {
        let mut last = *told;
        let sifted = self.keep(is_admitted, |piece| {
            if let Some(now) = piece.metadata.drops {
                piece.dropped_before = now.wrapping_sub(last);
                last = now;
            }
        });
        *told = last.wrapping_sub(sifted.drops);
        sifted
    }

    /// The same of those that were sifted before, in whatever order they are here.
    fn filter_again(
        &mut self,
        told: &mut u32,
        is_admitted: impl Fn(&Metadata) -> bool,
    ) -> FilterStats {
        let sifted = self.keep(is_admitted, |_| {});
        *told = told.wrapping_sub(sifted.drops);
        sifted
    }

    /// Keeps what `is_admitted` names, after `note_drops` has seen each piece.
    #[inline]
    fn keep(
        &mut self,
        is_admitted: impl Fn(&Metadata) -> bool,
        mut note_drops: impl FnMut(&mut GroBuffer),
    ) -> FilterStats {
        let mut sifted = FilterStats::default();
        self.pieces.retain_mut(|piece| {
            note_drops(piece);
            let is_admitted = is_admitted(&piece.metadata);
            if is_admitted {
                sifted.bytes += piece.length - piece.taken;
                // What is cut off is the end of a piece, so it is the last of its datagrams.
                sifted.truncated += usize::from(piece.metadata.truncated);
                let before = mem::take(&mut sifted.drops);
                piece.dropped_before = piece.dropped_before.wrapping_add(before);
            } else {
                sifted.refused += piece.datagrams();
                sifted.drops = sifted.drops.wrapping_add(piece.dropped_before);
            }
            is_admitted
        });
        self.datagrams -= sifted.refused;
        sifted
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

    /// Gives back the room that no call needs which brings `messages` of the kernel.
    pub fn shrink_to(&mut self, messages: usize) {
        self.pieces.shrink_to(messages);
    }

    /// Adds what `buffer` holds: `length` bytes of datagrams that have `segment` bytes each.
    #[inline]
    pub(crate) fn push(
        &mut self,
        buffer: Buffer,
        length: usize,
        segment: usize,
        metadata: Metadata,
    ) {
        let piece = GroBuffer {
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

/// Drops the datagrams that `admits` refuses, of those that were just received, and notes for each that is
/// kept how many the kernel dropped before it. `reported` is how many of those drops were reported so far.
///
/// What the kernel dropped before a datagram that is refused, it dropped before the next that is kept.
#[inline]
pub fn filter_received(
    batch: &mut RecvBatch,
    reported: &mut u32,
    admits: impl Fn(&Metadata) -> bool,
) -> FilterStats {
    batch.filter_received(reported, admits)
}

/// Drops the datagrams that `admits` refuses, of those that [`filter_received`] has kept before, in whatever
/// order they are here.
pub fn filter_again(
    batch: &mut RecvBatch,
    reported: &mut u32,
    admits: impl Fn(&Metadata) -> bool,
) -> FilterStats {
    batch.filter_again(reported, admits)
}

impl GroBuffer {
    #[inline]
    fn datagrams(&self) -> usize {
        segment::count(self.length - self.taken, self.segment)
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Own(buffer) => buffer.bytes(),
            Content::Shared(shared) => &shared.bytes,
        }
    }

    fn rest(&self) -> &[u8] {
        &self.bytes()[self.taken..self.length]
    }

    /// Returns the first datagram, which ends at `end`: a copy if it is short and alone, else a part of what
    /// many may hold from now on.
    fn hand_out_first(&mut self, end: usize) -> Owned {
        if end == self.length && end <= COPIED_BYTES_MAX {
            return Owned::Alone(Alone::copy(&self.bytes()[..end], &self.metadata));
        }
        let Content::Own(buffer) = &mut self.content else {
            unreachable!("shared when the first was handed out")
        };
        let piece = Arc::new(SharedBuffer {
            bytes: mem::take(buffer).share(self.length),
            metadata: self.metadata,
        });
        self.content = Content::Shared(piece.clone());
        Owned::Part {
            piece,
            start: 0,
            end,
        }
    }
}

/// The datagrams of a batch, in arrival order.
#[derive(Clone, Debug)]
pub struct Datagrams<'a> {
    pieces: vec_deque::Iter<'a, GroBuffer>,
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
        let sifted = batch.filter_received(&mut 0, |metadata| metadata.from == peer);
        let expected = FilterStats {
            refused: 2,
            bytes: 7,
            ..FilterStats::default()
        };
        assert_eq!(sifted, expected);
        assert_eq!(texts(&batch), ["aa", "bb", "c", "ee"]);
    }

    #[test]
    fn drops_before_what_is_refused_are_told_by_the_next() {
        let mut batch = batch(&[
            ("aa", 2, "192.0.2.1:1", Some(1)),
            ("bb", 2, "192.0.2.2:1", Some(3)),
            ("cc", 2, "192.0.2.1:1", Some(7)),
        ]);
        let peer = "192.0.2.1:1".parse().unwrap();
        batch.filter_received(&mut 0, |metadata| metadata.from == peer);
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
        batch.filter_received(&mut last, |_| true);
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
        let (peer, stranger) = ("192.0.2.1:1", "192.0.2.2:1");
        for (pieces, told, last) in [
            (vec![(peer, 2), (stranger, 5), (peer, 6)], vec![1, 4], 6),
            (vec![(stranger, 2), (stranger, 5), (peer, 6)], vec![5], 6),
            (vec![(peer, 2), (stranger, 5)], vec![1], 2),
            (vec![(stranger, 2)], vec![], 1),
        ] {
            let mut batch = batch(
                &pieces
                    .iter()
                    .map(|(from, drops)| ("text", 9, *from, Some(*drops)))
                    .collect::<Vec<_>>(),
            );
            let mut counted = 1;
            batch.filter_received(&mut counted, |_| true);
            batch.filter_again(&mut counted, |metadata| metadata.from.to_string() == peer);
            let drops: Vec<_> = batch
                .pieces
                .iter()
                .map(|piece| piece.dropped_before)
                .collect();
            assert_eq!((drops, counted), (told, last), "{pieces:?}");
        }
    }

    /// MSG-17
    #[test]
    fn drops_are_told_in_the_middle_of_a_piece_if_it_begins_there_now() {
        let (peer, stranger) = ("192.0.2.1:1", "192.0.2.2:1");
        let mut told = 0;
        let mut handed = batch(&[("aabbcc", 2, peer, Some(0))]);
        handed.filter_received(&mut told, |_| true);
        handed.pop();
        let mut whole = batch(&[("dd", 2, stranger, Some(4))]);
        whole.filter_received(&mut told, |_| true);

        whole.append(&mut handed);
        whole.filter_again(&mut told, |metadata| metadata.from.to_string() == peer);

        let drops: Vec<_> = std::iter::from_fn(|| whole.pop())
            .map(|popped| popped.dropped_before())
            .collect();
        assert_eq!(drops, [4, 0]);
    }

    /// MSG-17: several who receive at once may put back what they did not hand on in any order.
    #[test]
    fn drops_are_told_once_however_what_was_received_comes_back() {
        let peer = "192.0.2.1:1";
        let mut told = 0;
        let mut first = batch(&[("aa", 2, peer, Some(3)), ("bb", 2, peer, Some(3))]);
        first.filter_received(&mut told, |_| true);
        let mut second = batch(&[("cc", 2, peer, Some(8)), ("dd", 2, peer, Some(9))]);
        second.filter_received(&mut told, |_| true);
        assert_eq!(first.pop().map(|handed| handed.dropped_before()), Some(3));
        assert_eq!(second.pop().map(|handed| handed.dropped_before()), Some(5));

        second.append(&mut first);
        second.filter_again(&mut told, |_| true);

        let drops: Vec<_> = second.iter().map(|kept| kept.dropped_before()).collect();
        assert_eq!((drops, told), (vec![1, 0], 9));
    }
}
