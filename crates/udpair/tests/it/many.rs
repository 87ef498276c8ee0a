//! Many peers: streams by pair, replies, and what messages say of the kernel.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use udpair::{Builder, DatagramSocket, Endpoint, ErrorKind};

use crate::support::{Peer, builders, endpoint, loopback, soon};

/// OUT-04, OUT-07: a stream by pair binds at once; what it is bound to is the pair's local end.
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

        // It has no peer: there may be others, and everybody is heard.
        assert_eq!(socket.peer_addr(), None);
        let second = socket.output_to_pair(&other.pair()).await.unwrap();
        second.write(b"y").await.unwrap();
        assert_eq!(other.recv(), (b"y".to_vec(), local), "{engine:?}");
        let error = socket.connect(&peer.pair()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState, "{engine:?}");
    }
}

/// OUT-07, OUT-08: on a bound socket the pair's local end is empty, or what is bound.
#[tokio::test]
async fn a_stream_by_pair_fits_what_is_bound() {
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

/// MSG-11: who asked at one address of many is answered from there.
#[tokio::test]
async fn a_reply_leaves_from_the_address_that_was_asked() {
    for (engine, builder) in builders() {
        let server = builder.bind(&endpoint(":0")).await.unwrap();
        let asked = SocketAddr::new([127, 0, 0, 77].into(), loopback(&server).port());
        let peer = Peer::new();
        peer.send(b"who", asked);
        let message = soon(server.recv()).await.unwrap();
        server.send_to(b"I", message.reply()).await.unwrap();
        let (reply, from) = peer.recv();
        assert_eq!(reply, b"I");
        let capabilities = engine.capabilities();
        if capabilities.local_address && capabilities.source {
            assert_eq!(from, asked, "{engine:?}");
        }
    }
}

/// A socket whose buffer is soon full, and whose count of what was dropped is exact.
async fn with_little_room(builder: Builder, local: &str) -> DatagramSocket {
    let builder = builder.receive_offload(false).inbound_buffer_bytes(4096);
    builder.bind(&endpoint(local)).await.unwrap()
}

/// MSG-17: each message tells how many are missing before it, to the datagram.
#[tokio::test]
async fn a_message_says_how_many_were_dropped_before_it() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        if !engine.capabilities().drops {
            continue;
        }
        let socket = with_little_room(builder, ":0").await;
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
        // A fence, before which the last of them are missing.
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

/// MSG-17: drops before a stranger's datagram, which is not delivered, are told by the next message.
#[tokio::test]
async fn drops_before_a_stranger_are_told_all_the_same() {
    let (peer, stranger) = (Peer::new(), Peer::new());
    for (engine, builder) in builders() {
        if !engine.capabilities().drops {
            continue;
        }
        let socket = with_little_room(builder, "127.0.0.1:0").await;
        let to = socket.local_addr().unwrap();
        for _ in 0..100 {
            peer.send(b"peer", to);
        }
        // Room for the stranger, who comes right behind what was dropped.
        let mut dropped = 0;
        while let Some(message) = socket.try_recv().unwrap() {
            dropped += u64::from(message.dropped_before());
        }
        stranger.send(b"stranger", to);
        socket.connect(&peer.pair()).await.unwrap();
        assert!(socket.try_recv().unwrap().is_none(), "{engine:?}");
        peer.send(b"fence", to);
        dropped += u64::from(soon(socket.recv()).await.unwrap().dropped_before());
        let statistics = socket.statistics();
        assert_eq!(statistics.non_peer_dropped, 1, "{engine:?}");
        assert_eq!(dropped, statistics.kernel_dropped, "{engine:?}");
    }
}

/// When the kernel received it, if that was asked for.
#[tokio::test]
async fn a_message_has_its_time_where_it_was_asked_for() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        for is_asked in [true, false] {
            let builder = builder.clone().timestamps(is_asked);
            let socket = builder.bind(&endpoint(":0")).await.unwrap();
            let before = SystemTime::now();
            peer.send(b"x", loopback(&socket));
            let time = soon(socket.recv()).await.unwrap().timestamp();
            if is_asked && engine.capabilities().timestamps {
                let time = time.expect("a time");
                assert!(before <= time && time <= SystemTime::now(), "{engine:?}");
            } else {
                assert_eq!(time, None, "{engine:?}");
            }
        }
    }
}
