//! The runtime for handlers: foreign code that is called for each message, and that may block.
//!
//! Its threads are this library's own, so that a handler that blocks holds up no runtime of the
//! program. While handlers run on all threads but one, the last one is replaced before it calls a
//! handler too: so there is always a thread that receives, whatever handlers wait for.
//!
//! The runtime keeps the task that a thread has woken last for that thread alone. So a handler that
//! wakes a task, or starts one, would keep it from running while it blocks. That is why most tasks here
//! are [`Movable`].

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{block_in_place, coop};

/// The runtime, and how many of its threads run handlers.
struct Handlers {
    runtime: Runtime,
    threads: usize,
    /// How many threads of the runtime run a handler, without those that were replaced.
    busy: AtomicUsize,
}

/// Returns the runtime. The first call starts it.
fn handlers() -> io::Result<&'static Handlers> {
    static HANDLERS: Mutex<Option<&'static Handlers>> = Mutex::new(None);
    let mut handlers = HANDLERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handlers) = *handlers {
        return Ok(handlers);
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get) + 1;
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(REPLACEMENTS_MAX)
        .thread_name("udpair-handler")
        // The threads would keep the network namespace of their first user alive. If that is not
        // permitted, they do.
        .on_thread_start(|| {
            IS_OURS.set(true);
            let _ = udpair_io::enter_main_namespace();
        })
        .enable_all()
        .build()?;
    let started: &'static Handlers = Box::leak(Box::new(Handlers {
        runtime,
        threads,
        busy: AtomicUsize::new(0),
    }));
    Ok(handlers.insert(started))
}

/// Polls `future` once inside the runtime for handlers, on the calling thread, and leaves the rest to
/// the threads of the runtime. Sockets that the future opens are served there.
///
/// The first poll has no budget: it gets as far as it can, whatever the calling task did before.
///
/// # Errors
///
/// Returns the system's error if the runtime cannot be started.
pub(crate) fn start_in_handlers(
    future: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let runtime = &handlers()?.runtime;
    let mut future = Box::pin(future);
    let _entered = runtime.enter();
    let first = pin!(coop::unconstrained(future.as_mut()));
    if first
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
    {
        // The task polls again when it starts, so that no wake-up is lost in between.
        drop(runtime.spawn(Movable::new(future)));
        let_others_run_it();
    }
    Ok(())
}

/// Runs `future` on the threads of the runtime for handlers. Only the system and [`Waiters`] may wake it.
///
/// [`Waiters`]: super::Waiters
///
/// # Errors
///
/// Returns the system's error if the runtime cannot be started.
pub(crate) fn spawn_in_handlers(
    future: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    drop(handlers()?.runtime.spawn(future));
    let_others_run_it();
    Ok(())
}

/// Calls `handler` on a thread of its own, which it may block for as long as it likes; inside this
/// call if the system has no thread. A panic ends only the call of the handler.
pub(crate) fn run_handler(handler: impl FnOnce() + Send + 'static) {
    match handlers() {
        Ok(handlers) => drop(handlers.runtime.spawn_blocking(handler)),
        Err(_) => drop(panic::catch_unwind(AssertUnwindSafe(handler))),
    }
}

/// Calls `handler`, which may block for as long as it likes, inside the runtime `outside` if there is
/// one. On a thread of somebody else it holds up its caller.
pub(crate) fn call_handler<T>(outside: Option<&OutsideRuntime>, handler: impl FnOnce() -> T) -> T {
    let handler = || {
        let _entered = outside.map(|outside| outside.0.enter());
        handler()
    };
    let ours = match IS_OURS.get() {
        true => handlers().ok(),
        false => None,
    };
    let Some(handlers) = ours else {
        return handler();
    };
    let busy = Busy::begin(handlers);
    if busy.leaves_a_thread {
        let _here = InHandler::enter();
        return handler();
    }
    drop(busy);
    block_in_place(handler)
}

/// Calls `wait`, which blocks for as long as it likes. On a thread of the runtime for handlers, another
/// one takes its place meanwhile, and takes over the tasks that were woken here.
pub(super) fn blocked<T>(wait: impl FnOnce() -> T) -> T {
    if IS_OURS.get() {
        block_in_place(wait)
    } else {
        wait()
    }
}

thread_local! {
    /// Whether this thread belongs to the runtime for handlers.
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread calls a handler, and holds tasks of the runtime.
    static IS_IN_HANDLER: Cell<bool> = const { Cell::new(false) };
}

/// A thread is in a handler while this exists.
struct InHandler {
    was_in_handler: bool,
}

impl InHandler {
    fn enter() -> Self {
        Self {
            was_in_handler: IS_IN_HANDLER.replace(true),
        }
    }
}

impl Drop for InHandler {
    fn drop(&mut self) {
        IS_IN_HANDLER.set(self.was_in_handler);
    }
}

/// Lets other threads run the task that was woken just now, if this thread is in a handler: an empty
/// task takes its place as the one that the runtime keeps for this thread.
#[inline]
pub(super) fn let_others_run_it() {
    if IS_IN_HANDLER.get()
        && let Ok(handlers) = handlers()
    {
        drop(handlers.runtime.spawn(async {}));
    }
}

/// A future for a task that other threads can run, although a handler has woken it.
pub(super) struct Movable<F: ?Sized> {
    /// The waker of the task, and the one that the future gets.
    wakers: Option<(Waker, Waker)>,
    future: Pin<Box<F>>,
}

