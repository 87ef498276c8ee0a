//! Connecting and binding by endpoint pair.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use udpair::{DatagramSocket, Endpoint, EndpointPair, ErrorKind, SendBatch};

#[cfg(feature = "dns")]
use crate::support::dns::{DnsServer, Reply, Zone};
use crate::support::{Peer, TempFile, builders, endpoint, soon, unused_addr, unused_port};

/// CON-01, SRV-14
#[cfg(feature = "dns")]
#[tokio::test]
async fn a_socket_connected_by_host_and_service_name_sends_and_receives() {
    let peer = Peer::new();
    let port = peer.addr().port();
    let zone = format!(
        "_echo._udp.example.test SRV 0 0 {port} h.example.test\nh.example.test A 127.0.0.1"
    );
    let server = DnsServer::with_zone(Zone::new(&zone));
    for (engine, builder) in builders() {
        let pair = EndpointPair::to("example.test", "echo").unwrap();
        let socket = builder
            .resolver(&server.resolver())
            .connect(&pair)
            .await
            .unwrap();
        assert_eq!(socket.peer_addr(), Some(peer.addr()), "{engine:?}");

        socket.output().unwrap().write(b"ping").await.unwrap();
        let (payload, from) = peer.recv();
        assert_eq!(payload, b"ping");
        assert_eq!(Some(from), socket.local_addr(), "{engine:?}");
        peer.send(b"pong", from);
        let message = soon(socket.recv()).await.unwrap();
        assert_eq!(message.payload(), b"pong");
        assert_eq!(message.remote(), peer.addr());
    }
}

/// SRV-11: if the answer includes the addresses, no other query is sent and the adapters are not
/// queried.
#[cfg(feature = "dns")]
#[tokio::test]
async fn one_query_is_enough_to_connect_by_name() {
    let zone = "_echo._udp.example.test SRV 0 0 7 h.example.test
         h.example.test A 127.0.0.1
         h.example.test AAAA ::1";
    let server = DnsServer::with_zone(Zone::new(zone));
    let resolver = server
        .resolver_builder()
        .adapters(|| panic!("the resolver must not query the adapters"))
        .build();
    let socket = DatagramSocket::builder()
        .resolver(&resolver)
        .connect(&EndpointPair::to("example.test", "echo").unwrap())
        .await
        .unwrap();
    assert_eq!(socket.peer_addr(), Some("[::1]:7".parse().unwrap()));
    assert_eq!(server.queries(), ["_echo._udp.example.test SRV"]);
}

/// Starts a server for a service at two hosts. Its answer includes the addresses in `additional`.
/// It never replies to queries for other addresses.
#[cfg(feature = "dns")]
fn server_of_two_hosts(additional: &str) -> DnsServer {
    let records = "_echo._udp.example.test SRV 1 0 7 one.test
         _echo._udp.example.test SRV 2 0 7 two.test";
    let zone = Zone::new(&format!("{records}\n{additional}"));
    DnsServer::new(move |query, _| {
        let answer = zone.answer(query);
        if answer.answers.is_empty() {
            return Vec::new();
        }
        vec![Reply::Answer(answer)]
    })
}

/// SRV-11, ADR-01: while an address of the first host works, the second host is not resolved.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_second_host_is_not_resolved_while_the_first_one_works() {
    for (engine, builder) in builders() {
        let server = server_of_two_hosts("one.test A 127.0.0.1");
        let builder = builder.resolver(&server.resolver());
        let pair = EndpointPair::to("example.test", "echo").unwrap();
        let socket = builder.connect(&pair).await.unwrap();
        let expected = Some("127.0.0.1:7".parse().unwrap());
        assert_eq!(socket.peer_addr(), expected, "{engine:?}");
        let socket = builder.open().unwrap();
        let output = socket.output_to(pair.remote()).await.unwrap();
        assert_eq!(output.destination(), expected, "{engine:?}");
        let socket = builder.open().unwrap();
        let output = socket.output_to_pair(&pair).await.unwrap();
        assert_eq!(output.destination(), expected, "{engine:?}");
        // The answer is cached, and the second host was never queried.
        assert_eq!(
            server.queries(),
            ["_echo._udp.example.test SRV"],
            "{engine:?}"
        );
    }
}

