//! Checks that an address can be a destination.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use udpair_io::{Adapter, Destination, tools};

use crate::error::{Error, ErrorKind};
use crate::name::needs_zone;
use crate::resolve::zone_of;

/// The purpose for which an address is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    Connect,
    Send,
}

/// Checks that an address can be a destination, and returns the address to use: loopback for the
/// unspecified address, as Linux does.
///
/// Linux itself would connect to port 0 and to groups, and would choose any adapter for a
/// link-local address without a zone (SVC-05, CON-07, ADR-05, ADR-04).
pub(crate) fn check(
    address: SocketAddr,
    purpose: Purpose,
    list_adapters: impl Fn() -> io::Result<Vec<Adapter>>,
) -> Result<SocketAddr, Error> {
    let ip = address.ip().to_canonical();
    if address.port() == 0 {
        return Err(unavailable(address, "port 0 cannot be a destination"));
    }
    if ip.is_unspecified() {
        return Ok(loopback(address));
    }
    if purpose == Purpose::Connect && ip.is_multicast() {
        let message = format!("cannot connect to {address}: a multicast group is not a host");
        let error = Error::new(ErrorKind::HostNotFound, message);
        return Err(error.with_advice("send to a group without connecting"));
    }
    check_zone(address, |index| {
        let adapters = list_adapters().unwrap_or_default();
        adapters.iter().any(|adapter| adapter.index == index)
    })?;
    Ok(address)
}

/// Refuses the unspecified address, which is the address of no host (ADR-05).
pub(crate) fn check_specified(address: SocketAddr) -> Result<(), Error> {
    if address.ip().to_canonical().is_unspecified() {
        return Err(unavailable(address, "it is the address of no host"));
    }
    Ok(())
}

/// Returns the loopback address of the family of `address`, with its port.
fn loopback(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip().to_canonical() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

fn check_zone(address: SocketAddr, is_adapter: impl Fn(u32) -> bool) -> Result<(), Error> {
    let SocketAddr::V6(v6) = address else {
        return Ok(());
    };
    // A group may be left to the system's default adapter.
    if !needs_zone(*v6.ip()) || IpAddr::V6(*v6.ip()).is_multicast() {
        return Ok(());
    }
    let reason = match v6.scope_id() {
        0 => "it stands for a different host on each adapter",
        index if !is_adapter(index) => "there is no such adapter",
        _ => return Ok(()),
    };
    let error = unavailable(address, reason);
    Err(
        match zone_after_url_escape(v6.scope_id()).filter(|zone| is_adapter(*zone)) {
            Some(zone) => error.with_advice(format!("`%25` is for URLs: write {}%{zone}", v6.ip())),
            None => error.with_advice(format!(
                "append the adapter to the address: fe80::1%eth0 (`{}` lists them)",
                tools().adapters
            )),
        },
    )
}

/// Returns the zone that was written as in a URL, where `%25` is the percent sign (RFC 6874): 2 for
/// the zone 252.
fn zone_after_url_escape(zone: u32) -> Option<u32> {
    zone.to_string().strip_prefix("25")?.parse().ok()
}

/// Checks that `bound`, the index of the adapter to which the socket is bound, is the adapter that
/// the destination names (BND-06). Linux would send the datagram through the other one, and calls
/// the destination of a connect invalid.
pub(crate) fn check_adapters(bound: u32, to: Destination, purpose: Purpose) -> Result<(), Error> {
    let zone = match to.address.ip() {
        IpAddr::V6(ip) if needs_zone(ip) => zone_of(to.address),
        _ => None,
    };
    let named = [zone, to.source.adapter].into_iter().flatten();
    let Some(other) = named.into_iter().find(|index| *index != bound) else {
        return Ok(());
    };
    let action = match purpose {
        Purpose::Connect => "connect",
        Purpose::Send => "send",
    };
    let message = format!(
        "cannot {action} to {} through adapter {other}: the socket is bound to adapter {bound}",
        to.address
    );
    Err(Error::new(ErrorKind::AddressNotAvailable, message)
        .with_advice("use another socket, or one that is bound to no adapter"))
}

fn unavailable(address: impl fmt::Display, reason: &str) -> Error {
    Error::new(
        ErrorKind::AddressNotAvailable,
        format!("cannot send to {address}: {reason}"),
    )
}
