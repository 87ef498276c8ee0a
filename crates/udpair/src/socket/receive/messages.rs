//! The messages of a socket as a stream.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::receiver::Receive;
use crate::error::Error;
use crate::message::Message;
use crate::socket::shared::Shared;

/// A [`Stream`] of the messages that a socket receives, which ends when the socket is closed.
///
/// Created by [`DatagramSocket::messages`](crate::DatagramSocket::messages).
#[must_use = "a stream does nothing until it is polled"]
pub struct Messages<'a> {
    receive: Receive<'a>,
}

impl<'a> Messages<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self {
            receive: Receive::new(shared),
        }
    }
}

impl Stream for Messages<'_> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.receive.poll_message(cx)) {
            Ok(message) => Some(Ok(message)),
            Err(_) if self.receive.shared.is_closed() => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl fmt::Debug for Messages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}
