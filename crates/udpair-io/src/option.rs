//! Socket options: one function sets each, one reads it back.
//!
//! An option that has an IPv4 and an IPv6 half is set on both where the socket speaks both. Systems
//! grant less than they were asked for without a word, so that only reading tells what there is.

use std::io;
use std::time::Duration;

use crate::adapter::Adapter;
use crate::socket::{Family, Socket};
use crate::system;

/// Sets the receive buffer's size in bytes (`SO_RCVBUF`).
///
/// [`receive_buffer_bytes`] tells what was granted, since the system clamps without a word: on Linux to `net.core.rmem_max`, and to some two thousand bytes
/// from below. Its administrator set that limit, so nothing here goes around it, even where this
/// process could (`SO_RCVBUFFORCE` with `CAP_NET_ADMIN`): [`receive_buffer_advice`] says how to raise
/// it.
///
/// # Errors
///
/// The system's own.
pub fn set_receive_buffer_bytes(socket: &Socket, bytes: u32) -> io::Result<()> {
    socket.options().set_recv_buffer_size(as_size(bytes))
}

/// Returns the receive buffer's size in bytes, as the system tells it. Default: the system's
/// (`net.core.rmem_default` on Linux).
///
/// Once it was set, [`requested_buffer_bytes`] makes of it what can be compared with what was asked.
///
/// # Errors
///
/// The system's own.
pub fn receive_buffer_bytes(socket: &Socket) -> io::Result<u32> {
    socket.options().recv_buffer_size().map(as_bytes)
}

/// Returns the command with which an administrator allows receive buffers of so many bytes; `None`
/// where we know of none.
pub fn receive_buffer_advice(bytes: u32) -> Option<String> {
    system::receive_buffer_advice(bytes)
}

/// Sets the send buffer's size in bytes (`SO_SNDBUF`); see [`set_receive_buffer_bytes`].
///
/// # Errors
///
/// The system's own.
pub fn set_send_buffer_bytes(socket: &Socket, bytes: u32) -> io::Result<()> {
    socket.options().set_send_buffer_size(as_size(bytes))
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

/// Returns the command with which an administrator allows send buffers of so many bytes; `None` where
/// we know of none.
pub fn send_buffer_advice(bytes: u32) -> Option<String> {
    system::send_buffer_advice(bytes)
}

/// Returns the size of a buffer as it was asked for, from what the system tells of it.
///
/// Linux tells the double of what it was asked for, which it needs for bookkeeping (socket(7)). A
/// buffer that nobody has set is not doubled: what is told of that is its size.
pub fn requested_buffer_bytes(told: u32) -> u32 {
    system::requested_buffer_bytes(told)
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
        options.set_ttl_v4(u32::from(hops))?;
    }
    if socket.family() != Family::Ipv4 {
        options.set_unicast_hops_v6(u32::from(hops))?;
    }
    Ok(())
}

/// Returns the hop limit of unicast datagrams; the lower one where that of IPv4 and that of IPv6
/// differ.
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
    // The smallest of numbers of which one fits.
    Ok(u8::try_from(hops).unwrap_or(u8::MAX))
}

/// Says whether datagrams may be fragmented on their way (`false`), or are refused or dropped when
/// they exceed what the path takes (`true`). Default: the system's; see [`dont_fragment`].
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn set_dont_fragment(socket: &Socket, dont_fragment: bool) -> io::Result<()> {
    system::set_dont_fragment(socket, dont_fragment)
}

/// Returns whether no datagram may be fragmented, of neither family.
///
/// `false` does not promise that all may be: before anything is set, Linux sends IPv4 datagrams
/// unfragmented as long as they fit the path (ip(7), `IP_PMTUDISC_WANT`).
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it does not tell.
pub fn dont_fragment(socket: &Socket) -> io::Result<bool> {
    system::dont_fragment(socket)
}

/// Sets the traffic class (IPv4: TOS) of datagrams sent from now on: six bits of DSCP (RFC 2474,
/// section 3) above two of ECN (RFC 3168, section 5). Default: 0.
///
/// Linux derives the priority of [`set_low_latency`] from it, so that this one is set first.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn set_traffic_class(socket: &Socket, class: u8) -> io::Result<()> {
    system::set_traffic_class(socket, class)
}

/// Returns the traffic class of datagrams; that of IPv6 where the two families differ.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it does not tell.
pub fn traffic_class(socket: &Socket) -> io::Result<u8> {
    system::traffic_class(socket)
}

/// Asks the system to prefer this socket's datagrams while they are on this machine. Default: it does
/// not.
///
/// Linux takes that as the highest priority that needs no capability (socket(7), `SO_PRIORITY`). What
/// is written into the packets is for [`set_traffic_class`] to say, before this.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn set_low_latency(socket: &Socket) -> io::Result<()> {
    system::set_low_latency(socket)
}

/// Returns whether the system prefers this socket's datagrams.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it does not tell.
pub fn low_latency(socket: &Socket) -> io::Result<bool> {
    system::low_latency(socket)
}

/// Ties the socket to one adapter, in and out.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn bind_to_adapter(socket: &Socket, adapter: &Adapter) -> io::Result<()> {
    system::bind_to_adapter(&socket.options(), adapter)
}

/// Lets several sockets of one user bind to the same port, among which the system spreads the flows
/// (`SO_REUSEPORT`, socket(7)); set on each before it is bound.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn share_port(socket: &Socket) -> io::Result<()> {
    system::share_port(socket)
}

/// Lets the kernel look for packets in the adapter's queue for so long before a receive finds nothing
/// (`SO_BUSY_POLL`, socket(7)); in whole microseconds.
///
/// # Errors
///
/// The system's own: raising it needs a right. [`Unsupported`](io::ErrorKind::Unsupported) where there is
/// no such option.
pub fn set_busy_poll(socket: &Socket, time: Duration) -> io::Result<()> {
    system::set_busy_poll(socket, time)
}

/// Returns whether the kernel hands over datagrams of one sender in one piece, as was wished for when
/// the socket was opened (`UDP_GRO`, udp(7)). Then its drop counter counts pieces.
pub fn receive_offload(socket: &Socket) -> bool {
    system::receive_offload(socket)
}

/// Returns how many datagrams the kernel dropped on this socket because its receive buffer was full;
/// `None` where the system does not count.
///
/// # Errors
///
/// The system's own.
pub fn dropped_datagrams(socket: &Socket) -> io::Result<Option<u32>> {
    system::dropped_datagrams(socket)
}

/// Returns `bytes` as the option calls take it; the system's own limit lies far below.
fn as_size(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Returns a size as our options have it.
fn as_bytes(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
