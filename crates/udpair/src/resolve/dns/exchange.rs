//! One question to one server: UDP, and TCP where the answer does not fit.
//!
//! Every exchange has a socket of its own, whose port the system chose at random, and a random id:
//! who wants to forge an answer must guess both (RFC 5452). The socket is connected, so that a server
//! which is not there is known at once instead of after a timeout.

use std::future;
use std::io;
use std::net::SocketAddr;

use udpair_io::{Adapter, Outgoing, RecvBatch, Socket};

use super::wire::{Answer, Parsed, Query};
use crate::driver::{self, WaitError, Watched};

/// Why a server gave no answer that can be used.
#[derive(Debug)]
pub(super) enum Fault {
    /// It cannot be reached.
    Io(io::Error),
    /// What it said makes no sense.
    Broken(String),
}

/// Returns the answer, or `None` if it did not fit into a datagram. The question leaves by `adapter`, if
/// that is given.
pub(super) async fn over_udp(
    server: SocketAddr,
    adapter: Option<&Adapter>,
    query: &Query,
) -> Result<Option<Answer>, Fault> {
    let engine = udpair_io::portable_engine();
    let socket = Socket::for_query(server, adapter).map_err(Fault::Io)?;
    let server = socket.peer_as_reported(server);
    let question = Outgoing {
        payload: query.bytes(),
        to: None,
    };
    engine.send(&socket, question).map_err(Fault::Io)?;
    let (watched, _) = Watched::new(socket);
    let mut batch = RecvBatch::new(1);
    // The answer is not here yet: no server is that fast.
    let mut is_empty = true;
    loop {
        // So that a flood of answers to others lets the limit come.
        future::poll_fn(driver::poll_share).await;
        if is_empty {
            let readable = watched.readable().await;
            readable.map_err(|gone| Fault::Io(gone.into()))?;
        }
        match watched.with(|socket| engine.receive(socket, &mut batch)) {
            Some(Ok(_)) => is_empty = false,
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                is_empty = true;
                continue;
            }
            Some(Err(error)) => return Err(Fault::Io(error)),
            None => return Err(Fault::Io(WaitError::Closed.into())),
        }
        for datagram in batch.iter() {
            // The kernel lets strangers in until it is connected, which is after it has the port.
            if datagram.remote() != server {
                continue;
            }
            match query.read(datagram.payload()) {
                Parsed::Foreign => {}
                Parsed::Truncated => return Ok(None),
                Parsed::Broken(reason) => return Err(Fault::Broken(reason)),
                Parsed::Answer(answer) => return Ok(Some(answer)),
            }
        }
    }
}

/// Returns the answer over a connection, which takes any; see [`over_udp`].
pub(super) async fn over_tcp(
    server: SocketAddr,
    adapter: Option<&Adapter>,
    query: &Query,
) -> Result<Answer, Fault> {
    let socket = udpair_io::stream_for_query(server, adapter).map_err(Fault::Io)?;
    let bytes = driver::tcp_exchange(socket, server, query.bytes())
        .await
        .map_err(Fault::Io)?;
    match query.read(&bytes) {
        Parsed::Answer(answer) => Ok(answer),
        Parsed::Broken(reason) => Err(Fault::Broken(reason)),
        Parsed::Truncated => Err(Fault::Broken("truncated over TCP".into())),
        Parsed::Foreign => Err(Fault::Broken("the answer is to another question".into())),
    }
}
