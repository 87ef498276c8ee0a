//! `SocketError.GetStatus`: what an HRESULT means.

use udpair_winrt::{DatagramSocket, Error, SocketError, SocketErrorStatus, hresult, udpair};

use crate::support::net::{host, loopback, peer};

/// All statuses, with their numbers and the HRESULTs that stand for them.
const STATUSES: [(SocketErrorStatus, i32, &[u32]); 31] = [
    (SocketErrorStatus::Unknown, 0, &[]),
    (
        SocketErrorStatus::OperationAborted,
        1,
        &[
            0x8007_03e3,
            0x8000_4004,
            0x8007_04c7,
            0x8007_2777,
            0x8007_277f,
        ],
    ),
    (
        SocketErrorStatus::HttpInvalidServerResponse,
        2,
        &[0x8007_2f78],
    ),
    (SocketErrorStatus::ConnectionTimedOut, 3, &[0x8007_274c]),
    (
        SocketErrorStatus::AddressFamilyNotSupported,
        4,
        &[0x8007_273f, 0x8007_273e],
    ),
    (SocketErrorStatus::SocketTypeNotSupported, 5, &[0x8007_273c]),
    (SocketErrorStatus::HostNotFound, 6, &[0x8007_2af9]),
    (
        SocketErrorStatus::NoDataRecordOfRequestedType,
        7,
        &[0x8007_2afc],
    ),
    (
        SocketErrorStatus::NonAuthoritativeHostNotFound,
        8,
        &[0x8007_2afa],
    ),
    (SocketErrorStatus::ClassTypeNotFound, 9, &[0x8007_277d]),
    (SocketErrorStatus::AddressAlreadyInUse, 10, &[0x8007_2740]),
    (
        SocketErrorStatus::CannotAssignRequestedAddress,
        11,
        &[0x8007_2741],
    ),
    (SocketErrorStatus::ConnectionRefused, 12, &[0x8007_274d]),
    (SocketErrorStatus::NetworkIsUnreachable, 13, &[0x8007_2743]),
    (SocketErrorStatus::UnreachableHost, 14, &[0x8007_2751]),
    (SocketErrorStatus::NetworkIsDown, 15, &[0x8007_2742]),
    (
        SocketErrorStatus::NetworkDroppedConnectionOnReset,
        16,
        &[0x8007_2744],
    ),
    (
        SocketErrorStatus::SoftwareCausedConnectionAbort,
        17,
        &[0x8007_2745],
    ),
    (SocketErrorStatus::ConnectionResetByPeer, 18, &[0x8007_2746]),
    (SocketErrorStatus::HostIsDown, 19, &[0x8007_2750]),
    (SocketErrorStatus::NoAddressesFound, 20, &[0x8007_00e8]),
    (
        SocketErrorStatus::TooManyOpenFiles,
        21,
        &[0x8007_2728, 0x8007_0004],
    ),
    (SocketErrorStatus::MessageTooLong, 22, &[0x8007_2738]),
    (
        SocketErrorStatus::CertificateExpired,
        23,
        &[0x800b_0101, 0x800b_0102],
    ),
    (
        SocketErrorStatus::CertificateUntrustedRoot,
        24,
        &[0x800b_0109, 0x800b_010a],
    ),
    (
        SocketErrorStatus::CertificateCommonNameIsIncorrect,
        25,
        &[0x800b_010f, 0x800b_0114],
    ),
    (SocketErrorStatus::CertificateWrongUsage, 26, &[0x800b_0110]),
    (
        SocketErrorStatus::CertificateRevoked,
        27,
        &[0x800b_010c, 0x8009_2010, 0x800b_0111],
    ),
    (
        SocketErrorStatus::CertificateNoRevocationCheck,
        28,
        &[0x8009_2012],
    ),
    (
        SocketErrorStatus::CertificateRevocationServerOffline,
        29,
        &[0x8009_2013],
    ),
    (
        SocketErrorStatus::CertificateIsInvalid,
        30,
        &[
            0x800b_0108,
            0x800b_0103,
            0x800b_0104,
            0x800b_0105,
            0x800b_0106,
            0x800b_0107,
            0x800b_0113,
            0x8009_6004,
            0x8009_6019,
        ],
    ),
];

