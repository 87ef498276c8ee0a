//! Multicast: which groups a socket hears, and by which adapter it speaks to groups.

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::socket::Socket;
use crate::system;

/// A group that a socket hears on one adapter.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Membership {
    /// The group's address.
    pub group: IpAddr,
    /// The one sender that is heard there (RFC 4607); `None` hears everybody.
    pub source: Option<IpAddr>,
    /// The index of the adapter.
    pub adapter: u32,
}

/// Joins a group on one adapter (RFC 3678, section 5). A membership that is there already stays as it is.
///
/// # Errors
///
/// The system's own: no such adapter, too many memberships, a family that the socket does not reach;
/// [`Unsupported`](io::ErrorKind::Unsupported) where a socket that is bound to one address would hear
/// nothing (Linux).
pub fn join(socket: &Socket, membership: &Membership) -> io::Result<()> {
    // A system may take the wish all the same, and deliver nothing.
    if !socket.supports(SocketAddr::new(membership.group, 0)) {
        return Err(system::family_not_supported());
    }
    system::join(socket, membership)
}

/// Leaves a group on one adapter.
///
/// # Errors
///
/// The system's own: the socket is no member.
pub fn leave(socket: &Socket, membership: &Membership) -> io::Result<()> {
    system::leave(socket, membership)
}

/// Sends to groups by this adapter (`IP_MULTICAST_IF` in ip(7), `IPV6_MULTICAST_IF` in ipv6(7)). Default:
/// the routing table's choice.
///
/// # Errors
///
/// The system's own: no such adapter.
pub fn set_multicast_adapter(socket: &Socket, adapter: u32) -> io::Result<()> {
    system::set_multicast_adapter(socket, adapter)
}

/// Sets the hop limit (IPv4: TTL) of datagrams to groups. Default: 1, the adapter's own link.
///
/// # Errors
///
/// The system's own.
pub fn set_multicast_hops(socket: &Socket, hops: u8) -> io::Result<()> {
    let options = socket.options();
    if socket.supports_ipv4() {
        options.set_multicast_ttl_v4(u32::from(hops))?;
    }
    if socket.supports_ipv6() {
        options.set_multicast_hops_v6(u32::from(hops))?;
    }
    Ok(())
}

/// Says whether datagrams to a group come back to members on this machine. Default: `true`.
///
/// # Errors
///
/// The system's own.
pub fn set_multicast_loopback(socket: &Socket, loopback: bool) -> io::Result<()> {
    let options = socket.options();
    if socket.supports_ipv4() {
        options.set_multicast_loop_v4(loopback)?;
    }
    if socket.supports_ipv6() {
        options.set_multicast_loop_v6(loopback)?;
    }
    Ok(())
}

/// Lets other sockets that say the same bind to this socket's port, so that each of them hears what is
/// sent to the groups there (`SO_REUSEADDR`, socket(7)); set before it is bound.
///
/// # Errors
///
/// The system's own.
pub fn share_multicast_port(socket: &Socket) -> io::Result<()> {
    system::share_multicast_port(socket)
}
