//! `Builder`: the options that are chosen before a socket is open.

use std::io;
use std::net::UdpSocket;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use udpair_io::{Adapter, Engine, Fragmentation, Socket as SystemSocket};

use super::settings::{Ecn, PeerErrors, QualityOfService, Settings};
use super::shared::Shared;
use super::{DatagramSocket, open};
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, EndpointPair, ServiceName};
use crate::resolve::Resolver;

/// A builder that sets the options of a [`DatagramSocket`] and opens it.
///
/// Created by [`DatagramSocket::builder`]. The options are frozen once a socket is open. A builder
/// can open any number of sockets.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), udpair::Error> {
/// use udpair::{DatagramSocket, EndpointPair};
///
/// let socket = DatagramSocket::builder()
///     .hop_limit(64)
///     .dont_fragment(true)
///     .connect(&EndpointPair::to("contoso.com", "stun")?)
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `DatagramSocketControl` (CTL-01 to CTL-14).
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it opens a socket"]
pub struct Builder(Arc<Settings>);

impl Builder {
    pub(super) fn new() -> Self {
        // Shared, so that a socket takes memory for settings only if they are not the default ones.
        static DEFAULT: LazyLock<Arc<Settings>> = LazyLock::new(Arc::default);
        Self(DEFAULT.clone())
    }

