//! Receiving: order, waiting, cancellation, and closing.

use std::future::{self, Future};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use udpair::{DatagramSocket, ErrorKind, Event, Overflow, RecvBatch, SendBatch};

use crate::support::{Peer, builders, endpoint, loopback, soon, unused_addr};

/// MSG-04, MSG-05
#[tokio::test]
async fn messages_are_received_in_the_order_of_their_arrival() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        // More than one batch.
        for number in 0..200_u8 {
            peer.send(&[number], loopback(&socket));
        }
        for number in 0..200 {
            assert_eq!(
                soon(socket.recv()).await.unwrap().payload(),
                [number],
                "{engine:?}"
            );
        }
        let statistics = socket.statistics();
        assert_eq!(
            (statistics.datagrams_received, statistics.bytes_received),
            (200, 200)
        );
    }
}

/// MSG-10
#[tokio::test]
async fn an_empty_datagram_is_a_message() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        for payload in [b"" as &[u8], b"x", b""] {
            peer.send(payload, loopback(&socket));
        }
        for length in [0, 1, 0] {
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload().len(), length, "{engine:?}");
            assert_eq!(message.remote(), peer.addr());
        }
    }
}

/// MSG-16
#[tokio::test]
async fn the_largest_datagram_arrives_untruncated() {
    for (engine, builder) in builders() {
        for (at, length) in [("127.0.0.1:0", 65_507), ("[::1]:0", 65_527)] {
            let peer = Peer::at(at);
            let socket = builder.bind(&endpoint(at)).await.unwrap();
            let payload: Vec<_> = (0..length).map(|n| n as u8).collect();
            peer.send(&payload, socket.local_addr().unwrap());
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload(), payload, "{engine:?}");
            assert!(!message.is_truncated());
        }
    }
}

/// MSG-11, MSG-20
#[tokio::test]
async fn a_message_has_its_metadata_and_outlives_its_socket() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        peer.send(b"kept", loopback(&socket));
        let message = soon(socket.recv()).await.unwrap();
        let supported = engine.capabilities();
        assert_eq!(
            message.local().is_some(),
            supported.local_address,
            "{engine:?}"
        );
        assert_eq!(
            message.adapter().is_some(),
            supported.local_address,
            "{engine:?}"
        );
        assert_eq!(
            message.hop_limit().is_some(),
            supported.packet_header,
            "{engine:?}"
        );
        assert_eq!(
            message.ecn(),
            supported.packet_header.then_some(0),
            "{engine:?}"
        );
        drop(socket);
        assert_eq!(message.remote(), peer.addr());
        assert_eq!(message.into_payload().as_ref(), b"kept");
    }
}

#[tokio::test]
async fn try_recv_returns_an_available_message_or_none() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        assert!(socket.try_recv().unwrap().is_none());
        peer.send(b"a", loopback(&socket));
        peer.send(b"b", loopback(&socket));
        assert_eq!(
            socket.try_recv().unwrap().unwrap().payload(),
            b"a",
            "{engine:?}"
        );
        assert_eq!(socket.try_recv().unwrap().unwrap().payload(), b"b");
        assert!(socket.try_recv().unwrap().is_none());
        // A receive that waits after `try_recv` is still woken.
        peer.send(b"c", loopback(&socket));
        assert_eq!(soon(socket.recv()).await.unwrap().payload(), b"c");
    }
}

/// The ways to take a message of a socket at once.
const TAKERS: &[&str] = &["try_recv", "recv", "next_event", "poll_recv"];

/// Takes a message that has arrived, before the runtime has noticed that, and returns its payload.
fn take_at_once(socket: &DatagramSocket, taker: &str) -> Option<Vec<u8>> {
    let mut cx = Context::from_waker(Waker::noop());
    let polled = match taker {
        "try_recv" => return Some(socket.try_recv().unwrap()?.payload().to_vec()),
        "recv" => pin!(socket.recv()).poll(&mut cx),
        "next_event" => pin!(socket.next_event())
            .poll(&mut cx)
            .map_ok(|event| match event {
                Event::Message(message) => message,
                event => panic!("{event:?}"),
            }),
        "poll_recv" => socket.poll_recv(&mut cx),
        _ => panic!("{taker}"),
    };
    match polled {
        Poll::Ready(message) => Some(message.unwrap().payload().to_vec()),
        Poll::Pending => None,
    }
}

