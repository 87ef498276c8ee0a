//! `DataReader`: values from a stream or a buffer.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use udpair::data::{ByteOrder, DateTime, Guid, Reader, TimeSpan, UnicodeEncoding};

use super::buffer::{Buffer, IBuffer};
use super::input_stream::{InputStream, InputStreamOptions};
use crate::error::{Error, Result};
use crate::foundation::Operation;

/// What [`DataReader::load`] returns: the number of bytes that were loaded.
pub type DataReaderLoadOperation = Operation<u32>;

/// Reads values from a stream or a buffer. A clone is the same reader.
///
/// The bytes of a stream have to be loaded before they can be read. Numbers are big-endian and text
/// is UTF-8 by default. A read that fails leaves everything unread.
///
/// Dropping the last handle drops the stream, and does not close it.
///
/// # Errors
///
/// Every call fails with `RO_E_CLOSED` after [`close`](Self::close), and every read
///
/// - with `ERROR_INVALID_OPERATION` while a load is pending,
/// - with `E_BOUNDS` if there are fewer unread bytes than the value has.
///
/// # Examples
///
/// ```
/// use udpair_winrt::{DataReader, InputStream};
///
/// # async fn example() -> udpair_winrt::Result<()> {
/// let reader = DataReader::new(InputStream::from_bytes(b"\x00\x05hello".as_slice()));
/// assert_eq!(reader.load(100).await?, 7);
/// let length = reader.read_u16()?;
/// assert_eq!(reader.read_string(length.into())?, "hello");
/// # Ok(())
/// # }
/// # udpair_winrt::Operation::run(example()).get().unwrap();
/// ```
///
/// # Model
///
/// `Windows.Storage.Streams.DataReader` (DR-01 to DR-19).
#[derive(Clone)]
pub struct DataReader(Arc<Mutex<State>>);

struct State {
    reader: Reader,
    stream: Option<InputStream>,
    options: InputStreamOptions,
    is_loading: bool,
    is_closed: bool,
}

impl DataReader {
    /// Returns a reader that owns this stream. Nothing is loaded yet.
    pub fn new(stream: impl Into<InputStream>) -> Self {
        Self::with(Reader::default(), Some(stream.into()))
    }

    /// Returns a reader of the bytes of `buffer` that are in use now.
    pub fn from_buffer(buffer: impl IBuffer) -> Self {
        Self::with(Reader::new(buffer.to_bytes()), None)
    }

    fn with(reader: Reader, stream: Option<InputStream>) -> Self {
        Self(Arc::new(Mutex::new(State {
            reader,
            stream,
            options: InputStreamOptions::default(),
            is_loading: false,
            is_closed: false,
        })))
    }

