//! The module for all systems without one of their own: what the standard library and `socket2`
//! support.

use std::fs::Metadata;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Type};

use crate::adapter::Adapter;
use crate::batch::Outgoing;
use crate::cause::Cause;
use crate::engine::{Engine, Sent};
use crate::fragmentation::Fragmentation;
use crate::local_address::AddressState;
use crate::lookup::LookupError;
use crate::membership::Membership;
use crate::monitor::NetworkEvent;
use crate::network::DefaultRoute;
use crate::portable::Portable;
use crate::socket::{Family, Socket};
use crate::tools::Tools;

/// The engines, fastest first.
pub(crate) const ENGINES: &[&dyn Engine] = &[&Portable];

/// Returns the meaning of an error number, as far as the standard library maps it to a kind.
pub(crate) fn cause(code: i32) -> Cause {
    Cause::of(&io::Error::from(io::Error::from_raw_os_error(code).kind()))
}

/// What the system granted to one socket. This system has no features that it may refuse.
#[derive(Debug, Default)]
pub(crate) struct Granted;

pub(crate) fn family_not_supported() -> io::Error {
    io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        "the socket does not support addresses of that family",
    )
}

/// Resolves a host name; see [`lookup`](crate::lookup()).
///
/// The standard library does not keep the error code, so a name that does not exist and a server
/// that does not answer give the same error.
pub(crate) fn lookup(host: &str, family: Family) -> Result<Vec<SocketAddr>, LookupError> {
    let includes = |address: &SocketAddr| match family {
        Family::Ipv4 => address.is_ipv4(),
        Family::Ipv6 => address.is_ipv6(),
        Family::Dual => true,
    };
    match (host, 0).to_socket_addrs() {
        Ok(addresses) => {
            let found: Vec<_> = addresses.filter(includes).collect();
            match found.is_empty() {
                true => Err(LookupError::NoData),
                false => Ok(found),
            }
        }
        Err(error) if error.raw_os_error().is_some() => Err(LookupError::System(error)),
        Err(_) => Err(LookupError::NotFound),
    }
}

#[cfg(unix)]
pub(crate) fn file_identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

/// Returns the time of a file's creation, which differs from that of the file whose place it takes.
/// The standard library does not tell a file's number on this system.
#[cfg(not(unix))]
pub(crate) fn file_identity(metadata: &Metadata) -> Option<(u64, u64)> {
    let created = metadata.created().ok()?;
    let age = created.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some((age.as_secs(), age.subsec_nanos().into()))
}

#[cfg(unix)]
pub(crate) fn file_changed(metadata: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}

#[cfg(not(unix))]
pub(crate) fn file_changed(_metadata: &Metadata) -> Option<SystemTime> {
    None
}

pub(crate) fn services_path() -> PathBuf {
    network_file("services")
}

pub(crate) fn hosts_path() -> PathBuf {
    network_file("hosts")
}

/// Returns the path of a network file: below the Windows folder on Windows, in `/etc` on other
/// systems.
fn network_file(name: &str) -> PathBuf {
    match std::env::var_os("windir") {
        Some(folder) => PathBuf::from(folder)
            .join(r"System32\drivers\etc")
            .join(name),
        None => PathBuf::from("/etc").join(name),
    }
}

pub(crate) fn name_servers_path() -> Option<PathBuf> {
    Some("/etc/resolv.conf".into())
}

/// A reader of adapters and routes, which does not exist on this system: opening one always fails.
#[derive(Debug)]
pub(crate) enum NetworkReader {}

impl NetworkReader {
    pub(crate) fn open() -> io::Result<Self> {
        Err(unsupported("adapters cannot be listed on this system"))
    }

    pub(crate) fn adapters(&mut self) -> io::Result<Vec<Adapter>> {
        match *self {}
    }

    pub(crate) fn default_routes(&mut self) -> io::Result<Vec<DefaultRoute>> {
        match *self {}
    }
}

/// A monitor of network changes, which does not exist on this system: opening one always fails.
#[derive(Debug)]
pub(crate) enum NetworkMonitor {}

