//! The interface through which datagrams enter and leave the kernel.
//!
//! An engine moves a whole batch in one call and reports what it cannot do. All rules (which
//! senders are accepted, when to wait, what an error means to the application) live in the layers
//! above it.

use std::fmt;
use std::io::{self, IoSliceMut};

use crate::batch::{Destination, Filled, Outgoing, RecvBatch, Run, SendBatch};
use crate::peer_error::NetworkError;
use crate::socket::Socket;

/// Moves datagrams between memory and the kernel.
///
/// This trait is sealed. [`engines`](crate::engines()) lists the engines of this build.
pub trait Engine: sealed::Sealed + fmt::Debug + Send + Sync {
    /// Returns the engine's name for display: `"linux"`, `"portable"`.
    fn name(&self) -> &'static str;

    /// Returns what this engine supports, and what it reports about a datagram in addition to its
    /// payload and its sender.
    fn capabilities(&self) -> Capabilities;

    /// Returns what this engine supports for one socket, which it has [prepared](Self::prepare).
    ///
    /// Where a field of [`capabilities`](Self::capabilities) is `true` and the same field here is
    /// `false`, the system refused what the engine needs for it, or it was not requested (timestamps
    /// and receive offload). The answer may change when a filter of system calls is installed later.
    fn capabilities_of(&self, socket: &Socket) -> Capabilities;

    /// Enables the socket options that make the system report what this engine reads.
    ///
    /// Call this once per socket, before the socket is bound. `requested` lists optional features.
    ///
    /// # Errors
    ///
    /// Returns the system's error if it refuses an option that the engine cannot work without. The
    /// error names the option. An option that the engine can do without is not an error, nor is a
    /// requested feature: [`capabilities_of`](Self::capabilities_of) says what the system granted.
    fn prepare(&self, socket: &Socket, requested: EngineOptions) -> io::Result<()>;

