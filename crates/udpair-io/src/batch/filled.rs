//! What a receive put into a buffer of the caller.

use std::io::IoSliceMut;
use std::mem;

use super::Metadata;
use super::filter_stats::FilterStats;

/// What one buffer of the caller holds after a receive: a datagram, or several coalesced datagrams
/// of one sender, back to back (`UDP_GRO`, udp(7)).
///
/// ```
/// # fn handle(datagram: &[u8]) {}
/// # fn each(buffer: &[u8], filled: &udpair_io::Filled) {
/// for datagram in filled.datagrams(buffer) {
///     handle(datagram);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Filled {
    /// The metadata, which is the same for all datagrams of the buffer.
    pub metadata: Metadata,
    /// How many bytes at the front of the buffer are filled. 0: one empty datagram.
    pub length: usize,
    /// The length of each datagram in bytes; the last may be shorter. Equal to `length` if there is
    /// one datagram.
    pub segment: usize,
    /// How many datagrams the kernel dropped on this socket between the previous datagram and the
    /// first of this buffer. With receive offload on, this is a lower bound.
    pub dropped_before: u32,
}

impl Filled {
    pub(crate) fn new(metadata: Metadata, length: usize, segment: usize) -> Self {
        Self {
            metadata,
            length,
            segment,
            dropped_before: 0,
        }
    }

    /// Returns how many datagrams the buffer holds, at least one.
    #[inline]
    pub fn count(&self) -> usize {
        match self.segment {
            0 => 1,
            segment => self.length.div_ceil(segment).max(1),
        }
    }

    /// Returns the datagrams in `buffer`, which must be the buffer that was filled, in arrival
    /// order.
    pub fn datagrams<'a>(&self, buffer: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + Clone {
        let (filled, segment) = (&buffer[..self.length], self.segment.max(1));
        let empty = filled.is_empty().then_some(filled);
        empty.into_iter().chain(filled.chunks(segment))
    }
}

/// Removes the datagrams that `admits` refuses from buffers that were just filled, and records for
/// each kept buffer how many datagrams the kernel dropped before it, like
/// [`filter_received`](super::filter_received).
///
/// The buffers that are kept come first. The others change places with them.
pub fn filter_filled(
    buffers: &mut [IoSliceMut<'_>],
    filled: &mut Vec<Filled>,
    reported_drops: &mut u32,
    admits: impl Fn(&Metadata) -> bool,
) -> FilterStats {
    let mut stats = FilterStats::default();
    let mut last = *reported_drops;
    let mut kept = 0;
    for at in 0..filled.len() {
        let buffer = &mut filled[at];
        if let Some(now) = buffer.metadata.drops {
            buffer.dropped_before = now.wrapping_sub(last);
            last = now;
        }
        if !admits(&buffer.metadata) {
            stats.refused += buffer.count();
            stats.drops = stats.drops.wrapping_add(buffer.dropped_before);
            continue;
        }
        stats.bytes += buffer.length;
        stats.truncated += usize::from(buffer.metadata.is_truncated);
        let before = mem::take(&mut stats.drops);
        buffer.dropped_before = buffer.dropped_before.wrapping_add(before);
        buffers.swap(kept, at);
        filled.swap(kept, at);
        kept += 1;
    }
    filled.truncate(kept);
    *reported_drops = last.wrapping_sub(stats.drops);
    stats
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CON-09: what is refused leaves no gap, and its drops are reported with what follows.
    #[test]
    fn kept_buffers_come_first_with_the_drops_before_them() {
        let from = |port: u16, drops| {
            let mut metadata = Metadata::of_sender(([192, 0, 2, 1], port).into());
            metadata.drops = Some(drops);
            Filled::new(metadata, 1, 1)
        };
        let mut bytes = [[b'a'], [b'b'], [b'c'], [b'd']];
        let mut buffers = bytes.each_mut().map(|bytes| IoSliceMut::new(bytes));
        let mut filled = vec![from(1, 7), from(9, 8), from(1, 10), from(9, 11)];
        filled[0].metadata.is_truncated = true;
        let mut reported = 5;
        let stats = filter_filled(&mut buffers, &mut filled, &mut reported, |metadata| {
            metadata.remote.port() == 9
        });
        let kept = filled.iter().zip(&buffers);
        let kept: Vec<_> = kept
            .map(|(filled, buffer)| (buffer[0], filled.dropped_before))
            .collect();
        assert_eq!(kept, [(b'b', 3), (b'd', 3)]);
        assert_eq!((stats.refused, stats.bytes, stats.truncated), (2, 2, 0));
        assert_eq!(reported, 11);
        // Drops before a refused datagram at the end are reported by the next one.
        let mut filled = vec![from(9, 12), from(1, 15)];
        filter_filled(&mut buffers, &mut filled, &mut reported, |metadata| {
            metadata.remote.port() == 9
        });
        assert_eq!((filled.len(), filled[0].dropped_before), (1, 1));
        assert_eq!(reported, 12);
    }

    #[test]
    fn a_buffer_holds_datagrams_of_one_length_and_a_shorter_one() {
        let metadata = Metadata::of_sender(([192, 0, 2, 1], 9).into());
        let buffer = *b"abcdefgh";
        for (length, segment, expected) in [
            (0, 0, &[""] as &[&str]),
            (0, 5, &[""]),
            (3, 3, &["abc"]),
            (6, 3, &["abc", "def"]),
            (8, 3, &["abc", "def", "gh"]),
        ] {
            let filled = Filled::new(metadata, length, segment);
            let datagrams: Vec<_> = filled.datagrams(&buffer).collect();
            let expected: Vec<_> = expected.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(datagrams, expected, "{length} {segment}");
            assert_eq!(filled.count(), expected.len(), "{length} {segment}");
        }
    }
}
