//! `UDP_SEGMENT` and `UDP_GRO` with epoll: the fastest there is.

use std::ops::ControlFlow;

use super::wait::{Waiting, until_end};
use crate::Result;
use crate::measure::{Counter, Flood, RoundTrips};
use crate::peer::mode::{Ends, Load, Mode, connect};
use crate::system::offload::{Joined, Segments};

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
    let mut waiting = open(ends)?;
    let mut counter = Counter::ready()?;
    let mut joined = Joined::new();
    until_end(|| {
        let mut received = waiting.receive(|socket| joined.receive(socket))?;
        loop {
            if counter.take_all(joined.payloads(received)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            match waiting.try_receive(|socket| joined.receive(socket))? {
                Some(next) => received = next,
                None => return Ok(ControlFlow::Continue(())),
            }
        }
    })?;
    Ok(counter)
}

fn echo(ends: Ends, load: &Load) -> Result<Counter> {
    let mut waiting = open(ends)?;
    let mut counter = Counter::ready()?;
    let mut joined = Joined::new();
    let mut segments = Segments::new(load.segments(), load.bytes);
    until_end(|| {
        let received = waiting.receive(|socket| joined.receive(socket))?;
        let mut payloads = joined.payloads(received);
        let taken = payloads
            .by_ref()
            .take_while(|payload| counter.take(payload).is_continue())
            .count();
        if taken == 0 {
            return Ok(ControlFlow::Break(()));
        }
        segments.send(waiting.socket(), taken)?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(counter)
}

fn ping(ends: Ends, load: &Load) -> Result<RoundTrips> {
    let mut waiting = open(ends)?;
    let mut joined = Joined::new();
    let mut segments = Segments::new(load.segments(), load.bytes);
    let mut trips = load.round_trips();
    segments.send(waiting.socket(), load.in_flight)?;
    while trips.under_way() > 0 {
        let received = waiting.receive(|socket| joined.receive(socket))?;
        let again = trips.arrived(joined.payloads(received).count());
        if again > 0 {
            segments.send(waiting.socket(), again)?;
        }
    }
    Ok(trips)
}

fn open(ends: Ends) -> Result<Waiting> {
    let socket = connect(ends)?;
    Joined::enable(&socket)?;
    Waiting::new(socket)
}
