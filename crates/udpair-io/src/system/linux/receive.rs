//! Receiving: one recvmmsg(2) for as many messages as wait, each into a buffer of its own.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::ptr;

use super::address::RawAddress;
use super::control::ControlBuffer;
use super::message::empty_header;
use super::metadata;
use crate::batch::{Metadata, RecvBatch};
use crate::engine::Waiting;
use crate::pool::Buffer;
use crate::socket::Socket;

/// Receives into `batch`, which is empty.
pub(super) fn receive(socket: &Socket, batch: &mut RecvBatch) -> io::Result<Waiting> {
    ROOM.with_borrow_mut(|room| {
        let wanted = batch.limit().min(MESSAGES_MAX);
        room.prepare(wanted);
        let received = room.receive(socket)?;
        for at in 0..received {
            room.hand_over(at, batch);
        }
        room.buffers.drain(..received);
        if batch.is_empty() {
            // Nobody but the kernel fills in the sender, and it always does.
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the kernel named no sender",
            ));
        }
        // Fewer than there was room for: nothing is left, and no call is needed to learn that.
        Ok(if received < wanted {
            Waiting::Nothing
        } else {
            Waiting::Perhaps
        })
    })
}

/// What one call writes into. Each thread keeps one, so that a socket needs none; a buffer that was
/// filled leaves it, the others are used by the next call.
struct Room {
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

    /// Makes headers for `count` messages, whose pointers lead into this room.
    #[allow(
        clippy::unnecessary_cast,
        reason = "musl counts control bytes in 32 bits"
    )]
    fn prepare(&mut self, count: usize) {
        if self.names.len() < count {
            self.names.resize(count, RawAddress::unspecified());
            self.controls.resize(count, ControlBuffer::new());
        }
        while self.buffers.len() < count {
            self.buffers.push(Buffer::take());
        }
        self.payloads.clear();
        self.payloads
            .extend(self.buffers[..count].iter_mut().map(|buffer| {
                let bytes = buffer.bytes_mut();
                libc::iovec {
                    iov_base: bytes.as_mut_ptr().cast(),
                    iov_len: bytes.len(),
                }
            }));
        let parts = self
            .payloads
            .iter_mut()
            .zip(&mut self.names)
            .zip(&mut self.controls);
        self.headers.clear();
        self.headers.extend(parts.map(|((payload, name), control)| {
            let mut header = empty_header();
            header.msg_name = ptr::from_mut(name).cast();
            header.msg_namelen = RawAddress::BYTES;
            header.msg_iov = payload;
            header.msg_iovlen = 1;
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = control.len() as _;
            libc::mmsghdr {
                msg_hdr: header,
                msg_len: 0,
            }
        }));
    }

    /// Receives into what was prepared, and returns how many messages came.
    fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        let count = libc::c_uint::try_from(self.headers.len()).expect("at most MESSAGES_MAX");
        // SAFETY: `prepare` made the headers just now. Their pointers lead into vectors of this room
        // that have not changed since, are borrowed mutably here, and are as long as the headers say.
        // recvmmsg(2) allows a null timeout.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    }

    /// Adds message number `at` to `batch`; the buffer left behind holds nothing.
    #[allow(
        clippy::unnecessary_cast,
        reason = "musl counts control bytes in 32 bits"
    )]
    fn hand_over(&mut self, at: usize, batch: &mut RecvBatch) {
        let header = &self.headers[at];
        let Some(from) = self.names[at].decode() else {
            return;
        };
        let mut metadata = Metadata::of_sender(from);
        metadata.truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        let messages = self.controls[at].messages(header.msg_hdr.msg_controllen as usize);
        let segment = metadata::read(messages, &mut metadata);
        let length = header.msg_len as usize;
        let buffer = mem::take(&mut self.buffers[at]);
        batch.push(buffer, length, segment.unwrap_or(length), metadata);
    }
}

/// How many messages one call brings at the most: with a buffer of 64 KiB each, 2 MiB a thread.
const MESSAGES_MAX: usize = 32;

thread_local! {
    static ROOM: RefCell<Room> = const { RefCell::new(Room::new()) };
}
