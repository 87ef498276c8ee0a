//! Asks whether an operation is allowed now.

use super::DatagramSocket;
use super::lifecycle::{LocalPart, Operation};
use crate::error::Error;

/// An operation that a socket allows in some of its states; see
/// [`DatagramSocket::check`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SocketOperation {
    /// [`bind`](DatagramSocket::bind).
    Bind,
    /// [`bind_on`](DatagramSocket::bind_on).
    BindOn,
    /// [`connect`](DatagramSocket::connect), with a pair whose local end is empty.
    Connect,
    /// [`output`](DatagramSocket::output): taking the stream to the peer.
    Output,
    /// Sending to the peer, through [`output`](DatagramSocket::output).
    SendToPeer,
    /// [`send_to`](DatagramSocket::send_to), [`output_to`](DatagramSocket::output_to) and their
    /// like.
    SendToAddress,
    /// [`recv`](DatagramSocket::recv) and all other ways to receive.
    Receive,
    /// [`join_multicast`](DatagramSocket::join_multicast) and
    /// [`join_source`](DatagramSocket::join_source).
    JoinMulticast,
    /// [`set_hop_limit`](DatagramSocket::set_hop_limit), and setting any other option that can be
    /// set at any time.
    SetHopLimit,
    /// [`set_dont_fragment`](DatagramSocket::set_dont_fragment), and setting any other option that
    /// is frozen once the socket is open.
    SetFrozenOption,
    /// [`cancel_io`](DatagramSocket::cancel_io).
    CancelIo,
    /// Registering a handler for messages, in a layer that has such handlers (MSG-01).
    AddHandler,
    /// Announcing that the socket will be handed over, in a layer that has a socket broker.
    EnableTransfer,
    /// Handing the socket over after that, in a layer that has a socket broker.
    Transfer,
}

impl DatagramSocket {
    /// Checks that the state of the socket allows an operation now, without doing anything.
    ///
    /// Another task may change the state after this call.
    ///
    /// # Errors
    ///
    /// The error that the operation would return because of the state:
    /// [`InvalidState`](crate::ErrorKind::InvalidState) or [`Closed`](crate::ErrorKind::Closed).
    ///
    /// # Model
    ///
    /// GEN-01: the state table.
    pub fn check(&self, operation: SocketOperation) -> Result<(), Error> {
        let (action, operation) = match operation {
            SocketOperation::Bind => ("bind", Operation::Bind),
            SocketOperation::BindOn => ("bind to an adapter", Operation::BindAdapter),
            SocketOperation::Connect => ("connect", Operation::Connect(LocalPart::default())),
            SocketOperation::Output => ("take the output stream", Operation::Output),
            SocketOperation::SendToPeer => ("send to the peer", Operation::WriteToPeer),
            SocketOperation::SendToAddress => ("send to an address", Operation::WriteTo),
            SocketOperation::Receive => ("receive", Operation::Receive),
            SocketOperation::JoinMulticast => ("join a group", Operation::JoinGroup),
            SocketOperation::SetHopLimit => ("set an option", Operation::SetOption),
            SocketOperation::SetFrozenOption => ("set an option", Operation::SetFrozenOption),
            SocketOperation::CancelIo => ("cancel pending operations", Operation::CancelIo),
            SocketOperation::AddHandler => ("register a handler", Operation::AddHandler),
            SocketOperation::EnableTransfer => ("enable a transfer", Operation::EnableTransfer),
            SocketOperation::Transfer => {
                ("transfer the socket", Operation::Transfer { enabled: true })
            }
        };
        self.shared().allow(action, operation)
    }
}
