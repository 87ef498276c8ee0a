//! An open socket: its channel to the kernel, and what waits on either side of that.

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
pub(crate) use memberships::{Bound, GroupRequest};
pub(crate) use queue::{Queue, ReceiveFailure, ReceiverState};
pub use statistics::Statistics;
use write_queue::WriteQueue;

use super::settings::Settings;
use crate::driver::ReaderWaker;
use crate::message::Event;

/// See the module.
pub(crate) struct Link {
    pub(crate) channel: Channel,
    /// Wakes readers, which nobody may do with a lock held: a waker may do anything. So what runs under a
    /// lock is handed the channel alone.
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
    /// The kernel has no room on this socket now; waiting helps.
    Full,
    /// The system has no room for it now; a later try may help.
    NoBuffers(io::Error),
    /// The system refuses.
    Refused(io::Error),
}

impl Link {
    /// Takes a socket that is bound, or connected before it could hear anybody but `peer`.
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

    /// Connects a bound socket, by `adapter` if that is given. From now on only the peer is heard.
    ///
    /// # Errors
    ///
    /// The system's own; `None` if the socket is closed.
    pub(crate) fn connect(
        &self,
        peer: SocketAddr,
        adapter: Option<&Adapter>,
    ) -> Option<io::Result<()>> {
        let connected = self.channel.with(|socket| {
            // Not before it is certain that the peer can be one: a failure leaves no trace.
            if let Some(adapter) = adapter
                && socket.supports(peer)
            {
                udpair_io::bind_to_adapter(socket, adapter)?;
            }
            socket.connect(peer)
        })?;
        Some(connected.map(|()| self.hear_alone(peer)))
    }

    /// Closes the filter on everybody but `peer`, whom the socket was connected to after it may have heard
    /// others.
    pub(crate) fn hear_alone(&self, peer: SocketAddr) {
        let peer = self.channel.with(|socket| socket.peer_as_reported(peer));
        let Some(peer) = peer else {
            return;
        };
        let mut queue = self.queue();
        self.channel.set_peer(peer);
        queue.drop_strangers(&self.channel);
        let others_could_go_on = queue.has_rest(&self.channel);
        drop(queue);
        if others_could_go_on {
            // What is here now will not make the socket readable any more.
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
        self.sent(result.map(|result| result.map(|()| sent)))?;
        Ok(())
    }

    /// Sends the first `most` datagrams of a batch, which leave it, or as many as the kernel takes before
    /// it fails. Those without a destination of their own go to `to`.
    pub(crate) fn try_send_batch(
        &self,
        batch: &mut SendBatch,
        to: Option<Destination>,
        most: &mut usize,
    ) -> Result<(), SendFailure> {
        let engine = self.channel.settings.engine;
        while *most > 0 {
            let result = self
                .channel
                .call(|socket| engine.send_batch(socket, batch, to, *most));
            let sent = self.sent(result)?;
            *most -= sent.datagrams;
            batch.remove(sent.datagrams);
            if sent.was_interrupted {
                // An error that did it would else be seen when messages stop coming.
                self.channel.take_waiting_errors();
                self.wake_event_waiters();
            }
        }
        Ok(())
    }

    /// Counts what a call sent, or says why it sent nothing.
    #[inline]
    fn sent(&self, result: Option<io::Result<Sent>>) -> Result<Sent, SendFailure> {
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

    /// Keeps an event that must not be lost, and wakes those who wait for events.
    pub(crate) fn notify(&self, event: Event) {
        if self.channel.events.push_evicting(event) {
            self.channel.counters().peer_errors_dropped.add(1);
        }
        self.wake_event_waiters();
    }

    /// Wakes those who wait for events, if there are some that they may not know of.
    #[inline]
    pub(crate) fn wake_event_waiters(&self) {
        if self.channel.events.take_unannounced() {
            self.wake_readers();
        }
    }

    /// Makes everybody who waits to read look again.
    #[inline]
    pub(crate) fn wake_readers(&self) {
        self.readers.wake_all();
    }

    /// Ends pending operations.
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
