//! Threads that run the handlers of applications.
//!
//! A handler may block: it may wait for another operation, for example. So handlers do not run on
//! the thread that serves the sockets. A handler that finds all threads busy gets a new one, and
//! threads without work end after a while.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// Runs `job` on one of the threads. A panic is reported and ends the job only.
pub(crate) fn run(job: impl FnOnce() + Send + 'static) {
    THREADS.run(Box::new(job));
}

/// Calls `action`, and contains a panic. The panic hook has reported it.
pub(crate) fn contained(action: impl FnOnce()) {
    let _ = panic::catch_unwind(AssertUnwindSafe(action));
}

static THREADS: Threads = Threads::new();

struct Threads {
    state: Mutex<State>,
    added: Condvar,
}

struct State {
    /// The jobs that no thread has taken.
    jobs: VecDeque<Job>,
    /// The threads that wait for a job.
    idle: usize,
    alive: usize,
}

impl Threads {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                idle: 0,
                alive: 0,
            }),
            added: Condvar::new(),
        }
    }

    fn run(&'static self, job: Job) {
        let mut state = self.state();
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() {
            drop(state);
            self.added.notify_one();
            return;
        }
        state.alive += 1;
        drop(state);
        let thread = thread::Builder::new().name("udpair-handler".into());
        if thread.spawn(|| self.serve()).is_err() {
            let mut state = self.state();
            state.alive -= 1;
            // The other threads take the job when they are free. Without any, the caller runs it.
            let job = match state.alive {
                0 => state.jobs.pop_front(),
                _ => None,
            };
            drop(state);
            job.into_iter().for_each(contained);
        }
    }

    /// Runs jobs until there has been none for a while.
    fn serve(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                contained(job);
                state = self.state();
                continue;
            }
            state.idle += 1;
            let waited = self.added.wait_timeout(state, IDLE_MAX);
            let (after, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = after;
            state.idle -= 1;
            if timeout.timed_out() && state.jobs.is_empty() {
                state.alive -= 1;
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a thread waits for a job before it ends.
const IDLE_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

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

    /// A thread that is idle, but was given a job already, is not counted twice.
    #[test]
    fn jobs_that_come_together_do_not_wait_for_one_thread() {
        let threads: &'static Threads = Box::leak(Box::new(Threads::new()));
        // Each time one job more than there are idle threads.
        for jobs in 1..30 {
            let (sender, ran) = mpsc::channel();
            let (release, released) = mpsc::channel::<()>();
            let released = std::sync::Arc::new(Mutex::new(released));
            for _ in 0..jobs {
                let (sender, released) = (sender.clone(), released.clone());
                threads.run(Box::new(move || {
                    sender.send(()).unwrap();
                    let _ = released.lock().unwrap().recv();
                }));
            }
            for _ in 0..jobs {
                ran.recv_timeout(TIMEOUT).expect("all jobs run");
            }
            drop(release);
            let is_idle = || {
                let state = threads.state();
                state.idle == state.alive
            };
            while !is_idle() {
                thread::yield_now();
            }
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
