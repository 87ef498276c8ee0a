//! What closing a stream means: later calls fail, and so do pending ones (STR-04).

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::foundation::{AsyncStatus, Operation};

/// Whether a stream is open, and the operations on it that are pending.
#[derive(Default)]
pub(super) struct Open {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    pending: Vec<Box<dyn Pending>>,
}

impl Open {
    /// Starts an operation of a stream that is open.
    pub(super) fn start<T, P>(
        &self,
        stream: &str,
        start: impl FnOnce() -> Operation<T, P>,
    ) -> Operation<T, P>
    where
        T: Clone + Send + Sync + 'static,
        P: Send + 'static,
    {
        if let Err(error) = self.check(stream) {
            return Operation::refused(error);
        }
        let operation = start();
        if operation.status() != AsyncStatus::Started {
            return operation;
        }
        let mut state = self.state();
        if state.is_closed {
            // Closed meanwhile.
            drop(state);
            operation.abort();
            return operation;
        }
        // Looked through only before it grows, so that many pending operations cost no more each.
        let mut ended = Vec::new();
        if state.pending.len() == state.pending.capacity() {
            ended.extend(state.pending.extract_if(.., |other| !other.is_pending()));
        }
        state.pending.push(Box::new(operation.clone()));
        drop(state);
        drop(ended);
        operation
    }

    /// Returns an error if the stream was closed.
    pub(super) fn check(&self, stream: &str) -> Result<()> {
        if self.state().is_closed {
            return Err(Error::closed(stream));
        }
        Ok(())
    }

    /// Closes the stream, calls `close` and ends the pending operations. Returns without doing so if
    /// it was closed before.
    pub(super) fn close(&self, close: impl FnOnce()) {
        let pending = {
            let mut state = self.state();
            if state.is_closed {
                return;
            }
            state.is_closed = true;
            std::mem::take(&mut state.pending)
        };
        for operation in pending {
            operation.abort();
        }
        close();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation of any type that may be pending.
trait Pending: Send + Sync {
    fn is_pending(&self) -> bool;

    fn abort(&self);
}

impl<T, P> Pending for Operation<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    fn is_pending(&self) -> bool {
        self.status() == AsyncStatus::Started
    }

    fn abort(&self) {
        self.abort();
    }
}
