//! Sending: one write is one datagram.

use std::fmt;
use std::future::{self, Future};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use udpair_io::Outgoing;

use super::lifecycle::Operation;
use super::link::{Link, SendFailure};
use super::open;
use super::shared::{Shared, cancelled, closed};
use crate::driver::{self, Gone, Ticket};
use crate::error::{Error, ErrorKind};

/// A stream of datagrams to one destination.
///
/// Made by [`DatagramSocket::output`](super::DatagramSocket::output) or
/// [`output_to`](super::DatagramSocket::output_to). Any number of tasks may write at once. A stream
/// does not keep its socket open.
///
/// # Model
///
/// `IOutputStream` of a datagram socket (OUT-01 to OUT-20).
#[derive(Clone)]
pub struct OutputStream {
    shared: Arc<Shared>,
    /// `None` is the peer of a connected socket.
    destination: Option<SocketAddr>,
}

impl OutputStream {
    pub(super) fn to_peer(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            destination: None,
        }
    }

    pub(super) fn to_address(shared: Arc<Shared>, destination: SocketAddr) -> Self {
        Self {
            shared,
            destination: Some(destination),
        }
    }

    /// Sends `payload` to this stream's destination as one datagram.
    ///
    /// Nothing is merged or split, and an empty `payload` sends an empty datagram. An unbound socket is
    /// bound first, to an address and port the system picks. Success means that the kernel took the
    /// datagram, not that it arrived.
    ///
    /// `payload` holds at most [`payload_bytes_max`](Self::payload_bytes_max) bytes.
    ///
    /// # Errors
    ///
    /// - [`PayloadTooLarge`](ErrorKind::PayloadTooLarge): `payload` exceeds that limit, or the path's
    ///   while fragmenting is off. Nothing was sent.
    /// - [`Closed`](ErrorKind::Closed): the socket was closed.
    /// - [`Cancelled`](ErrorKind::Cancelled): the socket was closed, or its operations cancelled, while
    ///   this waited for room. Nothing was sent.
    /// - [`NetworkUnreachable`](ErrorKind::NetworkUnreachable),
    ///   [`HostUnreachable`](ErrorKind::HostUnreachable),
    ///   [`PermissionDenied`](ErrorKind::PermissionDenied), [`Io`](ErrorKind::Io): the system refused.
    ///
    /// An error that the network sent back for an earlier datagram, to whatever destination, is none of
    /// these: it is left for [`next_event`](super::DatagramSocket::next_event), and `payload` is sent.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has sent the whole datagram or nothing.
    ///
    /// # Model
    ///
    /// `WriteAsync`: every write results in one packet (OUT-01, OUT-12, OUT-15, OUT-16).
    pub async fn write(&self, payload: &[u8]) -> Result<(), Error> {
        send(&self.shared, payload, self.destination).await
    }

    /// Sends `payload` if the kernel has room for it now, and returns whether it had.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write); an unbound socket is not bound by this, which is an
    /// [`InvalidState`](ErrorKind::InvalidState).
    pub fn try_write(&self, payload: &[u8]) -> Result<bool, Error> {
        let link = self.shared.open_link(ACTION, Operation::Output)?;
        let sending = Sending::new(link, payload, self.destination)?;
        if !link.line.is_empty() {
            // Those who wait were first.
            return Ok(false);
        }
        match link.try_send(sending.outgoing) {
            Ok(()) => Ok(true),
            Err(SendFailure::Full | SendFailure::NoBuffers(_)) => Ok(false),
            Err(failure) => Err(sending.failed(failure, link.cancellations())),
        }
    }

    /// Waits until every write that was begun on this socket before has ended, and returns `false` if
    /// one was given up meanwhile.
    ///
    /// A write that was awaited has ended; this is for those that wait for room in other tasks. Writes
    /// that are begun later are not waited for.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future changes nothing.
    ///
    /// # Model
    ///
    /// `FlushAsync` (OUT-14), for all streams of the socket at once.
    pub async fn flush(&self) -> bool {
        match self.shared.link() {
            Some(link) => link.line.flushed().await,
            None => true,
        }
    }

    /// Returns where the datagrams go; `None` once the socket is closed, if it was connected.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.destination.or_else(|| self.shared.peer_addr())
    }

    /// Returns the most bytes that one datagram to this destination holds: 65,507 over IPv4 and 65,527
    /// over IPv6 (RFC 768: a 16-bit length that counts the 8-byte header; IPv4 takes 20 more).
    ///
    /// With fragmenting off, or beyond what the receiver buffers, less gets through.
    pub fn payload_bytes_max(&self) -> usize {
        self.destination()
            .map_or(PAYLOAD_BYTES_MAX_IPV4, |destination| {
                payload_bytes_max(destination.ip())
            })
    }
}

impl fmt::Debug for OutputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputStream")
            .field("destination", &self.destination())
            .finish_non_exhaustive()
    }
}

/// Sends one datagram; `destination` is `None` for the peer of a connected socket.
pub(super) async fn send(
    shared: &Shared,
    payload: &[u8],
    destination: Option<SocketAddr>,
) -> Result<(), Error> {
    let link = match shared.link() {
        Some(link) => link,
        None => open::for_writing(shared).await?,
    };
    Sending::new(link, payload, destination)?.run().await
}

/// A datagram on its way.
struct Sending<'a> {
    link: &'a Link,
    outgoing: Outgoing<'a>,
    destination: SocketAddr,
}

