//! How a socket is opened: bound, connected, or bound by its first write.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};

use udpair_io::{Adapter, Cause, Family, Socket};

use super::builder::Settings;
use super::lifecycle::Operation;
use super::link::Link;
use super::shared::{Shared, cancelled};
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, EndpointPair};
use crate::resolve::{Local, LocalHost, resolve_local, with_zone};

/// See [`DatagramSocket::connect`](super::DatagramSocket::connect).
pub(super) async fn connect(shared: &Shared, pair: &EndpointPair) -> Result<(), Error> {
    let action = &format!("connect to {}", pair.remote());
    let opening = shared.begin(action, Operation::Connect(shared.compare(pair.local())))?;
    let connecting = async {
        let destinations = Destinations::resolve(shared, pair.remote()).await?;
        destinations.check()?;
        if let Some(link) = shared.link() {
            connect_bound(link, action, &destinations)?;
            return Ok(None);
        }
        let local = resolve_local(&shared.settings.resolver, pair.local()).await?;
        connect_new(&shared.settings, action, &local, &destinations).map(Some)
    };
    match shared.unless_closed(action, in_runtime(connecting)).await? {
        Some(link) => opening.succeed_with(action, link, None),
        None => opening.succeed(action),
    }
}

/// See [`Builder::bind`](super::Builder::bind) and [`Builder::bind_on`](super::Builder::bind_on).
pub(super) async fn bind(
    shared: &Shared,
    local: &Endpoint,
    adapter: Option<&Adapter>,
) -> Result<(), Error> {
    let (action, operation) = match adapter {
        None => (format!("bind to {local}"), Operation::Bind),
        Some(adapter) => (
            format!("bind to {local} on {}", adapter.name),
            Operation::BindAdapter,
        ),
    };
    let opening = shared.begin(&action, operation)?;
    let binding = async {
        let local = resolve_local(&shared.settings.resolver, local).await?;
        let socket = bound_socket(&shared.settings, &local, adapter, None)?;
        link(socket, &shared.settings, &action)
    };
    let link = shared.unless_closed(&action, in_runtime(binding)).await?;
    opening.succeed_with(&action, link, adapter.map(|adapter| adapter.index))
}

