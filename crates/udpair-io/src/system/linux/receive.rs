//! Receiving: one recvmmsg(2) call for all queued messages, each into a buffer of its own;
//! recvmsg(2) for a single message. The buffers are the pool's, or the caller's.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
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
use crate::batch::{Filled, MESSAGE_BYTES_MAX, Metadata, RecvBatch};
use crate::engine::Remaining;
use crate::pool::Buffer;
use crate::portable;
use crate::socket::Socket;

/// Receives into `batch`, which must be empty.
#[inline]
pub(super) fn receive(socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
    match POOLED.with_borrow_mut(|scratch| scratch.receive(socket, batch)) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => match other_call(socket, error)?
        {
            OtherCall::Messages => receive(socket, batch),
            OtherCall::Portable => portable::receive_one(socket, batch),
        },
        received => received,
    }
}

/// Receives into `buffers`; see [`Engine::receive_into`](crate::Engine::receive_into).
pub(super) fn receive_into(
    socket: &Socket,
    buffers: &mut [IoSliceMut<'_>],
    filled: &mut Vec<Filled>,
) -> io::Result<Remaining> {
    match GIVEN.with_borrow_mut(|scratch| scratch.receive_into(socket, buffers, filled)) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => match other_call(socket, error)?
        {
            OtherCall::Messages => receive_into(socket, buffers, filled),
            OtherCall::Portable => portable::receive_one_into(socket, buffers, filled),
        },
        received => received,
    }
}

/// Which call to receive with, after the first one failed because this system does not have it.
enum OtherCall {
    Messages,
    Portable,
}

/// Returns `error` if it does not mean that the call is missing.
#[cold]
fn other_call(socket: &Socket, error: io::Error) -> io::Result<OtherCall> {
    if !calls::RECVMMSG.is_missing() && calls::RECVMMSG.finds_missing(&error) {
        return Ok(OtherCall::Messages);
    }
    if !calls::RECVMSG.is_missing() && !calls::RECVMSG.finds_missing(&error) {
        return Err(error);
    }
    if socket.granted.has(Feature::ReceiveOffload) {
        // Only the missing call says where one datagram ends and the next begins.
        return Err(calls::missing("recvmsg"));
    }
    Ok(OtherCall::Portable)
}

/// Messages that are received into buffers of the pool. Each thread keeps one of these, so that a
/// socket needs none.
///
/// A filled buffer is moved to the batch. The other buffers are used by the next call.
struct PooledScratch {
    messages: Messages,
    buffers: Vec<Buffer>,
}

impl PooledScratch {
    /// Receives into `batch` until it holds a datagram.
    #[inline]
    fn receive(&mut self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
        let max = messages_max(batch.limit());
        loop {
            self.prepare(max);
            let received = self.messages.receive(socket, max)?;
            for at in 0..received {
                let buffers = &mut self.buffers;
                self.messages.read(at, socket, |length, segment, metadata| {
                    batch.push(mem::take(&mut buffers[at]), length, segment, metadata);
                });
            }
            if let Some(remaining) = remaining(received, max, !batch.is_empty())? {
                return Ok(remaining);
            }
        }
    }

    /// Prepares the first `count` messages for receiving.
    #[inline]
    fn prepare(&mut self, count: usize) {
        if self.buffers.len() < count {
            self.messages.grow(count);
            self.buffers = iter::repeat_with(Buffer::default).take(count).collect();
        }
        let payloads = &mut self.messages.payloads;
        for (buffer, payload) in self.buffers.iter_mut().zip(payloads).take(count) {
            if buffer.is_taken() {
                *buffer = Buffer::take();
                *payload = entry(buffer.bytes_mut());
            }
        }
    }
}

/// Messages that are received into buffers of the caller.
struct GivenScratch(Messages);

