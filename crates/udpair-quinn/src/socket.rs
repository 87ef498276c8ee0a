//! A datagram socket as quinn sees it.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use quinn::udp::{EcnCodepoint, RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use udpair::{
    DatagramSocket, Destination, Error, Filled, OptionValue, PacketHeader, SocketOption, Source,
};

/// A [`DatagramSocket`] that a QUIC endpoint uses.
///
/// The endpoint receives what no other receiver of the socket takes, so do not receive from a clone
/// of the socket meanwhile. Closing the socket ends the endpoint.
#[derive(Debug)]
pub struct QuicSocket(Arc<Shared>);

/// What the socket shares with its pollers.
#[derive(Debug)]
struct Shared {
    socket: DatagramSocket,
    /// Whether quinn wants IPv4 addresses as IPv6 ones: it has a socket for both families.
    maps_ipv4: bool,
    /// How many datagrams one call sends, and one buffer holds. quinn asks before every send.
    send_segments: usize,
    receive_segments: usize,
    /// Whether the kernel had no buffer space for the last datagram.
    is_full: AtomicBool,
}

impl QuicSocket {
    /// Takes a socket that is bound. It should not be connected: the addresses of a QUIC connection
    /// may change.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected): the socket is not open.
    pub fn new(socket: DatagramSocket) -> io::Result<Self> {
        let local = local_addr(&socket)?;
        let capabilities = socket.capabilities();
        Ok(Self(Arc::new(Shared {
            socket,
            maps_ipv4: local.is_ipv6(),
            send_segments: capabilities.send_segments,
            receive_segments: capabilities.receive_segments,
            is_full: AtomicBool::new(false),
        })))
    }

    /// Returns the socket.
    pub fn socket(&self) -> &DatagramSocket {
        &self.0.socket
    }
}

impl AsyncUdpSocket for QuicSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller {
            shared: self.0.clone(),
            waiting: None,
        })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let (payload, to) = (transmit.contents, destination(transmit));
        let socket = &self.0.socket;
        let is_sent = match transmit.segment_size {
            Some(segment) if segment < payload.len() => {
                // The rest of a run is lost like any datagram, and QUIC sends it again.
                socket.try_send_run_to(payload, segment, to)? > 0
            }
            _ => socket.try_send_to(payload, to)?,
        };
        if is_sent {
            return Ok(());
        }
        self.0.is_full.store(true, Ordering::Relaxed);
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let count = buffers.len().min(metas.len());
        FILLED.with_borrow_mut(|filled| {
            let socket = &self.0.socket;
            ready!(socket.poll_recv_buffers(cx, &mut buffers[..count], filled))?;
            for (filled, meta) in filled.iter().zip(metas) {
                *meta = meta_of(filled, self.0.maps_ipv4);
            }
            Poll::Ready(Ok(filled.len()))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(&self.0.socket)
    }

    fn max_transmit_segments(&self) -> usize {
        self.0.send_segments
    }

    fn max_receive_segments(&self) -> usize {
        self.0.receive_segments
    }

    fn may_fragment(&self) -> bool {
        let options = self.0.socket.options();
        let granted = options.get(SocketOption::DontFragment).granted;
        granted != Some(OptionValue::Switch(true))
    }
}

/// Waits until the kernel has buffer space.
struct Poller {
    shared: Arc<Shared>,
    waiting: Option<Waiting>,
}

type Waiting = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + Sync>>;

impl UdpPoller for Poller {
    fn poll_writable(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waiting.is_none() {
            if !self.shared.is_full.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            let socket = self.shared.socket.clone();
            self.waiting = Some(Box::pin(async move { socket.writable().await }));
        }
        if let Some(waiting) = &mut self.waiting {
            let waited = ready!(waiting.as_mut().poll(cx));
            self.waiting = None;
            // If another send fills the buffer again, it says so again.
            self.shared.is_full.store(false, Ordering::Relaxed);
            waited?;
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").finish_non_exhaustive()
    }
}

fn local_addr(socket: &DatagramSocket) -> io::Result<SocketAddr> {
    let not_open = || io::Error::new(io::ErrorKind::NotConnected, "the socket is not open");
    socket.local_addr().ok_or_else(not_open)
}

fn destination(transmit: &Transmit<'_>) -> Destination {
    let address = transmit.destination;
    Destination {
        address: SocketAddr::new(address.ip().to_canonical(), address.port()),
        source: Source {
            address: transmit.src_ip.map(|ip| ip.to_canonical()),
            adapter: None,
        },
        header: PacketHeader {
            ecn: transmit.ecn.map(|ecn| ecn as u8),
            ..PacketHeader::default()
        },
    }
}

/// Returns what quinn needs to know about a filled buffer. On a socket for both families quinn
/// wants every address as IPv6.
fn meta_of(filled: &Filled, maps_ipv4: bool) -> RecvMeta {
    let metadata = &filled.metadata;
    let mapped = |ip: IpAddr| match ip {
        IpAddr::V4(ip) if maps_ipv4 => ip.to_ipv6_mapped().into(),
        ip => ip,
    };
    let from = metadata.remote;
    RecvMeta {
        addr: match mapped(from.ip()) {
            ip if ip == from.ip() => from,
            IpAddr::V6(ip) => SocketAddrV6::new(ip, from.port(), 0, 0).into(),
            ip => SocketAddr::new(ip, from.port()),
        },
        len: filled.length,
        stride: filled.segment,
        ecn: metadata.ecn.and_then(EcnCodepoint::from_bits),
        dst_ip: metadata.local.map(mapped),
    }
}

thread_local! {
    /// What the buffers of the last receive hold. Each thread keeps one, so that a receive
    /// allocates nothing.
    static FILLED: RefCell<Vec<Filled>> = const { RefCell::new(Vec::new()) };
}
