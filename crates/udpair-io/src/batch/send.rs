//! Datagrams that are queued to be sent together.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

use bytes::{Buf, Bytes};

use super::{Destination, Outgoing, Run};

/// Datagrams to send, in order, each with its payload and optionally a destination of its own.
///
/// Sent datagrams are removed from the front. On an error, the batch holds exactly the datagrams
/// that were not sent, and the datagram that failed is the first. The same is true when the future
/// that was sending is dropped.
///
/// Datagrams of one length to one destination go to the kernel as one GSO batch of up to 128 where
/// the kernel can segment it. Those whose payloads are adjacent in memory are the fastest to send:
/// [`copy`](Self::copy) puts them side by side, and [`push_run`](Self::push_run) adds many that are
/// so already.
#[derive(Clone, Debug, Default)]
pub struct SendBatch {
    runs: VecDeque<QueuedRun>,
    datagrams: usize,
    copies: Copies,
    open: Open,
}

/// The last run, if copies are being added to it: so long, the run itself does not know its end.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// The length of its datagrams if they have no destination of their own, or else 0.
    to_peer: usize,
    /// The length of its datagrams if they have a destination of their own, or else 0.
    to_own: usize,
    /// How many datagrams are before it.
    before: usize,
}

/// Datagrams of one length to one destination, back to back in memory.
#[derive(Clone, Debug)]
struct QueuedRun {
    /// `None` stands for the peer, or the destination of the stream.
    to: Option<Destination>,
    /// 0 in the run that is open.
    datagrams: usize,
    /// The length of each datagram, at least 1; the last may be shorter.
    segment: usize,
    content: Content,
}

/// The bytes of datagrams, back to back, and the length of each; the last may be shorter.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "only engines that send several datagrams need it")]
pub(crate) struct Segments<'a> {
    pub(crate) bytes: &'a [u8],
    /// At least 1.
    pub(crate) length: usize,
}

/// Where the payloads of a run are.
#[derive(Clone, Debug)]
enum Content {
    /// In the batch's own memory: these bytes of everything that was ever copied into it. In the run
    /// that is open, the range ends where it starts.
    Copied(Range<usize>),
    Shared(Bytes),
}

/// The payloads that a batch has copied, one after the other.
#[derive(Clone, Debug, Default)]
struct Copies {
    bytes: Vec<u8>,
    /// How many bytes were copied before the first one that is still here.
    before: usize,
}

impl SendBatch {
    /// Returns an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty batch with capacity for `datagrams` datagrams.
    pub fn with_capacity(datagrams: usize) -> Self {
        Self {
            runs: VecDeque::with_capacity(datagrams),
            ..Self::default()
        }
    }

    /// Adds a datagram for the peer, or for the destination of the stream that the batch is written
    /// to. An empty `payload` adds an empty datagram.
    ///
    /// A payload of at most 256 bytes is copied, because the kernel needs more time to follow a
    /// pointer to it than copying it takes. A longer one is not.
    #[inline]
    pub fn push(&mut self, payload: impl Into<Bytes>) {
        let payload = payload.into();
        match payload.len() <= COPIED_BYTES_MAX {
            true => self.copy(&payload),
            false => self.add_whole(payload, None),
        }
    }

    /// Adds a datagram with its own destination; otherwise like [`push`](Self::push).
    #[inline]
    pub fn push_to(&mut self, payload: impl Into<Bytes>, to: impl Into<Destination>) {
        let payload = payload.into();
        match payload.len() <= COPIED_BYTES_MAX {
            true => self.copy_to(&payload, to),
            false => self.add_whole(payload, Some(to.into())),
        }
    }

    /// Copies a datagram into the batch, for the peer or for the destination of the stream that the
    /// batch is written to. An empty `payload` adds an empty datagram.
    #[inline]
    pub fn copy(&mut self, payload: &[u8]) {
        if payload.len() == self.open.to_peer && !payload.is_empty() {
            self.copy_more(payload);
        } else {
            self.copy_other(payload, None);
        }
    }

    /// Copies a datagram with its own destination into the batch.
    #[inline]
    pub fn copy_to(&mut self, payload: &[u8], to: impl Into<Destination>) {
        let to = Some(to.into());
        let has_length = payload.len() == self.open.to_own && !payload.is_empty();
        if has_length && self.runs.back().is_some_and(|last| last.to == to) {
            self.copy_more(payload);
        } else {
            self.copy_other(payload, to);
        }
    }

    /// Copies a datagram that belongs to the open run.
    #[inline]
    fn copy_more(&mut self, payload: &[u8]) {
        self.copies.bytes.extend_from_slice(payload);
        self.datagrams += 1;
    }

