//! The write queue: writes that wait until the kernel has buffer space, in the order of their first
//! poll.
//!
//! Most writes go directly to the kernel and never enter the queue. A write that finds no buffer
//! space puts its datagrams into the queue. Whichever write is polled when there is space again
//! sends what is queued before it, and then its own datagrams. So a task that does not poll its
//! write delays no other write, and the order is kept (OUT-13). Dropping a write that was not sent
//! removes it, so the queue holds no more than the pending writes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use once_cell::race::OnceBox;
use udpair_io::{Destination, SendBatch};

use super::channel::{Cancellations, Channel, SendFailure};
use crate::driver::{Discarded, Ticket, WaitError, Waiters};

/// The write queue of a socket.
#[derive(Debug, Default)]
pub(crate) struct WriteQueue {
    /// The number of writes that wait to be sent. Every write reads it, so it is outside the lock.
    length: AtomicUsize,
    /// Created by the first write that has to wait; most sockets never have one.
    waiting: OnceBox<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    writes: Mutex<Writes>,
    /// The tasks whose writes or flushes wait for buffer space.
    writers: Arc<Waiters>,
    poller: Mutex<WaiterState>,
}

/// The state of a task that waits for buffer space, between two polls.
#[derive(Debug, Default)]
pub(crate) struct WaiterState {
    pub(crate) ticket: Ticket,
    /// The number of cancellations when the task began to wait; `None` until then.
    pub(crate) at_start: Option<Cancellations>,
}

/// The writes in the queue.
#[derive(Debug, Default)]
struct Writes {
    /// The number of the next position.
    next: u64,
    /// The writes that wait to be sent, by position.
    queued: BTreeMap<u64, QueuedWrite>,
    /// The writes that have ended, and whose tasks have not taken the outcome yet.
    ended: BTreeMap<u64, EndedWrite>,
    flushes: Vec<FlushState>,
    /// Whether the kernel had no buffer space at the last attempt, and has not reported space
    /// since.
    is_full: bool,
}

/// A write that has ended.
#[derive(Debug)]
struct EndedWrite {
    /// The datagrams that were not sent.
    rest: SendBatch,
    /// `None` once the task has taken it.
    outcome: Option<Result<(), SendFailure>>,
}

/// A flush that waits.
#[derive(Debug)]
struct FlushState {
    number: u64,
    /// The first position that the flush does not wait for.
    end: u64,
    /// Whether a write that it waits for failed or was abandoned.
    has_failed: bool,
}

/// The datagrams of a write.
#[derive(Debug)]
pub(crate) struct QueuedWrite {
    pub(crate) batch: SendBatch,
    /// The destination of datagrams without one of their own; `None` stands for the peer.
    pub(crate) to: Option<Destination>,
    /// How many datagrams of the batch are to be sent.
    pub(crate) count: usize,
}

/// The position of a write in the queue. Dropping it removes a write that was not sent.
pub(crate) struct QueuePosition<'a> {
    queue: &'a WriteQueue,
    channel: &'a Channel,
    number: u64,
    ticket: Ticket,
}

/// A flush in progress.
pub(crate) struct Flush<'a> {
    queue: &'a WriteQueue,
    channel: &'a Channel,
    /// `None` if there was nothing to wait for.
    number: Option<u64>,
    ticket: Ticket,
}

