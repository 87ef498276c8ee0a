//! What is decided before a socket is open.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use udpair_io::{Adapter, Cause, Engine, Socket, Wishes};

use super::shared::Shared;
use super::{DatagramSocket, open};
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, EndpointPair, ServiceName};
use crate::resolve::Resolver;

/// Makes a [`DatagramSocket`].
///
/// The options set here are frozen once the socket is open. A builder may make any number of sockets.
///
/// # Model
///
/// `DatagramSocketControl` (CTL-01 to CTL-14).
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it opens a socket"]
pub struct Builder(Settings);

/// The options of a socket.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) resolver: Resolver,
    pub(super) engine: &'static dyn Engine,
    pub(super) hop_limit: u8,
    dont_fragment: bool,
    inbound_buffer_bytes: Option<u32>,
    send_buffer_bytes: Option<u32>,
    quality_of_service: QualityOfService,
    receive_offload: bool,
    timestamps: bool,
    pub(super) busy_poll: Option<Duration>,
    /// Whether the socket is one of several on its port.
    pub(super) is_in_group: bool,
}

/// How urgent the datagrams of a socket are.
///
/// # Model
///
/// `SocketQualityOfService`; the numbers are fixed (CTL-11).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum QualityOfService {
    /// As the system treats any datagram.
    #[default]
    Normal = 0,
    /// Marked for expedited forwarding (DSCP 46, RFC 3246) and preferred by the system.
    LowLatency = 1,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self(Settings {
            resolver: Resolver::system(),
            engine: udpair_io::engines()
                .first()
                .copied()
                .unwrap_or(udpair_io::portable_engine()),
            hop_limit: HOP_LIMIT,
            dont_fragment: false,
            inbound_buffer_bytes: None,
            send_buffer_bytes: None,
            quality_of_service: QualityOfService::Normal,
            receive_offload: true,
            timestamps: false,
            busy_poll: None,
            is_in_group: false,
        })
    }

    /// Refuses to fragment: a datagram that exceeds what the path takes is not sent, or dropped on its
    /// way and reported. Default: `false`, it may be sent in fragments (CTL-01 to CTL-03).
    pub fn dont_fragment(mut self, dont_fragment: bool) -> Self {
        self.0.dont_fragment = dont_fragment;
        self
    }

    /// Sets the size of the kernel's receive buffer, in bytes; the kernel drops what does not fit.
    /// Default: the system's. The system may grant less and says nothing (CTL-05 to CTL-07).
    pub fn inbound_buffer_bytes(mut self, bytes: u32) -> Self {
        self.0.inbound_buffer_bytes = Some(bytes);
        self
    }

    /// Sets the size of the kernel's send buffer, in bytes; a write waits while it is full. Default: the
    /// system's. The system may grant less and says nothing.
    pub fn send_buffer_bytes(mut self, bytes: u32) -> Self {
        self.0.send_buffer_bytes = Some(bytes);
        self
    }

    /// Sets the hop limit (IPv4: TTL) of unicast datagrams, 1 to 255. Default: 128 (CTL-08).
    pub fn hop_limit(mut self, hops: u8) -> Self {
        self.0.hop_limit = hops;
        self
    }

    /// Says how urgent the datagrams are. Default: [`QualityOfService::Normal`] (CTL-11).
    pub fn quality_of_service(mut self, quality: QualityOfService) -> Self {
        self.0.quality_of_service = quality;
        self
    }

    /// Lets the kernel hand over datagrams of one sender in one piece, where it can. Default: `true`.
    ///
    /// It makes receiving many times faster, and nothing else of it shows but this: the kernel counts a
    /// piece that it has no room for as one, so that
    /// [`kernel_dropped`](crate::Statistics::kernel_dropped) is a lower bound; with `false` it is exact.
    pub fn receive_offload(mut self, receive_offload: bool) -> Self {
        self.0.receive_offload = receive_offload;
        self
    }

    /// Asks the kernel when each datagram came in; see [`Message::timestamp`](crate::Message::timestamp).
    /// Default: `false`.
    ///
    /// The kernel then looks at its clock for every packet of the machine, which slows all of them a
    /// little.
    pub fn timestamps(mut self, timestamps: bool) -> Self {
        self.0.timestamps = timestamps;
        self
    }

    /// Keeps asking the kernel for so long before a receiver sleeps. Default: zero, which sleeps at once.
    ///
    /// A datagram that comes in meanwhile is there without a wake-up, which takes several microseconds and
    /// on machines that save power many more. The price is a whole core: the thread that polls does
    /// nothing else for that time, and neither do the other tasks of its runtime. So this is for a
    /// runtime of its own, and for times that are not much longer than a wake-up.
    pub fn busy_poll(mut self, time: Duration) -> Self {
        self.0.busy_poll = Some(time).filter(|time| !time.is_zero());
        self
    }

    /// Resolves names with this resolver. Default: [`Resolver::system`].
    pub fn resolver(mut self, resolver: &Resolver) -> Self {
        self.0.resolver = resolver.clone();
        self
    }

    /// Moves datagrams with this engine. Default: the fastest of [`engines`](udpair_io::engines).
    pub fn engine(mut self, engine: &'static dyn Engine) -> Self {
        self.0.engine = engine;
        self
    }

    /// Resolves a local endpoint, and opens a socket that is bound to it.
    ///
    /// A host that has several addresses is bound to the first one that is this machine's; `localhost`
    /// means all loopback addresses. The port belongs to this socket alone.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): an option is out of its range.
    /// - [`ServiceNotFound`](ErrorKind::ServiceNotFound): the services file does not list the service.
    /// - [`AddressNotAvailable`](ErrorKind::AddressNotAvailable): the host has no address of this machine.
    /// - [`AddressInUse`](ErrorKind::AddressInUse): the port belongs to another socket.
    /// - [`PermissionDenied`](ErrorKind::PermissionDenied): the system denies the port.
    /// - Those of [`Resolver::resolve`] for a host that must be looked up.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves no socket behind.
    ///
    /// # Model
    ///
    /// `BindEndpointAsync`, and `BindServiceNameAsync` for an endpoint without host (BND-01 to BND-14).
    pub async fn bind(&self, local: &Endpoint) -> Result<DatagramSocket, Error> {
        let socket = self.open()?;
        open::bind(socket.shared(), local, None).await?;
        Ok(socket)
    }

    /// Opens a socket that is bound to `service` on one adapter: it sends and receives by that alone.
    ///
    /// # Errors
    ///
    /// Those of [`bind`](Self::bind); an adapter that has vanished is an address that is not available.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves no socket behind.
    ///
    /// # Model
    ///
    /// `BindServiceNameAsync(String, NetworkAdapter)` (BND-05, BND-06).
    pub async fn bind_on(
        &self,
        adapter: &Adapter,
        service: &ServiceName,
    ) -> Result<DatagramSocket, Error> {
        let socket = self.open()?;
        let local = Endpoint::any(service.clone());
        open::bind(socket.shared(), &local, Some(adapter)).await?;
        Ok(socket)
    }

    /// Opens `count` sockets that are bound to the same local endpoint, so that as many cores can serve it.
    ///
    /// The system gives each datagram to one of them, all of one flow (the same two addresses and ports) to
    /// the same one, as long as the group stays as it is. A datagram goes to the socket that the system
    /// chose, whether somebody receives there or not: so every socket must be served.
    ///
    /// Unlike any other socket, each of a group lives in the runtime in which somebody waits for it first.
    /// A thread with a runtime of its own for each is the arrangement that scales.
    ///
    /// This is the exception to the rule that a port belongs to one socket alone: other programs of the
    /// same user may join the group (BND-08).
    ///
    /// # Errors
    ///
    /// Those of [`bind`](Self::bind); [`InvalidArgument`](ErrorKind::InvalidArgument): `count` is 0;
    /// [`Unsupported`](ErrorKind::Unsupported): the system has no such groups.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves no socket behind.
    pub async fn bind_group(
        &self,
        local: &Endpoint,
        count: usize,
    ) -> Result<Vec<DatagramSocket>, Error> {
        if count == 0 {
            let message = "a group has at least one socket";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let mut member = self.clone();
        member.0.is_in_group = true;
        let first = member.bind(local).await?;
        // If the port was the system's choice, it chose it for all.
        let port = first.local_addr().map_or(0, |address| address.port());
        let local = Endpoint::new(local.host().cloned(), ServiceName::from(port));
        let mut group = vec![first];
        while group.len() < count {
            group.push(member.bind(&local).await?);
        }
        Ok(group)
    }

    /// Opens a socket that is connected: see [`DatagramSocket::connect`].
    ///
    /// # Errors
    ///
    /// Those of [`DatagramSocket::connect`], and
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for an option out of its range.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves no socket behind.
    pub async fn connect(&self, pair: &EndpointPair) -> Result<DatagramSocket, Error> {
        let socket = self.open()?;
        socket.connect(pair).await?;
        Ok(socket)
    }

    /// Makes a socket without an address: it is bound by its first write, or connected later.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): an option is out of its range.
    pub fn open(&self) -> Result<DatagramSocket, Error> {
        self.0.check()?;
        Ok(DatagramSocket::new(Arc::new(Shared::new(self.0.clone()))))
    }
}

