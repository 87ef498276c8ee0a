//! `MessageReceived`: its handlers and what they get.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use udpair_winrt::{
    AsyncStatus, Buffer, DataReader, DatagramSocket, EventToken, HostNameType, InputStreamOptions,
    MessageReceivedEventArgs, hresult,
};

use crate::support::net::{
    NameServer, Seen, address, buffer, free_port, host, listen, listening_on_loopback, loopback,
    next, peer, port, receive, text,
};
use crate::support::{TIMEOUT, code};

/// MSG-01, CON-12: a handler that comes late is refused; the socket works on, with the handlers that
/// were there.
#[test]
fn a_late_handler_is_refused_and_everything_else_goes_on() {
    let (server, seen) = listening_on_loopback();
    let illegal = hresult::E_ILLEGAL_METHOD_CALL;
    let late = server.on_message_received(|_, _| panic!("it was refused"));
    assert_eq!(code(late), illegal);
    let client = DatagramSocket::new();
    client.connect(&loopback(), &port(&server)).get().unwrap();
    assert_eq!(code(client.on_message_received(|_, _| ())), illegal);
    let output = client.output_stream().unwrap();
    output.write(&buffer("one")).get().unwrap();
    assert_eq!(next(&seen), "one");
    // The client has no handler, and still sends, also after something has come for it.
    let back = server.output_stream_to(&loopback(), &port(&client));
    back.get().unwrap().write(&buffer("ignored")).get().unwrap();
    output.write(&buffer("two")).get().unwrap();
    assert_eq!(next(&seen), "two");
    assert_eq!(code(server.on_message_received(|_, _| ())), illegal);
    server.close();
    let closed = server.on_message_received(|_, _| ());
    assert_eq!(code(closed), hresult::RO_E_CLOSED);
}

/// MSG-01, GEN-05, CTL-14: after a bind that failed, a handler can still be registered.
#[test]
fn a_handler_can_be_registered_after_a_failed_bind() {
    let (_taken, taken_port) = peer();
    let socket = DatagramSocket::new();
    let failed = socket.bind_endpoint(Some(&loopback()), &taken_port).get();
    assert_eq!(code(failed), hresult::WSAEADDRINUSE);
    socket.control().set_dont_fragment(true).unwrap();
    let seen = listen(&socket);
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let (peer, _) = peer();
    peer.send_to(b"x", address(&socket)).unwrap();
    assert_eq!(next(&seen), "x");
}

/// MSG-01: while a socket is being opened, no handler can be registered; if that fails, one can.
#[test]
fn a_handler_is_refused_while_the_socket_is_opened() {
    let names = NameServer::start();
    let socket = names.socket();
    let connect = socket.connect(&host("server.test"), "7");
    assert_eq!(connect.status(), AsyncStatus::Started);
    let illegal = hresult::E_ILLEGAL_METHOD_CALL;
    assert_eq!(code(socket.on_message_received(|_, _| ())), illegal);
    for refused in [
        socket.bind_service_name(""),
        socket.connect(&loopback(), "7"),
        socket.cancel_io(),
    ] {
        assert_eq!(refused.refusal().expect("a refusal").code(), illegal);
    }
    assert_eq!(port(&socket), "");
    connect.cancel();
    assert_eq!(code(connect.get()), hresult::ERROR_OPERATION_ABORTED);
    assert_eq!(connect.status(), AsyncStatus::Canceled);
    let seen = listen(&socket);
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    peer().0.send_to(b"x", address(&socket)).unwrap();
    assert_eq!(next(&seen), "x");
}

