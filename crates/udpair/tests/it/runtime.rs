//! Sockets without a runtime, or in a runtime without I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use udpair::{DatagramSocket, Endpoint, EndpointPair, ErrorKind, Overflow, PairOrder};

#[cfg(feature = "dns")]
use crate::support::dns::{DnsServer, Zone};
use crate::support::{Peer, TIMEOUT, builders, endpoint, soon, unused_addr};

/// Runs a future without a runtime: it polls the future whenever its waker is called.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// Resolves, connects, sends and receives.
#[cfg(feature = "dns")]
async fn use_sockets() {
    let peer = Peer::new();
    let port = peer.addr().port();
    let zone = format!("_echo._udp.x.test SRV 0 0 {port} h.x.test\nh.x.test A 127.0.0.1");
    let server = DnsServer::with_zone(Zone::new(&zone).without_additional());
    let pair = EndpointPair::to("x.test", "echo").unwrap();
    let builder = DatagramSocket::builder().resolver(&server.resolver());
    let socket = builder.connect(&pair).await.unwrap();
    socket.output().unwrap().write(b"ping").await.unwrap();
    let (_, from) = peer.recv();
    let answering = thread::spawn(move || peer.send(b"pong", from));
    assert_eq!(socket.recv().await.unwrap().payload(), b"pong");
    answering.join().unwrap();

    let resolver = server.resolver();
    let remote = endpoint("x.test:echo");
    let pairs = resolver.endpoint_pairs(&remote, PairOrder::Quick).await;
    assert_eq!(pairs.unwrap().len(), 1);

    // With the system's resolver, which runs on a separate thread.
    let pair = EndpointPair::to("localhost", &port.to_string()).unwrap();
    DatagramSocket::builder().connect(&pair).await.unwrap();
}

/// On any executor.
#[cfg(feature = "dns")]
#[test]
fn a_socket_works_without_a_runtime() {
    block_on(use_sockets());
}

#[cfg(feature = "dns")]
#[test]
fn a_socket_works_in_a_runtime_without_io_and_timers() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(use_sockets());
}

#[cfg(feature = "dns")]
#[test]
fn a_socket_works_in_every_kind_of_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(use_sockets());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(use_sockets());
}

/// It can still be closed.
#[test]
fn a_socket_whose_runtime_has_ended_returns_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let address = unused_addr();
    let socket = runtime
        .block_on(DatagramSocket::builder().bind(address))
        .unwrap();
    drop(runtime);

    let error = block_on(socket.recv()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("runtime"), "{error}");
    socket.close();
    Peer::at(&address.to_string());
}

