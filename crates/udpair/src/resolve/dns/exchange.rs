//! One query to one name server: over UDP, and over TCP if the response does not fit into a
//! datagram.
//!
//! Every exchange has a random id, and a socket of its own whose port the system chooses at random:
//! a forged response must match both (RFC 5452). The socket is connected, so a missing server is
//! detected at once instead of after a timeout.

use std::future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use udpair_io::{Adapter, Cause, Outgoing, RecvBatch, Socket};

use super::wire::{Parsed, Query, Response};
use crate::driver::{self, WaitError, Watched};

/// The reason why a server sent no usable response.
#[derive(Debug)]
pub(super) enum ExchangeError {
    /// The query could not be sent, because this process or machine lacks something: a descriptor,
    /// memory, a free port. This says nothing about the server.
    Shortage(io::Error),
    /// The server cannot be reached.
    Io(io::Error),
    /// The response is malformed.
    Malformed(String),
}

impl From<io::Error> for ExchangeError {
    fn from(error: io::Error) -> Self {
        match Cause::of(&error) {
            Cause::TooManyFiles | Cause::OutOfMemory | Cause::NoBuffers => Self::Shortage(error),
            // connect(2): all ports are in use.
            _ if error.kind() == io::ErrorKind::WouldBlock => Self::Shortage(error),
            _ => Self::Io(error),
        }
    }
}

impl From<WaitError> for ExchangeError {
    fn from(error: WaitError) -> Self {
        // The runtime could not watch the socket.
        Self::Shortage(error.into())
    }
}

/// Sends a query over UDP and returns the response; `None` if it did not fit into a datagram.
///
/// The query leaves through `adapter`, if given.
pub(super) async fn over_udp(
    server: SocketAddr,
    adapter: Option<Arc<Adapter>>,
    query: Query,
) -> Result<Option<Response>, ExchangeError> {
    let engine = udpair_io::portable_engine();
    let socket = Socket::for_query(server, adapter.as_deref())?;
    let server = socket.peer_as_reported(server);
    let outgoing = Outgoing {
        payload: query.bytes(),
        to: None,
    };
    engine.send(&socket, outgoing)?;
    let (watched, _) = Watched::new(socket);
    let mut batch = RecvBatch::new(1);
    // The response has not arrived yet: no server is that fast.
    let mut is_empty = true;
    loop {
        // Takes part in cooperative scheduling, so that a flood of unrelated responses cannot keep
        // the time limit from expiring.
        future::poll_fn(driver::poll_budget).await;
        if is_empty {
            watched.readable().await?;
        }
        match watched.with(|socket| engine.receive(socket, &mut batch)) {
            Some(Ok(_)) => is_empty = false,
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                is_empty = true;
                continue;
            }
            Some(Err(error)) => return Err(error.into()),
            None => return Err(WaitError::Closed.into()),
        }
        if let Some(response) = response_in(&batch, server, &query) {
            return response;
        }
    }
}

/// Returns the server's response to a query, if it is among the datagrams that were received.
fn response_in(
    batch: &RecvBatch,
    server: SocketAddr,
    query: &Query,
) -> Option<Result<Option<Response>, ExchangeError>> {
    // The socket has its port before it is connected. Until then the kernel accepts datagrams from
    // other senders.
    let of_server = batch.iter().filter(|datagram| datagram.remote() == server);
    of_server
        .map(|datagram| query.read(datagram.payload()))
        .find_map(|parsed| match parsed {
            Parsed::Foreign => None,
            Parsed::Truncated => Some(Ok(None)),
            Parsed::Malformed(reason) => Some(Err(ExchangeError::Malformed(reason))),
            Parsed::Response(response) => Some(Ok(Some(response))),
        })
}

/// Sends a query over TCP, which carries responses of any size, and returns the response.
///
/// The query leaves through `adapter`, if given.
pub(super) async fn over_tcp(
    server: SocketAddr,
    adapter: Option<Arc<Adapter>>,
    query: Query,
) -> Result<Response, ExchangeError> {
    let socket = udpair_io::stream_for_query(server, adapter.as_deref())?;
    let bytes = driver::tcp_exchange(socket, server, query.bytes()).await?;
    match query.read(&bytes) {
        Parsed::Response(response) => Ok(response),
        Parsed::Malformed(reason) => Err(ExchangeError::Malformed(reason)),
        Parsed::Truncated => Err(ExchangeError::Malformed("it is truncated".into())),
        Parsed::Foreign => Err(ExchangeError::Malformed(
            "the response is to another query".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use udpair_io::Family;

    use super::*;
    use crate::resolve::step::RecordType;

    /// A forged response that is right in everything but its sender (RFC 5452, section 9.1).
    #[test]
    fn only_the_server_responds() {
        let query = Query::new("example.test", RecordType::A, 4711, false).unwrap();
        // The query with the bit that makes it a response.
        let mut payload = query.bytes().to_vec();
        payload[2] |= 0x80;
        let [server, forger] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let socket = Socket::open(Family::Ipv4).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let to = socket.local_addr().unwrap();
        let engine = udpair_io::portable_engine();
        let mut batch = RecvBatch::new(1);
        for (sender, is_response) in [(&forger, false), (&server, true)] {
            sender.send_to(&payload, to).unwrap();
            engine.receive(&socket, &mut batch).unwrap();
            let response = response_in(&batch, server.local_addr().unwrap(), &query);
            assert_eq!(response.is_some(), is_response);
            assert!(response.is_none_or(|response| matches!(response, Ok(Some(_)))));
        }
    }
}
