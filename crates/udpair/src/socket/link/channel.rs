//! The part of an open socket that code may use while it holds one of the socket's locks: the
//! descriptor, the peer, the queued events and the counters.
//!
//! The receive queue and the memberships get a channel, and not the [`Link`](super::Link) that owns
//! them. So they can neither take their own lock again nor notify a reader, whose waker may run
//! arbitrary code. Nothing here wakes a reader.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use once_cell::race::OnceBox;
use udpair_io::{
    Cause, Destination, Filled, NetworkError, Outgoing, RecvBatch, Remaining, Run, SendBatch, Sent,
    Socket, may_be_queued, retry_past_errors,
};

use super::events::EventQueue;
use super::statistics::{Counters, Drops, Statistics};
use crate::driver::{Discarded, ReaderWaker, Task, Ticket, WaitError, Waiters, Watched};
use crate::message::PeerError;
use crate::resolve::in_zone;
use crate::socket::settings::{PeerErrors, Settings};

/// The descriptor of an open socket, its peer, its queued events and its counters.
pub(crate) struct Channel {
    watched: Watched,
    pub(crate) settings: Arc<Settings>,
    peer: OnceLock<SocketAddr>,
    /// The events other than messages that the application has not taken yet.
    pub(crate) events: EventQueue,
    /// Created by the first count; a socket that only waits counts nothing.
    counters: OnceBox<Counters>,
    /// Number of calls to [`cancel`](Self::cancel). [`Cancellations`] holds this plus one.
    cancellations: AtomicU64,
    /// The error number with which the system has destroyed the socket; 0 if it has not.
    abort_code: AtomicI32,
    /// The index of the only adapter through which the socket sends; 0 if it uses any.
    adapter: AtomicU32,
    /// The zone of the peer, if it has changed since the socket was connected; 0 otherwise.
    peer_zone: AtomicU32,
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
    /// The runtime of the socket cannot be waited for.
    Runtime(io::Error),
}

/// The number of times that pending operations were cancelled, plus one, so that
/// `Option<Cancellations>` takes no extra space.
pub(crate) type Cancellations = NonZeroU64;

impl Channel {
    /// Creates the channel of a socket that is bound, or that was connected before it could receive
    /// from any sender but `peer`. Also returns the waker of the socket's readers.
    pub(crate) fn new(
        socket: Socket,
        settings: &Arc<Settings>,
        peer: Option<SocketAddr>,
    ) -> (Self, ReaderWaker) {
        let peer = peer.map(|peer| socket.peer_as_reported(peer));
        let (watched, reader_waker) = if settings.is_in_group {
            Watched::unassigned(socket)
        } else {
            Watched::new(socket)
        };
        let channel = Self {
            watched,
            settings: settings.clone(),
            peer: peer.map_or_else(OnceLock::new, OnceLock::from),
            events: EventQueue::default(),
            counters: OnceBox::new(),
            cancellations: AtomicU64::new(0),
            abort_code: AtomicI32::new(0),
            adapter: AtomicU32::new(0),
            peer_zone: AtomicU32::new(0),
        };
        (channel, reader_waker)
    }

    /// Calls `action` on the socket; `None` once it is closed.
    #[inline]
    pub(crate) fn with<R>(&self, action: impl FnOnce(&Socket) -> R) -> Option<R> {
        self.watched.with(action)
    }

    /// Receives one batch; `None` if the socket is closed.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if no datagram is queued in the kernel, or the system's error.
    #[inline]
    pub(crate) fn receive(&self, batch: &mut RecvBatch) -> Option<io::Result<Remaining>> {
        self.call(|socket| self.settings.engine.receive(socket, batch))
    }

    /// Receives into buffers of the caller, and appends what each holds to `filled`; `None` if the
    /// socket is closed.
    ///
    /// # Errors
    ///
    /// Those of [`receive`](Self::receive).
    pub(crate) fn receive_into(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        filled: &mut Vec<Filled>,
    ) -> Option<io::Result<Remaining>> {
        let engine = self.settings.engine;
        self.call(|socket| engine.receive_into(socket, buffers, filled))
    }

