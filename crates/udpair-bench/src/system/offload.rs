//! `UDP_SEGMENT` and `UDP_GRO`: many datagrams of one size in one buffer (udp(7)).

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::ptr;

use super::{count, set_option};

/// A GSO buffer: the kernel splits it into datagrams when it is sent.
pub(crate) struct Segments {
    payload: Vec<u8>,
    control: Control,
    control_bytes: usize,
    /// The length of each datagram.
    bytes: u16,
}

impl Segments {
    /// Returns a buffer of `length` datagrams of `bytes` bytes each.
    pub(crate) fn new(length: usize, bytes: u16) -> Self {
        let mut control = Control([0; CONTROL_WORDS]);
        let control_bytes = control.put_segment_bytes(bytes);
        Self {
            payload: vec![1; length * usize::from(bytes)],
            control,
            control_bytes,
            bytes,
        }
    }

    /// Sends the first `length` datagrams in one call.
    pub(crate) fn send(&mut self, socket: &UdpSocket, length: usize) -> io::Result<()> {
        let mut slice = libc::iovec {
            iov_base: self.payload.as_mut_ptr().cast(),
            iov_len: length * usize::from(self.bytes),
        };
        assert!(slice.iov_len <= self.payload.len());
        let mut header = header(&mut slice, &mut self.control);
        // A single datagram is not split.
        header.msg_controllen = match length {
            1 => 0,
            _ => self.control_bytes as _,
        };
        // SAFETY: the header points to the payload and the control message of `self`. Both are live
        // for the call and for the lengths in the header.
        count(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, 0) })?;
        Ok(())
    }
}

/// A receive buffer for datagrams that the kernel has coalesced (GRO).
pub(crate) struct CoalescedDatagrams {
    buffer: Vec<u8>,
    control: Control,
}

/// The result of one receive call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    bytes: usize,
    /// The length of each datagram.
    segment_bytes: usize,
}

impl CoalescedDatagrams {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; BUFFER_BYTES],
            control: Control([0; CONTROL_WORDS]),
        }
    }

    /// Lets the kernel coalesce datagrams that arrive on this socket.
    pub(crate) fn enable(socket: &UdpSocket) -> io::Result<()> {
        set_option(socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_GRO, 1)
    }

    /// Receives one buffer. Whether the call may sleep depends on the mode of the socket.
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> io::Result<Received> {
        let mut slice = libc::iovec {
            iov_base: self.buffer.as_mut_ptr().cast(),
            iov_len: self.buffer.len(),
        };
        let mut header = header(&mut slice, &mut self.control);
        // SAFETY: the header points to the buffer and the control buffer of `self`. Both are live
        // and writable for the call and for the lengths in the header.
        let bytes = count(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, 0) })?;
        // SAFETY: the kernel has just filled in the header, and the control buffer it points to.
        let segment_bytes = unsafe { segment_bytes(&header) }.unwrap_or(bytes);
        Ok(Received {
            bytes,
            segment_bytes,
        })
    }

    /// Returns the datagrams of the last buffer, in order.
    pub(crate) fn payloads(&self, received: Received) -> impl Iterator<Item = &[u8]> {
        self.buffer[..received.bytes].chunks(received.segment_bytes.max(1))
    }
}

/// A buffer for a control message, aligned for its header.
struct Control([u64; CONTROL_WORDS]);

impl Control {
    /// Writes the control message with the length of each datagram, and returns the space it takes.
    fn put_segment_bytes(&mut self, bytes: u16) -> usize {
        let value_bytes = size_of::<u16>() as u32;
        // SAFETY: both only add and round.
        let (length, space) =
            unsafe { (libc::CMSG_LEN(value_bytes), libc::CMSG_SPACE(value_bytes)) };
        let head: *mut libc::cmsghdr = self.0.as_mut_ptr().cast();
        // SAFETY: the buffer is aligned for a header and large enough for it and for the value.
        unsafe {
            (*head).cmsg_level = libc::SOL_UDP;
            (*head).cmsg_type = libc::UDP_SEGMENT;
            (*head).cmsg_len = length as _;
            libc::CMSG_DATA(head).cast::<u16>().write_unaligned(bytes);
        }
        space as usize
    }
}

/// Returns a header that points to a buffer and to a control buffer. It is valid until one of them
/// is moved.
fn header(slice: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: all zeros is a valid `msghdr`, without a name, buffers or control messages.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = ptr::from_mut(slice);
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control.0) as _;
    header
}

/// Returns the length of each datagram; `None` if the kernel coalesced nothing.
///
/// # Safety
///
/// The kernel filled in `header`, and the control buffer that it points to is still live.
unsafe fn segment_bytes(header: &libc::msghdr) -> Option<usize> {
    // SAFETY: the header points to a live control buffer, as the caller promises.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: the CMSG macros return only pointers to whole headers in the control buffer.
        let head = unsafe { &*message };
        if head.cmsg_level == libc::SOL_UDP && head.cmsg_type == libc::UDP_GRO {
            // SAFETY: a `UDP_GRO` message holds an `int` (net/ipv4/udp.c).
            let bytes = unsafe { libc::CMSG_DATA(message).cast::<i32>().read_unaligned() };
            return usize::try_from(bytes).ok();
        }
        // SAFETY: as above.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    None
}

/// The most that the kernel coalesces; also enough for any single datagram.
const BUFFER_BYTES: usize = 65_535;

/// Enough for a header and one `int`.
const CONTROL_WORDS: usize = 8;
