//! The Linux engine: many datagrams per call, GSO and GRO, all metadata that the kernel reports,
//! and the error queue.

use std::io;

use super::{error_queue, gro, option, receive, send};
use crate::batch::{Destination, Outgoing, RecvBatch, SendBatch};
use crate::engine::{Capabilities, Engine, EngineOptions, Remaining, Sent, sealed::Sealed};
use crate::peer_error::NetworkError;
use crate::socket::Socket;

/// The engine that uses Linux's batch calls, control messages and error queue.
#[derive(Debug)]
pub(super) struct Linux;

impl Sealed for Linux {}

impl Engine for Linux {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            local_address: true,
            packet_header: true,
            drops: true,
            timestamps: true,
            source: true,
            send_header: true,
            send_batch: true,
            receive_offload: true,
            error_queue: true,
        }
    }

    fn prepare(&self, socket: &Socket, requested: EngineOptions) -> io::Result<()> {
        option::enable_metadata(socket)?;
        option::enable_error_queue(socket)?;
        if requested.timestamps {
            option::enable_timestamps(socket)?;
        }
        if requested.receive_offload && option::enable_gro(socket).is_ok() {
            gro::keep_enabled(socket);
        }
        if !option::supports_gso(socket) {
            socket.send_offload.note_missing();
        }
        Ok(())
    }

    fn receive(&self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
        batch.clear();
        receive::receive(socket, batch)
    }

    fn send(&self, socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<Sent> {
        send::send_one(socket, outgoing)
    }

    fn send_batch(
        &self,
        socket: &Socket,
        batch: &SendBatch,
        to: Option<Destination>,
        max: usize,
    ) -> io::Result<Sent> {
        send::send_batch(socket, batch, to, max)
    }

    fn take_errors(
        &self,
        socket: &Socket,
        found: &mut dyn FnMut(NetworkError),
    ) -> io::Result<usize> {
        error_queue::drain(socket, found)
    }

    fn reported_by(&self, _socket: &Socket, _error: &io::Error) -> Option<NetworkError> {
        None
    }
}
