//! A probe that finds out whether a runtime can serve sockets.

use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Handle, Id};

/// Returns whether a runtime has its I/O and its timers enabled.
///
/// The runtime has no function that returns this, and using a disabled part panics. So this tries
/// both once per runtime and remembers the result.
pub(super) fn serves_sockets(handle: &Handle) -> bool {
    thread_local! {
        static KNOWN: Cell<Option<(Id, bool)>> = const { Cell::new(None) };
    }
    // A program that aborts on a panic cannot be probed; its runtime counts as able to serve.
    if cfg!(panic = "abort") {
        return true;
    }
    let id = handle.id();
    if let Some((known, serves)) = KNOWN.get()
        && known == id
    {
        return serves;
    }
    let serves = probe_once(id);
    KNOWN.set(Some((id, serves)));
    serves
}

/// Probes the current runtime, whose identifier is `id`, unless another thread has done so.
fn probe_once(id: Id) -> bool {
    /// The runtimes that were probed last, and whether they can serve.
    static PROBED: Mutex<Vec<(Id, bool)>> = Mutex::new(Vec::new());
    let mut probed = PROBED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, serves)) = probed.iter().find(|(other, _)| *other == id) {
        return *serves;
    }
    let serves = quietly(|| {
        drop(tokio::time::sleep(Duration::ZERO));
        let probe = std::net::UdpSocket::bind("127.0.0.1:0")?;
        probe.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(probe).map(drop)
    });
    if probed.len() >= PROBED_MAX {
        probed.remove(0);
    }
    probed.push((id, serves));
    serves
}

/// Calls `action` and returns whether it completed without a panic. A panic of this thread is not
/// reported.
///
/// The panic hook is process-wide. While this runs, the hook still reports the panics of other
/// threads; afterwards it is as it was before. A thread that is already panicking must not change
/// the hook; its runtime counts as able to serve.
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
    // Another thread may have set another hook meanwhile. That one then stays.
    let is_quiet = ptr::from_ref(&*current).cast::<()>() == quiet_address;
    match former {
        Some(former) if is_quiet => panic::set_hook(former),
        _ => panic::set_hook(current),
    }
    outcome.is_ok()
}

type Hook = dyn Fn(&PanicHookInfo<'_>) + Sync + Send;

/// The number of runtimes that are remembered. A program has one or two; each test has its own.
const PROBED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics of other threads are still reported during a probe.
    #[test]
    fn a_runtime_is_probed_without_a_panic_report() {
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
        let _ = other.spawn(|| panic!("reported")).unwrap().join();
        panic::set_hook(former);

        assert!(!serves);
        let reports = REPORTS.lock().unwrap();
        let own: Vec<_> = reports
            .iter()
            .filter(|report| !report.starts_with("other"))
            .collect();
        assert!(
            !own.iter().any(|report| report.contains("disabled")),
            "{own:?}"
        );
        assert!(
            reports.iter().any(|report| report.contains("reported")),
            "{reports:?}"
        );
    }
}
