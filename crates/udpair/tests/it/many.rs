//! Sockets with many peers: streams by endpoint pair, replies, and the metadata of messages.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use udpair::{
    Builder, DatagramSocket, Destination, Ecn, Endpoint, ErrorKind, PacketHeader, SendBatch, Source,
};

use crate::support::{Peer, builders, endpoint, loopback, soon};

/// OUT-04, OUT-07: to the local end of the pair.
#[tokio::test]
async fn a_stream_by_pair_binds_at_once() {
    let (peer, other) = (Peer::new(), Peer::new());
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        let pair = peer.pair().with_local(endpoint("127.0.0.9:0"));
        let stream = socket.output_to_pair(&pair).await.unwrap();
        let local = socket.local_addr().expect("bound");
        assert_eq!(local.ip(), IpAddr::from([127, 0, 0, 9]), "{engine:?}");
        stream.write(b"x").await.unwrap();
        assert_eq!(peer.recv(), (b"x".to_vec(), local), "{engine:?}");

        // The socket has no peer: it may have other streams, and receives from every sender.
        assert_eq!(socket.peer_addr(), None);
        let second = socket.output_to_pair(&other.pair()).await.unwrap();
        second.write(b"y").await.unwrap();
        assert_eq!(other.recv(), (b"y".to_vec(), local), "{engine:?}");
        let error = socket.connect(&peer.pair()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState, "{engine:?}");
    }
}

/// OUT-07, OUT-08: on a bound socket the local end of the pair is empty or matches the bound one.
#[tokio::test]
async fn the_local_end_of_a_stream_by_pair_must_match_the_bound_one() {
    let peer = Peer::new();
    let adapters = udpair::adapters().unwrap();
    let adapter = adapters.iter().find(|adapter| adapter.is_loopback).unwrap();
    for (engine, builder) in builders() {
        let bound = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let on_adapter = builder.bind_on(adapter, &0.into()).await.unwrap();
        let port = |socket: &DatagramSocket| socket.local_addr().unwrap().port();
        let host = |host: &str, port: u16| Endpoint::new(Some(host.parse().unwrap()), port.into());
        for (socket, local, is_allowed) in [
            (&bound, Endpoint::default(), true),
            (&bound, host("127.0.0.1", 0), true),
            (&bound, host("127.0.0.1", port(&bound)), true),
            (&bound, host("127.0.0.2", 0), false),
            (&bound, host("localhost", 0), false),
            (&bound, Endpoint::any((port(&bound) ^ 1).into()), false),
            (&on_adapter, Endpoint::default(), true),
            (&on_adapter, Endpoint::any(port(&on_adapter).into()), true),
            (&on_adapter, host("127.0.0.1", 0), false),
        ] {
            let pair = peer.pair().with_local(local.clone());
            let kind = socket.output_to_pair(&pair).await.err().map(|e| e.kind());
            let expected = (!is_allowed).then_some(ErrorKind::InvalidArgument);
            assert_eq!(kind, expected, "{engine:?} {local}");
        }
    }
}

/// MSG-11: the socket has many local addresses.
#[tokio::test]
async fn a_reply_is_sent_from_the_address_that_received_the_request() {
    for (engine, builder) in builders() {
        let server = builder.bind(&endpoint(":0")).await.unwrap();
        let destination = SocketAddr::new([127, 0, 0, 77].into(), loopback(&server).port());
        let peer = Peer::new();
        peer.send(b"request", destination);
        let message = soon(server.recv()).await.unwrap();
        server.send_to(b"reply", message.reply()).await.unwrap();
        let (reply, from) = peer.recv();
        assert_eq!(reply, b"reply");
        let capabilities = engine.capabilities();
        if capabilities.local_address && capabilities.source {
            assert_eq!(from, destination, "{engine:?}");
        }
    }
}

/// Returns a socket with a small receive buffer and an exact count of dropped datagrams.
async fn with_small_buffer(builder: Builder, local: &str) -> DatagramSocket {
    let builder = builder.receive_offload(false).inbound_buffer_bytes(4096);
    builder.bind(&endpoint(local)).await.unwrap()
}

