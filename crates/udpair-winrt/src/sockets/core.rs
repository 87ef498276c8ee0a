//! The object, and what its handles share.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use udpair::background::Outside;
use udpair::{SocketOperation, hresult};

use super::arguments::MessageReceivedEventArgs;
use crate::error::{Error, Result};
use crate::foundation::{Action, AsyncStatus, Handlers, Operation, Pending};
use crate::storage_streams::OutputStream;

/// A socket for datagrams, `Windows.Networking.Sockets.DatagramSocket`.
///
/// A clone is the same object. It is closed when the last handle is dropped, or by
/// [`close`](Self::close).
///
/// Messages go to the handlers of [`on_message_received`](Self::on_message_received), which have to
/// be registered before the socket is bound or connected.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use udpair_winrt::{DataWriter, DatagramSocket, EndpointPair, HostName};
///
/// # fn main() -> udpair_winrt::Result<()> {
/// let server = DatagramSocket::new();
/// let (sender, received) = mpsc::channel();
/// server.on_message_received(move |_, arguments| {
///     let reader = arguments.data_reader().unwrap();
///     let length = reader.unconsumed_buffer_length().unwrap();
///     sender.send(reader.read_string(length).unwrap()).unwrap();
/// })?;
/// server.bind_service_name("").get()?;
///
/// let client = DatagramSocket::new();
/// let port = server.information().local_port();
/// let pair = EndpointPair::new(None, "", HostName::new("127.0.0.1")?, &port)?;
/// client.connect_pair(&pair).get()?;
/// let writer = DataWriter::with_stream(client.output_stream()?);
/// writer.write_string("Hello")?;
/// writer.store().get()?;
/// assert_eq!(received.recv().unwrap(), "Hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DatagramSocket(pub(super) Arc<Core>);

/// The type of a handler of `MessageReceived`.
pub(super) type Received = dyn FnMut(&DatagramSocket, MessageReceivedEventArgs) + Send;

/// A socket, its handlers, and what is under way.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) socket: udpair::DatagramSocket,
    pub(super) handlers: Handlers<Received>,
    /// Boxed, so that a socket that only waits takes little memory.
    rare: OnceLock<Box<Rare>>,
    /// Whether reception was ended by `CancelIOAsync`.
    is_paused: AtomicBool,
    is_receiving: AtomicBool,
    /// Whether the socket may be handed over to a broker.
    is_transfer_enabled: AtomicBool,
}

/// What many sockets never need.
#[derive(Debug, Default)]
struct Rare {
    /// The runtime that the socket was created in, where handlers may spawn tasks.
    outside: Option<Outside>,
    /// The stream to the peer: the same object each time.
    output: OnceLock<OutputStream>,
    /// What a cancellation waits for.
    pending: Pending,
    reception: Waiting,
}

/// What a binding has left for the time when the socket is open: it then receives.
#[derive(Default)]
struct Waiting(Mutex<Option<Start>>);

type Start = Box<dyn FnOnce(WeakCore) + Send>;

impl Waiting {
    fn replace(&self, start: Option<Start>) -> Option<Start> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *waiting, start)
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}

/// A reference to a socket that does not keep it open.
#[derive(Clone, Debug)]
pub(super) struct WeakCore(Weak<Core>);

impl WeakCore {
    pub(super) fn upgrade(&self) -> Option<Arc<Core>> {
        self.0.upgrade()
    }

    /// Returns the socket; an error if its last handle was dropped.
    pub(super) fn get(&self) -> Result<Arc<Core>> {
        self.upgrade().ok_or_else(|| Error::closed("the socket"))
    }
}

impl Core {
    pub(super) fn new(socket: udpair::DatagramSocket) -> Arc<Self> {
        let rare = |outside| {
            Box::new(Rare {
                outside: Some(outside),
                ..Rare::default()
            })
        };
        Arc::new(Self {
            socket,
            handlers: Handlers::new(),
            rare: Outside::current()
                .map(rare)
                .map_or_else(OnceLock::new, OnceLock::from),
            is_paused: AtomicBool::new(false),
            is_receiving: AtomicBool::new(false),
            is_transfer_enabled: AtomicBool::new(false),
        })
    }

