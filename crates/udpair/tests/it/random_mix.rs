//! Mixes all send and receive methods at random. All datagrams arrive, complete and in order, and
//! all operations end with the socket.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::future::{self, Future};
use std::net::{SocketAddr, UdpSocket};
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::sync::mpsc;
use udpair::{DatagramSocket, ErrorKind, Event, Overflow, RecvBatch, SendBatch};

use crate::support::{builders, endpoint, soon};

/// A random number generator that returns the same numbers in every run (`SplitMix64`).
struct SplitMix(u64);

impl SplitMix {
    /// Returns a number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn length(&mut self) -> usize {
        match self.below(10) {
            0 => 0,
            1 => 1200,
            2 => self.below(5000),
            _ => self.below(64),
        }
    }

    /// Returns payloads in runs of equal length, each with its own mark.
    fn payloads(&mut self, mark: &mut u8) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        for _ in 0..=self.below(4) {
            let length = self.length();
            for _ in 0..=self.below(8) {
                *mark = mark.wrapping_add(1);
                payloads.push(vec![*mark; length]);
            }
        }
        payloads
    }
}

/// A socket that receives, and the datagrams that it has not received yet.
struct Receiver {
    socket: DatagramSocket,
    expected: HashMap<SocketAddr, VecDeque<Vec<u8>>>,
    pending: usize,
    datagrams: u64,
    bytes: u64,
    /// The receive methods so far, for the message of a failed assertion.
    history: Vec<&'static str>,
}

impl Receiver {
    fn addr(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    fn expect(&mut self, from: SocketAddr, payload: Vec<u8>) {
        self.expected.entry(from).or_default().push_back(payload);
        self.pending += 1;
    }

    fn note(&mut self, from: SocketAddr, payload: &[u8]) {
        let expected = self.expected.get_mut(&from).and_then(VecDeque::pop_front);
        assert_eq!(Some(payload), expected.as_deref(), "{:?}", self.history);
        self.pending -= 1;
        self.datagrams += 1;
        self.bytes += payload.len() as u64;
    }

    /// Receives some of the pending datagrams with a random method.
    async fn receive(&mut self, rng: &mut SplitMix) {
        let socket = self.socket.clone();
        let count = 1 + rng.below(self.pending);
        match rng.below(9) {
            0 => {
                self.history.push("recv");
                for _ in 0..count {
                    let message = socket.recv().await.unwrap();
                    self.note(message.remote(), message.payload());
                }
            }
            1 => {
                self.history.push("recv_batch");
                let mut batch = RecvBatch::new([1, 2, 3, 16, 40][rng.below(5)]);
                let found = socket.recv_batch(&mut batch).await.unwrap();
                assert_eq!(found, batch.len());
                for datagram in batch.iter() {
                    self.note(datagram.remote(), datagram.payload());
                }
            }
            2 => {
                self.history.push("for_each, cancelled");
                let mut left = count;
                let pushed = socket.for_each(|datagram| {
                    self.note(datagram.remote(), datagram.payload());
                    left -= 1;
                    if left == 0 {
                        socket.cancel_io().unwrap();
                    }
                });
                let error = pushed.await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Cancelled);
            }
            3 => {
                self.history.push("messages");
                let mut messages = socket.messages();
                for _ in 0..count {
                    let next = future::poll_fn(|cx| Pin::new(&mut messages).poll_next(cx));
                    let message = next.await.unwrap().unwrap();
                    self.note(message.remote(), message.payload());
                }
            }
            4 => {
                self.history.push("next_event");
                for _ in 0..count {
                    if let Event::Message(message) = socket.next_event().await.unwrap() {
                        self.note(message.remote(), message.payload());
                    }
                }
            }
            5 => {
                self.history.push("try_recv, poll_recv");
                if let Some(message) = socket.try_recv().unwrap() {
                    self.note(message.remote(), message.payload());
                }
                if self.pending > 0 {
                    let message = future::poll_fn(|cx| socket.poll_recv(cx)).await.unwrap();
                    self.note(message.remote(), message.payload());
                }
            }
            6 if count > 1 => {
                self.history.push("two at once");
                // Either of the two may receive the first message.
                let received = RefCell::new(Vec::new());
                let receive = async || {
                    let message = socket.recv().await.unwrap();
                    received.borrow_mut().push(message);
                };
                tokio::join!(receive(), receive());
                for message in received.into_inner() {
                    self.note(message.remote(), message.payload());
                }
            }
            7 => {
                self.history.push("all, for_each dropped");
                let mut pushed = Box::pin(socket.for_each(|datagram| {
                    self.note(datagram.remote(), datagram.payload());
                }));
                let mut context = Context::from_waker(Waker::noop());
                assert!(pushed.as_mut().poll(&mut context).is_pending());
            }
            _ => {
                self.history.push("all through a queue");
                // Dropping the queue drops the messages in it, so all of them are received.
                let mut queue = socket.queue(count, Overflow::Pause).unwrap();
                while self.pending > 0 {
                    let message = queue.recv().await.unwrap();
                    self.note(message.remote(), message.payload());
                }
            }
        }
    }
}

