//! Sending: one write is one datagram, and earlier network errors do not fail it.

use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use futures_util::SinkExt as _;
use udpair::{
    DatagramSocket, EndpointPair, ErrorKind, Event, PeerError, PeerErrorKind, Request, SendBatch,
};

#[cfg(feature = "dns")]
use crate::support::dns::{DnsServer, Zone};
use crate::support::{Peer, builders, endpoint, soon, unused_addr, unused_port};

/// Receives events until a peer error.
async fn next_peer_error(socket: &DatagramSocket) -> PeerError {
    loop {
        if let Event::PeerError(error) = soon(socket.next_event()).await.unwrap() {
            return error;
        }
    }
}

/// OUT-01, OUT-11, MSG-10: an empty write too.
#[tokio::test]
async fn one_write_is_one_datagram() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.connect(&peer.pair()).await.unwrap();
        let output = socket.output().unwrap();
        for length in [1, 0, 2, 1472, 1473, 9000, 0, 65_507] {
            let payload = vec![length as u8; length];
            output.write(&payload).await.unwrap();
            assert_eq!(peer.recv().0, payload, "{engine:?} {length}");
        }
        assert_eq!(socket.statistics().datagrams_sent, 8);
    }
}

/// OUT-12, CTL-01, CTL-02: the largest datagram over IPv6 exceeds the MTU of loopback, and is sent
/// in fragments.
#[tokio::test]
async fn a_payload_beyond_the_limit_is_rejected_and_nothing_is_sent() {
    for (engine, builder) in builders() {
        for (at, payload_max) in [("127.0.0.1:0", 65_507), ("[::1]:0", 65_527)] {
            let peer = Peer::at(at);
            let connected = builder.connect(&peer.pair()).await.unwrap();
            let bound = builder.bind(&endpoint(":0")).await.unwrap();
            let to = bound.output_to(peer.addr()).await.unwrap();
            for output in [connected.output().unwrap(), to] {
                assert_eq!(output.payload_bytes_max(), payload_max);
                let error = output.write(&vec![0; payload_max + 1]).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PayloadTooLarge, "{engine:?} {at}");
                assert_eq!(error.status().number(), 22);
                assert!(
                    error.to_string().contains(&(payload_max + 1).to_string()),
                    "{error}"
                );
                // Nothing was sent, and the socket still works.
                output.write(&vec![1; payload_max]).await.unwrap();
                assert_eq!(peer.recv().0, vec![1; payload_max]);
            }
        }
    }
}

/// OUT-02, OUT-03, OUT-05: from one source port.
#[tokio::test]
async fn one_socket_sends_to_many_destinations() {
    for (engine, builder) in builders() {
        let peers = [Peer::new(), Peer::new(), Peer::at("[::1]:0")];
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        for peer in &peers {
            let output = socket.output_to(peer.addr()).await.unwrap();
            assert_eq!(output.destination(), Some(peer.addr()));
            output.write(b"hello").await.unwrap();
            let (payload, from) = peer.recv();
            assert_eq!(
                (payload.as_slice(), from.port()),
                (b"hello" as &[u8], port),
                "{engine:?}"
            );
        }
    }
}

/// OUT-07, OUT-09, CTL-14, BND-15: opening the output stream does not bind it.
#[tokio::test]
async fn the_first_write_binds_the_socket() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        let output = socket.output_to(peer.addr()).await.unwrap();
        assert_eq!(socket.local_addr(), None);
        output.write(b"first").await.unwrap();
        let (payload, from) = peer.recv();
        assert_eq!(payload, b"first");
        assert_eq!(
            socket.local_addr().unwrap().port(),
            from.port(),
            "{engine:?}"
        );

        peer.send(b"back", from);
        assert_eq!(soon(socket.recv()).await.unwrap().payload(), b"back");
    }
}

/// OUT-07, GEN-06: no write is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_first_writes_bind_the_socket_once() {
    let peer = Peer::new();
    for (_, builder) in builders() {
        let socket = builder.open().unwrap();
        let output = socket.output_to(peer.addr()).await.unwrap();
        let writes = (0..32_u8).map(|number| {
            let output = output.clone();
            tokio::spawn(async move { output.write(&[number]).await })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap().unwrap();
        }
        let mut received: Vec<_> = (0..32).map(|_| peer.recv()).collect();
        let port = received[0].1.port();
        assert!(received.iter().all(|(_, from)| from.port() == port));
        received.sort();
        let numbers: Vec<_> = received.iter().map(|(payload, _)| payload[0]).collect();
        assert_eq!(numbers, (0..32).collect::<Vec<_>>());
    }
}