/// MSG-04: messages of a call that no one asked for stay in the socket, where they no longer make
/// the descriptor readable. Receivers that wait get them nevertheless.
#[tokio::test]
async fn a_receive_that_takes_the_first_of_two_wakes_who_waits_for_the_second() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        // The receivers that poll take what has arrived without the runtime.
        let builder = builder.busy_poll(Duration::from_nanos(1));
        for taker in TAKERS {
            for waiter in [
                "recv",
                "recv_batch",
                "next_event",
                "readable",
                "messages",
                "for_each",
            ] {
                let case = format!("{engine:?} {taker} {waiter}");
                let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
                let waiting = tokio::spawn(wait_for_second(socket.clone(), waiter));
                // On this single-threaded runtime the task waits by the time this one continues.
                tokio::task::yield_now().await;
                peer.send(b"first", loopback(&socket));
                peer.send(b"second", loopback(&socket));
                let first = take_at_once(&socket, taker);
                assert_eq!(first.as_deref(), Some(&b"first"[..]), "{case}");
                soon(waiting)
                    .await
                    .unwrap_or_else(|error| panic!("{case}: {error}"));
            }
        }
    }
}

/// Waits in one of several ways for a datagram that says `second`.
async fn wait_for_second(socket: DatagramSocket, way: &str) {
    let payload = match way {
        "recv" => socket.recv().await.unwrap().payload().to_vec(),
        "recv_batch" => {
            let mut batch = RecvBatch::new(8);
            assert_eq!(socket.recv_batch(&mut batch).await.unwrap(), 1);
            batch.iter().next().unwrap().payload().to_vec()
        }
        "next_event" => match socket.next_event().await.unwrap() {
            Event::Message(message) => message.payload().to_vec(),
            event => panic!("{event:?}"),
        },
        "readable" => {
            socket.readable().await.unwrap();
            socket.try_recv().unwrap().unwrap().payload().to_vec()
        }
        "messages" => {
            let mut messages = pin!(socket.messages());
            let message = future::poll_fn(|cx| messages.as_mut().poll_next(cx)).await;
            message.unwrap().unwrap().payload().to_vec()
        }
        "for_each" => {
            let mut payload = Vec::new();
            let handled = socket.for_each(|datagram| {
                payload = datagram.payload().to_vec();
                socket.close();
            });
            handled.await.unwrap();
            payload
        }
        _ => panic!("{way}"),
    };
    assert_eq!(payload, b"second", "{way}");
}

#[tokio::test]
async fn a_dropped_receive_future_loses_no_message() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        for number in 0..50_u8 {
            {
                let mut receiving = pin!(socket.recv());
                let mut context = Context::from_waker(Waker::noop());
                assert!(receiving.as_mut().poll(&mut context).is_pending());
            }
            peer.send(&[number], loopback(&socket));
        }
        let mut expected = 0;
        while expected < 50 {
            // Every receive is dropped after one poll, unless it returned a message.
            let polled = {
                let mut receiving = pin!(socket.recv());
                future::poll_fn(|cx| Poll::Ready(receiving.as_mut().poll(cx))).await
            };
            let message = match polled {
                Poll::Ready(message) => message.unwrap(),
                Poll::Pending => soon(socket.recv()).await.unwrap(),
            };
            assert_eq!(message.payload(), [expected], "{engine:?}");
            expected += 1;
        }
    }
}

/// GEN-06
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_message_goes_to_one_of_many_waiters() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        let waiters: Vec<_> = (0..8)
            .map(|_| {
                let socket = socket.clone();
                tokio::spawn(async move {
                    let mut taken = Vec::new();
                    for _ in 0..25 {
                        taken.push(socket.recv().await.unwrap().payload()[0]);
                    }
                    taken
                })
            })
            .collect();
        for number in 0..200_u8 {
            peer.send(&[number], loopback(&socket));
        }
        let mut all = Vec::new();
        for waiter in waiters {
            all.extend(soon(waiter).await.unwrap());
        }
        all.sort_unstable();
        assert_eq!(all, (0..200).collect::<Vec<_>>(), "{engine:?}");
    }
}

/// CLS-01, CLS-02, CLS-03
#[tokio::test]
async fn closing_ends_pending_operations_and_fails_later_ones() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.connect(&peer.pair()).await.unwrap();
        let output = socket.output().unwrap();
        let receiving = tokio::spawn({
            let socket = socket.clone();
            async move { socket.recv().await }
        });
        let waiting = tokio::spawn({
            let socket = socket.clone();
            async move { socket.next_event().await.map(|_| ()) }
        });
        tokio::task::yield_now().await;
        socket.close();
        socket.close();
        for error in [
            soon(receiving).await.unwrap().unwrap_err(),
            soon(waiting).await.unwrap().unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Cancelled, "{engine:?}");
            assert_eq!(error.status().number(), 1);
        }
        for error in [
            socket.recv().await.unwrap_err(),
            socket.try_recv().unwrap_err(),
            socket.next_event().await.unwrap_err(),
            output.write(b"x").await.unwrap_err(),
            output.try_write(b"x").unwrap_err(),
            socket.output().unwrap_err(),
            socket.output_to(peer.addr()).await.unwrap_err(),
            socket.send_to(b"x", peer.addr()).await.unwrap_err(),
            socket.connect(&peer.pair()).await.unwrap_err(),
            socket.cancel_io().unwrap_err(),
            socket.set_hop_limit(1).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?} {error}");
            assert_eq!(error.hresult().cast_unsigned(), 0x8000_0013);
        }
    }
}

