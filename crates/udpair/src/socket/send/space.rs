//! Waits for buffer space without a write.

use std::future;
use std::mem;
use std::task::{Context, Poll};

use super::transmit::ACTION;
use crate::error::Error;
use crate::socket::lifecycle::{cancelled, closed};
use crate::socket::link::{Link, SendFailure, WaiterState};
use crate::socket::shared::Shared;

/// Implements [`DatagramSocket::writable`](crate::DatagramSocket::writable).
pub(crate) async fn writable(shared: &Shared) -> Result<(), Error> {
    let link = shared.open_link_to(ACTION, false)?;
    let mut waiting = Waiting {
        link,
        state: WaiterState::default(),
    };
    future::poll_fn(|cx| poll(link, &mut waiting.state, cx)).await
}

/// Implements [`DatagramSocket::poll_writable`](crate::DatagramSocket::poll_writable).
pub(crate) fn poll_writable(shared: &Shared, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
    let link = shared.open_link_to(ACTION, false)?;
    // Taken out, because polling may run wakers, which may use the socket.
    let mut waiting = Waiting {
        link,
        state: mem::take(&mut *link.poller()),
    };
    let polled = poll(link, &mut waiting.state, cx);
    let state = mem::take(&mut waiting.state);
    // Another task that polled meanwhile is forgotten: only the last one is woken.
    waiting.state = mem::replace(&mut *link.poller(), state);
    polled
}

/// A task that waits for buffer space. Dropping this removes it from the list of such tasks.
struct Waiting<'a> {
    link: &'a Link,
    state: WaiterState,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.link.stop_waiting_for_space(&mut self.state.ticket);
    }
}

fn poll(link: &Link, state: &mut WaiterState, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
    let channel = &link.channel;
    let at_start = *state
        .at_start
        .get_or_insert_with(|| channel.cancellations());
    let is_cancelled = || channel.cancellations() != at_start;
    let end = || match channel.abort_error() {
        Some(error) => Error::system("cannot send: the system has destroyed the socket", error),
        None if is_cancelled() => cancelled(ACTION),
        None => closed(ACTION),
    };
    let result = if is_cancelled() || channel.is_closed() {
        Err(end())
    } else {
        match link.poll_space(&mut state.ticket, cx) {
            // Checked again, because the wake-up may have come before the waker was enlisted.
            Poll::Pending if is_cancelled() => Err(end()),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(SendFailure::Runtime(error))) => Err(Error::no_runtime(error)),
            Poll::Ready(Err(_)) => Err(end()),
        }
    };
    link.stop_waiting_for_space(&mut state.ticket);
    state.at_start = None;
    Poll::Ready(result)
}
