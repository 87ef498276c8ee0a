//! Buffers whose bytes a program reads and writes in place.

use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use udpair_winrt::{Error, IBuffer, Result, hresult};

use crate::error::{HResult, guard, null, put, required};
use crate::handle::{Handle, give};
use crate::text::Span;

/// Bytes with a fixed capacity and a length up to it.
pub struct Buffer {
    capacity: u32,
    length: AtomicU32,
    /// Allocated when it is first needed, so that a large capacity costs nothing.
    memory: OnceLock<Memory>,
}

/// Zeroed bytes that stay where they are.
struct Memory {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory belongs to this value; the caller sees to it that nobody writes to bytes that
// another thread uses.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn new(capacity: u32) -> Result<Self> {
        let size = usize::try_from(capacity).map_err(|_| no_memory(capacity))?;
        // Never empty, so that it can be allocated.
        let layout = Layout::array::<u8>(size.max(1)).map_err(|_| no_memory(capacity))?;
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc::alloc_zeroed(layout) };
        let start = NonNull::new(start).ok_or_else(|| no_memory(capacity))?;
        Ok(Self { start, layout })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}

fn no_memory(capacity: u32) -> Error {
    Error::new(
        hresult::E_OUTOFMEMORY,
        format!("no memory for a buffer of {capacity} bytes"),
    )
}

impl Handle for Buffer {}

impl Buffer {
    pub(crate) fn new(capacity: u32) -> Self {
        Self {
            capacity,
            length: AtomicU32::new(0),
            memory: OnceLock::new(),
        }
    }

    /// Returns a buffer that is full of a copy of these bytes.
    pub(crate) fn copy_of(bytes: &[u8]) -> Result<Self> {
        let length = u32::try_from(bytes.len()).map_err(|_| {
            Error::new(
                hresult::E_INVALIDARG,
                "a buffer has at most 4,294,967,295 bytes",
            )
        })?;
        let buffer = Self::new(length);
        buffer.write_at(0, bytes)?;
        buffer.length.store(length, Ordering::Release);
        Ok(buffer)
    }

    fn start(&self) -> Result<*mut u8> {
        if self.memory.get().is_none() {
            // Of two threads, one makes it; the other's is dropped.
            let _ = self.memory.set(Memory::new(self.capacity)?);
        }
        let memory = self.memory.get().expect("set just now");
        Ok(memory.start.as_ptr())
    }
}

impl IBuffer for Buffer {
    fn capacity(&self) -> u32 {
        self.capacity
    }

    fn length(&self) -> u32 {
        self.length.load(Ordering::Acquire)
    }

    fn set_length(&self, length: u32) -> Result<()> {
        if length > self.capacity {
            return Err(Error::new(
                hresult::E_INVALIDARG,
                format!(
                    "cannot set the length to {length}: the capacity is {}",
                    self.capacity
                ),
            ));
        }
        self.length.store(length, Ordering::Release);
        Ok(())
    }

    fn to_bytes(&self) -> Bytes {
        let length = self.length();
        match self.start() {
            Ok(start) if length > 0 => {
                // SAFETY: the memory has the capacity, and the length is at most that. The caller has
                // promised not to write meanwhile.
                let bytes = unsafe { slice::from_raw_parts(start, length as usize) };
                Bytes::copy_from_slice(bytes)
            }
            _ => Bytes::new(),
        }
    }

    fn write_at(&self, offset: u32, bytes: &[u8]) -> Result<()> {
        let end = u64::from(offset) + bytes.len() as u64;
        if end > u64::from(self.capacity) {
            return Err(Error::new(
                hresult::E_INVALIDARG,
                format!(
                    "cannot write up to byte {end}: the capacity is {}",
                    self.capacity
                ),
            ));
        }
        let start = self.start()?;
        // SAFETY: the memory has the capacity, and `bytes` is another memory or was copied.
        unsafe { std::ptr::copy(bytes.as_ptr(), start.add(offset as usize), bytes.len()) };
        Ok(())
    }
}

/// Makes a buffer with this capacity, which is the caller's. Its length is 0, and its bytes are zero.
/// Any thread.
///
/// Errors: E_INVALIDARG if `out` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_buffer_new(capacity: u32, out: Option<&mut *mut Buffer>) -> HResult {
    guard(|| put(out, give(Buffer::new(capacity))))
}

/// Makes a buffer that is full of a copy of these bytes, which is the caller's. Any thread.
///
/// Errors: E_OUTOFMEMORY; E_INVALIDARG if there are more than 4,294,967,295 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_buffer_copy_of(bytes: Span, out: Option<&mut *mut Buffer>) -> HResult {
    guard(|| put(out, give(Buffer::copy_of(bytes.get()?)?)))
}

/// Returns the number of bytes that a buffer has room for; 0 if it is NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_buffer_capacity(buffer: Option<&Buffer>) -> u32 {
    buffer.map_or(0, IBuffer::capacity)
}

/// Returns the number of bytes that are in use; 0 if the buffer is NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_buffer_length(buffer: Option<&Buffer>) -> u32 {
    buffer.map_or(0, IBuffer::length)
}

/// Sets the number of bytes that are in use. The bytes stay. Any thread.
///
/// Errors: E_INVALIDARG if that is more than the capacity.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_buffer_set_length(buffer: Option<&Buffer>, length: u32) -> HResult {
    guard(|| required(buffer, "the buffer")?.set_length(length))
}

/// Writes the address of the bytes of a buffer, as many as its capacity. They stay there as long as
/// the buffer. Any thread; a program must not write to them while an operation or another thread uses
/// the buffer.
///
/// Errors: E_OUTOFMEMORY.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_buffer_data(
    buffer: Option<&Buffer>,
    out: Option<&mut *mut u8>,
) -> HResult {
    guard(|| {
        let start = required(buffer, "the buffer")?.start()?;
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = start;
        Ok(())
    })
}
