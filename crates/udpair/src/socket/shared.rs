//! The state that all handles of a socket share, and who may change it.

use std::fmt::{self, Display};
use std::future::{self, Future};
use std::mem;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use once_cell::race::OnceBox;
use udpair_io::Adapter;

use super::lifecycle::{
    BoundMatch, LocalPart, Operation, Past, State, Verdict, cancelled, refuse, verdict,
};
use super::link::Link;
use super::link::Statistics;
use super::options::{self, Observed, OptionsReport};
use super::settings::{Settings, check_hop_limit};
use crate::driver::{self, Waiter, Waiters};
use crate::error::Error;
use crate::name::Endpoint;
use crate::observe::{self, Published};
use crate::resolve::zone_of;

/// What a socket is, whoever holds it.
pub(crate) struct Shared {
    /// Those of the builder, for all sockets that it made.
    pub(crate) settings: Arc<Settings>,
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
    device: Option<DeviceBinding>,
}

/// The adapter that a socket speaks and listens by alone.
pub(crate) struct DeviceBinding {
    pub(crate) adapter: Arc<Adapter>,
    /// Whether that was asked for; a socket that is bound to `localhost` is tied as well.
    pub(crate) is_requested: bool,
}

/// What an open socket is bound to, as it was at one moment; of one that is not open all is empty.
pub(crate) struct Binding<'a> {
    pub(crate) link: Option<&'a Link>,
    /// The adapter that its owner bound it to.
    pub(crate) adapter: Option<Arc<Adapter>>,
    /// The zone of the adapter or the address.
    pub(crate) zone: Option<u32>,
    /// Whether there is an adapter or an address, which decides where datagrams leave.
    pub(crate) is_pinned: bool,
}

