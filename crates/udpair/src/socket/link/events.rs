//! What happened on a socket beside messages, until somebody asks for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use once_cell::race::OnceBox;

use crate::message::Event;

/// A bounded queue of errors of the network and of changes to memberships.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    /// How many there are; looked at by every receive, so without the lock. In one order with the count of
    /// those who wait ([`Waiters`](crate::driver::Waiters)): whoever is too late to be woken finds one.
    count: AtomicUsize,
    /// Whether some were kept that nobody was woken for.
    has_unannounced: AtomicBool,
    /// There once something happened; on most sockets nothing does.
    list: OnceBox<Mutex<VecDeque<Event>>>,
}

impl EventQueue {
    /// Keeps an event, and returns whether there was room for it.
    pub(crate) fn push(&self, event: Event) -> bool {
        let mut list = self.list();
        let has_room = list.len() < EVENTS_MAX;
        if has_room {
            self.append(&mut list, event);
        }
        has_room
    }

    /// Keeps an event that must not be lost, and returns whether an error of the network gave way to it, of
    /// which there may be any number.
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

    /// Takes the first one.
    pub(crate) fn pop(&self) -> Option<Event> {
        if self.is_empty() {
            return None;
        }
        let mut list = self.list();
        let event = list.pop_front();
        self.count.store(list.len(), Ordering::SeqCst);
        event
    }

    /// Forgets all.
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

    /// Returns whether some were kept since this last said so.
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

/// How many wait for somebody to take them.
const EVENTS_MAX: usize = 64;
