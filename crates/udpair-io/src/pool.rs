//! The receive buffers of the process, shared by its sockets.
//!
//! A socket that waits holds no buffer: it takes one when a datagram is there and gives it back when
//! the datagram was handed on. So ten thousand idle sockets cost no buffer, and a few are enough for
//! those that are busy at the same moment.

use std::sync::{Mutex, PoisonError};

/// A buffer that holds any UDP datagram; back to the pool when dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// `None` only while dropping.
    bytes: Option<Box<[u8]>>,
}

impl Buffer {
    /// Takes a buffer from the pool, or makes one.
    pub(crate) fn take() -> Self {
        let kept = POOL.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = kept.unwrap_or_else(|| vec![0; BUFFER_BYTES].into_boxed_slice());
        Self { bytes: Some(bytes) }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < KEPT_BUFFERS_MAX
            && let Some(bytes) = self.bytes.take()
        {
            pool.push(bytes);
        }
    }
}

/// 65,535 bytes are the most that the UDP length field can count (RFC 768), header included.
const BUFFER_BYTES: usize = 65_535;

/// How many buffers the pool keeps: 4 MiB.
const KEPT_BUFFERS_MAX: usize = 64;

static POOL: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());
