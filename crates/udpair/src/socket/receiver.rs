//! How messages get from the kernel to whoever asks for one.
//!
//! Nobody receives ahead of need: what the application has not asked for stays in the kernel, which
//! drops and counts what does not fit. The one queue here holds what a batch brought beyond the message
//! that was asked for, and is empty again before the next batch.

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
        self.more = match link.engine_receive(&mut batch)? {
            Ok(waiting) => waiting == Waiting::Perhaps,
            Err(error) => return Some(Err(error)),
        };
        let mut strangers = 0;
        for (payload, metadata) in batch.drain() {
            if filter::admits(link.peer(), &metadata.from) {
                link.counters.datagrams_received.add(1);
                link.counters.bytes_received.add(payload.len());
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
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Event>, Failure>> {
        let mut cx = cx;
        let mut failures = 0;
        loop {
            if wanted == Wanted::Events
                && let Some(error) = link.pop_error()
            {
                return Poll::Ready(Ok(Some(Event::PeerError(error))));
            }
            if let Some(message) = self.messages.pop_front() {
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
                Some(Ok(())) => failures = 0,
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.more = false;
                    // Something woke us, and it was no datagram.
                    link.take_errors(None);
                }
                Some(Err(error)) => {
                    // An error that the network sent back is no failure of ours: it is put where it
                    // belongs, and receiving goes on. One that nobody sent ends the call after a few
                    // tries.
                    failures += 1;
                    if link.take_errors(Some(&error)) == 0 && failures >= FAILURES_MAX {
                        return Poll::Ready(Err(Failure::Io(error)));
                    }
                }
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
        let mut queue = link.queue();
        poll(link, &mut queue, &mut self.place, cx, wanted)
    }
}

impl Drop for Receive<'_> {
    fn drop(&mut self) {
        if let Some(link) = self.shared.link() {
            link.watched.stop_reading(&mut self.place.ticket);
        }
    }
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
    let cancellations = link.cancellations();
    let begun = *place.begun.get_or_insert(cancellations);
    if begun != cancellations {
        *place = Place::default();
        return Poll::Ready(Err(cancelled(ACTION)));
    }
    loop {
        let taken = ready!(queue.take(link, wanted, Some(cx)));
        let error = match taken {
            Ok(Some(event)) => {
                place.begun = None;
                link.watched.stop_reading(&mut place.ticket);
                if queue.has_rest(link) {
                    link.watched.wake_readers();
                }
                return Poll::Ready(Ok(event));
            }
            Ok(None) => match ready!(link.watched.poll_readable(cx, &mut place.ticket)) {
                Ok(()) => {
                    queue.more = true;
                    continue;
                }
                Err(Gone::Closed) => closed(ACTION),
                Err(Gone::Runtime(error)) => runtime_gone(error),
            },
            Err(failure) => failure.into(),
        };
        place.begun = None;
        return Poll::Ready(Err(error));
    }
}

/// See [`DatagramSocket::poll_recv`](super::DatagramSocket::poll_recv).
pub(super) fn poll_recv(shared: &Shared, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
    let link = shared.open_link(ACTION, Operation::Receive)?;
    let mut queue = link.queue();
    let mut place = std::mem::take(&mut queue.poller);
    let polled = poll(link, &mut queue, &mut place, cx, Wanted::Messages);
    queue.poller = place;
    polled.map(|event| event.map(message))
}

/// See [`DatagramSocket::try_recv`](super::DatagramSocket::try_recv).
pub(super) fn try_recv(shared: &Shared) -> Result<Option<Message>, Error> {
    let link = shared.open_link(ACTION, Operation::Receive)?;
    let mut queue = link.queue();
    // Nobody waits for the kernel to say that there is more, so ask it.
    queue.more = true;
    match queue.take(link, Wanted::Messages, None) {
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

/// How many failures in a row, without anything that the network reported, end a receive.
const FAILURES_MAX: u32 = 16;
