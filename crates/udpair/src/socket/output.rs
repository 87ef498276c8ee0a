//! Sending: one write is one datagram.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use udpair_io::{Destination, Outgoing, SendBatch};

use super::lifecycle::Operation;
use super::link::{Link, SendFailure};
use super::many;
use super::open;
use super::sending::{self, ACTION, Many, One};
use super::shared::Shared;
use super::sink::Feed;
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
pub struct OutputStream {
    shared: Arc<Shared>,
    /// `None` is the peer of a connected socket.
    destination: Option<Destination>,
    /// What this handle was fed as a sink; most never are.
    feed: Option<Box<Feed>>,
}

impl Clone for OutputStream {
    fn clone(&self) -> Self {
        Self::new(self.shared.clone(), self.destination)
    }
}

impl OutputStream {
    pub(super) fn new(shared: Arc<Shared>, destination: Option<Destination>) -> Self {
        Self {
            shared,
            destination,
            feed: None,
        }
    }

    /// Returns what was fed, and where it goes.
    pub(super) fn feed(&mut self) -> (&mut Feed, &Arc<Shared>, Option<Destination>) {
        let feed = self.feed.get_or_insert_default();
        (feed, &self.shared, self.destination)
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
    /// Cancel safe: a dropped future has sent the whole datagram or nothing. Of a broadcast to
    /// 255.255.255.255, which leaves by every adapter, it may have sent the copies of some.
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
        try_send(&self.shared, payload, self.destination)
    }

