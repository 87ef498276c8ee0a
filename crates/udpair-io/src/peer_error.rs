//! Errors that the network reports for datagrams that did not arrive.
//!
//! Such an error comes back as an ICMP message from the destination or from a router on the path.
//! It belongs to a datagram sent earlier, never to the call that happens to return it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::cause::Cause;
use crate::socket::Socket;

/// An error that the network reported for a datagram sent earlier.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NetworkError {
    /// The destination of the lost datagram; `None` where the system does not report it.
    pub destination: Option<SocketAddr>,
    /// The kind of error.
    pub kind: NetworkErrorKind,
    /// The size of the largest packet that the path carries, in bytes; `None` for every kind except
    /// [`MessageTooBig`](NetworkErrorKind::MessageTooBig).
    pub mtu: Option<u32>,
    /// The sender of the ICMP message: the destination itself or a router. `None` where the system
    /// does not report it.
    pub reporter: Option<IpAddr>,
}

/// The meaning of an ICMP message (RFC 792, RFC 1122 section 3.2.2.1, RFC 4443).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NetworkErrorKind {
    /// No socket is bound to the destination port.
    PortUnreachable,
    /// The destination host cannot be reached.
    HostUnreachable,
    /// There is no route to the destination's network.
    NetworkUnreachable,
    /// The destination host does not support UDP.
    ProtocolUnreachable,
    /// A firewall on the path refused the datagram.
    AdministrativelyProhibited,
    /// The hop limit was exceeded on the path, or a fragment never arrived.
    TimeExceeded,
    /// The packet exceeds the path's MTU and may not be fragmented.
    MessageTooBig,
    /// Any other message, with its type and code.
    Other {
        /// ICMP or ICMPv6 type.
        icmp_type: u8,
        /// ICMP or ICMPv6 code.
        icmp_code: u8,
    },
}

impl NetworkError {
    /// Returns the network error that made a call on a socket without an error queue fail, if that
    /// error belongs to an earlier datagram. The system fails calls for that on connected sockets
    /// only, so the destination of the lost datagram is the peer.
    pub(crate) fn of_failed_call(socket: &Socket, error: &io::Error) -> Option<Self> {
        let kind = match Cause::of(error) {
            Cause::ConnectionRefused | Cause::ConnectionReset => NetworkErrorKind::PortUnreachable,
            Cause::HostUnreachable | Cause::HostDown => NetworkErrorKind::HostUnreachable,
            Cause::NetworkUnreachable | Cause::NetworkDown => NetworkErrorKind::NetworkUnreachable,
            // Linux reports this when a firewall on the path refuses an IPv6 datagram.
            Cause::PermissionDenied => NetworkErrorKind::AdministrativelyProhibited,
            Cause::NotSupported => NetworkErrorKind::ProtocolUnreachable,
            Cause::MessageTooLong => NetworkErrorKind::MessageTooBig,
            Cause::NetworkReset => NetworkErrorKind::TimeExceeded,
            _ => return None,
        };
        Some(Self {
            destination: socket.peer_addr().ok(),
            kind,
            mtu: None,
            reporter: None,
        })
    }
}

impl NetworkErrorKind {
    /// Returns the meaning of an ICMP message (RFC 792; codes 9 to 13: RFC 1122 and RFC 1812).
    pub fn from_icmp(icmp_type: u8, icmp_code: u8) -> Self {
        match (icmp_type, icmp_code) {
            (3, 0 | 6 | 11) => Self::NetworkUnreachable,
            (3, 1 | 5 | 7 | 8 | 12) => Self::HostUnreachable,
            (3, 2) => Self::ProtocolUnreachable,
            (3, 3) => Self::PortUnreachable,
            (3, 4) => Self::MessageTooBig,
            (3, 9 | 10 | 13) => Self::AdministrativelyProhibited,
            (11, _) => Self::TimeExceeded,
            _ => Self::Other {
                icmp_type,
                icmp_code,
            },
        }
    }

    /// Returns the meaning of an ICMPv6 message (RFC 4443, section 3).
    pub fn from_icmpv6(icmp_type: u8, icmp_code: u8) -> Self {
        match (icmp_type, icmp_code) {
            (1, 0 | 2) => Self::NetworkUnreachable,
            (1, 1 | 5 | 6) => Self::AdministrativelyProhibited,
            (1, 3) => Self::HostUnreachable,
            (1, 4) => Self::PortUnreachable,
            (2, _) => Self::MessageTooBig,
            (3, _) => Self::TimeExceeded,
            // Parameter problem, unrecognised next header: the host does not support UDP.
            (4, 1) => Self::ProtocolUnreachable,
            _ => Self::Other {
                icmp_type,
                icmp_code,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NetworkErrorKind::{self, *};

    #[test]
    fn icmp_types_and_codes_map_to_kinds() {
        let icmp: &[((u8, u8), NetworkErrorKind)] = &[
            ((3, 0), NetworkUnreachable),
            ((3, 1), HostUnreachable),
            ((3, 2), ProtocolUnreachable),
            ((3, 3), PortUnreachable),
            ((3, 4), MessageTooBig),
            ((3, 13), AdministrativelyProhibited),
            ((11, 0), TimeExceeded),
        ];
        for ((icmp_type, code), kind) in icmp {
            assert_eq!(
                NetworkErrorKind::from_icmp(*icmp_type, *code),
                *kind,
                "ICMP {icmp_type}/{code}"
            );
        }
        let icmpv6: &[((u8, u8), NetworkErrorKind)] = &[
            ((1, 0), NetworkUnreachable),
            ((1, 1), AdministrativelyProhibited),
            ((1, 3), HostUnreachable),
            ((1, 4), PortUnreachable),
            ((2, 0), MessageTooBig),
            ((3, 0), TimeExceeded),
        ];
        for ((icmp_type, code), kind) in icmpv6 {
            assert_eq!(
                NetworkErrorKind::from_icmpv6(*icmp_type, *code),
                *kind,
                "ICMPv6 {icmp_type}/{code}"
            );
        }
        assert_eq!(
            NetworkErrorKind::from_icmp(12, 0),
            Other {
                icmp_type: 12,
                icmp_code: 0
            }
        );
    }
}
