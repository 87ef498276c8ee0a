//! The receive queue: datagrams that were received and not yet requested by the application.
//!
//! A socket does not receive ahead of need. Datagrams that the application has not requested stay
//! in the kernel, which drops and counts those that do not fit. The queue holds what one call
//! returned beyond the requested message. Only connecting, which removes the datagrams of non-peer
//! senders, may leave more in it.

use std::cell::Cell;
use std::io;
use std::mem;
use std::num::NonZeroU8;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use udpair_io::{Filled, FilterStats, Metadata, RecvBatch, Remaining, filter_again};

use super::arrivals::{Arrivals, Given};
use super::channel::{Cancellations, Channel};
use super::filter;
use crate::driver::{self, Ticket};
use crate::message::{Event, Message, PeerError};

/// The receive queue of a socket.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The queued datagrams; `None` if there are none, so that a socket that waits holds no buffer.
    rest: Option<Box<RecvBatch>>,
    kernel: KernelState,
    /// The state of the one task that polls without a future of its own; `None` if there is none.
    pub(crate) poller: Option<Box<ReceiverState>>,
}

/// What is known about the socket's receive buffer in the kernel.
#[derive(Debug)]
struct KernelState {
    /// The number of datagrams that the kernel dropped and that are reported with a message, be it
    /// delivered or still queued.
    reported_drops: u32,
    /// The number of messages to take from the kernel with the next call. It depends on how many
    /// the last call returned.
    message_limit: u8,
    /// The number of messages that hold about [`DATAGRAMS_PER_CALL`], as far as the last call
    /// shows; `None` if each held one datagram.
    messages_max: Option<NonZeroU8>,
    /// Whether the kernel may hold more datagrams. If not, the next datagram makes the socket
    /// readable.
    may_have_more: bool,
}

/// Why nothing could be received.
pub(crate) enum ReceiveFailure {
    Closed,
    /// The descriptor was shut down, and nothing is left to receive.
    ShutDown,
    /// The network sent this error back, and the application wants to hear it here.
    Peer(PeerError),
    Io(io::Error),
}

/// The state of one receiver between two polls.
#[derive(Debug, Default)]
pub(crate) struct ReceiverState {
    pub(crate) ticket: Ticket,
    /// The number of cancellations when this operation started; `None` until then.
    pub(crate) at_start: Option<Cancellations>,
}

impl Default for KernelState {
    fn default() -> Self {
        Self {
            reported_drops: 0,
            message_limit: BATCH_SMALL,
            messages_max: None,
            // The runtime reports earlier datagrams when it begins to watch the socket.
            may_have_more: false,
        }
    }
}

