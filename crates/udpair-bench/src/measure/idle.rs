//! The cost of many open sockets.

use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use serde_json::{Value, json};

use crate::Result;
use crate::system::process;

/// Many open sockets, each with a handler that waits for a datagram.
pub(crate) struct Idle {
    /// The local address of each socket. The code that opens the sockets sets it.
    pub(crate) locals: Vec<SocketAddr>,
    sender: UdpSocket,
    started: Instant,
    memory: u64,
    opened: Value,
}

impl Idle {
    pub(crate) fn start(sockets: usize) -> Result<Self> {
        process::allow_descriptors()?;
        let sender = UdpSocket::bind("127.0.0.1:0")?;
        // Written before the memory is measured, so that it does not count as the sockets' memory.
        let locals = vec![sender.local_addr()?; sockets];
        Ok(Self {
            locals,
            sender,
            memory: process::resident_bytes()?,
            started: Instant::now(),
            opened: Value::Null,
        })
    }

    /// Returns the address that every socket connects to.
    pub(crate) fn remote(&self) -> Result<SocketAddr> {
        Ok(self.sender.local_addr()?)
    }

    /// Records that all sockets are open and all handlers wait. Sends a datagram to each socket.
    pub(crate) fn wake(&mut self) -> Result<()> {
        self.opened = json!({
            "open_seconds": self.started.elapsed().as_secs_f64(),
            "bytes_per_socket_before_first": self.bytes_per_socket()?,
        });
        self.started = Instant::now();
        for local in &self.locals {
            self.sender.send_to(b"wake", local)?;
        }
        Ok(())
    }

    /// Records that every handler has run, and returns the result.
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
