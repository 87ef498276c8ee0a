//! How those who wait for messages get them: one by one, in batches, or pushed.

use std::future::{self, Future};
use std::io;
use std::pin::Pin;
use std::sync::MutexGuard;
use std::task::{Context, Poll, ready};

use udpair_io::{Datagram, RecvBatch};

use crate::driver::WaitError;
use crate::error::{Error, ErrorKind};
use crate::message::{Event, Message};
use crate::socket::lifecycle::Operation;
use crate::socket::lifecycle::{cancelled, closed};
use crate::socket::link::Link;
use crate::socket::link::{Cancellations, Channel};
use crate::socket::link::{Queue, ReceiveFailure, ReceiverState};
use crate::socket::shared::Shared;

/// A receive under way.
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
        let mut queue = link.queue();
        // Most messages came together with one before them.
        if self.state.begun.is_none()
            && let Some(message) = queue.pop()
        {
            return Poll::Ready(Ok(message));
        }
        poll_and_wake(link, queue, |queue| {
            poll(
                &link.channel,
                queue,
                &mut self.state,
                cx,
                |queue, channel, cx| queue.take_message(channel, Some(cx)),
            )
        })
    }

    /// Polls for one event.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, Error>> {
        loop {
            let polled =
                self.poll_with(cx, |queue, channel, cx| queue.take_event(channel, Some(cx)));
            // Looked at again, because something may have been kept before there was a waker.
            let link = self.shared.link();
            let has_events = || link.is_some_and(|link| !link.channel.events.is_empty());
            if polled.is_ready() || !has_events() {
                return polled;
            }
        }
    }

    /// Polls until `batch` holds datagrams.
    pub(crate) fn poll_batch(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut RecvBatch,
    ) -> Poll<Result<(), Error>> {
        self.poll_with(cx, |queue, channel, cx| {
            let filled = ready!(queue.fill(channel, batch, Some(cx)));
            Poll::Ready(filled.map(|is_filled| is_filled.then_some(())))
        })
    }

    /// The same with as much room as seems right.
    fn poll_pushed(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut RecvBatch,
    ) -> Poll<Result<(), Error>> {
        self.poll_with(cx, |queue, channel, cx| {
            batch.set_limit(queue.room());
            let filled = ready!(queue.fill(channel, batch, Some(cx)));
            Poll::Ready(filled.map(|is_filled| is_filled.then_some(())))
        })
    }

    fn poll_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnMut(
            &mut Queue,
            &Channel,
            &mut Context<'_>,
        ) -> Poll<Result<Option<T>, ReceiveFailure>>,
    ) -> Poll<Result<T, Error>> {
        let link = self.shared.open_link(ACTION, Operation::Receive)?;
        poll_and_wake(link, link.queue(), |queue| {
            poll(&link.channel, queue, &mut self.state, cx, take)
        })
    }
}

/// See [`DatagramSocket::recv`](crate::DatagramSocket::recv). Not an `async fn`, whose layers would take
/// room in every task that waits.
impl Future for Receive<'_> {
    type Output = Result<Message, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_message(cx)
    }
}

impl Drop for Receive<'_> {
    fn drop(&mut self) {
        if let Some(link) = self.shared.link() {
            link.channel.stop_reading(&mut self.state.ticket);
        }
    }
}

/// Polls with the queue held, and wakes others only after that: a waker may do anything.
#[inline]
fn poll_and_wake<T>(
    link: &Link,
    mut queue: MutexGuard<'_, Queue>,
    poll: impl FnOnce(&mut Queue) -> Poll<T>,
) -> Poll<T> {
    let polled = poll(&mut queue);
    let others_could_go_on =
        polled.is_ready() && link.channel.has_readers() && queue.has_rest(&link.channel);
    drop(queue);
    if others_could_go_on {
        link.wake_readers();
    }
    link.wake_event_waiters();
    polled
}

/// Takes what is wanted, or waits for it. The caller holds the queue, so that nobody can put something
/// into it between our look and our waiting.
#[inline]
fn poll<T>(
    channel: &Channel,
    queue: &mut Queue,
    state: &mut ReceiverState,
    cx: &mut Context<'_>,
    mut take: impl FnMut(
        &mut Queue,
        &Channel,
        &mut Context<'_>,
    ) -> Poll<Result<Option<T>, ReceiveFailure>>,
) -> Poll<Result<T, Error>> {
    let begun = *state.begun.get_or_insert_with(|| channel.cancellations());
    let is_cancelled = || channel.cancellations() != begun;
    let mut busy_poll = channel.settings.busy_poll;
    let result = loop {
        if is_cancelled() {
            break Err(cancelled(ACTION));
        }
        match ready!(take(queue, channel, cx)) {
            Ok(Some(taken)) => break Ok(taken),
            Ok(None) => {}
            Err(failure) => break Err(failure.into()),
        }
        if let Some(time) = busy_poll.take()
            && queue.spin(channel, time, is_cancelled)
        {
            continue;
        }
        match channel.poll_readable(cx, &mut state.ticket) {
            Poll::Ready(Ok(())) => queue.note_arrival(),
            Poll::Ready(Err(WaitError::Closed)) => break Err(closed(ACTION)),
            Poll::Ready(Err(WaitError::Runtime(error))) => break Err(runtime_gone(error)),
            // Looked at again, because the wake-up may have come before there was a waker.
            Poll::Pending if is_cancelled() => {}
            Poll::Pending => return Poll::Pending,
        }
    };
    channel.stop_reading(&mut state.ticket);
    state.begun = None;
    Poll::Ready(result)
}