/// OUT-09: a handler can be registered until the first write binds the socket.
#[test]
fn a_handler_can_be_registered_until_the_first_write() {
    let (peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    let stream = socket
        .output_stream_to(&loopback(), &peer_port)
        .get()
        .unwrap();
    let seen = listen(&socket);
    stream.write(&buffer("first")).get().unwrap();
    let (_, from) = receive(&peer);
    peer.send_to(b"answer", from).unwrap();
    assert_eq!(next(&seen), "answer");
    let late = socket.on_message_received(|_, _| ());
    assert_eq!(code(late), hresult::E_ILLEGAL_METHOD_CALL);
}

/// MSG-02: each handler gets every event, in the order of registration, and has a token of its own.
#[test]
fn handlers_get_every_event_in_the_order_of_registration() {
    let socket = DatagramSocket::new();
    let (sender, seen) = mpsc::channel();
    let mut tokens: Vec<EventToken> = Vec::new();
    for number in 0..5 {
        let sender = sender.clone();
        let token = socket.on_message_received(move |_, arguments| {
            // They share the reader: the first one reads, the others see that.
            let left = arguments.data_reader().unwrap();
            let left = left.unconsumed_buffer_length().unwrap();
            sender
                .send((number, left, arguments.remote_port()))
                .unwrap();
        });
        tokens.push(token.unwrap());
    }
    for (index, token) in tokens.iter().enumerate() {
        assert_ne!(token.value(), 0);
        assert!(!tokens[..index].contains(token));
    }
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let (peer, from) = peer();
    for length in 1..=20_u32 {
        let payload = vec![7; length as usize];
        peer.send_to(&payload, address(&socket)).unwrap();
    }
    for length in 1..=20 {
        for number in 0..5 {
            let event = seen.recv_timeout(TIMEOUT).unwrap();
            assert_eq!(event, (number, length, from.clone()));
        }
    }
}

/// MSG-03: a handler can be removed before and after the bind, by itself, and by another one. Without
/// handlers, what arrives is dropped, and is not delivered later.
#[test]
fn a_handler_can_be_removed_at_any_time() {
    let socket = DatagramSocket::new();
    let (sender, seen) = mpsc::channel::<(&str, String)>();
    let add = |name: &'static str| {
        let sender = sender.clone();
        let handler = move |_: &DatagramSocket, arguments: MessageReceivedEventArgs| {
            let length = arguments.data_reader().unwrap().unconsumed_buffer_length();
            sender.send((name, length.unwrap().to_string())).unwrap();
        };
        socket.on_message_received(handler).unwrap()
    };
    let before = add("removed before the bind");
    let own = Arc::new(Mutex::new(None::<EventToken>));
    let remembered = own.clone();
    let removes_itself = socket.on_message_received(move |socket, _| {
        let token = remembered.lock().unwrap().take().expect("called once");
        socket.remove_message_received(token);
    });
    *own.lock().unwrap() = Some(removes_itself.unwrap());
    let stays = add("stays");
    socket.remove_message_received(before);
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let (peer, _) = peer();
    let to = address(&socket);
    for payload in [b"1" as &[u8], b"22"] {
        peer.send_to(payload, to).unwrap();
    }
    for length in ["1", "2"] {
        let event = seen.recv_timeout(TIMEOUT).unwrap();
        assert_eq!(event, ("stays", length.to_owned()));
    }
    assert_eq!(own.lock().unwrap().take(), None);
    // Unknown tokens are ignored.
    socket.remove_message_received(before);
    socket.remove_message_received(EventToken::from_value(i64::MAX).unwrap());
    socket.remove_message_received(EventToken::from_value(-1).unwrap());
    peer.send_to(b"333", to).unwrap();
    assert_eq!(seen.recv_timeout(TIMEOUT).unwrap().1, "3");

    socket.remove_message_received(stays);
    drop(sender);
    peer.send_to(b"4444", to).unwrap();
    assert!(
        seen.recv_timeout(TIMEOUT).is_err(),
        "the handler was dropped"
    );
    socket.close();
    socket.remove_message_received(stays);
}

/// MSG-03: without handlers, the receive buffer does not fill up: each datagram is taken.
#[test]
fn without_handlers_what_arrives_is_dropped() {
    let socket = DatagramSocket::new();
    socket
        .control()
        .set_inbound_buffer_size_in_bytes(4096)
        .unwrap();
    let (sender, seen) = mpsc::channel();
    let token = socket.on_message_received(move |_, arguments| {
        sender.send(text(&arguments)).unwrap();
    });
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    socket.remove_message_received(token.unwrap());
    assert!(
        seen.recv_timeout(TIMEOUT).is_err(),
        "the handler was dropped"
    );
    let (peer, _) = peer();
    // Far more than the buffer holds. The kernel counts what waits in it.
    let payload = [0; 1000];
    for _ in 0..100 {
        peer.send_to(&payload, address(&socket)).unwrap();
    }
    let port: u16 = port(&socket).parse().unwrap();
    let begun = std::time::Instant::now();
    while waiting(port) != 0 {
        assert!(begun.elapsed() < TIMEOUT, "the buffer was not emptied");
        thread::yield_now();
    }
}

/// Returns how many bytes wait in the receive buffer of a socket on loopback.
fn waiting(port: u16) -> u64 {
    let local = format!("0100007F:{port:04X}");
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(std::fs::read_to_string);
    let mut lines = tables.iter().flatten().flat_map(|table| table.lines());
    let line = lines.find(|line| line.contains(&local));
    let queues = line.and_then(|line| line.split_whitespace().nth(4));
    let receive = queues.and_then(|queues| queues.split(':').nth(1));
    u64::from_str_radix(receive.expect("the socket is listed"), 16).unwrap()
}