    /// Replaces the contents of `batch` with datagrams that are queued in the kernel, in arrival
    /// order.
    ///
    /// On success, `batch` holds at least one datagram. The call takes at most
    /// [`batch.limit()`](RecvBatch::limit) messages from the kernel.
    ///
    /// # Errors
    ///
    /// - [`WouldBlock`](io::ErrorKind::WouldBlock): no datagram is queued.
    /// - Any other kind: usually an error that the network sent back for an earlier datagram. The
    ///   socket stays usable: call [`take_errors`](Self::take_errors), then this method again.
    fn receive(&self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining>;

    /// Fills `buffers` from the front with datagrams that are queued in the kernel, in arrival
    /// order, one kernel message for each, and appends what each holds to `filled`.
    ///
    /// On success, at least one buffer is filled. A buffer that is too short for its message loses
    /// the end of it. Where messages may hold several datagrams
    /// ([`receive_offload`](Capabilities::receive_offload)), such a message has up to
    /// [`MESSAGE_BYTES_MAX`](crate::MESSAGE_BYTES_MAX) bytes, and only the buffers before the first
    /// shorter one are filled, but always the first. The buffers of messages that were
    /// not admitted change places with those after them.
    ///
    /// # Errors
    ///
    /// Those of [`receive`](Self::receive).
    fn receive_into(
        &self,
        socket: &Socket,
        buffers: &mut [IoSliceMut<'_>],
        filled: &mut Vec<Filled>,
    ) -> io::Result<Remaining>;

    /// Sends one datagram.
    ///
    /// # Errors
    ///
    /// - [`WouldBlock`](io::ErrorKind::WouldBlock): the kernel has no buffer space now. Nothing was
    ///   sent.
    /// - Any other kind: nothing was sent either. The error may belong to another datagram, sent
    ///   earlier, and have been pending until the next call on the socket; see
    ///   [`take_errors`](Self::take_errors).
    /// - [`Cause::ExceedsSendBuffer`](crate::Cause::ExceedsSendBuffer): the socket's send buffer can
    ///   never hold the datagram.
    fn send(&self, socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<Sent>;

    /// Sends as many of the first `max` datagrams of `batch` as the kernel accepts in one call.
    ///
    /// A datagram without a destination of its own goes to `to`, or to the peer of a connected
    /// socket if `to` is `None`.
    ///
    /// The datagrams stay in `batch`. The caller [removes](SendBatch::remove) those that were sent.
    /// Removing a datagram drops its payload, and dropping a payload may run arbitrary code of the
    /// application that created it, so the caller does this while it holds no lock.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send), for the first datagram. In that case none was sent.
    fn send_batch(
        &self,
        socket: &Socket,
        batch: &SendBatch,
        to: Option<Destination>,
        max: usize,
    ) -> io::Result<Sent>;

    /// Sends as many datagrams of `run` as the kernel accepts in one call, and waits for none.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send), for the first datagram. In that case none was sent.
    fn send_run(&self, socket: &Socket, run: Run<'_>) -> io::Result<Sent>;

    /// Removes all network errors of earlier datagrams from the socket's error queue, and returns
    /// how many there were.
    ///
    /// Passes each error to `found`, oldest first. An engine without an error queue always returns
    /// 0.
    ///
    /// Errors that the machine raised itself (a datagram larger than the adapter's MTU) are removed
    /// and not counted.
    ///
    /// # Errors
    ///
    /// Returns the system's error if the error queue cannot be read.
    fn take_errors(
        &self,
        socket: &Socket,
        found: &mut dyn FnMut(NetworkError),
    ) -> io::Result<usize>;

    /// Returns the network error that made a call fail with `error`, if that error belongs to an
    /// earlier datagram.
    ///
    /// Repeating the failed call then succeeds. Returns `None` where the error queue holds the
    /// network error.
    fn reported_by(&self, socket: &Socket, error: &io::Error) -> Option<NetworkError>;
}

/// Optional features requested from the system for a socket, where the engine can use them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Let the kernel coalesce datagrams of one sender into one GRO buffer (`UDP_GRO`, udp(7)).
    pub receive_offload: bool,
    /// Let the kernel record when each datagram arrived (`SO_TIMESTAMPNS`, socket(7)).
    pub timestamps: bool,
    /// Do not let the kernel report what a receiver can do without: of a datagram's
    /// [metadata](crate::Metadata) only its sender is known then, and its time if that is requested.
    /// Errors that the network sends back are reported nevertheless.
    pub without_metadata: bool,
}

/// What one call sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Sent {
    /// The number of datagrams that the kernel accepted.
    pub datagrams: usize,
    /// The number of payload bytes in them, without headers.
    pub bytes: usize,
    /// How many of the datagrams a queue on their route dropped at once, as far as the kernel
    /// reports that. On Linux a socket with an error queue learns of such drops (`ENOBUFS`,
    /// `IP_RECVERR` in ip(7)); any other socket does not.
    pub dropped: usize,
    /// Whether the system ended the call early without giving a reason. If the reason was a network
    /// error, no other call fails because of it; see [`take_errors`](Engine::take_errors).
    pub was_interrupted: bool,
}

impl Sent {
    /// One datagram of `bytes` bytes, which the kernel accepted.
    pub(crate) fn one(bytes: usize) -> Self {
        Self {
            datagrams: 1,
            bytes,
            ..Self::default()
        }
    }
}

/// Whether a receive call left datagrams in the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Remaining {
    /// No datagram is left: the next one to arrive makes the socket readable again.
    Nothing,
    /// There may be more datagrams; only another call shows it.
    Maybe,
}

/// What an engine supports, and what it reports about a datagram in addition to its payload and its
/// sender.
///
/// Where a field about received datagrams is `false`, the corresponding fields of
/// [`Metadata`](crate::Metadata) are `None`, at least for some datagrams.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether the engine reports the local address and the adapter on which a datagram arrived.
    pub local_address: bool,
    /// Whether the engine reports the hop limit (TTL) and the ECN bits of a datagram's packet.
    pub packet_header: bool,
    /// Whether the engine reports how many datagrams the kernel dropped because the receive buffer
    /// was full.
    pub drops: bool,
    /// Whether the engine reports when the kernel received a datagram.
    pub timestamps: bool,
    /// Whether the local address to send from and the adapter to send through can be chosen for
    /// each datagram.
    pub source: bool,
    /// Whether the hop limit, the code point and the ECN bits can be chosen for each datagram.
    pub send_header: bool,
    /// Whether the engine passes several datagrams to the kernel in one call.
    pub send_batch: bool,
    /// Whether the engine receives several coalesced datagrams in one GRO buffer, if the kernel
    /// supports GRO.
    pub receive_offload: bool,
    /// Whether the engine reports network errors for sockets that are not connected, each with its
    /// destination, its reporter and, where there is one, the MTU. Without an error queue, only a
    /// connected socket is notified of a closed port.
    pub error_queue: bool,
    /// How many datagrams of one length the kernel cuts from one payload at most, as far as that is
    /// known: 1 without segmentation offload (`UDP_SEGMENT`, udp(7)). A path or an adapter may
    /// refuse more than one; such datagrams are then sent one by one.
    pub send_segments: usize,
    /// How many datagrams one receive buffer may hold: 1 without receive offload (`UDP_GRO`).
    pub receive_segments: usize,
}

impl Capabilities {
    /// What an engine supports that receives and sends one datagram per call, and reports only its
    /// sender.
    pub(crate) const fn none() -> Self {
        Self {
            local_address: false,
            packet_header: false,
            drops: false,
            timestamps: false,
            source: false,
            send_header: false,
            send_batch: false,
            receive_offload: false,
            error_queue: false,
            send_segments: 1,
            receive_segments: 1,
        }
    }
}

pub(crate) mod sealed {
    /// Keeps other crates from implementing [`Engine`](super::Engine), so that it can gain methods.
    pub trait Sealed {}
}
