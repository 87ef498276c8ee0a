//! `MessageReceived`: the handlers of a socket, and what receives for them.
//!
//! The thread that receives also calls the handlers, one event after the other. It is a thread of
//! the library below, and may be blocked: other sockets are then served by other threads.

use std::fmt;
use std::num::NonZeroI64;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use udpair::{ErrorKind, Event, Message, PeerError, PeerErrorKind, RecvBatch, background, hresult};

use super::arguments::MessageReceivedEventArgs;
use super::core::{Core, WeakCore};
use super::socket::DatagramSocket;

/// Identifies the registration of a handler.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct EventToken(NonZeroI64);

impl EventToken {
    /// Returns the number of the token, which is never 0.
    pub fn value(self) -> i64 {
        self.0.get()
    }

    /// Returns the token with this number; `None` for 0.
    pub fn from_value(value: i64) -> Option<Self> {
        NonZeroI64::new(value).map(Self)
    }
}

/// The handlers of a socket.
#[derive(Default)]
pub(super) struct Handlers {
    list: Mutex<Arc<Vec<Handler>>>,
    /// Counts the changes of the list.
    changes: AtomicUsize,
    /// Set when the socket is closed: no event starts after that (CLS-05).
    is_shut: AtomicBool,
}

#[derive(Clone)]
struct Handler {
    token: EventToken,
    call: Arc<Mutex<Call>>,
}

type Call = dyn FnMut(&DatagramSocket, MessageReceivedEventArgs) + Send;

impl Handlers {
    pub(super) fn add(
        &self,
        handler: impl FnMut(&DatagramSocket, MessageReceivedEventArgs) + Send + 'static,
    ) -> EventToken {
        static TOKENS: AtomicI64 = AtomicI64::new(1);
        let number = TOKENS.fetch_add(1, Ordering::Relaxed);
        let token = EventToken(NonZeroI64::new(number).expect("counted from 1"));
        let handler = Handler {
            token,
            call: Arc::new(Mutex::new(handler)),
        };
        self.change(|list| list.push(handler));
        token
    }

    pub(super) fn remove(&self, token: EventToken) {
        self.change(|list| list.retain(|handler| handler.token != token));
    }

    /// Ends all events: none starts after this.
    pub(super) fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
        self.change(Vec::clear);
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Handler>)) {
        let mut list = self.list();
        let mut changed = Vec::clone(&list);
        change(&mut changed);
        let former = std::mem::replace(&mut *list, Arc::new(changed));
        self.changes.fetch_add(1, Ordering::SeqCst);
        drop(list);
        // A handler may own anything.
        drop(former);
    }

    fn list(&self) -> MutexGuard<'_, Arc<Vec<Handler>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("count", &self.list().len())
            .finish_non_exhaustive()
    }
}

/// Begins to receive for the handlers of a socket, as long as it is open. This does not keep the
/// socket open.
pub(super) fn start(core: &Arc<Core>) {
    let (weak, receiver) = (core.weak(), core.socket.receiver());
    // Without a thread nothing can be received; the socket still sends.
    let _ = background::spawn(receive(weak, receiver));
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
    let socket = DatagramSocket::of(core);
    let mut delivery = Delivery::of(&socket);
    match event {
        Some(Event::PeerError(error)) => {
            if let Some(arguments) = failure(&error) {
                delivery.raise(arguments);
            }
        }
        Some(Event::Message(message)) => {
            delivery.raise(MessageReceivedEventArgs::of_message(message));
        }
        Some(_) => {}
        None => {
            while let Some(datagram) = batch.pop() {
                let message = Message::from(datagram);
                if !delivery.raise(MessageReceivedEventArgs::of_message(message)) {
                    break;
                }
            }
        }
    }
}

/// Returns the event for an error that the network sent back; `None` if there is none (MSG-12,
/// MSG-15).
fn failure(error: &PeerError) -> Option<MessageReceivedEventArgs> {
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

/// Events that one call receives, and the handlers that they go to.
struct Delivery<'a> {
    socket: &'a DatagramSocket,
    handlers: &'a Handlers,
    list: Arc<Vec<Handler>>,
    /// The number of changes when the list was taken.
    changes: usize,
}

impl<'a> Delivery<'a> {
    fn of(socket: &'a DatagramSocket) -> Self {
        let handlers = &socket.core().handlers;
        // Before the list is taken, so that a change is noticed rather once too often.
        let changes = handlers.changes.load(Ordering::SeqCst);
        Self {
            socket,
            handlers,
            list: handlers.list().clone(),
            changes,
        }
    }

    /// Calls all handlers in the order of their registration. Returns `false` once the socket is
    /// closed.
    fn raise(&mut self, arguments: MessageReceivedEventArgs) -> bool {
        if self.handlers.is_shut.load(Ordering::SeqCst) {
            return false;
        }
        if self.handlers.changes.load(Ordering::SeqCst) != self.changes {
            *self = Self::of(self.socket);
        }
        if let Some((last, others)) = self.list.split_last() {
            for handler in others {
                self.call(handler, arguments.clone());
            }
            self.call(last, arguments);
        }
        true
    }

    /// Calls one handler. If it panics, the panic hook reports that, and the next event goes to it
    /// as well (MSG-19).
    fn call(&self, handler: &Handler, arguments: MessageReceivedEventArgs) {
        let mut call = handler.call.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = panic::catch_unwind(AssertUnwindSafe(|| call(self.socket, arguments)));
    }
}

/// How many messages of the kernel one call takes at most.
const MESSAGES_MAX: usize = 32;

/// After how many failures in a row reception ends: the system does not let this socket receive.
const FAILURES_MAX: u32 = 1000;
