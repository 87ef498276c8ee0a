//! Which writes are still under way: what a flush waits for.
//!
//! Most writes go straight to the kernel and are never under way for anybody to see. Those that wait for
//! room draw a number; a flush waits until no number is left that was drawn before it began.

use std::collections::BTreeSet;
use std::future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use crate::driver::{Ticket, Waiters};

/// The writes of a socket that wait for room.
#[derive(Debug, Default)]
pub(super) struct WaitingWrites {
    numbers: Mutex<Numbers>,
    flushing: Waiters,
}

#[derive(Debug, Default)]
struct Numbers {
    next: u64,
    under_way: BTreeSet<u64>,
    /// How many writes gave up.
    failed: u64,
}

/// A write that waits; dropped without success, it counts as failed.
#[derive(Debug)]
pub(super) struct WaitingWrite<'a> {
    writes: &'a WaitingWrites,
    number: u64,
    has_succeeded: bool,
}

impl WaitingWrites {
    pub(super) fn enter(&self) -> WaitingWrite<'_> {
        let mut numbers = self.numbers();
        let number = numbers.next;
        numbers.next += 1;
        numbers.under_way.insert(number);
        WaitingWrite {
            writes: self,
            number,
            has_succeeded: false,
        }
    }

    /// Waits for the writes that are under way now; returns whether none was given up meanwhile.
    pub(super) async fn flushed(&self) -> bool {
        let (end, failed) = {
            let numbers = self.numbers();
            (numbers.next, numbers.failed)
        };
        let mut place = Place {
            writes: self,
            ticket: Ticket::default(),
        };
        future::poll_fn(|cx| {
            self.flushing.enlist(&mut place.ticket, cx.waker());
            let numbers = self.numbers();
            let is_done = numbers.under_way.first().is_none_or(|first| *first >= end);
            if is_done {
                Poll::Ready(numbers.failed == failed)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingWrite<'_> {
    pub(super) fn succeed(mut self) {
        self.has_succeeded = true;
    }
}

impl Drop for WaitingWrite<'_> {
    fn drop(&mut self) {
        let mut numbers = self.writes.numbers();
        numbers.under_way.remove(&self.number);
        if !self.has_succeeded {
            numbers.failed += 1;
        }
        drop(numbers);
        self.writes.flushing.wake_all();
    }
}

struct Place<'a> {
    writes: &'a WaitingWrites,
    ticket: Ticket,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.writes.flushing.leave(&mut self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// OUT-14
    #[test]
    fn a_flush_waits_for_the_writes_before_it_alone() {
        let writes = WaitingWrites::default();
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(pin!(writes.flushed()).poll(&mut context), Poll::Ready(true));

        let (first, second) = (writes.enter(), writes.enter());
        let mut flushed = pin!(writes.flushed());
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        let later = writes.enter();
        second.succeed();
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        first.succeed();
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Ready(true));

        // One that fails is told, without an error.
        let mut flushed = pin!(writes.flushed());
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        drop(later);
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Ready(false));
        assert_eq!(pin!(writes.flushed()).poll(&mut context), Poll::Ready(true));
    }
}
