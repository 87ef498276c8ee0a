//! The runtime of the peers that need one.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinHandle;

use crate::Result;

/// Runs a peer to its end, on this thread alone.
pub(super) fn run<T>(peer: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(peer)
}

/// A task for each of many sockets.
#[derive(Default)]
pub(super) struct Handlers {
    started: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

impl Handlers {
    pub(super) fn spawn(&mut self, handler: impl Future<Output = ()> + Send + 'static) {
        let started = self.started.clone();
        self.tasks.push(tokio::spawn(async move {
            started.fetch_add(1, Ordering::Relaxed);
            handler.await;
        }));
    }

    /// Lets each handler get as far as its first wait.
    pub(super) async fn all_wait(&self) {
        while self.started.load(Ordering::Relaxed) < self.tasks.len() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until each handler has ended.
    pub(super) async fn all_ran(self) -> Result<()> {
        for task in self.tasks {
            task.await?;
        }
        Ok(())
    }
}
