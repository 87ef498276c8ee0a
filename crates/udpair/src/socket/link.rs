//! An open socket: its channel to the kernel, its queues in both directions, and its memberships.

mod channel;
mod events;
pub(crate) mod filter;
mod memberships;
mod queue;
mod statistics;
mod write_queue;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use udpair_io::{Adapter, Cause, Destination, Outgoing, SendBatch, Sent, Socket};

pub(crate) use channel::{Cancellations, Channel};
use memberships::Memberships;
pub(crate) use memberships::{Bound, MembershipRequest};
pub(crate) use queue::{Queue, ReceiveFailure, ReceiverState};
pub use statistics::Statistics;
use write_queue::WriteQueue;

use super::settings::Settings;
use crate::driver::ReaderWaker;
use crate::message::Event;

/// The state of an open socket: its channel to the kernel, its queues and its memberships.
pub(crate) struct Link {
    pub(crate) channel: Channel,
    /// Wakes readers. Code that holds a lock must not do this, because a waker may run arbitrary
    /// code. So code that runs under a lock gets only the channel.
    readers: ReaderWaker,
    queue: Mutex<Queue>,
    pub(crate) write_queue: WriteQueue,
    pub(crate) memberships: Memberships,
}

/// Why a datagram was not sent.
#[derive(Debug)]
pub(crate) enum SendFailure {
    /// The socket is closed.
    Closed,
    /// The kernel has no buffer space for this socket now; waiting helps.
    Full,
    /// The machine has no buffer space now; a later attempt may help.
    NoBuffers(io::Error),
    /// The system refused.
    Refused(io::Error),
}

impl Link {
    /// Creates the link of a socket that is bound, or that was connected before it could receive
    /// from any sender but `peer`.
    pub(crate) fn new(socket: Socket, settings: &Arc<Settings>, peer: Option<SocketAddr>) -> Self {
        let (channel, readers) = Channel::new(socket, settings, peer);
        Self {
            channel,
            readers,
            queue: Mutex::default(),
            write_queue: WriteQueue::default(),
            memberships: Memberships::default(),
        }
    }

    /// Connects a bound socket, through `adapter` if one is given. From now on the socket receives
    /// only from the peer.
    ///
    /// Returns `None` if the socket is closed.
    ///
    /// # Errors
    ///
    /// Returns the system's error.
    pub(crate) fn connect(
        &self,
        peer: SocketAddr,
        adapter: Option<&Adapter>,
    ) -> Option<io::Result<()>> {
        let connected = self.channel.with(|socket| {
            // Only if the socket supports the peer's address: a failure must change nothing.
            if let Some(adapter) = adapter
                && socket.supports(peer)
            {
                udpair_io::bind_to_adapter(socket, adapter)?;
            }
            socket.connect(peer)
        })?;
        Some(connected.map(|()| self.restrict_to_peer(peer)))
    }

    /// Makes the filter accept only datagrams from `peer`, and drops those of other senders.
    ///
    /// Call this after connecting a socket that may already have received from other senders.
    pub(crate) fn restrict_to_peer(&self, peer: SocketAddr) {
        let peer = self.channel.with(|socket| socket.peer_as_reported(peer));
        let Some(peer) = peer else {
            return;
        };
        let mut queue = self.queue();
        self.channel.set_peer(peer);
        queue.drop_non_peers(&self.channel);
        let others_can_proceed = queue.has_more(&self.channel);
        drop(queue);
        if others_can_proceed {
            // The datagrams in the queue no longer make the socket readable.
            self.wake_readers();
        }
        self.wake_event_waiters();
    }

    /// Sends one datagram.
    #[inline]
    pub(crate) fn try_send(&self, outgoing: Outgoing<'_>) -> Result<(), SendFailure> {
        let sent = Sent {
            datagrams: 1,
            bytes: outgoing.payload.len(),
            was_interrupted: false,
        };
        let engine = self.channel.settings.engine;
        let result = self.channel.call(|socket| engine.send(socket, outgoing));
        self.count_sent(result.map(|result| result.map(|()| sent)))?;
        Ok(())
    }

    /// Sends the first `count` datagrams of a batch, or as many as the kernel accepts before it
    /// fails.
    ///
    /// Sent datagrams are removed from the batch and subtracted from `count`. A datagram without a
    /// destination of its own goes to `to`.
    pub(crate) fn try_send_batch(
        &self,
        batch: &mut SendBatch,
        to: Option<Destination>,
        count: &mut usize,
    ) -> Result<(), SendFailure> {
        let engine = self.channel.settings.engine;
        while *count > 0 {
            let result = self
                .channel
                .call(|socket| engine.send_batch(socket, batch, to, *count));
            let sent = self.count_sent(result)?;
            *count -= sent.datagrams;
            batch.remove(sent.datagrams);
            if sent.was_interrupted {
                // The interruption may be due to a network error. Otherwise that error would not be
                // noticed before messages stop arriving.
                self.channel.take_pending_errors();
                self.wake_event_waiters();
            }
        }
        Ok(())
    }

    /// Counts what a call sent, or returns why it sent nothing.
    #[inline]
    fn count_sent(&self, result: Option<io::Result<Sent>>) -> Result<Sent, SendFailure> {
        self.wake_event_waiters();
        match result {
            None => Err(SendFailure::Closed),
            Some(Ok(sent)) => {
                self.channel.counters().add_sent(sent);
                Ok(sent)
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Err(SendFailure::Full),
            Some(Err(error)) if Cause::of(&error) == Cause::NoBuffers => {
                Err(SendFailure::NoBuffers(error))
            }
            Some(Err(error)) => Err(SendFailure::Refused(error)),
        }
    }

    /// Queues an event that must not be lost, and wakes the tasks that wait for events.
    pub(crate) fn notify(&self, event: Event) {
        if self.channel.events.push_evicting(event) {
            self.channel.counters().peer_errors_dropped.add(1);
        }
        self.wake_event_waiters();
    }

    /// Wakes the tasks that wait for events, if events were queued since the last wake-up.
    #[inline]
    pub(crate) fn wake_event_waiters(&self) {
        if self.channel.events.take_unannounced() {
            self.wake_readers();
        }
    }

    /// Wakes all waiting readers, which then check again.
    #[inline]
    pub(crate) fn wake_readers(&self) {
        self.readers.wake_all();
    }

    /// Cancels all pending operations.
    pub(crate) fn cancel(&self) {
        self.channel.cancel();
        self.wake_readers();
        self.channel.wake_writers();
        self.write_queue.wake_all();
    }

    pub(crate) fn close(&self) {
        self.channel.close();
        self.write_queue.wake_all();
        *self.queue() = Queue::default();
        self.channel.events.clear();
        self.memberships.clear();
    }

    #[inline]
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
