//! Socket options, one function each.
//!
//! An option that has an IPv4 and an IPv6 half is set on both where the socket speaks both.

use std::io;
use std::time::Duration;

use crate::adapter::Adapter;
use crate::socket::{Family, Socket};
use crate::system;

/// What was asked of the system and what it gave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Granted {
    /// What was asked for.
    pub wished: u32,
    /// What the system says it is now.
    pub granted: u32,
}

/// Sets the receive buffer's size in bytes (`SO_RCVBUF`) and returns what was granted.
///
/// The system clamps without a word: on Linux to `net.core.rmem_max`. Linux also reports the double
/// of what it was asked, for its own bookkeeping (socket(7)); the figure here is the half.
///
/// # Errors
///
/// The system's own.
pub fn set_receive_buffer_bytes(socket: &Socket, bytes: u32) -> io::Result<Granted> {
    let options = socket.options();
    options.set_recv_buffer_size(as_size(bytes))?;
    Ok(Granted {
        wished: bytes,
        granted: system::buffer_bytes_as_asked(options.recv_buffer_size()?),
    })
}

/// Sets the send buffer's size in bytes (`SO_SNDBUF`) and returns what was granted; see
/// [`set_receive_buffer_bytes`].
///
/// # Errors
///
/// The system's own.
pub fn set_send_buffer_bytes(socket: &Socket, bytes: u32) -> io::Result<Granted> {
    let options = socket.options();
    options.set_send_buffer_size(as_size(bytes))?;
    Ok(Granted {
        wished: bytes,
        granted: system::buffer_bytes_as_asked(options.send_buffer_size()?),
    })
}

/// Sets the hop limit (IPv4: TTL) of unicast datagrams sent from now on.
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

/// Says whether datagrams may be fragmented on their way (`false`), or are refused or dropped when
/// they exceed what the path takes (`true`).
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn set_dont_fragment(socket: &Socket, dont_fragment: bool) -> io::Result<()> {
    system::set_dont_fragment(socket, dont_fragment)
}

/// Marks datagrams for expedited forwarding (RFC 3246) and asks the system to prefer them.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn set_low_latency(socket: &Socket) -> io::Result<()> {
    system::set_low_latency(socket)
}

/// Ties the socket to one adapter, in and out.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where it has no such option.
pub fn bind_to_adapter(socket: &Socket, adapter: &Adapter) -> io::Result<()> {
    system::bind_to_adapter(socket, adapter)
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
