//! The output streams of a socket.

use udpair_winrt::{AsyncStatus, Buffer, DataWriter, DatagramSocket, EndpointPair, hresult};

use crate::support::code;
use crate::support::net::{
    NameServer, address, buffer, free_port, host, listening, listening_on_loopback, loopback, next,
    peer, port, receive,
};

/// OUT-01, OUT-11: one write is one datagram of the buffer's length, also an empty one; the result is
/// that length.
#[test]
fn a_write_is_one_datagram() {
    let (peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    let stream = socket
        .output_stream_to(&loopback(), &peer_port)
        .get()
        .unwrap();
    let partly = Buffer::with_capacity(100);
    partly.write_at(0, b"partly used").unwrap();
    partly.set_length(6).unwrap();
    assert_eq!(stream.write(&partly).get().unwrap(), 6);
    assert_eq!(stream.write(&buffer("")).get().unwrap(), 0);
    assert_eq!(stream.write(&buffer("whole")).get().unwrap(), 5);
    for expected in ["partly", "", "whole"] {
        assert_eq!(receive(&peer).0, expected);
    }
}

/// OUT-02, OUT-05, INF-04: streams of one socket lead to different destinations, with the socket's
/// port as their source, and none of them is the socket's peer.
#[test]
fn streams_of_one_socket_lead_to_different_destinations() {
    let socket = DatagramSocket::new();
    let peers = [(); 3].map(|()| peer());
    let streams = peers.each_ref().map(|(_, port)| {
        socket
            .output_stream_to(&host("127.0.0.1"), port)
            .get()
            .unwrap()
    });
    for (index, stream) in streams.iter().enumerate() {
        stream.write(&buffer(&index.to_string())).get().unwrap();
    }
    for (index, (peer, _)) in peers.iter().enumerate() {
        let (text, from) = receive(peer);
        assert_eq!(text, index.to_string());
        assert_eq!(from.port().to_string(), port(&socket));
    }
    let information = socket.information();
    assert_eq!(information.remote_address(), None);
    assert_eq!(information.remote_port(), "");
}

/// OUT-07, OQ-33: a stream to a host binds at its first write; a stream to a pair binds at once, to
/// the local end of the pair.
#[test]
fn a_stream_to_a_pair_binds_at_once() {
    let (peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    let stream = socket
        .output_stream_to(&loopback(), &peer_port)
        .get()
        .unwrap();
    assert_eq!(port(&socket), "");
    stream.write(&buffer("x")).get().unwrap();
    assert_ne!(port(&socket), "");
    receive(&peer);

    let local_port = free_port();
    let pair = EndpointPair::new(Some(loopback()), &local_port, loopback(), &peer_port).unwrap();
    let (socket, seen) = listening();
    let stream = socket.output_stream_to_pair(&pair).get().unwrap();
    assert_eq!(port(&socket), local_port);
    assert_eq!(socket.information().local_address(), Some(loopback()));
    stream.write(&buffer("y")).get().unwrap();
    let (_, from) = receive(&peer);
    assert_eq!(from.port().to_string(), local_port);
    // It receives from anyone.
    peer.send_to(b"z", from).unwrap();
    assert_eq!(next(&seen), "z");
}

/// OUT-02, OUT-10: a connected socket gives streams to others too, and still hears only its peer.
#[test]
fn a_connected_socket_writes_to_others_and_hears_its_peer() {
    let (peer, peer_port) = peer();
    let (other, other_port) = crate::support::net::peer();
    let (socket, seen) = listening();
    socket.connect(&loopback(), &peer_port).get().unwrap();
    let stream = socket
        .output_stream_to(&loopback(), &other_port)
        .get()
        .unwrap();
    stream.write(&buffer("to another")).get().unwrap();
    let (text, from) = receive(&other);
    assert_eq!(
        (text.as_str(), from.port().to_string()),
        ("to another", port(&socket))
    );
    other.send_to(b"not heard", from).unwrap();
    peer.send_to(b"heard", from).unwrap();
    assert_eq!(next(&seen), "heard");
    assert_eq!(socket.information().remote_port(), peer_port);
}

/// OUT-10: the stream to the peer is one object, also before there is a peer.
#[test]
fn the_stream_to_the_peer_is_one_object() {
    let (peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    let writer = DataWriter::with_stream(socket.output_stream().unwrap());
    writer.write_string("kept").unwrap();
    assert_eq!(code(writer.store().get()), hresult::E_ILLEGAL_METHOD_CALL);
    socket.connect(&loopback(), &peer_port).get().unwrap();
    assert_eq!(
        socket.output_stream().unwrap(),
        socket.output_stream().unwrap()
    );
    writer.detach_stream().unwrap();
    let writer = DataWriter::with_stream(socket.output_stream().unwrap());
    writer.write_string("sent").unwrap();
    writer.store().get().unwrap();
    assert_eq!(receive(&peer).0, "sent");
    // A bound socket has no peer either.
    let bound = DatagramSocket::new();
    bound.bind_service_name("").get().unwrap();
    let write = bound.output_stream().unwrap().write(&buffer("x"));
    let refusal = write.refusal().expect("a refusal");
    assert_eq!(refusal.code(), hresult::E_ILLEGAL_METHOD_CALL);
}

/// OUT-12: what no datagram can carry is refused by the system, and nothing is sent.
#[test]
fn a_payload_that_is_too_long_is_not_sent() {
    let (peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    let stream = socket
        .output_stream_to(&loopback(), &peer_port)
        .get()
        .unwrap();
    let long = Buffer::copy_from(&[0; 65_508]);
    assert_eq!(code(stream.write(&long).get()), hresult::WSAEMSGSIZE);
    stream.write(&buffer("short")).get().unwrap();
    assert_eq!(receive(&peer).0, "short");
}

/// OUT-13: a buffer can be used again as soon as the write is complete, and each write sends what the
/// buffer held.
#[test]
fn a_buffer_can_be_used_again() {
    let (peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    let stream = socket
        .output_stream_to(&loopback(), &peer_port)
        .get()
        .unwrap();
    let buffer = Buffer::with_capacity(3);
    for number in 100..120 {
        buffer.write_at(0, number.to_string().as_bytes()).unwrap();
        buffer.set_length(3).unwrap();
        stream.write(&buffer).get().unwrap();
    }
    for number in 100..120 {
        assert_eq!(receive(&peer).0, number.to_string());
    }
}

/// OUT-14: a flush tells whether the writes since the last one have succeeded, and does not fail.
#[test]
fn a_flush_tells_whether_writes_have_failed() {
    let (_peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    let stream = socket
        .output_stream_to(&loopback(), &peer_port)
        .get()
        .unwrap();
    let other = socket
        .output_stream_to(&loopback(), &peer_port)
        .get()
        .unwrap();
    assert!(stream.flush().get().unwrap(), "nothing was written");
    stream.write(&buffer("x")).get().unwrap();
    assert!(stream.flush().get().unwrap());
    let long = Buffer::copy_from(&[0; 65_508]);
    stream.write(&long).get().unwrap_err();
    stream.write(&buffer("x")).get().unwrap();
    assert!(other.flush().get().unwrap(), "another stream");
    assert!(!stream.flush().get().unwrap());
    stream.write(&buffer("x")).get().unwrap();
    assert!(stream.flush().get().unwrap());
}

/// OUT-14: every flush waits for the writes before it, also the second of two.
#[test]
fn every_flush_waits_for_the_writes_before_it() {
    let (server, seen) = listening();
    server.bind_service_name("").get().unwrap();
    let names = NameServer::start();
    let socket = names.socket();
    let connect = socket.connect(&host("server.test"), &port(&server));
    let stream = socket.output_stream().unwrap();
    let write = stream.write(&buffer("x"));
    assert_eq!(write.status(), AsyncStatus::Started);
    let first = stream.flush();
    let second = stream.flush();
    let third = stream.flush();
    for flush in [&first, &second, &third] {
        assert_eq!(flush.status(), AsyncStatus::Started);
    }
    names.release();
    assert!(second.get().unwrap());
    assert_eq!(write.status(), AsyncStatus::Completed);
    assert!(first.get().unwrap() && third.get().unwrap());
    connect.get().unwrap();
    assert_eq!(next(&seen), "x");
}

/// OUT-14, CLS-02, GEN-05: a write that was cancelled, or that ended with the socket, was no success.
#[test]
fn a_flush_counts_writes_that_were_ended() {
    let names = NameServer::start();
    let socket = names.socket();
    let connect = socket.connect(&host("server.test"), "7");
    let stream = socket.output_stream().unwrap();
    let write = stream.write(&buffer("cancelled"));
    write.cancel();
    assert_eq!(code(write.get()), hresult::ERROR_OPERATION_ABORTED);
    assert_eq!(write.status(), AsyncStatus::Canceled);
    assert!(!stream.flush().get().unwrap());

    let write = stream.write(&buffer("aborted"));
    let flush = stream.flush();
    assert_eq!(flush.status(), AsyncStatus::Started);
    socket.close();
    for ended in [connect.get(), write.get().map(|_| ())] {
        assert_eq!(code(ended), hresult::ERROR_OPERATION_ABORTED);
    }
    assert!(!flush.get().unwrap());
}

/// OUT-10: a write that waits for a connect fails with it, through its operation.
#[test]
fn a_write_fails_with_the_connect_that_it_waits_for() {
    let names = NameServer::start();
    let socket = names.socket();
    let connect = socket.connect(&host("server.test"), "7");
    let write = socket.output_stream().unwrap().write(&buffer("x"));
    assert_eq!(write.status(), AsyncStatus::Started);
    connect.cancel();
    assert_eq!(code(write.get()), hresult::E_ILLEGAL_METHOD_CALL);
    assert_eq!(write.status(), AsyncStatus::Error);
    assert!(write.refusal().is_none(), "the call was allowed");
}

/// OUT-17: closing a stream ends only that stream, whether by itself or with its writer.
#[test]
fn a_closed_stream_ends_alone() {
    let (peer, peer_port) = peer();
    let (socket, seen) = listening();
    let open = || {
        socket
            .output_stream_to(&loopback(), &peer_port)
            .get()
            .unwrap()
    };
    let (first, second, third) = (open(), open(), open());
    first.write(&buffer("1")).get().unwrap();
    first.close();
    first.close();
    let closed = hresult::RO_E_CLOSED;
    let write = first.write(&buffer("never"));
    assert_eq!(write.refusal().expect("a refusal").code(), closed);
    assert_eq!(code(first.flush().get()), closed);
    let writer = DataWriter::with_stream(second.clone());
    writer.write_string("2").unwrap();
    writer.store().get().unwrap();
    writer.close();
    assert_eq!(code(second.write(&buffer("never")).get()), closed);

    third.write(&buffer("3")).get().unwrap();
    open().write(&buffer("4")).get().unwrap();
    for expected in ["1", "2", "3", "4"] {
        assert_eq!(receive(&peer).0, expected);
    }
    peer.send_to(b"still heard", address(&socket)).unwrap();
    assert_eq!(next(&seen), "still heard");
    // The end of the socket is that of its streams.
    socket.close();
    let write = third.write(&buffer("never"));
    assert_eq!(write.refusal().expect("a refusal").code(), closed);
}

/// OUT-18: closing the stream to the peer ends writing to it, and not receiving from it.
#[test]
fn without_its_stream_the_peer_is_still_heard() {
    let (peer, peer_port) = peer();
    let (socket, seen) = listening();
    socket.connect(&loopback(), &peer_port).get().unwrap();
    let writer = DataWriter::with_stream(socket.output_stream().unwrap());
    writer.write_string("bye").unwrap();
    writer.store().get().unwrap();
    let (_, from) = receive(&peer);
    writer.close();
    // It is the same object still.
    let stream = socket.output_stream().unwrap();
    assert_eq!(code(stream.write(&buffer("x")).get()), hresult::RO_E_CLOSED);
    for payload in ["one", "two"] {
        peer.send_to(payload.as_bytes(), from).unwrap();
        assert_eq!(next(&seen), payload);
    }
    assert_eq!(socket.information().remote_port(), peer_port);
}

/// CON-12: binding, connecting and writing need no handler.
#[test]
fn a_socket_without_handlers_binds_connects_and_writes() {
    let (peer, peer_port) = peer();
    for is_bound in [false, true] {
        let socket = DatagramSocket::new();
        if is_bound {
            socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
        }
        socket.connect(&loopback(), &peer_port).get().unwrap();
        let stream = socket.output_stream().unwrap();
        stream.write(&buffer("connected")).get().unwrap();
        assert_eq!(receive(&peer).0, "connected");
    }
    let socket = DatagramSocket::new();
    socket.bind_service_name("").get().unwrap();
    let stream = socket
        .output_stream_to(&loopback(), &peer_port)
        .get()
        .unwrap();
    stream.write(&buffer("bound")).get().unwrap();
    assert_eq!(receive(&peer).0, "bound");
}

/// OUT-19, CON-15: a socket for multicasts only gives streams to single hosts, and refuses to write on
/// them.
#[test]
fn a_socket_for_multicasts_does_not_write_to_a_single_host() {
    let socket = DatagramSocket::new();
    socket.control().set_multicast_only(true).unwrap();
    let expected = hresult::WSAEOPNOTSUPP;
    assert_eq!(code(socket.connect(&loopback(), "7").get()), expected);
    let stream = socket.output_stream_to(&loopback(), "7").get().unwrap();
    let write = stream.write(&buffer("x"));
    assert!(write.refusal().is_none(), "the state allows it");
    assert_eq!(code(write.get()), expected);
}

/// OUT-20: a stream to digits is there when the call returns.
#[test]
fn a_stream_to_an_address_is_there_at_once() {
    let (socket, _seen) = listening_on_loopback();
    let stream = socket.output_stream_to(&loopback(), "7");
    assert_eq!(stream.status(), AsyncStatus::Completed);
    let stream = socket.output_stream_to(&host("[::1]"), "7");
    assert_ne!(stream.status(), AsyncStatus::Started);
}
