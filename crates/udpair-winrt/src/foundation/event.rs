//! Events: a list of handlers, each with a token.

use std::fmt;
use std::mem;
use std::num::NonZeroI64;
use std::panic::{self, AssertUnwindSafe};
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Identifies the registration of a handler, as `EventRegistrationToken` does (MSG-02).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct EventToken(NonZeroI64);

impl EventToken {
    /// Returns the number of the token, which is never 0.
    pub fn value(self) -> i64 {
        self.0.get()
    }

    /// Returns the token with this number; `None` for 0.
    pub fn from_value(value: i64) -> Option<Self> {
        NonZeroI64::new(value).map(Self)
    }

    /// Returns a token that no other registration in this process has.
    fn next() -> Self {
        static NUMBERS: AtomicI64 = AtomicI64::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroI64::new(number).expect("counted from 1"))
    }
}

/// The handlers of an event, in the order of their registration. `C` is the type of their calls,
/// such as `dyn FnMut(&Sender) + Send`.
pub(crate) struct Handlers<C: ?Sized> {
    list: Mutex<List<C>>,
    /// Counts the changes of the list.
    changes: AtomicU32,
    /// Set when the sender is closed: no event starts after that (CLS-05).
    is_shut: AtomicBool,
}

/// Most events have one handler, which takes no memory for a list.
enum List<C: ?Sized> {
    Empty,
    One(Arc<Handler<C>>),
    Many(Arc<[Arc<Handler<C>>]>),
}

/// A handler and its token.
pub(crate) struct Handler<C: ?Sized> {
    token: EventToken,
    call: Mutex<C>,
}

impl<C> Handler<C> {
    pub(crate) fn new(call: C) -> Arc<Self> {
        let token = EventToken::next();
        let call = Mutex::new(call);
        Arc::new(Self { token, call })
    }
}

impl<C: ?Sized> List<C> {
    fn as_slice(&self) -> &[Arc<Handler<C>>] {
        match self {
            Self::Empty => &[],
            Self::One(handler) => slice::from_ref(handler),
            Self::Many(handlers) => handlers,
        }
    }
}

impl<C: ?Sized> FromIterator<Arc<Handler<C>>> for List<C> {
    fn from_iter<I: IntoIterator<Item = Arc<Handler<C>>>>(handlers: I) -> Self {
        let mut handlers: Vec<_> = handlers.into_iter().collect();
        match handlers.len() {
            0 => Self::Empty,
            1 => Self::One(handlers.remove(0)),
            _ => Self::Many(handlers.into()),
        }
    }
}

impl<C: ?Sized> Clone for List<C> {
    fn clone(&self) -> Self {
        match self {
            Self::Empty => Self::Empty,
            Self::One(handler) => Self::One(handler.clone()),
            Self::Many(handlers) => Self::Many(handlers.clone()),
        }
    }
}

impl<C: ?Sized> Handlers<C> {
    pub(crate) const fn new() -> Self {
        Self {
            list: Mutex::new(List::Empty),
            changes: AtomicU32::new(0),
            is_shut: AtomicBool::new(false),
        }
    }

    pub(crate) fn add(&self, handler: Arc<Handler<C>>) -> EventToken {
        let token = handler.token;
        self.change(|list| list.iter().cloned().chain([handler]).collect());
        token
    }

    /// Removes a handler. An unknown token is ignored.
    pub(crate) fn remove(&self, token: EventToken) {
        self.change(|list| {
            let kept = list.iter().filter(|handler| handler.token != token);
            kept.cloned().collect()
        });
    }

    /// Ends all events: none starts after this. The handlers are dropped with what is returned.
    pub(crate) fn shut(&self) -> impl Sized + use<C> {
        self.is_shut.store(true, Ordering::SeqCst);
        let former = mem::replace(&mut *self.list(), List::Empty);
        self.changes.fetch_add(1, Ordering::SeqCst);
        former
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(*self.list(), List::Empty)
    }

    fn change(&self, change: impl FnOnce(&[Arc<Handler<C>>]) -> List<C>) {
        let mut list = self.list();
        let changed = change(list.as_slice());
        let former = std::mem::replace(&mut *list, changed);
        self.changes.fetch_add(1, Ordering::SeqCst);
        drop(list);
        // A handler may own anything.
        drop(former);
    }

