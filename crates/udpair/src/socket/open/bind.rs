//! Opens a socket and binds it to a resolved local end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use udpair_io::{Adapter, Cause, Family, Socket};

use crate::error::{Error, ErrorKind};
use crate::resolve::{AddressFamily, Local, LocalHost, zone_of};
use crate::socket::refusal::{Call, refused};
use crate::socket::settings::{Settings, on_present};
use crate::socket::shared::DeviceBinding;

/// Opens a socket that is bound to `local`, for a peer at `destination` if that is already known.
///
/// Also returns the adapter that the socket is bound to: `adapter`, or the one that `local`
/// implies.
pub(crate) fn bound_socket(
    settings: &Settings,
    local: &Local,
    adapter: Option<&Adapter>,
    destination: Option<SocketAddr>,
) -> Result<(Socket, Option<DeviceBinding>), Error> {
    match &local.host {
        LocalHost::Any => {
            let socket = open_any(settings, destination)?;
            if let Some(adapter) = adapter {
                bind_to_device(&socket, adapter, settings)?;
            }
            // Connecting binds the socket too, to a port that the system chooses.
            if !is_left_to_system(local) || destination.is_none() {
                bind_to(
                    &socket,
                    settings,
                    SocketAddr::new(socket.family().wildcard(), local.port),
                )?;
            }
            let device = adapter.cloned().map(|adapter| device(adapter, None));
            Ok((socket, device))
        }
        LocalHost::Loopback => {
            if let Some(destination) = destination {
                check_reached_by_loopback(settings, destination)?;
            }
            let loopback = match loopback_adapter(settings) {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    return bound_to_loopback_address(settings, local.port, destination);
                }
                loopback => loopback?,
            };
            let socket = open_any(settings, destination)?;
            match bind_to_device(&socket, &loopback, settings) {
                // Linux before 5.7 requires CAP_NET_RAW.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Unsupported | ErrorKind::PermissionDenied
                    ) =>
                {
                    return bound_to_loopback_address(settings, local.port, destination);
                }
                bound => bound?,
            }
            bind_to(
                &socket,
                settings,
                SocketAddr::new(socket.family().wildcard(), local.port),
            )?;
            Ok((socket, Some(device(loopback, None))))
        }
        LocalHost::Addresses(addresses) => {
            let mut last = None;
            for address in addresses {
                if destination.is_some_and(|destination| is_ipv4(destination) != is_ipv4(*address))
                {
                    continue;
                }
                let socket = open_family(settings, family_of(settings, *address))?;
                match bind_to(&socket, settings, *address) {
                    Ok(()) => {
                        choose_multicast_adapter(&socket, settings, *address);
                        let device = zone_binding(settings, *address, Some(*address));
                        return Ok((socket, device));
                    }
                    Err(error) if error.kind() == ErrorKind::AddressNotAvailable => {
                        last = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(last.unwrap_or_else(no_common_family))
        }
    }
}

/// Returns whether the system chooses both address and port. It does so when the socket is
/// connected.
pub(crate) fn is_left_to_system(local: &Local) -> bool {
    matches!(local.host, LocalHost::Any) && local.port == 0
}

/// Returns the adapter to which the zone of `address` binds a socket: of its own address, or of its
/// peer. `local` is the address that the socket is bound to, if it is bound to one.
pub(crate) fn zone_binding(
    settings: &Settings,
    address: SocketAddr,
    local: Option<SocketAddr>,
) -> Option<DeviceBinding> {
    let zone = zone_of(address)?;
    let adapters = settings.resolver.list_adapters().ok()?;
    let adapter = adapters.into_iter().find(|adapter| adapter.index == zone)?;
    Some(device(adapter, local))
}

/// Returns a binding to `adapter` that the caller has not requested.
pub(crate) fn device(adapter: Adapter, address: Option<SocketAddr>) -> DeviceBinding {
    DeviceBinding {
        adapter: Arc::new(adapter),
        is_requested: false,
        address,
    }
}

/// Opens a descriptor for a socket whose adapter was removed and has come back as `device`: with
/// the family, the port and the peer of the former descriptor.
///
/// A new one is needed because the system lets no unprivileged process bind a descriptor to another
/// adapter (`SO_BINDTODEVICE`, socket(7)). Both descriptors can have the same port, because they
/// are bound to different adapters.
pub(crate) fn reopened_socket(
    settings: &Settings,
    device: &DeviceBinding,
    family: Family,
    port: u16,
    peer: Option<SocketAddr>,
) -> Result<Socket, Error> {
    let socket = open_family(settings, family)?;
    bind_to_device(&socket, &device.adapter, settings)?;
    let wildcard = SocketAddr::new(socket.family().wildcard(), port);
    let mut local = device.address.unwrap_or(wildcard);
    local.set_port(port);
    bind_to(&socket, settings, local)?;
    choose_multicast_adapter(&socket, settings, local);
    if let Some(peer) = peer {
        let connected = socket.connect(peer);
        connected.map_err(|error| Error::system(format!("cannot connect to {peer}"), error))?;
    }
    Ok(socket)
}

/// Makes the socket send to groups on the adapter that has the bound address (MCG-11). Linux does
/// this by itself, but only for IPv4.
fn choose_multicast_adapter(socket: &Socket, settings: &Settings, address: SocketAddr) {
    if settings.multicast.adapter.is_some() {
        return;
    }
    if let Some(owner) = multicast_owner(settings, address) {
        // If this fails, the routing table chooses.
        let _ = udpair_io::set_multicast_adapter(socket, owner);
    }
}

/// Returns the index of the adapter that has the address that a socket is bound to, if the system
/// does not choose that adapter for groups by itself.
pub(crate) fn multicast_owner(settings: &Settings, address: SocketAddr) -> Option<u32> {
    let ip = address.ip().to_canonical();
    if ip.is_ipv4() || ip.is_unspecified() {
        return None;
    }
    let adapters = settings.resolver.list_adapters().unwrap_or_default();
    let owner = adapters.iter().find(|adapter| adapter.has_address(ip));
    owner.map(|owner| owner.index)
}

/// Returns the error for a local and a remote end that have no address family in common.
pub(crate) fn no_common_family() -> Error {
    Error::new(
        ErrorKind::FamilyNotSupported,
        "cannot bind: the local address is of another family than the remote address",
    )
    .with_advice("leave the local address empty, or use one of the remote address's family")
}

/// Opens a socket for all local addresses: of the destination's family, of the family that the
/// resolver is limited to, or of both.
fn open_any(settings: &Settings, destination: Option<SocketAddr>) -> Result<Socket, Error> {
    let opened = match (destination, settings.resolver.family()) {
        (Some(destination), _) if is_ipv4(destination) => open_descriptor(settings, Family::Ipv4),
        (Some(_), _) | (None, Some(AddressFamily::Ipv6)) => open_descriptor(settings, Family::Ipv6),
        (None, Some(AddressFamily::Ipv4)) => open_descriptor(settings, Family::Ipv4),
        (None, None) => match open_descriptor(settings, Family::Dual) {
            // A machine without IPv6 (DGS-03).
            Err(error) if error.kind() == ErrorKind::FamilyNotSupported => {
                open_descriptor(settings, Family::Ipv4)
            }
            result => result,
        },
    };
    let socket = opened?;
    settings.prepare_by_application(&socket)?;
    Ok(socket)
}

fn open_family(settings: &Settings, family: Family) -> Result<Socket, Error> {
    let socket = open_descriptor(settings, family)?;
    settings.prepare_by_application(&socket)?;
    Ok(socket)
}

/// Opens a descriptor with the options of the settings.
fn open_descriptor(settings: &Settings, family: Family) -> Result<Socket, Error> {
    let open = || {
        let socket = Socket::open(family)?;
        settings.apply(&socket)?;
        Ok(socket)
    };
    open().map_err(|error| refused("cannot open a socket", Call::Open, error))
}

/// Returns the family of a socket bound to `address`. The unspecified IPv6 address stands for both
/// families, unless the resolver is limited to one.
fn family_of(settings: &Settings, address: SocketAddr) -> Family {
    match address.ip().to_canonical() {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(ip) if ip.is_unspecified() && settings.resolver.family().is_none() => {
            Family::Dual
        }
        IpAddr::V6(_) => Family::Ipv6,
    }
}

fn is_ipv4(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_ipv4()
}

fn bind_to_device(socket: &Socket, adapter: &Adapter, settings: &Settings) -> Result<(), Error> {
    let bound = on_present(adapter, &settings.resolver, |adapter| {
        udpair_io::bind_to_adapter(socket, adapter)
    });
    bound.map_err(|error| Error::system(format!("cannot bind to adapter {}", adapter.name), error))
}

fn loopback_adapter(settings: &Settings) -> Result<Adapter, Error> {
    let action = "cannot bind to localhost";
    let adapters = settings
        .resolver
        .list_adapters()
        .map_err(|error| Error::system(action, error))?;
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

/// Opens a socket that is bound to one loopback address, on a system that cannot bind it to the
/// loopback adapter. No other machine reaches the socket, but it has only one family (BND-12).
fn bound_to_loopback_address(
    settings: &Settings,
    port: u16,
    destination: Option<SocketAddr>,
) -> Result<(Socket, Option<DeviceBinding>), Error> {
    let is_ipv6 = match destination {
        Some(destination) => !is_ipv4(destination),
        None => settings.resolver.family() == Some(AddressFamily::Ipv6),
    };
    let ip: IpAddr = match is_ipv6 {
        true => Ipv6Addr::LOCALHOST.into(),
        false => Ipv4Addr::LOCALHOST.into(),
    };
    let address = SocketAddr::new(ip, port);
    let socket = open_family(settings, family_of(settings, address))?;
    bind_to(&socket, settings, address)?;
    Ok((socket, None))
}

/// Checks that `destination` is this machine, which is all that the loopback adapter reaches. Linux
/// would send any datagram to it.
fn check_reached_by_loopback(settings: &Settings, destination: SocketAddr) -> Result<(), Error> {
    let ip = destination.ip().to_canonical();
    let adapters = settings.resolver.list_adapters().unwrap_or_default();
    if ip.is_loopback() || adapters.iter().any(|adapter| adapter.has_address(ip)) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::NetworkUnreachable,
        format!("cannot reach {destination} from localhost"),
    )
    .with_advice("leave the local host empty"))
}

fn bind_to(socket: &Socket, settings: &Settings, address: SocketAddr) -> Result<(), Error> {
    let bind = || match address.port() {
        // The system chooses a port that no socket is bound to. Only then is it shared.
        0 => socket
            .bind(address)
            .and_then(|()| settings.share_port(socket)),
        _ => settings.share_port(socket).and_then(|()| {
            let bound = socket.bind(address);
            match &bound {
                Err(error)
                    if Cause::of(error) == Cause::AddressInUse
                        && settings.share_port_as_group(socket) =>
                {
                    socket.bind(address)
                }
                _ => bound,
            }
        }),
    };
    bind().map_err(|error| {
        let message = format!("cannot bind to {address}");
        refused(message, Call::Bind(address), error)
    })
}
