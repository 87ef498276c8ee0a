//! The questions that are being asked. Equal questions are asked once, and all tasks that wait for
//! the answer share it.
//!
//! There is no task that asks: every waiter drives the question while it is polled, so that a
//! single waiter costs nothing more. A waiter that is dropped leaves the question to the others,
//! and with the last one the question ends.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use super::asking::{Asking, Outcome, Question};
use super::failure::ServerReport;
use crate::driver::{Discarded, RuntimeId, Ticket, Timer, Waiters};
use crate::resolve::step::{DnsQuery, QueryOutcome};

/// The questions of one resolver that are being asked.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<Questions>);

type Questions = HashMap<Arc<Key>, Weak<Shared>>;

/// What makes two questions equal.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Key {
    /// The sockets and timers of a question belong to one runtime.
    pub(super) runtime: RuntimeId,
    pub(super) servers: Arc<[SocketAddr]>,
    /// The index of the adapter through which queries leave.
    pub(super) adapter: Option<u32>,
    pub(super) question: Arc<Question>,
}

/// Questions that differ only in the way to the servers are rare, so they may have the same hash.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.question.hash(state);
    }
}

impl InFlight {
    /// Returns a waiter for the question that `key` stands for, until `deadline`. If the question
    /// is not being asked, `begin` begins it.
    pub(super) fn wait(
        self: &Arc<Self>,
        key: Arc<Key>,
        deadline: Instant,
        begin: impl FnOnce() -> Asking,
    ) -> Waiting {
        let begin = || {
            Arc::new(Shared {
                state: Mutex::new(State::Running(Box::new(begin()))),
                notifier: Arc::default(),
            })
        };
        let mut questions = self.questions();
        let (shared, is_joined) = match questions.entry(key.clone()) {
            Entry::Occupied(mut entry) => match entry.get().upgrade() {
                Some(running) => (running, true),
                None => {
                    let shared = begin();
                    entry.insert(Arc::downgrade(&shared));
                    (shared, false)
                }
            },
            Entry::Vacant(entry) => {
                let shared = begin();
                entry.insert(Arc::downgrade(&shared));
                (shared, false)
            }
        };
        drop(questions);
        Waiting {
            key,
            // The question has a timer of its own for the time limit of the waiter that began it.
            timer: is_joined.then(|| Timer::at(deadline)),
            deadline,
            is_joined,
            ticket: Ticket::default(),
            has_ended: false,
            shared: Some(shared),
            questions: self.clone(),
        }
    }

    /// Returns the queries that have no response yet.
    pub(super) fn open_queries(&self) -> Vec<DnsQuery> {
        let running: Vec<_> = self
            .questions()
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        let queries = running.iter().flat_map(|shared| match &*shared.state() {
            State::Running(asking) => asking.open_queries().collect(),
            State::Ended(_) => Vec::new(),
        });
        queries.collect()
    }

    /// Removes a question, so that an equal one begins anew.
    fn remove(&self, key: &Arc<Key>, is_this: impl FnOnce(&Weak<Shared>) -> bool) {
        let mut questions = self.questions();
        if let Entry::Occupied(entry) = questions.entry(key.clone())
            && is_this(entry.get())
        {
            entry.remove();
        }
    }

    fn questions(&self) -> MutexGuard<'_, Questions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that several tasks may wait for.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    notifier: Arc<Notifier>,
}

enum State {
    Running(Box<Asking>),
    Ended(Arc<Outcome>),
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running(_) => "Running",
            Self::Ended(_) => "Ended",
        })
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with the question. Returns whether the waiters must be woken, and the outcome if the
    /// question has ended.
    fn poll(&self) -> (bool, Option<Arc<Outcome>>) {
        let mut state = self.state();
        let asking = match &mut *state {
            State::Running(asking) => asking,
            State::Ended(outcome) => return (false, Some(outcome.clone())),
        };
        self.notifier.defer();
        let waker = Waker::from(self.notifier.clone());
        let polled = asking.poll(&mut Context::from_waker(&waker));
        let is_woken = self.notifier.stop_deferring();
        match polled {
            Poll::Pending => (is_woken, None),
            Poll::Ready(outcome) => {
                let outcome = Arc::new(outcome);
                *state = State::Ended(outcome.clone());
                (true, Some(outcome))
            }
        }
    }
}

