//! The background runtime: where work goes on that no task awaits.
//!
//! A thread of the process serves sockets that were opened without a runtime. Layers on top of this
//! library, whose calls start work instead of returning futures, run that work there.

use std::future::Future;

use crate::driver;
use crate::error::Error;

/// Runs `future` in the background runtime.
///
/// The first poll happens inside this call, on the calling thread. So a future that has nothing to
/// wait for is done when this returns, and futures start in the order of the calls. The background
/// thread does the rest. Sockets that the future opens are served by that thread, also if the caller
/// is inside another runtime.
///
/// The background thread serves all sockets that have no other runtime, so a future must not block.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io): the thread cannot be started. The future was dropped.
///
/// # Panics
///
/// Panics if the future does so in its first poll. A later panic ends the future.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use udpair::{DatagramSocket, background};
///
/// # fn main() -> Result<(), udpair::Error> {
/// let (sender, results) = mpsc::channel();
/// background::spawn(async move {
///     let bound = DatagramSocket::builder().bind("localhost:0").await;
///     // Nobody waits for the result if this fails.
///     let _ = sender.send(bound.map(|socket| socket.local_addr()));
/// })?;
/// println!("{:?}", results.recv().expect("the future ends")?);
/// # Ok(())
/// # }
/// ```
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    driver::start_in_background(future).map_err(Error::no_runtime)
}

/// Returns whether the calling thread is the background thread. Code that would block on something
/// that needs this thread can then fail instead of waiting forever.
pub fn is_current_thread() -> bool {
    driver::is_background_thread()
}
