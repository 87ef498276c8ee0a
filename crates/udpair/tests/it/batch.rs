//! Sending and receiving in batches: no datagram is merged, split, reordered or lost.

use std::future::{self, Future};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;

use bytes::Bytes;
use futures_sink::Sink;
use tokio::task::coop;
use udpair::{DatagramSocket, Endpoint, EndpointPair, ErrorKind, Event, RecvBatch, SendBatch};

use crate::support::{Peer, TIMEOUT, builders, endpoint, loopback, soon, unused_addr};

/// Lengths that form GSO runs, end runs, and are sent on their own.
const LENGTHS: [usize; 16] = [
    64, 64, 64, 10, 64, 0, 0, 64, 1200, 1200, 1200, 1199, 1, 30_000, 30_000, 30_000,
];

fn payload(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (number * 7 + at) as u8).collect()
}

/// OUT-01, OUT-14: the datagrams of one call arrive as they were sent.
#[tokio::test]
async fn a_batch_of_mixed_lengths_arrives_datagram_by_datagram() {
    for (engine, sending) in builders() {
        for (_, receiving) in builders() {
            let receiver = receiving
                .inbound_buffer_bytes(1 << 20)
                .bind(&endpoint("127.0.0.1:0"))
                .await
                .unwrap();
            let pair = EndpointPair::from(receiver.local_addr().unwrap());
            let sender = sending.connect(&pair).await.unwrap();
            let mut batch: SendBatch = LENGTHS
                .into_iter()
                .enumerate()
                .map(|(number, length)| payload(number, length))
                .collect();
            let output = sender.output().unwrap();
            output.write_batch(&mut batch).await.unwrap();
            assert!(batch.is_empty());

            for (number, length) in LENGTHS.into_iter().enumerate() {
                let message = soon(receiver.recv()).await.unwrap();
                assert_eq!(
                    message.payload(),
                    payload(number, length),
                    "{number} of {length} bytes, {engine:?}"
                );
                assert_eq!(message.remote(), sender.local_addr().unwrap());
            }
            assert_eq!(sender.statistics().datagrams_sent, LENGTHS.len() as u64);
            assert_eq!(
                receiver.statistics().datagrams_received,
                LENGTHS.len() as u64
            );
        }
    }
}

/// OUT-02: destinations and lengths are mixed. The batch binds the socket.
#[tokio::test]
async fn a_batch_may_have_many_destinations() {
    let peers: Vec<_> = (0..5).map(|_| Peer::new()).collect();
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        let mut batch = SendBatch::new();
        // Runs to one peer, then datagrams to each peer in turn. IPv4 on a dual-stack socket.
        for number in 0..20_usize {
            batch.push_to(payload(number, 50), peers[number / 7].addr());
        }
        for number in 20..40_usize {
            batch.push_to(payload(number, number), peers[number % 5].addr());
        }
        soon(socket.send_batch(&mut batch)).await.unwrap();
        assert!(batch.is_empty());
        let mut expected = vec![Vec::new(); peers.len()];
        for number in 0..20_usize {
            expected[number / 7].push(payload(number, 50));
        }
        for number in 20..40_usize {
            expected[number % 5].push(payload(number, number));
        }
        for (peer, expected) in peers.iter().zip(expected) {
            for payload in expected {
                assert_eq!(peer.recv().0, payload, "{engine:?}");
            }
        }
    }
}

/// The batch is larger than any single system call accepts.
#[tokio::test]
async fn a_batch_may_have_any_size() {
    const COUNT: u32 = 10_000;
    for (engine, builder) in builders() {
        let receiver = DatagramSocket::builder()
            .inbound_buffer_bytes(64 << 20)
            .bind(&endpoint("127.0.0.1:0"))
            .await
            .unwrap();
        let pair = EndpointPair::from(receiver.local_addr().unwrap());
        let sender = builder.connect(&pair).await.unwrap();
        let sending = async {
            let numbers = (0..COUNT).map(|number| Bytes::copy_from_slice(&number.to_be_bytes()));
            let mut batch: SendBatch = numbers.collect();
            let output = sender.output().unwrap();
            output.write_batch(&mut batch).await.unwrap();
        };
        soon(sending).await;
        // Loopback delivers before a send returns, so all datagrams have arrived. Those that did
        // not fit into the receive buffer are the last ones.
        let mut next = 0;
        while let Some(message) = receiver.try_recv().unwrap() {
            assert_eq!(message.payload(), u32::to_be_bytes(next), "{engine:?}");
            next += 1;
        }
        assert!(next > 100, "{next} {engine:?}");
        assert_eq!(sender.statistics().datagrams_sent, u64::from(COUNT));
    }
}

