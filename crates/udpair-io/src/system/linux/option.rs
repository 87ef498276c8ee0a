//! Socket options in their Linux form (ip(7), ipv6(7), socket(7)).

use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Type};

use super::adapter::adapter_index;
use super::granted::Feature;
use crate::adapter::Adapter;
use crate::cause::refused;
use crate::fragmentation::Fragmentation;
use crate::socket::{Family, Socket};

/// Opens a socket that is non-blocking and close-on-exec. Both flags are set by socket(2) itself,
/// which saves four calls.
pub(crate) fn open(domain: Domain, kind: Type, protocol: Protocol) -> io::Result<socket2::Socket> {
    socket2::Socket::new_raw(domain, kind.nonblocking().cloexec(), Some(protocol))
}

/// Returns whether a descriptor is a UDP socket over IPv4 or IPv6. A datagram socket may also be
/// one for ICMP or UDP-Lite.
pub(crate) fn is_udp(options: &SockRef<'_>) -> bool {
    let is_ip = |domain| [Domain::IPV4, Domain::IPV6].contains(&domain);
    options.domain().is_ok_and(is_ip)
        && options.r#type().is_ok_and(|kind| kind == Type::DGRAM)
        && options
            .protocol()
            .is_ok_and(|protocol| protocol == Some(Protocol::UDP))
}

/// Disconnects the socket from its peer (connect(2), `AF_UNSPEC`).
pub(crate) fn disconnect(socket: &Socket) -> io::Result<()> {
    let no_peer = libc::sockaddr {
        sa_family: libc::AF_UNSPEC as libc::sa_family_t,
        sa_data: [0; 14],
    };
    // SAFETY: the pointer is to an address that outlives the call, and the length is that of the
    // address.
    let result = unsafe {
        libc::connect(
            socket.as_raw_fd(),
            &raw const no_peer,
            mem::size_of_val(&no_peer) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Makes a queued error count as priority data, which can wake a reader.
pub(crate) fn wake_for_errors(socket: &Socket) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_SELECT_ERR_QUEUE, 1)
}

/// Sets the standing options of every socket. None of them is necessary: without the first one, the
/// system refuses broadcasts, and what the others achieve is made up for.
pub(crate) fn prepare(socket: &Socket) -> io::Result<()> {
    let _ = socket.options().set_broadcast(true);
    // Without these options, a socket receives from groups that any other socket of the machine
    // joined. Linux before 4.20 has no such option for IPv6.
    let mut is_filtered = true;
    if socket.family() != Family::Ipv6 {
        is_filtered &= set(socket, libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, 0).is_ok();
    }
    if socket.family() != Family::Ipv4 {
        is_filtered &= set(socket, libc::IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0).is_ok();
    }
    if !is_filtered {
        socket.rare().arrival_filter.refuse_other_groups();
    }
    // Without this one, an error is noticed with the next datagram or call.
    let _ = wake_for_errors(socket);
    Ok(())
}

/// Enables the control messages that [`Metadata`](crate::Metadata) is read from. What the system
/// refuses is missing in the metadata.
pub(super) fn enable_metadata(socket: &Socket) {
    let (ipv4, ipv6) = (socket.supports_ipv4(), socket.supports_ipv6());
    let enable = |level, option| set(socket, level, option, 1).is_ok();
    let all = |options: &[(bool, i32, i32)]| {
        let needed = options.iter().filter(|option| option.0);
        needed.fold(true, |all, (_, level, option)| {
            enable(*level, *option) && all
        })
    };
    // On a dual-stack socket, the message of IPv6 has the address of an IPv4 datagram too.
    let for_ipv4 = !ipv4 || enable(libc::IPPROTO_IP, libc::IP_PKTINFO);
    let for_ipv6 = !ipv6 || enable(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO);
    socket
        .granted
        .set(Feature::LocalAddress, for_ipv6 && (for_ipv4 || ipv6));
    let has_header = all(&[
        (ipv4, libc::IPPROTO_IP, libc::IP_RECVTTL),
        (ipv4, libc::IPPROTO_IP, libc::IP_RECVTOS),
        (ipv6, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT),
        (ipv6, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS),
    ]);
    socket.granted.set(Feature::PacketHeader, has_header);
    let has_drops = enable(libc::SOL_SOCKET, libc::SO_RXQ_OVFL);
    socket.granted.set(Feature::Drops, has_drops);
}

/// Enables the queue of errors that the network sends back.
pub(super) fn enable_error_queue(socket: &Socket) {
    let (ipv4, ipv6) = (socket.supports_ipv4(), socket.supports_ipv6());
    // A dual-stack socket needs it at both levels.
    for (feature, is_needed, level, option) in [
        (
            Feature::ErrorQueueIpv4,
            ipv4,
            libc::IPPROTO_IP,
            libc::IP_RECVERR,
        ),
        (
            Feature::ErrorQueueIpv6,
            ipv6,
            libc::IPPROTO_IPV6,
            libc::IPV6_RECVERR,
        ),
    ] {
        socket
            .granted
            .set(feature, is_needed && set(socket, level, option, 1).is_ok());
    }
}

/// Makes the kernel record when each datagram arrives.
pub(super) fn enable_timestamps(socket: &Socket) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
}

