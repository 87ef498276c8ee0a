//! Enumerations have the names and the numbers of the model.

use std::fmt::Debug;

use udpair_winrt::{
    AsyncStatus, BinaryStringEncoding, ByteOrder, DomainNameType, HostNameSortOptions,
    HostNameType, InputStreamOptions, NetworkTypes, SocketActivityConnectedStandbyAction,
    SocketActivityKind, SocketActivityTriggerReason, SocketErrorStatus, SocketQualityOfService,
    UnicodeEncoding, hresult,
};

use crate::support::code;

/// Checks that the numbers 0, 1, ... are values with these names, that each value has its number, and
/// that no other number is a value.
fn check<T, E>(names: &[&str], number: impl Fn(T) -> i32)
where
    T: TryFrom<i32, Error = E> + Debug,
    udpair_winrt::Error: From<E>,
{
    let value = |number: i32| T::try_from(number).map_err(udpair_winrt::Error::from);
    let count = i32::try_from(names.len()).unwrap();
    for (expected, name) in (0..).zip(names) {
        let value = value(expected).unwrap();
        assert_eq!(format!("{value:?}"), *name);
        assert_eq!(number(value), expected, "{name}");
    }
    for other in [-1, count, count + 1, 256, i32::MIN, i32::MAX] {
        let error = code(value(other));
        assert_eq!(error, hresult::E_INVALIDARG, "{other} after {names:?}");
    }
}

/// HOST-03, HOST-22, CTL-11, DR-03, GEN-04
#[test]
fn numbers_are_those_of_the_model() {
    check(
        &["DomainName", "Ipv4", "Ipv6", "Bluetooth"],
        |value: HostNameType| value as i32,
    );
    check(&["Suffix", "FullyQualified"], |value: DomainNameType| {
        value as i32
    });
    check(
        &["Normal", "LowLatency"],
        |value: SocketQualityOfService| value as i32,
    );
    check(&["LittleEndian", "BigEndian"], |value: ByteOrder| {
        value as i32
    });
    check(&["Utf8", "Utf16LE", "Utf16BE"], |value: UnicodeEncoding| {
        value as i32
    });
    check(
        &["Utf8", "Utf16LE", "Utf16BE"],
        |value: BinaryStringEncoding| value as i32,
    );
    check(
        &["Started", "Completed", "Canceled", "Error"],
        |value: AsyncStatus| value as i32,
    );
}

/// ERR-03: all 31.
#[test]
fn the_statuses_of_sockets_are_those_of_the_model() {
    let names = [
        "Unknown",
        "OperationAborted",
        "HttpInvalidServerResponse",
        "ConnectionTimedOut",
        "AddressFamilyNotSupported",
        "SocketTypeNotSupported",
        "HostNotFound",
        "NoDataRecordOfRequestedType",
        "NonAuthoritativeHostNotFound",
        "ClassTypeNotFound",
        "AddressAlreadyInUse",
        "CannotAssignRequestedAddress",
        "ConnectionRefused",
        "NetworkIsUnreachable",
        "UnreachableHost",
        "NetworkIsDown",
        "NetworkDroppedConnectionOnReset",
        "SoftwareCausedConnectionAbort",
        "ConnectionResetByPeer",
        "HostIsDown",
        "NoAddressesFound",
        "TooManyOpenFiles",
        "MessageTooLong",
        "CertificateExpired",
        "CertificateUntrustedRoot",
        "CertificateCommonNameIsIncorrect",
        "CertificateWrongUsage",
        "CertificateRevoked",
        "CertificateNoRevocationCheck",
        "CertificateRevocationServerOffline",
        "CertificateIsInvalid",
    ];
    check(&names, |value: SocketErrorStatus| value.number().into());
}

/// The enumerations of a broker exist before it does.
#[test]
fn the_numbers_of_the_broker_are_those_of_the_model() {
    check(
        &["DoNotWake", "Wake"],
        |value: SocketActivityConnectedStandbyAction| value as i32,
    );
    check(
        &[
            "None",
            "StreamSocketListener",
            "DatagramSocket",
            "StreamSocket",
        ],
        |value: SocketActivityKind| value as i32,
    );
    check(
        &[
            "None",
            "SocketActivity",
            "ConnectionAccepted",
            "KeepAliveTimerExpired",
            "SocketClosed",
        ],
        |value: SocketActivityTriggerReason| value as i32,
    );
}

/// EPP-07, NET-09, STR-02: flags combine, and unknown ones are refused.
#[test]
fn flags_are_those_of_the_model() {
    let options = HostNameSortOptions::OptimizeForLongConnections;
    assert_eq!(
        HostNameSortOptions::try_from(0).unwrap(),
        HostNameSortOptions::None
    );
    assert_eq!(HostNameSortOptions::try_from(2).unwrap(), options);
    assert_eq!((HostNameSortOptions::None as u32, options as u32), (0, 2));
    for other in [1, 3, 4, u32::MAX] {
        assert_eq!(
            code(HostNameSortOptions::try_from(other)),
            hresult::E_INVALIDARG
        );
    }

    let both = NetworkTypes::Internet | NetworkTypes::PrivateNetwork;
    let named = [
        NetworkTypes::None,
        NetworkTypes::Internet,
        NetworkTypes::PrivateNetwork,
        both,
    ];
    for (number, types) in (0..).zip(named) {
        assert_eq!(types.bits(), number);
        assert_eq!(NetworkTypes::try_from(number).unwrap(), types);
    }
    assert!(both.contains(NetworkTypes::Internet));
    assert!(!NetworkTypes::Internet.contains(both));
    for other in [4, 7, u32::MAX] {
        assert_eq!(code(NetworkTypes::try_from(other)), hresult::E_INVALIDARG);
    }

    let named = [
        InputStreamOptions::None,
        InputStreamOptions::Partial,
        InputStreamOptions::ReadAhead,
        InputStreamOptions::Partial | InputStreamOptions::ReadAhead,
    ];
    for (number, options) in (0..).zip(named) {
        assert_eq!(options.bits(), number);
        assert_eq!(InputStreamOptions::try_from(number).unwrap(), options);
    }
    for other in [4, 7, u32::MAX] {
        assert_eq!(
            code(InputStreamOptions::try_from(other)),
            hresult::E_INVALIDARG
        );
    }
}
