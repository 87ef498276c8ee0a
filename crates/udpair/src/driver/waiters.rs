//! A list of the tasks that wait for the same thing.
//!
//! The runtime remembers one waker per socket and direction, but any number of tasks may share one
//! of this crate's sockets. So the runtime wakes the list, and the list wakes all tasks on it.

use std::mem;
use std::num::NonZeroU64;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// A list of wakers.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// The number of entries. Waking reads it without the lock, because most lists are empty.
    count: AtomicUsize,
    list: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    last_number: u64,
    /// Separate from the others, so that the usual single waiter needs no allocation.
    first: Option<Entry>,
    others: Option<Box<Others>>,
}

type Entry = (Number, Waker);

/// The entries after the first. Boxed, because most lists never have any.
#[derive(Debug, Default)]
struct Others(Vec<Entry>);

/// The number of a task's entry on a list; `None` if it has none. A task that stops waiting removes
/// its entry with [`Waiters::leave`].
#[derive(Debug, Default)]
pub(crate) struct Ticket(Option<Number>);

impl Ticket {
    /// Returns whether the task has an entry on the list, or had one before it was woken.
    #[inline]
    pub(crate) fn is_enlisted(&self) -> bool {
        self.0.is_some()
    }
}

/// An entry on a list that is removed when this value is dropped.
///
/// `L` points to the list: a reference, or an [`Arc`].
#[derive(Debug)]
pub(crate) struct Waiter<L: Deref<Target = Waiters>> {
    list: L,
    ticket: Ticket,
}

impl<L: Deref<Target = Waiters>> Waiter<L> {
    /// Returns a waiter that is not on the list yet.
    pub(crate) fn on(list: L) -> Self {
        Self {
            list,
            ticket: Ticket::default(),
        }
    }

    /// Adds an entry with `waker` to the list, or updates the entry. The caller holds no lock.
    pub(crate) fn enlist(&mut self, waker: &Waker) {
        let mut discarded = Discarded::default();
        self.list.enlist(&mut self.ticket, waker, &mut discarded);
    }

    /// Removes the entry from the list. The caller holds no lock.
    pub(crate) fn leave(&mut self) {
        let mut discarded = Discarded::default();
        self.list.leave(&mut self.ticket, &mut discarded);
    }
}

impl<L: Deref<Target = Waiters>> Drop for Waiter<L> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Wakers that were removed from lists, and are to be dropped when no lock is held.
///
/// Dropping the last waker of a task may drop the task, whose destructor may run arbitrary code. So
/// a function that removes wakers takes a place for them, and its caller creates that place before
/// it takes a lock: then the place is dropped after the lock is released.
#[derive(Debug, Default)]
pub(crate) struct Discarded {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Discarded {
    fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.others.push(waker),
        }
    }
}

/// The number of an entry, counted from 1, so that `Option<Number>` takes no extra space.
type Number = NonZeroU64;

impl Waiters {
    /// Adds an entry with `waker` to the list, or updates the ticket's entry.
    #[inline]
    pub(crate) fn enlist(&self, ticket: &mut Ticket, waker: &Waker, discarded: &mut Discarded) {
        let mut list = self.list();
        if let Some(number) = ticket.0
            && let Some(entry) = list.entry(number)
        {
            if !entry.will_wake(waker) {
                discarded.push(mem::replace(entry, waker.clone()));
            }
            return;
        }
        self.count.fetch_add(1, Ordering::SeqCst);
        list.last_number += 1;
        let number = Number::new(list.last_number).expect("counted from 1");
        ticket.0 = Some(number);
        let entry = (number, waker.clone());
        if list.first.is_none() {
            list.first = Some(entry);
        } else {
            list.others.get_or_insert_default().0.push(entry);
        }
    }

    /// Removes the ticket's entry from the list.
    #[inline]
    pub(crate) fn leave(&self, ticket: &mut Ticket, discarded: &mut Discarded) {
        // Usually the task has not waited, or it was woken, which removed its entry.
        if let Some(number) = ticket.0.take()
            && !self.is_empty()
        {
            self.remove(number, discarded);
        }
    }

