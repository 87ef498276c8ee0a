//! A receiver that works on each datagram, and a ticker that shares its thread.
//!
//! The ticker stands for the other tasks of an application. How late it ticks shows how long a
//! flooded receiver keeps the thread.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep_until;

/// How long this process works on each datagram; not set if it does not work.
static WORK: OnceLock<Duration> = OnceLock::new();

/// How late each tick was.
static LATE: Mutex<Vec<Duration>> = Mutex::new(Vec::new());

/// Makes this process work on each datagram, beside a ticker.
pub(crate) fn set_work(work: Duration) {
    let _ = WORK.set(work);
}

/// Returns how long this process works on each datagram.
pub(super) fn work() -> Duration {
    WORK.get().copied().unwrap_or_default()
}

/// Starts the ticker in the current runtime, if this process works on datagrams.
pub(crate) fn start() {
    if WORK.get().is_some() {
        tokio::spawn(async {
            loop {
                let due = Instant::now() + INTERVAL;
                sleep_until(due.into()).await;
                let mut late = LATE.lock().unwrap_or_else(PoisonError::into_inner);
                late.push(due.elapsed());
            }
        });
    }
}

/// Works for a time.
#[inline]
pub(super) fn spend(work: Duration) {
    let started = Instant::now();
    while started.elapsed() < work {
        std::hint::spin_loop();
    }
}

/// Returns how late the ticks were, in milliseconds.
pub(super) fn lateness() -> Value {
    let mut late = LATE.lock().unwrap_or_else(PoisonError::into_inner);
    late.sort_unstable();
    let at = |share: f64| {
        let last = late.len().saturating_sub(1);
        let late = late.get((last as f64 * share).round() as usize);
        late.copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    json!({ "ticks": late.len(), "p50_ms": at(0.5), "max_ms": at(1.0) })
}

const INTERVAL: Duration = Duration::from_millis(5);
