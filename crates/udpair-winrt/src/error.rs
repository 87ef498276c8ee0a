//! `Error`: an HRESULT with a message.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::result;
use std::sync::Arc;

use udpair::{SocketErrorStatus, hresult};

/// A signed 32-bit error number of the Windows Runtime; [`hresult`] lists those that are used here.
pub type HResult = i32;

/// The result of a call of this crate.
pub type Result<T, E = Error> = result::Result<T, E>;

/// An error of this crate: an HRESULT and a message.
///
/// Cloning is cheap: every caller that asks an operation for its error gets the same one.
///
/// # Examples
///
/// ```
/// use udpair_winrt::{DataReader, Buffer, hresult};
///
/// let reader = DataReader::from_buffer(Buffer::copy_from(b"a"));
/// let error = reader.read_u16().unwrap_err();
/// assert_eq!(error.code(), hresult::E_BOUNDS);
/// println!("{error} ({:#010x})", error.code());
/// ```
///
/// # Model
///
/// GEN-08: the HRESULT, the [`status`](Self::status), and the system's own number where there is
/// one.
#[derive(Clone)]
pub struct Error(Inner);

#[derive(Clone)]
enum Inner {
    /// An error of the library below.
    Udpair(udpair::Error),
    /// An error of this crate, or of an application's stream.
    Own { code: HResult, message: Arc<str> },
}

impl Error {
    /// Returns an error with this HRESULT. `message` names the action and its object.
    ///
    /// Streams of an application fail with such errors.
    pub fn new(code: HResult, message: impl Into<Arc<str>>) -> Self {
        Self(Inner::Own {
            code,
            message: message.into(),
        })
    }

    /// Returns the HRESULT.
    pub fn code(&self) -> HResult {
        match &self.0 {
            Inner::Udpair(error) => error.hresult(),
            Inner::Own { code, .. } => *code,
        }
    }

    /// Returns the status that `SocketError.GetStatus` returns for this error.
    pub fn status(&self) -> SocketErrorStatus {
        SocketErrorStatus::from_hresult(self.code())
    }

    /// Returns the system's own error number, if a system call caused this error.
    pub fn raw_os_error(&self) -> Option<i32> {
        self.as_udpair().and_then(udpair::Error::raw_os_error)
    }

    /// Returns the error of [`udpair`] that this is; `None` if it comes from this crate or from an
    /// application.
    pub fn as_udpair(&self) -> Option<&udpair::Error> {
        match &self.0 {
            Inner::Udpair(error) => Some(error),
            Inner::Own { .. } => None,
        }
    }

    /// Returns an error for an object that was closed.
    pub(crate) fn closed(object: &str) -> Self {
        Self::new(hresult::RO_E_CLOSED, format!("{object} is closed"))
    }

    /// Returns an error for a call that the state of an object does not allow.
    pub(crate) fn illegal_call(message: &str) -> Self {
        Self::new(hresult::E_ILLEGAL_METHOD_CALL, message)
    }

    /// Returns an error for an argument.
    pub(crate) fn invalid_argument(message: impl Into<Arc<str>>) -> Self {
        Self::new(hresult::E_INVALIDARG, message)
    }

    /// Returns an error for a call while another one is pending.
    pub(crate) fn busy(message: &str) -> Self {
        Self::new(hresult::ERROR_INVALID_OPERATION, message)
    }

    /// Returns an error for an operation that was cancelled, or whose object was closed.
    pub(crate) fn aborted(message: &str) -> Self {
        Self::new(hresult::ERROR_OPERATION_ABORTED, message)
    }
}

impl From<udpair::Error> for Error {
    fn from(error: udpair::Error) -> Self {
        Self(Inner::Udpair(error))
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error.0 {
            Inner::Udpair(error) => error.into(),
            Inner::Own { .. } => Self::other(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Udpair(error) => error.fmt(f),
            Inner::Own { message, .. } => f.write_str(message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Udpair(error) => fmt::Debug::fmt(error, f),
            Inner::Own { code, message } => f
                .debug_struct("Error")
                .field("message", message)
                .field("hresult", &format_args!("{code:#010x}"))
                .finish(),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.as_udpair().and_then(StdError::source)
    }
}
