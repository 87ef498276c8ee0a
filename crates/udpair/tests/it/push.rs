//! Datagrams pushed to a handler.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use udpair::{DatagramSocket, ErrorKind, Overflow, SendBatch};

use crate::support::{Peer, builders, endpoint, soon};

/// Sends `count` numbered datagrams in one batch.
async fn send_numbers(to: &DatagramSocket, count: u8) {
    let to = to.local_addr().unwrap();
    let sender = DatagramSocket::builder().connect(&to.into()).await.unwrap();
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
        // What was behind that datagram is gone with the socket.
        for _ in 0..2 {
            let error = soon(socket.recv()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
        }
    }
}

/// MSG-18: a handler may answer.
#[tokio::test]
async fn a_handler_may_send() {
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

/// CAN-01: cancelled in the middle of a batch, it leaves the rest to whoever receives next.
#[tokio::test]
async fn a_cancelled_handler_leaves_what_it_did_not_handle() {
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

/// A handler that panics takes its own datagram with it, and no other.
#[tokio::test]
async fn a_panic_loses_no_other_datagram() {
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

/// Asking before sleeping finds what came, and ends when it should.
#[tokio::test]
async fn a_receiver_that_polls_busily_receives_and_ends() {
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

/// MSG-17: what a full queue does is its owner's choice, and counted.
#[tokio::test]
async fn a_full_queue_does_what_its_owner_said() {
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
            // The filler has done all it can when it waits, for room or for datagrams.
            let taken_in = match overflow {
                Overflow::Pause => CAPACITY as u64,
                _ => u64::from(SENT),
            };
            soon(async {
                while queue.len() as u64 + queue.dropped() < taken_in {
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

/// What was queued before the end can be taken after it; being cancelled is no end.
#[tokio::test]
async fn a_queue_outlives_a_cancellation_and_keeps_what_it_has_past_the_end() {
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