impl NetworkMonitor {
    pub(crate) fn open() -> io::Result<Self> {
        Err(unsupported(
            "network changes cannot be monitored on this system",
        ))
    }

    pub(crate) fn namespace(&self) -> Option<u64> {
        match *self {}
    }

    pub(crate) fn next_event(&mut self) -> io::Result<NetworkEvent> {
        match *self {}
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for NetworkMonitor {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match *self {}
    }
}

pub(crate) fn address_state(_ip: IpAddr) -> io::Result<Option<AddressState>> {
    Err(unsupported("adapters cannot be listed on this system"))
}

pub(crate) fn bits_per_second(_adapter: &Adapter) -> Option<u64> {
    None
}

/// The commands that hints name.
pub(crate) const TOOLS: Tools = if cfg!(windows) {
    Tools {
        adapters: "ipconfig /all",
        addresses: "ipconfig /all",
        route: "route print",
        udp_ports: "netstat -abno -p UDP",
        descriptors: "",
    }
} else {
    Tools {
        adapters: "ifconfig -l",
        addresses: "ifconfig -a",
        route: "route -n get",
        udp_ports: "lsof -nP -iUDP",
        descriptors: "ulimit -n",
    }
};

/// Returns the machine's name from an environment variable that only Windows sets.
pub(crate) fn machine_name() -> io::Result<String> {
    std::env::var("COMPUTERNAME")
        .map_err(|_| unsupported("the machine's name is not known on this system"))
}

pub(crate) fn enter_main_namespace() -> io::Result<()> {
    // There is only one.
    Ok(())
}

pub(crate) fn network_namespace() -> Option<u64> {
    None
}

pub(crate) fn adapter_index(_name: &str) -> Option<u32> {
    None
}

pub(crate) fn open(domain: Domain, kind: Type, protocol: Protocol) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

pub(crate) fn allow_bind(_socket: &Socket, _address: SocketAddr) -> bool {
    false
}

pub(crate) fn is_udp(options: &SockRef<'_>) -> bool {
    // The protocol of a datagram socket cannot be read on every system.
    options.r#type().is_ok_and(|kind| kind == Type::DGRAM)
        && options
            .local_addr()
            .is_ok_and(|address| address.as_socket().is_some())
}

pub(crate) fn is_shut_down(_socket: &Socket) -> bool {
    false
}

pub(crate) fn wake_for_errors(_socket: &Socket) -> io::Result<()> {
    // An error makes a socket readable without any option.
    Ok(())
}

/// No system tells for certain that a queue dropped the datagram.
pub(crate) fn outcome_of_failed_send(
    _socket: &Socket,
    _outgoing: Outgoing<'_>,
    error: io::Error,
) -> io::Result<Sent> {
    Err(error)
}

pub(crate) fn disconnect(_socket: &Socket) -> io::Result<()> {
    Err(unsupported(
        "a socket cannot be disconnected on this system",
    ))
}

pub(crate) fn prepare(socket: &Socket) -> io::Result<()> {
    // There is no option that limits a socket to its own groups. What says to which group it was
    // sent can still be dropped.
    socket.rare().arrival_filter.refuse_other_groups();
    socket.options().set_broadcast(true)
}

pub(crate) fn join(socket: &Socket, membership: &Membership) -> io::Result<()> {
    let options = socket.options();
    let joined = match (membership.group, membership.source) {
        (IpAddr::V4(group), None) => {
            let adapter = InterfaceIndexOrAddress::Index(membership.adapter);
            options.join_multicast_v4_n(&group, &adapter)
        }
        (IpAddr::V6(group), None) => options.join_multicast_v6(&group, membership.adapter),
        _ => Err(unsupported(
            "a group cannot be restricted to one sender on this system",
        )),
    };
    match joined {
        // The socket is already a member.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
        result => result,
    }
}

pub(crate) fn leave(socket: &Socket, membership: &Membership) -> io::Result<()> {
    let options = socket.options();
    match (membership.group, membership.source) {
        (IpAddr::V4(group), None) => {
            let adapter = InterfaceIndexOrAddress::Index(membership.adapter);
            options.leave_multicast_v4_n(&group, &adapter)
        }
        (IpAddr::V6(group), None) => options.leave_multicast_v6(&group, membership.adapter),
        _ => Err(unsupported(
            "a group cannot be restricted to one sender on this system",
        )),
    }
}

pub(crate) fn set_multicast_adapter(socket: &Socket, adapter: u32) -> io::Result<()> {
    if socket.supports_ipv6() {
        socket.options().set_multicast_if_v6(adapter)?;
    }
    if socket.supports_ipv4() {
        return Err(unsupported(
            "the adapter of IPv4 groups cannot be chosen on this system",
        ));
    }
    Ok(())
}

/// Systems that descend from BSD require both options.
pub(crate) fn share_multicast_port(socket: &Socket) -> io::Result<()> {
    #[cfg(unix)]
    socket.options().set_reuse_port(true)?;
    socket.options().set_reuse_address(true)
}

pub(crate) fn set_fragmentation(_socket: &Socket, fragmentation: Fragmentation) -> io::Result<()> {
    if fragmentation != Fragmentation::Allow {
        return Err(unsupported(
            "fragmenting cannot be turned off on this system",
        ));
    }
    Ok(())
}

pub(crate) fn dont_fragment(_socket: &Socket) -> io::Result<bool> {
    Err(unsupported(
        "the fragmentation setting cannot be read on this system",
    ))
}

pub(crate) fn set_traffic_class(_socket: &Socket, _class: u8) -> io::Result<()> {
    Err(unsupported(
        "the traffic class is not supported on this system",
    ))
}

pub(crate) fn traffic_class(_socket: &Socket) -> io::Result<u8> {
    Err(unsupported(
        "the traffic class is not supported on this system",
    ))
}

pub(crate) fn set_low_latency(_socket: &Socket) -> io::Result<()> {
    Err(unsupported("low latency is not supported on this system"))
}

pub(crate) fn low_latency(_socket: &Socket) -> io::Result<bool> {
    Err(unsupported("low latency is not supported on this system"))
}

pub(crate) fn bind_to_adapter(_options: &SockRef<'_>, _adapter: &Adapter) -> io::Result<()> {
    Err(unsupported(
        "a socket cannot be bound to an adapter on this system",
    ))
}

pub(crate) fn requested_buffer_bytes(reported: u32) -> u32 {
    reported
}

pub(crate) fn receive_buffer_advice(_bytes: u32) -> Option<String> {
    None
}

pub(crate) fn send_buffer_advice(_bytes: u32) -> Option<String> {
    None
}

pub(crate) fn share_port(_socket: &Socket) -> io::Result<()> {
    Err(unsupported("sockets cannot share a port on this system"))
}

pub(crate) fn set_busy_poll(_socket: &Socket, _time: Duration) -> io::Result<()> {
    Err(unsupported("busy polling cannot be set on this system"))
}

pub(crate) fn receive_offload(_socket: &Socket) -> bool {
    false
}

pub(crate) fn send_queue_bytes(_socket: &Socket) -> io::Result<Option<u32>> {
    Ok(None)
}

/// The portable engine has no options of its own.
pub(crate) fn stop_engine(_socket: &Socket) {}

pub(crate) fn dropped_datagrams(_socket: &Socket) -> io::Result<Option<u32>> {
    Ok(None)
}

fn unsupported(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// This system has no control messages that this crate reads.
#[cfg(any(fuzzing, test))]
pub(crate) fn control_messages(_bytes: &[u8]) {}

/// This system has no netlink messages.
#[cfg(any(fuzzing, test))]
pub(crate) fn netlink_messages(_bytes: &[u8]) {}

/// This system coalesces no datagrams.
#[cfg(any(fuzzing, test))]
pub(crate) fn gro_splitting(_bytes: &[u8]) {}
