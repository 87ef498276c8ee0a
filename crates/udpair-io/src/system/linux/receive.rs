//! Receiving: one recvmmsg(2) for as many messages as wait, each into a buffer of its own; recvmsg(2) for
//! one.

use std::cell::RefCell;
use std::io;
use std::iter;
use std::mem;
use std::os::fd::AsRawFd;
use std::ptr;

use super::address::RawAddress;
use super::control::ControlBuffer;
use super::message::empty_header;
use super::metadata;
use crate::batch::{Metadata, RecvBatch};
use crate::engine::Remaining;
use crate::pool::Buffer;
use crate::socket::Socket;

/// Receives into `batch`, which is empty.
#[inline]
pub(super) fn receive(socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
    ROOM.with_borrow_mut(|room| {
        let wanted = batch.limit().min(MESSAGES_MAX);
        room.prepare(wanted);
        let received = room.receive(socket, wanted)?;
        for at in 0..received {
            room.hand_over(at, batch);
        }
        if batch.is_empty() {
            // Nobody but the kernel fills in the sender, and it always does.
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the kernel named no sender",
            ));
        }
        // Fewer than there was room for: nothing is left, and no call is needed to learn that.
        Ok(if received < wanted {
            Remaining::Nothing
        } else {
            Remaining::Maybe
        })
    })
}

/// What one call writes into. Each thread keeps one, so that a socket needs none; a buffer that was
/// filled leaves it, the others are used by the next call.
struct Room {
    /// Their pointers lead into the other vectors, all of which have as many elements.
    headers: Vec<libc::mmsghdr>,
    payloads: Vec<libc::iovec>,
    names: Vec<RawAddress>,
    controls: Vec<ControlBuffer>,
    buffers: Vec<Buffer>,
}

impl Room {
    const fn new() -> Self {
        Self {
            headers: Vec::new(),
            payloads: Vec::new(),
            names: Vec::new(),
            controls: Vec::new(),
            buffers: Vec::new(),
        }
    }

    /// Makes the first `count` messages ready to be received into.
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

    /// Makes room for `count` messages, none of which has a buffer yet.
    fn grow(&mut self, count: usize) {
        // Before what they lead to is moved.
        self.headers.clear();
        self.names.resize(count, RawAddress::unspecified());
        self.controls.resize(count, ControlBuffer::new());
        self.buffers = iter::repeat_with(Buffer::default).take(count).collect();
        let nothing = libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        };
        self.payloads = vec![nothing; count];
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

    /// Receives into the first `count` messages, which are ready, and returns how many came.
    fn receive(&mut self, socket: &Socket, count: usize) -> io::Result<usize> {
        let headers = &mut self.headers[..count];
        let (socket, flags) = (socket.as_raw_fd(), libc::MSG_DONTWAIT);
        let received = if let [header] = headers {
            // The shorter way, which a busy receiver goes all the time.
            // SAFETY: `grow` made the header. Its pointers lead into vectors of this room, whose elements
            // have not moved since and are borrowed mutably here. `prepare` made the payload the one of
            // the buffer beside it, and `restore` keeps the other lengths true.
            let length = unsafe { libc::recvmsg(socket, &raw mut header.msg_hdr, flags) };
            u32::try_from(length).map(|length| {
                header.msg_len = length;
                1
            })
        } else {
            let count = libc::c_uint::try_from(count).expect("at most MESSAGES_MAX");
            let (headers, flags, nothing) = (headers.as_mut_ptr(), flags as _, ptr::null_mut());
            // SAFETY: as above, for each of `count` headers. recvmmsg(2) allows a null timeout.
            let received = unsafe { libc::recvmmsg(socket, headers, count, flags, nothing) };
            usize::try_from(received)
        };
        received.map_err(|_| io::Error::last_os_error())
    }

    /// Adds message number `at` to `batch`; the buffer left behind holds nothing.
    #[allow(
        clippy::unnecessary_cast,
        reason = "musl counts control bytes in 32 bits"
    )]
    #[inline]
    fn hand_over(&mut self, at: usize, batch: &mut RecvBatch) {
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
        let buffer = mem::take(&mut self.buffers[at]);
        batch.push(buffer, length, segment.unwrap_or(length), metadata);
    }
}

/// Makes the lengths of a header, which the kernel has changed, those of what it leads to again.
#[inline]
fn restore(header: &mut libc::msghdr) {
    header.msg_namelen = RawAddress::BYTES;
    header.msg_controllen = ControlBuffer::BYTES as _;
}

/// How many messages one call brings at the most: with a buffer of 64 KiB each, 2 MiB a thread.
const MESSAGES_MAX: usize = 32;

thread_local! {
    static ROOM: RefCell<Room> = const { RefCell::new(Room::new()) };
}
