//! Reception by a binding: its event loop takes the place of the threads of this crate.

use udpair::{ErrorKind, Event, RecvBatch, SocketOperation};

use super::arguments::MessageReceivedEventArgs;
use super::core::{DatagramSocket, WeakCore};
use super::receive::{self, failure};
use crate::error::{Error, Result};

/// What a binding receives with, in place of the threads of this crate; see
/// [`DatagramSocket::receive_by`].
///
/// It does not keep the socket open.
#[derive(Debug)]
pub struct Reception(WeakCore);

/// What there was to receive.
#[derive(Debug)]
pub enum Received {
    /// The batch holds datagrams, each of them an event.
    Datagrams,
    /// An event that is no datagram: an error that the network has sent back (MSG-12).
    Event(MessageReceivedEventArgs),
    /// Something that raises no event. There may be more.
    Other(Event),
    /// Nothing for now. The batch is empty.
    Nothing,
    /// Reception is over: the socket was closed, or its operations were cancelled (CAN-04).
    Ended,
}

impl Reception {
    /// Receives what has arrived into `batch`, and never waits.
    ///
    /// # Errors
    ///
    /// The system's own; the next call tries again.
    pub fn try_next(&self, batch: &mut RecvBatch) -> Result<Received> {
        let Some(core) = self.0.upgrade().filter(|core| !core.is_paused()) else {
            batch.clear();
            return Ok(Received::Ended);
        };
        match core.socket.try_next_batch(batch) {
            Ok(None) if batch.is_empty() => Ok(Received::Nothing),
            Ok(None) => Ok(Received::Datagrams),
            Ok(Some(event)) => Ok(received(event)),
            Err(error) if error.kind() == ErrorKind::Closed => Ok(Received::Ended),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until there is something to receive. The wait keeps the socket open.
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED` or `ERROR_OPERATION_ABORTED` if reception is over, and the system's own.
    pub async fn readable(&self) -> Result<()> {
        let socket = self.0.get()?.socket.clone();
        Ok(socket.readable().await?)
    }

    /// Returns the socket, unless it is closed.
    pub fn socket(&self) -> Option<DatagramSocket> {
        self.0.upgrade().map(DatagramSocket)
    }
}

/// Returns what the model makes of an event.
fn received(event: Event) -> Received {
    match event {
        Event::Message(message) => Received::Event(MessageReceivedEventArgs::of_message(message)),
        Event::PeerError(error) => match failure(&error) {
            Some(arguments) => Received::Event(arguments),
            None => Received::Other(Event::PeerError(error)),
        },
        other => Received::Other(other),
    }
}

impl DatagramSocket {
    /// Leaves reception to a binding with an event loop of its own.
    ///
    /// Once the socket is open, `start` is called with what receives; threads of this crate do not
    /// receive from it, and handlers of [`on_message_received`](Self::on_message_received) are
    /// registered but not called. The call comes from the thread that opens the socket, and must not
    /// block.
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`: the socket is bound or connected already.
    pub fn receive_by(&self, start: impl FnOnce(Reception) + Send + 'static) -> Result<()> {
        self.0.check(SocketOperation::AddHandler)?;
        self.0.leave_reception_to(|core| start(Reception(core)));
        Ok(())
    }

    /// Returns the socket of the layer below, for what the object model has no member for.
    ///
    /// A socket that is opened by it does not begin to receive here.
    pub fn inner(&self) -> &udpair::DatagramSocket {
        &self.0.socket
    }

    /// Begins to receive, if the socket was opened by [`inner`](Self::inner).
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`: the socket is not open.
    pub fn begin_to_receive(&self) -> Result<()> {
        if self.0.socket.local_addr().is_none() {
            return Err(Error::illegal_call("the socket is not open"));
        }
        receive::start(&self.0);
        Ok(())
    }
}
