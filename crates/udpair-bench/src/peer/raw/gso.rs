//! `UDP_SEGMENT` and `UDP_GRO` with epoll: the fastest mode.

use std::ops::ControlFlow;

use super::wait::{EpollSocket, until_end};
use crate::Result;
use crate::measure::{Counter, Flood, RoundTrips};
use crate::peer::mode::{Ends, Load, Mode, connect};
use crate::system::offload::{CoalescedDatagrams, Segments};

pub(super) const MODE: Mode = Mode {
    send: Some(send),
    receive: Some(receive),
    echo: Some(echo),
    ping: Some(ping),
    ..Mode::new("raw-gso", "UDP_SEGMENT and UDP_GRO, epoll")
};

fn send(ends: Ends, load: &Load) -> Result<Flood> {
    let socket = connect(ends)?;
    let length = load.segments();
    let mut segments = Segments::new(length, load.bytes);
    let mut flood = load.flood();
    loop {
        segments.send(&socket, length)?;
        if !flood.sent(length) {
            return Ok(flood);
        }
    }
}

fn receive(ends: Ends) -> Result<Counter> {
    let mut socket = open(ends)?;
    let mut counter = Counter::ready()?;
    let mut coalesced = CoalescedDatagrams::new();
    until_end(|| {
        let mut received = socket.receive(|socket| coalesced.receive(socket))?;
        loop {
            if counter.take_all(coalesced.payloads(received)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            match socket.try_receive(|socket| coalesced.receive(socket))? {
                Some(next) => received = next,
                None => return Ok(ControlFlow::Continue(())),
            }
        }
    })?;
    Ok(counter)
}

fn echo(ends: Ends, load: &Load) -> Result<Counter> {
    let mut socket = open(ends)?;
    let mut counter = Counter::ready()?;
    let mut coalesced = CoalescedDatagrams::new();
    let mut segments = Segments::new(load.segments(), load.bytes);
    until_end(|| {
        let received = socket.receive(|socket| coalesced.receive(socket))?;
        let mut payloads = coalesced.payloads(received);
        let taken = payloads
            .by_ref()
            .take_while(|payload| counter.take(payload).is_continue())
            .count();
        if taken == 0 {
            return Ok(ControlFlow::Break(()));
        }
        segments.send(socket.inner(), taken)?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(counter)
}

fn ping(ends: Ends, load: &Load) -> Result<RoundTrips> {
    let mut socket = open(ends)?;
    let mut coalesced = CoalescedDatagrams::new();
    let mut segments = Segments::new(load.segments(), load.bytes);
    let mut trips = load.round_trips();
    segments.send(socket.inner(), load.in_flight)?;
    while trips.in_flight() > 0 {
        let received = socket.receive(|socket| coalesced.receive(socket))?;
        let again = trips.arrived(coalesced.payloads(received).count());
        if again > 0 {
            segments.send(socket.inner(), again)?;
        }
    }
    Ok(trips)
}

fn open(ends: Ends) -> Result<EpollSocket> {
    let socket = connect(ends)?;
    CoalescedDatagrams::enable(&socket)?;
    EpollSocket::new(socket)
}
