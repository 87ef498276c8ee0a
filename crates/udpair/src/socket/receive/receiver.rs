//! Delivers messages to receivers: one by one, in batches, or by a handler.

use std::future::{self, Future};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use udpair_io::{Datagram, RecvBatch};

use crate::driver::{self, Discarded, WaitError};
use crate::error::{Error, ErrorKind};
use crate::message::{Event, Message};
use crate::socket::lifecycle::Operation;
use crate::socket::lifecycle::{cancelled, closed};
use crate::socket::link::Link;
use crate::socket::link::{Cancellations, Channel};
use crate::socket::link::{Queue, ReceiveFailure, ReceiverState};
use crate::socket::shared::Shared;

/// A receive operation in progress.
pub(crate) struct Receive<'a> {
    pub(crate) shared: &'a Shared,
    state: ReceiverState,
}

impl<'a> Receive<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            state: ReceiverState::default(),
        }
    }

    /// Polls for one message.
    #[inline]
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        let link = self.shared.open_link(ACTION, Operation::Receive)?;
        // Most messages were received together with the one before them.
        if self.state.at_start.is_none() && !link.channel.has_peer_failure() {
            let mut queue = link.queue();
            if let Some(message) = ready!(queue.poll_pop(cx)) {
                return Poll::Ready(Ok(message));
            }
        }
        self.poll_with(cx, |queue, channel, cx| {
            queue.take_message(channel, Some(cx))
        })
    }

    /// Polls for one event.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, Error>> {
        ready!(driver::poll_budget(cx));
        poll_events(self.shared, cx, |cx| {
            self.poll_with(cx, |queue, channel, cx| queue.take_event(channel, Some(cx)))
        })
    }

    /// Polls until `batch` holds datagrams.
    pub(crate) fn poll_batch(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut RecvBatch,
    ) -> Poll<Result<(), Error>> {
        self.poll_with(cx, |queue, channel, cx| {
            queue.fill_some(channel, batch, Some(cx))
        })
    }

    /// Polls for one event other than a message, or until `batch` holds datagrams.
    pub(super) fn poll_event_or_batch(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut RecvBatch,
    ) -> Poll<Result<Option<Event>, Error>> {
        self.poll_with(cx, |queue, channel, cx| {
            queue.take_event_or_batch(channel, batch, Some(cx))
        })
    }

    /// Makes this part of an operation that began when there had been so many cancellations.
    pub(super) fn start_at(&mut self, at_start: Option<Cancellations>) {
        self.state.at_start = at_start;
    }

    /// Polls until there is an event or a message.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_with(cx, |queue, channel, cx| queue.look(channel, Some(cx)))
    }

    /// Polls until `batch` holds datagrams, with the limit that the queue suggests.
    fn poll_adaptive_batch(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut RecvBatch,
    ) -> Poll<Result<(), Error>> {
        self.poll_with(cx, |queue, channel, cx| {
            batch.set_limit(queue.message_limit());
            queue.fill(channel, batch, Some(cx))
        })
    }

    pub(super) fn poll_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnMut(
            &mut Queue,
            &Channel,
            &mut Context<'_>,
        ) -> Poll<Result<Option<T>, ReceiveFailure>>,
    ) -> Poll<Result<T, Error>> {
        let link = self.shared.open_link(ACTION, Operation::Receive)?;
        poll_and_wake(link, |queue, discarded| {
            poll(link, queue, &mut self.state, cx, discarded, take)
        })
    }
}

/// Implements [`DatagramSocket::recv`](crate::DatagramSocket::recv). Not an `async fn`, because its
/// layers would take space in every waiting task.
impl Future for Receive<'_> {
    type Output = Result<Message, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_message(cx)
    }
}

impl Drop for Receive<'_> {
    #[inline]
    fn drop(&mut self) {
        // Most receives find a message at once, and were never on the list.
        if self.state.ticket.is_enlisted()
            && let Some(link) = self.shared.link()
        {
            let mut discarded = Discarded::default();
            let ticket = &mut self.state.ticket;
            link.channel.stop_reading(ticket, &mut discarded);
        }
    }
}

/// Calls `poll` with the queue locked. Wakes other tasks, and drops wakers, only after unlocking
/// it: both may run arbitrary code.
#[inline]
fn poll_and_wake<T>(
    link: &Link,
    poll: impl FnOnce(&mut Queue, &mut Discarded) -> Poll<T>,
) -> Poll<T> {
    let mut discarded = Discarded::default();
    let mut queue = link.queue();
    let polled = poll(&mut queue, &mut discarded);
    let others_can_proceed =
        polled.is_ready() && link.channel.has_readers() && queue.has_more(&link.channel);
    drop(queue);
    drop(discarded);
    if others_can_proceed {
        link.wake_readers();
    }
    link.wake_event_waiters();
    polled
}