/// Binds an unbound socket so that it can be written to; waits if somebody else is at it.
pub(super) async fn for_writing(shared: &Shared) -> Result<&Link, Error> {
    let action = "send";
    loop {
        if let Some(link) = shared.link() {
            return Ok(link);
        }
        shared.allow(action, Operation::WriteTo)?;
        match bind_for_writing(shared).await {
            Ok(()) => {}
            // Somebody else began first; what comes of that counts for us too.
            Err(error) if error.kind() == ErrorKind::InvalidState => {
                shared.wait_while_opening().await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn bind_for_writing(shared: &Shared) -> Result<(), Error> {
    let action = "send";
    let opening = shared.begin(action, Operation::WriteTo)?;
    let local = Local {
        host: LocalHost::Any,
        port: 0,
    };
    let socket = bound_socket(&shared.settings, &local, None, None)?;
    let link = in_runtime(async { link(socket, &shared.settings, action) }).await?;
    opening.succeed_with(action, link, None)
}

/// Returns the one address that a stream to `remote` is pinned to.
pub(super) async fn destination(shared: &Shared, remote: &Endpoint) -> Result<SocketAddr, Error> {
    let destinations = Destinations::resolve(shared, remote).await?;
    let first = destinations.addresses().first().copied();
    let first =
        first.ok_or_else(|| nowhere(remote, ErrorKind::HostNotFound, "it has no address"))?;
    check_destination(first)?;
    Ok(first)
}

/// Checks that datagrams can go to an address at all.
///
/// Linux would take the unspecified address for loopback, and connect to port 0 (ADR-05, SVC-05).
pub(super) fn check_destination(address: SocketAddr) -> Result<(), Error> {
    if address.port() == 0 {
        return Err(nowhere(
            address,
            ErrorKind::AddressNotAvailable,
            "port 0 is no destination",
        ));
    }
    if address.ip().to_canonical().is_unspecified() {
        return Err(nowhere(
            address,
            ErrorKind::AddressNotAvailable,
            "the unspecified address is no destination",
        ));
    }
    Ok(())
}

fn nowhere(remote: impl std::fmt::Display, kind: ErrorKind, reason: &str) -> Error {
    Error::new(kind, format!("cannot send to {remote}: {reason}"))
}

/// Where a remote endpoint leads.
enum Destinations {
    /// It was an address; nobody had to be asked and nothing allocated.
    One(SocketAddr),
    /// The candidates of a resolution, best first.
    Several(Vec<SocketAddr>),
}

impl Destinations {
    async fn resolve(shared: &Shared, remote: &Endpoint) -> Result<Self, Error> {
        let zone = |address| {
            let preferred = shared.adapter().or_else(|| local_zone(shared));
            with_zone(address, preferred, &udpair_io::adapters)
        };
        if let Some(address) = remote.socket_addr() {
            let address = address?;
            shared.settings.resolver.check_family(address)?;
            return Ok(Self::One(zone(address)));
        }
        let resolution = shared.settings.resolver.resolve(remote).await;
        let candidates = resolution.into_candidates()?;
        Ok(Self::Several(
            candidates.iter().map(|c| zone(c.address)).collect(),
        ))
    }

    fn addresses(&self) -> &[SocketAddr] {
        match self {
            Self::One(address) => std::slice::from_ref(address),
            Self::Several(addresses) => addresses,
        }
    }

    /// Checks that there is an address to connect to.
    ///
    /// A group is none, though Linux would connect (CON-07); of the others, the first that can be no
    /// destination at all says what is wrong.
    fn check(&self) -> Result<(), Error> {
        for address in self.addresses() {
            check_destination(*address)?;
        }
        match self.addresses() {
            addresses if addresses.iter().any(can_connect) => Ok(()),
            addresses => {
                let first = addresses
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                Err(Error::new(
                    ErrorKind::HostNotFound,
                    format!("cannot connect to {first}: a multicast group is no host"),
                )
                .with_advice("send to a group without connecting"))
            }
        }
    }

    /// Returns the addresses to try, in order.
    fn to_connect(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses().iter().copied().filter(can_connect)
    }
}

fn can_connect(address: &SocketAddr) -> bool {
    !address.ip().to_canonical().is_multicast()
}

/// The zone of the address that a socket is bound to.
fn local_zone(shared: &Shared) -> Option<u32> {
    match shared.local_addr()? {
        SocketAddr::V6(address) if address.scope_id() != 0 => Some(address.scope_id()),
        _ => None,
    }
}

/// Connects a bound socket to the first destination that the system takes.
fn connect_bound(link: &Link, action: &str, destinations: &Destinations) -> Result<(), Error> {
    let mut attempts = Attempts::new(action);
    for destination in destinations.to_connect() {
        match link.connect(destination) {
            None => return Err(cancelled(action)),
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => attempts.failed(destination, error)?,
        }
    }
    Err(attempts.into_error())
}

/// Opens, binds and connects a socket to the first destination that the system takes.
///
/// Every try has a descriptor of its own: a refused one keeps the port that the kernel chose for it, and
/// its family.
fn connect_new(
    settings: &Settings,
    action: &str,
    local: &Local,
    destinations: &Destinations,
) -> Result<Link, Error> {
    let mut attempts = Attempts::new(action);
    let mut any_family_fits = false;
    for destination in destinations.to_connect() {
        if !local.reaches(destination) {
            continue;
        }
        any_family_fits = true;
        let destination = match local.zone() {
            Some(zone) => with_zone(destination, Some(zone), &udpair_io::adapters),
            None => destination,
        };
        let socket = bound_socket(settings, local, None, Some(destination))?;
        match socket.connect(destination) {
            Ok(()) => return link(socket, settings, action),
            Err(error) => attempts.failed(destination, error)?,
        }
    }
    if !any_family_fits {
        return Err(Error::new(
            ErrorKind::FamilyNotSupported,
            format!("cannot {action}: the local address is of another family"),
        )
        .with_advice("leave the local address empty, or take one of the remote's family"));
    }
    Err(attempts.into_error())
}

/// Destinations that the system refused, and why.
struct Attempts<'a> {
    action: &'a str,
    refused: Vec<(SocketAddr, io::Error)>,
}

impl<'a> Attempts<'a> {
    fn new(action: &'a str) -> Self {
        Self {
            action,
            refused: Vec::new(),
        }
    }

    /// Remembers a refusal; an error that another destination would meet as well is final (ADR-01).
    fn failed(&mut self, destination: SocketAddr, error: io::Error) -> Result<(), Error> {
        let may_differ_elsewhere = matches!(
            Cause::of(&error),
            Cause::NetworkUnreachable
                | Cause::HostUnreachable
                | Cause::AddressNotAvailable
                | Cause::FamilyNotSupported
                | Cause::InvalidInput
        );
        self.refused.push((destination, error));
        if may_differ_elsewhere {
            Ok(())
        } else {
            Err(self.error())
        }
    }

    fn into_error(mut self) -> Error {
        self.error()
    }

    /// The last refusal is the error; those before it are told in its text.
    fn error(&mut self) -> Error {
        let Some((destination, error)) = self.refused.pop() else {
            return Error::new(ErrorKind::HostNotFound, format!("cannot {}", self.action));
        };
        let mut message = format!("cannot {}", self.action);
        // A peer that was given by its address is in the text already.
        if !message.ends_with(&format!(" {destination}")) {
            message.push_str(&format!(" at {destination}"));
        }
        for (earlier, why) in &self.refused {
            message.push_str(&format!(" (before it {earlier}: {why})"));
        }
        Error::system(message, error)
    }
}

impl Local {
    /// Whether a socket with this local end can reach `destination`.
    fn reaches(&self, destination: SocketAddr) -> bool {
        match &self.host {
            LocalHost::Any | LocalHost::Loopback => true,
            LocalHost::Addresses(addresses) => addresses
                .iter()
                .any(|local| is_ipv4(*local) == is_ipv4(destination)),
        }
    }

    fn zone(&self) -> Option<u32> {
        let LocalHost::Addresses(addresses) = &self.host else {
            return None;
        };
        addresses.iter().find_map(|address| match address {
            SocketAddr::V6(address) if address.scope_id() != 0 => Some(address.scope_id()),
            _ => None,
        })
    }
}

fn is_ipv4(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_ipv4()
}

/// Opens a socket that is bound to `local`, for a peer at `destination` if that is known already.
fn bound_socket(
    settings: &Settings,
    local: &Local,
    adapter: Option<&Adapter>,
    destination: Option<SocketAddr>,
) -> Result<Socket, Error> {
    match &local.host {
        LocalHost::Any => {
            let socket = open_any(settings, destination)?;
            tie_to_adapter(&socket, adapter)?;
            // Connecting binds too, to a port of the system's choice.
            if local.port != 0 || destination.is_none() {
                bind_to(
                    &socket,
                    SocketAddr::new(socket.family().wildcard(), local.port),
                )?;
            }
            Ok(socket)
        }
        LocalHost::Loopback => {
            let socket = open_any(settings, destination)?;
            tie_to_adapter(&socket, Some(&loopback_adapter()?))?;
            bind_to(
                &socket,
                SocketAddr::new(socket.family().wildcard(), local.port),
            )?;
            Ok(socket)
        }
        LocalHost::Addresses(addresses) => {
            let mut last = None;
            for address in addresses {
                if destination.is_some_and(|destination| is_ipv4(destination) != is_ipv4(*address))
                {
                    continue;
                }
                let socket = open_family(settings, family_of(*address))?;
                match bind_to(&socket, *address) {
                    Ok(()) => return Ok(socket),
                    Err(error) if error.kind() == ErrorKind::AddressNotAvailable => {
                        last = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(last.unwrap_or_else(|| {
                Error::new(
                    ErrorKind::AddressNotAvailable,
                    "cannot bind: there is no address to bind to",
                )
            }))
        }
    }
}

/// Hands an open socket to the runtime around us.
fn link(socket: Socket, settings: &Settings, action: &str) -> Result<Link, Error> {
    Link::new(socket, settings.engine)
        .map_err(|error| Error::system(format!("cannot {action}"), error))
}

/// Opens a socket for all local addresses: of the destination's family, or else for both.
fn open_any(settings: &Settings, destination: Option<SocketAddr>) -> Result<Socket, Error> {
    match destination {
        Some(destination) if is_ipv4(destination) => open_family(settings, Family::Ipv4),
        Some(_) => open_family(settings, Family::Ipv6),
        None => match open_family(settings, Family::Dual) {
            // A machine without IPv6 (DGS-03).
            Err(error) if error.kind() == ErrorKind::FamilyNotSupported => {
                open_family(settings, Family::Ipv4)
            }
            result => result,
        },
    }
}

fn open_family(settings: &Settings, family: Family) -> Result<Socket, Error> {
    let open = || {
        let socket = Socket::open(family)?;
        settings.apply(&socket)?;
        Ok(socket)
    };
    open().map_err(|error| {
        let error = Error::system("cannot open a socket", error);
        match error.kind() {
            ErrorKind::TooManyFiles => error.with_advice(
                "close some sockets, or allow the process more descriptors (`ulimit -n`)",
            ),
            _ => error,
        }
    })
}

/// The family of a socket bound to `address`; the unspecified IPv6 address stands for both.
fn family_of(address: SocketAddr) -> Family {
    match address.ip().to_canonical() {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(ip) if ip.is_unspecified() => Family::Dual,
        IpAddr::V6(_) => Family::Ipv6,
    }
}

fn tie_to_adapter(socket: &Socket, adapter: Option<&Adapter>) -> Result<(), Error> {
    let Some(adapter) = adapter else {
        return Ok(());
    };
    udpair_io::bind_to_adapter(socket, adapter)
        .map_err(|error| Error::system(format!("cannot bind to adapter {}", adapter.name), error))
}

fn loopback_adapter() -> Result<Adapter, Error> {
    let action = "cannot bind to localhost";
    let adapters = udpair_io::adapters().map_err(|error| Error::system(action, error))?;
    adapters
        .into_iter()
        .find(|adapter| adapter.is_loopback)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::AddressNotAvailable,
                format!("{action}: this machine has no loopback adapter"),
            )
        })
}

fn bind_to(socket: &Socket, address: SocketAddr) -> Result<(), Error> {
    socket.bind(address).map_err(|error| {
        let error = Error::system(format!("cannot bind to {address}"), error);
        match error.kind() {
            ErrorKind::AddressInUse => error.with_advice(
                "leave the port to the system, or stop the program that has it (`ss -ulpn` names it)",
            ),
            ErrorKind::AddressNotAvailable => error.with_advice(
                "bind to an address of this machine (`ip address` lists them), or to any",
            ),
            ErrorKind::PermissionDenied => error.with_advice(
                "take a port above 1023, or grant CAP_NET_BIND_SERVICE or \
                 `sysctl net.ipv4.ip_unprivileged_port_start`",
            ),
            _ => error,
        }
    })
}

/// Runs a step of opening where there is a runtime.
async fn in_runtime<T>(step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    driver::in_runtime(step)
        .await
        .map_err(|error| Error::system("cannot start a background runtime", error))?
}