/// Closes the socket when the last clone of it is gone; streams hold [`Shared`] alone.
pub(crate) struct Handle(Arc<Shared>);

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        shared.handles.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
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
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            life: Mutex::new(Life {
                state: State::Created,
                past: Past::default(),
                hop_limit: settings.requested.hop_limit,
                device: None,
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
    pub(crate) fn link(&self) -> Option<&Link> {
        self.link.get()
    }

    /// Returns the kernel endpoint of an open socket.
    #[inline]
    pub(crate) fn open_link(
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
    pub(crate) fn adapter(&self) -> Option<u32> {
        self.life()
            .device
            .as_ref()
            .map(|device| device.adapter.index)
    }

    /// Returns the adapter that the owner of the socket bound it to, as it was then.
    pub(crate) fn bound_adapter(&self) -> Option<Arc<Adapter>> {
        let life = self.life();
        let requested = life.device.as_ref().filter(|device| device.is_requested);
        requested.map(|device| device.adapter.clone())
    }

    /// Whether the socket is bound to an adapter or an address, which decides where datagrams leave.
    pub(crate) fn is_pinned(&self) -> bool {
        let has_address = || {
            self.local_addr()
                .is_some_and(|local| !local.ip().is_unspecified())
        };
        self.adapter().is_some() || has_address()
    }

    /// Returns the zone of the adapter or the address that the socket is bound to.
    pub(crate) fn zone(&self) -> Option<u32> {
        self.adapter().or_else(|| zone_of(self.local_addr()?))
    }

    /// Asks the table whether `operation` may be done now.
    pub(crate) fn allow(&self, action: impl Display, operation: Operation) -> Result<(), Error> {
        let life = self.life();
        match verdict(life.state, life.past, operation) {
            Verdict::Allowed | Verdict::Becomes(_) | Verdict::Waits => Ok(()),
            verdict => Err(refuse(action, life.state, verdict)),
        }
    }

    /// Remembers that the socket has a stream to some host, which connecting rules out.
    pub(crate) fn grant_stream(&self, action: impl Display) -> Result<(), Error> {
        if self.try_grant_stream(&action)? {
            return Ok(());
        }
        Err(refuse(action, State::Opening, Verdict::IllegalCall))
    }

    /// The same for who would rather wait: what comes of an opening that is under way decides whether
    /// there may be other destinations.
    pub(crate) async fn grant_stream_after_opening(
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
    pub(crate) fn compare(&self, local: &Endpoint) -> LocalPart {
        let bound = self.local_addr();
        let host = match local.host() {
            None => BoundMatch::Unspecified,
            Some(host) => match (host.ip(), bound) {
                (Some(ip), Some(bound)) if ip.to_canonical() == bound.ip() => BoundMatch::Same,
                _ => BoundMatch::Other,
            },
        };
        let service = match (local.service().port(), bound) {
            (None, _) if local.service().is_any() => BoundMatch::Unspecified,
            (Some(0), _) => BoundMatch::Unspecified,
            (Some(port), Some(bound)) if port == bound.port() => BoundMatch::Same,
            _ => BoundMatch::Other,
        };
        LocalPart { host, service }
    }

    /// Begins an operation that opens the socket. Until the guard is dropped others are refused.
    pub(crate) fn begin(
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
    pub(crate) async fn wait_while_opening(&self) {
        let mut waiter = Waiter::on(self.waiting());
        future::poll_fn(|cx| {
            waiter.enlist(cx.waker());
            if self.life().state == State::Opening {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Returns what `future` returns, unless the socket is closed first.
    async fn unless_closed<T>(
        &self,
        action: impl Display,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut waiter = Waiter::on(self.waiting());
        let mut future = pin!(future);
        future::poll_fn(|cx| {
            if self.is_closed() {
                return Poll::Ready(Err(cancelled(&action)));
            }
            if let Poll::Ready(result) = future.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            waiter.enlist(cx.waker());
            // Looked at again, because it may have been closed before there was a waker.
            if self.is_closed() {
                return Poll::Ready(Err(cancelled(&action)));
            }
            Poll::Pending
        })
        .await
    }

    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        self.link().and_then(|link| link.channel.local_addr())
    }

    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        self.link().and_then(|link| link.channel.peer_addr())
    }

    pub(crate) fn set_hop_limit(&self, hops: u8) -> Result<(), Error> {
        check_hop_limit(hops)?;
        self.allow("set the hop limit", Operation::SetHopLimit)?;
        self.life().hop_limit = hops;
        if let Some(link) = self.link() {
            link.channel.set_hop_limit(hops);
        }
        Ok(())
    }

    pub(crate) fn options(&self) -> OptionsReport {
        let mut wished = self.settings.requested.clone();
        wished.hop_limit = self.life().hop_limit;
        let observed = self.link().and_then(|link| link.channel.with(Observed::of));
        options::report(&wished, observed.as_ref())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.life().state == State::Closed
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let statistics = self
            .link()
            .map_or_else(Statistics::before_opening, |link| link.channel.statistics());
        self.published.publish(&statistics.counts());
        statistics
    }

    pub(crate) fn cancel_io(&self) -> Result<(), Error> {
        let action = "cancel pending operations";
        self.allow(action, Operation::CancelIo)?;
        self.open_link(action, Operation::CancelIo)?.cancel();
        Ok(())
    }

    pub(crate) fn close(&self) {
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

    pub(crate) fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSocket")
            .field("state", &self.life().state)
            .field("local", &self.local_addr())
            .field("peer", &self.peer_addr())
            .finish_non_exhaustive()
    }

    /// Returns the list of those who wait for an opening to end, or for the socket to be closed.
    fn waiting(&self) -> &Waiters {
        self.waiting.get_or_init(Box::default)
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

/// An opening under way; dropped without success it puts the socket back where it was.
pub(crate) struct Opening<'a> {
    shared: &'a Shared,
    before: State,
    after: State,
}

/// What an opening has led to.
pub(crate) struct Opened {
    /// `None` if the socket keeps the link it has.
    link: Option<Link>,
    device: Option<DeviceBinding>,
}

impl Opened {
    /// A socket that has got its link, and is bound to `device` if there is one.
    pub(crate) fn bound(link: Link, device: Option<DeviceBinding>) -> Self {
        Self {
            link: Some(link),
            device,
        }
    }

    /// A socket that has got its peer; `link` is `None` if it was bound before.
    pub(crate) fn connected(link: Option<Link>) -> Self {
        Self { link, device: None }
    }
}

impl<'a> Opening<'a> {
    /// Returns what the socket is bound to already.
    pub(crate) fn binding(&self) -> Binding<'a> {
        let shared = self.shared;
        let link = shared.link();
        Binding {
            link,
            adapter: shared.bound_adapter(),
            zone: link.and_then(|_| shared.zone()),
            is_pinned: link.is_some() && shared.is_pinned(),
        }
    }

    /// Runs `opening` where there is a runtime, unless the socket is closed first, and makes the socket what
    /// that has led to; returns what comes with it.
    pub(crate) async fn complete<T>(
        self,
        action: impl Display,
        opening: impl Future<Output = Result<(Opened, T), Error>>,
    ) -> Result<T, Error> {
        let opening = async {
            driver::in_runtime(opening)
                .await
                .map_err(Error::no_runtime)?
        };
        let (opened, value) = self.shared.unless_closed(&action, opening).await?;
        self.succeed(action, opened)?;
        Ok(value)
    }

    /// Makes the socket what the opening has led to.
    pub(crate) fn succeed(self, action: impl Display, opened: Opened) -> Result<(), Error> {
        let shared = self.shared;
        let mut life = shared.life();
        if life.state == State::Closed {
            return Err(cancelled(action));
        }
        life.state = self.after;
        let Some(link) = opened.link else {
            // Whoever watches may ask the socket something.
            drop(life);
            observe::connected(|| shared.local_addr(), || shared.peer_addr());
            return Ok(());
        };
        if life.hop_limit != shared.settings.requested.hop_limit {
            // It was set since the socket was made.
            link.channel.set_hop_limit(life.hop_limit);
        }
        life.device = opened.device;
        // A socket is opened once in its life: the table lets nobody try again.
        let _ = shared.link.set(link);
        drop(life);
        observe::opened(|| shared.local_addr(), || shared.peer_addr());
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
