//! `udpair`: each of its ways to send and to receive.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use udpair::{
    Builder, DatagramSocket, Endpoint, EndpointPair, OutputStream, Overflow, RecvBatch, Resolver,
    SendBatch,
};
use udpair_bench::dns;

use super::mode::{BATCH, BUFFER_BYTES, Ends, Load, Mode};
use super::runtime::{Handlers, run};
use crate::Result;
use crate::measure::{Connects, Counter, Flood, Idle, RoundTrips};

pub(super) const MODES: &[Mode] = &[
    Mode {
        send: Some(|ends, load| run(write(ends, *load))),
        receive: Some(|ends| run(recv(ends))),
        echo: Some(|ends, _| run(echo_messages(ends, Opening::Usual))),
        ping: Some(|ends, load| run(ping_messages(ends, *load, Opening::Usual))),
        fan_out: Some(|remotes, load| run(send_to(remotes, *load))),
        idle: Some(|idle| run(recv_handlers(idle))),
        ..Mode::new("udpair", "write and recv")
    },
    Mode {
        send: Some(|ends, load| run(sink(ends, *load))),
        receive: Some(|ends| run(messages(ends))),
        ..Mode::new("udpair-stream", "Sink and Stream")
    },
    Mode {
        send: Some(|ends, load| run(write_batch(ends, *load, BATCH))),
        receive: Some(|ends| run(for_each(ends))),
        echo: Some(|ends, _| run(echo_for_each(ends))),
        ping: Some(|ends, load| run(ping_messages(ends, *load, Opening::Usual))),
        idle: Some(|idle| run(for_each_handlers(idle))),
        ..Mode::new("udpair-for-each", "write_batch and for_each")
    },
    Mode {
        receive: Some(|ends| run(queue(ends, Overflow::Pause))),
        ..Mode::new("udpair-queue", "a queue that pauses when it is full")
    },
    Mode {
        receive: Some(|ends| run(queue(ends, Overflow::DropOldest))),
        ..Mode::new(
            "udpair-dropping-queue",
            "a queue that drops the oldest message",
        )
    },
    Mode {
        send: Some(|ends, load| run(write_batch(ends, *load, FEW))),
        receive: Some(|ends| run(for_each(ends))),
        ..Mode::new("udpair-few", "write_batch of 8, and for_each")
    },
    Mode {
        send: Some(|ends, load| run(write_batch(ends, *load, MANY))),
        receive: Some(|ends| run(for_each(ends))),
        ..Mode::new("udpair-many", "write_batch of 512, and for_each")
    },
    Mode {
        send: Some(|ends, load| run(send_batch(ends, *load))),
        receive: Some(|ends| run(recv_batch(ends, Opening::Usual))),
        echo: Some(|ends, _| run(echo_batches(ends, Opening::Usual))),
        ping: Some(|ends, load| run(ping_batches(ends, *load, Opening::Usual))),
        fan_out: Some(|remotes, load| run(send_batch_to_many(remotes, *load))),
        ..Mode::new("udpair-batch", "send_batch and recv_batch")
    },
    Mode {
        receive: Some(|ends| run(recv_batch(ends, Opening::WithoutOffload))),
        echo: Some(|ends, _| run(echo_batches(ends, Opening::WithoutOffload))),
        ping: Some(|ends, load| run(ping_batches(ends, *load, Opening::WithoutOffload))),
        ..Mode::new(
            "udpair-no-offload",
            "send_batch and recv_batch, receive offload off",
        )
    },
    Mode {
        echo: Some(|ends, _| run(echo_messages(ends, Opening::Busy))),
        ping: Some(|ends, load| run(ping_messages(ends, *load, Opening::Busy))),
        spins: true,
        ..Mode::new("udpair-busy", "write and recv, never sleeping")
    },
    Mode {
        connect: Some(|server, connects| run(by_name(server, connects, Cache::Off))),
        ..Mode::new(
            "udpair-cold",
            "connect by endpoint pair, answers not cached",
        )
    },
    Mode {
        connect: Some(|server, connects| run(by_name(server, connects, Cache::On))),
        ..Mode::new("udpair-warm", "connect by endpoint pair, answers cached")
    },
];

/// The length of a small batch, as an application may have from time to time.
const FEW: usize = 8;

/// The capacity of a bounded queue.
const QUEUE: usize = 64;

/// The length of a batch that takes several GSO messages.
const MANY: usize = 512;

async fn write(ends: Ends, load: Load) -> Result<Flood> {
    let (_socket, output) = connect_output(ends, Opening::Usual).await?;
    let payload = load.payload();
    let mut flood = load.flood();
    loop {
        output.write(&payload).await?;
        if !flood.sent(1) {
            return Ok(flood);
        }
    }
}

async fn sink(ends: Ends, load: Load) -> Result<Flood> {
    let (_socket, mut output) = connect_output(ends, Opening::Usual).await?;
    let payload = Bytes::from(load.payload());
    let mut flood = load.flood();
    loop {
        for _ in 0..BATCH {
            output.feed(payload.clone()).await?;
        }
        SinkExt::<Bytes>::flush(&mut output).await?;
        if !flood.sent(BATCH) {
            return Ok(flood);
        }
    }
}