/// MSG-12, MSG-13
#[tokio::test]
async fn a_closed_port_wakes_a_task_that_waits_for_events() {
    for (engine, builder) in builders() {
        let closed = unused_addr();
        let socket = builder.connect(closed).await.unwrap();
        let waiting = tokio::spawn({
            let socket = socket.clone();
            async move { next_peer_error(&socket).await }
        });
        // On this single-threaded runtime the task waits by the time this one continues.
        tokio::task::yield_now().await;
        socket.output().unwrap().write(b"hello?").await.unwrap();
        let error = soon(waiting).await.unwrap();
        assert_eq!(error.kind, PeerErrorKind::PortUnreachable, "{engine:?}");
        assert_eq!(error.destination, Some(closed), "{engine:?}");
    }
}

/// MSG-13: an error is for the task that waits for events, whichever call collects it. After that the
/// descriptor is no longer ready, so the runtime wakes nobody.
#[tokio::test]
async fn an_error_that_another_call_finds_wakes_a_task_that_waits_for_events() {
    for (engine, builder) in builders() {
        // A receiver that polls asks the kernel at once.
        let builder = builder.busy_poll(Duration::from_nanos(1));
        for finder in ["try_recv", "recv", "poll_recv", "write"] {
            let socket = builder.connect(unused_addr()).await.unwrap();
            let output = socket.output().unwrap();
            let waiting = tokio::spawn({
                let socket = socket.clone();
                async move { next_peer_error(&socket).await }
            });
            tokio::task::yield_now().await;
            output.write(b"to a closed port").await.unwrap();
            let mut cx = Context::from_waker(Waker::noop());
            match finder {
                "try_recv" => assert!(socket.try_recv().unwrap().is_none()),
                "recv" => assert!(pin!(socket.recv()).poll(&mut cx).is_pending()),
                "poll_recv" => assert!(socket.poll_recv(&mut cx).is_pending()),
                _ => output.write(b"to a closed port").await.unwrap(),
            }
            assert!(socket.statistics().peer_errors > 0, "{engine:?} {finder}");
            let error = soon(waiting).await.unwrap();
            assert_eq!(
                error.kind,
                PeerErrorKind::PortUnreachable,
                "{engine:?} {finder}"
            );
        }
    }
}

/// MSG-13: an error whose number somebody else has taken from the descriptor (`SO_ERROR`,
/// socket(7)) fails no call any more. It is reported from the error queue.
#[tokio::test]
async fn an_error_that_fails_no_call_is_reported() {
    for (engine, builder) in builders() {
        if !engine.capabilities().error_queue {
            continue;
        }
        let socket = builder.connect(unused_addr()).await.unwrap();
        let cause_and_take = async || {
            let output = socket.output().unwrap();
            output.write(b"to a closed port").await.unwrap();
            let same = socket.with_system_socket(udpair_io::Socket::try_clone_std);
            let taken = same.unwrap().unwrap().take_error().unwrap();
            assert!(taken.is_some(), "{engine:?}");
        };
        cause_and_take().await;
        assert!(socket.try_recv().unwrap().is_none());
        assert_eq!(socket.statistics().peer_errors, 1, "{engine:?}");
        next_peer_error(&socket).await;
        let waiting = tokio::spawn({
            let socket = socket.clone();
            async move { next_peer_error(&socket).await }
        });
        tokio::task::yield_now().await;
        cause_and_take().await;
        let error = soon(waiting).await.unwrap();
        assert_eq!(error.kind, PeerErrorKind::PortUnreachable, "{engine:?}");
    }
}