    /// Sends the first datagrams of a run, as many as the kernel accepts now. Those are removed
    /// from its front.
    pub(crate) fn try_send_run(&self, run: &mut Run<'_>) -> Result<(), SendFailure> {
        let engine = self.settings.engine;
        while !run.payload.is_empty() {
            let sent = self.call(|socket| engine.send_run(socket, *run));
            let sent = self.count_sent(sent, || run.to)?;
            run.payload = &run.payload[sent.bytes..];
            if sent.was_interrupted {
                self.take_pending_errors();
            }
        }
        Ok(())
    }

    /// Sends one datagram.
    #[inline]
    pub(crate) fn try_send(&self, outgoing: Outgoing<'_>) -> Result<(), SendFailure> {
        let engine = self.settings.engine;
        let sent = self.call(|socket| engine.send(socket, outgoing));
        self.count_sent(sent, || outgoing.to)?;
        Ok(())
    }

    /// Sends the first `count` datagrams of a batch, or as many as the kernel accepts before it
    /// fails.
    ///
    /// Sent datagrams are subtracted from `count`, and `remove` removes them from the batch. A
    /// datagram without a destination of its own goes to `to`.
    pub(crate) fn try_send_batch(
        &self,
        batch: &mut SendBatch,
        to: Option<Destination>,
        count: &mut usize,
        mut remove: impl FnMut(&mut SendBatch, usize),
    ) -> Result<(), SendFailure> {
        let engine = self.settings.engine;
        while *count > 0 {
            let sent = self.call(|socket| engine.send_batch(socket, batch, to, *count));
            let first = || batch.runs().next().and_then(|run| run.to).or(to);
            let sent = self.count_sent(sent, first)?;
            *count -= sent.datagrams;
            remove(batch, sent.datagrams);
            if sent.was_interrupted {
                // The interruption may be due to a network error. Otherwise that error would not be
                // noticed before messages stop arriving.
                self.take_pending_errors();
            }
        }
        Ok(())
    }

    /// Counts what a call sent, or returns why it sent nothing. `to` returns the destination of the
    /// first datagram.
    #[inline]
    fn count_sent(
        &self,
        sent: Option<io::Result<Sent>>,
        to: impl FnOnce() -> Option<Destination>,
    ) -> Result<Sent, SendFailure> {
        match sent {
            Some(Ok(sent)) => {
                self.counters().add_sent(sent);
                if sent.dropped > 0 {
                    self.push_drop(to(), sent.dropped);
                }
                Ok(sent)
            }
            None => Err(SendFailure::Closed),
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Err(SendFailure::Full),
            Some(Err(error)) if Cause::of(&error) == Cause::NoBuffers => {
                Err(SendFailure::NoBuffers(error))
            }
            Some(Err(error)) => Err(SendFailure::Refused(error)),
        }
    }

    #[cold]
    fn push_drop(&self, to: Option<Destination>, datagrams: usize) {
        let to = to.map(|to| to.address).or_else(|| self.peer.get().copied());
        if let Some(to) = to {
            // An event that finds no space is lost. The datagrams are counted anyway.
            self.events.push_drop(to, datagrams);
        }
    }

    /// Makes a call on the socket, despite queued errors that earlier datagrams caused (OUT-15). It
    /// is repeated while no other call is under way.
    ///
    /// A socket that the system has destroyed is closed: its next call would open it again, at
    /// another port.
    #[inline]
    fn call<R>(&self, mut call: impl FnMut(&Socket) -> io::Result<R>) -> Option<io::Result<R>> {
        match self.watched.with(&mut call)? {
            Err(error) if may_be_queued(&error) => self.call_exclusive(call, error),
            result => Some(result),
        }
    }