/// SRV-11, ADR-01: the next host is resolved when the system rejects the addresses of the first.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_next_host_is_resolved_when_the_first_is_rejected() {
    let zone = "_echo._udp.example.test SRV 1 0 7 one.test
         _echo._udp.example.test SRV 2 0 7 two.test
         one.test AAAA 2001:db8::1
         two.test A 127.0.0.1";
    for (engine, builder) in builders() {
        let server = DnsServer::with_zone(Zone::new(zone).without_additional());
        let resolver = server.resolver_builder().cache(false).build();
        let builder = builder.resolver(&resolver);
        let pair = EndpointPair::to("example.test", "echo")
            .unwrap()
            .with_local(endpoint("127.0.0.1:"));
        let socket = builder.connect(&pair).await.unwrap();
        let expected = Some("127.0.0.1:7".parse().unwrap());
        assert_eq!(socket.peer_addr(), expected, "{engine:?}");
        let expected_queries = ["_echo._udp.example.test SRV", "one.test A", "two.test A"];
        assert_eq!(server.queries(), expected_queries, "{engine:?}");

        let socket = builder.open().unwrap();
        let output = socket.output_to_pair(&pair).await.unwrap();
        assert_eq!(output.destination(), expected, "{engine:?}");
    }
}

/// SRV-11, SRV-13: a first host whose queries get no reply leaves time for the second.
#[cfg(feature = "dns")]
#[tokio::test]
async fn a_first_host_that_cannot_be_resolved_leaves_time_for_the_second() {
    let zone = "_echo._udp.example.test SRV 1 0 7 one.test
         _echo._udp.example.test SRV 2 0 7 two.test
         two.test A 127.0.0.1";
    let zone = Zone::new(zone).without_additional();
    let server = DnsServer::new(move |query, _| {
        let is_first = query.queries[0].name().to_ascii() == "one.test.";
        let answer = || Reply::Answer(zone.answer(query));
        (!is_first).then(answer).into_iter().collect()
    });
    let resolver = server
        .resolver_builder()
        .timeout(Duration::from_secs(1))
        .build();
    let socket = DatagramSocket::builder()
        .resolver(&resolver)
        .connect(&EndpointPair::to("example.test", "echo").unwrap())
        .await
        .unwrap();
    assert_eq!(socket.peer_addr(), Some("127.0.0.1:7".parse().unwrap()));
}

/// ADR-01: the error is that of the last address that the system rejected, even if later hosts
/// could not be found. If there was no address, it is that of the last host.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_last_failure_is_the_error() {
    let zone = "_echo._udp.example.test SRV 1 0 7 one.test
         _echo._udp.example.test SRV 2 0 7 two.test
         _lost._udp.example.test SRV 1 0 7 first.test
         _lost._udp.example.test SRV 2 0 7 last.test
         one.test AAAA 2001:db8::1";
    let server = DnsServer::with_zone(Zone::new(zone));
    let builder = DatagramSocket::builder().resolver(&server.resolver());
    for (service, kind, text) in [
        ("echo", ErrorKind::FamilyNotSupported, "example.test:echo"),
        ("lost", ErrorKind::HostNotFound, "last.test"),
    ] {
        let pair = EndpointPair::to("example.test", service)
            .unwrap()
            .with_local(endpoint("127.0.0.1:"));
        let error = builder.connect(&pair).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

/// CON-04, SVC-04
#[tokio::test]
async fn a_socket_is_bound_to_the_local_part_of_its_pair() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let port = unused_port();
        for (local, ip, expected_port) in [
            (format!("127.0.0.2:{port}"), "127.0.0.2", Some(port)),
            ("127.0.0.3:".into(), "127.0.0.3", None),
            ("127.0.0.3:0".into(), "127.0.0.3", None),
            (format!(":{port}"), "127.0.0.1", Some(port)),
            (":".into(), "127.0.0.1", None),
            (":0".into(), "127.0.0.1", None),
            (format!("localhost:{port}"), "127.0.0.1", Some(port)),
        ] {
            let pair = peer.pair().with_local(endpoint(&local));
            let socket = builder.connect(&pair).await.unwrap();
            let bound = socket.local_addr().unwrap();
            assert_eq!(
                bound.ip(),
                ip.parse::<IpAddr>().unwrap(),
                "{engine:?} {local}"
            );
            assert!(
                expected_port.is_none_or(|port| port == bound.port()),
                "{local}"
            );
            assert_ne!(bound.port(), 0);
            socket.output().unwrap().write(b"x").await.unwrap();
            assert_eq!(peer.recv().1, bound, "{engine:?} {local}");
        }
    }
}

