//! An open socket: the descriptor, its engine, its peer and its counters.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use udpair_io::{Cause, Engine, Outgoing, RecvBatch, Socket, Waiting};

use super::flush::WaitingWrites;
use super::receiver::Queue;
use super::statistics::{Counters, Statistics};
use crate::driver::Watched;
use crate::message::PeerError;

/// See the module.
pub(super) struct Link {
    pub(super) watched: Watched,
    engine: &'static dyn Engine,
    local: Mutex<Option<SocketAddr>>,
    peer: OnceLock<SocketAddr>,
    pub(super) queue: Mutex<Queue>,
    peer_errors: Mutex<VecDeque<PeerError>>,
    pub(super) counters: Counters,
    pub(super) waiting_writes: WaitingWrites,
    /// Grows when pending operations are to end.
    cancellations: AtomicU64,
    /// How many datagrams the kernel had dropped when the socket was closed.
    final_drops: OnceLock<u32>,
}

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
    /// Takes a socket that is bound, and connected if it is to be.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub(super) fn new(socket: Socket, engine: &'static dyn Engine) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let link = Self {
            watched: Watched::new(socket)?,
            engine,
            local: Mutex::new(Some(local)),
            peer: OnceLock::new(),
            queue: Mutex::default(),
            peer_errors: Mutex::default(),
            counters: Counters::default(),
            waiting_writes: WaitingWrites::default(),
            cancellations: AtomicU64::new(0),
            final_drops: OnceLock::new(),
        };
        link.learn_peer();
        Ok(link)
    }

    /// Connects a bound socket. From now on only the peer is heard.
    ///
    /// # Errors
    ///
    /// The system's own; `None` if the socket is closed.
    pub(super) fn connect(&self, peer: SocketAddr) -> Option<io::Result<()>> {
        let connected = self.watched.with(|socket| {
            socket.connect(peer)?;
            *self.local_mut() = Some(socket.local_addr()?);
            Ok(())
        })?;
        Some(connected.map(|()| self.learn_peer()))
    }

    /// Asks the kernel for the peer, and closes the filter on everybody else.
    fn learn_peer(&self) {
        // As the kernel writes it, zone and all, because that is how it will name senders.
        let Some(Ok(peer)) = self.watched.with(Socket::peer_addr) else {
            // Not connected: everybody is heard.
            return;
        };
        let mut queue = self.queue();
        let _ = self.peer.set(peer);
        queue.drop_strangers(self);
    }

    pub(super) fn engine_receive(&self, batch: &mut RecvBatch) -> Option<io::Result<Waiting>> {
        self.watched
            .with(|socket| self.engine.receive(socket, batch))
    }

    /// Sends one datagram, past whatever errors wait that earlier datagrams caused.
    ///
    /// A queued error fails the next send, whoever's that is, and nothing goes out (OUT-15). So it is
    /// taken out of the way and the send repeated; only an error that leaves nothing behind in the queue
    /// is the sender's own.
    pub(super) fn try_send(&self, outgoing: Outgoing<'_>) -> Result<(), SendFailure> {
        let mut tries = 1;
        loop {
            let sent = self
                .watched
                .with(|socket| self.engine.send(socket, outgoing));
            let error = match sent {
                None => return Err(SendFailure::Closed),
                Some(Ok(())) => {
                    self.counters.datagrams_sent.add(1);
                    self.counters.bytes_sent.add(outgoing.payload.len());
                    return Ok(());
                }
                Some(Err(error)) => error,
            };
            if error.kind() == io::ErrorKind::WouldBlock {
                return Err(SendFailure::Full);
            }
            if Cause::of(&error) == Cause::NoBuffers {
                return Err(SendFailure::NoBuffers(error));
            }
            if self.take_errors(Some(&error)) == 0 || tries == SEND_TRIES_MAX {
                return Err(SendFailure::Refused(error));
            }
            tries += 1;
        }
    }

    /// Moves the errors that the network sent back to where [`pop_error`](Self::pop_error) finds them,
    /// and returns how many there were; `cause` is what led here.
    pub(super) fn take_errors(&self, cause: Option<&io::Error>) -> usize {
        let taken = self.watched.with(|socket| {
            self.engine.take_errors(socket, cause, &mut |error| {
                self.counters.peer_errors.add(1);
                let mut errors = self.errors();
                if errors.len() < PEER_ERRORS_MAX {
                    errors.push_back(PeerError::new(error));
                } else {
                    self.counters.peer_errors_dropped.add(1);
                }
            })
        });
        // A queue that cannot be read has nothing for us.
        let count = taken.and_then(Result::ok).unwrap_or(0);
        if count > 0 {
            self.watched.wake_readers();
        }
        count
    }

    pub(super) fn pop_error(&self) -> Option<PeerError> {
        self.errors().pop_front()
    }

    pub(super) fn has_errors(&self) -> bool {
        !self.errors().is_empty()
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        *self.local_mut()
    }

    pub(super) fn peer_addr(&self) -> Option<SocketAddr> {
        self.local_addr().and(self.peer.get()).copied()
    }

    /// Returns the peer that the filter lets in.
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
        let mut statistics = self.counters.statistics();
        let drops = match self.watched.with(udpair_io::dropped_datagrams) {
            Some(drops) => drops.ok().flatten(),
            None => self.final_drops.get().copied(),
        };
        statistics.kernel_dropped = drops.unwrap_or(0).into();
        statistics.kernel_dropped_exact = drops.is_some();
        statistics
    }

    /// Returns how often pending operations were cancelled.
    pub(super) fn cancellations(&self) -> u64 {
        self.cancellations.load(Ordering::Acquire)
    }

    /// Ends pending operations.
    pub(super) fn cancel(&self) {
        self.cancellations.fetch_add(1, Ordering::AcqRel);
        self.watched.wake_readers();
        self.watched.wake_writers();
    }

    pub(super) fn close(&self) {
        if let Some(Ok(Some(drops))) = self.watched.with(udpair_io::dropped_datagrams) {
            let _ = self.final_drops.set(drops);
        }
        self.cancellations.fetch_add(1, Ordering::AcqRel);
        self.watched.close();
        *self.local_mut() = None;
        *self.queue() = Queue::default();
        self.errors().clear();
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn errors(&self) -> MutexGuard<'_, VecDeque<PeerError>> {
        self.peer_errors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn local_mut(&self) -> MutexGuard<'_, Option<SocketAddr>> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many errors from the network wait for somebody to take them.
const PEER_ERRORS_MAX: usize = 64;

/// How often a datagram is tried past queued errors (OUT-15).
const SEND_TRIES_MAX: u32 = 16;
