//! What queries to name servers need of the runtime and nothing else does: a wait without a list, a
//! timer that moves, the identity of a runtime, and one exchange over TCP, for answers that do not
//! fit into a datagram.

use std::future;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::runtime::Handle;

use super::Timer;
use super::waiters::{Discarded, Ticket};
use super::watched::{WaitError, Watched};

/// Identifies a runtime.
pub(crate) type RuntimeId = tokio::runtime::Id;

/// Returns the identifier of the current runtime; see [`in_runtime`](super::in_runtime).
pub(crate) fn current_runtime() -> RuntimeId {
    Handle::current().id()
}

impl Timer {
    /// Sets the timer to another time.
    pub(crate) fn set(&mut self, time: Instant) {
        if self.0.deadline() != time.into() {
            self.0.as_mut().reset(time.into());
        }
    }
}

impl Watched {
    /// Waits until something has arrived; see [`poll_readable`](Self::poll_readable).
    pub(crate) async fn readable(&self) -> Result<(), WaitError> {
        let mut reader = Reader {
            watched: self,
            ticket: Ticket::default(),
        };
        future::poll_fn(|cx| {
            let mut discarded = Discarded::default();
            self.poll_readable(cx, &mut reader.ticket, &mut discarded)
        })
        .await
    }
}

/// A reader that leaves the list when it is dropped.
struct Reader<'w> {
    watched: &'w Watched,
    ticket: Ticket,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut discarded = Discarded::default();
        self.watched.stop_reading(&mut self.ticket, &mut discarded);
    }
}

/// Connects `socket` to `server`, sends `query` and returns the answer.
///
/// Each message follows its length in two octets (RFC 1035, section 4.2.2).
///
/// # Errors
///
/// Returns the system's error, or [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the server
/// closes the connection before the answer is complete.
pub(crate) async fn tcp_exchange(
    socket: std::net::TcpStream,
    server: SocketAddr,
    query: &[u8],
) -> io::Result<Vec<u8>> {
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    let mut stream = TcpSocket::from_std_stream(socket).connect(server).await?;
    let framed = [&length.to_be_bytes(), query].concat();
    stream.write_all(&framed).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
