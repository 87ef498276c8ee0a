//! `Operation`: the state that the handles of an operation share.
//!
//! Nothing foreign runs while the state is locked: handlers, wakers, results and whatever stops the
//! work are taken out first.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use udpair::hresult;

use super::handlers;
use super::status::AsyncStatus;
use crate::error::{Error, HResult, Result};

/// An operation that has started: what a method returns whose Windows name ends in `Async`.
///
/// The work goes on whether or not anything waits for it. An operation can be
///
/// - awaited, in any executor: `operation.await`, or `(&operation).await` to keep it,
/// - waited for by a thread: [`get`](Self::get),
/// - given a handler: [`set_completed`](Self::set_completed),
/// - looked at: [`status`](Self::status), [`get_results`](Self::get_results).
///
/// `P` is what the operation reports while it runs; without progress it is [`Infallible`]. A clone is
/// the same operation.
///
/// # Cancelling
///
/// [`cancel`](Self::cancel) ends the operation with the status `Canceled`. An awaited operation is
/// cancelled when its future is dropped before the end, as futures of Rust are. Dropping an operation
/// that is not being awaited, or is awaited by reference, cancels nothing.
///
/// # Examples
///
/// ```
/// use udpair_winrt::{AsyncStatus, Buffer, InputStream, InputStreamOptions};
///
/// # fn main() -> udpair_winrt::Result<()> {
/// let stream = InputStream::from_bytes("hello");
/// let operation = stream.read(Buffer::with_capacity(5), 5, InputStreamOptions::None);
/// operation.set_completed(|_, status| assert_eq!(status, AsyncStatus::Completed))?;
/// assert_eq!(operation.get()?.to_bytes(), "hello");
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `IAsyncInfo`, `IAsyncAction`, `IAsyncOperation<TResult>` and their variants with progress
/// (GEN-04, DR-19).
pub struct Operation<T, P = Infallible>(Arc<Shared<T, P>>);

/// An [`Operation`] without a result.
pub type Action = Operation<()>;

/// An [`Operation`] without a result that reports its progress.
pub type ActionWithProgress<P> = Operation<(), P>;

/// An [`Operation`] that reports its progress.
pub type OperationWithProgress<T, P> = Operation<T, P>;

struct Shared<T, P> {
    id: u32,
    state: Mutex<State<T, P>>,
}

struct State<T, P> {
    status: AsyncStatus,
    /// `None` until the operation ends.
    result: Option<Arc<Result<T>>>,
    is_refused: bool,
    is_closed: bool,
    completed: Completed<T, P>,
    progress: Option<Arc<ProgressHandler<T, P>>>,
    /// Calls of handlers that have not begun.
    notices: VecDeque<Notice<T, P>>,
    /// Whether a thread is calling handlers. It takes all notices, one after another.
    is_delivering: bool,
    followers: Vec<Follower<T>>,
    /// The futures that wait, each with its key.
    wakers: Vec<(u64, Waker)>,
    next_key: u64,
    stopper: Stopper,
}

enum Completed<T, P> {
    Unset,
    Set(Box<CompletedHandler<T, P>>),
    /// It was called, or is among the notices.
    Called,
}

enum Notice<T, P> {
    Completed(Box<CompletedHandler<T, P>>, AsyncStatus),
    Progress(Arc<ProgressHandler<T, P>>, P),
}

type CompletedHandler<T, P> = dyn FnOnce(&Operation<T, P>, AsyncStatus) + Send;
type ProgressHandler<T, P> = dyn Fn(&Operation<T, P>, P) + Send + Sync;

/// What another operation does when this one ends. It is part of this crate, and never blocks.
type Follower<T> = Box<dyn FnOnce(AsyncStatus, &Result<T>) + Send>;

/// How an operation ends that is stopped.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) status: AsyncStatus,
    pub(super) error: Error,
}

/// Stops the work of an operation. Returns the verdict if the work has ended, or `None` if the work
/// itself will end the operation.
pub(super) type Stop = Box<dyn FnOnce(Verdict) -> Option<Verdict> + Send>;

