//! What a stream is fed as a sink, and flushes as one batch.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use udpair_io::{Destination, SendBatch};

use super::dispatch;
use super::transmit::{self, Many};
use crate::driver;
use crate::error::Error;
use crate::socket::link::SendFailure;
use crate::socket::shared::Shared;

/// What one handle of a stream was fed.
#[derive(Default)]
pub(crate) struct Feed {
    batch: SendBatch,
    /// What was fed before, while it cannot be sent at once.
    flushing: Option<Flushing>,
}

/// Returns what is left, and how it ended.
type Flushing = Pin<Box<dyn Future<Output = (SendBatch, Result<(), Error>)> + Send + Sync>>;

impl Feed {
    /// Takes one more datagram.
    pub(crate) fn push(&mut self, payload: Bytes) {
        self.batch.push(payload);
    }

    /// Waits until there is room for one more.
    pub(crate) fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Arc<Shared>,
        to: Option<Destination>,
    ) -> Poll<Result<(), Error>> {
        if self.flushing.is_none() && self.batch.len() < FED_MAX {
            return Poll::Ready(Ok(()));
        }
        self.poll_flush(cx, shared, to)
    }

    /// Sends all that was fed.
    pub(crate) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Arc<Shared>,
        to: Option<Destination>,
    ) -> Poll<Result<(), Error>> {
        loop {
            let flushing = match &mut self.flushing {
                Some(flushing) => flushing,
                None => {
                    if !self.batch.is_empty() {
                        // So that a task which does nothing but feed lets others run.
                        ready!(driver::poll_share(cx));
                    }
                    if let Some(result) = self.try_flush(shared, to) {
                        return Poll::Ready(result);
                    }
                    let batch = mem::take(&mut self.batch);
                    self.flushing.insert(flush(batch, shared.clone(), to))
                }
            };
            let (left, result) = ready!(flushing.as_mut().poll(cx));
            self.flushing = None;
            let mut fed = mem::replace(&mut self.batch, left);
            self.batch.append(&mut fed);
            self.told(result)?;
        }
    }

    /// Sends all that was fed, if that can be done without waiting.
    fn try_flush(&mut self, shared: &Shared, to: Option<Destination>) -> Option<Result<(), Error>> {
        if self.batch.is_empty() {
            return Some(Ok(()));
        }
        let link = shared.link()?;
        let begun = link.channel.cancellations();
        let most = self.batch.len();
        let mut many = Many {
            batch: &mut self.batch,
            to,
            most,
        };
        match transmit::try_send(link, &mut many) {
            Ok(()) => Some(Ok(())),
            Err(SendFailure::Full | SendFailure::NoBuffers(_)) => None,
            Err(failure) => {
                let error = transmit::failed(link, &many, failure, begun);
                Some(self.told(Err(error)))
            }
        }
    }

    /// Drops the datagram that failed once its error is told, so that those behind it get their turn.
    fn told(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if result.is_err() {
            self.batch.pop();
        }
        result
    }
}

fn flush(mut batch: SendBatch, shared: Arc<Shared>, to: Option<Destination>) -> Flushing {
    Box::pin(async move {
        let result = dispatch::send_batch(&shared, &mut batch, to).await;
        (batch, result)
    })
}

/// How many datagrams are fed before they are flushed unasked.
const FED_MAX: usize = 512;