    /// Copies a datagram that ends the open run, because it is shorter or does not belong to it.
    #[inline(never)]
    fn copy_other(&mut self, payload: &[u8], to: Option<Destination>) {
        let open = match to {
            None => self.open.to_peer,
            Some(_) => self.open.to_own,
        };
        let length = payload.len();
        let is_last =
            (1..open).contains(&length) && self.runs.back().is_some_and(|last| last.to == to);
        if is_last {
            self.copy_more(payload);
            self.close();
            return;
        }
        self.close();
        let start = self.copies.end();
        let is_empty = payload.is_empty();
        self.runs.push_back(QueuedRun {
            to,
            datagrams: usize::from(is_empty),
            segment: length.max(1),
            content: Content::Copied(start..start),
        });
        if !is_empty {
            self.open.before = self.datagrams;
            match to {
                None => self.open.to_peer = length,
                Some(_) => self.open.to_own = length,
            }
        }
        self.copy_more(payload);
    }

    /// Closes the open run, if there is one: it gets its end.
    fn close(&mut self) {
        let Open { before, .. } = mem::take(&mut self.open);
        if let Some(last) = self.runs.back_mut()
            && last.datagrams == 0
            && let Content::Copied(range) = &mut last.content
        {
            last.datagrams = self.datagrams - before;
            range.end = self.copies.end();
        }
    }

    /// Adds datagrams whose payloads lie side by side: `payload` is cut into datagrams of `segment`
    /// bytes, of which the last may be shorter. An empty `payload` adds an empty datagram. Nothing is
    /// copied.
    ///
    /// # Panics
    ///
    /// Panics if `segment` is 0.
    pub fn push_run(&mut self, payload: impl Into<Bytes>, segment: usize) {
        self.add_run(payload.into(), segment, None);
    }

    /// Adds datagrams whose payloads lie side by side, with a destination of their own; otherwise like
    /// [`push_run`](Self::push_run).
    ///
    /// # Panics
    ///
    /// Panics if `segment` is 0.
    pub fn push_run_to(
        &mut self,
        payload: impl Into<Bytes>,
        segment: usize,
        to: impl Into<Destination>,
    ) {
        self.add_run(payload.into(), segment, Some(to.into()));
    }

    /// Adds a datagram that is not copied.
    fn add_whole(&mut self, payload: Bytes, to: Option<Destination>) {
        let run = QueuedRun {
            to,
            datagrams: 1,
            segment: payload.len().max(1),
            content: Content::Shared(payload),
        };
        self.close();
        self.datagrams += 1;
        self.runs.push_back(run);
    }

    fn add_run(&mut self, payload: Bytes, segment: usize, to: Option<Destination>) {
        assert!(segment > 0, "the datagrams of a run have at least 1 byte");
        let run = QueuedRun {
            to,
            datagrams: payload.len().div_ceil(segment).max(1),
            segment,
            content: Content::Shared(payload),
        };
        self.close();
        self.datagrams += run.datagrams;
        self.runs.push_back(run);
    }

    /// Returns the number of datagrams in the batch.
    #[inline]
    pub fn len(&self) -> usize {
        self.datagrams
    }

