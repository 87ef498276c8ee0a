//! Receives in batches.

use std::future;
use std::task::{Context, Poll, ready};

use udpair_io::{Datagrams, RecvBatch};

use super::receiver::{
    HANDLED_PER_POLL_MAX, Receive, charge, poll_events, poll_without_future, try_take,
};
use crate::driver;
use crate::error::Error;
use crate::message::Event;
use crate::socket::shared::Shared;

/// Implements [`DatagramSocket::recv_batch`](crate::DatagramSocket::recv_batch).
pub(crate) async fn recv_batch(shared: &Shared, batch: &mut RecvBatch) -> Result<usize, Error> {
    let mut receive = Receive::new(shared);
    batch.clear();
    let received = future::poll_fn(|cx| {
        ready!(receive.poll_batch(cx, batch))?;
        Poll::Ready(Ok(received_batch(cx, batch)))
    });
    received.await
}

/// Charges the task for a batch, and returns the number of its datagrams.
fn received_batch(cx: &mut Context<'_>, batch: &RecvBatch) -> usize {
    charge(cx, batch.len());
    batch.len()
}

/// Implements [`DatagramSocket::poll_recv_batch`](crate::DatagramSocket::poll_recv_batch).
pub(crate) fn poll_recv_batch(
    shared: &Shared,
    cx: &mut Context<'_>,
    batch: &mut RecvBatch,
) -> Poll<Result<usize, Error>> {
    batch.clear();
    let polled = poll_without_future(shared, cx, |queue, channel, cx| {
        queue.fill_some(channel, batch, Some(cx))
    });
    polled.map(|received| received.map(|()| received_batch(cx, batch)))
}

/// Implements [`DatagramSocket::try_recv_batch`](crate::DatagramSocket::try_recv_batch).
pub(crate) fn try_recv_batch(shared: &Shared, batch: &mut RecvBatch) -> Result<usize, Error> {
    batch.clear();
    try_take(shared, |queue, channel| {
        queue.fill_some(channel, batch, None)
    })?;
    Ok(batch.len())
}

/// Implements [`DatagramSocket::next_batch`](crate::DatagramSocket::next_batch).
pub(crate) async fn next_batch(
    shared: &Shared,
    batch: &mut RecvBatch,
) -> Result<Option<Event>, Error> {
    let mut receive = Receive::new(shared);
    let next = future::poll_fn(|cx| {
        let next = ready!(poll_events(shared, cx, |cx| receive.poll_event_or_batch(cx, batch)))?;
        charge(cx, batch.len());
        Poll::Ready(Ok(next))
    });
    next.await
}

/// Implements [`DatagramSocket::poll_next_batch`](crate::DatagramSocket::poll_next_batch).
pub(crate) fn poll_next_batch(
    shared: &Shared,
    cx: &mut Context<'_>,
    batch: &mut RecvBatch,
) -> Poll<Result<Option<Event>, Error>> {
    let polled = poll_events(shared, cx, |cx| {
        poll_without_future(shared, cx, |queue, channel, cx| {
            queue.take_event_or_batch(channel, batch, Some(cx))
        })
    });
    let next = ready!(polled)?;
    charge(cx, batch.len());
    Poll::Ready(Ok(next))
}

/// Implements [`DatagramSocket::try_next_batch`](crate::DatagramSocket::try_next_batch).
pub(crate) fn try_next_batch(
    shared: &Shared,
    batch: &mut RecvBatch,
) -> Result<Option<Event>, Error> {
    let taken = try_take(shared, |queue, channel| {
        queue.take_event_or_batch(channel, batch, None)
    });
    taken.map(Option::flatten)
}

/// Implements [`DatagramSocket::for_each_batch`](crate::DatagramSocket::for_each_batch).
pub(crate) async fn for_each_batch(
    shared: &Shared,
    mut handler: impl FnMut(Datagrams<'_>),
) -> Result<(), Error> {
    let mut receive = Receive::new(shared);
    let mut batch = RecvBatch::new(HANDLED_TOGETHER_MAX);
    let mut at_start = None;
    let mut handled = 0;
    let ended = future::poll_fn(|cx| {
        loop {
            if handled >= HANDLED_PER_POLL_MAX {
                handled = 0;
                driver::yield_now(cx);
                return Poll::Pending;
            }
            // All receives are one operation.
            let link = shared.link();
            at_start = at_start.or_else(|| link.map(|link| link.channel.cancellations()));
            receive.start_at(at_start);
            if let Err(error) = ready!(receive.poll_batch(cx, &mut batch)) {
                return Poll::Ready(error);
            }
            handled += batch.len();
            handler(batch.iter());
            batch.clear();
        }
    });
    let error = ended.await;
    match shared.is_closed() {
        true => Ok(()),
        false => Err(error),
    }
}

/// How many messages of the kernel a handler gets together at most.
const HANDLED_TOGETHER_MAX: usize = 32;
