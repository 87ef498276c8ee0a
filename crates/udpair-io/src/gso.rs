//! Which datagrams may go to the kernel as one GSO batch.
//!
//! The kernel takes a run of datagrams in one call and segments it itself, if all datagrams go to
//! one destination and all but the last have the same length (`UDP_SEGMENT`, udp(7)).
//!
//! Pure: numbers.

/// How much the kernel takes in one GSO batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// The largest number of datagrams.
    pub(crate) datagrams: usize,
    /// The largest number of payload bytes, without headers.
    pub(crate) bytes: usize,
}

/// The size of a GSO batch while datagrams are added to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GsoBatch {
    limits: Limits,
    /// Bytes of the first datagram.
    pub(crate) length: usize,
    pub(crate) datagrams: usize,
    /// Bytes of all datagrams.
    pub(crate) bytes: usize,
    is_complete: bool,
}

impl GsoBatch {
    /// Begins a batch with a datagram of `length` bytes.
    ///
    /// An empty datagram is a batch of its own: nothing in a larger batch would show that it is
    /// there.
    pub(crate) fn begin(length: usize, limits: Limits) -> Self {
        Self {
            limits,
            length,
            datagrams: 1,
            bytes: length,
            is_complete: length == 0,
        }
    }

    /// Adds a datagram of `length` bytes to the same destination if it fits, and returns whether it
    /// did. A datagram shorter than the first completes the batch.
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

    /// Adds datagrams of the first one's length that are `bytes` bytes together, as many as fit.
    /// The last of them may be shorter, which completes the batch. Returns how many bytes they have.
    pub(crate) fn add_run(&mut self, bytes: usize) -> usize {
        if self.is_complete || bytes == 0 {
            return 0;
        }
        let by_count = (self.limits.datagrams - self.datagrams) * self.length;
        let by_bytes = self.limits.bytes.saturating_sub(self.bytes);
        let room = by_count.min(by_bytes);
        // Only the last datagram of the run may be shorter.
        let added = match bytes <= room {
            true => bytes,
            false => room - room % self.length,
        };
        self.datagrams += added.div_ceil(self.length);
        self.bytes += added;
        self.is_complete = added % self.length > 0;
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run is what its datagrams are one by one.
    #[test]
    fn a_run_fills_a_batch_like_its_datagrams() {
        for limits in [(4, 100), (1, 100), (128, 35), (3, 9)] {
            let (datagrams, bytes) = limits;
            let limits = Limits { datagrams, bytes };
            for length in [1, 7, 10, 40, 200] {
                for rest in 0..150 {
                    let mut expected = GsoBatch::begin(length, limits);
                    let mut left = rest;
                    while left > 0 && expected.add(length.min(left)) {
                        left -= length.min(left);
                    }
                    let mut run = GsoBatch::begin(length, limits);
                    run.add_run(rest);
                    let of = |batch: GsoBatch| (batch.datagrams, batch.bytes);
                    assert_eq!(of(run), of(expected), "{limits:?} {length} {rest}");
                }
            }
        }
    }

    #[test]
    fn equal_lengths_share_a_batch_and_a_shorter_datagram_completes_it() {
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
            let mut batch = GsoBatch::begin(lengths[0], LIMITS);
            let added = lengths[1..]
                .iter()
                .take_while(|next| batch.add(**next))
                .count();
            assert_eq!(
                (batch.datagrams, added + 1),
                (expected, expected),
                "{lengths:?}"
            );
            let bytes: usize = lengths[..expected].iter().sum();
            assert_eq!(batch.bytes, bytes, "{lengths:?}");
        }
    }
}
