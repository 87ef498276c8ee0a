//! `DataWriter`: values to a buffer, and from there to a stream.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use udpair::data::{ByteOrder, DateTime, Guid, TimeSpan, UnicodeEncoding, Writer};
use udpair::hresult;

use super::buffer::{Buffer, IBuffer};
use super::output_stream::OutputStream;
use crate::error::{Error, Result};
use crate::foundation::Operation;

/// What [`DataWriter::store`] returns: the number of bytes that were stored.
pub type DataWriterStoreOperation = Operation<u32>;

/// Writes values to a buffer, which is then stored in a stream. A clone is the same writer.
///
/// Each store is one write of the stream, so that all values since the last one make one datagram.
/// Numbers are big-endian and text is UTF-8 by default.
///
/// Dropping the last handle drops the stream, and does not close it.
///
/// # Errors
///
/// Every call fails with `RO_E_CLOSED` after [`close`](Self::close), and every write
///
/// - with `ERROR_INVALID_OPERATION` while a store is pending,
/// - with `E_OUTOFMEMORY` if more than [`u32::MAX`] bytes would be unstored.
///
/// Nothing is written then.
///
/// # Examples
///
/// ```
/// use udpair_winrt::DataWriter;
///
/// # fn main() -> udpair_winrt::Result<()> {
/// let writer = DataWriter::new();
/// writer.write_u32(writer.measure_string("Très")?)?;
/// writer.write_string("Très")?;
/// assert_eq!(writer.unstored_buffer_length()?, 9);
/// let buffer = writer.detach_buffer()?;
/// assert_eq!(buffer.length(), 9);
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `Windows.Storage.Streams.DataWriter` (DW-01 to DW-18).
#[derive(Clone)]
pub struct DataWriter(Arc<Mutex<State>>);

struct State {
    writer: Writer,
    stream: Option<OutputStream>,
    /// The number of bytes that are being stored.
    storing: Option<usize>,
    is_closed: bool,
}

impl Default for DataWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl DataWriter {
    /// Returns a writer without a stream.
    pub fn new() -> Self {
        Self::with(None)
    }

    /// Returns a writer that owns this stream.
    pub fn with_stream(stream: impl Into<OutputStream>) -> Self {
        Self::with(Some(stream.into()))
    }

    fn with(stream: Option<OutputStream>) -> Self {
        Self(Arc::new(Mutex::new(State {
            writer: Writer::new(),
            stream,
            storing: None,
            is_closed: false,
        })))
    }

