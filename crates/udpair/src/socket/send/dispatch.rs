//! What becomes of one send: the first bind, who may be sent to, copies of a broadcast, another way out.
//!
//! Below this, a datagram or a batch is brought to the kernel as it is (`transmit`).

use udpair_io::{Destination, Outgoing, SendBatch};

use super::transmit::{self, ACTION, Many, One};
use crate::error::{Error, ErrorKind};
use crate::socket::lifecycle::Operation;
use crate::socket::link::{Link, SendFailure};
use crate::socket::many;
use crate::socket::open;
use crate::socket::shared::Shared;

/// Sends one datagram; `to` is `None` for the peer of a connected socket.
pub(crate) async fn send(
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
    let sent = transmit::send(link, &mut One(Outgoing { payload, to })).await;
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
    transmit::send(link, &mut One(Outgoing { payload, to })).await
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
pub(crate) fn try_send(
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
    let begun = link.channel.cancellations();
    let error = match transmit::try_send(link, &mut one) {
        Ok(()) => return Ok(true),
        Err(SendFailure::Full | SendFailure::NoBuffers(_)) => return Ok(false),
        Err(failure) => transmit::failed(link, &one, failure, begun),
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
pub(crate) async fn send_batch(
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
pub(crate) async fn send_mixed_batch(shared: &Shared, batch: &mut SendBatch) -> Result<(), Error> {
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
        let sent = transmit::send(link, &mut Many { batch, to, most }).await;
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
