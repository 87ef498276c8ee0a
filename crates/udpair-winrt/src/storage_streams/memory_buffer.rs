//! `MemoryBuffer`: a view of a buffer's bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::buffer::Buffer;
use crate::error::{Error, Result};

/// A view of a buffer: what is written to one is seen in the other. A clone is the same view.
///
/// # Examples
///
/// ```
/// use udpair_winrt::Buffer;
///
/// # fn main() -> udpair_winrt::Result<()> {
/// let buffer = Buffer::copy_from(b"cat");
/// let memory = buffer.as_memory();
/// memory.write_at(0, b"b")?;
/// assert_eq!(buffer.to_bytes(), "bat");
/// let copy = Buffer::copy_from(&memory.to_bytes()?);
/// memory.close();
/// assert!(memory.to_bytes().is_err());
/// assert_eq!(copy.to_bytes(), "bat");
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `Windows.Foundation.MemoryBuffer` as `Buffer.CreateMemoryBufferOverIBuffer` returns it (BUF-03).
#[derive(Clone, Debug)]
pub struct MemoryBuffer {
    buffer: Buffer,
    is_closed: Arc<AtomicBool>,
}

impl Buffer {
    /// Returns a view of this buffer.
    ///
    /// # Model
    ///
    /// `Buffer.CreateMemoryBufferOverIBuffer` (BUF-03).
    pub fn as_memory(&self) -> MemoryBuffer {
        MemoryBuffer {
            buffer: self.clone(),
            is_closed: Arc::default(),
        }
    }
}

impl MemoryBuffer {
    /// Returns the number of bytes that the buffer can hold.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`: the view was closed.
    pub fn capacity(&self) -> Result<u32> {
        self.open().map(Buffer::capacity)
    }

    /// Returns the bytes of the buffer that are in use.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`: the view was closed.
    pub fn to_bytes(&self) -> Result<Bytes> {
        self.open().map(Buffer::to_bytes)
    }

    /// Writes `bytes` to the buffer, from `offset` on.
    ///
    /// # Errors
    ///
    /// - `RO_E_CLOSED`: the view was closed.
    /// - `E_INVALIDARG`: that would go beyond the capacity.
    pub fn write_at(&self, offset: u32, bytes: &[u8]) -> Result<()> {
        self.open()?.write_at(offset, bytes)
    }

    /// Ends the view. The buffer stays as it is.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    fn open(&self) -> Result<&Buffer> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(Error::closed("the memory buffer"));
        }
        Ok(&self.buffer)
    }
}
