//! Input streams: where bytes come from.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::buffer::{Buffer, IBuffer};
use super::open::Open;
use crate::error::{Error, Result};
use crate::foundation::OperationWithProgress;

/// Where bytes come from.
///
/// An application may implement it; [`InputStream`] then holds it. An implementation does not have to
/// handle closing: [`InputStream`] refuses calls after it, and ends those that are pending.
///
/// # Model
///
/// `Windows.Storage.Streams.IInputStream`.
pub trait IInputStream: Send + Sync {
    /// Reads up to `count` bytes. They are in the buffer that the operation returns, which may be
    /// `buffer` or another one.
    ///
    /// `count` is at most the capacity of `buffer`. The operation completes when there are `count`
    /// bytes or no more are to come, and with [`Partial`](InputStreamOptions::Partial) as soon as
    /// there is one. A buffer of length 0 means the end.
    fn read(
        &self,
        buffer: Buffer,
        count: u32,
        options: InputStreamOptions,
    ) -> OperationWithProgress<Buffer, u32>;

    /// Releases what the stream holds. It is called once.
    fn close(&self) {}
}

/// The shared stream itself.
impl<S: IInputStream + ?Sized> IInputStream for Arc<S> {
    fn read(
        &self,
        buffer: Buffer,
        count: u32,
        options: InputStreamOptions,
    ) -> OperationWithProgress<Buffer, u32> {
        (**self).read(buffer, count, options)
    }

    fn close(&self) {
        (**self).close();
    }
}

/// When a read completes, as flags.
///
/// # Model
///
/// `Windows.Storage.Streams.InputStreamOptions`. The numeric values are fixed (STR-02).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct InputStreamOptions(u32);

#[allow(non_upper_case_globals, reason = "the model's names")]
impl InputStreamOptions {
    /// A read completes when all its bytes are there, or no more are to come.
    pub const None: Self = Self(0);
    /// A read completes when one byte is there.
    pub const Partial: Self = Self(1);
    /// The stream may read more than it is asked for, to have it later.
    pub const ReadAhead: Self = Self(2);

    /// Returns the numeric value.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for InputStreamOptions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for InputStreamOptions {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl TryFrom<u32> for InputStreamOptions {
    type Error = Error;

    /// Returns the flags with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: a bit has no meaning.
    fn try_from(bits: u32) -> Result<Self> {
        if bits & !(Self::Partial | Self::ReadAhead).0 != 0 {
            return Err(Error::invalid_argument(format!(
                "no input stream options have the number {bits}"
            )));
        }
        Ok(Self(bits))
    }
}

/// An input stream: one over bytes in memory, or an [`IInputStream`] of the application. A clone is
/// the same stream.
///
/// # Examples
///
/// ```
/// use udpair_winrt::{Buffer, InputStream, InputStreamOptions};
///
/// # async fn example() -> udpair_winrt::Result<()> {
/// let stream = InputStream::from_bytes("one datagram");
/// let buffer = Buffer::with_capacity(100);
/// let read = stream.read(buffer, 100, InputStreamOptions::None).await?;
/// assert_eq!(read.to_bytes(), "one datagram");
/// stream.close();
/// # Ok(())
/// # }
/// # udpair_winrt::Operation::run(example()).get().unwrap();
/// ```
///
/// # Model
///
/// `Windows.Storage.Streams.IInputStream` (STR-01, STR-02, STR-04).
#[derive(Clone)]
pub struct InputStream(Arc<Held>);

struct Held {
    open: Open,
    stream: Box<dyn IInputStream>,
}

impl InputStream {
    /// Returns a stream that is this stream of the application.
    pub fn new(stream: impl IInputStream + 'static) -> Self {
        Self(Arc::new(Held {
            open: Open::default(),
            stream: Box::new(stream),
        }))
    }

    /// Returns a stream of these bytes, which ends after them. Its reads complete at once, whatever
    /// the options are.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new(Unread(Mutex::new(bytes.into())))
    }

    /// Reads up to `count` bytes; see [`IInputStream::read`].
    ///
    /// # Errors
    ///
    /// - `RO_E_CLOSED`: the stream was closed.
    /// - `E_INVALIDARG`: `count` is more than the capacity of `buffer`.
    /// - `ERROR_OPERATION_ABORTED`: the stream was closed meanwhile.
    /// - Those of the stream.
    pub fn read(
        &self,
        buffer: Buffer,
        count: u32,
        options: InputStreamOptions,
    ) -> OperationWithProgress<Buffer, u32> {
        self.0.open.start(NAME, || {
            let capacity = buffer.capacity();
            if count > capacity {
                return OperationWithProgress::refused(Error::invalid_argument(format!(
                    "cannot read {count} bytes into a buffer of {capacity}"
                )));
            }
            self.0.stream.read(buffer, count, options)
        })
    }

    /// Closes the stream: pending reads and later calls fail. Closing it again does nothing.
    pub fn close(&self) {
        self.0.open.close(|| self.0.stream.close());
    }
}

impl<S: IInputStream + 'static> From<S> for InputStream {
    fn from(stream: S) -> Self {
        Self::new(stream)
    }
}

/// Two handles are equal if they are the same stream.
impl PartialEq for InputStream {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for InputStream {}

impl fmt::Debug for InputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputStream").finish_non_exhaustive()
    }
}

/// A stream of bytes in memory.
struct Unread(Mutex<Bytes>);

impl IInputStream for Unread {
    fn read(
        &self,
        buffer: Buffer,
        count: u32,
        _options: InputStreamOptions,
    ) -> OperationWithProgress<Buffer, u32> {
        let bytes = {
            let mut unread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let count = count.min(unread.len());
            unread.split_to(count)
        };
        OperationWithProgress::from_result(buffer.fill(bytes).map(|()| buffer))
    }
}

const NAME: &str = "the input stream";