/// SVC-09, SVC-06
#[cfg(feature = "dns")]
#[tokio::test]
async fn a_local_service_is_looked_up_in_the_services_file_only() {
    let peer = Peer::new();
    let port = unused_port();
    let server = DnsServer::with_zone(Zone::new("_mine._udp.example.test SRV 0 0 1 ."));
    let services = TempFile::new(&format!("mine {port}/udp\n"));
    let resolver = server
        .resolver_builder()
        .services_file(services.path())
        .build();
    let builder = DatagramSocket::builder().resolver(&resolver);

    let pair = peer.pair().with_local(endpoint(":mine"));
    let socket = builder.connect(&pair).await.unwrap();
    assert_eq!(socket.local_addr().unwrap().port(), port);

    let pair = peer.pair().with_local(endpoint("127.0.0.1:unlisted"));
    let error = builder.connect(&pair).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServiceNotFound);
    assert_eq!(error.status().number(), 9);
    assert!(server.queries().is_empty());
}

/// CON-07
#[cfg(feature = "dns")]
#[tokio::test]
async fn connecting_to_a_multicast_group_fails() {
    let zone = "group.test A 224.0.0.251\ngroup.test AAAA ff02::fb\nmixed.test A 224.0.0.251\nmixed.test A 127.0.0.1";
    let server = DnsServer::with_zone(Zone::new(zone));
    for (_, builder) in builders() {
        let builder = builder.resolver(&server.resolver());
        for host in [
            "224.0.0.251",
            "239.255.255.255",
            "ff02::1",
            "::ffff:224.0.0.1",
            "group.test",
        ] {
            let pair = EndpointPair::to(host, "9").unwrap();
            let error = builder.connect(&pair).await.expect_err(host);
            assert_eq!(error.kind(), ErrorKind::HostNotFound, "{host}");
            assert_eq!(error.status().number(), 6, "{host}");
        }
        let pair = EndpointPair::to("mixed.test", "9").unwrap();
        let socket = builder.connect(&pair).await.unwrap();
        assert_eq!(socket.peer_addr(), Some("127.0.0.1:9".parse().unwrap()));
    }
}

/// SVC-05
#[tokio::test]
async fn port_0_is_rejected() {
    for (_, builder) in builders() {
        for (host, service) in [("127.0.0.1", "0"), ("::1", "000"), ("0.0.0.0", "0")] {
            let pair = EndpointPair::to(host, service).unwrap();
            let error = builder.connect(&pair).await.expect_err(host);
            assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{pair}");
            assert_eq!(error.status().number(), 11, "{pair}");

            let remote = Endpoint::new(Some(host.parse().unwrap()), service.parse().unwrap());
            let error = builder
                .open()
                .unwrap()
                .output_to(&remote)
                .await
                .expect_err(host);
            assert_eq!(error.status().number(), 11, "{pair}");
        }
    }
}

