//! The meaning of a system error, in terms that are the same on every system.
//!
//! [`std::io::ErrorKind`] has no kind for a datagram that is too long, a family that is not
//! supported or a full descriptor table, so callers would have to compare error numbers. They use
//! [`Cause`] instead.

use std::fmt;
use std::io;

use crate::system;

/// The meaning of a system error, named after its POSIX constant.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// `EADDRINUSE`: the local address and port belong to another socket.
    AddressInUse,
    /// `EADDRNOTAVAIL`, and `ENODEV` or `ENXIO` on bind: the address does not belong to this
    /// machine.
    AddressNotAvailable,
    /// `EAFNOSUPPORT`, `EPFNOSUPPORT`: the socket does not support addresses of that family.
    FamilyNotSupported,
    /// `ESOCKTNOSUPPORT`, `EPROTOTYPE`: the family does not support datagram sockets.
    SocketTypeNotSupported,
    /// `EACCES`: a privileged port, or a route or router that prohibits the destination.
    PermissionDenied,
    /// `EPERM`: a firewall of this machine that refuses a datagram, or a privilege that is missing.
    NotPermitted,
    /// `EMSGSIZE`: the datagram does not fit into one packet.
    MessageTooLong,
    /// `ENETUNREACH`: there is no route.
    NetworkUnreachable,
    /// `EHOSTUNREACH`: there is a route, but it ends before the host.
    HostUnreachable,
    /// `EHOSTDOWN`: the host does not answer on its link.
    HostDown,
    /// `ENETDOWN`: the adapter is down.
    NetworkDown,
    /// `ENETRESET`: the network dropped packets in transit.
    NetworkReset,
    /// `ECONNREFUSED`: no socket is bound to the remote port.
    ConnectionRefused,
    /// `ECONNRESET`: the same, as Windows reports it.
    ConnectionReset,
    /// `ECONNABORTED`.
    ConnectionAborted,
    /// `ETIMEDOUT`.
    TimedOut,
    /// `EMFILE`, `ENFILE`: the process or the machine has no free descriptor.
    TooManyFiles,
    /// `ENOBUFS`: the system has no buffer space for the datagram now.
    NoBuffers,
    /// The socket's send buffer can never hold the datagram, not even when it is empty.
    ExceedsSendBuffer,
    /// `ENOMEM`.
    OutOfMemory,
    /// `ECANCELED`.
    Cancelled,
    /// `EINVAL`.
    InvalidInput,
    /// `EOPNOTSUPP`, `ENOPROTOOPT`: this system does not support the operation.
    NotSupported,
    /// Any other error. The error itself has the details.
    Other,
}

impl Cause {
    /// Returns the meaning of `error`.
    pub fn of(error: &io::Error) -> Self {
        if let Some(code) = error.raw_os_error() {
            return system::cause(code);
        }
        if let Some(inner) = error.get_ref() {
            if inner.is::<ExceedsSendBuffer>() {
                return Self::ExceedsSendBuffer;
            }
            if let Some(refused) = inner.downcast_ref::<RefusedOption>() {
                return Self::of(&refused.error);
            }
        }
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse,
            io::ErrorKind::AddrNotAvailable => Self::AddressNotAvailable,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            io::ErrorKind::NetworkUnreachable => Self::NetworkUnreachable,
            io::ErrorKind::HostUnreachable => Self::HostUnreachable,
            io::ErrorKind::NetworkDown => Self::NetworkDown,
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::ConnectionReset => Self::ConnectionReset,
            io::ErrorKind::ConnectionAborted => Self::ConnectionAborted,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::OutOfMemory => Self::OutOfMemory,
            io::ErrorKind::InvalidInput => Self::InvalidInput,
            io::ErrorKind::Unsupported => Self::NotSupported,
            _ => Self::Other,
        }
    }
}

/// The error for a datagram that the socket's send buffer can never hold.
#[derive(Debug)]
pub(crate) struct ExceedsSendBuffer {
    /// How much buffer space the datagram needs, as far as that is known.
    pub(crate) needed_bytes: u64,
    /// The size of the send buffer.
    pub(crate) buffer_bytes: u64,
}

impl fmt::Display for ExceedsSendBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the datagram needs about {} bytes of buffer space, and the socket has {}",
            self.needed_bytes, self.buffer_bytes
        )
    }
}

impl std::error::Error for ExceedsSendBuffer {}

impl From<ExceedsSendBuffer> for io::Error {
    fn from(error: ExceedsSendBuffer) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

/// The error for an option that the system refused.
#[derive(Debug)]
pub(crate) struct RefusedOption {
    /// The name of the option: `IP_PKTINFO`.
    pub(crate) name: &'static str,
    pub(crate) error: io::Error,
}

impl fmt::Display for RefusedOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the system refused the option {}", self.name)
    }
}

impl std::error::Error for RefusedOption {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<RefusedOption> for io::Error {
    fn from(error: RefusedOption) -> Self {
        Self::new(error.error.kind(), error)
    }
}

/// Names the option in an error.
pub(crate) fn refused(name: &'static str) -> impl Fn(io::Error) -> io::Error {
    move |error| RefusedOption { name, error }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_number_gets_its_cause_from_its_kind() {
        let error = io::Error::from(io::ErrorKind::AddrInUse);
        assert_eq!(Cause::of(&error), Cause::AddressInUse);
        let error = io::Error::other("not a system error");
        assert_eq!(Cause::of(&error), Cause::Other);
    }
}
