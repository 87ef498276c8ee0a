//! Operations under way, for a cancellation or a flush to wait for.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::operation::Operation;
use super::status::AsyncStatus;

/// The operations of an object that have not ended.
#[derive(Default)]
pub(crate) struct Pending(Mutex<Vec<Box<dyn Waiting>>>);

/// An operation of any type.
trait Waiting: Send + Sync {
    fn has_ended(&self) -> bool;

    /// Returns a future that ends when the operation has.
    fn end(&self) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl Pending {
    /// Notes an operation, unless it has ended.
    pub(crate) fn add<T, P>(&self, operation: &Operation<T, P>)
    where
        T: Clone + Send + Sync + 'static,
        P: Send + 'static,
    {
        if operation.has_ended() {
            return;
        }
        let mut ended = Vec::new();
        let mut pending = self.lock();
        // Looked through only before it grows, so that many pending operations cost no more each.
        if pending.len() == pending.capacity() {
            ended.extend(pending.extract_if(.., |other| other.has_ended()));
        }
        pending.push(Box::new(operation.clone()));
        drop(pending);
        drop(ended);
    }

    /// Returns a future that ends when all operations that were noted so far have. They stay noted,
    /// so that the next future waits for them too.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut pending = self.lock();
        let ended: Vec<_> = pending.extract_if(.., |other| other.has_ended()).collect();
        let ends: Vec<_> = pending.iter().map(|operation| operation.end()).collect();
        drop(pending);
        drop(ended);
        async move {
            for end in ends {
                end.await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Box<dyn Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, P> Waiting for Operation<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    fn has_ended(&self) -> bool {
        self.status() != AsyncStatus::Started
    }

    fn end(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let operation = self.clone();
        Box::pin(async move {
            let _ = (&operation).await;
        })
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending")
            .field("count", &self.lock().len())
            .finish()
    }
}