/// MSG-14: a peer error ends neither sending nor receiving.
#[tokio::test]
async fn a_socket_works_after_the_error_of_a_closed_port() {
    for (engine, builder) in builders() {
        let address = unused_addr();
        let socket = builder.connect(address).await.unwrap();
        let output = socket.output().unwrap();
        output.write(b"to a closed port").await.unwrap();
        next_peer_error(&socket).await;

        let peer = Peer::at(&address.to_string());
        output.write(b"to the peer").await.unwrap();
        assert_eq!(peer.recv().0, b"to the peer");
        peer.send(b"reply", socket.local_addr().unwrap());
        assert_eq!(
            soon(socket.recv()).await.unwrap().payload(),
            b"reply",
            "{engine:?}"
        );
        assert_eq!(socket.statistics().peer_errors, 1, "{engine:?}");
    }
}

/// MSG-14
#[tokio::test]
async fn recv_ignores_peer_errors() {
    for (engine, builder) in builders() {
        let address = unused_addr();
        let socket = builder.connect(address).await.unwrap();
        let output = socket.output().unwrap();
        let receiving = tokio::spawn({
            let socket = socket.clone();
            async move { socket.recv().await }
        });
        tokio::task::yield_now().await;
        for _ in 0..3 {
            output.write(b"to a closed port").await.unwrap();
            tokio::task::yield_now().await;
        }
        let peer = Peer::at(&address.to_string());
        peer.send(b"message", socket.local_addr().unwrap());
        let message = soon(receiving).await.unwrap().unwrap();
        assert_eq!(message.payload(), b"message", "{engine:?}");
    }
}

/// OUT-15: the queued error belongs to an earlier datagram.
#[tokio::test]
async fn a_datagram_is_sent_despite_a_queued_error() {
    for (engine, builder) in builders() {
        let address = unused_addr();
        let socket = builder.connect(address).await.unwrap();
        let output = socket.output().unwrap();
        // Each write causes an error before the next one: loopback returns it at once.
        for _ in 0..3 {
            output.write(b"to a closed port").await.unwrap();
        }
        let peer = Peer::at(&address.to_string());
        output.write(b"to the peer").await.unwrap();
        assert_eq!(peer.recv().0, b"to the peer", "{engine:?}");
        assert_eq!(socket.statistics().datagrams_sent, 4, "{engine:?}");
        assert_eq!(socket.statistics().peer_errors, 3, "{engine:?}");
    }
}

/// OUT-15, MSG-13, MSG-14: on a socket with many peers. The error is reported with its destination
/// if the system reports one.
#[tokio::test]
async fn the_error_of_one_destination_does_not_affect_another() {
    for (engine, builder) in builders() {
        for closed in ["127.0.0.1", "[::1]"] {
            let closed = format!("{closed}:{}", unused_port())
                .parse::<SocketAddr>()
                .unwrap();
            let peer = Peer::new();
            let socket = builder.bind(&endpoint(":0")).await.unwrap();
            for number in 0..5 {
                socket.send_to(b"to a closed port", closed).await.unwrap();
                socket.send_to(&[number], peer.addr()).await.unwrap();
                assert_eq!(peer.recv().0, [number], "{engine:?}");
            }
            if engine.capabilities().error_queue {
                for _ in 0..5 {
                    let error = next_peer_error(&socket).await;
                    assert_eq!(error.destination, Some(closed));
                    assert_eq!(error.kind, PeerErrorKind::PortUnreachable);
                    assert_eq!(error.reporter, Some(closed.ip()));
                }
            }
        }
    }
}

/// The queue of peer errors is bounded.
#[tokio::test]
async fn peer_errors_that_do_not_fit_into_the_queue_are_counted() {
    for (engine, builder) in builders() {
        let closed = unused_addr();
        let socket = builder.connect(closed).await.unwrap();
        let output = socket.output().unwrap();
        for _ in 0..100 {
            output.write(b"to a closed port").await.unwrap();
        }
        // Each write fetched the error of the previous one. The kernel still has the last error.
        assert!(socket.try_recv().unwrap().is_none());
        let statistics = socket.statistics();
        assert_eq!(statistics.peer_errors, 100, "{engine:?}");
        assert_eq!(statistics.peer_errors_dropped, 36, "{engine:?}");
        for _ in 0..64 {
            next_peer_error(&socket).await;
        }
    }
}

/// OUT-16: the write returns the error of the system.
#[tokio::test]
async fn a_destination_of_the_other_family_is_rejected() {
    for (_, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let error = socket
            .send_to(b"x", "[::1]:9".parse::<SocketAddr>().unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FamilyNotSupported);
        assert_eq!(socket.statistics().datagrams_sent, 0);
    }
}

