//! `DatagramSocket`: the object that everything else here serves.
//!
//! This file holds the public face. Which call is allowed when stands in `lifecycle`, how a socket is
//! opened in `open` and with which options in `builder`, what the system made of those in `options`,
//! what lives while it is open in `link`, how it receives in `receiver` and sends in `output`.

mod builder;
mod lifecycle;
mod link;
mod many;
mod multicast;
mod open;
mod options;
mod receive;
mod send;
mod settings;
mod shared;

use std::fmt;
use std::future;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::{Context, Poll};

use udpair_io::{Datagram, Destination, RecvBatch, SendBatch};

use crate::error::Error;
use crate::message::{Event, Message};
use crate::name::{Endpoint, EndpointPair, HostName};
pub use builder::Builder;
use lifecycle::Operation;
pub use link::Statistics;
pub use multicast::Joined;
pub use options::{OptionReport, OptionValue, OptionsReport, SocketOption};
use receive::{ForEach, Receive};
pub use receive::{MessageQueue, Messages, Overflow};
pub use send::OutputStream;
use send::dispatch;
pub use settings::{Ecn, QualityOfService};
use shared::{Handle, Shared};

/// A UDP socket between named endpoints.
///
/// Made by a [`builder`](Self::builder), which sets the options that are frozen once the socket is
/// open. A *connected* socket has one peer, which alone is heard; a *bound* one hears everybody and
/// sends to anybody.
///
/// All methods take `&self`, and clones are the same socket: one task may receive while others send.
/// The socket is closed by [`close`](Self::close), or when its last clone is dropped; streams do not
/// keep it open.
///
/// A socket lives in the tokio runtime in which it is opened. Where there is none it is served by a
/// background thread, and its futures may be awaited by any executor.
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
/// let message = socket.recv().await?;
/// println!("{} bytes from {}", message.payload().len(), message.remote());
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `Windows.Networking.Sockets.DatagramSocket`.
#[derive(Clone)]
pub struct DatagramSocket {
    /// Dropped with the last clone, which closes the socket.
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

    /// Resolves both ends of `pair`, binds an unbound socket to its local end, and fixes the peer.
    ///
    /// From the moment this returns, only datagrams from the peer's address and port are delivered:
    /// those that others sent before, and that still wait in the kernel, are dropped and counted.
    /// No packet is sent and no answer awaited: connecting to a closed port or a silent host succeeds.
    /// Of several addresses the first is taken that the system accepts.
    ///
    /// A socket that is bound may be connected if `pair` leaves its local end empty or repeats what is
    /// bound. After a failure the socket is as it was before, and may be tried again.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): it is connected already, being opened, or has given
    ///   out streams with [`output_to`](Self::output_to).
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the local end contradicts what is bound, or a
    ///   file that the resolver was given cannot be read.
    /// - [`HostNotFound`](crate::ErrorKind::HostNotFound): the host does not exist, or is a multicast group.
    /// - [`NoData`](crate::ErrorKind::NoData), [`ServiceNotFound`](crate::ErrorKind::ServiceNotFound),
    ///   [`NameServer`](crate::ErrorKind::NameServer): see [`Resolver::resolve`](crate::Resolver::resolve).
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the local address is not this
    ///   machine's, or the remote one is the unspecified address or port 0.
    /// - [`AddressInUse`](crate::ErrorKind::AddressInUse),
    ///   [`PermissionDenied`](crate::ErrorKind::PermissionDenied),
    ///   [`FamilyNotSupported`](crate::ErrorKind::FamilyNotSupported),
    ///   [`NetworkUnreachable`](crate::ErrorKind::NetworkUnreachable),
    ///   [`HostUnreachable`](crate::ErrorKind::HostUnreachable): the system says so.
    /// - [`Cancelled`](crate::ErrorKind::Cancelled): the socket was closed meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves the socket in the state it had before.
    ///
    /// # Model
    ///
    /// `ConnectAsync(EndpointPair)` (CON-01 to CON-18).
    pub async fn connect(&self, pair: &EndpointPair) -> Result<(), Error> {
        open::connect(self.shared(), pair).await
    }

    /// Makes a socket of one that somebody else opened; see [`Builder::from_std`].
    ///
    /// # Errors
    ///
    /// Those of [`Builder::from_std`].
    pub fn from_std(udp: UdpSocket) -> Result<Self, Error> {
        Self::builder().from_std(udp)
    }

