//! Resolves a name by a server that answers with bytes that somebody made up. Whatever they are,
//! the resolver comes to an end, and what it finds can be used.
//!
//! The fuzz target `dns_answers` has this file too, so it uses nothing of the tests.

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use udpair::{Endpoint, Resolver, Step};

/// A name server on loopback.
pub(crate) struct Server {
    address: SocketAddr,
    answers: Arc<Mutex<Vec<Vec<u8>>>>,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    /// Starts the server. Its thread ends with the process.
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = socket.local_addr().expect("an address");
        let answers: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let shared = answers.clone();
        thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let query = &buffer[..length];
                let made_up = shared.lock().unwrap_or_else(PoisonError::into_inner).pop();
                if let Some(bytes) = made_up {
                    let _ = socket.send_to(&answer(query, &bytes), from);
                }
                // A second answer ends the question if the resolver ignores the first.
                let failure = [0x81, 0x82, 0, 0, 0];
                let _ = socket.send_to(&answer(query, &failure), from);
            }
        });
        Self {
            address,
            answers,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
        }
    }

    /// Resolves a service at a host. The server sends one piece of `bytes` in answer to each query:
    /// two bytes are the length of the next piece.
    ///
    /// # Panics
    ///
    /// A rule does not hold.
    pub(crate) fn resolve(&self, mut bytes: &[u8]) {
        let mut pieces = Vec::new();
        while let Some(([high, low], rest)) = bytes.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
            let (piece, rest) = rest.split_at(length);
            pieces.push(piece.to_vec());
            bytes = rest;
        }
        pieces.reverse();
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = pieces;
        let resolver = Resolver::builder()
            .dns_servers([self.address])
            .services_text("")
            .attempts(1)
            .timeout(LIMIT)
            .build();
        let remote: Endpoint = "example.test:stun".parse().expect("an endpoint");
        let resolution = self.runtime.block_on(resolver.resolve(&remote));
        match resolution.candidates() {
            Ok(candidates) => {
                let mut distinct = HashSet::new();
                for candidate in candidates {
                    let address = candidate.address;
                    assert_ne!(address.port(), 0, "{address}");
                    assert_eq!(address.ip(), address.ip().to_canonical());
                    assert!(distinct.insert(address), "{address} twice");
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        for step in resolution.steps() {
            let elapsed = match step {
                Step::Srv(step) => step.elapsed,
                Step::Address(step) => step.elapsed,
                _ => Duration::ZERO,
            };
            assert!(elapsed < LIMIT, "{step:?}");
        }
    }
}

/// Returns an answer to `query`: the question, and of `bytes` two for the flags, one for each count
/// of records, and the records.
fn answer(query: &[u8], bytes: &[u8]) -> Vec<u8> {
    let Some(([flags, code, answers, authorities, additionals], records)) =
        bytes.split_first_chunk()
    else {
        return bytes.to_vec();
    };
    let name = query.get(12..).unwrap_or_default();
    let question_end = name.iter().position(|byte| *byte == 0).unwrap_or(0) + 12 + 5;
    let mut message = query[..2].to_vec();
    message.extend([0x80 | flags, *code, 0, 1]);
    for count in [answers, authorities, additionals] {
        message.extend([0, *count]);
    }
    message.extend(query.get(12..question_end).unwrap_or_default());
    message.extend(records);
    message
}

/// A resolver that waits this long has not noticed the end of a question.
const LIMIT: Duration = Duration::from_secs(8);
