//! Socket options: one function sets an option, another reads it back.
//!
//! An option that exists once for IPv4 and once for IPv6 is set for both on a socket that supports
//! both. Systems may silently grant less than was requested, so only reading an option shows its
//! value.

use std::io;
use std::time::Duration;

use crate::adapter::Adapter;
use crate::cause::refused;
use crate::fragmentation::Fragmentation;
use crate::socket::{Family, Socket};
use crate::system;

/// Sets the receive buffer's size in bytes (`SO_RCVBUF`).
///
/// The system clamps the size silently: on Linux to at most `net.core.rmem_max`, and to at least
/// about two thousand bytes. [`receive_buffer_bytes`] returns what was granted. The upper limit is
/// the administrator's, so this function does not exceed it, even where the process could
/// (`SO_RCVBUFFORCE` with `CAP_NET_ADMIN`). [`receive_buffer_advice`] returns the command that
/// raises it.
///
/// # Errors
///
/// The system's own.
pub fn set_receive_buffer_bytes(socket: &Socket, bytes: u32) -> io::Result<()> {
    let set = socket.options().set_recv_buffer_size(as_size(bytes));
    set.map_err(refused("SO_RCVBUF"))
}

/// Returns the receive buffer's size in bytes, as the system reports it. Default: the system's
/// (`net.core.rmem_default` on Linux).
///
/// After the size was set, [`requested_buffer_bytes`] converts this value into one that is
/// comparable with the requested size.
///
/// # Errors
///
/// The system's own.
pub fn receive_buffer_bytes(socket: &Socket) -> io::Result<u32> {
    socket.options().recv_buffer_size().map(as_bytes)
}

/// Returns the command with which an administrator allows receive buffers of `bytes` bytes; `None`
/// where no such command is known.
pub fn receive_buffer_advice(bytes: u32) -> Option<String> {
    system::receive_buffer_advice(bytes)
}

/// Sets the send buffer's size in bytes (`SO_SNDBUF`); see [`set_receive_buffer_bytes`].
///
/// # Errors
///
/// The system's own.
pub fn set_send_buffer_bytes(socket: &Socket, bytes: u32) -> io::Result<()> {
    let set = socket.options().set_send_buffer_size(as_size(bytes));
    set.map_err(refused("SO_SNDBUF"))
}

/// Returns the send buffer's size in bytes; see [`receive_buffer_bytes`]. Default: the system's
/// (`net.core.wmem_default` on Linux).
///
/// # Errors
///
/// The system's own.
pub fn send_buffer_bytes(socket: &Socket) -> io::Result<u32> {
    socket.options().send_buffer_size().map(as_bytes)
}

/// Returns how much of the send buffer is in use, in bytes: datagrams that the system has accepted
/// and that have not left the machine. `None` where the system does not say.
///
/// Linux counts its own bookkeeping too, several hundred bytes for a short datagram, so the number
/// compares with [`send_buffer_bytes`] and not with the lengths of payloads (`SIOCOUTQ`, udp(7);
/// `sk_wmem_alloc` in net/ipv4/udp.c).
///
/// # Errors
///
/// The system's own.
pub fn send_queue_bytes(socket: &Socket) -> io::Result<Option<u32>> {
    system::send_queue_bytes(socket)
}

/// Returns the command with which an administrator allows send buffers of `bytes` bytes; `None`
/// where no such command is known.
pub fn send_buffer_advice(bytes: u32) -> Option<String> {
    system::send_buffer_advice(bytes)
}

/// Returns the requested size of a buffer, given the size that the system reports.
///
/// Linux reports twice the size that was requested, because it adds space for bookkeeping
/// (socket(7)). The size of a buffer that was never set is not doubled: for such a buffer, Linux
/// reports the size itself.
pub fn requested_buffer_bytes(reported: u32) -> u32 {
    system::requested_buffer_bytes(reported)
}

/// Sets the hop limit (IPv4: TTL) of unicast datagrams sent from now on, 1 to 255. Default: the
/// system's (64 on Linux).
///
/// # Errors
///
/// The system's own; Linux refuses 0 for IPv4.
pub fn set_hop_limit(socket: &Socket, hops: u8) -> io::Result<()> {
    let options = socket.options();
    if socket.family() != Family::Ipv6 {
        options
            .set_ttl_v4(u32::from(hops))
            .map_err(refused("IP_TTL"))?;
    }
    if socket.family() != Family::Ipv4 {
        options
            .set_unicast_hops_v6(u32::from(hops))
            .map_err(refused("IPV6_UNICAST_HOPS"))?;
    }
    Ok(())
}

