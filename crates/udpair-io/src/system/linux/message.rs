//! Receiving one message with recvmsg(2), and message headers.

use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::ptr;

use super::address::RawAddress;
use super::control::{ControlBuffer, ControlMessages};
use crate::socket::Socket;

/// The addresses and control messages that recvmsg(2) returned with a message.
pub(super) struct Received {
    /// The remote address. For an error, the destination of the lost datagram.
    pub(super) name: RawAddress,
    control: ControlBuffer,
    control_length: usize,
}

impl Received {
    pub(super) fn control_messages(&self) -> ControlMessages<'_> {
        self.control.messages(self.control_length)
    }
}

/// Calls recvmsg(2) once. The payload is written to `buffer`, as far as it fits.
#[allow(
    clippy::unnecessary_cast,
    reason = "musl counts control bytes in 32 bits"
)]
pub(super) fn receive_message(
    socket: &Socket,
    buffer: &mut [u8],
    flags: libc::c_int,
) -> io::Result<Received> {
    let mut received = Received {
        name: RawAddress::unspecified(),
        control: ControlBuffer::new(),
        control_length: 0,
    };
    let mut payload = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut header = empty_header();
    header.msg_name = (&raw mut received.name).cast();
    header.msg_namelen = RawAddress::BYTES;
    header.msg_iov = &raw mut payload;
    header.msg_iovlen = 1;
    header.msg_control = received.control.as_mut_ptr().cast();
    header.msg_controllen = ControlBuffer::BYTES as _;
    // SAFETY: the header points to `received` and `buffer`, which outlive the call and are writable
    // for the given lengths.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    if length < 0 {
        return Err(io::Error::last_os_error());
    }
    received.control_length = header.msg_controllen as usize;
    Ok(received)
}

/// Returns a header without buffers.
pub(super) fn empty_header() -> libc::msghdr {
    // SAFETY: the fields are integers and pointers, for which zero is a valid value.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = ptr::null_mut();
    header
}
