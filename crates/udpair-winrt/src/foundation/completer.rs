//! `Completer`: ends an operation whose work is not a future.

use super::operation::{Operation, Verdict};
use super::status::AsyncStatus;
use crate::error::{Error, Result};

/// The other end of an [`Operation`]: its owner reports progress, and ends the operation.
///
/// Streams of an application, and bindings for other languages, make their operations with it. A
/// completer that is dropped ends the operation with `ERROR_OPERATION_ABORTED`.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use udpair_winrt::{Action, AsyncStatus};
///
/// let (operation, completer) = Action::pending();
/// assert_eq!(operation.status(), AsyncStatus::Started);
/// thread::spawn(move || completer.complete(Ok(())));
/// operation.get().unwrap();
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends the operation with an error"]
pub struct Completer<T, P = std::convert::Infallible>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    operation: Operation<T, P>,
}

impl<T, P> Operation<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    /// Returns a new operation, and what ends it.
    pub fn pending() -> (Self, Completer<T, P>) {
        let operation = Self::started();
        let completer = Completer {
            operation: operation.clone(),
        };
        (operation, completer)
    }
}

impl<T, P> Completer<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    /// Ends the operation with this result, unless it was cancelled.
    pub fn complete(self, result: Result<T>) {
        let status = match result {
            Ok(_) => AsyncStatus::Completed,
            Err(_) => AsyncStatus::Error,
        };
        self.operation.end(status, result);
    }

    /// Reports progress to the operation's handler, if it has one.
    pub fn report(&self, progress: P) {
        self.operation.report(progress);
    }

    /// Sets what is called when the operation is cancelled or aborted, before it ends. If that has
    /// happened, it is called at once.
    pub fn on_cancel(&self, action: impl FnOnce() + Send + 'static) {
        let stop = Box::new(|verdict: Verdict| {
            action();
            Some(verdict)
        });
        // It comes back if the operation is being stopped, or was: nothing else ends an operation
        // before its completer does.
        if let Some(stop) = self.operation.set_stop(stop) {
            let error = Error::aborted("the operation was cancelled");
            let status = AsyncStatus::Canceled;
            stop(Verdict { status, error });
        }
    }
}

impl<T, P> Drop for Completer<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    fn drop(&mut self) {
        // Changes nothing if the operation has ended.
        let error = Error::aborted("the operation was abandoned");
        self.operation.end(AsyncStatus::Error, Err(error));
    }
}
