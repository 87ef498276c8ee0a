//! `Error`: the one error type of this crate.
//!
//! The kind is what a caller can act on. The message says which action failed on which object, the
//! source is the error of the system or the name server, and the advice says what the user can do.

pub mod hresult;
mod status;

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use udpair_io::Cause;

pub(crate) use hresult::*;
pub use status::SocketErrorStatus;

/// An error of this crate.
///
/// The type is opaque. Match on [`kind`](Self::kind) to decide what to do, and show the message
/// (`Display`) to the user. Cloning is cheap.
///
/// # Model
///
/// GEN-08: every error has an HRESULT, a [`SocketErrorStatus`], the system's own error number where
/// there is one, and a message that names the operation and the endpoint.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    hresult: i32,
    advice: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of an [`Error`]: what a caller can act on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is not valid, regardless of the state of the socket or the network.
    InvalidArgument,
    /// Data is not what a call needs: it ends too early, is not text in its encoding, or does not
    /// fit into its container.
    InvalidData,
    /// The call is not allowed in the socket's present state: it is already bound, already
    /// connected, or not yet bound.
    InvalidState,
    /// The socket or the stream was closed before the call.
    Closed,
    /// The socket was closed, or its pending operations were cancelled, during the call.
    Cancelled,
    /// The host name does not exist, or it has no address that can be connected to.
    HostNotFound,
    /// The name exists, but it has no record of the type that is needed.
    NoData,
    /// The service is in neither the services file nor DNS.
    ServiceNotFound,
    /// No name server gave a usable answer.
    NameServer,
    /// Another socket is bound to the local address and port.
    AddressInUse,
    /// The local address is not an address of this machine, or the remote address cannot be a
    /// destination.
    AddressNotAvailable,
    /// The local and the remote address are of different families, or the family is not supported.
    FamilyNotSupported,
    /// The system denied the operation, because of a privileged port or a firewall for example.
    PermissionDenied,
    /// The payload does not fit into one datagram to this destination.
    PayloadTooLarge,
    /// There is no route to the remote network.
    NetworkUnreachable,
    /// The remote host cannot be reached.
    HostUnreachable,
    /// No socket is bound to the remote port.
    PeerUnreachable,
    /// The peer did not answer in time.
    NoReply,
    /// The process or the machine has no descriptor left.
    TooManyFiles,
    /// This system does not support the operation.
    Unsupported,
    /// The operating system refused; see [`source`](StdError::source).
    Io,
}

impl ErrorKind {
    /// Returns the kind's name in JSON output: `"host-not-found"`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Returns the default status of an error of this kind.
    ///
    /// An error may have a more exact one; see [`Error::status`].
    pub fn status(self) -> SocketErrorStatus {
        SocketErrorStatus::from_hresult(self.row().1)
    }

    /// Returns the kind's row in the table of kinds: its JSON name and its default HRESULT. The
    /// default status follows from the HRESULT.
    fn row(self) -> (&'static str, i32) {
        match self {
            Self::InvalidArgument => ("invalid-argument", E_INVALIDARG),
            Self::InvalidData => ("invalid-data", E_BOUNDS),
            Self::InvalidState => ("invalid-state", E_ILLEGAL_METHOD_CALL),
            Self::Closed => ("closed", RO_E_CLOSED),
            Self::Cancelled => ("cancelled", ERROR_OPERATION_ABORTED),
            Self::HostNotFound => ("host-not-found", WSAHOST_NOT_FOUND),
            Self::NoData => ("no-data", WSANO_DATA),
            Self::ServiceNotFound => ("service-not-found", WSATYPE_NOT_FOUND),
            Self::NameServer => ("name-server", WSATRY_AGAIN),
            Self::AddressInUse => ("address-in-use", WSAEADDRINUSE),
            Self::AddressNotAvailable => ("address-not-available", WSAEADDRNOTAVAIL),
            Self::FamilyNotSupported => ("family-not-supported", WSAEAFNOSUPPORT),
            Self::PermissionDenied => ("permission-denied", E_ACCESSDENIED),
            Self::PayloadTooLarge => ("payload-too-large", WSAEMSGSIZE),
            Self::NetworkUnreachable => ("network-unreachable", WSAENETUNREACH),
            Self::HostUnreachable => ("host-unreachable", WSAEHOSTUNREACH),
            Self::PeerUnreachable => ("peer-unreachable", WSAECONNRESET),
            Self::NoReply => ("no-reply", WSAETIMEDOUT),
            Self::TooManyFiles => ("too-many-files", WSAEMFILE),
            Self::Unsupported => ("unsupported", E_NOTIMPL),
            Self::Io => ("io", E_FAIL),
        }
    }
}

