//! The exit codes.

use udpair::ErrorKind;

/// Returns the exit code of a command that failed with an error of this kind.
pub(crate) fn code_of(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::InvalidArgument => 2,
        ErrorKind::HostNotFound | ErrorKind::NoData | ErrorKind::ServiceNotFound => 3,
        ErrorKind::AddressInUse | ErrorKind::AddressNotAvailable | ErrorKind::PermissionDenied => 4,
        // Whatever the cause, the name may exist.
        ErrorKind::NoReply | ErrorKind::NameServer => 5,
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::PeerUnreachable => {
            6
        }
        ErrorKind::FamilyNotSupported | ErrorKind::Unsupported => 8,
        _ => OTHER,
    }
}

/// The command succeeded.
pub(crate) const DONE: u8 = 0;

/// A failure that has no code of its own.
const OTHER: u8 = 1;

/// The command finished, but datagrams were lost.
pub(crate) const LOSSY: u8 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_kind_has_its_documented_exit_code() {
        for (kind, code) in [
            (ErrorKind::InvalidArgument, 2),
            (ErrorKind::InvalidData, 1),
            (ErrorKind::InvalidState, 1),
            (ErrorKind::Closed, 1),
            (ErrorKind::Cancelled, 1),
            (ErrorKind::HostNotFound, 3),
            (ErrorKind::NoData, 3),
            (ErrorKind::ServiceNotFound, 3),
            (ErrorKind::NameServer, 5),
            (ErrorKind::AddressInUse, 4),
            (ErrorKind::AddressNotAvailable, 4),
            (ErrorKind::FamilyNotSupported, 8),
            (ErrorKind::PermissionDenied, 4),
            (ErrorKind::PayloadTooLarge, 1),
            (ErrorKind::NetworkUnreachable, 6),
            (ErrorKind::HostUnreachable, 6),
            (ErrorKind::PeerUnreachable, 6),
            (ErrorKind::NoReply, 5),
            (ErrorKind::TooManyFiles, 1),
            (ErrorKind::Unsupported, 8),
            (ErrorKind::Io, 1),
        ] {
            assert_eq!(code_of(kind), code, "{kind:?}");
        }
    }
}
