//! Requests and their replies.

use std::future;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use futures_core::Stream;
use udpair::{
    Adapter, DatagramSocket, EndpointPair, ErrorKind, Event, Overflow, PeerErrors, RecvBatch,
    Request, RequestEvent,
};

#[cfg(feature = "dns")]
use crate::support::dns::{DnsServer, Zone};
use crate::support::{Peer, builders, endpoint, soon, unused_addr, unused_port};

/// A server in a thread of its own. It gets each datagram with its number, and returns what to send
/// back to the sender. It ends when it gets an empty datagram.
struct Server(SocketAddr);

impl Server {
    fn new(mut reply: impl FnMut(usize, &[u8]) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 2000];
            for number in 0.. {
                let (length, from) = socket.recv_from(&mut buffer).unwrap();
                if length == 0 {
                    break;
                }
                for payload in reply(number, &buffer[..length]) {
                    let _ = socket.send_to(&payload, from);
                }
            }
        });
        Self(address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"", self.0);
    }
}

fn quick(payload: &'static str) -> Request {
    Request::new(payload)
        .wait(Duration::from_millis(20))
        .wait_max(Duration::from_millis(40))
}

/// The first tries are lost; the reply to a later one counts.
#[tokio::test]
async fn a_request_is_sent_again_until_the_reply_arrives() {
    for (engine, builder) in builders() {
        for lost in 0..4 {
            let server = Server::new(move |number, payload| match number < lost {
                true => vec![],
                false => vec![[b"re: ", payload].concat()],
            });
            let socket = builder.connect(server.0).await.unwrap();
            let reply = soon(socket.ask(&quick("hello"))).await.unwrap();
            assert_eq!(reply.payload(), b"re: hello", "{engine:?}");
            let unbound = builder.open().unwrap();
            let reply = soon(unbound.ask_to(server.0, &quick("again"))).await;
            assert_eq!(reply.unwrap().payload(), b"re: again", "{engine:?}");
        }
    }
}

/// Silence ends with an error that says how often and for how long it was tried.
#[tokio::test]
async fn a_request_without_a_reply_fails() {
    for (engine, builder) in builders() {
        let (seen, tries) = mpsc::channel();
        let server = Server::new(move |_, payload| {
            seen.send(payload.to_vec()).unwrap();
            vec![b"something else".to_vec()]
        });
        let socket = builder.connect(server.0).await.unwrap();
        let request = quick("hello")
            .retries(2)
            .accept(|message| message.payload() == b"the reply");
        let error = soon(socket.ask(&request)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoReply, "{engine:?}");
        let text = error.to_string();
        assert!(text.contains("3 tries in 100ms"), "{text}");
        assert!(text.contains("other message"), "{text}");
        assert_eq!(tries.try_iter().count(), 3, "{engine:?}");
    }
}

/// A closed port is reported at once.
#[tokio::test]
async fn a_refused_request_does_not_wait() {
    for (engine, builder) in builders() {
        let closed = unused_addr();
        // Without the error this would take hours.
        let request = Request::new("hello").wait(Duration::from_secs(3600));
        let socket = builder.connect(closed).await.unwrap();
        let error = soon(socket.ask(&request)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PeerUnreachable, "{engine:?}");
        if engine.capabilities().error_queue {
            let socket = builder.bind(&endpoint(":0")).await.unwrap();
            let error = soon(socket.ask_to(closed, &request)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PeerUnreachable, "{engine:?}");
        }
    }
}

/// Many requests wait on one socket; the replies come in any order, some twice, some tries are
/// lost.
#[tokio::test]
async fn many_requests_are_in_flight_on_one_socket() {
    const REQUESTS: usize = 200;
    for (engine, builder) in builders() {
        let mut held = Vec::new();
        let server = Server::new(move |number, payload| {
            if number % 20 == 7 {
                return vec![];
            }
            held.push(payload.to_vec());
            match held.len() < 8 {
                true => vec![],
                false => held
                    .drain(..)
                    .rev()
                    .flat_map(|reply| [reply.clone(), reply])
                    .collect(),
            }
        });
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let asking: Vec<_> = (0..REQUESTS)
            .map(|number| {
                let (socket, to) = (socket.clone(), server.0);
                tokio::spawn(async move {
                    let id = format!("id {number};");
                    let request = Request::new(id.clone())
                        .wait(Duration::from_millis(50))
                        // The server holds the last few until they were sent again.
                        .wait_max(Duration::from_millis(50))
                        .retries(100)
                        .accept(move |message| message.payload() == id.as_bytes());
                    let reply = socket.ask_to(to, &request).await.unwrap();
                    reply.into_payload()
                })
            })
            .collect();
        for (number, task) in asking.into_iter().enumerate() {
            let reply = soon(task).await.unwrap();
            assert_eq!(reply, format!("id {number};"), "{engine:?}");
        }
    }
}