async fn write_batch(ends: Ends, load: Load, datagrams: usize) -> Result<Flood> {
    let (_socket, output) = connect_output(ends, Opening::Usual).await?;
    let payload = Bytes::from(load.payload());
    let mut batch = SendBatch::with_capacity(datagrams);
    let mut flood = load.flood();
    loop {
        fill(&mut batch, &payload, datagrams);
        output.write_batch(&mut batch).await?;
        if !flood.sent(datagrams) {
            return Ok(flood);
        }
    }
}

async fn send_batch(ends: Ends, load: Load) -> Result<Flood> {
    let socket = connect(ends, Opening::Usual).await?;
    let payload = Bytes::from(load.payload());
    let mut batch = SendBatch::with_capacity(BATCH);
    let mut flood = load.flood();
    loop {
        fill(&mut batch, &payload, BATCH);
        socket.send_batch(&mut batch).await?;
        if !flood.sent(BATCH) {
            return Ok(flood);
        }
    }
}

async fn recv(ends: Ends) -> Result<Counter> {
    let socket = connect(ends, Opening::Usual).await?;
    let mut counter = Counter::ready()?;
    loop {
        if counter.take(socket.recv().await?.payload()).is_break() {
            return Ok(counter);
        }
    }
}

async fn messages(ends: Ends) -> Result<Counter> {
    let socket = connect(ends, Opening::Usual).await?;
    let mut messages = socket.messages();
    let mut counter = Counter::ready()?;
    while let Some(message) = messages.next().await {
        if counter.take(message?.payload()).is_break() {
            break;
        }
    }
    Ok(counter)
}

async fn for_each(ends: Ends) -> Result<Counter> {
    let socket = connect(ends, Opening::Usual).await?;
    let mut counter = Counter::ready()?;
    socket
        .for_each(|datagram| {
            if counter.take(datagram.payload()).is_break() {
                socket.close();
            }
        })
        .await?;
    Ok(counter)
}

async fn queue(ends: Ends, overflow: Overflow) -> Result<Counter> {
    let socket = connect(ends, Opening::Usual).await?;
    let mut queue = socket.queue(QUEUE, overflow)?;
    let mut counter = Counter::ready()?;
    loop {
        if counter.take(queue.recv().await?.payload()).is_break() {
            return Ok(counter);
        }
    }
}

async fn recv_batch(ends: Ends, opening: Opening) -> Result<Counter> {
    let socket = connect(ends, opening).await?;
    let mut batch = RecvBatch::new(BATCH);
    let mut counter = Counter::ready()?;
    loop {
        socket.recv_batch(&mut batch).await?;
        let payloads = batch.iter().map(|datagram| datagram.payload());
        if counter.take_all(payloads).is_break() {
            return Ok(counter);
        }
    }
}

async fn echo_messages(ends: Ends, opening: Opening) -> Result<Counter> {
    let (socket, output) = connect_output(ends, opening).await?;
    let mut counter = Counter::ready()?;
    loop {
        let message = socket.recv().await?;
        if counter.take(message.payload()).is_break() {
            return Ok(counter);
        }
        output.write(message.payload()).await?;
    }
}

async fn echo_for_each(ends: Ends) -> Result<Counter> {
    let (socket, output) = connect_output(ends, Opening::Usual).await?;
    let mut counter = Counter::ready()?;
    let mut failure = None;
    socket
        .for_each(|datagram| {
            let goes_on = counter.take(datagram.payload()).is_continue();
            let sent = if goes_on {
                output.try_write(datagram.payload())
            } else {
                Ok(true)
            };
            // The send buffer holds more datagrams than are ever in flight.
            if !goes_on || !matches!(sent, Ok(true)) {
                failure = sent.err();
                socket.close();
            }
        })
        .await?;
    match failure {
        None => Ok(counter),
        Some(error) => Err(error.into()),
    }
}

async fn echo_batches(ends: Ends, opening: Opening) -> Result<Counter> {
    let socket = connect(ends, opening).await?;
    let mut incoming = RecvBatch::new(BATCH);
    let mut outgoing = SendBatch::with_capacity(BATCH);
    let mut counter = Counter::ready()?;
    loop {
        socket.recv_batch(&mut incoming).await?;
        for datagram in incoming.iter() {
            if counter.take(datagram.payload()).is_break() {
                return Ok(counter);
            }
            outgoing.push(Bytes::copy_from_slice(datagram.payload()));
        }
        socket.send_batch(&mut outgoing).await?;
    }
}

async fn ping_messages(ends: Ends, load: Load, opening: Opening) -> Result<RoundTrips> {
    let (socket, output) = connect_output(ends, opening).await?;
    let payload = load.payload();
    let mut trips = load.round_trips();
    for _ in 0..load.in_flight {
        output.write(&payload).await?;
    }
    while trips.in_flight() > 0 {
        socket.recv().await?;
        for _ in 0..trips.arrived(1) {
            output.write(&payload).await?;
        }
    }
    Ok(trips)
}

