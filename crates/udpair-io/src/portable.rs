//! The engine that uses only the standard library's calls: one datagram per call, on every system.
//!
//! It reports a datagram's payload and sender. A network error reaches it only when the system
//! fails a call because of that error. The system does so for connected sockets only, so the
//! destination of the lost datagram is the peer.

use std::io::{self, IoSliceMut};

use crate::batch::{
    Destination, Filled, MESSAGE_BYTES_MAX, Metadata, Outgoing, RecvBatch, Run, SendBatch,
};
use crate::engine::{Capabilities, Engine, EngineOptions, Remaining, Sent, sealed::Sealed};
use crate::peer_error::NetworkError;
use crate::pool::Buffer;
use crate::socket::Socket;
use crate::system;

/// The engine that works on every system and uses only the standard library.
#[derive(Debug)]
pub(crate) struct Portable;

impl Sealed for Portable {}

impl Engine for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    fn capabilities_of(&self, _socket: &Socket) -> Capabilities {
        Capabilities::none()
    }

    fn prepare(&self, _socket: &Socket, _requested: EngineOptions) -> io::Result<()> {
        Ok(())
    }

    fn receive(&self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
        batch.clear();
        receive_one(socket, batch)
    }

    fn receive_into(
        &self,
        socket: &Socket,
        buffers: &mut [IoSliceMut<'_>],
        filled: &mut Vec<Filled>,
    ) -> io::Result<Remaining> {
        receive_one_into(socket, buffers, filled)
    }

    fn send(&self, socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<Sent> {
        match socket.send(outgoing) {
            Ok(()) => Ok(Sent::one(outgoing.payload.len())),
            Err(error) => system::outcome_of_failed_send(socket, outgoing, error),
        }
    }

    fn send_batch(
        &self,
        socket: &Socket,
        batch: &SendBatch,
        to: Option<Destination>,
        max: usize,
    ) -> io::Result<Sent> {
        // Only one datagram: the system reports a network error through one call and not again. A
        // call that had already sent datagrams could not return both their number and that error.
        let Some(first) = batch.iter().take(max).next() else {
            return Ok(Sent::default());
        };
        let first = Outgoing {
            to: first.to.or(to),
            ..first
        };
        self.send(socket, first)
    }

    fn send_run(&self, socket: &Socket, run: Run<'_>) -> io::Result<Sent> {
        // Only one datagram, as above.
        self.send(socket, run.first())
    }

    fn take_errors(
        &self,
        _socket: &Socket,
        _found: &mut dyn FnMut(NetworkError),
    ) -> io::Result<usize> {
        Ok(0)
    }

    fn reported_by(&self, socket: &Socket, error: &io::Error) -> Option<NetworkError> {
        NetworkError::of_failed_call(socket, error)
    }
}

/// Receives one datagram into `batch`.
pub(crate) fn receive_one(socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
    loop {
        let mut buffer = Buffer::take();
        let (length, from) = socket.receive_from(buffer.bytes_mut())?;
        let metadata = Metadata::of_sender(from);
        if socket.admits(&metadata) {
            batch.push(buffer, length, length, metadata);
            return Ok(Remaining::Maybe);
        }
    }
}

/// Receives one datagram into the first of `buffers`.
pub(crate) fn receive_one_into(
    socket: &Socket,
    buffers: &mut [IoSliceMut<'_>],
    filled: &mut Vec<Filled>,
) -> io::Result<Remaining> {
    let Some(buffer) = buffers.first_mut() else {
        return Ok(Remaining::Maybe);
    };
    // The system does not say that a buffer was too short.
    let mut whole = (buffer.len() < MESSAGE_BYTES_MAX).then(Buffer::take);
    loop {
        let (length, from) = match &mut whole {
            None => socket.receive_from(buffer)?,
            Some(whole) => socket.receive_from(whole.bytes_mut())?,
        };
        let mut metadata = Metadata::of_sender(from);
        if !socket.admits(&metadata) {
            continue;
        }
        let kept = length.min(buffer.len());
        if let Some(whole) = &whole {
            buffer[..kept].copy_from_slice(&whole.bytes()[..kept]);
        }
        metadata.is_truncated = kept < length;
        filled.push(Filled::new(metadata, kept, kept));
        return Ok(Remaining::Maybe);
    }
}