/// OUT-12: datagrams before the failing one are sent.
#[tokio::test]
async fn after_an_error_the_batch_holds_the_failing_datagram_and_those_after_it() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.connect(&peer.pair()).await.unwrap();
        let output = socket.output().unwrap();
        let mut batch = SendBatch::new();
        batch.extend([vec![1; 10], vec![2; 10], vec![3; 65_508], vec![4; 10]]);
        let error = output.write_batch(&mut batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PayloadTooLarge, "{engine:?}");
        let left: Vec<_> = batch.iter().map(|next| next.payload.len()).collect();
        assert_eq!(left, [65_508, 10], "{engine:?}");
        // Without that datagram the rest is sent.
        batch.pop();
        output.write_batch(&mut batch).await.unwrap();
        for first in [1, 2, 4] {
            assert_eq!(peer.recv().0, [first; 10], "{engine:?}");
        }
    }
}

#[tokio::test]
async fn after_a_wrong_destination_its_datagram_is_the_first_in_the_batch() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let connected = builder.connect(&peer.pair()).await.unwrap();
        let output = connected.output().unwrap();
        let mut batch = SendBatch::new();
        batch.push("first");
        batch.push_to("second", peer.addr());
        let error = output.write_batch(&mut batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{engine:?}");
        assert_eq!(batch.len(), 1);
        assert_eq!((batch.len(), peer.recv().0), (1, b"first".to_vec()));

        let bound = builder.bind(&endpoint(":0")).await.unwrap();
        let mut batch = SendBatch::new();
        batch.push_to("first", peer.addr());
        batch.push("without a destination");
        let error = bound.send_batch(&mut batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState, "{engine:?}");
        batch.clear();
        batch.push_to(
            "to no port",
            "127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap(),
        );
        let error = bound.send_batch(&mut batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{engine:?}");
        assert_eq!((batch.len(), peer.recv().0), (1, b"first".to_vec()));
    }
}

/// OUT-15: a queued error of another destination does not fail a batch.
#[tokio::test]
async fn a_batch_is_sent_despite_queued_errors() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let closed = unused_addr();
        let mut batch = SendBatch::new();
        for number in 0..30_u8 {
            batch.push_to(vec![number; 20], peer.addr());
            batch.push_to(vec![0; 20], closed);
        }
        soon(socket.send_batch(&mut batch)).await.unwrap();
        for number in 0..30 {
            assert_eq!(peer.recv().0, [number; 20], "{engine:?}");
        }
        if engine.capabilities().error_queue {
            let event = soon(socket.next_event()).await.unwrap();
            assert!(
                matches!(&event, Event::PeerError(error) if error.destination == Some(closed)),
                "{event:?}"
            );
        }
    }
}

/// MSG-05
#[tokio::test]
async fn single_and_batched_receives_keep_the_order_of_messages() {
    for (engine, builder) in builders() {
        let receiver = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let pair = EndpointPair::from(receiver.local_addr().unwrap());
        let sender = DatagramSocket::builder().connect(&pair).await.unwrap();
        let mut sent: SendBatch = (0..100_u8).map(|number| vec![number; 8]).collect();
        sender
            .output()
            .unwrap()
            .write_batch(&mut sent)
            .await
            .unwrap();

        let mut found = Vec::new();
        let mut batch = RecvBatch::new(2);
        while found.len() < 100 {
            let message = soon(receiver.recv()).await.unwrap();
            found.push(message.payload()[0]);
            if found.len() == 100 {
                break;
            }
            let count = soon(receiver.recv_batch(&mut batch)).await.unwrap();
            assert_eq!(count, batch.len());
            found.extend(batch.iter().map(|datagram| datagram.payload()[0]));
        }
        assert_eq!(found, (0..100).collect::<Vec<_>>(), "{engine:?}");
    }
}

