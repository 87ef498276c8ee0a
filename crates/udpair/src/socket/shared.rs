//! The state that all handles of a socket share, and the rules for changing it.

use std::fmt::{self, Display};
use std::future::{self, Future};
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use once_cell::race::OnceBox;
use udpair_io::{Adapter, Capabilities, Socket};

use super::lifecycle::{
    BoundMatch, History, LocalPart, Operation, State, Verdict, cancelled, closed, refuse, verdict,
};
use super::link::Link;
use super::link::Statistics;
use super::options::{self, Observed, OptionsReport};
use super::rare::{Follower, Rare};
use super::replies::Replies;
use super::settings::Settings;
use crate::driver::{self, Waiter, Waiters};
use crate::error::Error;
use crate::name::Endpoint;
use crate::observe::{self, Published};
use crate::resolve::zone_of;

/// The state of a socket, shared by its handles and its streams.
pub(crate) struct Shared {
    /// The builder's settings, shared by all sockets that it has created. Of those that can be set
    /// since then, [`current_settings`](Self::current_settings) has the values.
    pub(crate) settings: Arc<Settings>,
    lifecycle: Mutex<Lifecycle>,
    /// Set when the socket is opened, and kept until the last handle is dropped.
    link: OnceLock<Link>,
    /// The number of [`Handle`]s.
    handles: AtomicUsize,
    /// Created by the first waiter, request or follower.
    rare: OnceBox<Rare>,
    published: Published,
}

/// The part of a socket's state that changes with its operations.
struct Lifecycle {
    state: State,
    history: History,
    device: Option<Arc<DeviceBinding>>,
}

/// The only adapter through which a socket sends and receives.
#[derive(Clone, Debug)]
pub(crate) struct DeviceBinding {
    pub(crate) adapter: Arc<Adapter>,
    /// Whether the caller requested this. Otherwise it follows from the local address or the peer:
    /// `localhost`, a link-local address, the limited broadcast address.
    pub(crate) is_requested: bool,
    /// The local address that the socket is bound to; `None` if it is bound to all addresses.
    pub(crate) address: Option<SocketAddr>,
}

/// A snapshot of what a socket is bound to. For a socket that is not open, all fields are empty.
pub(crate) struct Binding<'a> {
    pub(crate) link: Option<&'a Link>,
    /// The adapter to which the caller has bound the socket.
    pub(crate) adapter: Option<Arc<Adapter>>,
    /// The zone of the adapter or the address.
    pub(crate) zone: Option<u32>,
    /// Whether the socket is bound to an adapter, so that datagrams are sent through that one.
    pub(crate) has_device: bool,
    /// The local address; `None` if the socket is bound to all addresses.
    pub(crate) address: Option<SocketAddr>,
}

