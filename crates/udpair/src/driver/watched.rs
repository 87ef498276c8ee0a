//! A socket that the runtime watches for us.
//!
//! The descriptor lives behind a lock that every call on it takes for reading, and that closing takes
//! for writing: when [`Watched::close`] returns, no call is under way and the port is free, whoever
//! still holds the socket.

use std::future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::task::{Context, Poll, Waker, ready};

use once_cell::race::OnceBox;
use tokio::runtime::Handle;
use udpair_io::Socket;

use super::readiness::Readiness;
use super::waiters::{Ticket, Waiter, Waiters};

/// See the module.
#[derive(Debug)]
pub(crate) struct Watched {
    reading: RwLock<Option<Registration>>,
    readers: Arc<Waiters>,
    /// Wakes `readers`; kept, because making one allocates.
    readers_waker: Waker,
    /// There once somebody had to wait; most sockets never see that.
    writing: OnceBox<Writing>,
    /// The runtime that watches, or will; set by the first who waits where it was left open.
    runtime: OnceLock<Handle>,
}

/// Remaining for room.
#[derive(Debug, Default)]
struct Writing {
    /// There only while somebody waits: a standing interest in writing would cost a wake-up for every
    /// datagram that leaves.
    registered: Mutex<Option<Readiness<Socket>>>,
    writers: Arc<Waiters>,
}

impl Writing {
    fn registered(&self) -> MutexGuard<'_, Option<Readiness<Socket>>> {
        self.registered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket on its way into a runtime.
#[derive(Debug)]
enum Registration {
    /// Nobody has waited for it yet.
    Unwatched(Socket),
    Watched(Readiness<Socket>),
}

impl Registration {
    fn socket(&self) -> &Socket {
        match self {
            Self::Unwatched(socket) => socket,
            Self::Watched(registered) => registered.get_ref(),
        }
    }
}

/// Wakes those who wait to read from one socket. Apart from the socket, so that not everybody who has that
/// can: a waker may do anything.
#[derive(Debug)]
pub(crate) struct ReaderWaker(Arc<Waiters>);

impl ReaderWaker {
    /// Makes everybody who waits to read look again.
    #[inline]
    pub(crate) fn wake_all(&self) {
        self.0.wake_all();
    }
}

/// Why a socket cannot be waited for any more.
#[derive(Debug)]
pub(crate) enum WaitError {
    /// It was closed.
    Closed,
    /// Its runtime was shut down, or could not take it.
    Runtime(io::Error),
}

impl From<WaitError> for io::Error {
    fn from(gone: WaitError) -> Self {
        match gone {
            WaitError::Closed => Self::new(io::ErrorKind::NotConnected, "the socket was closed"),
            WaitError::Runtime(error) => error,
        }
    }
}

impl Watched {
    /// Leaves `socket` to the runtime around us, which watches it as soon as somebody waits: a socket
    /// that only sends, or is never waited for, costs it nothing.
    pub(crate) fn new(socket: Socket) -> (Self, ReaderWaker) {
        let (watched, waker) = Self::wherever(socket);
        let _ = watched.runtime.set(Handle::current());
        (watched, waker)
    }

    /// Leaves `socket` to the runtime in which somebody waits for it first.
    pub(crate) fn wherever(socket: Socket) -> (Self, ReaderWaker) {
        let readers = Arc::new(Waiters::default());
        let waker = ReaderWaker(readers.clone());
        let watched = Self {
            reading: RwLock::new(Some(Registration::Unwatched(socket))),
            readers_waker: readers.clone().into(),
            readers,
            writing: OnceBox::new(),
            runtime: OnceLock::new(),
        };
        (watched, waker)
    }

    /// Hands the socket to its runtime, or where that was left open to ours.
    #[cold]
    fn watch(&self) -> io::Result<()> {
        let runtime = match self.runtime.get() {
            Some(runtime) => runtime.clone(),
            None => super::runtime()?,
        };
        let mut reading = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        let socket = match reading.take() {
            Some(Registration::Unwatched(socket)) => socket,
            other => {
                *reading = other;
                return Ok(());
            }
        };
        let _entered = runtime.enter();
        match Readiness::of_reading(socket) {
            Ok(registered) => {
                *reading = Some(Registration::Watched(registered));
                let _ = self.runtime.set(runtime.clone());
                Ok(())
            }
            Err((socket, error)) => {
                *reading = Some(Registration::Unwatched(socket));
                Err(error)
            }
        }
    }

    /// Returns whether the socket was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.reading().is_none()
    }

    /// Calls `action` on the socket; `None` once it is closed.
    #[inline]
    pub(crate) fn with<R>(&self, action: impl FnOnce(&Socket) -> R) -> Option<R> {
        self.reading()
            .as_ref()
            .map(|reading| action(reading.socket()))
    }