/// ADR-05, BND-12: the local address of any socket can be connected to and sent to.
#[tokio::test]
async fn the_local_address_of_a_socket_reaches_it() {
    for (engine, builder) in builders() {
        for local in [
            ":0",
            "0.0.0.0:0",
            "[::]:0",
            "localhost:0",
            "127.0.0.1:0",
            "[::1]:0",
        ] {
            let bound = builder.bind(&endpoint(local)).await.unwrap();
            let address = bound.local_addr().unwrap();
            if local == "localhost:0" {
                assert!(address.ip().is_loopback(), "{engine:?} {address}");
            }
            let connected = builder.connect(address).await.unwrap();
            let peer = connected.peer_addr().unwrap();
            assert!(peer.ip().is_loopback(), "{engine:?} {local} {peer}");
            connected
                .output()
                .unwrap()
                .write(b"connected")
                .await
                .unwrap();
            let message = soon(bound.recv()).await.unwrap();
            assert_eq!(message.payload(), b"connected", "{engine:?} {local}");
            bound.send_to(b"reply", message.reply()).await.unwrap();
            let reply = soon(connected.recv()).await.unwrap();
            assert_eq!(reply.payload(), b"reply", "{engine:?} {local}");

            let other = builder.open().unwrap();
            other.send_to(b"sent", address).await.unwrap();
            assert!(other.try_send_to(b"tried", address).unwrap());
            let stream = other.output_to(address).await.unwrap();
            stream.write(b"streamed").await.unwrap();
            let mut batch = SendBatch::new();
            batch.push_to("in a batch", address);
            other.send_batch(&mut batch).await.unwrap();
            for payload in ["sent", "tried", "streamed", "in a batch"] {
                let message = soon(bound.recv()).await.unwrap();
                assert_eq!(message.payload(), payload.as_bytes(), "{engine:?} {local}");
            }
        }
    }
}

/// CON-03
#[tokio::test]
async fn connecting_to_a_closed_port_succeeds() {
    let closed = unused_addr();
    for (_, builder) in builders() {
        let socket = builder.connect(closed).await.unwrap();
        assert_eq!(socket.peer_addr(), Some(closed));
    }
}

/// CON-11, GEN-05, CTL-14
#[cfg(feature = "dns")]
#[tokio::test]
async fn a_failed_connect_leaves_the_socket_usable() {
    let peer = Peer::new();
    let server = DnsServer::with_zone(Zone::new("h.test A 127.0.0.1"));
    for (engine, builder) in builders() {
        let builder = builder.resolver(&server.resolver());
        for socket in [
            builder.open().unwrap(),
            builder.bind(&endpoint(":0")).await.unwrap(),
        ] {
            let before = socket.local_addr();
            for host in ["gone.test", "224.0.0.1", "ff02::1"] {
                let pair = EndpointPair::to(host, "9").unwrap();
                socket.connect(&pair).await.expect_err(host);
                assert_eq!(socket.local_addr(), before, "{engine:?} {host}");
                assert_eq!(socket.peer_addr(), None);
            }
            let pair = peer.pair().with_local(endpoint("192.0.2.1:"));
            socket
                .connect(&pair)
                .await
                .expect_err("not a local address");

            socket.connect(&peer.pair()).await.unwrap();
            socket.output().unwrap().write(b"at last").await.unwrap();
            assert_eq!(peer.recv().0, b"at last", "{engine:?}");
        }
    }
}

/// BND-01, BND-02, BND-03, BND-04, INF-02
#[tokio::test]
async fn a_socket_is_bound_to_the_requested_address_and_port() {
    for (engine, builder) in builders() {
        let port = unused_port();
        for (local, ip, is_chosen) in [
            (format!("127.0.0.1:{port}"), "127.0.0.1", false),
            (format!("[::1]:{port}"), "::1", false),
            (format!(":{port}"), "::", false),
            ("127.0.0.1:".into(), "127.0.0.1", true),
            (":".into(), "::", true),
        ] {
            let socket = builder.bind(&endpoint(&local)).await.unwrap();
            let bound = socket.local_addr().unwrap();
            assert_eq!(
                bound.ip(),
                ip.parse::<IpAddr>().unwrap(),
                "{engine:?} {local}"
            );
            assert!(
                bound.port() != 0 && (is_chosen || bound.port() == port),
                "{local}"
            );
        }
    }
}

