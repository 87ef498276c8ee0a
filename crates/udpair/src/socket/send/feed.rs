//! The buffer of an `OutputStream` that is used as a `Sink`. A flush sends its content as one
//! batch.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use udpair_io::SendBatch;

use super::dispatch;
use super::recipient::Recipient;
use super::transmit::{self, Many};
use crate::driver;
use crate::error::Error;
use crate::socket::link::SendFailure;
use crate::socket::shared::Shared;

/// The datagrams that one handle of a stream was given as a `Sink`.
#[derive(Default)]
pub(crate) struct Feed {
    batch: SendBatch,
    /// Sends earlier datagrams; `None` unless a flush has to wait.
    flushing: Option<Flushing>,
}

/// A flush in progress. Its output is the datagrams that are left, and the result of sending.
type Flushing = Pin<Box<dyn Future<Output = (SendBatch, Result<(), Error>)> + Send + Sync>>;

impl Feed {
    /// Adds a datagram.
    pub(crate) fn push(&mut self, payload: Bytes) {
        self.batch.push(payload);
    }

    /// Waits until there is space for one more datagram.
    pub(crate) fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Arc<Shared>,
        recipient: &Recipient,
    ) -> Poll<Result<(), Error>> {
        if self.flushing.is_none() && self.batch.len() < FED_MAX {
            return Poll::Ready(Ok(()));
        }
        self.poll_flush(cx, shared, recipient)
    }

    /// Sends all datagrams.
    pub(crate) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Arc<Shared>,
        recipient: &Recipient,
    ) -> Poll<Result<(), Error>> {
        loop {
            let flushing = match &mut self.flushing {
                Some(flushing) => flushing,
                None if self.batch.is_empty() => return Poll::Ready(Ok(())),
                None => {
                    // Without a budget the datagrams are enqueued, and other tasks run before they
                    // are sent.
                    if driver::poll_budget(cx).is_ready()
                        && let Some(result) = self.try_flush(shared, recipient)
                    {
                        return Poll::Ready(result);
                    }
                    let batch = mem::take(&mut self.batch);
                    self.flushing
                        .insert(flush(batch, shared.clone(), recipient.clone()))
                }
            };
            let (left, result) = ready!(flushing.as_mut().poll(cx));
            self.flushing = None;
            let mut newer = mem::replace(&mut self.batch, left);
            self.batch.append(&mut newer);
            self.drop_failed(result)?;
        }
    }

    /// Sends all datagrams if that is possible without waiting; `None` if it is not.
    fn try_flush(&mut self, shared: &Shared, recipient: &Recipient) -> Option<Result<(), Error>> {
        let to = recipient.destination();
        if !dispatch::is_direct(shared, to) {
            return None;
        }
        let link = shared.link()?;
        let at_start = link.channel.cancellations();
        let count = self.batch.len();
        let mut many = Many {
            batch: &mut self.batch,
            to,
            count,
        };
        match transmit::try_send(link, &mut many) {
            Ok(()) => Some(Ok(())),
            Err(SendFailure::Full | SendFailure::NoBuffers(_)) => None,
            Err(failure) => {
                let failed = Err(transmit::failed(link, &many, failure, at_start));
                if recipient.has_moved(to, &failed, &shared.settings.resolver) {
                    return None;
                }
                Some(self.drop_failed(failed))
            }
        }
    }

    /// Drops the datagram that failed, if `result` is its error, so that the next flush sends the
    /// datagrams after it.
    fn drop_failed(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if result.is_err() {
            self.batch.pop();
        }
        result
    }
}

/// Returns a future that sends `batch`.
fn flush(mut batch: SendBatch, shared: Arc<Shared>, recipient: Recipient) -> Flushing {
    Box::pin(async move {
        loop {
            let to = recipient.destination();
            let sent = dispatch::send_batch(&shared, &mut batch, to).await;
            if !recipient.has_moved(to, &sent, &shared.settings.resolver) {
                return (batch, sent);
            }
        }
    })
}

/// The number of datagrams after which a feed flushes itself.
const FED_MAX: usize = 512;
