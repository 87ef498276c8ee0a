//! `SocketErrorStatus`: the network condition that an HRESULT stands for.

/// A network condition: one of the 31 that the model distinguishes.
///
/// # Model
///
/// `Windows.Networking.Sockets.SocketErrorStatus`. The numeric values are fixed (ERR-03).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum SocketErrorStatus {
    /// Not a network condition; a retry does not help (ERR-02).
    Unknown = 0,
    /// The operation was aborted.
    OperationAborted = 1,
    /// An HTTP server gave a bad response.
    HttpInvalidServerResponse = 2,
    /// The connection timed out.
    ConnectionTimedOut = 3,
    /// The address family is not supported.
    AddressFamilyNotSupported = 4,
    /// The socket type is not supported.
    SocketTypeNotSupported = 5,
    /// The host was not found.
    HostNotFound = 6,
    /// The name has no record of the requested type.
    NoDataRecordOfRequestedType = 7,
    /// The host was not found, according to a name server that is not authoritative.
    NonAuthoritativeHostNotFound = 8,
    /// The service was not found.
    ClassTypeNotFound = 9,
    /// The address is in use.
    AddressAlreadyInUse = 10,
    /// The address cannot be assigned.
    CannotAssignRequestedAddress = 11,
    /// The connection was refused.
    ConnectionRefused = 12,
    /// The network is unreachable.
    NetworkIsUnreachable = 13,
    /// The host is unreachable.
    UnreachableHost = 14,
    /// The network is down.
    NetworkIsDown = 15,
    /// The network dropped the connection.
    NetworkDroppedConnectionOnReset = 16,
    /// Software on this machine aborted the connection.
    SoftwareCausedConnectionAbort = 17,
    /// The peer reset the connection. On a datagram socket: no socket is bound to the remote port.
    ConnectionResetByPeer = 18,
    /// The host is down.
    HostIsDown = 19,
    /// No addresses were found.
    NoAddressesFound = 20,
    /// Too many files are open.
    TooManyOpenFiles = 21,
    /// The message is too long for one datagram.
    MessageTooLong = 22,
    /// A certificate has expired.
    CertificateExpired = 23,
    /// A certificate's root is not trusted.
    CertificateUntrustedRoot = 24,
    /// A certificate is for another name.
    CertificateCommonNameIsIncorrect = 25,
    /// A certificate is for another use.
    CertificateWrongUsage = 26,
    /// A certificate was revoked.
    CertificateRevoked = 27,
    /// A certificate's revocation could not be checked.
    CertificateNoRevocationCheck = 28,
    /// A certificate's revocation server is offline.
    CertificateRevocationServerOffline = 29,
    /// A certificate is not valid.
    CertificateIsInvalid = 30,
}

impl SocketErrorStatus {
    /// Returns the status of an HRESULT.
    ///
    /// An HRESULT that the model does not list, success included, has the status
    /// [`Unknown`](Self::Unknown) (MODEL ERR-01).
    pub fn from_hresult(hresult: i32) -> Self {
        match hresult.cast_unsigned() {
            // ERROR_OPERATION_ABORTED, E_ABORT, ERROR_CANCELLED, WSAECANCELLED, WSA_E_CANCELLED
            0x8007_03e3 | 0x8000_4004 | 0x8007_04c7 | 0x8007_2777 | 0x8007_277f => {
                Self::OperationAborted
            }
            0x8007_2f78 => Self::HttpInvalidServerResponse,
            0x8007_274c => Self::ConnectionTimedOut,
            // WSAEAFNOSUPPORT, WSAEPFNOSUPPORT
            0x8007_273f | 0x8007_273e => Self::AddressFamilyNotSupported,
            0x8007_273c => Self::SocketTypeNotSupported,
            0x8007_2af9 => Self::HostNotFound,
            0x8007_2afc => Self::NoDataRecordOfRequestedType,
            0x8007_2afa => Self::NonAuthoritativeHostNotFound,
            0x8007_277d => Self::ClassTypeNotFound,
            0x8007_2740 => Self::AddressAlreadyInUse,
            0x8007_2741 => Self::CannotAssignRequestedAddress,
            0x8007_274d => Self::ConnectionRefused,
            0x8007_2743 => Self::NetworkIsUnreachable,
            0x8007_2751 => Self::UnreachableHost,
            0x8007_2742 => Self::NetworkIsDown,
            0x8007_2744 => Self::NetworkDroppedConnectionOnReset,
            0x8007_2745 => Self::SoftwareCausedConnectionAbort,
            0x8007_2746 => Self::ConnectionResetByPeer,
            0x8007_2750 => Self::HostIsDown,
            0x8007_00e8 => Self::NoAddressesFound,
            // WSAEMFILE, ERROR_TOO_MANY_OPEN_FILES
            0x8007_2728 | 0x8007_0004 => Self::TooManyOpenFiles,
            0x8007_2738 => Self::MessageTooLong,
            // CERT_E_EXPIRED, CERT_E_VALIDITYPERIODNESTING
            0x800b_0101 | 0x800b_0102 => Self::CertificateExpired,
            // CERT_E_UNTRUSTEDROOT, CERT_E_CHAINING
            0x800b_0109 | 0x800b_010a => Self::CertificateUntrustedRoot,
            // CERT_E_CN_NO_MATCH, CERT_E_INVALID_NAME
            0x800b_010f | 0x800b_0114 => Self::CertificateCommonNameIsIncorrect,
            0x800b_0110 => Self::CertificateWrongUsage,
            // CERT_E_REVOKED, CRYPT_E_REVOKED, TRUST_E_EXPLICIT_DISTRUST
            0x800b_010c | 0x8009_2010 | 0x800b_0111 => Self::CertificateRevoked,
            0x8009_2012 => Self::CertificateNoRevocationCheck,
            0x8009_2013 => Self::CertificateRevocationServerOffline,
            // CERT_E_MALFORMED, ROLE, PATHLENCONST, CRITICAL, PURPOSE, ISSUERCHAINING,
            // INVALID_POLICY, TRUST_E_CERT_SIGNATURE, TRUST_E_BASIC_CONSTRAINTS
            0x800b_0108 | 0x800b_0103 | 0x800b_0104 | 0x800b_0105 | 0x800b_0106 | 0x800b_0107
            | 0x800b_0113 | 0x8009_6004 | 0x8009_6019 => Self::CertificateIsInvalid,
            _ => Self::Unknown,
        }
    }