async fn ping_batches(ends: Ends, load: Load, opening: Opening) -> Result<RoundTrips> {
    let socket = connect(ends, opening).await?;
    let payload = Bytes::from(load.payload());
    let mut incoming = RecvBatch::new(BATCH);
    let mut outgoing = SendBatch::with_capacity(load.in_flight);
    let mut trips = load.round_trips();
    fill(&mut outgoing, &payload, load.in_flight);
    socket.send_batch(&mut outgoing).await?;
    while trips.in_flight() > 0 {
        let received = socket.recv_batch(&mut incoming).await?;
        fill(&mut outgoing, &payload, trips.arrived(received));
        socket.send_batch(&mut outgoing).await?;
    }
    Ok(trips)
}

async fn send_to(remotes: &[SocketAddr], load: Load) -> Result<Flood> {
    let socket = bind().await?;
    let payload = load.payload();
    let mut flood = load.flood();
    for remote in remotes.iter().cycle() {
        socket.send_to(&payload, *remote).await?;
        if !flood.sent(1) {
            break;
        }
    }
    Ok(flood)
}

async fn send_batch_to_many(remotes: &[SocketAddr], load: Load) -> Result<Flood> {
    let socket = bind().await?;
    let payload = Bytes::from(load.payload());
    let mut batch = SendBatch::with_capacity(BATCH);
    let mut flood = load.flood();
    for some in remotes.chunks(BATCH).cycle() {
        for remote in some {
            batch.push_to(payload.clone(), *remote);
        }
        socket.send_batch(&mut batch).await?;
        if !flood.sent(some.len()) {
            break;
        }
    }
    Ok(flood)
}

/// Opens the sockets with a task each, which waits for one message.
async fn recv_handlers(idle: Idle) -> Result<Idle> {
    handlers(idle, async |socket: DatagramSocket| {
        socket.recv().await.expect("a message");
    })
    .await
}

/// Opens the sockets with a task each, whose handler closes its socket.
async fn for_each_handlers(idle: Idle) -> Result<Idle> {
    handlers(idle, async |socket: DatagramSocket| {
        let handled = socket.for_each(|_| socket.close()).await;
        handled.expect("the handler closed the socket");
    })
    .await
}

async fn handlers<F>(mut idle: Idle, handle: impl Fn(DatagramSocket) -> F) -> Result<Idle>
where
    F: Future<Output = ()> + Send + 'static,
{
    let pair = EndpointPair::from(idle.remote()?);
    let builder = DatagramSocket::builder();
    let mut handlers = Handlers::default();
    for local in &mut idle.locals {
        let socket = builder.connect(&pair).await?;
        *local = socket.local_addr().ok_or("a connected socket is bound")?;
        handlers.spawn(handle(socket));
    }
    handlers.all_wait().await;
    idle.wake()?;
    handlers.all_ran().await?;
    Ok(idle)
}

/// Whether answers of the name server are cached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cache {
    Off,
    On,
}

async fn by_name(server: SocketAddr, mut connects: Connects, cache: Cache) -> Result<Connects> {
    let resolver = Resolver::builder()
        .dns_servers([server])
        .services_text("")
        .cache(cache == Cache::On)
        .build();
    let builder = DatagramSocket::builder().resolver(&resolver);
    let pair = EndpointPair::to(dns::HOST, dns::SERVICE)?;
    while connects.next() {
        let socket = builder.connect(&pair).await?;
        let remote = socket.peer_addr().ok_or("a connected socket has a peer")?;
        connects.connected(remote)?;
    }
    Ok(connects)
}

/// How a socket is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Opening {
    Usual,
    WithoutOffload,
    Busy,
}

async fn connect(ends: Ends, opening: Opening) -> Result<DatagramSocket> {
    let pair = EndpointPair::from(ends.remote).with_local(Endpoint::from(ends.local));
    let builder = match opening {
        Opening::Usual => builder(),
        Opening::WithoutOffload => builder().receive_offload(false),
        Opening::Busy => builder().busy_poll(BUSY_POLL),
    };
    Ok(builder.connect(&pair).await?)
}

/// Opens a connected socket, and returns it with its output stream. The stream does not keep the
/// socket open.
async fn connect_output(ends: Ends, opening: Opening) -> Result<(DatagramSocket, OutputStream)> {
    let socket = connect(ends, opening).await?;
    let output = socket.output()?;
    Ok((socket, output))
}

/// Opens a socket that is not connected.
async fn bind() -> Result<DatagramSocket> {
    let local = Endpoint::from(SocketAddr::from(([127, 0, 0, 1], 0)));
    Ok(builder().bind(&local).await?)
}

fn builder() -> Builder {
    DatagramSocket::builder()
        .inbound_buffer_bytes(BUFFER_BYTES)
        .send_buffer_bytes(BUFFER_BYTES)
}

fn fill(batch: &mut SendBatch, payload: &Bytes, datagrams: usize) {
    for _ in 0..datagrams {
        batch.push(payload.clone());
    }
}

/// Longer than any datagram takes, so that no end ever sleeps.
const BUSY_POLL: Duration = Duration::from_millis(100);
