//! What one call of the engine receives into: a batch of the pool's buffers, or the caller's
//! buffers.

use std::io::{self, IoSliceMut};
use std::num::NonZeroU8;

use udpair_io::{
    Filled, FilterStats, MESSAGE_BYTES_MAX, Metadata, RecvBatch, Remaining, Socket, filter_filled,
    filter_received,
};

use super::channel::Channel;

/// What one call of the engine receives into.
pub(super) trait Arrivals {
    /// Receives once; `None` if the socket is closed. `messages_max` is the number of messages that
    /// hold about as many datagrams as one call should take, if messages hold several.
    fn receive(
        &mut self,
        channel: &Channel,
        messages_max: Option<NonZeroU8>,
    ) -> Option<io::Result<Remaining>>;

    /// Returns how many messages were received.
    fn messages(&self) -> usize;

    /// Returns how many datagrams are there.
    fn datagrams(&self) -> usize;

    /// Removes what is not admitted of what was just received.
    fn filter(
        &mut self,
        reported_drops: &mut u32,
        admits: impl Fn(&Metadata) -> bool,
    ) -> FilterStats;
}

impl Arrivals for RecvBatch {
    #[inline]
    fn receive(
        &mut self,
        channel: &Channel,
        _messages_max: Option<NonZeroU8>,
    ) -> Option<io::Result<Remaining>> {
        channel.receive(self)
    }

    #[inline]
    fn messages(&self) -> usize {
        self.messages()
    }

    #[inline]
    fn datagrams(&self) -> usize {
        self.len()
    }

    #[inline]
    fn filter(
        &mut self,
        reported_drops: &mut u32,
        admits: impl Fn(&Metadata) -> bool,
    ) -> FilterStats {
        filter_received(self, reported_drops, admits)
    }
}

/// Buffers of the caller, and what each of the first ones holds.
pub(crate) struct Given<'a, 'b> {
    pub(super) buffers: &'a mut [IoSliceMut<'b>],
    pub(crate) filled: &'a mut Vec<Filled>,
}

impl<'a, 'b> Given<'a, 'b> {
    /// Takes buffers, none of which is filled yet.
    pub(crate) fn new(buffers: &'a mut [IoSliceMut<'b>], filled: &'a mut Vec<Filled>) -> Self {
        filled.clear();
        Self { buffers, filled }
    }

    /// Returns whether the first buffer can hold any message of the kernel, so that nothing is lost
    /// if the kernel fills it.
    pub(super) fn takes_messages(&self, channel: &Channel) -> bool {
        let may_coalesce = |socket: &Socket| {
            let engine = channel.settings.engine;
            engine.capabilities_of(socket).receive_offload
        };
        self.buffers.first().is_some_and(|first| {
            first.len() >= MESSAGE_BYTES_MAX || channel.with(may_coalesce) == Some(false)
        })
    }
}

impl Arrivals for Given<'_, '_> {
    fn receive(
        &mut self,
        channel: &Channel,
        messages_max: Option<NonZeroU8>,
    ) -> Option<io::Result<Remaining>> {
        let max = messages_max.map_or(usize::MAX, |max| max.get().into());
        let count = self.buffers.len().min(max);
        channel.receive_into(&mut self.buffers[..count], self.filled)
    }

    fn messages(&self) -> usize {
        self.filled.len()
    }

    fn datagrams(&self) -> usize {
        self.filled.iter().map(Filled::count).sum()
    }

    fn filter(
        &mut self,
        reported_drops: &mut u32,
        admits: impl Fn(&Metadata) -> bool,
    ) -> FilterStats {
        filter_filled(self.buffers, self.filled, reported_drops, admits)
    }
}