/// Only the destination replies, but to a group anybody does.
#[tokio::test]
async fn only_the_destination_replies() {
    for (engine, builder) in builders() {
        let other = Peer::new();
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let local = socket.local_addr().unwrap();
        let server = Server::new(move |_, _| {
            other.send(b"from another port", local);
            vec![b"from the server".to_vec()]
        });
        let reply = soon(socket.ask_to(server.0, &quick("hello")))
            .await
            .unwrap();
        assert_eq!(reply.payload(), b"from the server", "{engine:?}");
    }
}

/// The first address is closed and the second one silent; the third one replies.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_next_address_is_asked_after_refusal_or_silence() {
    let server = Server::new(|_, payload| vec![payload.to_vec()]);
    let silent = Peer::new();
    let zone = format!(
        "_echo._udp.example.test SRV 1 0 {} host.test\n\
         _echo._udp.example.test SRV 2 0 {} host.test\n\
         _echo._udp.example.test SRV 3 0 {} host.test\n\
         host.test A 127.0.0.1",
        unused_port(),
        silent.addr().port(),
        server.0.port(),
    );
    let dns = DnsServer::with_zone(Zone::new(&zone));
    for (engine, builder) in builders() {
        let builder = builder.resolver(&dns.resolver());
        let request = quick("hello").retries(1);
        let pair = EndpointPair::to("example.test", "echo").unwrap();
        let (socket, reply) = soon(builder.ask(&pair, &request)).await.unwrap();
        assert_eq!(socket.peer_addr(), Some(server.0), "{engine:?}");
        assert_eq!(reply.payload(), b"hello");
    }
}

/// If none replies, the error is that of the last one, and names the others.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_error_names_every_address_that_was_asked() {
    let closed = unused_port();
    let silent = Peer::new();
    let zone = format!(
        "_echo._udp.example.test SRV 1 0 {closed} host.test\n\
         _echo._udp.example.test SRV 2 0 {} host.test\n\
         host.test A 127.0.0.1",
        silent.addr().port(),
    );
    let dns = DnsServer::with_zone(Zone::new(&zone));
    let builder = DatagramSocket::builder().resolver(&dns.resolver());
    let request = quick("hello").retries(0);
    let error = soon(builder.ask("example.test:echo", &request))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoReply);
    let text = format!("{error:#}");
    assert!(
        text.contains(&format!("tried 127.0.0.1:{closed}")),
        "{text}"
    );
}

/// A request reports its steps in order, and an address that is given up loses its socket.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_steps_of_a_request_are_reported() {
    let server = Server::new(|number, payload| match number {
        0 => vec![],
        _ => vec![b"other".to_vec(), payload.to_vec()],
    });
    let closed = unused_port();
    let zone = format!(
        "_echo._udp.example.test SRV 1 0 {closed} host.test\n\
         _echo._udp.example.test SRV 2 0 {} host.test\n\
         host.test A 127.0.0.1",
        server.0.port(),
    );
    let dns = DnsServer::with_zone(Zone::new(&zone));
    let (steps, reported) = mpsc::channel();
    // Handles to the sockets, one of which keeps no port from the next one.
    let sockets = Mutex::new(Vec::new());
    let request = quick("hello")
        .accept(|message| message.payload() == b"hello")
        .on_event(move |event| {
            let step = match event {
                RequestEvent::Connected(socket) => {
                    sockets.lock().unwrap().push(socket.clone());
                    format!("connected {}", socket.peer_addr().unwrap().port())
                }
                RequestEvent::Sent { tries } => format!("sent {tries}"),
                RequestEvent::Socket(Event::PeerError(error)) => format!("{:?}", error.kind),
                RequestEvent::GaveUp { address, error } => {
                    format!("gave up {}: {}", address.port(), error.kind().name())
                }
                _ => format!("{event:?}"),
            };
            steps.send(step).unwrap();
        });
    let builder = DatagramSocket::builder().resolver(&dns.resolver());
    let local = endpoint(&unused_addr().to_string());
    let pair = EndpointPair::to("example.test", "echo").unwrap();
    soon(builder.ask(&pair.with_local(local), &request))
        .await
        .unwrap();
    let mut steps: Vec<_> = reported.try_iter().collect();
    // The reply to the second try may come after the third one was sent.
    steps.truncate(7);
    let port = server.0.port();
    let expected = [
        &format!("connected {closed}"),
        "sent 1",
        "PortUnreachable",
        &format!("gave up {closed}: peer-unreachable"),
        &format!("connected {port}"),
        "sent 1",
        "sent 2",
    ];
    assert_eq!(steps, expected);
}