/// Takes what `take` returns, or waits for it. The caller holds the lock of the queue, so that no
/// other task can put anything into the queue between the check and the wait.
#[inline]
fn poll<T>(
    link: &Link,
    queue: &mut Queue,
    state: &mut ReceiverState,
    cx: &mut Context<'_>,
    discarded: &mut Discarded,
    mut take: impl FnMut(
        &mut Queue,
        &Channel,
        &mut Context<'_>,
    ) -> Poll<Result<Option<T>, ReceiveFailure>>,
) -> Poll<Result<T, Error>> {
    let channel = &link.channel;
    let at_start = *state
        .at_start
        .get_or_insert_with(|| channel.cancellations());
    let is_cancelled = || channel.cancellations() != at_start;
    let mut busy_poll = channel.settings.busy_poll;
    let result = loop {
        if is_cancelled() {
            break Err(cancelled_or_aborted(channel));
        }
        match ready!(take(queue, channel, cx)) {
            Ok(Some(taken)) => break Ok(taken),
            Ok(None) => {}
            Err(failure) => break Err(failed(channel, failure)),
        }
        if let Some(time) = busy_poll.take()
            && queue.spin(channel, time, is_cancelled)
        {
            continue;
        }
        match channel.poll_readable(cx, &mut state.ticket, discarded) {
            Poll::Ready(Ok(())) => queue.note_arrival(),
            Poll::Ready(Err(WaitError::Closed)) => {
                break Err(failed(channel, ReceiveFailure::Closed));
            }
            Poll::Ready(Err(WaitError::Runtime(error))) => break Err(runtime_ended(Some(error))),
            // Checked again, because the wake-up may have come before the waker was enlisted.
            Poll::Pending if is_cancelled() => {}
            Poll::Pending => return Poll::Pending,
        }
    };
    channel.stop_reading(&mut state.ticket, discarded);
    state.at_start = None;
    Poll::Ready(result)
}

/// Polls for an event, again as long as there are events: one may have been queued before the waker
/// was enlisted.
pub(super) fn poll_events<T>(
    shared: &Shared,
    cx: &mut Context<'_>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<T, Error>>,
) -> Poll<Result<T, Error>> {
    loop {
        let polled = poll(cx);
        let link = shared.link();
        let has_events = || link.is_some_and(|link| !link.channel.events.is_empty());
        if polled.is_ready() || !has_events() {
            return polled;
        }
    }
}

/// Charges the task for the datagrams of one receive, of which it has paid the first with the call.
pub(super) fn charge(cx: &mut Context<'_>, datagrams: usize) {
    driver::consume_budget(cx, datagrams.saturating_sub(1));
}

/// Implements [`DatagramSocket::poll_recv`](crate::DatagramSocket::poll_recv).
pub(crate) fn poll_recv(shared: &Shared, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
    poll_without_future(shared, cx, |queue, channel, cx| {
        queue.take_message(channel, Some(cx))
    })
}

/// Implements [`DatagramSocket::poll_readable`](crate::DatagramSocket::poll_readable).
pub(crate) fn poll_readable(shared: &Shared, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
    poll_without_future(shared, cx, |queue, channel, cx| {
        queue.look(channel, Some(cx))
    })
}

/// Polls for one task, whose state the queue keeps between two polls.
pub(super) fn poll_without_future<T>(
    shared: &Shared,
    cx: &mut Context<'_>,
    take: impl FnMut(&mut Queue, &Channel, &mut Context<'_>) -> Poll<Result<Option<T>, ReceiveFailure>>,
) -> Poll<Result<T, Error>> {
    let link = shared.open_link(ACTION, Operation::Receive)?;
    poll_and_wake(link, |queue, discarded| {
        let mut state = queue.poller.take().unwrap_or_default();
        let polled = poll(link, queue, &mut state, cx, discarded, take);
        queue.poller = Some(state);
        polled
    })
}

/// Implements [`DatagramSocket::try_recv`](crate::DatagramSocket::try_recv).
pub(crate) fn try_recv(shared: &Shared) -> Result<Option<Message>, Error> {
    try_take(shared, |queue, channel| queue.take_message(channel, None))
}

/// Takes what has already arrived.
pub(super) fn try_take<T>(
    shared: &Shared,
    take: impl FnOnce(&mut Queue, &Channel) -> Poll<Result<Option<T>, ReceiveFailure>>,
) -> Result<Option<T>, Error> {
    let link = shared.open_link(ACTION, Operation::Receive)?;
    let taken = poll_and_wake(link, |queue, _| {
        // The caller does not wait for readiness, so the kernel itself must be asked.
        queue.note_arrival();
        take(queue, &link.channel)
    });
    match taken {
        Poll::Ready(taken) => taken.map_err(|failure| failed(&link.channel, failure)),
        Poll::Pending => Ok(None),
    }
}

/// Implements [`DatagramSocket::readable`](crate::DatagramSocket::readable).
pub(crate) async fn readable(shared: &Shared) -> Result<(), Error> {
    let mut receive = Receive::new(shared);
    future::poll_fn(|cx| receive.poll_readable(cx)).await
}

/// The future of [`DatagramSocket::for_each`](crate::DatagramSocket::for_each).
pub(crate) struct ForEach<'a, H> {
    receive: Receive<'a>,
    /// The number of cancellations when this operation started; `None` before the first poll.
    at_start: Option<Cancellations>,
    handler: H,
}

