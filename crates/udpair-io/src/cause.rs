//! What the system meant by an error, in words that are the same on every system.
//!
//! [`std::io::ErrorKind`] has no word for a datagram that is too long, a family that is not
//! supported or a full descriptor table, so callers would have to compare error numbers. They ask
//! here instead.

use std::io;

use crate::system;

/// The meaning of a system error, named after its POSIX constant.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// `EADDRINUSE`: the local address and port belong to another socket.
    AddressInUse,
    /// `EADDRNOTAVAIL`, and `ENODEV` or `ENXIO` on bind: the address is not one of this machine's.
    AddressNotAvailable,
    /// `EAFNOSUPPORT`, `EPFNOSUPPORT`: the socket cannot carry addresses of that family.
    FamilyNotSupported,
    /// `ESOCKTNOSUPPORT`, `EPROTOTYPE`: the family has no datagram sockets.
    SocketTypeNotSupported,
    /// `EACCES`, `EPERM`: a privileged port, or a firewall that refuses.
    PermissionDenied,
    /// `EMSGSIZE`: the datagram does not fit into one packet.
    MessageTooLong,
    /// `ENETUNREACH`: there is no route.
    NetworkUnreachable,
    /// `EHOSTUNREACH`: there is a route, and it ends before the host.
    HostUnreachable,
    /// `EHOSTDOWN`: the host does not answer on its link.
    HostDown,
    /// `ENETDOWN`: the adapter is down.
    NetworkDown,
    /// `ENETRESET`: the network dropped what was under way.
    NetworkReset,
    /// `ECONNREFUSED`: nobody listens on the remote port.
    ConnectionRefused,
    /// `ECONNRESET`: the same, as Windows puts it.
    ConnectionReset,
    /// `ECONNABORTED`.
    ConnectionAborted,
    /// `ETIMEDOUT`.
    TimedOut,
    /// `EMFILE`, `ENFILE`: the process or the machine has no descriptor left.
    TooManyFiles,
    /// `ENOBUFS`: the system has no room for the datagram just now.
    NoBuffers,
    /// `ENOMEM`.
    OutOfMemory,
    /// `ECANCELED`.
    Cancelled,
    /// `EINVAL`.
    InvalidInput,
    /// `EOPNOTSUPP`, `ENOPROTOOPT`: this system cannot do it.
    NotSupported,
    /// Anything else; the error itself says more.
    Other,
}

impl Cause {
    /// Returns what `error` means.
    pub fn of(error: &io::Error) -> Self {
        if let Some(code) = error.raw_os_error() {
            return system::cause(code);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_number_is_judged_by_its_kind() {
        let error = io::Error::from(io::ErrorKind::AddrInUse);
        assert_eq!(Cause::of(&error), Cause::AddressInUse);
        let error = io::Error::other("no system behind it");
        assert_eq!(Cause::of(&error), Cause::Other);
    }
}