    /// Returns the byte order.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn byte_order(&self) -> Result<ByteOrder> {
        self.open().map(|state| state.reader.byte_order())
    }

    /// Sets the byte order of what is read from now on. The default is big-endian.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn set_byte_order(&self, order: ByteOrder) -> Result<()> {
        self.open()
            .map(|mut state| state.reader.set_byte_order(order))
    }

    /// Returns the encoding of text.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn unicode_encoding(&self) -> Result<UnicodeEncoding> {
        self.open().map(|state| state.reader.encoding())
    }

    /// Sets the encoding of the text that is read from now on. The default is UTF-8.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn set_unicode_encoding(&self, encoding: UnicodeEncoding) -> Result<()> {
        self.open()
            .map(|mut state| state.reader.set_encoding(encoding))
    }

    /// Returns when a load completes.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn input_stream_options(&self) -> Result<InputStreamOptions> {
        self.open().map(|state| state.options)
    }

    /// Sets when loads from now on complete. The default is [`None`](InputStreamOptions::None): when
    /// all bytes are there, or no more are to come.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn set_input_stream_options(&self, options: InputStreamOptions) -> Result<()> {
        self.open().map(|mut state| state.options = options)
    }

    /// Returns the number of unread bytes.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`.
    pub fn unconsumed_buffer_length(&self) -> Result<u32> {
        let unread = self.open()?.reader.unread();
        Ok(u32::try_from(unread).unwrap_or(u32::MAX))
    }

    /// Appends up to `count` bytes of the stream to those that are unread, and returns how many it
    /// has appended: 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// - `RO_E_CLOSED`: the reader, or its stream, was closed.
    /// - `ERROR_INVALID_OPERATION`: another load is pending.
    /// - `E_ILLEGAL_METHOD_CALL`: the reader has no stream.
    /// - `ERROR_OPERATION_ABORTED`: the load was cancelled, or the reader closed.
    /// - `E_OUTOFMEMORY`: more than [`u32::MAX`] bytes would be unread.
    /// - Those of the stream.
    pub fn load(&self, count: u32) -> DataReaderLoadOperation {
        let (stream, options) = match self.begin_load(count) {
            Ok(Some(begun)) => begun,
            Ok(None) => return Operation::ready(0),
            Err(error) => return Operation::refused(error),
        };
        // Ends the load even if a stream of the application panics.
        let loading = Loading(self.clone());
        let read = stream.read(Buffer::with_capacity(count), count, options);
        if let Some(error) = read.refusal() {
            drop(loading);
            return Operation::refused(error);
        }
        read.then(move |read| loading.end(read))
    }

    /// Notes that a load is pending. Returns `None` if there is nothing to load.
    fn begin_load(&self, count: u32) -> Result<Option<(InputStream, InputStreamOptions)>> {
        let mut state = self.idle()?;
        let stream = state.stream.clone().ok_or_else(no_stream)?;
        if count == 0 {
            return Ok(None);
        }
        state.is_loading = true;
        Ok(Some((stream, state.options)))
    }

    /// Takes the unread bytes. The reader is empty then.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`, or `ERROR_INVALID_OPERATION` while a load is pending.
    pub fn detach_buffer(&self) -> Result<Buffer> {
        self.idle().map(|mut state| state.reader.take().into())
    }

    /// Takes the stream, which the reader then no longer owns. What was loaded can still be read.
    ///
    /// # Errors
    ///
    /// - `RO_E_CLOSED`, or `ERROR_INVALID_OPERATION` while a load is pending.
    /// - `E_ILLEGAL_METHOD_CALL`: the reader has no stream.
    pub fn detach_stream(&self) -> Result<InputStream> {
        self.idle()?.stream.take().ok_or_else(no_stream)
    }

    /// Closes the reader, and the stream that it owns. A load that is pending fails. Closing it again
    /// does nothing.
    pub fn close(&self) {
        let (stream, unread) = {
            let mut state = self.state();
            state.is_closed = true;
            (state.stream.take(), state.reader.take())
        };
        drop(unread);
        stream.into_iter().for_each(|stream| stream.close());
    }

    /// Reads one byte: zero is `false`, everything else is `true`.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn read_bool(&self) -> Result<bool> {
        self.read(Reader::read_bool)
    }

    /// Reads a GUID: 16 bytes, of which the first three fields are in the byte order.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn read_guid(&self) -> Result<Guid> {
        self.read(Reader::read_guid)
    }

    /// Reads a moment of 8 bytes.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn read_date_time(&self) -> Result<DateTime> {
        self.read(Reader::read_date_time)
    }

    /// Reads a period of 8 bytes.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn read_time_span(&self) -> Result<TimeSpan> {
        self.read(Reader::read_time_span)
    }

    /// Fills `value` completely.
    ///
    /// # Errors
    ///
    /// Those of this type. `value` then stays as it is.
    pub fn read_bytes(&self, value: &mut [u8]) -> Result<()> {
        self.read(|reader| reader.read_bytes(value))
    }

    /// Reads `length` bytes as a new buffer.
    ///
    /// # Errors
    ///
    /// Those of this type.
    pub fn read_buffer(&self, length: u32) -> Result<Buffer> {
        self.read(|reader| reader.read_buffer(length))
            .map(Buffer::from)
    }

    /// Reads text of `code_units` code units of the encoding: bytes in UTF-8, 16-bit units in
    /// UTF-16. A byte order mark and NUL are part of the text.
    ///
    /// # Errors
    ///
    /// Those of this type, and `ERROR_NO_UNICODE_TRANSLATION`: the bytes are not well-formed text.
    pub fn read_string(&self, code_units: u32) -> Result<String> {
        self.read(|reader| reader.read_string(code_units))
    }

    fn read<T>(&self, read: impl FnOnce(&mut Reader) -> Result<T, udpair::Error>) -> Result<T> {
        let mut state = self.idle()?;
        Ok(read(&mut state.reader)?)
    }

    /// Returns the state of a reader that is open and has no load pending.
    fn idle(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.open()?;
        if state.is_loading {
            return Err(Error::busy("a load of the data reader is pending"));
        }
        Ok(state)
    }

    fn open(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.is_closed {
            return Err(Error::closed("the data reader"));
        }
        Ok(state)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

macro_rules! numbers {
    ($($read:ident: $number:ty, $what:literal;)+) => {
        impl DataReader {
            $(
                #[doc = concat!("Reads ", $what, ".")]
                ///
                /// # Errors
                ///
                /// Those of this type.
                pub fn $read(&self) -> Result<$number> {
                    self.read(Reader::$read)
                }
            )+
        }
    };
}

numbers! {
    read_u8: u8, "one byte";
    read_i16: i16, "an integer of 2 bytes in the byte order";
    read_i32: i32, "an integer of 4 bytes in the byte order";
    read_i64: i64, "an integer of 8 bytes in the byte order";
    read_u16: u16, "an integer of 2 bytes in the byte order";
    read_u32: u32, "an integer of 4 bytes in the byte order";
    read_u64: u64, "an integer of 8 bytes in the byte order";
    read_f32: f32, "a floating-point number of 4 bytes in the byte order";
    read_f64: f64, "a floating-point number of 8 bytes in the byte order";
}

impl fmt::Debug for DataReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("DataReader")
            .field("unread", &state.reader.unread())
            .field("is_loading", &state.is_loading)
            .field("is_closed", &state.is_closed)
            .finish_non_exhaustive()
    }
}

/// A load that is pending. It ends when this value is dropped at the latest.
struct Loading(DataReader);

impl Loading {
    /// Ends the load with the result of the read.
    fn end(self, read: Result<Buffer>) -> Result<u32> {
        // Nothing is locked: the buffer may be the application's.
        let bytes = read.map(|buffer| buffer.to_bytes())?;
        let loaded = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut state = self.0.state();
        state.is_loading = false;
        if state.is_closed {
            return Err(Error::aborted("the data reader was closed"));
        }
        state.reader.append(bytes)?;
        Ok(loaded)
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.0.state().is_loading = false;
    }
}

fn no_stream() -> Error {
    Error::illegal_call("the data reader has no stream")
}
