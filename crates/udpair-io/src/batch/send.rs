//! Datagrams that are queued to be sent together.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Destination, Outgoing};

/// Datagrams to send, in order, each with its payload and optionally a destination of its own.
///
/// Sent datagrams are removed from the front. On an error, the batch holds exactly the datagrams
/// that were not sent, and the datagram that failed is the first. The same is true when the future
/// that was sending is dropped.
///
/// Payloads are not copied. Datagrams of one length to one destination go to the kernel as one GSO
/// batch of up to 128 where the kernel can segment it, so datagrams whose payloads are adjacent in
/// one buffer are the fastest to send.
#[derive(Clone, Debug, Default)]
pub struct SendBatch {
    queued: VecDeque<Queued>,
}

/// A queued datagram.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) payload: Bytes,
    /// `None` stands for the peer, or the destination of the stream.
    pub(crate) to: Option<Destination>,
}

impl SendBatch {
    /// Returns an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty batch with capacity for `datagrams` datagrams.
    pub fn with_capacity(datagrams: usize) -> Self {
        Self {
            queued: VecDeque::with_capacity(datagrams),
        }
    }

    /// Adds a datagram for the peer, or for the destination of the stream that the batch is written
    /// to. An empty `payload` adds an empty datagram.
    #[inline]
    pub fn push(&mut self, payload: impl Into<Bytes>) {
        self.queued.push_back(Queued {
            payload: payload.into(),
            to: None,
        });
    }

    /// Adds a datagram with its own destination.
    #[inline]
    pub fn push_to(&mut self, payload: impl Into<Bytes>, to: impl Into<Destination>) {
        self.queued.push_back(Queued {
            payload: payload.into(),
            to: Some(to.into()),
        });
    }

    /// Returns the number of datagrams in the batch.
    #[inline]
    pub fn len(&self) -> usize {
        self.queued.len()
    }

    /// Returns whether the batch holds no datagrams.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// Returns the datagrams in the order in which they are sent.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Outgoing<'_>> + Clone {
        self.queued.iter().map(|queued| Outgoing {
            payload: &queued.payload,
            to: queued.to,
        })
    }

    /// Returns each datagram's own destination, in order; `None` for a datagram without one.
    pub fn destinations(&self) -> impl ExactSizeIterator<Item = Option<&Destination>> {
        self.queued.iter().map(|queued| queued.to.as_ref())
    }

    /// Returns the queued datagrams by reference. Cheaper than [`iter`](Self::iter), which copies
    /// the destinations.
    pub(crate) fn queued(&self) -> impl Iterator<Item = &Queued> {
        self.queued.iter()
    }

    /// Removes the first datagram and returns its payload and its own destination.
    pub fn pop(&mut self) -> Option<(Bytes, Option<Destination>)> {
        let queued = self.queued.pop_front()?;
        Some((queued.payload, queued.to))
    }

    /// Moves all datagrams of `other` to the end of this batch.
    pub fn append(&mut self, other: &mut Self) {
        self.queued.append(&mut other.queued);
    }

    /// Removes all datagrams.
    pub fn clear(&mut self) {
        self.queued.clear();
    }

    /// Moves the first `count` datagrams, or all if there are fewer, to the end of `other`.
    pub fn move_front(&mut self, count: usize, other: &mut Self) {
        let count = count.min(self.queued.len());
        other.queued.extend(self.queued.drain(..count));
    }

    /// Removes the first `count` datagrams, or all if there are fewer.
    pub fn remove(&mut self, count: usize) {
        self.queued.drain(..count.min(self.queued.len()));
    }
}

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