    /// Returns the byte order.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn byte_order(&self) -> Result<ByteOrder> {
        self.open().map(|state| state.writer.byte_order())
    }

    /// Sets the byte order of what is written from now on. The default is big-endian.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn set_byte_order(&self, order: ByteOrder) -> Result<()> {
        self.open()
            .map(|mut state| state.writer.set_byte_order(order))
    }

    /// Returns the encoding of text.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn unicode_encoding(&self) -> Result<UnicodeEncoding> {
        self.open().map(|state| state.writer.encoding())
    }

    /// Sets the encoding of the text that is written from now on. The default is UTF-8.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn set_unicode_encoding(&self, encoding: UnicodeEncoding) -> Result<()> {
        self.open()
            .map(|mut state| state.writer.set_encoding(encoding))
    }

    /// Returns the number of bytes that were written, and neither stored nor detached.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn unstored_buffer_length(&self) -> Result<u32> {
        let state = self.open()?;
        let unstored = state.writer.length() + state.storing.unwrap_or(0);
        Ok(u32::try_from(unstored).unwrap_or(u32::MAX))
    }

    /// Returns the number of code units that `text` has in the present encoding: the number to read
    /// it with.
    ///
    /// # Errors
    ///
    /// - `RO_E_CLOSED`.
    /// - `E_OUTOFMEMORY`: more than [`u32::MAX`].
    pub fn measure_string(&self, text: &str) -> Result<u32> {
        count(self.unicode_encoding()?.measure(text))
    }

    /// Returns the number of code units that text has in the present encoding which is given as
    /// UTF-16 code units, as strings of JavaScript and C++ are.
    ///
    /// # Errors
    ///
    /// Those of [`measure_string`](Self::measure_string), and `ERROR_NO_UNICODE_TRANSLATION`: a
    /// surrogate is not paired.
    pub fn measure_utf16(&self, text: &[u16]) -> Result<u32> {
        count(self.unicode_encoding()?.measure_utf16(text)?)
    }

    /// Writes everything that is unstored to the stream, in one write, and returns the number of
    /// bytes. Without anything unstored it writes nothing and returns 0.
    ///
    /// Stores take effect in the order of the calls, awaited or not. What a store that fails could
    /// not write is unstored again.
    ///
    /// # Errors
    ///
    /// - `RO_E_CLOSED`: the writer, or its stream, was closed.
    /// - `ERROR_INVALID_OPERATION`: another store is pending.
    /// - `E_ILLEGAL_METHOD_CALL`: the writer has no stream.
    /// - `ERROR_OPERATION_ABORTED`: the store was cancelled, or the writer closed.
    /// - Those of the stream.
    pub fn store(&self) -> DataWriterStoreOperation {
        let (stream, bytes) = match self.begin_store() {
            Ok(Some(begun)) => begun,
            Ok(None) => return Operation::ready(0),
            Err(error) => return Operation::refused(error),
        };
        // Ends the store even if a stream of the application panics.
        let storing = Storing {
            writer: self.clone(),
            bytes: bytes.clone(),
        };
        let write = stream.write(&Buffer::from(bytes));
        if let Some(error) = write.refusal() {
            drop(storing);
            return Operation::refused(error);
        }
        write.then(move |written| storing.end(written))
    }

    /// Notes that a store is pending. Returns `None` if there is nothing to store.
    fn begin_store(&self) -> Result<Option<(OutputStream, Bytes)>> {
        let mut state = self.idle()?;
        let stream = state.stream.clone().ok_or_else(no_stream)?;
        if state.writer.length() == 0 {
            return Ok(None);
        }
        let bytes = state.writer.take();
        state.storing = Some(bytes.len());
        Ok(Some((stream, bytes)))
    }

    /// Flushes the stream, and returns whether everything that was stored could be written. It stores
    /// nothing. Without a stream it returns `true`.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`, and those of the stream.
    pub fn flush(&self) -> Operation<bool> {
        let stream = match self.open() {
            Ok(state) => state.stream.clone(),
            Err(error) => return Operation::refused(error),
        };
        match stream {
            Some(stream) => stream.flush(),
            None => Operation::ready(true),
        }
    }

    /// Takes everything that is unstored. The writer is empty then.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`, or `ERROR_INVALID_OPERATION` while a store is pending.
    pub fn detach_buffer(&self) -> Result<Buffer> {
        self.idle().map(|mut state| state.writer.take().into())
    }

    /// Takes the stream, which the writer then no longer owns.
    ///
    /// # Errors
    ///
    /// - `RO_E_CLOSED`, or `ERROR_INVALID_OPERATION` while a store is pending.
    /// - `E_ILLEGAL_METHOD_CALL`: the writer has no stream.
    pub fn detach_stream(&self) -> Result<OutputStream> {
        self.idle()?.stream.take().ok_or_else(no_stream)
    }

    /// Closes the writer, and the stream that it owns. What is unstored is discarded, and a store
    /// that is pending fails. Closing it again does nothing.
    pub fn close(&self) {
        let (stream, unstored) = {
            let mut state = self.state();
            state.is_closed = true;
            (state.stream.take(), state.writer.take())
        };
        drop(unstored);
        stream.into_iter().for_each(|stream| stream.close());
    }

    /// Writes one byte: 1 for `true`, 0 for `false`.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn write_bool(&self, value: bool) -> Result<()> {
        self.write(|writer| writer.write_bool(value))
    }

    /// Writes a GUID: 16 bytes, of which the first three fields are in the byte order.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn write_guid(&self, value: Guid) -> Result<()> {
        self.write(|writer| writer.write_guid(value))
    }

    /// Writes a moment of 8 bytes.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn write_date_time(&self, value: DateTime) -> Result<()> {
        self.write(|writer| writer.write_date_time(value))
    }

    /// Writes a period of 8 bytes.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn write_time_span(&self, value: TimeSpan) -> Result<()> {
        self.write(|writer| writer.write_time_span(value))
    }

    /// Writes these bytes.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn write_bytes(&self, value: &[u8]) -> Result<()> {
        self.write(|writer| writer.write_bytes(value))
    }

    /// Writes the bytes of `buffer` that are in use.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn write_buffer(&self, buffer: &dyn IBuffer) -> Result<()> {
        self.write_bytes(&buffer.to_bytes())
    }

    /// Writes `count` bytes of `buffer` from `start` on.
    ///
    /// # Errors
    ///
    /// Those of this type, and `E_INVALIDARG`: that is beyond the length of `buffer`.
    pub fn write_buffer_range(&self, buffer: &dyn IBuffer, start: u32, count: u32) -> Result<()> {
        let bytes = buffer.to_bytes();
        let index = |number: u32| usize::try_from(number).ok();
        let part = index(start).zip(index(count)).and_then(|(start, count)| {
            let end = start.checked_add(count)?;
            bytes.get(start..end)
        });
        match part {
            Some(part) => self.write_bytes(part),
            None => Err(Error::invalid_argument(format!(
                "cannot write {count} bytes from {start} on: the length of the buffer is {}",
                bytes.len()
            ))),
        }
    }

    /// Writes `text`, and returns its length in code units of the encoding. Nothing else is written:
    /// no length, no byte order mark, no terminator.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn write_string(&self, text: &str) -> Result<u32> {
        count(self.write(|writer| writer.write_string(text))?)
    }

    /// Writes text that is given as UTF-16 code units, as strings of JavaScript and C++ are, and
    /// returns its length in code units of the encoding.
    ///
    /// # Errors
    ///
    /// Those of this type, and `ERROR_NO_UNICODE_TRANSLATION`: a surrogate is not paired.
    pub fn write_utf16(&self, text: &[u16]) -> Result<u32> {
        count(self.write(|writer| writer.write_utf16(text))?)
    }

    fn write<T>(&self, write: impl FnOnce(&mut Writer) -> Result<T, udpair::Error>) -> Result<T> {
        let mut state = self.idle()?;
        Ok(write(&mut state.writer)?)
    }

    /// Returns the state of a writer that is open and has no store pending.
    fn idle(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.open()?;
        if state.storing.is_some() {
            return Err(Error::busy("a store of the data writer is pending"));
        }
        Ok(state)
    }

    fn open(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.is_closed {
            return Err(Error::closed("the data writer"));
        }
        Ok(state)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

macro_rules! numbers {
    ($($write:ident: $number:ty, $what:literal;)+) => {
        impl DataWriter {
            $(
                #[doc = concat!("Writes ", $what, ".")]
                ///
                /// # Errors
                ///
                /// Those of this type.
                pub fn $write(&self, value: $number) -> Result<()> {
                    self.write(|writer| writer.$write(value))
                }
            )+
        }
    };
}

numbers! {
    write_u8: u8, "one byte";
    write_i16: i16, "an integer of 2 bytes in the byte order";
    write_i32: i32, "an integer of 4 bytes in the byte order";
    write_i64: i64, "an integer of 8 bytes in the byte order";
    write_u16: u16, "an integer of 2 bytes in the byte order";
    write_u32: u32, "an integer of 4 bytes in the byte order";
    write_u64: u64, "an integer of 8 bytes in the byte order";
    write_f32: f32, "a floating-point number of 4 bytes in the byte order";
    write_f64: f64, "a floating-point number of 8 bytes in the byte order";
}

impl fmt::Debug for DataWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("DataWriter")
            .field("unstored", &state.writer.length())
            .field("storing", &state.storing)
            .field("is_closed", &state.is_closed)
            .finish_non_exhaustive()
    }
}

/// A store that is pending. It ends when this value is dropped at the latest.
struct Storing {
    writer: DataWriter,
    /// What is not yet stored.
    bytes: Bytes,
}

impl Storing {
    /// Ends the store with the result of the write.
    fn end(mut self, written: Result<u32>) -> Result<u32> {
        let written = written?;
        let length = usize::try_from(written).unwrap_or(usize::MAX);
        let stored = self.bytes.split_to(length.min(self.bytes.len()));
        count(stored.len())
    }
}

impl Drop for Storing {
    /// Keeps what is not stored. The writer has been empty since the store began.
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut state = self.writer.state();
        state.storing = None;
        if !state.is_closed && !bytes.is_empty() {
            state
                .writer
                .put_back(bytes)
                .expect("an empty writer can hold what it held");
        }
    }
}

fn no_stream() -> Error {
    Error::illegal_call("the data writer has no stream")
}

/// Returns a number of bytes or code units as the model has it.
fn count(number: usize) -> Result<u32> {
    u32::try_from(number)
        .map_err(|_| Error::new(hresult::E_OUTOFMEMORY, format!("{number} is out of range")))
}