    fn list(&self) -> MutexGuard<'_, List<C>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: ?Sized> fmt::Debug for Handlers<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("count", &self.list().as_slice().len())
            .finish_non_exhaustive()
    }
}

/// Raises events one after the other, and looks the handlers up only when they have changed.
pub(crate) struct Delivery<'a, C: ?Sized> {
    handlers: &'a Handlers<C>,
    list: List<C>,
    /// The number of changes when the list was taken.
    changes: u32,
}

impl<'a, C: ?Sized> Delivery<'a, C> {
    pub(crate) fn of(handlers: &'a Handlers<C>) -> Self {
        // Before the list is taken, so that a change is noticed rather once too often.
        let changes = handlers.changes.load(Ordering::SeqCst);
        Self {
            handlers,
            list: handlers.list().clone(),
            changes,
        }
    }

    /// Calls all handlers in the order of their registration, each with its own clone of
    /// `arguments`. Returns `false` once the sender is closed: then none was called.
    ///
    /// If a handler panics, the panic hook reports that, and the next event goes to it as well
    /// (MSG-19).
    pub(crate) fn raise<A: Clone>(
        &mut self,
        arguments: A,
        mut call: impl FnMut(&mut C, A),
    ) -> bool {
        if self.handlers.is_shut.load(Ordering::SeqCst) {
            return false;
        }
        if self.handlers.changes.load(Ordering::SeqCst) != self.changes {
            *self = Self::of(self.handlers);
        }
        let mut call = |handler: &Handler<C>, arguments| {
            let mut handler = handler.call.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = panic::catch_unwind(AssertUnwindSafe(|| call(&mut handler, arguments)));
        };
        if let Some((last, others)) = self.list.as_slice().split_last() {
            for handler in others {
                call(handler, arguments.clone());
            }
            call(last, arguments);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Call = dyn FnMut(u32) + Send;

    fn raise(handlers: &Handlers<Call>, number: u32) -> bool {
        Delivery::of(handlers).raise(number, |handler, number| handler(number))
    }

    /// MSG-02, MSG-03: handlers are called in order; tokens are never 0, and unknown ones ignored.
    #[test]
    fn handlers_come_and_go() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handlers = Handlers::<Call>::new();
        let add = |name: char| {
            let seen = seen.clone();
            handlers.add(Handler::new(move |number| {
                seen.lock().unwrap().push((name, number));
            }))
        };
        assert!(handlers.is_empty());
        let (first, second) = (add('a'), add('b'));
        assert!(first != second && first.value() != 0);
        assert_eq!(EventToken::from_value(first.value()), Some(first));
        assert_eq!(EventToken::from_value(0), None);
        raise(&handlers, 1);
        handlers.remove(first);
        handlers.remove(first);
        raise(&handlers, 2);
        handlers.remove(second);
        assert!(handlers.is_empty());
        raise(&handlers, 3);
        assert_eq!(*seen.lock().unwrap(), [('a', 1), ('b', 1), ('b', 2)]);
    }

    /// CLS-05, MSG-03: a delivery under way notices what its handlers change.
    #[test]
    fn a_delivery_notices_changes() {
        let handlers = Arc::new(Handlers::<Call>::new());
        let calls = Arc::new(AtomicU32::new(0));
        let (inner, counted) = (handlers.clone(), calls.clone());
        let token = Arc::new(Mutex::new(None::<EventToken>));
        let own = token.clone();
        let registered = handlers.add(Handler::new(move |number: u32| {
            counted.fetch_add(1, Ordering::Relaxed);
            match number {
                1 => inner.remove(own.lock().unwrap().unwrap()),
                _ => drop(inner.shut()),
            }
        }));
        *token.lock().unwrap() = Some(registered);
        let mut delivery = Delivery::of(&handlers);
        let call = |handler: &mut Call, number: u32| handler(number);
        assert!(delivery.raise(1, call));
        // It has removed itself.
        assert!(delivery.raise(1, call));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        drop(handlers.shut());
        assert!(!delivery.raise(1, call));
    }
}
