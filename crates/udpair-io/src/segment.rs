//! Several datagrams of one size in one buffer: where such a buffer is cut, and which datagrams may
//! share one.
//!
//! The kernel takes a row of datagrams in one call if all go to one place and all but the last have
//! the same length (`UDP_SEGMENT`, udp(7)), and hands a row over in the same form (`UDP_GRO`).
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

/// How much the kernel takes in one piece.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// Datagrams.
    pub(crate) datagrams: usize,
    /// Bytes, without headers.
    pub(crate) bytes: usize,
}

/// A row of datagrams that go in one piece, while it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    limits: Limits,
    /// Bytes of the first.
    pub(crate) length: usize,
    pub(crate) datagrams: usize,
    /// Bytes of all.
    pub(crate) bytes: usize,
    is_complete: bool,
}

impl Row {
    /// Begins a row with a datagram of `length` bytes. An empty one travels alone: nothing in a piece would
    /// tell that it is there.
    pub(crate) fn begin(length: usize, limits: Limits) -> Self {
        Self {
            limits,
            length,
            datagrams: 1,
            bytes: length,
            is_complete: length == 0,
        }
    }

    /// Adds a datagram of `length` bytes to the same destination, if it fits, and returns whether it did. A
    /// shorter one is the last.
    pub(crate) fn add(&mut self, length: usize) -> bool {
        let fits = self.datagrams < self.limits.datagrams
            && self.bytes + length <= self.limits.bytes
            && length <= self.length
            && length > 0
            && !self.is_complete;
        if fits {
            self.datagrams += 1;
            self.bytes += length;
            self.is_complete = length < self.length;
        }
        fits
    }
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

    #[test]
    fn equal_lengths_go_together_and_a_shorter_one_ends_the_row() {
        const LIMITS: Limits = Limits {
            datagrams: 4,
            bytes: 100,
        };
        for (lengths, expected) in [
            (&[0_usize, 0] as &[_], 1),
            (&[10, 11], 1),
            (&[10, 10, 9, 9], 3),
            (&[10, 0], 1),
            (&[10; 9], 4),
            (&[40; 9], 2),
            (&[101, 1], 1),
        ] {
            let mut row = Row::begin(lengths[0], LIMITS);
            let added = lengths[1..]
                .iter()
                .take_while(|next| row.add(**next))
                .count();
            assert_eq!(
                (row.datagrams, added + 1),
                (expected, expected),
                "{lengths:?}"
            );
            let bytes: usize = lengths[..expected].iter().sum();
            assert_eq!(row.bytes, bytes, "{lengths:?}");
        }
    }
}