/// Sends some datagrams with a random method, a few of them to a closed port.
async fn send(
    sender: &DatagramSocket,
    receivers: &mut [Receiver],
    closed: SocketAddr,
    rng: &mut SplitMix,
    mark: &mut u8,
) -> usize {
    let from = sender.local_addr().unwrap();
    let payloads = rng.payloads(mark);
    let count = payloads.len();
    let at = rng.below(receivers.len());
    let receiver = &mut receivers[at];
    match rng.below(4) {
        0 => {
            let mut batch = SendBatch::new();
            let mut to_closed = 0;
            for payload in payloads {
                if rng.below(8) == 0 {
                    batch.push_to("to a closed port", closed);
                    to_closed += 1;
                }
                let at = rng.below(receivers.len());
                batch.push_to(payload.clone(), receivers[at].addr());
                receivers[at].expect(from, payload);
            }
            sender.send_batch(&mut batch).await.unwrap();
            assert!(batch.is_empty());
            return count + to_closed;
        }
        1 => {
            let output = sender.output_to(receiver.addr()).await.unwrap();
            let mut batch: SendBatch = payloads.iter().cloned().collect();
            output.write_batch(&mut batch).await.unwrap();
            assert!(batch.is_empty());
        }
        2 => {
            let mut output = pin!(sender.output_to(receiver.addr()).await.unwrap());
            for payload in &payloads {
                future::poll_fn(|cx| output.as_mut().poll_ready(cx))
                    .await
                    .unwrap();
                output.as_mut().start_send(payload.clone().into()).unwrap();
            }
            future::poll_fn(|cx| output.as_mut().poll_close(cx))
                .await
                .unwrap();
        }
        _ => {
            for payload in &payloads {
                sender.send_to(payload, receiver.addr()).await.unwrap();
            }
        }
    }
    for payload in payloads {
        receiver.expect(from, payload);
    }
    count
}

/// OUT-01, OUT-12, OUT-14, OUT-15, MSG-04, MSG-05, CAN-01: with any mix of methods.
#[tokio::test]
async fn all_datagrams_arrive_complete_and_in_order_with_any_methods() {
    const ROUNDS: usize = 400;
    // A socket that is connected to itself: its port is closed for all others, and stays reserved.
    let self_connected = UdpSocket::bind("127.0.0.1:0").unwrap();
    let closed = self_connected.local_addr().unwrap();
    self_connected.connect(closed).unwrap();
    let mut rng = SplitMix(1);
    for (engine, sending) in builders() {
        for (receiving_engine, receiving) in builders() {
            let (mut senders, mut receivers) = (Vec::new(), Vec::new());
            for _ in 0..2 {
                let local = endpoint("127.0.0.1:0");
                senders.push((sending.clone().bind(&local).await.unwrap(), 0));
                let receiving = receiving.clone().inbound_buffer_bytes(4 << 20);
                receivers.push(Receiver {
                    socket: receiving.bind(&local).await.unwrap(),
                    expected: HashMap::new(),
                    pending: 0,
                    datagrams: 0,
                    bytes: 0,
                    history: Vec::new(),
                });
            }
            let mut mark = 0;
            for _ in 0..ROUNDS {
                for (sender, sent) in &mut senders {
                    *sent += send(sender, &mut receivers, closed, &mut rng, &mut mark).await;
                }
                for receiver in &mut receivers {
                    if rng.below(3) == 0 {
                        let socket = receiver.socket.clone();
                        socket.send_to(b"to a closed port", closed).await.unwrap();
                    }
                    // Mostly all of them. The rest is received together with later datagrams.
                    let left = receiver.pending * rng.below(3) / 4;
                    while receiver.pending > left {
                        soon(receiver.receive(&mut rng)).await;
                    }
                }
            }
            for receiver in &mut receivers {
                while receiver.pending > 0 {
                    soon(receiver.receive(&mut rng)).await;
                }
                assert!(receiver.socket.try_recv().unwrap().is_none());
                let statistics = receiver.socket.statistics();
                assert_eq!(
                    (statistics.datagrams_received, statistics.bytes_received),
                    (receiver.datagrams, receiver.bytes),
                    "{engine:?} {receiving_engine:?}"
                );
                assert_eq!(statistics.kernel_dropped, 0);
                assert_eq!(statistics.truncated, 0);
            }
            for (sender, sent) in senders {
                assert_eq!(
                    sender.statistics().datagrams_sent,
                    sent as u64,
                    "{engine:?}"
                );
            }
        }
    }
}

