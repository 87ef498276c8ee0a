//! Socket options that Linux spells its own way (ip(7), ipv6(7), socket(7)).

use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::adapter::adapter_index;
use crate::adapter::Adapter;
use crate::engine::Wishes;
use crate::socket::{Family, Socket};

/// Sets the standing options of every socket.
pub(crate) fn prepare(socket: &Socket) -> io::Result<()> {
    socket.options().set_broadcast(true)?;
    // Without these a socket hears the groups that any other socket of the machine has joined.
    if socket.family() != Family::Ipv6 {
        set(socket, libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, 0)?;
    }
    if socket.family() != Family::Ipv4 {
        // Linux before 4.20 has no such option for IPv6.
        let _ = set(socket, libc::IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
    }
    // A queued error then counts as priority data, for which a reader can be woken.
    set(socket, libc::SOL_SOCKET, libc::SO_SELECT_ERR_QUEUE, 1)
}

/// Asks for the control messages that [`Metadata`](crate::Metadata) is read from.
pub(super) fn ask_for_metadata(socket: &Socket) -> io::Result<()> {
    if socket.family() != Family::Ipv6 {
        set(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        set(socket, libc::IPPROTO_IP, libc::IP_RECVTTL, 1)?;
        set(socket, libc::IPPROTO_IP, libc::IP_RECVTOS, 1)?;
    }
    if socket.family() != Family::Ipv4 {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1)?;
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1)?;
    }
    set(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)
}

/// Turns the error queue on; a dual-stack socket needs it at both levels.
pub(super) fn ask_for_errors(socket: &Socket) -> io::Result<()> {
    if socket.family() != Family::Ipv6 {
        set(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
    }
    if socket.family() != Family::Ipv4 {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)?;
    }
    Ok(())
}

/// Asks for what may be wished for; a kernel that has it not is no obstacle.
pub(super) fn ask_for_wishes(socket: &Socket, wishes: Wishes) -> io::Result<()> {
    if wishes.timestamps {
        set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
    }
    if wishes.receive_offload {
        // Linux before 5.0 has no such option.
        let _ = set(socket, libc::SOL_UDP, libc::UDP_GRO, 1);
    }
    Ok(())
}

/// Returns whether this kernel cuts one piece into many datagrams (Linux 4.18).
pub(super) fn can_cut_pieces(socket: &Socket) -> bool {
    get(socket, libc::SOL_UDP, libc::UDP_SEGMENT).is_ok()
}

/// See [`receive_offload`](crate::receive_offload).
pub(crate) fn receive_offload(socket: &Socket) -> bool {
    get(socket, libc::SOL_UDP, libc::UDP_GRO).is_ok_and(|value| value != 0)
}

/// See [`share_port`](crate::share_port).
pub(crate) fn share_port(socket: &Socket) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)
}

/// See [`set_busy_poll`](crate::set_busy_poll).
pub(crate) fn set_busy_poll(socket: &Socket, time: Duration) -> io::Result<()> {
    let microseconds = i32::try_from(time.as_micros()).unwrap_or(i32::MAX);
    set(socket, libc::SOL_SOCKET, libc::SO_BUSY_POLL, microseconds)
}

/// See [`set_dont_fragment`](crate::set_dont_fragment).
///
/// Linux's own default is neither: it sets DF on IPv4 datagrams and lets path MTU discovery shrink
/// what it sends.
pub(crate) fn set_dont_fragment(socket: &Socket, dont_fragment: bool) -> io::Result<()> {
    if socket.family() != Family::Ipv6 {
        let discover = if dont_fragment {
            libc::IP_PMTUDISC_DO
        } else {
            libc::IP_PMTUDISC_DONT
        };
        set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, discover)?;
    }
    if socket.family() != Family::Ipv4 {
        let discover = if dont_fragment {
            libc::IPV6_PMTUDISC_DO
        } else {
            libc::IPV6_PMTUDISC_DONT
        };
        set(
            socket,
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            discover,
        )?;
        if dont_fragment {
            set(socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 1)?;
        }
    }
    Ok(())
}

