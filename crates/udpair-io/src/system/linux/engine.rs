//! The Linux engine: many datagrams a call and many in one piece, with all that the kernel knows of
//! them, and the error queue.

use std::io;

use super::{error_queue, option, receive, send};
use crate::batch::{Destination, Outgoing, RecvBatch, SendBatch};
use crate::engine::{Capabilities, Engine, EngineOptions, Remaining, Sent, sealed::Sealed};
use crate::peer_error::NetworkError;
use crate::socket::Socket;

/// See the module.
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
            send_batch: true,
            receive_offload: true,
            error_queue: true,
        }
    }

    fn prepare(&self, socket: &Socket, wishes: EngineOptions) -> io::Result<()> {
        option::ask_for_metadata(socket)?;
        option::ask_for_errors(socket)?;
        option::ask_for_wishes(socket, wishes)?;
        if !option::can_cut_pieces(socket) {
            socket.send_offload.note_missing();
        }
        Ok(())
    }

    fn receive(&self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
        batch.clear();
        receive::receive(socket, batch)
    }

    fn send(&self, socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<()> {
        send::send_one(socket, outgoing)
    }

    fn send_batch(
        &self,
        socket: &Socket,
        batch: &SendBatch,
        to: Option<Destination>,
        most: usize,
    ) -> io::Result<Sent> {
        send::send_batch(socket, batch, to, most)
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
