//! Readers: values from a stream or a buffer.

use udpair_winrt as winrt;
use udpair_winrt::Result;

use crate::buffer::Buffer;
use crate::connectivity::Guid;
use crate::error::{HResult, contained, guard, null, put, required};
use crate::handle::{Handle, give};
use crate::operation::{Operation, Value, started};
use crate::options::{byte_order, encoding, stream_options};
use crate::owned::OwnedText;
use crate::streams::InputStream;
use crate::text::place;

/// Reads values from a stream or a buffer. A read that fails leaves everything unread.
pub struct Reader(pub(crate) winrt::DataReader);

impl Handle for Reader {}

fn inner(reader: Option<&Reader>) -> Result<&winrt::DataReader> {
    Ok(&required(reader, "the reader")?.0)
}

/// Makes a reader that owns a stream, which is the caller's. Nothing is loaded yet. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_new(
    stream: Option<&InputStream>,
    out: Option<&mut *mut Reader>,
) -> HResult {
    guard(|| {
        let stream = required(stream, "the stream")?.0.clone();
        put(out, give(Reader(winrt::DataReader::new(stream))))
    })
}

/// Makes a reader of the bytes of a buffer that are in use now, which is the caller's. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_from_buffer(
    buffer: Option<&Buffer>,
    out: Option<&mut *mut Reader>,
) -> HResult {
    guard(|| {
        let reader = winrt::DataReader::from_buffer(required(buffer, "the buffer")?);
        put(out, give(Reader(reader)))
    })
}

/// Writes the byte order: 0 little-endian, 1 big-endian. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_byte_order(
    reader: Option<&Reader>,
    out: Option<&mut i32>,
) -> HResult {
    guard(|| put(out, inner(reader)?.byte_order()? as i32))
}

/// Sets the byte order of what is read from now on. Any thread.
///
/// Errors: RO_E_CLOSED; E_INVALIDARG for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_set_byte_order(reader: Option<&Reader>, order: i32) -> HResult {
    guard(|| inner(reader)?.set_byte_order(byte_order(order)?))
}

/// Writes the encoding of text: 0 UTF-8, 1 UTF-16LE, 2 UTF-16BE. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_unicode_encoding(
    reader: Option<&Reader>,
    out: Option<&mut i32>,
) -> HResult {
    guard(|| put(out, inner(reader)?.unicode_encoding()? as i32))
}

/// Sets the encoding of the text that is read from now on. Any thread.
///
/// Errors: RO_E_CLOSED; E_INVALIDARG for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_set_unicode_encoding(
    reader: Option<&Reader>,
    value: i32,
) -> HResult {
    guard(|| inner(reader)?.set_unicode_encoding(encoding(value)?))
}

/// Writes when a load completes, as InputStreamOptions. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_input_stream_options(
    reader: Option<&Reader>,
    out: Option<&mut u32>,
) -> HResult {
    guard(|| put(out, inner(reader)?.input_stream_options()?.bits()))
}

/// Sets when loads from now on complete. Any thread.
///
/// Errors: RO_E_CLOSED; E_INVALIDARG for an unknown bit.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_set_input_stream_options(
    reader: Option<&Reader>,
    options: u32,
) -> HResult {
    guard(|| inner(reader)?.set_input_stream_options(stream_options(options)?))
}

/// Writes the number of unread bytes. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_unconsumed_buffer_length(
    reader: Option<&Reader>,
    out: Option<&mut u32>,
) -> HResult {
    guard(|| put(out, inner(reader)?.unconsumed_buffer_length()?))
}

/// Appends up to `count` bytes of the stream to those that are unread. The result is their number.
/// The operation is the caller's. Any thread.
///
/// Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while another load is pending; E_ILLEGAL_METHOD_CALL
/// if the reader has no stream. The operation has the others.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_load(
    reader: Option<&Reader>,
    count: u32,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| started(out, inner(reader)?.load(count), Value::Number))
}

/// Takes the unread bytes as a buffer, which is the caller's. Any thread.
///
/// Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_detach_buffer(
    reader: Option<&Reader>,
    out: Option<&mut *mut Buffer>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        let bytes = inner(reader)?.detach_buffer()?.to_bytes();
        *out = give(Buffer::copy_of(&bytes)?);
        Ok(())
    })
}

/// Takes the stream, which is the caller's. Any thread.
///
/// Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while a load is pending; E_ILLEGAL_METHOD_CALL if
/// there is none.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_detach_stream(
    reader: Option<&Reader>,
    out: Option<&mut *mut InputStream>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = give(InputStream(inner(reader)?.detach_stream()?));
        Ok(())
    })
}

/// Closes a reader, and the stream that it owns. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_close(reader: Option<&Reader>) {
    contained(|| reader.into_iter().for_each(|reader| reader.0.close()));
}

/// Reads one byte: zero is false. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_bool(
    reader: Option<&Reader>,
    out: Option<&mut bool>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = inner(reader)?.read_bool()?;
        Ok(())
    })
}

/// Reads one byte. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_u8(reader: Option<&Reader>, out: Option<&mut u8>) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = inner(reader)?.read_u8()?;
        Ok(())
    })
}

/// Reads an integer of 2 bytes in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_u16(
    reader: Option<&Reader>,
    out: Option<&mut u16>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = inner(reader)?.read_u16()?;
        Ok(())
    })
}

/// Reads an integer of 4 bytes in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_u32(
    reader: Option<&Reader>,
    out: Option<&mut u32>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = inner(reader)?.read_u32()?;
        Ok(())
    })
}

/// Reads an integer of 8 bytes in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_u64(
    reader: Option<&Reader>,
    out: Option<&mut u64>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = inner(reader)?.read_u64()?;
        Ok(())
    })
}

/// Reads a floating-point number of 4 bytes in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_f32(
    reader: Option<&Reader>,
    out: Option<&mut f32>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = inner(reader)?.read_f32()?;
        Ok(())
    })
}

/// Reads a floating-point number of 8 bytes in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_f64(
    reader: Option<&Reader>,
    out: Option<&mut f64>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = inner(reader)?.read_f64()?;
        Ok(())
    })
}

/// Reads a GUID: 16 bytes, of which the first three fields are in the byte order. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_guid(
    reader: Option<&Reader>,
    out: Option<&mut Guid>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = inner(reader)?.read_guid()?.into();
        Ok(())
    })
}

/// Reads `length` bytes to `data`. If that fails, they stay as they are. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_bytes(
    reader: Option<&Reader>,
    data: *mut u8,
    length: usize,
) -> HResult {
    guard(|| inner(reader)?.read_bytes(place(data, length)?))
}

/// Reads `length` bytes as a new buffer, which is the caller's. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_buffer(
    reader: Option<&Reader>,
    length: u32,
    out: Option<&mut *mut Buffer>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        let bytes = inner(reader)?.read_buffer(length)?.to_bytes();
        *out = give(Buffer::copy_of(&bytes)?);
        Ok(())
    })
}

/// Reads text of `code_units` code units of the encoding, which the caller frees. Any thread.
///
/// Errors: RO_E_CLOSED; E_BOUNDS; ERROR_NO_UNICODE_TRANSLATION; ERROR_INVALID_OPERATION while a load
/// is pending.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_reader_read_string(
    reader: Option<&Reader>,
    code_units: u32,
    out: Option<&mut OwnedText>,
) -> HResult {
    guard(|| {
        let out = out.ok_or_else(|| null("the place for the result"))?;
        *out = OwnedText::new(&inner(reader)?.read_string(code_units)?);
        Ok(())
    })
}
