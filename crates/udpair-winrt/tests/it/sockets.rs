//! The datagram socket as programs of the Windows Runtime use it.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use udpair_winrt::{
    AsyncStatus, Buffer, DataWriter, DatagramSocket, EndpointPair, SocketError, SocketErrorStatus,
    hresult,
};

use crate::support::TIMEOUT;
use crate::support::net::{NameServer, host, listening, loopback, port};

/// MSG-04, MSG-05, MSG-08, MSG-11: one event for each datagram, in order.
#[test]
fn datagrams_raise_events_in_order() {
    let (socket, seen) = listening();
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let peer_port = peer.local_addr().unwrap().port().to_string();
    for number in 0..100 {
        let to = format!("127.0.0.1:{}", port(&socket));
        peer.send_to(format!("{number}").as_bytes(), to).unwrap();
    }
    for number in 0..100 {
        let (text, from) = seen.recv_timeout(TIMEOUT).unwrap();
        assert_eq!(text.unwrap(), number.to_string());
        assert_eq!(from, peer_port);
    }
}

/// CON-01, CON-08, INF-04, OUT-05: a pair with both ports given, and only the peer is heard.
#[test]
fn a_pair_connects_both_ends() {
    let (server, to_server) = listening();
    server.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let (client, to_client) = listening();
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local_port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let pair =
        EndpointPair::new(Some(loopback()), &local_port, loopback(), &port(&server)).unwrap();
    client.connect_pair(&pair).get().unwrap();
    let information = client.information();
    assert_eq!(information.local_port(), local_port);
    assert_eq!(information.remote_port(), port(&server));
    assert_eq!(information.remote_address(), Some(loopback()));

    let writer = DataWriter::with_stream(client.output_stream().unwrap());
    writer.write_string("Hello").unwrap();
    assert_eq!(writer.store().get().unwrap(), 5);
    assert_eq!(
        to_server.recv_timeout(TIMEOUT).unwrap(),
        (Ok("Hello".into()), local_port.clone())
    );
    // Another sender is not heard; the peer is.
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    other
        .send_to(b"other", format!("127.0.0.1:{local_port}"))
        .unwrap();
    let back = server.output_stream_to(&loopback(), &local_port);
    let back = back.get().unwrap();
    back.write(&Buffer::copy_from(b"back")).get().unwrap();
    assert_eq!(
        to_client.recv_timeout(TIMEOUT).unwrap(),
        (Ok("back".into()), port(&server))
    );
}

/// MSG-12, MSG-13: a closed port raises an event whose reader fails.
#[test]
fn a_closed_port_raises_an_event() {
    let (socket, seen) = listening();
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let closed = free.local_addr().unwrap().port().to_string();
    drop(free);
    socket.connect(&loopback(), &closed).get().unwrap();
    let output = socket.output_stream().unwrap();
    output.write(&Buffer::copy_from(b"x")).get().unwrap();
    let (result, from) = seen.recv_timeout(TIMEOUT).unwrap();
    assert_eq!(result, Err(hresult::WSAECONNRESET));
    assert_eq!(from, closed);
    let status = SocketError::status(hresult::WSAECONNRESET);
    assert_eq!(status, SocketErrorStatus::ConnectionResetByPeer);
}

/// GEN-01, MSG-01, CTL-13: what the state forbids is refused by the call itself.
#[test]
fn illegal_calls_are_refused() {
    let socket = DatagramSocket::new();
    let illegal = hresult::E_ILLEGAL_METHOD_CALL;
    assert_eq!(socket.cancel_io().refusal().unwrap().code(), illegal);
    let group = host("239.1.2.3");
    assert_eq!(
        socket.join_multicast_group(&group).unwrap_err().code(),
        illegal
    );
    // The stream can be read before there is a peer, and not written.
    let output = socket.output_stream().unwrap();
    assert_eq!(output, socket.output_stream().unwrap());
    let write = output.write(&Buffer::copy_from(b"x"));
    assert_eq!(write.refusal().unwrap().code(), illegal);

    let bound = socket.bind_service_name("");
    bound.get().unwrap();
    assert_eq!(bound.status(), AsyncStatus::Completed);
    let again = socket.bind_service_name("");
    assert_eq!(again.refusal().unwrap().code(), illegal);
    assert_eq!(
        socket.on_message_received(|_, _| ()).unwrap_err().code(),
        illegal
    );
    assert_eq!(
        socket.control().set_dont_fragment(true).unwrap_err().code(),
        illegal
    );
    socket.control().set_outbound_unicast_hop_limit(7).unwrap();
    assert_eq!(socket.control().outbound_unicast_hop_limit().unwrap(), 7);
    let invalid = socket.connect(&loopback(), "");
    assert_eq!(invalid.refusal().unwrap().code(), hresult::E_INVALIDARG);

    socket.close();
    let closed = hresult::RO_E_CLOSED;
    assert_eq!(
        socket.bind_service_name("").refusal().unwrap().code(),
        closed
    );
    assert_eq!(socket.output_stream().unwrap_err().code(), closed);
    assert_eq!(socket.control().dont_fragment().unwrap_err().code(), closed);
    assert_eq!(socket.information().local_port(), "");
    socket.close();
}