/// BND-10, BND-11
#[tokio::test]
async fn a_local_address_must_belong_to_this_machine() {
    let peer = Peer::new();
    for (_, builder) in builders() {
        for local in [
            "192.0.2.1:0",
            "224.0.0.1:0",
            "255.255.255.255:0",
            "[2001:db8::1]:0",
        ] {
            let error = builder.bind(&endpoint(local)).await.expect_err(local);
            assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{local}");
            assert_eq!(error.status().number(), 11, "{local}");
        }
        let pair = peer.pair().with_local(endpoint("192.0.2.1:0"));
        let error = builder.connect(&pair).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressNotAvailable);
        assert!(error.advice().is_some());
    }
}

/// BND-07, BND-08
#[tokio::test]
async fn a_port_in_use_is_an_error_with_advice() {
    let peer = Peer::new();
    for (_, builder) in builders() {
        let in_use = format!("127.0.0.1:{}", peer.addr().port());
        let error = builder.bind(&endpoint(&in_use)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressInUse);
        assert_eq!(error.hresult().cast_unsigned(), 0x8007_2740);
        assert!(error.to_string().contains(&in_use), "{error}");
        assert!(error.advice().is_some());

        let bound = builder.bind(&endpoint(":0")).await.unwrap();
        let in_use = format!(":{}", bound.local_addr().unwrap().port());
        let error = builder.bind(&endpoint(&in_use)).await.unwrap_err();
        assert_eq!(error.status().number(), 10);
    }
}

/// ADR-02
#[tokio::test]
async fn local_and_remote_address_must_have_the_same_family() {
    for (_, builder) in builders() {
        let pair = EndpointPair::to("::1", "9")
            .unwrap()
            .with_local(endpoint("127.0.0.1:"));
        let error = builder.connect(&pair).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FamilyNotSupported);
        assert_eq!(error.status().number(), 4);
    }
}

/// ADR-02: the remote host has addresses of both families.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_local_family_selects_among_the_remote_addresses() {
    let server = DnsServer::with_zone(Zone::new("h.test A 127.0.0.1\nh.test AAAA ::1"));
    for (_, builder) in builders() {
        let builder = builder.resolver(&server.resolver());
        for (local, remote) in [
            ("127.0.0.1:", "127.0.0.1:9"),
            ("[::1]:", "[::1]:9"),
            (":", "[::1]:9"),
        ] {
            let pair = EndpointPair::to("h.test", "9")
                .unwrap()
                .with_local(endpoint(local));
            let socket = builder.connect(&pair).await.unwrap();
            assert_eq!(socket.peer_addr(), Some(remote.parse().unwrap()), "{local}");
        }
        // A socket that is bound to IPv4 skips the IPv6 candidate.
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        socket
            .connect(&EndpointPair::to("h.test", "9").unwrap())
            .await
            .unwrap();
        assert_eq!(socket.peer_addr(), Some("127.0.0.1:9".parse().unwrap()));
    }
}

/// BND-12
#[tokio::test]
async fn a_socket_bound_to_localhost_receives_on_every_loopback_address() {
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("localhost:0")).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        for (from, to) in [
            ("127.0.0.1:0", format!("127.0.0.1:{port}")),
            ("[::1]:0", format!("[::1]:{port}")),
        ] {
            let peer = Peer::at(from);
            peer.send(from.as_bytes(), to.parse().unwrap());
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload(), from.as_bytes(), "{engine:?}");
            assert_eq!(message.remote(), peer.addr(), "{engine:?}");
            socket.send_to(b"reply", message.remote()).await.unwrap();
            assert_eq!(peer.recv().0, b"reply");
        }
    }
}