impl<F: Future + ?Sized> Movable<F> {
    pub(super) fn new(future: Pin<Box<F>>) -> Self {
        Self {
            wakers: None,
            future,
        }
    }
}

impl<F: Future + ?Sized> Future for Movable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !matches!(&this.wakers, Some((task, _)) if task.will_wake(cx.waker())) {
            let task = cx.waker().clone();
            let ours = Waker::from(Arc::new(TaskWaker(task.clone())));
            this.wakers = Some((task, ours));
        }
        let (_, ours) = this.wakers.as_ref().expect("set above");
        this.future.as_mut().poll(&mut Context::from_waker(ours))
    }
}

struct TaskWaker(Waker);

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake_by_ref();
        let_others_run_it();
    }
}

/// A thread that runs a handler.
struct Busy {
    handlers: &'static Handlers,
    /// Whether another thread of the runtime is left to receive.
    leaves_a_thread: bool,
}

impl Busy {
    fn begin(handlers: &'static Handlers) -> Self {
        let before = handlers.busy.fetch_add(1, Ordering::Relaxed);
        Self {
            handlers,
            leaves_a_thread: before + 1 < handlers.threads,
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.handlers.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A runtime of the program.
#[derive(Clone, Debug)]
pub(crate) struct OutsideRuntime(Handle);

impl OutsideRuntime {
    /// Returns the runtime in which this is called, if it is called in one.
    pub(crate) fn current() -> Option<Self> {
        Handle::try_current().ok().map(Self)
    }
}

/// How many threads may be replaced, because their handlers block, at the same time.
const REPLACEMENTS_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// A handler may be called on any thread, and sees the runtime of the program.
    #[test]
    fn a_handler_is_called_where_its_caller_is() {
        assert_eq!(
            call_handler(None, || thread::current().id()),
            thread::current().id()
        );
        let program = Builder::new_current_thread().build().unwrap();
        let outside = program.block_on(async { OutsideRuntime::current() });
        let is_inside = || Handle::try_current().is_ok();
        assert!(!call_handler(None, is_inside));
        assert!(call_handler(outside.as_ref(), is_inside));
        program.block_on(async { assert!(call_handler(None, is_inside)) });
    }

    /// A handler starts a task and wakes another one, and blocks until both have run.
    #[test]
    fn tasks_that_a_handler_wakes_run_while_it_blocks() {
        let limit = Duration::from_secs(20);
        let (ended, end) = mpsc::channel();
        let (woken, wait) = tokio::sync::oneshot::channel::<()>();
        let (ran, runs) = mpsc::channel();
        let first = ran.clone();
        start_in_handlers(async move {
            let _ = wait.await;
            first.send("woken").unwrap();
        })
        .unwrap();
        start_in_handlers(async move {
            tokio::task::yield_now().await;
            let seen = call_handler(None, || {
                woken.send(()).unwrap();
                let first = runs.recv_timeout(limit);
                start_in_handlers(async move {
                    tokio::task::yield_now().await;
                    ran.send("started").unwrap();
                })
                .unwrap();
                [first, runs.recv_timeout(limit)]
            });
            ended.send(seen).unwrap();
        })
        .unwrap();
        let seen = end.recv_timeout(3 * limit).unwrap();
        assert_eq!(seen, [Ok("woken"), Ok("started")]);
    }

    /// A handler waits for a task that it has spawned by itself.
    #[test]
    fn a_wait_in_a_handler_lets_the_tasks_of_its_thread_run() {
        let (ended, end) = mpsc::channel();
        start_in_handlers(async move {
            tokio::task::yield_now().await;
            let output = call_handler(None, || super::super::block_on(tokio::spawn(async { 7 })));
            ended.send(output.unwrap()).unwrap();
        })
        .unwrap();
        assert_eq!(end.recv_timeout(Duration::from_secs(20)), Ok(7));
    }

    /// More handlers wait than the runtime has threads, and the one that they wait for runs.
    #[test]
    fn handlers_that_wait_for_another_one_do_not_keep_it_from_running() {
        let many = handlers().unwrap().threads * 3;
        let (opened, open) = mpsc::channel::<()>();
        let (waits, waiting) = mpsc::channel();
        let (ended, ends) = mpsc::channel();
        let open = std::sync::Arc::new(Mutex::new(open));
        for _ in 0..many {
            let (open, waits, ended) = (open.clone(), waits.clone(), ended.clone());
            let wait = async move {
                // The calling thread is no thread of the runtime.
                tokio::task::yield_now().await;
                call_handler(None, || {
                    waits.send(()).unwrap();
                    let _ = open.lock().unwrap().recv();
                    ended.send(()).unwrap();
                });
            };
            start_in_handlers(wait).unwrap();
        }
        let limit = Duration::from_secs(20);
        for _ in 0..many {
            waiting.recv_timeout(limit).expect("every handler runs");
        }
        let last = async move {
            tokio::task::yield_now().await;
            call_handler(None, || drop(opened));
        };
        start_in_handlers(last).unwrap();
        for _ in 0..many {
            ends.recv_timeout(limit).expect("every handler ends");
        }
        // The last handlers say that they end just before they do.
        let begun = std::time::Instant::now();
        while handlers().unwrap().busy.load(Ordering::Relaxed) > 0 {
            assert!(begun.elapsed() < limit, "every thread is free again");
            thread::yield_now();
        }
    }
}
