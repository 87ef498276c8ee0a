//! The calls that poll a socket, or that try and never wait.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Waker};

use udpair::{ErrorKind, Event, RecvBatch, SendBatch};

use crate::support::{Peer, builders, endpoint, loopback, soon, unused_addr};

/// A batch that was tried holds what has arrived, in order, and nothing else.
#[tokio::test]
async fn a_batch_is_received_by_trying_and_by_polling() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let to = loopback(&socket);
        let mut batch = RecvBatch::new(4);
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(socket.try_recv_batch(&mut batch).unwrap(), 0);
        assert!(socket.poll_recv_batch(&mut cx, &mut batch).is_pending());
        for round in 0..3_u8 {
            for number in 0..10 {
                peer.send(&[round, number], to);
            }
            let mut next = 0;
            while next < 10 {
                let received = match round {
                    // What has arrived is there at once.
                    0 => socket.try_recv_batch(&mut batch),
                    _ => soon(poll_fn(|cx| socket.poll_recv_batch(cx, &mut batch))).await,
                };
                let received = received.unwrap();
                assert!(received > 0 && received == batch.len(), "{engine:?}");
                for datagram in batch.iter() {
                    assert_eq!(datagram.payload(), [round, next], "{engine:?}");
                    next += 1;
                }
            }
            assert_eq!(socket.try_recv_batch(&mut batch).unwrap(), 0);
            assert!(batch.is_empty());
        }
        socket.close();
        let error = socket.try_recv_batch(&mut batch).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}

/// Waiting takes nothing, however many wait.
#[tokio::test]
async fn what_is_readable_stays() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(socket.poll_readable(&mut cx).is_pending());
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let socket = socket.clone();
                tokio::spawn(async move { socket.readable().await })
            })
            .collect();
        tokio::task::yield_now().await;
        peer.send(b"x", loopback(&socket));
        for task in waiting {
            soon(task).await.unwrap().unwrap();
        }
        soon(poll_fn(|cx| socket.poll_readable(cx))).await.unwrap();
        let message = socket.try_recv().unwrap().expect("it stayed");
        assert_eq!(message.payload(), b"x", "{engine:?}");
        assert!(pin!(socket.readable()).poll(&mut cx).is_pending());
    }
}

/// An error that the network sent back is an event, which can be read.
#[tokio::test]
async fn an_error_is_readable() {
    for (engine, builder) in builders() {
        let socket = builder.connect(unused_addr()).await.unwrap();
        socket.output().unwrap().write(b"x").await.unwrap();
        soon(socket.readable()).await.unwrap();
        let event = soon(socket.next_event()).await.unwrap();
        assert!(matches!(event, Event::PeerError(_)), "{engine:?} {event:?}");
    }
}

/// Without a full buffer everything is sent at once, to any mixture of destinations.
#[tokio::test]
async fn a_batch_is_sent_by_trying_and_by_polling() {
    let peers = [Peer::new(), Peer::new()];
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        for is_polled in [false, true] {
            let mut batch = SendBatch::new();
            for number in 0..20_u8 {
                let payload = vec![number; 1 + usize::from(number % 3)];
                batch.push_to(payload, peers[usize::from(number % 2)].addr());
            }
            if is_polled {
                soon(poll_fn(|cx| socket.poll_send_batch(cx, &mut batch)))
                    .await
                    .unwrap();
            } else {
                assert_eq!(socket.try_send_batch(&mut batch).unwrap(), 20);
            }
            assert!(batch.is_empty(), "{engine:?}");
            for number in 0..20_u8 {
                let received = peers[usize::from(number % 2)].recv().0;
                assert_eq!(received, vec![number; 1 + usize::from(number % 3)]);
            }
        }
        soon(socket.writable()).await.unwrap();
        soon(poll_fn(|cx| socket.poll_writable(cx))).await.unwrap();
    }
}

/// The datagrams before an invalid one are sent; it is the first that is left.
#[tokio::test]
async fn an_invalid_datagram_is_the_first_that_is_left() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        for is_polled in [false, true] {
            let mut batch = SendBatch::new();
            batch.push_to("first", peer.addr());
            batch.push("to nobody");
            batch.push_to("last", peer.addr());
            let error = if is_polled {
                poll_fn(|cx| socket.poll_send_batch(cx, &mut batch)).await
            } else {
                socket.try_send_batch(&mut batch).map(drop)
            };
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidState, "{engine:?}");
            assert_eq!(peer.recv().0, b"first");
            let left: Vec<_> = batch.iter().map(|left| left.payload.to_vec()).collect();
            assert_eq!(left, [&b"to nobody"[..], b"last"]);
        }
    }
}

/// CAN-01, CLS-02: also those that poll.
#[tokio::test]
async fn waiting_for_a_message_ends_with_the_socket() {
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let mut batch = RecvBatch::new(4);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(socket.poll_recv_batch(&mut cx, &mut batch).is_pending());
        socket.cancel_io().unwrap();
        let error = soon(poll_fn(|cx| socket.poll_recv_batch(cx, &mut batch))).await;
        assert_eq!(
            error.unwrap_err().kind(),
            ErrorKind::Cancelled,
            "{engine:?}"
        );
        let waiting = tokio::spawn({
            let socket = socket.clone();
            async move { socket.readable().await }
        });
        tokio::task::yield_now().await;
        socket.close();
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{engine:?}");
        for error in [
            socket.writable().await.unwrap_err(),
            poll_fn(|cx| socket.poll_writable(cx)).await.unwrap_err(),
            socket.try_send_batch(&mut SendBatch::new()).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
        }
    }
}
