//! Strangers: whenever they send, a connected socket does not hear them.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use udpair::{Datagram, DatagramSocket, Endpoint, ErrorKind, Overflow, RecvBatch, SendBatch};

use crate::support::{Peer, builders, endpoint, loopback, soon};

/// CON-08
#[tokio::test]
async fn a_connected_socket_drops_datagrams_from_strangers() {
    for (engine, builder) in builders() {
        let (peer, stranger) = (Peer::new(), Peer::new());
        let socket = builder.connect(&peer.pair()).await.unwrap();

        stranger.send(b"from a stranger", socket.local_addr().unwrap());
        peer.send(b"from the peer", socket.local_addr().unwrap());

        // The stranger sent first, so its datagram was dropped by the time the peer's arrives.
        let message = soon(socket.recv()).await.unwrap();
        assert_eq!(message.payload(), b"from the peer", "{engine:?}");
    }
}

/// CON-08: the same address is not enough.
#[tokio::test]
async fn another_port_of_the_peers_host_is_a_stranger() {
    for (_, builder) in builders() {
        let (peer, neighbour) = (Peer::new(), Peer::new());
        assert_eq!(peer.addr().ip(), neighbour.addr().ip());
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        neighbour.send(b"no", socket.local_addr().unwrap());
        socket.connect(&peer.pair()).await.unwrap();
        peer.send(b"yes", socket.local_addr().unwrap());
        assert_eq!(soon(socket.recv()).await.unwrap().payload(), b"yes");
    }
}

/// CON-09, CON-16: what strangers sent before the connect is in the kernel already, and is not
/// delivered; what the peer sent is.
#[tokio::test]
async fn datagrams_from_before_the_connect_are_the_peers_alone() {
    for (engine, builder) in builders() {
        let (peer, stranger) = (Peer::new(), Peer::new());
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        for number in 0..5 {
            stranger.send(format!("stranger {number}").as_bytes(), loopback(&socket));
            peer.send(format!("peer {number}").as_bytes(), loopback(&socket));
        }
        let port = socket.local_addr().unwrap().port();
        socket.connect(&peer.pair()).await.unwrap();
        assert_eq!(socket.local_addr().unwrap().port(), port, "{engine:?}");

        for number in 0..5 {
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(
                message.payload(),
                format!("peer {number}").as_bytes(),
                "{engine:?}"
            );
        }
        let statistics = socket.statistics();
        assert_eq!(statistics.non_peer_dropped, 5, "{engine:?}");
        assert_eq!(statistics.datagrams_received, 5, "{engine:?}");
    }
}

/// CON-09: strangers that filled the receive buffer before the connect take no room from the peer.
#[tokio::test]
async fn a_buffer_full_of_strangers_has_room_for_the_peer() {
    for (engine, builder) in builders() {
        let (peer, stranger) = (Peer::new(), Peer::new());
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        // Even if somebody has seen it empty.
        assert!(socket.try_recv().unwrap().is_none());
        while socket.statistics().kernel_dropped == 0 {
            stranger.send(&[0; 1000], loopback(&socket));
        }
        socket.connect(&peer.pair()).await.unwrap();
        peer.send(b"at once", loopback(&socket));
        assert_eq!(
            soon(socket.recv()).await.unwrap().payload(),
            b"at once",
            "{engine:?}"
        );
    }
}

/// CON-09: messages that were received, but not asked for, before the connect.
#[tokio::test]
async fn a_message_that_was_fetched_before_the_connect_is_filtered_too() {
    for (engine, builder) in builders() {
        let (peer, stranger) = (Peer::new(), Peer::new());
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        for _ in 0..3 {
            stranger.send(b"stranger", loopback(&socket));
        }
        peer.send(b"peer", loopback(&socket));
        // Fetches all of them in one batch where the engine can, and hands on one.
        assert_eq!(soon(socket.recv()).await.unwrap().payload(), b"stranger");
        socket.connect(&peer.pair()).await.unwrap();
        assert_eq!(
            soon(socket.recv()).await.unwrap().payload(),
            b"peer",
            "{engine:?}"
        );
    }
}

