//! What the handles of a socket share.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use udpair::background::Outside;
use udpair::{SocketOperation, hresult};

use super::events::Handlers;
use crate::error::{Error, Result};
use crate::foundation::{Action, AsyncStatus, Operation};
use crate::storage_streams::OutputStream;

/// A socket, its handlers, and what is under way.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) socket: udpair::DatagramSocket,
    pub(super) handlers: Handlers,
    /// The stream to the peer: the same object each time.
    pub(super) output: OnceLock<OutputStream>,
    /// The runtime that the socket was created in, where handlers may spawn tasks.
    pub(super) outside: Option<Outside>,
    multicast_only: AtomicBool,
    /// Whether reception was ended by `CancelIOAsync`.
    is_paused: AtomicBool,
    is_receiving: AtomicBool,
    pending: Pending,
    /// The last operation that opens the socket, if it had to wait.
    opening: Mutex<Option<Action>>,
}

/// A reference to a socket that does not keep it open.
#[derive(Clone, Debug)]
pub(crate) struct WeakCore(Weak<Core>);

impl WeakCore {
    pub(crate) fn upgrade(&self) -> Option<Arc<Core>> {
        self.0.upgrade()
    }
}

impl Core {
    pub(super) fn new(socket: udpair::DatagramSocket) -> Arc<Self> {
        Arc::new(Self {
            socket,
            handlers: Handlers::default(),
            output: OnceLock::new(),
            outside: Outside::current(),
            multicast_only: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            is_receiving: AtomicBool::new(false),
            pending: Pending::default(),
            opening: Mutex::default(),
        })
    }

    pub(super) fn weak(self: &Arc<Self>) -> WeakCore {
        WeakCore(Arc::downgrade(self))
    }

    pub(super) fn is_multicast_only(&self) -> bool {
        self.multicast_only.load(Ordering::Relaxed)
    }

    pub(super) fn set_multicast_only(&self, value: bool) -> Result<()> {
        self.socket.set_multicast_only(value)?;
        self.multicast_only.store(value, Ordering::Relaxed);
        Ok(())
    }

    /// Begins to receive, once the socket is open. Without handlers, what arrives is dropped.
    pub(super) fn receive(self: &Arc<Self>) {
        if !self.is_receiving.swap(true, Ordering::AcqRel) {
            super::events::start(self);
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    /// Checks that the state of the socket allows an operation.
    pub(super) fn check(&self, operation: SocketOperation) -> Result<()> {
        Ok(self.socket.check(operation)?)
    }

    /// Starts an operation of the socket, which a cancellation waits for.
    ///
    /// What the state or an argument forbids is found at the first poll, inside the call: then the
    /// call was refused (GEN-01).
    pub(super) fn start<T>(
        &self,
        future: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Operation<T>
    where
        T: Clone + Send + Sync + 'static,
    {
        let operation = Operation::run(future);
        if operation.status() == AsyncStatus::Started {
            self.pending.add(operation.clone());
            return operation;
        }
        match operation.error() {
            Some(error) if is_refusal(&error) => Operation::refused(error),
            _ => operation,
        }
    }

    /// Starts an operation that opens the socket.
    pub(super) fn start_opening(
        &self,
        future: impl Future<Output = Result<()>> + Send + 'static,
    ) -> Action {
        let action = self.start(future);
        if action.status() == AsyncStatus::Started {
            let former = self.opening_slot().replace(action.clone());
            drop(former);
        }
        action
    }

    /// Returns the operation that is opening the socket now.
    pub(super) fn opening(&self) -> Option<Action> {
        let opening = self.opening_slot().clone();
        opening.filter(|action| action.status() == AsyncStatus::Started)
    }

    fn opening_slot(&self) -> MutexGuard<'_, Option<Action>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an operation that is under way.
    pub(super) fn track<T, P>(&self, operation: &Operation<T, P>)
    where
        T: Clone + Send + Sync + 'static,
        P: Send + 'static,
    {
        if operation.status() == AsyncStatus::Started {
            self.pending.add(operation.clone());
        }
    }

    /// Ends what is under way, and stops receiving. Returns what to wait for.
    pub(super) fn cancel_io(&self) -> Result<Vec<Box<dyn Waiting>>> {
        self.check(SocketOperation::CancelIo)?;
        self.is_paused.store(true, Ordering::Release);
        let pending = self.pending.take();
        self.socket.cancel_io()?;
        Ok(pending)
    }

    /// Closes the socket: no event starts after this, and the port is free.
    pub(super) fn close(&self) {
        self.handlers.shut();
        self.socket.close();
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.close();
    }
}

/// Returns whether an error says that the call itself was not allowed.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.code(),
        hresult::E_ILLEGAL_METHOD_CALL | hresult::E_INVALIDARG | hresult::RO_E_CLOSED
    )
}

/// The operations of a socket that have not ended.
#[derive(Default)]
struct Pending(Mutex<Vec<Box<dyn Waiting>>>);

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

/// An operation of any type, to wait for.
pub(super) trait Waiting: Send + Sync {
    fn has_ended(&self) -> bool;

    /// Returns a future that ends with the operation.
    fn end(self: Box<Self>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl<T, P> Waiting for Operation<T, P>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    fn has_ended(&self) -> bool {
        self.status() != AsyncStatus::Started
    }

    fn end(self: Box<Self>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let _ = (&*self).await;
        })
    }
}

impl Pending {
    fn add(&self, operation: impl Waiting + 'static) {
        let mut ended = Vec::new();
        let mut pending = self.lock();
        // Looked through only before it grows, so that many pending operations cost no more each.
        if pending.len() == pending.capacity() {
            ended.extend(pending.extract_if(.., |other| other.has_ended()));
        }
        pending.push(Box::new(operation));
        drop(pending);
        drop(ended);
    }

    fn take(&self) -> Vec<Box<dyn Waiting>> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Box<dyn Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
