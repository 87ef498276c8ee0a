//! The engine on the standard library's calls alone: one datagram a call, on every system.
//!
//! It knows a datagram's bytes and its sender. Errors reach it only through the call that the system
//! chose to fail, so it reports a closed port of a connected socket's peer and nothing else.

use std::io;

use crate::batch::{Metadata, Outgoing, RecvBatch};
use crate::cause::Cause;
use crate::engine::{Capabilities, Engine, Waiting, sealed::Sealed};
use crate::peer_error::{NetworkError, NetworkErrorKind};
use crate::socket::Socket;

/// See the module.
#[derive(Debug)]
pub(crate) struct Portable;

impl Sealed for Portable {}

impl Engine for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn prepare(&self, _socket: &Socket) -> io::Result<()> {
        Ok(())
    }

    fn receive(&self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Waiting> {
        batch.clear();
        batch.push_with(|buffer| {
            let (length, from) = socket.receive_from(buffer)?;
            Ok((length, Metadata::of_sender(from)))
        })?;
        Ok(Waiting::Perhaps)
    }

    fn send(&self, socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<()> {
        socket.send(outgoing)
    }

    fn take_errors(
        &self,
        socket: &Socket,
        cause: Option<&io::Error>,
        found: &mut dyn FnMut(NetworkError),
    ) -> io::Result<usize> {
        let Some(Cause::ConnectionRefused | Cause::ConnectionReset) = cause.map(Cause::of) else {
            return Ok(0);
        };
        found(NetworkError {
            destination: socket.peer_addr().ok(),
            kind: NetworkErrorKind::PortUnreachable,
            mtu: None,
            reporter: None,
        });
        Ok(1)
    }
}