impl Queue {
    /// Drops what non-peer senders have sent so far, in this queue and in the kernel, now that
    /// there is a peer.
    ///
    /// What stays in the kernel would be dropped later anyway. But until then it would take buffer
    /// space from the datagrams that the peer is about to send.
    pub(crate) fn drop_non_peers(&mut self, channel: &Channel) {
        self.drop_queued_non_peers(channel);
        // A datagram may have arrived since the last call. It wakes no reader once it is received
        // here.
        self.note_arrival();
        let (kernel, mut kept) = (&mut self.kernel, self.rest.take().unwrap_or_else(scratch));
        let mut batch = scratch();
        batch.set_limit(BATCH_MAX.into());
        // What does not fit is filtered when it is received.
        while kernel.may_have_more
            && kept.len() < KEPT_AT_CONNECT_MAX
            && !udpair_io::is_receive_memory_full()
        {
            match kernel.receive(channel, &mut *batch) {
                Some(Ok(())) => {
                    batch.compact();
                    kept.append(&mut batch);
                }
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    kernel.may_have_more = false;
                }
                // The next receiver gets the error again, and handles it.
                Some(Err(_)) | None => break,
            }
        }
        self.keep(kept);
        give_back(batch);
    }

    /// Moves what the kernel holds into the queue, because the descriptor is about to be replaced.
    /// The datagrams of the new descriptor follow it.
    pub(crate) fn take_all(&mut self, channel: &Channel) {
        self.note_arrival();
        let mut kept = self.rest.take().unwrap_or_else(scratch);
        let mut batch = scratch();
        batch.set_limit(BATCH_MAX.into());
        while self.kernel.may_have_more {
            match self.kernel.receive(channel, &mut *batch) {
                Some(Ok(())) => kept.append(&mut batch),
                Some(Err(_)) | None => break,
            }
        }
        self.keep(kept);
        give_back(batch);
        self.kernel = KernelState::default();
        self.note_arrival();
    }

    /// Drops the queued datagrams of non-peer senders, which were received before there was a peer.
    fn drop_queued_non_peers(&mut self, channel: &Channel) {
        if let Some(mut rest) = self.rest.take() {
            let reported_drops = &mut self.kernel.reported_drops;
            let filtered = filter_again(&mut rest, reported_drops, admitted_by(channel));
            count_non_peers(filtered, channel);
            self.keep(rest);
        }
    }

    /// Takes one message; `None` if there is none.
    ///
    /// Pending when the task has used up its budget.
    #[inline]
    pub(crate) fn take_message(
        &mut self,
        channel: &Channel,
        mut cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Message>, ReceiveFailure>> {
        check_peer(channel)?;
        let queued = match &mut cx {
            Some(cx) => ready!(self.poll_pop(cx)),
            None => self.pop(),
        };
        if queued.is_some() || !self.kernel.may_have_more {
            return Poll::Ready(Ok(queued));
        }
        let received = ready!(self.receive(channel, cx))?;
        Poll::Ready(Ok(received.and_then(|mut batch| {
            let message = batch.pop();
            // Usually one datagram was received, and the queue stays empty.
            self.keep(batch);
            message.map(Message::new)
        })))
    }

    /// Takes a message that is already in the queue; `None` if there is none.
    ///
    /// Pending when the task has used up its budget.
    #[inline]
    pub(crate) fn poll_pop(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        if self.rest.is_none() {
            return Poll::Ready(None);
        }
        ready!(driver::poll_budget(cx));
        Poll::Ready(self.pop())
    }

    /// Takes a message that is already in the queue.
    #[inline]
    fn pop(&mut self) -> Option<Message> {
        let rest = self.rest.as_mut()?;
        let message = rest.pop();
        if rest.is_empty()
            && let Some(rest) = self.rest.take()
        {
            give_back(rest);
        }
        message.map(Message::new)
    }

    /// Receives what the kernel holds, and returns it; `None` if it holds nothing.
    #[inline]
    fn receive(
        &mut self,
        channel: &Channel,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Box<RecvBatch>>, ReceiveFailure>> {
        let mut batch = scratch();
        batch.set_limit(self.message_limit());
        let filled = self.kernel.fill(channel, &mut *batch, cx);
        if let Poll::Ready(Ok(Some(()))) = filled {
            return Poll::Ready(Ok(Some(batch)));
        }
        give_back(batch);
        filled.map_ok(|_| None)
    }

    /// Makes `batch` the content of the queue, or gives its buffers back if it is empty.
    #[inline]
    fn keep(&mut self, mut batch: Box<RecvBatch>) {
        if batch.is_empty() {
            give_back(batch);
        } else {
            // It may be kept for as long as the socket exists.
            batch.compact();
            self.rest = Some(batch);
        }
    }

    /// Returns `Some` if there is an event or a message, which stays here; `None` if there is
    /// neither.
    ///
    /// Pending when nothing is queued and the task has used up its budget.
    pub(crate) fn look(
        &mut self,
        channel: &Channel,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<()>, ReceiveFailure>> {
        if channel.events.is_empty() && self.rest.is_none() {
            // Receiving also collects the errors that the network sent back.
            if let Some(batch) = ready!(self.receive(channel, cx))? {
                self.keep(batch);
            }
        }
        let is_there = !channel.events.is_empty() || self.rest.is_some();
        Poll::Ready(Ok(is_there.then_some(())))
    }

    /// Takes one event: one other than a message if there is one, otherwise a message; `None` if
    /// there is neither.
    ///
    /// Pending when nothing is queued and the task has used up its budget. What is queued costs
    /// nothing here; the caller pays for it.
    pub(crate) fn take_event(
        &mut self,
        channel: &Channel,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Event>, ReceiveFailure>> {
        ready!(self.look(channel, cx))?;
        if let Some(event) = channel.events.pop() {
            return Poll::Ready(Ok(Some(event)));
        }
        let message = self.take_message(channel, None);
        message.map(|message| message.map(|message| message.map(Event::Message)))
    }

    /// Takes one event other than a message, or replaces the content of `batch` with the next
    /// datagrams; `None` if there is neither. With an event, `batch` is empty.
    ///
    /// Pending when the task has used up its budget.
    pub(crate) fn take_event_or_batch(
        &mut self,
        channel: &Channel,
        batch: &mut RecvBatch,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Option<Event>>, ReceiveFailure>> {
        batch.clear();
        if channel.events.is_empty() {
            let filled = ready!(self.refill_some(channel, batch, cx))?;
            // Receiving also collects the errors that the network sent back.
            if channel.events.is_empty() {
                return Poll::Ready(Ok(filled.map(|()| None)));
            }
            let limit = batch.limit();
            self.put_back(channel, mem::take(batch));
            batch.set_limit(limit);
        }
        Poll::Ready(Ok(channel.events.pop().map(Some)))
    }

    /// Returns how many messages to take from the kernel with the next call, where the caller sets
    /// no limit of its own: one if nothing may be kept for the call after that.
    #[inline]
    pub(crate) fn message_limit(&self) -> usize {
        if udpair_io::is_receive_memory_full() {
            return 1;
        }
        self.kernel.message_limit.into()
    }

    /// Replaces the content of `batch` with the next datagrams; `None` if there are none.
    ///
    /// The last message of the batch holds its datagram number [`DATAGRAMS_PER_CALL`]; what came
    /// after that stays here. Pending when the task has used up its budget.
    pub(crate) fn fill_some(
        &mut self,
        channel: &Channel,
        batch: &mut RecvBatch,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<()>, ReceiveFailure>> {
        batch.clear();
        check_peer(channel)?;
        self.refill_some(channel, batch, cx)
    }

    /// Does what [`fill_some`](Self::fill_some) does, with an empty batch, and leaves network errors
    /// where they are.
    fn refill_some(
        &mut self,
        channel: &Channel,
        batch: &mut RecvBatch,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<()>, ReceiveFailure>> {
        let limit = batch.limit();
        if let Some(max) = self.kernel.messages_max {
            batch.set_limit(limit.min(usize::from(max.get())));
        }
        let filled = self.refill(channel, batch, cx);
        batch.set_limit(limit);
        if let Some(surplus) = batch.split_off(DATAGRAMS_PER_CALL) {
            self.keep(Box::new(surplus));
        }
        filled
    }

    /// Replaces the content of `batch` with the next datagrams; `None` if there are none.
    ///
    /// Pending when the task has used up its budget.
    pub(crate) fn fill(
        &mut self,
        channel: &Channel,
        batch: &mut RecvBatch,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<()>, ReceiveFailure>> {
        batch.clear();
        check_peer(channel)?;
        self.refill(channel, batch, cx)
    }

    fn refill(
        &mut self,
        channel: &Channel,
        batch: &mut RecvBatch,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<()>, ReceiveFailure>> {
        if self.rest.is_none() {
            return self.kernel.fill(channel, batch, cx);
        }
        let rest = ready!(self.take_rest(channel, cx))?;
        Poll::Ready(Ok(rest.map(|mut rest| {
            batch.append(&mut rest);
            give_back(rest);
        })))
    }

    /// Fills the caller's buffers with the next datagrams; `None` if there are none.
    ///
    /// Where the kernel cannot fill them itself, what does not fit stays here. Pending when the
    /// task has used up its budget.
    pub(crate) fn fill_buffers(
        &mut self,
        channel: &Channel,
        given: &mut Given<'_, '_>,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<()>, ReceiveFailure>> {
        check_peer(channel)?;
        if self.rest.is_none() && given.takes_messages(channel) {
            return self.kernel.fill(channel, given, cx);
        }
        let rest = ready!(self.take_rest(channel, cx))?;
        Poll::Ready(Ok(rest.map(|mut rest| {
            for buffer in given.buffers.iter_mut() {
                match rest.pop_into(buffer, usize::MAX) {
                    Some(filled) => given.filled.push(filled),
                    None => break,
                }
            }
            self.keep(rest);
        })))
    }

    /// Takes one datagram into `buffer`; `None` if there is none.
    ///
    /// Pending when the task has used up its budget.
    pub(crate) fn take_into(
        &mut self,
        channel: &Channel,
        buffer: &mut [u8],
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Filled>, ReceiveFailure>> {
        check_peer(channel)?;
        let rest = ready!(self.take_rest(channel, cx))?;
        Poll::Ready(Ok(rest.and_then(|mut rest| {
            let filled = rest.pop_into(buffer, 1);
            self.keep(rest);
            filled
        })))
    }

    /// Takes what the queue holds; if it holds nothing, receives what the kernel holds. The caller
    /// [keeps](Self::keep) what it does not hand on.
    ///
    /// Pending when the task has used up its budget.
    fn take_rest(
        &mut self,
        channel: &Channel,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Box<RecvBatch>>, ReceiveFailure>> {
        if self.rest.is_none() {
            return self.receive(channel, cx);
        }
        if let Some(cx) = cx {
            ready!(driver::poll_budget(cx));
        }
        Poll::Ready(Ok(self.rest.take()))
    }

    /// Notes that datagrams may have arrived since the last call.
    #[inline]
    pub(crate) fn note_arrival(&mut self) {
        self.kernel.may_have_more = true;
    }

    /// Polls the kernel in a loop, for at most `time` and until `is_cancelled`, and returns whether
    /// something arrived.
    pub(crate) fn spin(
        &mut self,
        channel: &Channel,
        time: Duration,
        is_cancelled: impl Fn() -> bool,
    ) -> bool {
        let started = Instant::now();
        let mut batch = scratch();
        // The next call follows at once, so this one need not find out whether there is a second
        // message.
        batch.set_limit(1);
        let mut has_arrived = false;
        for calls in 1_u64.. {
            // Reading the clock takes almost as long as a call that finds nothing.
            if is_cancelled()
                || calls.is_multiple_of(CALLS_PER_CLOCK_READ) && started.elapsed() >= time
            {
                break;
            }
            has_arrived = match self.kernel.receive(channel, &mut *batch) {
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => false,
                Some(Ok(())) => !batch.is_empty(),
                Some(Err(_)) | None => {
                    // The next receiver gets the error again.
                    self.kernel.may_have_more = true;
                    true
                }
            } || !channel.events.is_empty();
            if has_arrived {
                break;
            }
            std::hint::spin_loop();
        }
        self.keep(batch);
        has_arrived
    }

    /// Puts datagrams that were taken and not delivered back to the front of the queue.
    ///
    /// Meanwhile the socket may have been connected, which filters them, or closed, which drops
    /// them.
    pub(crate) fn put_back(&mut self, channel: &Channel, mut batch: RecvBatch) {
        if channel.is_closed() {
            return;
        }
        if let Some(mut rest) = self.rest.take() {
            batch.append(&mut rest);
        }
        self.keep(Box::new(batch));
        self.drop_queued_non_peers(channel);
    }

    /// Returns whether there may be something for another waiting receiver.
    #[inline]
    pub(crate) fn has_more(&self, channel: &Channel) -> bool {
        self.kernel.may_have_more || self.rest.is_some() || !channel.events.is_empty()
    }
}

impl KernelState {
    /// Receives into `arrivals`, which must be empty, until it holds a datagram or the kernel holds
    /// none; `None` if it holds none.
    ///
    /// Pending when the task has used up its budget.
    #[inline]
    fn fill(
        &mut self,
        channel: &Channel,
        arrivals: &mut impl Arrivals,
        mut cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<()>, ReceiveFailure>> {
        while self.may_have_more {
            if let Some(cx) = cx.as_deref_mut() {
                ready!(driver::poll_budget(cx));
            }
            match self.receive(channel, arrivals) {
                None => return Poll::Ready(Err(ReceiveFailure::Closed)),
                // The filter may have dropped all of them.
                Some(Ok(())) if arrivals.datagrams() == 0 => {}
                Some(Ok(())) => return Poll::Ready(Ok(Some(()))),
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.may_have_more = false;
                    // The wake-up may have been for an error instead of a datagram, or for the end.
                    channel.take_pending_errors();
                    if channel.events.is_empty() && channel.is_shut_down() {
                        return Poll::Ready(Err(ReceiveFailure::ShutDown));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(ReceiveFailure::Io(error))),
            }
        }
        Poll::Ready(Ok(None))
    }

    /// Receives once, and leaves in `arrivals` what passes the filter; `None` if the socket is
    /// closed.
    #[inline]
    fn receive(
        &mut self,
        channel: &Channel,
        arrivals: &mut impl Arrivals,
    ) -> Option<io::Result<()>> {
        match arrivals.receive(channel, self.messages_max)? {
            Ok(remaining) => self.may_have_more = remaining == Remaining::Maybe,
            Err(error) => return Some(Err(error)),
        }
        let (messages, datagrams) = (arrivals.messages(), arrivals.datagrams());
        self.message_limit = match messages {
            messages if messages >= BATCH_SMALL.into() => BATCH_MAX,
            _ => BATCH_SMALL,
        };
        self.messages_max = match messages {
            messages if datagrams > messages => {
                let max = DATAGRAMS_PER_CALL * messages / datagrams;
                // Less than the number of datagrams, because there are fewer messages than those.
                NonZeroU8::new(max as u8).or(Some(NonZeroU8::MIN))
            }
            _ => None,
        };
        let filtered = arrivals.filter(&mut self.reported_drops, admitted_by(channel));
        count_non_peers(filtered, channel);
        channel
            .counters()
            .add_received(arrivals.datagrams(), filtered);
        Some(Ok(()))
    }
}

/// Returns a function that says whether the filter admits a datagram.
#[inline]
fn admitted_by(channel: &Channel) -> impl Fn(&Metadata) -> bool {
    let (peer, zone) = (channel.peer(), channel.peer_zone());
    let multicast_only = channel.settings.multicast_only;
    move |metadata| {
        filter::admits(peer, zone, &metadata.remote)
            && (!multicast_only || filter::is_multicast_or_broadcast(metadata.to, metadata.local))
    }
}

#[inline]
fn count_non_peers(filtered: FilterStats, channel: &Channel) {
    if filtered.refused > 0 {
        channel.counters().non_peer_dropped.add(filtered.refused);
    }
}

/// Fails with a network error that is to make a receive fail, if there is one.
#[inline]
fn check_peer(channel: &Channel) -> Result<(), ReceiveFailure> {
    match channel.take_peer_failure() {
        Some(error) => Err(ReceiveFailure::Peer(error)),
        None => Ok(()),
    }
}

/// Returns an empty scratch buffer for what one call receives.
#[inline]
fn scratch() -> Box<RecvBatch> {
    SCRATCH.take().unwrap_or_default()
}

/// Gives a scratch buffer back to the thread, shrunk to the size that one call needs.
#[inline]
fn give_back(mut batch: Box<RecvBatch>) {
    batch.shrink_to(BATCH_MAX.into());
    SCRATCH.set(Some(batch));
}

thread_local! {
    /// A scratch buffer that is not in use. It is per thread, so that not every socket needs one.
    static SCRATCH: Cell<Option<Box<RecvBatch>>> = const { Cell::new(None) };
}

/// The maximum number of messages that one call takes from the kernel.
const BATCH_MAX: u8 = 16;

/// How many datagrams a batch of the application takes from the kernel at once, about: more of them
/// would save little, and would keep the thread for longer.
const DATAGRAMS_PER_CALL: usize = 128;

/// The number of calls that a busy-polling receiver makes per reading of the clock.
const CALLS_PER_CLOCK_READ: u64 = 16;

/// The maximum number of messages per call while they arrive one by one. If the second slot stays
/// unused, there is no second message.
const BATCH_SMALL: u8 = 2;

/// How many of the peer's messages are taken from the kernel, when the socket is connected, to
/// reach the datagrams of non-peer senders that are queued after them.
const KEPT_AT_CONNECT_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::{DatagramSocket, EndpointPair, SendBatch};

    fn local_endpoint() -> crate::Endpoint {
        "127.0.0.1:0".parse().unwrap()
    }

    fn queued(socket: &DatagramSocket) -> usize {
        let link = socket.shared().link().unwrap();
        link.queue().rest.as_ref().map_or(0, |rest| rest.len())
    }

    /// What a closed socket held is let go, although somebody still has a handle.
    #[tokio::test]
    async fn a_closed_socket_keeps_neither_datagrams_nor_events() {
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = DatagramSocket::builder()
            .bind(&local_endpoint())
            .await
            .unwrap();
        let local = socket.local_addr().unwrap();
        // Nobody receives at the port for discarding.
        let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        socket.send_to(b"x", nobody).await.unwrap();
        for _ in 0..3 {
            peer.send_to(b"x", local).unwrap();
        }
        while socket.try_recv().unwrap().is_none() {}
        let events = &socket.shared().link().unwrap().channel.events;
        assert!(!events.is_empty());
        assert!(queued(&socket) > 0);
        socket.close();
        assert!(events.is_empty());
        assert_eq!(queued(&socket), 0);
    }

    /// CON-09: a connect takes only some of what the peer has sent before it, and loses nothing.
    #[tokio::test]
    async fn a_connect_takes_a_bounded_number_of_datagrams() {
        const SENT: usize = 6000;
        let peer = DatagramSocket::builder()
            .bind(&local_endpoint())
            .await
            .unwrap();
        let builder = DatagramSocket::builder().inbound_buffer_bytes(1 << 20);
        let socket = builder.bind(&local_endpoint()).await.unwrap();
        let to = socket.local_addr().unwrap();
        let mut batch = SendBatch::new();
        while batch.len() < SENT {
            batch.push_to(&b"x"[..], to);
        }
        peer.send_batch(&mut batch).await.unwrap();
        let pair = EndpointPair::from(peer.local_addr().unwrap());
        socket.connect(&pair).await.unwrap();
        // One call takes up to 16 messages, each of up to 128 datagrams.
        let kept = queued(&socket);
        assert!(kept <= KEPT_AT_CONNECT_MAX + 16 * 128, "{kept}");
        let mut received = 0;
        while socket.try_recv().unwrap().is_some() {
            received += 1;
        }
        let dropped = socket.statistics().kernel_dropped;
        assert!(dropped > 0 || received == SENT, "{received}");
        assert!(received >= kept);
    }
}
