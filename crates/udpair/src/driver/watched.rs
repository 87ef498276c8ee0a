//! A socket whose readiness the runtime watches.
//!
//! The descriptor is behind a lock. Every call on it takes the lock for reading, and closing takes
//! it for writing. So when [`Watched::close`] returns, no call is under way and the port is free,
//! even if other tasks still hold the socket.

use std::future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::task::{Context, Poll, Waker, ready};

use once_cell::race::OnceBox;
use tokio::runtime::Handle;
use udpair_io::Socket;

use super::readiness::Readiness;
use super::waiters::{Ticket, Waiter, Waiters};

/// A socket whose readiness the runtime watches.
#[derive(Debug)]
pub(crate) struct Watched {
    reading: RwLock<Option<Registration>>,
    readers: Arc<Waiters>,
    /// Wakes `readers`; kept, because creating a waker allocates.
    readers_waker: Waker,
    /// Created by the first writer that has to wait; most sockets never have one.
    writing: OnceBox<Writing>,
    /// The runtime that watches the socket, or will watch it. If none is assigned, the first waiter
    /// sets it.
    runtime: OnceLock<Handle>,
}

/// The writers of a socket that wait for buffer space.
#[derive(Debug, Default)]
struct Writing {
    /// Exists only while a writer waits: a permanent interest in writability would cause a wake-up
    /// for every datagram that leaves.
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

/// A socket, and whether it is registered with a runtime.
#[derive(Debug)]
enum Registration {
    /// No task has waited for the socket yet.
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

/// Wakes the tasks that wait to read from one socket.
///
/// Separate from the socket, so that code which only has the socket cannot wake them: a waker may
/// run arbitrary code.
#[derive(Debug)]
pub(crate) struct ReaderWaker(Arc<Waiters>);

impl ReaderWaker {
    /// Wakes all waiting readers, which then check again.
    #[inline]
    pub(crate) fn wake_all(&self) {
        self.0.wake_all();
    }
}

/// Why a socket cannot be waited for any more.
#[derive(Debug)]
pub(crate) enum WaitError {
    /// The socket was closed.
    Closed,
    /// The socket's runtime was shut down, or could not register the socket.
    Runtime(io::Error),
}

impl From<WaitError> for io::Error {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Closed => Self::new(io::ErrorKind::NotConnected, "the socket was closed"),
            WaitError::Runtime(error) => error,
        }
    }
}

impl Watched {
    /// Assigns `socket` to the current runtime, which watches it as soon as a task waits. A socket
    /// that only sends, or that no task waits for, costs the runtime nothing.
    pub(crate) fn new(socket: Socket) -> (Self, ReaderWaker) {
        let (watched, waker) = Self::unassigned(socket);
        let _ = watched.runtime.set(Handle::current());
        (watched, waker)
    }

    /// Assigns `socket` to no runtime yet. The runtime of the first task that waits will watch it.
    pub(crate) fn unassigned(socket: Socket) -> (Self, ReaderWaker) {
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

    /// Registers the socket with its runtime; if none is assigned yet, with the current one.
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
        match Readiness::for_reading(socket) {
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

    /// Calls `action` on the socket while no other call is under way; `None` once it is closed.
    pub(crate) fn with_exclusive<R>(&self, action: impl FnOnce(&Socket) -> R) -> Option<R> {
        let reading = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        reading.as_ref().map(|reading| action(reading.socket()))
    }

    /// Waits until something has arrived (a datagram, an error, the end) since this last completed.
    /// The caller then receives until nothing is left.
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
        // A reader that was woken finds the socket readable here, and need not enlist to learn
        // that.
        if !registered.take_readable() {
            self.readers.enlist(ticket, cx.waker());
            let mut context = Context::from_waker(&self.readers_waker);
            ready!(registered.poll_readable(&mut context)).map_err(WaitError::Runtime)?;
        }
        self.readers.leave(ticket);
        Poll::Ready(Ok(()))
    }

    /// Waits until something has arrived; see [`poll_readable`](Self::poll_readable).
    pub(crate) async fn readable(&self) -> Result<(), WaitError> {
        let mut waiter = Waiter::on(&*self.readers);
        future::poll_fn(|cx| self.poll_readable(cx, waiter.ticket())).await
    }

    /// Removes a reader that no longer waits from the list.
    #[inline]
    pub(crate) fn stop_reading(&self, ticket: &mut Ticket) {
        self.readers.leave(ticket);
    }

    /// Returns whether a task waits to read.
    #[inline]
    pub(crate) fn has_readers(&self) -> bool {
        !self.readers.is_empty()
    }

    /// Wakes all waiting writers, which then check again.
    pub(crate) fn wake_writers(&self) {
        if let Some(writing) = self.writing.get() {
            writing.writers.wake_all();
        }
    }

    /// Waits until the kernel has buffer space for another datagram.
    pub(crate) fn poll_writable(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Ticket,
    ) -> Poll<Result<(), WaitError>> {
        // The list changes only under this lock, so that the registration exists while a writer is
        // on the list.
        let writing = self.writing.get_or_init(Box::default);
        let mut registered = writing.registered();
        writing.writers.enlist(ticket, cx.waker());
        let readiness = match &mut *registered {
            Some(readiness) => readiness,
            none => none.insert(self.register_for_writing()?),
        };
        let waker = writing.writers.clone().into();
        let mut context = Context::from_waker(&waker);
        let writable = ready!(readiness.poll_writable(&mut context));
        *registered = None;
        writing.writers.leave(ticket);
        drop(registered);
        writing.writers.wake_all();
        Poll::Ready(writable.map_err(WaitError::Runtime))
    }

    /// Adds a writer that waits for something else to the list, so that
    /// [`wake_writers`](Self::wake_writers) wakes it.
    pub(crate) fn enlist_writer(&self, cx: &mut Context<'_>, ticket: &mut Ticket) {
        let writing = self.writing.get_or_init(Box::default);
        let _registered = writing.registered();
        writing.writers.enlist(ticket, cx.waker());
    }

    /// Removes a writer that no longer waits from the list.
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

    /// Closes the socket and wakes all waiters. The local port is free when this returns.
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

    /// Registers a second descriptor of the socket, because the runtime accepts each descriptor
    /// only once.
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
        Readiness::for_writing(copy).map_err(|(_, error)| WaitError::Runtime(error))
    }
}
