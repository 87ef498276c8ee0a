//! How a socket is opened: bound, connected, or bound by its first write.

mod bind;
mod destination;

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use udpair_io::{Adapter, Cause, Destination, Socket};

use super::lifecycle::{LocalPart, Operation, cancelled};
use super::link::Link;
use super::many;
use super::settings::Settings;
use super::shared::{Opened, Shared};
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, EndpointPair};
use crate::observe;
use crate::resolve::{Local, LocalHost, Remote};
use bind::{bound_socket, device_binding, is_left_to_system, no_common_family};
use destination::Purpose;

/// See [`DatagramSocket::connect`](super::DatagramSocket::connect).
pub(crate) async fn connect(shared: &Shared, pair: &EndpointPair) -> Result<(), Error> {
    let action = &Action::Connect(pair.remote());
    let opening = shared.begin(action, Operation::Connect(shared.compare(pair.local())))?;
    let settings = &shared.settings;
    if settings.multicast_only {
        return Err(many::refusal(&format!("cannot {action}")));
    }
    let binding = opening.binding();
    let connecting = async {
        // One for both ends, so that both share one limit.
        let search = settings.resolver.search_by(binding.adapter.as_deref());
        let local = match binding.link {
            Some(_) => None,
            None => Some(search.local(pair.local()).await?),
        };
        let zone = local.as_ref().map_or(binding.zone, Local::zone);
        let check = |address| check_address(settings, address, Purpose::Connect);
        let mut addresses = Remote::find(&search, pair.remote(), zone, &check).await?;
        let mut attempts = Attempts::new(action);
        while let Some(address) = addresses.next().await? {
            let connected = match (binding.link, &local) {
                (Some(link), _) => {
                    connect_bound(settings, link, binding.is_pinned, address).map(|()| None)
                }
                (None, Some(local)) => connect_new(settings, local, address).map(Some),
                (None, None) => Err(cancelled(action)),
            };
            match connected {
                Ok(link) => return Ok((Opened::connected(link), ())),
                Err(error) => attempts.failed(address, error)?,
            }
        }
        Err(attempts.into_error())
    };
    opening.complete(action, connecting).await
}

/// See [`Builder::bind`](super::Builder::bind) and [`Builder::bind_on`](super::Builder::bind_on).
pub(crate) async fn bind(
    shared: &Shared,
    local: &Endpoint,
    adapter: Option<&Adapter>,
) -> Result<(), Error> {
    let (action, operation) = match adapter {
        None => (&Action::Bind(local), Operation::Bind),
        Some(adapter) => (&Action::BindOn(local, adapter), Operation::BindAdapter),
    };
    let opening = shared.begin(action, operation)?;
    let binding = async {
        let search = shared.settings.resolver.search_by(adapter);
        let local = search.local(local).await?;
        let (socket, loopback) = bound_socket(&shared.settings, &local, adapter, None)?;
        let link = Link::new(socket, &shared.settings, None);
        Ok((Opened::bound(link, device_binding(adapter, loopback)), ()))
    };
    opening.complete(action, binding).await
}

/// See [`Builder::from_std`](super::Builder::from_std).
pub(crate) fn adopt(shared: &Shared, udp: UdpSocket) -> Result<(), Error> {
    let action = "take over a socket";
    let adopting = || {
        let socket = Socket::from_std(udp)?;
        shared.settings.apply(&socket)?;
        let peer = socket.peer_addr().ok();
        let link = Link::new(socket, &shared.settings, None);
        if let Some(peer) = peer {
            link.hear_alone(peer);
        }
        Ok(link)
    };
    let link = driver::within(adopting)
        .and_then(|link| link)
        .map_err(|error| Error::system(format!("cannot {action}"), error))?;
    let operation = match link.channel.peer() {
        Some(_) => Operation::Connect(LocalPart::default()),
        None => Operation::Bind,
    };
    let opening = shared.begin(action, operation)?;
    opening.succeed(action, Opened::bound(link, None))
}