/// OUT-10, GEN-01: the stream to the peer can be taken at any time; writing needs a peer, in every
/// way to write.
#[tokio::test]
async fn a_stream_to_the_peer_sends_once_there_is_one() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        for socket in [
            builder.open().unwrap(),
            builder.bind(&endpoint(":0")).await.unwrap(),
        ] {
            let output = socket.output().unwrap();
            let mut batch: SendBatch = ["a", "b"].into_iter().collect();
            let errors = [
                output.write(b"early").await.unwrap_err(),
                output.try_write(b"early").unwrap_err(),
                output.write_run(b"early", 2).await.unwrap_err(),
                output.try_write_run(b"early", 2).unwrap_err(),
                output.write_batch(&mut batch).await.unwrap_err(),
                output.clone().send("early".into()).await.unwrap_err(),
                socket.ask(&Request::new("early")).await.unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::InvalidState, "{engine:?}: {error}");
            }
            assert_eq!((batch.len(), output.destination()), (2, None));

            socket.connect(&peer.pair()).await.unwrap();
            assert_eq!(output.destination(), Some(peer.addr()));
            output.write(b"in time").await.unwrap();
            assert_eq!(peer.recv().0, b"in time", "{engine:?}");
            socket.close();
            assert_eq!(socket.output().unwrap_err().kind(), ErrorKind::Closed);
        }
    }
}

/// OUT-07, CON-08: a connected socket also sends to others, in every way; it still receives only
/// from its peer.
#[tokio::test]
async fn a_connected_socket_may_send_to_others() {
    let (peer, other) = (Peer::new(), Peer::new());
    for (engine, builder) in builders() {
        let socket = builder.connect(&peer.pair()).await.unwrap();
        let local = socket.local_addr().unwrap();
        let to_other = socket.output_to(other.addr()).await.unwrap();
        to_other.write(b"by stream").await.unwrap();
        socket.send_to(b"by address", other.addr()).await.unwrap();
        assert!(socket.try_send_to(b"by trying", other.addr()).unwrap());
        let mut batch = SendBatch::new();
        for _ in 0..3 {
            batch.push_to("in a batch", other.addr());
            batch.push("to the peer");
        }
        socket.send_batch(&mut batch).await.unwrap();
        let by_pair = socket.output_to_pair(&other.pair()).await.unwrap();
        by_pair.write(b"by pair").await.unwrap();
        for payload in [
            "by stream",
            "by address",
            "by trying",
            "in a batch",
            "in a batch",
            "in a batch",
            "by pair",
        ] {
            assert_eq!(other.recv(), (payload.into(), local), "{engine:?}");
        }
        for _ in 0..3 {
            assert_eq!(peer.recv(), (b"to the peer".to_vec(), local), "{engine:?}");
        }
        other.send(b"not from the peer", local);
        peer.send(b"from the peer", local);
        let message = soon(socket.recv()).await.unwrap();
        assert_eq!(message.payload(), b"from the peer", "{engine:?}");
        assert_eq!(socket.peer_addr(), Some(peer.addr()));
    }
}

/// CON-11: a socket with another destination cannot be connected.
#[tokio::test]
async fn a_socket_with_a_stream_cannot_be_connected() {
    let (peer, other) = (Peer::new(), Peer::new());
    for (_, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        socket.output_to(other.addr()).await.unwrap();
        let error = socket.connect(&peer.pair()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState);
        let advice = error.advice().unwrap_or_default();
        assert!(advice.contains("before"), "{advice}");
    }
}

/// OUT-08, CON-05, CON-06
#[tokio::test]
async fn a_socket_on_an_adapter_rejects_a_local_host() {
    let adapters = udpair::adapters().unwrap();
    let loopback = adapters.iter().find(|adapter| adapter.is_loopback).unwrap();
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind_on(loopback, &0.into()).await.unwrap();
        let pair = peer.pair().with_local(endpoint("127.0.0.1:"));
        let error = socket.connect(&pair).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{engine:?}");

        socket.connect(&peer.pair()).await.unwrap();
        socket.output().unwrap().write(b"on adapter").await.unwrap();
        assert_eq!(peer.recv().0, b"on adapter");
    }
}

