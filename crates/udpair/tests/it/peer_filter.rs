//! The peer filter: a connected socket delivers only the datagrams of its peer, no matter when
//! other senders send theirs.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;

use udpair::{Datagram, DatagramSocket, Endpoint, ErrorKind, Overflow, RecvBatch, SendBatch};

use crate::support::{Peer, builders, endpoint, loopback, soon, unused_port};

/// CON-08
#[tokio::test]
async fn a_connected_socket_drops_datagrams_from_non_peers() {
    for (engine, builder) in builders() {
        let (peer, non_peer) = (Peer::new(), Peer::new());
        let socket = builder.connect(&peer.pair()).await.unwrap();

        non_peer.send(b"from a non-peer", socket.local_addr().unwrap());
        peer.send(b"from the peer", socket.local_addr().unwrap());

        // The non-peer sent first, so its datagram was dropped before that of the peer arrived.
        let message = soon(socket.recv()).await.unwrap();
        assert_eq!(message.payload(), b"from the peer", "{engine:?}");
    }
}

/// CON-08: the peer is identified by its address and its port.
#[tokio::test]
async fn another_port_of_the_peers_host_is_not_the_peer() {
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

/// CON-09, CON-16: the kernel has already queued those datagrams when the socket is connected.
#[tokio::test]
async fn of_datagrams_received_before_the_connect_only_those_of_the_peer_are_delivered() {
    for (engine, builder) in builders() {
        let (peer, non_peer) = (Peer::new(), Peer::new());
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        for number in 0..5 {
            non_peer.send(format!("non-peer {number}").as_bytes(), loopback(&socket));
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

/// CON-09: non-peers filled the receive buffer before the connect.
#[tokio::test]
async fn connecting_frees_the_buffer_space_that_non_peers_have_filled() {
    for (engine, builder) in builders() {
        let (peer, non_peer) = (Peer::new(), Peer::new());
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        // Even if an earlier receive has found the buffer empty.
        assert!(socket.try_recv().unwrap().is_none());
        while socket.statistics().kernel_dropped == 0 {
            non_peer.send(&[0; 1000], loopback(&socket));
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

/// CON-09: such a message was read from the kernel, but not yet delivered.
#[tokio::test]
async fn messages_fetched_before_the_connect_are_filtered_too() {
    for (engine, builder) in builders() {
        let (peer, non_peer) = (Peer::new(), Peer::new());
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        for _ in 0..3 {
            non_peer.send(b"non-peer", loopback(&socket));
        }
        peer.send(b"peer", loopback(&socket));
        // Fetches all of them in one batch if the engine supports that, and delivers one.
        assert_eq!(soon(socket.recv()).await.unwrap().payload(), b"non-peer");
        socket.connect(&peer.pair()).await.unwrap();
        assert_eq!(
            soon(socket.recv()).await.unwrap().payload(),
            b"peer",
            "{engine:?}"
        );
    }
}

/// CON-08, CON-09: the non-peer floods the port before, during and after the connect.
#[tokio::test]
async fn datagrams_of_a_flooding_non_peer_are_never_delivered() {
    for (engine, builder) in builders() {
        let peer = Peer::new();
        // A fixed local port, so that the flood reaches the socket from the start.
        let port = unused_port();
        let target = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let flooding = {
            let (stop, sent) = (stop.clone(), sent.clone());
            thread::spawn(move || {
                let non_peer = UdpSocket::bind("127.0.0.1:0").unwrap();
                while !stop.load(Ordering::Relaxed) {
                    // Fails while no socket is bound to the port, and once the socket is connected.
                    let _ = non_peer.send_to(b"flood", target);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let wait_for_flood = || {
            let before = sent.load(Ordering::Relaxed);
            while sent.load(Ordering::Relaxed) < before + 10 {
                thread::yield_now();
            }
        };
        for round in 0..50 {
            wait_for_flood();
            let pair = peer.pair().with_local(Endpoint::any(port.into()));
            let socket = builder.connect(&pair).await.unwrap();
            for number in 0..3 {
                wait_for_flood();
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

/// Connecting reads the queued datagrams from the kernel, which would have woken the waiters.
#[tokio::test]
async fn a_waiter_receives_a_datagram_that_the_peer_sent_before_the_connect() {
    for (engine, builder) in builders() {
        let peer = Peer::new();
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        // A task of its own, which only a wake-up polls again.
        let waiting = tokio::spawn({
            let socket = socket.clone();
            async move { socket.recv().await }
        });
        tokio::task::yield_now().await;
        peer.send(b"early", socket.local_addr().unwrap());
        // Neither the runtime nor the waiting task runs before this is done.
        let pair = peer.pair();
        let connected = pin!(socket.connect(&pair)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(connected, Poll::Ready(Ok(()))), "{engine:?}");
        let message = soon(waiting).await.unwrap().unwrap();
        assert_eq!(message.payload(), b"early", "{engine:?}");
    }
}

/// CON-09: also those that the queue held before the connect.
#[tokio::test]
async fn a_queue_holds_no_datagrams_of_non_peers_after_the_connect() {
    let non_peer = Peer::new();
    for (engine, builder) in builders() {
        let peer = Peer::new();
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let mut queue = socket.queue(8, Overflow::Pause).unwrap();
        non_peer.send(b"from a non-peer", socket.local_addr().unwrap());
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

/// CON-09: after the connect has returned, neither a handler in the middle of a batch nor the
/// receivers after it get a datagram of a non-peer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_in_the_middle_of_a_batch_receives_only_from_the_peer_after_a_connect() {
    for (engine, builder) in builders() {
        for cancels in [false, true] {
            let peer = Peer::new();
            let socket = builder
                .clone()
                .bind(&endpoint("127.0.0.1:0"))
                .await
                .unwrap();
            let to = socket.local_addr().unwrap();
            let non_peer = DatagramSocket::builder().connect(to).await.unwrap();
            let mut batch: SendBatch = (0..10).map(|_| "from a non-peer").collect();
            non_peer
                .output()
                .unwrap()
                .write_batch(&mut batch)
                .await
                .unwrap();

            let barrier = Arc::new(Barrier::new(2));
            let handling = tokio::spawn({
                let (socket, barrier) = (socket.clone(), barrier.clone());
                async move {
                    let mut received = Vec::new();
                    let handler = |datagram: Datagram<'_>| {
                        received.push(datagram.payload().to_vec());
                        if received.len() == 1 {
                            // The socket is connected between these two.
                            barrier.wait();
                            barrier.wait();
                            if cancels {
                                socket.cancel_io().unwrap();
                            }
                        } else {
                            socket.close();
                        }
                    };
                    let ended = socket.for_each(handler).await;
                    (received, ended)
                }
            });
            barrier.wait();
            socket.connect(&peer.pair()).await.unwrap();
            peer.send(b"from the peer", to);
            barrier.wait();
            let (received, ended) = soon(handling).await.unwrap();
            if cancels {
                assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
                let message = soon(socket.recv()).await.unwrap();
                assert_eq!(message.payload(), b"from the peer", "{engine:?}");
            } else {
                ended.unwrap();
                assert_eq!(received[1..], [b"from the peer"], "{engine:?}");
            }
            assert_eq!(socket.statistics().non_peer_dropped, 9, "{engine:?}");
        }
    }
}

/// MSG-17: the first datagram after the drops is that of a non-peer, so the next message reports
/// them.
#[tokio::test]
async fn a_dropped_datagram_of_a_non_peer_does_not_hide_kernel_drops() {
    for (engine, builder) in builders() {
        if !engine.capabilities().drops {
            continue;
        }
        for is_fetched in [false, true] {
            let (peer, non_peer) = (Peer::new(), Peer::new());
            let socket = builder
                .clone()
                .inbound_buffer_bytes(8192)
                .bind(&endpoint("127.0.0.1:0"))
                .await
                .unwrap();
            let to = socket.local_addr().unwrap();
            let sent = 100;
            for _ in 0..sent {
                non_peer.send(&[0; 500], to);
            }
            let dropped = socket.statistics().kernel_dropped;
            assert!(dropped > 0, "{engine:?}");
            // Receives all but one of the datagrams from before the drops, to make space.
            let mut batch = RecvBatch::new(1);
            for _ in 1..sent - dropped {
                assert_eq!(soon(socket.recv_batch(&mut batch)).await.unwrap(), 1);
            }
            non_peer.send(b"after the drops", to);
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
