//! One ear per runtime and network namespace for all who want to know of changes to the network.
//!
//! The kernel says where something changed; a task listens, reads the network anew, and keeps the latest
//! picture for everybody. Nobody has a queue: who was busy meanwhile finds the latest picture, and
//! compares it with the one he knows. The task runs as long as anybody watches.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Id;
use udpair_io::{Network, NetworkMonitor, NetworkReader};

use super::waiters::{Ticket, Waiters};
use super::{Task, blocking, runtime, sleep};

/// Somebody who watches the network.
#[derive(Debug)]
pub(crate) struct NetworkWatch {
    ear: Arc<Ear>,
    seen: u64,
    ticket: Ticket,
}

impl NetworkWatch {
    /// Begins to watch the network of this thread's namespace, in the runtime around us or the
    /// background one.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub(crate) fn begin() -> io::Result<Self> {
        let ear = ear()?;
        let seen = ear.latest().version;
        Ok(Self {
            ear,
            seen,
            ticket: Ticket::default(),
        })
    }

    /// Returns the latest picture, and counts it as seen.
    pub(crate) fn network(&mut self) -> Arc<Network> {
        let latest = self.ear.latest();
        self.seen = latest.version;
        latest.network.clone()
    }

    /// Waits for a picture that has not been seen yet.
    ///
    /// # Errors
    ///
    /// The system's own, and the end of the runtime; nothing more is heard then.
    pub(crate) fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Arc<Network>>> {
        // Before looking, so that what comes in between wakes us.
        self.ear.waiters.enlist(&mut self.ticket, cx.waker());
        let latest = self.ear.latest();
        let result = if latest.version != self.seen {
            self.seen = latest.version;
            Ok(latest.network.clone())
        } else if let Some(end) = &latest.end {
            Err(io::Error::new(end.kind(), end.clone()))
        } else {
            return Poll::Pending;
        };
        drop(latest);
        self.ear.waiters.leave(&mut self.ticket);
        Poll::Ready(result)
    }
}

impl Drop for NetworkWatch {
    fn drop(&mut self) {
        self.ear.waiters.leave(&mut self.ticket);
    }
}

/// What those who watch in one runtime and one namespace share.
#[derive(Debug)]
struct Ear {
    latest: Mutex<Latest>,
    waiters: Waiters,
    task: OnceLock<Task>,
}

#[derive(Debug)]
struct Latest {
    network: Arc<Network>,
    version: u64,
    /// Why nothing more is heard.
    end: Option<Arc<io::Error>>,
}

impl Ear {
    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, network: Network) {
        let mut latest = self.latest();
        // The kernel also tells of what we do not look at.
        if *latest.network != network {
            latest.network = Arc::new(network);
            latest.version += 1;
            drop(latest);
            self.waiters.wake_all();
        }
    }

    fn end(&self, why: io::Error) {
        self.latest().end = Some(Arc::new(why));
        self.waiters.wake_all();
    }
}

/// Returns the ear of the runtime that serves us and of this thread's network namespace, and starts it
/// where there is none.
fn ear() -> io::Result<Arc<Ear>> {
    static EARS: Mutex<Vec<(Place, Weak<Ear>)>> = Mutex::new(Vec::new());
    let runtime = runtime()?;
    let monitor = NetworkMonitor::open()?;
    let place = Place {
        runtime: runtime.id(),
        namespace: monitor.namespace(),
    };
    let mut ears = EARS.lock().unwrap_or_else(PoisonError::into_inner);
    ears.retain(|(_, ear)| ear.strong_count() > 0);
    let mut ours = ears.iter().filter(|(other, _)| *other == place);
    let listening =
        ours.find_map(|(_, ear)| ear.upgrade().filter(|ear| ear.latest().end.is_none()));
    if let Some(ear) = listening {
        return Ok(ear);
    }

    let _entered = runtime.enter();
    // Listened to before the first picture is taken, so that no change falls between.
    let monitor = register(monitor)?;
    let mut reader = NetworkReader::open()?;
    let ear = Arc::new(Ear {
        latest: Mutex::new(Latest {
            network: Arc::new(reader.network()?),
            version: 0,
            end: None,
        }),
        waiters: Waiters::default(),
        task: OnceLock::new(),
    });
    let last_words = LastWords {
        ear: Arc::downgrade(&ear),
        why: None,
    };
    let listening = runtime.spawn(async move {
        let why = listen(monitor, reader, &last_words.ear).await.err();
        last_words.say(why);
    });
    let _ = ear.task.set(Task(listening.abort_handle()));
    ears.push((place, Arc::downgrade(&ear)));
    Ok(ear)
}

