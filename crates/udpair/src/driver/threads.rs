//! Threads for calls that block and cannot be cancelled.
//!
//! The runtime has threads for such calls too. But it waits for them when it ends, so that a call
//! that no task waits for any more keeps the program alive, and enough abandoned calls occupy all
//! of them. The threads here belong to no runtime and end with the process.
//!
//! Every call has a thread of its own, which the waiting task starts: a new thread is in the
//! network namespace of the thread that starts it, a waiting one may be in another.

use std::any::Any;
use std::collections::HashMap;
use std::future;
use std::hash::Hash;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread;

use super::waiters::{Waiter, Waiters};

/// Runs `work`, which blocks, on a thread of its own.
///
/// If the future is dropped, the work goes on and its result is discarded. The work ends with the
/// process.
///
/// # Errors
///
/// Returns the system's error if it has no thread left.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    static THREADS: LazyLock<Threads> = LazyLock::new(|| Threads::new("udpair-io", THREADS_MAX));
    let slot = THREADS.slot().await;
    let promise: Arc<Promise<thread::Result<T>>> = Arc::default();
    let kept = promise.clone();
    slot.run(move || kept.keep(panic::catch_unwind(AssertUnwindSafe(work))))?;
    match promise.kept(Option::take).await {
        Ok(output) => Ok(output),
        Err(panic) => panic::resume_unwind(panic),
    }
}

/// Calls that block, of which equal ones share one thread and one result.
#[derive(Debug)]
pub(crate) struct SharedCalls<K, V> {
    threads: Threads,
    /// The calls that have not returned. A call stays here if no task waits for it any more: it
    /// cannot be cancelled, and a later task may want its result.
    running: Mutex<HashMap<K, Arc<Outcome<V>>>>,
}

/// A call that has begun.
#[derive(Debug)]
pub(crate) struct SharedCall<V>(Arc<Outcome<V>>);

type Outcome<V> = Promise<Result<V, Arc<io::Error>>>;