impl<'a> Sending<'a> {
    fn new(
        link: &'a Link,
        payload: &'a [u8],
        destination: Option<SocketAddr>,
    ) -> Result<Self, Error> {
        let Some(known) = destination.or_else(|| link.peer_addr()) else {
            return Err(closed(ACTION));
        };
        let most = payload_bytes_max(known.ip());
        if payload.len() > most {
            return Err(Error::new(
                ErrorKind::PayloadTooLarge,
                format!(
                    "cannot send {} bytes to {known}: one datagram there holds at most {most}",
                    payload.len()
                ),
            )
            .with_advice("send it in several datagrams"));
        }
        Ok(Self {
            link,
            outgoing: Outgoing {
                payload,
                to: destination,
            },
            destination: known,
        })
    }

    async fn run(self) -> Result<(), Error> {
        // So that a task which does nothing but write lets others run.
        future::poll_fn(driver::poll_share).await;
        let begun = self.link.cancellations();
        if self.link.line.is_empty() {
            match self.link.try_send(self.outgoing) {
                Ok(()) => return Ok(()),
                Err(SendFailure::Full | SendFailure::NoBuffers(_)) => {}
                Err(failure) => return Err(self.failed(failure, begun)),
            }
        }
        let place = self.link.line.enter();
        self.unless_cancelled(begun, |cx| place.poll_turn(cx).map(Ok))
            .await?;
        let mut pauses = NO_BUFFERS_PAUSES.iter();
        loop {
            match self.link.try_send(self.outgoing) {
                Ok(()) => {
                    place.leave();
                    return Ok(());
                }
                Err(SendFailure::Full) => self.wait_for_room(begun).await?,
                // The system says this for the whole machine, and nothing tells when it is over.
                Err(SendFailure::NoBuffers(error)) => match pauses.next() {
                    Some(pause) => self.pause(*pause, begun).await?,
                    None => return Err(self.refused(error)),
                },
                Err(failure) => return Err(self.failed(failure, begun)),
            }
        }
    }

    /// Waits for something, and no longer than the socket's operations are not cancelled.
    async fn unless_cancelled(
        &self,
        begun: u64,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<(), Error>>,
    ) -> Result<(), Error> {
        future::poll_fn(|cx| {
            let is_cancelled = || self.link.cancellations() != begun;
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

    async fn wait_for_room(&self, begun: u64) -> Result<(), Error> {
        let mut waiting = WaitingWriter {
            link: self.link,
            ticket: Ticket::default(),
        };
        let room = |cx: &mut Context<'_>| {
            let room = self.link.watched.poll_writable(cx, &mut waiting.ticket);
            room.map_err(|gone| match gone {
                Gone::Closed => cancelled(ACTION),
                Gone::Runtime(error) => self.refused(error),
            })
        };
        self.unless_cancelled(begun, room).await
    }

    async fn pause(&self, pause: Duration, begun: u64) -> Result<(), Error> {
        let mut waiting = WaitingWriter {
            link: self.link,
            ticket: Ticket::default(),
        };
        let mut pause = pin!(driver::in_runtime(driver::sleep(pause)));
        let over = |cx: &mut Context<'_>| {
            self.link.watched.enlist_writer(cx, &mut waiting.ticket);
            pause.as_mut().poll(cx).map_err(|error| self.refused(error))
        };
        self.unless_cancelled(begun, over).await
    }

    /// The error of a send that ended.
    fn failed(&self, failure: SendFailure, begun: u64) -> Error {
        match failure {
            SendFailure::Closed if self.link.cancellations() == begun => closed(ACTION),
            SendFailure::Closed => cancelled(ACTION),
            SendFailure::Refused(error) | SendFailure::NoBuffers(error) => self.refused(error),
            SendFailure::Full => self.refused(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn refused(&self, error: io::Error) -> Error {
        let (length, destination) = (self.outgoing.payload.len(), self.destination);
        let error = Error::system(
            format!("cannot send {length} bytes to {destination}"),
            error,
        );
        match error.kind() {
            ErrorKind::PayloadTooLarge => {
                error.with_advice("send less in one datagram, or allow fragments")
            }
            ErrorKind::PermissionDenied => {
                error.with_advice("a firewall of this machine refuses it")
            }
            _ => error,
        }
    }
}

struct WaitingWriter<'a> {
    link: &'a Link,
    ticket: Ticket,
}

impl Drop for WaitingWriter<'_> {
    fn drop(&mut self) {
        self.link.watched.stop_writing(&mut self.ticket);
    }
}

fn payload_bytes_max(ip: IpAddr) -> usize {
    match ip.to_canonical() {
        IpAddr::V4(_) => PAYLOAD_BYTES_MAX_IPV4,
        IpAddr::V6(_) => PAYLOAD_BYTES_MAX_IPV6,
    }
}

/// What an error says could not be done.
const ACTION: &str = "send";

/// RFC 768 and RFC 791: 65,535 bytes less 20 of IPv4 and 8 of UDP header.
const PAYLOAD_BYTES_MAX_IPV4: usize = 65_507;

/// RFC 768 and RFC 8200: 65,535 bytes less 8 of UDP header; the IPv6 header does not count.
const PAYLOAD_BYTES_MAX_IPV6: usize = 65_527;

/// How long to wait when the machine has no buffers, time after time (OUT-16).
const NO_BUFFERS_PAUSES: [Duration; 5] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
    Duration::from_millis(8),
    Duration::from_millis(16),
];