/// OUT-10, note 2 of the state table: a write waits for the connect that is under way.
#[test]
fn a_write_waits_for_the_connect() {
    let (server, seen) = listening();
    server.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let names = NameServer::start();
    let socket = names.socket();
    let connect = socket.connect(&host("server.test"), &port(&server));
    let output = socket.output_stream().unwrap();
    let write = output.write(&Buffer::copy_from(b"early"));
    assert_eq!(write.status(), AsyncStatus::Started);
    names.release();
    connect.get().unwrap();
    assert_eq!(write.get().unwrap(), 5);
    assert_eq!(seen.recv_timeout(TIMEOUT).unwrap().0.unwrap(), "early");
}

/// CLS-04, CLS-05: the owner's last handle closes the socket, and a handler may close it too.
#[test]
fn a_socket_that_is_dropped_frees_its_port() {
    let (socket, seen) = listening();
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let local = format!("127.0.0.1:{}", port(&socket));
    let stream = socket.output_stream_to(&loopback(), "9").get().unwrap();
    drop(socket);
    UdpSocket::bind(&local).expect("the port is free");
    assert!(
        seen.recv_timeout(TIMEOUT).is_err(),
        "the handler was dropped"
    );
    let write = stream.write(&Buffer::copy_from(b"x"));
    assert_eq!(write.refusal().unwrap().code(), hresult::RO_E_CLOSED);
}

/// MSG-18, MSG-19: a handler may panic, reply, wait for an operation and close the socket.
#[test]
fn a_handler_may_do_anything() {
    let socket = DatagramSocket::new();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let handler = move |socket: &DatagramSocket,
                        arguments: udpair_winrt::MessageReceivedEventArgs| {
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("on purpose"),
            1 => {
                let to = arguments.remote_address();
                let stream = socket.output_stream_to(&to, &arguments.remote_port());
                let reply = arguments.data_reader().unwrap().detach_buffer().unwrap();
                stream.get().unwrap().write(&reply).get().unwrap();
            }
            _ => socket.close(),
        }
    };
    socket.on_message_received(handler).unwrap();
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let to = format!("127.0.0.1:{}", port(&socket));
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(TIMEOUT)).unwrap();
    peer.send_to(b"panic", &to).unwrap();
    peer.send_to(b"reply", &to).unwrap();
    let mut reply = [0; 10];
    let length = peer.recv(&mut reply).unwrap();
    assert_eq!(&reply[..length], b"reply");
    peer.send_to(b"close", &to).unwrap();
    let begun = std::time::Instant::now();
    while socket.information().local_port() != "" {
        assert!(begun.elapsed() < TIMEOUT);
        std::thread::yield_now();
    }
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

/// Handlers of two sockets wait for each other's messages, from plain threads.
#[test]
fn two_sockets_are_wired_to_each_other() {
    const ROUNDS: usize = 200;
    let sockets = [DatagramSocket::new(), DatagramSocket::new()];
    let (done, rounds) = mpsc::channel();
    for socket in &sockets {
        let done = done.clone();
        let handler =
            move |socket: &DatagramSocket, arguments: udpair_winrt::MessageReceivedEventArgs| {
                let reader = arguments.data_reader().unwrap();
                let left = reader.read_u32().unwrap();
                if left == 0 {
                    let _ = done.send(());
                    return;
                }
                let to = (arguments.remote_address(), arguments.remote_port());
                let stream = socket.output_stream_to(&to.0, &to.1).get().unwrap();
                let writer = DataWriter::with_stream(stream);
                writer.write_u32(left - 1).unwrap();
                writer.store().get().unwrap();
            };
        socket.on_message_received(handler).unwrap();
        socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    }
    let stream = sockets[0].output_stream_to(&loopback(), &port(&sockets[1]));
    let writer = DataWriter::with_stream(stream.get().unwrap());
    writer.write_u32(u32::try_from(ROUNDS).unwrap()).unwrap();
    writer.store().get().unwrap();
    rounds.recv_timeout(TIMEOUT).expect("all rounds");
}

