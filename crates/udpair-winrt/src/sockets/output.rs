//! The output streams of a socket: one write is one datagram.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use udpair::{ErrorKind, SocketOperation};

use super::core::WeakCore;
use super::receive;
use crate::error::Result;
use crate::foundation::{Operation, OperationWithProgress, Pending};
use crate::storage_streams::{IBuffer, IOutputStream};

/// A stream of a socket.
pub(super) struct SocketOutput {
    core: WeakCore,
    stream: udpair::OutputStream,
    /// What a write is to the state of the socket.
    operation: SocketOperation,
    writes: Arc<Writes>,
}

/// The writes of a stream, for a flush to wait for (OUT-14).
#[derive(Default)]
struct Writes {
    pending: Pending,
    /// Whether a write has failed since the last flush.
    has_failed: AtomicBool,
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
        let writes = Arc::default();
        Self {
            core,
            stream,
            operation,
            writes,
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
        let length = buffer.length();
        let (stream, weak) = (self.stream.clone(), self.core.clone());
        let writes = self.writes.clone();
        let operation = Operation::run_with_progress(|reporter| async move {
            let sent = stream.write(&payload).await;
            if sent.is_err() {
                writes.has_failed.store(true, Ordering::Release);
            }
            sent?;
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
        self.writes.pending.add(&operation);
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
                self.writes.has_failed.store(true, Ordering::Release);
                Err(error.into())
            }
        }
    }

    fn flush(&self) -> Operation<bool> {
        let writes = self.writes.clone();
        let earlier = writes.pending.take();
        Operation::run(async move {
            earlier.await;
            Ok(!writes.has_failed.swap(false, Ordering::AcqRel))
        })
    }
}
