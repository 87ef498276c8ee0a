//! Multicast: the groups that a socket receives from, and the adapter through which it sends to
//! groups.

use std::io;
use std::net::SocketAddr;

use crate::cause::refused;
use crate::membership::Membership;
use crate::socket::Socket;
use crate::system;

/// Joins a group on one adapter (RFC 3678, section 5). An existing membership is not changed.
///
/// # Errors
///
/// The system's own: no such adapter, too many memberships, or a family that the socket does not
/// support. [`Unsupported`](io::ErrorKind::Unsupported) where a socket that is bound to one address
/// would receive nothing from the group (Linux).
pub fn join(socket: &Socket, membership: &Membership) -> io::Result<()> {
    // Otherwise a system may accept the request and deliver nothing.
    if !socket.supports(SocketAddr::new(membership.group, 0)) {
        return Err(system::family_not_supported());
    }
    system::join(socket, membership)?;
    if let Some(rare) = socket.rare_if_any() {
        rare.arrival_filter.join(membership);
    }
    Ok(())
}

/// Leaves a group on one adapter.
///
/// # Errors
///
/// The system's own: the socket is not a member.
pub fn leave(socket: &Socket, membership: &Membership) -> io::Result<()> {
    if let Some(rare) = socket.rare_if_any() {
        rare.arrival_filter.leave(membership);
    }
    system::leave(socket, membership)
}

/// Sets the adapter through which datagrams to groups are sent (`IP_MULTICAST_IF` in ip(7),
/// `IPV6_MULTICAST_IF` in ipv6(7)). Default: 0, the routing table chooses.
///
/// # Errors
///
/// The system's own: no such adapter.
pub fn set_multicast_adapter(socket: &Socket, adapter: u32) -> io::Result<()> {
    system::set_multicast_adapter(socket, adapter)
}

/// Returns the index of the adapter through which datagrams to groups are sent; 0 if the routing
/// table chooses.
///
/// # Errors
///
/// [`Unsupported`](io::ErrorKind::Unsupported) for a socket of IPv4 only, and where it cannot be
/// read: Linux does not return the index that was set for IPv4. Otherwise the system's own.
pub fn multicast_adapter(socket: &Socket) -> io::Result<u32> {
    if !socket.supports_ipv6() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the adapter of IPv4 groups cannot be read",
        ));
    }
    socket.options().multicast_if_v6()
}

/// Sets the hop limit (IPv4: TTL) of datagrams to groups. Default: 1, which reaches only the
/// adapter's own link.
///
/// # Errors
///
/// The system's own.
pub fn set_multicast_hops(socket: &Socket, hops: u8) -> io::Result<()> {
    let options = socket.options();
    if socket.supports_ipv4() {
        options
            .set_multicast_ttl_v4(u32::from(hops))
            .map_err(refused("IP_MULTICAST_TTL"))?;
    }
    if socket.supports_ipv6() {
        options
            .set_multicast_hops_v6(u32::from(hops))
            .map_err(refused("IPV6_MULTICAST_HOPS"))?;
    }
    Ok(())
}

/// Returns the hop limit of datagrams to groups; the lower one where those of IPv4 and IPv6 differ.
///
/// # Errors
///
/// The system's own.
pub fn multicast_hops(socket: &Socket) -> io::Result<u8> {
    let options = socket.options();
    let mut hops = u32::from(u8::MAX);
    if socket.supports_ipv4() {
        hops = hops.min(options.multicast_ttl_v4()?);
    }
    if socket.supports_ipv6() {
        hops = hops.min(options.multicast_hops_v6()?);
    }
    // The minimum fits, because it started at `u8::MAX`.
    Ok(u8::try_from(hops).unwrap_or(u8::MAX))
}

/// Returns whether datagrams to a group are also delivered to members on this machine, of both
/// families.
///
/// # Errors
///
/// The system's own.
pub fn multicast_loopback(socket: &Socket) -> io::Result<bool> {
    let options = socket.options();
    let ipv4 = !socket.supports_ipv4() || options.multicast_loop_v4()?;
    let ipv6 = !socket.supports_ipv6() || options.multicast_loop_v6()?;
    Ok(ipv4 && ipv6)
}

/// Sets whether datagrams to a group are also delivered to members on this machine. Default:
/// `true`.
///
/// # Errors
///
/// The system's own.
pub fn set_multicast_loopback(socket: &Socket, loopback: bool) -> io::Result<()> {
    let options = socket.options();
    if socket.supports_ipv4() {
        options
            .set_multicast_loop_v4(loopback)
            .map_err(refused("IP_MULTICAST_LOOP"))?;
    }
    if socket.supports_ipv6() {
        options
            .set_multicast_loop_v6(loopback)
            .map_err(refused("IPV6_MULTICAST_LOOP"))?;
    }
    Ok(())
}

/// Lets other sockets with this option bind to this socket's port, so that each of them receives
/// the datagrams sent to groups on that port (`SO_REUSEADDR`, socket(7)). A datagram to one host
/// reaches only one of the sockets.
///
/// The system compares the options of two sockets when the second one is bound. So call this before
/// a socket is bound to a port that others share, and after it was bound to a port of the system's
/// choice.
///
/// # Errors
///
/// The system's own.
pub fn share_multicast_port(socket: &Socket) -> io::Result<()> {
    system::share_multicast_port(socket)
}
