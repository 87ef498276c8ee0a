//! What an open socket is to those that hold one of its locks: the descriptor, its peer, what happened on
//! it and what it has counted.
//!
//! The receive queue and the memberships are handed this, and not the [`Link`](super::Link) that
//! owns them: so they can neither lock themselves again nor notify anybody, which runs code that is not
//! ours. Nothing here wakes a reader.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use once_cell::race::OnceBox;
use udpair_io::{Cause, NetworkError, RecvBatch, Remaining, Socket};

use super::events::EventQueue;
use super::statistics::{Counters, Drops, Statistics};
use crate::driver::{ReaderWaker, Ticket, WaitError, Watched};
use crate::message::{Event, PeerError};
use crate::socket::settings::Settings;

/// See the module.
pub(crate) struct Channel {
    watched: Watched,
    pub(crate) settings: Arc<Settings>,
    peer: OnceLock<SocketAddr>,
    /// What happened beside messages, and was not asked for yet.
    pub(crate) events: EventQueue,
    /// There once something was counted, which on a socket that waits is nothing.
    counters: OnceBox<Counters>,
    /// Grows when pending operations are to end. Less by one than what is told of it.
    cancellations: AtomicU64,
}

/// How often pending operations were cancelled, and one more: so not to know it takes no room of its own.
pub(crate) type Cancellations = NonZeroU64;

impl Channel {
    /// Takes a socket that is bound, or connected before it could hear anybody but `peer`; what wakes its
    /// readers comes with it.
    pub(crate) fn new(
        socket: Socket,
        settings: &Arc<Settings>,
        peer: Option<SocketAddr>,
    ) -> (Self, ReaderWaker) {
        let peer = peer.map(|peer| socket.peer_as_reported(peer));
        let (watched, reader_waker) = if settings.is_in_group {
            Watched::wherever(socket)
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
        };
        (channel, reader_waker)
    }

    /// Calls `action` on the socket; `None` once it is closed.
    #[inline]
    pub(crate) fn with<R>(&self, action: impl FnOnce(&Socket) -> R) -> Option<R> {
        self.watched.with(action)
    }

    /// Receives one batch.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or the system's own refusal; `None` if the socket is closed.
    #[inline]
    pub(crate) fn receive(&self, batch: &mut RecvBatch) -> Option<io::Result<Remaining>> {
        self.call(|socket| self.settings.engine.receive(socket, batch))
    }

    /// Makes a call on the socket, past whatever errors wait there that earlier datagrams caused.
    ///
    /// A queued error fails the next call, whatever that is about, and a send that fails so is not sent
    /// (OUT-15). So the errors are taken out of the way and the call repeated, while nobody else calls:
    /// only then is an error that leaves nothing behind in the queue the caller's own.
    #[inline]
    pub(crate) fn call<R>(
        &self,
        mut call: impl FnMut(&Socket) -> io::Result<R>,
    ) -> Option<io::Result<R>> {
        match self.watched.with(&mut call)? {
            Err(error) if may_be_queued(&error) => self.call_alone(call, &error),
            result => Some(result),
        }
    }

    /// The same after a call that failed with `first`.
    #[cold]
    fn call_alone<R>(
        &self,
        mut call: impl FnMut(&Socket) -> io::Result<R>,
        first: &io::Error,
    ) -> Option<io::Result<R>> {
        self.watched.with_alone(|socket| {
            self.take_errors(socket);
            let mut tries = 1;
            loop {
                let error = match call(socket) {
                    Err(error) if may_be_queued(&error) => error,
                    result => {
                        // What failed at first has gone by itself, so it was about something earlier.
                        self.note_reported(socket, first);
                        return result;
                    }
                };
                let is_own = self.take_errors(socket) == 0 && !is_never_own(&error);
                if is_own || tries == TRIES_MAX {
                    return Err(error);
                }
                self.note_reported(socket, &error);
                tries += 1;
            }
        })
    }

    /// Keeps the errors of the socket's queue, and returns how many there were.
    fn take_errors(&self, socket: &Socket) -> usize {
        let engine = self.settings.engine;
        let taken = engine.take_errors(socket, &mut |error| self.keep_error(error));
        // A queue that cannot be read has nothing for us.
        taken.unwrap_or(0)
    }

    /// Keeps the errors that no call has met yet.
    pub(crate) fn take_waiting_errors(&self) {
        self.watched.with(|socket| self.take_errors(socket));
    }

    /// Keeps what an engine without a queue makes of an error that was not the caller's.
    fn note_reported(&self, socket: &Socket, error: &io::Error) {
        if let Some(error) = self.settings.engine.reported_by(socket, error) {
            self.keep_error(error);
        }
    }

