//! An output stream as a sink: what is fed is flushed as one batch.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_sink::Sink;
use udpair_io::{Destination, SendBatch};

use super::link::SendFailure;
use super::output::{self, OutputStream};
use super::sending::{self, Many};
use super::shared::Shared;
use crate::driver;
use crate::error::Error;

/// What one handle of a stream was fed.
#[derive(Default)]
pub(super) struct Feed {
    batch: SendBatch,
    /// What was fed before, while it cannot be sent at once.
    flushing: Option<Flushing>,
}

/// Returns what is left, and how it ended.
type Flushing = Pin<Box<dyn Future<Output = (SendBatch, Result<(), Error>)> + Send + Sync>>;

impl Feed {
    /// Sends all that was fed.
    fn poll_flush(
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
        let begun = link.cancellations();
        let most = self.batch.len();
        let mut many = Many {
            batch: &mut self.batch,
            to,
            most,
        };
        match sending::attempt(link, &mut many) {
            Ok(()) => Some(Ok(())),
            Err(SendFailure::Full | SendFailure::NoBuffers(_)) => None,
            Err(failure) => {
                let error = sending::failed(link, &many, failure, begun);
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
        let result = output::send_batch(&shared, &mut batch, to).await;
        (batch, result)
    })
}

/// What is fed goes out with the next flush, as one batch; several hundred datagrams flush themselves.
///
/// Each handle has a feed of its own: a clone starts with an empty one, and what a dropped handle was fed
/// and not flushed is gone. A datagram that cannot be sent is told by the flush that met it, and left
/// out; those behind it go with the next.
impl Sink<Bytes> for OutputStream {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (feed, shared, to) = self.feed();
        if feed.flushing.is_none() && feed.batch.len() < FED_MAX {
            return Poll::Ready(Ok(()));
        }
        feed.poll_flush(cx, shared, to)
    }

    fn start_send(mut self: Pin<&mut Self>, payload: Bytes) -> Result<(), Error> {
        let (feed, ..) = self.feed();
        feed.batch.push(payload);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (feed, shared, to) = self.feed();
        feed.poll_flush(cx, shared, to)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_flush(cx)
    }
}

/// How many datagrams are fed before they are flushed unasked.
const FED_MAX: usize = 512;
