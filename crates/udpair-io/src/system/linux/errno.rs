//! Error numbers (errno(3)).

use std::io;

use crate::cause::Cause;

/// Returns the meaning of an error number.
pub(crate) fn cause(code: i32) -> Cause {
    match code {
        libc::EADDRINUSE => Cause::AddressInUse,
        libc::EADDRNOTAVAIL | libc::ENODEV | libc::ENXIO => Cause::AddressNotAvailable,
        libc::EAFNOSUPPORT | libc::EPFNOSUPPORT => Cause::FamilyNotSupported,
        libc::ESOCKTNOSUPPORT | libc::EPROTOTYPE => Cause::SocketTypeNotSupported,
        libc::EACCES => Cause::PermissionDenied,
        libc::EPERM => Cause::NotPermitted,
        libc::EMSGSIZE => Cause::MessageTooLong,
        libc::ENETUNREACH => Cause::NetworkUnreachable,
        libc::EHOSTUNREACH => Cause::HostUnreachable,
        libc::EHOSTDOWN => Cause::HostDown,
        libc::ENETDOWN => Cause::NetworkDown,
        libc::ENETRESET => Cause::NetworkReset,
        libc::ECONNREFUSED => Cause::ConnectionRefused,
        libc::ECONNRESET => Cause::ConnectionReset,
        libc::ECONNABORTED => Cause::ConnectionAborted,
        libc::ETIMEDOUT => Cause::TimedOut,
        libc::EMFILE | libc::ENFILE => Cause::TooManyFiles,
        libc::ENOBUFS => Cause::NoBuffers,
        libc::ENOMEM => Cause::OutOfMemory,
        libc::ECANCELED => Cause::Cancelled,
        libc::EINVAL => Cause::InvalidInput,
        libc::EOPNOTSUPP | libc::ENOPROTOOPT | libc::ENOSYS => Cause::NotSupported,
        _ => Cause::Other,
    }
}

/// Returns the error for an address of a family that a socket does not support.
pub(crate) fn family_not_supported() -> io::Error {
    io::Error::from_raw_os_error(libc::EAFNOSUPPORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ERR-05
    #[test]
    fn each_error_number_has_one_cause() {
        for (code, meaning) in [
            (libc::EADDRINUSE, Cause::AddressInUse),
            (libc::ENODEV, Cause::AddressNotAvailable),
            (libc::EAFNOSUPPORT, Cause::FamilyNotSupported),
            (libc::EACCES, Cause::PermissionDenied),
            (libc::EPERM, Cause::NotPermitted),
            (libc::EMSGSIZE, Cause::MessageTooLong),
            (libc::ECONNREFUSED, Cause::ConnectionRefused),
            (libc::ENFILE, Cause::TooManyFiles),
            (libc::EXDEV, Cause::Other),
        ] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(Cause::of(&error), meaning, "{error}");
        }
    }
}
