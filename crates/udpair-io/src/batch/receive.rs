//! Received datagrams as the kernel delivered them: one by one, or coalesced in GRO buffers.

use std::collections::VecDeque;
use std::collections::vec_deque;
use std::mem;
use std::net::SocketAddr;

use super::Metadata;
use super::filled::Filled;
use super::filter_stats::FilterStats;
use super::gro_buffer::GroBuffer;
use super::owned::OwnedDatagram;
use crate::memory::Reservation;
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
    /// Returns the bytes of the datagram. The payload of an empty datagram is empty.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Returns the sender. On a dual-stack socket too, an IPv4 sender has a plain IPv4 address.
    #[inline]
    pub fn remote(&self) -> SocketAddr {
        self.metadata.remote
    }

    /// Returns the metadata that the engine reported for this datagram.
    #[inline]
    pub fn metadata(&self) -> &'a Metadata {
        self.metadata
    }

    /// Returns how many datagrams the kernel dropped on this socket between the previous datagram
    /// and this one.
    ///
    /// With receive offload on, the kernel counts coalesced datagrams as one, so this is a lower
    /// bound.
    pub fn dropped_before(&self) -> u32 {
        self.dropped_before
    }
}

/// Received datagrams: filled by a call that receives, then read or emptied.
///
/// The buffers come from a pool that all sockets of the process share. They are taken when
/// datagrams are available, and return to the pool when the batch is cleared, filled again or
/// dropped.
#[derive(Debug, Default)]
pub struct RecvBatch {
    limit: usize,
    buffers: VecDeque<GroBuffer>,
    datagrams: usize,
    /// The bytes that a compacted batch holds.
    reservation: Reservation,
}

impl RecvBatch {
    /// Returns an empty batch that takes up to `limit` kernel messages per call, at least one.
    ///
    /// With receive offload on, one message may carry several datagrams (up to 64 KiB in total), so
    /// a batch can hold more than `limit` datagrams.
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

    /// Sets how many kernel messages one call takes at most; 0 counts as 1.
    #[inline]
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// Returns how many kernel messages one call takes at most.
    #[inline]
    pub fn limit(&self) -> usize {
        self.limit.max(1)
    }

