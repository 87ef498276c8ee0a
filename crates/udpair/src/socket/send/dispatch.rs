//! Decides where the datagrams of a send go: binds the socket on the first send, checks the
//! destinations, makes the copies of a broadcast, and chooses an adapter for a group without a
//! route.
//!
//! The layer below, `transmit`, passes a datagram or a batch to the kernel unchanged.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use udpair_io::{Destination, Outgoing, Run, SendBatch};

use super::space;
use super::transmit::{self, ACTION, Many, One};
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::socket::lifecycle::Operation;
use crate::socket::link::{Link, SendFailure};
use crate::socket::many;
use crate::socket::open::{self, Purpose};
use crate::socket::shared::Shared;

/// Sends one datagram; `to` is `None` for the peer of a connected socket.
pub(crate) async fn send(
    shared: &Arc<Shared>,
    payload: &[u8],
    to: Option<Destination>,
) -> Result<(), Error> {
    let link = ready_link(shared, to.is_none()).await?;
    match to {
        Some(to) if many::is_limited_broadcast(to.address) => {
            // Boxed, to keep the future of all other writes small.
            Box::pin(send_copies(shared, link, payload, to)).await
        }
        to => send_one(shared, link, payload, to).await,
    }
}

/// Returns the link over which datagrams are sent: to the peer, which may have to be connected first,
/// or to addresses, for which the socket may have to be bound first.
#[inline]
async fn ready_link(shared: &Arc<Shared>, is_to_peer: bool) -> Result<&Link, Error> {
    match (shared.link_to(is_to_peer), is_to_peer) {
        (Some(link), _) => Ok(link),
        (None, true) => open::for_writing_to_peer(shared, ACTION).await,
        (None, false) => open::for_writing(shared).await,
    }
}

async fn send_one(
    shared: &Shared,
    link: &Link,
    payload: &[u8],
    to: Option<Destination>,
) -> Result<(), Error> {
    if let Some(to) = to {
        many::check_multicast_only(shared, to.address)?;
        check_adapter(link, to)?;
    }
    let sent = transmit::send(link, &mut One(Outgoing { payload, to })).await;
    let (Err(error), Some(to)) = (&sent, to) else {
        return sent;
    };
    match many::fallback_without_route(shared, link, to, error) {
        Some(fallback) => Box::pin(send_unchecked(link, payload, fallback)).await,
        None => sent,
    }
}

/// Sends one datagram to a destination that was checked before.
async fn send_unchecked(link: &Link, payload: &[u8], to: Destination) -> Result<(), Error> {
    let to = Some(to);
    transmit::send(link, &mut One(Outgoing { payload, to })).await
}

/// Sends a limited broadcast on all adapters. It counts as sent if one copy was sent (BRC-02).
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

/// Sends one datagram if the kernel has buffer space for it now, and returns whether it was sent.
pub(crate) fn try_send(
    shared: &Shared,
    payload: &[u8],
    to: Option<Destination>,
) -> Result<bool, Error> {
    let link = shared.open_link_to(ACTION, to.is_none())?;
    let Some(to) = to else {
        return try_send_one(shared, link, Outgoing { payload, to });
    };
    many::check_multicast_only(shared, to.address)?;
    check_adapter(link, to)?;
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
    let unsent = sent
        .into_iter()
        .find(|sent| !matches!(sent, Ok(true)) && !is_sent);
    unsent.unwrap_or(Ok(true))
}