    /// Calls `action` on the socket while nobody else does; `None` once it is closed.
    pub(crate) fn with_alone<R>(&self, action: impl FnOnce(&Socket) -> R) -> Option<R> {
        let reading = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        reading.as_ref().map(|reading| action(reading.socket()))
    }

    /// Waits until something arrived (a datagram, an error, the end) since the last time this
    /// returned. The caller then receives until nothing is left.
    #[inline]
    pub(crate) fn poll_readable(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Ticket,
    ) -> Poll<Result<(), WaitError>> {
        let mut reading = self.reading();
        if matches!(*reading, Some(Registration::Unwatched(_))) {
            drop(reading);
            self.watch().map_err(WaitError::Runtime)?;
            reading = self.reading();
        }
        let registered = match reading.as_ref() {
            Some(Registration::Watched(registered)) => registered,
            Some(Registration::Unwatched(_)) => unreachable!("watched above"),
            None => return Poll::Ready(Err(WaitError::Closed)),
        };
        // Who was woken finds it so, and need not line up to learn that.
        if !registered.take_readable() {
            self.readers.enlist(ticket, cx.waker());
            let mut context = Context::from_waker(&self.readers_waker);
            ready!(registered.poll_readable(&mut context)).map_err(WaitError::Runtime)?;
        }
        self.readers.leave(ticket);
        Poll::Ready(Ok(()))
    }

    /// Waits until something arrived; see [`poll_readable`](Self::poll_readable).
    pub(crate) async fn readable(&self) -> Result<(), WaitError> {
        let mut waiter = Waiter::on(&*self.readers);
        future::poll_fn(|cx| self.poll_readable(cx, waiter.ticket())).await
    }

    /// Takes a reader off the list, who does not wait any more.
    #[inline]
    pub(crate) fn stop_reading(&self, ticket: &mut Ticket) {
        self.readers.leave(ticket);
    }

    /// Returns whether somebody waits to read.
    #[inline]
    pub(crate) fn has_readers(&self) -> bool {
        !self.readers.is_empty()
    }

    /// Makes everybody who waits to write look again.
    pub(crate) fn wake_writers(&self) {
        if let Some(writing) = self.writing.get() {
            writing.writers.wake_all();
        }
    }

    /// Waits until the kernel has room for another datagram.
    pub(crate) fn poll_writable(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Ticket,
    ) -> Poll<Result<(), WaitError>> {
        // The list changes under this lock alone, so that the registration is there while anybody is on
        // it.
        let writing = self.writing.get_or_init(Box::default);
        let mut registered = writing.registered();
        writing.writers.enlist(ticket, cx.waker());
        let room = match &mut *registered {
            Some(registered) => registered,
            none => none.insert(self.register_for_writing()?),
        };
        let waker = writing.writers.clone().into();
        let mut context = Context::from_waker(&waker);
        let room = ready!(room.poll_writable(&mut context));
        *registered = None;
        writing.writers.leave(ticket);
        drop(registered);
        writing.writers.wake_all();
        Poll::Ready(room.map_err(WaitError::Runtime))
    }

    /// Puts a writer on the list who waits for something else, so that a wake-up reaches him.
    pub(crate) fn enlist_writer(&self, cx: &mut Context<'_>, ticket: &mut Ticket) {
        let writing = self.writing.get_or_init(Box::default);
        let _registered = writing.registered();
        writing.writers.enlist(ticket, cx.waker());
    }

    /// Takes a writer off the list, who does not wait any more.
    pub(crate) fn stop_writing(&self, ticket: &mut Ticket) {
        let Some(writing) = self.writing.get() else {
            return;
        };
        let mut registered = writing.registered();
        writing.writers.leave(ticket);
        if writing.writers.is_empty() {
            *registered = None;
        }
    }

    /// Closes the socket and wakes everybody; the local port is free when this returns.
    pub(crate) fn close(&self) {
        let reading = self
            .reading
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let writing = self
            .writing
            .get()
            .and_then(|writing| writing.registered().take());
        drop((reading, writing));
        self.readers.wake_all();
        self.wake_writers();
    }

    #[inline]
    fn reading(&self) -> RwLockReadGuard<'_, Option<Registration>> {
        self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a second descriptor of the socket, because the runtime takes each but once.
    fn register_for_writing(&self) -> Result<Readiness<Socket>, WaitError> {
        let copy = self.with(Socket::try_clone).ok_or(WaitError::Closed)?;
        let runtime = match self.runtime.get() {
            Some(runtime) => Ok(runtime.clone()),
            None => super::runtime(),
        };
        let (copy, runtime) = copy
            .and_then(|copy| Ok((copy, runtime?)))
            .map_err(WaitError::Runtime)?;
        let _entered = runtime.enter();
        Readiness::of_writing(copy).map_err(|(_, error)| WaitError::Runtime(error))
    }
}
