//! Receiving: one recvmmsg(2) call for all queued messages, each into a buffer of its own;
//! recvmsg(2) for a single message.

use std::cell::RefCell;
use std::io;
use std::iter;
use std::mem;
use std::os::fd::AsRawFd;
use std::ptr;

use super::address::RawAddress;
use super::calls;
use super::control::ControlBuffer;
use super::granted::Feature;
use super::message::empty_header;
use super::metadata;
use crate::batch::{Metadata, RecvBatch};
use crate::engine::Remaining;
use crate::pool::Buffer;
use crate::portable;
use crate::socket::Socket;

/// Receives into `batch`, which must be empty.
#[inline]
pub(super) fn receive(socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
    match SCRATCH.with_borrow_mut(|scratch| scratch.receive_into(socket, batch)) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
            receive_otherwise(socket, batch, error)
        }
        received => received,
    }
}

/// Receives with another call, if the first one failed because this system does not have it.
#[cold]
fn receive_otherwise(
    socket: &Socket,
    batch: &mut RecvBatch,
    error: io::Error,
) -> io::Result<Remaining> {
    if !calls::RECVMMSG.is_missing() && calls::RECVMMSG.finds_missing(&error) {
        return receive(socket, batch);
    }
    if !calls::RECVMSG.is_missing() && !calls::RECVMSG.finds_missing(&error) {
        return Err(error);
    }
    if socket.granted.has(Feature::ReceiveOffload) {
        // Only the missing call says where one datagram ends and the next begins.
        return Err(calls::missing("recvmsg"));
    }
    portable::receive_one(socket, batch)
}

/// The memory that one receive call writes into. Each thread keeps one, so that a socket needs
/// none.
///
/// A filled buffer is moved to the batch. The other buffers are used by the next call.
struct ReceiveScratch {
    /// They point into the other vectors, all of which have the same length.
    headers: Vec<libc::mmsghdr>,
    payloads: Vec<libc::iovec>,
    names: Vec<RawAddress>,
    controls: Vec<ControlBuffer>,
    buffers: Vec<Buffer>,
}

impl ReceiveScratch {
    const fn new() -> Self {
        Self {
            headers: Vec::new(),
            payloads: Vec::new(),
            names: Vec::new(),
            controls: Vec::new(),
            buffers: Vec::new(),
        }
    }

    /// Receives into `batch` until it holds a datagram.
    #[inline]
    fn receive_into(&mut self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
        let max = match calls::RECVMMSG.is_missing() {
            true => 1,
            false => batch.limit().min(MESSAGES_MAX),
        };
        loop {
            self.prepare(max);
            let received = self.receive(socket, max)?;
            for at in 0..received {
                self.move_message(at, socket, batch);
            }
            // Fewer messages than requested: the queue is empty, and no further call is needed to
            // find out.
            let has_emptied = received < max;
            if !batch.is_empty() {
                return Ok(match has_emptied {
                    true => Remaining::Nothing,
                    false => Remaining::Maybe,
                });
            }
            // Every message was dropped, which the kernel should have done.
            if has_emptied {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }

    /// Prepares the first `count` messages for receiving.
    #[inline]
    fn prepare(&mut self, count: usize) {
        if self.headers.len() < count {
            self.grow(count);
        }
        for (buffer, payload) in self.buffers.iter_mut().zip(&mut self.payloads).take(count) {
            if buffer.is_taken() {
                *buffer = Buffer::take();
                let bytes = buffer.bytes_mut();
                payload.iov_base = bytes.as_mut_ptr().cast();
                payload.iov_len = bytes.len();
            }
        }
    }

    /// Grows to `count` messages, none of which has a buffer yet.
    fn grow(&mut self, count: usize) {
        // First, because the headers point into the vectors that move below.
        self.headers.clear();
        self.names.resize(count, RawAddress::unspecified());
        self.controls.resize(count, ControlBuffer::new());
        self.buffers = iter::repeat_with(Buffer::default).take(count).collect();
        let empty = libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        };
        self.payloads = vec![empty; count];
        let (names, controls) = (self.names.as_mut_ptr(), self.controls.as_mut_ptr());
        let payloads = self.payloads.as_mut_ptr();
        self.headers.extend((0..count).map(|at| {
            let mut header = empty_header();
            header.msg_name = names.wrapping_add(at).cast();
            header.msg_iov = payloads.wrapping_add(at);
            header.msg_iovlen = 1;
            header.msg_control = controls.wrapping_add(at).cast();
            restore(&mut header);
            libc::mmsghdr {
                msg_hdr: header,
                msg_len: 0,
            }
        }));
    }

    /// Receives into the first `count` messages, which must be prepared, and returns how many were
    /// received.
    fn receive(&mut self, socket: &Socket, count: usize) -> io::Result<usize> {
        let headers = &mut self.headers[..count];
        let (socket, flags) = (socket.as_raw_fd(), libc::MSG_DONTWAIT);
        let received = if let [header] = headers {
            // The cheaper call for a single message, which a busy receiver uses all the time.
            // SAFETY: `grow` made the header. It points into vectors of this scratch, whose
            // elements have not moved since and are borrowed mutably here. `prepare` set the
            // payload to the buffer of the same message, and `restore` keeps the other lengths
            // correct.
            let length = unsafe { libc::recvmsg(socket, &raw mut header.msg_hdr, flags) };
            u32::try_from(length).map(|length| {
                header.msg_len = length;
                1
            })
        } else {
            let count = libc::c_uint::try_from(count).expect("at most MESSAGES_MAX");
            let (headers, flags, timeout) = (headers.as_mut_ptr(), flags as _, ptr::null_mut());
            // SAFETY: as above, for each of `count` headers. recvmmsg(2) allows a null timeout.
            let received = unsafe { libc::recvmmsg(socket, headers, count, flags, timeout) };
            usize::try_from(received)
        };
        received.map_err(|_| io::Error::last_os_error())
    }

    /// Moves message number `at` to `batch`, and leaves an empty buffer in its place.
    #[allow(
        clippy::unnecessary_cast,
        reason = "musl counts control bytes in 32 bits"
    )]
    #[inline]
    fn move_message(&mut self, at: usize, socket: &Socket, batch: &mut RecvBatch) {
        let header = &mut self.headers[at];
        let length = header.msg_len as usize;
        let control_bytes = header.msg_hdr.msg_controllen as usize;
        let is_truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        restore(&mut header.msg_hdr);
        let Some(from) = self.names[at].decode() else {
            return;
        };
        let mut metadata = Metadata::of_sender(from);
        metadata.truncated = is_truncated;
        let messages = self.controls[at].messages(control_bytes);
        let segment = metadata::read(messages, &mut metadata);
        if !socket.admits(&metadata) {
            return;
        }
        let buffer = mem::take(&mut self.buffers[at]);
        batch.push(buffer, length, segment.unwrap_or(length), metadata);
    }
}

/// Resets the lengths in a header, which the kernel has changed, to those of the memory it points
/// to.
#[inline]
fn restore(header: &mut libc::msghdr) {
    header.msg_namelen = RawAddress::BYTES;
    header.msg_controllen = ControlBuffer::BYTES as _;
}

/// How many messages one call receives at most: with a buffer of 64 KiB each, 2 MiB per thread.
const MESSAGES_MAX: usize = 32;

thread_local! {
    static SCRATCH: RefCell<ReceiveScratch> = const { RefCell::new(ReceiveScratch::new()) };
}