    /// Returns whether the batch holds no datagrams.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.datagrams == 0
    }

    /// Returns the datagrams in the order in which they are sent.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Outgoing<'_>> + Clone {
        let left = self.datagrams;
        Datagrams {
            runs: self.runs(),
            current: None,
            left,
        }
    }

    /// Returns the datagrams in the order in which they are sent, those of one length to one
    /// destination together where they lie side by side. A run without bytes is an empty datagram.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = Run<'_>> + Clone {
        self.runs.iter().map(|run| Run {
            payload: self.payload(run),
            segment: run.segment,
            to: run.to,
        })
    }

    /// Returns the destination of each run of datagrams, `None` for one without its own, and how many
    /// datagrams it has. Cheaper than [`runs`](Self::runs).
    pub fn destinations(&self) -> impl ExactSizeIterator<Item = (Option<&Destination>, usize)> {
        let datagrams = |run: &QueuedRun| match run.datagrams {
            0 => self.datagrams - self.open.before,
            datagrams => datagrams,
        };
        self.runs
            .iter()
            .map(move |run| (run.to.as_ref(), datagrams(run)))
    }

    /// Returns the bytes of each run of datagrams, their length, and their destination. Cheaper than
    /// [`runs`](Self::runs).
    #[allow(dead_code, reason = "only engines that send several datagrams need it")]
    pub(crate) fn queued(&self) -> impl Iterator<Item = (Segments<'_>, &Option<Destination>)> {
        self.runs.iter().map(|run| {
            let segments = Segments {
                bytes: self.payload(run),
                length: run.segment,
            };
            (segments, &run.to)
        })
    }

    #[inline]
    fn payload<'a>(&'a self, run: &'a QueuedRun) -> &'a [u8] {
        match &run.content {
            Content::Copied(range) if run.datagrams == 0 => self.copies.from(range.start),
            Content::Copied(range) => self.copies.get(range),
            Content::Shared(bytes) => bytes,
        }
    }

    /// Removes the first datagram and returns its payload and its own destination.
    pub fn pop(&mut self) -> Option<(Bytes, Option<Destination>)> {
        self.close();
        let first = self.runs.front()?;
        let to = first.to;
        let length = first.segment.min(first.content.len());
        let payload = match &first.content {
            Content::Copied(range) => {
                let bytes = self.copies.get(&(range.start..range.start + length));
                Bytes::copy_from_slice(bytes)
            }
            Content::Shared(bytes) => bytes.slice(..length),
        };
        self.remove(1);
        Some((payload, to))
    }

    /// Moves all datagrams of `other` to the end of this batch.
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            mem::swap(self, other);
            return;
        }
        self.close();
        other.close();
        for mut run in other.runs.drain(..) {
            if let Content::Copied(range) = &mut run.content {
                let start = self.copies.end();
                self.copies.bytes.extend_from_slice(other.copies.get(range));
                *range = start..self.copies.end();
            }
            self.runs.push_back(run);
        }
        self.datagrams += other.datagrams;
        other.clear();
    }

    /// Removes all datagrams.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.datagrams = 0;
        self.copies.clear();
        self.open = Open::default();
    }

    /// Removes the first `count` datagrams, or all if there are fewer.
    pub fn remove(&mut self, count: usize) {
        self.remove_to(count, drop);
    }

    /// Removes the first `count` datagrams, or all if there are fewer. Payloads that the batch does
    /// not need any more go to `released`: to drop them may run code of an application.
    pub fn remove_to(&mut self, count: usize, mut released: impl FnMut(Bytes)) {
        self.close();
        let mut left = count.min(self.datagrams);
        self.datagrams -= left;
        while let Some(first) = self.runs.front_mut() {
            if left < first.datagrams {
                first.advance(left);
                break;
            }
            left -= first.datagrams;
            if let Some(QueuedRun {
                content: Content::Shared(bytes),
                ..
            }) = self.runs.pop_front()
            {
                released(bytes);
            }
        }
        if self.runs.is_empty() {
            self.copies.clear();
        } else if self.copies.bytes.len() > COPIES_BYTES_KEPT {
            let copied = self.runs.iter().find_map(|run| match &run.content {
                Content::Copied(range) => Some(range.start),
                Content::Shared(_) => None,
            });
            self.copies.release(copied);
        }
    }
}

impl QueuedRun {
    /// Removes the first `count` datagrams, which are not all.
    fn advance(&mut self, count: usize) {
        let bytes = count * self.segment;
        self.datagrams -= count;
        match &mut self.content {
            Content::Copied(range) => range.start += bytes,
            Content::Shared(payload) => payload.advance(bytes),
        }
    }
}

impl Content {
    fn len(&self) -> usize {
        match self {
            Self::Copied(range) => range.len(),
            Self::Shared(bytes) => bytes.len(),
        }
    }
}

impl Copies {
    /// Returns how many bytes were ever copied.
    #[inline]
    fn end(&self) -> usize {
        self.before + self.bytes.len()
    }

    #[inline]
    fn get(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.start - self.before..range.end - self.before]
    }

    #[inline]
    fn from(&self, start: usize) -> &[u8] {
        &self.bytes[start - self.before..]
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.before = 0;
    }

    /// Releases what is before `start`, or everything, once that is the larger part.
    fn release(&mut self, start: Option<usize>) {
        let unused = start.map_or(self.bytes.len(), |start| start - self.before);
        if unused > self.bytes.len() / 2 {
            self.bytes.drain(..unused);
            self.before += unused;
        }
    }
}

/// The datagrams of a batch, one by one.
#[derive(Clone)]
struct Datagrams<'a, I> {
    runs: I,
    /// What is left of the current run.
    current: Option<Run<'a>>,
    left: usize,
}

impl<'a, I: Iterator<Item = Run<'a>>> Iterator for Datagrams<'a, I> {
    type Item = Outgoing<'a>;

    fn next(&mut self) -> Option<Outgoing<'a>> {
        let run = match self.current.take() {
            Some(run) => run,
            None => self.runs.next()?,
        };
        let first = run.first();
        let payload = &run.payload[first.payload.len()..];
        self.current = (!payload.is_empty()).then_some(Run { payload, ..run });
        self.left -= 1;
        Some(first)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a, I: Iterator<Item = Run<'a>>> ExactSizeIterator for Datagrams<'a, I> {}

impl<B: Into<Bytes>> Extend<B> for SendBatch {
    fn extend<I: IntoIterator<Item = B>>(&mut self, payloads: I) {
        for payload in payloads {
            self.push(payload);
        }
    }
}

