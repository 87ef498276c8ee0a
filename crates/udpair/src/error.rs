//! Everything that can go wrong, in one type.
//!
//! A kind is something a caller can act on. The text says which action failed on which object, the
//! source what the system or the name server said, and the advice what to do about it.

mod hresult;
mod status;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use udpair_io::Cause;

pub(crate) use hresult::*;
pub use status::SocketErrorStatus;

/// An error of this crate.
///
/// Opaque: decide on [`kind`](Self::kind), show the text. Cloning is cheap.
///
/// # Model
///
/// GEN-08: every error has an HRESULT, a [`SocketErrorStatus`], the system's own number where there
/// is one, and a text that names operation and endpoint.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    hresult: i32,
    advice: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is not valid, whatever the state of the socket or the network.
    InvalidArgument,
    /// The call is right, the moment is not: already bound, already connected, not yet bound.
    InvalidState,
    /// The socket or the stream was closed before the call.
    Closed,
    /// The socket was closed, or its operations cancelled, while the call was under way.
    Cancelled,
    /// The host name does not exist, or stands for nothing that can be connected to.
    HostNotFound,
    /// The name exists and has no record of the kind that is needed.
    NoData,
    /// The service is in neither the services file nor DNS.
    ServiceNotFound,
    /// No name server gave a usable answer.
    NameServer,
    /// The local address and port belong to another socket.
    AddressInUse,
    /// The local address is not one of this machine's, or the remote one cannot be a destination.
    AddressNotAvailable,
    /// Local and remote address are of different families, or the family is not supported.
    FamilyNotSupported,
    /// The system denies it: a privileged port, a firewall.
    PermissionDenied,
    /// The payload does not fit into one datagram to this destination.
    PayloadTooLarge,
    /// There is no route to the remote network.
    NetworkUnreachable,
    /// The remote host cannot be reached.
    HostUnreachable,
    /// Nobody listens on the remote port.
    PeerUnreachable,
    /// The peer did not answer in time.
    NoReply,
    /// The process or the machine has no descriptor left.
    TooManyFiles,
    /// This system cannot do it.
    Unsupported,
    /// The operating system refused; see [`source`](StdError::source).
    Io,
}

impl ErrorKind {
    /// Returns the kind's name in JSON output: `"host-not-found"`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Returns the status that an error of this kind has unless it knows better.
    pub fn status(self) -> SocketErrorStatus {
        SocketErrorStatus::from_hresult(self.row().1)
    }

    /// The one table of kinds: JSON name, and HRESULT unless the error knows better; its status follows
    /// from that.
    fn row(self) -> (&'static str, i32) {
        match self {
            Self::InvalidArgument => ("invalid-argument", E_INVALIDARG),
            Self::InvalidState => ("invalid-state", E_ILLEGAL_METHOD_CALL),
            Self::Closed => ("closed", RO_E_CLOSED),
            Self::Cancelled => ("cancelled", OPERATION_ABORTED),
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
    /// Returns what kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the status that `SocketError.GetStatus` has for it, `Unknown` for most errors that
    /// are no network condition (MODEL ERR-01).
    pub fn status(&self) -> SocketErrorStatus {
        SocketErrorStatus::from_hresult(self.0.hresult)
    }

    /// Returns the HRESULT, the same on every system (MODEL ERR-05).
    pub fn hresult(&self) -> i32 {
        self.0.hresult
    }

    /// Returns the system's own error number, if a system call was behind it.
    pub fn raw_os_error(&self) -> Option<i32> {
        let mut source = self.source();
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return error.raw_os_error();
            }
            source = error.source();
        }
        None
    }

    /// Returns what the user can do about it, where we know something.
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// Makes an error; `message` names the action and its object.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            hresult: kind.row().1,
            advice: None,
            source: None,
        }))
    }

    /// Makes an error of what a system call returned.
    pub(crate) fn system(message: impl Into<String>, source: io::Error) -> Self {
        let (kind, hresult) = meaning(Cause::of(&source));
        let mut error = Self::new(kind, message);
        error.set(|inner| inner.hresult = hresult);
        error.with_source(source)
    }

    /// The error for a step that needs a runtime, where there is none and no thread can be started for one.
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

    /// Returns the same error behind a text that says what was to be done; kind, status and advice stay.
    pub(crate) fn in_context(self, message: impl Into<String>) -> Self {
        let mut outer = Self::new(self.kind(), message).with_hresult(self.hresult());
        if let Some(advice) = self.advice() {
            outer = outer.with_advice(advice);
        }
        outer.with_source(self)
    }

    /// Returns the text of the innermost cause.
    pub(crate) fn innermost(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            text = error.to_string();
            source = error.source();
        }
        text
    }

    /// Changes an error that nobody else has seen yet; a shared one keeps what it says.
    fn set(&mut self, change: impl FnOnce(&mut Inner)) {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
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

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// What a system error means on a datagram socket: kind and HRESULT.
///
/// # Model
///
/// ERR-05, ERR-06: numbers are Winsock's on every system, and a refused connection is a reset one,
/// because a datagram socket has no connection that could be refused.
fn meaning(cause: Cause) -> (ErrorKind, i32) {
    use ErrorKind as Kind;
    let (kind, exact) = match cause {
        Cause::AddressInUse => (Kind::AddressInUse, None),
        Cause::AddressNotAvailable => (Kind::AddressNotAvailable, None),
        Cause::FamilyNotSupported => (Kind::FamilyNotSupported, None),
        Cause::SocketTypeNotSupported => (Kind::FamilyNotSupported, Some(WSAESOCKTNOSUPPORT)),
        Cause::PermissionDenied => (Kind::PermissionDenied, None),
        Cause::MessageTooLong => (Kind::PayloadTooLarge, None),
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

    /// Error numbers that Linux, macOS and Windows share would be luck; these are made by kind.
    fn of(kind: io::ErrorKind) -> Error {
        Error::system("cannot test", io::Error::from(kind))
    }

    /// ERR-05, ERR-06, GEN-09
    #[test]
    fn system_errors_get_the_status_of_their_winsock_twins() {
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
    fn an_error_keeps_what_the_system_said() {
        let error = Error::system("cannot bind", io::Error::from_raw_os_error(1))
            .with_advice("become somebody else");
        assert_eq!(error.raw_os_error(), Some(1));
        assert_eq!(error.to_string(), "cannot bind");
        assert_eq!(error.advice(), Some("become somebody else"));
        assert!(error.source().is_some());

        let outer = Error::new(ErrorKind::Io, "cannot connect").with_source(error.clone());
        assert_eq!(outer.raw_os_error(), Some(1));
        assert_eq!(Error::new(ErrorKind::Io, "no system").raw_os_error(), None);
    }
}