/// A handle of a socket. Dropping the last one closes the socket; streams hold only [`Shared`].
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
            lifecycle: Mutex::new(Lifecycle {
                state: State::Created,
                history: History::default(),
                device: None,
            }),
            settings,
            link: OnceLock::new(),
            handles: AtomicUsize::new(0),
            rare: OnceBox::new(),
            published: Published::default(),
        }
    }

    /// Returns the link to the kernel; `None` before the socket is open.
    #[inline]
    pub(crate) fn link(&self) -> Option<&Link> {
        self.link.get()
    }

    /// Returns the link to the kernel of a connected socket.
    #[inline]
    pub(crate) fn connected_link(&self) -> Option<&Link> {
        self.link().filter(|link| link.channel.peer().is_some())
    }

    /// Returns the link over which datagrams are sent: to the peer, or to addresses.
    #[inline]
    pub(crate) fn link_to(&self, is_to_peer: bool) -> Option<&Link> {
        match is_to_peer {
            true => self.connected_link(),
            false => self.link(),
        }
    }

    /// Returns the link over which datagrams are sent, or the error if there is none yet.
    #[inline]
    pub(crate) fn open_link_to(
        &self,
        action: impl Display,
        is_to_peer: bool,
    ) -> Result<&Link, Error> {
        let operation = match is_to_peer {
            true => Operation::WriteToPeer,
            false => Operation::WriteTo,
        };
        self.link_to(is_to_peer)
            .ok_or_else(|| self.without_link(action, operation))
    }

    /// Returns the link to the kernel, or the error of `operation` if the socket is not open.
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

    /// Returns the error of an operation that needs an open socket.
    #[cold]
    fn without_link(&self, action: impl Display, operation: Operation) -> Error {
        match self.allow(&action, operation) {
            Err(error) => error,
            // The socket was opened after the link was checked. The operation came just too early.
            Ok(()) => refuse(action, State::Created, operation, Verdict::IllegalCall),
        }
    }

    /// Returns the adapter to which the socket is bound.
    pub(crate) fn device(&self) -> Option<Arc<DeviceBinding>> {
        self.lifecycle().device.clone()
    }

    /// Notes that the socket is now bound to `device`.
    pub(crate) fn set_device(&self, device: DeviceBinding) {
        if let Some(link) = self.link() {
            link.channel.set_adapter(device.adapter.index);
        }
        let device = Some(Arc::new(device));
        let former = mem::replace(&mut self.lifecycle().device, device);
        drop(former);
    }

    /// Returns the index of the adapter to which the socket is bound.
    pub(crate) fn adapter(&self) -> Option<u32> {
        self.link().and_then(|link| link.channel.adapter())
    }

    /// Returns the adapter to which the caller has bound the socket.
    pub(crate) fn bound_adapter(&self) -> Option<Arc<Adapter>> {
        let requested = self.device().filter(|device| device.is_requested);
        requested.map(|device| device.adapter.clone())
    }

    /// Returns whether the socket is bound to an adapter or an address, so that datagrams are sent
    /// through that one.
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

    /// Checks with the table that `operation` is allowed now.
    pub(crate) fn allow(&self, action: impl Display, operation: Operation) -> Result<(), Error> {
        let lifecycle = self.lifecycle();
        match verdict(lifecycle.state, lifecycle.history, operation) {
            Verdict::Allowed | Verdict::Becomes(_) | Verdict::Waits => Ok(()),
            verdict => Err(refuse(action, lifecycle.state, operation, verdict)),
        }
    }

    /// Records that the socket has a stream to a host, after which it cannot be connected.
    pub(crate) fn grant_stream(&self, action: impl Display) -> Result<(), Error> {
        if self.try_grant_stream(&action)? {
            return Ok(());
        }
        let (state, operation) = (State::Opening, Operation::OutputTo);
        Err(refuse(action, state, operation, Verdict::IllegalCall))
    }

    /// Like [`grant_stream`](Self::grant_stream), but waits while the socket is being opened: the
    /// result of the opening decides whether the socket may have other destinations.
    pub(crate) async fn grant_stream_after_opening(
        &self,
        action: impl Display,
    ) -> Result<(), Error> {
        while !self.try_grant_stream(&action)? {
            self.wait_while_opening().await;
        }
        Ok(())
    }

    /// Grants a stream and returns `true`; returns `false` while the socket is being opened.
    fn try_grant_stream(&self, action: impl Display) -> Result<bool, Error> {
        let mut lifecycle = self.lifecycle();
        let operation = Operation::OutputTo;
        match verdict(lifecycle.state, lifecycle.history, operation) {
            Verdict::Allowed => {
                lifecycle.history.has_streams = true;
                Ok(true)
            }
            _ if lifecycle.state == State::Opening => Ok(false),
            verdict => Err(refuse(action, lifecycle.state, operation, verdict)),
        }
    }

    /// Compares a local end with what the socket is bound to. Addresses are compared by value. A
    /// name never counts as equal, because it may stand for many addresses.
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

    /// Begins an operation that opens the socket. Other openings are refused until the guard is
    /// dropped.
    pub(crate) fn begin(
        &self,
        action: impl Display,
        operation: Operation,
    ) -> Result<Opening<'_>, Error> {
        let mut lifecycle = self.lifecycle();
        match verdict(lifecycle.state, lifecycle.history, operation) {
            Verdict::Becomes(after) => {
                let before = lifecycle.state;
                lifecycle.state = State::Opening;
                Ok(Opening {
                    shared: self,
                    settings: self.current_settings(),
                    before,
                    after,
                })
            }
            verdict => Err(refuse(action, lifecycle.state, operation, verdict)),
        }
    }

    /// Waits while the socket is being opened.
    pub(crate) async fn wait_while_opening(&self) {
        let mut waiter = Waiter::on(self.opening_waiters());
        future::poll_fn(|cx| {
            waiter.enlist(cx.waker());
            if self.lifecycle().state == State::Opening {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Returns the output of `future`, or an error if the socket is closed first.
    async fn unless_closed<T>(
        &self,
        action: impl Display,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        // Most openings are ready at the first poll, and need no list of waiters.
        let mut waiter = None;
        let mut future = pin!(future);
        future::poll_fn(|cx| {
            if self.is_closed() {
                return Poll::Ready(Err(cancelled(&action)));
            }
            if let Poll::Ready(result) = future.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            let waiter = waiter.get_or_insert_with(|| Waiter::on(self.opening_waiters()));
            waiter.enlist(cx.waker());
            // Checked again, because the socket may have been closed before the waker was enlisted.
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

    /// Returns the local address at which others reach the socket. A socket on `localhost` is bound
    /// to every address of the loopback adapter (BND-12): of those it is one.
    pub(crate) fn reported_local_addr(&self) -> Option<SocketAddr> {
        let mut local = self.local_addr()?;
        if local.ip().is_unspecified()
            && let Some(device) = self.device()
            && device.adapter.is_loopback
        {
            let v6 = IpAddr::from(Ipv6Addr::LOCALHOST);
            local.set_ip(match local.is_ipv6() && device.adapter.has_address(v6) {
                true => v6,
                false => Ipv4Addr::LOCALHOST.into(),
            });
        }
        Some(local)
    }

    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        self.link().and_then(|link| link.channel.peer_addr())
    }

    /// Returns the settings with what was set since the socket was created.
    pub(crate) fn current_settings(&self) -> Arc<Settings> {
        let changed = self.rare.get().and_then(|rare| rare.changed().clone());
        changed.unwrap_or_else(|| self.settings.clone())
    }

    /// Returns whether the socket is for multicast and broadcast only.
    #[inline]
    pub(crate) fn is_multicast_only(&self) -> bool {
        match self.link() {
            Some(link) => link.channel.settings.multicast_only,
            None => self.current_settings().multicast_only,
        }
    }

    /// Changes the settings, and with `apply` the options of the descriptor, if there is one. If
    /// `apply` fails, the settings are as before.
    ///
    /// Changes happen one after another, so that what the system has is what was set last. Neither
    /// closure may call code of an application.
    pub(crate) fn change(
        &self,
        action: &str,
        operation: Operation,
        change: impl FnOnce(&mut Settings),
        apply: impl FnOnce(&Settings, &Socket) -> io::Result<()>,
    ) -> Result<(), Error> {
        let lifecycle = self.lifecycle();
        match verdict(lifecycle.state, lifecycle.history, operation) {
            Verdict::Allowed => {}
            verdict => return Err(refuse(action, lifecycle.state, operation, verdict)),
        }
        let mut settings = self.current_settings();
        change(Arc::make_mut(&mut settings));
        settings.check()?;
        if let Some(link) = self.link()
            && let Some(Err(error)) = link.channel.with(|socket| apply(&settings, socket))
        {
            return Err(Error::system(format!("cannot {action}"), error));
        }
        let former = self.rare().changed().replace(settings);
        // A destructor may be that of an application.
        drop(lifecycle);
        drop(former);
        Ok(())
    }

    /// Sets the options of a new descriptor that was opened with `settings`, if others were set
    /// meanwhile.
    fn apply_changes_since(&self, settings: &Arc<Settings>, link: &Link) {
        let current = self.current_settings();
        if !Arc::ptr_eq(settings, &current) {
            link.channel.with(|socket| current.apply_changeable(socket));
        }
    }

    /// Does what `apply_changes_since` does, after the descriptor of the socket was replaced.
    pub(crate) fn reapply_changes_since(&self, settings: &Arc<Settings>) {
        let lifecycle = self.lifecycle();
        if let Some(link) = self.link() {
            self.apply_changes_since(settings, link);
        }
        drop(lifecycle);
    }

    pub(crate) fn options(&self) -> OptionsReport {
        let settings = self.current_settings();
        let observed = match self.link() {
            Some(link) => {
                let engine = self.settings.engine;
                link.channel.with(|socket| Observed::of(engine, socket))
            }
            None if self.is_closed() => None,
            None => Observed::defaults(&settings),
        };
        let multicast = &settings.multicast;
        let adapter = multicast.adapter.as_ref().map(|adapter| {
            // It may have another index than when it was chosen.
            let adapters = settings.resolver.list_adapters().unwrap_or_default();
            adapter.find_in(&adapters).unwrap_or(adapter).index
        });
        let is_open = self.link().is_some();
        options::report(&settings, adapter, observed.as_ref(), is_open)
    }

    /// Returns what the engine supports for this socket; before it is open, in general.
    pub(crate) fn capabilities(&self) -> Capabilities {
        let engine = self.settings.engine;
        let of_socket = |link: &Link| {
            let channel = &link.channel;
            channel.with(|socket| engine.capabilities_of(socket))
        };
        let of_socket = self.link().and_then(of_socket);
        of_socket.unwrap_or_else(|| engine.capabilities())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lifecycle().state == State::Closed
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
        let before = mem::replace(&mut self.lifecycle().state, State::Closed);
        if let Some(link) = self.link() {
            link.close();
        }
        self.stop_follower_unless(|| false);
        self.wake_opening_waiters();
        if before != State::Closed && self.link().is_some() {
            observe::closed(local);
            // Publishes the final counts.
            self.statistics();
        }
    }

    /// Closes the socket, and returns the system's socket as it is.
    pub(crate) fn take(&self, action: &str) -> Result<Socket, Error> {
        let mut lifecycle = self.lifecycle();
        // Allowed where a datagram may be received: the socket is open, and not being connected.
        let operation = Operation::Receive;
        match verdict(lifecycle.state, lifecycle.history, operation) {
            Verdict::Allowed => lifecycle.state = State::Closed,
            verdict => return Err(refuse(action, lifecycle.state, operation, verdict)),
        }
        drop(lifecycle);
        let local = observe::closing(|| self.local_addr());
        let taken = self.link().and_then(Link::take);
        self.stop_follower_unless(|| false);
        self.wake_opening_waiters();
        observe::closed(local);
        // Publishes the final counts.
        self.statistics();
        taken.ok_or_else(|| closed(action))
    }

    pub(crate) fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSocket")
            .field("state", &self.lifecycle().state)
            .field("local", &self.local_addr())
            .field("peer", &self.peer_addr())
            .finish_non_exhaustive()
    }

    /// Returns the requests that wait for replies.
    pub(crate) fn replies(&self) -> &Replies {
        &self.rare().replies
    }

    /// Returns the task that follows the network for this socket.
    pub(crate) fn follower(&self) -> &Follower {
        &self.rare().follower
    }

    /// Ends the task that follows the network, if there is one and nothing needs it.
    pub(crate) fn stop_follower_unless(&self, is_needed: impl FnOnce() -> bool) {
        if let Some(rare) = self.rare.get() {
            rare.follower.stop_unless(is_needed);
        }
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// Returns the list of the tasks that wait for an opening to finish, or for the socket to be
    /// closed.
    fn opening_waiters(&self) -> &Waiters {
        &self.rare().opening_waiters
    }

    /// Wakes the tasks that wait for an opening to finish. The caller has changed the state before.
    fn wake_opening_waiters(&self) {
        if let Some(rare) = self.rare.get() {
            rare.opening_waiters.wake_all();
        }
    }

    fn lifecycle(&self) -> MutexGuard<'_, Lifecycle> {
        self.lifecycle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// An opening in progress. Dropping it without success restores the former state of the socket.
pub(crate) struct Opening<'a> {
    shared: &'a Shared,
    /// With which the socket is opened. What is set meanwhile is set again when it is open.
    settings: Arc<Settings>,
    before: State,
    after: State,
}

/// The result of a successful opening.
pub(crate) struct Opened {
    /// `None` if the socket keeps the link that it has.
    link: Option<Link>,
    device: Option<DeviceBinding>,
}

impl Opened {
    /// Returns the result for a new link, which is bound to `device` if there is one.
    pub(crate) fn bound(link: Link, device: Option<DeviceBinding>) -> Self {
        Self {
            link: Some(link),
            device,
        }
    }

    /// Returns the result for a socket that was bound before, and is now connected. `device` is the
    /// adapter that this has bound it to, if there is one.
    pub(crate) fn connected(device: Option<DeviceBinding>) -> Self {
        Self { link: None, device }
    }
}

impl<'a> Opening<'a> {
    /// Returns the settings with which the socket is opened.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.clone()
    }

    /// Returns what the socket is already bound to.
    pub(crate) fn binding(&self) -> Binding<'a> {
        let shared = self.shared;
        let link = shared.link();
        Binding {
            link,
            adapter: shared.bound_adapter(),
            zone: link.and_then(|_| shared.zone()),
            has_device: link.is_some() && shared.adapter().is_some(),
            address: shared
                .local_addr()
                .filter(|local| !local.ip().is_unspecified()),
        }
    }

    /// Runs `opening` inside a runtime, and applies its result to the socket. Returns the other
    /// value of `opening`, or an error if the socket is closed first.
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

    /// Applies the result of the opening to the socket.
    pub(crate) fn succeed(self, action: impl Display, opened: Opened) -> Result<(), Error> {
        let shared = self.shared;
        let mut lifecycle = shared.lifecycle();
        if lifecycle.state == State::Closed {
            return Err(cancelled(action));
        }
        lifecycle.state = self.after;
        let device = opened.device.map(Arc::new);
        let Some(link) = opened.link else {
            if let (Some(device), Some(link)) = (device, shared.link()) {
                link.channel.set_adapter(device.adapter.index);
                lifecycle.device = Some(device);
            }
            // Unlocked first, because a subscriber of the event may query the socket.
            drop(lifecycle);
            observe::connected(|| shared.local_addr(), || shared.peer_addr());
            return Ok(());
        };
        shared.apply_changes_since(&self.settings, &link);
        if let Some(device) = &device {
            link.channel.set_adapter(device.adapter.index);
        }
        lifecycle.device = device;
        // The link is set only once: the table allows no second opening.
        let _ = shared.link.set(link);
        drop(lifecycle);
        observe::opened(|| shared.local_addr(), || shared.peer_addr());
        Ok(())
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut lifecycle = self.shared.lifecycle();
        if lifecycle.state == State::Opening {
            lifecycle.state = self.before;
        }
        drop(lifecycle);
        self.shared.wake_opening_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;
    use crate::error::ErrorKind;

    /// CLS-02: the close comes while the opening is polled, before anybody waits to be woken by it.
    #[test]
    fn an_opening_notices_a_close_that_nobody_could_be_woken_by() {
        let shared = Shared::new(Arc::default());
        let opening = future::poll_fn(|_| {
            shared.close();
            Poll::<Result<(), Error>>::Pending
        });
        let mut ending = pin!(shared.unless_closed("bind", opening));
        let polled = ending
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Err(error)) = polled else {
            panic!("{polled:?}");
        };
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}