/// MSG-17: the count of each message is exact.
#[tokio::test]
async fn a_message_says_how_many_were_dropped_before_it() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        if !engine.capabilities().drops {
            continue;
        }
        let socket = with_small_buffer(builder, ":0").await;
        let to = loopback(&socket);
        let (mut next, mut number, mut dropped) = (0_u32, 0_u32, 0);
        for _ in 0..5 {
            for _ in 0..50 {
                peer.send(&number.to_be_bytes(), to);
                number += 1;
            }
            while let Some(message) = socket.try_recv().unwrap() {
                let found = u32::from_be_bytes(message.payload().try_into().unwrap());
                assert_eq!(message.dropped_before(), found - next, "{engine:?} {found}");
                dropped += message.dropped_before();
                next = found + 1;
            }
        }
        // A fence: its count covers the datagrams that were dropped last.
        peer.send(&number.to_be_bytes(), to);
        dropped += soon(socket.recv()).await.unwrap().dropped_before();
        let statistics = socket.statistics();
        assert!(dropped > 0, "{engine:?}");
        assert_eq!(u64::from(dropped), statistics.kernel_dropped, "{engine:?}");
        assert!(statistics.kernel_dropped_exact, "{engine:?}");
        let received = statistics.datagrams_received;
        assert_eq!(received + u64::from(dropped), u64::from(number) + 1);
    }
}

/// MSG-17: the datagram of the non-peer is not delivered, so the next message reports the drops
/// before it.
#[tokio::test]
async fn drops_before_a_datagram_of_a_non_peer_are_reported() {
    let (peer, non_peer) = (Peer::new(), Peer::new());
    for (engine, builder) in builders() {
        if !engine.capabilities().drops {
            continue;
        }
        let socket = with_small_buffer(builder, "127.0.0.1:0").await;
        let to = socket.local_addr().unwrap();
        for _ in 0..100 {
            peer.send(b"peer", to);
        }
        // Makes space for the datagram of the non-peer, which follows the dropped ones directly.
        let mut dropped = 0;
        while let Some(message) = socket.try_recv().unwrap() {
            dropped += u64::from(message.dropped_before());
        }
        non_peer.send(b"non-peer", to);
        socket.connect(&peer.pair()).await.unwrap();
        assert!(socket.try_recv().unwrap().is_none(), "{engine:?}");
        peer.send(b"fence", to);
        dropped += u64::from(soon(socket.recv()).await.unwrap().dropped_before());
        let statistics = socket.statistics();
        assert_eq!(statistics.non_peer_dropped, 1, "{engine:?}");
        assert_eq!(dropped, statistics.kernel_dropped, "{engine:?}");
    }
}

/// It is the time at which the kernel received the datagram.
#[tokio::test]
async fn a_message_has_a_timestamp_if_requested() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        for is_requested in [true, false] {
            let builder = builder.clone().timestamps(is_requested);
            let socket = builder.bind(&endpoint(":0")).await.unwrap();
            let before = SystemTime::now();
            peer.send(b"x", loopback(&socket));
            let time = soon(socket.recv()).await.unwrap().timestamp();
            if is_requested && engine.capabilities().timestamps {
                let time = time.expect("a timestamp");
                assert!(before <= time && time <= SystemTime::now(), "{engine:?}");
            } else {
                assert_eq!(time, None, "{engine:?}");
            }
        }
    }
}