/// No lock is held when a waker is called.
#[test]
fn a_waker_may_use_the_socket_that_calls_it() {
    struct SocketWaker(DatagramSocket);
    impl Wake for SocketWaker {
        fn wake(self: Arc<Self>) {
            let _ = self.0.try_recv();
            let _ = self.0.statistics();
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let socket = DatagramSocket::builder()
            .bind(&endpoint("127.0.0.1:0"))
            .await
            .unwrap();
        let peer = Peer::new();
        let waker = Waker::from(Arc::new(SocketWaker(socket.clone())));
        let mut waiting = pin!(socket.recv());
        assert!(
            waiting
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        // Another receiver takes the first of two messages, and wakes the waiter for the second.
        peer.send(b"a", socket.local_addr().unwrap());
        peer.send(b"b", socket.local_addr().unwrap());
        socket.recv().await.unwrap();
        socket.cancel_io().unwrap();
        socket.close();
    });
}

/// A waker is dropped when another one replaces it, when its task is woken, and when the operation
/// ends. No lock is held then either.
#[test]
fn a_waker_that_is_dropped_may_use_the_socket() {
    struct SocketWaker(DatagramSocket);
    impl Wake for SocketWaker {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for SocketWaker {
        fn drop(&mut self) {
            let _ = self.0.try_recv();
            let _ = format!("{:?} {:?}", self.0, self.0.statistics());
            // Enters the list of those that wait, and leaves it.
            let _ = pin!(self.0.recv()).poll(&mut Context::from_waker(Waker::noop()));
            let _ = pin!(self.0.next_event()).poll(&mut Context::from_waker(Waker::noop()));
        }
    }
    let (done, is_done) = mpsc::channel();
    let using = thread::spawn(move || {
        for (_, builder) in builders() {
            runtime().block_on(async {
                let peer = Peer::new();
                for ending in 0..4 {
                    let local = endpoint("127.0.0.1:0");
                    let socket = builder.bind(&local).await.unwrap();
                    let to = socket.local_addr().unwrap();
                    let mut queue = socket.queue(4, Overflow::Pause).unwrap();
                    let mut message = pin!(socket.recv());
                    let mut event = pin!(socket.next_event());
                    let mut queued = pin!(queue.recv());
                    // The second poll replaces the waker of the first.
                    for _ in 0..2 {
                        // Each has its own, so that the list of waiters has the last handle.
                        let waker = || Waker::from(Arc::new(SocketWaker(socket.clone())));
                        let _ = message.as_mut().poll(&mut Context::from_waker(&waker()));
                        let _ = event.as_mut().poll(&mut Context::from_waker(&waker()));
                        let _ = queued.as_mut().poll(&mut Context::from_waker(&waker()));
                    }
                    match ending {
                        0 => socket.close(),
                        1 => socket.cancel_io().unwrap(),
                        2 => {
                            peer.send(b"x", to);
                            tokio::task::yield_now().await;
                        }
                        _ => {}
                    }
                }
            });
        }
        done.send(()).unwrap();
    });
    is_done.recv_timeout(TIMEOUT).expect("no call hangs");
    using.join().unwrap();
}

/// A queue receives in the runtime of its socket, whichever runtime it was made in.
#[test]
fn a_queue_outlives_the_runtime_that_it_was_made_in() {
    for (engine, builder) in builders() {
        let (home, other) = (runtime(), runtime());
        let local = endpoint("127.0.0.1:0");
        let socket = home.block_on(builder.bind(&local)).unwrap();
        let to = socket.local_addr().unwrap();
        let mut queue = other.block_on(async { socket.queue(4, Overflow::Pause).unwrap() });
        drop(other);
        let peer = Peer::new();
        for payload in [b"first", b"other"] {
            peer.send(payload, to);
            let message = home.block_on(soon(queue.recv())).unwrap();
            assert_eq!(message.payload(), payload, "{engine:?}");
        }
        socket.close();
        let error = home.block_on(soon(queue.recv())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
    }
}

/// What waits in a queue ends with the runtime of the socket, after the messages that came in.
#[test]
fn a_queue_ends_with_the_runtime_of_its_socket() {
    for (engine, builder) in builders() {
        let home = runtime();
        let local = endpoint("127.0.0.1:0");
        let socket = home.block_on(builder.bind(&local)).unwrap();
        let mut queue = socket.queue(4, Overflow::Pause).unwrap();
        Peer::new().send(b"last", socket.local_addr().unwrap());
        home.block_on(soon(async {
            while queue.is_empty() {
                tokio::task::yield_now().await;
            }
        }));
        let (results, result) = mpsc::channel();
        let waiting = thread::spawn(move || {
            let message = block_on(queue.recv()).unwrap();
            results.send(Ok(message.into_payload())).unwrap();
            let ended = block_on(queue.recv()).unwrap_err();
            results.send(Err(ended)).unwrap();
            // Again, and with nobody left to wake it.
            results
                .send(Err(block_on(queue.recv()).unwrap_err()))
                .unwrap();
        });
        let next = || result.recv_timeout(TIMEOUT).expect("recv ends");
        assert_eq!(next().unwrap(), "last", "{engine:?}");
        drop(home);
        for _ in 0..2 {
            let error = next().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
            assert!(error.to_string().contains("runtime"), "{error}");
        }
        waiting.join().unwrap();
        socket.close();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// BND-08: each socket runs in its own runtime. All datagrams of one peer go to the same socket.
#[test]
fn a_group_of_sockets_shares_a_port_and_keeps_flows_together() {
    const MEMBERS: usize = 3;
    const PEERS: usize = 24;
    const EACH: u8 = 5;
    for (engine, builder) in builders() {
        let main = runtime();
        let group = main
            .block_on(builder.bind_group(&endpoint("127.0.0.1:0"), MEMBERS))
            .unwrap();
        let address = group[0].local_addr().unwrap();
        let addresses: Vec<_> = group.iter().map(DatagramSocket::local_addr).collect();
        assert_eq!(addresses, [Some(address); MEMBERS], "{engine:?}");
        // A socket outside the group cannot bind the port.
        let error = main
            .block_on(DatagramSocket::builder().bind(&Endpoint::from(address)))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressInUse, "{engine:?}");
        // The runtime in which the sockets were bound is not needed any more.
        drop(main);

        let (sender, received) = std::sync::mpsc::channel();
        let members: Vec<_> = group
            .iter()
            .enumerate()
            .map(|(member, socket)| {
                let (socket, sender) = (socket.clone(), sender.clone());
                std::thread::spawn(move || {
                    runtime().block_on(socket.for_each(|datagram| {
                        sender.send((datagram.remote(), member)).unwrap();
                    }))
                })
            })
            .collect();
        let peers: Vec<_> = (0..PEERS).map(|_| Peer::new()).collect();
        for number in 0..EACH {
            for peer in &peers {
                peer.send(&[number], address);
            }
        }
        let mut served = BTreeMap::new();
        for _ in 0..PEERS * usize::from(EACH) {
            let (from, member) = received.recv_timeout(TIMEOUT).unwrap();
            assert_eq!(*served.entry(from).or_insert(member), member, "{from}");
        }
        assert_eq!(served.len(), PEERS, "{engine:?}");
        for socket in group {
            socket.close();
        }
        for member in members {
            member.join().unwrap().unwrap();
        }
    }
}

/// BND-03, BND-08, BND-09: sockets that share a port get one that no other socket has.
#[tokio::test]
async fn a_shared_port_of_the_systems_choice_belongs_to_its_sockets_only() {
    const GROUPS: usize = 300;
    for local in [":0", "127.0.0.1:0"].map(endpoint) {
        let builder = DatagramSocket::builder();
        let multicast_only = builder.clone().multicast_only(true);
        let (mut sockets, mut ports) = (Vec::new(), BTreeSet::new());
        for number in 0..GROUPS {
            let group = match number % 2 {
                0 => builder.bind_group(&local, 2).await.unwrap(),
                _ => vec![multicast_only.bind(&local).await.unwrap()],
            };
            let port = group[0].local_addr().unwrap().port();
            assert!(ports.insert(port), "{local}: {port} twice");
            sockets.extend(group);
        }
        // A given port may still be joined.
        let address = sockets[0].local_addr().unwrap();
        builder.bind_group(address, 1).await.unwrap();
        let address = sockets.last().unwrap().local_addr().unwrap();
        multicast_only.bind(address).await.unwrap();
    }
}

/// It keeps its address and its peer. No runtime is needed.
#[test]
fn a_socket_of_the_standard_library_can_be_adopted() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        for (at, is_connected) in [
            ("127.0.0.1:0", true),
            ("127.0.0.1:0", false),
            ("[::]:0", false),
        ] {
            let udp = std::net::UdpSocket::bind(at).unwrap();
            if is_connected {
                udp.connect(peer.addr()).unwrap();
            }
            let address = udp.local_addr().unwrap();
            let socket = builder.from_std(udp).unwrap();
            assert_eq!(socket.local_addr(), Some(address), "{engine:?}");
            assert_eq!(socket.peer_addr().is_some(), is_connected);
            peer.send(
                b"hello",
                std::net::SocketAddr::new(peer.addr().ip(), address.port()),
            );
            let message = block_on(socket.recv()).unwrap();
            assert_eq!(message.payload(), b"hello", "{engine:?}");
            if is_connected {
                block_on(socket.output().unwrap().write(b"to the peer")).unwrap();
            } else {
                block_on(socket.send_to(b"to the peer", peer.addr())).unwrap();
            }
            assert_eq!(peer.recv().0, b"to the peer", "{engine:?}");
            let family = socket
                .with_system_socket(udpair_io::Socket::family)
                .unwrap();
            assert_eq!(family == udpair_io::Family::Ipv4, address.is_ipv4());
            socket.close();
            let error = socket.with_system_socket(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
        }
    }
}

/// GEN-02
#[cfg(unix)]
#[test]
fn a_descriptor_that_is_not_a_udp_socket_is_rejected() {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    let stream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = std::net::TcpStream::connect(stream.local_addr().unwrap()).unwrap();
    let (datagrams, pair) = UnixDatagram::pair().unwrap();
    for (what, descriptor) in [
        ("a TCP stream", OwnedFd::from(connected)),
        ("a TCP listener", stream.into()),
        ("a Unix datagram socket", datagrams.into()),
        ("a Unix stream", UnixStream::pair().unwrap().0.into()),
        ("a file", std::fs::File::open("/dev/null").unwrap().into()),
    ] {
        for (engine, builder) in builders() {
            let udp = std::net::UdpSocket::from(descriptor.try_clone().unwrap());
            let error = builder.from_std(udp).unwrap_err();
            let kind = error.kind();
            assert_eq!(kind, ErrorKind::InvalidArgument, "{engine:?} {what}");
        }
    }
    drop(pair);
}

#[tokio::test]
async fn a_group_of_zero_sockets_is_rejected() {
    let local = endpoint("127.0.0.1:0");
    let error = DatagramSocket::builder().bind_group(&local, 0).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidArgument);
}