/// CON-09: the filter checks every datagram of a batch, also within a GRO buffer.
#[tokio::test]
async fn datagrams_of_a_non_peer_in_a_batch_are_not_delivered() {
    for (engine, builder) in builders() {
        let peer = DatagramSocket::builder()
            .bind(&endpoint("127.0.0.1:0"))
            .await
            .unwrap();
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let to = socket.local_addr().unwrap();
        let non_peer = DatagramSocket::builder().connect(to).await.unwrap();
        for _ in 0..3 {
            let mut batch: SendBatch = (0..10).map(|_| "from a non-peer").collect();
            non_peer
                .output()
                .unwrap()
                .write_batch(&mut batch)
                .await
                .unwrap();
            peer.send_to(b"from the peer", to).await.unwrap();
        }
        socket.connect(peer.local_addr().unwrap()).await.unwrap();
        let mut batch = RecvBatch::new(64);
        let mut count = 0;
        while count < 3 {
            count += soon(socket.recv_batch(&mut batch)).await.unwrap();
            for datagram in batch.iter() {
                assert_eq!(datagram.payload(), b"from the peer", "{engine:?}");
            }
        }
        assert_eq!(socket.statistics().non_peer_dropped, 30, "{engine:?}");
    }
}

/// OUT-14: a flush sends the payloads that the sink accepted, in order and in one batch.
#[tokio::test]
async fn an_output_stream_is_a_sink() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        let remote = Endpoint::from(peer.addr());
        let mut output = socket.output_to(&remote).await.unwrap();
        for number in 0..30_u8 {
            soon(poll(|cx| Pin::new(&mut output).poll_ready(cx)))
                .await
                .unwrap();
            let payload = Bytes::copy_from_slice(&[number; 8]);
            Pin::new(&mut output).start_send(payload).unwrap();
        }
        // Before the flush nothing is sent, and the socket is not bound.
        assert_eq!(socket.local_addr(), None);
        soon(poll(|cx| Pin::new(&mut output).poll_flush(cx)))
            .await
            .unwrap();
        for number in 0..30 {
            assert_eq!(peer.recv().0, [number; 8], "{engine:?}");
        }
        if engine.capabilities().send_batch {
            assert_eq!(socket.statistics().send_calls, 1, "{engine:?}");
        }

        // A payload that cannot be sent is reported once, and does not block the next one.
        for payload in [vec![0; 65_508], b"next".to_vec()] {
            Pin::new(&mut output).start_send(payload.into()).unwrap();
        }
        let error = soon(poll(|cx| Pin::new(&mut output).poll_flush(cx)))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PayloadTooLarge, "{engine:?}");
        soon(poll(|cx| Pin::new(&mut output).poll_close(cx)))
            .await
            .unwrap();
        assert_eq!(peer.recv().0, b"next", "{engine:?}");
    }
}

async fn poll<T>(poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    future::poll_fn(poll).await
}

/// An engine that supports batches sends them in one call.
#[tokio::test]
async fn datagrams_of_equal_length_take_few_system_calls() {
    for (engine, builder) in builders() {
        let receiver = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let pair = EndpointPair::from(loopback(&receiver));
        let sender = builder.connect(&pair).await.unwrap();
        let mut batch: SendBatch = (0..100).map(|_| "equal").collect();
        let output = sender.output().unwrap();
        output.write_batch(&mut batch).await.unwrap();
        if engine.capabilities().send_batch {
            assert_eq!(sender.statistics().send_calls, 1, "{engine:?}");
        }
        let mut batch = RecvBatch::new(64);
        let mut count = 0;
        while count < 100 {
            count += soon(receiver.recv_batch(&mut batch)).await.unwrap();
        }
        let calls = receiver.statistics().receive_calls;
        assert!(calls <= count as u64, "{calls} {engine:?}");
    }
}

/// MSG-12: a batch reports as many errors as single writes.
#[tokio::test]
async fn every_peer_error_during_a_batch_is_reported() {
    for (engine, builder) in builders() {
        let reported = |is_batch: bool| {
            let builder = builder.clone();
            async move {
                let socket = builder.connect(unused_addr()).await.unwrap();
                let output = socket.output().unwrap();
                // Of different lengths, so that no two share a GSO batch.
                let payloads = (1..9).map(|length| vec![0; length]);
                if is_batch {
                    let mut batch: SendBatch = payloads.collect();
                    output.write_batch(&mut batch).await.unwrap();
                } else {
                    for payload in payloads {
                        output.write(&payload).await.unwrap();
                    }
                }
                while socket.try_recv().unwrap().is_some() {}
                socket.statistics().peer_errors
            }
        };
        let (of_writes, of_batch) = (reported(false).await, reported(true).await);
        assert!(of_writes > 0, "{engine:?}");
        assert_eq!(of_batch, of_writes, "{engine:?}");
    }
}

