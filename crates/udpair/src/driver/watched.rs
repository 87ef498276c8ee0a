//! A socket whose readiness the runtime watches.
//!
//! The descriptor is behind a lock. Every call on it takes the lock for reading, and closing takes
//! it for writing. So when [`Watched::close`] returns, no call is under way and the port is free,
//! even if other tasks still hold the socket.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use once_cell::race::OnceBox;
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};
use udpair_io::Socket;

use super::Task;
use super::readiness::Readiness;
use super::waiters::{Discarded, Ticket, Waiters};

/// A socket whose readiness the runtime watches.
#[derive(Debug)]
pub(crate) struct Watched {
    reading: RwLock<Option<Registration>>,
    readers: Arc<Waiters>,
    /// Wakes `readers`; kept, because creating a waker allocates.
    readers_waker: Waker,
    /// What tells when there is buffer space. Created by the first writer that has to wait; most
    /// sockets never have one.
    space: OnceBox<Mutex<Option<Space>>>,
    /// The runtime that watches the socket, or will watch it. If none is assigned, the first waiter
    /// sets it.
    runtime: OnceLock<Handle>,
}

/// Tells when the kernel has buffer space again. Exists only while a writer waits: a permanent
/// interest in writability would cause a wake-up for every datagram that leaves.
#[derive(Debug)]
enum Space {
    /// A second descriptor of the socket, registered for writing.
    Registered(Readiness<Socket>),
    /// The process has no descriptor left, so the kernel is asked again after a pause.
    Pause(Pin<Box<Sleep>>),
}

