//! Batches with the events between them, handlers of batches, and a socket as a sink.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Instant;

use bytes::Bytes;
use futures_util::SinkExt as _;
use udpair::{
    DatagramSocket, Destination, Error, ErrorKind, Event, PeerErrors, RecvBatch, SendBatch,
};

use crate::support::{Peer, TIMEOUT, builders, endpoint, loopback, soon, unused_addr};

/// Returns what comes next, by one of the three ways to ask for it.
async fn next(
    socket: &DatagramSocket,
    batch: &mut RecvBatch,
    way: usize,
) -> Result<Option<Event>, Error> {
    match way {
        0 => soon(socket.next_batch(batch)).await,
        1 => soon(poll_fn(|cx| socket.poll_next_batch(cx, batch))).await,
        _ => {
            soon(socket.readable()).await?;
            socket.try_next_batch(batch)
        }
    }
}

/// MSG-12, MSG-13: an error comes before the datagrams that are queued, and none of those is lost.
#[tokio::test]
async fn errors_come_between_batches() {
    for (engine, builder) in builders() {
        if !engine.capabilities().error_queue {
            continue;
        }
        for peer_errors in [PeerErrors::AreEvents, PeerErrors::FailRecv] {
            let builder = builder.clone().peer_errors(peer_errors);
            for way in 0..3 {
                let peer = Peer::new();
                let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
                let to = loopback(&socket);
                let mut batch = RecvBatch::new(4);
                let nothing = socket.try_next_batch(&mut batch).unwrap();
                assert!(nothing.is_none() && batch.is_empty(), "{engine:?}");
                for round in 0..3_u8 {
                    for number in 0..10 {
                        peer.send(&[round, number], to);
                    }
                    let closed = unused_addr();
                    socket.send_to(b"lost", closed).await.unwrap();
                    let event = next(&socket, &mut batch, way).await.unwrap();
                    let Some(Event::PeerError(error)) = event else {
                        panic!("{engine:?}, way {way}: {event:?}");
                    };
                    assert_eq!(error.destination, Some(closed));
                    assert!(batch.is_empty());
                    let mut received = Vec::new();
                    while received.len() < 10 {
                        let event = next(&socket, &mut batch, way).await.unwrap();
                        assert!(event.is_none(), "{event:?}");
                        let payloads = batch.iter().map(|datagram| datagram.payload().to_vec());
                        received.extend(payloads);
                    }
                    let expected: Vec<_> = (0..10).map(|number| vec![round, number]).collect();
                    assert_eq!(received, expected, "{engine:?}, way {way}");
                    assert_eq!(batch.limit(), 4);
                }
            }
        }
    }
}

/// A wait for a batch takes nothing when it is dropped, and ends with the socket.
#[tokio::test]
async fn a_wait_for_a_batch_ends_with_the_socket() {
    let peer = Peer::new();
    let socket = DatagramSocket::builder()
        .bind(&endpoint("127.0.0.1:0"))
        .await
        .unwrap();
    let mut batch = RecvBatch::new(4);
    let mut cx = Context::from_waker(Waker::noop());
    {
        let mut waiting = pin!(socket.next_batch(&mut batch));
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
    }
    peer.send(b"x", loopback(&socket));
    assert!(soon(socket.next_batch(&mut batch)).await.unwrap().is_none());
    assert_eq!(batch.len(), 1);
    let waiting = tokio::spawn({
        let socket = socket.clone();
        async move { socket.next_batch(&mut RecvBatch::new(1)).await }
    });
    tokio::task::yield_now().await;
    socket.close();
    let error = soon(waiting).await.unwrap().unwrap_err();
    let kind = error.kind();
    assert!(
        matches!(kind, ErrorKind::Cancelled | ErrorKind::Closed),
        "{kind:?}"
    );
}

/// The handler gets every datagram once and in order, several at a time where they came together.
/// It may close the socket, which ends the wait.
#[tokio::test]
async fn a_handler_gets_batches() {
    for (engine, builder) in builders() {
        let sender = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let to = loopback(&socket);
        let mut sent: SendBatch = SendBatch::new();
        for number in 0..100_u8 {
            sent.push_to(vec![number; 20], to);
        }
        sender.send_batch(&mut sent).await.unwrap();
        let (mut received, mut batches) = (Vec::new(), 0);
        let handled = socket.for_each_batch(|datagrams| {
            batches += 1;
            received.extend(datagrams.map(|datagram| datagram.payload()[0]));
            if received.len() == 100 {
                socket.close();
            }
        });
        soon(handled).await.unwrap();
        assert_eq!(received, (0..100).collect::<Vec<_>>(), "{engine:?}");
        if engine.capabilities().receive_offload {
            assert!(batches < 50, "{engine:?}: {batches}");
        }
    }
}

/// CAN-01: a cancellation by the handler itself ends the wait too, although more has arrived.
#[tokio::test]
async fn a_handler_of_batches_may_cancel() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        for _ in 0..100 {
            peer.send(b"x", loopback(&socket));
        }
        let mut batches = 0;
        let handled = soon(socket.for_each_batch(|_| {
            batches += 1;
            socket.cancel_io().unwrap();
        }));
        let error = handled.await.unwrap_err();
        assert_eq!(
            (error.kind(), batches),
            (ErrorKind::Cancelled, 1),
            "{engine:?}"
        );
    }
}

