//! The receiving end of a fan-out: many sockets in one process.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use serde_json::Value;

use crate::Result;
use crate::measure::Counter;
use crate::system::batch::{Batch, Wait};
use crate::system::epoll::Epoll;
use crate::system::{self, process};

/// Receives on `count` ports from `first` on, until the end datagram arrives.
pub(crate) fn sink(first: SocketAddr, count: usize) -> Result<Value> {
    process::allow_descriptors()?;
    let mut epoll = Epoll::new()?;
    let mut sockets = Vec::with_capacity(count);
    for port in (first.port()..=u16::MAX).take(count) {
        let socket = UdpSocket::bind(SocketAddr::new(first.ip(), port))?;
        system::request_buffers(&socket, BUFFER_BYTES)?;
        epoll.add(&socket, sockets.len())?;
        sockets.push(socket);
    }
    let mut batch = Batch::new(BATCH, PAYLOAD_BYTES_MAX);
    let mut counter = Counter::ready()?;
    loop {
        for number in epoll.wait()? {
            match batch.receive(&sockets[number], Wait::Never) {
                Ok(length) => {
                    if counter.take_all(batch.payloads(length)).is_break() {
                        return Ok(counter.finish());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The buffer size of each socket. Each round of the sender puts one datagram into every buffer.
const BUFFER_BYTES: u32 = 4 << 20;
const BATCH: usize = 64;
const PAYLOAD_BYTES_MAX: usize = 2_048;
