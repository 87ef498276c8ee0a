//! `DatagramSocket`: a UDP socket between named endpoints.
//!
//! This file is the public API, with `sending`, `receiving` and `groups`. `lifecycle` says which call is allowed in which state. `open` opens
//! a socket, with the options of `builder`; `options` reports what the system granted of those.
//! `link` is the state of an open socket. `receive` receives, and `send` sends.

mod allowed;
mod ask;
mod buffers;
mod builder;
mod follower;
mod groups;
mod lifecycle;
mod link;
mod many;
mod multicast;
mod open;
mod options;
mod polled;
mod rare;
mod receive;
mod receiving;
mod refusal;
mod replies;
mod send;
mod send_queue;
mod sending;
mod setters;
mod settings;
mod shared;

use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use udpair_io::{Adapter, Capabilities, Descriptor};

use crate::error::Error;
use crate::name::{Endpoint, EndpointPair, ServiceName};
pub use allowed::SocketOperation;
pub use ask::{Request, RequestEvent};
pub use builder::Builder;
use lifecycle::Operation;
pub use link::Statistics;
pub use multicast::Joined;
pub use options::{OptionReport, OptionValue, OptionsReport, SocketOption};
pub use receive::{MessageQueue, Messages, Overflow, Receiver};
pub use send::{DatagramSink, OutputStream};
pub use send_queue::SendQueue;
pub use settings::{Ecn, PeerErrors, QualityOfService};
use shared::{Handle, Shared};

/// A UDP socket between named endpoints.
///
/// A socket is created by a [`builder`](Self::builder), which sets the options that are frozen once
/// the socket is open. It is used in one of two modes:
///
/// - A *connected* socket has one peer. It receives only from the peer; what it sends goes to the
///   peer, unless it is given another address.
/// - A *bound* socket receives from every sender and can send to any address.
///
/// All methods take `&self`, and clones share one socket: one task can receive while others send.
/// The socket is closed by [`close`](Self::close), or when its last clone is dropped. Streams do
/// not keep it open.
///
/// A socket belongs to the tokio runtime in which it is opened. Without a current runtime it is
/// served by a background thread, and any executor can await its futures.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), udpair::Error> {
/// use udpair::{DatagramSocket, EndpointPair};
///
/// let pair = EndpointPair::to("contoso.com", "stun")?;
/// let socket = DatagramSocket::builder().connect(&pair).await?;
/// socket.output()?.write(b"ping").await?;
/// // A reply may never come, so there is a time limit.
/// let limit = std::time::Duration::from_secs(5);
/// match tokio::time::timeout(limit, socket.recv()).await {
///     Ok(message) => println!("{} bytes", message?.payload().len()),
///     Err(_) => println!("no reply in {limit:?}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `Windows.Networking.Sockets.DatagramSocket`.
#[derive(Clone)]
pub struct DatagramSocket {
    /// Dropping the last clone closes the socket.
    handle: Handle,
}

impl DatagramSocket {
    /// Returns a builder with every option at its default.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn new(shared: Arc<Shared>) -> Self {
        Self {
            handle: Handle::new(shared),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        self.handle.shared()
    }

    /// Connects the socket to the remote end of `pair`, its peer.
    ///
    /// Both ends of the pair are resolved, and an unbound socket is bound to the local end. If the
    /// remote end has several addresses, the socket is connected to the first one that the system
    /// accepts. No packet is sent and no reply is awaited: connecting to a closed port or a silent
    /// host succeeds.
    ///
    /// Once this method has returned, only datagrams from the peer's address and port are
    /// delivered. Datagrams that other senders sent before, and that are still in the kernel, are
    /// dropped and counted.
    ///
    /// A bound socket can be connected if the local end of `pair` is empty or equals the address
    /// that the socket is bound to. After a failure the socket is in the same state as before, and
    /// can be connected again.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is already connected, is
    ///   being opened, or has streams created by [`output_to`](Self::output_to).
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the local end contradicts what the
    ///   socket is bound to, or a file that the resolver was given cannot be read.
    /// - [`HostNotFound`](crate::ErrorKind::HostNotFound): the host does not exist, or is a
    ///   multicast group.
    /// - [`NoData`](crate::ErrorKind::NoData),
    ///   [`ServiceNotFound`](crate::ErrorKind::ServiceNotFound),
    ///   [`NameServer`](crate::ErrorKind::NameServer): see
    ///   [`Resolver::resolve`](crate::Resolver::resolve).
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the local address is not
    ///   an address of this machine, or the remote end is the unspecified address or port 0.
    /// - [`AddressInUse`](crate::ErrorKind::AddressInUse),
    ///   [`PermissionDenied`](crate::ErrorKind::PermissionDenied),
    ///   [`FamilyNotSupported`](crate::ErrorKind::FamilyNotSupported),
    ///   [`NetworkUnreachable`](crate::ErrorKind::NetworkUnreachable),
    ///   [`HostUnreachable`](crate::ErrorKind::HostUnreachable): the system refused for this
    ///   reason.
    /// - [`Cancelled`](crate::ErrorKind::Cancelled): the socket was closed meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves the socket in the state that it had before.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), udpair::Error> {
    /// use udpair::{DatagramSocket, EndpointPair};
    ///
    /// let socket = DatagramSocket::builder().bind("127.0.0.1:0").await?;
    /// socket.connect(&EndpointPair::to("127.0.0.1", "7")?).await?;
    /// assert_eq!(socket.peer_addr(), Some("127.0.0.1:7".parse().unwrap()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Model
    ///
    /// `ConnectAsync(EndpointPair)` (CON-01 to CON-18).
    pub async fn connect(
        &self,
        pair: impl TryInto<EndpointPair, Error: Into<Error>>,
    ) -> Result<(), Error> {
        let pair = pair.try_into().map_err(Into::into)?;
        open::connect(self.shared(), &pair).await
    }

