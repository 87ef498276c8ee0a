//! Opens a socket: binds it, connects it, or binds it for its first write.

mod attempts;
pub(crate) mod bind;
mod destination;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use udpair_io::{Adapter, Cause, Destination, Family, Socket};

use super::follower;
use super::lifecycle::{LocalPart, Operation, cancelled};
use super::link::Link;
use super::many;
use super::refusal::{Call, Route, refused};
use super::settings::Settings;
use super::shared::{Binding, Opened, Shared};
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, EndpointPair};
use crate::resolve::{AddressFamily, Local, LocalHost, RemoteAddresses, zone_of};
pub(crate) use attempts::Attempts;
use bind::{bound_socket, device, is_left_to_system, no_common_family, zone_binding};
pub(crate) use destination::{Purpose, check_adapters};

/// Implements [`DatagramSocket::connect`](super::DatagramSocket::connect).
pub(crate) async fn connect(shared: &Arc<Shared>, pair: &EndpointPair) -> Result<(), Error> {
    let action = &Action::Connect(pair.remote());
    let opening = shared.begin(action, Operation::Connect(shared.compare(pair.local())))?;
    let settings = &opening.settings();
    if settings.multicast_only {
        return Err(many::multicast_only_error(&format!("cannot {action}")));
    }
    let binding = opening.binding();
    let connecting = async {
        // One search for both ends, so that they share one time limit.
        let search = settings.resolver.search_via(binding.adapter.as_deref());
        let local = match binding.link {
            Some(_) => None,
            None => Some(search.local(pair.local()).await?),
        };
        let zone = local.as_ref().map_or(binding.zone, Local::zone);
        // Only addresses that the local end can reach are looked up (ADR-02).
        let search = search.for_local_family(match (binding.link, &local) {
            (Some(link), _) => family_of(link),
            (None, Some(local)) => local.family(),
            (None, None) => None,
        });
        let check = |address| check_address(settings, address, Purpose::Connect);
        let mut addresses = RemoteAddresses::find(&search, pair.remote(), zone, &check).await?;
        let mut attempts = Attempts::new(action);
        while let Some(address) = addresses.next().await? {
            let connected = match (binding.link, &local) {
                (Some(link), _) => connect_bound(settings, link, &binding, address),
                (None, Some(local)) => connect_new(settings, local, address),
                (None, None) => Err(cancelled(action)),
            };
            match connected {
                Ok(opened) => return Ok((opened, ())),
                Err(error) => attempts.failed(address, error)?,
            }
        }
        Err(attempts.into_error())
    };
    opening.complete(action, connecting).await?;
    follower::start(shared);
    Ok(())
}

/// Connects a new socket to one address, from a local end that was resolved.
pub(crate) fn connect_from(
    shared: &Arc<Shared>,
    local: &Local,
    address: SocketAddr,
) -> Result<(), Error> {
    let action = "connect";
    let opening = shared.begin(action, Operation::Connect(LocalPart::default()))?;
    let settings = opening.settings();
    let opened = driver::within(|| connect_new(&settings, local, address));
    opening.succeed(action, opened.map_err(Error::no_runtime)??)?;
    follower::start(shared);
    Ok(())
}

/// Implements [`Builder::bind`](super::Builder::bind) and
/// [`Builder::bind_on`](super::Builder::bind_on).
pub(crate) async fn bind(
    shared: &Arc<Shared>,
    local: &Endpoint,
    adapter: Option<&Adapter>,
) -> Result<(), Error> {
    let (action, operation) = match adapter {
        None => (&Action::Bind(local), Operation::Bind),
        Some(adapter) => (&Action::BindOn(local, adapter), Operation::BindAdapter),
    };
    let opening = shared.begin(action, operation)?;
    let settings = &opening.settings();
    let binding = async {
        let search = settings.resolver.search_via(adapter);
        let local = search.local(local).await?;
        let (socket, mut device) = bound_socket(settings, &local, adapter, None)?;
        if let Some(device) = &mut device {
            device.is_requested = adapter.is_some();
        }
        let link = Link::new(socket, settings, None);
        Ok((Opened::bound(link, device), ()))
    };
    opening.complete(action, binding).await?;
    follower::start(shared);
    Ok(())
}

/// Implements [`Builder::from_std`](super::Builder::from_std).
pub(crate) fn adopt(shared: &Arc<Shared>, udp: UdpSocket) -> Result<(), Error> {
    let action = "take over a socket";
    let failed = |error| Error::system(format!("cannot {action}"), error);
    let socket = Socket::from_std(udp).map_err(|error| match Cause::of(&error) {
        Cause::InvalidInput => Error::new(
            ErrorKind::InvalidArgument,
            format!("cannot {action}: {error}"),
        ),
        _ => failed(error),
    })?;
    if shared.settings.ipv6_only && socket.family() != Family::Ipv6 {
        let message = format!("cannot {action}: it is not for IPv6 only");
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_advice("set `IPV6_V6ONLY` before it is bound, or leave `ipv6_only` off"));
    }
    let adopting = || {
        shared.settings.apply(&socket)?;
        shared.settings.share_port(&socket)?;
        let peer = socket.peer_addr().ok();
        let link = Link::new(socket, &shared.settings, None);
        if let Some(peer) = peer {
            link.restrict_to_peer(peer);
        }
        Ok(link)
    };
    let link = driver::within(adopting)
        .and_then(|link| link)
        .map_err(failed)?;
    let operation = match link.channel.peer() {
        Some(_) => Operation::Connect(LocalPart::default()),
        None => Operation::Bind,
    };
    let opening = shared.begin(action, operation)?;
    opening.succeed(action, Opened::bound(link, None))?;
    follower::start(shared);
    Ok(())
}