impl Settings {
    /// Checks what no system would accept, or would misunderstand (CTL-06, CTL-10).
    fn check(&self) -> Result<(), Error> {
        check_hop_limit(self.hop_limit)?;
        for (what, bytes) in [
            ("inbound buffer", self.inbound_buffer_bytes),
            ("send buffer", self.send_buffer_bytes),
        ] {
            if bytes.is_some_and(|bytes| bytes == 0 || bytes > MAX) {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("the {what} has 1 to {MAX} bytes"),
                ));
            }
        }
        Ok(())
    }

    /// Sets the options on a socket that is not bound yet.
    pub(super) fn apply(&self, socket: &Socket) -> io::Result<()> {
        let mut wishes = Wishes::default();
        wishes.receive_offload = self.receive_offload;
        wishes.timestamps = self.timestamps;
        self.engine.prepare(socket, wishes)?;
        if self.is_in_group {
            udpair_io::share_port(socket)?;
        }
        if let Some(time) = self.busy_poll {
            // The adapter's share of it, which the system may deny, or its adapter not have.
            let _ = udpair_io::set_busy_poll(socket, time);
        }
        udpair_io::set_hop_limit(socket, self.hop_limit)?;
        udpair_io::set_dont_fragment(socket, self.dont_fragment)?;
        if let Some(bytes) = self.inbound_buffer_bytes {
            udpair_io::set_receive_buffer_bytes(socket, bytes)?;
        }
        if let Some(bytes) = self.send_buffer_bytes {
            udpair_io::set_send_buffer_bytes(socket, bytes)?;
        }
        if self.quality_of_service == QualityOfService::LowLatency {
            match udpair_io::set_low_latency(socket) {
                // A wish: where it cannot be granted, datagrams go out as they always do.
                Err(error) if Cause::of(&error) == Cause::NotSupported => {}
                result => result?,
            }
        }
        Ok(())
    }
}

pub(super) fn check_hop_limit(hops: u8) -> Result<(), Error> {
    if hops == 0 {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "a hop limit of 0 leads nowhere",
        ));
    }
    Ok(())
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("engine", &self.engine.name())
            .field("hop_limit", &self.hop_limit)
            .field("dont_fragment", &self.dont_fragment)
            .field("inbound_buffer_bytes", &self.inbound_buffer_bytes)
            .field("send_buffer_bytes", &self.send_buffer_bytes)
            .field("quality_of_service", &self.quality_of_service)
            .field("receive_offload", &self.receive_offload)
            .field("timestamps", &self.timestamps)
            .field("busy_poll", &self.busy_poll)
            .field("resolver", &self.resolver)
            .finish()
    }
}

/// The model's default (CTL-08); the system's own is 64.
const HOP_LIMIT: u8 = 128;

/// The systems take buffer sizes as a positive `int`.
const MAX: u32 = i32::MAX.cast_unsigned();