    /// Repeats a call that failed with `first`, while no other call is under way.
    #[cold]
    fn call_exclusive<R>(
        &self,
        call: impl FnMut(&Socket) -> io::Result<R>,
        first: io::Error,
    ) -> Option<io::Result<R>> {
        let engine = self.settings.engine;
        let result = self.watched.with_exclusive(|socket| {
            retry_past_errors(engine, socket, first, call, &mut |error| {
                self.push_error(error);
            })
        })?;
        if let Err(error) = &result
            && Cause::of(error) == Cause::ConnectionAborted
        {
            let code = error.raw_os_error().unwrap_or(-1);
            self.abort_code.store(code, Ordering::Release);
            self.close();
            self.events.announce();
        }
        Some(result)
    }

    /// Returns the error with which the system has destroyed the socket; `None` if it has not.
    pub(crate) fn abort_error(&self) -> Option<io::Error> {
        let code = self.abort_code.load(Ordering::Acquire);
        (code != 0).then(|| io::Error::from_raw_os_error(code))
    }

    /// Moves the errors in the socket's error queue to the events, and returns how many there were.
    fn take_errors(&self, socket: &Socket) -> usize {
        let engine = self.settings.engine;
        let taken = engine.take_errors(socket, &mut |error| self.push_error(error));
        // An error queue that cannot be read counts as empty.
        taken.unwrap_or(0)
    }

    /// Moves the errors that no call has returned yet to the events.
    pub(crate) fn take_pending_errors(&self) {
        self.watched.with(|socket| self.take_errors(socket));
    }

    fn push_error(&self, error: NetworkError) {
        self.counters().rare().peer_errors.add(1);
        if !self.events.push_error(PeerError::new(error)) {
            self.counters().rare().peer_errors_dropped.add(1);
        }
    }

    /// Takes a network error that is to make a receive fail, if there is one.
    #[inline]
    pub(crate) fn take_peer_failure(&self) -> Option<PeerError> {
        match self.has_peer_failure() {
            true => self.events.take_error(),
            false => None,
        }
    }

    /// Returns whether there may be a network error that is to make a receive fail.
    #[inline]
    pub(crate) fn has_peer_failure(&self) -> bool {
        self.settings.peer_errors == PeerErrors::FailRecv && !self.events.is_empty()
    }