/// OUT-05: choosing only the adapter does not change the address.
#[tokio::test]
async fn a_datagram_through_a_chosen_adapter_leaves_from_the_bound_address() {
    let adapters = udpair::adapters().unwrap();
    let adapter = adapters.iter().find(|adapter| adapter.is_loopback).unwrap();
    let everywhere = Peer::at("0.0.0.0:0");
    everywhere.join([239, 255, 77, 5].into());
    let (at_ipv4, at_ipv6) = (Peer::new(), Peer::at("[::1]:0"));
    for (engine, builder) in builders().filter(|(engine, _)| engine.capabilities().source) {
        for (local, peer, host) in [
            ("127.0.0.2:0", &at_ipv4, "127.0.0.1"),
            ("127.0.0.2:0", &everywhere, "239.255.77.5"),
            ("127.0.0.2:0", &everywhere, "127.255.255.255"),
            ("127.0.0.2:0", &everywhere, "255.255.255.255"),
            ("[::1]:0", &at_ipv6, "::1"),
        ] {
            let to = Destination {
                source: Source {
                    adapter: Some(adapter.index),
                    ..Source::default()
                },
                ..Destination::from(SocketAddr::new(host.parse().unwrap(), peer.addr().port()))
            };
            let bound = builder.bind(&endpoint(local)).await.unwrap();
            let address = bound.local_addr().unwrap();
            let plain = std::net::UdpSocket::bind(local).unwrap();
            let adopted = builder.from_std(plain).unwrap();
            let adopted_address = adopted.local_addr().unwrap();
            for (socket, from) in [(&bound, address), (&adopted, adopted_address)] {
                socket.send_to(b"one", to).await.unwrap();
                assert!(socket.try_send_to(b"tried", to).unwrap());
                let mut batch = SendBatch::new();
                for _ in 0..3 {
                    batch.push_to("batch", to);
                }
                socket.send_batch(&mut batch).await.unwrap();
                for expected in ["one", "tried", "batch", "batch", "batch"] {
                    let received = peer.recv();
                    let expected = (expected.as_bytes().to_vec(), from);
                    assert_eq!(received, expected, "{engine:?} {local} {host}");
                }
            }
        }
    }
}

/// CTL-08, CTL-11, OUT-05: for one datagram. What is not chosen stays as the socket's options say.
#[tokio::test]
async fn a_datagram_has_the_header_that_was_chosen_for_it() {
    let receivers = DatagramSocket::builder();
    let header = |hop_limit, ecn| PacketHeader {
        hop_limit,
        ecn,
        dscp: None,
    };
    let dscp = PacketHeader {
        dscp: Some(46),
        ..PacketHeader::default()
    };
    for (engine, builder) in builders() {
        let builder = builder.hop_limit(77).ecn(Ecn::Capable1);
        for (local, host) in [
            (":0", "127.0.0.1"),
            (":0", "::1"),
            ("127.0.0.1:0", "127.0.0.1"),
            ("[::1]:0", "::1"),
        ] {
            let at = SocketAddr::new(host.parse().unwrap(), 0);
            let receiver = receivers.bind(at).await.unwrap();
            let to = |header| Destination {
                header,
                ..Destination::from(receiver.local_addr().unwrap())
            };
            let sender = builder.bind(&endpoint(local)).await.unwrap();
            for (header, hops, ecn) in [
                (PacketHeader::default(), 77, 1),
                (header(Some(3), None), 3, 1),
                (header(Some(255), Some(0)), 255, 0),
                (header(None, Some(2)), 77, 2),
                (dscp, 77, 1),
                (
                    PacketHeader {
                        ecn: Some(3),
                        ..dscp
                    },
                    77,
                    3,
                ),
            ] {
                let what = format!("{engine:?} {local} {host} {header:?}");
                let sent = sender.send_to(b"one", to(header)).await;
                if !engine.capabilities().send_header && !header.is_any() {
                    assert_eq!(sent.unwrap_err().kind(), ErrorKind::Unsupported, "{what}");
                    continue;
                }
                sent.unwrap();
                let mut batch = SendBatch::new();
                batch.push_to("two", to(header));
                batch.push_to("two", to(header));
                // Not part of the same GSO batch.
                batch.push_to("two", to(PacketHeader::default()));
                sender.send_batch(&mut batch).await.unwrap();
                for number in 0..4 {
                    let message = soon(receiver.recv()).await.unwrap();
                    let expected = match number {
                        3 => (Some(77), Some(1)),
                        _ => (Some(hops), Some(ecn)),
                    };
                    let found = (message.hop_limit(), message.ecn());
                    assert_eq!(found, expected, "{what} {number}");
                }
            }
            for invalid in [
                header(Some(0), None),
                header(None, Some(4)),
                PacketHeader {
                    dscp: Some(64),
                    ..PacketHeader::default()
                },
            ] {
                let error = sender.send_to(b"x", to(invalid)).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{invalid:?}");
                let error = sender.try_send_to(b"x", to(invalid)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{invalid:?}");
                let mut batch = SendBatch::new();
                batch.push_to("x", to(invalid));
                let error = sender.send_batch(&mut batch).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{invalid:?}");
            }
        }
    }
}
