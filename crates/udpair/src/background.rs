//! Work on threads of this library: for layers on top of it that call handlers.
//!
//! A program that awaits futures needs none of this. A layer that calls back, such as an object
//! model with events or a binding to another language, has to call from somewhere: here.
//!
//! # Examples
//!
//! ```
//! use std::sync::mpsc;
//! use udpair::{DatagramSocket, background};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (to_main, received) = mpsc::channel();
//! // The socket is served by the threads of this library.
//! let opened = background::within(|| DatagramSocket::builder().open())??;
//! let socket = opened.clone();
//! let task = background::spawn(async move {
//!     socket.bind("localhost:0").await.unwrap();
//!     let local = socket.local_addr().unwrap();
//!     socket.send_to(b"to myself", local).await.unwrap();
//!     let message = socket.recv().await.unwrap();
//!     background::call(None, || to_main.send(message).unwrap());
//! })?;
//! assert_eq!(received.recv()?.payload(), b"to myself");
//! # Ok(())
//! # }
//! ```

use std::future::Future;

use crate::driver;
use crate::error::Error;

/// A task that was spawned here. Dropping it ends the task, unless it was
/// [detached](Self::detach).
#[derive(Debug)]
#[must_use = "dropping the task ends it"]
pub struct Task(driver::Task);

impl Task {
    /// Lets the task run until it ends by itself.
    pub fn detach(self) {
        self.0.detach();
    }

    /// Returns whether the task has not ended.
    pub fn is_running(&self) -> bool {
        self.0.is_running()
    }
}

/// The runtime of a program, in which handlers are to be called.
#[derive(Clone, Debug)]
pub struct Outside(driver::OutsideRuntime);

impl Outside {
    /// Returns the runtime in which this is called; `None` if there is none.
    pub fn current() -> Option<Self> {
        driver::OutsideRuntime::current().map(Self)
    }
}

/// Runs `future` on threads of this library.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io): the system has no thread left.
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Result<Task, Error> {
    let task = driver::spawn_in_handlers(future).map_err(Error::no_runtime)?;
    Ok(Task(task))
}

/// Calls `action` on this thread, such that sockets that it opens, and futures that it polls, are
/// served by threads of this library.
///
/// # Errors
///
/// Those of [`spawn`].
pub fn within<T>(action: impl FnOnce() -> T) -> Result<T, Error> {
    driver::within_handlers(action).map_err(Error::no_runtime)
}

/// Calls a handler, from a task that was [spawned](spawn) here. The handler may block for as long as
/// it likes: there is always another thread for the other tasks. `outside` is the runtime of the
/// program in which the handler may spawn tasks.
pub fn call<T>(outside: Option<&Outside>, handler: impl FnOnce() -> T) -> T {
    driver::call_handler(outside.map(|outside| &outside.0), handler)
}
