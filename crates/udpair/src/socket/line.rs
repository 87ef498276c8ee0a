//! Writes that wait for room, one behind the other.
//!
//! Most writes go straight to the kernel, and are never seen here. When the kernel has no room a write
//! lines up; later ones line up behind it, so that they reach the kernel in the order in which they were
//! issued. Only the first in line asks the kernel, and whoever leaves wakes the next.

use std::collections::BTreeMap;
use std::future;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use once_cell::race::OnceBox;

use crate::driver::{Ticket, Waiters};

/// The line of a socket.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// How many stand in it; looked at by every write, so without the lock.
    length: AtomicUsize,
    /// There once somebody had to wait; most sockets never see that.
    waiting: OnceBox<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    places: Mutex<Places>,
    /// Those who wait until all before them have left.
    flushing: Waiters,
}

#[derive(Debug, Default)]
struct Places {
    next: u64,
    /// By the order of arrival; a waker for whoever waits for his turn.
    waiting: BTreeMap<u64, Option<Waker>>,
    /// How many left without having written.
    given_up: u64,
}

/// A place in the line. Dropped, it is given up.
#[derive(Debug)]
pub(super) struct Place<'a> {
    line: &'a Line,
    number: u64,
    has_written: bool,
}

impl Line {
    /// Returns whether nobody waits, so that a write may go straight to the kernel.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.length.load(Ordering::Acquire) == 0
    }

    /// Lines up.
    pub(super) fn enter(&self) -> Place<'_> {
        let mut places = self.places();
        let number = places.next;
        places.next += 1;
        places.waiting.insert(number, None);
        self.length.store(places.waiting.len(), Ordering::Release);
        Place {
            line: self,
            number,
            has_written: false,
        }
    }

    /// Wakes all who stand in the line, to look whether they still should.
    pub(super) fn wake_all(&self) {
        if self.waiting.get().is_none() {
            return;
        }
        let wakers: Vec<_> = self
            .places()
            .waiting
            .values_mut()
            .filter_map(mem::take)
            .collect();
        for waker in wakers {
            waker.wake();
        }
    }

    /// Waits until all who stand in the line now have left, and returns whether nobody gave up meanwhile.
    pub(super) async fn flushed(&self) -> bool {
        let (end, given_up) = {
            let places = self.places();
            (places.next, places.given_up)
        };
        let mut flush = Flush {
            line: self,
            ticket: Ticket::default(),
        };
        future::poll_fn(|cx| {
            self.flushing().enlist(&mut flush.ticket, cx.waker());
            let places = self.places();
            let is_done = places
                .waiting
                .keys()
                .next()
                .is_none_or(|first| *first >= end);
            if is_done {
                Poll::Ready(places.given_up == given_up)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        let waiting = self.waiting.get_or_init(Box::default);
        waiting
            .places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn flushing(&self) -> &Waiters {
        &self.waiting.get_or_init(Box::default).flushing
    }
}

impl Place<'_> {
    /// Waits until this place is the first in line.
    pub(super) fn poll_turn(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut places = self.line.places();
        if places.waiting.keys().next() == Some(&self.number) {
            return Poll::Ready(());
        }
        if let Some(waker) = places.waiting.get_mut(&self.number) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Leaves the line, having written.
    pub(super) fn leave(mut self) {
        self.has_written = true;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut places = self.line.places();
        places.waiting.remove(&self.number);
        self.line
            .length
            .store(places.waiting.len(), Ordering::Release);
        if !self.has_written {
            places.given_up += 1;
        }
        let next = places.waiting.values_mut().next().and_then(mem::take);
        drop(places);
        if let Some(waker) = next {
            waker.wake();
        }
        self.line.flushing().wake_all();
    }
}

struct Flush<'a> {
    line: &'a Line,
    ticket: Ticket,
}

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        self.line.flushing().leave(&mut self.ticket);
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
        let line = Line::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        let places: Vec<_> = (0..4).map(|_| line.enter()).collect();
        assert!(!line.is_empty());
        for (index, place) in places.iter().enumerate() {
            assert_eq!(
                place.poll_turn(&mut context).is_ready(),
                index == 0,
                "{index}"
            );
        }
        let [first, second, third, fourth] = places.try_into().unwrap();
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
        assert!(line.is_empty());
    }

    /// OUT-14
    #[test]
    fn a_flush_waits_for_those_before_it_alone() {
        let line = Line::default();
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(pin!(line.flushed()).poll(&mut context), Poll::Ready(true));

        let (first, second) = (line.enter(), line.enter());
        let mut flushed = pin!(line.flushed());
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        let later = line.enter();
        first.leave();
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        second.leave();
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Ready(true));

        // One that gives up is told, without an error.
        let mut flushed = pin!(line.flushed());
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Pending);
        drop(later);
        assert_eq!(flushed.as_mut().poll(&mut context), Poll::Ready(false));
        assert_eq!(pin!(line.flushed()).poll(&mut context), Poll::Ready(true));
    }
}
