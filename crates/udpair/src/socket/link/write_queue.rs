//! The write queue: writes that wait until the kernel has buffer space, in order.
//!
//! Most writes go directly to the kernel and never enter the queue. When the kernel has no buffer
//! space, a write is enqueued, and later writes are enqueued after it, so that they reach the
//! kernel in the order in which they were issued. Only the first write in the queue calls the
//! kernel, and a write that leaves the queue wakes the next one.

use std::collections::BTreeMap;
use std::future;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use once_cell::race::OnceBox;

use crate::driver::{Waiter, Waiters};

/// The write queue of a socket.
#[derive(Debug, Default)]
pub(crate) struct WriteQueue {
    /// The number of writes in the queue. Every write reads it, so it is outside the lock.
    length: AtomicUsize,
    /// Created by the first write that has to wait; most sockets never have one.
    waiting: OnceBox<WaitingWrites>,
}

/// The writes in the queue, and the flushes that wait for them.
#[derive(Debug, Default)]
struct WaitingWrites {
    positions: Mutex<Positions>,
    /// Tasks that wait until all writes before their flush have left the queue.
    flushing: Waiters,
}

#[derive(Debug, Default)]
struct Positions {
    /// The number of the next position.
    next: u64,
    /// The occupied positions in the order of arrival; each with a waker while its task waits.
    waiting: BTreeMap<u64, Option<Waker>>,
    /// The number of writes that left the queue without having been sent.
    abandoned: u64,
}

/// The position of a write in the queue. Dropping it abandons the write.
#[derive(Debug)]
pub(crate) struct QueuePosition<'a> {
    queue: &'a WriteQueue,
    number: u64,
    has_written: bool,
}

impl WriteQueue {
    /// Returns whether no write waits, so that a new one may go directly to the kernel.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.length.load(Ordering::Acquire) == 0
    }

    /// Adds a write to the end of the queue, and returns its position.
    pub(crate) fn enqueue(&self) -> QueuePosition<'_> {
        let mut positions = self.positions();
        let number = positions.next;
        positions.next += 1;
        positions.waiting.insert(number, None);
        self.length
            .store(positions.waiting.len(), Ordering::Release);
        QueuePosition {
            queue: self,
            number,
            has_written: false,
        }
    }

    /// Wakes all writes in the queue, which then check whether they were cancelled.
    pub(crate) fn wake_all(&self) {
        if self.waiting.get().is_none() {
            return;
        }
        let wakers: Vec<_> = self
            .positions()
            .waiting
            .values_mut()
            .filter_map(mem::take)
            .collect();
        for waker in wakers {
            waker.wake();
        }
    }

    /// Waits until all writes that are now in the queue have left it, and returns whether none was
    /// abandoned meanwhile.
    pub(crate) async fn flushed(&self) -> bool {
        let (end, abandoned) = {
            let positions = self.positions();
            (positions.next, positions.abandoned)
        };
        let mut waiter = Waiter::on(self.flushing());
        future::poll_fn(|cx| {
            waiter.enlist(cx.waker());
            let positions = self.positions();
            let is_done = positions
                .waiting
                .keys()
                .next()
                .is_none_or(|first| *first >= end);
            if is_done {
                Poll::Ready(positions.abandoned == abandoned)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    fn positions(&self) -> MutexGuard<'_, Positions> {
        let waiting = self.waiting.get_or_init(Box::default);
        waiting
            .positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn flushing(&self) -> &Waiters {
        &self.waiting.get_or_init(Box::default).flushing
    }
}

impl QueuePosition<'_> {
    /// Waits until this position is the first in the queue.
    pub(crate) fn poll_turn(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut positions = self.queue.positions();
        if positions.waiting.keys().next() == Some(&self.number) {
            return Poll::Ready(());
        }
        if let Some(waker) = positions.waiting.get_mut(&self.number) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Leaves the queue after the write has succeeded.
    pub(crate) fn leave(mut self) {
        self.has_written = true;
    }
}

impl Drop for QueuePosition<'_> {
    fn drop(&mut self) {
        let mut positions = self.queue.positions();
        positions.waiting.remove(&self.number);
        self.queue
            .length
            .store(positions.waiting.len(), Ordering::Release);
        if !self.has_written {
            positions.abandoned += 1;
        }
        let next = positions.waiting.values_mut().next().and_then(mem::take);
        drop(positions);
        if let Some(waker) = next {
            waker.wake();
        }
        self.queue.flushing().wake_all();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// OUT-13
    #[test]
    fn writes_take_turns_in_the_order_of_arrival() {
        let queue = WriteQueue::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        let positions: Vec<_> = (0..4).map(|_| queue.enqueue()).collect();
        assert!(!queue.is_empty());
        for (index, position) in positions.iter().enumerate() {
            assert_eq!(
                position.poll_turn(&mut context).is_ready(),
                index == 0,
                "{index}"
            );
        }
        let [first, second, third, fourth] = positions.try_into().unwrap();
        // A write that leaves wakes the next one. An abandoned write in the middle has no effect on
        // the others.
        drop(third);
        let woken = count.0.load(Ordering::Relaxed);
        first.leave();
        assert_eq!(count.0.load(Ordering::Relaxed), woken + 1);
        assert!(second.poll_turn(&mut context).is_ready());
        assert!(fourth.poll_turn(&mut context).is_pending());
        second.leave();
        assert!(fourth.poll_turn(&mut context).is_ready());
        fourth.leave();
        assert!(queue.is_empty());
    }

    /// OUT-14
    #[test]
    fn a_flush_waits_only_for_the_writes_before_it() {
        let queue = WriteQueue::default();
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(pin!(queue.flushed()).poll(&mut context), Poll::Ready(true));

        let (first, second) = (queue.enqueue(), queue.enqueue());
        let mut flushed = pin!(queue.flushed());
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        let later = queue.enqueue();
        first.leave();
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        second.leave();
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Ready(true));

        // An abandoned write is reported by the result, without an error.
        let mut flushed = pin!(queue.flushed());
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        drop(later);
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Ready(false));
        assert_eq!(pin!(queue.flushed()).poll(&mut context), Poll::Ready(true));
    }
}
