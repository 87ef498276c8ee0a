//! The options and the addresses of a socket.

use udpair_winrt::{
    AsyncStatus, DatagramSocket, DatagramSocketControl, HostNameType, SocketQualityOfService,
    hresult, udpair,
};

use crate::support::code;
use crate::support::net::{
    NameServer, address, buffer, host, listening_on_loopback, loopback, peer, port, receive,
};

/// DGS-02, INF-01: both objects are there from the construction to the end, and stay those of their
/// socket.
#[test]
fn control_and_information_belong_to_their_socket() {
    let (one, other) = (DatagramSocket::new(), DatagramSocket::new());
    let early = (one.control(), one.information());
    assert_eq!(early.1.local_address(), None);
    assert_eq!(early.1.remote_address(), None);
    assert_eq!(early.1.local_port(), "");
    assert_eq!(early.1.remote_port(), "");
    early.0.set_outbound_unicast_hop_limit(7).unwrap();
    assert_eq!(one.control().outbound_unicast_hop_limit().unwrap(), 7);
    assert_eq!(other.control().outbound_unicast_hop_limit().unwrap(), 128);
    one.bind_endpoint(Some(&loopback()), "").get().unwrap();
    other.bind_endpoint(Some(&loopback()), "").get().unwrap();
    assert_eq!(early.1.local_port(), port(&one));
    assert_ne!(early.1.local_port(), port(&other));
    assert_eq!(early.1.local_address(), Some(loopback()));
    one.control().set_outbound_unicast_hop_limit(9).unwrap();
    assert_eq!(early.0.outbound_unicast_hop_limit().unwrap(), 9);
    // They do not keep the socket open, and survive it.
    let to = address(&one);
    drop(one);
    std::net::UdpSocket::bind(to).expect("the port is free");
    assert_eq!(early.1.local_port(), "");
    assert_eq!(early.1.local_address(), None);
    let limit = early.0.outbound_unicast_hop_limit();
    assert_eq!(code(limit), hresult::RO_E_CLOSED);
}

/// CTL-01, CTL-05, CTL-07, CTL-08, CTL-11, CTL-12: what a socket has by default, before and after it
/// is bound.
#[test]
fn options_have_their_defaults() {
    let socket = DatagramSocket::new();
    let control = socket.control();
    for _ in 0..2 {
        assert!(!control.dont_fragment().unwrap());
        assert!(!control.multicast_only().unwrap());
        assert_eq!(control.outbound_unicast_hop_limit().unwrap(), 128);
        let quality = control.quality_of_service().unwrap();
        assert_eq!(quality, SocketQualityOfService::Normal);
        let size = std::fs::read_to_string("/proc/sys/net/core/rmem_default").unwrap();
        let default: u32 = size.trim().parse().unwrap();
        assert_eq!(control.inbound_buffer_size_in_bytes().unwrap(), default);
        if port(&socket).is_empty() {
            socket.bind_service_name("").get().unwrap();
        }
    }
}

/// CTL-07, CTL-12: what was set is read, before and after the bind; a buffer size as it was granted.
#[test]
fn options_read_as_they_were_set() {
    let socket = DatagramSocket::new();
    let control = socket.control();
    control.set_dont_fragment(true).unwrap();
    control.set_multicast_only(true).unwrap();
    control.set_outbound_unicast_hop_limit(3).unwrap();
    control.set_inbound_buffer_size_in_bytes(20_000).unwrap();
    let low = SocketQualityOfService::LowLatency;
    control.set_quality_of_service(low).unwrap();
    for _ in 0..2 {
        assert!(control.dont_fragment().unwrap());
        assert!(control.multicast_only().unwrap());
        assert_eq!(control.outbound_unicast_hop_limit().unwrap(), 3);
        assert_eq!(control.inbound_buffer_size_in_bytes().unwrap(), 20_000);
        assert_eq!(control.quality_of_service().unwrap(), low);
        if port(&socket).is_empty() {
            socket.bind_service_name("").get().unwrap();
        }
    }
    // More than the system grants, and less.
    for (asked, compare) in [(i32::MAX as u32, "less"), (1, "more")] {
        let socket = DatagramSocket::new();
        let control = socket.control();
        control.set_inbound_buffer_size_in_bytes(asked).unwrap();
        assert_eq!(control.inbound_buffer_size_in_bytes().unwrap(), asked);
        socket.bind_service_name("").get().unwrap();
        let granted = control.inbound_buffer_size_in_bytes().unwrap();
        match compare {
            "less" => assert!(granted < asked && granted > 0),
            _ => assert!(granted > asked),
        }
    }
}