/// CTL-08, CTL-09, CTL-10
#[tokio::test]
async fn the_hop_limit_is_128_until_it_is_set() {
    let engine = udpair::engines()[0];
    if !engine.capabilities().packet_header {
        return;
    }
    for at in ["127.0.0.1:0", "[::1]:0"] {
        let receiver = DatagramSocket::builder()
            .engine(engine)
            .bind(&endpoint(at))
            .await
            .unwrap();
        let to = receiver.local_addr().unwrap();
        for (_, builder) in builders() {
            let socket = builder.connect(&EndpointPair::from(to)).await.unwrap();
            let output = socket.output().unwrap();
            for hops in [None, Some(1), Some(255)] {
                if let Some(hops) = hops {
                    socket.set_hop_limit(hops).unwrap();
                }
                output.write(b"x").await.unwrap();
                let message = soon(receiver.recv()).await.unwrap();
                assert_eq!(message.hop_limit(), Some(hops.unwrap_or(128)), "{at}");
            }
            assert_eq!(
                socket.set_hop_limit(0).unwrap_err().kind(),
                ErrorKind::InvalidArgument
            );

            let bound = builder.hop_limit(7).open().unwrap();
            bound.send_to(b"x", to).await.unwrap();
            assert_eq!(soon(receiver.recv()).await.unwrap().hop_limit(), Some(7));
        }
    }
}

/// GEN-02, CTL-06, CTL-10: before a system socket is opened.
#[test]
fn option_values_out_of_range_are_rejected() {
    for builder in [
        DatagramSocket::builder().hop_limit(0),
        DatagramSocket::builder().inbound_buffer_bytes(0),
        DatagramSocket::builder().inbound_buffer_bytes(u32::MAX),
        DatagramSocket::builder().send_buffer_bytes(0),
        DatagramSocket::builder().dscp(64),
        DatagramSocket::builder().dscp(184),
    ] {
        assert_eq!(
            builder.open().unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
}

/// CTL-01 to CTL-04, CTL-11: the effect of these options is not visible on loopback.
#[tokio::test]
async fn a_socket_with_options_sends() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder
            .dont_fragment(true)
            .inbound_buffer_bytes(1 << 16)
            .send_buffer_bytes(1 << 16)
            .quality_of_service(udpair::QualityOfService::LowLatency)
            .connect(&peer.pair())
            .await
            .unwrap();
        socket.output().unwrap().write(&[7; 1000]).await.unwrap();
        assert_eq!(peer.recv().0, [7; 1000], "{engine:?}");
    }
}

/// CTL-03, OUT-15: the write of a datagram that exceeds the MTU of the adapter fails at once.
#[tokio::test]
async fn a_datagram_that_must_not_be_fragmented_is_rejected_if_it_exceeds_the_mtu() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        // The MTU of loopback is 65,536 bytes. Every IPv4 datagram fits, but not the largest IPv6
        // one.
        let peer6 = Peer::at("[::1]:0");
        let builder = builder.dont_fragment(true);
        let socket = builder.connect(&peer6.pair()).await.unwrap();
        let output = socket.output().unwrap();
        let error = output.write(&[0; 65_527]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PayloadTooLarge, "{engine:?}");
        assert!(error.raw_os_error().is_some());
        output.write(b"small").await.unwrap();
        assert_eq!(peer6.recv().0, b"small");
        assert_eq!(socket.statistics().peer_errors, 0, "{engine:?}");

        let socket = builder.connect(&peer.pair()).await.unwrap();
        socket.output().unwrap().write(&[0; 65_507]).await.unwrap();
        assert_eq!(peer.recv().0.len(), 65_507);
    }
}