/// Wakes the tasks that wait for a question. While the question is polled, and its lock is held, it
/// only notes that they are to be woken: a waker may run arbitrary code.
#[derive(Debug, Default)]
struct Notifier {
    waiters: Waiters,
    state: AtomicU8,
}

impl Notifier {
    fn defer(&self) {
        self.state.store(DEFERRING, Ordering::SeqCst);
    }

    /// Returns whether the waiters are to be woken.
    fn stop_deferring(&self) -> bool {
        self.state.swap(DIRECT, Ordering::SeqCst) == WOKEN
    }
}

impl Wake for Notifier {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let note = |state| (state != DIRECT).then_some(WOKEN);
        let noted = self
            .state
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, note);
        if noted.is_err() {
            self.waiters.wake_all();
        }
    }
}

/// Waiters are woken at once.
const DIRECT: u8 = 0;
/// The question is being polled.
const DEFERRING: u8 = 1;
/// The question is being polled, and the waiters are to be woken afterwards.
const WOKEN: u8 = 2;

/// A waiter for a question.
#[derive(Debug)]
pub(super) struct Waiting {
    key: Arc<Key>,
    deadline: Instant,
    timer: Option<Timer>,
    /// Whether another waiter began the question.
    is_joined: bool,
    ticket: Ticket,
    has_ended: bool,
    /// `None` only while this is dropped.
    shared: Option<Arc<Shared>>,
    questions: Arc<InFlight>,
}

/// What a waiter has waited for.
#[derive(Debug)]
pub(super) enum Waited {
    /// The question has ended.
    Ended(Arc<Outcome>),
    /// The question goes on, but this waiter has reached its deadline.
    Elapsed,
}

impl Waiting {
    /// Returns whether another waiter began the question, whose time limit may have been shorter.
    pub(super) fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// Lets an equal question begin anew, after this one has ended.
    pub(super) fn forget(&self) {
        let Some(shared) = &self.shared else { return };
        let this = Arc::as_ptr(shared);
        self.questions
            .remove(&self.key, |other| Weak::as_ptr(other) == this);
    }

    /// Returns every query so far, and what is known of the servers. Queries without a response
    /// have this outcome.
    pub(super) fn snapshot(&self, open: &QueryOutcome) -> (Vec<DnsQuery>, Vec<ServerReport>) {
        match self.shared.as_ref().map(|shared| shared.state()).as_deref() {
            Some(State::Running(asking)) => asking.snapshot(open),
            _ => (Vec::new(), Vec::new()),
        }
    }
}

impl Future for Waiting {
    type Output = Waited;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Waited> {
        let this = self.get_mut();
        let Some(shared) = &this.shared else {
            return Poll::Pending;
        };
        // No lock is held here, nor when this is dropped.
        let mut discarded = Discarded::default();
        let waiters = &shared.notifier.waiters;
        // Enlisted before the poll, so that a wake-up in between is not lost.
        waiters.enlist(&mut this.ticket, cx.waker(), &mut discarded);
        let (is_woken, outcome) = shared.poll();
        if outcome.is_some() {
            this.has_ended = true;
            waiters.leave(&mut this.ticket, &mut discarded);
        }
        if is_woken {
            waiters.wake_all();
        }
        if let Some(outcome) = outcome {
            return Poll::Ready(Waited::Ended(outcome));
        }
        if let Some(timer) = &mut this.timer
            && (timer.poll(cx).is_ready() || Instant::now() >= this.deadline)
        {
            return Poll::Ready(Waited::Elapsed);
        }
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            let mut discarded = Discarded::default();
            let waiters = &shared.notifier.waiters;
            waiters.leave(&mut self.ticket, &mut discarded);
            // Without a lock: the last waiter closes the sockets of the question.
            drop(shared);
        }
        if !self.has_ended {
            self.questions
                .remove(&self.key, |other| other.strong_count() == 0);
        }
    }
}
