//! Work on threads of this library: for layers on top of it whose calls start work instead of
//! returning futures, and that call handlers.
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
//! background::spawn(async move {
//!     let socket = DatagramSocket::builder().bind("localhost:0").await.unwrap();
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

/// Runs `future` on threads of this library, to its end.
///
/// The first poll happens inside this call, on the calling thread. So a future that has nothing to
/// wait for is done when this returns, and futures start in the order of the calls. Sockets that the
/// future opens are served by threads of this library, also if the caller is inside a runtime.
///
/// A future must not block, except in [`call`].
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io): the system has no thread left. The future was dropped.
///
/// # Panics
///
/// Panics if the future does so in its first poll. A later panic ends the future.
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    driver::start_in_handlers(future).map_err(Error::no_runtime)
}

/// Runs a future that receives from sockets, and nothing else, on threads of this library. It is not
/// polled inside this call, and takes less memory than a future that is [spawned](spawn): a program
/// may have many.
///
/// What a handler does may not wake such a future other than through a socket: it could have to wait
/// for that handler.
///
/// # Errors
///
/// Those of [`spawn`].
pub fn spawn_receiver(future: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    driver::spawn_in_handlers(future).map_err(Error::no_runtime)
}

/// Calls a handler, from a future that was [spawned](spawn) here. The handler may block for as long
/// as it likes: there is always another thread for the other futures. `outside` is the runtime of
/// the program in which the handler may spawn tasks.
pub fn call<T>(outside: Option<&Outside>, handler: impl FnOnce() -> T) -> T {
    driver::call_handler(outside.map(|outside| &outside.0), handler)
}

/// Calls a handler on a thread of its own, beside all others; inside this call only if the system has
/// no thread left. The handler may block for as long as it likes. A panic ends only the handler.
pub fn run(handler: impl FnOnce() + Send + 'static) {
    driver::run_handler(handler);
}

/// Waits for a future on the calling thread, which needs no runtime. On a thread of this library,
/// another one takes its place meanwhile.
///
/// In a task of an asynchronous program, await the future instead: this holds up the other tasks of
/// the thread.
pub fn wait<F: Future>(future: F) -> F::Output {
    driver::block_on(future)
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