/// Where an ear listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    runtime: Id,
    namespace: Option<u64>,
}

/// Listens until it fails.
async fn listen(
    mut monitor: AsyncFd<NetworkMonitor>,
    mut reader: NetworkReader,
    ear: &Weak<Ear>,
) -> io::Result<()> {
    loop {
        let mut ready = monitor.readable_mut().await?;
        // Before reading, not after: what comes in between then counts as new.
        ready.clear_ready();
        let mut has_changed = false;
        loop {
            match ready.get_inner_mut().next_event() {
                Ok(_) => has_changed = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if !has_changed {
            continue;
        }
        let reading = blocking(move || {
            let network = reader.network();
            (reader, network)
        });
        let network;
        (reader, network) = reading.await?;
        let Some(ear) = ear.upgrade() else {
            return Ok(());
        };
        ear.publish(network?);
        drop(ear);
        sleep(PAUSE).await;
    }
}

/// Tells those who watch that nothing more will be heard, however that comes.
struct LastWords {
    ear: Weak<Ear>,
    why: Option<io::Error>,
}

impl LastWords {
    fn say(mut self, why: Option<io::Error>) {
        self.why = why;
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        if let Some(ear) = self.ear.upgrade() {
            let why = self.why.take();
            ear.end(why.unwrap_or_else(|| io::Error::other("the runtime was shut down")));
        }
    }
}

#[expect(
    unsafe_code,
    reason = "the runtime's only way to watch a descriptor for reading alone"
)]
fn register(monitor: NetworkMonitor) -> io::Result<AsyncFd<NetworkMonitor>> {
    // SAFETY: `AsyncFd` takes the monitor and with it the descriptor, which nobody else closes: a
    // monitor keeps one descriptor for life and hands out borrowed ones only.
    unsafe { AsyncFd::register_with_interest(monitor, Interest::READABLE) }.map_err(io::Error::from)
}

/// How long nothing is read anew after that was done; bounds the work where changes never end.
const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::future;

    use super::*;

    #[tokio::test]
    async fn all_who_watch_in_one_runtime_share_an_ear_and_it_ends_with_them() {
        let watches = [
            NetworkWatch::begin().unwrap(),
            NetworkWatch::begin().unwrap(),
        ];
        assert!(Arc::ptr_eq(&watches[0].ear, &watches[1].ear));
        let ear = Arc::downgrade(&watches[0].ear);
        let task = watches[0].ear.task.get().unwrap().0.clone();
        drop(watches);
        assert_eq!(ear.strong_count(), 0);
        while !task.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_picture_is_told_to_each_once() {
        let mut watches = [
            NetworkWatch::begin().unwrap(),
            NetworkWatch::begin().unwrap(),
        ];
        let ear = watches[0].ear.clone();
        let same = Network::clone(&ear.latest().network);
        let mut other = same.clone();
        other.adapters.clear();
        ear.publish(same);
        ear.publish(other.clone());
        for watch in &mut watches {
            let changed = future::poll_fn(|cx| watch.poll_changed(cx)).await;
            assert_eq!(*changed.unwrap(), other);
            assert_eq!(watch.seen, 1);
        }
    }

    #[test]
    fn who_watches_hears_of_the_end_of_the_runtime() {
        let start = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
        };
        let runtime = start();
        let mut watch = runtime.block_on(async { NetworkWatch::begin().unwrap() });
        drop(runtime);
        let error = start().block_on(future::poll_fn(|cx| watch.poll_changed(cx)));
        assert_eq!(error.unwrap_err().to_string(), "the runtime was shut down");
    }
}