    /// Returns the datagrams in arrival order.
    #[inline]
    pub fn iter(&self) -> Datagrams<'_> {
        Datagrams {
            buffers: self.buffers.iter(),
            current: None,
            left: self.datagrams,
        }
    }

    /// Returns how many kernel messages the datagrams arrived in.
    #[inline]
    pub fn messages(&self) -> usize {
        self.buffers.len()
    }

    /// Removes the first datagram and returns it.
    #[inline]
    pub fn pop(&mut self) -> Option<OwnedDatagram> {
        let buffer = self.buffers.front_mut()?;
        let datagram = buffer.pop(&mut self.reservation);
        self.datagrams -= 1;
        if buffer.bytes() == 0 {
            self.buffers.pop_front();
            if self.buffers.is_empty() {
                self.reservation = Reservation::default();
            }
        }
        Some(datagram)
    }

    /// Copies datagrams of the first message to the front of `buffer` and removes them: as many
    /// whole ones as fit, but at most `datagrams_max`, and at least one. If not even one fits, its
    /// end is lost, and [`is_truncated`](Metadata::is_truncated) says so. Returns `None` if the batch is
    /// empty.
    pub fn pop_into(&mut self, buffer: &mut [u8], datagrams_max: usize) -> Option<Filled> {
        let first = self.buffers.front_mut()?;
        let before = first.datagrams();
        let filled = first.pop_into(buffer, datagrams_max.max(1));
        if first.bytes() > 0 {
            self.datagrams -= before - first.datagrams();
            return Some(filled);
        }
        self.datagrams -= before;
        drop(self.reservation.split(first.reserved()));
        self.buffers.pop_front();
        if self.buffers.is_empty() {
            self.reservation = Reservation::default();
        }
        Some(filled)
    }

    /// Makes the batch hold no more than its datagrams need, before it is kept for a while.
    ///
    /// Datagrams that do not fill a good part of their buffers are copied, and the buffers return
    /// to the pool. A datagram that arrived on its own is copied into the memory that
    /// [`pop`](Self::pop) hands out, so that it is not copied again. What the batch then holds is
    /// counted; see [`set_receive_memory_limit`](crate::set_receive_memory_limit).
    pub fn compact(&mut self) {
        for buffer in &mut self.buffers {
            self.reservation.append(buffer.compact());
        }
    }

    /// Removes all datagrams and returns their buffers to the pool.
    pub fn clear(&mut self) {
        self.buffers.clear();
        self.datagrams = 0;
        self.reservation = Reservation::default();
    }

    /// Keeps the just received datagrams that `admits` accepts, and records for each how many
    /// datagrams the kernel dropped before it; see the function [`filter_received`].
    #[inline]
    fn filter_received(
        &mut self,
        reported_drops: &mut u32,
        admits: impl Fn(&Metadata) -> bool,
    ) -> FilterStats {
        let mut last = *reported_drops;
        let stats = self.keep(admits, |buffer| {
            if let Some(now) = buffer.metadata.drops {
                buffer.dropped_before = now.wrapping_sub(last);
                last = now;
            }
        });
        *reported_drops = last.wrapping_sub(stats.drops);
        stats
    }

    /// Keeps the datagrams that `admits` accepts, among those that an earlier filter kept, in any
    /// order; see the function [`filter_again`].
    fn filter_again(
        &mut self,
        reported_drops: &mut u32,
        admits: impl Fn(&Metadata) -> bool,
    ) -> FilterStats {
        let stats = self.keep(admits, |_| {});
        *reported_drops = reported_drops.wrapping_sub(stats.drops);
        stats
    }

    /// Keeps the datagrams that `admits` accepts. Calls `record_drops` for each buffer first.
    #[inline]
    fn keep(
        &mut self,
        admits: impl Fn(&Metadata) -> bool,
        mut record_drops: impl FnMut(&mut GroBuffer),
    ) -> FilterStats {
        let mut stats = FilterStats::default();
        let reservation = &mut self.reservation;
        self.buffers.retain_mut(|buffer| {
            record_drops(buffer);
            let is_admitted = admits(&buffer.metadata);
            if is_admitted {
                stats.bytes += buffer.bytes();
                // Truncation removes the end of a buffer, so it affects only its last datagram.
                stats.truncated += usize::from(buffer.metadata.is_truncated);
                let before = mem::take(&mut stats.drops);
                buffer.dropped_before = buffer.dropped_before.wrapping_add(before);
            } else {
                stats.refused += buffer.datagrams();
                drop(reservation.split(buffer.reserved()));
                stats.drops = stats.drops.wrapping_add(buffer.dropped_before);
            }
            is_admitted
        });
        self.datagrams -= stats.refused;
        stats
    }

    /// Removes the first `count` datagrams, or all if there are fewer.
    pub fn remove(&mut self, mut count: usize) {
        while count > 0
            && let Some(buffer) = self.buffers.front_mut()
        {
            let left = buffer.datagrams();
            if count < left {
                buffer.skip(count);
                self.datagrams -= count;
                return;
            }
            count -= left;
            self.datagrams -= left;
            drop(self.reservation.split(buffer.reserved()));
            self.buffers.pop_front();
        }
        if self.buffers.is_empty() {
            self.reservation = Reservation::default();
        }
    }

    /// Moves all datagrams of `other` to the end of this batch.
    pub fn append(&mut self, other: &mut Self) {
        self.buffers.append(&mut other.buffers);
        self.datagrams += mem::take(&mut other.datagrams);
        self.reservation.append(mem::take(&mut other.reservation));
    }

    /// Keeps the first messages, which hold at least `datagrams` datagrams, and returns the others;
    /// `None` if there are no others.
    pub fn split_off(&mut self, datagrams: usize) -> Option<Self> {
        let mut kept = 0;
        let messages = self.buffers.iter().position(|buffer| {
            let is_enough = kept >= datagrams;
            kept += buffer.datagrams();
            is_enough
        })?;
        let buffers = self.buffers.split_off(messages);
        let reserved = buffers.iter().map(GroBuffer::reserved).sum();
        let others = Self {
            limit: self.limit,
            datagrams: buffers.iter().map(GroBuffer::datagrams).sum(),
            buffers,
            reservation: self.reservation.split(reserved),
        };
        self.datagrams -= others.datagrams;
        Some(others)
    }

    /// Shrinks the capacity to what a call that takes `messages` kernel messages needs.
    pub fn shrink_to(&mut self, messages: usize) {
        self.buffers.shrink_to(messages);
    }

    /// Adds the datagrams in `buffer`: `length` bytes in total, `segment` bytes in each datagram.
    #[inline]
    pub(crate) fn push(
        &mut self,
        buffer: Buffer,
        length: usize,
        segment: usize,
        metadata: Metadata,
    ) {
        let received = GroBuffer::new(buffer, length, segment, metadata);
        self.datagrams += received.datagrams();
        self.buffers.push_back(received);
    }
}