enum Stopper {
    /// Nothing has to be stopped.
    None,
    Some(Stop),
    /// The work is being stopped.
    Used,
}

impl<T, P> Operation<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    /// Returns an operation that has completed with this result.
    pub fn ready(result: T) -> Self {
        Self::ended(AsyncStatus::Completed, Ok(result), false)
    }

    /// Returns an operation that was refused with this error before anything was started.
    ///
    /// A binding for a language with exceptions throws such an error from the call itself; see
    /// [`refusal`](Self::refusal).
    pub fn refused(error: Error) -> Self {
        Self::ended(AsyncStatus::Error, Err(error), true)
    }

    /// Returns an operation that has ended with this result.
    pub fn from_result(result: Result<T>) -> Self {
        match result {
            Ok(result) => Self::ready(result),
            Err(error) => Self::ended(AsyncStatus::Error, Err(error), false),
        }
    }

    fn ended(status: AsyncStatus, result: Result<T>, is_refused: bool) -> Self {
        Self::with_state(State {
            status,
            result: Some(Arc::new(result)),
            is_refused,
            ..State::started()
        })
    }

    /// Returns an operation that something else has to end.
    pub(super) fn started() -> Self {
        Self::with_state(State::started())
    }

    fn with_state(state: State<T, P>) -> Self {
        static IDS: AtomicU32 = AtomicU32::new(1);
        Self(Arc::new(Shared {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            state: Mutex::new(state),
        }))
    }

    /// Returns the identifier of this operation. No other operation has it until 2^32 more have
    /// started.
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// Returns how far the operation is.
    pub fn status(&self) -> AsyncStatus {
        self.state().status
    }

    /// Returns the HRESULT of the error with which the operation ended; 0 if it has none, or has not
    /// ended.
    pub fn error_code(&self) -> HResult {
        self.error().map_or(0, |error| error.code())
    }

    /// Returns the error with which the operation ended.
    pub fn error(&self) -> Option<Error> {
        self.result()
            .and_then(|result| result.as_ref().as_ref().err().cloned())
    }

    /// Returns the error with which the call was refused, before anything was started: the state of
    /// the object did not allow it, or an argument was not valid.
    ///
    /// A binding throws this error from the call, and reports all others by the operation.
    pub fn refusal(&self) -> Option<Error> {
        if self.state().is_refused {
            self.error()
        } else {
            None
        }
    }

    /// Returns the result.
    ///
    /// # Errors
    ///
    /// - `E_ILLEGAL_METHOD_CALL`: the operation has not ended, or was closed.
    /// - The error with which it ended; `ERROR_OPERATION_ABORTED` if it was cancelled.
    pub fn get_results(&self) -> Result<T> {
        match self.result() {
            Some(result) => (*result).clone(),
            None => Err(Error::illegal_call("the operation has not ended")),
        }
    }

    /// Sets the handler that is called when the operation ends.
    ///
    /// It is called exactly once: at once, on the calling thread, if the operation has ended;
    /// otherwise on a thread of its own, after the handler of the progress has returned. It may
    /// block, and use the operation. A panic in it is contained.
    ///
    /// # Errors
    ///
    /// - `E_ILLEGAL_DELEGATE_ASSIGNMENT`: a handler was set before.
    /// - `E_ILLEGAL_METHOD_CALL`: the operation was closed.
    pub fn set_completed(
        &self,
        handler: impl FnOnce(&Self, AsyncStatus) + Send + 'static,
    ) -> Result<()> {
        let mut state = self.state();
        if !matches!(state.completed, Completed::Unset) {
            drop(state);
            return Err(Error::new(
                hresult::E_ILLEGAL_DELEGATE_ASSIGNMENT,
                "the operation has a handler already",
            ));
        }
        if state.is_closed {
            drop(state);
            return Err(closed());
        }
        if state.result.is_none() {
            state.completed = Completed::Set(Box::new(handler));
            return Ok(());
        }
        let status = state.status;
        state.completed = Completed::Called;
        if state.is_delivering {
            // After the progress that is being reported.
            let notice = Notice::Completed(Box::new(handler), status);
            state.notices.push_back(notice);
            return Ok(());
        }
        drop(state);
        handler(self, status);
        Ok(())
    }

    /// Calls `action` when the operation has ended, on a thread of its own, where it may block.
    ///
    /// This does not use up the handler of [`set_completed`](Self::set_completed), and may be called
    /// any number of times: a binding for a language with coroutines resumes them so.
    pub fn when_ended(&self, action: impl FnOnce(AsyncStatus) + Send + 'static) {
        self.follow(move |status, _| handlers::run(move || action(status)));
    }

    /// Sets the handler that is called with the progress of the operation, and replaces an earlier
    /// one. What was reported before is not repeated.
    ///
    /// Calls come one after another, on threads of their own, and may block.
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`: the operation was closed.
    pub fn set_progress(&self, handler: impl Fn(&Self, P) + Send + Sync + 'static) -> Result<()> {
        let handler: Arc<ProgressHandler<T, P>> = Arc::new(handler);
        let mut state = self.state();
        if state.is_closed {
            drop(state);
            return Err(closed());
        }
        let former = state.progress.replace(handler);
        drop(state);
        drop(former);
        Ok(())
    }

    /// Cancels the operation. It ends as `Canceled`, with the error `ERROR_OPERATION_ABORTED`, unless
    /// it has ended or is just ending by itself.
    ///
    /// What was being done is dropped before the operation ends; what the system has accepted is not
    /// recalled (GEN-05).
    pub fn cancel(&self) {
        self.stop(Verdict {
            status: AsyncStatus::Canceled,
            error: Error::aborted("the operation was cancelled"),
        });
    }

    /// Releases the result. Later calls of [`get_results`](Self::get_results) and of methods that set
    /// a handler fail. Closing an operation again does nothing.
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`: the operation has not ended.
    pub fn close(&self) -> Result<()> {
        let mut state = self.state();
        if state.result.is_none() {
            drop(state);
            return Err(Error::illegal_call("the operation has not ended"));
        }
        if !state.is_closed {
            state.is_closed = true;
            let result = state.result.replace(Arc::new(Err(closed())));
            let progress = state.progress.take();
            drop(state);
            drop((result, progress));
        }
        Ok(())
    }

    /// Ends the operation with an error because what it works on was closed.
    pub(crate) fn abort(&self) {
        self.stop(Verdict {
            status: AsyncStatus::Error,
            error: Error::aborted("what the operation used was closed"),
        });
    }

    /// Stops the work, and ends the operation like this.
    pub(super) fn stop(&self, verdict: Verdict) {
        let stopper = {
            let mut state = self.state();
            if state.result.is_some() {
                return;
            }
            std::mem::replace(&mut state.stopper, Stopper::Used)
        };
        let verdict = match stopper {
            Stopper::None => Some(verdict),
            Stopper::Some(stop) => stop(verdict),
            Stopper::Used => None,
        };
        if let Some(Verdict { status, error }) = verdict {
            self.end(status, Err(error));
        }
    }

    /// Sets what stops the work, unless the operation has ended or is being stopped; then it is
    /// returned.
    pub(super) fn set_stop(&self, stop: Stop) -> Option<Stop> {
        let mut state = self.state();
        if state.result.is_some() || matches!(state.stopper, Stopper::Used) {
            return Some(stop);
        }
        let former = std::mem::replace(&mut state.stopper, Stopper::Some(stop));
        drop(state);
        drop(former);
        None
    }

    /// Ends the operation, if it has not ended, and notifies everything that waits for it.
    pub(super) fn end(&self, status: AsyncStatus, result: Result<T>) {
        let result = Arc::new(result);
        let mut state = self.state();
        if state.result.is_some() {
            drop(state);
            return;
        }
        state.status = status;
        state.result = Some(result.clone());
        let stopper = std::mem::replace(&mut state.stopper, Stopper::Used);
        let followers = std::mem::take(&mut state.followers);
        let wakers = std::mem::take(&mut state.wakers);
        let completed = std::mem::replace(&mut state.completed, Completed::Unset);
        let mut delivers = false;
        if let Completed::Set(handler) = completed {
            state.completed = Completed::Called;
            state.notices.push_back(Notice::Completed(handler, status));
            delivers = !std::mem::replace(&mut state.is_delivering, true);
        }
        drop(state);
        drop(stopper);
        for follower in followers {
            follower(status, &result);
        }
        for (_, waker) in wakers {
            waker.wake();
        }
        if delivers {
            self.deliver_elsewhere();
        }
    }

    /// Reports progress to the handler, if there is one and the operation has not ended.
    pub(super) fn report(&self, progress: P) {
        let mut state = self.state();
        let handler = match &state.progress {
            Some(handler) if state.result.is_none() => handler.clone(),
            _ => {
                drop(state);
                return;
            }
        };
        state.notices.push_back(Notice::Progress(handler, progress));
        let delivers = !std::mem::replace(&mut state.is_delivering, true);
        drop(state);
        if delivers {
            self.deliver_elsewhere();
        }
    }

    /// Lets a thread of its own call the handlers.
    fn deliver_elsewhere(&self) {
        let operation = self.clone();
        handlers::run(move || operation.deliver());
    }

    /// Calls the handlers that are due, one after another.
    fn deliver(&self) {
        loop {
            let mut state = self.state();
            let Some(notice) = state.notices.pop_front() else {
                state.is_delivering = false;
                return;
            };
            drop(state);
            handlers::contained(|| match notice {
                Notice::Completed(handler, status) => handler(self, status),
                Notice::Progress(handler, progress) => handler(self, progress),
            });
        }
    }

    /// Calls `follower` when the operation ends, at once if it has ended.
    ///
    /// The call comes from whatever thread ends the operation, before its waiters are woken.
    pub(crate) fn follow(&self, follower: impl FnOnce(AsyncStatus, &Result<T>) + Send + 'static) {
        let mut state = self.state();
        match state.result.clone() {
            None => state.followers.push(Box::new(follower)),
            Some(result) => {
                let status = state.status;
                drop(state);
                follower(status, &result);
            }
        }
    }

    /// Returns the result, or registers the waker. `key` is that of the waiting future.
    pub(super) fn poll_result(&self, key: &mut Option<u64>, cx: &Context<'_>) -> Poll<Result<T>> {
        // Cloned while nothing is locked: it is foreign code.
        let waker = cx.waker().clone();
        let mut state = self.state();
        if let Some(result) = state.result.clone() {
            drop(state);
            return Poll::Ready((*result).clone());
        }
        let known = state
            .wakers
            .iter()
            .position(|(other, _)| Some(*other) == *key);
        let former = match known {
            Some(index) => Some(std::mem::replace(&mut state.wakers[index].1, waker)),
            None => {
                let new = state.next_key;
                state.next_key += 1;
                state.wakers.push((new, waker));
                *key = Some(new);
                None
            }
        };
        drop(state);
        drop(former);
        Poll::Pending
    }

    /// Forgets the waker of a future that no longer waits.
    pub(super) fn forget(&self, key: u64) {
        let mut state = self.state();
        let index = state.wakers.iter().position(|(other, _)| *other == key);
        let waker = index.map(|index| state.wakers.swap_remove(index));
        drop(state);
        drop(waker);
    }

    /// Returns the result, if the operation has ended.
    fn result(&self) -> Option<Arc<Result<T>>> {
        self.state().result.clone()
    }
}

impl<T, P> Operation<T, P> {
    fn state(&self) -> MutexGuard<'_, State<T, P>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, P> State<T, P> {
    fn started() -> Self {
        Self {
            status: AsyncStatus::Started,
            result: None,
            is_refused: false,
            is_closed: false,
            completed: Completed::Unset,
            progress: None,
            notices: VecDeque::new(),
            is_delivering: false,
            followers: Vec::new(),
            wakers: Vec::new(),
            next_key: 0,
            stopper: Stopper::None,
        }
    }
}

impl<T, P> Clone for Operation<T, P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T, P> fmt::Debug for Operation<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("id", &self.0.id)
            .field("status", &self.state().status)
            .finish_non_exhaustive()
    }
}

fn closed() -> Error {
    Error::illegal_call("the operation is closed")
}
