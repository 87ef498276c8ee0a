//! The state that all handles of a socket share, and who may change it.

use std::fmt::{self, Display};
use std::future::{self, Future};
use std::mem;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use once_cell::race::OnceBox;
use udpair_io::Adapter;

use super::settings::{Settings, check_hop_limit};
use super::lifecycle::{LocalPart, Operation, Past, State, Verdict, Wish, verdict};
use super::link::Link;
use super::options::{self, Observed, OptionsReport};
use super::statistics::Statistics;
use crate::driver::{Ticket, Waiters};
use crate::error::{Error, ErrorKind};
use crate::name::Endpoint;
use crate::observe::{self, Published};
use crate::resolve::zone_of;

/// What a socket is, whoever holds it.
pub(super) struct Shared {
    /// Those of the builder, for all sockets that it made.
    pub(super) settings: Arc<Settings>,
    life: Mutex<Life>,
    /// There once the socket is open, and until the last handle is gone.
    link: OnceLock<Link>,
    /// How many [`Handle`]s there are.
    handles: AtomicUsize,
    /// Those who wait for an opening to end; there once somebody did.
    waiting: OnceBox<Waiters>,
    published: Published,
}

struct Life {
    state: State,
    past: Past,
    hop_limit: u8,
    tie: Option<Tie>,
}

/// The adapter that a socket speaks and listens by alone.
pub(super) struct Tie {
    pub(super) adapter: Arc<Adapter>,
    /// Whether that was asked for; a socket that is bound to `localhost` is tied as well.
    pub(super) is_wished: bool,
}

/// Closes the socket when the last clone of it is gone; streams hold [`Shared`] alone.
pub(super) struct Handle(Arc<Shared>);

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.handles.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.close();
        }
    }
}