/// Binds an unbound socket so that it can be written to; waits if somebody else is at it.
pub(crate) async fn for_writing(shared: &Shared) -> Result<&Link, Error> {
    let action = "send";
    loop {
        if let Some(link) = shared.link() {
            return Ok(link);
        }
        shared.allow(action, Operation::WriteTo)?;
        match bind_for_writing(shared) {
            Ok(()) => {}
            // Somebody else began first; what comes of that counts for us too.
            Err(error) if error.kind() == ErrorKind::InvalidState => {
                shared.wait_while_opening().await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn bind_for_writing(shared: &Shared) -> Result<(), Error> {
    let action = "send";
    let opening = shared.begin(action, Operation::WriteTo)?;
    let local = Local {
        host: LocalHost::Any,
        port: 0,
    };
    let (socket, _) = bound_socket(&shared.settings, &local, None, None)?;
    let link = driver::within(|| Link::new(socket, &shared.settings, None));
    let link = link.map_err(Error::no_runtime)?;
    opening.succeed(action, Opened::bound(link, None))
}

/// Returns where a stream to `remote` is pinned to.
pub(crate) async fn stream_destination(
    shared: &Shared,
    remote: &Endpoint,
) -> Result<Destination, Error> {
    let resolving = async {
        let adapter = shared.bound_adapter();
        let search = shared.settings.resolver.search_by(adapter.as_deref());
        let check = |address| check_address(&shared.settings, address, Purpose::Send);
        let mut addresses = Remote::find(&search, remote, shared.zone(), &check).await?;
        // There is at least one, or an error.
        let address = addresses.next().await?;
        address
            .map(Destination::from)
            .ok_or_else(|| cancelled("send"))
    };
    driver::in_runtime(resolving)
        .await
        .map_err(Error::no_runtime)?
}

/// See [`DatagramSocket::output_to_pair`](super::DatagramSocket::output_to_pair).
pub(crate) async fn bind_for_pair(
    shared: &Shared,
    pair: &EndpointPair,
) -> Result<Destination, Error> {
    let action = "make an output stream";
    let operation = Operation::OutputToPair(shared.compare(pair.local()));
    shared.allow(action, operation)?;
    if shared.link().is_some() {
        return stream_destination(shared, pair.remote()).await;
    }
    let opening = shared.begin(action, operation)?;
    let settings = &shared.settings;
    let binding = async {
        let search = settings.resolver.search();
        let local = search.local(pair.local()).await?;
        let check = |address| check_address(settings, address, Purpose::Send);
        let mut addresses = Remote::find(&search, pair.remote(), local.zone(), &check).await?;
        let mut next = addresses.next().await?;
        let (socket, loopback) = bound_socket(settings, &local, None, None)?;
        while let Some(address) = next {
            if socket.supports(address) {
                let link = Link::new(socket, settings, None);
                let opened = Opened::bound(link, device_binding(None, loopback));
                return Ok((opened, address));
            }
            next = addresses.next().await?;
        }
        Err(no_common_family())
    };
    let destination = opening.complete(action, binding).await?;
    Ok(destination.into())
}

/// Checks that datagrams can go to an address.
pub(crate) fn check_destination(shared: &Shared, address: SocketAddr) -> Result<(), Error> {
    check_address(&shared.settings, address, Purpose::Send)
}

fn check_address(settings: &Settings, address: SocketAddr, purpose: Purpose) -> Result<(), Error> {
    destination::check(address, purpose, || settings.resolver.list_adapters())
}

/// Connects a socket that is bound; `is_pinned` says whether to an adapter or an address.
fn connect_bound(
    settings: &Settings,
    link: &Link,
    is_pinned: bool,
    destination: SocketAddr,
) -> Result<(), Error> {
    // What it is bound to decides, if that is an adapter or an address.
    let adapter = match is_pinned {
        true => None,
        false => broadcast_adapter(settings, destination),
    };
    match link.connect(destination, adapter.as_ref()) {
        None => Err(cancelled("connect")),
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(refused(destination, error)),
    }
}

/// Opens, binds and connects a socket.
///
/// Every try has a descriptor of its own: a refused one keeps the port that the kernel chose for it, and
/// its family.
fn connect_new(
    settings: &Arc<Settings>,
    local: &Local,
    destination: SocketAddr,
) -> Result<Link, Error> {
    let adapter = broadcast_adapter(settings, destination);
    let (socket, _) = bound_socket(settings, local, adapter.as_ref(), Some(destination))?;
    socket
        .connect(destination)
        .map_err(|error| refused(destination, error))?;
    if is_left_to_system(local) {
        // It had no port before, so that nobody else has filled its buffer.
        return Ok(Link::new(socket, settings, Some(destination)));
    }
    let link = Link::new(socket, settings, None);
    link.hear_alone(destination);
    Ok(link)
}

/// Returns the adapter that a socket with this peer speaks by, if the peer is everybody (CON-10).
fn broadcast_adapter(settings: &Settings, destination: SocketAddr) -> Option<Adapter> {
    many::is_limited_broadcast(destination)
        .then(|| many::first_broadcast_adapter(settings))
        .flatten()
}

/// What a refused connect means; an address that the kernel makes no sense of is not available.
fn refused(destination: SocketAddr, error: io::Error) -> Error {
    let message = format!("cannot connect to {destination}");
    if Cause::of(&error) == Cause::InvalidInput {
        return Error::new(ErrorKind::AddressNotAvailable, message).with_source(error);
    }
    let error = Error::system(message, error);
    match error.kind() {
        ErrorKind::NetworkUnreachable => error.with_advice("`ip route` shows where there is a way"),
        _ => error,
    }
}

/// How a socket is being opened, for those who are told that it cannot be.
enum Action<'a> {
    Connect(&'a Endpoint),
    Bind(&'a Endpoint),
    BindOn(&'a Endpoint, &'a Adapter),
}

impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(remote) => write!(f, "connect to {remote}"),
            Self::Bind(local) => write!(f, "bind to {local}"),
            Self::BindOn(local, adapter) => write!(f, "bind to {local} on {}", adapter.name),
        }
    }
}

/// Destinations that could not be connected to, and why.
struct Attempts<'a> {
    action: &'a Action<'a>,
    failed: Vec<(SocketAddr, Error)>,
}

impl<'a> Attempts<'a> {
    fn new(action: &'a Action<'a>) -> Self {
        Self {
            action,
            failed: Vec::new(),
        }
    }

    /// Remembers a failure; one that another destination would meet as well is final (ADR-01).
    fn failed(&mut self, destination: SocketAddr, error: Error) -> Result<(), Error> {
        let may_differ_elsewhere = matches!(
            error.kind(),
            ErrorKind::NetworkUnreachable
                | ErrorKind::HostUnreachable
                | ErrorKind::AddressNotAvailable
                | ErrorKind::FamilyNotSupported
        );
        observe::fell_back(destination, &error);
        self.failed.push((destination, error));
        if may_differ_elsewhere {
            Ok(())
        } else {
            Err(self.error())
        }
    }

    fn into_error(mut self) -> Error {
        self.error()
    }

    /// The last failure is the error; those before it are told in its text.
    fn error(&mut self) -> Error {
        let mut message = format!("cannot {}", self.action);
        let Some((_, error)) = self.failed.pop() else {
            return Error::new(ErrorKind::HostNotFound, message);
        };
        for (earlier, why) in &self.failed {
            message.push_str(&format!(" (tried {earlier}: {})", why.innermost()));
        }
        // A peer that was given by its address needs no other text.
        if message == error.to_string() {
            error
        } else {
            error.in_context(message)
        }
    }
}