/// See [`set_low_latency`](crate::set_low_latency).
pub(crate) fn set_low_latency(socket: &Socket) -> io::Result<()> {
    if socket.family() != Family::Ipv6 {
        set(socket, libc::IPPROTO_IP, libc::IP_TOS, EXPEDITED_FORWARDING)?;
    }
    if socket.family() != Family::Ipv4 {
        set(
            socket,
            libc::IPPROTO_IPV6,
            libc::IPV6_TCLASS,
            EXPEDITED_FORWARDING,
        )?;
    }
    // Last, because setting the traffic class sets the priority as well.
    set(
        socket,
        libc::SOL_SOCKET,
        libc::SO_PRIORITY,
        INTERACTIVE_PRIORITY,
    )
}

/// See [`bind_to_adapter`](crate::bind_to_adapter).
///
/// By name, although the number is what counts: the kernel does not look whether there is an adapter with
/// a number (`SO_BINDTOIFINDEX`), and would bind to nothing.
pub(crate) fn bind_to_adapter(socket: &Socket, adapter: &Adapter) -> io::Result<()> {
    socket
        .options()
        .bind_device(Some(adapter.name.as_bytes()))?;
    if adapter_index(&adapter.name) != Some(adapter.index) {
        // The adapter is gone, and another one has its name now.
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    Ok(())
}

/// The kernel doubles what it was asked for (socket(7), `SO_RCVBUF`).
pub(crate) fn buffer_bytes_as_asked(reported: usize) -> u32 {
    u32::try_from(reported / 2).unwrap_or(u32::MAX)
}

/// Reads the socket's drop counter (`SO_MEMINFO`, include/uapi/linux/sock_diag.h).
pub(crate) fn dropped_datagrams(socket: &Socket) -> io::Result<Option<u32>> {
    let mut values = [0_u32; MEMINFO_VALUES];
    let mut length = mem::size_of_val(&values) as libc::socklen_t;
    // SAFETY: `values` is writable for `length` bytes, and the kernel writes at most as many.
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
    let given = length as usize / mem::size_of::<u32>();
    Ok(values[..given.min(MEMINFO_VALUES)]
        .get(MEMINFO_DROPS)
        .copied())
}

/// Sets an option whose value is an `int`.
fn set(socket: &Socket, level: i32, option: i32, value: i32) -> io::Result<()> {
    set_value(socket, level, option, &value)
}

/// Sets an option whose value is laid out as the kernel has it.
pub(super) fn set_value<T: Copy>(
    socket: &Socket,
    level: i32,
    option: i32,
    value: &T,
) -> io::Result<()> {
    // SAFETY: the pointer leads to a value that outlives the call, and the length is that value's.
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

/// `IPV6_MULTICAST_ALL`, include/uapi/linux/in6.h.
const IPV6_MULTICAST_ALL: i32 = 29;

/// DSCP 46 (RFC 3246), above the two ECN bits.
const EXPEDITED_FORWARDING: i32 = 0xb8;

/// The highest priority that needs no capability (socket(7), `SO_PRIORITY`).
const INTERACTIVE_PRIORITY: i32 = 6;

/// `SK_MEMINFO_DROPS`, include/uapi/linux/sock_diag.h.
const MEMINFO_DROPS: usize = 8;

/// `SK_MEMINFO_VARS`, include/uapi/linux/sock_diag.h.
const MEMINFO_VALUES: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::engines;

    /// BND-16
    #[test]
    fn every_socket_has_its_standing_options() {
        for family in [Family::Ipv4, Family::Ipv6, Family::Dual] {
            let socket = Socket::open(family).unwrap();
            engines()[0].prepare(&socket, Wishes::default()).unwrap();
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
}
