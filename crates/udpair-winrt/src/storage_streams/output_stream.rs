//! Output streams: where bytes go.

use std::fmt;
use std::sync::Arc;

use super::buffer::IBuffer;
use super::open::Open;
use crate::error::Result;
use crate::foundation::{Operation, OperationWithProgress};

/// Where bytes go.
///
/// An application may implement it; [`OutputStream`] then holds it. An implementation does not have to
/// handle closing: [`OutputStream`] refuses calls after it, and ends those that are pending.
///
/// # Model
///
/// `Windows.Storage.Streams.IOutputStream`.
pub trait IOutputStream: Send + Sync {
    /// Writes the bytes of `buffer` that are in use, and returns how many were written. What is
    /// written to the buffer after this call is not.
    ///
    /// Writes may be started before earlier ones have ended. They take effect in the order of the
    /// calls.
    fn write(&self, buffer: &dyn IBuffer) -> OperationWithProgress<u32, u32>;

    /// Writes `bytes` if that is possible at once, and returns whether it was. If not, nothing was
    /// written, and [`write`](Self::write) has to be called.
    ///
    /// Bindings try this first: it makes no operation. By default it is never possible.
    ///
    /// # Errors
    ///
    /// That with which the write would have ended.
    fn try_write(&self, bytes: &[u8]) -> Result<bool> {
        let _ = bytes;
        Ok(false)
    }

    /// Waits for the writes before it, and returns whether they all have succeeded.
    fn flush(&self) -> Operation<bool>;

    /// Releases what the stream holds. It is called once.
    fn close(&self) {}
}

/// The shared stream itself.
impl<S: IOutputStream + ?Sized> IOutputStream for Arc<S> {
    fn write(&self, buffer: &dyn IBuffer) -> OperationWithProgress<u32, u32> {
        (**self).write(buffer)
    }

    fn try_write(&self, bytes: &[u8]) -> Result<bool> {
        (**self).try_write(bytes)
    }

    fn flush(&self) -> Operation<bool> {
        (**self).flush()
    }

    fn close(&self) {
        (**self).close();
    }
}

/// An output stream: that of a socket, or an [`IOutputStream`] of the application. A clone is the
/// same stream.
///
/// # Examples
///
/// ```
/// use udpair_winrt::{
///     Buffer, IBuffer, IOutputStream, Operation, OperationWithProgress, OutputStream, hresult,
/// };
///
/// struct Printer;
///
/// impl IOutputStream for Printer {
///     fn write(&self, buffer: &dyn IBuffer) -> OperationWithProgress<u32, u32> {
///         println!("{:?}", buffer.to_bytes());
///         OperationWithProgress::ready(buffer.length())
///     }
///
///     fn flush(&self) -> Operation<bool> {
///         Operation::ready(true)
///     }
/// }
///
/// # fn main() -> udpair_winrt::Result<()> {
/// let stream = OutputStream::new(Printer);
/// assert_eq!(stream.write(&Buffer::copy_from(b"hello")).get()?, 5);
/// stream.close();
/// let error = stream.flush().get().unwrap_err();
/// assert_eq!(error.code(), hresult::RO_E_CLOSED);
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `Windows.Storage.Streams.IOutputStream` (STR-03, STR-04).
#[derive(Clone)]
pub struct OutputStream(Arc<Held>);

struct Held {
    open: Open,
    stream: Box<dyn IOutputStream>,
}

impl OutputStream {
    /// Returns a stream that is this stream of the application.
    pub fn new(stream: impl IOutputStream + 'static) -> Self {
        Self(Arc::new(Held {
            open: Open::default(),
            stream: Box::new(stream),
        }))
    }

    /// Writes the bytes of `buffer` that are in use; see [`IOutputStream::write`].
    ///
    /// # Errors
    ///
    /// - `RO_E_CLOSED`: the stream was closed.
    /// - `ERROR_OPERATION_ABORTED`: the stream was closed meanwhile.
    /// - Those of the stream.
    pub fn write(&self, buffer: &dyn IBuffer) -> OperationWithProgress<u32, u32> {
        self.0.open.start(NAME, || self.0.stream.write(buffer))
    }

    /// Writes `bytes` if that is possible at once; see [`IOutputStream::try_write`].
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    pub fn try_write(&self, bytes: &[u8]) -> Result<bool> {
        self.0.open.check(NAME)?;
        self.0.stream.try_write(bytes)
    }

    /// Waits for the writes before it, and returns whether they all have succeeded.
    ///
    /// # Errors
    ///
    /// - `RO_E_CLOSED`: the stream was closed.
    /// - `ERROR_OPERATION_ABORTED`: the stream was closed meanwhile.
    /// - Those of the stream.
    pub fn flush(&self) -> Operation<bool> {
        self.0.open.start(NAME, || self.0.stream.flush())
    }

    /// Closes the stream: pending writes and later calls fail. Closing it again does nothing.
    pub fn close(&self) {
        self.0.open.close(|| self.0.stream.close());
    }
}

impl<S: IOutputStream + 'static> From<S> for OutputStream {
    fn from(stream: S) -> Self {
        Self::new(stream)
    }
}

/// Two handles are equal if they are the same stream.
impl PartialEq for OutputStream {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for OutputStream {}

impl fmt::Debug for OutputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputStream").finish_non_exhaustive()
    }
}

const NAME: &str = "the output stream";
