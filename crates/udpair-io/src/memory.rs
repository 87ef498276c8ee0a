//! How many bytes received datagrams hold in this process, and the limit for that.
//!
//! Anybody can send to a socket. So what datagrams hold beyond their own bytes is counted for the
//! whole process: the buffers that datagrams of one sender share, and what is received together
//! with a datagram that was requested and waits for the next request.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sets how many bytes received datagrams may hold in this process, for all sockets together.
/// Default: 8 MiB.
///
/// Two things are counted. Datagrams that the kernel coalesced, and datagrams of more than 16 KiB,
/// share the buffer into which they were received; it is counted until the last of them is dropped.
/// Datagrams that arrived together with a requested one are counted until they are requested, each
/// with its length or with its buffer.
///
/// Beyond the limit, nothing is refused and no datagram is lost. Every datagram is then a copy of
/// its exact length, which is not counted: it takes no more than what the application keeps. And
/// [`is_receive_memory_full`] returns `true`, so that a socket requests one message at a time and
/// leaves the others in the kernel. With a limit of 0, this is always so.
///
/// Not counted are the buffers of a [`RecvBatch`](crate::RecvBatch) that the application fills
/// itself, and the pool of empty buffers: up to 4 MiB, and 2 MiB for each thread that receives.
pub fn set_receive_memory_limit(bytes: usize) {
    LIMIT.store(bytes, Ordering::Relaxed);
}

/// Returns how many bytes received datagrams may hold; see [`set_receive_memory_limit`].
pub fn receive_memory_limit() -> usize {
    LIMIT.load(Ordering::Relaxed)
}

/// Returns how many bytes received datagrams hold now; see [`set_receive_memory_limit`].
///
/// The number may exceed the limit by what one receive call of each socket returned.
pub fn receive_memory() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// Returns whether received datagrams hold as many bytes as they may, or more; see
/// [`set_receive_memory_limit`].
#[inline]
pub fn is_receive_memory_full() -> bool {
    receive_memory() >= receive_memory_limit()
}

/// A number of bytes that are counted as long as this value exists.
#[derive(Debug, Default)]
pub(crate) struct Reservation(usize);

impl Reservation {
    /// Counts `bytes` bytes if the limit allows it.
    pub(crate) fn within_limit(bytes: usize) -> Option<Self> {
        let reservation = Self::beyond_limit(bytes);
        (receive_memory() <= receive_memory_limit()).then_some(reservation)
    }

    /// Counts `bytes` bytes, which are held whatever the limit is.
    pub(crate) fn beyond_limit(bytes: usize) -> Self {
        HELD.fetch_add(bytes, Ordering::Relaxed);
        Self(bytes)
    }

    /// Moves `bytes` bytes to a value of their own, or all if there are fewer.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        let taken = bytes.min(self.0);
        self.0 -= taken;
        Self(taken)
    }

    /// Moves the bytes of `other` to this value.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0 += mem::take(&mut other.0);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.0 > 0 {
            HELD.fetch_sub(self.0, Ordering::Relaxed);
        }
    }
}

static HELD: AtomicUsize = AtomicUsize::new(0);

/// The default is that of 128 buffers.
static LIMIT: AtomicUsize = AtomicUsize::new(8 << 20);
