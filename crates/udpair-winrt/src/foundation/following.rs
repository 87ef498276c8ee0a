//! Operations that follow from others: a load from a read, a store from a write.
//!
//! They need no runtime: the thread that ends the first one ends the second one.

use super::operation::{Operation, Verdict};
use super::status::AsyncStatus;
use crate::error::Result;

impl<T, P> Operation<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    /// Returns an operation that ends when this one does, with what `conclude` makes of the result.
    ///
    /// To cancel it is to cancel this one. `conclude` is called in any case, once, and must not
    /// block: the thread may be the one that serves the sockets.
    pub(crate) fn then<U>(
        self,
        conclude: impl FnOnce(Result<T>) -> Result<U> + Send + 'static,
    ) -> Operation<U>
    where
        U: Clone + Send + Sync + 'static,
    {
        let following = Operation::started();
        let first = self.clone();
        let late = following.set_stop(Box::new(move |verdict: Verdict| {
            // It ends this one too.
            first.stop(verdict);
            None
        }));
        debug_assert!(late.is_none(), "a new operation has not ended");
        let ended = following.clone();
        self.follow(move |status, result| {
            let result = conclude(result.clone());
            let status = match (&result, status) {
                (Ok(_), _) => AsyncStatus::Completed,
                (Err(_), AsyncStatus::Canceled) => AsyncStatus::Canceled,
                (Err(_), _) => AsyncStatus::Error,
            };
            ended.end(status, result);
        });
        following
    }
}
