//! The runtime: readiness, timers, the blocking pool, and streams for long DNS answers.
//!
//! This file and its folder are the only ones that name it (tokio). Whoever opens a socket inside a
//! runtime stays in that runtime; where there is none, or one without I/O and timers, a background
//! thread of the process serves. So no call panics for want of a runtime, and a future may be awaited
//! by any executor. (One exception: in a program built with `panic = "abort"` a runtime must have its I/O
//! and its timers switched on.)

mod network;
mod probe;
mod readiness;
mod tcp;
mod waiters;
mod watched;

use std::future::{self, Future};
use std::io;
use std::panic;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::task::{AbortHandle, coop};

pub(crate) use network::NetworkWatch;
pub(crate) use tcp::exchange as tcp_exchange;
pub(crate) use waiters::{Ticket, Waiter, Waiters};
pub(crate) use watched::{ReaderWaker, WaitError, Watched};

/// Runs `future` with a runtime around it, whoever polls it.
///
/// # Errors
///
/// The system's own, when there is no runtime and no thread can be started for one.
pub(crate) async fn in_runtime<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = runtime()?;
    let mut future = pin!(future);
    let output = future::poll_fn(|cx| {
        let _entered = runtime.enter();
        future.as_mut().poll(cx)
    });
    Ok(output.await)
}

/// Calls `action` with a runtime around it.
///
/// # Errors
///
/// Those of [`in_runtime`].
pub(crate) fn within<T>(action: impl FnOnce() -> T) -> io::Result<T> {
    let runtime = runtime()?;
    let _entered = runtime.enter();
    Ok(action())
}

/// Returns what `future` returns, or `None` when `limit` is over first.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

/// Waits.
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Runs `work`, which blocks, on a thread where that harms nobody.
///
/// A dropped future leaves the work running; its result is dropped then.
///
/// # Errors
///
/// The runtime is shutting down.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(output) => Ok(output),
        Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// A future that runs by itself; dropped, it ends.
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts a future that runs by itself, in the runtime around us or the background one.
///
/// # Errors
///
/// The system's own, when there is no runtime and no thread can be started for one.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> io::Result<Task> {
    Ok(Task(runtime()?.spawn(future).abort_handle()))
}

/// Polls all futures side by side and returns their outputs in order.
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

/// Takes one unit of the task's share of the thread; pending when it is used up, so that a socket
/// under a flood lets others run.
#[inline]
pub(crate) fn poll_share(cx: &mut Context<'_>) -> Poll<()> {
    ready!(coop::poll_proceed(cx)).made_progress();
    Poll::Ready(())
}

/// The runtime we are in if it serves sockets, else the background one.
fn runtime() -> io::Result<Handle> {
    if let Ok(handle) = Handle::try_current()
        && probe::serves_sockets(&handle)
    {
        return Ok(handle);
    }
    background()
}

/// The process's own runtime, on a thread of its own, started when first needed.
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
        .spawn(move || runtime.block_on(future::pending::<()>()))?;
    Ok(background.insert(handle).clone())
}