/// MSG-06: also if something waits already when the socket begins to receive, no handler is called on
/// the thread that binds, connects or writes.
#[test]
fn handlers_are_never_called_on_the_thread_of_the_caller() {
    let closed = free_port();
    for _ in 0..20 {
        let socket = DatagramSocket::new();
        let (sender, seen) = mpsc::channel();
        let handler = move |_: &DatagramSocket, _: MessageReceivedEventArgs| {
            sender.send(thread::current().id()).unwrap();
        };
        socket.on_message_received(handler).unwrap();
        // The first write binds the socket. On loopback the error is back before it returns.
        let stream = socket.output_stream_to(&loopback(), &closed).get().unwrap();
        stream.write(&buffer("x")).get().unwrap();
        let called_on = seen.recv_timeout(TIMEOUT).unwrap();
        assert_ne!(called_on, thread::current().id());
    }
}

/// MSG-04, MSG-11: the sender of the event is the socket, and the addresses are those of the
/// datagram.
#[test]
fn an_event_names_both_ends() {
    let socket = DatagramSocket::new();
    let (sender, seen) = mpsc::channel();
    let handler = move |socket: &DatagramSocket, arguments: MessageReceivedEventArgs| {
        sender.send((socket.clone(), arguments)).unwrap();
    };
    socket.on_message_received(handler).unwrap();
    socket.bind_service_name("").get().unwrap();
    let (peer, from) = peer();
    let to = format!("127.0.0.1:{}", port(&socket));
    peer.send_to(b"x", to).unwrap();
    let (raised_by, arguments) = seen.recv_timeout(TIMEOUT).unwrap();
    assert_eq!(raised_by, socket);
    // It is an IPv4 address, although the socket serves both families.
    assert_eq!(arguments.remote_address(), loopback());
    assert_eq!(arguments.remote_address().kind(), HostNameType::Ipv4);
    assert_eq!(arguments.local_address(), Some(loopback()));
    assert_eq!(arguments.remote_port(), from);
    let other = UdpSocket::bind("[::1]:0").unwrap();
    other
        .send_to(b"y", format!("[::1]:{}", port(&socket)))
        .unwrap();
    let (_, arguments) = seen.recv_timeout(TIMEOUT).unwrap();
    assert_eq!(arguments.remote_address().canonical_name(), "::1");
    assert_eq!(arguments.local_address().unwrap().canonical_name(), "::1");
}

/// MSG-05: the next event does not start before all handlers have returned.
#[test]
fn events_of_one_socket_are_serial() {
    let socket = DatagramSocket::new();
    let inside = Arc::new(AtomicUsize::new(0));
    let (sender, seen) = mpsc::channel();
    for _ in 0..2 {
        let (inside, sender) = (inside.clone(), sender.clone());
        let handler = move |_: &DatagramSocket, _: MessageReceivedEventArgs| {
            let others = inside.fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
            sender.send(others).unwrap();
        };
        socket.on_message_received(handler).unwrap();
    }
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let (peer, _) = peer();
    for _ in 0..100 {
        peer.send_to(b"x", address(&socket)).unwrap();
    }
    for _ in 0..200 {
        assert_eq!(seen.recv_timeout(TIMEOUT).unwrap(), 0);
    }
}

/// Sends one datagram to a socket whose handler keeps its events, and returns the event.
fn event_of(payload: &[u8]) -> MessageReceivedEventArgs {
    let socket = DatagramSocket::new();
    let (sender, seen) = mpsc::channel();
    let handler = move |_: &DatagramSocket, arguments| sender.send(arguments).unwrap();
    socket.on_message_received(handler).unwrap();
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let (peer, _) = peer();
    peer.send_to(payload, address(&socket)).unwrap();
    let event = seen.recv_timeout(TIMEOUT).unwrap();
    socket.close();
    event
}

/// Reads all bytes of an event's stream.
fn streamed(event: &MessageReceivedEventArgs) -> Vec<u8> {
    let stream = event.data_stream().unwrap();
    let buffer = Buffer::with_capacity(65_535);
    let read = stream.read(buffer, 65_535, InputStreamOptions::None);
    read.get().unwrap().to_bytes().to_vec()
}

