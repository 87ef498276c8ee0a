//! Received datagrams as a file that `tshark`, Wireshark and `tcpdump` read.
//!
//! The format is pcapng (draft-ietf-opsawg-pcapng). The system does not hand out the packets of
//! datagrams, so their headers are made from what is known about them.
//!
//! Pure: it returns the bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::UNIX_EPOCH;

use crate::event::Received;

/// Returns the block that begins a file (section 4.1).
pub(crate) fn section() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(0x1a2b_3c4d_u32.to_le_bytes());
    body.extend(1_u16.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    // The length of the section is not known.
    body.extend(u64::MAX.to_le_bytes());
    let mut file = Vec::new();
    block(&mut file, 0x0a0d_0d0a, &body);
    file
}

/// The interfaces that a file has so far.
#[derive(Debug, Default)]
pub(crate) struct Interfaces(Vec<Option<String>>);

impl Interfaces {
    /// Adds a datagram to `file`, and the interface on which it arrived, if that is new. `ecn` is in
    /// its traffic class.
    pub(crate) fn add(&mut self, file: &mut Vec<u8>, received: &Received<'_>, ecn: Option<u8>) {
        let name = received.adapter.as_deref();
        let index = match self.0.iter().position(|known| known.as_deref() == name) {
            Some(index) => index,
            None => {
                self.0.push(name.map(ToOwned::to_owned));
                interface(file, name);
                self.0.len() - 1
            }
        };
        let packet = packet(received, ecn.unwrap_or(0));
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let since = received.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let mut body = Vec::with_capacity(packet.len() + 24);
        body.extend(u32::try_from(index).unwrap_or(u32::MAX).to_le_bytes());
        // The upper half comes first (section 4.3).
        body.extend(((time >> 32) as u32).to_le_bytes());
        body.extend((time as u32).to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(&packet);
        block(file, 6, &body);
    }
}

/// Adds the description of an interface (section 4.2): its packets begin with their IP headers, and
/// its times are in nanoseconds.
fn interface(file: &mut Vec<u8>, name: Option<&str>) {
    const LINKTYPE_RAW: u16 = 101;
    let mut body = Vec::new();
    body.extend(LINKTYPE_RAW.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    // Packets are not cut.
    body.extend(0_u32.to_le_bytes());
    if let Some(name) = name {
        option(&mut body, 2, name.as_bytes());
    }
    option(&mut body, 9, &[9]);
    option(&mut body, 0, &[]);
    block(file, 1, &body);
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
    body.extend(value);
    pad(body);
}

/// Adds a block: its type, its length, what it says, and its length again.
fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = 12 + body.len().next_multiple_of(4);
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    file.extend(kind.to_le_bytes());
    file.extend(length);
    file.extend(body);
    pad(file);
    file.extend(length);
}

/// Adds bytes up to a multiple of four. All blocks begin at one.
fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// Returns the packet of a datagram. What is not known is zero.
fn packet(received: &Received<'_>, ecn: u8) -> Vec<u8> {
    let to = received.destination.or(received.local);
    let (from_port, to_port) = (received.remote.port(), to.map_or(0, |to| to.port()));
    let payload = received.payload;
    let udp_length = (8 + payload.len()) as u16;
    let hops = received.hop_limit.unwrap_or(0);
    let mut packet = Vec::with_capacity(48 + payload.len());
    // The header, and what the checksum of UDP covers of it.
    let mut pseudo = Vec::with_capacity(40);
    match received.remote.ip().to_canonical() {
        IpAddr::V4(from) => {
            let to = ipv4(to);
            packet.extend([0x45, ecn]);
            packet.extend(udp_length.saturating_add(20).to_be_bytes());
            packet.extend([0, 0, 0x40, 0, hops, UDP, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            let sum = checksum(&[&packet]);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
            pseudo.extend(from.octets());
            pseudo.extend(to.octets());
        }
        IpAddr::V6(from) => {
            let to = ipv6(to);
            packet.extend([0x60, ecn << 4, 0, 0]);
            packet.extend(udp_length.to_be_bytes());
            packet.extend([UDP, hops]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            pseudo.extend(from.octets());
            pseudo.extend(to.octets());
        }
    }
    pseudo.extend([0, UDP]);
    pseudo.extend(udp_length.to_be_bytes());
    let mut header = Vec::with_capacity(8);
    header.extend(from_port.to_be_bytes());
    header.extend(to_port.to_be_bytes());
    header.extend(udp_length.to_be_bytes());
    header.extend([0, 0]);
    // Zero would mean that there is none (RFC 768).
    let sum = match checksum(&[&pseudo, &header, payload]) {
        0 => 0xffff,
        sum => sum,
    };
    header[6..8].copy_from_slice(&sum.to_be_bytes());
    packet.extend(header);
    packet.extend(payload);
    packet
}

fn ipv4(to: Option<SocketAddr>) -> Ipv4Addr {
    match to.map(|to| to.ip().to_canonical()) {
        Some(IpAddr::V4(to)) => to,
        _ => Ipv4Addr::UNSPECIFIED,
    }
}

fn ipv6(to: Option<SocketAddr>) -> Ipv6Addr {
    match to.map(|to| to.ip()) {
        Some(IpAddr::V6(to)) => to,
        _ => Ipv6Addr::UNSPECIFIED,
    }
}

/// Returns the checksum of the internet (RFC 1071). All parts but the last have even lengths.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        for pair in part.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u64::from(u16::from_be_bytes([pair[0], low]));
        }
    }
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

const UDP: u8 = 17;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn received<'a>(remote: &str, to: &str, payload: &'a [u8]) -> Received<'a> {
        Received {
            time: UNIX_EPOCH + Duration::new(1, 2),
            remote: remote.parse().unwrap(),
            local: None,
            destination: Some(to.parse().unwrap()),
            adapter: Some("eth0".into()),
            hop_limit: Some(64),
            rtt: None,
            payload,
        }
    }

    fn number(bytes: &[u8]) -> usize {
        u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize
    }

    /// Returns the type and the body of each block.
    fn blocks(mut file: &[u8]) -> Vec<(usize, &[u8])> {
        let mut found = Vec::new();
        while !file.is_empty() {
            let (kind, length) = (number(file), number(&file[4..]));
            assert_eq!(length % 4, 0);
            assert_eq!(number(&file[length - 4..]), length);
            found.push((kind, &file[8..length - 4]));
            file = &file[length..];
        }
        found
    }

    #[test]
    fn a_file_has_one_interface_and_its_packets() {
        let mut file = section();
        let mut interfaces = Interfaces::default();
        for payload in [b"abc" as &[_], b""] {
            let datagram = received("192.0.2.1:5000", "239.1.2.3:7", payload);
            interfaces.add(&mut file, &datagram, Some(1));
        }
        let found = blocks(&file);
        let kinds: Vec<_> = found.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [0x0a0d_0d0a, 1, 6, 6]);
        let (_, packet) = found[2];
        assert_eq!(number(&packet[4..]), 0);
        assert_eq!(number(&packet[8..]), 1_000_000_002);
        assert_eq!(number(&packet[12..]), 31);
        assert_eq!(&packet[20 + 28..20 + 31], b"abc");
        assert_eq!(number(&found[3].1[12..]), 28);
    }

    /// A receiver sums up to all ones (RFC 1071).
    #[test]
    fn the_checksums_are_right() {
        for payload in [b"" as &[_], b"a", b"ab", &[0xff; 1201]] {
            let packet = packet(&received("192.0.2.1:5000", "192.0.2.2:7", payload), 0);
            assert_eq!(checksum(&[&packet[..20]]), 0);
            let length = (packet.len() - 20) as u16;
            let pseudo = [&packet[12..20], &[0, UDP], &length.to_be_bytes()].concat();
            assert_eq!(checksum(&[&pseudo, &packet[20..]]), 0);
            let packet = super::packet(&received("[2001:db8::1]:5000", "[ff02::1]:7", payload), 0);
            let length = (packet.len() - 40) as u16;
            let pseudo = [&packet[8..40], &[0, UDP], &length.to_be_bytes()].concat();
            assert_eq!(checksum(&[&pseudo, &packet[40..]]), 0);
        }
    }
}
