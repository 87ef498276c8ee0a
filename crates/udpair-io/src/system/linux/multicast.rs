//! Multicast by adapter index, in the same way for both families (RFC 3678, section 5; ip(7)).

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::InterfaceIndexOrAddress;

use super::address::RawAddress;
use super::option;
use crate::cause::refused;
use crate::membership::Membership;
use crate::socket::Socket;

/// Joins a group; see [`join`](crate::join).
pub(crate) fn join(socket: &Socket, membership: &Membership) -> io::Result<()> {
    // The kernel would accept the request and deliver nothing, because it compares the local
    // address with that of the group (__udp_is_mcast_sock in net/ipv4/udp.c, __udp_v6_is_mcast_sock
    // in net/ipv6/udp.c).
    if !socket.local_addr()?.ip().is_unspecified() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a socket that is bound to one address cannot receive from groups on Linux",
        ));
    }
    let (joined, error_if_member) = match membership.source {
        None => {
            let request = GroupRequest::of(membership);
            let joined = match change(socket, MCAST_JOIN_GROUP, &request) {
                Err(error) if is_refused(&error) => join_as_family(socket, membership),
                joined => joined,
            };
            (joined, libc::EADDRINUSE)
        }
        Some(source) => {
            let request = SourceRequest::of(membership, source);
            let joined = change(socket, MCAST_JOIN_SOURCE_GROUP, &request);
            // A missing adapter gives a different error (ip_mc_source in net/ipv4/igmp.c).
            (joined, libc::EADDRNOTAVAIL)
        }
    };
    match joined {
        Err(error) if error.raw_os_error() == Some(error_if_member) => Ok(()),
        Err(error) if is_refused(&error) => Err(refused("MCAST_JOIN_SOURCE_GROUP")(error)),
        result => result,
    }
}

/// Joins a group with the option of its family, which emulators know better.
fn join_as_family(socket: &Socket, membership: &Membership) -> io::Result<()> {
    let options = socket.options();
    let adapter = membership.adapter;
    let joined = match membership.group {
        IpAddr::V4(group) => {
            let adapter = InterfaceIndexOrAddress::Index(adapter);
            options.join_multicast_v4_n(&group, &adapter)
        }
        IpAddr::V6(group) => options.join_multicast_v6(&group, adapter),
    };
    joined.map_err(|error| match is_refused(&error) {
        true => refused("MCAST_JOIN_GROUP")(error),
        false => error,
    })
}

/// Leaves a group with the option of its family.
fn leave_as_family(socket: &Socket, membership: &Membership) -> io::Result<()> {
    let options = socket.options();
    let adapter = membership.adapter;
    match membership.group {
        IpAddr::V4(group) => {
            let adapter = InterfaceIndexOrAddress::Index(adapter);
            options.leave_multicast_v4_n(&group, &adapter)
        }
        IpAddr::V6(group) => options.leave_multicast_v6(&group, adapter),
    }
}

/// Returns whether an error means that the system does not know an option.
fn is_refused(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOPROTOOPT | libc::EOPNOTSUPP)
    )
}

/// Leaves a group; see [`leave`](crate::leave).
pub(crate) fn leave(socket: &Socket, membership: &Membership) -> io::Result<()> {
    match membership.source {
        None => match change(socket, MCAST_LEAVE_GROUP, &GroupRequest::of(membership)) {
            Err(error) if is_refused(&error) => leave_as_family(socket, membership),
            left => left,
        },
        Some(source) => change(
            socket,
            MCAST_LEAVE_SOURCE_GROUP,
            &SourceRequest::of(membership, source),
        ),
    }
}

/// Sets the adapter for sending to groups; see
/// [`set_multicast_adapter`](crate::set_multicast_adapter).
pub(crate) fn set_multicast_adapter(socket: &Socket, adapter: u32) -> io::Result<()> {
    let index = i32::try_from(adapter).map_err(io::Error::other)?;
    if socket.supports_ipv4() {
        let request = libc::ip_mreqn {
            imr_multiaddr: any_ipv4(),
            imr_address: any_ipv4(),
            imr_ifindex: index,
        };
        let (level, name) = (libc::IPPROTO_IP, libc::IP_MULTICAST_IF);
        option::set_value(socket, level, name, &request).map_err(refused("IP_MULTICAST_IF"))?;
    }
    if socket.supports_ipv6() {
        let (level, name) = (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF);
        option::set_value(socket, level, name, &index).map_err(refused("IPV6_MULTICAST_IF"))?;
    }
    Ok(())
}

/// Sets `SO_REUSEADDR`; see [`share_multicast_port`](crate::share_multicast_port).
///
/// With `SO_REUSEPORT`, the kernel would deliver each datagram to only one of the sockets.
pub(crate) fn share_multicast_port(socket: &Socket) -> io::Result<()> {
    let set = socket.options().set_reuse_address(true);
    set.map_err(refused("SO_REUSEADDR"))
}