/// MSG-07, MSG-08, MSG-20: a datagram can be read with a loaded reader and as a stream, also after
/// its socket was closed.
#[test]
fn a_datagram_is_read_with_a_reader_or_as_a_stream() {
    let event = event_of(b"some bytes");
    let reader = event.data_reader().unwrap();
    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 10);
    assert_eq!(reader.read_string(4).unwrap(), "some");
    assert_eq!(streamed(&event), b"some bytes");
    assert_eq!(reader.read_string(6).unwrap(), " bytes");
    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 0);
    // There is nothing more to be loaded.
    assert_eq!(code(reader.read_u8()), hresult::E_BOUNDS);

    let event = event_of(b"alone");
    assert_eq!(streamed(&event), b"alone");
    let stream = event.data_stream().unwrap();
    let reader = DataReader::new(stream);
    assert_eq!(reader.load(100).get().unwrap(), 5);
    assert_eq!(reader.read_string(5).unwrap(), "alone");
    assert_eq!(reader.load(1).get().unwrap(), 0);
}

/// MSG-09: each call returns the same reader, and a new stream that begins at the beginning.
#[test]
fn the_reader_of_an_event_is_one_and_streams_are_many() {
    let event = event_of(b"abcdef");
    let [first, second] = [(); 2].map(|()| event.data_reader().unwrap());
    assert_eq!(first.read_u8().unwrap(), b'a');
    assert_eq!(second.read_u8().unwrap(), b'b');
    let copy = event.clone();
    assert_eq!(copy.data_reader().unwrap().read_u8().unwrap(), b'c');
    assert_eq!(second.unconsumed_buffer_length().unwrap(), 3);
    for _ in 0..2 {
        assert_eq!(streamed(&event), b"abcdef");
        assert_eq!(streamed(&copy), b"abcdef");
    }
    // A reader that was closed stays the reader of the event.
    second.close();
    let closed = event.data_reader().unwrap();
    assert_eq!(code(closed.read_u8()), hresult::RO_E_CLOSED);
    assert_eq!(streamed(&event), b"abcdef");
}

/// MSG-10: an empty datagram is an event with an empty reader and an empty stream.
#[test]
fn an_empty_datagram_is_an_event() {
    let event = event_of(b"");
    let reader = event.data_reader().unwrap();
    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 0);
    assert_eq!(reader.detach_buffer().unwrap().length(), 0);
    assert_eq!(streamed(&event), b"");
}

/// MSG-16: the largest datagram is whole.
#[test]
fn the_largest_datagram_is_whole() {
    let payload: Vec<u8> = (0..65_507_u32).map(|number| number as u8).collect();
    let event = event_of(&payload);
    let reader = event.data_reader().unwrap();
    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 65_507);
    assert_eq!(streamed(&event), payload);
}

/// MSG-22: the buffer that the reader gives up is the whole datagram, and goes back as it is.
#[test]
fn a_detached_buffer_can_be_written_back() {
    let socket = DatagramSocket::new();
    let (sender, lengths) = mpsc::channel();
    let handler = move |socket: &DatagramSocket, arguments: MessageReceivedEventArgs| {
        let to = (arguments.remote_address(), arguments.remote_port());
        let stream = socket.output_stream_to(&to.0, &to.1).get().unwrap();
        let whole = arguments.data_reader().unwrap().detach_buffer().unwrap();
        sender.send(whole.length()).unwrap();
        stream.write(&whole).get().unwrap();
    };
    socket.on_message_received(handler).unwrap();
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let (peer, _) = peer();
    for payload in ["all of it", "", "and again"] {
        peer.send_to(payload.as_bytes(), address(&socket)).unwrap();
        let length = lengths.recv_timeout(TIMEOUT).unwrap();
        assert_eq!(length as usize, payload.len());
        assert_eq!(receive(&peer).0, payload);
    }
}

/// MSG-12, MSG-13: reader and stream of an error fail; the event names the destination, and no local
/// address is the destination's.
#[test]
fn an_error_of_the_network_is_an_event() {
    let socket = DatagramSocket::new();
    let (sender, seen) = mpsc::channel();
    let handler = move |_: &DatagramSocket, arguments| sender.send(arguments).unwrap();
    socket.on_message_received(handler).unwrap();
    let closed = free_port();
    socket.connect(&loopback(), &closed).get().unwrap();
    let stream = socket.output_stream().unwrap();
    stream.write(&buffer("x")).get().unwrap();
    let event: MessageReceivedEventArgs = seen.recv_timeout(TIMEOUT).unwrap();
    for _ in 0..2 {
        assert_eq!(code(event.data_reader()), hresult::WSAECONNRESET);
        assert_eq!(code(event.data_stream()), hresult::WSAECONNRESET);
    }
    assert_eq!(code(event.clone().data_reader()), hresult::WSAECONNRESET);
    assert_eq!(event.remote_address(), loopback());
    assert_eq!(event.remote_port(), closed);
    assert!(event.local_address().is_none());
}

