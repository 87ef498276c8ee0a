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
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdRegisterError};
use tokio::runtime::Handle;
use udpair_io::Socket;

use super::waiters::{Ticket, Waiters};

/// See the module.
#[derive(Debug)]
pub(crate) struct Watched {
    reading: RwLock<Option<Reading>>,
    readers: Arc<Waiters>,
    /// Wakes `readers`; kept, because making one allocates.
    readers_waker: Waker,
    /// There once somebody had to wait; most sockets never see that.
    writing: OnceBox<Writing>,
    /// The runtime that watches, or will; set by the first who waits where it was left open.
    runtime: OnceLock<Handle>,
}

/// Waiting for room.
#[derive(Debug, Default)]
struct Writing {
    /// There only while somebody waits: a standing interest in writing would cost a wake-up for every
    /// datagram that leaves.
    registered: Mutex<Option<AsyncFd<Socket>>>,
    writers: Arc<Waiters>,
}

impl Writing {
    fn registered(&self) -> MutexGuard<'_, Option<AsyncFd<Socket>>> {
        self.registered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket on its way into a runtime.
#[derive(Debug)]
enum Reading {
    /// Nobody has waited for it yet.
    Unwatched(Socket),
    Watched(AsyncFd<Socket>),
}

impl Reading {
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
pub(crate) enum Gone {
    /// It was closed.
    Closed,
    /// Its runtime was shut down, or could not take it.
    Runtime(io::Error),
}

impl From<Gone> for io::Error {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Closed => Self::new(io::ErrorKind::NotConnected, "the socket was closed"),
            Gone::Runtime(error) => error,
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
            reading: RwLock::new(Some(Reading::Unwatched(socket))),
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
            Some(Reading::Unwatched(socket)) => socket,
            other => {
                *reading = other;
                return Ok(());
            }
        };
        let _entered = runtime.enter();
        // Errors that the network sends back count as priority data, see `Socket::open`.
        match register(socket, Interest::READABLE | Interest::PRIORITY) {
            Ok(registered) => {
                *reading = Some(Reading::Watched(registered));
                let _ = self.runtime.set(runtime.clone());
                Ok(())
            }
            Err((socket, error)) => {
                *reading = Some(Reading::Unwatched(socket));
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
    ) -> Poll<Result<(), Gone>> {
        let mut reading = self.reading();
        if matches!(*reading, Some(Reading::Unwatched(_))) {
            drop(reading);
            self.watch().map_err(Gone::Runtime)?;
            reading = self.reading();
        }
        let registered = match reading.as_ref() {
            Some(Reading::Watched(registered)) => registered,
            Some(Reading::Unwatched(_)) => unreachable!("watched above"),
            None => return Poll::Ready(Err(Gone::Closed)),
        };
        // Who was woken finds it so, and need not line up to learn that.
        if !take_readiness(registered) {
            self.readers.enlist(ticket, cx.waker());
            let mut context = Context::from_waker(&self.readers_waker);
            let mut guard =
                ready!(registered.poll_read_ready(&mut context)).map_err(Gone::Runtime)?;
            // Before the caller receives, not after: what arrives in between then counts as new.
            guard.clear_ready();
        }
        self.readers.leave(ticket);
        Poll::Ready(Ok(()))
    }

    /// Waits until something arrived; see [`poll_readable`](Self::poll_readable).
    pub(crate) async fn readable(&self) -> Result<(), Gone> {
        let mut place = Place::on(&self.readers);
        future::poll_fn(|cx| self.poll_readable(cx, &mut place.ticket)).await
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
    ) -> Poll<Result<(), Gone>> {
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
        let room = ready!(room.poll_write_ready(&mut context)).map(drop);
        *registered = None;
        writing.writers.leave(ticket);
        drop(registered);
        writing.writers.wake_all();
        Poll::Ready(room.map_err(Gone::Runtime))
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
    fn reading(&self) -> RwLockReadGuard<'_, Option<Reading>> {
        self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a second descriptor of the socket, because the runtime takes each but once.
    fn register_for_writing(&self) -> Result<AsyncFd<Socket>, Gone> {
        let copy = self.with(Socket::try_clone).ok_or(Gone::Closed)?;
        let runtime = match self.runtime.get() {
            Some(runtime) => Ok(runtime.clone()),
            None => super::runtime(),
        };
        let (copy, runtime) = copy
            .and_then(|copy| Ok((copy, runtime?)))
            .map_err(Gone::Runtime)?;
        let _entered = runtime.enter();
        register(copy, Interest::WRITABLE).map_err(|(_, error)| Gone::Runtime(error))
    }
}

/// A place on a list that is given back when dropped.
struct Place<'a> {
    waiters: &'a Waiters,
    ticket: Ticket,
}

impl<'a> Place<'a> {
    fn on(waiters: &'a Waiters) -> Self {
        Self {
            waiters,
            ticket: Ticket::default(),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiters.leave(&mut self.ticket);
    }
}

/// Returns whether something is there to be read since this last returned so; nobody is woken for it.
#[inline]
fn take_readiness(registered: &AsyncFd<Socket>) -> bool {
    let mut is_ready = false;
    // An attempt that finds nothing is what takes a readiness back.
    let _ = registered.try_io(Interest::READABLE, |_| {
        is_ready = true;
        Err::<(), _>(io::ErrorKind::WouldBlock.into())
    });
    is_ready
}

#[expect(
    unsafe_code,
    reason = "the runtime's only way to watch a descriptor for reading alone"
)]
fn register(socket: Socket, interest: Interest) -> Result<AsyncFd<Socket>, (Socket, io::Error)> {
    // SAFETY: `AsyncFd` takes the `Socket` and with it the descriptor, which nobody else closes: a
    // `Socket` keeps one descriptor for life, and we hand out shared references only.
    unsafe { AsyncFd::register_with_interest(socket, interest) }
        .map_err(AsyncFdRegisterError::into_parts)
}

/// Linux alone lets a reader be woken by priority data, and alone has this constant: an inherent one,
/// which goes before this trait's. Elsewhere a queued error makes a socket readable by itself.
#[allow(dead_code, reason = "unused where the runtime has the constant")]
trait PriorityWhereThereIsNone {
    const PRIORITY: Interest = Interest::READABLE;
}

impl PriorityWhereThereIsNone for Interest {}