    /// Calls `action` with the socket as `udpair-io` has it, for an option that has no method here; it gives
    /// the system's descriptor too.
    ///
    /// A closure and not a reference: while it runs the socket cannot be closed, and after
    /// [`close`](Self::close) has returned nobody holds the descriptor. So the closure must not use this
    /// socket in any other way, nor take long.
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

    /// Returns the stream to the peer of a connected socket.
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
        Ok(OutputStream::new(self.shared().clone(), None))
    }

    /// Resolves `remote` once and returns a stream to it.
    ///
    /// One socket may have any number of such streams. An unbound socket is bound by the first write, to
    /// an address and port of the system's choice. The destination may be a unicast, multicast or
    /// broadcast address. A numeric `remote` is not resolved.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is connected, or being opened.
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the remote address is the
    ///   unspecified address or port 0.
    /// - Those of [`Resolver::resolve`](crate::Resolver::resolve).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future stops resolving and changes nothing.
    ///
    /// # Model
    ///
    /// `GetOutputStreamAsync(HostName, String)` (OUT-02 to OUT-07).
    pub async fn output_to(&self, remote: &Endpoint) -> Result<OutputStream, Error> {
        let action = "make an output stream";
        self.shared().allow(action, Operation::OutputTo)?;
        let destination = open::stream_destination(self.shared(), remote).await?;
        self.shared().grant_stream(action)?;
        Ok(OutputStream::new(self.shared().clone(), Some(destination)))
    }

    /// Resolves the remote end of `pair` once and returns a stream to it; an unbound socket is bound to the
    /// pair's local end by this.
    ///
    /// Unlike [`connect`](Self::connect) this fixes no peer: everybody is heard, and there may be other
    /// streams.
    ///
    /// # Errors
    ///
    /// Those of [`output_to`](Self::output_to) and [`Builder::bind`]; and
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the socket is bound to something else than the
    /// local end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves the socket in the state it had before.
    ///
    /// # Model
    ///
    /// `GetOutputStreamAsync(EndpointPair)` (OUT-07, OUT-08).
    pub async fn output_to_pair(&self, pair: &EndpointPair) -> Result<OutputStream, Error> {
        let destination = open::bind_for_pair(self.shared(), pair).await?;
        self.shared().grant_stream("make an output stream")?;
        Ok(OutputStream::new(self.shared().clone(), Some(destination)))
    }

    /// Sends `payload` to an address as one datagram.
    ///
    /// Like [`OutputStream::write`] on a stream to that address, without making one. A plain
    /// [`SocketAddr`] leaves it to the system which address and adapter the datagram leaves by;
    /// [`Message::reply`] names those that a message came to.
    ///
    /// # Errors
    ///
    /// Those of [`output_to`](Self::output_to) and [`OutputStream::write`]; and
    /// [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable) or
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where a datagram cannot leave from where it should.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has sent the whole datagram or nothing.
    pub async fn send_to(&self, payload: &[u8], to: impl Into<Destination>) -> Result<(), Error> {
        let to = to.into();
        open::check_destination(self.shared(), to.address)?;
        self.shared().grant_stream_after_opening(SEND_TO).await?;
        dispatch::send(self.shared(), payload, Some(to)).await
    }

    /// Sends `payload` to an address if the kernel has room for it now, and returns whether it had.
    ///
    /// # Errors
    ///
    /// Those of [`send_to`](Self::send_to); an unbound socket is not bound by this, which is an
    /// [`InvalidState`](crate::ErrorKind::InvalidState).
    pub fn try_send_to(&self, payload: &[u8], to: impl Into<Destination>) -> Result<bool, Error> {
        let to = to.into();
        open::check_destination(self.shared(), to.address)?;
        self.shared().grant_stream(SEND_TO)?;
        dispatch::try_send(self.shared(), payload, Some(to))
    }

    /// Sends the datagrams of `batch`, each to its own destination, or to the peer of a connected socket,
    /// in as few calls as the system allows.
    ///
    /// Lengths and destinations may be mixed. Each stays one datagram, and they go out in order: nothing is
    /// merged, split, reordered or lost. What the kernel took leaves the batch at its front. An unbound
    /// socket is bound first.
    ///
    /// # Errors
    ///
    /// Those of [`send_to`](Self::send_to), for the first datagram that could not be sent, which is then
    /// the first in `batch`. [`InvalidState`](crate::ErrorKind::InvalidState): a datagram has no destination
    /// and the socket no peer, or both have one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: after a dropped future `batch` holds exactly what was not sent. A broadcast that has left
    /// by some of the adapters alone is still in it.
    pub async fn send_batch(&self, batch: &mut SendBatch) -> Result<(), Error> {
        dispatch::send_mixed_batch(self.shared(), batch).await
    }

    /// Waits for the next message and returns it.
    ///
    /// Messages come in the order of their arrival. Errors that the network sends back are left for
    /// [`next_event`](Self::next_event); their queue is bounded, and what does not fit is counted.
    /// Several tasks may wait at once; each message goes to one of them.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not open yet.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed before.
    /// - [`Cancelled`](crate::ErrorKind::Cancelled): the socket was closed, or
    ///   [`cancel_io`](Self::cancel_io) called, while this waited.
    /// - [`Io`](crate::ErrorKind::Io): the system refused; the next call tries again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no message.
    pub fn recv(&self) -> impl Future<Output = Result<Message, Error>> {
        Receive::new(self.shared())
    }

    /// Polls for the next message, like [`recv`](Self::recv).
    ///
    /// One task at a time may wait this way: of several, the last to poll is woken. The first poll of a socket
    /// hands it to its runtime, which then tells of what is there already; [`try_recv`](Self::try_recv) asks
    /// the system itself.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    pub fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        receive::poll_recv(self.shared(), cx)
    }

    /// Returns a message that is there already; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    pub fn try_recv(&self) -> Result<Option<Message>, Error> {
        receive::try_recv(self.shared())
    }

    /// Waits for the next thing that happens and returns it: a message, or an error that the network
    /// sent back.
    ///
    /// Errors that are known go before messages that wait; among themselves both keep their order.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv). An error from the network is an [`Event`], never an `Err`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no event.
    pub async fn next_event(&self) -> Result<Event, Error> {
        let mut receive = Receive::new(self.shared());
        future::poll_fn(|cx| receive.poll_event(cx)).await
    }

    /// Waits for datagrams, replaces the content of `batch` with them and returns how many there are.
    ///
    /// The cheapest way to pull: what one call of the system brings, borrowed from its buffers. The
    /// datagrams are those that [`recv`](Self::recv) would return, in the same order.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv); `batch` is empty then.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no datagram.
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

    /// Calls `handler` for every datagram that comes in, one at a time and in arrival order, until the
    /// socket is closed.
    ///
    /// The handler runs where the returned future is polled, and nothing is received while it runs: who is
    /// slow leaves more to the kernel's receive buffer. It may use the socket, and close it. Errors that
    /// the network sends back are left for [`next_event`](Self::next_event). When a
    /// handler panics, what came behind its datagram stays for whoever receives next.
    ///
    /// A socket that waits holds no buffer: ten thousand handlers cost no more than their futures.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv), but that the socket was closed is `Ok`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no datagram that was not handled.
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

    /// Begins to receive ahead of need, into a queue of at most `capacity` messages.
    ///
    /// For handlers that take their time, and for those who would rather lose old messages than new ones:
    /// `overflow` says what becomes of messages while the queue is full. What it drops is counted here and
    /// in [`statistics`](Self::statistics). Messages that others receive from this socket meanwhile do not
    /// come to the queue.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): `capacity` is 0.
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not open yet.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed.
    pub fn queue(&self, capacity: usize, overflow: Overflow) -> Result<MessageQueue, Error> {
        MessageQueue::new(self.shared(), capacity, overflow)
    }

    /// Returns the messages as a stream, which ends when the socket is closed.
    ///
    /// Like calling [`recv`](Self::recv) again and again; the stream may be dropped at any time.
    pub fn messages(&self) -> Messages<'_> {
        Messages::new(self.shared())
    }

    /// Joins a multicast group: from now on the socket hears what is sent to it, at its own port.
    ///
    /// A group that is given by a name is the first multicast address of that. It is joined on every
    /// adapter that is up, carries multicast and has an address of the group's family (on loopback only
    /// where there is no other); on the one adapter that the socket is bound to, or that the group's zone
    /// names (`ff02::fb%eth0`). How that went
    /// on each is returned; it is a success if the group is heard on one of them.
    ///
    /// The membership is a wish: when adapters appear, come back or get an address the group is joined
    /// there too, and one that is gone, switched off or without an address is left. Each of these is an
    /// [`Event::MembershipChanged`]. Joining twice is fine. Only groups that this socket joined are heard
    /// (MCG-09); what it sends itself it hears too.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not bound, or it is connected.
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the address is no multicast address, or the
    ///   group is joined for some senders alone.
    /// - [`HostNotFound`](crate::ErrorKind::HostNotFound): none of the name's addresses is one.
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): there is no such zone.
    /// - [`NetworkUnreachable`](crate::ErrorKind::NetworkUnreachable): no adapter suits.
    /// - What the system says on the first adapter, if it says so on all.
    /// - Those of [`Resolver::resolve`](crate::Resolver::resolve).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has joined nothing.
    ///
    /// # Platform
    ///
    /// A socket that is bound to one address hears no group on Linux: joining is
    /// [`Unsupported`](crate::ErrorKind::Unsupported) there. Bind to a port alone, or to the adapter.
    ///
    /// # Model
    ///
    /// `JoinMulticastGroup` (MCG-01 to MCG-09); that memberships come back is ours.
    pub async fn join_multicast(&self, group: &HostName) -> Result<Vec<Joined>, Error> {
        multicast::join(self.shared(), group, None).await
    }

    /// Joins a multicast group and hears one sender there, and nobody else (RFC 4607).
    ///
    /// Like [`join_multicast`](Self::join_multicast) in all else; several sources of one group may be
    /// joined.
    ///
    /// # Errors
    ///
    /// Those of [`join_multicast`](Self::join_multicast), and
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a source of another family, and for a group
    /// that is joined for every sender.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has joined nothing.
    pub async fn join_source(
        &self,
        group: &HostName,
        source: IpAddr,
    ) -> Result<Vec<Joined>, Error> {
        multicast::join(self.shared(), group, Some(source)).await
    }

    /// Leaves a multicast group on all adapters. [`Joined::group`] has its address.
    ///
    /// # Errors
    ///
    /// [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): it was not joined; and the states
    /// of [`join_multicast`](Self::join_multicast).
    ///
    /// # Model
    ///
    /// Ours (MCG-08): there, a membership ends with the socket.
    pub fn leave_multicast(&self, group: IpAddr) -> Result<(), Error> {
        multicast::leave(self.shared(), group, None)
    }

    /// Hears one sender of a group no more, on all adapters.
    ///
    /// # Errors
    ///
    /// Those of [`leave_multicast`](Self::leave_multicast).
    pub fn leave_source(&self, group: IpAddr, source: IpAddr) -> Result<(), Error> {
        multicast::leave(self.shared(), group, Some(source))
    }

    /// Returns the address the socket is bound to; `None` before it is open and after it was closed.
    ///
    /// A socket that is bound to all addresses has the unspecified one until it is connected (INF-03).
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.shared().local_addr()
    }

    /// Returns the peer's address; `None` unless the socket is connected (INF-04).
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.shared().peer_addr()
    }

    /// Sets the hop limit (IPv4: TTL) of unicast datagrams sent from now on. Default: 128.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): 0, with which no datagram gets anywhere.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed.
    ///
    /// # Model
    ///
    /// `OutboundUnicastHopLimit` (CTL-08 to CTL-10): if the system refuses, nothing happens.
    pub fn set_hop_limit(&self, hops: u8) -> Result<(), Error> {
        self.shared().set_hop_limit(hops)
    }

    /// Returns what was wished of the socket's options, what the system granted, and what would help where
    /// that is not the same.
    ///
    /// An open socket's options are asked of the system each time, some microseconds. Before the socket is
    /// open, and after it was closed, nothing is granted.
    ///
    /// # Model
    ///
    /// The getters of `DatagramSocketControl` (CTL-05, CTL-07), and what they do not tell.
    pub fn options(&self) -> OptionsReport {
        self.shared().options()
    }

    /// Returns what the socket has counted so far.
    ///
    /// With the feature `metrics`, what is new since the last time is published as well.
    pub fn statistics(&self) -> Statistics {
        self.shared().statistics()
    }

    /// Ends the pending receives and writes with [`Cancelled`](crate::ErrorKind::Cancelled).
    ///
    /// What the kernel took is sent; what it holds stays for the next [`recv`](Self::recv). The socket
    /// stays open.
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

    /// Closes the socket: pending operations end with [`Cancelled`](crate::ErrorKind::Cancelled), later
    /// ones fail with [`Closed`](crate::ErrorKind::Closed).
    ///
    /// When this returns the local port is free. Closing twice is fine.
    ///
    /// # Model
    ///
    /// `Close` (CLS-01 to CLS-05).
    pub fn close(&self) {
        self.shared().close();
    }
}

/// What an error says could not be done.
const SEND_TO: &str = "send to an address";

impl fmt::Debug for DatagramSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared().describe(f)
    }
}
