//! Whether a runtime can serve sockets.

use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Handle, Id};

/// Returns whether a runtime has its I/O and its timers switched on.
///
/// The runtime has no question for that: using what is off panics. So this tries once per runtime and
/// remembers.
pub(super) fn serves_sockets(handle: &Handle) -> bool {
    thread_local! {
        static KNOWN: Cell<Option<(Id, bool)>> = const { Cell::new(None) };
    }
    // A program that ends on a panic cannot be asked this way; its runtime is taken to serve.
    if cfg!(panic = "abort") {
        return true;
    }
    let id = handle.id();
    if let Some((known, serves)) = KNOWN.get()
        && known == id
    {
        return serves;
    }
    let serves = remembered(id);
    KNOWN.set(Some((id, serves)));
    serves
}

/// Tries the runtime around us, unless another thread has done that; `id` is its own.
fn remembered(id: Id) -> bool {
    /// The runtimes that were tried last.
    static TRIED: Mutex<Vec<(Id, bool)>> = Mutex::new(Vec::new());
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, serves)) = tried.iter().find(|(other, _)| *other == id) {
        return *serves;
    }
    let serves = quietly(|| {
        drop(tokio::time::sleep(Duration::ZERO));
        let probe = std::net::UdpSocket::bind("127.0.0.1:0")?;
        probe.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(probe).map(drop)
    });
    if tried.len() >= TRIED_MAX {
        tried.remove(0);
    }
    tried.push((id, serves));
    serves
}

/// Calls `action` and returns whether it did not panic. A panic of this thread is not reported.
///
/// The hook that reports panics belongs to the process. While this runs it still reports those of other
/// threads, and afterwards it is as it was. A thread that is panicking already may not change it; its
/// runtime is taken to serve.
fn quietly<T>(action: impl FnOnce() -> T) -> bool {
    if thread::panicking() {
        return true;
    }
    let caller = thread::current().id();
    let former = Arc::new(Mutex::new(Some(panic::take_hook())));
    let reporting = former.clone();
    let quiet: Box<Hook> = Box::new(move |info| {
        if thread::current().id() != caller {
            let former = reporting.lock().unwrap_or_else(PoisonError::into_inner);
            former.iter().for_each(|report| report(info));
        }
    });
    let quiet_address = ptr::from_ref(&*quiet).cast::<()>();
    panic::set_hook(quiet);
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(action));
    let current = panic::take_hook();
    let former = former.lock().unwrap_or_else(PoisonError::into_inner).take();
    // Somebody else may have set another hook meanwhile, which stays then.
    let is_quiet = ptr::from_ref(&*current).cast::<()>() == quiet_address;
    match former {
        Some(former) if is_quiet => panic::set_hook(former),
        _ => panic::set_hook(current),
    }
    outcome.is_ok()
}

type Hook = dyn Fn(&PanicHookInfo<'_>) + Sync + Send;

/// How many runtimes are remembered. Programs have one or two; tests have one each.
const TRIED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Others may panic at any time, and each of their reports is somebody's.
    #[test]
    fn a_runtime_is_tried_without_a_report() {
        static REPORTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let former = panic::take_hook();
        panic::set_hook(Box::new(|info| {
            let name = thread::current().name().unwrap_or_default().to_owned();
            REPORTS.lock().unwrap().push(format!("{name}: {info}"));
        }));
        let bare = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let serves = bare.block_on(async { serves_sockets(bare.handle()) });
        let other = thread::Builder::new().name("other".into());
        let _ = other.spawn(|| panic!("told")).unwrap().join();
        panic::set_hook(former);

        assert!(!serves);
        let reports = REPORTS.lock().unwrap();
        let ours: Vec<_> = reports
            .iter()
            .filter(|report| !report.starts_with("other"))
            .collect();
        assert!(
            !ours.iter().any(|report| report.contains("disabled")),
            "{ours:?}"
        );
        assert!(
            reports.iter().any(|report| report.contains("told")),
            "{reports:?}"
        );
    }
}
