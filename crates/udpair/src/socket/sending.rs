//! The calls of `DatagramSocket` that send.

use udpair_io::{Destination, SendBatch};

use super::DatagramSocket;
use super::lifecycle::Operation;
use super::open;
use super::send::{DatagramSink, OutputStream, dispatch};
use crate::error::Error;
use crate::name::{Endpoint, EndpointPair};

impl DatagramSocket {
    /// Returns an output stream to the peer that the socket has, or will have once it is connected.
    ///
    /// Until then a write fails with [`InvalidState`](crate::ErrorKind::InvalidState), or waits
    /// while the socket is being connected.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed): the socket was closed.
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
    /// - Those of [`output_to`](Self::output_to) and [`Builder::bind`](crate::Builder::bind).
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
    /// This is [`OutputStream::write`] without a stream. With a plain address, the system chooses
    /// the local address to send from and the adapter to send through. A [`Destination`] can
    /// specify both; [`Message::reply`](crate::Message::reply) returns one with those on which the
    /// message arrived. It can also specify the hop limit, the code point and the ECN bits of this
    /// datagram's packet.
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
}