    /// Returns whether the descriptor was shut down, so that no datagram will arrive any more.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.watched.with(udpair_io::is_shut_down) == Some(true)
    }

    /// Waits until something has arrived; see [`Watched::poll_readable`].
    #[inline]
    pub(crate) fn poll_readable(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Ticket,
        discarded: &mut Discarded,
    ) -> Poll<Result<(), WaitError>> {
        self.watched.poll_readable(cx, ticket, discarded)
    }

    /// Removes a reader that no longer waits from the list of waiters.
    #[inline]
    pub(crate) fn stop_reading(&self, ticket: &mut Ticket, discarded: &mut Discarded) {
        self.watched.stop_reading(ticket, discarded);
    }

    /// Returns whether a task waits to read.
    #[inline]
    pub(crate) fn has_readers(&self) -> bool {
        self.watched.has_readers()
    }

    /// Waits until the kernel has buffer space for another datagram; see
    /// [`Watched::poll_writable`].
    pub(crate) fn poll_writable(
        &self,
        by_pause: bool,
        writers: &Arc<Waiters>,
        cx: &mut Context<'_>,
        ticket: &mut Ticket,
        discarded: &mut Discarded,
    ) -> Poll<Result<(), WaitError>> {
        self.watched
            .poll_writable(by_pause, writers, cx, ticket, discarded)
    }

    /// Removes a writer that no longer waits from the list of waiters.
    pub(crate) fn stop_writing(
        &self,
        writers: &Waiters,
        ticket: &mut Ticket,
        discarded: &mut Discarded,
    ) {
        self.watched.stop_writing(writers, ticket, discarded);
    }

    /// Spawns `future` in the runtime that serves the socket.
    pub(crate) fn spawn(
        &self,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Task> {
        self.watched.spawn(future)
    }

    /// Calls `action` inside the runtime that serves the socket.
    pub(crate) fn within_runtime<T>(&self, action: impl FnOnce() -> T) -> io::Result<T> {
        self.watched.within_runtime(action)
    }

    /// Returns the bound address; `None` once the socket is closed.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        // Not cached, because it is rarely needed.
        self.watched.with(|socket| socket.local_addr().ok())?
    }

    /// Returns the peer; `None` once the socket is closed.
    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        let peer = self.peer.get().filter(|_| !self.is_closed()).copied();
        peer.map(|peer| match self.peer_zone() {
            0 => peer,
            zone => in_zone(peer, zone),
        })
    }

    /// Returns the peer that the filter accepts; `None` if it accepts every sender.
    #[inline]
    pub(crate) fn peer(&self) -> Option<&SocketAddr> {
        self.peer.get()
    }

    /// Makes `peer` the only sender that the filter accepts.
    pub(crate) fn set_peer(&self, peer: SocketAddr) {
        let _ = self.peer.set(peer);
    }

    /// Returns the zone that the peer has now, if it has changed; 0 otherwise.
    #[inline]
    pub(crate) fn peer_zone(&self) -> u32 {
        self.peer_zone.load(Ordering::Acquire)
    }

    /// Notes that the adapter of the peer's zone has another index now.
    pub(crate) fn set_peer_zone(&self, zone: u32) {
        self.peer_zone.store(zone, Ordering::Release);
    }

    /// Returns the index of the only adapter through which the socket sends; `None` if it uses any.
    #[inline]
    pub(crate) fn adapter(&self) -> Option<u32> {
        let index = self.adapter.load(Ordering::Acquire);
        (index != 0).then_some(index)
    }

    /// Notes the only adapter through which the socket sends.
    pub(crate) fn set_adapter(&self, index: u32) {
        self.adapter.store(index, Ordering::Release);
    }

    /// Replaces the descriptor by `socket`, and returns the former one; `None` if it is closed.
    /// Wakes no task.
    pub(crate) fn replace(&self, socket: Socket) -> Option<impl Sized + use<>> {
        let drops = self.watched.with(Drops::of)?;
        let former = self.watched.replace(socket)?;
        if let Some(drops) = drops {
            let datagrams = usize::try_from(drops.datagrams).unwrap_or(usize::MAX);
            self.counters().rare().earlier_drops.add(datagrams);
        }
        Some(former)
    }

    /// Returns whether the socket was closed. The receive queue is emptied only after that.
    pub(crate) fn is_closed(&self) -> bool {
        self.watched.is_closed()
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let mut statistics = self.counters().statistics();
        let drops = match self.watched.with(Drops::of) {
            Some(drops) => drops,
            None => self.counters().final_drops(),
        };
        let datagrams = drops.map_or(0, |drops| drops.datagrams.into());
        statistics.kernel_dropped =
            self.counters().rare_count(|rare| &rare.earlier_drops) + datagrams;
        statistics.kernel_dropped_exact = drops.is_some_and(|drops| drops.is_exact);
        statistics
    }

    /// Returns how many times pending operations were cancelled.
    ///
    /// Loads and stores are in one total order with those of the number of waiters
    /// ([`Waiters`]): a task that enlists too late to be woken sees the new
    /// number.
    #[inline]
    pub(crate) fn cancellations(&self) -> Cancellations {
        let count = self.cancellations.load(Ordering::SeqCst);
        Cancellations::MIN.saturating_add(count)
    }

    /// Cancels pending operations. They notice it at their next check; this wakes no task.
    pub(crate) fn cancel(&self) {
        self.cancellations.fetch_add(1, Ordering::SeqCst);
    }

    /// Closes the socket. The port is free when this returns. Wakes no task.
    pub(crate) fn close(&self) {
        self.prepare_closing();
        self.watched.close();
    }

    /// Closes the socket and returns it as it is; `None` if it is closed already. Wakes no task.
    pub(crate) fn take(&self) -> Option<Socket> {
        self.prepare_closing();
        self.watched.take()
    }

    fn prepare_closing(&self) {
        if let Some(Some(drops)) = self.watched.with(Drops::of) {
            let _ = self.counters().rare().final_drops.set(drops);
        }
        self.cancel();
    }

    #[inline]
    pub(crate) fn counters(&self) -> &Counters {
        self.counters.get_or_init(Box::default)
    }
}
