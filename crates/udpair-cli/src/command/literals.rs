//! What is wrong with addresses and ports that are given as such, found before anything is opened,
//! resolved or sent.

use std::net::IpAddr;

use udpair::{Endpoint, HostName};

use super::context::Failure;
use crate::args::{Arguments, Command, Global};

/// Checks the addresses and ports of a command line.
///
/// # Errors
///
/// [`InvalidArgument`](udpair::ErrorKind::InvalidArgument): no machine and no network could do what
/// is asked for.
pub(super) fn check(arguments: &Arguments) -> Result<(), Failure> {
    let global = &arguments.global;
    match &arguments.command {
        Command::Connect(connect) => peer(&connect.remote.endpoint(), global)?,
        Command::Ask(ask) if ask.all => remote(&ask.remote.endpoint(), global)?,
        Command::Ask(ask) => peer(&ask.remote.endpoint(), global)?,
        Command::Send(send) => remote(&send.remote.endpoint(), global)?,
        Command::Resolve(resolve) => {
            family(&resolve.host, global)?;
            if let Some(service) = &resolve.service {
                port(&Endpoint::new(Some(resolve.host.clone()), service.clone()))?;
            }
        }
        Command::Listen(listen) => {
            for host in listen.at.host().into_iter().chain(&listen.join) {
                family(host, global)?;
            }
        }
        Command::Services(_)
        | Command::Adapters(_)
        | Command::Demo(_)
        | Command::Completions(_)
        | Command::Man(_) => {}
    }
    match global.local.as_ref().and_then(Endpoint::host) {
        Some(host) => family(host, global),
        None => Ok(()),
    }
}

/// Checks an endpoint that replies: one host.
fn peer(endpoint: &Endpoint, global: &Global) -> Result<(), Failure> {
    remote(endpoint, global)?;
    match endpoint.host().and_then(HostName::ip) {
        Some(ip) if ip.to_canonical().is_multicast() => Err(Failure::usage(format!(
            "cannot connect to {endpoint}: {ip} is a multicast group, and a peer is one host"
        ))
        .advising("`udpair ask --all` asks a group, `udpair send` sends to it, and `udpair listen --join` \
         receives from it")),
        _ => Ok(()),
    }
}

/// Checks an endpoint that is sent to.
fn remote(endpoint: &Endpoint, global: &Global) -> Result<(), Failure> {
    port(endpoint)?;
    endpoint.host().map_or(Ok(()), |host| family(host, global))
}

fn port(endpoint: &Endpoint) -> Result<(), Failure> {
    match endpoint.service().port() {
        Some(0) => Err(Failure::usage(format!(
            "cannot send to {endpoint}: port 0 is no destination, only a local choice of the system"
        ))),
        _ => Ok(()),
    }
}

fn family(host: &HostName, global: &Global) -> Result<(), Failure> {
    let (flag, family) = match host.ip() {
        Some(IpAddr::V4(_)) if global.ipv6 => ("-6", "IPv4"),
        Some(IpAddr::V6(ip)) if global.ipv4 && ip.to_ipv4_mapped().is_none() => ("-4", "IPv6"),
        _ => return Ok(()),
    };
    Err(Failure::usage(format!(
        "{flag} excludes {host}, which is an {family} address"
    )))
}