impl<'a, H: FnMut(Datagram<'_>)> ForEach<'a, H> {
    pub(crate) fn new(shared: &'a Shared, handler: H) -> Self {
        Self {
            receive: Receive::new(shared),
            at_start: None,
            handler,
        }
    }
}

impl<H: FnMut(Datagram<'_>)> Future for ForEach<'_, H> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            receive,
            at_start,
            handler,
        } = &mut *self;
        let shared = receive.shared;
        let mut batch = RecvBatch::default();
        let mut share = HANDLED_PER_POLL_MAX;
        loop {
            let delivery = shared.link().map(|link| Delivery {
                link,
                at_start: *at_start.get_or_insert_with(|| link.channel.cancellations()),
                had_peer: link.channel.peer().is_some(),
            });
            // All receives of this future are one operation.
            receive.start_at(*at_start);
            let ended = match ready!(receive.poll_adaptive_batch(cx, &mut batch)) {
                Ok(()) => delivery
                    .and_then(|delivery| delivery.run(&mut batch, handler, &mut share).err()),
                Err(error) => Some(error),
            };
            match ended {
                None if share == 0 => {
                    driver::yield_now(cx);
                    return Poll::Pending;
                }
                None => {}
                Some(_) if shared.is_closed() => return Poll::Ready(Ok(())),
                Some(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// The handler is called through a mutable reference, and never pinned.
impl<H> Unpin for ForEach<'_, H> {}

/// The delivery of one batch to a handler. The fields hold the state before the batch was received.
#[derive(Clone, Copy)]
struct Delivery<'a> {
    link: &'a Link,
    /// The number of cancellations when the operation started.
    at_start: Cancellations,
    /// Whether the socket had a peer, so that the filter dropped datagrams of other senders.
    had_peer: bool,
}

impl Delivery<'_> {
    /// Passes the datagrams of `batch` to `handler`, until the operation is cancelled, the socket
    /// is connected, or `share` of them were passed, from which this subtracts.
    fn run(
        self,
        batch: &mut RecvBatch,
        handler: &mut impl FnMut(Datagram<'_>),
        share: &mut usize,
    ) -> Result<(), Error> {
        let mut unhandled = UnhandledGuard {
            link: self.link,
            batch,
            handled: 0,
        };
        for datagram in unhandled.batch.iter() {
            let has_connected = self.link.channel.peer().is_some() != self.had_peer;
            if *share == 0 || has_connected || self.is_cancelled() {
                break;
            }
            *share -= 1;
            unhandled.handled += 1;
            handler(datagram);
        }
        if self.is_cancelled() {
            return Err(cancelled_or_aborted(&self.link.channel));
        }
        Ok(())
    }

    fn is_cancelled(&self) -> bool {
        self.link.channel.cancellations() != self.at_start
    }
}

/// A batch that is being delivered to a handler.
///
/// Dropping the guard puts the datagrams that were not handled, because the handler panicked or
/// ended the operation, back into the queue for the next receiver.
struct UnhandledGuard<'a> {
    link: &'a Link,
    batch: &'a mut RecvBatch,
    handled: usize,
}

impl Drop for UnhandledGuard<'_> {
    fn drop(&mut self) {
        if self.handled < self.batch.len() {
            self.batch.remove(self.handled);
            let rest = std::mem::take(self.batch);
            self.link.queue().put_back(&self.link.channel, rest);
            self.link.wake_readers();
        }
    }
}

/// Returns the error of a receive that waited for a runtime which has ended.
pub(crate) fn runtime_ended(source: Option<io::Error>) -> Error {
    let error = Error::new(
        ErrorKind::Closed,
        format!("cannot {ACTION}: the runtime that the socket was opened in has ended"),
    );
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}

/// Returns the error of a receive that failed.
fn failed(channel: &Channel, failure: ReceiveFailure) -> Error {
    match failure {
        ReceiveFailure::Closed => aborted(channel).unwrap_or_else(|| closed(ACTION)),
        ReceiveFailure::ShutDown => Error::new(
            ErrorKind::Closed,
            format!("cannot {ACTION}: the descriptor of the socket was shut down"),
        ),
        ReceiveFailure::Peer(error) => error.into_error(format!("cannot {ACTION}")),
        ReceiveFailure::Io(error) => Error::system(format!("cannot {ACTION}"), error),
    }
}

fn cancelled_or_aborted(channel: &Channel) -> Error {
    aborted(channel).unwrap_or_else(|| cancelled(ACTION))
}

/// Returns the error with which the system has destroyed the socket; `None` if it has not.
fn aborted(channel: &Channel) -> Option<Error> {
    let error = channel.abort_error()?;
    Some(Error::system(
        format!("cannot {ACTION}: the system has destroyed the socket"),
        error,
    ))
}

/// How many datagrams one poll of a `for_each` hands on: as many as the runtime lets a task receive
/// one by one. Counted here, so that other executors get the thread back too.
pub(super) const HANDLED_PER_POLL_MAX: usize = 128;

/// The action that error messages name.
const ACTION: &str = "receive";
