//! `Receiver`: receives without keeping the socket open.

use std::fmt;
use std::sync::Arc;

use udpair_io::RecvBatch;

use super::batches;
use crate::error::Error;
use crate::message::Event;
use crate::socket::shared::Shared;

/// Receives from a socket, and does not keep it open: the socket closes with its last handle,
/// although a receiver is left. Then the receiver's calls end like those of a closed socket.
///
/// For layers that hand messages on, such as an object with an event: what receives for the object
/// must not keep the object alive.
///
/// Created by [`DatagramSocket::receiver`](crate::DatagramSocket::receiver). Clones receive from the
/// same socket.
///
/// # Examples
///
/// ```
/// # use udpair::{DatagramSocket, Error, ErrorKind, RecvBatch};
/// # async fn example(socket: DatagramSocket) -> Result<(), Error> {
/// let receiver = socket.receiver();
/// drop(socket);
/// let received = receiver.next_batch(&mut RecvBatch::new(16)).await;
/// assert_eq!(received.unwrap_err().kind(), ErrorKind::Closed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Receiver(Arc<Shared>);

impl Receiver {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Receives like [`DatagramSocket::next_batch`](crate::DatagramSocket::next_batch).
    ///
    /// # Errors
    ///
    /// Those of that method.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no event and no datagram.
    pub async fn next_batch(&self, batch: &mut RecvBatch) -> Result<Option<Event>, Error> {
        batches::next_batch(&self.0, batch).await
    }

    /// Returns whether the socket was closed.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}
