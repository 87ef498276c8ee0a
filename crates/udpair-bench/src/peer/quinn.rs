//! quinn-udp on tokio, as quinn uses it: GSO to send, GRO and recvmmsg to receive.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::ops::ControlFlow;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::mode::{self, Ends, Load, Mode};
use super::runtime::run;
use crate::Result;
use crate::measure::{Counter, Flood, RoundTrips};

pub(super) const MODES: &[Mode] = &[
    Mode {
        send: Some(|ends, load| run(send(ends, *load, PerSend::Many))),
        receive: Some(|ends| run(receive(ends))),
        echo: Some(|ends, _| run(echo(ends))),
        ping: Some(|ends, load| run(ping(ends, *load))),
        fan_out: Some(|remotes, load| run(fan_out(remotes, *load))),
        ..Mode::new("quinn-udp", "quinn-udp on tokio, GSO and GRO")
    },
    Mode {
        send: Some(|ends, load| run(send(ends, *load, PerSend::One))),
        receive: Some(|ends| run(receive(ends))),
        ..Mode::new("quinn-udp-one", "quinn-udp on tokio, one datagram per send")
    },
];

/// How many datagrams one send carries.
#[derive(Clone, Copy, Debug)]
enum PerSend {
    One,
    Many,
}

async fn send(ends: Ends, load: Load, per_send: PerSend) -> Result<Flood> {
    let socket = Socket::connect(ends)?;
    let length = match per_send {
        PerSend::One => 1,
        PerSend::Many => load.segments().min(socket.state.max_gso_segments()),
    };
    let payload = load.payload().repeat(length);
    let mut flood = load.flood();
    loop {
        socket
            .send(ends.remote, &payload, load.bytes.into())
            .await?;
        if !flood.sent(length) {
            return Ok(flood);
        }
    }
}

async fn receive(ends: Ends) -> Result<Counter> {
    let socket = Socket::connect(ends)?;
    let mut batch = Batch::new(&socket);
    let mut counter = Counter::ready()?;
    loop {
        socket.receive(&mut batch).await?;
        if counter.take_all(batch.payloads()).is_break() {
            return Ok(counter);
        }
    }
}

async fn echo(ends: Ends) -> Result<Counter> {
    let socket = Socket::connect(ends)?;
    let mut batch = Batch::new(&socket);
    let mut counter = Counter::ready()?;
    loop {
        socket.receive(&mut batch).await?;
        for (buffer, segment) in batch.buffers() {
            if counter.take_all(buffer.chunks(segment)) == ControlFlow::Break(()) {
                return Ok(counter);
            }
            socket.send(ends.remote, buffer, segment).await?;
        }
    }
}

async fn ping(ends: Ends, load: Load) -> Result<RoundTrips> {
    let socket = Socket::connect(ends)?;
    let mut batch = Batch::new(&socket);
    let bytes = usize::from(load.bytes);
    let payload = load.payload().repeat(load.in_flight);
    let mut trips = load.round_trips();
    socket.send(ends.remote, &payload, bytes).await?;
    while trips.in_flight() > 0 {
        socket.receive(&mut batch).await?;
        let again = trips.arrived(batch.payloads().count());
        if again > 0 {
            socket
                .send(ends.remote, &payload[..again * bytes], bytes)
                .await?;
        }
    }
    Ok(trips)
}

async fn fan_out(remotes: &[SocketAddr], load: Load) -> Result<Flood> {
    let socket = Socket::adopt(mode::open(([127, 0, 0, 1], 0).into())?)?;
    let payload = load.payload();
    let mut flood = load.flood();
    for remote in remotes.iter().cycle() {
        socket.send(*remote, &payload, payload.len()).await?;
        if !flood.sent(1) {
            break;
        }
    }
    Ok(flood)
}

struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
}

impl Socket {
    fn connect(ends: Ends) -> Result<Self> {
        Self::adopt(mode::connect(ends)?)
    }

    fn adopt(socket: std::net::UdpSocket) -> Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self {
            io: UdpSocket::from_std(socket)?,
            state,
        })
    }

    /// Sends datagrams of `segment` bytes each.
    async fn send(
        &self,
        destination: SocketAddr,
        contents: &[u8],
        segment: usize,
    ) -> io::Result<()> {
        let transmit = Transmit {
            destination,
            ecn: None,
            contents,
            segment_size: Some(segment),
            src_ip: None,
        };
        let send = || self.state.try_send(UdpSockRef::from(&self.io), &transmit);
        loop {
            match self.io.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            self.io.writable().await?;
        }
    }

    async fn receive(&self, batch: &mut Batch) -> io::Result<()> {
        loop {
            self.io.readable().await?;
            let received = self.io.try_io(Interest::READABLE, || batch.receive(self));
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}

/// Buffers for one call. Each has the capacity for coalesced datagrams (GRO).
struct Batch {
    buffers: Vec<u8>,
    buffer_bytes: usize,
    received: Vec<RecvMeta>,
    length: usize,
}

impl Batch {
    fn new(socket: &Socket) -> Self {
        let buffer_bytes = socket.state.gro_segments() * SEGMENT_BYTES_MAX;
        Self {
            buffers: vec![0; buffer_bytes * BATCH_SIZE],
            buffer_bytes,
            received: vec![RecvMeta::default(); BATCH_SIZE],
            length: 0,
        }
    }

    fn receive(&mut self, socket: &Socket) -> io::Result<()> {
        self.length = 0;
        let mut buffers = self.buffers.chunks_exact_mut(self.buffer_bytes);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
            IoSliceMut::new(buffers.next().expect("one buffer per element of the batch"))
        });
        let sock = UdpSockRef::from(&socket.io);
        self.length = socket.state.recv(sock, &mut slices, &mut self.received)?;
        Ok(())
    }

    /// Returns the filled buffers, each with the length of the datagrams in it.
    fn buffers(&self) -> impl Iterator<Item = (&[u8], usize)> {
        let received = self.received[..self.length].iter();
        self.buffers
            .chunks_exact(self.buffer_bytes)
            .zip(received)
            .map(|(buffer, meta)| (&buffer[..meta.len], meta.stride.max(1)))
    }

    fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.buffers()
            .flat_map(|(buffer, segment)| buffer.chunks(segment))
    }
}

/// More than quinn's default limit for a datagram.
const SEGMENT_BYTES_MAX: usize = 1_500;
