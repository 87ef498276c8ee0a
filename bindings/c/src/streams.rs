//! Streams: of a socket, and of the bytes of a message.

use std::sync::Arc;

use udpair_winrt as winrt;
use udpair_winrt::{IBuffer, Result};

use crate::buffer::Buffer;
use crate::error::{HResult, contained, guard, required};
use crate::handle::{Any, Handle, Object, shared};
use crate::operation::{Operation, Value, started};
use crate::options::stream_options;
use crate::text::Span;

/// Where bytes go: one write is one datagram.
pub struct OutputStream(pub(crate) winrt::OutputStream);

impl Handle for OutputStream {
    fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Where bytes come from.
pub struct InputStream(pub(crate) winrt::InputStream);

impl Handle for InputStream {
    fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Writes bytes as one datagram; they are copied. The result is their number. The operation is the
/// caller's; without a place for it, the write goes on alone. Any thread.
///
/// Errors: RO_E_CLOSED; E_ILLEGAL_METHOD_CALL if the socket is not connected and the stream is that to
/// its peer. The operation has the others.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_output_stream_write(
    stream: Option<&OutputStream>,
    bytes: Span,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        let stream = required(stream, "the stream")?;
        let buffer = winrt::Buffer::copy_from(bytes.get()?);
        started(out, stream.0.write(&buffer), Value::Number)
    })
}

/// Waits for the writes before it. The result is 1 if they all have succeeded, otherwise 0. The
/// operation is the caller's. Any thread.
///
/// Errors: RO_E_CLOSED. The operation has the others.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_output_stream_flush(
    stream: Option<&OutputStream>,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        let flush = required(stream, "the stream")?.0.flush();
        started(out, flush, |has_succeeded| {
            Value::Number(has_succeeded.into())
        })
    })
}

/// Closes a stream: pending writes and later calls fail. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_output_stream_close(stream: Option<&OutputStream>) {
    contained(|| stream.into_iter().for_each(|stream| stream.0.close()));
}

/// Makes a stream of a copy of these bytes, which is the caller's. It ends after them. Any thread.
///
/// Errors: E_INVALIDARG if `out` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_input_stream_of(
    bytes: Span,
    out: Option<&mut *mut InputStream>,
) -> HResult {
    guard(|| {
        let stream = winrt::InputStream::from_bytes(bytes.get()?.to_vec());
        crate::error::put(out, crate::handle::give(InputStream(stream)))
    })
}

/// Reads up to `count` bytes into a buffer. `options` are InputStreamOptions. The result is the
/// buffer. The operation is the caller's, and keeps the buffer. Any thread.
///
/// Errors: RO_E_CLOSED; E_INVALIDARG if `count` is more than the capacity. The operation has the
/// others.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_input_stream_read(
    stream: Option<&InputStream>,
    buffer: *const Buffer,
    count: u32,
    options: u32,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        let stream = required(stream, "the stream")?;
        let buffer = shared(buffer).ok_or_else(|| crate::error::null("the buffer"))?;
        let options = stream_options(options)?;
        let over = winrt::Buffer::over(Kept(buffer.clone()));
        started(out, stream.0.read(over, count, options), move |_| {
            Value::Object(Some(Any::of(buffer.clone())))
        })
    })
}

/// Closes a stream: pending reads and later calls fail. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_input_stream_close(stream: Option<&InputStream>) {
    contained(|| stream.into_iter().for_each(|stream| stream.0.close()));
}

/// A buffer of the program that an operation keeps.
pub(crate) struct Kept(pub(crate) Arc<Object<Buffer>>);

impl IBuffer for Kept {
    fn capacity(&self) -> u32 {
        self.0.value.capacity()
    }

    fn length(&self) -> u32 {
        self.0.value.length()
    }

    fn set_length(&self, length: u32) -> Result<()> {
        self.0.value.set_length(length)
    }

    fn to_bytes(&self) -> bytes::Bytes {
        self.0.value.to_bytes()
    }

    fn write_at(&self, offset: u32, bytes: &[u8]) -> Result<()> {
        self.0.value.write_at(offset, bytes)
    }
}
