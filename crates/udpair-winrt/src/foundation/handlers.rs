//! Calls handlers of applications, on threads of the library below.
//!
//! A handler may block: it may wait for another operation, for example. So handlers do not run on
//! the threads that serve the sockets.

use std::panic::{self, AssertUnwindSafe};

use udpair::background;

/// Runs `job` on a thread of its own. A panic is reported and ends the job only.
pub(crate) fn run(job: impl FnOnce() + Send + 'static) {
    background::run(job);
}

/// Calls `action`, and contains a panic. The panic hook has reported it.
pub(crate) fn contained(action: impl FnOnce()) {
    let _ = panic::catch_unwind(AssertUnwindSafe(action));
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};
    use std::time::Duration;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(20);

    #[test]
    fn a_job_runs_although_all_others_block() {
        let (sender, ran) = mpsc::channel();
        let mut blocked = Vec::new();
        for number in 0..20 {
            let (release, released) = mpsc::channel::<()>();
            let sender = sender.clone();
            run(move || {
                sender.send(number).unwrap();
                let _ = released.recv();
            });
            blocked.push(release);
        }
        let mut numbers: Vec<_> = (0..20)
            .map(|_| ran.recv_timeout(TIMEOUT).unwrap())
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    }

    /// Each time more jobs than threads have become idle.
    #[test]
    fn jobs_that_come_together_do_not_wait_for_one_thread() {
        for jobs in 1..30 {
            let (sender, ran) = mpsc::channel();
            let (release, released) = mpsc::channel::<()>();
            let released = std::sync::Arc::new(Mutex::new(released));
            for _ in 0..jobs {
                let (sender, released) = (sender.clone(), released.clone());
                run(move || {
                    sender.send(()).unwrap();
                    let _ = released.lock().unwrap().recv();
                });
            }
            for _ in 0..jobs {
                ran.recv_timeout(TIMEOUT).expect("all jobs run");
            }
            drop(release);
        }
    }

    #[test]
    fn a_panic_ends_only_its_job() {
        let (sender, ran) = mpsc::channel();
        for number in 0..10 {
            let sender = sender.clone();
            run(move || {
                sender.send(number).unwrap();
                panic!("on purpose");
            });
        }
        for _ in 0..10 {
            ran.recv_timeout(TIMEOUT).unwrap();
        }
    }
}
