//! The runtime for handlers: foreign code that is called for each message, and that may block.
//!
//! Its threads are this library's own, so that a handler that blocks holds up no runtime of the
//! program. While handlers run on all threads but one, the last one is replaced before it calls a
//! handler too: so there is always a thread that receives, whatever handlers wait for.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};
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
    mut future: impl Future<Output = ()> + Unpin + Send + 'static,
) -> io::Result<()> {
    let runtime = &handlers()?.runtime;
    let _entered = runtime.enter();
    let first = pin!(coop::unconstrained(&mut future));
    if first
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
    {
        // The task polls again when it starts, so that no wake-up is lost in between.
        drop(runtime.spawn(future));
    }
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
        return handler();
    }
    drop(busy);
    block_in_place(handler)
}

thread_local! {
    /// Whether this thread belongs to the runtime for handlers.
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
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
            start_in_handlers(Box::pin(wait)).unwrap();
        }
        let limit = Duration::from_secs(20);
        for _ in 0..many {
            waiting.recv_timeout(limit).expect("every handler runs");
        }
        let last = async move {
            tokio::task::yield_now().await;
            call_handler(None, || drop(opened));
        };
        start_in_handlers(Box::pin(last)).unwrap();
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