/// The time of asking does not count as time of looking up the next host.
#[cfg(feature = "dns")]
#[tokio::test]
async fn asking_takes_no_time_from_the_lookup_of_the_next_host() {
    let server = Server::new(|_, payload| vec![payload.to_vec()]);
    let silent = Peer::new();
    let zone = format!(
        "_echo._udp.example.test SRV 1 0 {} first.test\n\
         _echo._udp.example.test SRV 2 0 {} second.test\n\
         first.test A 127.0.0.1\n\
         second.test A 127.0.0.1",
        silent.addr().port(),
        server.0.port(),
    );
    let dns = DnsServer::with_zone(Zone::new(&zone).without_additional());
    let limit = Duration::from_millis(500);
    let resolver = dns.resolver_builder().timeout(limit).build();
    let builder = DatagramSocket::builder().resolver(&resolver);
    let request = Request::new("hello").wait(limit + limit / 5).retries(0);
    let (socket, _) = soon(builder.ask("example.test:echo", &request))
        .await
        .unwrap();
    assert_eq!(socket.peer_addr(), Some(server.0));
}

/// BND-05: every address is asked through the adapter.
#[tokio::test]
async fn a_request_goes_through_one_adapter() {
    let adapters = udpair::adapters().unwrap();
    let loopback = adapters.iter().find(|adapter| adapter.is_loopback).unwrap();
    let missing = Adapter::new("gone", 999_999);
    for (engine, builder) in builders() {
        let server = Server::new(|_, payload| vec![payload.to_vec()]);
        let (_, reply) = soon(builder.ask_on(loopback, server.0, &quick("hello")))
            .await
            .unwrap();
        assert_eq!(reply.payload(), b"hello", "{engine:?}");
        let error = soon(builder.ask_on(&missing, server.0, &quick("hello")))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{engine:?}");
        let pair = EndpointPair::from(server.0).with_local(endpoint("127.0.0.1:0"));
        let error = soon(builder.ask_on(loopback, &pair, &quick("hello")))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{engine:?}");
    }
}

/// A request that is given up takes nothing from those that wait on.
#[tokio::test]
async fn a_dropped_request_leaves_the_others() {
    for (engine, builder) in builders() {
        let server = Server::new(|_, payload| vec![payload.to_vec()]);
        let silent = Peer::new();
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let long = Request::new("never").wait(Duration::from_secs(3600));
        let given_up = tokio::time::timeout(Duration::ZERO, socket.ask_to(silent.addr(), &long));
        assert!(given_up.await.is_err());
        let reply = soon(socket.ask_to(server.0, &quick("hello")))
            .await
            .unwrap();
        assert_eq!(reply.payload(), b"hello", "{engine:?}");
        // Nobody waits any more: messages are received as ever.
        silent.send(b"late", socket.local_addr().unwrap());
        assert_eq!(soon(socket.recv()).await.unwrap().payload(), b"late");
        let waiting = tokio::spawn({
            let (socket, to) = (socket.clone(), silent.addr());
            async move { socket.ask_to(to, &long).await.map(drop) }
        });
        tokio::task::yield_now().await;
        socket.close();
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{engine:?}");
    }
}

/// MSG-13: where the application wants it, a refused peer makes a receive fail, in every way to
/// receive; the next one receives again.
#[tokio::test]
async fn a_refused_peer_can_make_a_receive_fail() {
    for (engine, builder) in builders() {
        let builder = builder.peer_errors(PeerErrors::FailRecv);
        for way in [
            "recv",
            "recv_batch",
            "messages",
            "for_each",
            "queue",
            "try_recv",
        ] {
            let closed = unused_addr();
            let socket = builder.connect(closed).await.unwrap();
            let output = socket.output().unwrap();
            output.write(b"x").await.unwrap();
            let error = soon(async {
                match way {
                    "recv" => socket.recv().await.map(drop),
                    "recv_batch" => socket.recv_batch(&mut RecvBatch::new(4)).await.map(drop),
                    "messages" => {
                        let mut messages = socket.messages();
                        let next = future::poll_fn(|cx| Pin::new(&mut messages).poll_next(cx));
                        next.await.unwrap().map(drop)
                    }
                    "for_each" => socket.for_each(|_| {}).await,
                    "queue" => {
                        let mut queue = socket.queue(4, Overflow::Pause).unwrap();
                        queue.recv().await.map(drop)
                    }
                    _ => loop {
                        match socket.try_recv() {
                            Ok(None) => tokio::task::yield_now().await,
                            received => break received.map(drop),
                        }
                    },
                }
            })
            .await
            .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PeerUnreachable, "{engine:?} {way}");
            assert!(error.to_string().contains(&closed.to_string()), "{error}");
            // The port is open now.
            let peer = Peer::at(&closed.to_string());
            peer.send(b"at last", socket.local_addr().unwrap());
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload(), b"at last", "{engine:?} {way}");
        }
        // Beside a flood of messages too.
        let (closed, peer) = (unused_addr(), Peer::new());
        let socket = builder.bind("127.0.0.1:0").await.unwrap();
        for _ in 0..10 {
            peer.send(b"x", socket.local_addr().unwrap());
        }
        if engine.capabilities().error_queue {
            socket.send_to(b"x", closed).await.unwrap();
            let mut failed = 0;
            for _ in 0..11 {
                failed += u32::from(soon(socket.recv()).await.is_err());
            }
            assert_eq!(failed, 1, "{engine:?}");
        }
    }
}