    /// Binds a socket that was [created](Builder::open) without an address to `local`, as
    /// [`Builder::bind`] does.
    ///
    /// # Errors
    ///
    /// - Those of [`Builder::bind`].
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is open already, or is being
    ///   opened.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves the socket unbound.
    pub async fn bind(
        &self,
        local: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<(), Error> {
        let local = local.try_into().map_err(Into::into)?;
        open::bind(self.shared(), &local, None).await
    }

    /// Binds a socket that was [created](Builder::open) without an address to `service` on one
    /// adapter, as [`Builder::bind_on`] does.
    ///
    /// # Errors
    ///
    /// - Those of [`Builder::bind_on`].
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is open already, or is being
    ///   opened.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves the socket unbound.
    pub async fn bind_on(&self, adapter: &Adapter, service: &ServiceName) -> Result<(), Error> {
        let local = Endpoint::any(service.clone());
        open::bind(self.shared(), &local, Some(adapter)).await
    }

    /// Creates a socket from a bound or connected [`std::net::UdpSocket`], with every option at its
    /// default; see [`Builder::from_std`].
    ///
    /// # Errors
    ///
    /// Those of [`Builder::from_std`].
    pub fn from_std(udp: UdpSocket) -> Result<Self, Error> {
        Self::builder().from_std(udp)
    }

    /// Calls `action` with the system's socket, and returns its result.
    ///
    /// Use this for an option that has no method here. The [`SystemSocket`](crate::SystemSocket)
    /// also gives access to the system's descriptor.
    ///
    /// This takes a closure and does not return a reference, because the socket cannot be closed
    /// while the closure runs, and no code uses the descriptor any more once [`close`](Self::close)
    /// has returned. So the closure must return quickly, and must not use this `DatagramSocket`.
    /// [`descriptor`](Self::descriptor) returns a descriptor to keep.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not open yet.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed.
    pub fn with_system_socket<R>(
        &self,
        action: impl FnOnce(&udpair_io::Socket) -> R,
    ) -> Result<R, Error> {
        let name = "use the system's socket";
        let link = self.shared().open_link(name, Operation::Receive)?;
        link.channel
            .with(action)
            .ok_or_else(|| lifecycle::closed(name))
    }

    /// Returns a second descriptor of the socket (on Windows: a second handle), which is valid as
    /// long as the returned value exists.
    ///
    /// Nothing waits for the value to be dropped: [`close`](Self::close), and dropping the last
    /// clone, end everything of this socket at once. But the system frees the port, and leaves the
    /// groups, only when the last descriptor is closed. So the promise that the port is free when
    /// `close` returns holds only once these values are dropped (CLS-04). If the socket is tied to
    /// an adapter, and that comes back, the socket gets a new descriptor (BND-06); this one stays
    /// the former.
    ///
    /// Options that are set with it count for the socket. What is received with it is missing here,
    /// was not checked against the peer, and may be several datagrams in one, unless
    /// [`Builder::receive_offload`] is off. The socket stays non-blocking.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not open yet.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed.
    /// - [`TooManyFiles`](crate::ErrorKind::TooManyFiles): no descriptor is left.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), udpair::Error> {
    /// let socket = udpair::DatagramSocket::builder().bind("127.0.0.1:0").await?;
    /// let descriptor = socket.descriptor()?;
    /// # #[cfg(unix)]
    /// # {
    /// use std::os::fd::AsFd;
    /// let borrowed = descriptor.as_fd();
    /// println!("{borrowed:?}");
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Model
    ///
    /// An extension of this crate (CLS-04).
    pub fn descriptor(&self) -> Result<Descriptor, Error> {
        let name = "duplicate the descriptor";
        let duplicated = self.with_system_socket(udpair_io::Socket::descriptor)?;
        duplicated.map_err(|error| Error::system(format!("cannot {name}"), error))
    }

    /// Closes this socket without closing the system's, and returns that as a socket of the standard
    /// library. It is bound and connected as before, and is non-blocking.
    ///
    /// For other clones, and pending operations, the socket is closed, as by [`close`](Self::close).
    /// Nothing follows the network for it any more.
    ///
    /// The system's socket keeps its options, except that received datagrams are not coalesced any
    /// more, and that errors of the network are reported as on any socket of the standard library.
    /// Datagrams that have arrived are kept if [`Builder::receive_offload`] is off. Otherwise they
    /// are dropped, because several of them may be in one buffer: receive them before.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not open yet, or is being
    ///   connected.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), udpair::Error> {
    /// let socket = udpair::DatagramSocket::builder().connect("127.0.0.1:7").await?;
    /// let udp: std::net::UdpSocket = socket.into_std()?;
    /// assert_eq!(udp.peer_addr().unwrap().port(), 7);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Model
    ///
    /// An extension of this crate (CLS-01).
    pub fn into_std(self) -> Result<UdpSocket, Error> {
        let shared = self.shared();
        let socket = shared.take("take the system's socket")?;
        Ok(socket.into_std())
    }

    /// Returns how much waits to be sent.
    ///
    /// This asks the system, which takes less than a microsecond. On a socket that is not open,
    /// nothing waits.
    pub fn send_queue(&self) -> SendQueue {
        let Some(link) = self.shared().link() else {
            return SendQueue::default();
        };
        SendQueue::of(link)
    }

    /// Returns what the socket's engine supports for this socket: less than the
    /// [engine](Builder::engine) could do, if the system refused something or it was not requested.
    ///
    /// A field about received datagrams says whether messages have it. Before the socket is open,
    /// this is what the engine could do.
    ///
    /// # Platform
    ///
    /// Emulators, sandboxes and old kernels refuse options and calls. What no rule needs is left
    /// out; this method and [`options`](Self::options) say what that is.
    pub fn capabilities(&self) -> Capabilities {
        self.shared().capabilities()
    }

    /// Returns the local address that the socket is bound to; `None` before it is open and after it
    /// was closed.
    ///
    /// For a socket that is bound to all addresses, this is the unspecified address until the
    /// socket is connected (INF-03).
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.shared().reported_local_addr()
    }

