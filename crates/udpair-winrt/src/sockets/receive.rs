//! Receives, and raises `MessageReceived`.
//!
//! The thread that receives also calls the handlers, one event after the other. It is a thread of
//! the library below, and may be blocked: other sockets are then served by other threads.

use std::sync::Arc;

use udpair::{ErrorKind, Event, Message, PeerError, PeerErrorKind, RecvBatch, background, hresult};

use super::arguments::MessageReceivedEventArgs;
use super::core::{Core, DatagramSocket, WeakCore};
use crate::foundation::Delivery;

/// Begins to receive, once a socket is open. This does not keep the socket open. Without handlers,
/// what arrives is dropped.
pub(super) fn start(core: &Arc<Core>) {
    if core.begins_to_receive() && !core.has_left_reception() {
        // Without a thread nothing can be received; the socket still sends.
        let _ = background::spawn(receive(core.weak(), core.socket.receiver()));
    }
}

async fn receive(core: WeakCore, receiver: udpair::Receiver) {
    let mut batch = RecvBatch::new(MESSAGES_MAX);
    let mut failures = 0;
    loop {
        match receiver.next_batch(&mut batch).await {
            Ok(event) => {
                failures = 0;
                let Some(core) = core.upgrade() else {
                    return;
                };
                let outside = core.outside.clone();
                background::call(outside.as_ref(), || deliver(core, event, &mut batch));
            }
            Err(error) => {
                let ends = matches!(error.kind(), ErrorKind::Closed | ErrorKind::Cancelled);
                failures += 1;
                if ends || failures == FAILURES_MAX {
                    return;
                }
            }
        }
        if core.upgrade().is_none_or(|core| core.is_paused()) {
            return;
        }
    }
}

/// Calls the handlers for an event, or for each datagram of `batch`.
fn deliver(core: Arc<Core>, event: Option<Event>, batch: &mut RecvBatch) {
    let socket = DatagramSocket(core);
    let mut delivery = Delivery::of(&socket.0.handlers);
    let mut raise =
        |arguments| delivery.raise(arguments, |handler, arguments| handler(&socket, arguments));
    match event {
        Some(Event::PeerError(error)) => {
            if let Some(arguments) = failure(&error) {
                raise(arguments);
            }
        }
        Some(Event::Message(message)) => {
            raise(MessageReceivedEventArgs::of_message(message));
        }
        Some(_) => {}
        None => {
            while let Some(datagram) = batch.pop() {
                let message = Message::from(datagram);
                if !raise(MessageReceivedEventArgs::of_message(message)) {
                    break;
                }
            }
        }
    }
}

/// Returns the event for an error that the network sent back; `None` if there is none (MSG-12,
/// MSG-15).
pub(super) fn failure(error: &PeerError) -> Option<MessageReceivedEventArgs> {
    let code = match error.kind {
        PeerErrorKind::PortUnreachable => hresult::WSAECONNRESET,
        PeerErrorKind::TimeExceeded => hresult::WSAENETRESET,
        _ => return None,
    };
    Some(MessageReceivedEventArgs::of_failure(
        code,
        error.destination?,
    ))
}

/// How many messages of the kernel one call takes at most.
const MESSAGES_MAX: usize = 32;

/// After how many failures in a row reception ends: the system does not let this socket receive.
const FAILURES_MAX: u32 = 1000;