/// MSG-04: a waiter is woken while a datagram is available, even if other waiters are cancelled or
/// receive first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_datagram_remains_while_a_receiver_waits() {
    const ROUNDS: usize = 2000;
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (received, mut receives) = mpsc::unbounded_channel();
        let receiving: Vec<_> = (0..4)
            .map(|seed| {
                let (socket, received) = (socket.clone(), received.clone());
                tokio::spawn(async move {
                    let mut rng = SplitMix(seed);
                    let mut batch = RecvBatch::new(1 + rng.below(3));
                    loop {
                        // Half of the receives are cancelled, at once or after another task ran.
                        let (is_cancelled, one) = (rng.below(2) == 0, rng.below(2) == 0);
                        let cancellation = async {
                            tokio::task::yield_now().await;
                            if !is_cancelled {
                                future::pending::<()>().await;
                            }
                        };
                        let count = tokio::select! {
                            biased;
                            message = socket.recv(), if one => message.map(|_| 1),
                            count = socket.recv_batch(&mut batch), if !one => count,
                            () = cancellation => Ok(0),
                        };
                        match count {
                            Ok(0) => {}
                            Ok(count) => received.send(count).unwrap(),
                            Err(_) => break,
                        }
                    }
                })
            })
            .collect();
        let mut rng = SplitMix(4);
        for _ in 0..ROUNDS {
            let sent = 1 + rng.below(4);
            for _ in 0..sent {
                sender.send_to(b"x", socket.local_addr().unwrap()).unwrap();
            }
            let mut left = sent;
            while left > 0 {
                left -= soon(receives.recv()).await.unwrap();
            }
        }
        socket.close();
        for receiver in receiving {
            soon(receiver).await.unwrap();
        }
        assert!(receives.is_empty(), "{engine:?}");
    }
}

/// CLS-01 to CLS-05: operations end when the socket is closed, and the port is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pending_operations_end_when_the_socket_is_closed() {
    const ROUNDS: usize = 50;
    let mut rng = SplitMix(5);
    for (engine, builder) in builders() {
        for _ in 0..ROUNDS {
            let local = endpoint("127.0.0.1:0");
            let socket = builder.clone().bind(&local).await.unwrap();
            let address = socket.local_addr().unwrap();
            let mut pending = tokio::task::JoinSet::new();
            let all: [fn(DatagramSocket, SocketAddr) -> Operation; 5] = [
                |socket, _| Box::pin(async move { while socket.recv().await.is_ok() {} }),
                |socket, _| Box::pin(async move { while socket.next_event().await.is_ok() {} }),
                |socket, _| Box::pin(async move { socket.for_each(|_| ()).await.unwrap() }),
                |socket, _| {
                    Box::pin(async move {
                        let mut queue = socket.queue(3, Overflow::DropOldest).unwrap();
                        while queue.recv().await.is_ok() {}
                    })
                },
                |socket, to| {
                    Box::pin(async move {
                        let mut batch = SendBatch::new();
                        while socket.send_batch(&mut batch).await.is_ok() {
                            (0..20).for_each(|_| batch.push_to("to itself", to));
                        }
                    })
                },
            ];
            // Each operation has started before the close, so none fails because it started later.
            for operation in all {
                let mut operation = operation(socket.clone(), address);
                let mut context = Context::from_waker(Waker::noop());
                if operation.as_mut().poll(&mut context).is_pending() {
                    pending.spawn(operation);
                }
            }
            for _ in 0..rng.below(50) {
                tokio::task::yield_now().await;
            }
            socket.close();
            UdpSocket::bind(address).unwrap_or_else(|error| panic!("{error} {engine:?}"));
            while let Some(ended) = soon(pending.join_next()).await {
                ended.unwrap();
            }
            let error = socket.recv().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
        }
    }
}

type Operation = Pin<Box<dyn Future<Output = ()> + Send>>;