impl<K, V> SharedCalls<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    /// Creates an empty set, of which at most `most` calls run at the same time. Their threads have
    /// this name.
    pub(crate) fn new(name: &'static str, most: usize) -> Self {
        Self {
            threads: Threads::new(name, most),
            running: Mutex::default(),
        }
    }

    /// Begins the call that `key` stands for, or joins it if it is running. Waits while all threads
    /// are busy.
    ///
    /// # Errors
    ///
    /// Returns the system's error if it has no thread left.
    pub(crate) async fn begin(
        &'static self,
        key: K,
        work: impl FnOnce() -> V + Send + 'static,
    ) -> io::Result<SharedCall<V>> {
        let mut work = Some(work);
        let mut waiter = Waiter::on(&self.threads.freed);
        let begun = future::poll_fn(|cx| {
            // Enlisted before the look, so that a thread that becomes free in between wakes the
            // task.
            waiter.enlist(cx.waker());
            let mut running = self.running();
            if let Some(outcome) = running.get(&key) {
                return Poll::Ready(Ok(SharedCall(outcome.clone())));
            }
            let Some(slot) = self.threads.acquire() else {
                return Poll::Pending;
            };
            let outcome: Arc<Outcome<V>> = Arc::default();
            running.insert(key.clone(), outcome.clone());
            drop(running);
            let work = work.take().expect("the call begins once");
            Poll::Ready(self.run(slot, &key, outcome, work))
        });
        begun.await
    }

    fn run(
        &'static self,
        slot: Slot,
        key: &K,
        outcome: Arc<Outcome<V>>,
        work: impl FnOnce() -> V + Send + 'static,
    ) -> io::Result<SharedCall<V>> {
        let (kept, call) = (outcome.clone(), key.clone());
        let started = slot.run(move || {
            let result = panic::catch_unwind(AssertUnwindSafe(work));
            let result = result.map_err(|panic| Arc::new(panicked(&*panic)));
            self.running().remove(&call);
            kept.keep(result);
        });
        match started {
            Ok(()) => Ok(SharedCall(outcome)),
            Err(error) => {
                self.running().remove(key);
                // Another task may have joined the call.
                outcome.keep(Err(Arc::new(copy(&error))));
                Err(error)
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<K, Arc<Outcome<V>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone> SharedCall<V> {
    /// Waits for the call to return.
    ///
    /// # Errors
    ///
    /// Returns an error if the call panicked, or if its thread could not be started.
    pub(crate) async fn result(&self) -> io::Result<V> {
        let outcome = self.0.kept(|outcome| outcome.clone()).await;
        outcome.map_err(|error| copy(&error))
    }
}

fn panicked(panic: &(dyn Any + Send)) -> io::Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    io::Error::other(format!("the call panicked: {}", text.unwrap_or_default()))
}

/// Returns a copy of an error, because several tasks need it.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// A limited number of threads.
#[derive(Debug)]
struct Threads {
    name: &'static str,
    most: usize,
    busy: AtomicUsize,
    /// The tasks that wait for a thread.
    freed: Waiters,
}

/// The right to run one thread. It is free again when this value is dropped.
#[derive(Debug)]
struct Slot(&'static Threads);

impl Threads {
    fn new(name: &'static str, most: usize) -> Self {
        Self {
            name,
            most,
            busy: AtomicUsize::new(0),
            freed: Waiters::default(),
        }
    }

    fn acquire(&'static self) -> Option<Slot> {
        let more = |busy| (busy < self.most).then_some(busy + 1);
        let acquired = self
            .busy
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        acquired.ok().map(|_| Slot(self))
    }

    /// Waits until a thread is free.
    async fn slot(&'static self) -> Slot {
        let mut waiter = Waiter::on(&self.freed);
        let acquired = future::poll_fn(|cx| {
            waiter.enlist(cx.waker());
            self.acquire().map_or(Poll::Pending, Poll::Ready)
        });
        acquired.await
    }
}

impl Slot {
    /// Runs `work` on a new thread, which nobody waits for.
    fn run(self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().name(self.0.name.into());
        thread.spawn(move || {
            work();
            drop(self);
        })?;
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
        self.0.freed.wake_all();
    }
}

/// A value that another thread supplies.
#[derive(Debug)]
struct Promise<T> {
    value: Mutex<Option<T>>,
    waiters: Waiters,
}

impl<T> Default for Promise<T> {
    fn default() -> Self {
        Self {
            value: Mutex::new(None),
            waiters: Waiters::default(),
        }
    }
}

impl<T> Promise<T> {
    fn keep(&self, value: T) {
        *self.value() = Some(value);
        self.waiters.wake_all();
    }

    /// Waits until the value is there, and returns what `look` finds in it.
    async fn kept<R>(&self, look: impl Fn(&mut Option<T>) -> Option<R>) -> R {
        let mut waiter = Waiter::on(&self.waiters);
        let kept = future::poll_fn(|cx| {
            waiter.enlist(cx.waker());
            look(&mut self.value()).map_or(Poll::Pending, Poll::Ready)
        });
        kept.await
    }

    fn value(&self) -> MutexGuard<'_, Option<T>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of threads that read files and the like at the same time. Such work takes
/// milliseconds, unless a file is on a server that does not respond.
const THREADS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;

    /// Returns a new set of calls that is never dropped, as those of the program are.
    fn calls(most: usize) -> &'static SharedCalls<u32, u32> {
        Box::leak(Box::new(SharedCalls::new("test", most)))
    }

    /// Returns work that waits until the test sends it a result.
    fn work() -> (mpsc::Sender<u32>, impl FnOnce() -> u32 + Send + 'static) {
        let (sender, receiver) = mpsc::channel();
        (sender, move || receiver.recv().unwrap_or(0))
    }

    #[tokio::test]
    async fn equal_calls_share_one_thread_and_one_result() {
        let calls = calls(1);
        let (first, work_of_first) = work();
        let one = calls.begin(1, work_of_first).await.unwrap();
        let same = calls.begin(1, || panic!("it is running")).await.unwrap();
        // A task that gives up does not end the call for the others.
        drop(one);
        first.send(7).unwrap();
        assert_eq!(same.result().await.unwrap(), 7);
        // After its end the same call is a new one.
        let again = calls.begin(1, || 8).await.unwrap();
        assert_eq!(again.result().await.unwrap(), 8);
    }

    #[tokio::test]
    async fn a_call_waits_for_a_free_thread() {
        let calls = calls(2);
        let (first, work_of_first) = work();
        let (_second, work_of_second) = work();
        let one = calls.begin(1, work_of_first).await.unwrap();
        // Abandoned at once, and still busy.
        drop(calls.begin(2, work_of_second).await.unwrap());
        let mut third = pin!(calls.begin(3, || 9));
        let mut context = Context::from_waker(Waker::noop());
        assert!(third.as_mut().poll(&mut context).is_pending());
        // An equal call needs no thread.
        calls.begin(1, || panic!("it is running")).await.unwrap();

        first.send(7).unwrap();
        assert_eq!(one.result().await.unwrap(), 7);
        assert_eq!(third.await.unwrap().result().await.unwrap(), 9);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_for_those_that_share_the_call() {
        let calls = calls(1);
        let call = calls.begin(1, || panic!("for the test")).await.unwrap();
        let error = call.result().await.unwrap_err();
        assert!(error.to_string().contains("for the test"), "{error}");
        assert_eq!(
            calls.begin(2, || 5).await.unwrap().result().await.unwrap(),
            5
        );
    }

    /// The program does not end later because of work that no task waits for.
    #[test]
    fn a_runtime_does_not_wait_for_abandoned_work() {
        let (ended, is_ended) = mpsc::channel();
        let (release, work) = work();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let limited = runtime.block_on(async {
                tokio::time::timeout(Duration::from_millis(1), blocking(work)).await
            });
            assert!(limited.is_err());
            drop(runtime);
            ended.send(()).unwrap();
        });
        let waited = is_ended.recv_timeout(Duration::from_secs(20));
        drop(release);
        waited.expect("the runtime ends while the work is still running");
    }
}
