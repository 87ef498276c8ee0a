//! The name server of the name workload. It answers from a table and counts the queries.

use std::net::{SocketAddr, UdpSocket};

use serde_json::{Value, json};
use udpair_bench::dns;

use crate::Result;
use crate::measure::{END_BYTES, say_ready};

/// Answers queries until the end datagram arrives.
///
/// A message that is too short for a query asks for the number of queries so far.
pub(crate) fn serve(local: SocketAddr) -> Result<Value> {
    let socket = UdpSocket::bind(local)?;
    say_ready()?;
    let mut queries: u64 = 0;
    let mut message = [0; dns::MESSAGE_BYTES_MAX];
    loop {
        let (length, from) = socket.recv_from(&mut message)?;
        let response = match length {
            END_BYTES => return Ok(json!({ "queries": queries })),
            0..dns::HEADER_BYTES => Some(queries.to_be_bytes().to_vec()),
            _ => {
                queries += 1;
                dns::respond(&message[..length])
            }
        };
        if let Some(response) = response {
            socket.send_to(&response, from)?;
        }
    }
}
