//! The runtime: readiness, timers, threads for calls that block, and streams for long DNS answers.
//!
//! Only this file and its folder name the runtime (tokio). A socket that is opened inside a runtime
//! stays in that runtime. If there is no current runtime, or one without I/O or timers, a
//! background thread of the process serves the socket. So no call panics because there is no
//! runtime, and any executor can await the futures.
//!
//! There is one exception: in a program built with `panic = "abort"`, a runtime must have its I/O
//! and its timers enabled.

mod detached;
mod handlers;
mod network;
mod parked;
mod probe;
#[cfg(feature = "dns")]
mod queries;
mod readiness;
mod threads;
mod waiters;
mod watched;

use std::future::{self, Future};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};
use tokio::task::{AbortHandle, JoinHandle, coop};
use tokio::time::Sleep;

pub(crate) use detached::Detached;
pub(crate) use handlers::{
    OutsideRuntime, call_handler, run_handler, spawn_in_handlers, start_in_handlers,
};
pub(crate) use network::NetworkWatch;
pub(crate) use parked::{block_on, block_on_for};
#[cfg(feature = "dns")]
pub(crate) use queries::{RuntimeId, current_runtime, tcp_exchange};
pub(crate) use threads::{SharedCalls, blocking};
pub(crate) use waiters::{Discarded, Ticket, Waiter, Waiters};
pub(crate) use watched::{ReaderWaker, WaitError, Watched};

/// Runs `future` inside a runtime, regardless of which executor polls it.
///
/// # Errors
///
/// Returns the system's error if there is no suitable current runtime and the background thread
/// cannot be started.
pub(crate) async fn in_runtime<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = runtime()?;
    let mut future = pin!(future);
    let output = future::poll_fn(|cx| {
        let _entered = runtime.enter();
        future.as_mut().poll(cx)
    });
    Ok(output.await)
}

/// Calls `action` inside a runtime.
///
/// # Errors
///
/// Those of [`in_runtime`].
pub(crate) fn within<T>(action: impl FnOnce() -> T) -> io::Result<T> {
    let runtime = runtime()?;
    let _entered = runtime.enter();
    Ok(action())
}

/// Returns the output of `future`, or `None` if `limit` elapses first.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

/// A timer for one time after the other.
#[derive(Debug)]
pub(crate) struct Timer(Pin<Box<Sleep>>);

impl Timer {
    /// Returns a timer for this time.
    pub(crate) fn at(time: Instant) -> Self {
        Self(Box::pin(tokio::time::sleep_until(time.into())))
    }

    /// Waits for the time.
    ///
    /// A task that has used up its cooperative budget waits here even after that time, but not for
    /// long. So a caller that must not miss the time looks at the clock as well.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

/// Waits for `duration`.
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// A handle to a spawned future. Dropping the handle aborts the future.
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

impl Task {
    fn new(handle: &JoinHandle<()>) -> Self {
        Self(handle.abort_handle())
    }

    /// Returns whether the future has not ended, neither by itself nor with its runtime.
    pub(crate) fn is_running(&self) -> bool {
        !self.0.is_finished()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Polls all futures concurrently and returns their outputs in order.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future), None))
        .collect();
    future::poll_fn(|cx| {
        let mut pending = false;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(value) => *output = Some(value),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

/// Consumes one unit of the task's cooperative budget ([`tokio::task::coop`]). Pending when the
/// budget is used up, so that a task with a flooded socket lets other tasks run.
#[inline]
pub(crate) fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
    ready!(coop::poll_proceed(cx)).made_progress();
    Poll::Ready(())
}

/// Consumes up to `units` units of the task's budget, without waiting, and returns whether some are
/// left.
pub(crate) fn consume_budget(cx: &mut Context<'_>, units: usize) -> bool {
    (0..units.min(BUDGET_MAX)).all(|_| poll_budget(cx).is_ready())
}

/// Lets other tasks run: makes the executor poll this task again after them, also after those that
/// wait for the runtime's timers and descriptors.
pub(crate) fn yield_now(cx: &mut Context<'_>) {
    // A task without budget is polled after the runtime looked for events. A woken one would be
    // polled before.
    if consume_budget(cx, BUDGET_MAX) {
        cx.waker().wake_by_ref();
    }
}

/// More units than a budget has.
const BUDGET_MAX: usize = 256;

/// Returns the current runtime if it can serve sockets, otherwise the background one.
fn runtime() -> io::Result<Handle> {
    if let Ok(handle) = Handle::try_current()
        && probe::serves_sockets(&handle)
    {
        return Ok(handle);
    }
    background()
}

/// Returns the background runtime of the process, which runs on its own thread. The first call
/// starts it.
fn background() -> io::Result<Handle> {
    static BACKGROUND: Mutex<Option<Handle>> = Mutex::new(None);
    let mut background = BACKGROUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*background {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("udpair".into())
        .spawn(move || {
            // The thread would keep the network namespace of its first user alive. If that is not
            // permitted, it does.
            let _ = udpair_io::enter_main_namespace();
            runtime.block_on(future::pending::<()>());
        })?;
    Ok(background.insert(handle).clone())
}