impl Space {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Registered(readiness) => readiness.poll_writable(cx),
            Self::Pause(pause) => pause.as_mut().poll(cx).map(Ok),
        }
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
            space: OnceBox::new(),
            runtime: OnceLock::new(),
        };
        (watched, waker)
    }

    /// Registers the socket with its runtime; if none is assigned yet, with the current one.
    #[cold]
    fn watch(&self) -> io::Result<()> {
        let runtime = self.runtime()?;
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
        discarded: &mut Discarded,
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
            self.readers.enlist(ticket, cx.waker(), discarded);
            let mut context = Context::from_waker(&self.readers_waker);
            ready!(registered.poll_readable(&mut context)).map_err(WaitError::Runtime)?;
        }
        self.readers.leave(ticket, discarded);
        Poll::Ready(Ok(()))
    }

    /// Removes a reader that no longer waits from the list.
    #[inline]
    pub(crate) fn stop_reading(&self, ticket: &mut Ticket, discarded: &mut Discarded) {
        self.readers.leave(ticket, discarded);
    }

    /// Returns whether a task waits to read.
    #[inline]
    pub(crate) fn has_readers(&self) -> bool {
        !self.readers.is_empty()
    }

    /// Waits until the kernel has buffer space for another datagram.
    ///
    /// `writers` are the tasks that wait for it; all of them are woken when there is space. The
    /// caller that learns of the space wakes the others, once it holds no lock.
    ///
    /// `by_pause` is for a kernel that reports space where it has none: this then waits for a pause.
    pub(crate) fn poll_writable(
        &self,
        by_pause: bool,
        writers: &Arc<Waiters>,
        cx: &mut Context<'_>,
        ticket: &mut Ticket,
        discarded: &mut Discarded,
    ) -> Poll<Result<(), WaitError>> {
        // The list changes only under this lock, so that `space` exists while a writer is on the
        // list.
        let mut space = self.space().lock().unwrap_or_else(PoisonError::into_inner);
        writers.enlist(ticket, cx.waker(), discarded);
        let waited_for = match &mut *space {
            Some(space) => space,
            none => none.insert(self.wait_for_space(by_pause)?),
        };
        let waker = writers.clone().into();
        let writable = ready!(waited_for.poll(&mut Context::from_waker(&waker)));
        *space = None;
        writers.leave(ticket, discarded);
        Poll::Ready(writable.map_err(WaitError::Runtime))
    }

    /// Removes a writer that no longer waits from the list.
    pub(crate) fn stop_writing(
        &self,
        writers: &Waiters,
        ticket: &mut Ticket,
        discarded: &mut Discarded,
    ) {
        let Some(space) = self.space.get() else {
            return;
        };
        let mut space = space.lock().unwrap_or_else(PoisonError::into_inner);
        writers.leave(ticket, discarded);
        if writers.is_empty() {
            *space = None;
        }
    }

    /// Replaces the socket, and returns the former one; `None` once it is closed. Wakes no task:
    /// the caller wakes all readers and writers, which then wait for the new socket.
    pub(crate) fn replace(&self, socket: Socket) -> Option<impl Sized + use<>> {
        let space = self.space.get();
        let mut space = space.map(|space| space.lock().unwrap_or_else(PoisonError::into_inner));
        let mut reading = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        let former = reading.take()?;
        *reading = Some(Registration::Unwatched(socket));
        let space = space.as_mut().and_then(|space| space.take());
        Some((former, space))
    }

    /// Closes the socket and returns it as it is; `None` if it is closed already. Wakes no task.
    pub(crate) fn take(&self) -> Option<Socket> {
        let space = self.space.get();
        let mut space = space.map(|space| space.lock().unwrap_or_else(PoisonError::into_inner));
        let mut reading = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(space) = &mut space {
            **space = None;
        }
        Some(match reading.take()? {
            Registration::Unwatched(socket) => socket,
            Registration::Watched(registered) => registered.into_inner(),
        })
    }

    /// Closes the socket. The local port is free when this returns, also if another call has begun
    /// to close it. Wakes no task.
    pub(crate) fn close(&self) {
        // Dropped under the locks, so that a second caller waits for the first.
        let space = self.space.get();
        let mut space = space.map(|space| space.lock().unwrap_or_else(PoisonError::into_inner));
        let mut reading = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(space) = &mut space {
            **space = None;
        }
        *reading = None;
    }

    /// Spawns `future` in the runtime of the socket, so that it ends only with that.
    ///
    /// # Errors
    ///
    /// Those of [`in_runtime`](super::in_runtime).
    pub(crate) fn spawn(
        &self,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Task> {
        Ok(Task::new(&self.runtime()?.spawn(future)))
    }

    /// Calls `action` inside the runtime of the socket.
    ///
    /// # Errors
    ///
    /// Those of [`in_runtime`](super::in_runtime).
    pub(crate) fn within_runtime<T>(&self, action: impl FnOnce() -> T) -> io::Result<T> {
        let runtime = self.runtime()?;
        let _entered = runtime.enter();
        Ok(action())
    }

    /// Returns the runtime of the socket; if none is assigned yet, the current one.
    fn runtime(&self) -> io::Result<Handle> {
        match self.runtime.get() {
            Some(runtime) => Ok(runtime.clone()),
            None => super::runtime(),
        }
    }

    #[inline]
    fn reading(&self) -> RwLockReadGuard<'_, Option<Registration>> {
        self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn space(&self) -> &Mutex<Option<Space>> {
        self.space.get_or_init(Box::default)
    }

    /// Registers a second descriptor of the socket for writing, because the runtime accepts each
    /// descriptor only once. If the system has none left, or `by_pause`, waits for a pause.
    fn wait_for_space(&self, by_pause: bool) -> Result<Space, WaitError> {
        if !by_pause {
            match self.register_for_space()? {
                Ok(readiness) => return Ok(Space::Registered(readiness)),
                Err(error) if error.raw_os_error().is_some() => {}
                // The runtime was shut down.
                Err(error) => return Err(WaitError::Runtime(error)),
            }
        }
        // In the runtime of the caller: that of the socket may end meanwhile.
        let pause = super::within(|| Box::pin(sleep(SPACE_PAUSE)));
        Ok(Space::Pause(pause.map_err(WaitError::Runtime)?))
    }

    fn register_for_space(&self) -> Result<io::Result<Readiness<Socket>>, WaitError> {
        let runtime = self.runtime().map_err(WaitError::Runtime)?;
        let _entered = runtime.enter();
        let copy = self.with(Socket::try_clone).ok_or(WaitError::Closed)?;
        Ok(copy.and_then(|copy| Readiness::for_writing(copy).map_err(|(_, error)| error)))
    }
}

/// How long a writer waits for buffer space where it cannot be notified of it.
const SPACE_PAUSE: Duration = Duration::from_millis(2);
