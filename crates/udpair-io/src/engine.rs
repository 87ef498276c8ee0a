//! How datagrams cross the border to the kernel.
//!
//! An engine moves what a batch holds in one call and says what it cannot do. All rules (who may be
//! heard, when to wait, what an error means to the application) live above it.

use std::fmt;
use std::io;

use crate::batch::{Destination, Outgoing, RecvBatch, SendBatch};
use crate::peer_error::NetworkError;
use crate::socket::Socket;

/// A way to move datagrams between memory and the kernel.
///
/// Sealed: the engines of a build are those that [`engines`](crate::engines()) lists.
pub trait Engine: sealed::Sealed + fmt::Debug + Send + Sync {
    /// Returns the engine's name, for people: `"linux"`, `"portable"`.
    fn name(&self) -> &'static str;

    /// Returns what this engine knows of a datagram beside its bytes and its sender.
    fn capabilities(&self) -> Capabilities;

    /// Asks the system for what the engine is to report, once, before `socket` is bound.
    ///
    /// # Errors
    ///
    /// The system's own, when it refuses an option that the engine cannot work without; a wish that
    /// cannot be granted is no error.
    fn prepare(&self, socket: &Socket, wishes: EngineOptions) -> io::Result<()>;

    /// Replaces the content of `batch` with datagrams that wait in the kernel, in arrival order.
    ///
    /// After a success `batch` holds at least one datagram, from at most as many messages of the kernel
    /// as its limit says.
    ///
    /// # Errors
    ///
    /// - [`WouldBlock`](io::ErrorKind::WouldBlock): nothing waits.
    /// - Any other: usually an error that the network sent back for an earlier datagram. Hand it to
    ///   [`take_errors`](Self::take_errors) and call again; it ends nothing.
    fn receive(&self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining>;

    /// Sends one datagram.
    ///
    /// # Errors
    ///
    /// - [`WouldBlock`](io::ErrorKind::WouldBlock): the kernel has no room now; nothing was sent.
    /// - Any other: nothing was sent either. It may be an error that somebody else's datagram caused
    ///   and that merely waited for the next call: see [`take_errors`](Self::take_errors).
    fn send(&self, socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<()>;

    /// Sends of the first `most` datagrams of `batch` as many as the kernel takes in one call. Those without
    /// a destination of their own go to `to`, or to the peer of a connected socket.
    ///
    /// What was sent is the caller's to [remove](SendBatch::remove): whoever made a payload may have it do
    /// anything when it is dropped, so that must happen where nothing is held.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send), about the first datagram: then none was sent.
    fn send_batch(
        &self,
        socket: &Socket,
        batch: &SendBatch,
        to: Option<Destination>,
        most: usize,
    ) -> io::Result<Sent>;

    /// Takes the errors that the network reported for earlier datagrams from the socket's error queue,
    /// oldest first, and returns how many there were; always 0 for an engine without such a queue.
    ///
    /// Errors that the machine raised itself (a datagram larger than the adapter's MTU) are removed and
    /// not counted.
    ///
    /// # Errors
    ///
    /// The system's own, when the error queue cannot be read.
    fn take_errors(
        &self,
        socket: &Socket,
        found: &mut dyn FnMut(NetworkError),
    ) -> io::Result<usize>;

    /// Returns what the network reported, if a call that failed with `error` succeeds when it is
    /// repeated: then the error was that of an earlier datagram. `None` where the error queue has it.
    fn reported_by(&self, socket: &Socket, error: &io::Error) -> Option<NetworkError>;
}

/// What is asked of the system for a socket, where the engine can use it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Let the kernel hand over datagrams of one sender in one piece (`UDP_GRO`, udp(7)).
    pub receive_offload: bool,
    /// Let the kernel note when each datagram came in (`SO_TIMESTAMPNS`, socket(7)).
    pub timestamps: bool,
}

/// What a call sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sent {
    /// Datagrams.
    pub datagrams: usize,
    /// Bytes in them, without headers.
    pub bytes: usize,
    /// Whether the system ended the call before its time, and did not say why. If an error of the network
    /// was the reason no other call fails for it: see [`take_errors`](Engine::take_errors).
    pub was_interrupted: bool,
}

/// What a receive left behind in the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Remaining {
    /// Nothing: the next datagram will make the socket readable again.
    Nothing,
    /// Perhaps more; only another call can tell.
    Maybe,
}

/// What an engine can do and tell beside a datagram's bytes and sender.
///
/// What it cannot tell is `None`: where a field is `false` the matching field of [`Metadata`](crate::Metadata) is `None`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The local address and the adapter that a datagram came in by.
    pub local_address: bool,
    /// The hop limit (TTL) and the ECN bits of a datagram's packet.
    pub packet_header: bool,
    /// How many datagrams the kernel dropped for want of buffer space.
    pub drops: bool,
    /// When the kernel received a datagram.
    pub timestamps: bool,
    /// The address and the adapter that a datagram is to leave by can be chosen for each.
    pub source: bool,
    /// Several datagrams reach the kernel in one call.
    pub send_batch: bool,
    /// Several datagrams come from the kernel in one piece, if it has the means.
    pub receive_offload: bool,
    /// Network errors for sockets that are not connected, each with its destination, its reporter
    /// and, where there is one, the MTU. Without it only a connected socket hears of a closed port.
    pub error_queue: bool,
}

pub(crate) mod sealed {
    /// Keeps [`Engine`](super::Engine) to this crate, so that it can grow.
    pub trait Sealed {}
}
