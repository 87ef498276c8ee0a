//! send(2) and recv(2), one datagram per call.

use std::net::{SocketAddr, UdpSocket};
use std::ops::ControlFlow;

use super::wait::{EpollSocket, until_end};
use crate::Result;
use crate::measure::{Counter, Flood, Idle, RoundTrips};
use crate::peer::mode::{Ends, Load, Mode, PAYLOAD_BYTES_MAX, connect, open};
use crate::system::epoll::Epoll;

pub(super) const BLOCKING: Mode = Mode {
    send: Some(send),
    receive: Some(receive),
    echo: Some(echo),
    ping: Some(ping),
    fan_out: Some(fan_out),
    ..Mode::new("raw", "send and recv, blocking")
};

pub(super) const EPOLL: Mode = Mode {
    echo: Some(echo_epoll),
    ping: Some(ping_epoll),
    idle: Some(idle),
    ..Mode::new("raw-epoll", "send and recv, epoll")
};

fn send(ends: Ends, load: &Load) -> Result<Flood> {
    let socket = connect(ends)?;
    let payload = load.payload();
    let mut flood = load.flood();
    loop {
        socket.send(&payload)?;
        if !flood.sent(1) {
            return Ok(flood);
        }
    }
}

fn receive(ends: Ends) -> Result<Counter> {
    let socket = connect(ends)?;
    let mut counter = Counter::ready()?;
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    until_end(|| {
        let length = socket.recv(&mut buffer)?;
        Ok(counter.take(&buffer[..length]))
    })?;
    Ok(counter)
}

fn echo(ends: Ends, _: &Load) -> Result<Counter> {
    let socket = connect(ends)?;
    let mut counter = Counter::ready()?;
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    until_end(|| {
        let length = socket.recv(&mut buffer)?;
        reflect(&socket, &buffer[..length], &mut counter)
    })?;
    Ok(counter)
}

fn ping(ends: Ends, load: &Load) -> Result<RoundTrips> {
    let socket = connect(ends)?;
    let payload = load.payload();
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    let mut trips = load.round_trips();
    send_some(&socket, &payload, load.in_flight)?;
    while trips.in_flight() > 0 {
        socket.recv(&mut buffer)?;
        send_some(&socket, &payload, trips.arrived(1))?;
    }
    Ok(trips)
}

fn fan_out(remotes: &[SocketAddr], load: &Load) -> Result<Flood> {
    let socket = open(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let payload = load.payload();
    let mut flood = load.flood();
    for remote in remotes.iter().cycle() {
        socket.send_to(&payload, remote)?;
        if !flood.sent(1) {
            break;
        }
    }
    Ok(flood)
}

fn echo_epoll(ends: Ends, _: &Load) -> Result<Counter> {
    let mut socket = EpollSocket::new(connect(ends)?)?;
    let mut counter = Counter::ready()?;
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    until_end(|| {
        let mut length = socket.receive(|socket| socket.recv(&mut buffer))?;
        loop {
            if reflect(socket.inner(), &buffer[..length], &mut counter)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            match socket.try_receive(|socket| socket.recv(&mut buffer))? {
                Some(next) => length = next,
                None => return Ok(ControlFlow::Continue(())),
            }
        }
    })?;
    Ok(counter)
}

fn ping_epoll(ends: Ends, load: &Load) -> Result<RoundTrips> {
    let mut socket = EpollSocket::new(connect(ends)?)?;
    let payload = load.payload();
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    let mut trips = load.round_trips();
    send_some(socket.inner(), &payload, load.in_flight)?;
    while trips.in_flight() > 0 {
        socket.receive(|socket| socket.recv(&mut buffer))?;
        send_some(socket.inner(), &payload, trips.arrived(1))?;
        while socket
            .try_receive(|socket| socket.recv(&mut buffer))?
            .is_some()
        {
            send_some(socket.inner(), &payload, trips.arrived(1))?;
        }
    }
    Ok(trips)
}

fn idle(mut idle: Idle) -> Result<Idle> {
    let remote = idle.remote()?;
    let mut epoll = Epoll::new()?;
    let mut sockets = Vec::with_capacity(idle.locals.len());
    for local in &mut idle.locals {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(remote)?;
        socket.set_nonblocking(true)?;
        *local = socket.local_addr()?;
        epoll.add(&socket, sockets.len())?;
        sockets.push(socket);
    }
    idle.wake()?;
    let mut handled = 0;
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    while handled < sockets.len() {
        for number in epoll.wait()? {
            sockets[number].recv(&mut buffer)?;
            handled += 1;
        }
    }
    Ok(idle)
}

/// Counts a datagram and sends it back. Breaks at the end datagram, which is not sent back.
pub(super) fn reflect(
    socket: &UdpSocket,
    payload: &[u8],
    counter: &mut Counter,
) -> Result<ControlFlow<()>> {
    let flow = counter.take(payload);
    if flow.is_continue() {
        socket.send(payload)?;
    }
    Ok(flow)
}

pub(super) fn send_some(socket: &UdpSocket, payload: &[u8], count: usize) -> Result<()> {
    for _ in 0..count {
        socket.send(payload)?;
    }
    Ok(())
}
