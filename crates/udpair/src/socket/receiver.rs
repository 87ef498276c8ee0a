//! How messages get from the kernel to whoever asks for one.
//!
//! Nobody receives ahead of need: what the application has not asked for stays in the kernel, which
//! drops and counts what does not fit. The one queue here holds what a batch brought beyond the message
//! that was asked for; only connecting, which clears strangers away, may leave more in it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use udpair_io::{RecvBatch, Waiting};

use super::filter;
use super::lifecycle::Operation;
use super::link::Link;
use super::shared::{Shared, cancelled, closed};
use crate::driver::{self, Gone, Ticket};
use crate::error::{Error, ErrorKind};
use crate::message::{Event, Message};

/// What was received and not asked for yet.
#[derive(Debug)]
pub(super) struct Queue {
    messages: VecDeque<Message>,
    /// Whether the kernel may hold more; if not, the next datagram wakes us.
    more: bool,
    /// The place of the one task that polls without a future of its own.
    poller: Place,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            messages: VecDeque::new(),
            // Datagrams may have come in before anybody watched.
            more: true,
            poller: Place::default(),
        }
    }
}

impl Queue {
    /// Drops what others have sent so far, here and in the kernel, now that there is a peer.
    ///
    /// What is left in the kernel would be dropped later all the same; but until then it takes the room
    /// of what the peer is about to send.
    pub(super) fn drop_strangers(&mut self, link: &Link) {
        let before = self.messages.len();
        self.messages
            .retain(|message| filter::admits(link.peer(), &message.remote()));
        link.counters
            .strangers_dropped
            .add(before - self.messages.len());
        while self.more && self.messages.len() < KEPT_AT_CONNECT_MAX {
            match self.receive(link) {
                Some(Ok(())) => {}
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => self.more = false,
                // Whoever receives next meets it again, and knows what to do.
                Some(Err(_)) | None => break,
            }
        }
    }

    /// Receives one batch and keeps what passes the filter. `None` if the socket is closed.
    fn receive(&mut self, link: &Link) -> Option<io::Result<()>> {
        let mut batch = RecvBatch::new(BATCH_MAX);
        match link.receive(&mut batch)? {
            Ok(waiting) => self.more = waiting == Waiting::Perhaps,
            Err(error) => return Some(Err(error)),
        }
        let mut strangers = 0;
        for (payload, metadata) in batch.drain() {
            if filter::admits(link.peer(), &metadata.from) {
                self.messages.push_back(Message::new(payload, metadata));
            } else {
                strangers += 1;
            }
        }
        link.counters.strangers_dropped.add(strangers);
        Some(Ok(()))
    }

    /// Takes what is wanted, from the queue or from the kernel; `None` if nothing is there.
    ///
    /// Pending when the task has had its share of the thread.
    fn take(
        &mut self,
        link: &Link,
        wanted: Wanted,
        mut cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Event>, Failure>> {
        loop {
            if wanted == Wanted::Events
                && let Some(error) = link.pop_error()
            {
                return Poll::Ready(Ok(Some(Event::PeerError(error))));
            }
            if let Some(message) = self.messages.pop_front() {
                link.counters.datagrams_received.add(1);
                link.counters.bytes_received.add(message.payload().len());
                return Poll::Ready(Ok(Some(Event::Message(message))));
            }
            if !self.more {
                return Poll::Ready(Ok(None));
            }
            if let Some(cx) = cx.as_deref_mut() {
                ready!(driver::poll_share(cx));
            }
            match self.receive(link) {
                None => return Poll::Ready(Err(Failure::Closed)),
                Some(Ok(())) => {}
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.more = false;
                    // Something woke us, and it was no datagram.
                    link.take_waiting_errors();
                }
                Some(Err(error)) => return Poll::Ready(Err(Failure::Io(error))),
            }
        }
    }

    /// Returns whether somebody else who waits could go on.
    fn has_rest(&self, link: &Link) -> bool {
        self.more || !self.messages.is_empty() || link.has_errors()
    }
}

/// What a receiver asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wanted {
    Messages,
    Events,
}

enum Failure {
    Closed,
    Io(io::Error),
}

/// Where one receiver stands between two polls.
#[derive(Debug, Default)]
struct Place {
    ticket: Ticket,
    /// How often pending operations had been cancelled when this one began.
    begun: Option<u64>,
}

/// A receive under way.
pub(super) struct Receive<'a> {
    shared: &'a Shared,
    place: Place,
}

impl<'a> Receive<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            place: Place::default(),
        }
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        wanted: Wanted,
    ) -> Poll<Result<Event, Error>> {
        let link = self.shared.open_link(ACTION, Operation::Receive)?;
        poll_and_wake(link, |queue| poll(link, queue, &mut self.place, cx, wanted))
    }
}