impl<B: Into<Bytes>> FromIterator<B> for SendBatch {
    fn from_iter<I: IntoIterator<Item = B>>(payloads: I) -> Self {
        let mut batch = Self::new();
        batch.extend(payloads);
        batch
    }
}

/// Longer payloads are not copied, if they need not be.
const COPIED_BYTES_MAX: usize = 256;

/// How many bytes of copies may be kept although their datagrams were sent.
const COPIES_BYTES_KEPT: usize = 65_536;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn contents(batch: &SendBatch) -> Vec<(Vec<u8>, Option<u16>)> {
        let port = |to: Destination| to.address.port();
        batch
            .iter()
            .map(|next| (next.payload.to_vec(), next.to.map(port)))
            .collect()
    }

    fn at(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    /// Whatever way a datagram is added in, the batch holds it at its place, and any number can be
    /// removed from the front.
    #[test]
    fn datagrams_keep_their_order_and_their_bytes() {
        let long = |byte: u8| vec![byte; 300];
        let fill = || {
            let mut batch = SendBatch::new();
            let mut expected = Vec::new();
            let mut add = |payload: &[u8], port: Option<u16>| {
                expected.push((payload.to_vec(), port));
            };
            for (payload, port) in [
                (&b"aa"[..], None),
                (b"bb", None),
                (b"c", None),
                (b"dd", None),
                (b"", None),
                (b"", Some(1)),
                (b"ee", Some(1)),
                (b"ff", Some(1)),
                (b"gg", Some(2)),
                (b"hhh", Some(2)),
            ] {
                match port {
                    None => batch.copy(payload),
                    Some(port) => batch.copy_to(payload, at(port)),
                }
                add(payload, port);
            }
            for byte in [b'i', b'j'] {
                batch.push(long(byte));
                add(&long(byte), None);
            }
            batch.push_to(&b"kk"[..], at(3));
            add(b"kk", Some(3));
            batch.push_run(&b"llmmn"[..], 2);
            for payload in [&b"ll"[..], b"mm", b"n"] {
                add(payload, None);
            }
            batch.push_run_to(&b""[..], 2, at(4));
            add(b"", Some(4));
            batch.copy(b"oo");
            add(b"oo", None);
            (batch, expected)
        };
        let (batch, expected) = fill();
        assert_eq!(batch.len(), expected.len());
        assert_eq!(batch.iter().len(), expected.len());
        assert_eq!(contents(&batch), expected);
        assert!(batch.runs().len() < batch.len());
        for count in 0..=expected.len() + 1 {
            let (mut batch, mut other) = (fill().0, fill().0);
            batch.remove(count);
            let kept = expected[count.min(expected.len())..].to_vec();
            assert_eq!(contents(&batch), kept, "{count}");
            // What is added now follows what is left.
            batch.copy(b"pp");
            other.append(&mut batch);
            assert!(batch.is_empty());
            let all = [&expected[..], &kept, &[(b"pp".to_vec(), None)]].concat();
            assert_eq!(contents(&other), all, "{count}");
            for (payload, port) in all {
                let (found, to) = other.pop().unwrap();
                assert_eq!(
                    (&found[..], to.map(|to| to.address.port())),
                    (&payload[..], port)
                );
            }
            assert!(other.pop().is_none());
        }
    }

    /// A batch that is never empty does not keep what was sent.
    #[test]
    fn the_memory_of_sent_datagrams_is_used_again() {
        let mut batch = SendBatch::new();
        batch.copy(&[1; 100]);
        for round in 0..10_000 {
            batch.copy(&[2; 100]);
            batch.remove(1);
            assert_eq!(batch.len(), 1, "{round}");
        }
        assert!(batch.copies.bytes.capacity() < 4 * COPIES_BYTES_KEPT);
        // A payload that is not copied does not keep the copies before it either.
        batch.push(vec![3; 1000]);
        batch.remove(1);
        assert_eq!(contents(&batch), [(vec![3; 1000], None)]);
    }

    #[test]
    fn released_payloads_are_those_that_were_not_copied() {
        let mut batch = SendBatch::new();
        batch.copy(b"copied");
        batch.push(vec![1; 300]);
        batch.push_run(vec![2; 900], 300);
        let mut released = Vec::new();
        batch.remove_to(4, |bytes| released.push(bytes.len()));
        assert_eq!(released, [300]);
        batch.remove_to(1, |bytes| released.push(bytes.len()));
        assert_eq!(released, [300, 300]);
    }

    #[test]
    #[should_panic(expected = "at least 1 byte")]
    fn a_run_of_empty_datagrams_is_refused() {
        SendBatch::new().push_run(&b"x"[..], 0);
    }
}