/// Lets the kernel coalesce datagrams. Linux before 5.0 has no such option.
pub(super) fn enable_gro(socket: &Socket) -> io::Result<()> {
    set(socket, libc::SOL_UDP, libc::UDP_GRO, 1)
}

/// Returns whether this kernel segments GSO batches (Linux 4.18).
///
/// The answer is the same for every socket, so only the first one is asked.
pub(super) fn supports_gso(socket: &Socket) -> bool {
    static SUPPORTED: OnceLock<bool> = OnceLock::new();
    *SUPPORTED.get_or_init(|| get(socket, libc::SOL_UDP, libc::UDP_SEGMENT).is_ok())
}

/// Returns whether `UDP_GRO` is on; see [`receive_offload`](crate::receive_offload).
pub(crate) fn receive_offload(socket: &Socket) -> bool {
    get(socket, libc::SOL_UDP, libc::UDP_GRO).is_ok_and(|value| value != 0)
}

/// Sets `SO_REUSEPORT`; see [`share_port`](crate::share_port).
pub(crate) fn share_port(socket: &Socket) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)
}

/// Lets a socket use addresses of any machine (`IPV6_FREEBIND`).
pub(super) fn set_free_bind(socket: &Socket) -> io::Result<()> {
    set(socket, libc::IPPROTO_IPV6, libc::IPV6_FREEBIND, 1)
}

/// Sets `SO_BUSY_POLL`; see [`set_busy_poll`](crate::set_busy_poll).
pub(crate) fn set_busy_poll(socket: &Socket, time: Duration) -> io::Result<()> {
    let microseconds = i32::try_from(time.as_micros()).unwrap_or(i32::MAX);
    set(socket, libc::SOL_SOCKET, libc::SO_BUSY_POLL, microseconds)
}

/// Forbids or allows fragmentation; see [`set_fragmentation`](crate::set_fragmentation).
///
/// Linux's default is neither: it sets DF on IPv4 datagrams, and path MTU discovery reduces the
/// size of what it sends.
pub(crate) fn set_fragmentation(socket: &Socket, fragmentation: Fragmentation) -> io::Result<()> {
    let (discover_ipv4, discover_ipv6) = match fragmentation {
        Fragmentation::Allow => (libc::IP_PMTUDISC_DONT, libc::IPV6_PMTUDISC_DONT),
        Fragmentation::Forbid => (libc::IP_PMTUDISC_DO, libc::IPV6_PMTUDISC_DO),
        Fragmentation::Probe => (libc::IP_PMTUDISC_PROBE, libc::IPV6_PMTUDISC_PROBE),
    };
    let refuse = i32::from(fragmentation != Fragmentation::Allow);
    // Each is set, also if another one is refused.
    let mut result = Ok(());
    for (is_needed, level, option, value) in [
        (
            socket.supports_ipv4(),
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            discover_ipv4,
        ),
        (
            socket.supports_ipv6(),
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            discover_ipv6,
        ),
        (
            socket.supports_ipv6(),
            libc::IPPROTO_IPV6,
            libc::IPV6_DONTFRAG,
            refuse,
        ),
    ] {
        if is_needed {
            result = result.and(set(socket, level, option, value));
        }
    }
    result
}

/// Returns whether fragmentation is forbidden; see [`dont_fragment`](crate::dont_fragment).
///
/// A probing socket (`IP_PMTUDISC_PROBE`) does not fragment either.
pub(crate) fn dont_fragment(socket: &Socket) -> io::Result<bool> {
    let mut never = true;
    if socket.family() != Family::Ipv6 {
        let discover = get(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER)?;
        never &= matches!(discover, libc::IP_PMTUDISC_DO | libc::IP_PMTUDISC_PROBE);
    }
    if socket.family() != Family::Ipv4 {
        let discover = get(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER)?;
        never &= matches!(discover, libc::IPV6_PMTUDISC_DO | libc::IPV6_PMTUDISC_PROBE);
    }
    Ok(never)
}