    fn keep_error(&self, error: NetworkError) {
        self.counters().peer_errors.add(1);
        if !self.events.push(Event::PeerError(PeerError::new(error))) {
            self.counters().peer_errors_dropped.add(1);
        }
    }

    /// Waits until something arrived; see [`Watched::poll_readable`].
    #[inline]
    pub(crate) fn poll_readable(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Ticket,
    ) -> Poll<Result<(), WaitError>> {
        self.watched.poll_readable(cx, ticket)
    }

    /// Takes a reader off the list, who does not wait any more.
    #[inline]
    pub(crate) fn stop_reading(&self, ticket: &mut Ticket) {
        self.watched.stop_reading(ticket);
    }

    /// Returns whether somebody waits to read.
    #[inline]
    pub(crate) fn has_readers(&self) -> bool {
        self.watched.has_readers()
    }

    /// Waits until the kernel has room for another datagram.
    pub(crate) fn poll_writable(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Ticket,
    ) -> Poll<Result<(), WaitError>> {
        self.watched.poll_writable(cx, ticket)
    }

    /// Puts a writer on the list who waits for something else, so that a wake-up reaches him.
    pub(crate) fn enlist_writer(&self, cx: &mut Context<'_>, ticket: &mut Ticket) {
        self.watched.enlist_writer(cx, ticket);
    }

    /// Takes a writer off the list, who does not wait any more.
    pub(crate) fn stop_writing(&self, ticket: &mut Ticket) {
        self.watched.stop_writing(ticket);
    }

    /// Makes everybody who waits to write look again.
    pub(crate) fn wake_writers(&self) {
        self.watched.wake_writers();
    }

    /// Returns the bound address; `None` once the socket is closed.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        // Asked for too rarely to be kept.
        self.watched.with(|socket| socket.local_addr().ok())?
    }

    /// Returns the peer; `None` once the socket is closed.
    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer.get().filter(|_| !self.is_closed()).copied()
    }

    /// Returns the peer that the filter lets in.
    #[inline]
    pub(crate) fn peer(&self) -> Option<&SocketAddr> {
        self.peer.get()
    }

    /// Makes `peer` the one that the filter lets in.
    pub(crate) fn set_peer(&self, peer: SocketAddr) {
        let _ = self.peer.set(peer);
    }

    /// Returns whether the socket was closed. Only then its queue is emptied.
    pub(crate) fn is_closed(&self) -> bool {
        self.watched.is_closed()
    }

    pub(crate) fn set_hop_limit(&self, hops: u8) {
        // Where the system refuses, the option has no effect (CTL-10).
        let _ = self
            .watched
            .with(|socket| udpair_io::set_hop_limit(socket, hops));
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let mut statistics = self.counters().statistics();
        let drops = match self.watched.with(Drops::of) {
            Some(drops) => drops,
            None => self.counters().final_drops.get().copied(),
        };
        statistics.kernel_dropped = drops.map_or(0, |drops| drops.datagrams.into());
        statistics.kernel_dropped_exact = drops.is_some_and(|drops| drops.is_exact);
        statistics
    }

    /// Returns how often pending operations were cancelled.
    ///
    /// In one order with the count of those who wait ([`Waiters`](crate::driver::Waiters)): whoever is too
    /// late to be woken finds that they were.
    #[inline]
    pub(crate) fn cancellations(&self) -> Cancellations {
        let count = self.cancellations.load(Ordering::SeqCst);
        Cancellations::MIN.saturating_add(count)
    }

    /// Lets pending operations find that they were cancelled, when they look next.
    pub(crate) fn cancel(&self) {
        self.cancellations.fetch_add(1, Ordering::SeqCst);
    }

    /// Closes the socket and wakes everybody who waits for it; the port is free when this returns.
    pub(crate) fn close(&self) {
        if let Some(Some(drops)) = self.watched.with(Drops::of) {
            let _ = self.counters().final_drops.set(drops);
        }
        self.cancel();
        self.watched.close();
    }

    #[inline]
    pub(crate) fn counters(&self) -> &Counters {
        self.counters.get_or_init(Box::default)
    }
}

/// How often a call is tried past queued errors (OUT-15).
const TRIES_MAX: u32 = 16;

/// Whether an error may be that of an earlier datagram; these two are about the moment.
fn may_be_queued(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::WouldBlock && Cause::of(error) != Cause::NoBuffers
}

/// Whether an error can only have come from the network, because no call asks for what it refuses.
fn is_never_own(error: &io::Error) -> bool {
    matches!(
        Cause::of(error),
        Cause::ConnectionRefused | Cause::ConnectionReset
    )
}
