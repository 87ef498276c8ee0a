//! The calls of `DatagramSocket` that receive.

use std::future::{self, Future};

use udpair_io::{Datagram, Datagrams, RecvBatch};

use super::DatagramSocket;
use super::receive::{self, ForEach, MessageQueue, Messages, Overflow, Receive, Receiver};
use crate::error::Error;
use crate::message::{Event, Message};

impl DatagramSocket {
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
    /// [`PeerErrors::FailRecv`](crate::PeerErrors::FailRecv). Their queue is bounded, and errors
    /// that do not fit are counted.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not open yet.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed before this call.
    /// - [`Cancelled`](crate::ErrorKind::Cancelled): the socket was closed, or
    ///   [`cancel_io`](Self::cancel_io) was called, during this call.
    /// - With [`PeerErrors::FailRecv`](crate::PeerErrors::FailRecv):
    ///   [`PeerUnreachable`](crate::ErrorKind::PeerUnreachable),
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
}