/// CAN-01: a handler that waits is cancelled, and other tasks run beside it.
#[tokio::test]
async fn a_handler_of_batches_can_be_cancelled() {
    let peer = Peer::new();
    let socket = DatagramSocket::builder()
        .bind(&endpoint("127.0.0.1:0"))
        .await
        .unwrap();
    let handling = tokio::spawn({
        let socket = socket.clone();
        async move {
            // Each datagram causes the next one, so that there is always one.
            let mut echoes = SendBatch::new();
            let local = loopback(&socket);
            let handler = |datagrams: udpair::Datagrams<'_>| {
                for datagram in datagrams {
                    echoes.push_to(datagram.payload().to_vec(), local);
                }
                socket.try_send_batch(&mut echoes).unwrap();
            };
            socket.for_each_batch(handler).await
        }
    });
    peer.send(b"around", loopback(&socket));
    while socket.statistics().datagrams_received < 1000 {
        tokio::task::yield_now().await;
    }
    socket.cancel_io().unwrap();
    let error = soon(handling).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

/// OUT-13, OUT-14: a flush sends what was fed, in order and to each destination. A datagram that
/// cannot be sent is reported, and the others are sent.
#[tokio::test]
async fn a_socket_is_a_sink() {
    for (engine, builder) in builders() {
        let peers = [Peer::new(), Peer::new()];
        let to = |number: usize| Destination::from(peers[number % 2].addr());
        // The first flush binds the socket.
        let socket = builder.open().unwrap();
        let mut sink = socket.sink();
        for number in 0..40_usize {
            let payload = Bytes::copy_from_slice(&[number as u8; 8]);
            sink.feed((payload, to(number))).await.unwrap();
        }
        assert_eq!(socket.local_addr(), None, "{engine:?}");
        soon(sink.flush()).await.unwrap();
        for number in 0..40 {
            assert_eq!(peers[number % 2].recv().0, [number as u8; 8], "{engine:?}");
        }
        let parts = [b"one".to_vec(), vec![0; 65_508], b"two".to_vec()];
        for payload in parts {
            sink.feed((payload.into(), to(0))).await.unwrap();
        }
        let error = soon(sink.flush()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PayloadTooLarge, "{engine:?}");
        soon(sink.flush()).await.unwrap();
        assert_eq!(peers[0].recv().0, b"one");
        assert_eq!(peers[0].recv().0, b"two");
        // A long feed flushes itself, and a closed sink leaves the socket open.
        for number in 0..600_usize {
            sink.feed((Bytes::from_static(b"x"), to(0))).await.unwrap();
            let sent = socket.statistics().datagrams_sent;
            assert!(number < 580 || sent > 500, "{engine:?}: {sent}");
            if sent > 42 {
                break;
            }
        }
        soon(sink.close()).await.unwrap();
        assert!(socket.local_addr().is_some());
    }
}

/// CLS-05: what receives does not keep the socket open, and its wait ends with the socket.
#[tokio::test]
async fn a_receiver_does_not_keep_the_socket_open() {
    let peer = Peer::new();
    // The system may give a port that it has chosen to another test as soon as it is free.
    let local = unused_addr();
    let socket = DatagramSocket::builder().bind(local).await.unwrap();
    let receiver = socket.receiver();
    peer.send(b"x", local);
    let mut batch = RecvBatch::new(4);
    let next = soon(receiver.next_batch(&mut batch)).await.unwrap();
    assert!(next.is_none() && batch.len() == 1);
    let waiting = tokio::spawn(async move { receiver.next_batch(&mut batch).await });
    tokio::task::yield_now().await;
    drop(socket);
    assert!(soon(waiting).await.unwrap().is_err());
    std::net::UdpSocket::bind(local).expect("the port is free");
}

/// A handler lets go of its thread between batches, whatever executor polls it.
#[test]
fn one_poll_hands_on_a_bounded_number_of_datagrams() {
    // As many as a receive buffer holds without being asked for more.
    const SENT: u64 = 200;
    let peer = Peer::new();
    let socket = udpair::blocking::Socket::bind("127.0.0.1:0").unwrap();
    let socket = socket.inner();
    let mut handling = pin!(socket.for_each_batch(|_| {}));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(handling.as_mut().poll(&mut cx).is_pending());
    for _ in 0..SENT {
        peer.send(b"flood", socket.local_addr().unwrap());
    }
    let received = || socket.statistics().datagrams_received;
    let (mut most, begun) = (0, Instant::now());
    while received() < SENT {
        assert!(begun.elapsed() < TIMEOUT, "{}", received());
        let before = received();
        assert!(handling.as_mut().poll(&mut cx).is_pending());
        most = most.max(received() - before);
    }
    // About 128, of which the last come with up to 31 more.
    assert!(most < 160, "{most}");
}
