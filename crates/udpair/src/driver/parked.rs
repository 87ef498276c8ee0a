//! Waiting for a future on the calling thread, without a runtime.
//!
//! A thread of the runtime for handlers lets another one take its place meanwhile.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::handlers::blocked;

/// Wakes a thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Returns the output of `future`.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let wait = || {
        thread::park();
        true
    };
    poll_until_ready(future, wait).expect("it waits without a limit")
}

/// Returns the output of `future`; `None` if `limit` elapses first.
pub(crate) fn block_on_for<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    // A limit that no clock can represent is none.
    let Some(end) = Instant::now().checked_add(limit) else {
        return Some(block_on(future));
    };
    poll_until_ready(future, || {
        let left = end.saturating_duration_since(Instant::now());
        thread::park_timeout(left);
        !left.is_zero()
    })
}

/// Polls a future, and calls `wait` while it is pending. Returns `None` if that returns `false`.
fn poll_until_ready<F: Future>(future: F, mut wait: impl FnMut() -> bool) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
        return Some(output);
    }
    blocked(|| {
        loop {
            if !wait() {
                return None;
            }
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return Some(output);
            }
        }
    })
}
