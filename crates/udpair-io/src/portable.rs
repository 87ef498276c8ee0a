//! The engine on the standard library's calls alone: one datagram a call, on every system.
//!
//! It knows a datagram's bytes and its sender. Errors of the network reach it only through the call that
//! the system chose to fail, which it does for a connected socket alone; their destination is the peer.

use std::io;

use crate::batch::{Destination, Metadata, Outgoing, RecvBatch, SendBatch};
use crate::cause::Cause;
use crate::engine::{Capabilities, Engine, EngineOptions, Remaining, Sent, sealed::Sealed};
use crate::peer_error::{NetworkError, NetworkErrorKind};
use crate::pool::Buffer;
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

    fn prepare(&self, _socket: &Socket, _wishes: EngineOptions) -> io::Result<()> {
        Ok(())
    }

    fn receive(&self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
        batch.clear();
        let mut buffer = Buffer::take();
        let (length, from) = socket.receive_from(buffer.bytes_mut())?;
        batch.push(buffer, length, length, Metadata::of_sender(from));
        Ok(Remaining::Maybe)
    }

    fn send(&self, socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<()> {
        socket.send(outgoing)
    }

    fn send_batch(
        &self,
        socket: &Socket,
        batch: &SendBatch,
        to: Option<Destination>,
        most: usize,
    ) -> io::Result<Sent> {
        // One alone: an error that the network sent back is told by one call and not again, so no call may
        // meet it that has something else to tell.
        let Some(first) = batch.queued().take(most).next() else {
            return Ok(Sent::default());
        };
        socket.send(Outgoing {
            payload: &first.payload,
            to: first.to.or(to),
        })?;
        Ok(Sent {
            datagrams: 1,
            bytes: first.payload.len(),
            was_interrupted: false,
        })
    }

    fn take_errors(
        &self,
        _socket: &Socket,
        _found: &mut dyn FnMut(NetworkError),
    ) -> io::Result<usize> {
        Ok(0)
    }

    fn reported_by(&self, socket: &Socket, error: &io::Error) -> Option<NetworkError> {
        let kind = match Cause::of(error) {
            Cause::ConnectionRefused | Cause::ConnectionReset => NetworkErrorKind::PortUnreachable,
            Cause::HostUnreachable | Cause::HostDown => NetworkErrorKind::HostUnreachable,
            Cause::NetworkUnreachable | Cause::NetworkDown => NetworkErrorKind::NetworkUnreachable,
            // Linux says this for a firewall on the way of an IPv6 datagram.
            Cause::PermissionDenied => NetworkErrorKind::AdministrativelyProhibited,
            Cause::NotSupported => NetworkErrorKind::ProtocolUnreachable,
            Cause::MessageTooLong => NetworkErrorKind::MessageTooBig,
            Cause::NetworkReset => NetworkErrorKind::TimeExceeded,
            _ => return None,
        };
        Some(NetworkError {
            destination: socket.peer_addr().ok(),
            kind,
            mtu: None,
            reporter: None,
        })
    }
}
