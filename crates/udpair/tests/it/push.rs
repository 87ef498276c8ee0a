//! Datagrams pushed to a handler or a queue.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use udpair::{DatagramSocket, ErrorKind, Overflow, SendBatch};

use crate::support::{Peer, builders, endpoint, soon};

/// Sends `count` numbered datagrams in one batch.
async fn send_numbers(to: &DatagramSocket, count: u8) {
    let to = to.local_addr().unwrap();
    let sender = DatagramSocket::builder().connect(to).await.unwrap();
    let mut batch: SendBatch = (0..count).map(|number| vec![number; 3]).collect();
    let output = sender.output().unwrap();
    output.write_batch(&mut batch).await.unwrap();
}

/// MSG-04, MSG-05
#[tokio::test]
async fn a_handler_gets_every_datagram_in_order_until_the_socket_is_closed() {
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        send_numbers(&socket, 100).await;
        let mut found = Vec::new();
        let pushed = socket.for_each(|datagram| {
            found.push(datagram.payload()[0]);
            if found.len() == 100 {
                socket.close();
            }
        });
        soon(pushed).await.unwrap();
        assert_eq!(found, (0..100).collect::<Vec<_>>(), "{engine:?}");
    }
}

/// MSG-18, CLS-05: a handler may close the socket, and is not called after that.
#[tokio::test]
async fn a_handler_that_closes_the_socket_is_not_called_again() {
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        send_numbers(&socket, 20).await;
        let mut calls = 0;
        let pushed = socket.for_each(|_| {
            calls += 1;
            socket.close();
        });
        soon(pushed).await.unwrap();
        assert_eq!(calls, 1, "{engine:?}");
        // The datagrams after that one were dropped with the socket.
        for _ in 0..2 {
            let error = soon(socket.recv()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
        }
    }
}

/// MSG-18
#[tokio::test]
async fn a_handler_may_send_replies() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        for payload in [b"a", b"b"] {
            peer.send(payload, socket.local_addr().unwrap());
        }
        let mut left = 2;
        let pushed = socket.for_each(|datagram| {
            let reply = datagram.metadata().reply();
            assert!(socket.try_send_to(datagram.payload(), reply).unwrap());
            left -= 1;
            if left == 0 {
                socket.close();
            }
        });
        soon(pushed).await.unwrap();
        assert_eq!(
            (peer.recv().0, peer.recv().0),
            (b"a".into(), b"b".into()),
            "{engine:?}"
        );
    }
}

/// CAN-01: the next receiver gets the rest of the batch.
#[tokio::test]
async fn a_cancelled_handler_leaves_the_unhandled_datagrams() {
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        send_numbers(&socket, 20).await;
        let mut handled = Vec::new();
        let pushed = socket.for_each(|datagram| {
            handled.push(datagram.payload()[0]);
            if handled.len() == 5 {
                socket.cancel_io().unwrap();
            }
        });
        let error = soon(pushed).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{engine:?}");
        assert_eq!(handled, [0, 1, 2, 3, 4], "{engine:?}");
        for number in 5..20 {
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload(), [number; 3], "{engine:?}");
        }
    }
}

#[tokio::test]
async fn a_panic_in_a_handler_loses_only_its_own_datagram() {
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        send_numbers(&socket, 10).await;
        let task = tokio::spawn({
            let socket = socket.clone();
            async move {
                let handler = AssertUnwindSafe(|number: u8| assert_ne!(number, 3, "on purpose"));
                socket
                    .for_each(|datagram| handler(datagram.payload()[0]))
                    .await
            }
        });
        assert!(soon(task).await.unwrap_err().is_panic());
        for number in 4..10 {
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload(), [number; 3], "{engine:?}");
        }
    }
}

#[tokio::test]
async fn a_busy_polling_receiver_receives_and_ends_when_the_socket_is_closed() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let builder = builder.busy_poll(Duration::from_millis(1));
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        std::thread::scope(|scope| {
            let to = socket.local_addr().unwrap();
            let peer = &peer;
            scope.spawn(move || (0..20_u8).for_each(|number| peer.send(&[number], to)));
        });
        for number in 0..20 {
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload(), [number], "{engine:?}");
        }
        let waiting = tokio::spawn({
            let socket = socket.clone();
            async move { socket.recv().await.map(drop) }
        });
        tokio::task::yield_now().await;
        socket.close();
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{engine:?}");
    }
}

/// No clock can represent the end of the polling.
#[tokio::test]
async fn a_receiver_may_poll_for_any_time() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        for time in [
            Duration::MAX,
            Duration::from_secs(u64::MAX / 2),
            Duration::from_secs(1 << 40),
            Duration::from_micros(1 << 40),
            Duration::from_nanos(1),
        ] {
            let builder = builder.clone().busy_poll(time);
            let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
            let to = socket.local_addr().unwrap();
            peer.send(b"before", to);
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload(), b"before", "{engine:?} {time:?}");
            std::thread::scope(|scope| {
                scope.spawn(|| peer.send(b"meanwhile", to));
            });
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload(), b"meanwhile", "{engine:?} {time:?}");
            // The polling occupies its thread until the socket is closed.
            let closing = socket.clone();
            let closer = std::thread::spawn(move || closing.close());
            let error = soon(socket.recv()).await.unwrap_err();
            let is_closed = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Closed);
            assert!(is_closed, "{engine:?} {time:?} {error:?}");
            closer.join().unwrap();
        }
    }
}

/// MSG-17: dropped messages are counted.
#[tokio::test]
async fn a_full_queue_follows_its_overflow_policy() {
    const SENT: u8 = 50;
    const CAPACITY: usize = 8;
    for (engine, builder) in builders() {
        for overflow in [Overflow::Pause, Overflow::DropNewest, Overflow::DropOldest] {
            let socket = builder
                .clone()
                .bind(&endpoint("127.0.0.1:0"))
                .await
                .unwrap();
            let mut queue = socket.queue(CAPACITY, overflow).unwrap();
            send_numbers(&socket, SENT).await;
            // The task that fills the queue has finished when it waits for space or for datagrams.
            let accepted = match overflow {
                Overflow::Pause => CAPACITY as u64,
                _ => u64::from(SENT),
            };
            soon(async {
                while queue.len() as u64 + queue.dropped() < accepted {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            let first_kept = match overflow {
                Overflow::DropOldest => SENT - CAPACITY as u8,
                _ => 0,
            };
            let last_kept = match overflow {
                Overflow::DropNewest => CAPACITY as u8,
                _ => SENT,
            };
            for number in first_kept..last_kept {
                let message = soon(queue.recv()).await.unwrap();
                assert_eq!(message.payload(), [number; 3], "{overflow:?} {engine:?}");
            }
            let dropped = u64::from(SENT - (last_kept - first_kept));
            assert_eq!(queue.dropped(), dropped, "{overflow:?} {engine:?}");
            assert_eq!(socket.statistics().queue_dropped, dropped);
            assert!(queue.is_empty());
        }
    }
}

#[tokio::test]
async fn a_queue_continues_after_cancel_io_and_keeps_its_messages_after_close() {
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let mut queue = socket.queue(8, Overflow::Pause).unwrap();
        tokio::task::yield_now().await;
        socket.cancel_io().unwrap();
        send_numbers(&socket, 3).await;
        soon(async {
            while queue.len() < 3 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        socket.close();
        for number in 0..3 {
            let message = soon(queue.recv()).await.unwrap();
            assert_eq!(message.payload(), [number; 3], "{engine:?}");
        }
        let error = soon(queue.recv()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
        let error = socket.queue(8, Overflow::Pause).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
    }
}
