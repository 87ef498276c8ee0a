//! Passes a datagram or a batch to the kernel: at once, or when the kernel has buffer space.

use std::future;
use std::io;
use std::mem;
use std::net::IpAddr;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use udpair_io::{Destination, Outgoing, Run, SendBatch};

use crate::driver;
use crate::error::Error;
use crate::socket::lifecycle::{cancelled, closed};
use crate::socket::link::{Cancellations, Link, QueuePosition, QueuedWrite, SendFailure};
use crate::socket::refusal::{self, Call, Route};

/// One or more datagrams to be sent.
pub(crate) trait Payloads {
    /// Passes the remaining datagrams to the kernel, and stops at the first that it does not
    /// accept.
    fn try_send(&mut self, link: &Link) -> Result<(), SendFailure>;

    /// Moves the remaining datagrams into a write that can wait.
    fn take(&mut self) -> QueuedWrite;

    /// Takes back what was not sent of such a write.
    fn restore(&mut self, rest: SendBatch);

    /// Returns the length and the destination of the next datagram.
    fn next(&self) -> (usize, Option<Destination>);
}

/// One datagram.
pub(crate) struct One<'a>(pub(crate) Outgoing<'a>);

impl Payloads for One<'_> {
    fn try_send(&mut self, link: &Link) -> Result<(), SendFailure> {
        link.try_send(self.0)
    }

    fn take(&mut self) -> QueuedWrite {
        let mut batch = SendBatch::new();
        batch.push(Bytes::copy_from_slice(self.0.payload));
        QueuedWrite {
            batch,
            to: self.0.to,
            count: 1,
        }
    }

    fn restore(&mut self, _rest: SendBatch) {}

    fn next(&self) -> (usize, Option<Destination>) {
        (self.0.payload.len(), self.0.to)
    }
}

/// Datagrams of one length. Sent datagrams are removed from the front.
impl Payloads for Run<'_> {
    fn try_send(&mut self, link: &Link) -> Result<(), SendFailure> {
        link.try_send_run(self)
    }

    fn take(&mut self) -> QueuedWrite {
        let batch = batch_of(*self);
        QueuedWrite {
            count: batch.len(),
            batch,
            to: self.to,
        }
    }

    fn restore(&mut self, rest: SendBatch) {
        keep_unsent(self, &rest);
    }

    fn next(&self) -> (usize, Option<Destination>) {
        (self.first().payload.len(), self.to)
    }
}

/// Returns a copy of the datagrams of a run, without their destination.
pub(crate) fn batch_of(run: Run<'_>) -> SendBatch {
    let mut rest = Bytes::copy_from_slice(run.payload);
    let mut batch = SendBatch::new();
    while !rest.is_empty() {
        batch.push(rest.split_to(run.segment.min(rest.len())));
    }
    batch
}

/// Removes from the front of a run what was sent of it; `rest` are the datagrams that were not.
pub(crate) fn keep_unsent(run: &mut Run<'_>, rest: &SendBatch) {
    let unsent: usize = rest.iter().map(|datagram| datagram.payload.len()).sum();
    run.payload = &run.payload[run.payload.len() - unsent..];
}

/// The first `count` datagrams of a batch. Sent datagrams are removed from the batch.
pub(crate) struct Many<'a> {
    pub(crate) batch: &'a mut SendBatch,
    /// The destination of datagrams without one of their own; `None` stands for the peer.
    pub(crate) to: Option<Destination>,
    pub(crate) count: usize,
}

impl Payloads for Many<'_> {
    fn try_send(&mut self, link: &Link) -> Result<(), SendFailure> {
        link.try_send_batch(self.batch, self.to, &mut self.count)
    }

    fn take(&mut self) -> QueuedWrite {
        QueuedWrite {
            batch: mem::take(self.batch),
            to: self.to,
            count: self.count,
        }
    }

    fn restore(&mut self, mut rest: SendBatch) {
        rest.append(self.batch);
        *self.batch = rest;
    }

    fn next(&self) -> (usize, Option<Destination>) {
        let next = self.batch.iter().next();
        let to = next.and_then(|outgoing| outgoing.to).or(self.to);
        let length = next.map_or(0, |outgoing| outgoing.payload.len());
        (length, to)
    }
}

/// Sends all `payloads`, and waits for buffer space if necessary.
///
/// A send that cannot go to the kernel at its first poll is enqueued by that poll, so that
/// datagrams reach the kernel in the order in which their sends were first polled (OUT-13).
pub(crate) async fn send(link: &Link, payloads: &mut impl Payloads) -> Result<(), Error> {
    let at_start = link.channel.cancellations();
    // Lets other tasks run if this task does nothing but write.
    let has_budget = future::poll_fn(|cx| Poll::Ready(driver::poll_budget(cx).is_ready())).await;
    if has_budget {
        match try_send(link, payloads) {
            Ok(()) => return Ok(()),
            Err(SendFailure::Full) => {}
            Err(SendFailure::NoBuffers(error)) => {
                return Box::pin(send_after_pauses(link, payloads, error, at_start)).await;
            }
            Err(failure) => return Err(failed(link, payloads, failure, at_start)),
        }
    }
    Box::pin(send_queued(link, payloads, has_budget, at_start)).await
}

