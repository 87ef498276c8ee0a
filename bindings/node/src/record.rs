//! Datagrams as JavaScript reads them: records of 32-bit words in one block of memory.
//!
//! A record is a header, whose words `lib/record.js` names, and the payload. It is read lazily, so that
//! an event costs what its handler looks at. Pure.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The length of a header in bytes.
pub(crate) const HEADER_BYTES: usize = 16 * 4;

/// From how many bytes on a payload is handed out without a copy, in memory of its own.
pub(crate) const EXTERNAL_BYTES_MIN: usize = 16 * 1024;

/// What a header says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    pub(crate) adapter: Option<u32>,
    pub(crate) hop_limit: Option<u8>,
    pub(crate) ecn: Option<u8>,
    pub(crate) dropped_before: u32,
    pub(crate) kind: Kind,
}

/// What a record is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Datagram {
        is_truncated: bool,
    },
    /// A datagram whose payload is the external buffer with this number.
    External {
        number: u32,
        is_truncated: bool,
    },
    /// An error that the network has sent back, with the HRESULT that a reader fails with; 0 if the
    /// object model has no event for it.
    Failure {
        code: i32,
    },
}

/// Writes a record at the start of `block`, and returns its length. Returns `None` if it does not fit.
///
/// `length` is that of the payload, which may be elsewhere.
pub(crate) fn write(
    block: &mut [u8],
    header: &Header,
    payload: &[u8],
    length: usize,
) -> Option<usize> {
    let bytes = HEADER_BYTES + payload.len().next_multiple_of(4);
    let record = block.get_mut(..bytes)?;
    let (head, body) = record.split_at_mut(HEADER_BYTES);
    let mut words = [0; HEADER_BYTES / 4];
    words[0] = word(bytes);
    words[1] = word(length);
    let mut flags = 0;
    let (remote, is_v6) = address(header.remote.ip());
    flags |= u32::from(is_v6) * REMOTE_IS_V6;
    words[5..9].copy_from_slice(&remote);
    if let SocketAddr::V6(remote) = header.remote {
        words[4] = remote.scope_id();
    }
    if let Some(local) = header.local {
        let (local, is_v6) = address(local);
        flags |= HAS_LOCAL | (u32::from(is_v6) * LOCAL_IS_V6);
        words[9..13].copy_from_slice(&local);
    }
    words[3] = u32::from(header.remote.port());
    if let Some(hops) = header.hop_limit {
        flags |= HAS_HOP_LIMIT;
        words[3] |= u32::from(hops) << 16;
    }
    if let Some(ecn) = header.ecn {
        flags |= HAS_ECN;
        words[3] |= u32::from(ecn) << 24;
    }
    if let Some(adapter) = header.adapter {
        flags |= HAS_ADAPTER;
        words[13] = adapter;
    }
    words[14] = header.dropped_before;
    match header.kind {
        Kind::Datagram { is_truncated } => flags |= u32::from(is_truncated) * IS_TRUNCATED,
        Kind::External {
            number,
            is_truncated,
        } => {
            flags |= IS_EXTERNAL | (u32::from(is_truncated) * IS_TRUNCATED);
            words[15] = number;
        }
        Kind::Failure { code } => {
            flags |= IS_FAILURE;
            words[15] = code.cast_unsigned();
        }
    }
    words[2] = flags;
    for (bytes, word) in head.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    body[..payload.len()].copy_from_slice(payload);
    Some(bytes)
}

/// Returns the words of an address in the order of the network, and whether it is one of IPv6.
fn address(ip: IpAddr) -> ([u32; 4], bool) {
    let ipv4 = |ip: Ipv4Addr| [u32::from_be_bytes(ip.octets()), 0, 0, 0];
    match ip {
        IpAddr::V4(ip) => (ipv4(ip), false),
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            let word = |shift: u32| u32::try_from((bits >> shift) & 0xffff_ffff).unwrap_or(0);
            ([word(96), word(64), word(32), word(0)], true)
        }
    }
}

/// Returns a length as a word: a datagram is short.
fn word(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

const REMOTE_IS_V6: u32 = 1;
const LOCAL_IS_V6: u32 = 1 << 1;
const HAS_LOCAL: u32 = 1 << 2;
const IS_TRUNCATED: u32 = 1 << 3;
const IS_FAILURE: u32 = 1 << 4;
const IS_EXTERNAL: u32 = 1 << 5;
const HAS_ADAPTER: u32 = 1 << 6;
const HAS_HOP_LIMIT: u32 = 1 << 7;
const HAS_ECN: u32 = 1 << 8;
