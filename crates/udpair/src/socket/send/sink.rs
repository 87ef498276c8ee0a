//! `DatagramSink`: a socket as a `Sink`, where each datagram has a destination of its own.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_sink::Sink;
use udpair_io::Destination;

use super::feed::{EachItsOwn, Feed};
use crate::error::Error;
use crate::socket::shared::Shared;

/// A socket as a [`Sink`]: of payloads, each with the destination that it goes to.
///
/// What is fed is sent by a flush, in as few calls as the system allows, or earlier once many
/// datagrams are waiting. If a datagram cannot be sent, the flush returns its error, and the
/// datagram is dropped; those after it are sent by the next flush. What is not flushed when the
/// sink is dropped is not sent.
///
/// Created by [`DatagramSocket::sink`](crate::DatagramSocket::sink). Like a stream, it does not
/// keep the socket open.
///
/// # Examples
///
/// ```
/// # use bytes::Bytes;
/// # use futures_util::SinkExt as _;
/// # use udpair::{DatagramSocket, Destination, Error};
/// # async fn send(socket: &DatagramSocket, one: Destination, two: Destination) -> Result<(), Error> {
/// let mut sink = socket.sink();
/// sink.feed((Bytes::from_static(b"to one"), one)).await?;
/// sink.feed((Bytes::from_static(b"to two"), two)).await?;
/// sink.flush().await?;
/// # Ok(())
/// # }
/// ```
pub struct DatagramSink {
    shared: Arc<Shared>,
    feed: Feed,
}

impl DatagramSink {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            feed: Feed::default(),
        }
    }
}

impl Sink<(Bytes, Destination)> for DatagramSink {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        this.feed.poll_ready(cx, &this.shared, &EachItsOwn)
    }

    fn start_send(self: Pin<&mut Self>, (payload, to): (Bytes, Destination)) -> Result<(), Error> {
        self.get_mut().feed.batch().push_to(payload, to);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        this.feed.poll_flush(cx, &this.shared, &EachItsOwn)
    }

    /// Sends what was fed. The socket stays open.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_flush(cx)
    }
}

impl fmt::Debug for DatagramSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSink").finish_non_exhaustive()
    }
}
