//! What a refusal of the system means, and what helps: one table for all calls.
//!
//! Systems reuse error numbers. `EINVAL` of a connect stands for a route that is a black hole, or
//! for a local address that does not reach the destination; without a free port, binding fails with
//! one number and connecting with another. So an error is explained from what was asked, and has
//! one meaning, whichever call it comes from. Where that is not enough, the system is asked: errors
//! are rare.

use std::io;
use std::net::{IpAddr, SocketAddr};

use udpair_io::{AddressState, Cause, address_state, is_local_address, tools};

use crate::error::{Error, ErrorKind, WSAENOBUFS};

/// The call that the system refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// Opening a descriptor.
    Open,
    /// Binding to this address.
    Bind(SocketAddr),
    /// Connecting.
    Connect(Route),
    /// Sending a datagram of `length` bytes, of at most `length_max`.
    Send {
        route: Route,
        length: usize,
        length_max: usize,
    },
    /// Joining a group, for every sender or for one.
    Join { group: IpAddr, has_source: bool },
}

/// Where datagrams were to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// The local address, chosen for the datagram or by binding; `None` if the system chooses.
    pub(crate) from: Option<IpAddr>,
    pub(crate) to: SocketAddr,
}

/// What an error means besides its cause.
#[derive(Debug, Default)]
struct Meaning {
    /// `None` if it is that of the cause.
    kind: Option<ErrorKind>,
    /// `None` if it is that of the kind.
    hresult: Option<i32>,
    advice: Option<String>,
}

/// Returns the error for a refused call. `message` names the action and its object.
pub(crate) fn refused(message: impl Into<String>, call: Call, error: io::Error) -> Error {
    let meaning = match call {
        Call::Open => of_open(&error),
        Call::Bind(local) => of_bind(local, &error),
        Call::Connect(route) => of_route(route, &error),
        Call::Send {
            route,
            length,
            length_max,
        } => of_send(length, length_max, &error).unwrap_or_else(|| of_route(route, &error)),
        Call::Join { group, has_source } => of_join(group, has_source, &error),
    };
    let mut refused = match meaning.kind {
        Some(kind) => Error::new(kind, message).with_source(error),
        None => Error::system(message, error),
    };
    if let Some(hresult) = meaning.hresult {
        refused = refused.with_hresult(hresult);
    }
    match meaning.advice {
        Some(advice) => refused.with_advice(advice),
        None => refused,
    }
}

fn of_open(error: &io::Error) -> Meaning {
    match Cause::of(error) {
        Cause::TooManyFiles => {
            advice("close some sockets, or allow the process more descriptors (`ulimit -n`)")
        }
        Cause::NotSupported => advice("leave out the option, which this system does not have"),
        _ => Meaning::default(),
    }
}

fn of_bind(local: SocketAddr, error: &io::Error) -> Meaning {
    match Cause::of(error) {
        Cause::AddressInUse if local.port() == 0 => no_port(),
        Cause::AddressInUse => advice(format!(
            "leave the port to the system, or stop the program that uses it (`{}` shows it)",
            tools().udp_ports
        )),
        Cause::AddressNotAvailable => advice(match address_state(local.ip()) {
            Ok(Some(AddressState::Tentative)) => {
                "the address is tentative: the system still checks that no other machine has it; \
                 try again in a few seconds"
                    .to_owned()
            }
            Ok(Some(AddressState::Duplicate)) => {
                "another machine on the link has this address: give this machine another one"
                    .to_owned()
            }
            _ => format!(
                "bind to an address of this machine (`{}` lists them), or to all of them",
                tools().addresses
            ),
        }),
        Cause::PermissionDenied => advice(
            "use a port above 1023, grant CAP_NET_BIND_SERVICE, or lower \
             `sysctl net.ipv4.ip_unprivileged_port_start`",
        ),
        Cause::InvalidInput if is_link_local(local) => Meaning {
            kind: Some(ErrorKind::AddressNotAvailable),
            ..advice("append the adapter to the address: fe80::1%eth0")
        },
        _ => Meaning::default(),
    }
}

