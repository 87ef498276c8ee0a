//! The metadata in the control messages of a datagram (ip(7), ipv6(7), socket(7), udp(7)).

use std::time::{Duration, SystemTime};

use super::address;
use super::control::{self, ControlMessages};
use crate::batch::Metadata;

/// Fills in `metadata`. Returns the length of each datagram if several were coalesced.
#[inline]
pub(super) fn read(messages: ControlMessages<'_>, metadata: &mut Metadata) -> Option<usize> {
    let mut segment = None;
    for message in messages {
        let data = message.data;
        match (message.level, message.kind) {
            // struct in_pktinfo: index, the local address, the address in the packet.
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                metadata.adapter = control::u32_at(data, 0);
                metadata.local = data.get(4..).and_then(address::ipv4);
                metadata.to = data.get(8..).and_then(address::ipv4);
            }
            // struct in6_pktinfo: the address in the packet, index. An IPv4 datagram on a
            // dual-stack socket has the IPv4 message too, which contains more.
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if metadata.local.is_none() => {
                metadata.to = address::ipv6(data);
                metadata.local = metadata.to.filter(|to| !to.is_multicast());
                metadata.adapter = control::u32_at(data, 16);
            }
            (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                metadata.hop_limit =
                    control::i32_at(data, 0).and_then(|hops| u8::try_from(hops).ok());
            }
            // The traffic class is one byte for IPv4 and an int for IPv6. ECN is its two low bits.
            (libc::IPPROTO_IP, libc::IP_TOS) => {
                metadata.ecn = data.first().map(|class| class & ECN_MASK);
            }
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                metadata.ecn = control::i32_at(data, 0)
                    .and_then(|class| u8::try_from(class).ok())
                    .map(|class| class & ECN_MASK);
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                metadata.drops = control::u32_at(data, 0);
            }
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => metadata.timestamp = time(data),
            (libc::SOL_UDP, libc::UDP_GRO) => {
                segment = control::i32_at(data, 0).and_then(|bytes| usize::try_from(bytes).ok());
            }
            _ => {}
        }
    }
    segment
}

/// Reads a `struct timespec`: seconds since 1970 and nanoseconds, each a `long`.
fn time(data: &[u8]) -> Option<SystemTime> {
    let (seconds, nanoseconds) = data.split_at_checked(size_of::<libc::c_long>())?;
    let seconds = libc::c_long::from_ne_bytes(seconds.try_into().ok()?);
    let nanoseconds = libc::c_long::from_ne_bytes(*nanoseconds.first_chunk()?);
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(
        u64::try_from(seconds).ok()?,
        u32::try_from(nanoseconds).ok()?,
    ))
}

/// The ECN field of the traffic class (RFC 3168, section 5).
const ECN_MASK: u8 = 0b11;
