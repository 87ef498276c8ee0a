//! Buffers: bytes with a fixed capacity and a length.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use crate::error::{Error, Result};

/// Bytes with a fixed capacity and a length up to it.
///
/// An application may implement it, for memory of its own: what takes a buffer takes it too
/// (BUF-05). [`Buffer::over`] makes a [`Buffer`] of it.
///
/// # Model
///
/// `Windows.Storage.Streams.IBuffer`. Its bytes are copied in and out, since nothing safe keeps a
/// reference to bytes that others may change.
pub trait IBuffer: Send + Sync {
    /// Returns the number of bytes that the buffer can hold.
    fn capacity(&self) -> u32;

    /// Returns the number of bytes that are in use.
    fn length(&self) -> u32;

    /// Sets the number of bytes that are in use. The bytes stay.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: more than the capacity. The length stays.
    fn set_length(&self, length: u32) -> Result<()>;

    /// Returns the bytes that are in use: the first [`length`](Self::length) ones.
    fn to_bytes(&self) -> Bytes;

    /// Writes `bytes` from `offset` on. The length stays.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: that would go beyond the capacity. Nothing is written.
    fn write_at(&self, offset: u32, bytes: &[u8]) -> Result<()>;

    /// Writes `bytes` from the start on, and makes them the bytes that are in use.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: they are more than the capacity. The buffer stays as it is.
    fn fill(&self, bytes: Bytes) -> Result<()> {
        self.write_at(0, &bytes)?;
        self.set_length(length_of(&bytes)?)
    }
}

/// A buffer: memory of its own, or an [`IBuffer`] of the application. A clone is the same buffer.
///
/// Memory of its own is allocated when it is first written, so that a large capacity costs nothing.
///
/// # Examples
///
/// ```
/// use udpair_winrt::Buffer;
///
/// # fn main() -> udpair_winrt::Result<()> {
/// let buffer = Buffer::with_capacity(4);
/// assert_eq!(buffer.length(), 0);
/// buffer.write_at(0, b"abc")?;
/// buffer.set_length(3)?;
/// assert_eq!(buffer.to_bytes(), "abc");
/// assert!(buffer.set_length(5).is_err());
/// buffer.with_mut(|bytes| bytes.reverse())?;
/// assert_eq!(buffer.to_bytes(), "cba");
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `Windows.Storage.Streams.Buffer` (BUF-01 to BUF-05).
#[derive(Clone)]
pub struct Buffer(Arc<dyn IBuffer>);

impl Buffer {
    /// Returns a buffer with this capacity. Its length is 0, and its bytes are zero.
    pub fn with_capacity(capacity: u32) -> Self {
        Self::over(Memory {
            capacity,
            content: Mutex::default(),
        })
    }

    /// Returns a buffer that is full of a copy of these bytes.
    ///
    /// # Panics
    ///
    /// Panics if there are more than [`u32::MAX`] bytes.
    ///
    /// # Model
    ///
    /// `Buffer.CreateCopyFromMemoryBuffer` (BUF-03).
    pub fn copy_from(bytes: &[u8]) -> Self {
        Bytes::copy_from_slice(bytes).into()
    }

    /// Returns a buffer that is this buffer of the application.
    pub fn over(buffer: impl IBuffer + 'static) -> Self {
        Self(Arc::new(buffer))
    }

    /// Returns the number of bytes that the buffer can hold.
    pub fn capacity(&self) -> u32 {
        self.0.capacity()
    }

    /// Returns the number of bytes that are in use.
    pub fn length(&self) -> u32 {
        self.0.length()
    }

    /// Sets the number of bytes that are in use; see [`IBuffer::set_length`].
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: more than the capacity.
    pub fn set_length(&self, length: u32) -> Result<()> {
        self.0.set_length(length)
    }

    /// Returns the bytes that are in use. Those of memory of its own are not copied; what is written
    /// to the buffer later does not change them.
    pub fn to_bytes(&self) -> Bytes {
        self.0.to_bytes()
    }

    /// Writes `bytes` from `offset` on; see [`IBuffer::write_at`].
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: that would go beyond the capacity.
    pub fn write_at(&self, offset: u32, bytes: &[u8]) -> Result<()> {
        self.0.write_at(offset, bytes)
    }

    /// Calls `change` with a copy of the bytes that are in use, and writes them back.
    ///
    /// The buffer may be used meanwhile; what others write between the two copies is overwritten.
    ///
    /// # Errors
    ///
    /// That of an application's buffer whose capacity has shrunk.
    pub fn with_mut<R>(&self, change: impl FnOnce(&mut [u8]) -> R) -> Result<R> {
        let mut bytes = BytesMut::from(self.to_bytes());
        let output = change(&mut bytes);
        self.write_at(0, &bytes)?;
        Ok(output)
    }
}

/// The same methods, for what takes any buffer.
impl IBuffer for Buffer {
    fn capacity(&self) -> u32 {
        self.0.capacity()
    }

    fn length(&self) -> u32 {
        self.0.length()
    }