impl Shared {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self {
            life: Mutex::new(Life {
                state: State::Created,
                past: Past::default(),
                hop_limit: settings.wished.hop_limit,
                tie: None,
            }),
            settings,
            link: OnceLock::new(),
            handles: AtomicUsize::new(0),
            waiting: OnceBox::new(),
            published: Published::default(),
        }
    }

    /// Returns the kernel endpoint; `None` before there is one.
    #[inline]
    pub(super) fn link(&self) -> Option<&Link> {
        self.link.get()
    }

    /// Returns the kernel endpoint of an open socket.
    #[inline]
    pub(super) fn open_link(
        &self,
        action: impl Display,
        operation: Operation,
    ) -> Result<&Link, Error> {
        match self.link.get() {
            Some(link) => Ok(link),
            None => Err(self.without_link(action, operation)),
        }
    }

    /// The error of an operation for which the socket would have to be open.
    #[cold]
    fn without_link(&self, action: impl Display, operation: Operation) -> Error {
        match self.allow(&action, operation) {
            Err(error) => error,
            // Between the two looks somebody opened it; that is as good as a moment too early.
            Ok(()) => refuse(action, State::Created, Verdict::IllegalCall),
        }
    }

    /// Returns the index of the adapter that the socket is tied to.
    pub(super) fn adapter(&self) -> Option<u32> {
        self.life().tie.as_ref().map(|tie| tie.adapter.index)
    }

    /// Returns the adapter that the owner of the socket bound it to, as it was then.
    pub(super) fn bound_adapter(&self) -> Option<Arc<Adapter>> {
        let life = self.life();
        let wished = life.tie.as_ref().filter(|tie| tie.is_wished);
        wished.map(|tie| tie.adapter.clone())
    }

    /// Whether the socket is bound to an adapter or an address, which decides where datagrams leave.
    pub(super) fn is_tied(&self) -> bool {
        let has_address = || {
            self.local_addr()
                .is_some_and(|local| !local.ip().is_unspecified())
        };
        self.adapter().is_some() || has_address()
    }

    /// Returns the zone of the adapter or the address that the socket is bound to.
    pub(super) fn zone(&self) -> Option<u32> {
        self.adapter().or_else(|| zone_of(self.local_addr()?))
    }

    /// Asks the table whether `operation` may be done now.
    pub(super) fn allow(&self, action: impl Display, operation: Operation) -> Result<(), Error> {
        let life = self.life();
        match verdict(life.state, life.past, operation) {
            Verdict::Allowed | Verdict::Becomes(_) | Verdict::Waits => Ok(()),
            verdict => Err(refuse(action, life.state, verdict)),
        }
    }

    /// Remembers that the socket has a stream to some host, which connecting rules out.
    pub(super) fn grant_stream(&self, action: impl Display) -> Result<(), Error> {
        if self.try_grant_stream(&action)? {
            return Ok(());
        }
        Err(refuse(action, State::Opening, Verdict::IllegalCall))
    }

    /// The same for who would rather wait: what comes of an opening that is under way decides whether
    /// there may be other destinations.
    pub(super) async fn grant_stream_after_opening(
        &self,
        action: impl Display,
    ) -> Result<(), Error> {
        while !self.try_grant_stream(&action)? {
            self.wait_while_opening().await;
        }
        Ok(())
    }

    /// Grants a stream; `false` while the socket is being opened.
    fn try_grant_stream(&self, action: impl Display) -> Result<bool, Error> {
        let mut life = self.life();
        match verdict(life.state, life.past, Operation::OutputTo) {
            Verdict::Allowed => {
                life.past.has_streams = true;
                Ok(true)
            }
            _ if life.state == State::Opening => Ok(false),
            verdict => Err(refuse(action, life.state, verdict)),
        }
    }

    /// Compares a local end with what is bound. Addresses are compared by value; a name never counts as
    /// equal, because it may stand for many.
    pub(super) fn compare(&self, local: &Endpoint) -> LocalPart {
        let bound = self.local_addr();
        let host = match local.host() {
            None => Wish::None,
            Some(host) => match (host.ip(), bound) {
                (Some(ip), Some(bound)) if ip.to_canonical() == bound.ip() => Wish::AsBound,
                _ => Wish::Other,
            },
        };
        let service = match (local.service().port(), bound) {
            (None, _) if local.service().is_any() => Wish::None,
            (Some(0), _) => Wish::None,
            (Some(port), Some(bound)) if port == bound.port() => Wish::AsBound,
            _ => Wish::Other,
        };
        LocalPart { host, service }
    }

    /// Begins an operation that opens the socket. Until the guard is dropped others are refused.
    pub(super) fn begin(
        &self,
        action: impl Display,
        operation: Operation,
    ) -> Result<Opening<'_>, Error> {
        let mut life = self.life();
        match verdict(life.state, life.past, operation) {
            Verdict::Becomes(after) => {
                let before = life.state;
                life.state = State::Opening;
                Ok(Opening {
                    shared: self,
                    before,
                    after,
                })
            }
            verdict => Err(refuse(action, life.state, verdict)),
        }
    }

    /// Waits while somebody opens the socket.
    pub(super) async fn wait_while_opening(&self) {
        let mut waiting = Waiting::on(self);
        future::poll_fn(|cx| {
            waiting.enlist(cx);
            if self.life().state == State::Opening {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Returns what `future` returns, unless the socket is closed first.
    pub(super) async fn unless_closed<T>(
        &self,
        action: impl Display,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut waiting = Waiting::on(self);
        let mut future = pin!(future);
        future::poll_fn(|cx| {
            if self.is_closed() {
                return Poll::Ready(Err(cancelled(&action)));
            }
            if let Poll::Ready(result) = future.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            waiting.enlist(cx);
            // Looked at again, because it may have been closed before there was a waker.
            if self.is_closed() {
                return Poll::Ready(Err(cancelled(&action)));
            }
            Poll::Pending
        })
        .await
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        self.link().and_then(Link::local_addr)
    }

    pub(super) fn peer_addr(&self) -> Option<SocketAddr> {
        self.link().and_then(Link::peer_addr)
    }

    pub(super) fn set_hop_limit(&self, hops: u8) -> Result<(), Error> {
        check_hop_limit(hops)?;
        self.allow("set the hop limit", Operation::SetHopLimit)?;
        self.life().hop_limit = hops;
        if let Some(link) = self.link() {
            link.set_hop_limit(hops);
        }
        Ok(())
    }

    pub(super) fn options(&self) -> OptionsReport {
        let mut wished = self.settings.wished.clone();
        wished.hop_limit = self.life().hop_limit;
        let observed = self.link().and_then(|link| link.watched.with(Observed::of));
        options::report(&wished, observed.as_ref())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.life().state == State::Closed
    }

    pub(super) fn statistics(&self) -> Statistics {
        let statistics = self
            .link()
            .map_or_else(Statistics::before_opening, Link::statistics);
        self.published.publish(&statistics.counts());
        statistics
    }

    pub(super) fn cancel_io(&self) -> Result<(), Error> {
        let action = "cancel pending operations";
        self.allow(action, Operation::CancelIo)?;
        self.open_link(action, Operation::CancelIo)?.cancel();
        Ok(())
    }

    pub(super) fn close(&self) {
        let local = observe::closing(|| self.local_addr());
        let before = mem::replace(&mut self.life().state, State::Closed);
        if let Some(link) = self.link() {
            link.close();
        }
        self.wake_waiting();
        if before != State::Closed && self.link().is_some() {
            observe::closed(local);
            // The last word on what it has counted.
            self.statistics();
        }
    }

    pub(super) fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSocket")
            .field("state", &self.life().state)
            .field("local", &self.local_addr())
            .field("peer", &self.peer_addr())
            .finish_non_exhaustive()
    }

    /// Lets those look again who wait for an opening to end. What they look at was changed before.
    fn wake_waiting(&self) {
        if let Some(waiting) = self.waiting.get() {
            waiting.wake_all();
        }
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for an opening to end, or for the socket to be closed.
struct Waiting<'a> {
    shared: &'a Shared,
    ticket: Ticket,
}

impl<'a> Waiting<'a> {
    fn on(shared: &'a Shared) -> Self {
        Self {
            shared,
            ticket: Ticket::default(),
        }
    }

    /// Lets the task be woken. What it waits for is to be looked at after this.
    fn enlist(&mut self, cx: &mut Context<'_>) {
        let waiting = self.shared.waiting.get_or_init(Box::default);
        waiting.enlist(&mut self.ticket, cx.waker());
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = self.shared.waiting.get() {
            waiting.leave(&mut self.ticket);
        }
    }
}

/// An opening under way; dropped without success it puts the socket back where it was.
pub(super) struct Opening<'a> {
    shared: &'a Shared,
    before: State,
    after: State,
}

impl Opening<'_> {
    /// Makes `link` the endpoint of the socket.
    pub(super) fn succeed_with(
        self,
        action: impl Display,
        link: Link,
        tie: Option<Tie>,
    ) -> Result<(), Error> {
        let mut life = self.shared.life();
        if life.state == State::Closed {
            return Err(cancelled(action));
        }
        if life.hop_limit != self.shared.settings.wished.hop_limit {
            // It was set since the socket was made.
            link.set_hop_limit(life.hop_limit);
        }
        life.tie = tie;
        life.state = self.after;
        // A socket is opened once in its life: the table lets nobody try again.
        let _ = self.shared.link.set(link);
        // Whoever watches may ask the socket something.
        drop(life);
        observe::opened(|| self.shared.local_addr(), || self.shared.peer_addr());
        Ok(())
    }

    /// Ends an opening that kept the endpoint.
    pub(super) fn succeed(self, action: impl Display) -> Result<(), Error> {
        let mut life = self.shared.life();
        if life.state == State::Closed {
            return Err(cancelled(action));
        }
        life.state = self.after;
        drop(life);
        observe::connected(|| self.shared.local_addr(), || self.shared.peer_addr());
        Ok(())
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut life = self.shared.life();
        if life.state == State::Opening {
            life.state = self.before;
        }
        drop(life);
        self.shared.wake_waiting();
    }
}

/// The error for an operation that was under way when the socket was closed.
pub(super) fn cancelled(action: impl Display) -> Error {
    Error::new(
        ErrorKind::Cancelled,
        format!("cannot {action}: it was cancelled, or the socket closed"),
    )
}

/// The error for an operation on a closed socket.
pub(super) fn closed(action: impl Display) -> Error {
    Error::new(
        ErrorKind::Closed,
        format!("cannot {action}: the socket was closed"),
    )
}

/// The error for an operation that the table refuses.
fn refuse(action: impl Display, state: State, verdict: Verdict) -> Error {
    match verdict {
        Verdict::Closed => closed(action),
        Verdict::InvalidArgument => Error::new(
            ErrorKind::InvalidArgument,
            format!("cannot {action}: the local end is not what the socket is bound to"),
        )
        .with_advice("leave the local end empty: it is bound already"),
        _ => {
            let (reason, advice) = match state {
                State::Created => ("is not open yet", "bind it, connect it, or write first"),
                State::Opening => ("is being opened", "await that first"),
                State::Connected => ("is connected to its peer", "use another socket"),
                State::Bound | State::BoundAdapter => {
                    ("is bound, and open to many peers", "use another socket")
                }
                State::Transferred | State::Closed => ("is gone", "use another socket"),
            };
            Error::new(
                ErrorKind::InvalidState,
                format!("cannot {action}: the socket {reason}"),
            )
            .with_advice(advice)
        }
    }
}
