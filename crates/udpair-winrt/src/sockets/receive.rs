//! Receives, and raises `MessageReceived`.
//!
//! The thread that receives also calls the handlers, one event after the other. It is a thread of
//! the library below, never the one that called (MSG-06), and may be blocked: other sockets are then
//! served by other threads.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use udpair::{ErrorKind, Event, Message, PeerError, PeerErrorKind, RecvBatch, background, hresult};

use super::arguments::MessageReceivedEventArgs;
use super::core::{Core, DatagramSocket, WeakCore};
use crate::foundation::Delivery;

/// Begins to receive, once a socket is open. This does not keep the socket open. Without handlers,
/// what arrives is dropped.
pub(super) fn start(core: &Arc<Core>) {
    if core.begins_to_receive() && !core.has_left_reception() {
        // Without a thread nothing can be received; the socket still sends.
        let _ = background::spawn_receiver(Reception {
            core: core.weak(),
            failures: 0,
        });
    }
}

/// Receives until the socket is closed. What a socket that waits needs is no more than this: the
/// batch belongs to the thread.
struct Reception {
    core: WeakCore,
    /// How many calls in a row have failed.
    failures: u32,
}

impl Future for Reception {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut batch = BATCH.take().unwrap_or_else(|| RecvBatch::new(MESSAGES_MAX));
        let polled = self.receive(cx, &mut batch);
        batch.clear();
        BATCH.set(Some(batch));
        polled
    }
}

thread_local! {
    /// The batch of this thread, which is empty. It is taken while the thread receives.
    static BATCH: Cell<Option<RecvBatch>> = const { Cell::new(None) };
}

impl Reception {
    fn receive(&mut self, cx: &mut Context<'_>, batch: &mut RecvBatch) -> Poll<()> {
        loop {
            let Some(core) = self.core.upgrade() else {
                return Poll::Ready(());
            };
            if core.is_paused() {
                return Poll::Ready(());
            }
            match core.socket.poll_next_batch(cx, batch) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(event)) => {
                    self.failures = 0;
                    let outside = core.outside();
                    background::call(outside.as_ref(), || deliver(core, event, batch));
                    batch.clear();
                }
                Poll::Ready(Err(error)) => {
                    self.failures += 1;
                    let ends = matches!(error.kind(), ErrorKind::Closed | ErrorKind::Cancelled);
                    if ends || self.failures == FAILURES_MAX {
                        return Poll::Ready(());
                    }
                }
            }
        }
    }
}

/// Calls `action` once, on this thread, after the events that have come together with the present one. To
/// be called by a handler; a later call replaces an earlier one.
///
/// A binding keeps until then what all these events share.
pub fn after_events(action: fn()) {
    AFTER_EVENTS.set(Some(action));
}

thread_local! {
    static AFTER_EVENTS: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Calls the handlers for an event, or for each datagram of `batch`.
fn deliver(core: Arc<Core>, event: Option<Event>, batch: &mut RecvBatch) {
    let socket = DatagramSocket(core);
    let mut delivery = Delivery::of(&socket.0.handlers);
    let mut raise = |arguments| {
        socket.0.raises_events()
            && delivery.raise(arguments, |handler, arguments| handler(&socket, arguments))
    };
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
    if let Some(action) = AFTER_EVENTS.take() {
        action();
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
