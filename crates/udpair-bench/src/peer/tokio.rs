//! tokio's `UdpSocket` on one thread: the way in which most Rust programs use UDP.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;

use super::mode::{self, Ends, Load, Mode, PAYLOAD_BYTES_MAX};
use super::runtime::{Handlers, run};
use crate::Result;
use crate::measure::{Counter, Flood, Idle, RoundTrips};

pub(super) const MODES: &[Mode] = &[
    Mode {
        send: Some(|ends, load| run(send(ends, *load))),
        receive: Some(|ends| run(receive(ends))),
        echo: Some(|ends, _| run(echo(ends))),
        ping: Some(|ends, load| run(ping(ends, *load))),
        fan_out: Some(|remotes, load| run(fan_out(remotes, *load))),
        idle: Some(|idle| run(own_buffers(idle))),
        ..Mode::new("tokio", "UdpSocket, current-thread runtime")
    },
    Mode {
        idle: Some(|idle| run(shared_buffer(idle))),
        ..Mode::new("tokio-shared", "UdpSocket, one buffer for all tasks")
    },
];

async fn send(ends: Ends, load: Load) -> Result<Flood> {
    let socket = connect(ends)?;
    let payload = load.payload();
    let mut flood = load.flood();
    loop {
        socket.send(&payload).await?;
        if !flood.sent(1) {
            return Ok(flood);
        }
    }
}

async fn receive(ends: Ends) -> Result<Counter> {
    let socket = connect(ends)?;
    let mut counter = Counter::ready()?;
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if counter.take(&buffer[..length]).is_break() {
            return Ok(counter);
        }
    }
}

async fn echo(ends: Ends) -> Result<Counter> {
    let socket = connect(ends)?;
    let mut counter = Counter::ready()?;
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if counter.take(&buffer[..length]).is_break() {
            return Ok(counter);
        }
        socket.send(&buffer[..length]).await?;
    }
}

async fn ping(ends: Ends, load: Load) -> Result<RoundTrips> {
    let socket = connect(ends)?;
    let payload = load.payload();
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    let mut trips = load.round_trips();
    for _ in 0..load.in_flight {
        socket.send(&payload).await?;
    }
    while trips.in_flight() > 0 {
        socket.recv(&mut buffer).await?;
        for _ in 0..trips.arrived(1) {
            socket.send(&payload).await?;
        }
    }
    Ok(trips)
}

async fn fan_out(remotes: &[SocketAddr], load: Load) -> Result<Flood> {
    let socket = adopt(mode::open(([127, 0, 0, 1], 0).into())?)?;
    let payload = load.payload();
    let mut flood = load.flood();
    for remote in remotes.iter().cycle() {
        socket.send_to(&payload, remote).await?;
        if !flood.sent(1) {
            break;
        }
    }
    Ok(flood)
}

/// Opens the sockets with a task each, which has its own buffer.
async fn own_buffers(idle: Idle) -> Result<Idle> {
    handlers(idle, async |socket: UdpSocket| {
        let mut buffer = vec![0; PAYLOAD_BYTES_MAX];
        socket.recv(&mut buffer).await.expect("a datagram");
    })
    .await
}

/// Opens the sockets with a task each, which borrows the shared buffer when a datagram is there.
async fn shared_buffer(idle: Idle) -> Result<Idle> {
    handlers(idle, async |socket: UdpSocket| {
        loop {
            socket.readable().await.expect("the socket is open");
            match BUFFER.with_borrow_mut(|buffer| socket.try_recv(buffer)) {
                Ok(_) => return,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await
}

thread_local! {
    static BUFFER: RefCell<[u8; PAYLOAD_BYTES_MAX]> = const { RefCell::new([0; PAYLOAD_BYTES_MAX]) };
}

/// Opens the sockets with a task each that runs `handle` once, and waits for all tasks.
async fn handlers<F>(mut idle: Idle, handle: impl Fn(UdpSocket) -> F) -> Result<Idle>
where
    F: Future<Output = ()> + Send + 'static,
{
    let remote = idle.remote()?;
    let mut handlers = Handlers::default();
    for local in &mut idle.locals {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(remote)?;
        *local = socket.local_addr()?;
        handlers.spawn(handle(adopt(socket)?));
    }
    handlers.all_wait().await;
    idle.wake()?;
    handlers.all_ran().await?;
    Ok(idle)
}

fn connect(ends: Ends) -> Result<UdpSocket> {
    adopt(mode::connect(ends)?)
}

/// Registers a socket with the runtime.
fn adopt(socket: std::net::UdpSocket) -> Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    Ok(UdpSocket::from_std(socket)?)
}