/// CON-08, CON-09: a stranger that floods the port before, while and after it is connected is never
/// heard.
#[tokio::test]
async fn a_flooding_stranger_is_never_heard() {
    for (engine, builder) in builders() {
        let peer = Peer::new();
        // A fixed local port, so that the flood is there from the first moment.
        let port = Peer::at("0.0.0.0:0").leave().port();
        let target = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let flooding = {
            let (stop, sent) = (stop.clone(), sent.clone());
            thread::spawn(move || {
                let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
                while !stop.load(Ordering::Relaxed) {
                    // Refused while nobody is bound, and once the socket is connected.
                    let _ = stranger.send_to(b"flood", target);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let flooded = || {
            let before = sent.load(Ordering::Relaxed);
            while sent.load(Ordering::Relaxed) < before + 10 {
                thread::yield_now();
            }
        };
        for round in 0..50 {
            flooded();
            let pair = peer.pair().with_local(Endpoint::any(port.into()));
            let socket = builder.connect(&pair).await.unwrap();
            for number in 0..3 {
                flooded();
                peer.send(&[round, number], target);
                let message = soon(socket.recv()).await.unwrap();
                assert_eq!(message.payload(), [round, number], "{engine:?}");
                assert_eq!(message.remote(), peer.addr());
            }
            socket.close();
        }
        stop.store(true, Ordering::Relaxed);
        flooding.join().unwrap();
    }
}

/// Connecting takes what waits out of the kernel, and with it what would have woken those who wait.
#[tokio::test]
async fn who_waits_hears_the_peer_that_was_there_before_the_connect() {
    for (engine, builder) in builders() {
        let peer = Peer::new();
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let connecting = async {
            // Nobody has looked since, neither the runtime nor the receiver that waits already.
            peer.send(b"early", socket.local_addr().unwrap());
            socket.connect(&peer.pair()).await.unwrap();
        };
        let (message, ()) = soon(async { tokio::join!(socket.recv(), connecting) }).await;
        assert_eq!(message.unwrap().payload(), b"early", "{engine:?}");
    }
}

/// CON-09: whatever strangers sent before, and wherever it waits for the application.
#[tokio::test]
async fn a_queue_holds_no_strangers_after_the_connect() {
    let stranger = Peer::new();
    for (engine, builder) in builders() {
        let peer = Peer::new();
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let mut queue = socket.queue(8, Overflow::Pause).unwrap();
        stranger.send(b"from a stranger", socket.local_addr().unwrap());
        soon(async {
            while queue.is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        socket.connect(&peer.pair()).await.unwrap();
        peer.send(b"from the peer", socket.local_addr().unwrap());
        let message = soon(queue.recv()).await.unwrap();
        assert_eq!(message.payload(), b"from the peer", "{engine:?}");
        assert_eq!(socket.statistics().non_peer_dropped, 1, "{engine:?}");
    }
}

/// CON-09: a handler that is in the middle of a batch is handed no stranger once the connect returned, and
/// what it leaves behind is the peer's alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_in_the_middle_of_a_batch_hears_the_peer_alone() {
    for (engine, builder) in builders() {
        for cancels in [false, true] {
            let peer = Peer::new();
            let socket = builder
                .clone()
                .bind(&endpoint("127.0.0.1:0"))
                .await
                .unwrap();
            let to = socket.local_addr().unwrap();
            let stranger = DatagramSocket::builder().connect(&to.into()).await.unwrap();
            let mut batch: SendBatch = (0..10).map(|_| "from a stranger").collect();
            stranger
                .output()
                .unwrap()
                .write_batch(&mut batch)
                .await
                .unwrap();

            let meeting = Arc::new(Barrier::new(2));
            let handling = tokio::spawn({
                let (socket, meeting) = (socket.clone(), meeting.clone());
                async move {
                    let mut heard = Vec::new();
                    let handler = |datagram: Datagram<'_>| {
                        heard.push(datagram.payload().to_vec());
                        if heard.len() == 1 {
                            // The socket is connected between these two.
                            meeting.wait();
                            meeting.wait();
                            if cancels {
                                socket.cancel_io().unwrap();
                            }
                        } else {
                            socket.close();
                        }
                    };
                    let ended = socket.for_each(handler).await;
                    (heard, ended)
                }
            });
            meeting.wait();
            socket.connect(&peer.pair()).await.unwrap();
            peer.send(b"from the peer", to);
            meeting.wait();
            let (heard, ended) = soon(handling).await.unwrap();
            if cancels {
                assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
                let message = soon(socket.recv()).await.unwrap();
                assert_eq!(message.payload(), b"from the peer", "{engine:?}");
            } else {
                ended.unwrap();
                assert_eq!(heard[1..], [b"from the peer"], "{engine:?}");
            }
            assert_eq!(socket.statistics().non_peer_dropped, 9, "{engine:?}");
        }
    }
}

/// MSG-17: what the kernel dropped is told with the next message, though a stranger's came first.
#[tokio::test]
async fn a_stranger_takes_no_count_of_dropped_datagrams_away() {
    for (engine, builder) in builders() {
        if !engine.capabilities().drops {
            continue;
        }
        for is_fetched in [false, true] {
            let (peer, stranger) = (Peer::new(), Peer::new());
            let socket = builder
                .clone()
                .inbound_buffer_bytes(8192)
                .bind(&endpoint("127.0.0.1:0"))
                .await
                .unwrap();
            let to = socket.local_addr().unwrap();
            let sent = 100;
            for _ in 0..sent {
                stranger.send(&[0; 500], to);
            }
            let dropped = socket.statistics().kernel_dropped;
            assert!(dropped > 0, "{engine:?}");
            // All but one of those from before the drops are taken out, so that there is room.
            let mut batch = RecvBatch::new(1);
            for _ in 1..sent - dropped {
                assert_eq!(soon(socket.recv_batch(&mut batch)).await.unwrap(), 1);
            }
            stranger.send(b"behind the gap", to);
            if is_fetched {
                let message = soon(socket.recv()).await.unwrap();
                assert_eq!(message.dropped_before(), 0, "{engine:?}");
            }
            socket.connect(&peer.pair()).await.unwrap();
            peer.send(b"from the peer", to);
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload(), b"from the peer");
            assert_eq!(
                u64::from(message.dropped_before()),
                dropped,
                "{is_fetched} {engine:?}"
            );
        }
    }
}
