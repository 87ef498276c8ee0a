//! One hub per runtime and network namespace, shared by all watchers of the network.
//!
//! The kernel reports that something changed. A task of the hub waits for these reports, reads the
//! network again, and keeps the latest snapshot for all watchers. Watchers have no queue: a watcher
//! that was busy gets the latest snapshot, and compares it with the one that it knows. The task
//! runs as long as there is a watcher.

use std::future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Id;
use udpair_io::{Network, NetworkMonitor, NetworkReader};

use super::readiness::Readiness;
use super::threads::blocking;
use super::waiters::{Waiter, Waiters};
use super::{Task, runtime, sleep};

/// A watcher of the network.
#[derive(Debug)]
pub(crate) struct NetworkWatch {
    hub: Arc<Hub>,
    seen: u64,
    waiter: Waiter<Arc<Waiters>>,
}

impl NetworkWatch {
    /// Begins to watch the network of this thread's namespace, in the current runtime or the
    /// background one.
    ///
    /// # Errors
    ///
    /// Returns the system's error.
    pub(crate) fn begin() -> io::Result<Self> {
        let hub = hub()?;
        let seen = hub.latest().version;
        Ok(Self {
            waiter: Waiter::on(hub.waiters.clone()),
            hub,
            seen,
        })
    }

    /// Returns the latest snapshot, and marks it as seen.
    pub(crate) fn network(&mut self) -> Arc<Network> {
        let latest = self.hub.latest();
        self.seen = latest.version;
        latest.network.clone()
    }

    /// Waits for a snapshot that has not been seen yet.
    ///
    /// # Errors
    ///
    /// Returns the system's error, or one that says that the runtime has ended. No snapshot follows
    /// after an error.
    pub(crate) fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Arc<Network>>> {
        // Enlisted before the check, so that a change in between wakes the task.
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

/// The state that all watchers in one runtime and one namespace share.
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
    /// Why no more snapshots follow; `None` while the task runs.
    end: Option<Arc<io::Error>>,
}

impl Hub {
    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, network: Network) {
        let mut latest = self.latest();
        // The kernel also reports changes of data that a snapshot does not contain.
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

/// Returns the hub of the current runtime (or the background one) and of this thread's network
/// namespace. Starts the hub if there is none.
fn hub() -> io::Result<Arc<Hub>> {
    static HUBS: Mutex<Vec<(HubKey, Weak<Hub>)>> = Mutex::new(Vec::new());
    let runtime = runtime()?;
    let monitor = NetworkMonitor::open()?;
    let key = HubKey {
        runtime: runtime.id(),
        namespace: monitor.namespace(),
    };
    let mut hubs = HUBS.lock().unwrap_or_else(PoisonError::into_inner);
    hubs.retain(|(_, hub)| hub.strong_count() > 0);
    let mut matching = hubs.iter().filter(|(other, _)| *other == key);
    let running =
        matching.find_map(|(_, hub)| hub.upgrade().filter(|hub| hub.latest().end.is_none()));
    if let Some(hub) = running {
        return Ok(hub);
    }

    let _entered = runtime.enter();
    // Registered before the first snapshot is read, so that no change is missed in between.
    let monitor = Readiness::for_reading(monitor).map_err(|(_, error)| error)?;
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
    let end_notice = EndNotice {
        hub: Arc::downgrade(&hub),
        why: None,
    };
    let publishing = runtime.spawn(async move {
        let why = publish_changes(monitor, reader, &end_notice.hub)
            .await
            .err();
        end_notice.send(why);
    });
    let _ = hub.task.set(Task::new(&publishing));
    hubs.push((key, Arc::downgrade(&hub)));
    Ok(hub)
}

/// The runtime and the network namespace of a hub.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct HubKey {
    runtime: Id,
    namespace: Option<u64>,
}

/// Publishes a new snapshot after every change, until monitoring fails or the hub is dropped.
async fn publish_changes(
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

/// Notifies all watchers, when it is dropped, that no more snapshots follow, whether the task ended
/// or was aborted.
struct EndNotice {
    hub: Weak<Hub>,
    why: Option<io::Error>,
}

impl EndNotice {
    /// Notifies the watchers, with the reason for the end.
    fn send(mut self, why: Option<io::Error>) {
        self.why = why;
    }
}

impl Drop for EndNotice {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            let why = self.why.take();
            hub.end(why.unwrap_or_else(|| io::Error::other("the runtime was shut down")));
        }
    }
}

/// The pause after each reading of the network. It bounds the work if changes never end.
const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn watchers_in_one_runtime_share_a_hub_that_ends_with_them() {
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
    async fn each_watcher_gets_a_snapshot_once() {
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
    fn a_watcher_is_notified_of_the_end_of_the_runtime() {
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