    fn remove(&self, number: Number, discarded: &mut Discarded) {
        if let Some((_, waker)) = self.list().take(number) {
            self.count.fetch_sub(1, Ordering::SeqCst);
            discarded.push(waker);
        }
    }

    /// Wakes all tasks on the list and empties it.
    pub(crate) fn wake_all(&self) {
        if self.is_empty() {
            return;
        }
        let (first, others) = {
            let mut list = self.list();
            self.count.fetch_sub(list.len(), Ordering::SeqCst);
            (list.first.take(), list.others.take())
        };
        let others = others.into_iter().flat_map(|others| others.0);
        // Outside the lock, because a waker may run code that uses this list.
        for (_, waker) in first.into_iter().chain(others) {
            waker.wake();
        }
        super::handlers::let_others_run_it();
    }

    /// Returns whether no task waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    #[inline]
    fn list(&self) -> MutexGuard<'_, Entries> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn len(&self) -> usize {
        let others = self.others.as_ref().map_or(0, |others| others.0.len());
        usize::from(self.first.is_some()) + others
    }

    #[inline]
    fn take(&mut self, number: Number) -> Option<Entry> {
        let matches = |(other, _): &mut Entry| *other == number;
        self.first.take_if(matches).or_else(|| {
            let others = &mut self.others.as_mut()?.0;
            let index = others.iter().position(|(other, _)| *other == number)?;
            Some(others.remove(index))
        })
    }

    #[inline]
    fn entry(&mut self, number: Number) -> Option<&mut Waker> {
        let others = self.others.iter_mut().flat_map(|others| &mut others.0);
        self.first
            .iter_mut()
            .chain(others)
            .find_map(|(entry, waker)| (*entry == number).then_some(waker))
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Dropping the last waker of a task may drop the task, whose destructor may use the list.
    #[test]
    fn a_waker_may_use_the_list_when_it_is_dropped() {
        struct Last(Arc<Waiters>);
        impl Wake for Last {
            fn wake(self: Arc<Self>) {}
        }
        impl Drop for Last {
            fn drop(&mut self) {
                self.0.wake_all();
            }
        }
        let waiters = Arc::new(Waiters::default());
        let last = || Waker::from(Arc::new(Last(waiters.clone())));
        let mut tickets: [Ticket; 3] = Default::default();
        let renew =
            |ticket: &mut Ticket| waiters.enlist(ticket, &last(), &mut Discarded::default());
        tickets.iter_mut().for_each(renew);
        // Each of these drops a waker, while others are on the list.
        renew(&mut tickets[2]);
        tickets.iter_mut().for_each(renew);
        tickets
            .iter_mut()
            .rev()
            .for_each(|ticket| waiters.leave(ticket, &mut Discarded::default()));
        assert!(waiters.is_empty());
    }

    #[test]
    fn every_waiter_on_the_list_is_woken_once() {
        let waiters = Waiters::default();
        let counts: [Arc<Count>; 3] = Default::default();
        let mut tickets: [Ticket; 3] = Default::default();
        for (count, ticket) in counts.iter().zip(&mut tickets) {
            waiters.enlist(
                ticket,
                &Waker::from(count.clone()),
                &mut Discarded::default(),
            );
            waiters.enlist(
                ticket,
                &Waker::from(count.clone()),
                &mut Discarded::default(),
            );
        }
        waiters.wake_all();
        waiters.wake_all();
        for count in &counts {
            assert_eq!(count.0.load(Ordering::Relaxed), 1);
        }
    }

    #[test]
    fn a_waiter_that_leaves_is_not_woken_and_its_entry_is_removed() {
        let waiters = Waiters::default();
        let counts: [Arc<Count>; 2] = Default::default();
        for _ in 0..2 {
            let mut tickets: [Ticket; 2] = Default::default();
            for (count, ticket) in counts.iter().zip(&mut tickets) {
                waiters.enlist(
                    ticket,
                    &Waker::from(count.clone()),
                    &mut Discarded::default(),
                );
            }
            for ticket in &mut tickets {
                waiters.leave(ticket, &mut Discarded::default());
            }
            assert!(waiters.is_empty());
        }
        waiters.wake_all();
        assert_eq!(counts[0].0.load(Ordering::Relaxed), 0);
    }
}