/// Sets `IP_TOS` and `IPV6_TCLASS`; see [`set_traffic_class`](crate::set_traffic_class).
pub(crate) fn set_traffic_class(socket: &Socket, class: u8) -> io::Result<()> {
    if socket.family() != Family::Ipv6 {
        set(socket, libc::IPPROTO_IP, libc::IP_TOS, class.into())?;
    }
    if socket.family() != Family::Ipv4 {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, class.into())?;
    }
    Ok(())
}

/// Reads `IP_TOS` or `IPV6_TCLASS`; see [`traffic_class`](crate::traffic_class).
pub(crate) fn traffic_class(socket: &Socket) -> io::Result<u8> {
    let class = match socket.family() {
        Family::Ipv4 => get(socket, libc::IPPROTO_IP, libc::IP_TOS)?,
        Family::Ipv6 | Family::Dual => get(socket, libc::IPPROTO_IPV6, libc::IPV6_TCLASS)?,
    };
    u8::try_from(class).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Sets `SO_PRIORITY`; see [`set_low_latency`](crate::set_low_latency).
pub(crate) fn set_low_latency(socket: &Socket) -> io::Result<()> {
    set(
        socket,
        libc::SOL_SOCKET,
        libc::SO_PRIORITY,
        INTERACTIVE_PRIORITY,
    )
}

/// Returns whether `SO_PRIORITY` is at least the priority that [`set_low_latency`] sets; see
/// [`low_latency`](crate::low_latency).
pub(crate) fn low_latency(socket: &Socket) -> io::Result<bool> {
    Ok(get(socket, libc::SOL_SOCKET, libc::SO_PRIORITY)? >= INTERACTIVE_PRIORITY)
}

/// Binds a socket to an adapter; see [`bind_to_adapter`](crate::bind_to_adapter).
///
/// The adapter is identified by its index, but the socket is bound by name. With an index
/// (`SO_BINDTOIFINDEX`), the kernel does not check whether such an adapter exists, and would bind
/// to nothing.
pub(crate) fn bind_to_adapter(options: &SockRef<'_>, adapter: &Adapter) -> io::Result<()> {
    options
        .bind_device(Some(adapter.name.as_bytes()))
        .map_err(|error| match error.raw_os_error() {
            Some(libc::ENOPROTOOPT | libc::EOPNOTSUPP) => refused("SO_BINDTODEVICE")(error),
            _ => error,
        })?;
    if adapter_index(&adapter.name) != Some(adapter.index) {
        // The adapter was removed, and another one has its name now.
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    Ok(())
}

/// Returns the requested size of a buffer. The kernel doubles it (socket(7), `SO_RCVBUF`).
pub(crate) fn requested_buffer_bytes(reported: u32) -> u32 {
    reported / 2
}

/// Returns the command that raises the limit of receive buffers.
pub(crate) fn receive_buffer_advice(bytes: u32) -> Option<String> {
    Some(format!("sysctl -w net.core.rmem_max={bytes}"))
}

/// Returns the command that raises the limit of send buffers.
pub(crate) fn send_buffer_advice(bytes: u32) -> Option<String> {
    Some(format!("sysctl -w net.core.wmem_max={bytes}"))
}

/// Reads the socket's drop counter (`SO_MEMINFO`, include/uapi/linux/sock_diag.h).
pub(crate) fn dropped_datagrams(socket: &Socket) -> io::Result<Option<u32>> {
    let mut values = [0_u32; MEMINFO_VALUES];
    let mut length = mem::size_of_val(&values) as libc::socklen_t;
    // SAFETY: `values` is writable for `length` bytes, and the kernel writes at most that many.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            values.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let written = length as usize / mem::size_of::<u32>();
    Ok(values[..written.min(MEMINFO_VALUES)]
        .get(MEMINFO_DROPS)
        .copied())
}

/// Returns how much of the send buffer is in use; see
/// [`send_queue_bytes`](crate::send_queue_bytes).
pub(crate) fn send_queue_bytes(socket: &Socket) -> io::Result<Option<u32>> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the kernel writes one `int`, which outlives the call (`SIOCOUTQ`, which has the number
    // of `TIOCOUTQ`; include/uapi/linux/sockios.h).
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u32::try_from(bytes).ok())
}

/// Turns off coalescing, and the queueing of errors, which then fail a call of any kind. Whatever is
/// refused was never on.
pub(crate) fn stop_engine(socket: &Socket) {
    let _ = set(socket, libc::SOL_UDP, libc::UDP_GRO, 0);
    if socket.supports_ipv4() {
        let _ = set(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 0);
    }
    if socket.supports_ipv6() {
        let _ = set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 0);
    }
    // The last queued error is still to fail a call.
    let _ = socket.options().take_error();
}

