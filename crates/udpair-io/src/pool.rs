//! The receive buffers of the process, shared by its sockets.
//!
//! An idle socket holds no buffer. A buffer is taken from the pool when a datagram is available,
//! and returns when the datagram was delivered. Ten thousand idle sockets therefore use no buffer,
//! and a few buffers are enough for the sockets that are busy at the same time.

use std::cell::Cell;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// A buffer that is large enough for any received message. It returns to the pool when dropped.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Empty after the bytes were moved out.
    bytes: Box<[u8]>,
}

impl Buffer {
    /// Takes a buffer from the pool, or allocates one.
    #[inline]
    pub(crate) fn take() -> Self {
        let kept = match THREAD_BUFFER.take() {
            Some(bytes) => Some(bytes),
            None => POOL.lock().unwrap_or_else(PoisonError::into_inner).pop(),
        };
        let bytes = kept.unwrap_or_else(|| vec![0; BUFFER_BYTES].into_boxed_slice());
        Self { bytes }
    }

    /// Returns whether there are no bytes: they were moved out, or the buffer never had any.
    #[inline]
    pub(crate) fn is_taken(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Returns the first `length` bytes as [`Bytes`], which can be kept, shared and sliced.
    ///
    /// They are the buffer itself. If `length` is small, or the application already holds too many
    /// buffers, they are a copy.
    pub(crate) fn share(self, length: usize) -> Bytes {
        if length > COPIED_BYTES_MAX
            && let Some(reserved) = Reserved::new()
        {
            return Bytes::from_owner(PooledBytes {
                buffer: self,
                length,
                _reserved: reserved,
            });
        }
        Bytes::copy_from_slice(&self.bytes()[..length])
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.is_taken() {
            return;
        }
        let Some(bytes) = keep_for_thread(mem::take(&mut self.bytes)) else {
            return;
        };
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < KEPT_BUFFERS_MAX {
            pool.push(bytes);
        }
    }
}

/// A buffer that the application holds as [`Bytes`].
struct PooledBytes {
    buffer: Buffer,
    length: usize,
    _reserved: Reserved,
}

impl AsRef<[u8]> for PooledBytes {
    fn as_ref(&self) -> &[u8] {
        &self.buffer.bytes()[..self.length]
    }
}

/// One of the [`SHARED_BUFFERS_MAX`] buffers that the application may hold.
struct Reserved;

impl Reserved {
    fn new() -> Option<Self> {
        if SHARED_BUFFERS.fetch_add(1, Ordering::Relaxed) < SHARED_BUFFERS_MAX {
            return Some(Self);
        }
        SHARED_BUFFERS.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        SHARED_BUFFERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// 65,535 bytes are the maximum of the UDP length field (RFC 768), which includes the header, and
/// the most that the kernel coalesces.
const BUFFER_BYTES: usize = 65_535;

/// How many buffers the pool keeps (4 MiB), in addition to one for each thread that receives or
/// drops messages.
const KEPT_BUFFERS_MAX: usize = 64;

/// How many buffers the application may hold before it receives copies: 8 MiB.
const SHARED_BUFFERS_MAX: usize = 128;

/// Up to this length, a copy costs no more than sharing, and a kept message does not pin a large
/// buffer.
pub(crate) const COPIED_BYTES_MAX: usize = 2048;

/// Keeps `bytes` as the buffer that this thread takes next. Returns `bytes` if the thread already
/// has such a buffer.
#[inline]
fn keep_for_thread(bytes: Box<[u8]>) -> Option<Box<[u8]>> {
    let mut bytes = Some(bytes);
    // Fails while the thread ends; such a thread keeps no buffer.
    let _ = THREAD_BUFFER.try_with(|own| {
        let before = own.take();
        own.set(before.or_else(|| bytes.take()));
    });
    bytes
}

thread_local! {
    /// A returned buffer that this thread can take again without a lock.
    static THREAD_BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

static POOL: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

static SHARED_BUFFERS: AtomicUsize = AtomicUsize::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_bytes_stay_valid_and_beyond_the_limit_they_are_copies() {
        let mut kept = Vec::new();
        for number in 0..SHARED_BUFFERS_MAX + 8 {
            let mut buffer = Buffer::take();
            let mark = u8::try_from(number % 256).unwrap();
            buffer.bytes_mut()[..COPIED_BYTES_MAX + 1].fill(mark);
            kept.push((mark, buffer.share(COPIED_BYTES_MAX + 1)));
        }
        assert!(SHARED_BUFFERS.load(Ordering::Relaxed) <= SHARED_BUFFERS_MAX);
        for (mark, bytes) in kept {
            assert_eq!(bytes.len(), COPIED_BYTES_MAX + 1);
            assert!(bytes.iter().all(|byte| *byte == mark), "{mark}");
        }
        assert_eq!(SHARED_BUFFERS.load(Ordering::Relaxed), 0);
    }
}
