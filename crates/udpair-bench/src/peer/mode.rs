//! A mode, which is one way of using UDP sockets, and what all modes share.
//!
//! A *mode* is written as an application would be, with a function for every role that it supports.
//! The functions move datagrams and do nothing else. `measure` counts and times.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::script::Script;
use crate::Result;
use crate::measure::{Connects, Counter, Flood, Idle, RoundTrips};
use crate::system;

/// Sends to each of these addresses in turn.
type FanOut = fn(&[SocketAddr], &Load) -> Result<Flood>;

/// One way of using UDP sockets. A role is `None` if the mode does not support it or if it would
/// show nothing about the mode.
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    /// A description of the mode for the readers of `list`.
    pub(crate) about: &'static str,
    /// Whether the mode never sleeps, so that each end needs a core of its own.
    pub(crate) spins: bool,
    /// A program in another language that implements the roles; `None` for a mode in Rust.
    pub(crate) script: Option<Script>,
    /// Sends to one peer as fast as possible.
    pub(crate) send: Option<fn(Ends, &Load) -> Result<Flood>>,
    /// Receives from one peer.
    pub(crate) receive: Option<fn(Ends) -> Result<Counter>>,
    /// Sends every received datagram back.
    pub(crate) echo: Option<fn(Ends, &Load) -> Result<Counter>>,
    /// Keeps a number of datagrams in flight to an echo.
    pub(crate) ping: Option<fn(Ends, &Load) -> Result<RoundTrips>>,
    /// Sends to many peers in turn, from one socket.
    pub(crate) fan_out: Option<FanOut>,
    /// Opens many sockets, each with its own handler.
    pub(crate) idle: Option<fn(Idle) -> Result<Idle>>,
    /// Opens connected sockets by host name and service.
    pub(crate) connect: Option<fn(SocketAddr, Connects) -> Result<Connects>>,
}

impl Mode {
    /// Returns a mode without any role.
    pub(super) const fn new(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            spins: false,
            script: None,
            send: None,
            receive: None,
            echo: None,
            ping: None,
            fan_out: None,
            idle: None,
            connect: None,
        }
    }

    /// Returns whether this mode supports a role.
    pub(crate) fn plays(&self, role: &str) -> bool {
        match role {
            _ if self.script.is_some() => self
                .script
                .as_ref()
                .is_some_and(|script| script.plays(role)),
            "send" => self.send.is_some(),
            "receive" => self.receive.is_some(),
            "echo" => self.echo.is_some(),
            "ping" => self.ping.is_some(),
            "fan-out" => self.fan_out.is_some(),
            "idle" => self.idle.is_some(),
            "connect" => self.connect.is_some(),
            _ => false,
        }
    }

    /// Returns whether this mode can run here; the error says what is missing.
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.script.as_ref().map_or(Ok(()), Script::check)
    }
}

/// Both ends of a connected socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

/// What to send, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// The length of each datagram, in bytes.
    pub(crate) bytes: u16,
    pub(crate) time: Duration,
    /// The number of datagrams that are in flight at the same time.
    pub(crate) in_flight: usize,
}

impl Load {
    /// Returns the payload of a datagram.
    pub(super) fn payload(&self) -> Vec<u8> {
        vec![1; self.bytes.into()]
    }

    pub(super) fn flood(&self) -> Flood {
        Flood::start(self.time)
    }

    pub(super) fn round_trips(&self) -> RoundTrips {
        RoundTrips::start(self.time, self.in_flight)
    }

    /// Returns the number of datagrams that fit into one GSO buffer.
    pub(super) fn segments(&self) -> usize {
        BATCH.min(usize::from(u16::MAX - UDP_AND_IP_BYTES) / usize::from(self.bytes.max(1)))
    }
}

/// Opens a socket of the standard library with the buffer sizes that all peers request.
pub(super) fn open(local: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(local)?;
    system::request_buffers(&socket, BUFFER_BYTES)?;
    Ok(socket)
}

/// Opens a connected socket with the same buffer sizes.
pub(super) fn connect(ends: Ends) -> Result<UdpSocket> {
    let socket = open(ends.local)?;
    socket.connect(ends.remote)?;
    Ok(socket)
}

/// The number of datagrams in a batch.
pub(super) const BATCH: usize = 64;

/// The size that every socket requests for its send buffer and for its receive buffer.
pub(super) const BUFFER_BYTES: u32 = 4 << 20;

/// More than the longest payload of the workloads.
pub(super) const PAYLOAD_BYTES_MAX: usize = 2_048;

/// The length of the UDP and IPv4 headers, which count towards the limit of 65,535 bytes.
const UDP_AND_IP_BYTES: u16 = 28;
