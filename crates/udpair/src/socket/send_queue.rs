//! What waits to be sent, in the kernel and in the write queue.

use super::link::Link;

/// What waits to be sent: how much the kernel still holds, and the writes that wait for space in its
/// send buffer.
///
/// Returned by [`DatagramSocket::send_queue`](super::DatagramSocket::send_queue).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct SendQueue {
    /// How many bytes of the kernel's send buffer are in use: by datagrams that the kernel has
    /// accepted, and that neither have left the machine nor were dropped. `None` where the system
    /// does not say, and on a socket that is not open.
    ///
    /// Linux counts its own bookkeeping too, so that a datagram takes several hundred bytes more than
    /// its payload (`SIOCOUTQ`, udp(7)).
    pub kernel_bytes: Option<u32>,
    /// The size of the kernel's send buffer in the same bytes. A datagram is accepted as long as
    /// less is in use.
    ///
    /// Linux reports twice the size that was requested, because of its bookkeeping (socket(7),
    /// `SO_SNDBUF`).
    pub kernel_bytes_max: Option<u32>,
    /// How many writes wait until the kernel has buffer space. Each is a call of this socket or of
    /// one of its streams that is pending; one that waits for a batch counts once.
    pub waiting_writes: usize,
    /// How many datagrams these writes have not sent yet.
    pub waiting_datagrams: usize,
}

impl SendQueue {
    /// Returns what waits on an open socket.
    pub(crate) fn of(link: &Link) -> Self {
        let asked = link.channel.with(|socket| {
            let bytes = udpair_io::send_queue_bytes(socket).ok().flatten();
            (bytes, udpair_io::send_buffer_bytes(socket).ok())
        });
        let Some((kernel_bytes, kernel_bytes_max)) = asked else {
            return Self::default();
        };
        let (waiting_writes, waiting_datagrams) = link.waiting_writes();
        Self {
            kernel_bytes,
            kernel_bytes_max,
            waiting_writes,
            waiting_datagrams,
        }
    }
}