/// MSG-12: an error that ended a system call in the middle of a batch is read when the batch is
/// sent. Otherwise it would be delayed for as long as messages arrive.
#[tokio::test]
async fn a_peer_error_in_the_middle_of_a_batch_is_reported_before_the_next_message() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        if !engine.capabilities().error_queue {
            continue;
        }
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let closed = unused_addr();
        let mut batch = SendBatch::new();
        batch.push_to("to a closed port", closed);
        batch.push_to("to the peer", peer.addr());
        socket.send_batch(&mut batch).await.unwrap();
        assert_eq!(peer.recv().0, b"to the peer", "{engine:?}");
        peer.send(b"reply", socket.local_addr().unwrap());
        let event = soon(socket.next_event()).await.unwrap();
        assert!(
            matches!(&event, Event::PeerError(error) if error.destination == Some(closed)),
            "{event:?} {engine:?}"
        );
    }
}

/// No lock is held when a payload is dropped.
#[test]
fn a_payload_may_use_the_socket_when_it_is_dropped() {
    struct Payload {
        socket: DatagramSocket,
        closes: bool,
    }
    impl AsRef<[u8]> for Payload {
        fn as_ref(&self) -> &[u8] {
            // So long that the batch does not copy it.
            &[b'p'; 1000]
        }
    }
    impl Drop for Payload {
        fn drop(&mut self) {
            if self.closes {
                self.socket.close();
                return;
            }
            let output = self.socket.output().unwrap();
            let mut batch: SendBatch = ["from", "a", "drop"].into_iter().collect();
            let mut writing = pin!(output.write_batch(&mut batch));
            let polled = writing
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Ready(Ok(()))), "{polled:?}");
        }
    }
    // On a separate thread, because a deadlock would block this one.
    let (ended, ends) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            for (engine, builder) in builders() {
                let peer = Peer::new();
                let socket = builder.connect(&peer.pair()).await.unwrap();
                let output = socket.output().unwrap();
                let mut batch = SendBatch::new();
                for closes in [false, true] {
                    let socket = socket.clone();
                    batch.push(Bytes::from_owner(Payload { socket, closes }));
                }
                output.write_batch(&mut batch).await.unwrap();
                assert!(output.write(b"").await.is_err(), "{engine:?}");
                // An engine may drop the first payload before it sends the second one.
                let mut lengths = [(); 5].map(|()| peer.recv().0.len());
                lengths.sort_unstable();
                assert_eq!(lengths, [1, 4, 4, 1000, 1000], "{engine:?}");
            }
        });
        ended.send(()).unwrap();
    });
    ends.recv_timeout(TIMEOUT).expect("no lock is held");
}

/// It is sent after the payloads of that flush.
#[tokio::test]
async fn a_payload_that_is_added_during_a_flush_is_not_lost() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        let mut output = socket.output_to(peer.addr()).await.unwrap();
        Pin::new(&mut output).start_send("first".into()).unwrap();
        poll(|cx| {
            // Uses up the cooperative budget of the task, so that the flush has to wait.
            while coop::poll_proceed(cx)
                .map(|budget| budget.made_progress())
                .is_ready()
            {}
            assert!(Pin::new(&mut output).poll_flush(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        Pin::new(&mut output).start_send("second".into()).unwrap();
        tokio::task::yield_now().await;
        soon(poll(|cx| Pin::new(&mut output).poll_flush(cx)))
            .await
            .unwrap();
        for payload in ["first", "second"] {
            assert_eq!(peer.recv().0, payload.as_bytes(), "{engine:?}");
        }
    }
}

/// A sink that never has to wait still yields to other tasks.
#[tokio::test]
async fn a_sink_does_not_starve_other_tasks() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.connect(&peer.pair()).await.unwrap();
        let mut output = socket.output().unwrap();
        let others = Arc::new(AtomicBool::new(false));
        let other = tokio::spawn({
            let others = others.clone();
            async move { others.store(true, Ordering::Relaxed) }
        });
        let mut flushes = 0;
        while !others.load(Ordering::Relaxed) {
            assert!(flushes < 100_000, "{engine:?}");
            flushes += 1;
            Pin::new(&mut output).start_send("x".into()).unwrap();
            poll(|cx| Pin::new(&mut output).poll_flush(cx))
                .await
                .unwrap();
        }
        other.await.unwrap();
    }
}