/// A request to join or leave a group, with or without a source.
trait Request: Copy {
    fn is_ipv4(&self) -> bool;
}

/// `struct group_req`, include/uapi/linux/in.h.
#[derive(Clone, Copy)]
#[repr(C)]
struct GroupRequest {
    adapter: u32,
    group: AddressStorage,
}

/// `struct group_source_req`, include/uapi/linux/in.h.
#[derive(Clone, Copy)]
#[repr(C)]
struct SourceRequest {
    adapter: u32,
    group: AddressStorage,
    source: AddressStorage,
}

/// `struct sockaddr_storage`: 128 bytes, aligned like a pointer.
#[derive(Clone, Copy)]
#[repr(C)]
union AddressStorage {
    address: RawAddress,
    storage: libc::sockaddr_storage,
}

impl AddressStorage {
    fn of(ip: IpAddr) -> Self {
        // SAFETY: every field is an integer or an array of integers, for which zero is a valid
        // value.
        let mut storage: Self = unsafe { mem::zeroed() };
        storage.address = RawAddress::encode(SocketAddr::new(ip, 0)).0;
        storage
    }

    fn is_ipv4(&self) -> bool {
        // SAFETY: `of` wrote an address of one of the two families, and every variant begins with
        // the family.
        i32::from(unsafe { self.storage.ss_family }) == libc::AF_INET
    }
}

impl GroupRequest {
    fn of(membership: &Membership) -> Self {
        Self {
            adapter: membership.adapter,
            group: AddressStorage::of(membership.group),
        }
    }
}

impl SourceRequest {
    fn of(membership: &Membership, source: IpAddr) -> Self {
        Self {
            adapter: membership.adapter,
            group: AddressStorage::of(membership.group),
            source: AddressStorage::of(source),
        }
    }
}

impl Request for GroupRequest {
    fn is_ipv4(&self) -> bool {
        self.group.is_ipv4()
    }
}

impl Request for SourceRequest {
    fn is_ipv4(&self) -> bool {
        self.group.is_ipv4()
    }
}

/// Changes the memberships of a socket. A dual-stack socket takes IPv4 requests at the IPv4 level.
fn change(socket: &Socket, action: i32, request: &impl Request) -> io::Result<()> {
    let level = if request.is_ipv4() {
        libc::IPPROTO_IP
    } else {
        libc::IPPROTO_IPV6
    };
    option::set_value(socket, level, action, request)
}

fn any_ipv4() -> libc::in_addr {
    libc::in_addr {
        s_addr: u32::from_ne_bytes(Ipv4Addr::UNSPECIFIED.octets()),
    }
}

/// `MCAST_JOIN_GROUP`, include/uapi/linux/in.h.
const MCAST_JOIN_GROUP: i32 = 42;
/// `MCAST_LEAVE_GROUP`, include/uapi/linux/in.h.
const MCAST_LEAVE_GROUP: i32 = 45;
/// `MCAST_JOIN_SOURCE_GROUP`, include/uapi/linux/in.h.
const MCAST_JOIN_SOURCE_GROUP: i32 = 46;
/// `MCAST_LEAVE_SOURCE_GROUP`, include/uapi/linux/in.h.
const MCAST_LEAVE_SOURCE_GROUP: i32 = 47;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::Family;

    #[test]
    fn requests_have_the_size_that_the_kernel_expects() {
        assert_eq!(size_of::<GroupRequest>(), 136);
        assert_eq!(size_of::<SourceRequest>(), 264);
    }

    /// MCG-06, BND-16
    #[test]
    fn groups_of_both_families_are_joined_twice_and_left_once() {
        let loopback = super::super::adapter_index("lo").unwrap();
        for (family, group, source) in [
            (Family::Ipv4, "239.1.2.3", None),
            (Family::Dual, "239.1.2.3", None),
            (Family::Dual, "ff15::77", None),
            (Family::Ipv6, "ff15::77", None),
            (Family::Dual, "232.1.2.3", Some("127.0.0.1")),
            (Family::Dual, "ff35::77", Some("::1")),
        ] {
            let socket = Socket::open(family).unwrap();
            let membership = Membership {
                group: group.parse().unwrap(),
                source: source.map(|source: &str| source.parse().unwrap()),
                adapter: loopback,
            };
            for _ in 0..2 {
                let joined = crate::join(&socket, &membership);
                joined.unwrap_or_else(|error| panic!("{family:?} {membership:?}: {error}"));
            }
            let left = crate::leave(&socket, &membership);
            left.unwrap_or_else(|error| panic!("{family:?} {membership:?}: {error}"));
            assert!(crate::leave(&socket, &membership).is_err());
            set_multicast_adapter(&socket, loopback).unwrap();
            crate::set_multicast_hops(&socket, 3).unwrap();
            crate::set_multicast_loopback(&socket, false).unwrap();
        }
    }
}