    fn set_length(&self, length: u32) -> Result<()> {
        self.0.set_length(length)
    }

    fn to_bytes(&self) -> Bytes {
        self.0.to_bytes()
    }

    fn write_at(&self, offset: u32, bytes: &[u8]) -> Result<()> {
        self.0.write_at(offset, bytes)
    }

    fn fill(&self, bytes: Bytes) -> Result<()> {
        self.0.fill(bytes)
    }
}

macro_rules! pointers {
    ($($what:literal, $pointer:ty;)+) => {
        $(
            #[doc = concat!("The buffer that is ", $what, ".")]
            impl<B: IBuffer + ?Sized> IBuffer for $pointer {
                fn capacity(&self) -> u32 {
                    (**self).capacity()
                }

                fn length(&self) -> u32 {
                    (**self).length()
                }

                fn set_length(&self, length: u32) -> Result<()> {
                    (**self).set_length(length)
                }

                fn to_bytes(&self) -> Bytes {
                    (**self).to_bytes()
                }

                fn write_at(&self, offset: u32, bytes: &[u8]) -> Result<()> {
                    (**self).write_at(offset, bytes)
                }

                fn fill(&self, bytes: Bytes) -> Result<()> {
                    (**self).fill(bytes)
                }
            }
        )+
    };
}

pointers! {
    "referred to", &B;
    "shared", Arc<B>;
}

/// A buffer that is full of these bytes, which are not copied.
///
/// # Panics
///
/// Panics if there are more than [`u32::MAX`] bytes.
impl From<Bytes> for Buffer {
    fn from(bytes: Bytes) -> Self {
        let length = u32::try_from(bytes.len()).expect("a buffer has at most u32::MAX bytes");
        Self::over(Memory {
            capacity: length,
            content: Mutex::new(Content { bytes, length }),
        })
    }
}

/// A buffer that is full of these bytes, which are not copied.
///
/// # Panics
///
/// Panics if there are more than [`u32::MAX`] bytes.
impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("capacity", &self.capacity())
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}

/// Memory of a buffer's own.
struct Memory {
    capacity: u32,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    /// At most as many as the capacity. Those that are missing are zero.
    bytes: Bytes,
    length: u32,
}

impl IBuffer for Memory {
    fn capacity(&self) -> u32 {
        self.capacity
    }

    fn length(&self) -> u32 {
        self.content().length
    }

    fn set_length(&self, length: u32) -> Result<()> {
        if length > self.capacity {
            return Err(Error::invalid_argument(format!(
                "cannot set the length to {length}: the capacity is {}",
                self.capacity
            )));
        }
        self.content().length = length;
        Ok(())
    }

    fn to_bytes(&self) -> Bytes {
        let mut content = self.content();
        let length = index(content.length);
        // Dropped after the lock is released: the memory may be foreign.
        let _former = (content.bytes.len() < length).then(|| content.change(length, |_| ()));
        content.bytes.slice(..length)
    }

    fn write_at(&self, offset: u32, bytes: &[u8]) -> Result<()> {
        let start = index(offset);
        let end = start.saturating_add(bytes.len());
        self.check(end)?;
        let mut content = self.content();
        let _former = content.change(end, |all| all[start..end].copy_from_slice(bytes));
        drop(content);
        Ok(())
    }

    fn fill(&self, bytes: Bytes) -> Result<()> {
        self.check(bytes.len())?;
        let length = length_of(&bytes)?;
        let mut content = self.content();
        let former = if content.bytes.len() <= bytes.len() {
            Some(std::mem::replace(&mut content.bytes, bytes))
        } else {
            // The bytes after these stay.
            content.change(bytes.len(), |all| {
                all[..bytes.len()].copy_from_slice(&bytes);
            })
        };
        content.length = length;
        drop(content);
        drop(former);
        Ok(())
    }
}

impl Memory {
    fn check(&self, end: usize) -> Result<()> {
        if end <= index(self.capacity) {
            return Ok(());
        }
        Err(Error::invalid_argument(format!(
            "cannot write up to byte {end}: the capacity is {}",
            self.capacity
        )))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    /// Calls `change` with the bytes, of which there are then at least `length`. Returns the former
    /// bytes if others share them.
    fn change(&mut self, length: usize, change: impl FnOnce(&mut [u8])) -> Option<Bytes> {
        let (mut bytes, former) = match std::mem::take(&mut self.bytes).try_into_mut() {
            Ok(bytes) => (bytes, None),
            Err(shared) => (BytesMut::from(&shared[..]), Some(shared)),
        };
        if bytes.len() < length {
            bytes.resize(length, 0);
        }
        change(&mut bytes);
        self.bytes = bytes.freeze();
        former
    }
}

/// Returns the length of bytes that have to fit into a buffer.
fn length_of(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len())
        .map_err(|_| Error::invalid_argument("a buffer has at most 4,294,967,295 bytes"))
}

/// Returns a length as an index. What no memory can hold is the largest one.
fn index(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
