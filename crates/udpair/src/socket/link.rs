//! An open socket: the descriptor, its engine, its peer and its counters.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use once_cell::race::OnceBox;
use udpair_io::{
    Adapter, Cause, Destination, NetworkError, Outgoing, RecvBatch, SendBatch, Sent, Socket,
    Waiting,
};

use super::asides::Asides;
use super::settings::Settings;
use super::line::Line;
use super::membership::Memberships;
use super::queue::Queue;
use super::statistics::{Counters, Drops, Statistics};
use crate::driver::Watched;
use crate::message::{Event, PeerError};

/// See the module.
pub(super) struct Link {
    pub(super) watched: Watched,
    pub(super) settings: Arc<Settings>,
    peer: OnceLock<SocketAddr>,
    pub(super) queue: Mutex<Queue>,
    /// What happened beside messages, and was not asked for yet.
    pub(super) asides: Asides,
    pub(super) memberships: Memberships,
    /// There once something was counted, which on a socket that waits is nothing.
    counters: OnceBox<Counters>,
    pub(super) line: Line,
    /// Grows when pending operations are to end. Less by one than what is told of it.
    cancellations: AtomicU64,
}

/// How often pending operations were cancelled, and one more: so not to know it takes no room of its own.
pub(super) type Cancellations = NonZeroU64;

/// Why a datagram was not sent.
#[derive(Debug)]
pub(super) enum SendFailure {
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
    pub(super) fn new(socket: Socket, settings: &Arc<Settings>, peer: Option<SocketAddr>) -> Self {
        let peer = peer.map(|peer| socket.name_of_peer(peer));
        Self {
            watched: if settings.is_in_group {
                Watched::wherever(socket)
            } else {
                Watched::new(socket)
            },
            settings: settings.clone(),
            peer: peer.map_or_else(OnceLock::new, OnceLock::from),
            queue: Mutex::default(),
            asides: Asides::default(),
            memberships: Memberships::default(),
            counters: OnceBox::new(),
            line: Line::default(),
            cancellations: AtomicU64::new(0),
        }
    }

    /// Connects a bound socket, by `adapter` if that is given. From now on only the peer is heard.
    ///
    /// # Errors
    ///
    /// The system's own; `None` if the socket is closed.
    pub(super) fn connect(
        &self,
        peer: SocketAddr,
        adapter: Option<&Adapter>,
    ) -> Option<io::Result<()>> {
        let connected = self.watched.with(|socket| {
            // Not before it is certain that the peer can be one: a failure leaves no trace.
            if let Some(adapter) = adapter
                && socket.reaches(peer)
            {
                udpair_io::bind_to_adapter(socket, adapter)?;
            }
            socket.connect(peer)
        })?;
        Some(connected.map(|()| self.hear_alone(peer)))
    }

    /// Closes the filter on everybody but `peer`, whom the socket was connected to after it may have heard
    /// others.
    pub(super) fn hear_alone(&self, peer: SocketAddr) {
        let peer = self.watched.with(|socket| socket.name_of_peer(peer));
        let Some(peer) = peer else {
            return;
        };
        let mut queue = self.queue();
        let _ = self.peer.set(peer);
        queue.drop_strangers(self);
        let others_could_go_on = queue.has_rest(self);
        drop(queue);
        if others_could_go_on {
            // What is here now will not make the socket readable any more.
            self.watched.wake_readers();
        }
        self.announce();
    }

    /// Receives one batch.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or the system's own refusal; `None` if the socket is closed.
    #[inline]
    pub(super) fn receive(&self, batch: &mut RecvBatch) -> Option<io::Result<Waiting>> {
        self.call(|socket| self.settings.engine.receive(socket, batch))
    }

    /// Sends one datagram.
    #[inline]
    pub(super) fn try_send(&self, outgoing: Outgoing<'_>) -> Result<(), SendFailure> {
        let sent = Sent {
            datagrams: 1,
            bytes: outgoing.payload.len(),
            was_interrupted: false,
        };
        let result = self.call(|socket| self.settings.engine.send(socket, outgoing));
        self.sent(result.map(|result| result.map(|()| sent)))?;
        Ok(())
    }

