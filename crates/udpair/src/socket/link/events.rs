//! The queue of a socket's events other than messages, until the application takes them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use once_cell::race::OnceBox;

use crate::message::Event;

/// A bounded queue of network errors and membership changes.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    /// The number of events. Every receive reads it, so it is outside the lock. Loads and stores
    /// are in one total order with those of the number of waiters
    /// ([`Waiters`](crate::driver::Waiters)): a task that enlists too late to be woken sees the
    /// event.
    count: AtomicUsize,
    /// Whether there are events for which no task has been woken yet.
    has_unannounced: AtomicBool,
    /// Created by the first event; most sockets never have one.
    list: OnceBox<Mutex<VecDeque<Event>>>,
}

impl EventQueue {
    /// Adds an event if the queue has space for it, and returns whether it has.
    pub(crate) fn push(&self, event: Event) -> bool {
        let mut list = self.list();
        let has_space = list.len() < EVENTS_MAX;
        if has_space {
            self.append(&mut list, event);
        }
        has_space
    }

    /// Adds an event that must not be lost, and returns whether a network error was removed for it.
    ///
    /// A full queue loses its oldest network error, because there may be any number of those. If it
    /// has none, it loses its oldest event.
    pub(crate) fn push_evicting(&self, event: Event) -> bool {
        let mut list = self.list();
        let mut error = None;
        if list.len() >= EVENTS_MAX {
            let is_error = |event: &Event| matches!(event, Event::PeerError(_));
            error = list.iter().position(is_error);
            list.remove(error.unwrap_or(0));
        }
        self.append(&mut list, event);
        error.is_some()
    }

    /// Takes the oldest event.
    pub(crate) fn pop(&self) -> Option<Event> {
        if self.is_empty() {
            return None;
        }
        let mut list = self.list();
        let event = list.pop_front();
        self.count.store(list.len(), Ordering::SeqCst);
        event
    }

    /// Removes all events.
    pub(crate) fn clear(&self) {
        if self.list.get().is_some() {
            let mut list = self.list();
            list.clear();
            self.count.store(0, Ordering::SeqCst);
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Returns whether events were added since this last returned `true`.
    #[inline]
    pub(crate) fn take_unannounced(&self) -> bool {
        self.has_unannounced.load(Ordering::Acquire)
            && self.has_unannounced.swap(false, Ordering::AcqRel)
    }

    fn append(&self, list: &mut VecDeque<Event>, event: Event) {
        list.push_back(event);
        self.count.store(list.len(), Ordering::SeqCst);
        self.has_unannounced.store(true, Ordering::Release);
    }

    fn list(&self) -> MutexGuard<'_, VecDeque<Event>> {
        let list = self.list.get_or_init(Box::default);
        list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The maximum number of events in the queue.
const EVENTS_MAX: usize = 64;