    /// Returns the settings for modification. Sockets that were opened before keep theirs.
    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }

    /// Sets whether fragmentation is off. Default: `false`, a datagram may be sent in fragments
    /// (CTL-01 to CTL-03).
    ///
    /// If `true`, a datagram that exceeds the limit of the path is not sent, or it is dropped on
    /// the path and reported.
    ///
    /// The same as [`fragmentation`](Self::fragmentation) with [`Forbid`](Fragmentation::Forbid)
    /// or [`Allow`](Fragmentation::Allow).
    pub fn dont_fragment(self, dont_fragment: bool) -> Self {
        self.fragmentation(Fragmentation::of_switch(dont_fragment))
    }

    /// Sets what becomes of datagrams that are longer than the packets of their path. Default:
    /// [`Allow`](Fragmentation::Allow).
    ///
    /// A socket is not opened if the system refuses [`Forbid`](Fragmentation::Forbid) or
    /// [`Probe`](Fragmentation::Probe). The option
    /// [`DontFragment`](super::SocketOption::DontFragment) is on for both.
    pub fn fragmentation(mut self, fragmentation: Fragmentation) -> Self {
        self.settings().requested.fragmentation = fragmentation;
        self
    }

    /// Sets the size of the kernel's receive buffer, in bytes. Default: the system's.
    ///
    /// The kernel drops datagrams that do not fit. The system may grant less without an error
    /// (CTL-05 to CTL-07); [`options`](DatagramSocket::options) returns the granted size.
    pub fn inbound_buffer_bytes(mut self, bytes: u32) -> Self {
        self.settings().requested.inbound_buffer_bytes = Some(bytes);
        self
    }

    /// Sets the size of the kernel's send buffer, in bytes. Default: the system's.
    ///
    /// A write waits while the buffer is full. The system may grant less without an error;
    /// [`options`](DatagramSocket::options) returns the granted size.
    pub fn send_buffer_bytes(mut self, bytes: u32) -> Self {
        self.settings().requested.send_buffer_bytes = Some(bytes);
        self
    }

    /// Sets the hop limit (IPv4: TTL) of unicast datagrams, 1 to 255. Default: 128 (CTL-08).
    pub fn hop_limit(mut self, hops: u8) -> Self {
        self.settings().requested.hop_limit = hops;
        self
    }

    /// Sets how urgent the datagrams are. Default: [`QualityOfService::Normal`] (CTL-11).
    ///
    /// This is a request. If the system does not grant it, datagrams are sent as usual, and
    /// [`options`](DatagramSocket::options) says so.
    pub fn quality_of_service(mut self, quality: QualityOfService) -> Self {
        self.settings().requested.quality_of_service = quality;
        self
    }

    /// Sets the differentiated services code point (DSCP) of the datagrams, 0 to 63 (RFC 2474,
    /// section 3). Default: the system's, which is 0; with [`QualityOfService::LowLatency`], 46.
    ///
    /// With [`QualityOfService::LowLatency`], `dscp(0)` removes the mark, and the datagrams are
    /// still preferred on this machine.
    ///
    /// This is a request, like [`quality_of_service`](Self::quality_of_service). Networks may
    /// ignore or rewrite the mark.
    pub fn dscp(mut self, dscp: u8) -> Self {
        self.settings().requested.dscp = Some(dscp);
        self
    }

    /// Sets the mark of the datagrams for explicit congestion notification (ECN, RFC 3168).
    /// Default: the system's, which is [`Ecn::NotCapable`].
    ///
    /// An application that marks its datagrams as capable must slow down when its peer reports
    /// congestion; see [`Message::ecn`](crate::Message::ecn). This is a request, like
    /// [`quality_of_service`](Self::quality_of_service).
    pub fn ecn(mut self, ecn: Ecn) -> Self {
        self.settings().requested.ecn = Some(ecn);
        self
    }

    /// Sets whether the system is asked for the metadata of received datagrams. Default: `true`.
    ///
    /// With `false` a receive costs the kernel and this library a little less, and of a datagram's
    /// [metadata](udpair_io::Metadata) only the sender is known: not the address that it was sent
    /// to, the adapter, the hop limit and the ECN bits, nor how many datagrams were dropped before
    /// it. So a [reply](udpair_io::Metadata::reply) leaves from the address that the routing table
    /// chooses. Errors that the network sends back, and times if
    /// [`timestamps`](Self::timestamps) requests them, are reported nevertheless. A socket for
    /// [multicast only](Self::multicast_only) needs the metadata, and gets it.
    pub fn metadata(mut self, metadata: bool) -> Self {
        self.settings().requested.metadata = metadata;
        self
    }

    /// Sets whether the kernel may coalesce datagrams of one sender (GRO), where it can. Default:
    /// `true`.
    ///
    /// Coalescing makes receiving many times faster. The application still receives the single
    /// datagrams. The only visible difference is that the kernel counts coalesced datagrams as one
    /// when it drops them because the receive buffer is full. So
    /// [`kernel_dropped`](crate::Statistics::kernel_dropped) is a lower bound; with `false` it is
    /// exact.
    pub fn receive_offload(mut self, receive_offload: bool) -> Self {
        self.settings().requested.receive_offload = receive_offload;
        self
    }

    /// Sets whether the kernel records when each datagram arrives; see
    /// [`Message::timestamp`](crate::Message::timestamp). Default: `false`.
    ///
    /// If `true`, the kernel reads its clock for every packet that the machine receives, which
    /// slows all of them a little.
    pub fn timestamps(mut self, timestamps: bool) -> Self {
        self.settings().timestamps = timestamps;
        self
    }

    /// Sets for how long a receiver polls the kernel before it sleeps. Default: zero, the receiver
    /// sleeps at once.
    ///
    /// A datagram that arrives while the receiver polls needs no wake-up. A wake-up takes several
    /// microseconds, and many more on machines that save power. The price is a whole core: the
    /// polling thread does nothing else during that time, and neither do the other tasks of its
    /// runtime. So use this with a separate runtime, and with times that are not much longer than a
    /// wake-up.
    pub fn busy_poll(mut self, time: Duration) -> Self {
        self.settings().busy_poll = Some(time).filter(|time| !time.is_zero());
        self
    }

    /// Sets whether the socket shares its port with other sockets and other programs that share
    /// theirs. Default: `false`, a port belongs to one socket (BND-08).
    ///
    /// Programs of one protocol share its port on one machine, as responders of multicast DNS share
    /// 5353 (RFC 6762, section 15.1). Every socket that shares the port receives what is sent to
    /// its groups, and every broadcast. A datagram to a single host reaches only one of the
    /// sockets, which the system chooses, and any program may be that one; so a protocol that
    /// shares its port does not rely on such datagrams. Sending is not restricted, unlike with
    /// [`multicast_only`](Self::multicast_only), which does not receive datagrams to a single host
    /// at all.
    ///
    /// A port that the system chooses (port 0) is one that no other socket has, and is shared from
    /// then on.
    ///
    /// # Platform
    ///
    /// On Linux, this sets `SO_REUSEADDR` (socket(7)). Sockets can share a port if all of them have
    /// set it, whatever users they belong to. Where the port is held by sockets that have only set
    /// `SO_REUSEPORT`, this sets that too, which serves if they belong to the same user; the system
    /// then distributes the datagrams to a single host among these sockets, by flow. Otherwise
    /// Linux gives such a datagram to the socket that fits it best: one that is connected to its
    /// sender, or bound to its destination address or to the adapter, before others; for IPv4, one
    /// of IPv4 before one of both families; among equals, the one that was bound last.
    ///
    /// Other systems: `SO_REUSEADDR`, and on Unix `SO_REUSEPORT`.
    ///
    /// # Model
    ///
    /// An extension of this crate (BND-09).
    pub fn share_port(mut self, share_port: bool) -> Self {
        self.settings().shares_port = share_port;
        self
    }

    /// Sets whether the socket is for IPv6 only. Default: `false`, a socket that is bound to all
    /// addresses supports IPv4 and IPv6 (DGS-03).
    ///
    /// Such a socket never receives a datagram over IPv4, and another socket can have the same port
    /// for IPv4 (`IPV6_V6ONLY`, RFC 3493, section 5.3). Names are resolved to IPv6 addresses only,
    /// as with [`ResolverBuilder::family`](crate::ResolverBuilder::family); an IPv4 address as
    /// local or remote end is an error, [`FamilyNotSupported`](ErrorKind::FamilyNotSupported).
    ///
    /// # Model
    ///
    /// An extension of this crate (DGS-03).
    pub fn ipv6_only(mut self, ipv6_only: bool) -> Self {
        self.settings().ipv6_only = ipv6_only;
        self
    }

    /// Sets whether the socket is for multicast and broadcast only, and shares its port. Default:
    /// `false`.
    ///
    /// If `true`, other sockets with this option may have the same port, and each of them receives
    /// what is sent to its groups at that port. In return, the socket neither sends datagrams to a
    /// single host nor receives those sent to a single host. Connecting or sending to one is an
    /// error. Received datagrams that were sent to an address of this machine are dropped, and
    /// counted in [`non_peer_dropped`](crate::Statistics::non_peer_dropped).
    ///
    /// # Platform
    ///
    /// Requires an engine that reports the address to which a datagram was sent.
    ///
    /// # Model
    ///
    /// `MulticastOnly` (CTL-12, BND-09, CON-15, OUT-19, MSG-21).
    pub fn multicast_only(mut self, multicast_only: bool) -> Self {
        self.settings().multicast_only = multicast_only;
        self
    }

    /// Sets whether the unspecified address (`0.0.0.0`, `::`) is refused as a destination, also if a
    /// name stands for it. Default: `false`; it then means loopback of its family.
    ///
    /// # Model
    ///
    /// An extension of this crate: WinRT refuses the address (ADR-05).
    pub fn refuse_unspecified(mut self, refuse: bool) -> Self {
        self.settings().refuses_unspecified = refuse;
        self
    }

    /// Sets the adapter (network interface) on which datagrams to multicast groups are sent.
    /// Default: the adapter of the socket's address, otherwise the routing table's choice (MCG-11).
    ///
    /// If the routing table has no route to the group, the default is the first adapter on which
    /// the socket has joined a group, otherwise loopback.
    ///
    /// If the adapter is removed and comes back, the socket sends on it again (MCG-07); see
    /// [`Event::AttachmentChanged`](crate::Event::AttachmentChanged).
    pub fn multicast_adapter(mut self, adapter: &Adapter) -> Self {
        self.settings().multicast.adapter = Some(Arc::new(adapter.clone()));
        self
    }

    /// Sets the hop limit (IPv4: TTL) of datagrams to multicast groups, 0 to 255. Default: 1, which
    /// reaches only the adapter's own link (CTL-09).
    pub fn multicast_hops(mut self, hops: u8) -> Self {
        self.settings().multicast.hops = Some(hops);
        self
    }

    /// Sets whether the members of a group on this machine receive the datagrams that this socket
    /// sends to the group, this socket included. Default: `true` (MCG-10).
    pub fn multicast_loopback(mut self, loopback: bool) -> Self {
        self.settings().multicast.loopback = Some(loopback);
        self
    }

    /// Sets a function that prepares the system's socket before it is bound or connected, for
    /// options that have no method here. Default: none.
    ///
    /// It is called once for every descriptor that the builder's sockets get, after the builder's
    /// options were set: for each address that a connect or a bind tries, for each member of a
    /// group, and for the new descriptor when the adapter comes back to which a socket is tied. It is
    /// not called for [`from_std`](Self::from_std), whose socket is bound already, nor for queries
    /// to name servers. The [`SystemSocket`] implements `AsFd` or `AsSocket`.
    ///
    /// The function runs where the socket is opened, without a lock held, so it may use other
    /// sockets, and this one. It should return quickly, because tasks wait for it.
    ///
    /// If it fails, the socket is not opened, and the error of the call has the function's error as
    /// its [`source`](std::error::Error::source), and the [`kind`](Error::kind) that an error of
    /// the system would have. A connect then goes on to the next address only if that would be
    /// worthwhile after such an error of the system (ADR-01).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), udpair::Error> {
    /// let builder = udpair::DatagramSocket::builder().before_bind(|socket| {
    ///     // With a crate for system calls, such as rustix or socket2: options by descriptor.
    ///     println!("{socket:?} is about to be bound");
    ///     Ok(())
    /// });
    /// let socket = builder.bind("127.0.0.1:0").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Model
    ///
    /// An extension of this crate (BND-17).
    pub fn before_bind(
        mut self,
        prepare: impl Fn(&SystemSocket) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.settings().before_bind = Some(Arc::new(prepare));
        self
    }

    /// Sets where the errors that the network sends back are heard. Default:
    /// [`PeerErrors::AreEvents`].
    pub fn peer_errors(mut self, peer_errors: PeerErrors) -> Self {
        self.settings().peer_errors = peer_errors;
        self
    }

    /// Sets the resolver for host and service names. Default: [`Resolver::system`].
    pub fn resolver(mut self, resolver: &Resolver) -> Self {
        self.settings().resolver = resolver.clone();
        self
    }

    /// Sets the engine that moves datagrams to and from the kernel. Default: the fastest of
    /// [`engines`](udpair_io::engines).
    pub fn engine(mut self, engine: &'static dyn Engine) -> Self {
        self.settings().engine = engine;
        self
    }

    /// Opens a socket that is bound to a local endpoint.
    ///
    /// The endpoint is resolved first. If its host has several addresses, the socket is bound to
    /// the first one that is an address of this machine. `localhost` stands for all loopback
    /// addresses. No other socket can share the port, unless [`share_port`](Self::share_port) or
    /// [`multicast_only`](Self::multicast_only) is set.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): an option is out of its range.
    /// - [`ServiceNotFound`](ErrorKind::ServiceNotFound): the services file does not list the
    ///   service.
    /// - [`AddressNotAvailable`](ErrorKind::AddressNotAvailable): the host has no address of this
    ///   machine.
    /// - [`AddressInUse`](ErrorKind::AddressInUse): another socket is bound to the port.
    /// - [`PermissionDenied`](ErrorKind::PermissionDenied): the system denies the port.
    /// - Those of [`Resolver::resolve`] for a host that must be looked up.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves no socket open.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), udpair::Error> {
    /// use udpair::DatagramSocket;
    ///
    /// let socket = DatagramSocket::builder().bind("127.0.0.1:0").await?;
    /// assert!(socket.local_addr().is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Model
    ///
    /// `BindEndpointAsync`, and `BindServiceNameAsync` for an endpoint without a host (BND-01 to
    /// BND-14).
    pub async fn bind(
        &self,
        local: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<DatagramSocket, Error> {
        let socket = self.open()?;
        socket.bind(local).await?;
        Ok(socket)
    }

    /// Opens a socket that is bound to `service` on one adapter. It sends and receives only through
    /// that adapter.
    ///
    /// Queries to name servers go through the adapter too, unless a name server runs on this
    /// machine. The queries of the operating system's resolver take the route that the system
    /// chooses; use [`dns_servers`](crate::ResolverBuilder::dns_servers) to avoid that resolver.
    ///
    /// # Errors
    ///
    /// Those of [`bind`](Self::bind). If the adapter no longer exists, the error is
    /// [`AddressNotAvailable`](ErrorKind::AddressNotAvailable).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves no socket open.
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
        socket.bind_on(adapter, service).await?;
        Ok(socket)
    }

    /// Opens `count` sockets that are bound to the same local endpoint, so that as many cores can
    /// serve it.
    ///
    /// The system distributes the datagrams among the sockets. All datagrams of a flow (the same
    /// two addresses and ports) go to the same socket, as long as the group does not change. The
    /// system chooses a socket even if no task receives from it, so every socket must be served.
    ///
    /// Unlike other sockets, a socket of a group belongs to the runtime of the first task that
    /// waits for it. The arrangement that scales is one thread per socket, each with its own
    /// runtime.
    ///
    /// Such a group is the exception to the rule that sockets do not share a port: other programs
    /// of the same user may join the group (BND-08).
    ///
    /// # Errors
    ///
    /// - Those of [`bind`](Self::bind).
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): `count` is 0.
    /// - [`Unsupported`](ErrorKind::Unsupported): the system does not support such groups.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves no socket open.
    pub async fn bind_group(
        &self,
        local: impl TryInto<Endpoint, Error: Into<Error>>,
        count: usize,
    ) -> Result<Vec<DatagramSocket>, Error> {
        let local = local.try_into().map_err(Into::into)?;
        if count == 0 {
            let message = "a group must have at least one socket";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let mut member = self.clone();
        member.settings().is_in_group = true;
        let first = member.bind(&local).await?;
        // If the system chose the port, all sockets get the same one.
        let port = first.local_addr().map_or(0, |address| address.port());
        let local = Endpoint::new(local.host().cloned(), ServiceName::from(port));
        let mut group = vec![first];
        while group.len() < count {
            group.push(member.bind(&local).await?);
        }
        Ok(group)
    }

    /// Opens a socket that is connected to the remote end of `pair`; see
    /// [`DatagramSocket::connect`].
    ///
    /// # Errors
    ///
    /// Those of [`DatagramSocket::connect`], and [`InvalidArgument`](ErrorKind::InvalidArgument) if
    /// an option is out of its range.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves no socket open.
    pub async fn connect(
        &self,
        pair: impl TryInto<EndpointPair, Error: Into<Error>>,
    ) -> Result<DatagramSocket, Error> {
        let socket = self.open()?;
        socket.connect(pair).await?;
        Ok(socket)
    }

    /// Creates a socket from a bound or connected [`std::net::UdpSocket`], for example one that was
    /// inherited from a service manager.
    ///
    /// The options of this builder are set on it as far as that is still possible. Whether its port
    /// can be shared was decided when it was bound.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): an option is out of its range, or `udp` is
    ///   not a UDP socket over IPv4 or IPv6. A descriptor that was inherited may be anything.
    /// - The system's error about the socket or its options.
    pub fn from_std(&self, udp: UdpSocket) -> Result<DatagramSocket, Error> {
        let socket = self.open()?;
        open::adopt(socket.shared(), udp)?;
        Ok(socket)
    }

    /// Creates a socket without an address. It is bound by its first write, or connected later.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): an option is out of its range.
    /// - [`Unsupported`](ErrorKind::Unsupported): the engine does not support an option.
    pub fn open(&self) -> Result<DatagramSocket, Error> {
        self.0.check()?;
        let settings = self.0.with_implied_resolver();
        Ok(DatagramSocket::new(Arc::new(Shared::new(settings))))
    }
}
