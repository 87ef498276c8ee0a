//! Writes that wait for room, one behind the other.
//!
//! Most writes go straight to the kernel, and are never seen here. When the kernel has no room a write
//! lines up; later ones queue up behind it, so that they reach the kernel in the order in which they were
//! issued. Only the first in queue asks the kernel, and whoever leaves wakes the next.

use std::collections::BTreeMap;
use std::future;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use once_cell::race::OnceBox;

use crate::driver::{Waiter, Waiters};

/// The queue of a socket.
#[derive(Debug, Default)]
pub(crate) struct WriteQueue {
    /// How many stand in it; looked at by every write, so without the lock.
    length: AtomicUsize,
    /// There once somebody had to wait; most sockets never see that.
    waiting: OnceBox<WaitingWrites>,
}

#[derive(Debug, Default)]
struct WaitingWrites {
    positions: Mutex<Positions>,
    /// Those who wait until all before them have left.
    flushing: Waiters,
}

#[derive(Debug, Default)]
struct Positions {
    next: u64,
    /// By the order of arrival; a waker for whoever waits for his turn.
    waiting: BTreeMap<u64, Option<Waker>>,
    /// How many left without having written.
    given_up: u64,
}

/// A position in the queue. Dropped, it is given up.
#[derive(Debug)]
pub(crate) struct QueuePosition<'a> {
    queue: &'a WriteQueue,
    number: u64,
    has_written: bool,
}

impl WriteQueue {
    /// Returns whether nobody waits, so that a write may go straight to the kernel.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.length.load(Ordering::Acquire) == 0
    }

    /// Lines up.
    pub(crate) fn enter(&self) -> QueuePosition<'_> {
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

    /// Wakes all who stand in the queue, to look whether they still should.
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

    /// Waits until all who stand in the queue now have left, and returns whether nobody gave up meanwhile.
    pub(crate) async fn flushed(&self) -> bool {
        let (end, given_up) = {
            let positions = self.positions();
            (positions.next, positions.given_up)
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
                Poll::Ready(positions.given_up == given_up)
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
    /// Waits until this position is the first in queue.
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

    /// Leaves the queue, having written.
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
            positions.given_up += 1;
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
    fn turns_come_in_the_order_of_arrival() {
        let queue = WriteQueue::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        let positions: Vec<_> = (0..4).map(|_| queue.enter()).collect();
        assert!(!queue.is_empty());
        for (index, position) in positions.iter().enumerate() {
            assert_eq!(
                position.poll_turn(&mut context).is_ready(),
                index == 0,
                "{index}"
            );
        }
        let [first, second, third, fourth] = positions.try_into().unwrap();
        // Who leaves wakes one; who gives up in the middle disturbs nobody.
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
    fn a_flush_waits_for_those_before_it_alone() {
        let queue = WriteQueue::default();
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(pin!(queue.flushed()).poll(&mut context), Poll::Ready(true));

        let (first, second) = (queue.enter(), queue.enter());
        let mut flushed = pin!(queue.flushed());
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        let later = queue.enter();
        first.leave();
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        second.leave();
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Ready(true));

        // One that gives up is told, without an error.
        let mut flushed = pin!(queue.flushed());
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        drop(later);
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Ready(false));
        assert_eq!(pin!(queue.flushed()).poll(&mut context), Poll::Ready(true));
    }
}
