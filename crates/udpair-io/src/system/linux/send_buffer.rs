//! `ENOBUFS`: which datagrams a queue on their route dropped, and which ones never fit the send buffer.
//!
//! A full queue of an adapter drops a datagram. The kernel reports that to a socket with an error
//! queue only (`IP_RECVERR`, udp_send_skb in net/ipv4/udp.c), and then with the error that it also
//! has for a fragmented datagram which exceeds the send buffer (sock_wmalloc in net/core/sock.c).
//! The first is over when the call returns. The second never changes, so they are distinguished by
//! what a datagram needs.

use std::io;
use std::net::SocketAddr;

use super::option;
use crate::batch::Outgoing;
use crate::cause::ExceedsSendBuffer;
use crate::engine::Sent;
use crate::socket::{Family, Socket};

/// See [`system`](crate::system).
pub(crate) fn outcome_of_failed_send(
    socket: &Socket,
    outgoing: Outgoing<'_>,
    error: io::Error,
) -> io::Result<Sent> {
    if error.raw_os_error() != Some(libc::ENOBUFS) {
        return Err(error);
    }
    let length = outgoing.payload.len();
    check_fits(socket, outgoing.to.map(|to| to.address), length)?;
    Ok(Sent {
        dropped: 1,
        ..Sent::one(length)
    })
}

/// Checks that the send buffer can hold a datagram of `length` bytes.
///
/// # Errors
///
/// Returns [`ExceedsSendBuffer`] if it never can.
fn check_fits(socket: &Socket, to: Option<SocketAddr>, length: usize) -> io::Result<()> {
    let Ok(reported) = socket.options().send_buffer_size() else {
        return Ok(());
    };
    // The kernel lets the fragments of one datagram take twice what it reports (sock_wmalloc).
    let limit = 2 * reported;
    // What fits unfragmented into the smallest packet that every IPv4 host takes needs no closer
    // look.
    if length <= 512 || length < limit / OVERHEAD_MAX {
        return Ok(());
    }
    let Some(needed) = fragments_bytes(length, path_mtu(socket, to)) else {
        return Ok(());
    };
    if needed <= limit {
        return Ok(());
    }
    Err(ExceedsSendBuffer {
        needed_bytes: needed as u64,
        buffer_bytes: limit as u64,
    }
    .into())
}

/// Returns the buffer space that the fragments of a datagram take; `None` if it needs no fragments.
fn fragments_bytes(length: usize, mtu: usize) -> Option<usize> {
    // All fragments but the last have a multiple of 8 bytes (RFC 791, section 3.2).
    let in_each = mtu.checked_sub(IP_HEADER_BYTES).map(|bytes| bytes & !7)?;
    let total = length + UDP_HEADER_BYTES;
    if in_each == 0 || total + IP_HEADER_BYTES <= mtu {
        return None;
    }
    let data = (mtu + LINK_HEADER_BYTES + SHARED_INFO_BYTES).next_power_of_two();
    Some(total.div_ceil(in_each) * (data + BUFFER_HEADER_BYTES))
}

/// Returns the MTU of the path to `to`, or to the peer; that of an Ethernet where the kernel does
/// not say.
fn path_mtu(socket: &Socket, to: Option<SocketAddr>) -> usize {
    let mtu = || {
        let to = match to {
            Some(to) => to,
            None => socket.peer_addr()?,
        };
        let scratch = Socket::bare(Family::of(to))?;
        scratch.connect(to)?;
        option::path_mtu(&scratch)
    };
    mtu().unwrap_or(ETHERNET_MTU)
}

/// No datagram takes more than so many times its length.
const OVERHEAD_MAX: usize = 4;

/// RFC 894.
const ETHERNET_MTU: usize = 1500;

/// The IPv4 header; that of IPv6 with a fragment header takes more, and so more fragments.
const IP_HEADER_BYTES: usize = 20;

const UDP_HEADER_BYTES: usize = 8;

/// Space that the kernel leaves for the header of the link.
const LINK_HEADER_BYTES: usize = 32;

/// `struct skb_shared_info`, include/linux/skbuff.h, on 64-bit systems.
const SHARED_INFO_BYTES: usize = 320;

/// `struct sk_buff`, include/linux/skbuff.h, on 64-bit systems, aligned.
const BUFFER_HEADER_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel takes 5,000 bytes over an MTU of 1,500 with the smallest send buffer, whose
    /// fragments may take 9,216 bytes, and never takes 6,000.
    #[test]
    fn the_space_that_fragments_take_is_that_of_the_kernel() {
        for (length, mtu, needed) in [
            (1_472, 1_500, None),
            (1_473, 1_500, Some(2 * 2_304)),
            (5_000, 1_500, Some(4 * 2_304)),
            (6_000, 1_500, Some(5 * 2_304)),
            (65_507, 65_536, None),
            (8_000, 9_000, None),
        ] {
            assert_eq!(fragments_bytes(length, mtu), needed, "{length} {mtu}");
        }
    }
}