impl WriteQueue {
    /// Returns whether no write waits, so that a new one may go directly to the kernel.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.length.load(Ordering::Acquire) == 0
    }

    /// Returns how many writes wait to be sent, and how many datagrams they have left.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        if self.is_empty() {
            return (0, 0);
        }
        let writes = self.writes();
        let datagrams = writes.queued.values().map(|write| write.count).sum();
        (writes.queued.len(), datagrams)
    }

    /// Adds a write to the end of the queue, and returns its position.
    pub(crate) fn enqueue<'a>(
        &'a self,
        channel: &'a Channel,
        write: QueuedWrite,
    ) -> QueuePosition<'a> {
        let mut writes = self.writes();
        let number = writes.next;
        writes.next += 1;
        writes.queued.insert(number, write);
        self.length.store(writes.queued.len(), Ordering::Release);
        QueuePosition {
            queue: self,
            channel,
            number,
            ticket: Ticket::default(),
        }
    }

    /// Begins a flush of the writes that are now in the queue.
    pub(crate) fn flush<'a>(&'a self, channel: &'a Channel) -> Flush<'a> {
        let number = (!self.is_empty()).then(|| {
            let mut writes = self.writes();
            let number = writes.next;
            writes.next += 1;
            writes.flushes.push(FlushState {
                number,
                end: number,
                has_failed: false,
            });
            number
        });
        Flush {
            queue: self,
            channel,
            number,
            ticket: Ticket::default(),
        }
    }

    /// Sends what is queued, as far as the kernel has buffer space, and returns whether nothing
    /// waits any more.
    pub(crate) fn advance(&self, channel: &Channel) -> bool {
        let mut progress = Progress::default();
        let is_empty = {
            let mut writes = self.writes();
            writes.send_before(u64::MAX, channel, &mut progress);
            self.length.store(writes.queued.len(), Ordering::Release);
            writes.queued.is_empty()
        };
        self.finish(progress);
        is_empty
    }

    /// Waits until a write was sent or has failed. Sends what is queued before it, and then the
    /// write, if the kernel has buffer space.
    pub(crate) fn poll_written(
        &self,
        channel: &Channel,
        position: &mut QueuePosition<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendFailure>> {
        let (number, ticket) = (position.number, &mut position.ticket);
        self.poll(channel, number + 1, ticket, cx, |writes| {
            writes.ended.get_mut(&number)?.outcome.take()
        })
    }

    /// Waits until all writes before a flush have ended, and returns whether all of them were sent.
    /// Sends them if the kernel has buffer space.
    pub(crate) fn poll_flushed(
        &self,
        channel: &Channel,
        flush: &mut Flush<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, SendFailure>> {
        let Some(number) = flush.number else {
            return Poll::Ready(Ok(true));
        };
        self.poll(channel, number, &mut flush.ticket, cx, |writes| {
            let is_waited_for = |position: &u64| *position < number;
            if writes.queued.keys().next().is_some_and(is_waited_for) {
                return None;
            }
            let mut flushes = writes.flushes.iter();
            let flush = flushes.find(|flush| flush.number == number);
            Some(Ok(flush.is_none_or(|flush| !flush.has_failed)))
        })
    }

    /// Waits until the kernel has buffer space and no write waits for it. Sends the writes that
    /// wait.
    pub(crate) fn poll_space(
        &self,
        channel: &Channel,
        ticket: &mut Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendFailure>> {
        if self.waiting.get().is_none() {
            // No write has found the kernel without space yet.
            return Poll::Ready(Ok(()));
        }
        self.poll(channel, u64::MAX, ticket, cx, |writes| {
            (writes.queued.is_empty() && !writes.is_full).then_some(Ok(()))
        })
    }

    /// Removes a task that waited for space, and no longer does.
    pub(crate) fn stop_waiting(&self, channel: &Channel, ticket: &mut Ticket) {
        if let Some(waiting) = self.waiting.get() {
            let mut discarded = Discarded::default();
            channel.stop_writing(&waiting.writers, ticket, &mut discarded);
        }
    }

    /// Notes that the kernel had no buffer space for a write that does not enter the queue.
    #[cold]
    pub(crate) fn note_full(&self) {
        self.writes().is_full = true;
    }

    /// Returns the state of the one task that polls without a future of its own.
    pub(crate) fn poller(&self) -> MutexGuard<'_, WaiterState> {
        let waiting = self.waiting.get_or_init(Box::default);
        waiting
            .poller
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `take` returns something. Meanwhile sends the writes before `end`.
    fn poll<T>(
        &self,
        channel: &Channel,
        end: u64,
        ticket: &mut Ticket,
        cx: &mut Context<'_>,
        take: impl Fn(&mut Writes) -> Option<Result<T, SendFailure>>,
    ) -> Poll<Result<T, SendFailure>> {
        let mut progress = Progress::default();
        let polled = {
            let mut writes = self.writes();
            let mut was_writable = false;
            loop {
                if let Some(taken) = take(&mut writes) {
                    channel.stop_writing(self.writers(), ticket, &mut progress.discarded);
                    break Poll::Ready(taken);
                }
                if writes.is_full {
                    let discarded = &mut progress.discarded;
                    let writers = self.writers();
                    match channel.poll_writable(was_writable, writers, cx, ticket, discarded) {
                        Poll::Pending => break Poll::Pending,
                        Poll::Ready(Ok(())) => {
                            was_writable = true;
                            writes.is_full = false;
                            // The others learn of the space too, because this task may never be
                            // polled again.
                            progress.concerns_others = true;
                        }
                        Poll::Ready(Err(WaitError::Closed)) => {
                            break Poll::Ready(Err(SendFailure::Closed));
                        }
                        Poll::Ready(Err(WaitError::Runtime(error))) => {
                            break Poll::Ready(Err(SendFailure::Runtime(error)));
                        }
                    }
                }
                writes.send_before(end, channel, &mut progress);
                self.length.store(writes.queued.len(), Ordering::Release);
            }
        };
        self.finish(progress);
        polled
    }

    /// Wakes all tasks that wait here, which then check what they wait for.
    pub(crate) fn wake_all(&self) {
        if let Some(waiting) = self.waiting.get() {
            waiting.writers.wake_all();
        }
    }

    /// Runs what must not run under the lock.
    fn finish(&self, progress: Progress) {
        if progress.concerns_others {
            self.wake_all();
        }
        drop(progress);
    }

    fn writes(&self) -> MutexGuard<'_, Writes> {
        let waiting = self.waiting.get_or_init(Box::default);
        waiting
            .writes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn writers(&self) -> &Arc<Waiters> {
        &self.waiting.get_or_init(Box::default).writers
    }
}

/// What came of an attempt, and is left for when no lock is held.
#[derive(Debug, Default)]
struct Progress {
    /// Whether other tasks have to check what they wait for.
    concerns_others: bool,
    /// Payloads that were sent. Dropping one may run code of the application.
    sent: Vec<Bytes>,
    discarded: Discarded,
}

impl Writes {
    /// Sends the writes before position `end` in order, until the kernel has no buffer space.
    fn send_before(&mut self, end: u64, channel: &Channel, progress: &mut Progress) {
        while let Some(mut first) = self.queued.first_entry() {
            let number = *first.key();
            if number >= end {
                break;
            }
            let write = first.get_mut();
            let outcome = channel.try_send_batch(
                &mut write.batch,
                write.to,
                &mut write.count,
                |batch, count| batch.remove_to(count, |bytes| progress.sent.push(bytes)),
            );
            if matches!(outcome, Err(SendFailure::Full)) {
                self.is_full = true;
                return;
            }
            let write = first.remove();
            match outcome {
                Ok(()) => self.is_full = false,
                Err(_) => self.fail_flushes(number),
            }
            let ended = EndedWrite {
                rest: write.batch,
                outcome: Some(outcome),
            };
            self.ended.insert(number, ended);
            progress.concerns_others = true;
        }
    }

    /// Notes for the flushes after a position that the write there was not sent.
    fn fail_flushes(&mut self, position: u64) {
        for flush in &mut self.flushes {
            flush.has_failed |= position < flush.end;
        }
    }
}

impl QueuePosition<'_> {
    /// Leaves the queue, and returns what was not sent.
    pub(crate) fn leave(mut self) -> SendBatch {
        self.remove()
    }

    fn remove(&mut self) -> SendBatch {
        let mut progress = Progress::default();
        let rest = {
            let mut writes = self.queue.writes();
            let queued = writes.queued.remove(&self.number);
            if queued.is_some() {
                writes.fail_flushes(self.number);
                progress.concerns_others = true;
            }
            self.queue
                .length
                .store(writes.queued.len(), Ordering::Release);
            let ended = writes.ended.remove(&self.number);
            let rest = queued.map(|write| write.batch);
            rest.or(ended.map(|ended| ended.rest))
        };
        let (writers, ticket) = (self.queue.writers(), &mut self.ticket);
        self.channel
            .stop_writing(writers, ticket, &mut progress.discarded);
        self.queue.finish(progress);
        rest.unwrap_or_default()
    }
}

impl Drop for QueuePosition<'_> {
    fn drop(&mut self) {
        drop(self.remove());
    }
}

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        let mut discarded = Discarded::default();
        if let Some(number) = self.number {
            let mut writes = self.queue.writes();
            writes.flushes.retain(|flush| flush.number != number);
            drop(writes);
            let (writers, ticket) = (self.queue.writers(), &mut self.ticket);
            self.channel.stop_writing(writers, ticket, &mut discarded);
        }
    }
}