    /// Sends the first `most` datagrams of a batch, which leave it, or as many as the kernel takes before
    /// it fails. Those without a destination of their own go to `to`.
    pub(super) fn try_send_batch(
        &self,
        batch: &mut SendBatch,
        to: Option<Destination>,
        most: &mut usize,
    ) -> Result<(), SendFailure> {
        while *most > 0 {
            let result =
                self.call(|socket| self.settings.engine.send_batch(socket, batch, to, *most));
            let sent = self.sent(result)?;
            *most -= sent.datagrams;
            batch.remove(sent.datagrams);
            if sent.was_interrupted {
                // An error that did it would else be seen when messages stop coming.
                self.take_waiting_errors();
                self.announce();
            }
        }
        Ok(())
    }

    /// Counts what a call sent, or says why it sent nothing.
    #[inline]
    fn sent(&self, result: Option<io::Result<Sent>>) -> Result<Sent, SendFailure> {
        self.announce();
        match result {
            None => Err(SendFailure::Closed),
            Some(Ok(sent)) => {
                self.counters().add_sent(sent);
                Ok(sent)
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Err(SendFailure::Full),
            Some(Err(error)) if Cause::of(&error) == Cause::NoBuffers => {
                Err(SendFailure::NoBuffers(error))
            }
            Some(Err(error)) => Err(SendFailure::Refused(error)),
        }
    }

    /// Makes a call on the socket, past whatever errors wait there that earlier datagrams caused.
    ///
    /// A queued error fails the next call, whatever that is about, and a send that fails so is not sent
    /// (OUT-15). So the errors are taken out of the way and the call repeated, while nobody else calls:
    /// only then is an error that leaves nothing behind in the queue the caller's own.
    #[inline]
    fn call<R>(&self, mut call: impl FnMut(&Socket) -> io::Result<R>) -> Option<io::Result<R>> {
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
    pub(super) fn take_waiting_errors(&self) {
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
        if !self.asides.keep(Event::PeerError(PeerError::new(error))) {
            self.counters().peer_errors_dropped.add(1);
        }
    }

    /// Tells those who wait for events. Not to be called with a lock held: a waker may do anything.
    pub(super) fn tell(&self, aside: Event) {
        if self.asides.keep_surely(aside) {
            self.counters().peer_errors_dropped.add(1);
        }
        self.announce();
    }

    /// Wakes those who wait for events, if there are asides that they may not know of. Not to be called
    /// with a lock held: a waker may do anything.
    #[inline]
    pub(super) fn announce(&self) {
        if self.asides.take_news() {
            self.watched.wake_readers();
        }
    }

    /// Returns the bound address; `None` once the socket is closed.
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        // Asked for too rarely to be kept.
        self.watched.with(|socket| socket.local_addr().ok())?
    }

    /// Returns the peer; `None` once the socket is closed.
    pub(super) fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer.get().filter(|_| !self.is_closed()).copied()
    }

    /// Returns whether the socket was closed. Only then its queue is emptied.
    pub(super) fn is_closed(&self) -> bool {
        self.watched.is_closed()
    }

    /// Returns the peer that the filter lets in.
    #[inline]
    pub(super) fn peer(&self) -> Option<&SocketAddr> {
        self.peer.get()
    }

    pub(super) fn set_hop_limit(&self, hops: u8) {
        // Where the system refuses, the option has no effect (CTL-10).
        let _ = self
            .watched
            .with(|socket| udpair_io::set_hop_limit(socket, hops));
    }

    pub(super) fn statistics(&self) -> Statistics {
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
    pub(super) fn cancellations(&self) -> Cancellations {
        let count = self.cancellations.load(Ordering::SeqCst);
        Cancellations::MIN.saturating_add(count)
    }

    /// Ends pending operations.
    pub(super) fn cancel(&self) {
        self.cancellations.fetch_add(1, Ordering::SeqCst);
        self.watched.wake_readers();
        self.watched.wake_writers();
        self.line.wake_all();
    }

    pub(super) fn close(&self) {
        if let Some(Some(drops)) = self.watched.with(Drops::of) {
            let _ = self.counters().final_drops.set(drops);
        }
        self.cancellations.fetch_add(1, Ordering::SeqCst);
        self.watched.close();
        self.line.wake_all();
        *self.queue() = Queue::default();
        self.asides.clear();
        self.memberships.clear();
    }

    #[inline]
    pub(super) fn counters(&self) -> &Counters {
        self.counters.get_or_init(Box::default)
    }

    #[inline]
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
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