/// Returns whether the descriptor was shut down for receiving (shutdown(2)), by this process or by
/// another that has it.
pub(crate) fn is_shut_down(socket: &Socket) -> bool {
    let mut watched = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLRDHUP,
        revents: 0,
    };
    // SAFETY: `watched` is one element that outlives the call. A timeout of 0 does not wait.
    let count = unsafe { libc::poll(&raw mut watched, 1, 0) };
    count > 0 && watched.revents & (libc::POLLRDHUP | libc::POLLHUP) != 0
}

/// Returns the MTU of the path to the peer of a connected socket.
pub(super) fn path_mtu(socket: &Socket) -> io::Result<usize> {
    let mtu = match socket.family() {
        Family::Ipv4 => get(socket, libc::IPPROTO_IP, libc::IP_MTU)?,
        Family::Ipv6 | Family::Dual => get(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU)?,
    };
    usize::try_from(mtu).map_err(io::Error::other)
}

/// Sets an option whose value is an `int`. The error names the option.
fn set(socket: &Socket, level: i32, option: i32, value: i32) -> io::Result<()> {
    set_value(socket, level, option, &value).map_err(refused(name(level, option)))
}

/// Returns the name of an option.
fn name(level: i32, option: i32) -> &'static str {
    let mut names = NAMES.iter();
    let found = names.find(|known| (known.0, known.1) == (level, option));
    found.map_or("of the socket", |known| known.2)
}

