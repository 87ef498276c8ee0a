//! What is decided before a socket is open.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use udpair_io::{Adapter, Engine};

use super::settings::{Ecn, QualityOfService, Settings};
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
pub struct Builder(Arc<Settings>);

impl Builder {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Returns the settings for a change; sockets that were made keep theirs.
    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }

    /// Refuses to fragment: a datagram that exceeds what the path takes is not sent, or dropped on its
    /// way and reported. Default: `false`, it may be sent in fragments (CTL-01 to CTL-03).
    pub fn dont_fragment(mut self, dont_fragment: bool) -> Self {
        self.settings().requested.dont_fragment = dont_fragment;
        self
    }

    /// Sets the size of the kernel's receive buffer, in bytes; the kernel drops what does not fit.
    /// Default: the system's. The system may grant less and says nothing (CTL-05 to CTL-07);
    /// [`options`](DatagramSocket::options) tells.
    pub fn inbound_buffer_bytes(mut self, bytes: u32) -> Self {
        self.settings().requested.inbound_buffer_bytes = Some(bytes);
        self
    }

    /// Sets the size of the kernel's send buffer, in bytes; a write waits while it is full. Default: the
    /// system's. The system may grant less and says nothing; [`options`](DatagramSocket::options) tells.
    pub fn send_buffer_bytes(mut self, bytes: u32) -> Self {
        self.settings().requested.send_buffer_bytes = Some(bytes);
        self
    }

    /// Sets the hop limit (IPv4: TTL) of unicast datagrams, 1 to 255. Default: 128 (CTL-08).
    pub fn hop_limit(mut self, hops: u8) -> Self {
        self.settings().requested.hop_limit = hops;
        self
    }

    /// Says how urgent the datagrams are. Default: [`QualityOfService::Normal`] (CTL-11).
    ///
    /// A wish: where the system does not grant it, datagrams go out as they always do, and
    /// [`options`](DatagramSocket::options) says so.
    pub fn quality_of_service(mut self, quality: QualityOfService) -> Self {
        self.settings().requested.quality_of_service = quality;
        self
    }

    /// Marks datagrams with this differentiated services code point, 0 to 63 (RFC 2474, section 3).
    /// Default: the system's, 0; or 46 with [`QualityOfService::LowLatency`], from which `dscp(0)` takes
    /// the mark off and leaves the preference on this machine.
    ///
    /// A wish like [`quality_of_service`](Self::quality_of_service). Networks may ignore or rewrite it.
    pub fn dscp(mut self, dscp: u8) -> Self {
        self.settings().requested.dscp = Some(dscp);
        self
    }

    /// Marks datagrams for explicit congestion notification (RFC 3168). Default: the system's, which is
    /// [`Ecn::NotCapable`].
    ///
    /// Whoever says that it is capable slows down when its peer tells of congestion; see
    /// [`Message::ecn`](crate::Message::ecn). A wish like
    /// [`quality_of_service`](Self::quality_of_service).
    pub fn ecn(mut self, ecn: Ecn) -> Self {
        self.settings().requested.ecn = Some(ecn);
        self
    }

    /// Lets the kernel hand over datagrams of one sender in one piece, where it can. Default: `true`.
    ///
    /// It makes receiving many times faster, and nothing else of it shows but this: the kernel counts a
    /// piece that it has no room for as one, so that
    /// [`kernel_dropped`](crate::Statistics::kernel_dropped) is a lower bound; with `false` it is exact.
    pub fn receive_offload(mut self, receive_offload: bool) -> Self {
        self.settings().requested.receive_offload = receive_offload;
        self
    }

    /// Asks the kernel when each datagram came in; see [`Message::timestamp`](crate::Message::timestamp).
    /// Default: `false`.
    ///
    /// The kernel then looks at its clock for every packet of the machine, which slows all of them a
    /// little.
    pub fn timestamps(mut self, timestamps: bool) -> Self {
        self.settings().timestamps = timestamps;
        self
    }

    /// Keeps asking the kernel for so long before a receiver sleeps. Default: zero, which sleeps at once.
    ///
    /// A datagram that comes in meanwhile is there without a wake-up, which takes several microseconds and
    /// on machines that save power many more. The price is a whole core: the thread that polls does
    /// nothing else for that time, and neither do the other tasks of its runtime. So this is for a
    /// runtime of its own, and for times that are not much longer than a wake-up.
    pub fn busy_poll(mut self, time: Duration) -> Self {
        self.settings().busy_poll = Some(time).filter(|time| !time.is_zero());
        self
    }

    /// Makes the socket one for multicast and broadcast only, which shares its port. Default: `false`.
    ///
    /// Others that say the same may have the same port, and each of them hears what is sent to the groups
    /// there. In return no datagram to a single host is sent or received: connecting and sending to one is
    /// an error, and what comes in for this machine alone is dropped and counted with the strangers'.
    ///
    /// # Platform
    ///
    /// Needs an engine that can tell where a datagram was sent to.
    ///
    /// # Model
    ///
    /// `MulticastOnly` (CTL-12, BND-09, CON-15, OUT-19, MSG-21).
    pub fn multicast_only(mut self, multicast_only: bool) -> Self {
        self.settings().multicast_only = multicast_only;
        self
    }

    /// Sends to multicast groups by this adapter. Default: that of the socket's address, or the routing
    /// table's choice; where it knows none, the first on which a group is heard, or loopback (MCG-11).
    pub fn multicast_adapter(mut self, adapter: &Adapter) -> Self {
        self.settings().multicast.adapter = Some(adapter.index);
        self
    }

    /// Sets the hop limit (IPv4: TTL) of datagrams to multicast groups, 0 to 255. Default: 1, which is the
    /// adapter's own link (CTL-09).
    pub fn multicast_hops(mut self, hops: u8) -> Self {
        self.settings().multicast.hops = Some(hops);
        self
    }

    /// Says whether what is sent to a group comes back to its members on this machine, this socket
    /// included. Default: `true` (MCG-10).
    pub fn multicast_loopback(mut self, loopback: bool) -> Self {
        self.settings().multicast.loopback = Some(loopback);
        self
    }

    /// Resolves names with this resolver. Default: [`Resolver::system`].
    pub fn resolver(mut self, resolver: &Resolver) -> Self {
        self.settings().resolver = resolver.clone();
        self
    }

    /// Moves datagrams with this engine. Default: the fastest of [`engines`](udpair_io::engines).
    pub fn engine(mut self, engine: &'static dyn Engine) -> Self {
        self.settings().engine = engine;
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
    /// Name servers are asked by that adapter too, unless they run on this machine. What the operating
    /// system's resolver is asked takes whatever way the system chooses;
    /// [`dns_servers`](crate::ResolverBuilder::dns_servers) keeps it out.
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
    /// `BindServiceNameAsync(String, NetworkAdapter)` (BND-05, BND-06, SRV-15).
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
        member.settings().is_in_group = true;
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

    /// Makes a socket of one that somebody else opened, for instance a service manager: bound, or connected.
    ///
    /// The options of this builder are set on it as far as that is possible now. Who may share its port was
    /// decided when it was bound.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): an option is out of its range.
    /// - What the system says of the socket or its options.
    pub fn from_std(&self, udp: UdpSocket) -> Result<DatagramSocket, Error> {
        let socket = self.open()?;
        open::adopt(socket.shared(), udp)?;
        Ok(socket)
    }

    /// Makes a socket without an address: it is bound by its first write, or connected later.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): an option is out of its range.
    /// - [`Unsupported`](ErrorKind::Unsupported): the engine cannot do what an option asks for.
    pub fn open(&self) -> Result<DatagramSocket, Error> {
        self.0.check()?;
        Ok(DatagramSocket::new(Arc::new(Shared::new(self.0.clone()))))
    }
}