/// Returns the meaning of an error that is about the datagram itself.
fn of_send(length: usize, length_max: usize, error: &io::Error) -> Option<Meaning> {
    match Cause::of(error) {
        Cause::ExceedsSendBuffer => Some(advice(
            "send less in one datagram, or give the socket a larger send buffer",
        )),
        Cause::MessageTooLong if length > length_max => Some(advice(format!(
            "send it in several datagrams of at most {length_max} bytes each"
        ))),
        Cause::MessageTooLong => Some(advice("send less in one datagram, or allow fragmentation")),
        _ => None,
    }
}

/// Returns the meaning of an error that is about the way to the destination.
fn of_route(Route { from, to }: Route, error: &io::Error) -> Meaning {
    let cause = Cause::of(error);
    let to = to.ip().to_canonical();
    // No route leads from the local address: the system says that the route, or the address, is
    // not valid.
    if let Some(from) = from
        && matches!(
            cause,
            Cause::InvalidInput | Cause::NetworkUnreachable | Cause::AddressNotAvailable
        )
    {
        if from.is_loopback() && !to.is_loopback() {
            return Meaning {
                kind: Some(ErrorKind::NetworkUnreachable),
                ..advice(format!(
                    "{from} reaches only this machine: leave the local host empty"
                ))
            };
        }
        if matches!(is_local_address(from), Ok(false)) {
            return Meaning {
                kind: Some(ErrorKind::AddressNotAvailable),
                ..advice(format!(
                    "{from} is not an address of this machine, or no longer (`{}` lists them): use \
                     another local address, or leave it to the system",
                    tools().addresses
                ))
            };
        }
    }
    let route = format!("`{} {to}` shows the route", tools().route);
    match cause {
        // No other call fails with this for want of a port.
        _ if error.kind() == io::ErrorKind::WouldBlock => no_port(),
        Cause::InvalidInput => Meaning {
            kind: Some(ErrorKind::NetworkUnreachable),
            ..advice(format!("{route}, which may be a black hole"))
        },
        Cause::NetworkUnreachable | Cause::HostUnreachable | Cause::NetworkDown => advice(route),
        Cause::PermissionDenied => advice(format!(
            "check the firewall of this machine, which refuses the datagram, and its routes: \
             {route}, which may prohibit it"
        )),
        Cause::AddressNotAvailable => advice(format!(
            "this machine has no address from which it could reach {to} (`{}` lists them)",
            tools().addresses
        )),
        _ => Meaning::default(),
    }
}

fn of_join(group: IpAddr, has_source: bool, error: &io::Error) -> Meaning {
    let limit = match (Cause::of(error), group) {
        (Cause::NoBuffers, IpAddr::V4(_)) if has_source => {
            "net.ipv4.igmp_max_msf` or `sysctl net.ipv4.igmp_max_memberships"
        }
        (Cause::NoBuffers, IpAddr::V4(_)) => "net.ipv4.igmp_max_memberships",
        (Cause::NoBuffers, IpAddr::V6(_)) => "net.ipv6.mld_max_msf",
        (Cause::OutOfMemory, _) => "net.core.optmem_max",
        (Cause::NotSupported, _) => return advice("bind to a port only, or to the adapter"),
        _ => return Meaning::default(),
    };
    Meaning {
        kind: Some(ErrorKind::Io),
        hresult: Some(WSAENOBUFS),
        ..advice(format!(
            "leave some groups, use another socket, or raise the limit: `sysctl {limit}`"
        ))
    }
}

/// Returns the meaning of an error for want of a free port.
fn no_port() -> Meaning {
    Meaning {
        kind: Some(ErrorKind::AddressInUse),
        ..advice(
            "no port is free: close some sockets, or let the system choose from more ports \
             (`sysctl net.ipv4.ip_local_port_range`)",
        )
    }
}

fn advice(text: impl Into<String>) -> Meaning {
    Meaning {
        advice: Some(text.into()),
        ..Meaning::default()
    }
}

fn is_link_local(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local())
}