/// Sets an option whose value has the kernel's memory layout.
pub(super) fn set_value<T: Copy>(
    socket: &impl AsRawFd,
    level: i32,
    option: i32,
    value: &T,
) -> io::Result<()> {
    // SAFETY: the pointer is to a value that outlives the call, and the length is that of the
    // value.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            mem::size_of_val(value) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads an option whose value is an `int`.
fn get(socket: &Socket, level: i32, option: i32) -> io::Result<i32> {
    let mut value = 0;
    let mut length = mem::size_of_val(&value) as libc::socklen_t;
    // SAFETY: `value` is writable for `length` bytes.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    if result == 0 {
        Ok(value)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The names of options, as the man pages have them.
const NAMES: &[(i32, i32, &str)] = &[
    (libc::SOL_SOCKET, libc::SO_BUSY_POLL, "SO_BUSY_POLL"),
    (libc::SOL_SOCKET, libc::SO_PRIORITY, "SO_PRIORITY"),
    (libc::SOL_SOCKET, libc::SO_REUSEPORT, "SO_REUSEPORT"),
    (libc::SOL_SOCKET, libc::SO_RXQ_OVFL, "SO_RXQ_OVFL"),
    (
        libc::SOL_SOCKET,
        libc::SO_SELECT_ERR_QUEUE,
        "SO_SELECT_ERR_QUEUE",
    ),
    (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, "SO_TIMESTAMPNS"),
    (libc::SOL_UDP, libc::UDP_GRO, "UDP_GRO"),
    (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, "IP_MTU_DISCOVER"),
    (libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, "IP_MULTICAST_ALL"),
    (libc::IPPROTO_IP, libc::IP_MULTICAST_IF, "IP_MULTICAST_IF"),
    (libc::IPPROTO_IP, libc::IP_PKTINFO, "IP_PKTINFO"),
    (libc::IPPROTO_IP, libc::IP_RECVERR, "IP_RECVERR"),
    (libc::IPPROTO_IP, libc::IP_RECVTOS, "IP_RECVTOS"),
    (libc::IPPROTO_IP, libc::IP_RECVTTL, "IP_RECVTTL"),
    (libc::IPPROTO_IP, libc::IP_TOS, "IP_TOS"),
    (libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, "IPV6_DONTFRAG"),
    (
        libc::IPPROTO_IPV6,
        libc::IPV6_MTU_DISCOVER,
        "IPV6_MTU_DISCOVER",
    ),
    (libc::IPPROTO_IPV6, IPV6_MULTICAST_ALL, "IPV6_MULTICAST_ALL"),
    (
        libc::IPPROTO_IPV6,
        libc::IPV6_MULTICAST_IF,
        "IPV6_MULTICAST_IF",
    ),
    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS, "IPV6_TCLASS"),
];

/// `IPV6_MULTICAST_ALL`, include/uapi/linux/in6.h.
const IPV6_MULTICAST_ALL: i32 = 29;

/// The highest priority that needs no capability (socket(7), `SO_PRIORITY`).
const INTERACTIVE_PRIORITY: i32 = 6;

/// `SK_MEMINFO_DROPS`, include/uapi/linux/sock_diag.h.
const MEMINFO_DROPS: usize = 8;

/// `SK_MEMINFO_VARS`, include/uapi/linux/sock_diag.h.
const MEMINFO_VALUES: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineOptions;
    use crate::engines::engines;

    /// BND-16
    #[test]
    fn every_socket_has_its_standing_options() {
        for family in [Family::Ipv4, Family::Ipv6, Family::Dual] {
            let socket = Socket::open(family).unwrap();
            engines()[0]
                .prepare(&socket, EngineOptions::default())
                .unwrap();
            let mut expected = vec![(libc::SOL_SOCKET, libc::SO_BROADCAST, 1)];
            if family != Family::Ipv6 {
                expected.extend([
                    (libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
                    (libc::IPPROTO_IP, libc::IP_RECVERR, 1),
                    (libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, 0),
                ]);
            }
            if family != Family::Ipv4 {
                expected.extend([
                    (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
                    (libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1),
                    (libc::IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0),
                    (
                        libc::IPPROTO_IPV6,
                        libc::IPV6_V6ONLY,
                        i32::from(family == Family::Ipv6),
                    ),
                ]);
            }
            for (level, option, value) in expected {
                assert_eq!(
                    get(&socket, level, option).unwrap(),
                    value,
                    "{family:?} {level} {option}"
                );
            }
            let fd = socket.as_raw_fd();
            // SAFETY: these commands of fcntl(2) read flags of a descriptor that is open.
            let (of_descriptor, of_file) = unsafe {
                (
                    libc::fcntl(fd, libc::F_GETFD),
                    libc::fcntl(fd, libc::F_GETFL),
                )
            };
            assert_ne!(of_descriptor & libc::FD_CLOEXEC, 0, "{family:?}");
            assert_ne!(of_file & libc::O_NONBLOCK, 0, "{family:?}");
        }
    }

    const FAMILIES: [Family; 3] = [Family::Ipv4, Family::Ipv6, Family::Dual];

    /// Returns the levels at which a socket of this family has options.
    fn levels(family: Family) -> &'static [i32] {
        match family {
            Family::Ipv4 => &[libc::IPPROTO_IP],
            Family::Ipv6 => &[libc::IPPROTO_IPV6],
            Family::Dual => &[libc::IPPROTO_IP, libc::IPPROTO_IPV6],
        }
    }

    /// CTL-02, CTL-03: the default of Linux is neither.
    #[test]
    fn fragmenting_is_allowed_or_forbidden_on_both_levels() {
        for family in FAMILIES {
            let socket = Socket::open(family).unwrap();
            assert!(!dont_fragment(&socket).unwrap(), "{family:?}");
            for requested in [
                Fragmentation::Forbid,
                Fragmentation::Probe,
                Fragmentation::Allow,
            ] {
                set_fragmentation(&socket, requested).unwrap();
                let is_off = requested != Fragmentation::Allow;
                assert_eq!(dont_fragment(&socket).unwrap(), is_off, "{family:?}");
                for level in levels(family) {
                    let option = match *level {
                        libc::IPPROTO_IP => libc::IP_MTU_DISCOVER,
                        _ => libc::IPV6_MTU_DISCOVER,
                    };
                    // The numbers of IPv6 are the same.
                    let expected = match requested {
                        Fragmentation::Forbid => libc::IP_PMTUDISC_DO,
                        Fragmentation::Probe => libc::IP_PMTUDISC_PROBE,
                        Fragmentation::Allow => libc::IP_PMTUDISC_DONT,
                    };
                    assert_eq!(
                        get(&socket, *level, option).unwrap(),
                        expected,
                        "{family:?}"
                    );
                }
                if family != Family::Ipv4 {
                    let refuses = get(&socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG).unwrap();
                    assert_eq!(refuses, i32::from(is_off), "{family:?}");
                }
            }
        }
    }

    /// CTL-11: the class is set first, because it sets the priority too.
    #[test]
    fn the_traffic_class_is_set_on_both_levels_and_the_priority_after_it() {
        for family in FAMILIES {
            let socket = Socket::open(family).unwrap();
            assert!(!low_latency(&socket).unwrap(), "{family:?}");
            set_traffic_class(&socket, 0xb8).unwrap();
            set_low_latency(&socket).unwrap();
            assert_eq!(traffic_class(&socket).unwrap(), 0xb8, "{family:?}");
            assert!(low_latency(&socket).unwrap(), "{family:?}");
            for level in levels(family) {
                let option = match *level {
                    libc::IPPROTO_IP => libc::IP_TOS,
                    _ => libc::IPV6_TCLASS,
                };
                assert_eq!(get(&socket, *level, option).unwrap(), 0xb8, "{family:?}");
            }
            let priority = get(&socket, libc::SOL_SOCKET, libc::SO_PRIORITY).unwrap();
            assert_eq!(priority, 6, "{family:?}");
        }
    }

    /// CTL-08: a dual-stack socket has two hop limits.
    #[test]
    fn the_hop_limit_is_set_on_both_levels() {
        for family in FAMILIES {
            let socket = Socket::open(family).unwrap();
            crate::set_hop_limit(&socket, 128).unwrap();
            assert_eq!(crate::hop_limit(&socket).unwrap(), 128, "{family:?}");
            for level in levels(family) {
                let option = match *level {
                    libc::IPPROTO_IP => libc::IP_TTL,
                    _ => libc::IPV6_UNICAST_HOPS,
                };
                assert_eq!(get(&socket, *level, option).unwrap(), 128, "{family:?}");
            }
            // Multicast stays at one hop (CTL-09).
            if family != Family::Ipv6 {
                let hops = get(&socket, libc::IPPROTO_IP, libc::IP_MULTICAST_TTL).unwrap();
                assert_eq!(hops, 1, "{family:?}");
            }
            if family != Family::Ipv4 {
                let hops = get(&socket, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS).unwrap();
                assert_eq!(hops, 1, "{family:?}");
            }
        }
    }

    /// CTL-05, CTL-06, CTL-07: the kernel doubles a size that is set, but not the default, and
    /// silently clamps the size at both ends.
    #[test]
    fn a_buffer_has_the_size_that_the_kernel_reports() {
        type Read = fn(&Socket) -> io::Result<u32>;
        type Set = fn(&Socket, u32) -> io::Result<()>;
        let buffers: [(Read, Set); 2] = [
            (crate::receive_buffer_bytes, crate::set_receive_buffer_bytes),
            (crate::send_buffer_bytes, crate::set_send_buffer_bytes),
        ];
        for (read, set) in buffers {
            let socket = Socket::open(Family::Dual).unwrap();
            let default = read(&socket).unwrap();
            assert!(default > 0);
            let granted = |bytes| {
                set(&socket, bytes).unwrap();
                requested_buffer_bytes(read(&socket).unwrap())
            };
            assert_eq!(granted(65_536), 65_536);
            assert_eq!(read(&socket).unwrap(), 2 * 65_536);

            let least = granted(1);
            assert!((1_024..=8_192).contains(&least), "{least}");
            let most = granted(i32::MAX.cast_unsigned());
            assert!(most < i32::MAX.cast_unsigned(), "{most}");
            // A granted size can be requested.
            assert_eq!(granted(most), most);
        }
    }

    #[test]
    fn only_udp_sockets_are_taken_over() {
        for (kind, protocol, is_udp) in [
            (Type::DGRAM, Protocol::UDP, true),
            (Type::DGRAM, Protocol::from(libc::IPPROTO_UDPLITE), false),
            (Type::DGRAM, Protocol::ICMPV4, false),
            (Type::RAW, Protocol::UDP, false),
        ] {
            for domain in [Domain::IPV4, Domain::IPV6] {
                // Some of these protocols need a privilege, or a kernel that has them.
                let Ok(socket) = socket2::Socket::new(domain, kind, Some(protocol)) else {
                    assert!(!is_udp);
                    continue;
                };
                let taken = Socket::from_std(socket.into());
                let error = taken.err().map(|error| error.kind());
                let expected = (!is_udp).then_some(io::ErrorKind::InvalidInput);
                assert_eq!(error, expected, "{kind:?} {protocol:?} {domain:?}");
            }
        }
    }
}
