//! The buffer of what is used as a `Sink`. A flush sends its content as one batch.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use udpair_io::SendBatch;

use super::dispatch;
use super::recipient::Recipient;
use super::transmit::{self, Many};
use crate::driver;
use crate::error::Error;
use crate::socket::link::SendFailure;
use crate::socket::shared::Shared;

/// The datagrams that one handle was given as a `Sink`.
#[derive(Default)]
pub(crate) struct Feed {
    batch: SendBatch,
    /// Sends earlier datagrams; `None` unless a flush has to wait.
    flushing: Option<Flushing>,
}

/// A flush in progress. Its output is the datagrams that are left, and the result of sending.
type Flushing = Pin<Box<dyn Future<Output = (SendBatch, Result<(), Error>)> + Send + Sync>>;

/// Where the datagrams of a feed go.
pub(crate) trait Route: Clone + Send + Sync + 'static {
    /// Sends all datagrams of `batch` if that is possible without waiting; `None` if it is not.
    fn try_send(&self, shared: &Shared, batch: &mut SendBatch) -> Option<Result<(), Error>>;

    /// Returns a future that sends `batch`.
    fn send(self, shared: Arc<Shared>, batch: SendBatch) -> Flushing;
}

/// All datagrams go to one recipient.
impl Route for Recipient {
    fn try_send(&self, shared: &Shared, batch: &mut SendBatch) -> Option<Result<(), Error>> {
        let to = self.destination();
        if !dispatch::is_direct(shared, to) {
            return None;
        }
        let link = shared.link_to(to.is_none())?;
        let at_start = link.channel.cancellations();
        let count = batch.len();
        let mut many = Many { batch, to, count };
        match transmit::try_send(link, &mut many) {
            Ok(()) => Some(Ok(())),
            Err(SendFailure::Full | SendFailure::NoBuffers(_)) => None,
            Err(failure) => {
                let failed = Err(transmit::failed(link, &many, failure, at_start));
                if self.has_moved(to, &failed, &shared.settings.resolver) {
                    return None;
                }
                Some(failed)
            }
        }
    }

    fn send(self, shared: Arc<Shared>, mut batch: SendBatch) -> Flushing {
        Box::pin(async move {
            loop {
                let to = self.destination();
                let sent = dispatch::send_batch(&shared, &mut batch, to).await;
                if !self.has_moved(to, &sent, &shared.settings.resolver) {
                    return (batch, sent);
                }
            }
        })
    }
}

/// Each datagram has a destination of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EachItsOwn;

impl Route for EachItsOwn {
    fn try_send(&self, shared: &Shared, batch: &mut SendBatch) -> Option<Result<(), Error>> {
        shared.link()?;
        match dispatch::try_send_mixed_batch(shared, batch) {
            Ok(_) if !batch.is_empty() => None,
            sent => Some(sent.map(|_| ())),
        }
    }

    fn send(self, shared: Arc<Shared>, mut batch: SendBatch) -> Flushing {
        Box::pin(async move {
            let sent = dispatch::send_mixed_batch(&shared, &mut batch).await;
            (batch, sent)
        })
    }
}

impl Feed {
    /// Returns the datagrams that wait, to add one.
    pub(crate) fn batch(&mut self) -> &mut SendBatch {
        &mut self.batch
    }

    /// Returns whether there is space for one more datagram.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.flushing.is_none() && self.batch.len() < FED_MAX
    }

    /// Waits until there is space for one more datagram.
    pub(crate) fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Arc<Shared>,
        route: &impl Route,
    ) -> Poll<Result<(), Error>> {
        if self.has_room() {
            return Poll::Ready(Ok(()));
        }
        self.poll_flush(cx, shared, route)
    }

    /// Sends all datagrams. A datagram that cannot be sent is dropped with its error, so that the
    /// next flush sends the datagrams after it.
    pub(crate) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Arc<Shared>,
        route: &impl Route,
    ) -> Poll<Result<(), Error>> {
        loop {
            let flushing = match &mut self.flushing {
                Some(flushing) => flushing,
                None if self.batch.is_empty() => return Poll::Ready(Ok(())),
                None => {
                    // Without a budget the datagrams are enqueued, and other tasks run before they
                    // are sent.
                    if driver::poll_budget(cx).is_ready()
                        && let Some(result) = route.try_send(shared, &mut self.batch)
                    {
                        return Poll::Ready(self.drop_failed(result));
                    }
                    let batch = mem::take(&mut self.batch);
                    self.flushing
                        .insert(route.clone().send(shared.clone(), batch))
                }
            };
            let (left, result) = ready!(flushing.as_mut().poll(cx));
            self.flushing = None;
            let mut newer = mem::replace(&mut self.batch, left);
            self.batch.append(&mut newer);
            self.drop_failed(result)?;
        }
    }

    fn drop_failed(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if result.is_err() {
            self.batch.remove(1);
        }
        result
    }
}

/// The number of datagrams after which a feed flushes itself.
const FED_MAX: usize = 512;
