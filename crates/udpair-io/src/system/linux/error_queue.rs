//! The socket's error queue (`IP_RECVERR` in ip(7), `IPV6_RECVERR` in ipv6(7)).
//!
//! The kernel keeps the errors that came back for earlier datagrams in a separate queue, each with
//! the destination of the lost datagram. Each error also makes the next call on the socket fail,
//! even if the call has nothing to do with the lost datagram. Emptying the queue prevents that.

use std::io;
use std::net::SocketAddr;

use super::address::RawAddress;
use super::calls;
#[cfg(any(fuzzing, test))]
use super::control::ControlMessages;
use super::control::{self, ControlMessage};
use super::message::receive_message;
use crate::peer_error::{NetworkError, NetworkErrorKind};
use crate::socket::Socket;

/// Removes all errors from the queue; see [`Engine::take_errors`](crate::Engine::take_errors).
pub(super) fn drain(socket: &Socket, found: &mut dyn FnMut(NetworkError)) -> io::Result<usize> {
    let mut count = 0;
    // Bounded, because a flood of ICMP messages must not keep the caller here forever.
    for _ in 0..ERRORS_PER_CALL_MAX {
        // The queued message contains the start of the lost datagram, which is not needed.
        match receive_message(socket, &mut [0; 1], libc::MSG_ERRQUEUE) {
            Ok(received) => {
                let extended = received.control_messages().find_map(extended_error);
                let destination = received.name.decode();
                if let Some(error) = extended.and_then(|e| network_error(&e, destination)) {
                    found(error);
                    count += 1;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // Only this call reads the queue. The calls that fail still say what happened.
            Err(error) if calls::RECVMSG.finds_missing(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Reads whatever errors the messages contain, as [`drain`] does.
#[cfg(any(fuzzing, test))]
pub(super) fn read_any(messages: ControlMessages<'_>) {
    for extended in messages.filter_map(extended_error) {
        let _ = network_error(&extended, None);
    }
}

/// Reads one entry; `None` if the error did not come from the network.
fn network_error(
    extended: &ExtendedError<'_>,
    destination: Option<SocketAddr>,
) -> Option<NetworkError> {
    let kind = match extended.origin {
        libc::SO_EE_ORIGIN_ICMP => {
            NetworkErrorKind::from_icmp(extended.icmp_type, extended.icmp_code)
        }
        libc::SO_EE_ORIGIN_ICMP6 => {
            NetworkErrorKind::from_icmpv6(extended.icmp_type, extended.icmp_code)
        }
        // LOCAL: this machine refused the datagram, and the send call has already returned the
        // error.
        _ => return None,
    };
    Some(NetworkError {
        destination,
        kind,
        mtu: (kind == NetworkErrorKind::MessageTooBig).then_some(extended.info),
        reporter: RawAddress::from_bytes(extended.offender).map(|address| address.ip()),
    })
}

/// `struct sock_extended_err`, include/uapi/linux/errqueue.h, and the address that follows it.
#[derive(Debug, Eq, PartialEq)]
struct ExtendedError<'a> {
    origin: u8,
    icmp_type: u8,
    icmp_code: u8,
    info: u32,
    offender: &'a [u8],
}

/// Reads a control message that contains an error. On a dual-stack socket, an IPv4 error has either
/// level.
fn extended_error(message: ControlMessage<'_>) -> Option<ExtendedError<'_>> {
    match (message.level, message.kind) {
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {}
        _ => return None,
    }
    let data = message.data;
    Some(ExtendedError {
        origin: *data.get(4)?,
        icmp_type: *data.get(5)?,
        icmp_code: *data.get(6)?,
        info: control::u32_at(data, 8)?,
        offender: data.get(EXTENDED_ERROR_BYTES..).unwrap_or_default(),
    })
}

/// The size of the structure: errno, four bytes of origin, type, code and padding, info, data.
const EXTENDED_ERROR_BYTES: usize = 16;

/// How many errors one call takes at most.
const ERRORS_PER_CALL_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: i32, kind: i32, data: &[u8]) -> ControlMessage<'_> {
        ControlMessage { level, kind, data }
    }

    #[test]
    fn an_error_is_read_at_either_level() {
        let data = [111, 0, 0, 0, 2, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0];
        for (level, kind) in [
            (libc::IPPROTO_IP, libc::IP_RECVERR),
            (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
        ] {
            let error = extended_error(message(level, kind, &data)).unwrap();
            assert_eq!((error.origin, error.icmp_type, error.icmp_code), (2, 3, 3));
            assert_eq!(error.offender, [2, 0]);
        }
    }

    #[test]
    fn a_truncated_error_is_none() {
        let data = [0; 11];
        let error = extended_error(message(libc::IPPROTO_IP, libc::IP_RECVERR, &data));
        assert_eq!(error, None);
    }
}