/// OUT-06, SRV-04: the service comes from DNS. Incomplete and unknown endpoints are errors.
#[cfg(feature = "dns")]
#[tokio::test]
async fn an_output_stream_may_be_opened_by_name() {
    let peer = Peer::new();
    let port = peer.addr().port();
    let zone = format!("_echo._udp.x.test SRV 0 0 {port} h.x.test\nh.x.test A 127.0.0.1");
    let server = DnsServer::with_zone(Zone::new(&zone));
    for (engine, builder) in builders() {
        let socket = builder.resolver(&server.resolver()).open().unwrap();
        let output = socket.output_to(&endpoint("x.test:echo")).await.unwrap();
        output.write(b"by name").await.unwrap();
        assert_eq!(peer.recv().0, b"by name", "{engine:?}");

        for (remote, kind) in [
            (":7", ErrorKind::InvalidArgument),
            ("127.0.0.1:", ErrorKind::InvalidArgument),
            ("x.test:gone", ErrorKind::HostNotFound),
            ("127.0.0.1:gone", ErrorKind::ServiceNotFound),
        ] {
            let error = socket.output_to(&endpoint(remote)).await.expect_err(remote);
            assert_eq!(error.kind(), kind, "{remote}");
        }
    }
}

#[tokio::test]
async fn try_write_sends_without_waiting() {
    let peer = Peer::new();
    for (_, builder) in builders() {
        let socket = builder.connect(&peer.pair()).await.unwrap();
        assert!(socket.output().unwrap().try_write(b"x").unwrap());
        assert_eq!(peer.recv().0, b"x");

        let unbound = builder.open().unwrap();
        let output = unbound.output_to(peer.addr()).await.unwrap();
        assert_eq!(
            output.try_write(b"x").unwrap_err().kind(),
            ErrorKind::InvalidState
        );
    }
}

/// OUT-13: writes reach the kernel in the order in which they were issued.
#[tokio::test]
async fn writes_keep_their_order() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.connect(&peer.pair()).await.unwrap();
        let output = socket.output().unwrap();
        for number in 0..100_u8 {
            output.write(&[number]).await.unwrap();
        }
        for number in 0..100 {
            assert_eq!(peer.recv().0, [number], "{engine:?}");
        }
    }
}

/// Checks a helper of the tests: the address of a closed peer can be bound again.
#[test]
fn the_port_of_a_closed_test_peer_is_free() {
    let closed: SocketAddr = unused_addr();
    Peer::at(&closed.to_string());
}

/// OUT-15, GEN-06: an error that one write caused fails no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queued_errors_fail_none_of_many_concurrent_writes() {
    for (engine, builder) in builders() {
        let closed = unused_addr();
        let socket = builder.connect(closed).await.unwrap();
        let receiving = tokio::spawn({
            let socket = socket.clone();
            async move { while socket.next_event().await.is_ok() {} }
        });
        let writing: Vec<_> = (0..3)
            .map(|_| {
                let output = socket.output().unwrap();
                tokio::spawn(async move {
                    for number in 0..5000 {
                        let result = output.write(b"to a closed port").await;
                        assert!(result.is_ok(), "write {number}: {result:?}");
                    }
                })
            })
            .collect();
        for writer in writing {
            soon(writer).await.unwrap();
        }
        assert_eq!(socket.statistics().datagrams_sent, 15_000, "{engine:?}");
        socket.close();
        soon(receiving).await.unwrap();
    }
}

/// OUT-15: the same on a socket with many peers, one of which has a closed port.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_closed_port_fails_no_write_to_another() {
    for (engine, builder) in builders() {
        let (closed, peer) = (unused_addr(), Peer::new());
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        let writing: Vec<_> = [closed, peer.addr(), closed]
            .into_iter()
            .map(|destination| {
                let socket = socket.clone();
                tokio::spawn(async move {
                    for number in 0..3000 {
                        let result = socket.send_to(b"x", destination).await;
                        assert!(
                            result.is_ok(),
                            "write {number} to {destination}: {result:?}"
                        );
                    }
                })
            })
            .collect();
        for writer in writing {
            soon(writer).await.unwrap();
        }
        assert_eq!(socket.statistics().datagrams_sent, 9000, "{engine:?}");
    }
}

/// A task that only writes yields to other tasks of its thread.
#[tokio::test]
async fn a_writer_does_not_starve_other_tasks() {
    let peer = Peer::new();
    let socket = DatagramSocket::builder()
        .connect(&peer.pair())
        .await
        .unwrap();
    let output = socket.output().unwrap();
    let other = tokio::spawn(async {});
    let mut written = 0_u32;
    while !other.is_finished() {
        output.write(b"x").await.unwrap();
        written += 1;
        assert!(written < 10_000, "the other task never ran");
    }
}
