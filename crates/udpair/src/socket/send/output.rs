//! `OutputStream`: a stream to one destination. One write is one datagram.

use std::fmt;
use std::future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_sink::Sink;
use udpair_io::{Destination, Run, SendBatch};

use super::dispatch;
use super::feed::Feed;
use super::recipient::Recipient;
use super::transmit::{PAYLOAD_BYTES_MAX_IPV4, payload_bytes_max};
use crate::error::Error;
use crate::socket::shared::Shared;

/// A stream of datagrams to one destination.
///
/// Created by [`DatagramSocket::output`](crate::DatagramSocket::output) or
/// [`output_to`](crate::DatagramSocket::output_to). Any number of tasks may write at the same time.
/// A stream does not keep its socket open.
///
/// # Model
///
/// `IOutputStream` of a datagram socket (OUT-01 to OUT-20).
pub struct OutputStream {
    shared: Arc<Shared>,
    recipient: Recipient,
    /// The datagrams that this handle was given as a [`Sink`]; `None` before the first one.
    feed: Option<Box<Feed>>,
}

impl Clone for OutputStream {
    fn clone(&self) -> Self {
        Self::new(self.shared.clone(), self.recipient.clone())
    }
}

impl OutputStream {
    /// Returns the stream to the peer of a connected socket.
    pub(crate) fn to_peer(shared: Arc<Shared>) -> Self {
        Self::new(shared, Recipient::peer())
    }

    /// Returns a stream to `destination`.
    pub(crate) fn to(shared: Arc<Shared>, destination: Destination) -> Self {
        let recipient = Recipient::at(destination, &shared.settings.resolver);
        Self::new(shared, recipient)
    }

    fn new(shared: Arc<Shared>, recipient: Recipient) -> Self {
        Self {
            shared,
            recipient,
            feed: None,
        }
    }

    /// Returns the buffer of the sink, the socket and the destination.
    fn feed(&mut self) -> (&mut Feed, &Arc<Shared>, &Recipient) {
        let feed = self.feed.get_or_insert_default();
        (feed, &self.shared, &self.recipient)
    }

    /// Sends `payload` to this stream's destination as one datagram.
    ///
    /// Nothing is merged or split, and an empty `payload` sends an empty datagram. An unbound
    /// socket is bound first, to an address and port that the system chooses. Success means that
    /// the kernel accepted the datagram, not that it arrived.
    ///
    /// `payload` may have at most [`payload_bytes_max`](Self::payload_bytes_max) bytes.
    ///
    /// # Errors
    ///
    /// - [`PayloadTooLarge`](crate::ErrorKind::PayloadTooLarge): `payload` exceeds that limit, or
    ///   fragmentation is off and `payload` exceeds the limit of the path. Nothing was sent.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed.
    /// - [`Cancelled`](crate::ErrorKind::Cancelled): the socket was closed, or its operations were
    ///   cancelled, while the write waited for buffer space. Nothing was sent.
    /// - [`NetworkUnreachable`](crate::ErrorKind::NetworkUnreachable),
    ///   [`HostUnreachable`](crate::ErrorKind::HostUnreachable),
    ///   [`PermissionDenied`](crate::ErrorKind::PermissionDenied), [`Io`](crate::ErrorKind::Io):
    ///   the system refused.
    ///
    /// An error that the network sent back for an earlier datagram, to any destination, is not
    /// returned here. It is left for [`next_event`](crate::DatagramSocket::next_event), and
    /// `payload` is sent.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has sent the whole datagram or nothing. A broadcast to
    /// 255.255.255.255 is sent on every adapter; a dropped future may have sent it on only some of
    /// them.
    ///
    /// # Model
    ///
    /// `WriteAsync`: every write results in one packet (OUT-01, OUT-12, OUT-15, OUT-16).
    pub async fn write(&self, payload: &[u8]) -> Result<(), Error> {
        loop {
            let to = self.recipient.destination();
            let sent = dispatch::send(&self.shared, payload, to).await;
            if !self.has_moved(to, &sent) {
                return sent;
            }
        }
    }

    /// Sends `payload` if the kernel has buffer space for it now, and returns whether it was sent.
    ///
    /// This never waits, and it does not bind an unbound socket.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), and [`InvalidState`](crate::ErrorKind::InvalidState) if the
    /// socket is unbound.
    pub fn try_write(&self, payload: &[u8]) -> Result<bool, Error> {
        loop {
            let to = self.recipient.destination();
            let sent = dispatch::try_send(&self.shared, payload, to);
            if !self.has_moved(to, &sent) {
                return sent;
            }
        }
    }

