//! One hub per runtime and network namespace for all who want to know of changes to the network.
//!
//! The kernel says where something changed; a task listens, reads the network anew, and keeps the latest
//! picture for everybody. Nobody has a queue: who was busy meanwhile finds the latest picture, and
//! compares it with the one he knows. The task runs as long as anybody watches.

use std::future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Id;
use udpair_io::{Network, NetworkMonitor, NetworkReader};

use super::readiness::Readiness;
use super::waiters::{Waiter, Waiters};
use super::{Task, blocking, runtime, sleep};

/// Somebody who watches the network.
#[derive(Debug)]
pub(crate) struct NetworkWatch {
    hub: Arc<Hub>,
    seen: u64,
    waiter: Waiter<Arc<Waiters>>,
}

impl NetworkWatch {
    /// Begins to watch the network of this thread's namespace, in the runtime around us or the
    /// background one.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub(crate) fn begin() -> io::Result<Self> {
        let hub = hub()?;
        let seen = hub.latest().version;
        Ok(Self {
            waiter: Waiter::on(hub.waiters.clone()),
            hub,
            seen,
        })
    }

    /// Returns the latest picture, and counts it as seen.
    pub(crate) fn network(&mut self) -> Arc<Network> {
        let latest = self.hub.latest();
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
        self.waiter.enlist(cx.waker());
        let latest = self.hub.latest();
        let result = if latest.version != self.seen {
            self.seen = latest.version;
            Ok(latest.network.clone())
        } else if let Some(end) = &latest.end {
            Err(io::Error::new(end.kind(), end.clone()))
        } else {
            return Poll::Pending;
        };
        drop(latest);
        self.waiter.leave();
        Poll::Ready(result)
    }
}

/// What those who watch in one runtime and one namespace share.
#[derive(Debug)]
struct Hub {
    latest: Mutex<Latest>,
    waiters: Arc<Waiters>,
    task: OnceLock<Task>,
}

#[derive(Debug)]
struct Latest {
    network: Arc<Network>,
    version: u64,
    /// Why nothing more is heard.
    end: Option<Arc<io::Error>>,
}

impl Hub {
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

/// Returns the hub of the runtime that serves us and of this thread's network namespace, and starts it
/// where there is none.
fn hub() -> io::Result<Arc<Hub>> {
    static HUBS: Mutex<Vec<(HubKey, Weak<Hub>)>> = Mutex::new(Vec::new());
    let runtime = runtime()?;
    let monitor = NetworkMonitor::open()?;
    let place = HubKey {
        runtime: runtime.id(),
        namespace: monitor.namespace(),
    };
    let mut hubs = HUBS.lock().unwrap_or_else(PoisonError::into_inner);
    hubs.retain(|(_, hub)| hub.strong_count() > 0);
    let mut ours = hubs.iter().filter(|(other, _)| *other == place);
    let listening =
        ours.find_map(|(_, hub)| hub.upgrade().filter(|hub| hub.latest().end.is_none()));
    if let Some(hub) = listening {
        return Ok(hub);
    }

    let _entered = runtime.enter();
    // Listened to before the first picture is taken, so that no change falls between.
    let monitor = Readiness::of_reading(monitor).map_err(|(_, error)| error)?;
    let mut reader = NetworkReader::open()?;
    let hub = Arc::new(Hub {
        latest: Mutex::new(Latest {
            network: Arc::new(reader.network()?),
            version: 0,
            end: None,
        }),
        waiters: Arc::default(),
        task: OnceLock::new(),
    });
    let last_words = LastWords {
        hub: Arc::downgrade(&hub),
        why: None,
    };
    let listening = runtime.spawn(async move {
        let why = listen(monitor, reader, &last_words.hub).await.err();
        last_words.say(why);
    });
    let _ = hub.task.set(Task(listening.abort_handle()));
    hubs.push((place, Arc::downgrade(&hub)));
    Ok(hub)
}

/// Where an hub listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct HubKey {
    runtime: Id,
    namespace: Option<u64>,
}

/// Listens until it fails.
async fn listen(
    mut monitor: Readiness<NetworkMonitor>,
    mut reader: NetworkReader,
    hub: &Weak<Hub>,
) -> io::Result<()> {
    loop {
        future::poll_fn(|cx| monitor.poll_readable(cx)).await?;
        let mut has_changed = false;
        loop {
            match monitor.get_mut().next_event() {
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
        let Some(hub) = hub.upgrade() else {
            return Ok(());
        };
        hub.publish(network?);
        drop(hub);
        sleep(PAUSE).await;
    }
}

/// Tells those who watch that nothing more will be heard, however that comes.
struct LastWords {
    hub: Weak<Hub>,
    why: Option<io::Error>,
}

impl LastWords {
    fn say(mut self, why: Option<io::Error>) {
        self.why = why;
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            let why = self.why.take();
            hub.end(why.unwrap_or_else(|| io::Error::other("the runtime was shut down")));
        }
    }
}

/// How long nothing is read anew after that was done; bounds the work where changes never end.
const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_watch_in_one_runtime_share_an_ear_and_it_ends_with_them() {
        let watches = [
            NetworkWatch::begin().unwrap(),
            NetworkWatch::begin().unwrap(),
        ];
        assert!(Arc::ptr_eq(&watches[0].hub, &watches[1].hub));
        let hub = Arc::downgrade(&watches[0].hub);
        let task = watches[0].hub.task.get().unwrap().0.clone();
        drop(watches);
        assert_eq!(hub.strong_count(), 0);
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
        let hub = watches[0].hub.clone();
        let same = Network::clone(&hub.latest().network);
        let mut other = same.clone();
        other.adapters.clear();
        hub.publish(same);
        hub.publish(other.clone());
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
