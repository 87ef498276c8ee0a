//! Splitting a GRO buffer into its datagrams (`UDP_GRO`, udp(7)). They have one sender and one
//! length.
//!
//! Pure: numbers and slices.

/// Splits a GRO buffer after its first datagram, and returns that datagram and the rest.
///
/// Each datagram has `length` bytes, except the last, which may have fewer. A buffer without bytes
/// is one empty datagram.
pub(crate) fn split_first(buffer: &[u8], length: usize) -> (&[u8], &[u8]) {
    buffer.split_at_checked(length).unwrap_or((buffer, &[]))
}

/// Returns how many datagrams of `length` bytes a GRO buffer of `bytes` bytes holds.
pub(crate) fn count(bytes: usize, length: usize) -> usize {
    bytes.div_ceil(length.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gro_buffer_is_split_after_every_length_and_at_its_end() {
        for (buffer, length, expected) in [
            ("", 1, vec![""]),
            ("abc", 3, vec!["abc"]),
            ("abc", 9, vec!["abc"]),
            ("abcd", 2, vec!["ab", "cd"]),
            ("abcde", 2, vec!["ab", "cd", "e"]),
            ("abc", 1, vec!["a", "b", "c"]),
        ] {
            assert_eq!(
                count(buffer.len(), length),
                expected.len(),
                "{buffer:?} by {length}"
            );
            let mut rest = buffer.as_bytes();
            for datagram in expected {
                let (first, following) = split_first(rest, length);
                assert_eq!(first, datagram.as_bytes(), "{buffer:?} by {length}");
                rest = following;
            }
            assert!(rest.is_empty(), "{buffer:?} by {length}");
        }
    }
}
