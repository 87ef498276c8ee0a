//! What was received and not asked for yet.
//!
//! Nobody receives ahead of need: what the application has not asked for stays in the kernel, which
//! drops and counts what does not fit. The queue holds what one call brought beyond the message that was
//! asked for; only connecting, which clears strangers away, may leave more in it.

use std::cell::Cell;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use udpair_io::{FilterStats, Metadata, RecvBatch, Remaining, filter_again, filter_received};

use super::channel::{Cancellations, Channel};
use super::filter;
use crate::driver::{self, Ticket};
use crate::message::{Event, Message};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Never empty: a socket that waits keeps no room.
    rest: Option<Box<RecvBatch>>,
    intake: Intake,
    /// The place of the one task that polls without a future of its own, if there is one.
    pub(crate) poller: Option<Box<ReceiverState>>,
}

/// What is known of the kernel's side.
#[derive(Debug)]
struct Intake {
    /// How many of the datagrams that the kernel dropped somebody was told of, or will be.
    told: u32,
    /// How many messages of the kernel to make room for next, judged by what came last.
    room: u8,
    /// Whether the kernel may hold more; if not, the next datagram wakes us.
    more: bool,
}

/// Why nothing could be received.
pub(crate) enum ReceiveFailure {
    Closed,
    Io(io::Error),
}

/// Where one receiver stands between two polls.
#[derive(Debug, Default)]
pub(crate) struct ReceiverState {
    pub(crate) ticket: Ticket,
    /// How often pending operations had been cancelled when this one began.
    pub(crate) begun: Option<Cancellations>,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            told: 0,
            room: FEW,
            // What came in before the runtime watched, it tells of when it begins to.
            more: false,
        }
    }
}