/// CLS-04, CLS-05: even if other tasks still hold the socket or wait for it.
#[tokio::test]
async fn closing_frees_the_port_at_once() {
    for (engine, builder) in builders() {
        let address = unused_addr();
        let socket = builder.bind(address).await.unwrap();
        let receiving = tokio::spawn({
            let socket = socket.clone();
            async move { socket.recv().await }
        });
        tokio::task::yield_now().await;
        let output = socket.output_to(address).await.unwrap();
        socket.close();
        // At this point the waiting task has not run yet.
        Peer::at(&address.to_string());
        assert_eq!(
            soon(receiving).await.unwrap().unwrap_err().kind(),
            ErrorKind::Cancelled
        );
        assert_eq!(
            output.write(b"x").await.unwrap_err().kind(),
            ErrorKind::Closed,
            "{engine:?}"
        );
    }
}

/// CLS-04, CLS-05: output streams do not keep the socket open.
#[tokio::test]
async fn dropping_the_last_handle_closes_the_socket() {
    for (engine, builder) in builders() {
        let address = unused_addr();
        let socket = builder.bind(address).await.unwrap();
        let output = socket.output_to(address).await.unwrap();
        let clone = socket.clone();
        drop(socket);
        clone.send_to(b"still open", address).await.unwrap();
        drop(clone);
        Peer::at(&address.to_string());
        assert_eq!(
            output.write(b"x").await.unwrap_err().kind(),
            ErrorKind::Closed,
            "{engine:?}"
        );
    }
}

/// CAN-01, CAN-02, CAN-04, CAN-05
#[tokio::test]
async fn cancel_io_ends_pending_receives_but_not_later_ones() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        socket.cancel_io().unwrap();
        let receiving = tokio::spawn({
            let socket = socket.clone();
            async move { socket.recv().await }
        });
        tokio::task::yield_now().await;
        socket.cancel_io().unwrap();
        let error = soon(receiving).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{engine:?}");

        peer.send(b"later", loopback(&socket));
        assert_eq!(soon(socket.recv()).await.unwrap().payload(), b"later");
    }
}

#[tokio::test]
async fn the_stream_of_messages_ends_with_the_socket() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        let mut messages = pin!(socket.messages());
        let mut next = async || future::poll_fn(|cx| messages.as_mut().poll_next(cx)).await;
        peer.send(b"one", loopback(&socket));
        peer.send(b"two", loopback(&socket));
        assert_eq!(
            soon(next()).await.unwrap().unwrap().payload(),
            b"one",
            "{engine:?}"
        );
        assert_eq!(soon(next()).await.unwrap().unwrap().payload(), b"two");
        socket.close();
        assert!(soon(next()).await.is_none());
        assert!(soon(next()).await.is_none());
    }
}

/// CLS-02
#[tokio::test]
async fn closing_ends_a_waiting_stream_of_messages() {
    let socket = DatagramSocket::builder()
        .bind(&endpoint(":0"))
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let socket = socket.clone();
        async move {
            let mut messages = pin!(socket.messages());
            future::poll_fn(|cx| messages.as_mut().poll_next(cx))
                .await
                .is_none()
        }
    });
    tokio::task::yield_now().await;
    socket.close();
    assert!(soon(waiting).await.unwrap());
}

#[tokio::test]
async fn poll_recv_wakes_the_last_task_to_poll() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        let receiving = tokio::spawn({
            let socket = socket.clone();
            async move { future::poll_fn(|cx| socket.poll_recv(cx)).await }
        });
        tokio::task::yield_now().await;
        peer.send(b"x", loopback(&socket));
        assert_eq!(
            soon(receiving).await.unwrap().unwrap().payload(),
            b"x",
            "{engine:?}"
        );
    }
}

