//! Programs in the shape of real ones: clients, servers, discovery and games.

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

use udpair_winrt::{
    AsyncStatus, DataReader, DataWriter, DatagramSocket, EndpointPair, MessageReceivedEventArgs,
    hresult, udpair,
};

use crate::support::net::{
    NameServer, address, buffer, free_port, host, listen, listening, listening_on_loopback,
    loopback, next, peer, port, receive, text,
};
use crate::support::{TIMEOUT, code};

/// CON-01, CON-04, CON-08: both ends have the same port, at two addresses of loopback.
#[test]
fn both_ends_of_a_pair_have_the_same_port() {
    let port = free_port();
    let ends = [host("127.0.0.1"), host("127.0.0.2")];
    let sockets = [listening(), listening()];
    for (index, (socket, _)) in sockets.iter().enumerate() {
        let (local, remote) = (ends[index].clone(), ends[1 - index].clone());
        let pair = EndpointPair::new(Some(local), &port, remote, &port).unwrap();
        socket.connect_pair(&pair).get().unwrap();
        let information = socket.information();
        assert_eq!(information.local_port(), port);
        assert_eq!(information.remote_port(), port);
    }
    for (index, (socket, _)) in sockets.iter().enumerate() {
        let writer = DataWriter::with_stream(socket.output_stream().unwrap());
        writer.write_string(&format!("from {index}")).unwrap();
        writer.store().get().unwrap();
        assert_eq!(next(&sockets[1 - index].1), format!("from {index}"));
    }
}

