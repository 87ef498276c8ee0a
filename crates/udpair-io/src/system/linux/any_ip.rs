//! IPv6 addresses of this machine that are on no adapter: those of a network that a route of type
//! `local` gives to the machine (ip-route(8)).
//!
//! Datagrams to such an address arrive. For IPv4 they can also be sent from it. For IPv6 the kernel
//! wants an adapter that has the address (ip6_datagram_send_ctl in net/ipv6/datagram.c, inet6_bind
//! in net/ipv6/af_inet6.c), unless the socket may use any address at all (`IPV6_FREEBIND`,
//! ipv6(7)). So that is switched on for a socket that needs it, and from then on this module checks
//! in the kernel's place whether an address is local.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::netlink::Netlink;
use super::option;
use crate::batch::Destination;
use crate::socket::{Family, Socket};

/// Lets `socket` send from the source address of `to`, which the kernel has refused, if it is an
/// address of this machine. Returns whether the call may succeed now.
#[cold]
pub(super) fn allow_source(socket: &Socket, to: Option<Destination>) -> bool {
    let source = to.and_then(|to| to.source.address);
    // For an address of an adapter, the kernel has another reason.
    source.is_some_and(|source| !is_on_adapter(source) && allow(socket, source))
}

/// Lets `socket` bind to `address`, which the kernel has refused, if it is an address of this
/// machine. Returns whether the call may succeed now.
#[cold]
pub(crate) fn allow_bind(socket: &Socket, address: SocketAddr) -> bool {
    allow(socket, address.ip())
}

fn allow(socket: &Socket, ip: IpAddr) -> bool {
    let IpAddr::V6(ip) = ip else { return false };
    // If it was allowed before, the kernel has another reason.
    if is_known(socket, ip) || !is_local(ip) || option::set_free_bind(socket).is_err() {
        return false;
    }
    socket.rare().any_ip.add(ip);
    true
}

/// Checks the source address of `to` if the kernel no longer does.
#[inline]
pub(super) fn check_source(socket: &Socket, to: Destination) -> io::Result<()> {
    match to.source.address {
        Some(IpAddr::V6(ip)) if may_be_unchecked(socket) => check(socket, ip),
        _ => Ok(()),
    }
}

/// Returns whether the kernel no longer checks the source addresses of the socket.
#[inline]
fn may_be_unchecked(socket: &Socket) -> bool {
    let rare = socket.rare_if_any();
    rare.is_some_and(|rare| rare.any_ip.is_in_use())
}

/// Returns whether an address was found to be this machine's own a moment ago.
fn is_known(socket: &Socket, ip: Ipv6Addr) -> bool {
    let rare = socket.rare_if_any();
    rare.is_some_and(|rare| rare.any_ip.is_known(ip))
}

#[cold]
fn check(socket: &Socket, ip: Ipv6Addr) -> io::Result<()> {
    if ip.is_unspecified() || ip.to_ipv4_mapped().is_some() || is_known(socket, ip) {
        return Ok(());
    }
    if !is_local(ip) {
        // As the kernel would say.
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    socket.rare().any_ip.add(ip);
    Ok(())
}

/// Returns whether an adapter has an address: only then can a socket be bound to it.
fn is_on_adapter(ip: IpAddr) -> bool {
    let address = SocketAddr::new(ip, 0);
    let scratch = Socket::bare(Family::of(address));
    scratch.is_ok_and(|scratch| scratch.options().bind(&address.into()).is_ok())
}

/// Returns whether the routing table says that an address is this machine's own.
fn is_local(ip: Ipv6Addr) -> bool {
    let route = Netlink::open(0).and_then(|mut netlink| netlink.is_route_local(ip.into()));
    route.unwrap_or(false)
}
