//! How a datagram, or a batch of them, is brought to the kernel: at once, or when there is room.

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

/// What is to be sent.
pub(crate) trait Payloads {
    /// Brings to the kernel what is left, and stops at the first that it does not take.
    fn try_send(&mut self, link: &Link) -> Result<(), SendFailure>;

    /// Returns how long the datagram is that comes next, and where it goes.
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

/// The first `most` datagrams of a batch; what was sent leaves it.
pub(crate) struct Many<'a> {
    pub(crate) batch: &'a mut SendBatch,
    /// Where those go that have no destination of their own; `None` is the peer.
    pub(crate) to: Option<Destination>,
    pub(crate) most: usize,
}

impl Payloads for Many<'_> {
    fn try_send(&mut self, link: &Link) -> Result<(), SendFailure> {
        link.try_send_batch(self.batch, self.to, &mut self.most)
    }

    fn next(&self) -> (usize, Option<SocketAddr>) {
        let next = self.batch.iter().next();
        let to = next.and_then(|outgoing| outgoing.to).or(self.to);
        let length = next.map_or(0, |outgoing| outgoing.payload.len());
        (length, to.map(|to| to.address))
    }
}

/// Sends all of `load`, and waits for room where that must be.
///
/// Whoever finds no room lines up, so that datagrams reach the kernel in the order in which their sends
/// were begun.
pub(crate) async fn send(link: &Link, load: &mut impl Payloads) -> Result<(), Error> {
    // So that a task which does nothing but write lets others run.
    future::poll_fn(driver::poll_share).await;
    let begun = link.channel.cancellations();
    match try_send(link, load) {
        Ok(()) => Ok(()),
        Err(SendFailure::Full | SendFailure::NoBuffers(_)) => send_in_turn(link, load, begun).await,
        Err(failure) => Err(failed(link, load, failure, begun)),
    }
}

/// Sends all of `load` when those before it are sent and there is room.
async fn send_in_turn(
    link: &Link,
    load: &mut impl Payloads,
    begun: Cancellations,
) -> Result<(), Error> {
    let position = link.write_queue.enter();
    unless_cancelled(link, begun, |cx| position.poll_turn(cx).map(Ok)).await?;
    let mut pauses = NO_BUFFERS_PAUSES.iter();
    loop {
        match load.try_send(link) {
            Ok(()) => {
                position.leave();
                return Ok(());
            }
            Err(SendFailure::Full) => wait_for_room(link, load, begun).await?,
            // The system says this for the whole machine, and nothing tells when it is over.
            Err(SendFailure::NoBuffers(error)) => match pauses.next() {
                Some(pause) => wait_a_moment(link, load, *pause, begun).await?,
                None => return Err(refused(link, load, error)),
            },
            Err(failure) => return Err(failed(link, load, failure, begun)),
        }
    }
}

/// Sends what the kernel takes now, behind those who wait already.
#[inline]
pub(crate) fn try_send(link: &Link, load: &mut impl Payloads) -> Result<(), SendFailure> {
    if link.write_queue.is_empty() {
        load.try_send(link)
    } else {
        Err(SendFailure::Full)
    }
}

/// Waits for something, and no longer than the socket's operations are not cancelled.
async fn unless_cancelled(
    link: &Link,
    begun: Cancellations,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<(), Error>>,
) -> Result<(), Error> {
    future::poll_fn(|cx| {
        let is_cancelled = || link.channel.cancellations() != begun;
        if is_cancelled() {
            return Poll::Ready(Err(cancelled(ACTION)));
        }
        match poll(cx) {
            // Looked at again, because the wake-up may have come before there was a waker.
            Poll::Pending if is_cancelled() => Poll::Ready(Err(cancelled(ACTION))),
            polled => polled,
        }
    })
    .await
}

async fn wait_for_room(
    link: &Link,
    load: &impl Payloads,
    begun: Cancellations,
) -> Result<(), Error> {
    let mut waiting = WaitingWriter {
        link,
        ticket: Ticket::default(),
    };
    let room = |cx: &mut Context<'_>| {
        let room = link.channel.poll_writable(cx, &mut waiting.ticket);
        room.map_err(|gone| match gone {
            WaitError::Closed => cancelled(ACTION),
            WaitError::Runtime(error) => refused(link, load, error),
        })
    };
    unless_cancelled(link, begun, room).await
}

async fn wait_a_moment(
    link: &Link,
    load: &impl Payloads,
    pause: Duration,
    begun: Cancellations,
) -> Result<(), Error> {
    let mut waiting = WaitingWriter {
        link,
        ticket: Ticket::default(),
    };
    let mut pause = pin!(driver::in_runtime(driver::sleep(pause)));
    let over = |cx: &mut Context<'_>| {
        link.channel.enlist_writer(cx, &mut waiting.ticket);
        let paused = pause.as_mut().poll(cx);
        paused.map_err(|error| refused(link, load, error))
    };
    unless_cancelled(link, begun, over).await
}

/// The error of a send that ended.
pub(crate) fn failed(
    link: &Link,
    load: &impl Payloads,
    failure: SendFailure,
    begun: Cancellations,
) -> Error {
    match failure {
        SendFailure::Closed if link.channel.cancellations() == begun => closed(ACTION),
        SendFailure::Closed => cancelled(ACTION),
        SendFailure::Refused(error) | SendFailure::NoBuffers(error) => refused(link, load, error),
        SendFailure::Full => refused(link, load, io::ErrorKind::WouldBlock.into()),
    }
}

fn refused(link: &Link, load: &impl Payloads, error: io::Error) -> Error {
    let (length, to) = load.next();
    let Some(to) = to.or_else(|| link.channel.peer_addr()) else {
        return closed(ACTION);
    };
    let error = Error::system(format!("cannot send {length} bytes to {to}"), error);
    let most = payload_bytes_max(to.ip());
    match error.kind() {
        ErrorKind::PayloadTooLarge if length > most => error.with_advice(format!(
            "send it in several datagrams: one to there holds at most {most} bytes"
        )),
        ErrorKind::PayloadTooLarge => {
            error.with_advice("send less in one datagram, or allow fragments")
        }
        ErrorKind::PermissionDenied => error.with_advice("a firewall of this machine refuses it"),
        _ => error,
    }
}

/// Returns the most bytes that one datagram to `ip` holds.
pub(crate) fn payload_bytes_max(ip: IpAddr) -> usize {
    match ip.to_canonical() {
        IpAddr::V4(_) => PAYLOAD_BYTES_MAX_IPV4,
        IpAddr::V6(_) => PAYLOAD_BYTES_MAX_IPV6,
    }
}

struct WaitingWriter<'a> {
    link: &'a Link,
    ticket: Ticket,
}

impl Drop for WaitingWriter<'_> {
    fn drop(&mut self) {
        self.link.channel.stop_writing(&mut self.ticket);
    }
}

/// What an error says could not be done.
pub(crate) const ACTION: &str = "send";

/// How long to wait when the machine has no buffers, time after time (OUT-16).
const NO_BUFFERS_PAUSES: [Duration; 5] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
    Duration::from_millis(8),
    Duration::from_millis(16),
];

/// RFC 768 and RFC 791: 65,535 bytes less 20 of IPv4 and 8 of UDP header.
pub(crate) const PAYLOAD_BYTES_MAX_IPV4: usize = 65_507;

/// RFC 768 and RFC 8200: 65,535 bytes less 8 of UDP header; the IPv6 header does not count.
const PAYLOAD_BYTES_MAX_IPV6: usize = 65_527;
