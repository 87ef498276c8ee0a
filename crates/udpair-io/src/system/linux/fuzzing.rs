//! What must hold for all bytes that the kernel could write: control messages, netlink messages,
//! and coalesced datagrams.
//!
//! The fuzz targets call these functions with bytes that they make up. A test calls them with the
//! bytes that were kept: those that once broke a rule, and one of each form.

use std::net::SocketAddr;

use super::control::{ControlBuffer, ControlWriter};
use super::rtnetlink::{Content, messages};
use super::{error_queue, metadata};
use crate::batch::{Metadata, RecvBatch, filter_received};
use crate::pool::{BUFFER_BYTES, Buffer};

/// Control messages stay within the buffer, and those that are written are read back. Metadata and
/// network errors are read from any of them.
pub(crate) fn control_messages(bytes: &[u8]) {
    let buffer = ControlBuffer::of(bytes);
    let length = bytes.len().min(ControlBuffer::BYTES);
    let mut total = 0;
    for message in buffer.messages(length) {
        total += CONTROL_HEADER_BYTES + message.data.len();
        assert!(total <= length, "{message:?}");
        let mut writer = ControlWriter::new();
        writer.push(message.level, message.kind, message.data);
        if writer.len() > 0 {
            let written: Vec<_> = writer.messages().collect();
            assert_eq!(written, [message]);
        }
    }
    let mut found = metadata_of(1);
    let segment = metadata::read(buffer.messages(length), &mut found);
    assert!(found.ecn.is_none_or(|ecn| ecn < 4), "{found:?}");
    assert!(!found.local.is_some_and(is_mapped), "{found:?}");
    assert!(!found.to.is_some_and(is_mapped), "{found:?}");
    // Whatever the length of a segment is said to be, the payload is divided completely.
    divided(b"twenty bytes of text", segment.unwrap_or(20));
    error_queue::read_any(buffer.messages(length));
}

/// Each message takes bytes of its own, and lists are no longer than the bytes allow.
pub(crate) fn netlink_messages(bytes: &[u8]) {
    let found: Vec<_> = messages(bytes).collect();
    assert!(found.len() <= bytes.len().div_ceil(NETLINK_HEADER_BYTES));
    for message in &found {
        match &message.content {
            Content::Link(link) => {
                assert!(!link.name.is_empty() && !link.name.contains('\0'));
                assert!(link.hardware_address.len() <= bytes.len());
            }
            Content::DefaultRoutes(routes) => {
                // Each hop takes at least the bytes of its header.
                assert!(routes.len() <= 1 + bytes.len() / HOP_HEADER_BYTES);
            }
            _ => {}
        }
    }
    // What is cut off at the end takes nothing away from what is before it.
    let half = &bytes[..bytes.len() / 2];
    for (of_half, of_all) in messages(half).zip(&found) {
        assert_eq!(&of_half, of_all);
    }
}

/// Coalesced datagrams are divided without losing, doubling or inventing a byte, whether they are
/// iterated over, popped, removed, split or compacted.
///
/// The bytes are a sequence of messages: two for the payload's length, two for that of a segment,
/// and one for what is done next.
pub(crate) fn gro_splitting(bytes: &[u8]) {
    let mut batch = RecvBatch::new(8);
    let mut expected: Vec<Vec<u8>> = Vec::new();
    for (number, step) in bytes.chunks_exact(5).take(STEPS_MAX).enumerate() {
        let length = usize::from(u16::from_le_bytes([step[0], step[1]])).min(BUFFER_BYTES);
        let segment = usize::from(u16::from_le_bytes([step[2], step[3]]));
        let mut buffer = Buffer::take();
        let payload: Vec<u8> = (0..length).map(|at| (at + number) as u8).collect();
        buffer.bytes_mut()[..length].copy_from_slice(&payload);
        batch.push(buffer, length, segment, metadata_of(number as u16));
        match payload.is_empty() {
            true => expected.push(Vec::new()),
            false => expected.extend(payload.chunks(segment.max(1)).map(<[u8]>::to_vec)),
        }
        let argument = usize::from(step[4] >> 3);
        match step[4] & 7 {
            0 => batch.compact(),
            1 => {
                let taken = batch.pop().expect("the batch has a datagram");
                assert_eq!(taken.payload(), expected.remove(0));
                let copy = taken.clone().detach().into_payload();
                assert_eq!(copy, taken.into_payload());
            }
            2 => {
                batch.remove(argument);
                expected.drain(..argument.min(expected.len()));
            }
            3 => {
                if let Some(mut others) = batch.split_off(argument) {
                    assert!(batch.len() >= argument);
                    batch.append(&mut others);
                }
            }
            4 => {
                let refused = metadata_of(number as u16).remote;
                let before = batch.len();
                let stats = filter_received(&mut batch, &mut 0, |found| found.remote != refused);
                expected.truncate(before - stats.refused);
                assert_eq!(batch.len(), before - stats.refused);
            }
            _ => {}
        }
        let found = batch.iter();
        assert_eq!(found.len(), expected.len());
        assert!(found.map(|datagram| datagram.payload()).eq(&expected));
    }
    for payload in expected {
        let taken = batch
            .pop()
            .expect("as many datagrams as were iterated over");
        assert_eq!(taken.payload(), payload);
    }
    assert!(batch.pop().is_none());
}

/// Divides a payload as a batch does.
fn divided(payload: &[u8], segment: usize) {
    let mut batch = RecvBatch::new(1);
    let mut buffer = Buffer::take();
    buffer.bytes_mut()[..payload.len()].copy_from_slice(payload);
    batch.push(buffer, payload.len(), segment, metadata_of(1));
    let whole: Vec<u8> = batch
        .iter()
        .flat_map(|datagram| datagram.payload())
        .copied()
        .collect();
    assert_eq!(whole, payload);
}

fn metadata_of(port: u16) -> Metadata {
    Metadata::of_sender(SocketAddr::from(([192, 0, 2, 1], port)))
}

fn is_mapped(ip: std::net::IpAddr) -> bool {
    ip != ip.to_canonical()
}

/// `struct cmsghdr`, include/linux/socket.h.
const CONTROL_HEADER_BYTES: usize = size_of::<usize>() + 8;
/// `struct nlmsghdr`, include/uapi/linux/netlink.h.
const NETLINK_HEADER_BYTES: usize = 16;
/// `struct rtnexthop`, include/uapi/linux/rtnetlink.h.
const HOP_HEADER_BYTES: usize = 8;
/// How many messages one input makes at most, so that an input takes little time.
const STEPS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// GEN-02, INF-05
    #[test]
    fn every_kept_input_obeys_the_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions");
        for (name, check) in [
            ("control_messages", control_messages as fn(&[u8])),
            ("netlink_messages", netlink_messages),
            ("gro_splitting", gro_splitting),
        ] {
            let files = fs::read_dir(root.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut count = 0;
            for file in files {
                let path = file.unwrap().path();
                println!("{}", path.display());
                check(&fs::read(&path).unwrap());
                count += 1;
            }
            assert!(count > 0, "{name}");
        }
    }
}
