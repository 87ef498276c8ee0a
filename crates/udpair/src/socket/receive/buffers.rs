//! Receives into buffers of the caller.

use std::future;
use std::io::IoSliceMut;
use std::task::{Context, Poll, ready};

use udpair_io::Filled;

use super::receiver::{Receive, charge, poll_without_future, try_take};
use crate::error::Error;
use crate::socket::link::Given;
use crate::socket::shared::Shared;

/// Implements [`DatagramSocket::recv_into`](crate::DatagramSocket::recv_into).
pub(crate) async fn recv_into(shared: &Shared, buffer: &mut [u8]) -> Result<Filled, Error> {
    let mut receive = Receive::new(shared);
    let received = future::poll_fn(|cx| {
        receive.poll_with(cx, |queue, channel, cx| {
            queue.take_into(channel, buffer, Some(cx))
        })
    });
    received.await
}

/// Implements [`DatagramSocket::try_recv_into`](crate::DatagramSocket::try_recv_into).
pub(crate) fn try_recv_into(shared: &Shared, buffer: &mut [u8]) -> Result<Option<Filled>, Error> {
    try_take(shared, |queue, channel| {
        queue.take_into(channel, buffer, None)
    })
}

/// Implements [`DatagramSocket::recv_buffers`](crate::DatagramSocket::recv_buffers).
pub(crate) async fn recv_buffers(
    shared: &Shared,
    buffers: &mut [IoSliceMut<'_>],
    filled: &mut Vec<Filled>,
) -> Result<usize, Error> {
    let mut receive = Receive::new(shared);
    let mut given = Given::new(buffers, filled);
    let received = future::poll_fn(|cx| {
        let polled = receive.poll_with(cx, |queue, channel, cx| {
            queue.fill_buffers(channel, &mut given, Some(cx))
        });
        ready!(polled)?;
        Poll::Ready(Ok(received_buffers(cx, given.filled)))
    });
    received.await
}

/// Implements [`DatagramSocket::poll_recv_buffers`](crate::DatagramSocket::poll_recv_buffers).
pub(crate) fn poll_recv_buffers(
    shared: &Shared,
    cx: &mut Context<'_>,
    buffers: &mut [IoSliceMut<'_>],
    filled: &mut Vec<Filled>,
) -> Poll<Result<usize, Error>> {
    let mut given = Given::new(buffers, filled);
    let polled = poll_without_future(shared, cx, |queue, channel, cx| {
        queue.fill_buffers(channel, &mut given, Some(cx))
    });
    polled.map(|received| received.map(|()| received_buffers(cx, filled)))
}

/// Implements [`DatagramSocket::try_recv_buffers`](crate::DatagramSocket::try_recv_buffers).
pub(crate) fn try_recv_buffers(
    shared: &Shared,
    buffers: &mut [IoSliceMut<'_>],
    filled: &mut Vec<Filled>,
) -> Result<usize, Error> {
    let mut given = Given::new(buffers, filled);
    try_take(shared, |queue, channel| {
        queue.fill_buffers(channel, &mut given, None)
    })?;
    Ok(filled.len())
}

/// Charges the task for filled buffers, and returns their number.
fn received_buffers(cx: &mut Context<'_>, filled: &[Filled]) -> usize {
    charge(cx, filled.iter().map(Filled::count).sum());
    filled.len()
}
