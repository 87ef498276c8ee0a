//! Sending: one write is one datagram.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_sink::Sink;
use udpair_io::{Destination, SendBatch};

use super::dispatch;
use super::feed::Feed;
use super::transmit::{PAYLOAD_BYTES_MAX_IPV4, payload_bytes_max};
use crate::error::Error;
use crate::socket::shared::Shared;

/// A stream of datagrams to one destination.
///
/// Made by [`DatagramSocket::output`](crate::DatagramSocket::output) or
/// [`output_to`](crate::DatagramSocket::output_to). Any number of tasks may write at once. A stream
/// does not keep its socket open.
///
/// # Model
///
/// `IOutputStream` of a datagram socket (OUT-01 to OUT-20).
pub struct OutputStream {
    shared: Arc<Shared>,
    /// `None` is the peer of a connected socket.
    destination: Option<Destination>,
    /// What this handle was fed as a sink; most never are.
    feed: Option<Box<Feed>>,
}

impl Clone for OutputStream {
    fn clone(&self) -> Self {
        Self::new(self.shared.clone(), self.destination)
    }
}

impl OutputStream {
    pub(crate) fn new(shared: Arc<Shared>, destination: Option<Destination>) -> Self {
        Self {
            shared,
            destination,
            feed: None,
        }
    }

    /// Returns what was fed, and where it goes.
    fn feed(&mut self) -> (&mut Feed, &Arc<Shared>, Option<Destination>) {
        let feed = self.feed.get_or_insert_default();
        (feed, &self.shared, self.destination)
    }

    /// Sends `payload` to this stream's destination as one datagram.
    ///
    /// Nothing is merged or split, and an empty `payload` sends an empty datagram. An unbound socket is
    /// bound first, to an address and port the system picks. Success means that the kernel took the
    /// datagram, not that it arrived.
    ///
    /// `payload` holds at most [`payload_bytes_max`](Self::payload_bytes_max) bytes.
    ///
    /// # Errors
    ///
    /// - [`PayloadTooLarge`](crate::ErrorKind::PayloadTooLarge): `payload` exceeds that limit, or the path's
    ///   while fragmenting is off. Nothing was sent.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed.
    /// - [`Cancelled`](crate::ErrorKind::Cancelled): the socket was closed, or its operations cancelled, while
    ///   this waited for room. Nothing was sent.
    /// - [`NetworkUnreachable`](crate::ErrorKind::NetworkUnreachable),
    ///   [`HostUnreachable`](crate::ErrorKind::HostUnreachable),
    ///   [`PermissionDenied`](crate::ErrorKind::PermissionDenied), [`Io`](crate::ErrorKind::Io): the system refused.
    ///
    /// An error that the network sent back for an earlier datagram, to whatever destination, is none of
    /// these: it is left for [`next_event`](crate::DatagramSocket::next_event), and `payload` is sent.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has sent the whole datagram or nothing. Of a broadcast to
    /// 255.255.255.255, which leaves by every adapter, it may have sent the copies of some.
    ///
    /// # Model
    ///
    /// `WriteAsync`: every write results in one packet (OUT-01, OUT-12, OUT-15, OUT-16).
    pub async fn write(&self, payload: &[u8]) -> Result<(), Error> {
        dispatch::send(&self.shared, payload, self.destination).await
    }

    /// Sends `payload` if the kernel has room for it now, and returns whether it had.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write); an unbound socket is not bound by this, which is an
    /// [`InvalidState`](crate::ErrorKind::InvalidState).
    pub fn try_write(&self, payload: &[u8]) -> Result<bool, Error> {
        dispatch::try_send(&self.shared, payload, self.destination)
    }

    /// Sends the datagrams of `batch` to this stream's destination, in as few calls as the system allows.
    ///
    /// Each stays one datagram: nothing is merged, split, reordered or lost. What the kernel took leaves
    /// the batch at its front. An unbound socket is bound first.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), for the first datagram that could not be sent, which is then the
    /// first in `batch`; and [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for one with a destination of
    /// its own.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: after a dropped future `batch` holds exactly what was not sent, and of a broadcast to
    /// 255.255.255.255 what has not left by every adapter.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, EndpointPair, Error, SendBatch};
    /// # async fn burst(socket: &DatagramSocket) -> Result<(), Error> {
    /// let mut batch: SendBatch = ["one", "two", "three"].into_iter().collect();
    /// socket.output()?.write_batch(&mut batch).await?;
    /// assert!(batch.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn write_batch(&self, batch: &mut SendBatch) -> Result<(), Error> {
        dispatch::send_batch(&self.shared, batch, self.destination).await
    }

    /// Waits until every write that was begun on this socket before has ended, and returns `false` if
    /// one was given up meanwhile.
    ///
    /// A write that was awaited has ended; this is for those that wait for room in other tasks. Writes
    /// that are begun later are not waited for.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future changes nothing.
    ///
    /// # Model
    ///
    /// `FlushAsync` (OUT-14), for all streams of the socket at once.
    pub async fn flush(&self) -> bool {
        match self.shared.link() {
            Some(link) => link.write_queue.flushed().await,
            None => true,
        }
    }

    /// Returns where the datagrams go; `None` once the socket is closed, if it was connected.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.destination
            .map(|to| to.address)
            .or_else(|| self.shared.peer_addr())
    }

    /// Returns the most bytes that one datagram to this destination holds: 65,507 over IPv4 and 65,527
    /// over IPv6 (RFC 768: a 16-bit length that counts the 8-byte header; IPv4 takes 20 more).
    ///
    /// With fragmenting off, or beyond what the receiver buffers, less gets through.
    pub fn payload_bytes_max(&self) -> usize {
        self.destination()
            .map_or(PAYLOAD_BYTES_MAX_IPV4, |destination| {
                payload_bytes_max(destination.ip())
            })
    }
}

/// What is fed goes out with the next flush, as one batch; several hundred datagrams flush themselves.
///
/// Each handle has a feed of its own: a clone starts with an empty one, and what a dropped handle was fed
/// and not flushed is gone. A datagram that cannot be sent is told by the flush that met it, and left
/// out; those behind it go with the next.
impl Sink<Bytes> for OutputStream {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (feed, shared, to) = self.feed();
        feed.poll_ready(cx, shared, to)
    }

    fn start_send(mut self: Pin<&mut Self>, payload: Bytes) -> Result<(), Error> {
        let (feed, ..) = self.feed();
        feed.push(payload);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (feed, shared, to) = self.feed();
        feed.poll_flush(cx, shared, to)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_flush(cx)
    }
}

impl fmt::Debug for OutputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputStream")
            .field("destination", &self.destination())
            .finish_non_exhaustive()
    }
}