/// DGS-03, INF-03, HOST-21: IPv4 addresses are not reported in their IPv6-mapped form.
#[tokio::test]
async fn a_socket_bound_to_all_addresses_receives_both_families() {
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        let local = socket.local_addr().unwrap();
        assert!(local.ip().is_unspecified(), "{engine:?}");
        for from in ["127.0.0.1:0", "[::1]:0"] {
            let peer = Peer::at(from);
            peer.send(b"x", SocketAddr::new(peer.addr().ip(), local.port()));
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.remote(), peer.addr(), "{engine:?}");
            if engine.capabilities().local_address {
                assert_eq!(message.local(), Some(peer.addr().ip()), "{engine:?}");
            }
        }
    }
}

/// CON-13, INF-02, INF-03, INF-04
#[tokio::test]
async fn the_addresses_are_known_when_the_connect_returns() {
    let peer = Peer::new();
    for (_, builder) in builders() {
        let socket = builder.open().unwrap();
        assert_eq!((socket.local_addr(), socket.peer_addr()), (None, None));
        socket.connect(&peer.pair()).await.unwrap();
        assert_eq!(
            socket.local_addr().unwrap().ip(),
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        );
        assert_eq!(socket.peer_addr(), Some(peer.addr()));
        socket.close();
        assert_eq!((socket.local_addr(), socket.peer_addr()), (None, None));
    }
}

/// CON-14
#[tokio::test]
async fn a_socket_may_connect_to_itself() {
    for (_, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        socket.connect(socket.local_addr().unwrap()).await.unwrap();
        socket.output().unwrap().write(b"me").await.unwrap();
        assert_eq!(soon(socket.recv()).await.unwrap().payload(), b"me");
    }
}

/// CON-18
#[cfg(feature = "dns")]
#[tokio::test]
async fn an_unknown_service_is_reported_before_an_unknown_host() {
    let server = DnsServer::with_zone(Zone::new("h.test A 127.0.0.1"));
    let builder = DatagramSocket::builder().resolver(&server.resolver());
    let pair = EndpointPair::to("gone.test", "nosuch").unwrap();
    let error = builder.connect(&pair).await.unwrap_err();
    assert!(error.to_string().contains("service \"nosuch\""), "{error}");
    assert_eq!(server.queries(), ["_nosuch._udp.gone.test SRV"]);
}

/// OUT-20, GEN-07
#[test]
fn a_pair_of_addresses_is_connected_without_waiting() {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    let peer = Peer::new();
    let pair = peer.pair().with_local(endpoint("127.0.0.1:0"));
    let builder = DatagramSocket::builder();
    let mut connecting = pin!(builder.connect(&pair));
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(socket)) = connecting.as_mut().poll(&mut context) else {
        panic!("connecting waits for a resolver or another thread");
    };
    let mut receiving = pin!(socket.recv());
    assert!(receiving.as_mut().poll(&mut context).is_pending());

    let unbound = DatagramSocket::builder().open().unwrap();
    let remote = Endpoint::from(peer.addr());
    let mut making = pin!(unbound.output_to(&remote));
    assert!(making.as_mut().poll(&mut context).is_ready());
}

/// ADR-01, CON-07, CON-17: an address that cannot be a destination does not affect the other
/// addresses of its host.
#[cfg(feature = "dns")]
#[tokio::test]
async fn connecting_falls_back_from_an_unusable_address_to_the_next() {
    let zone = "a.test A 224.0.0.1\na.test A 127.0.0.1\nb.test AAAA ff02::1\nb.test A 127.0.0.1\nc.test A 224.0.0.1";
    let server = DnsServer::with_zone(Zone::new(zone));
    for (engine, builder) in builders() {
        let builder = builder.resolver(&server.resolver());
        for host in ["a.test", "b.test"] {
            let socket = builder
                .connect(&EndpointPair::to(host, "9").unwrap())
                .await
                .unwrap();
            assert_eq!(
                socket.peer_addr(),
                Some("127.0.0.1:9".parse().unwrap()),
                "{engine:?} {host}"
            );
        }
        let error = builder
            .connect(&EndpointPair::to("c.test", "9").unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.status().number(), 6);
    }
}