/// ERR-01, ERR-03, ERR-04, ERR-06: every status has its number and its HRESULTs, and no other number
/// of the same kinds has one.
#[test]
fn every_status_has_its_hresults() {
    let listed = |code: u32| {
        let mut statuses = STATUSES.iter();
        statuses.find(|(_, _, codes)| codes.contains(&code))
    };
    for (status, number, codes) in STATUSES {
        assert_eq!(status as i32, number, "{status:?}");
        for code in codes {
            assert_eq!(SocketError::status(code.cast_signed()), status, "{code:#x}");
        }
    }
    for facility in [
        0x8000_0000_u32,
        0x8000_4000,
        0x8007_0000,
        0x8009_0000,
        0x800b_0000,
        0,
    ] {
        for low in 0..=0xffff {
            let code = facility | low;
            let expected = listed(code).map_or(SocketErrorStatus::Unknown, |(status, ..)| *status);
            assert_eq!(
                SocketError::status(code.cast_signed()),
                expected,
                "{code:#x}"
            );
        }
    }
    assert_eq!(hresult::WSAHOST_NOT_FOUND, -2_147_013_895);
}

/// ERR-02: what says nothing about the network is unknown: success, arguments, states, and what
/// programs make up.
#[test]
fn what_says_nothing_about_the_network_is_unknown() {
    for code in [
        0,
        1,
        hresult::E_INVALIDARG,
        hresult::E_ILLEGAL_METHOD_CALL,
        hresult::RO_E_CLOSED,
        hresult::E_BOUNDS,
        hresult::ERROR_INVALID_OPERATION,
        hresult::ERROR_NO_UNICODE_TRANSLATION,
        hresult::E_ACCESSDENIED,
        hresult::E_OUTOFMEMORY,
        hresult::E_NOTIMPL,
        hresult::WSANO_RECOVERY,
        hresult::WSAENOBUFS,
        hresult::WSAEOPNOTSUPP,
        hresult::WSAEINVAL,
        hresult::E_FAIL,
        i32::MIN,
        i32::MAX,
        -1,
    ] {
        assert_eq!(
            SocketError::status(code),
            SocketErrorStatus::Unknown,
            "{code:#x}"
        );
        assert_eq!(Error::new(code, "x").status(), SocketErrorStatus::Unknown);
    }
    // What the calls of a socket fail with before they do anything.
    let socket = DatagramSocket::new();
    let cancel = socket.cancel_io().get().unwrap_err();
    let connect = socket.connect(&loopback(), "").get().unwrap_err();
    socket.close();
    let closed = socket.bind_service_name("").get().unwrap_err();
    for error in [cancel, connect, closed] {
        assert_eq!(error.status(), SocketErrorStatus::Unknown, "{error}");
    }
}

/// GEN-08, ERR-05: an error of the system has its HRESULT, its status, the system's number, and names
/// what was being done.
#[test]
fn an_error_of_the_system_keeps_its_number() {
    let (taken, taken_port) = peer();
    let error = DatagramSocket::new()
        .bind_endpoint(Some(&loopback()), &taken_port)
        .get()
        .unwrap_err();
    drop(taken);
    assert_eq!(error.code(), hresult::WSAEADDRINUSE);
    assert_eq!(error.status(), SocketErrorStatus::AddressAlreadyInUse);
    assert!(error.raw_os_error().is_some());
    assert!(error.to_string().contains(&taken_port), "{error}");
}

/// ADR-05: the unspecified address is nobody's, whether it is a literal or a name stands for it.
#[test]
fn the_unspecified_address_is_no_destination() {
    let path = std::env::temp_dir().join(format!("udpair-winrt-hosts-{}", std::process::id()));
    std::fs::write(&path, "0.0.0.0 blocked.test\n:: blocked6.test\n").unwrap();
    let resolver = udpair::Resolver::builder().hosts_file(&path).build();
    let builder = udpair::DatagramSocket::builder().resolver(&resolver);
    for name in [
        "0.0.0.0",
        "::",
        "[::]",
        "::ffff:0.0.0.0",
        "blocked.test",
        "blocked6.test",
    ] {
        let socket = DatagramSocket::with_builder(&builder).unwrap();
        let expected = hresult::WSAEADDRNOTAVAIL;
        let connect = socket.connect(&host(name), "7");
        assert!(connect.refusal().is_none(), "{name}");
        assert_eq!(connect.get().unwrap_err().code(), expected, "{name}");
        let stream = socket.output_stream_to(&host(name), "7");
        assert!(stream.refusal().is_none(), "{name}");
        assert_eq!(stream.get().unwrap_err().code(), expected, "{name}");
        // As a local address it means all.
        if !name.contains("blocked") {
            socket.bind_endpoint(Some(&host(name)), "").get().unwrap();
        }
    }
    std::fs::remove_file(&path).unwrap();
}
