//! `DatagramSocket`: a UDP socket between named endpoints.
//!
//! This file is the public API. `lifecycle` says which call is allowed in which state. `open` opens
//! a socket, with the options of `builder`; `options` reports what the system granted of those.
//! `link` is the state of an open socket. `receive` receives, and `send` sends.

mod allowed;
mod ask;
mod buffers;
mod builder;
mod follower;
mod lifecycle;
mod link;
mod many;
mod multicast;
mod open;
mod options;
mod polled;
mod rare;
mod receive;
mod refusal;
mod replies;
mod send;
mod send_queue;
mod setters;
mod settings;
mod shared;

use std::fmt;
use std::future;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use udpair_io::{
    Adapter, Capabilities, Datagram, Datagrams, Descriptor, Destination, RecvBatch, SendBatch,
};

use crate::error::Error;
use crate::message::{Event, Message};
use crate::name::{Endpoint, EndpointPair, HostName, ServiceName};
pub use allowed::SocketOperation;
pub use ask::{Request, RequestEvent};
pub use builder::Builder;
use lifecycle::Operation;
pub use link::Statistics;
pub use multicast::Joined;
pub use options::{OptionReport, OptionValue, OptionsReport, SocketOption};
use receive::{ForEach, Receive};
pub use receive::{MessageQueue, Messages, Overflow, Receiver};
use send::dispatch;
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

    /// Returns an output stream to the peer of a connected socket.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not connected.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed.
    ///
    /// # Model
    ///
    /// `OutputStream` (OUT-10).
    pub fn output(&self) -> Result<OutputStream, Error> {
        self.shared()
            .allow("take the output stream", Operation::Output)?;
        Ok(OutputStream::to_peer(self.shared().clone()))
    }

    /// Resolves `remote` once, and returns an output stream to it.
    ///
    /// A socket can have any number of such streams, a connected one too: it still receives only from
    /// its peer. An unbound socket is bound by the first write, to an address and port that the
    /// system chooses. The destination may be a unicast, multicast or broadcast address. A numeric
    /// `remote` needs no lookup. The unspecified address stands for loopback (ADR-05).
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is being opened.
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the remote port is 0.
    /// - Those of [`Resolver::resolve`](crate::Resolver::resolve).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future stops resolving and changes nothing.
    ///
    /// # Model
    ///
    /// `GetOutputStreamAsync(HostName, String)` (OUT-02 to OUT-07).
    pub async fn output_to(
        &self,
        remote: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<OutputStream, Error> {
        let action = "make an output stream";
        let remote = remote.try_into().map_err(Into::into)?;
        self.shared().allow(action, Operation::OutputTo)?;
        let destination = open::stream_destination(self.shared(), &remote).await?;
        self.shared().grant_stream(action)?;
        Ok(OutputStream::to(self.shared().clone(), destination))
    }

    /// Resolves the remote end of `pair` once, and returns an output stream to it.
    ///
    /// An unbound socket is bound to the local end of the pair. Unlike [`connect`](Self::connect),
    /// this method does not set a peer: the socket receives from every sender, and can have other
    /// streams.
    ///
    /// # Errors
    ///
    /// - Those of [`output_to`](Self::output_to) and [`Builder::bind`].
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the local end contradicts what the
    ///   socket is bound to.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves the socket in the state that it had before.
    ///
    /// # Model
    ///
    /// `GetOutputStreamAsync(EndpointPair)` (OUT-07, OUT-08).
    pub async fn output_to_pair(
        &self,
        pair: impl TryInto<EndpointPair, Error: Into<Error>>,
    ) -> Result<OutputStream, Error> {
        let pair = pair.try_into().map_err(Into::into)?;
        let destination = open::bind_for_pair(self.shared(), &pair).await?;
        self.shared().grant_stream("make an output stream")?;
        Ok(OutputStream::to(self.shared().clone(), destination))
    }

    /// Sends `payload` to an address as one datagram. A connected socket still receives only from
    /// its peer.
    ///
    /// This is [`OutputStream::write`] without a stream. With a plain [`SocketAddr`], the system
    /// chooses the local address to send from and the adapter to send through. A [`Destination`]
    /// can specify both; [`Message::reply`] returns one with those on which the message arrived. It
    /// can also specify the hop limit, the code point and the ECN bits of this datagram's packet.
    ///
    /// # Errors
    ///
    /// - Those of [`output_to`](Self::output_to) and [`OutputStream::write`].
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable),
    ///   [`Unsupported`](crate::ErrorKind::Unsupported): the datagram cannot be sent from the
    ///   specified address, through the specified adapter or with the specified header.
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): a number of the header is out of
    ///   range.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has sent the whole datagram or nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, Error};
    /// # async fn echo(socket: &DatagramSocket) -> Result<(), Error> {
    /// let message = socket.recv().await?;
    /// socket.send_to(message.payload(), message.reply()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_to(&self, payload: &[u8], to: impl Into<Destination>) -> Result<(), Error> {
        let to = open::check_destination(self.shared(), &to.into())?;
        self.shared()
            .grant_stream_after_opening(dispatch::SEND_TO)
            .await?;
        dispatch::send(self.shared(), payload, Some(to)).await
    }

    /// Sends the datagrams of `batch`, each to its own destination or to the peer of a connected
    /// socket, in as few calls as the system allows.
    ///
    /// Lengths and destinations may be mixed. Each of them stays one datagram, and they are sent in
    /// order: nothing is merged, split, reordered or lost. Datagrams that the kernel accepted are
    /// removed from the front of the batch. An unbound socket is bound first.
    ///
    /// # Errors
    ///
    /// - Those of [`send_to`](Self::send_to), for the first datagram that could not be sent. It is
    ///   then the first in `batch`.
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): a datagram has no destination and the
    ///   socket has no peer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: after a dropped future, `batch` holds exactly the datagrams that were not sent.
    /// A broadcast that was sent on only some of the adapters is still in it.
    pub async fn send_batch(&self, batch: &mut SendBatch) -> Result<(), Error> {
        dispatch::send_mixed_batch(self.shared(), batch).await
    }

    /// Returns a sink of payloads with their destinations, for code that works with the traits of
    /// `futures`.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use futures_util::SinkExt as _;
    /// # use udpair::{DatagramSocket, Destination, Error};
    /// # async fn send(socket: &DatagramSocket, to: Destination) -> Result<(), Error> {
    /// socket.sink().send((Bytes::from_static(b"hello"), to)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn sink(&self) -> DatagramSink {
        DatagramSink::new(self.shared().clone())
    }

    /// Receives the next message. Waits until one arrives.
    ///
    /// Messages are returned in the order of their arrival. Several tasks may wait at the same
    /// time; each message goes to one of them.
    ///
    /// UDP promises no reply: a message that is waited for may never come. So set a time limit,
    /// such as `tokio::time::timeout`, or use [`ask`](Self::ask), which also sends again.
    ///
    /// Errors that the network sends back, such as a closed port of the peer, are left for
    /// [`next_event`](Self::next_event), unless the socket was built with
    /// [`PeerErrors::FailRecv`]. Their queue is bounded, and errors that do not fit are counted.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not open yet.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed before this call.
    /// - [`Cancelled`](crate::ErrorKind::Cancelled): the socket was closed, or
    ///   [`cancel_io`](Self::cancel_io) was called, during this call.
    /// - With [`PeerErrors::FailRecv`]: [`PeerUnreachable`](crate::ErrorKind::PeerUnreachable),
    ///   [`HostUnreachable`](crate::ErrorKind::HostUnreachable),
    ///   [`NetworkUnreachable`](crate::ErrorKind::NetworkUnreachable) or
    ///   [`Io`](crate::ErrorKind::Io), naming the destination of the lost datagram where the system
    ///   reports it. The next call receives again.
    /// - [`Io`](crate::ErrorKind::Io): the system refused; the next call tries again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has received no message.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, Error};
    /// # async fn print(socket: &DatagramSocket) -> Result<(), Error> {
    /// let message = socket.recv().await?;
    /// println!("{} bytes from {}", message.payload().len(), message.remote());
    /// # Ok(())
    /// # }
    /// ```
    pub fn recv(&self) -> impl Future<Output = Result<Message, Error>> {
        Receive::new(self.shared())
    }

    /// Receives the next event: a message, an error that the network sent back, or a membership
    /// change. Waits until there is one.
    ///
    /// Events other than messages are returned before the messages that are queued. Otherwise both
    /// keep their order.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv). An error that the network sent back is an [`Event`], never an
    /// `Err`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no event.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, Error, Event};
    /// # async fn print(socket: &DatagramSocket) -> Result<(), Error> {
    /// match socket.next_event().await? {
    ///     Event::Message(message) => println!("{} bytes", message.payload().len()),
    ///     Event::PeerError(error) => println!("{:?} from {:?}", error.kind, error.reporter),
    ///     other => println!("{other:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next_event(&self) -> Result<Event, Error> {
        let mut receive = Receive::new(self.shared());
        future::poll_fn(|cx| receive.poll_event(cx)).await
    }

    /// Receives datagrams into `batch`, which replaces its content, and returns their number. Waits
    /// until one arrives.
    ///
    /// This is the cheapest way to receive on request: the batch holds what one system call
    /// returns, and the datagrams borrow from its buffers. They are the datagrams that
    /// [`recv`](Self::recv) would return, in the same order.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv). `batch` is then empty.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has received no datagram.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, Error, RecvBatch};
    /// # async fn count(socket: &DatagramSocket) -> Result<(), Error> {
    /// let mut batch = RecvBatch::new(16);
    /// socket.recv_batch(&mut batch).await?;
    /// for datagram in batch.iter() {
    ///     println!("{} bytes from {}", datagram.payload().len(), datagram.remote());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_batch(&self, batch: &mut RecvBatch) -> Result<usize, Error> {
        receive::recv_batch(self.shared(), batch).await
    }

    /// Receives the next event other than a message, or datagrams into `batch`. Waits until there
    /// is either.
    ///
    /// This is [`next_event`](Self::next_event) for batches, with the same order: events other than
    /// messages come before the datagrams that are queued. With `Some` event, `batch` is empty;
    /// with `None`, it holds at least one datagram, which replace its content.
    ///
    /// # Errors
    ///
    /// Those of [`next_event`](Self::next_event). `batch` is then empty.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no event and no datagram.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, Error, RecvBatch};
    /// # async fn print(socket: &DatagramSocket) -> Result<(), Error> {
    /// let mut batch = RecvBatch::new(16);
    /// match socket.next_batch(&mut batch).await? {
    ///     Some(event) => println!("{event:?}"),
    ///     None => println!("{} datagrams", batch.len()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next_batch(&self, batch: &mut RecvBatch) -> Result<Option<Event>, Error> {
        receive::next_batch(self.shared(), batch).await
    }

    /// Calls `handler` for datagrams that arrived together, in the order of arrival, until the
    /// socket is closed.
    ///
    /// This is [`for_each`](Self::for_each) for handlers that have something to do at the end of
    /// such a batch: send all replies in one call, or take a lock only once. A batch has at least
    /// one datagram, and about 128 at most. If the handler panics, the datagrams of its batch are
    /// lost.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv), except that the result is `Ok` if the socket was closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has received no datagram that was not handled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, Error, SendBatch};
    /// # async fn echo(socket: &DatagramSocket) -> Result<(), Error> {
    /// let mut replies = SendBatch::new();
    /// socket
    ///     .for_each_batch(|datagrams| {
    ///         for datagram in datagrams {
    ///             let payload = datagram.payload().to_vec();
    ///             replies.push_to(payload, datagram.metadata().reply());
    ///         }
    ///         // What the kernel has no space for now goes with the next batch.
    ///         let _ = socket.try_send_batch(&mut replies);
    ///     })
    ///     .await
    /// # }
    /// ```
    pub async fn for_each_batch(&self, handler: impl FnMut(Datagrams<'_>)) -> Result<(), Error> {
        receive::for_each_batch(self.shared(), handler).await
    }

    /// Calls `handler` for each datagram that arrives, one at a time and in the order of arrival,
    /// until the socket is closed.
    ///
    /// The handler runs where the returned future is polled. The future receives nothing while the
    /// handler runs, so a slow handler leaves more datagrams in the kernel's receive buffer. The
    /// handler may use the socket, and close it. Errors that the network sends back are left for
    /// [`next_event`](Self::next_event). If the handler panics, the datagrams after the current one
    /// stay for the next receiver.
    ///
    /// A socket that waits holds no buffer: ten thousand handlers cost no more than their futures.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv), except that the result is `Ok` if the socket was closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has received no datagram that was not handled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, Error};
    /// # async fn print(socket: &DatagramSocket) -> Result<(), Error> {
    /// socket
    ///     .for_each(|datagram| {
    ///         println!("{} bytes from {}", datagram.payload().len(), datagram.remote());
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Model
    ///
    /// `MessageReceived` (MSG-04, MSG-05, MSG-18).
    pub fn for_each(
        &self,
        handler: impl FnMut(Datagram<'_>),
    ) -> impl Future<Output = Result<(), Error>> {
        ForEach::new(self.shared(), handler)
    }

    /// Starts receiving ahead of need, into a queue of at most `capacity` messages.
    ///
    /// Use this with a slow handler, or if old messages should be lost rather than new ones:
    /// `overflow` says what happens to messages that arrive while the queue is full. Dropped
    /// messages are counted by the queue and in [`statistics`](Self::statistics). A message that
    /// another receiver of this socket takes does not enter the queue.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): `capacity` is 0.
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not open yet.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed.
    pub fn queue(&self, capacity: usize, overflow: Overflow) -> Result<MessageQueue, Error> {
        MessageQueue::new(self.shared(), capacity, overflow)
    }

    /// Returns what receives from this socket without keeping it open.
    pub fn receiver(&self) -> Receiver {
        Receiver::new(self.shared().clone())
    }

    /// Returns a stream of the messages, which ends when the socket is closed.
    ///
    /// This is like calling [`recv`](Self::recv) in a loop. The stream can be dropped at any time.
    pub fn messages(&self) -> Messages<'_> {
        Messages::new(self.shared())
    }

    /// Joins a multicast group. From now on, the socket receives the datagrams that are sent to the
    /// group at the socket's own port.
    ///
    /// If the group is given by a name, the name's first multicast address is used. The group is
    /// joined on every adapter (network interface) that is up, carries multicast and has an address
    /// of the group's family, and on loopback only if there is no other. If the socket is bound to
    /// an adapter, or the group names one (`239.1.2.3%eth0`, `ff02::fb%eth0`), the group is joined
    /// on that adapter only, as by [`join_multicast_on`](Self::join_multicast_on). The result for
    /// each adapter is returned; the call succeeds if the group was joined on at least one of them.
    ///
    /// The request stays in effect when the network changes. The group is also joined on adapters
    /// that appear, come back or get an address, and it is left on adapters that were removed, were
    /// switched off or have lost their address. Each such change is an
    /// [`Event::MembershipChanged`].
    ///
    /// Joining a group twice is not an error. The socket receives only from groups that it has
    /// joined itself (MCG-09). It also receives the datagrams that it sends to them itself.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not bound, or it is
    ///   connected.
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the address is not a multicast
    ///   address, or the group is already joined for some senders only.
    /// - [`HostNotFound`](crate::ErrorKind::HostNotFound): none of the name's addresses is a
    ///   multicast address.
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the adapter that the group
    ///   names does not exist, or the socket is bound to another one.
    /// - [`NetworkUnreachable`](crate::ErrorKind::NetworkUnreachable): there is no suitable
    ///   adapter, or the one that the group names is not suitable.
    /// - The system's error on the first adapter, if joining failed on all of them.
    /// - Those of [`Resolver::resolve`](crate::Resolver::resolve).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has joined nothing.
    ///
    /// # Platform
    ///
    /// On Linux, a socket that is bound to one address does not receive from groups, and joining
    /// fails with [`Unsupported`](crate::ErrorKind::Unsupported). Bind to a port only, or to the
    /// adapter.
    ///
    /// # Model
    ///
    /// `JoinMulticastGroup` (MCG-01 to MCG-09). That memberships are restored is an extension of
    /// this crate.
    pub async fn join_multicast(&self, group: &HostName) -> Result<Vec<Joined>, Error> {
        multicast::join(self.shared(), group, None, None).await
    }

    /// Joins a multicast group on one adapter (network interface) only. Otherwise this is like
    /// [`join_multicast`](Self::join_multicast).
    ///
    /// The adapter must be up, carry multicast and have an address of the group's family; it may be
    /// loopback. The request follows the adapter: if it is removed and comes back, under whatever
    /// index, the group is joined on it again. A group can be joined on several adapters, one by
    /// one. On Linux the kernel has a limit for each socket (`net.ipv4.igmp_max_memberships`,
    /// ip(7)).
    ///
    /// # Errors
    ///
    /// - Those of [`join_multicast`](Self::join_multicast).
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the adapter was removed,
    ///   or the socket is bound to another one.
    /// - [`NetworkUnreachable`](crate::ErrorKind::NetworkUnreachable): the adapter is not suitable
    ///   now; the message says why.
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the group names another adapter.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has joined nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), udpair::Error> {
    /// let socket = udpair::DatagramSocket::builder().bind(":5000").await?;
    /// let adapter = udpair::adapter("eth0")?;
    /// let joined = socket.join_multicast_on(&"239.1.2.3".parse()?, &adapter).await?;
    /// socket.leave_multicast_on(joined.group, &adapter)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Model
    ///
    /// An extension of this crate (MCG-02). In the model, a socket joins on the adapter that it is
    /// bound to, or on all.
    pub async fn join_multicast_on(
        &self,
        group: &HostName,
        adapter: &Adapter,
    ) -> Result<Joined, Error> {
        multicast::join_on(self.shared(), group, None, adapter).await
    }

    /// Joins a multicast group for one sender only, `source` (RFC 4607).
    ///
    /// Otherwise this is like [`join_multicast`](Self::join_multicast). Several sources of one
    /// group can be joined.
    ///
    /// # Errors
    ///
    /// - Those of [`join_multicast`](Self::join_multicast).
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): `source` is of another family than
    ///   the group, or the group is already joined for every sender.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has joined nothing.
    pub async fn join_source(
        &self,
        group: &HostName,
        source: IpAddr,
    ) -> Result<Vec<Joined>, Error> {
        multicast::join(self.shared(), group, Some(source), None).await
    }

    /// Joins a multicast group for one sender only and on one adapter only; see
    /// [`join_source`](Self::join_source) and [`join_multicast_on`](Self::join_multicast_on).
    ///
    /// # Errors
    ///
    /// Those of the two.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has joined nothing.
    pub async fn join_source_on(
        &self,
        group: &HostName,
        source: IpAddr,
        adapter: &Adapter,
    ) -> Result<Joined, Error> {
        multicast::join_on(self.shared(), group, Some(source), adapter).await
    }

    /// Leaves a multicast group on all adapters. [`Joined::group`] has the address of the group.
    ///
    /// # Errors
    ///
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the group was not joined.
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): as for
    ///   [`join_multicast`](Self::join_multicast).
    ///
    /// # Model
    ///
    /// An extension of this crate (MCG-08). In the model, a membership ends with the socket.
    pub fn leave_multicast(&self, group: IpAddr) -> Result<(), Error> {
        multicast::leave(self.shared(), group, None)
    }

    /// Leaves a multicast group on one adapter, whether the group was joined on this adapter or on
    /// every suitable one. It stays joined on the others.
    ///
    /// The adapter may have been removed: the group is not joined again when it comes back.
    ///
    /// # Errors
    ///
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the group was not joined
    ///   on this adapter.
    /// - Those of [`leave_multicast`](Self::leave_multicast).
    ///
    /// # Model
    ///
    /// An extension of this crate (MCG-08).
    pub fn leave_multicast_on(&self, group: IpAddr, adapter: &Adapter) -> Result<(), Error> {
        multicast::leave_on(self.shared(), group, None, adapter)
    }

    /// Leaves a multicast group that was joined for `source`, on all adapters; see
    /// [`join_source`](Self::join_source).
    ///
    /// # Errors
    ///
    /// Those of [`leave_multicast`](Self::leave_multicast).
    pub fn leave_source(&self, group: IpAddr, source: IpAddr) -> Result<(), Error> {
        multicast::leave(self.shared(), group, Some(source))
    }

    /// Leaves a multicast group that was joined for `source`, on one adapter; see
    /// [`leave_multicast_on`](Self::leave_multicast_on).
    ///
    /// # Errors
    ///
    /// Those of [`leave_multicast_on`](Self::leave_multicast_on).
    pub fn leave_source_on(
        &self,
        group: IpAddr,
        source: IpAddr,
        adapter: &Adapter,
    ) -> Result<(), Error> {
        multicast::leave_on(self.shared(), group, Some(source), adapter)
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
