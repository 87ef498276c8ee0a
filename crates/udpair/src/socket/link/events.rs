//! The queue of a socket's events other than messages, until the application takes them.

use std::collections::VecDeque;
use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use once_cell::race::OnceBox;

use crate::message::{Event, PeerError, SendDrop};
use crate::observe;

/// A bounded queue of network errors, send drops, and changes to memberships and to the device
/// binding.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    /// The number of events. Every receive reads it, so it is outside the lock. Loads and stores
    /// are in one total order with those of the number of waiters
    /// ([`Waiters`](crate::driver::Waiters)): a task that enlists too late to be woken sees the
    /// event.
    count: AtomicU32,
    /// Whether there are events for which no task has been woken yet.
    has_unannounced: AtomicBool,
    /// Created by the first event; most sockets never have one.
    list: OnceBox<Mutex<Events>>,
}

#[derive(Debug, Default)]
struct Events {
    queued: VecDeque<Event>,
    /// The network errors that subscribers of the program have not been given yet.
    unobserved: Vec<PeerError>,
}

impl EventQueue {
    /// Adds a network error if the queue has space for it, and returns whether it has.
    pub(crate) fn push_error(&self, error: PeerError) -> bool {
        let mut events = self.events();
        if observe::OBSERVES_ERRORS && events.unobserved.len() < EVENTS_MAX {
            events.unobserved.push(error);
            self.has_unannounced.store(true, Ordering::Release);
        }
        let has_space = events.queued.len() < EVENTS_MAX;
        if has_space {
            self.append(&mut events, Event::PeerError(error));
        }
        has_space
    }

    /// Adds datagrams to `destination` that were dropped, if the queue has space for the event, and
    /// returns whether it has. Drops to the same destination in a row are one event.
    pub(crate) fn push_drop(&self, destination: SocketAddr, datagrams: usize) -> bool {
        let mut events = self.events();
        let datagrams = u64::try_from(datagrams).unwrap_or(u64::MAX);
        if let Some(Event::SendDropped(last)) = events.queued.back_mut()
            && last.destination == destination
        {
            last.add(datagrams);
            return true;
        }
        let has_space = events.queued.len() < EVENTS_MAX;
        if has_space {
            let dropped = SendDrop::new(destination, datagrams);
            self.append(&mut events, Event::SendDropped(dropped));
        }
        has_space
    }

    /// Adds an event that must not be lost, and returns whether a network error was removed for it.
    ///
    /// A full queue loses its oldest network error or send drop, because there may be any number of
    /// those. If it has none, it loses its oldest event.
    pub(crate) fn push_evicting(&self, event: Event) -> bool {
        let mut events = self.events();
        let mut removed = None;
        if events.queued.len() >= EVENTS_MAX {
            let of_peers =
                |event: &Event| matches!(event, Event::PeerError(_) | Event::SendDropped(_));
            let index = events.queued.iter().position(of_peers);
            removed = events.queued.remove(index.unwrap_or(0));
        }
        self.append(&mut events, event);
        matches!(removed, Some(Event::PeerError(_)))
    }

    /// Takes the oldest event.
    pub(crate) fn pop(&self) -> Option<Event> {
        if self.is_empty() {
            return None;
        }
        let mut events = self.events();
        let event = events.queued.pop_front();
        self.note_count(&events);
        event
    }

    /// Takes the oldest event that `is_wanted`. The function runs under the lock.
    pub(crate) fn take(&self, is_wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        if self.is_empty() {
            return None;
        }
        let mut events = self.events();
        let at = events.queued.iter().position(is_wanted)?;
        let event = events.queued.remove(at);
        self.note_count(&events);
        event
    }

    /// Takes the oldest network error.
    pub(crate) fn take_error(&self) -> Option<PeerError> {
        match self.take(|event| matches!(event, Event::PeerError(_)))? {
            Event::PeerError(error) => Some(error),
            _ => None,
        }
    }

    /// Removes all events.
    pub(crate) fn clear(&self) {
        if self.list.get().is_some() {
            self.events().queued.clear();
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

    /// Makes the next [`take_unannounced`](Self::take_unannounced) return `true`, although there
    /// may be no event.
    pub(crate) fn announce(&self) {
        self.has_unannounced.store(true, Ordering::Release);
    }

    /// Takes the network errors that no observer was told yet.
    pub(crate) fn take_unobserved(&self) -> Vec<PeerError> {
        mem::take(&mut self.events().unobserved)
    }

    fn append(&self, events: &mut Events, event: Event) {
        events.queued.push_back(event);
        self.note_count(events);
        self.has_unannounced.store(true, Ordering::Release);
    }

    fn note_count(&self, events: &Events) {
        // The queue has at most `EVENTS_MAX` events.
        let count = events.queued.len() as u32;
        self.count.store(count, Ordering::SeqCst);
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        let list = self.list.get_or_init(Box::default);
        list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The maximum number of events in the queue.
const EVENTS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    /// OUT-16
    #[test]
    fn drops_to_one_destination_in_a_row_are_one_event() {
        let events = EventQueue::default();
        for (port, datagrams) in [(1, 2), (1, 3), (2, 1), (1, 4)] {
            assert!(events.push_drop(destination(port), datagrams));
        }
        let mut found = Vec::new();
        while let Some(Event::SendDropped(dropped)) = events.pop() {
            found.push((dropped.destination.port(), dropped.datagrams));
        }
        assert_eq!(found, [(1, 5), (2, 1), (1, 4)]);
    }

    #[test]
    fn a_full_queue_loses_what_peers_caused_and_nothing_else() {
        let events = EventQueue::default();
        for port in 1..=u16::try_from(EVENTS_MAX).unwrap() {
            assert!(events.push_drop(destination(port), 1));
        }
        assert!(!events.push_drop(destination(1000), 1));
        assert!(!events.push_evicting(Event::SendDropped(SendDrop::new(destination(2000), 1))));
        let Some(Event::SendDropped(first)) = events.pop() else {
            panic!("there is a first event");
        };
        assert_eq!(first.destination.port(), 2);
    }
}