    /// Sends the datagrams of `batch` to this stream's destination, in as few calls as the system
    /// allows.
    ///
    /// Each of them stays one datagram: nothing is merged, split, reordered or lost. Datagrams that
    /// the kernel accepted are removed from the front of the batch. An unbound socket is bound
    /// first.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), for the first datagram that could not be sent. It is then
    /// the first in `batch`. [`InvalidArgument`](crate::ErrorKind::InvalidArgument): a datagram has
    /// a destination of its own.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: after a dropped future, `batch` holds exactly the datagrams that were not sent.
    /// A broadcast to 255.255.255.255 stays in it until it was sent on every adapter.
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
        loop {
            let to = self.recipient.destination();
            let sent = dispatch::send_batch(&self.shared, batch, to).await;
            if !self.has_moved(to, &sent) {
                return sent;
            }
        }
    }

    /// Sends a run of datagrams to the destination of the stream: `payload` is cut into datagrams of
    /// `segment` bytes, of which the last may be shorter. An empty `payload` is sent as one empty
    /// datagram. See [`DatagramSocket::send_run_to`](crate::DatagramSocket::send_run_to).
    ///
    /// # Errors
    ///
    /// - Those of [`write`](Self::write), for the first datagram that could not be sent. Those
    ///   before it were sent.
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): `segment` is 0.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a dropped future may have sent some of the datagrams, each as a whole.
    /// [`try_write_run`](Self::try_write_run) says how many were sent.
    pub async fn write_run(&self, payload: &[u8], segment: usize) -> Result<(), Error> {
        let mut run = Run {
            payload,
            segment,
            to: None,
        };
        loop {
            run.to = self.recipient.destination();
            let sent = dispatch::send_run(&self.shared, &mut run).await;
            if !self.has_moved(run.to, &sent) {
                return sent;
            }
        }
    }

    /// Sends as much of a run of datagrams as the kernel has buffer space for now, and returns the
    /// number of bytes sent: whole datagrams from the front of `payload`, or all of it. This never
    /// waits. See [`write_run`](Self::write_run).
    ///
    /// # Errors
    ///
    /// - Those of [`try_write`](Self::try_write), if no datagram was sent.
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): `segment` is 0, or `payload` is
    ///   empty.
    pub fn try_write_run(&self, payload: &[u8], segment: usize) -> Result<usize, Error> {
        loop {
            let to = self.recipient.destination();
            let run = Run {
                payload,
                segment,
                to,
            };
            let sent = dispatch::try_send_run(&self.shared, run);
            if !self.has_moved(to, &sent) {
                return sent;
            }
        }
    }

    /// Waits until all writes that were polled on this socket before this call have ended, and
    /// returns whether all of them were sent.
    ///
    /// A write that was awaited has ended already. This method is for writes that still wait for buffer
    /// space, in other tasks or in futures that are not polled any more: it sends their datagrams itself when
    /// there is space. It returns `false` if one of them failed or was dropped before it was sent. It does
    /// not wait for writes that are started later, and does not flush what a handle was fed as a `Sink`;
    /// `flush` of `SinkExt` does that.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future changes nothing.
    ///
    /// # Model
    ///
    /// `FlushAsync` (OUT-14), for all streams of the socket at once.
    pub async fn drain(&self) -> bool {
        let Some(link) = self.shared.link() else {
            return true;
        };
        let mut flush = link.flush();
        let flushed = future::poll_fn(|cx| link.poll_flushed(&mut flush, cx)).await;
        flushed.unwrap_or(false)
    }

    /// Returns the destination of the stream; `None` for the stream to the peer of a connected
    /// socket that was closed.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.recipient
            .destination()
            .map(|to| to.address)
            .or_else(|| self.shared.peer_addr())
    }

    /// Returns whether a send has failed because the destination's adapter has another index now.
    #[inline]
    fn has_moved<T>(&self, to: Option<Destination>, sent: &Result<T, Error>) -> bool {
        let resolver = &self.shared.settings.resolver;
        self.recipient.has_moved(to, sent, resolver)
    }

    /// Returns the maximum payload of one datagram to this destination, in bytes: 65,507 over IPv4
    /// and 65,527 over IPv6.
    ///
    /// The limit follows from RFC 768: the 16-bit length counts the 8-byte UDP header; IPv4 needs
    /// 20 bytes more. The limit is lower if fragmentation is off, or if the receiver has less
    /// buffer space.
    pub fn payload_bytes_max(&self) -> usize {
        self.destination()
            .map_or(PAYLOAD_BYTES_MAX_IPV4, |destination| {
                payload_bytes_max(destination.ip())
            })
    }
}

/// Sends the datagrams that were given to the sink with the next flush, as one batch. After several
/// hundred datagrams the sink flushes itself.
///
/// Each handle has its own buffer: a clone starts with an empty one, and dropping a handle discards
/// the datagrams that were not flushed. If a datagram cannot be sent, the flush returns its error
/// and drops that datagram; the datagrams after it are sent with the next flush.
impl Sink<Bytes> for OutputStream {
    type Error = Error;

    #[inline]
    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.feed.as_ref().is_none_or(|feed| feed.has_room()) {
            return Poll::Ready(Ok(()));
        }
        let (feed, shared, recipient) = self.feed();
        feed.poll_ready(cx, shared, recipient)
    }

    #[inline]
    fn start_send(mut self: Pin<&mut Self>, payload: Bytes) -> Result<(), Error> {
        self.feed.get_or_insert_default().batch().push(payload);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (feed, shared, recipient) = self.feed();
        feed.poll_flush(cx, shared, recipient)
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
