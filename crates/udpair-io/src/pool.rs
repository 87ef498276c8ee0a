//! The receive buffers of the process, shared by its sockets.
//!
//! An idle socket holds no buffer. A buffer is taken from the pool when a datagram is available,
//! and returns when the datagram was delivered. Ten thousand idle sockets therefore use no buffer,
//! and a few buffers are enough for the sockets that are busy at the same time.

use std::cell::Cell;
use std::mem;
use std::sync::{Mutex, PoisonError};

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
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
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

/// 65,535 bytes are the maximum of the UDP length field (RFC 768), which includes the header, and
/// the most that the kernel coalesces.
pub(crate) const BUFFER_BYTES: usize = 65_535;

/// How many buffers the pool keeps (4 MiB), in addition to one for each thread that receives or
/// drops messages.
const KEPT_BUFFERS_MAX: usize = 64;

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