/// See [`DatagramSocket::poll_recv`](crate::DatagramSocket::poll_recv).
pub(crate) fn poll_recv(shared: &Shared, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
    let link = shared.open_link(ACTION, Operation::Receive)?;
    poll_and_wake(link, link.queue(), |queue| {
        let mut state = queue.poller.take().unwrap_or_default();
        let polled = poll(
            &link.channel,
            queue,
            &mut state,
            cx,
            |queue, channel, cx| queue.take_message(channel, Some(cx)),
        );
        queue.poller = Some(state);
        polled
    })
}

/// See [`DatagramSocket::try_recv`](crate::DatagramSocket::try_recv).
pub(crate) fn try_recv(shared: &Shared) -> Result<Option<Message>, Error> {
    let link = shared.open_link(ACTION, Operation::Receive)?;
    let taken = poll_and_wake(link, link.queue(), |queue| {
        // Nobody waits for the kernel to say that there is more, so ask it.
        queue.note_arrival();
        queue.take_message(&link.channel, None)
    });
    match taken {
        Poll::Ready(result) => Ok(result?),
        Poll::Pending => Ok(None),
    }
}

/// See [`DatagramSocket::recv_batch`](crate::DatagramSocket::recv_batch).
pub(crate) async fn recv_batch(shared: &Shared, batch: &mut RecvBatch) -> Result<usize, Error> {
    let mut receive = Receive::new(shared);
    batch.clear();
    future::poll_fn(|cx| receive.poll_batch(cx, batch)).await?;
    Ok(batch.len())
}

/// See [`DatagramSocket::for_each`](crate::DatagramSocket::for_each).
pub(crate) struct ForEach<'a, H> {
    receive: Receive<'a>,
    /// How often pending operations had been cancelled when this one began.
    begun: Option<Cancellations>,
    handler: H,
}

impl<'a, H: FnMut(Datagram<'_>)> ForEach<'a, H> {
    pub(crate) fn new(shared: &'a Shared, handler: H) -> Self {
        Self {
            receive: Receive::new(shared),
            begun: None,
            handler,
        }
    }
}

impl<H: FnMut(Datagram<'_>)> Future for ForEach<'_, H> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            receive,
            begun,
            handler,
        } = &mut *self;
        let shared = receive.shared;
        let mut batch = RecvBatch::default();
        loop {
            let pushed = shared.link().map(|link| Pushed {
                link,
                begun: *begun.get_or_insert_with(|| link.channel.cancellations()),
                had_peer: link.channel.peer().is_some(),
            });
            // However often it receives, it is one operation.
            receive.state.begun = *begun;
            let ended = match ready!(receive.poll_pushed(cx, &mut batch)) {
                Ok(()) => pushed.and_then(|pushed| pushed.push(&mut batch, handler).err()),
                Err(error) => Some(error),
            };
            match ended {
                None => {}
                Some(_) if shared.is_closed() => return Poll::Ready(Ok(())),
                Some(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// The handler is called where it lies, and never pinned.
impl<H> Unpin for ForEach<'_, H> {}

/// What was so when a batch for a handler was asked for.
#[derive(Clone, Copy)]
struct Pushed<'a> {
    link: &'a Link,
    /// How often pending operations had been cancelled when this one began.
    begun: Cancellations,
    /// Whether strangers were dropped already.
    had_peer: bool,
}

impl Pushed<'_> {
    /// Hands a batch to a handler, until that ends the operation or somebody connects the socket.
    fn push(
        self,
        batch: &mut RecvBatch,
        handler: &mut impl FnMut(Datagram<'_>),
    ) -> Result<(), Error> {
        let mut pushing = Pushing {
            link: self.link,
            batch,
            handled: 0,
        };
        for datagram in pushing.batch.iter() {
            if self.is_cancelled() || self.link.channel.peer().is_some() != self.had_peer {
                break;
            }
            pushing.handled += 1;
            handler(datagram);
        }
        if self.is_cancelled() {
            return Err(cancelled(ACTION));
        }
        Ok(())
    }

    fn is_cancelled(&self) -> bool {
        self.link.channel.cancellations() != self.begun
    }
}

/// A batch on its way to a handler. What is not handled when it is dropped, because the handler panicked
/// or ended the operation, stays for whoever receives next.
struct Pushing<'a> {
    link: &'a Link,
    batch: &'a mut RecvBatch,
    handled: usize,
}

impl Drop for Pushing<'_> {
    fn drop(&mut self) {
        if self.handled < self.batch.len() {
            self.batch.remove(self.handled);
            let rest = std::mem::take(self.batch);
            self.link.queue().put_back(&self.link.channel, rest);
            self.link.wake_readers();
        }
    }
}

fn runtime_gone(source: io::Error) -> Error {
    Error::new(
        ErrorKind::Closed,
        format!("cannot {ACTION}: the runtime that the socket was opened in has ended"),
    )
    .with_source(source)
}

impl From<ReceiveFailure> for Error {
    fn from(failure: ReceiveFailure) -> Self {
        match failure {
            ReceiveFailure::Closed => closed(ACTION),
            ReceiveFailure::Io(error) => Self::system(format!("cannot {ACTION}"), error),
        }
    }
}

/// What an error says could not be done.
const ACTION: &str = "receive";
