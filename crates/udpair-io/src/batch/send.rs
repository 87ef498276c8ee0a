//! Datagrams that wait to be sent together.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Destination, Outgoing};

/// Datagrams to send, in order: each with its bytes, and where it goes if that is its own.
///
/// What was sent leaves at the front. On an error the batch holds exactly what was not sent, the
/// failing datagram first; the same holds when the future that was sending is dropped.
///
/// Payloads are not copied. Those of one length to one destination reach the kernel in one piece where
/// it can cut them itself, up to 128 of them; so datagrams that were made one behind the other in one
/// buffer are the fastest.
#[derive(Clone, Debug, Default)]
pub struct SendBatch {
    queued: VecDeque<Queued>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) payload: Bytes,
    /// `None` is the peer, or the destination of the stream.
    pub(crate) to: Option<Destination>,
}

impl SendBatch {
    /// Returns an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty batch with room for `datagrams` of them.
    pub fn with_capacity(datagrams: usize) -> Self {
        Self {
            queued: VecDeque::with_capacity(datagrams),
        }
    }

    /// Adds a datagram to the peer, or to the destination of the stream it is written to. An empty
    /// `payload` is a datagram too.
    #[inline]
    pub fn push(&mut self, payload: impl Into<Bytes>) {
        self.queued.push_back(Queued {
            payload: payload.into(),
            to: None,
        });
    }

    /// Adds a datagram with a destination of its own.
    #[inline]
    pub fn push_to(&mut self, payload: impl Into<Bytes>, to: impl Into<Destination>) {
        self.queued.push_back(Queued {
            payload: payload.into(),
            to: Some(to.into()),
        });
    }

    /// Returns how many datagrams wait.
    #[inline]
    pub fn len(&self) -> usize {
        self.queued.len()
    }

    /// Returns whether none waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// Returns the datagrams, first to be sent first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Outgoing<'_>> + Clone {
        self.queued.iter().map(|queued| Outgoing {
            payload: &queued.payload,
            to: queued.to,
        })
    }

    /// Returns the destinations that datagrams have of their own, in order.
    pub fn destinations(&self) -> impl ExactSizeIterator<Item = Option<&Destination>> {
        self.queued.iter().map(|queued| queued.to.as_ref())
    }

    /// Returns the datagrams as they wait; cheaper than [`iter`](Self::iter), which copies destinations.
    pub(crate) fn queued(&self) -> impl Iterator<Item = &Queued> {
        self.queued.iter()
    }

    /// Takes the first datagram out.
    pub fn pop(&mut self) -> Option<(Bytes, Option<Destination>)> {
        let queued = self.queued.pop_front()?;
        Some((queued.payload, queued.to))
    }

    /// Moves all datagrams of `other` behind these.
    pub fn append(&mut self, other: &mut Self) {
        self.queued.append(&mut other.queued);
    }

    /// Forgets all datagrams.
    pub fn clear(&mut self) {
        self.queued.clear();
    }

    /// Forgets the first `count` datagrams, or all if there are fewer.
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
