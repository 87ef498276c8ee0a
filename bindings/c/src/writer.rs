//! Writers: values to a buffer, and from there to a stream.

use udpair_winrt as winrt;
use udpair_winrt::Result;

use crate::buffer::Buffer;
use crate::connectivity::Guid;
use crate::error::{HResult, contained, guard, null, put, required};
use crate::handle::{Handle, give};
use crate::operation::{Operation, Value, started};
use crate::options::{byte_order, encoding};
use crate::streams::OutputStream;
use crate::text::{Span, Text};

/// Writes values, which are then stored in a stream: all values since the last store are one
/// datagram.
pub struct Writer(pub(crate) winrt::DataWriter);

impl Handle for Writer {}

fn inner(writer: Option<&Writer>) -> Result<&winrt::DataWriter> {
    Ok(&required(writer, "the writer")?.0)
}

/// Makes a writer that owns a stream, or none if it is NULL. The writer is the caller's. Any thread.
///
/// Errors: E_INVALIDARG if `out` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_new(
    stream: Option<&OutputStream>,
    out: Option<&mut *mut Writer>,
) -> HResult {
    guard(|| {
        let writer = match stream {
            Some(stream) => winrt::DataWriter::with_stream(stream.0.clone()),
            None => winrt::DataWriter::new(),
        };
        put(out, give(Writer(writer)))
    })
}

/// Writes the byte order: 0 little-endian, 1 big-endian. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_byte_order(
    writer: Option<&Writer>,
    out: Option<&mut i32>,
) -> HResult {
    guard(|| put(out, inner(writer)?.byte_order()? as i32))
}

/// Sets the byte order of what is written from now on. Any thread.
///
/// Errors: RO_E_CLOSED; E_INVALIDARG for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_set_byte_order(writer: Option<&Writer>, order: i32) -> HResult {
    guard(|| inner(writer)?.set_byte_order(byte_order(order)?))
}

/// Writes the encoding of text: 0 UTF-8, 1 UTF-16LE, 2 UTF-16BE. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_unicode_encoding(
    writer: Option<&Writer>,
    out: Option<&mut i32>,
) -> HResult {
    guard(|| put(out, inner(writer)?.unicode_encoding()? as i32))
}

/// Sets the encoding of the text that is written from now on. Any thread.
///
/// Errors: RO_E_CLOSED; E_INVALIDARG for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_set_unicode_encoding(
    writer: Option<&Writer>,
    value: i32,
) -> HResult {
    guard(|| inner(writer)?.set_unicode_encoding(encoding(value)?))
}

/// Writes the number of bytes that are neither stored nor detached. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_unstored_buffer_length(
    writer: Option<&Writer>,
    out: Option<&mut u32>,
) -> HResult {
    guard(|| put(out, inner(writer)?.unstored_buffer_length()?))
}

/// Writes the number of code units that text has in the present encoding. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_measure_string(
    writer: Option<&Writer>,
    text: Text,
    out: Option<&mut u32>,
) -> HResult {
    guard(|| put(out, inner(writer)?.measure_string(text.get()?)?))
}

/// Writes everything that is unstored to the stream, in one write. The result is the number of bytes.
/// The operation is the caller's; without a place for it, the store goes on alone. Any thread.
///
/// Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while another store is pending;
/// E_ILLEGAL_METHOD_CALL if the writer has no stream, or the socket is not connected. The operation
/// has the others.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_store(
    writer: Option<&Writer>,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| started(out, inner(writer)?.store(), Value::Number))
}

/// Flushes the stream. The result is 1 if everything that was stored could be written, otherwise 0.
/// The operation is the caller's. Any thread.
///
/// Errors: RO_E_CLOSED. The operation has the others.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_flush(
    writer: Option<&Writer>,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        started(out, inner(writer)?.flush(), |has_succeeded| {
            Value::Number(has_succeeded.into())
        })
    })
}

/// Takes everything that is unstored as a buffer, which is the caller's. Any thread.
///
/// Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_detach_buffer(
    writer: Option<&Writer>,
    out: Option<&mut *mut Buffer>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        let bytes = inner(writer)?.detach_buffer()?.to_bytes();
        *out = give(Buffer::copy_of(&bytes)?);
        Ok(())
    })
}

/// Takes the stream, which is the caller's. Any thread.
///
/// Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while a store is pending; E_ILLEGAL_METHOD_CALL if
/// there is none.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_detach_stream(
    writer: Option<&Writer>,
    out: Option<&mut *mut OutputStream>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = give(OutputStream(inner(writer)?.detach_stream()?));
        Ok(())
    })
}

/// Closes a writer, and the stream that it owns. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_close(writer: Option<&Writer>) {
    contained(|| writer.into_iter().for_each(|writer| writer.0.close()));
}

/// Writes one byte: 1 for true, 0 for false. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_bool(writer: Option<&Writer>, value: bool) -> HResult {
    guard(|| inner(writer)?.write_bool(value))
}

/// Writes one byte. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_u8(writer: Option<&Writer>, value: u8) -> HResult {
    guard(|| inner(writer)?.write_u8(value))
}

/// Writes an integer of 2 bytes in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_u16(writer: Option<&Writer>, value: u16) -> HResult {
    guard(|| inner(writer)?.write_u16(value))
}

/// Writes an integer of 4 bytes in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_u32(writer: Option<&Writer>, value: u32) -> HResult {
    guard(|| inner(writer)?.write_u32(value))
}

/// Writes an integer of 8 bytes in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_u64(writer: Option<&Writer>, value: u64) -> HResult {
    guard(|| inner(writer)?.write_u64(value))
}

/// Writes a floating-point number of 4 bytes in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_f32(writer: Option<&Writer>, value: f32) -> HResult {
    guard(|| inner(writer)?.write_f32(value))
}

/// Writes a floating-point number of 8 bytes in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_f64(writer: Option<&Writer>, value: f64) -> HResult {
    guard(|| inner(writer)?.write_f64(value))
}

/// Writes a GUID: 16 bytes, of which the first three fields are in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_guid(writer: Option<&Writer>, value: Guid) -> HResult {
    guard(|| inner(writer)?.write_guid(value.into()))
}

/// Writes bytes. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_bytes(writer: Option<&Writer>, bytes: Span) -> HResult {
    guard(|| inner(writer)?.write_bytes(bytes.get()?))
}

/// Writes the bytes of a buffer that are in use. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_buffer(
    writer: Option<&Writer>,
    buffer: Option<&Buffer>,
) -> HResult {
    guard(|| inner(writer)?.write_buffer(required(buffer, "the buffer")?))
}

/// Writes `count` bytes of a buffer from `start` on. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending; E_INVALIDARG
/// if that is beyond the length of the buffer.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_buffer_range(
    writer: Option<&Writer>,
    buffer: Option<&Buffer>,
    start: u32,
    count: u32,
) -> HResult {
    guard(|| {
        let buffer = required(buffer, "the buffer")?;
        inner(writer)?.write_buffer_range(buffer, start, count)
    })
}

/// Writes text, and the number of its code units to `out`. Any thread.
///
/// Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_writer_write_string(
    writer: Option<&Writer>,
    text: Text,
    out: Option<&mut u32>,
) -> HResult {
    guard(|| {
        let written = inner(writer)?.write_string(text.get()?)?;
        if let Some(out) = out {
            *out = written;
        }
        Ok(())
    })
}
