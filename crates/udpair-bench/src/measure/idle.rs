//! What many open sockets cost.

use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use serde_json::{Value, json};

use crate::Result;
use crate::system::process;

/// Sockets that wait, each with a handler of its own.
pub(crate) struct Idle {
    /// Where each socket is, to be filled in by whoever opens it.
    pub(crate) locals: Vec<SocketAddr>,
    poker: UdpSocket,
    started: Instant,
    memory: u64,
    opened: Value,
}

impl Idle {
    pub(crate) fn start(sockets: usize) -> Result<Self> {
        process::allow_descriptors()?;
        let poker = UdpSocket::bind("127.0.0.1:0")?;
        // Written to before the memory is looked at, so that it does not count as a socket's.
        let locals = vec![poker.local_addr()?; sockets];
        Ok(Self {
            locals,
            poker,
            memory: process::resident_bytes()?,
            started: Instant::now(),
            opened: Value::Null,
        })
    }

    /// The peer that each socket connects to.
    pub(crate) fn remote(&self) -> Result<SocketAddr> {
        Ok(self.poker.local_addr()?)
    }

    /// Notes that all sockets are open with their handlers waiting, and sends each a datagram.
    pub(crate) fn poke(&mut self) -> Result<()> {
        self.opened = json!({
            "open_seconds": self.started.elapsed().as_secs_f64(),
            "bytes_per_socket_before_first": self.bytes_per_socket()?,
        });
        self.started = Instant::now();
        for local in &self.locals {
            self.poker.send_to(b"poke", local)?;
        }
        Ok(())
    }

    /// Notes that every handler ran.
    pub(crate) fn finish(self) -> Result<Value> {
        let sweep = self.started.elapsed().as_secs_f64();
        let bytes = self.bytes_per_socket()?;
        let mut result = self.opened;
        result["sweep_seconds"] = sweep.into();
        result["bytes_per_socket"] = bytes.into();
        result["sockets"] = self.locals.len().into();
        Ok(result)
    }

    fn bytes_per_socket(&self) -> Result<f64> {
        let grown = process::resident_bytes()?.saturating_sub(self.memory);
        Ok(grown as f64 / self.locals.len().max(1) as f64)
    }
}