impl GivenScratch {
    /// Receives into `buffers` until one is filled.
    fn receive_into(
        &mut self,
        socket: &Socket,
        buffers: &mut [IoSliceMut<'_>],
        filled: &mut Vec<Filled>,
    ) -> io::Result<Remaining> {
        let wanted = messages_max(buffers.len());
        if wanted == 0 {
            return Ok(Remaining::Maybe);
        }
        let bytes_min = match socket.granted.has(Feature::ReceiveOffload) {
            true => MESSAGE_BYTES_MAX,
            false => 0,
        };
        let before = filled.len();
        loop {
            let max = self.prepare(&mut buffers[..wanted], bytes_min);
            let received = self.0.receive(socket, max)?;
            for at in 0..received {
                self.0.read(at, socket, |length, segment, metadata| {
                    buffers.swap(filled.len() - before, at);
                    filled.push(Filled::new(metadata, length, segment));
                });
            }
            if let Some(remaining) = remaining(received, max, filled.len() > before)? {
                return Ok(remaining);
            }
        }
    }

    /// Prepares a message for the first of `buffers`, and for those after it that have at least
    /// `bytes_min` bytes. Returns the number of messages.
    fn prepare(&mut self, buffers: &mut [IoSliceMut<'_>], bytes_min: usize) -> usize {
        let messages = &mut self.0;
        if messages.headers.len() < buffers.len() {
            messages.grow(buffers.len());
        }
        for (at, (buffer, payload)) in buffers.iter_mut().zip(&mut messages.payloads).enumerate() {
            if at > 0 && buffer.len() < bytes_min {
                return at;
            }
            *payload = entry(buffer);
        }
        buffers.len()
    }
}

/// Returns how many messages one call takes for a caller that asks for `wanted`.
#[inline]
fn messages_max(wanted: usize) -> usize {
    wanted.min(match calls::RECVMMSG.is_missing() {
        true => 1,
        false => MESSAGES_MAX,
    })
}

/// Returns what a call left in the kernel that asked for `max` messages and `received` some; `None`
/// if it has to be repeated because none of them was admitted.
#[inline]
fn remaining(received: usize, max: usize, has_any: bool) -> io::Result<Option<Remaining>> {
    // Fewer messages than requested: the queue is empty, and no further call is needed to find out.
    let has_emptied = received < max;
    match (has_any, has_emptied) {
        (true, true) => Ok(Some(Remaining::Nothing)),
        (true, false) => Ok(Some(Remaining::Maybe)),
        // Every message was dropped, which the kernel should have done.
        (false, true) => Err(io::ErrorKind::WouldBlock.into()),
        (false, false) => Ok(None),
    }
}

/// The memory that one receive call writes into, but for the payloads.
struct Messages {
    /// They point into the other vectors, all of which have the same length.
    headers: Vec<libc::mmsghdr>,
    /// Where the payloads go. Set before each call.
    payloads: Vec<libc::iovec>,
    names: Vec<RawAddress>,
    controls: Vec<ControlBuffer>,
}

impl Messages {
    const fn new() -> Self {
        Self {
            headers: Vec::new(),
            payloads: Vec::new(),
            names: Vec::new(),
            controls: Vec::new(),
        }
    }

    /// Grows to `count` messages, none of which has a place for its payload yet.
    fn grow(&mut self, count: usize) {
        // First, because the headers point into the vectors that move below.
        self.headers.clear();
        self.names.resize(count, RawAddress::unspecified());
        self.controls.resize(count, ControlBuffer::new());
        self.payloads = vec![entry(&mut []); count];
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

    /// Receives into the first `count` messages, whose payloads must point to memory that is
    /// borrowed mutably until this returns, and returns how many were received.
    #[inline(always)]
    fn receive(&mut self, socket: &Socket, count: usize) -> io::Result<usize> {
        let headers = &mut self.headers[..count];
        let (socket, flags) = (socket.as_raw_fd(), libc::MSG_DONTWAIT);
        let received = if let [header] = headers {
            // The cheaper call for a single message, which a busy receiver uses all the time.
            // SAFETY: `grow` made the header. It points into vectors of this scratch, whose
            // elements have not moved since and are borrowed mutably here. The caller has set the
            // payload to memory that is borrowed mutably, and `restore` keeps the other lengths
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

    /// Passes what message number `at` holds to `keep`, unless it is to be dropped: the bytes in
    /// total, the bytes of each datagram, of which the last may have fewer, and the metadata.
    #[allow(
        clippy::unnecessary_cast,
        reason = "musl counts control bytes in 32 bits"
    )]
    #[inline(always)]
    fn read(&mut self, at: usize, socket: &Socket, keep: impl FnOnce(usize, usize, Metadata)) {
        let header = &mut self.headers[at];
        let length = header.msg_len as usize;
        let control_bytes = header.msg_hdr.msg_controllen as usize;
        let is_truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        restore(&mut header.msg_hdr);
        let Some(from) = self.names[at].decode() else {
            return;
        };
        let mut metadata = Metadata::of_sender(from);
        metadata.is_truncated = is_truncated;
        let messages = self.controls[at].messages(control_bytes);
        let segment = metadata::read(messages, &mut metadata).unwrap_or(length);
        if socket.admits(&metadata) {
            keep(length, segment, metadata);
        }
    }
}

/// Returns the entry that describes a buffer to the kernel.
#[inline]
fn entry(buffer: &mut [u8]) -> libc::iovec {
    libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
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
    static POOLED: RefCell<PooledScratch> = const {
        RefCell::new(PooledScratch {
            messages: Messages::new(),
            buffers: Vec::new(),
        })
    };
    static GIVEN: RefCell<GivenScratch> = const { RefCell::new(GivenScratch(Messages::new())) };
}