/// Binds an unbound socket for its first write, and returns its link. If another task is opening
/// the socket, waits for that.
pub(crate) async fn for_writing(shared: &Arc<Shared>) -> Result<&Link, Error> {
    let action = "send";
    loop {
        if let Some(link) = shared.link() {
            return Ok(link);
        }
        shared.allow(action, Operation::WriteTo)?;
        match bind_for_writing(shared) {
            Ok(()) => {}
            // Another task began to open the socket first. Its result counts for this write too.
            Err(error) if error.kind() == ErrorKind::InvalidState => {
                shared.wait_while_opening().await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Returns the link of a connected socket. Waits while the socket is being connected.
pub(crate) async fn for_writing_to_peer<'a>(
    shared: &'a Shared,
    action: &str,
) -> Result<&'a Link, Error> {
    loop {
        if let Some(link) = shared.connected_link() {
            return Ok(link);
        }
        shared.allow(action, Operation::WriteToPeer)?;
        shared.wait_while_opening().await;
    }
}

fn bind_for_writing(shared: &Arc<Shared>) -> Result<(), Error> {
    let action = "send";
    let opening = shared.begin(action, Operation::WriteTo)?;
    let local = Local {
        host: LocalHost::Any,
        port: 0,
    };
    let settings = opening.settings();
    let (socket, _) = bound_socket(&settings, &local, None, None)?;
    let link = driver::within(|| Link::new(socket, &settings, None));
    let link = link.map_err(Error::no_runtime)?;
    opening.succeed(action, Opened::bound(link, None))?;
    follower::start(shared);
    Ok(())
}

/// Resolves the destination of a stream to `remote`. It stays the same for the life of the stream.
pub(crate) async fn stream_destination(
    shared: &Shared,
    remote: &Endpoint,
) -> Result<Destination, Error> {
    let resolving = async {
        let adapter = shared.bound_adapter();
        let search = shared.settings.resolver.search_via(adapter.as_deref());
        let search = search.for_local_family(shared.link().and_then(family_of));
        let check = |address| check_address(&shared.settings, address, Purpose::Send);
        let mut addresses = RemoteAddresses::find(&search, remote, shared.zone(), &check).await?;
        // This is an error if there is no address.
        let address = addresses.next().await?;
        let address = address.ok_or_else(|| cancelled("send"))?;
        in_group_zone(shared, remote, address)
    };
    driver::in_runtime(resolving)
        .await
        .map_err(Error::no_runtime)?
}

/// Returns the destination for an address of `remote`: through the adapter that the zone of a group
/// names, if the address itself has no place for it (MCG-11).
fn in_group_zone(
    shared: &Shared,
    remote: &Endpoint,
    address: SocketAddr,
) -> Result<Destination, Error> {
    let mut destination = Destination::from(address);
    let resolver = &shared.settings.resolver;
    let zone = remote.host().and_then(|host| resolver.group_zone(host));
    if let Some(zone) = zone
        && zone_of(address).is_none()
    {
        destination.source.adapter = Some(zone?);
    }
    Ok(destination)
}

/// Implements [`DatagramSocket::output_to_pair`](super::DatagramSocket::output_to_pair).
pub(crate) async fn bind_for_pair(
    shared: &Arc<Shared>,
    pair: &EndpointPair,
) -> Result<Destination, Error> {
    let action = "make an output stream";
    let operation = Operation::OutputToPair(shared.compare(pair.local()));
    shared.allow(action, operation)?;
    if shared.link().is_some() {
        return stream_destination(shared, pair.remote()).await;
    }
    let opening = shared.begin(action, operation)?;
    let settings = &opening.settings();
    let binding = async {
        let search = settings.resolver.search();
        let local = search.local(pair.local()).await?;
        let search = search.for_local_family(local.family());
        let check = |address| check_address(settings, address, Purpose::Send);
        let mut addresses =
            RemoteAddresses::find(&search, pair.remote(), local.zone(), &check).await?;
        let mut next = addresses.next().await?;
        let (socket, device) = bound_socket(settings, &local, None, None)?;
        while let Some(address) = next {
            if socket.supports(address) {
                let link = Link::new(socket, settings, None);
                return Ok((Opened::bound(link, device), address));
            }
            next = addresses.next().await?;
        }
        Err(no_common_family())
    };
    let destination = opening.complete(action, binding).await?;
    follower::start(shared);
    in_group_zone(shared, pair.remote(), destination)
}

/// Returns the only family that a bound socket reaches; `None` for both, or if it was closed.
fn family_of(link: &Link) -> Option<AddressFamily> {
    let ip = link.channel.with(|socket| match socket.family() {
        Family::Ipv4 => Some(Family::Ipv4.wildcard()),
        Family::Ipv6 => Some(Family::Ipv6.wildcard()),
        // Bound to one address, it reaches only the family of that address.
        Family::Dual => {
            let bound = socket.local_addr().ok().map(|local| local.ip());
            bound.filter(|ip| !ip.is_unspecified())
        }
    })??;
    [AddressFamily::Ipv4, AddressFamily::Ipv6]
        .into_iter()
        .find(|family| family.includes(ip))
}

/// Checks that datagrams can be sent to a destination, and returns the destination to use for it.
pub(crate) fn check_destination(shared: &Shared, to: &Destination) -> Result<Destination, Error> {
    let address = check_address(&shared.settings, to.address, Purpose::Send)?;
    if !to.header.is_valid() {
        let message = format!(
            "cannot send to {}: {:?} is out of range",
            to.address, to.header
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_advice("a hop limit is 1 to 255, a code point 0 to 63, and ECN 0 to 3"));
    }
    Ok(Destination { address, ..*to })
}

pub(crate) fn check_address(
    settings: &Settings,
    address: SocketAddr,
    purpose: Purpose,
) -> Result<SocketAddr, Error> {
    if settings.refuses_unspecified {
        destination::check_specified(address)?;
    }
    destination::check(address, purpose, || settings.resolver.list_adapters())
}

/// Checks that a socket that is bound to an adapter can reach a peer.
fn check_bound(adapter: Option<u32>, destination: SocketAddr) -> Result<(), Error> {
    match adapter {
        None => Ok(()),
        Some(bound) => check_adapters(bound, destination.into(), Purpose::Connect),
    }
}

/// Connects a bound socket.
fn connect_bound(
    settings: &Settings,
    link: &Link,
    binding: &Binding<'_>,
    destination: SocketAddr,
) -> Result<Opened, Error> {
    // A socket that is bound to an adapter or an address sends through that.
    let adapter = match binding.has_device || binding.address.is_some() {
        true => None,
        false => broadcast_adapter(settings, destination),
    };
    check_bound(link.channel.adapter(), destination)?;
    match link.connect(destination, adapter.as_ref()) {
        None => return Err(cancelled("connect")),
        Some(Ok(())) => {}
        Some(Err(error)) => {
            let local = link.channel.local_addr().map(|local| local.ip());
            return Err(not_connected(local, destination, error));
        }
    }
    let device = match binding.has_device {
        true => None,
        false => adapter
            .map(|adapter| device(adapter, None))
            .or_else(|| zone_binding(settings, destination, binding.address)),
    };
    Ok(Opened::connected(device))
}

/// Opens, binds and connects a socket.
///
/// Each attempt has a descriptor of its own: after a refused attempt, a descriptor keeps the port
/// that the kernel chose for it, and its family.
fn connect_new(
    settings: &Arc<Settings>,
    local: &Local,
    destination: SocketAddr,
) -> Result<Opened, Error> {
    let adapter = broadcast_adapter(settings, destination);
    let (socket, device) = bound_socket(settings, local, adapter.as_ref(), Some(destination))?;
    check_bound(
        device.as_ref().map(|device| device.adapter.index),
        destination,
    )?;
    let address = match local.host {
        LocalHost::Addresses(_) => socket.local_addr().ok(),
        LocalHost::Any | LocalHost::Loopback => None,
    };
    socket.connect(destination).map_err(|error| {
        let local = socket.local_addr().ok().map(|local| local.ip());
        not_connected(local, destination, error)
    })?;
    let device = device.or_else(|| zone_binding(settings, destination, address));
    if is_left_to_system(local) {
        // The socket had no port before, so it cannot have received from another sender.
        let link = Link::new(socket, settings, Some(destination));
        return Ok(Opened::bound(link, device));
    }
    let link = Link::new(socket, settings, None);
    link.restrict_to_peer(destination);
    Ok(Opened::bound(link, device))
}

/// Returns the adapter on which a socket with this peer sends, if the peer is the limited broadcast
/// address (CON-10).
fn broadcast_adapter(settings: &Settings, destination: SocketAddr) -> Option<Adapter> {
    many::is_limited_broadcast(destination)
        .then(|| many::first_broadcast_adapter(settings))
        .flatten()
}

/// Returns the error for a refused connect from `local`, the address that the socket is bound to.
fn not_connected(local: Option<IpAddr>, destination: SocketAddr, error: io::Error) -> Error {
    let route = Route {
        from: local.filter(|ip| !ip.is_unspecified()),
        to: destination,
    };
    let message = format!("cannot connect to {destination}");
    refused(message, Call::Connect(route), error)
}

/// The way in which a socket is being opened, for error messages.
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
