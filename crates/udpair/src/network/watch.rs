//! The stream of network changes.

use std::fmt;
use std::future::{self, Future};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::change::{AdapterChange, changes};
use crate::driver::{NetworkWatch, in_runtime, sleep};
use crate::{Error, Network};

/// Returns a stream of the changes of adapters (network interfaces), their addresses and the
/// default routes, from now on.
///
/// Like a socket, the stream belongs to the current tokio runtime. Without a runtime it is served
/// by a background thread. All streams of a runtime share one descriptor. The adapters are those of
/// the network namespace of the calling thread, even if the changes are awaited on another thread.
///
/// # Errors
///
/// - [`Unsupported`](crate::ErrorKind::Unsupported): this system does not report changes.
/// - [`TooManyFiles`](crate::ErrorKind::TooManyFiles): no descriptor was left.
/// - [`Io`](crate::ErrorKind::Io): the system refused.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), udpair::Error> {
/// let mut watch = udpair::watch_adapters()?;
/// loop {
///     for change in watch.changed().await?.changes {
///         println!("{change:?}");
///     }
/// }
/// # }
/// ```
///
/// # Model
///
/// `NetworkInformation.NetworkStatusChanged` (NET-13), which is raised once per update.
pub fn watch_adapters() -> Result<AdapterWatch, Error> {
    let mut watch = NetworkWatch::begin().map_err(failed)?;
    Ok(AdapterWatch {
        known: watch.network(),
        watch,
        pause: None,
        is_ended: false,
    })
}

/// A stream of network updates, created by [`watch_adapters`].
///
/// Changes are collected for a quarter of a second after the first one, and then reported as one
/// update, because a new adapter gets its addresses one after the other. A change that is undone
/// within that time is not reported, and a reader that is busy for longer gets no change twice.
///
/// The stream ends after an error.
pub struct AdapterWatch {
    watch: NetworkWatch,
    known: Arc<Network>,
    /// Runs from the first change to the update.
    pause: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>>,
    is_ended: bool,
}

/// A group of network changes that are reported together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdapterUpdate {
    /// The changes, at least one: first of the removed adapters, then adapter by adapter, then of
    /// the default routes.
    pub changes: Vec<AdapterChange>,
    /// The network as it is now.
    pub network: Arc<Network>,
}

impl AdapterWatch {
    /// Returns the network as of the last update; before the first one, as it was when the stream
    /// was created.
    pub fn network(&self) -> &Network {
        &self.known
    }

    /// Waits for the next update and returns it.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io): the system refused, the runtime was shut down, or there was an
    /// earlier error. No more updates follow; call [`watch_adapters`] again to continue.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has consumed no update.
    pub async fn changed(&mut self) -> Result<AdapterUpdate, Error> {
        future::poll_fn(|cx| self.poll_changed(cx)).await
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<Result<AdapterUpdate, Error>> {
        loop {
            if let Some(pause) = &mut self.pause {
                let is_over = ready!(pause.as_mut().poll(cx));
                self.pause = None;
                is_over.map_err(failed)?;
                let network = self.watch.network();
                let changes = changes(&self.known, &network);
                self.known = network.clone();
                if !changes.is_empty() {
                    return Poll::Ready(Ok(AdapterUpdate { changes, network }));
                }
            }
            ready!(self.watch.poll_changed(cx)).map_err(failed)?;
            self.pause = Some(Box::pin(in_runtime(sleep(PAUSE))));
        }
    }
}

impl Stream for AdapterWatch {
    type Item = Result<AdapterUpdate, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_ended {
            return Poll::Ready(None);
        }
        let update = ready!(self.poll_changed(cx));
        self.is_ended = update.is_err();
        Poll::Ready(Some(update))
    }
}

impl fmt::Debug for AdapterWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdapterWatch")
            .field("network", &self.known)
            .finish_non_exhaustive()
    }
}

fn failed(error: io::Error) -> Error {
    Error::system("cannot watch the adapters", error)
}

/// How long changes are collected (NET-13).
const PAUSE: Duration = Duration::from_millis(250);
