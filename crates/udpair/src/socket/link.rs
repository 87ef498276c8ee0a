//! An open socket: its channel to the kernel, its queues in both directions, and its memberships.

mod arrivals;
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
use std::task::{Context, Poll};

use udpair_io::{Adapter, Destination, Outgoing, Run, SendBatch, Socket};

pub(crate) use arrivals::Given;
pub(crate) use channel::{Cancellations, Channel, SendFailure};
use memberships::Memberships;
pub(crate) use memberships::{Bound, MembershipRequest};
pub(crate) use queue::{Queue, ReceiveFailure, ReceiverState};
pub use statistics::Statistics;
use write_queue::WriteQueue;
pub(crate) use write_queue::{Flush, QueuePosition, QueuedWrite, WaiterState};

use super::settings::Settings;
use crate::driver::{ReaderWaker, Ticket};
use crate::message::Event;

/// The state of an open socket: its channel to the kernel, its queues and its memberships.
pub(crate) struct Link {
    pub(crate) channel: Channel,
    /// Wakes readers. Code that holds a lock must not do this, because a waker may run arbitrary
    /// code. So code that runs under a lock gets only the channel.
    readers: ReaderWaker,
    queue: Mutex<Queue>,
    write_queue: WriteQueue,
    pub(crate) memberships: Memberships,
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
        let sent = self.channel.try_send(outgoing);
        self.wake_event_waiters();
        sent
    }

    /// Sends the first datagrams of a run; see [`Channel::try_send_run`].
    pub(crate) fn try_send_run(&self, run: &mut Run<'_>) -> Result<(), SendFailure> {
        let sent = self.channel.try_send_run(run);
        self.wake_event_waiters();
        sent
    }

    /// Sends the first `count` datagrams of a batch, or as many as the kernel accepts before it
    /// fails; see [`Channel::try_send_batch`]. The caller holds no lock.
    pub(crate) fn try_send_batch(
        &self,
        batch: &mut SendBatch,
        to: Option<Destination>,
        count: &mut usize,
    ) -> Result<(), SendFailure> {
        let sent = self
            .channel
            .try_send_batch(batch, to, count, SendBatch::remove);
        self.wake_event_waiters();
        sent
    }

    /// Sends what waits in the write queue, as far as the kernel has buffer space, and returns
    /// whether nothing waits any more.
    #[inline]
    pub(crate) fn make_way(&self) -> bool {
        if self.write_queue.is_empty() {
            return true;
        }
        let is_empty = self.write_queue.advance(&self.channel);
        self.wake_event_waiters();
        is_empty
    }

    /// Waits until a queued write has been sent or has failed; see [`WriteQueue::poll_written`].
    pub(crate) fn poll_written(
        &self,
        position: &mut QueuePosition<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendFailure>> {
        let written = self.write_queue.poll_written(&self.channel, position, cx);
        self.wake_event_waiters();
        written
    }

    /// Waits until all writes before a flush have ended; see [`WriteQueue::poll_flushed`].
    pub(crate) fn poll_flushed(
        &self,
        flush: &mut Flush<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, SendFailure>> {
        let flushed = self.write_queue.poll_flushed(&self.channel, flush, cx);
        self.wake_event_waiters();
        flushed
    }

    /// Waits until the kernel has buffer space and no write waits for it; see
    /// [`WriteQueue::poll_space`].
    pub(crate) fn poll_space(
        &self,
        ticket: &mut Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendFailure>> {
        let has_space = self.write_queue.poll_space(&self.channel, ticket, cx);
        self.wake_event_waiters();
        has_space
    }

    /// Removes a task that waited for buffer space from the list of such tasks.
    pub(crate) fn stop_waiting_for_space(&self, ticket: &mut Ticket) {
        self.write_queue.stop_waiting(&self.channel, ticket);
    }

    /// Notes that the kernel had no buffer space for a write that does not enter the queue.
    pub(crate) fn note_full(&self) {
        self.write_queue.note_full();
    }

    /// Returns the state of the one task that polls for buffer space without a future of its own.
    pub(crate) fn poller(&self) -> MutexGuard<'_, WaiterState> {
        self.write_queue.poller()
    }

    /// Adds a write to the end of the write queue.
    pub(crate) fn enqueue(&self, write: QueuedWrite) -> QueuePosition<'_> {
        self.write_queue.enqueue(&self.channel, write)
    }

    /// Begins a flush of the writes that wait now.
    pub(crate) fn flush(&self) -> Flush<'_> {
        self.write_queue.flush(&self.channel)
    }

    /// Queues an event that must not be lost, and wakes the tasks that wait for events.
    pub(crate) fn notify(&self, event: Event) {
        if self.channel.events.push_evicting(event) {
            self.channel.counters().rare().peer_errors_dropped.add(1);
        }
        self.wake_event_waiters();
    }

    /// Wakes the tasks that wait for events, if events were queued since the last wake-up.
    #[inline]
    pub(crate) fn wake_event_waiters(&self) {
        if self.channel.events.take_unannounced() {
            self.announce_events();
        }
    }

    #[cold]
    fn announce_events(&self) {
        self.wake_readers();
        if self.channel.is_closed() {
            self.write_queue.wake_all();
        }
        for error in self.channel.events.take_unobserved() {
            error.observe();
        }
    }

    /// Wakes all waiting readers, which then check again.
    #[inline]
    pub(crate) fn wake_readers(&self) {
        self.readers.wake_all();
    }

    /// Replaces the descriptor by `socket`, which is bound and connected like it. What the kernel
    /// holds for the former one is kept.
    pub(crate) fn replace(&self, socket: Socket) {
        let mut queue = self.queue();
        queue.take_all(&self.channel);
        let former = self.channel.replace(socket);
        drop(queue);
        drop(former);
        self.wake_readers();
        self.write_queue.wake_all();
    }

    /// Cancels all pending operations.
    pub(crate) fn cancel(&self) {
        self.channel.cancel();
        self.wake_readers();
        self.write_queue.wake_all();
    }

    pub(crate) fn close(&self) {
        self.channel.close();
        self.clean_up();
    }

    /// Closes the socket and returns it as it is; `None` if it is closed already.
    pub(crate) fn take(&self) -> Option<Socket> {
        let socket = self.channel.take();
        self.clean_up();
        socket
    }

    /// Returns how many writes wait in the write queue, and how many datagrams they have left.
    pub(crate) fn waiting_writes(&self) -> (usize, usize) {
        self.write_queue.waiting()
    }

    /// Ends what waits for a socket that was closed, and releases what it has received.
    fn clean_up(&self) {
        self.wake_readers();
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
