//! The name server of the name workload: a loop around the table, which counts the questions.

use std::net::{SocketAddr, UdpSocket};

use serde_json::{Value, json};
use udpair_bench::dns;

use crate::Result;
use crate::measure::{END_BYTES, say_ready};

/// Answers until it is told to end.
///
/// A message too short for a question asks how many there were.
pub(crate) fn serve(local: SocketAddr) -> Result<Value> {
    let socket = UdpSocket::bind(local)?;
    say_ready()?;
    let mut queries: u64 = 0;
    let mut message = [0; dns::MESSAGE_BYTES_MAX];
    loop {
        let (length, from) = socket.recv_from(&mut message)?;
        let reply = match length {
            END_BYTES => return Ok(json!({ "queries": queries })),
            0..dns::HEADER_BYTES => Some(queries.to_be_bytes().to_vec()),
            _ => {
                queries += 1;
                dns::answer(&message[..length])
            }
        };
        if let Some(reply) = reply {
            socket.send_to(&reply, from)?;
        }
    }
}
