//! A name becomes a socket by as few queries as there can be.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use crate::Result;
use crate::measure::Connects;
use crate::peer::mode::Mode;
use udpair_bench::dns::{self, Found, Type};

pub(super) const ADDITIONAL: Mode = Mode {
    connect: Some(additional),
    ..Mode::new("raw-srv", "SRV, addresses from the additional section")
};

pub(super) const THREE_QUERIES: Mode = Mode {
    connect: Some(three_queries),
    ..Mode::new("raw-srv-addresses", "SRV, then A and AAAA together")
};

fn additional(server: SocketAddr, mut connects: Connects) -> Result<Connects> {
    let mut id = 0;
    while connects.next() {
        id += 1;
        let socket = ask(server, &[dns::question(id, dns::SRV_NAME, Type::Srv)])?;
        let found = next_answer(&socket, id)?;
        let address = found
            .address
            .ok_or("no address in the additional section")?;
        connects.connected(connect(address, found.port)?)?;
    }
    Ok(connects)
}

fn three_queries(server: SocketAddr, mut connects: Connects) -> Result<Connects> {
    let mut id = 0;
    while connects.next() {
        id += 3;
        let socket = ask(server, &[dns::question(id, dns::SRV_NAME, Type::Srv)])?;
        let port = next_answer(&socket, id)?.port;
        let socket = ask(
            server,
            &[
                dns::question(id + 1, dns::TARGET, Type::A),
                dns::question(id + 2, dns::TARGET, Type::Aaaa),
            ],
        )?;
        let first = next_answer(&socket, id + 1)?;
        let second = next_answer(&socket, id + 2)?;
        let address = first.address.or(second.address).ok_or("no address")?;
        connects.connected(connect(address, port)?)?;
    }
    Ok(connects)
}

/// Asks from a port of its own, as a resolver must (RFC 5452).
fn ask(server: SocketAddr, questions: &[Vec<u8>]) -> Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server)?;
    for question in questions {
        socket.send(question)?;
    }
    Ok(socket)
}

/// The server answers in the order in which it was asked.
fn next_answer(socket: &UdpSocket, id: u16) -> Result<Found> {
    let mut message = [0; 512];
    let length = socket.recv(&mut message)?;
    dns::read(&message[..length], id).ok_or_else(|| "not the answer".into())
}

fn connect(address: IpAddr, port: Option<u16>) -> Result<SocketAddr> {
    let remote = SocketAddr::new(address, port.ok_or("no port in the answer")?);
    let local: SocketAddr = if remote.is_ipv4() {
        ([0; 4], 0).into()
    } else {
        ([0; 8], 0).into()
    };
    let socket = UdpSocket::bind(local)?;
    socket.connect(remote)?;
    Ok(socket.peer_addr()?)
}