/// MSG-14: an error does not end reception, on a socket that many destinations are written from.
#[test]
fn reception_goes_on_after_an_error() {
    let (socket, seen) = listening_on_loopback();
    let closed = free_port();
    let (peer, _) = peer();
    for round in 0..3 {
        let stream = socket.output_stream_to(&loopback(), &closed).get().unwrap();
        stream.write(&buffer("lost")).get().unwrap();
        let expected: Seen = (Err(hresult::WSAECONNRESET), closed.clone());
        assert_eq!(seen.recv_timeout(TIMEOUT).unwrap(), expected);
        let payload = format!("after {round}");
        peer.send_to(payload.as_bytes(), address(&socket)).unwrap();
        assert_eq!(next(&seen), payload);
    }
}

/// MSG-14: errors without a handler are dropped, and the socket sends on.
#[test]
fn errors_without_a_handler_are_dropped() {
    let (peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    let closed = free_port();
    let lost = socket.output_stream_to(&loopback(), &closed).get().unwrap();
    let good = socket
        .output_stream_to(&loopback(), &peer_port)
        .get()
        .unwrap();
    for round in 0..20 {
        lost.write(&buffer("lost")).get().unwrap();
        let payload = format!("good {round}");
        good.write(&buffer(&payload)).get().unwrap();
        assert_eq!(receive(&peer).0, payload);
    }
}

/// MSG-19: a handler that panics is called again, and the other handlers are called for the same
/// event.
#[test]
fn a_handler_that_panics_is_contained() {
    let socket = DatagramSocket::new();
    let (sender, seen) = mpsc::channel();
    let panics = sender.clone();
    let handler = move |_: &DatagramSocket, arguments: MessageReceivedEventArgs| {
        panics.send(("panics", text(&arguments))).unwrap();
        panic!("on purpose");
    };
    socket.on_message_received(handler).unwrap();
    let handler = move |_: &DatagramSocket, arguments: MessageReceivedEventArgs| {
        // The reader is shared, and was read.
        let stream = streamed(&arguments);
        sender
            .send(("returns", Ok(String::from_utf8(stream).unwrap())))
            .unwrap();
    };
    socket.on_message_received(handler).unwrap();
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let (peer, _) = peer();
    for payload in ["one", "two", "three"] {
        peer.send_to(payload.as_bytes(), address(&socket)).unwrap();
        for name in ["panics", "returns"] {
            let event = seen.recv_timeout(TIMEOUT).unwrap();
            assert_eq!(event, (name, Ok(payload.to_owned())));
        }
    }
}

/// CLS-05, CLS-06, CAN-04: no event starts after the socket was closed, dropped or cancelled, also if
/// datagrams were received together.
#[test]
fn a_handler_that_ends_reception_is_not_called_again() {
    for ends_by in ["close", "cancel", "drop"] {
        let socket = DatagramSocket::new();
        let owner = Arc::new(Mutex::new(None::<DatagramSocket>));
        let (entered, events) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let owned = owner.clone();
        let handler = move |socket: &DatagramSocket, arguments: MessageReceivedEventArgs| {
            let text = text(&arguments).unwrap();
            let is_first = text == "0";
            entered.send(text).unwrap();
            if is_first {
                let _ = released.recv();
                return;
            }
            match ends_by {
                "close" => socket.close(),
                "cancel" => socket.cancel_io().get().unwrap(),
                _ => drop(owned.lock().unwrap().take()),
            }
        };
        socket.on_message_received(handler).unwrap();
        socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
        let to = address(&socket);
        *owner.lock().unwrap() = Some(socket);
        let (peer, _) = peer();
        // While the first event is being handled, the others come, to be received together.
        peer.send_to(b"0", to).unwrap();
        assert_eq!(events.recv_timeout(TIMEOUT).unwrap(), "0", "{ends_by}");
        for number in 1..10 {
            peer.send_to(number.to_string().as_bytes(), to).unwrap();
        }
        drop(release);
        assert_eq!(events.recv_timeout(TIMEOUT).unwrap(), "1", "{ends_by}");
        if ends_by == "cancel" {
            // A socket that was cancelled stays open, and can be written from.
            let socket = owner.lock().unwrap().take().unwrap();
            let (other, seen) = listening_on_loopback();
            let stream = socket.output_stream_to(&loopback(), &port(&other));
            let stream = stream.get().unwrap();
            for number in 0..20 {
                let text = number.to_string();
                stream.write(&buffer(&text)).get().unwrap();
                assert_eq!(next(&seen), text);
            }
        }
        // The handler is dropped with the socket.
        let end = events.recv_timeout(TIMEOUT);
        assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected), "{ends_by}");
    }
}
