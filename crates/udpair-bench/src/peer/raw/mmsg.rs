//! sendmmsg(2) and recvmmsg(2): several datagrams per call.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::wait::{EpollSocket, until_end};
use crate::Result;
use crate::measure::{Counter, Flood, RoundTrips};
use crate::peer::mode::{BATCH, Ends, Load, Mode, PAYLOAD_BYTES_MAX, connect, open};
use crate::system::batch::{Batch, Wait};

pub(super) const MODE: Mode = Mode {
    send: Some(send),
    receive: Some(receive),
    echo: Some(echo),
    ping: Some(ping),
    fan_out: Some(fan_out),
    ..Mode::new("raw-mmsg", "sendmmsg and recvmmsg, 64 datagrams per call")
};

fn send(ends: Ends, load: &Load) -> Result<Flood> {
    let socket = connect(ends)?;
    let mut batch = Batch::new(BATCH, load.bytes.into());
    let mut flood = load.flood();
    loop {
        batch.send(&socket, BATCH)?;
        if !flood.sent(BATCH) {
            return Ok(flood);
        }
    }
}

fn receive(ends: Ends) -> Result<Counter> {
    let socket = connect(ends)?;
    let mut counter = Counter::ready()?;
    let mut batch = Batch::new(BATCH, PAYLOAD_BYTES_MAX);
    until_end(|| {
        let received = batch.receive(&socket, Wait::ForOne)?;
        Ok(counter.take_all(batch.payloads(received)))
    })?;
    Ok(counter)
}

fn echo(ends: Ends, _: &Load) -> Result<Counter> {
    let mut socket = EpollSocket::new(connect(ends)?)?;
    let mut counter = Counter::ready()?;
    let mut batch = Batch::new(BATCH, PAYLOAD_BYTES_MAX);
    until_end(|| {
        // Sending back shortened the buffers. Receiving needs their full length.
        batch.restore();
        let received = socket.receive(|socket| batch.receive(socket, Wait::Never))?;
        if counter.take_all(batch.payloads(received)).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        batch.reflect(received);
        batch.send(socket.inner(), received)?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(counter)
}

fn ping(ends: Ends, load: &Load) -> Result<RoundTrips> {
    let mut socket = EpollSocket::new(connect(ends)?)?;
    let mut incoming = Batch::new(BATCH, PAYLOAD_BYTES_MAX);
    let mut outgoing = Batch::new(load.in_flight, load.bytes.into());
    let mut trips = load.round_trips();
    outgoing.send(socket.inner(), load.in_flight)?;
    while trips.in_flight() > 0 {
        let received = socket.receive(|socket| incoming.receive(socket, Wait::Never))?;
        outgoing.send(socket.inner(), trips.arrived(received))?;
    }
    Ok(trips)
}

fn fan_out(remotes: &[SocketAddr], load: &Load) -> Result<Flood> {
    let socket = open(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let mut batches: Vec<_> = remotes
        .chunks(BATCH)
        .map(|remotes| {
            let mut batch = Batch::new(remotes.len(), load.bytes.into());
            batch.set_destinations(remotes);
            (batch, remotes.len())
        })
        .collect();
    let mut flood = load.flood();
    loop {
        for (batch, length) in &mut batches {
            batch.send(&socket, *length)?;
            if !flood.sent(*length) {
                return Ok(flood);
            }
        }
    }
}