    /// Sends the datagrams of `batch` to this stream's destination, in as few calls as the system allows.
    ///
    /// Each stays one datagram: nothing is merged, split, reordered or lost. What the kernel took leaves
    /// the batch at its front. An unbound socket is bound first.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), for the first datagram that could not be sent, which is then the
    /// first in `batch`; and [`InvalidArgument`](ErrorKind::InvalidArgument) for one with a destination of
    /// its own.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: after a dropped future `batch` holds exactly what was not sent, and of a broadcast to
    /// 255.255.255.255 what has not left by every adapter.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, EndpointPair, Error, SendBatch};
    /// # async fn burst(socket: &DatagramSocket) -> Result<(), Error> {
    /// let mut batch: SendBatch = ["one", "two", "three"].into_iter().collect();
    /// socket.output()?.write_batch(&mut batch).await?;
    /// assert!(batch.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn write_batch(&self, batch: &mut SendBatch) -> Result<(), Error> {
        send_batch(&self.shared, batch, self.destination).await
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
        self.destination
            .map(|to| to.address)
            .or_else(|| self.shared.peer_addr())
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

/// Sends one datagram; `to` is `None` for the peer of a connected socket.
pub(super) async fn send(
    shared: &Shared,
    payload: &[u8],
    to: Option<Destination>,
) -> Result<(), Error> {
    let link = match shared.link() {
        Some(link) => link,
        None => open::for_writing(shared).await?,
    };
    match to {
        Some(to) if many::is_limited_broadcast(to.address) => {
            // Boxed, so that the future of all other writes is small.
            Box::pin(send_copies(shared, link, payload, to)).await
        }
        to => send_one(shared, link, payload, to).await,
    }
}

async fn send_one(
    shared: &Shared,
    link: &Link,
    payload: &[u8],
    to: Option<Destination>,
) -> Result<(), Error> {
    if let Some(to) = to {
        many::check_multicast_only(&shared.settings, to.address)?;
    }
    let sent = sending::send(link, &mut One(Outgoing { payload, to })).await;
    let (Err(error), Some(to)) = (&sent, to) else {
        return sent;
    };
    match many::without_route(shared, link, to, error) {
        Some(other) => Box::pin(send_by(link, payload, other)).await,
        None => sent,
    }
}

async fn send_by(link: &Link, payload: &[u8], to: Destination) -> Result<(), Error> {
    let to = Some(to);
    sending::send(link, &mut One(Outgoing { payload, to })).await
}

/// Sends a datagram to everybody, by all adapters; it is sent if one copy is (BRC-02).
async fn send_copies(
    shared: &Shared,
    link: &Link,
    payload: &[u8],
    to: Destination,
) -> Result<(), Error> {
    let mut sent = Vec::new();
    for copy in many::copies(shared, to) {
        let result = send_one(shared, link, payload, Some(copy)).await;
        if let Err(error) = &result
            && matches!(error.kind(), ErrorKind::Closed | ErrorKind::Cancelled)
        {
            return result;
        }
        sent.push(result);
    }
    let is_sent = sent.iter().any(Result::is_ok);
    let failed = sent.into_iter().find(|result| result.is_err() && !is_sent);
    failed.unwrap_or(Ok(()))
}

/// Sends one datagram if the kernel has room for it now, and returns whether it had.
pub(super) fn try_send(
    shared: &Shared,
    payload: &[u8],
    to: Option<Destination>,
) -> Result<bool, Error> {
    let link = shared.open_link(ACTION, Operation::Output)?;
    let Some(to) = to else {
        return try_send_one(shared, link, Outgoing { payload, to });
    };
    many::check_multicast_only(&shared.settings, to.address)?;
    if !many::is_limited_broadcast(to.address) {
        let to = Some(to);
        return try_send_one(shared, link, Outgoing { payload, to });
    }
    let sent: Vec<_> = many::copies(shared, to)
        .into_iter()
        .map(|copy| {
            let to = Some(copy);
            try_send_one(shared, link, Outgoing { payload, to })
        })
        .collect();
    let is_sent = sent.iter().any(|sent| matches!(sent, Ok(true)));
    let other = sent
        .into_iter()
        .find(|sent| !matches!(sent, Ok(true)) && !is_sent);
    other.unwrap_or(Ok(true))
}

fn try_send_one(shared: &Shared, link: &Link, outgoing: Outgoing<'_>) -> Result<bool, Error> {
    let mut one = One(outgoing);
    let begun = link.cancellations();
    let error = match sending::attempt(link, &mut one) {
        Ok(()) => return Ok(true),
        Err(SendFailure::Full | SendFailure::NoBuffers(_)) => return Ok(false),
        Err(failure) => sending::failed(link, &one, failure, begun),
    };
    let other = outgoing
        .to
        .and_then(|to| many::without_route(shared, link, to, &error));
    match other {
        // Never again, because that one names its adapter.
        Some(to) => try_send_one(
            shared,
            link,
            Outgoing {
                to: Some(to),
                ..outgoing
            },
        ),
        None => Err(error),
    }
}

/// Sends a batch whose datagrams all go to `to`; `None` is the peer of a connected socket.
pub(super) async fn send_batch(
    shared: &Shared,
    batch: &mut SendBatch,
    to: Option<Destination>,
) -> Result<(), Error> {
    if let Some(to) = to {
        many::check_multicast_only(&shared.settings, to.address)?;
    }
    let with_own = batch.destinations().position(|own| own.is_some());
    let most = with_own.unwrap_or(batch.len());
    let has_broadcasts = to.is_some_and(|to| many::is_limited_broadcast(to.address));
    send_first(shared, batch, to, most, has_broadcasts).await?;
    let other = batch.destinations().next().flatten();
    let Some(other) = other.filter(|_| with_own.is_some()) else {
        return Ok(());
    };
    let message = format!("cannot send to {} by a stream to another", other.address);
    let error = Error::new(ErrorKind::InvalidArgument, message);
    Err(error.with_advice("send datagrams with destinations of their own by the socket"))
}

/// Sends a batch whose datagrams have destinations of their own, or go to the peer.
pub(super) async fn send_mixed_batch(shared: &Shared, batch: &mut SendBatch) -> Result<(), Error> {
    let action = "send to an address";
    if shared.peer_addr().is_none() {
        shared.grant_stream_after_opening(action).await?;
    }
    let is_connected = shared.peer_addr().is_some();
    let (mut most, mut has_broadcasts, mut result) = (0, false, Ok(()));
    // Looked at one by one, because an error is the first bad one's, and those before it are sent.
    for to in batch.destinations() {
        result = match to {
            None if is_connected => Ok(()),
            None => shared.allow("send to the peer", Operation::WriteToPeer),
            Some(_) if is_connected => shared.allow(action, Operation::WriteTo),
            Some(to) => open::check_destination(shared, to.address)
                .and_then(|()| many::check_multicast_only(&shared.settings, to.address)),
        };
        if result.is_err() {
            break;
        }
        most += 1;
        has_broadcasts |= to.is_some_and(|to| many::is_limited_broadcast(to.address));
    }
    send_first(shared, batch, None, most, has_broadcasts).await?;
    result
}

/// Sends the first `most` datagrams of a batch, which may have none.
async fn send_first(
    shared: &Shared,
    batch: &mut SendBatch,
    to: Option<Destination>,
    most: usize,
    has_broadcasts: bool,
) -> Result<(), Error> {
    if most == 0 {
        return Ok(());
    }
    let link = match shared.link() {
        Some(link) => link,
        None => open::for_writing(shared).await?,
    };
    if has_broadcasts {
        return Box::pin(send_with_copies(shared, link, batch, to, most)).await;
    }
    send_many(shared, link, batch, to, most).await
}

/// Sends the first `most` datagrams of a batch; one to a group that has no way out goes by another adapter.
async fn send_many(
    shared: &Shared,
    link: &Link,
    batch: &mut SendBatch,
    to: Option<Destination>,
    mut most: usize,
) -> Result<(), Error> {
    loop {
        let before = batch.len();
        let sent = sending::send(link, &mut Many { batch, to, most }).await;
        let Err(error) = sent else {
            return Ok(());
        };
        most -= before - batch.len();
        let first = batch.iter().next();
        let other = first.and_then(|next| {
            let other = many::without_route(shared, link, next.to.or(to)?, &error)?;
            Some((next.payload, other))
        });
        let Some((payload, other)) = other else {
            return Err(error);
        };
        Box::pin(send_by(link, payload, other)).await?;
        batch.pop();
        most -= 1;
    }
}

/// Sends a batch in which some datagrams go to everybody, and out by several adapters.
async fn send_with_copies(
    shared: &Shared,
    link: &Link,
    batch: &mut SendBatch,
    to: Option<Destination>,
    mut left: usize,
) -> Result<(), Error> {
    while left > 0 {
        let first = batch.iter().next();
        let broadcast_first = first.and_then(|next| Some((next.payload, broadcast(next, to)?)));
        if let Some((payload, to)) = broadcast_first {
            send_copies(shared, link, payload, to).await?;
            batch.pop();
            left -= 1;
            continue;
        }
        let waiting = batch.iter().take(left);
        let most = waiting
            .take_while(|next| broadcast(*next, to).is_none())
            .count();
        send_many(shared, link, batch, to, most).await?;
        left -= most;
    }
    Ok(())
}

/// Returns where a datagram goes, if that is everybody.
fn broadcast(outgoing: Outgoing<'_>, to: Option<Destination>) -> Option<Destination> {
    let to = outgoing.to.or(to)?;
    many::is_limited_broadcast(to.address).then_some(to)
}

pub(super) fn payload_bytes_max(ip: IpAddr) -> usize {
    match ip.to_canonical() {
        IpAddr::V4(_) => PAYLOAD_BYTES_MAX_IPV4,
        IpAddr::V6(_) => PAYLOAD_BYTES_MAX_IPV6,
    }
}

/// RFC 768 and RFC 791: 65,535 bytes less 20 of IPv4 and 8 of UDP header.
const PAYLOAD_BYTES_MAX_IPV4: usize = 65_507;

/// RFC 768 and RFC 8200: 65,535 bytes less 8 of UDP header; the IPv6 header does not count.
const PAYLOAD_BYTES_MAX_IPV6: usize = 65_527;