/// A receive that never has to wait still yields to other tasks of its thread.
#[tokio::test]
async fn a_flood_of_datagrams_does_not_starve_other_tasks() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder
            .inbound_buffer_bytes(1 << 20)
            .bind(&endpoint(":0"))
            .await
            .unwrap();
        let other = tokio::spawn(async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        });
        let mut received = 0_u32;
        // The flood never ends: two datagrams are sent for each one that is received.
        while !other.is_finished() {
            peer.send(b"x", loopback(&socket));
            peer.send(b"x", loopback(&socket));
            soon(socket.recv()).await.unwrap();
            received += 1;
            assert!(received < 100_000, "{engine:?}");
        }
    }
}

/// Receives datagrams in one of several ways, and counts them, until the socket is closed.
async fn count_received(socket: DatagramSocket, way: &str, count: Arc<AtomicUsize>) {
    let add = |received| count.fetch_add(received, Ordering::Relaxed);
    match way {
        "recv" => {
            while socket.recv().await.is_ok() {
                add(1);
            }
        }
        "next_event" => {
            while socket.next_event().await.is_ok() {
                add(1);
            }
        }
        "messages" => {
            let mut messages = socket.messages();
            while let Some(Ok(_)) =
                future::poll_fn(|cx| Pin::new(&mut messages).poll_next(cx)).await
            {
                add(1);
            }
        }
        "for_each" => {
            let _ = socket
                .for_each(|_| {
                    add(1);
                })
                .await;
        }
        "recv_batch" => {
            let mut batch = RecvBatch::new(64);
            while let Ok(received) = socket.recv_batch(&mut batch).await {
                add(received);
            }
        }
        "queue" => {
            let mut queue = socket.queue(10_000, Overflow::Pause).unwrap();
            while queue.recv().await.is_ok() {
                add(1);
            }
        }
        _ => panic!("{way}"),
    }
}

/// Whoever receives gives the thread to other tasks after some 128 datagrams, whether these arrived
/// alone or together, and whichever way they are received.
#[tokio::test]
async fn other_tasks_run_between_few_datagrams() {
    const SENT: usize = 480;
    let sender = DatagramSocket::builder()
        .bind(&endpoint(":0"))
        .await
        .unwrap();
    for (engine, builder) in builders() {
        for way in [
            "recv",
            "next_event",
            "messages",
            "for_each",
            "recv_batch",
            "queue",
        ] {
            let builder = builder.clone().inbound_buffer_bytes(1 << 20);
            let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
            let to = socket.local_addr().unwrap();
            let mut batch = SendBatch::new();
            while batch.len() < SENT {
                batch.push_to(&b"x"[..], to);
            }
            sender.send_batch(&mut batch).await.unwrap();
            let count = Arc::new(AtomicUsize::new(0));
            let receiving = tokio::spawn({
                let (socket, count) = (socket.clone(), count.clone());
                async move { count_received(socket, way, count).await }
            });
            let mut before = 0;
            soon(async {
                while before < SENT {
                    tokio::task::yield_now().await;
                    let now = count.load(Ordering::Relaxed);
                    assert!(
                        now - before <= 192,
                        "{} at once {engine:?} {way}",
                        now - before
                    );
                    before = now;
                }
            })
            .await;
            socket.close();
            soon(receiving).await.unwrap();
        }
    }
}

/// MSG-17: a datagram that does not fit into the receive buffer is dropped. The count is exact.
#[tokio::test]
async fn datagrams_dropped_by_the_kernel_are_counted() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder
            .inbound_buffer_bytes(4096)
            .bind(&endpoint(":0"))
            .await
            .unwrap();
        let sent = 500;
        for _ in 0..sent {
            peer.send(&[0; 100], loopback(&socket));
        }
        let mut received = 0;
        while socket.try_recv().unwrap().is_some() {
            received += 1;
        }
        let statistics = socket.statistics();
        assert!(received < sent, "{engine:?}");
        if statistics.kernel_dropped_exact {
            assert_eq!(statistics.kernel_dropped, sent - received, "{engine:?}");
        }
        socket.close();
        assert_eq!(socket.statistics(), statistics, "{engine:?}");
    }
}

#[tokio::test]
async fn next_event_returns_messages_too() {
    let peer = Peer::new();
    for (_, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        peer.send(b"x", loopback(&socket));
        let Event::Message(message) = soon(socket.next_event()).await.unwrap() else {
            panic!("a message")
        };
        assert_eq!(message.payload(), b"x");
    }
}

/// A caller can poll it without `Box::pin`.
#[test]
fn the_stream_of_messages_is_unpin() {
    fn check<T: Unpin>() {}
    check::<udpair::Messages<'_>>();
    check::<Pin<&mut udpair::Messages<'_>>>();
}
