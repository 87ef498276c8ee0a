//! Our own socket.
//!
//! One mode for each way of sending and receiving that it has. All of them open the socket in the same
//! way, by its endpoint pair.

use std::net::SocketAddr;

use udpair::{Builder, DatagramSocket, Endpoint, EndpointPair, Resolver};

use super::runtime::{Handlers, run};
use super::{BUFFER_BYTES, Ends, Load, Mode};
use crate::Result;
use crate::measure::{Connects, Counter, Flood, Idle, RoundTrips};
use udpair_bench::dns;

pub(super) const MODES: &[Mode] = &[
    Mode {
        send: Some(|ends, load| run(send(ends, *load))),
        receive: Some(|ends| run(receive(ends))),
        echo: Some(|ends, _| run(echo(ends))),
        ping: Some(|ends, load| run(ping(ends, *load))),
        fan_out: Some(|remotes, load| run(fan_out(remotes, *load))),
        idle: Some(|idle| run(handlers(idle))),
        ..Mode::new("udpair", "write and recv")
    },
    Mode {
        connect: Some(|server, connects| run(by_name(server, connects, Cache::Off))),
        ..Mode::new("udpair-cold", "connect by endpoint pair, nothing kept")
    },
    Mode {
        connect: Some(|server, connects| run(by_name(server, connects, Cache::On))),
        ..Mode::new("udpair-warm", "connect by endpoint pair, answers kept")
    },
];

async fn send(ends: Ends, load: Load) -> Result<Flood> {
    let socket = connect(ends).await?;
    let output = socket.output()?;
    let payload = load.payload();
    let mut flood = load.flood();
    loop {
        output.write(&payload).await?;
        if !flood.sent(1) {
            return Ok(flood);
        }
    }
}

async fn receive(ends: Ends) -> Result<Counter> {
    let socket = connect(ends).await?;
    let mut counter = Counter::ready()?;
    loop {
        if counter.take(socket.recv().await?.payload()).is_break() {
            return Ok(counter);
        }
    }
}

async fn echo(ends: Ends) -> Result<Counter> {
    let socket = connect(ends).await?;
    let output = socket.output()?;
    let mut counter = Counter::ready()?;
    loop {
        let message = socket.recv().await?;
        if counter.take(message.payload()).is_break() {
            return Ok(counter);
        }
        output.write(message.payload()).await?;
    }
}

async fn ping(ends: Ends, load: Load) -> Result<RoundTrips> {
    let socket = connect(ends).await?;
    let output = socket.output()?;
    let payload = load.payload();
    let mut trips = load.round_trips();
    for _ in 0..load.in_flight {
        output.write(&payload).await?;
    }
    while trips.under_way() > 0 {
        socket.recv().await?;
        for _ in 0..trips.arrived(1) {
            output.write(&payload).await?;
        }
    }
    Ok(trips)
}

async fn fan_out(remotes: &[SocketAddr], load: Load) -> Result<Flood> {
    let local = Endpoint::from(SocketAddr::from(([127, 0, 0, 1], 0)));
    let socket = builder().bind(&local).await?;
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

/// Opens the sockets with a task each, which handles one message.
async fn handlers(mut idle: Idle) -> Result<Idle> {
    let pair = EndpointPair::from(idle.remote()?);
    let builder = DatagramSocket::builder();
    let mut handlers = Handlers::default();
    for local in &mut idle.locals {
        let socket = builder.connect(&pair).await?;
        *local = socket.local_addr().ok_or("a connected socket is bound")?;
        handlers.spawn(async move {
            socket.recv().await.expect("a message");
        });
    }
    handlers.all_wait().await;
    idle.poke()?;
    handlers.all_ran().await?;
    Ok(idle)
}

/// Whether answers of the name server are kept.
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

async fn connect(ends: Ends) -> Result<DatagramSocket> {
    let pair = EndpointPair::from(ends.remote).with_local(Endpoint::from(ends.local));
    Ok(builder().connect(&pair).await?)
}

fn builder() -> Builder {
    DatagramSocket::builder()
        .inbound_buffer_bytes(BUFFER_BYTES)
        .send_buffer_bytes(BUFFER_BYTES)
}