/// OUT-13, OUT-14: a hundred stores that nobody awaits reach the peer in order, and a flush ends
/// after them.
#[test]
fn stores_that_nobody_awaits_keep_their_order() {
    let (server, seen) = listening();
    server.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let client = DatagramSocket::new();
    client.connect(&loopback(), &port(&server)).get().unwrap();
    let stream = client.output_stream().unwrap();
    for number in 0..100 {
        let writer = DataWriter::with_stream(stream.clone());
        writer.write_string(&number.to_string()).unwrap();
        let _ = writer.store();
        writer.detach_stream().unwrap();
    }
    assert!(stream.flush().get().unwrap());
    for number in 0..100 {
        let (text, _) = seen.recv_timeout(TIMEOUT).unwrap();
        assert_eq!(text.unwrap(), number.to_string());
    }
}

/// CAN-01, CAN-02, CAN-04: after a cancellation nothing is received any more.
#[test]
fn cancelling_ends_reception() {
    let (socket, seen) = listening();
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let to = format!("127.0.0.1:{}", port(&socket));
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.send_to(b"before", &to).unwrap();
    assert_eq!(seen.recv_timeout(TIMEOUT).unwrap().0.unwrap(), "before");
    socket.cancel_io().get().unwrap();
    peer.send_to(b"after", &to).unwrap();
    socket.close();
    assert!(
        seen.recv_timeout(TIMEOUT).is_err(),
        "the handlers were dropped"
    );
}

/// MSG-02, MSG-03, MSG-09: handlers are called in order with the same reader; a removed one is not.
#[test]
fn handlers_share_the_event() {
    let socket = DatagramSocket::new();
    let (sender, seen) = mpsc::channel();
    let mut tokens = Vec::new();
    for number in 0..3 {
        let sender = sender.clone();
        let token = socket.on_message_received(move |_, arguments| {
            let byte = arguments.data_reader().unwrap().read_u8().unwrap();
            sender.send((number, byte)).unwrap();
        });
        tokens.push(token.unwrap());
    }
    socket.remove_message_received(tokens[1]);
    socket.remove_message_received(tokens[1]);
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let to = format!("127.0.0.1:{}", port(&socket));
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.send_to(b"ab", to).unwrap();
    let both = [(); 2].map(|()| seen.recv_timeout(TIMEOUT).unwrap());
    assert_eq!(both, [(0, b'a'), (2, b'b')]);
}

/// GEP-01, GEP-02, GEP-04: pairs can be connected as they are.
#[test]
fn endpoint_pairs_can_be_connected() {
    let pairs = DatagramSocket::endpoint_pairs(&loopback(), "7")
        .get()
        .unwrap();
    let pair = &pairs[0];
    assert_eq!(pair.remote_host_name(), loopback());
    assert_eq!(pair.remote_service_name(), "7");
    assert_eq!(pair.local_service_name(), "0");
    assert!(pair.local_host_name().is_some());
    let socket = DatagramSocket::new();
    socket.connect_pair(pair).get().unwrap();
    assert_eq!(socket.information().remote_port(), "7");
    let refused = DatagramSocket::endpoint_pairs(&loopback(), "");
    assert_eq!(refused.refusal().unwrap().code(), hresult::E_INVALIDARG);
}

/// BND-10, CON-02, ADR-05: addresses that nobody has, and a retry with a null local host.
#[test]
fn a_local_address_that_is_not_ours_is_refused_and_null_works() {
    let (server, _seen) = listening();
    server.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let socket = DatagramSocket::new();
    let pair = EndpointPair::new(Some(host("192.0.2.77")), "", loopback(), &port(&server)).unwrap();
    let error = socket.connect_pair(&pair).get().unwrap_err();
    assert_eq!(error.code(), hresult::WSAEADDRNOTAVAIL);
    pair.set_local_host_name(None);
    socket.connect_pair(&pair).get().unwrap();
    let unspecified = DatagramSocket::new().connect(&host("0.0.0.0"), "7");
    assert_eq!(
        unspecified.get().unwrap_err().code(),
        hresult::WSAEADDRNOTAVAIL
    );
}

/// A handler may spawn tasks in the runtime that the socket was created in, and operations can be
/// awaited there.
#[tokio::test]
async fn a_handler_is_in_the_runtime_of_its_socket() {
    let socket = DatagramSocket::new();
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |_: &DatagramSocket, arguments: udpair_winrt::MessageReceivedEventArgs| {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(arguments.remote_port()) });
    };
    socket.on_message_received(handler).unwrap();
    socket.bind_endpoint(Some(&loopback()), "").await.unwrap();
    let stream = socket.output_stream_to(&loopback(), &port(&socket));
    let stream = stream.await.unwrap();
    stream
        .write(&Buffer::copy_from(b"to myself"))
        .await
        .unwrap();
    let from = tokio::time::timeout(TIMEOUT, seen.recv()).await.unwrap();
    assert_eq!(from, Some(port(&socket)));
}