/// Removes the datagrams that `admits` refuses from a batch that was just received, and records for
/// each kept datagram how many datagrams the kernel dropped before it.
///
/// `reported_drops` is the number of kernel drops reported so far. Drops that the kernel counted
/// before a refused datagram are reported by the next kept datagram.
#[inline]
pub fn filter_received(
    batch: &mut RecvBatch,
    reported_drops: &mut u32,
    admits: impl Fn(&Metadata) -> bool,
) -> FilterStats {
    batch.filter_received(reported_drops, admits)
}

/// Removes the datagrams that `admits` refuses from a batch of datagrams that [`filter_received`]
/// kept earlier, in any order.
///
/// `reported_drops` is the number of kernel drops reported so far.
pub fn filter_again(
    batch: &mut RecvBatch,
    reported_drops: &mut u32,
    admits: impl Fn(&Metadata) -> bool,
) -> FilterStats {
    batch.filter_again(reported_drops, admits)
}

/// An iterator over the datagrams of a batch, in arrival order.
#[derive(Clone, Debug)]
pub struct Datagrams<'a> {
    buffers: vec_deque::Iter<'a, GroBuffer>,
    /// What is left of the current buffer; `None` between two buffers.
    current: Option<Rest<'a>>,
    left: usize,
}

/// The datagrams of one buffer that the iterator has not returned yet.
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
                let buffer = self.buffers.next()?;
                Rest {
                    bytes: buffer.rest(),
                    segment: buffer.segment,
                    metadata: &buffer.metadata,
                    dropped_before: buffer.dropped_before,
                }
            }
        };
        self.left -= 1;
        let (payload, following) = segment::split_first(rest.bytes, rest.segment);
        let datagram = Datagram {
            payload,
            metadata: rest.metadata,
            dropped_before: rest.dropped_before,
        };
        if !following.is_empty() {
            rest.bytes = following;
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

    fn batch(messages: &[(&str, usize, &str, Option<u32>)]) -> RecvBatch {
        let mut batch = RecvBatch::new(8);
        for (text, segment, from, drops) in messages {
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
    fn datagrams_are_returned_one_by_one_whether_they_were_coalesced_or_not() {
        let mut batch = batch(&[
            ("aabbc", 2, "192.0.2.1:1", None),
            ("", 9, "192.0.2.1:1", None),
            ("dd", 2, "192.0.2.1:1", None),
        ]);
        assert_eq!(texts(&batch), ["aa", "bb", "c", "", "dd"]);
        let mut popped = Vec::new();
        // Removing and iterating may alternate.
        while let Some(datagram) = batch.pop() {
            popped.push(String::from_utf8(datagram.payload().to_vec()).unwrap());
            let bytes = datagram.clone().detach().into_payload();
            assert_eq!(bytes, datagram.into_payload());
            assert_eq!(texts(&batch).len(), 5 - popped.len());
        }
        assert_eq!(popped, ["aa", "bb", "c", "", "dd"]);
        assert!(batch.is_empty());
    }

    /// A compacted batch holds the same datagrams, wherever they were before.
    #[test]
    fn compacting_changes_nothing_but_where_datagrams_are() {
        let long = "long".repeat(5000);
        let messages = [
            ("aabbc", 2, "192.0.2.1:1", Some(2)),
            ("", 9, "192.0.2.1:1", Some(2)),
            ("dd", 2, "192.0.2.2:1", Some(5)),
            (&long, 9000, "192.0.2.1:1", None),
            (&long, 20_000, "192.0.2.1:1", None),
        ];
        let pop = |batch: &mut RecvBatch| {
            let popped = batch.pop()?;
            let from = popped.metadata().remote;
            Some((popped.payload().to_vec(), from, popped.dropped_before()))
        };
        let mut plain = batch(&messages);
        plain.filter_received(&mut 0, |_| true);
        let expected: Vec<_> = std::iter::from_fn(|| pop(&mut plain)).collect();
        assert_eq!(expected.len(), 9);
        // Before the first datagram is taken, after every other one, and twice.
        for compacted_at in 0..expected.len() {
            let mut compacted = batch(&messages);
            compacted.filter_received(&mut 0, |_| true);
            let mut found = Vec::new();
            for number in 0.. {
                if number == compacted_at {
                    compacted.compact();
                    compacted.compact();
                }
                assert_eq!(compacted.iter().count(), expected.len() - number);
                for (left, expected) in compacted.iter().zip(&expected[number..]) {
                    assert_eq!(left.payload(), expected.0, "{compacted_at} {number}");
                }
                match pop(&mut compacted) {
                    Some(popped) => found.push(popped),
                    None => break,
                }
            }
            assert_eq!(found, expected, "{compacted_at}");
        }
    }

    /// Removing some leaves what taking them one by one leaves.
    /// Datagrams are copied whole, as many as fit, however large the buffer is.
    #[test]
    fn datagrams_are_copied_into_a_buffer() {
        let messages = [
            ("aabbc", 2, "192.0.2.1:1", Some(2)),
            ("", 9, "192.0.2.1:1", Some(2)),
            ("dd", 2, "192.0.2.2:1", Some(5)),
        ];
        let all = ["aa", "bb", "c", "", "dd"];
        for bytes in 0..7 {
            for datagrams_max in [1, 2, 9] {
                for is_compacted in [false, true] {
                    let mut batch = batch(&messages);
                    batch.filter_received(&mut 0, |_| true);
                    if is_compacted {
                        batch.compact();
                    }
                    let mut buffer = vec![b'-'; bytes];
                    let (mut texts, mut dropped, mut left) = (Vec::new(), 0, batch.len());
                    while let Some(filled) = batch.pop_into(&mut buffer, datagrams_max) {
                        assert!(filled.count() <= datagrams_max);
                        left -= filled.count();
                        assert_eq!(batch.len(), left);
                        dropped += filled.dropped_before;
                        let last = texts.len() + filled.count() - 1;
                        for datagram in filled.datagrams(&buffer) {
                            let text = all[texts.len()].as_bytes();
                            let end = text.len().min(bytes);
                            assert_eq!(datagram, &text[..end], "{bytes} {datagrams_max}");
                            let is_cut = end < text.len();
                            assert!(texts.len() < last || filled.metadata.is_truncated == is_cut);
                            texts.push(text);
                        }
                    }
                    assert_eq!((texts.len(), dropped), (5, 5), "{bytes} {datagrams_max}");
                    assert!(batch.is_empty());
                }
            }
        }
    }

    #[test]
    fn removing_some_leaves_the_others() {
        let messages = [
            ("aabbc", 2, "192.0.2.1:1", None),
            ("", 9, "192.0.2.1:1", None),
            ("dd", 2, "192.0.2.2:1", Some(5)),
            ("eeff", 2, "192.0.2.1:1", None),
        ];
        let all = ["aa", "bb", "c", "", "dd", "ee", "ff"];
        for first in 0..=all.len() {
            for second in 0..=all.len() {
                let mut removed = batch(&messages);
                removed.remove(first);
                removed.remove(second);
                let left = (first + second).min(all.len());
                assert_eq!(texts(&removed), all[left..], "{first} {second}");
                let popped = std::iter::from_fn(|| removed.pop());
                let popped: Vec<_> = popped.map(OwnedDatagram::into_payload).collect();
                assert_eq!(popped, all[left..], "{first} {second}");
            }
        }
    }

    /// Messages stay whole, and no datagram is lost.
    #[test]
    fn a_batch_is_split_between_messages() {
        let messages = [
            ("aabbc", 2, "192.0.2.1:1", None),
            ("", 9, "192.0.2.1:1", None),
            ("ddee", 2, "192.0.2.2:1", Some(5)),
        ];
        for (datagrams, kept) in [(0, 0), (1, 3), (3, 3), (4, 4), (5, 6), (6, 6), (9, 6)] {
            for is_compacted in [false, true] {
                let mut first = batch(&messages);
                if is_compacted {
                    first.compact();
                }
                let others = first.split_off(datagrams);
                assert_eq!(others.is_none(), kept == 6, "{datagrams}");
                let others = others.unwrap_or_default();
                let all = ["aa", "bb", "c", "", "dd", "ee"];
                assert_eq!(texts(&first), all[..kept], "{datagrams}");
                assert_eq!(texts(&others), all[kept..], "{datagrams}");
            }
        }
    }

    #[test]
    fn refused_datagrams_are_counted_one_by_one() {
        let mut batch = batch(&[
            ("aabbc", 2, "192.0.2.1:1", None),
            ("dddd", 2, "192.0.2.2:1", None),
            ("ee", 2, "192.0.2.1:1", None),
        ]);
        let peer = "192.0.2.1:1".parse().unwrap();
        let stats = batch.filter_received(&mut 0, |metadata| metadata.remote == peer);
        let expected = FilterStats {
            refused: 2,
            bytes: 7,
            ..FilterStats::default()
        };
        assert_eq!(stats, expected);
        assert_eq!(texts(&batch), ["aa", "bb", "c", "ee"]);
    }

    #[test]
    fn drops_before_a_refused_datagram_are_reported_by_the_next_kept_one() {
        let mut batch = batch(&[
            ("aa", 2, "192.0.2.1:1", Some(1)),
            ("bb", 2, "192.0.2.2:1", Some(3)),
            ("cc", 2, "192.0.2.1:1", Some(7)),
        ]);
        let peer = "192.0.2.1:1".parse().unwrap();
        batch.filter_received(&mut 0, |metadata| metadata.remote == peer);
        let drops: Vec<_> = batch.iter().map(|kept| kept.dropped_before()).collect();
        assert_eq!(drops, [1, 6]);
    }

    #[test]
    fn drops_are_reported_once_and_across_a_wrap_of_the_counter() {
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
    fn drops_of_a_datagram_that_is_refused_later_are_reported_by_the_next_kept_one() {
        let (peer, other) = ("192.0.2.1:1", "192.0.2.2:1");
        for (messages, expected_drops, expected_reported) in [
            (vec![(peer, 2), (other, 5), (peer, 6)], vec![1, 4], 6),
            (vec![(other, 2), (other, 5), (peer, 6)], vec![5], 6),
            (vec![(peer, 2), (other, 5)], vec![1], 2),
            (vec![(other, 2)], vec![], 1),
        ] {
            let mut batch = batch(
                &messages
                    .iter()
                    .map(|(from, drops)| ("text", 9, *from, Some(*drops)))
                    .collect::<Vec<_>>(),
            );
            let mut reported = 1;
            batch.filter_received(&mut reported, |_| true);
            batch.filter_again(&mut reported, |metadata| {
                metadata.remote.to_string() == peer
            });
            let drops: Vec<_> = batch
                .buffers
                .iter()
                .map(|buffer| buffer.dropped_before)
                .collect();
            assert_eq!(
                (drops, reported),
                (expected_drops, expected_reported),
                "{messages:?}"
            );
        }
    }

    /// MSG-17
    #[test]
    fn drops_are_reported_in_the_middle_of_a_gro_buffer_if_its_first_datagrams_were_taken() {
        let (peer, other) = ("192.0.2.1:1", "192.0.2.2:1");
        let mut reported = 0;
        let mut partly_taken = batch(&[("aabbcc", 2, peer, Some(0))]);
        partly_taken.filter_received(&mut reported, |_| true);
        partly_taken.pop();
        let mut received = batch(&[("dd", 2, other, Some(4))]);
        received.filter_received(&mut reported, |_| true);

        received.append(&mut partly_taken);
        received.filter_again(&mut reported, |metadata| {
            metadata.remote.to_string() == peer
        });

        let drops: Vec<_> = std::iter::from_fn(|| received.pop())
            .map(|popped| popped.dropped_before())
            .collect();
        assert_eq!(drops, [4, 0]);
    }

    /// MSG-17: concurrent receivers may put back the datagrams that they did not deliver in any
    /// order.
    #[test]
    fn drops_are_reported_once_in_whatever_order_datagrams_are_put_back() {
        let peer = "192.0.2.1:1";
        let mut reported = 0;
        let mut first = batch(&[("aa", 2, peer, Some(3)), ("bb", 2, peer, Some(3))]);
        first.filter_received(&mut reported, |_| true);
        let mut second = batch(&[("cc", 2, peer, Some(8)), ("dd", 2, peer, Some(9))]);
        second.filter_received(&mut reported, |_| true);
        assert_eq!(first.pop().map(|popped| popped.dropped_before()), Some(3));
        assert_eq!(second.pop().map(|popped| popped.dropped_before()), Some(5));

        second.append(&mut first);
        second.filter_again(&mut reported, |_| true);

        let drops: Vec<_> = second.iter().map(|kept| kept.dropped_before()).collect();
        assert_eq!((drops, reported), (vec![1, 0], 9));
    }
}