/// BND-11, ADR-02: the local name has addresses of several machines.
#[cfg(feature = "dns")]
#[tokio::test]
async fn a_local_name_is_bound_to_its_address_on_this_machine() {
    let zone = "me.test AAAA 2001:db8::1\nme.test A 127.0.0.1\nh.test AAAA ::1\nh.test A 127.0.0.1";
    let server = DnsServer::with_zone(Zone::new(zone));
    for (engine, builder) in builders() {
        let builder = builder.resolver(&server.resolver());
        let socket = builder.bind(&endpoint("me.test:0")).await.unwrap();
        assert_eq!(
            socket.local_addr().unwrap().ip().to_string(),
            "127.0.0.1",
            "{engine:?}"
        );

        let pair = EndpointPair::to("h.test", "9")
            .unwrap()
            .with_local(endpoint("me.test:"));
        let socket = builder.connect(&pair).await.unwrap();
        assert_eq!(
            socket.peer_addr(),
            Some("127.0.0.1:9".parse().unwrap()),
            "{engine:?}"
        );
    }
}

/// A resolver for one family restricts both ends to that family.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_family_of_the_resolver_applies_to_both_ends() {
    use udpair::AddressFamily::{Ipv4, Ipv6};
    let server = DnsServer::with_zone(Zone::new("x.test A 127.0.0.1"));
    for (engine, builder) in builders() {
        for (family, wildcard, other, peer) in [
            (Ipv4, "0.0.0.0", "[::1]:0", "127.0.0.1:0"),
            (Ipv6, "::", "127.0.0.1:0", "[::1]:0"),
        ] {
            let resolver = server.resolver_builder().family(family).build();
            let builder = builder.clone().resolver(&resolver);
            let local = Endpoint::any(unused_port().into());
            let socket = builder.bind(local).await.unwrap();
            let local = socket.local_addr().unwrap();
            assert_eq!(local.ip().to_string(), wildcard, "{engine:?}");
            let error = builder.bind(&endpoint(other)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::FamilyNotSupported, "{engine:?}");
            let peer = Peer::at(peer);
            peer.send(b"x", SocketAddr::new(peer.addr().ip(), local.port()));
            assert_eq!(soon(socket.recv()).await.unwrap().payload(), b"x");
            // The port is still free in the other family.
            Peer::at(
                &SocketAddr::new(other.parse::<SocketAddr>().unwrap().ip(), local.port())
                    .to_string(),
            );
        }
    }
}

/// ADR-04, HOST-10: a link-local address without an adapter, or with an unknown one, is rejected.
#[tokio::test]
async fn a_link_local_address_needs_its_adapter() {
    let builder = DatagramSocket::builder();
    for host in ["fe80::1%4294967295", "fe80::1%no-such-adapter"] {
        let pair = EndpointPair::to(host, "9").unwrap();
        let error = builder.connect(&pair).await.expect_err(host);
        assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{host}");
        assert_eq!(error.status().number(), 11, "{host}");
        assert!(error.advice().is_some());
    }
    let error = builder.bind(&endpoint("[fe80::1]:0")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{error:?}");
}

/// BND-13: a port that the system has chosen is free for both families, and receives on both.
#[tokio::test]
async fn a_chosen_port_is_the_same_for_both_families() {
    for (engine, builder) in builders() {
        for _ in 0..20 {
            let socket = builder.bind(&endpoint(":0")).await.unwrap();
            let port = socket.local_addr().unwrap().port();
            assert_ne!(port, 0, "{engine:?}");
            for (peer, to) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1")] {
                let to = SocketAddr::new(to.parse().unwrap(), port);
                // Nobody else has it.
                let taken = std::net::UdpSocket::bind(to);
                assert!(taken.is_err(), "{engine:?} {to}");
                Peer::at(peer).send(peer.as_bytes(), to);
                let message = soon(socket.recv()).await.unwrap();
                assert_eq!(message.payload(), peer.as_bytes(), "{engine:?}");
            }
        }
    }
}