/// Sends all `payloads` after the writes that are queued before them, when there is buffer space.
async fn send_queued(
    link: &Link,
    payloads: &mut impl Payloads,
    has_budget: bool,
    at_start: Cancellations,
) -> Result<(), Error> {
    let mut queued = Queued {
        position: Some(link.enqueue(payloads.take())),
        payloads,
    };
    // Without a budget the task has been woken already, and is polled again after the others.
    let mut may_send = has_budget;
    let written = future::poll_fn(|cx| {
        let is_cancelled = || link.channel.cancellations() != at_start;
        if is_cancelled() {
            return Poll::Ready(None);
        }
        if !mem::replace(&mut may_send, true) {
            return Poll::Pending;
        }
        let Some(position) = &mut queued.position else {
            return Poll::Ready(None);
        };
        match link.poll_written(position, cx) {
            // Checked again, because the wake-up may have come before the waker was enlisted.
            Poll::Pending if is_cancelled() => Poll::Ready(None),
            polled => polled.map(Some),
        }
    });
    let written = written.await;
    queued.restore();
    match written {
        None => Err(match link.channel.abort_error() {
            Some(error) => refused(link, queued.payloads, error),
            None => cancelled(ACTION),
        }),
        Some(Ok(())) => Ok(()),
        Some(Err(SendFailure::NoBuffers(error))) => {
            send_after_pauses(link, queued.payloads, error, at_start).await
        }
        Some(Err(failure)) => Err(failed(link, queued.payloads, failure, at_start)),
    }
}

/// Payloads that wait in the write queue. Dropping this gives back what was not sent.
struct Queued<'a, P: Payloads> {
    payloads: &'a mut P,
    position: Option<QueuePosition<'a>>,
}

impl<P: Payloads> Queued<'_, P> {
    fn restore(&mut self) {
        if let Some(position) = self.position.take() {
            self.payloads.restore(position.leave());
        }
    }
}

impl<P: Payloads> Drop for Queued<'_, P> {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Sends all `payloads` where the machine had no buffers. Other sends do not wait for this one.
///
/// The system does not notify when it has buffers again, so this tries again after some pauses, and
/// returns `error` in the end.
async fn send_after_pauses(
    link: &Link,
    payloads: &mut impl Payloads,
    mut error: io::Error,
    at_start: Cancellations,
) -> Result<(), Error> {
    for pause in NO_BUFFERS_PAUSES {
        if driver::in_runtime(driver::sleep(pause)).await.is_err() {
            break;
        }
        if link.channel.cancellations() != at_start {
            return Err(cancelled(ACTION));
        }
        match payloads.try_send(link) {
            Ok(()) => return Ok(()),
            Err(SendFailure::NoBuffers(next)) => error = next,
            Err(SendFailure::Full) => {}
            Err(failure) => return Err(failed(link, payloads, failure, at_start)),
        }
    }
    Err(refused(link, payloads, error))
}

/// Sends what the kernel accepts now, after the writes that wait already.
#[inline]
pub(crate) fn try_send(link: &Link, payloads: &mut impl Payloads) -> Result<(), SendFailure> {
    if link.make_way() {
        payloads.try_send(link)
    } else {
        Err(SendFailure::Full)
    }
}

/// Returns the error of a send that failed with `failure`.
pub(crate) fn failed(
    link: &Link,
    payloads: &impl Payloads,
    failure: SendFailure,
    at_start: Cancellations,
) -> Error {
    match failure {
        SendFailure::Closed => match link.channel.abort_error() {
            Some(error) => refused(link, payloads, error),
            None if link.channel.cancellations() == at_start => closed(ACTION),
            None => cancelled(ACTION),
        },
        SendFailure::Refused(error)
        | SendFailure::NoBuffers(error)
        | SendFailure::Runtime(error) => refused(link, payloads, error),
        SendFailure::Full => refused(link, payloads, io::ErrorKind::WouldBlock.into()),
    }
}

fn refused(link: &Link, payloads: &impl Payloads, error: io::Error) -> Error {
    let (length, to) = payloads.next();
    let peer = || link.channel.peer().copied().map(Destination::from);
    let Some(to) = to.or_else(peer) else {
        return closed(ACTION);
    };
    let bound = || link.channel.local_addr().map(|local| local.ip());
    let from = to.source.address.or_else(bound);
    let route = Route {
        from: from.filter(|ip| !ip.is_unspecified()),
        to: to.address,
    };
    let call = Call::Send {
        route,
        length,
        length_max: payload_bytes_max(to.address.ip()),
    };
    let message = format!("cannot send {length} bytes to {}", to.address);
    refusal::refused(message, call, error)
}

/// Returns the maximum payload of one datagram to `ip`, in bytes.
pub(crate) fn payload_bytes_max(ip: IpAddr) -> usize {
    match ip.to_canonical() {
        IpAddr::V4(_) => PAYLOAD_BYTES_MAX_IPV4,
        IpAddr::V6(_) => PAYLOAD_BYTES_MAX_IPV6,
    }
}

/// The action that error messages name.
pub(crate) const ACTION: &str = "send";

/// The pauses between attempts while the machine has no buffers (OUT-16).
const NO_BUFFERS_PAUSES: [Duration; 5] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
    Duration::from_millis(8),
    Duration::from_millis(16),
];

/// RFC 768 and RFC 791: 65,535 bytes minus 20 bytes of IPv4 header and 8 bytes of UDP header.
pub(crate) const PAYLOAD_BYTES_MAX_IPV4: usize = 65_507;

/// RFC 768 and RFC 8200: 65,535 bytes minus 8 bytes of UDP header; the IPv6 header does not count.
const PAYLOAD_BYTES_MAX_IPV6: usize = 65_527;
