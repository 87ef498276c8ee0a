//! Waiting for an operation: by a task or by a thread.

use std::cell::Cell;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

use udpair::background;

use super::operation::Operation;
use crate::error::Result;

/// The future of an [`Operation`]: what `await` makes of it.
///
/// It needs no runtime. If it was made of an operation, and not of a reference to one, dropping it
/// before the end cancels the operation.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct OperationFuture<T, P = std::convert::Infallible>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    operation: Operation<T, P>,
    /// The key of the waker that is registered.
    key: Option<u64>,
    cancels: bool,
}

impl<T, P> OperationFuture<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    fn of(operation: Operation<T, P>, cancels: bool) -> Self {
        Self {
            operation,
            key: None,
            cancels,
        }
    }
}

impl<T, P> Operation<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    /// Waits for the operation on the calling thread, and returns its result.
    ///
    /// No runtime is needed. A handler of another operation may wait too. In a task of an
    /// asynchronous program, await the operation instead: this holds up the other tasks of the
    /// thread.
    ///
    /// # Errors
    ///
    /// The error with which the operation ends.
    pub fn get(&self) -> Result<T> {
        background::wait(self.into_future())
    }
}

impl<T, P> IntoFuture for Operation<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    type Output = Result<T>;
    type IntoFuture = OperationFuture<T, P>;

    fn into_future(self) -> Self::IntoFuture {
        OperationFuture::of(self, true)
    }
}

impl<T, P> IntoFuture for &Operation<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    type Output = Result<T>;
    type IntoFuture = OperationFuture<T, P>;

    fn into_future(self) -> Self::IntoFuture {
        OperationFuture::of(self.clone(), false)
    }
}

impl<T, P> Future for OperationFuture<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if is_time_to_yield() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let this = &mut *self;
        let polled = this.operation.poll_result(&mut this.key, cx);
        if polled.is_ready() {
            this.cancels = false;
        }
        polled
    }
}

impl<T, P> Drop for OperationFuture<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.operation.forget(key);
        }
        if self.cancels {
            self.operation.cancel();
        }
    }
}

/// Returns whether a task should let others run. Operations are often ready when they are awaited,
/// so that a task which awaits many would otherwise never leave its thread.
fn is_time_to_yield() -> bool {
    thread_local! {
        static POLLS: Cell<u32> = const { Cell::new(0) };
    }
    let polls = POLLS.get() + 1;
    let is_time = polls >= POLLS_MAX;
    POLLS.set(if is_time { 0 } else { polls });
    is_time
}

/// As many as a task of tokio may do before it has to yield.
const POLLS_MAX: u32 = 128;