/// Returns the hop limit of unicast datagrams; the lower one where those of IPv4 and IPv6 differ.
///
/// # Errors
///
/// The system's own.
pub fn hop_limit(socket: &Socket) -> io::Result<u8> {
    let options = socket.options();
    let mut hops = u32::from(u8::MAX);
    if socket.family() != Family::Ipv6 {
        hops = hops.min(options.ttl_v4()?);
    }
    if socket.family() != Family::Ipv4 {
        hops = hops.min(options.unicast_hops_v6()?);
    }
    // The minimum fits, because it started at `u8::MAX`.
    Ok(u8::try_from(hops).unwrap_or(u8::MAX))
}

/// Sets what becomes of datagrams that exceed the path's MTU. Default: the system's; see
/// [`dont_fragment`].
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn set_fragmentation(socket: &Socket, fragmentation: Fragmentation) -> io::Result<()> {
    system::set_fragmentation(socket, fragmentation)
}

/// Returns whether fragmentation is forbidden for every datagram, of either family.
///
/// `false` does not promise that every datagram may be fragmented. By default, Linux sends IPv4
/// datagrams unfragmented as long as they fit the path (ip(7), `IP_PMTUDISC_WANT`).
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it cannot be read.
pub fn dont_fragment(socket: &Socket) -> io::Result<bool> {
    system::dont_fragment(socket)
}

/// Sets the traffic class (IPv4: TOS) of datagrams sent from now on: six bits of DSCP (RFC 2474,
/// section 3) above two of ECN (RFC 3168, section 5). Default: 0.
///
/// Linux derives the priority, which [`set_low_latency`] also sets, from the class, so set the
/// class first.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn set_traffic_class(socket: &Socket, class: u8) -> io::Result<()> {
    socket.forget_traffic_class();
    system::set_traffic_class(socket, class)
}

/// Returns the traffic class of datagrams; that of IPv6 where the two families differ.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it cannot be read.
pub fn traffic_class(socket: &Socket) -> io::Result<u8> {
    system::traffic_class(socket)
}

/// Makes the system prefer this socket's datagrams while they are on this machine. Default: off.
///
/// On Linux, this sets the highest priority that needs no capability (socket(7), `SO_PRIORITY`). It
/// does not change the packets: [`set_traffic_class`] does. Call that function before this one.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn set_low_latency(socket: &Socket) -> io::Result<()> {
    system::set_low_latency(socket)
}

/// Returns whether the system prefers this socket's datagrams; see [`set_low_latency`].
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it cannot be read.
pub fn low_latency(socket: &Socket) -> io::Result<bool> {
    system::low_latency(socket)
}

/// Binds the socket to one adapter, for sending and receiving.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn bind_to_adapter(socket: &Socket, adapter: &Adapter) -> io::Result<()> {
    system::bind_to_adapter(&socket.options(), adapter)
}

/// Lets several sockets of one user bind to the same port. The system distributes the flows among
/// them (`SO_REUSEPORT`, socket(7)).
///
/// Call this on each of the sockets before it is bound.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn share_port(socket: &Socket) -> io::Result<()> {
    system::share_port(socket)
}

/// Sets how long the kernel polls the adapter's queue for packets before a receive call finds
/// nothing (`SO_BUSY_POLL`, socket(7)), in whole microseconds.
///
/// # Errors
///
/// The system's own: raising the time needs a privilege.
/// [`Unsupported`](io::ErrorKind::Unsupported) where there is no such option.
pub fn set_busy_poll(socket: &Socket, time: Duration) -> io::Result<()> {
    system::set_busy_poll(socket, time)
}

/// Returns whether the kernel coalesces datagrams of one sender, as was requested when the socket
/// was opened (`UDP_GRO`, udp(7)).
///
/// If it does, its drop counter counts GRO buffers instead of datagrams.
pub fn receive_offload(socket: &Socket) -> bool {
    system::receive_offload(socket)
}

/// Returns whether the descriptor was shut down for receiving (shutdown(2)), by this process or by
/// another one that has it. Then no datagram will arrive any more. Always `false` where the system
/// does not say.
pub fn is_shut_down(socket: &Socket) -> bool {
    system::is_shut_down(socket)
}

/// Returns how many datagrams the kernel dropped on this socket because its receive buffer was
/// full; `None` where the system does not count them.
///
/// # Errors
///
/// The system's own.
pub fn dropped_datagrams(socket: &Socket) -> io::Result<Option<u32>> {
    system::dropped_datagrams(socket)
}

/// Converts a size for the option calls. The system's own limit is far lower.
fn as_size(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Converts a size that the option calls return.
fn as_bytes(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