/// GEN-11, CTL-07: options of a builder are those of the socket, and are read like them.
#[test]
fn options_of_a_builder_are_read_like_those_that_were_set() {
    let builder = udpair::DatagramSocket::builder()
        .multicast_only(true)
        .dont_fragment(true)
        .hop_limit(5)
        .inbound_buffer_bytes(30_000);
    let socket = DatagramSocket::with_builder(&builder).unwrap();
    let control = socket.control();
    for _ in 0..2 {
        assert!(control.multicast_only().unwrap());
        assert!(control.dont_fragment().unwrap());
        assert_eq!(control.outbound_unicast_hop_limit().unwrap(), 5);
        assert_eq!(control.inbound_buffer_size_in_bytes().unwrap(), 30_000);
        if port(&socket).is_empty() {
            socket.bind_service_name("").get().unwrap();
        }
    }
    let wrong = udpair::DatagramSocket::builder().inbound_buffer_bytes(0);
    let refused = DatagramSocket::with_builder(&wrong);
    assert_eq!(code(refused), hresult::E_INVALIDARG);
}

/// CTL-06, CTL-10, CTL-11: values that no socket can have are invalid arguments, at any time. If
/// the state forbids the change too, the error is that of the state.
#[test]
fn values_that_no_socket_has_are_refused() {
    let check = |control: &DatagramSocketControl, size: i32| {
        for bytes in [0, 0x8000_0000, u32::MAX] {
            let set = control.set_inbound_buffer_size_in_bytes(bytes);
            assert_eq!(code(set), size, "{bytes}");
        }
        let limit = control.set_outbound_unicast_hop_limit(0);
        assert_eq!(code(limit), hresult::E_INVALIDARG);
    };
    let socket = DatagramSocket::new();
    let control = socket.control();
    check(&control, hresult::E_INVALIDARG);
    socket.bind_service_name("").get().unwrap();
    check(&control, hresult::E_ILLEGAL_METHOD_CALL);
    assert_eq!(control.outbound_unicast_hop_limit().unwrap(), 128);
    assert!(control.inbound_buffer_size_in_bytes().unwrap() > 0);
    assert_eq!(SocketQualityOfService::Normal as i32, 0);
    assert_eq!(SocketQualityOfService::LowLatency as i32, 1);
    for number in [-1, 2] {
        let quality = SocketQualityOfService::try_from(number);
        assert_eq!(code(quality), hresult::E_INVALIDARG);
    }
}

/// CTL-13: what is frozen cannot be set on a bound or connected socket, and keeps its value.
#[test]
fn frozen_options_keep_their_values() {
    let (_peer, peer_port) = peer();
    for is_connected in [false, true] {
        let socket = DatagramSocket::new();
        match is_connected {
            false => socket.bind_service_name("").get().unwrap(),
            true => socket.connect(&loopback(), &peer_port).get().unwrap(),
        }
        let control = socket.control();
        let size = control.inbound_buffer_size_in_bytes().unwrap();
        let low = SocketQualityOfService::LowLatency;
        for refused in [
            control.set_dont_fragment(true),
            control.set_multicast_only(true),
            control.set_quality_of_service(low),
            control.set_inbound_buffer_size_in_bytes(10_000),
        ] {
            assert_eq!(code(refused), hresult::E_ILLEGAL_METHOD_CALL);
        }
        assert!(!control.dont_fragment().unwrap());
        assert!(!control.multicast_only().unwrap());
        assert_eq!(control.inbound_buffer_size_in_bytes().unwrap(), size);
        let quality = control.quality_of_service().unwrap();
        assert_eq!(quality, SocketQualityOfService::Normal);
        // The hop limit is no such option.
        control.set_outbound_unicast_hop_limit(1).unwrap();
        assert_eq!(control.outbound_unicast_hop_limit().unwrap(), 1);
    }
}