impl Error {
    /// Returns the kind of this error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the kind that the standard library has for this error: that of the system's error if
    /// there was one.
    fn io_kind(&self) -> io::ErrorKind {
        use ErrorKind as Kind;
        match self.kind() {
            Kind::InvalidArgument | Kind::PayloadTooLarge => io::ErrorKind::InvalidInput,
            Kind::InvalidData => io::ErrorKind::InvalidData,
            Kind::InvalidState | Kind::Closed => io::ErrorKind::NotConnected,
            Kind::Cancelled => io::ErrorKind::Interrupted,
            Kind::HostNotFound | Kind::NoData | Kind::ServiceNotFound => io::ErrorKind::NotFound,
            Kind::AddressInUse => io::ErrorKind::AddrInUse,
            Kind::AddressNotAvailable => io::ErrorKind::AddrNotAvailable,
            Kind::FamilyNotSupported | Kind::Unsupported => io::ErrorKind::Unsupported,
            Kind::PermissionDenied => io::ErrorKind::PermissionDenied,
            Kind::NetworkUnreachable => io::ErrorKind::NetworkUnreachable,
            Kind::HostUnreachable => io::ErrorKind::HostUnreachable,
            Kind::PeerUnreachable => io::ErrorKind::ConnectionRefused,
            Kind::NoReply => io::ErrorKind::TimedOut,
            Kind::NameServer | Kind::TooManyFiles | Kind::Io => {
                let code = self.raw_os_error().map(io::Error::from_raw_os_error);
                code.map_or(io::ErrorKind::Other, |error| error.kind())
            }
        }
    }

    /// Returns the status that `SocketError.GetStatus` returns for this error.
    ///
    /// Most errors that are not a network condition have the status
    /// [`Unknown`](SocketErrorStatus::Unknown) (MODEL ERR-01).
    pub fn status(&self) -> SocketErrorStatus {
        SocketErrorStatus::from_hresult(self.0.hresult)
    }

    /// Returns the HRESULT, which is the same on every system (MODEL ERR-05).
    pub fn hresult(&self) -> i32 {
        self.0.hresult
    }

    /// Returns the system's own error number, if a system call caused this error.
    pub fn raw_os_error(&self) -> Option<i32> {
        let mut source = self.source();
        while let Some(error) = source {
            let number = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::raw_os_error);
            if number.is_some() {
                return number;
            }
            source = error.source();
        }
        None
    }

    /// Returns advice for the user on how to solve the problem; `None` where there is none.
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// Creates an error. `message` names the action and its object.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            hresult: kind.row().1,
            advice: None,
            source: None,
        }))
    }

    /// Creates an error from the error of a system call.
    pub(crate) fn system(message: impl Into<String>, source: io::Error) -> Self {
        let (kind, hresult) = meaning(Cause::of(&source));
        let mut error = Self::new(kind, message);
        error.set(|inner| inner.hresult = hresult);
        error.with_source(source)
    }

    /// Returns the error for a step that needs a runtime, if there is no current one and the thread
    /// of the background runtime cannot be started.
    pub(crate) fn no_runtime(source: io::Error) -> Self {
        Self::system("cannot start a background runtime", source)
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let source = source.into();
        self.set(|inner| inner.source = Some(source));
        self
    }

    pub(crate) fn with_advice(mut self, advice: impl Into<String>) -> Self {
        let advice = advice.into();
        self.set(|inner| inner.advice = Some(advice));
        self
    }

    pub(crate) fn with_hresult(mut self, hresult: i32) -> Self {
        self.set(|inner| inner.hresult = hresult);
        self
    }

    /// Wraps this error in one with another message. Kind, status and advice stay; this error
    /// becomes the source.
    pub(crate) fn in_context(self, message: impl Into<String>) -> Self {
        let mut outer = Self::new(self.kind(), message).with_hresult(self.hresult());
        if let Some(advice) = self.advice() {
            outer = outer.with_advice(advice);
        }
        outer.with_source(self)
    }

    /// Returns the message of the innermost cause.
    pub(crate) fn innermost(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            text = error.to_string();
            source = error.source();
        }
        text
    }

    /// Changes an error that has no clones yet. An error that is shared stays unchanged.
    fn set(&mut self, change: impl FnOnce(&mut Inner)) {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
    }
}

impl TryFrom<i32> for SocketErrorStatus {
    type Error = Error;

    /// Returns the status with this numeric value.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): there is none.
    fn try_from(value: i32) -> Result<Self, Error> {
        Self::from_number(value).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("no status of sockets has the number {value}"),
            )
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("hresult", &format_args!("{:#010x}", self.0.hresult))
            .field("advice", &self.0.advice)
            .field("source", &self.0.source)
            .finish()
    }
}

