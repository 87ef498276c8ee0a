//! Connects by name with as few queries as possible.

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
        let socket = send_queries(server, &[dns::query(id, dns::SRV_NAME, Type::Srv)])?;
        let found = next_response(&socket, id)?;
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
        let socket = send_queries(server, &[dns::query(id, dns::SRV_NAME, Type::Srv)])?;
        let port = next_response(&socket, id)?.port;
        let socket = send_queries(
            server,
            &[
                dns::query(id + 1, dns::TARGET, Type::A),
                dns::query(id + 2, dns::TARGET, Type::Aaaa),
            ],
        )?;
        let first = next_response(&socket, id + 1)?;
        let second = next_response(&socket, id + 2)?;
        let address = first.address.or(second.address).ok_or("no address")?;
        connects.connected(connect(address, port)?)?;
    }
    Ok(connects)
}

/// Sends queries from a new port, as a resolver must (RFC 5452).
fn send_queries(server: SocketAddr, queries: &[Vec<u8>]) -> Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server)?;
    for query in queries {
        socket.send(query)?;
    }
    Ok(socket)
}

/// Receives the response to query `id`. The server responds in the order of the queries.
fn next_response(socket: &UdpSocket, id: u16) -> Result<Found> {
    let mut message = [0; 512];
    let length = socket.recv(&mut message)?;
    dns::read(&message[..length], id).ok_or_else(|| "not the response to the query".into())
}

fn connect(address: IpAddr, port: Option<u16>) -> Result<SocketAddr> {
    let remote = SocketAddr::new(address, port.ok_or("no port in the response")?);
    let local: SocketAddr = if remote.is_ipv4() {
        ([0; 4], 0).into()
    } else {
        ([0; 8], 0).into()
    };
    let socket = UdpSocket::bind(local)?;
    socket.connect(remote)?;
    Ok(socket.peer_addr()?)
}
