//! recv(2) without ever sleeping: the cost and the gain of polling.

use std::io;
use std::net::UdpSocket;

use super::one::{reflect, send_some};
use super::wait::until_end;
use crate::Result;
use crate::measure::{Counter, RoundTrips};
use crate::peer::mode::{Ends, Load, Mode, PAYLOAD_BYTES_MAX, connect};
use crate::system;

pub(super) const MODE: Mode = Mode {
    echo: Some(echo),
    ping: Some(ping),
    spins: true,
    ..Mode::new("raw-busy", "send and recv, never sleeping")
};

fn echo(ends: Ends, _: &Load) -> Result<Counter> {
    let socket = open(ends)?;
    let mut counter = Counter::ready()?;
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    until_end(|| {
        let length = spin(&socket, &mut buffer)?;
        reflect(&socket, &buffer[..length], &mut counter)
    })?;
    Ok(counter)
}

fn ping(ends: Ends, load: &Load) -> Result<RoundTrips> {
    let socket = open(ends)?;
    let payload = load.payload();
    let mut buffer = [0; PAYLOAD_BYTES_MAX];
    let mut trips = load.round_trips();
    send_some(&socket, &payload, load.in_flight)?;
    while trips.in_flight() > 0 {
        spin(&socket, &mut buffer)?;
        send_some(&socket, &payload, trips.arrived(1))?;
    }
    Ok(trips)
}

fn open(ends: Ends) -> Result<UdpSocket> {
    let socket = connect(ends)?;
    socket.set_nonblocking(true)?;
    system::request_busy_poll(&socket, BUSY_POLL_MICROSECONDS)?;
    Ok(socket)
}

fn spin(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match socket.recv(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::hint::spin_loop(),
            result => return result,
        }
    }
}

const BUSY_POLL_MICROSECONDS: u16 = 50;
