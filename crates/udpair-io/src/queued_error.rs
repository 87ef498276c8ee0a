//! Calls on a socket whose earlier datagrams may have caused errors.
//!
//! The system keeps an error that the network sent back, and fails the next call on the socket
//! with it, whatever that call does. A send that fails this way has sent nothing. The caller
//! has to find out to which datagram the error belongs (MODEL OUT-15).

use std::io;

use crate::cause::Cause;
use crate::engine::Engine;
use crate::peer_error::NetworkError;
use crate::socket::Socket;

/// Makes a call on `socket` despite errors of earlier datagrams, passes those errors to `found`,
/// and returns what the call itself returned.
///
/// No other thread may make a call on the socket meanwhile. Otherwise an error of its datagrams
/// may count as one of this call.
///
/// ```
/// use std::io;
/// use udpair_io::{Engine, Outgoing, Socket, call_past_errors};
///
/// fn send(engine: &dyn Engine, socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<()> {
///     let mut report = |error| eprintln!("an earlier datagram was lost: {error:?}");
///     call_past_errors(engine, socket, |socket| engine.send(socket, outgoing), &mut report)?;
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// - Those of the call.
/// - [`Cause::ConnectionAborted`]: the system has destroyed the socket, and its next call would
///   open it again, at another port. Drop it.
pub fn call_past_errors<R>(
    engine: &dyn Engine,
    socket: &Socket,
    mut call: impl FnMut(&Socket) -> io::Result<R>,
    found: &mut dyn FnMut(NetworkError),
) -> io::Result<R> {
    match call(socket) {
        Err(error) if may_be_queued(&error) => {
            retry_past_errors(engine, socket, error, call, found)
        }
        result => result,
    }
}

/// Repeats a call that failed with `first`, which [may be](may_be_queued) the error of an earlier
/// datagram; see [`call_past_errors`].
///
/// For callers that let several threads make calls: the first attempt may be made beside the calls
/// of others, the repetition may not.
///
/// # Errors
///
/// Those of [`call_past_errors`].
pub fn retry_past_errors<R>(
    engine: &dyn Engine,
    socket: &Socket,
    first: io::Error,
    mut call: impl FnMut(&Socket) -> io::Result<R>,
    found: &mut dyn FnMut(NetworkError),
) -> io::Result<R> {
    // An error queue that cannot be read counts as empty.
    let take_errors = |found: &mut dyn FnMut(NetworkError)| {
        let taken = engine.take_errors(socket, found);
        taken.unwrap_or(0)
    };
    // For an engine without an error queue: the error itself tells what the network sent back.
    let note_reported = |error: &io::Error, found: &mut dyn FnMut(NetworkError)| {
        if let Some(error) = engine.reported_by(socket, error) {
            found(error);
        }
    };
    take_errors(found);
    let mut last = first;
    let mut tries = 1;
    loop {
        if is_always_own(&last) {
            return Err(last);
        }
        let error = match call(socket) {
            Err(error) if may_be_queued(&error) => error,
            result => {
                // The last error did not recur, so it belonged to an earlier datagram.
                note_reported(&last, found);
                return result;
            }
        };
        // With an empty error queue, the error belongs to this call.
        let is_own = take_errors(found) == 0 && !is_never_own(&error);
        if !is_own || Cause::of(&error) != Cause::of(&last) {
            note_reported(&last, found);
        }
        if is_own || tries == TRIES_MAX {
            return Err(error);
        }
        last = error;
        tries += 1;
    }
}

/// Returns whether an error of a call may belong to an earlier datagram. The two exceptions describe
/// the present state of the buffers.
#[inline]
pub fn may_be_queued(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::WouldBlock && Cause::of(error) != Cause::NoBuffers
}

/// Returns whether an error can only come from the network, because no call fails with it for a
/// reason of its own.
fn is_never_own(error: &io::Error) -> bool {
    matches!(
        Cause::of(error),
        Cause::ConnectionRefused | Cause::ConnectionReset
    )
}

/// Returns whether the call must not be repeated after an error. Some errors can only come from the
/// call itself: each repetition is one more datagram that a firewall refuses, and answers. And a
/// socket that was destroyed would be opened again.
fn is_always_own(error: &io::Error) -> bool {
    matches!(
        Cause::of(error),
        Cause::NotPermitted | Cause::ExceedsSendBuffer | Cause::ConnectionAborted
    )
}

/// The number of repetitions.
const TRIES_MAX: u32 = 16;

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use super::*;
    use crate::batch::Outgoing;
    use crate::engine::EngineOptions;
    use crate::engines::engines;
    use crate::socket::Family;

    /// OUT-15: the errors of ten datagrams cost the next one nothing, and each is passed on.
    #[test]
    fn a_call_is_made_despite_errors_of_earlier_datagrams() {
        // Nobody receives at the port for discarding.
        let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
        for engine in engines() {
            let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
            let to = receiver.local_addr().unwrap();
            let socket = Socket::open(Family::Ipv4).unwrap();
            engine.prepare(&socket, EngineOptions::default()).unwrap();
            let mut found = Vec::new();
            let mut send = |payload: &[u8], to: SocketAddr| {
                let outgoing = Outgoing {
                    payload,
                    to: Some(to.into()),
                };
                let send = |socket: &Socket| engine.send(socket, outgoing);
                call_past_errors(*engine, &socket, send, &mut |error| found.push(error)).unwrap();
            };
            for _ in 0..10 {
                send(b"lost", nobody);
            }
            send(b"received", to);
            let mut payload = [0; 10];
            assert_eq!(receiver.recv(&mut payload).unwrap(), 8, "{engine:?}");
            // Without an error queue, a socket that is not connected hears of none.
            let expected = if engine.capabilities().error_queue {
                10
            } else {
                0
            };
            assert_eq!(found.len(), expected, "{engine:?}");
        }
    }

    /// An error that only the network causes is not taken for the call's own, even where there is no
    /// error queue. The repetitions are bounded.
    #[test]
    fn errors_that_only_the_network_causes_are_passed_over() {
        let socket = Socket::open(Family::Ipv4).unwrap();
        for engine in engines() {
            engine.prepare(&socket, EngineOptions::default()).unwrap();
            for (failures, is_made) in [(1, true), (2, true), (16, true), (17, false)] {
                let mut made = 0;
                let call = |_: &Socket| {
                    made += 1;
                    match made > failures {
                        true => Ok(()),
                        false => Err(io::Error::from_raw_os_error(libc::ECONNREFUSED)),
                    }
                };
                let result = call_past_errors(*engine, &socket, call, &mut |_| {});
                assert_eq!(result.is_ok(), is_made, "{engine:?} {failures}");
            }
        }
    }

    /// Some errors are never repeated: a firewall would answer each repetition.
    #[test]
    fn an_error_of_the_call_itself_ends_it() {
        let engine = engines()[0];
        let socket = Socket::open(Family::Ipv4).unwrap();
        engine.prepare(&socket, EngineOptions::default()).unwrap();
        for (code, calls) in [(libc::EPERM, 1), (libc::ECONNABORTED, 1), (libc::EINVAL, 2)] {
            let mut made = 0;
            let call = |_: &Socket| {
                made += 1;
                Err::<(), _>(io::Error::from_raw_os_error(code))
            };
            let error = call_past_errors(engine, &socket, call, &mut |_| {}).unwrap_err();
            assert_eq!((error.raw_os_error(), made), (Some(code), calls));
        }
    }
}
