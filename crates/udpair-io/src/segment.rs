//! Several datagrams of one sender and one length in one buffer: where such a buffer is split
//! (`UDP_GRO`, udp(7)).
//!
//! Pure: numbers and slices.

/// Cuts the first datagram off what was received in one piece, and returns what is behind it. All have
/// `length` bytes but the last, which may have fewer; a piece without bytes is one empty datagram.
pub(crate) fn cut(piece: &[u8], length: usize) -> (&[u8], &[u8]) {
    piece.split_at_checked(length).unwrap_or((piece, &[]))
}

/// Returns how many datagrams a piece of `bytes` bytes holds.
pub(crate) fn count(bytes: usize, length: usize) -> usize {
    bytes.div_ceil(length.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_cut_at_every_length_and_its_end() {
        for (piece, length, expected) in [
            ("", 1, vec![""]),
            ("abc", 3, vec!["abc"]),
            ("abc", 9, vec!["abc"]),
            ("abcd", 2, vec!["ab", "cd"]),
            ("abcde", 2, vec!["ab", "cd", "e"]),
            ("abc", 1, vec!["a", "b", "c"]),
        ] {
            assert_eq!(
                count(piece.len(), length),
                expected.len(),
                "{piece:?} by {length}"
            );
            let mut rest = piece.as_bytes();
            for part in expected {
                let (first, behind) = cut(rest, length);
                assert_eq!(first, part.as_bytes(), "{piece:?} by {length}");
                rest = behind;
            }
            assert!(rest.is_empty(), "{piece:?} by {length}");
        }
    }
}