impl Queue {
    /// Drops what others have sent so far, here and in the kernel, now that there is a peer.
    ///
    /// What is left in the kernel would be dropped later all the same; but until then it takes the room
    /// of what the peer is about to send.
    pub(crate) fn drop_strangers(&mut self, channel: &Channel) {
        self.drop_queued_strangers(channel);
        // Something may have come since the kernel was asked last, and wakes nobody when it is gone.
        self.note_arrival();
        let (intake, mut kept) = (&mut self.intake, self.rest.take().unwrap_or_else(scratch));
        let mut batch = scratch();
        batch.set_limit(BATCH_MAX.into());
        while intake.more && kept.len() < KEPT_AT_CONNECT_MAX {
            match intake.receive(channel, &mut batch) {
                Some(Ok(())) => kept.append(&mut batch),
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    intake.more = false;
                }
                // Whoever receives next meets it again, and knows what to do.
                Some(Err(_)) | None => break,
            }
        }
        self.keep(kept);
        give_back(batch);
    }

    /// Drops what others than the peer sent, of what was received when they were still heard.
    fn drop_queued_strangers(&mut self, channel: &Channel) {
        if let Some(mut rest) = self.rest.take() {
            let strangers = filter_again(&mut rest, &mut self.intake.told, admitted_by(channel));
            count_strangers(strangers, channel);
            self.keep(rest);
        }
    }

    /// Takes one message; `None` if nothing is there.
    ///
    /// Pending when the task has had its share of the thread.
    #[inline]
    pub(crate) fn take_message(
        &mut self,
        channel: &Channel,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Message>, ReceiveFailure>> {
        let queued = self.pop();
        if queued.is_some() || !self.intake.more {
            return Poll::Ready(Ok(queued));
        }
        let received = ready!(self.receive(channel, cx))?;
        Poll::Ready(Ok(received.and_then(|mut batch| {
            let message = batch.pop();
            // Mostly one comes, and the queue stays empty.
            self.keep(batch);
            message.map(Message::new)
        })))
    }

    /// Takes a message that is here already.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Message> {
        let rest = self.rest.as_mut()?;
        let message = rest.pop();
        if rest.is_empty()
            && let Some(rest) = self.rest.take()
        {
            give_back(rest);
        }
        message.map(Message::new)
    }

    /// Receives what the kernel has, and returns it if there is anything.
    #[inline]
    fn receive(
        &mut self,
        channel: &Channel,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Box<RecvBatch>>, ReceiveFailure>> {
        let mut batch = scratch();
        batch.set_limit(self.room());
        let filled = self.intake.fill(channel, &mut batch, cx);
        if let Poll::Ready(Ok(true)) = filled {
            return Poll::Ready(Ok(Some(batch)));
        }
        give_back(batch);
        filled.map(|filled| filled.map(|_| None))
    }

    /// Makes `batch` what is left, or hands its room to others if it is empty.
    #[inline]
    fn keep(&mut self, batch: Box<RecvBatch>) {
        if batch.is_empty() {
            give_back(batch);
        } else {
            self.rest = Some(batch);
        }
    }

    /// Takes one event: what happened beside messages, or else a message; `None` if nothing is there.
    ///
    /// Pending when the task has had its share of the thread.
    pub(crate) fn take_event(
        &mut self,
        channel: &Channel,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<Option<Event>, ReceiveFailure>> {
        if channel.events.is_empty() && self.rest.is_none() {
            // Receiving is how errors come up.
            self.rest = ready!(self.receive(channel, cx))?;
        }
        if let Some(aside) = channel.events.pop() {
            return Poll::Ready(Ok(Some(aside)));
        }
        let message = self.take_message(channel, None);
        message.map(|message| message.map(|message| message.map(Event::Message)))
    }

    /// Returns how many messages of the kernel to make room for, where nobody says otherwise.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.intake.room.into()
    }

    /// Replaces the content of `batch` with the datagrams that come next, and returns whether there are
    /// any.
    ///
    /// Pending when the task has had its share of the thread.
    pub(crate) fn fill(
        &mut self,
        channel: &Channel,
        batch: &mut RecvBatch,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<bool, ReceiveFailure>> {
        batch.clear();
        let Some(mut rest) = self.rest.take() else {
            return self.intake.fill(channel, batch, cx);
        };
        batch.append(&mut rest);
        give_back(rest);
        Poll::Ready(Ok(true))
    }

    /// Notes that something has come in since the kernel was asked last.
    #[inline]
    pub(crate) fn note_arrival(&mut self) {
        self.intake.more = true;
    }

    /// Asks the kernel again and again, for `time` at the most, and returns whether something came.
    pub(crate) fn spin(
        &mut self,
        channel: &Channel,
        time: Duration,
        is_over: impl Fn() -> bool,
    ) -> bool {
        let end = Instant::now() + time;
        let mut batch = scratch();
        // Whoever asks again at once need not hear from the first call that nothing else is there.
        batch.set_limit(1);
        let mut has_come = false;
        for asked in 1_u32.. {
            // The clock takes almost as long as a call that finds nothing.
            if is_over() || asked.is_multiple_of(ASKED_BETWEEN_LOOKS) && Instant::now() >= end {
                break;
            }
            has_come = match self.intake.receive(channel, &mut batch) {
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => false,
                Some(Ok(())) => !batch.is_empty(),
                Some(Err(_)) | None => {
                    // Whoever asks next meets it again.
                    self.intake.more = true;
                    true
                }
            } || !channel.events.is_empty();
            if has_come {
                break;
            }
            std::hint::spin_loop();
        }
        self.keep(batch);
        has_come
    }

    /// Puts back what was taken and not handed on; it goes before all else.
    ///
    /// Meanwhile the socket may have been connected, or closed, which leaves nothing to receive.
    pub(crate) fn put_back(&mut self, channel: &Channel, mut batch: RecvBatch) {
        if channel.is_closed() {
            return;
        }
        if let Some(mut rest) = self.rest.take() {
            batch.append(&mut rest);
        }
        self.keep(Box::new(batch));
        self.drop_queued_strangers(channel);
    }

    /// Returns whether somebody else who waits could go on.
    #[inline]
    pub(crate) fn has_rest(&self, channel: &Channel) -> bool {
        self.intake.more || self.rest.is_some() || !channel.events.is_empty()
    }
}

impl Intake {
    /// Receives into `batch`, which is empty, until it holds something or nothing is left, and returns
    /// whether it does.
    ///
    /// Pending when the task has had its share of the thread.
    #[inline]
    fn fill(
        &mut self,
        channel: &Channel,
        batch: &mut RecvBatch,
        mut cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<bool, ReceiveFailure>> {
        while self.more {
            if let Some(cx) = cx.as_deref_mut() {
                ready!(driver::poll_share(cx));
            }
            match self.receive(channel, batch) {
                None => return Poll::Ready(Err(ReceiveFailure::Closed)),
                // All may have been strangers'.
                Some(Ok(())) if batch.is_empty() => {}
                Some(Ok(())) => return Poll::Ready(Ok(true)),
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.more = false;
                    // Something woke us, and it was no datagram.
                    channel.take_waiting_errors();
                }
                Some(Err(error)) => return Poll::Ready(Err(ReceiveFailure::Io(error))),
            }
        }
        Poll::Ready(Ok(false))
    }

    /// Receives once and keeps what passes the filter. `None` if the socket is closed.
    #[inline]
    fn receive(&mut self, channel: &Channel, batch: &mut RecvBatch) -> Option<io::Result<()>> {
        match channel.receive(batch)? {
            Ok(waiting) => self.more = waiting == Remaining::Maybe,
            Err(error) => return Some(Err(error)),
        }
        self.room = match batch.messages() {
            messages if messages >= FEW.into() => BATCH_MAX,
            _ => FEW,
        };
        let filtered = filter_received(batch, &mut self.told, admitted_by(channel));
        count_strangers(filtered, channel);
        channel.counters().add_received(batch.len(), filtered);
        Some(Ok(()))
    }
}

/// Returns which datagrams the filter admits.
#[inline]
fn admitted_by(channel: &Channel) -> impl Fn(&Metadata) -> bool {
    let peer = channel.peer();
    let multicast_only = channel.settings.multicast_only;
    move |metadata| {
        filter::admits(peer, &metadata.from)
            && (!multicast_only || filter::is_for_many(metadata.to, metadata.local))
    }
}

#[inline]
fn count_strangers(filtered: FilterStats, channel: &Channel) {
    if filtered.refused > 0 {
        channel.counters().non_peer_dropped.add(filtered.refused);
    }
}

/// Returns room for what one call brings, which is empty.
#[inline]
fn scratch() -> Box<RecvBatch> {
    SCRATCH.take().unwrap_or_default()
}

/// Hands over room that is not needed any more, without what only a flood needed.
#[inline]
fn give_back(mut room: Box<RecvBatch>) {
    room.shrink_to(BATCH_MAX.into());
    SCRATCH.set(Some(room));
}

thread_local! {
    /// Room that nobody needs now, so that there need not be any for each socket.
    static SCRATCH: Cell<Option<Box<RecvBatch>>> = const { Cell::new(None) };
}

/// How many messages of the kernel one call brings at the most.
const BATCH_MAX: u8 = 16;

/// How often the kernel is asked before a busy receiver looks at the clock.
const ASKED_BETWEEN_LOOKS: u32 = 16;

/// How many while they come one by one: room for a second tells that there is none.
const FEW: u8 = 2;

/// How many messages of the peer are taken from the kernel to find the strangers' behind them.
const KEPT_AT_CONNECT_MAX: usize = 1024;