    pub(super) fn weak(self: &Arc<Self>) -> WeakCore {
        WeakCore(Arc::downgrade(self))
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// Returns the runtime that the socket was created in, where handlers may spawn tasks.
    pub(super) fn outside(&self) -> Option<Outside> {
        self.rare.get()?.outside.clone()
    }

    /// Returns the stream to the peer, which `make` makes the first time.
    pub(super) fn output(&self, make: impl FnOnce() -> OutputStream) -> OutputStream {
        self.rare().output.get_or_init(make).clone()
    }

    /// Returns whether reception begins now: `true` the first time.
    pub(super) fn begins_to_receive(&self) -> bool {
        !self.is_receiving.swap(true, Ordering::AcqRel)
    }

    /// Leaves reception to a binding, which `start` begins once the socket is open.
    pub(super) fn leave_reception_to(&self, start: impl FnOnce(WeakCore) + Send + 'static) {
        let former = self.rare().reception.replace(Some(Box::new(start)));
        drop(former);
    }

    /// Lets the binding receive that reception was left to. Returns `false` if there is none.
    pub(super) fn has_left_reception(self: &Arc<Self>) -> bool {
        let rare = self.rare.get();
        let start = rare.and_then(|rare| rare.reception.replace(None));
        start.map(|start| start(self.weak())).is_some()
    }

    pub(super) fn enable_transfer(&self) {
        self.is_transfer_enabled.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_transfer_enabled(&self) -> bool {
        self.is_transfer_enabled.load(Ordering::Relaxed)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    /// Returns whether a datagram that was taken is an event: not after a cancellation (CAN-04), and
    /// not once the thread that receives has the last handle (CLS-06).
    #[inline]
    pub(super) fn raises_events(self: &Arc<Self>) -> bool {
        !self.is_paused() && Arc::strong_count(self) > 1
    }

    /// Checks that the state of the socket allows an operation.
    pub(super) fn check(&self, operation: SocketOperation) -> Result<()> {
        Ok(self.socket.check(operation)?)
    }

    /// Starts an operation of the socket, which a cancellation waits for.
    ///
    /// What the state or an argument forbids is found at the first poll, inside the call: then the
    /// call was refused (GEN-01).
    pub(super) fn start<T>(
        &self,
        future: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Operation<T>
    where
        T: Clone + Send + Sync + 'static,
    {
        let operation = Operation::run(future);
        match operation.error() {
            Some(error) if is_refusal(&error) => Operation::refused(error),
            _ => {
                self.track(&operation);
                operation
            }
        }
    }

    /// Notes an operation that a cancellation waits for.
    pub(super) fn track<T, P>(&self, operation: &Operation<T, P>)
    where
        T: Clone + Send + Sync + 'static,
        P: Send + 'static,
    {
        if operation.status() == AsyncStatus::Started {
            self.rare().pending.add(operation);
        }
    }

    /// Ends what is under way, and stops receiving. The action ends when all operations have.
    pub(super) fn cancel_io(&self) -> Action {
        if let Err(error) = self.check(SocketOperation::CancelIo) {
            return Action::refused(error);
        }
        self.is_paused.store(true, Ordering::Release);
        let ended = self.rare().pending.ended();
        if let Err(error) = self.socket.cancel_io() {
            return Action::refused(error.into());
        }
        Action::run(async move {
            ended.await;
            Ok(())
        })
    }

    /// Closes the socket: no event starts after this, and the port is free.
    pub(super) fn close(&self) {
        let handlers = self.handlers.shut();
        self.socket.close();
        // They may own anything, and take any time to be dropped.
        drop(handlers);
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.close();
    }
}

/// Returns whether an error says that the call itself was not allowed.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.code(),
        hresult::E_ILLEGAL_METHOD_CALL | hresult::E_INVALIDARG | hresult::RO_E_CLOSED
    )
}
