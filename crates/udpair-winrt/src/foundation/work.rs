//! Futures as operations: the future runs somewhere, and the operation ends with it.

use std::any::Any;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use udpair::{background, hresult};

use super::handlers;
use super::operation::{Operation, Verdict};
use super::status::AsyncStatus;
use crate::error::{Error, Result};

/// The work of an operation, as a future that something has to poll; see [`Operation::start`].
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

type Running<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

impl<T> Operation<T>
where
    T: Clone + Send + Sync + 'static,
{
    /// Starts an operation on threads of [`udpair`].
    ///
    /// The first poll happens inside this call. So an operation that has nothing to wait for has
    /// ended when this returns, and operations start in the order of the calls.
    ///
    /// # Examples
    ///
    /// ```
    /// use udpair_winrt::{AsyncStatus, Operation};
    ///
    /// let operation = Operation::run(async { Ok(7) });
    /// assert_eq!(operation.status(), AsyncStatus::Completed);
    /// assert_eq!(operation.get_results().unwrap(), 7);
    /// ```
    pub fn run(future: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self::start(future, background::spawn)
    }

    /// Starts an operation: `spawn` takes the work to where it runs, and should poll it once inside
    /// the call.
    ///
    /// A panic of `future` is the error `E_FAIL` of the operation. If the work is dropped before its
    /// end, because its runtime ends for example, the error is `ERROR_OPERATION_ABORTED`; if `spawn`
    /// fails, it is that error.
    pub fn start<E: Into<Error>>(
        future: impl Future<Output = Result<T>> + Send + 'static,
        spawn: impl FnOnce(Task) -> Result<(), E>,
    ) -> Self {
        let operation = Self::started();
        operation.work_on(Box::pin(future), spawn);
        operation
    }
}

impl<T, P> Operation<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    /// Starts an operation that reports its progress, like [`run`](Operation::run). The future is made
    /// with a function that it calls to report.
    pub fn run_with_progress<F>(make: impl FnOnce(Reporter<T, P>) -> F) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let operation = Self::started();
        let future = make(Reporter(operation.clone()));
        operation.work_on(Box::pin(future), background::spawn);
        operation
    }

    fn work_on<E: Into<Error>>(
        &self,
        future: Running<T>,
        spawn: impl FnOnce(Task) -> Result<(), E>,
    ) {
        let work = Arc::new(Work {
            operation: self.clone(),
            state: Mutex::new(State {
                slot: Slot::Waiting(future, None),
                is_spawned: false,
            }),
        });
        let stopped = Arc::downgrade(&work);
        let late = self.set_stop(Box::new(move |verdict| match stopped.upgrade() {
            Some(work) => work.stop(verdict),
            None => Some(verdict),
        }));
        debug_assert!(late.is_none(), "a new operation has not ended");
        match spawn(Box::pin(Polling(work.clone()))) {
            Ok(()) => work.spawned(),
            Err(error) => self.end(AsyncStatus::Error, Err(error.into())),
        }
    }
}

/// Reports the progress of an operation; see [`Operation::run_with_progress`].
#[derive(Debug)]
pub struct Reporter<T, P>(Operation<T, P>);

impl<T, P> Reporter<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    /// Reports progress to the operation's handler, if it has one.
    pub fn report(&self, progress: P) {
        self.0.report(progress);
    }
}

/// A future and the operation that ends with it.
struct Work<T, P> {
    operation: Operation<T, P>,
    state: Mutex<State<T>>,
}

struct State<T> {
    slot: Slot<T>,
    /// Whether `spawn` has returned, and the task's end is the operation's.
    is_spawned: bool,
}

/// Where the future is.
enum Slot<T> {
    /// Here, until the waker of its task is called.
    Waiting(Running<T>, Option<Waker>),
    /// With the thread that polls it. If the work is stopped meanwhile, that thread drops it.
    Polled(Option<Verdict>),
    /// Dropped with the task.
    Lost,
    Over,
}

