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

/// Returns how many datagrams from the front go in one piece, at least one if there is any.
///
/// Each is given by its length and by where it goes. An empty one travels alone: nothing in a piece
/// would tell that it is there.
pub(crate) fn join<D: PartialEq>(
    datagrams: impl IntoIterator<Item = (usize, D)>,
    limits: Limits,
) -> usize {
    let mut datagrams = datagrams.into_iter();
    let Some((length, destination)) = datagrams.next() else {
        return 0;
    };
    let (mut count, mut bytes) = (1, length);
    if length == 0 {
        return count;
    }
    for (next, to) in datagrams {
        let fits = count < limits.datagrams && bytes + next <= limits.bytes;
        if !fits || next == 0 || next > length || to != destination {
            break;
        }
        count += 1;
        bytes += next;
        if next < length {
            // A shorter one is the last.
            break;
        }
    }
    count
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
    fn equal_lengths_to_one_place_go_together_and_a_shorter_one_ends_the_row() {
        const LIMITS: Limits = Limits {
            datagrams: 4,
            bytes: 100,
        };
        for (datagrams, expected) in [
            (vec![], 0),
            (vec![(0, 'a'), (0, 'a')], 1),
            (vec![(10, 'a'), (10, 'a'), (10, 'b')], 2),
            (vec![(10, 'a'), (11, 'a')], 1),
            (vec![(10, 'a'), (9, 'a'), (9, 'a')], 2),
            (vec![(10, 'a'), (0, 'a')], 1),
            (vec![(10, 'a'); 9], 4),
            (vec![(40, 'a'); 9], 2),
            (vec![(101, 'a'), (1, 'a')], 1),
        ] {
            assert_eq!(join(datagrams.clone(), LIMITS), expected, "{datagrams:?}");
        }
    }
}
