//! The output streams of a socket: one write is one datagram.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use udpair::{ErrorKind, SocketOperation};

use super::core::WeakCore;
use super::receive;
use crate::error::{Error, Result};
use crate::foundation::{AsyncStatus, Operation, OperationWithProgress, Pending};
use crate::storage_streams::{IBuffer, IOutputStream};

/// A stream of a socket.
pub(super) struct SocketOutput {
    core: WeakCore,
    stream: udpair::OutputStream,
    /// What a write is to the state of the socket.
    operation: SocketOperation,
    writes: Writes,
}

/// Returns the error of a write that was allowed when it was called: if the socket is closed now, that
/// has ended the write (CLS-02).
fn ended(error: udpair::Error) -> Error {
    match error.kind() {
        ErrorKind::Closed => Error::aborted("the socket was closed before the datagram was sent"),
        _ => error.into(),
    }
}

/// The writes of a stream, for a flush to wait for (OUT-14).
#[derive(Default)]
struct Writes {
    pending: Pending,
    /// Whether one of the writes since the last flush has failed.
    has_failed: Mutex<Arc<AtomicBool>>,
}

impl Writes {
    /// Notes a write that has started.
    fn add(&self, write: &OperationWithProgress<u32, u32>) {
        if write.status() == AsyncStatus::Completed {
            return;
        }
        let has_failed = self.lock().clone();
        write.follow(move |_, result| {
            if result.is_err() {
                has_failed.store(true, Ordering::Release);
            }
        });
        self.pending.add(write);
    }

    /// Returns an operation that ends after the writes so far, and tells whether those since the last
    /// flush have succeeded.
    fn flush(&self) -> Operation<bool> {
        let has_failed = std::mem::take(&mut *self.lock());
        let ended = self.pending.ended();
        Operation::run(async move {
            ended.await;
            Ok(!has_failed.load(Ordering::Acquire))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Arc<AtomicBool>> {
        self.has_failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl SocketOutput {
    /// Returns the stream to the peer that the socket has, or will have.
    pub(super) fn to_peer(core: WeakCore, stream: udpair::OutputStream) -> Self {
        Self::new(core, stream, SocketOperation::SendToPeer)
    }

    /// Returns a stream to somewhere else.
    pub(super) fn to(core: WeakCore, stream: udpair::OutputStream) -> Self {
        Self::new(core, stream, SocketOperation::SendToAddress)
    }

    fn new(core: WeakCore, stream: udpair::OutputStream, operation: SocketOperation) -> Self {
        Self {
            core,
            stream,
            operation,
            writes: Writes::default(),
        }
    }
}

impl IOutputStream for SocketOutput {
    fn write(&self, buffer: &dyn IBuffer) -> OperationWithProgress<u32, u32> {
        // The state is checked in the call itself (GEN-01).
        let allowed = self.core.get().and_then(|core| core.check(self.operation));
        if let Err(error) = allowed {
            return Operation::refused(error);
        }
        let payload = buffer.to_bytes();
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let (stream, weak) = (self.stream.clone(), self.core.clone());
        let operation = Operation::run_with_progress(|reporter| async move {
            stream.write(&payload).await.map_err(ended)?;
            if let Some(core) = weak.upgrade() {
                // The first write may have bound the socket.
                receive::start(&core);
            }
            reporter.report(length);
            Ok(length)
        });
        if let Some(core) = self.core.upgrade() {
            core.track(&operation);
        }
        self.writes.add(&operation);
        operation
    }

    fn try_write(&self, bytes: &[u8]) -> Result<bool> {
        let core = self.core.get()?;
        core.check(self.operation)?;
        match self.stream.try_write(bytes) {
            Ok(is_sent) => Ok(is_sent),
            // It is not bound yet, or is being connected: the write waits.
            Err(error) if error.kind() == ErrorKind::InvalidState => Ok(false),
            Err(error) => {
                self.writes.lock().store(true, Ordering::Release);
                Err(ended(error))
            }
        }
    }

    fn flush(&self) -> Operation<bool> {
        self.writes.flush()
    }
}
