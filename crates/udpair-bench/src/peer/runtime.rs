//! The tokio runtime of the peers that need one.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinHandle;

use crate::Result;
use crate::measure::ticker;

/// Runs a peer to completion on the current thread.
pub(super) fn run<T>(peer: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            ticker::start();
            peer.await
        })
}

/// One task per socket, for many sockets.
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

    /// Yields until every handler has reached its first wait.
    pub(super) async fn all_wait(&self) {
        while self.started.load(Ordering::Relaxed) < self.tasks.len() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until every handler has ended.
    pub(super) async fn all_ran(self) -> Result<()> {
        for task in self.tasks {
            task.await?;
        }
        Ok(())
    }
}