/// Conversions that cannot fail need no error. This lets a method take what can be converted,
/// whether that can fail or not.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Keeps this error as the source, with its kind as far as the standard library has one, so that
/// `?` works in functions that return [`io::Error`].
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.io_kind(), error)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Returns the kind and the HRESULT of a system error on a datagram socket.
///
/// # Model
///
/// ERR-05, ERR-06: the numbers are Winsock's on every system. A refused connection counts as a
/// reset connection, because a datagram socket has no connection that could be refused.
fn meaning(cause: Cause) -> (ErrorKind, i32) {
    use ErrorKind as Kind;
    let (kind, exact) = match cause {
        Cause::AddressInUse => (Kind::AddressInUse, None),
        Cause::AddressNotAvailable => (Kind::AddressNotAvailable, None),
        Cause::FamilyNotSupported => (Kind::FamilyNotSupported, None),
        Cause::SocketTypeNotSupported => (Kind::FamilyNotSupported, Some(WSAESOCKTNOSUPPORT)),
        Cause::PermissionDenied | Cause::NotPermitted => (Kind::PermissionDenied, None),
        Cause::MessageTooLong | Cause::ExceedsSendBuffer => (Kind::PayloadTooLarge, None),
        Cause::NetworkUnreachable => (Kind::NetworkUnreachable, None),
        Cause::HostUnreachable => (Kind::HostUnreachable, None),
        Cause::HostDown => (Kind::HostUnreachable, Some(WSAEHOSTDOWN)),
        Cause::NetworkDown => (Kind::NetworkUnreachable, Some(WSAENETDOWN)),
        Cause::NetworkReset => (Kind::NetworkUnreachable, Some(WSAENETRESET)),
        Cause::ConnectionRefused | Cause::ConnectionReset => (Kind::PeerUnreachable, None),
        Cause::ConnectionAborted => (Kind::Io, Some(WSAECONNABORTED)),
        Cause::TimedOut => (Kind::NoReply, None),
        Cause::TooManyFiles => (Kind::TooManyFiles, None),
        Cause::NoBuffers => (Kind::Io, Some(WSAENOBUFS)),
        Cause::OutOfMemory => (Kind::Io, Some(E_OUTOFMEMORY)),
        Cause::Cancelled => (Kind::Cancelled, None),
        Cause::InvalidInput => (Kind::Io, Some(WSAEINVAL)),
        Cause::NotSupported => (Kind::Unsupported, None),
        _ => (Kind::Io, None),
    };
    (kind, exact.unwrap_or(kind.row().1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates errors by kind, because Linux, macOS and Windows have different error numbers.
    fn of(kind: io::ErrorKind) -> Error {
        Error::system("cannot test", io::Error::from(kind))
    }

    /// ERR-05, ERR-06, GEN-09
    #[test]
    fn system_errors_have_the_status_of_the_matching_winsock_error() {
        use SocketErrorStatus as Status;
        for (kind, status) in [
            (io::ErrorKind::AddrInUse, Status::AddressAlreadyInUse),
            (
                io::ErrorKind::AddrNotAvailable,
                Status::CannotAssignRequestedAddress,
            ),
            (io::ErrorKind::PermissionDenied, Status::Unknown),
            (
                io::ErrorKind::NetworkUnreachable,
                Status::NetworkIsUnreachable,
            ),
            (io::ErrorKind::HostUnreachable, Status::UnreachableHost),
            (io::ErrorKind::NetworkDown, Status::NetworkIsDown),
            (
                io::ErrorKind::ConnectionRefused,
                Status::ConnectionResetByPeer,
            ),
            (
                io::ErrorKind::ConnectionReset,
                Status::ConnectionResetByPeer,
            ),
            (
                io::ErrorKind::ConnectionAborted,
                Status::SoftwareCausedConnectionAbort,
            ),
        ] {
            assert_eq!(of(kind).status(), status, "{kind:?}");
        }
        assert_eq!(
            of(io::ErrorKind::PermissionDenied).hresult(),
            E_ACCESSDENIED
        );
    }

    /// GEN-08
    #[test]
    fn an_error_keeps_the_number_and_the_text_of_the_system_error() {
        let error = Error::system("cannot bind", io::Error::from_raw_os_error(1))
            .with_advice("run as another user");
        assert_eq!(error.raw_os_error(), Some(1));
        assert_eq!(error.to_string(), "cannot bind");
        assert_eq!(error.advice(), Some("run as another user"));
        assert!(error.source().is_some());

        let outer = Error::new(ErrorKind::Io, "cannot connect").with_source(error.clone());
        assert_eq!(outer.raw_os_error(), Some(1));
        assert_eq!(Error::new(ErrorKind::Io, "no system").raw_os_error(), None);
    }
}