    /// Returns the peer's address; `None` unless the socket is connected (INF-04).
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.shared().peer_addr()
    }

    /// Returns a report on the socket's options: what was requested, what the system granted, and
    /// what would help if the two differ.
    ///
    /// Each call on an open socket queries the system, which takes some microseconds. Before the
    /// socket is open, the report has the system's defaults as granted values of the options for
    /// which nothing was requested; they are read from a descriptor that is opened for it. After
    /// the socket was closed, the report has no granted values.
    ///
    /// # Model
    ///
    /// The getters of `DatagramSocketControl` (CTL-05, CTL-07). The report has more than they
    /// return.
    pub fn options(&self) -> OptionsReport {
        self.shared().options()
    }

    /// Returns the socket's counters.
    ///
    /// With the feature `metrics`, this also publishes what was counted since the last time.
    pub fn statistics(&self) -> Statistics {
        self.shared().statistics()
    }

    /// Cancels all pending receives and writes. They end with
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    ///
    /// Datagrams that the kernel has accepted are still sent. Received datagrams in the kernel stay
    /// for the next [`recv`](Self::recv). The socket stays open.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not open yet.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed.
    ///
    /// # Model
    ///
    /// `CancelIOAsync` (CAN-01 to CAN-05).
    pub fn cancel_io(&self) -> Result<(), Error> {
        self.shared().cancel_io()
    }

    /// Closes the socket.
    ///
    /// Pending operations end with [`Cancelled`](crate::ErrorKind::Cancelled), and later ones fail
    /// with [`Closed`](crate::ErrorKind::Closed). The local port is free when this returns. Closing
    /// a socket twice is not an error.
    ///
    /// # Model
    ///
    /// `Close` (CLS-01 to CLS-05).
    pub fn close(&self) {
        self.shared().close();
    }
}

impl fmt::Debug for DatagramSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared().describe(f)
    }
}