fn try_send_one(shared: &Shared, link: &Link, outgoing: Outgoing<'_>) -> Result<bool, Error> {
    let mut one = One(outgoing);
    let at_start = link.channel.cancellations();
    let error = match transmit::try_send(link, &mut one) {
        Ok(()) => return Ok(true),
        Err(SendFailure::Full | SendFailure::NoBuffers(_)) => {
            link.note_full();
            return Ok(false);
        }
        Err(failure) => transmit::failed(link, &one, failure, at_start),
    };
    let fallback = outgoing
        .to
        .and_then(|to| many::fallback_without_route(shared, link, to, &error));
    match fallback {
        // The recursion ends here: the fallback names its adapter, so it has no fallback itself.
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

/// Sends datagrams of one length. Those that were sent are removed from the front of `run`.
pub(crate) async fn send_run(shared: &Arc<Shared>, run: &mut Run<'_>) -> Result<(), Error> {
    check_segment(*run)?;
    if run.payload.is_empty() {
        return send(shared, run.payload, run.to).await;
    }
    if !is_direct(shared, run.to) {
        let mut batch = transmit::batch_of(*run);
        let sent = Box::pin(send_batch(shared, &mut batch, run.to)).await;
        transmit::keep_unsent(run, &batch);
        return sent;
    }
    let link = ready_link(shared, run.to.is_none()).await?;
    if let Some(to) = run.to {
        check_adapter(link, to)?;
    }
    transmit::send(link, run).await
}

/// Sends as many datagrams of a run as the kernel has buffer space for now, and returns how many
/// bytes they have. Fails only if none was sent.
pub(crate) fn try_send_run(shared: &Shared, mut run: Run<'_>) -> Result<usize, Error> {
    check_segment(run)?;
    let link = shared.open_link_to(ACTION, run.to.is_none())?;
    if run.payload.is_empty() {
        let message = "cannot send a run of no datagrams";
        let error = Error::new(ErrorKind::InvalidArgument, message);
        return Err(error.with_advice("send an empty datagram with `try_send_to`"));
    }
    if let Some(to) = run.to {
        check_adapter(link, to)?;
    }
    let bytes = run.payload.len();
    let tried = match is_direct(shared, run.to) {
        true => try_send_at_once(link, &mut run),
        false => try_send_each(shared, &mut run),
    };
    match (bytes - run.payload.len(), tried) {
        (0, Err(error)) => Err(error),
        (sent, _) => Ok(sent),
    }
}

/// Passes the datagrams of a run to the kernel, and stops when it has no buffer space. Those that
/// were sent are removed from the front of `run`.
fn try_send_at_once(link: &Link, run: &mut Run<'_>) -> Result<(), Error> {
    let at_start = link.channel.cancellations();
    match transmit::try_send(link, run) {
        Ok(()) => Ok(()),
        Err(SendFailure::Full | SendFailure::NoBuffers(_)) => {
            link.note_full();
            Ok(())
        }
        Err(failure) => Err(transmit::failed(link, run, failure, at_start)),
    }
}

/// Does what [`try_send_at_once`] does, for datagrams that need more than the way to the kernel.
fn try_send_each(shared: &Shared, run: &mut Run<'_>) -> Result<(), Error> {
    while !run.payload.is_empty() {
        let first = run.first();
        if !try_send(shared, first.payload, first.to)? {
            break;
        }
        run.payload = &run.payload[first.payload.len()..];
    }
    Ok(())
}

fn check_segment(run: Run<'_>) -> Result<(), Error> {
    if run.segment > 0 {
        return Ok(());
    }
    let message = "cannot send datagrams of 0 bytes each as a run";
    let error = Error::new(ErrorKind::InvalidArgument, message);
    Err(error.with_advice("pass the length of each datagram as the segment"))
}

/// Returns whether datagrams to `to` go to the kernel as they are: no copies, no check, and no
/// other adapter where there is no route.
pub(crate) fn is_direct(shared: &Shared, to: Option<Destination>) -> bool {
    let is_direct = |to: Destination| {
        let ip = to.address.ip().to_canonical();
        !ip.is_multicast() && !many::is_limited_broadcast(to.address)
    };
    !shared.is_multicast_only() && to.is_none_or(is_direct)
}

/// Sends a batch whose datagrams all go to `to`; `None` stands for the peer of a connected socket.
pub(crate) async fn send_batch(
    shared: &Arc<Shared>,
    batch: &mut SendBatch,
    to: Option<Destination>,
) -> Result<(), Error> {
    if let Some(to) = to {
        many::check_multicast_only(shared, to.address)?;
    }
    let without_own = batch.destinations().take_while(|(own, _)| own.is_none());
    let count = without_own.map(|(_, datagrams)| datagrams).sum();
    let are_all = count == batch.len();
    let has_broadcasts = to.is_some_and(|to| many::is_limited_broadcast(to.address));
    if count > 0 {
        let link = ready_link(shared, to.is_none()).await?;
        send_first(shared, link, batch, to, count, has_broadcasts).await?;
    }
    let other = batch.runs().next().and_then(|run| run.to);
    let Some(other) = other.filter(|_| !are_all) else {
        return Ok(());
    };
    let message = format!(
        "cannot send to {} through a stream to another destination",
        other.address
    );
    let error = Error::new(ErrorKind::InvalidArgument, message);
    Err(error.with_advice("send datagrams with destinations of their own through the socket"))
}

/// Sends a batch whose datagrams have destinations of their own, or go to the peer.
pub(crate) async fn send_mixed_batch(
    shared: &Arc<Shared>,
    batch: &mut SendBatch,
) -> Result<(), Error> {
    if shared.peer_addr().is_none() {
        // The batch may have datagrams for the peer, once the socket has one.
        shared.grant_stream_after_opening(SEND_TO).await?;
    }
    let checked = check_mixed(shared, batch);
    if checked.count > 0 {
        let link = ready_link(shared, false).await?;
        let (count, has_broadcasts) = (checked.count, checked.has_broadcasts);
        send_first(shared, link, batch, None, count, has_broadcasts).await?;
    }
    checked.result
}

/// The datagrams of a batch that may be sent.
struct CheckedBatch {
    /// How many datagrams before the first invalid one may be sent.
    count: usize,
    has_broadcasts: bool,
    /// The error of the first invalid one.
    result: Result<(), Error>,
}

/// Checks the datagrams of a batch one by one: those before the first invalid one are sent, and its
/// error is returned.
fn check_mixed(shared: &Shared, batch: &SendBatch) -> CheckedBatch {
    let is_connected = shared.peer_addr().is_some();
    let mut checked = CheckedBatch {
        count: 0,
        has_broadcasts: false,
        result: Ok(()),
    };
    for (to, datagrams) in batch.destinations() {
        checked.result = match to {
            None if is_connected => Ok(()),
            None => shared.allow("send to the peer", Operation::WriteToPeer),
            Some(to) => open::check_destination(shared, to)
                .and_then(|_| many::check_multicast_only(shared, to.address)),
        };
        if checked.result.is_err() {
            break;
        }
        checked.count += datagrams;
        checked.has_broadcasts |= to.is_some_and(|to| many::is_limited_broadcast(to.address));
    }
    checked
}

/// Sends what the kernel accepts now of a batch whose datagrams have destinations of their own, or
/// go to the peer. Returns how many were sent.
pub(crate) fn try_send_mixed_batch(shared: &Shared, batch: &mut SendBatch) -> Result<usize, Error> {
    let before = batch.len();
    attempt_mixed_batch(shared, batch)?;
    Ok(before - batch.len())
}

/// Sends a batch like [`try_send_mixed_batch`], and waits for buffer space while some of it is
/// left.
pub(crate) fn poll_send_mixed_batch(
    shared: &Shared,
    cx: &mut Context<'_>,
    batch: &mut SendBatch,
) -> Poll<Result<(), Error>> {
    ready!(driver::poll_budget(cx));
    while attempt_mixed_batch(shared, batch)? == Attempt::Full {
        ready!(space::poll_writable(shared, cx))?;
        ready!(driver::poll_budget(cx));
    }
    Poll::Ready(Ok(()))
}

/// What came of an attempt to send a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Attempt {
    Sent,
    /// The kernel has no buffer space for the first datagram that is left.
    Full,
}

fn attempt_mixed_batch(shared: &Shared, batch: &mut SendBatch) -> Result<Attempt, Error> {
    let link = shared.open_link_to(ACTION, false)?;
    if shared.peer_addr().is_none() {
        shared.grant_stream(SEND_TO)?;
    }
    let checked = check_mixed(shared, batch);
    let (mut left, on_adapter) = check_adapters(link, batch, None, checked.count);
    while left > 0 {
        let before = batch.len();
        let attempt = attempt_first(shared, link, batch, left, checked.has_broadcasts)?;
        if attempt == Attempt::Full {
            return Ok(attempt);
        }
        left -= before - batch.len();
    }
    on_adapter.and(checked.result).map(|()| Attempt::Sent)
}

/// Sends the first datagrams of a batch, at most `count`: those before the first broadcast, or that
/// broadcast.
fn attempt_first(
    shared: &Shared,
    link: &Link,
    batch: &mut SendBatch,
    count: usize,
    has_broadcasts: bool,
) -> Result<Attempt, Error> {
    let count = match has_broadcasts {
        true => batch
            .iter()
            .take(count)
            .take_while(|next| broadcast(*next, None).is_none())
            .count(),
        false => count,
    };
    if count > 0 {
        let at_start = link.channel.cancellations();
        let mut many = Many {
            batch,
            to: None,
            count,
        };
        let failure = match transmit::try_send(link, &mut many) {
            Ok(()) => return Ok(Attempt::Sent),
            Err(SendFailure::Full) => {
                link.note_full();
                return Ok(Attempt::Full);
            }
            Err(failure) => failure,
        };
        let error = transmit::failed(link, &many, failure, at_start);
        let to = batch.runs().next().and_then(|run| run.to);
        let fallback = to.and_then(|to| many::fallback_without_route(shared, link, to, &error));
        if fallback.is_none() {
            return Err(error);
        }
    }
    // A datagram that needs more than the way to the kernel.
    let Some(first) = batch.iter().next() else {
        return Ok(Attempt::Sent);
    };
    if !try_send(shared, first.payload, first.to)? {
        link.note_full();
        return Ok(Attempt::Full);
    }
    batch.remove(1);
    Ok(Attempt::Sent)
}

/// The action of a send to an address, for error messages.
pub(crate) const SEND_TO: &str = "send to an address";

/// Sends the first `count` datagrams of a batch.
async fn send_first(
    shared: &Shared,
    link: &Link,
    batch: &mut SendBatch,
    to: Option<Destination>,
    count: usize,
    has_broadcasts: bool,
) -> Result<(), Error> {
    let (count, checked) = check_adapters(link, batch, to, count);
    if has_broadcasts {
        Box::pin(send_with_copies(shared, link, batch, to, count)).await?;
    } else {
        send_many(shared, link, batch, to, count).await?;
    }
    checked
}

/// Checks the first `count` datagrams of a batch with [`check_adapter`]. Returns how many may be
/// sent, and the error of the one after those.
fn check_adapters(
    link: &Link,
    batch: &SendBatch,
    to: Option<Destination>,
    count: usize,
) -> (usize, Result<(), Error>) {
    if link.channel.adapter().is_some() {
        let mut before = 0;
        for (own, datagrams) in batch.destinations() {
            if before >= count {
                break;
            }
            if let Some(to) = own.copied().or(to)
                && let Err(error) = check_adapter(link, to)
            {
                return (before, Err(error));
            }
            before += datagrams;
        }
    }
    (count, Ok(()))
}

/// Checks that the adapter to which the socket is bound, if it is bound to one, is the one that the
/// destination names (BND-06). Linux would send the datagram through the other one.
#[inline]
fn check_adapter(link: &Link, to: Destination) -> Result<(), Error> {
    match link.channel.adapter() {
        None => Ok(()),
        Some(bound) => open::check_adapters(bound, to, Purpose::Send),
    }
}

/// Sends the first `count` datagrams of a batch. A datagram to a group without a route is sent on
/// another adapter.
async fn send_many(
    shared: &Shared,
    link: &Link,
    batch: &mut SendBatch,
    to: Option<Destination>,
    mut count: usize,
) -> Result<(), Error> {
    loop {
        let before = batch.len();
        let sent = transmit::send(link, &mut Many { batch, to, count }).await;
        let Err(error) = sent else {
            return Ok(());
        };
        count -= before - batch.len();
        let first = batch.iter().next();
        let retry = first.and_then(|next| {
            let fallback = many::fallback_without_route(shared, link, next.to.or(to)?, &error)?;
            Some((next.payload, fallback))
        });
        let Some((payload, fallback)) = retry else {
            return Err(error);
        };
        Box::pin(send_unchecked(link, payload, fallback)).await?;
        batch.remove(1);
        count -= 1;
    }
}

/// Sends the first `left` datagrams of a batch that contains limited broadcasts, which are sent on
/// several adapters.
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
            batch.remove(1);
            left -= 1;
            continue;
        }
        let waiting = batch.iter().take(left);
        let count = waiting
            .take_while(|next| broadcast(*next, to).is_none())
            .count();
        send_many(shared, link, batch, to, count).await?;
        left -= count;
    }
    Ok(())
}

/// Returns the destination of a datagram if it is the limited broadcast address.
fn broadcast(outgoing: Outgoing<'_>, to: Option<Destination>) -> Option<Destination> {
    let to = outgoing.to.or(to)?;
    many::is_limited_broadcast(to.address).then_some(to)
}