impl Drop for Receive<'_> {
    fn drop(&mut self) {
        if let Some(link) = self.shared.link() {
            link.watched.stop_reading(&mut self.place.ticket);
        }
    }
}

/// Polls with the queue held, and wakes others only after that: a waker may do anything.
fn poll_and_wake<T>(link: &Link, poll: impl FnOnce(&mut Queue) -> Poll<T>) -> Poll<T> {
    let mut queue = link.queue();
    let polled = poll(&mut queue);
    let others_could_go_on = polled.is_ready() && queue.has_rest(link);
    drop(queue);
    if others_could_go_on {
        link.watched.wake_readers();
    }
    link.announce_errors();
    polled
}

/// Takes what is wanted, or waits for it. The caller holds the queue, so that nobody can put something
/// into it between our look and our waiting.
fn poll(
    link: &Link,
    queue: &mut Queue,
    place: &mut Place,
    cx: &mut Context<'_>,
    wanted: Wanted,
) -> Poll<Result<Event, Error>> {
    let begun = *place.begun.get_or_insert_with(|| link.cancellations());
    let is_cancelled = || link.cancellations() != begun;
    let result = loop {
        if is_cancelled() {
            break Err(cancelled(ACTION));
        }
        match ready!(queue.take(link, wanted, Some(cx))) {
            Ok(Some(event)) => break Ok(event),
            Ok(None) => {}
            Err(failure) => break Err(failure.into()),
        }
        match link.watched.poll_readable(cx, &mut place.ticket) {
            Poll::Ready(Ok(())) => queue.more = true,
            Poll::Ready(Err(Gone::Closed)) => break Err(closed(ACTION)),
            Poll::Ready(Err(Gone::Runtime(error))) => break Err(runtime_gone(error)),
            // Looked at again, because the wake-up may have come before there was a waker.
            Poll::Pending if is_cancelled() => {}
            Poll::Pending => return Poll::Pending,
        }
    };
    link.watched.stop_reading(&mut place.ticket);
    place.begun = None;
    Poll::Ready(result)
}

/// See [`DatagramSocket::poll_recv`](super::DatagramSocket::poll_recv).
pub(super) fn poll_recv(shared: &Shared, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
    let link = shared.open_link(ACTION, Operation::Receive)?;
    let polled = poll_and_wake(link, |queue| {
        let mut place = std::mem::take(&mut queue.poller);
        let polled = poll(link, queue, &mut place, cx, Wanted::Messages);
        queue.poller = place;
        polled
    });
    polled.map(|event| event.map(message))
}

/// See [`DatagramSocket::try_recv`](super::DatagramSocket::try_recv).
pub(super) fn try_recv(shared: &Shared) -> Result<Option<Message>, Error> {
    let link = shared.open_link(ACTION, Operation::Receive)?;
    let taken = poll_and_wake(link, |queue| {
        // Nobody waits for the kernel to say that there is more, so ask it.
        queue.more = true;
        queue.take(link, Wanted::Messages, None)
    });
    match taken {
        Poll::Ready(Ok(event)) => Ok(event.map(message)),
        Poll::Ready(Err(failure)) => Err(failure.into()),
        Poll::Pending => Ok(None),
    }
}

fn message(event: Event) -> Message {
    match event {
        Event::Message(message) => message,
        Event::PeerError(_) => unreachable!("only messages were asked for"),
    }
}

fn runtime_gone(source: io::Error) -> Error {
    Error::new(
        ErrorKind::Closed,
        format!("cannot {ACTION}: the runtime that the socket was opened in has ended"),
    )
    .with_source(source)
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Closed => closed(ACTION),
            Failure::Io(error) => Self::system(format!("cannot {ACTION}"), error),
        }
    }
}

/// The messages of a socket as a stream; see
/// [`DatagramSocket::messages`](super::DatagramSocket::messages).
#[must_use = "a stream does nothing until it is polled"]
pub struct Messages<'a> {
    receive: Receive<'a>,
}

impl<'a> Messages<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            receive: Receive::new(shared),
        }
    }
}

impl Stream for Messages<'_> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let received = ready!(self.receive.poll(cx, Wanted::Messages));
        Poll::Ready(match received {
            Ok(event) => Some(Ok(message(event))),
            Err(_) if self.receive.shared.is_closed() => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl std::fmt::Debug for Messages<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}

/// What an error says could not be done.
const ACTION: &str = "receive";

/// How many datagrams one call brings at the most.
const BATCH_MAX: usize = 64;

/// How many messages of the peer are taken from the kernel to find the strangers' behind them.
const KEPT_AT_CONNECT_MAX: usize = 1024;
