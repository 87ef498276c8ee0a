//! The output streams of a socket: one write is one datagram.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use udpair::SocketOperation;

use super::core::WeakCore;
use crate::error::{Error, Result};
use crate::foundation::{AsyncStatus, Operation, OperationWithProgress};
use crate::storage_streams::{IBuffer, IOutputStream};

/// A stream of a socket.
pub(super) struct SocketOutput {
    core: WeakCore,
    /// `None` for the stream to the peer, which may be written only when there is one (OUT-10).
    stream: Option<udpair::OutputStream>,
    writes: Arc<Writes>,
}

/// The writes of a stream, for a flush to wait for (OUT-14).
#[derive(Default)]
struct Writes {
    pending: Mutex<Vec<OperationWithProgress<u32, u32>>>,
    /// Whether a write has failed since the last flush.
    has_failed: AtomicBool,
}

impl SocketOutput {
    /// Returns the stream to the peer that the socket has, or will have.
    pub(super) fn to_peer(core: WeakCore) -> Self {
        Self {
            core,
            stream: None,
            writes: Arc::default(),
        }
    }

    /// Returns a stream to somewhere else.
    pub(super) fn to(core: WeakCore, stream: udpair::OutputStream) -> Self {
        Self {
            stream: Some(stream),
            ..Self::to_peer(core)
        }
    }

    /// Returns an error if the socket does not let this stream be written.
    fn check(&self) -> Result<()> {
        let core = self
            .core
            .upgrade()
            .ok_or_else(|| Error::closed("the socket"))?;
        let operation = match self.stream {
            None => SocketOperation::SendToPeer,
            Some(_) => SocketOperation::SendToAddress,
        };
        core.check(operation)
    }
}

impl IOutputStream for SocketOutput {
    fn write(&self, buffer: &dyn IBuffer) -> OperationWithProgress<u32, u32> {
        if let Err(error) = self.check() {
            return Operation::refused(error);
        }
        let payload = buffer.to_bytes();
        let length = buffer.length();
        let (stream, weak) = (self.stream.clone(), self.core.clone());
        let writes = self.writes.clone();
        let operation = Operation::run_with_progress(|reporter| async move {
            let sent = write(stream, &weak, &payload).await;
            if sent.is_err() {
                writes.has_failed.store(true, Ordering::Release);
            }
            sent?;
            if let Some(core) = weak.upgrade() {
                // The first write may have bound the socket.
                core.receive();
            }
            reporter.report(length);
            Ok(length)
        });
        if operation.status() == AsyncStatus::Started {
            if let Some(core) = self.core.upgrade() {
                core.track(&operation);
            }
            self.writes.add(operation.clone());
        }
        operation
    }

    fn flush(&self) -> Operation<bool> {
        let writes = self.writes.clone();
        let pending = writes.take();
        Operation::run(async move {
            for write in pending {
                let _ = write.await;
            }
            Ok(!writes.has_failed.swap(false, Ordering::AcqRel))
        })
    }
}

/// Sends one datagram. A write to the peer waits while the socket is being connected.
async fn write(
    stream: Option<udpair::OutputStream>,
    socket: &WeakCore,
    payload: &[u8],
) -> Result<()> {
    let stream = match stream {
        Some(stream) => stream,
        None => peer_stream(socket).await?,
    };
    Ok(stream.write(payload).await?)
}

async fn peer_stream(socket: &WeakCore) -> Result<udpair::OutputStream> {
    loop {
        let core = socket
            .upgrade()
            .ok_or_else(|| Error::closed("the socket"))?;
        let opening = core.opening();
        match (core.socket.output(), opening) {
            (Ok(stream), _) => return Ok(stream),
            (Err(error), None) => return Err(error.into()),
            (Err(_), Some(opening)) => {
                // The wait must not keep the socket open.
                drop(core);
                let _ = (&opening).await;
            }
        }
    }
}

impl Writes {
    fn add(&self, write: OperationWithProgress<u32, u32>) {
        let mut pending = self.lock();
        let mut ended = Vec::new();
        // Looked through only before it grows, so that many pending writes cost no more each.
        if pending.len() == pending.capacity() {
            let has_ended = |write: &mut OperationWithProgress<u32, u32>| {
                write.status() != AsyncStatus::Started
            };
            ended.extend(pending.extract_if(.., has_ended));
        }
        pending.push(write);
        drop(pending);
        drop(ended);
    }

    fn take(&self) -> Vec<OperationWithProgress<u32, u32>> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<OperationWithProgress<u32, u32>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
