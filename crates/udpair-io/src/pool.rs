//! The receive buffers of the process, shared by its sockets.
//!
//! A socket that waits holds no buffer: one is taken when a datagram is there and goes back when the
//! datagram was handed on. So ten thousand idle sockets cost no buffer, and a few are enough for those
//! that are busy at the same moment.

use std::cell::Cell;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// A buffer that holds whatever one receive brings; back to the pool when dropped.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Without bytes once they were taken out.
    bytes: Box<[u8]>,
}

impl Buffer {
    /// Takes a buffer from the pool, or makes one.
    #[inline]
    pub(crate) fn take() -> Self {
        let kept = match OWN.take() {
            Some(bytes) => Some(bytes),
            None => POOL.lock().unwrap_or_else(PoisonError::into_inner).pop(),
        };
        let bytes = kept.unwrap_or_else(|| vec![0; BUFFER_BYTES].into_boxed_slice());
        Self { bytes }
    }

    /// Returns whether the bytes were taken out, or never were there.
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

    /// Returns the first `length` bytes in a form that may be kept, shared and cut.
    ///
    /// The buffer itself, unless it holds little or too many are kept already: then a copy.
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
        let Some(bytes) = keep_as_own(mem::take(&mut self.bytes)) else {
            return;
        };
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < KEPT_BUFFERS_MAX {
            pool.push(bytes);
        }
    }
}

/// A buffer whose bytes the application holds.
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
        if SHARED.fetch_add(1, Ordering::Relaxed) < SHARED_BUFFERS_MAX {
            return Some(Self);
        }
        SHARED.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        SHARED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// 65,535 bytes are the most that the UDP length field can count (RFC 768), header included, and the
/// most that the kernel coalesces.
const BUFFER_BYTES: usize = 65_535;

/// How many buffers the pool keeps: 4 MiB, beside one for each thread that receives or drops messages.
const KEPT_BUFFERS_MAX: usize = 64;

/// How many buffers the application may hold before it gets copies: 8 MiB.
const SHARED_BUFFERS_MAX: usize = 128;

/// Up to here a copy costs no more than sharing, and a message that is kept pins no large buffer.
pub(crate) const COPIED_BYTES_MAX: usize = 2048;

/// Makes `bytes` the buffer that this thread takes next, and returns it if there is one already.
#[inline]
fn keep_as_own(bytes: Box<[u8]>) -> Option<Box<[u8]>> {
    let mut bytes = Some(bytes);
    // A thread that ends keeps nothing.
    let _ = OWN.try_with(|own| {
        let before = own.take();
        own.set(before.or_else(|| bytes.take()));
    });
    bytes
}

thread_local! {
    /// A buffer that went back and can be taken again without a lock.
    static OWN: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

static POOL: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

static SHARED: AtomicUsize = AtomicUsize::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_outlives_the_pool_and_past_the_bound_it_is_copied() {
        let mut kept = Vec::new();
        for number in 0..SHARED_BUFFERS_MAX + 8 {
            let mut buffer = Buffer::take();
            let mark = u8::try_from(number % 256).unwrap();
            buffer.bytes_mut()[..COPIED_BYTES_MAX + 1].fill(mark);
            kept.push((mark, buffer.share(COPIED_BYTES_MAX + 1)));
        }
        assert!(SHARED.load(Ordering::Relaxed) <= SHARED_BUFFERS_MAX);
        for (mark, bytes) in kept {
            assert_eq!(bytes.len(), COPIED_BYTES_MAX + 1);
            assert!(bytes.iter().all(|byte| *byte == mark), "{mark}");
        }
        assert_eq!(SHARED.load(Ordering::Relaxed), 0);
    }
}
