//! Passes a datagram or a batch to the kernel: at once, or when the kernel has buffer space.

use std::future::{self, Future};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use udpair_io::{Destination, Outgoing, SendBatch};

use crate::driver::{self, Ticket, WaitError};
use crate::error::{Error, ErrorKind};
use crate::socket::lifecycle::{cancelled, closed};
use crate::socket::link::Cancellations;
use crate::socket::link::{Link, SendFailure};

/// One or more datagrams to be sent.
pub(crate) trait Payloads {
    /// Passes the remaining datagrams to the kernel, and stops at the first that it does not
    /// accept.
    fn try_send(&mut self, link: &Link) -> Result<(), SendFailure>;

    /// Returns the length and the destination of the next datagram.
    fn next(&self) -> (usize, Option<SocketAddr>);
}

/// One datagram.
pub(crate) struct One<'a>(pub(crate) Outgoing<'a>);

impl Payloads for One<'_> {
    fn try_send(&mut self, link: &Link) -> Result<(), SendFailure> {
        link.try_send(self.0)
    }

    fn next(&self) -> (usize, Option<SocketAddr>) {
        (self.0.payload.len(), self.0.to.map(|to| to.address))
    }
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

    fn next(&self) -> (usize, Option<SocketAddr>) {
        let next = self.batch.iter().next();
        let to = next.and_then(|outgoing| outgoing.to).or(self.to);
        let length = next.map_or(0, |outgoing| outgoing.payload.len());
        (length, to.map(|to| to.address))
    }
}

/// Sends all `payloads`, and waits for buffer space if necessary.
///
/// A send that finds no buffer space is enqueued, so that datagrams reach the kernel in the order
/// in which their sends were started.
pub(crate) async fn send(link: &Link, payloads: &mut impl Payloads) -> Result<(), Error> {
    // Lets other tasks run if this task does nothing but write.
    future::poll_fn(driver::poll_budget).await;
    let at_start = link.channel.cancellations();
    match try_send(link, payloads) {
        Ok(()) => Ok(()),
        Err(SendFailure::Full | SendFailure::NoBuffers(_)) => {
            send_in_turn(link, payloads, at_start).await
        }
        Err(failure) => Err(failed(link, payloads, failure, at_start)),
    }
}

/// Sends all `payloads` after the writes that are queued before them, when there is buffer space.
async fn send_in_turn(
    link: &Link,
    payloads: &mut impl Payloads,
    at_start: Cancellations,
) -> Result<(), Error> {
    let position = link.write_queue.enqueue();
    unless_cancelled(link, at_start, |cx| position.poll_turn(cx).map(Ok)).await?;
    let mut pauses = NO_BUFFERS_PAUSES.iter();
    loop {
        match payloads.try_send(link) {
            Ok(()) => {
                position.leave();
                return Ok(());
            }
            Err(SendFailure::Full) => wait_for_space(link, payloads, at_start).await?,
            // This concerns the whole machine, and there is no notification when it ends.
            Err(SendFailure::NoBuffers(error)) => match pauses.next() {
                Some(pause) => wait_for_pause(link, payloads, *pause, at_start).await?,
                None => return Err(refused(link, payloads, error)),
            },
            Err(failure) => return Err(failed(link, payloads, failure, at_start)),
        }
    }
}

/// Sends what the kernel accepts now, unless other writes are already waiting.
#[inline]
pub(crate) fn try_send(link: &Link, payloads: &mut impl Payloads) -> Result<(), SendFailure> {
    if link.write_queue.is_empty() {
        payloads.try_send(link)
    } else {
        Err(SendFailure::Full)
    }
}

/// Waits until `poll` is ready or the socket's operations are cancelled.
async fn unless_cancelled(
    link: &Link,
    at_start: Cancellations,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<(), Error>>,
) -> Result<(), Error> {
    future::poll_fn(|cx| {
        let is_cancelled = || link.channel.cancellations() != at_start;
        if is_cancelled() {
            return Poll::Ready(Err(cancelled(ACTION)));
        }
        match poll(cx) {
            // Checked again, because the wake-up may have come before the waker was enlisted.
            Poll::Pending if is_cancelled() => Poll::Ready(Err(cancelled(ACTION))),
            polled => polled,
        }
    })
    .await
}

/// Waits until the kernel has buffer space for this socket.
async fn wait_for_space(
    link: &Link,
    payloads: &impl Payloads,
    at_start: Cancellations,
) -> Result<(), Error> {
    let mut waiting = WaitingWriter {
        link,
        ticket: Ticket::default(),
    };
    let poll = |cx: &mut Context<'_>| {
        let writable = link.channel.poll_writable(cx, &mut waiting.ticket);
        writable.map_err(|error| match error {
            WaitError::Closed => cancelled(ACTION),
            WaitError::Runtime(error) => refused(link, payloads, error),
        })
    };
    unless_cancelled(link, at_start, poll).await
}

/// Waits for `pause`.
async fn wait_for_pause(
    link: &Link,
    payloads: &impl Payloads,
    pause: Duration,
    at_start: Cancellations,
) -> Result<(), Error> {
    let mut waiting = WaitingWriter {
        link,
        ticket: Ticket::default(),
    };
    let mut pause = pin!(driver::in_runtime(driver::sleep(pause)));
    let poll = |cx: &mut Context<'_>| {
        link.channel.enlist_writer(cx, &mut waiting.ticket);
        let paused = pause.as_mut().poll(cx);
        paused.map_err(|error| refused(link, payloads, error))
    };
    unless_cancelled(link, at_start, poll).await
}

/// Returns the error of a send that failed with `failure`.
pub(crate) fn failed(
    link: &Link,
    payloads: &impl Payloads,
    failure: SendFailure,
    at_start: Cancellations,
) -> Error {
    match failure {
        SendFailure::Closed if link.channel.cancellations() == at_start => closed(ACTION),
        SendFailure::Closed => cancelled(ACTION),
        SendFailure::Refused(error) | SendFailure::NoBuffers(error) => {
            refused(link, payloads, error)
        }
        SendFailure::Full => refused(link, payloads, io::ErrorKind::WouldBlock.into()),
    }
}

fn refused(link: &Link, payloads: &impl Payloads, error: io::Error) -> Error {
    let (length, to) = payloads.next();
    let Some(to) = to.or_else(|| link.channel.peer_addr()) else {
        return closed(ACTION);
    };
    let error = Error::system(format!("cannot send {length} bytes to {to}"), error);
    let max = payload_bytes_max(to.ip());
    match error.kind() {
        ErrorKind::PayloadTooLarge if length > max => error.with_advice(format!(
            "send it in several datagrams of at most {max} bytes each"
        )),
        ErrorKind::PayloadTooLarge => {
            error.with_advice("send less in one datagram, or allow fragmentation")
        }
        ErrorKind::PermissionDenied => {
            error.with_advice("check the firewall of this machine, which refuses the datagram")
        }
        _ => error,
    }
}

/// Returns the maximum payload of one datagram to `ip`, in bytes.
pub(crate) fn payload_bytes_max(ip: IpAddr) -> usize {
    match ip.to_canonical() {
        IpAddr::V4(_) => PAYLOAD_BYTES_MAX_IPV4,
        IpAddr::V6(_) => PAYLOAD_BYTES_MAX_IPV6,
    }
}

/// A writer on the list of waiters. Dropping it removes it from the list.
struct WaitingWriter<'a> {
    link: &'a Link,
    ticket: Ticket,
}

impl Drop for WaitingWriter<'_> {
    fn drop(&mut self) {
        self.link.channel.stop_writing(&mut self.ticket);
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
