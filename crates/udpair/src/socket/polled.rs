//! The calls of `DatagramSocket` for programs that poll it, or that try and never wait.

use std::task::{Context, Poll};

use udpair_io::{Destination, RecvBatch, SendBatch};

use super::DatagramSocket;
use super::open;
use super::receive;
use super::send::{dispatch, space};
use crate::error::Error;
use crate::message::{Event, Message};

impl DatagramSocket {
    /// Polls for the next message, like [`recv`](Self::recv).
    ///
    /// Only one task at a time can wait in the methods that poll for messages: if several tasks
    /// poll, the last one is woken. The first poll registers the socket with its runtime, which
    /// then reports messages that have already arrived. [`try_recv`](Self::try_recv) asks the
    /// system itself.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    pub fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        receive::poll_recv(self.shared(), cx)
    }

    /// Receives a message that has already arrived; returns `None` if there is none. This never
    /// waits.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    pub fn try_recv(&self) -> Result<Option<Message>, Error> {
        receive::try_recv(self.shared())
    }

    /// Polls for datagrams, like [`recv_batch`](Self::recv_batch), and returns their number.
    ///
    /// Only one task at a time can wait; see [`poll_recv`](Self::poll_recv).
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv). `batch` is then empty, as it is while this is pending.
    pub fn poll_recv_batch(
        &self,
        cx: &mut Context<'_>,
        batch: &mut RecvBatch,
    ) -> Poll<Result<usize, Error>> {
        receive::poll_recv_batch(self.shared(), cx, batch)
    }

    /// Receives datagrams that have already arrived into `batch`, which replaces its content, and
    /// returns their number: 0 if there is none. This never waits.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv). `batch` is then empty.
    pub fn try_recv_batch(&self, batch: &mut RecvBatch) -> Result<usize, Error> {
        receive::try_recv_batch(self.shared(), batch)
    }

    /// Polls for an event or datagrams, like [`next_batch`](Self::next_batch).
    ///
    /// Only one task at a time can wait; see [`poll_recv`](Self::poll_recv).
    ///
    /// # Errors
    ///
    /// Those of [`next_batch`](Self::next_batch). `batch` is then empty, as it is while this is
    /// pending.
    pub fn poll_next_batch(
        &self,
        cx: &mut Context<'_>,
        batch: &mut RecvBatch,
    ) -> Poll<Result<Option<Event>, Error>> {
        receive::poll_next_batch(self.shared(), cx, batch)
    }

    /// Takes an event or datagrams that are already there, like [`next_batch`](Self::next_batch).
    /// Without an event, `batch` holds the datagrams; it is empty if there are none. This never
    /// waits.
    ///
    /// # Errors
    ///
    /// Those of [`next_batch`](Self::next_batch). `batch` is then empty.
    pub fn try_next_batch(&self, batch: &mut RecvBatch) -> Result<Option<Event>, Error> {
        receive::try_next_batch(self.shared(), batch)
    }

    /// Waits until there is a message or another event. It stays there for the call that takes it first,
    /// so that the next call may find nothing if several tasks receive.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: this takes nothing.
    pub async fn readable(&self) -> Result<(), Error> {
        receive::readable(self.shared()).await
    }

    /// Polls until there is a message or another event, like [`readable`](Self::readable).
    ///
    /// Only one task at a time can wait; see [`poll_recv`](Self::poll_recv).
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        receive::poll_readable(self.shared(), cx)
    }

    /// Sends `payload` to an address if the kernel has buffer space for it now, and returns whether
    /// it was sent.
    ///
    /// This never waits, and it does not bind an unbound socket. Writes that wait already are sent
    /// first.
    ///
    /// # Errors
    ///
    /// Those of [`send_to`](Self::send_to), and [`InvalidState`](crate::ErrorKind::InvalidState) if
    /// the socket is unbound.
    pub fn try_send_to(&self, payload: &[u8], to: impl Into<Destination>) -> Result<bool, Error> {
        let to = open::check_destination(self.shared(), &to.into())?;
        self.shared().grant_stream(dispatch::SEND_TO)?;
        dispatch::try_send(self.shared(), payload, Some(to))
    }

    /// Sends the datagrams of `batch` for which the kernel has buffer space now, like
    /// [`send_batch`](Self::send_batch), and returns their number. They are removed from the front
    /// of the batch.
    ///
    /// This never waits, and it does not bind an unbound socket. Writes that wait already are sent
    /// first.
    ///
    /// # Errors
    ///
    /// Those of [`send_batch`](Self::send_batch), and
    /// [`InvalidState`](crate::ErrorKind::InvalidState) if the socket is unbound. Datagrams before
    /// the one that failed were sent, and are no longer in the batch.
    pub fn try_send_batch(&self, batch: &mut SendBatch) -> Result<usize, Error> {
        dispatch::try_send_mixed_batch(self.shared(), batch)
    }

    /// Sends the datagrams of `batch`, like [`send_batch`](Self::send_batch). Pending while some of
    /// them are left, for which the kernel has no buffer space.
    ///
    /// While this is pending, the datagrams that are left stay in the batch, not in the socket: the
    /// next poll may have other datagrams, and later writes of other tasks may go first. Only one
    /// task at a time can wait; see [`poll_writable`](Self::poll_writable).
    ///
    /// # Errors
    ///
    /// Those of [`try_send_batch`](Self::try_send_batch).
    pub fn poll_send_batch(
        &self,
        cx: &mut Context<'_>,
        batch: &mut SendBatch,
    ) -> Poll<Result<(), Error>> {
        dispatch::poll_send_mixed_batch(self.shared(), cx, batch)
    }

    /// Waits until the kernel has buffer space for a datagram, as far as this socket knows, and all
    /// writes that waited are sent. The next attempt tells for sure.
    ///
    /// This is ready at once until a write finds no space.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not open yet.
    /// - [`Closed`](crate::ErrorKind::Closed): the socket was closed before this call.
    /// - [`Cancelled`](crate::ErrorKind::Cancelled): the socket was closed, or
    ///   [`cancel_io`](Self::cancel_io) was called, during this call.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: this changes nothing.
    pub async fn writable(&self) -> Result<(), Error> {
        space::writable(self.shared()).await
    }

    /// Polls until the kernel has buffer space, like [`writable`](Self::writable).
    ///
    /// Only one task at a time can wait in the methods that poll for buffer space: if several tasks
    /// poll, the last one is woken.
    ///
    /// # Errors
    ///
    /// Those of [`writable`](Self::writable).
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        space::poll_writable(self.shared(), cx)
    }
}