/// MSG-01: the program registers its handler after the connect, catches the error, and goes on
/// without events.
#[test]
fn a_client_registers_its_handler_too_late() {
    let (peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    socket.connect(&loopback(), &peer_port).get().unwrap();
    let late = socket.on_message_received(|_, _| panic!("it was refused"));
    assert_eq!(code(late), hresult::E_ILLEGAL_METHOD_CALL);
    let writer = DataWriter::with_stream(socket.output_stream().unwrap());
    for payload in ["hello", "again"] {
        writer.write_string(payload).unwrap();
        writer.store().get().unwrap();
        let (text, from) = receive(&peer);
        assert_eq!(text, payload);
        peer.send_to(b"answer", from).unwrap();
    }
}

/// BND-10, BND-14, GEN-05: the address in the program is that of another machine; without it the same
/// socket works.
#[test]
fn a_hard_coded_local_address_is_not_ours() {
    let (peer, peer_port) = peer();
    let (socket, seen) = listening();
    let elsewhere = host("203.0.113.9");
    let bind = socket.bind_endpoint(Some(&elsewhere), "");
    assert_eq!(code(bind.get()), hresult::WSAEADDRNOTAVAIL);
    let pair = EndpointPair::new(Some(elsewhere), "", loopback(), &peer_port).unwrap();
    assert_eq!(
        code(socket.connect_pair(&pair).get()),
        hresult::WSAEADDRNOTAVAIL
    );
    let stream = socket.output_stream_to_pair(&pair);
    assert_eq!(code(stream.get()), hresult::WSAEADDRNOTAVAIL);
    assert_eq!(port(&socket), "");
    socket.bind_endpoint(None, "").get().unwrap();
    peer.send_to(b"x", address(&socket)).unwrap();
    assert_eq!(next(&seen), "x");
}

/// A builder for sockets that have no other adapter than loopback.
fn on_loopback_only() -> udpair::Builder {
    let adapters = || {
        let mut adapters = udpair::adapters()?;
        adapters.retain(|adapter| adapter.is_loopback);
        Ok(adapters)
    };
    let loopback = adapters().unwrap().remove(0);
    let resolver = udpair::Resolver::builder().adapters(adapters).build();
    let builder = udpair::DatagramSocket::builder().resolver(&resolver);
    builder.multicast_adapter(&loopback)
}

/// CTL-12, BND-07, BND-09, MCG-13, MSG-21: two programs wait at one port for the same group, as those
/// that find printers do. Without `MulticastOnly` the second one is refused.
#[test]
fn a_port_is_shared_with_multicast_only() {
    let port = free_port();
    let group = host("239.255.76.1");
    let open = |is_shared: bool| {
        let socket = DatagramSocket::with_builder(&on_loopback_only()).unwrap();
        socket.control().set_multicast_only(is_shared).unwrap();
        let seen = listen(&socket);
        socket
            .bind_service_name(&port)
            .get()
            .map(|()| (socket, seen))
    };
    let sockets = [open(true).unwrap(), open(true).unwrap()];
    assert_eq!(code(open(false)), hresult::WSAEADDRINUSE);
    for (socket, _) in &sockets {
        socket.join_multicast_group(&group).unwrap();
        // Again, as programs do when the network has changed.
        socket.join_multicast_group(&group).unwrap();
    }
    // What comes for this machine alone is not for them.
    let (single, _) = peer();
    single
        .send_to(b"single", format!("127.0.0.1:{port}"))
        .unwrap();
    let stream = sockets[0].0.output_stream_to(&group, &port).get().unwrap();
    stream.write(&buffer("Hello")).get().unwrap();
    for (_, seen) in &sockets {
        assert_eq!(next(seen), "Hello");
    }
    let [(first, _), _] = sockets;
    first.close();
    // Without the option, the port is the first one's alone.
    let port = free_port();
    let alone = DatagramSocket::new();
    alone.bind_service_name(&port).get().unwrap();
    for is_shared in [false, true] {
        let second = DatagramSocket::new();
        second.control().set_multicast_only(is_shared).unwrap();
        let bind = second.bind_service_name(&port);
        assert_eq!(code(bind.get()), hresult::WSAEADDRINUSE, "{is_shared}");
    }
}

/// MCG-01, MCG-05, MCG-10, MCG-12: a program joins on a port that the system chose, and hears what is
/// sent to that port.
#[test]
fn a_group_is_joined_on_a_port_that_the_system_chose() {
    let group = host("239.255.76.2");
    let socket = DatagramSocket::with_builder(&on_loopback_only()).unwrap();
    let seen = listen(&socket);
    let early = socket.join_multicast_group(&group);
    assert_eq!(code(early), hresult::E_ILLEGAL_METHOD_CALL);
    socket.bind_service_name("").get().unwrap();
    for not_a_group in ["127.0.0.1", "0.0.0.0", "::1"] {
        let joined = socket.join_multicast_group(&host(not_a_group));
        assert_eq!(code(joined), hresult::E_INVALIDARG, "{not_a_group}");
    }
    socket.join_multicast_group(&group).unwrap();
    // Sending needs no join.
    let sender = DatagramSocket::with_builder(&on_loopback_only()).unwrap();
    let stream = sender
        .output_stream_to(&group, &port(&socket))
        .get()
        .unwrap();
    stream.write(&buffer("to the group")).get().unwrap();
    assert_eq!(next(&seen), "to the group");
}

/// DW-13, OUT-14: a flush stores nothing.
#[test]
fn a_flush_without_a_store_sends_nothing() {
    let (peer, peer_port) = peer();
    let socket = DatagramSocket::new();
    socket.connect(&loopback(), &peer_port).get().unwrap();
    let writer = DataWriter::with_stream(socket.output_stream().unwrap());
    writer.write_string("kept").unwrap();
    assert!(writer.flush().get().unwrap());
    assert_eq!(writer.unstored_buffer_length().unwrap(), 4);
    writer.write_string(" and sent").unwrap();
    assert_eq!(writer.store().get().unwrap(), 13);
    assert_eq!(receive(&peer).0, "kept and sent");
}

/// OUT-13, OUT-01: one writer, and a hundred stores that nobody waits for.
#[test]
fn a_hundred_stores_are_not_awaited() {
    let (server, seen) = listening_on_loopback();
    let client = DatagramSocket::new();
    client.connect(&loopback(), &port(&server)).get().unwrap();
    let writer = DataWriter::with_stream(client.output_stream().unwrap());
    for number in 0..100 {
        writer.write_string(&number.to_string()).unwrap();
        let _ = writer.store();
    }
    for number in 0..100 {
        assert_eq!(next(&seen), number.to_string());
    }
}

/// GEN-06, CON-14: two sockets are bound, connected to each other and used by plain threads.
#[test]
fn two_sockets_are_wired_to_each_other_by_threads() {
    let ports = [free_port(), free_port()];
    let are_connected = Arc::new(Barrier::new(2));
    let threads = [0, 1].map(|index: usize| {
        let (own, other) = (ports[index].clone(), ports[1 - index].clone());
        let are_connected = are_connected.clone();
        thread::spawn(move || {
            let (socket, seen) = listening();
            socket.bind_endpoint(Some(&loopback()), &own).get().unwrap();
            socket.connect(&loopback(), &other).get().unwrap();
            are_connected.wait();
            let writer = DataWriter::with_stream(socket.output_stream().unwrap());
            for number in 0..50 {
                writer.write_string(&number.to_string()).unwrap();
                writer.store().get().unwrap();
                assert_eq!(next(&seen), number.to_string());
            }
            // The other one may have to read the last message.
            are_connected.wait();
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
}

/// MSG-09: a program asks for the reader twice: first for the length, then for the text.
#[test]
fn the_reader_is_asked_for_twice() {
    let socket = DatagramSocket::new();
    let (sender, seen) = mpsc::channel();
    let handler = move |_: &DatagramSocket, arguments: MessageReceivedEventArgs| {
        let length = arguments.data_reader().unwrap().unconsumed_buffer_length();
        let first = arguments.data_reader().unwrap().read_u8().unwrap();
        let rest = arguments.data_reader().unwrap();
        let rest = rest.read_string(length.unwrap() - 1).unwrap();
        sender.send((first, rest)).unwrap();
    };
    socket.on_message_received(handler).unwrap();
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    peer().0.send_to(b"\x07text", address(&socket)).unwrap();
    assert_eq!(seen.recv_timeout(TIMEOUT).unwrap(), (7, "text".to_owned()));
}

/// MSG-18: an echo server makes a stream to each sender inside its handler, and waits for it there.
/// It keeps its streams by their senders, as the sample does.
#[test]
fn a_server_replies_inside_its_handler() {
    let server = DatagramSocket::new();
    let known = Mutex::new(Vec::<(String, DataWriter)>::new());
    let handler = move |socket: &DatagramSocket, arguments: MessageReceivedEventArgs| {
        let reader: DataReader = arguments.data_reader().unwrap();
        let length = reader.unconsumed_buffer_length().unwrap();
        let text = reader.read_string(length).unwrap();
        let remote_port = arguments.remote_port();
        let mut known = known.lock().unwrap();
        if !known.iter().any(|(port, _)| *port == remote_port) {
            let stream = socket
                .output_stream_to(&arguments.remote_address(), &remote_port)
                .get()
                .unwrap();
            known.push((remote_port.clone(), DataWriter::with_stream(stream)));
        }
        let writer = &known
            .iter()
            .find(|(port, _)| *port == remote_port)
            .unwrap()
            .1;
        writer
            .write_string(&format!("{} {text}", arguments.remote_port()))
            .unwrap();
        writer.store().get().unwrap();
    };
    server.on_message_received(handler).unwrap();
    server.bind_service_name("").get().unwrap();
    let clients = [(); 3].map(|()| {
        let (client, seen) = listening();
        client.connect(&loopback(), &port(&server)).get().unwrap();
        (client, seen)
    });
    for round in 0..5 {
        for (client, seen) in &clients {
            let text = format!("round {round}");
            let write = client.output_stream().unwrap().write(&buffer(&text));
            write.get().unwrap();
            assert_eq!(next(seen), format!("{} {text}", port(client)));
        }
    }
}

/// GEN-04: a program assigns `Completed` when the operation may have ended long ago.
#[test]
fn completed_is_assigned_late() {
    let socket = DatagramSocket::new();
    let bind = socket.bind_endpoint(Some(&loopback()), "");
    bind.get().unwrap();
    let (sender, calls) = mpsc::channel();
    let own = sender.clone();
    bind.set_completed(move |_, status| own.send(status).unwrap())
        .unwrap();
    assert_eq!(calls.try_recv().unwrap(), AsyncStatus::Completed);
    let again = bind.set_completed(|_, _| ());
    assert_eq!(code(again), hresult::E_ILLEGAL_DELEGATE_ASSIGNMENT);
    // One that is under way, assigned from within a handler of another one.
    let lookup = DatagramSocket::endpoint_pairs(&host("localhost"), "7");
    let stream = socket.output_stream_to(&loopback(), "7");
    stream
        .set_completed(move |stream, status| {
            assert_eq!(status, AsyncStatus::Completed);
            stream.get_results().unwrap();
            lookup
                .set_completed(move |pairs, status| {
                    assert!(!pairs.get_results().unwrap().is_empty());
                    sender.send(status).unwrap();
                })
                .unwrap();
        })
        .unwrap();
    assert_eq!(calls.recv_timeout(TIMEOUT).unwrap(), AsyncStatus::Completed);
    assert!(calls.recv_timeout(TIMEOUT).is_err(), "each is called once");
}

/// MSG-18: a handler asks another server, and waits for that event before it replies.
#[test]
fn a_handler_waits_for_the_event_of_another_socket() {
    // The server behind: it doubles numbers.
    let behind = DatagramSocket::new();
    behind
        .on_message_received(|socket, arguments| {
            let number: u32 = text(&arguments).unwrap().parse().unwrap();
            let stream = socket
                .output_stream_to(&arguments.remote_address(), &arguments.remote_port())
                .get()
                .unwrap();
            stream
                .write(&buffer(&(2 * number).to_string()))
                .get()
                .unwrap();
        })
        .unwrap();
    behind.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let behind_port = port(&behind);
    let front = DatagramSocket::new();
    front
        .on_message_received(move |socket, arguments| {
            let (question, answers) = listening();
            question.connect(&loopback(), &behind_port).get().unwrap();
            let asked = text(&arguments).unwrap();
            question
                .output_stream()
                .unwrap()
                .write(&buffer(&asked))
                .get()
                .unwrap();
            let answer = next(&answers);
            let stream = socket
                .output_stream_to(&arguments.remote_address(), &arguments.remote_port())
                .get()
                .unwrap();
            stream.write(&buffer(&answer)).get().unwrap();
        })
        .unwrap();
    front.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let (peer, _) = peer();
    for number in 1..20_u32 {
        peer.send_to(number.to_string().as_bytes(), address(&front))
            .unwrap();
        assert_eq!(receive(&peer).0, (2 * number).to_string());
    }
}

/// MSG-18, GEN-07: a handler looks a name up, and waits for that; so do several at the same time.
#[test]
fn a_handler_waits_for_a_lookup() {
    let names = NameServer::start();
    let (server, seen) = listening();
    server.bind_service_name("").get().unwrap();
    let (entered, entries) = mpsc::channel();
    let sockets: Vec<_> = (0..10)
        .map(|_| {
            let socket = names.socket();
            let (to, entered) = (port(&server), entered.clone());
            let handler = move |socket: &DatagramSocket, arguments: MessageReceivedEventArgs| {
                let stream = socket.output_stream_to(&host("server.test"), &to);
                assert_eq!(stream.status(), AsyncStatus::Started);
                entered.send(()).unwrap();
                let stream = stream.get().unwrap();
                let text = text(&arguments).unwrap();
                stream.write(&buffer(&text)).get().unwrap();
            };
            socket.on_message_received(handler).unwrap();
            socket.bind_service_name("").get().unwrap();
            socket
        })
        .collect();
    let (peer, _) = peer();
    for (number, socket) in sockets.iter().enumerate() {
        let payload = number.to_string();
        peer.send_to(payload.as_bytes(), address(socket)).unwrap();
        entries
            .recv_timeout(TIMEOUT)
            .expect("the handler is called");
    }
    names.release();
    let mut numbers: Vec<_> = sockets.iter().map(|_| next(&seen)).collect();
    numbers.sort();
    let expected: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    assert_eq!(numbers, expected);
}

/// CLS-04: a server closes itself inside its handler, when a datagram asks for it; its port is free
/// when the handler has returned.
#[test]
fn a_handler_closes_its_own_socket() {
    for round in 0..20 {
        let socket = DatagramSocket::new();
        let (sender, closed) = mpsc::channel();
        let handler = move |socket: &DatagramSocket, _: MessageReceivedEventArgs| {
            let to = address(socket);
            socket.close();
            assert_eq!(port(socket), "");
            sender.send(to).unwrap();
        };
        socket.on_message_received(handler).unwrap();
        socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
        peer().0.send_to(b"close", address(&socket)).unwrap();
        let to: SocketAddr = closed.recv_timeout(TIMEOUT).unwrap();
        // The handler is dropped once it has returned.
        assert!(closed.recv_timeout(TIMEOUT).is_err());
        UdpSocket::bind(to).unwrap_or_else(|error| panic!("round {round}: {error}"));
    }
}

/// CLS-05, CLS-06: a program keeps its socket only where its handler finds it, and lets it go there.
#[test]
fn a_handler_drops_the_last_handle() {
    let socket = DatagramSocket::new();
    let kept = Arc::new(Mutex::new(None));
    let (sender, dropped) = mpsc::channel();
    let own = kept.clone();
    let handler = move |_: &DatagramSocket, _: MessageReceivedEventArgs| {
        let socket: DatagramSocket = own.lock().unwrap().take().unwrap();
        let to = address(&socket);
        drop(socket);
        sender.send(to).unwrap();
    };
    socket.on_message_received(handler).unwrap();
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    let to = address(&socket);
    *kept.lock().unwrap() = Some(socket);
    let (peer, _) = peer();
    for payload in [b"1", b"2", b"3"] {
        // Later ones may find nobody.
        let _ = peer.send_to(payload, to);
    }
    let to = dropped.recv_timeout(TIMEOUT).unwrap();
    assert!(
        dropped.recv_timeout(TIMEOUT).is_err(),
        "the handler was dropped"
    );
    UdpSocket::bind(to).expect("the port is free");
}

/// CLS-04, CLS-05: a socket that its owner drops while nothing arrives frees its port at once.
#[test]
fn a_socket_that_is_dropped_while_it_is_idle_frees_its_port() {
    for _ in 0..50 {
        let (socket, seen) = listening_on_loopback();
        let to = address(&socket);
        peer().0.send_to(b"x", to).unwrap();
        assert_eq!(next(&seen), "x");
        let again = listening_on_loopback();
        drop(socket);
        // The handler of the last event may be returning.
        assert!(seen.recv_timeout(TIMEOUT).is_err());
        UdpSocket::bind(to).expect("the port is free");
        let idle = address(&again.0);
        drop(again.0);
        UdpSocket::bind(idle).expect("the port is free at once");
    }
}

/// A file of the hosts-file kind, which is removed when the value is dropped.
struct HostsFile(PathBuf);

impl HostsFile {
    fn new(content: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("udpair-winrt-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for HostsFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// MCG-04, GEN-07: in a runtime with one thread, operations can be awaited, handlers are called
/// beside it, and a group that is given by a name can be joined.
#[tokio::test(flavor = "current_thread")]
async fn a_program_in_a_runtime_with_one_thread() {
    let hosts = HostsFile::new("239.255.76.3 group.test\n127.0.0.1 server.test host.test\n");
    let loopback_only = || {
        let mut adapters = udpair::adapters()?;
        adapters.retain(|adapter| adapter.is_loopback);
        Ok(adapters)
    };
    let adapter = loopback_only().unwrap().remove(0);
    let resolver = udpair::Resolver::builder()
        .hosts_file(&hosts.0)
        .adapters(loopback_only)
        .build();
    let builder = udpair::DatagramSocket::builder()
        .resolver(&resolver)
        .multicast_adapter(&adapter);
    let server = DatagramSocket::with_builder(&builder).unwrap();
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |_: &DatagramSocket, arguments: MessageReceivedEventArgs| {
        sender.send(text(&arguments).unwrap()).unwrap();
    };
    server.on_message_received(handler).unwrap();
    server.bind_service_name("").await.unwrap();
    server.join_multicast_group(&host("group.test")).unwrap();
    // A name that is no group's.
    let joined = server.join_multicast_group(&host("host.test"));
    assert_eq!(code(joined), hresult::WSAHOST_NOT_FOUND);

    let client = DatagramSocket::with_builder(&builder).unwrap();
    client
        .connect(&host("server.test"), &port(&server))
        .await
        .unwrap();
    let writer = DataWriter::with_stream(client.output_stream().unwrap());
    writer.write_string("to one").unwrap();
    writer.store().await.unwrap();
    let mut next = async || {
        let next = tokio::time::timeout(TIMEOUT, seen.recv()).await;
        next.unwrap().unwrap()
    };
    assert_eq!(next().await, "to one");
    let sender = DatagramSocket::with_builder(&builder).unwrap();
    let stream = sender.output_stream_to(&host("group.test"), &port(&server));
    let stream = stream.await.unwrap();
    stream.write(&buffer("to all")).await.unwrap();
    assert_eq!(next().await, "to all");
    // Waiting with the thread holds the runtime up, and ends nevertheless.
    let bound = DatagramSocket::with_builder(&builder).unwrap();
    let connect = bound.connect(&host("server.test"), &port(&server));
    connect.get().unwrap();
    bound
        .output_stream()
        .unwrap()
        .write(&buffer("late"))
        .get()
        .unwrap();
    assert_eq!(next().await, "late");
    server.cancel_io().await.unwrap();
}

/// MSG-05, MSG-06: handlers of many sockets block at the same time, and none keeps another from being
/// called.
#[test]
fn handlers_of_many_sockets_block() {
    const COUNT: usize = 100;
    let inside = Arc::new(AtomicUsize::new(0));
    let (entered, events) = mpsc::channel();
    let mut releases = Vec::new();
    let sockets: Vec<_> = (0..COUNT)
        .map(|number| {
            let socket = DatagramSocket::new();
            let (release, released) = mpsc::channel::<()>();
            let (inside, entered) = (inside.clone(), entered.clone());
            let handler = move |_: &DatagramSocket, _: MessageReceivedEventArgs| {
                inside.fetch_add(1, Ordering::SeqCst);
                entered.send(number).unwrap();
                let _ = released.recv();
                inside.fetch_sub(1, Ordering::SeqCst);
                entered.send(number).unwrap();
            };
            socket.on_message_received(handler).unwrap();
            socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
            releases.push(release);
            socket
        })
        .collect();
    let (peer, _) = peer();
    for socket in &sockets {
        peer.send_to(b"x", address(socket)).unwrap();
    }
    for _ in 0..COUNT {
        events
            .recv_timeout(TIMEOUT)
            .expect("each handler is called");
    }
    assert_eq!(inside.load(Ordering::SeqCst), COUNT);
    // Another socket is served meanwhile, and so are operations.
    let (other, seen) = listening_on_loopback();
    let client = DatagramSocket::new();
    client
        .connect(&host("localhost"), &port(&other))
        .get()
        .unwrap();
    peer.send_to(b"beside", address(&other)).unwrap();
    assert_eq!(next(&seen), "beside");
    drop(releases);
    for _ in 0..COUNT {
        events.recv_timeout(TIMEOUT).expect("each handler returns");
    }
}
