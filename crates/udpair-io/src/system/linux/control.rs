//! Control messages, the side channel of `recvmsg` and `sendmsg` (cmsg(3)).
//!
//! Pure: reads bytes that the kernel wrote, and writes bytes that it reads. A message with an
//! invalid length ends the list.

use std::mem;

/// A buffer for the control messages of one receive call, aligned as the kernel requires.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct ControlBuffer([u8; CONTROL_BYTES]);

impl ControlBuffer {
    /// The size of the buffer in bytes.
    pub(super) const BYTES: usize = CONTROL_BYTES;

    pub(super) fn new() -> Self {
        Self([0; CONTROL_BYTES])
    }

    /// Returns a buffer that begins with these bytes.
    #[cfg(any(fuzzing, test))]
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut buffer = Self::new();
        let length = bytes.len().min(CONTROL_BYTES);
        buffer.0[..length].copy_from_slice(&bytes[..length]);
        buffer
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr()
    }

    /// Returns the messages in the first `length` bytes.
    pub(super) fn messages(&self, length: usize) -> ControlMessages<'_> {
        ControlMessages {
            rest: &self.0[..length.min(CONTROL_BYTES)],
        }
    }
}

/// Control messages for one send call, one after the other.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct ControlWriter {
    bytes: [u8; WRITTEN_BYTES],
    length: usize,
}

impl ControlWriter {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; WRITTEN_BYTES],
            length: 0,
        }
    }

    /// Appends a message. `data` must have the length of its kind of message.
    pub(super) fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let length = HEADER_BYTES + data.len();
        let end = self.length + aligned(length);
        // Always fits: the buffer holds everything that a send needs.
        let Some(message) = self.bytes.get_mut(self.length..end) else {
            return;
        };
        let (header, content) = message.split_at_mut(HEADER_BYTES);
        let (header, numbers) = header.split_at_mut(mem::size_of::<usize>());
        header.copy_from_slice(&length.to_ne_bytes());
        numbers[..4].copy_from_slice(&level.to_ne_bytes());
        numbers[4..].copy_from_slice(&kind.to_ne_bytes());
        content[..data.len()].copy_from_slice(data);
        self.length = end;
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Returns the messages that were written.
    #[cfg(any(fuzzing, test))]
    pub(super) fn messages(&self) -> ControlMessages<'_> {
        ControlMessages {
            rest: &self.bytes[..self.length],
        }
    }
}

/// One control message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ControlMessage<'a> {
    /// The protocol it belongs to: `SOL_SOCKET`, `IPPROTO_IP`, `IPPROTO_IPV6`.
    pub(super) level: i32,
    /// Its type within that protocol.
    pub(super) kind: i32,
    /// The payload of the message.
    pub(super) data: &'a [u8],
}

/// An iterator over received control messages.
#[derive(Clone, Debug)]
pub(super) struct ControlMessages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for ControlMessages<'a> {
    type Item = ControlMessage<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let header = self.rest.get(..HEADER_BYTES)?;
        let (length, numbers) = header.split_first_chunk()?;
        let length = usize::from_ne_bytes(*length);
        let (level, numbers) = numbers.split_first_chunk()?;
        let (kind, _) = numbers.split_first_chunk()?;
        let message = ControlMessage {
            level: i32::from_ne_bytes(*level),
            kind: i32::from_ne_bytes(*kind),
            data: self.rest.get(HEADER_BYTES..length)?,
        };
        self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
        Some(message)
    }
}

/// Reads a native-endian signed integer from `data` at `offset`.
pub(super) fn i32_at(data: &[u8], offset: usize) -> Option<i32> {
    let bytes = data.get(offset..)?.first_chunk()?;
    Some(i32::from_ne_bytes(*bytes))
}

/// Reads a native-endian unsigned integer from `data` at `offset`.
pub(super) fn u32_at(data: &[u8], offset: usize) -> Option<u32> {
    let bytes = data.get(offset..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

/// `CMSG_ALIGN`, include/linux/socket.h.
const fn aligned(length: usize) -> usize {
    length.saturating_add(mem::size_of::<usize>() - 1) & !(mem::size_of::<usize>() - 1)
}

/// `struct cmsghdr`, include/linux/socket.h: a `size_t` and two `int`.
const HEADER_BYTES: usize = mem::size_of::<usize>() + 8;

/// More than one receive call fills: packet information, hop limit and traffic class of both
/// families, drop counter, timestamp and segment length of a datagram, or one error with its two
/// addresses.
const CONTROL_BYTES: usize = 320;

/// The most that one send call needs: the source, the hop limit and the traffic class of an IPv6
/// datagram, and the segment length of a GSO batch.
const WRITTEN_BYTES: usize = 112;

#[cfg(test)]
mod tests {
    use super::*;

    /// A message as the kernel writes it.
    fn message(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (HEADER_BYTES + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    #[test]
    fn messages_are_read_in_order_with_any_padding() {
        let bytes = [
            message(1, 2, b"a"),
            message(3, 4, b"12345678"),
            message(5, 6, b""),
        ]
        .concat();
        let found: Vec<_> = ControlMessages { rest: &bytes }
            .map(|message| (message.level, message.kind, message.data.to_vec()))
            .collect();
        assert_eq!(
            found,
            [
                (1, 2, b"a".to_vec()),
                (3, 4, b"12345678".to_vec()),
                (5, 6, vec![])
            ]
        );
    }

    #[test]
    fn written_messages_are_read_back() {
        let mut writer = ControlWriter::new();
        writer.push(1, 2, b"a");
        writer.push(3, 4, b"12345678");
        let found: Vec<_> = writer
            .messages()
            .map(|message| (message.level, message.kind, message.data))
            .collect();
        assert_eq!(found, [(1, 2, b"a" as &[_]), (3, 4, b"12345678")]);
    }

    #[test]
    fn an_invalid_length_ends_the_list() {
        for length in [0, 1, HEADER_BYTES - 1, 1_000_000, usize::MAX] {
            let mut bytes = message(1, 2, b"data");
            bytes[..mem::size_of::<usize>()].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(ControlMessages { rest: &bytes }.next(), None, "{length}");
        }
    }

    #[test]
    fn a_truncated_header_ends_the_list() {
        let bytes = message(1, 2, b"data");
        for length in 0..HEADER_BYTES {
            assert_eq!(
                ControlMessages {
                    rest: &bytes[..length]
                }
                .next(),
                None,
                "{length}"
            );
        }
    }
}