/// CTL-14: a stream that nothing was written on freezes nothing; the first write does.
#[test]
fn the_first_write_freezes_the_options() {
    let (peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    let stream = socket
        .output_stream_to(&loopback(), &peer_port)
        .get()
        .unwrap();
    socket
        .control()
        .set_inbound_buffer_size_in_bytes(20_000)
        .unwrap();
    socket.control().set_dont_fragment(true).unwrap();
    stream.write(&buffer("x")).get().unwrap();
    receive(&peer);
    let frozen = socket.control().set_dont_fragment(false);
    assert_eq!(code(frozen), hresult::E_ILLEGAL_METHOD_CALL);
    assert!(socket.control().dont_fragment().unwrap());
}

/// INF-02, INF-03: a socket that is bound to all addresses has the unspecified one, until it is
/// connected.
#[test]
fn the_local_address_is_unspecified_until_the_socket_is_connected() {
    let (_peer, peer_port) = peer();
    for binds_by in ["service name", "null host", "zero"] {
        let socket = DatagramSocket::new();
        let bound = match binds_by {
            "service name" => socket.bind_service_name(""),
            "null host" => socket.bind_endpoint(None, ""),
            _ => socket.bind_service_name("0"),
        };
        bound.get().unwrap();
        let information = socket.information();
        let local = information.local_address().unwrap();
        assert!(["::", "0.0.0.0"].contains(&local.canonical_name().as_str()));
        let bound_port = information.local_port();
        assert!(bound_port.parse::<u16>().unwrap() > 0, "{bound_port}");
        socket.connect(&loopback(), &peer_port).get().unwrap();
        assert_eq!(information.local_address(), Some(loopback()));
        assert_eq!(information.local_port(), bound_port);
        assert_eq!(information.remote_address(), Some(loopback()));
        assert_eq!(information.remote_port(), peer_port);
    }
}

/// INF-02, SVC-06: a port that was given by a service name is shown in digits.
#[test]
fn ports_are_shown_in_digits() {
    let folder = std::env::temp_dir();
    let path = folder.join(format!("udpair-winrt-services-{}", std::process::id()));
    let (free, free_port) = peer();
    drop(free);
    std::fs::write(&path, format!("my-service {free_port}/udp\n")).unwrap();
    let resolver = udpair::Resolver::builder().services_file(&path).build();
    let builder = udpair::DatagramSocket::builder().resolver(&resolver);
    let server = DatagramSocket::with_builder(&builder).unwrap();
    server
        .bind_endpoint(Some(&loopback()), "my-service")
        .get()
        .unwrap();
    let client = DatagramSocket::with_builder(&builder).unwrap();
    client.connect(&loopback(), "MY-SERVICE").get().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(port(&server), free_port);
    assert_eq!(client.information().remote_port(), free_port);
    let unlisted = DatagramSocket::new().bind_service_name("no-such-service");
    assert!(unlisted.refusal().is_none());
    assert_eq!(code(unlisted.get()), hresult::WSATYPE_NOT_FOUND);
}

/// CON-13, INF-04: the addresses are final when a connect completes, and when a handler is called.
#[test]
fn the_addresses_are_final_when_the_connect_completes() {
    let (server, seen) = listening_on_loopback();
    let names = NameServer::start();
    let client = names.socket();
    let connect = client.connect(&host("server.test"), &port(&server));
    let information = client.information();
    let (sender, completed) = std::sync::mpsc::channel();
    connect
        .set_completed(move |_, _| {
            let ends = (information.local_port(), information.remote_address());
            sender.send(ends).unwrap();
        })
        .unwrap();
    names.release();
    let (local, remote) = completed.recv_timeout(crate::support::TIMEOUT).unwrap();
    assert!(!local.is_empty());
    assert_ne!(remote.unwrap().kind(), HostNameType::DomainName);
    drop((server, seen));
}

/// CLS-06, CLS-04: the last handle that is dropped closes the socket, and not an earlier one.
#[test]
fn the_last_handle_closes_the_socket() {
    let (socket, seen) = listening_on_loopback();
    let to = address(&socket);
    let handles: Vec<_> = (0..3).map(|_| socket.clone()).collect();
    let stream = socket.output_stream_to(&loopback(), "9").get().unwrap();
    let (control, information) = (socket.control(), socket.information());
    drop(socket);
    for (number, handle) in handles.into_iter().enumerate() {
        assert!(
            std::net::UdpSocket::bind(to).is_err(),
            "handle {number} holds the port"
        );
        drop(handle);
    }
    std::net::UdpSocket::bind(to).expect("the port is free");
    let closed = hresult::RO_E_CLOSED;
    assert_eq!(code(stream.write(&buffer("x")).get()), closed);
    assert_eq!(code(control.dont_fragment()), closed);
    assert_eq!(information.local_port(), "");
    let error = seen.recv_timeout(crate::support::TIMEOUT).unwrap_err();
    assert_eq!(error, std::sync::mpsc::RecvTimeoutError::Disconnected);
}

/// CLS-01, CLS-02: a connect under way ends with the socket, and so does a write that waits for it.
#[test]
fn closing_ends_a_connect_under_way() {
    let names = NameServer::start();
    let socket = names.socket();
    let connect = socket.connect(&host("server.test"), "7");
    let write = socket.output_stream().unwrap().write(&buffer("x"));
    assert_eq!(connect.status(), AsyncStatus::Started);
    socket.close();
    for result in [connect.get(), write.get().map(|_| ())] {
        assert_eq!(code(result), hresult::ERROR_OPERATION_ABORTED);
    }
    assert_eq!(connect.status(), AsyncStatus::Error);
    assert_eq!(port(&socket), "");
}
