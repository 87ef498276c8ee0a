//! One way of using UDP sockets, and what all of them work with.
//!
//! A *mode* is written as a program would be: it fills in the workloads that it can do. The functions move
//! datagrams and do nothing else; what is counted and timed stands in `measure`.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::script::Script;
use crate::Result;
use crate::measure::{Connects, Counter, Flood, Idle, RoundTrips};
use crate::system;

/// Sends to each of these in turn.
type FanOut = fn(&[SocketAddr], &Load) -> Result<Flood>;

/// One way of using sockets. `None` stands for a workload that says nothing about it.
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    /// What a reader of the table should know.
    pub(crate) about: &'static str,
    /// Whether it never sleeps, so that both ends need a core of their own.
    pub(crate) spins: bool,
    /// Another program, which does the rest.
    pub(crate) script: Option<Script>,
    /// Sends as fast as it can, to one peer.
    pub(crate) send: Option<fn(Ends, &Load) -> Result<Flood>>,
    /// Receives from one peer.
    pub(crate) receive: Option<fn(Ends) -> Result<Counter>>,
    /// Sends back what it receives.
    pub(crate) echo: Option<fn(Ends, &Load) -> Result<Counter>>,
    /// Keeps datagrams under way to an echo.
    pub(crate) ping: Option<fn(Ends, &Load) -> Result<RoundTrips>>,
    /// Sends to many peers in turn, from one socket.
    pub(crate) fan_out: Option<FanOut>,
    /// Opens many sockets, each with a handler of its own.
    pub(crate) idle: Option<fn(Idle) -> Result<Idle>>,
    /// Makes connected sockets from a name and a service.
    pub(crate) connect: Option<fn(SocketAddr, Connects) -> Result<Connects>>,
}

impl Mode {
    /// A mode that does nothing yet.
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

    /// Returns whether this mode plays a role.
    pub(crate) fn plays(&self, role: &str) -> bool {
        match role {
            _ if self.script.is_some() => {
                self.script.as_ref().is_some_and(|script| script.does(role))
            }
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

/// What to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// The length of each datagram.
    pub(crate) bytes: u16,
    pub(crate) time: Duration,
    /// How many datagrams are under way at once.
    pub(crate) in_flight: usize,
}

impl Load {
    /// A datagram.
    pub(super) fn payload(&self) -> Vec<u8> {
        vec![1; self.bytes.into()]
    }

    pub(super) fn flood(&self) -> Flood {
        Flood::start(self.time)
    }

    pub(super) fn round_trips(&self) -> RoundTrips {
        RoundTrips::start(self.time, self.in_flight)
    }

    /// How many datagrams go into one buffer that the kernel cuts.
    pub(super) fn segments(&self) -> usize {
        BATCH.min(usize::from(u16::MAX - UDP_AND_IP_BYTES) / usize::from(self.bytes.max(1)))
    }
}

/// Opens a socket of the standard library with the buffers that all peers ask for.
pub(super) fn open(local: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(local)?;
    system::ask_for_buffers(&socket, BUFFER_BYTES)?;
    Ok(socket)
}

/// Opens a connected one.
pub(super) fn connect(ends: Ends) -> Result<UdpSocket> {
    let socket = open(ends.local)?;
    socket.connect(ends.remote)?;
    Ok(socket)
}

/// How many datagrams the modes that batch move at once.
pub(super) const BATCH: usize = 64;

/// The room that every socket asks for, in both directions.
pub(super) const BUFFER_BYTES: u32 = 4 << 20;

/// The longest payload of the workloads, and more.
pub(super) const PAYLOAD_BYTES_MAX: usize = 2_048;

/// The headers that count towards 65,535 bytes over IPv4.
const UDP_AND_IP_BYTES: u16 = 28;