    /// Returns the status with this number; `None` if there is none.
    pub(super) fn from_number(number: i32) -> Option<Self> {
        let index = usize::try_from(number).ok()?;
        ALL.get(index).copied()
    }

    /// Returns the number of the status, 0 to 30.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// All of them, in the order of their numbers.
const ALL: [SocketErrorStatus; 31] = [
    SocketErrorStatus::Unknown,
    SocketErrorStatus::OperationAborted,
    SocketErrorStatus::HttpInvalidServerResponse,
    SocketErrorStatus::ConnectionTimedOut,
    SocketErrorStatus::AddressFamilyNotSupported,
    SocketErrorStatus::SocketTypeNotSupported,
    SocketErrorStatus::HostNotFound,
    SocketErrorStatus::NoDataRecordOfRequestedType,
    SocketErrorStatus::NonAuthoritativeHostNotFound,
    SocketErrorStatus::ClassTypeNotFound,
    SocketErrorStatus::AddressAlreadyInUse,
    SocketErrorStatus::CannotAssignRequestedAddress,
    SocketErrorStatus::ConnectionRefused,
    SocketErrorStatus::NetworkIsUnreachable,
    SocketErrorStatus::UnreachableHost,
    SocketErrorStatus::NetworkIsDown,
    SocketErrorStatus::NetworkDroppedConnectionOnReset,
    SocketErrorStatus::SoftwareCausedConnectionAbort,
    SocketErrorStatus::ConnectionResetByPeer,
    SocketErrorStatus::HostIsDown,
    SocketErrorStatus::NoAddressesFound,
    SocketErrorStatus::TooManyOpenFiles,
    SocketErrorStatus::MessageTooLong,
    SocketErrorStatus::CertificateExpired,
    SocketErrorStatus::CertificateUntrustedRoot,
    SocketErrorStatus::CertificateCommonNameIsIncorrect,
    SocketErrorStatus::CertificateWrongUsage,
    SocketErrorStatus::CertificateRevoked,
    SocketErrorStatus::CertificateNoRevocationCheck,
    SocketErrorStatus::CertificateRevocationServerOffline,
    SocketErrorStatus::CertificateIsInvalid,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// ERR-01, ERR-03
    #[test]
    fn hresults_have_the_numbers_of_the_model() {
        for (hresult, number) in [
            (0x8007_03e3, 1),
            (0x8000_4004, 1),
            (0x8007_04c7, 1),
            (0x8007_2777, 1),
            (0x8007_277f, 1),
            (0x8007_2f78, 2),
            (0x8007_274c, 3),
            (0x8007_273f, 4),
            (0x8007_273e, 4),
            (0x8007_273c, 5),
            (0x8007_2af9, 6),
            (0x8007_2afc, 7),
            (0x8007_2afa, 8),
            (0x8007_277d, 9),
            (0x8007_2740, 10),
            (0x8007_2741, 11),
            (0x8007_274d, 12),
            (0x8007_2743, 13),
            (0x8007_2751, 14),
            (0x8007_2742, 15),
            (0x8007_2744, 16),
            (0x8007_2745, 17),
            (0x8007_2746, 18),
            (0x8007_2750, 19),
            (0x8007_00e8, 20),
            (0x8007_2728, 21),
            (0x8007_0004, 21),
            (0x8007_2738, 22),
            (0x800b_0101, 23),
            (0x800b_0102, 23),
            (0x800b_0109, 24),
            (0x800b_010a, 24),
            (0x800b_010f, 25),
            (0x800b_0114, 25),
            (0x800b_0110, 26),
            (0x800b_010c, 27),
            (0x8009_2010, 27),
            (0x800b_0111, 27),
            (0x8009_2012, 28),
            (0x8009_2013, 29),
            (0x800b_0108, 30),
            (0x800b_0103, 30),
            (0x800b_0113, 30),
            (0x8009_6004, 30),
            (0x8009_6019, 30),
            // HRESULTs of this crate that are not network conditions, and others.
            (0x8007_0057, 0),
            (0x8000_000e, 0),
            (0x8000_0013, 0),
            (0x8007_0005, 0),
            (0x8007_2afb, 0),
            (0x8007_2747, 0),
            (0, 0),
            (1, 0),
            (0x7fff_ffff, 0),
            (0xffff_ffff, 0),
        ] {
            let hresult: u32 = hresult;
            let status = SocketErrorStatus::from_hresult(hresult.cast_signed());
            assert_eq!(status.number(), number, "{hresult:#010x}");
        }
    }
}