impl<T, P> Work<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Slot::Waiting(mut future, waker) = self.replace(Slot::Polled(None)) else {
            // It was stopped.
            self.replace(Slot::Over);
            return Poll::Ready(());
        };
        drop(waker);
        let polled = panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        let (status, result) = match polled {
            Ok(Poll::Pending) => match self.wait(future, cx.waker().clone()) {
                None => return Poll::Pending,
                Some((future, verdict)) => {
                    handlers::contained(|| drop(future));
                    (verdict.status, Err(verdict.error))
                }
            },
            Ok(Poll::Ready(result)) => {
                self.replace(Slot::Over);
                handlers::contained(|| drop(future));
                match result {
                    Ok(_) => (AsyncStatus::Completed, result),
                    Err(_) => (AsyncStatus::Error, result),
                }
            }
            Err(panic) => {
                self.replace(Slot::Over);
                handlers::contained(|| drop(future));
                (AsyncStatus::Error, Err(panicked(&*panic)))
            }
        };
        self.operation.end(status, result);
        Poll::Ready(())
    }

    /// Puts the future back to wait. If it was stopped while it was polled, returns it with the
    /// verdict.
    fn wait(&self, future: Running<T>, waker: Waker) -> Option<(Running<T>, Verdict)> {
        let mut state = self.state();
        match &mut state.slot {
            Slot::Polled(verdict) => match verdict.take() {
                None => {
                    state.slot = Slot::Waiting(future, Some(waker));
                    None
                }
                Some(verdict) => {
                    state.slot = Slot::Over;
                    drop(state);
                    drop(waker);
                    Some((future, verdict))
                }
            },
            _ => unreachable!("only the thread that polls changes this state"),
        }
    }

    /// Drops the future, now or after its poll.
    fn stop(&self, verdict: Verdict) -> Option<Verdict> {
        let (future, waker) = {
            let mut state = self.state();
            match std::mem::replace(&mut state.slot, Slot::Over) {
                Slot::Waiting(future, waker) => (future, waker),
                Slot::Polled(_) => {
                    state.slot = Slot::Polled(Some(verdict));
                    return None;
                }
                other @ (Slot::Lost | Slot::Over) => {
                    state.slot = other;
                    return None;
                }
            }
        };
        handlers::contained(|| drop(future));
        // The task ends.
        waker.into_iter().for_each(Waker::wake);
        Some(verdict)
    }

    /// Notes that `spawn` has returned. A task that it has dropped ends the operation.
    fn spawned(&self) {
        let mut state = self.state();
        state.is_spawned = true;
        let is_lost = matches!(state.slot, Slot::Lost);
        drop(state);
        if is_lost {
            self.lose();
        }
    }

    /// Drops the future with its task.
    fn dropped(&self) {
        let mut state = self.state();
        let slot = std::mem::replace(&mut state.slot, Slot::Over);
        let is_lost = !matches!(slot, Slot::Over);
        if is_lost {
            state.slot = Slot::Lost;
        }
        let is_spawned = state.is_spawned;
        drop(state);
        if is_lost {
            handlers::contained(|| drop(slot));
            if is_spawned {
                self.lose();
            }
        }
    }

    fn lose(&self) {
        let error = Error::aborted("the runtime of the operation has ended");
        self.operation.end(AsyncStatus::Error, Err(error));
    }

    fn replace(&self, slot: Slot<T>) -> Slot<T> {
        std::mem::replace(&mut self.state().slot, slot)
    }
}

impl<T, P> Work<T, P> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of some work.
struct Polling<T, P>(Arc<Work<T, P>>)
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static;

impl<T, P> Future for Polling<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}

impl<T, P> Drop for Polling<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    fn drop(&mut self) {
        self.0.dropped();
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    Error::new(hresult::E_FAIL, format!("the operation panicked: {text}"))
}
