//! For which destinations the kernel segments GSO batches.
//!
//! Whether segmenting works is tried, not guessed: a driver, a tunnel or a path with smaller
//! packets may refuse a GSO batch although the kernel supports GSO. A refusal counts once datagrams
//! of the same batch were sent in smaller batches, or one by one: the same error also has causes
//! that pass. It is remembered per destination, does not affect other destinations, and is
//! forgotten after a while.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::batch::Destination;
use crate::gso::Limits;

/// What one socket knows about GSO: whether the kernel supports it, and which batches it refused.
#[derive(Debug, Default)]
pub(crate) struct SendOffload {
    /// Whether this kernel does not support GSO.
    is_missing: AtomicBool,
    /// Whether there are refusals. Every send reads this, so it must not take the lock.
    has_refusals: AtomicBool,
    refusals: Mutex<Vec<Remembered>>,
}

/// A GSO batch that the kernel refused, and what to try instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    to: Option<Destination>,
    /// The length of its datagrams.
    length: usize,
    /// How many datagrams to send in one batch next.
    pub(crate) segments_max: usize,
}

/// A refusal that was proven.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    to: Option<Destination>,
    /// The shortest datagram length that was refused. Batches of longer datagrams are not tried.
    length: usize,
    at: Instant,
}

impl Refusal {
    /// Returns the refusal of a batch of `datagrams` datagrams of `length` bytes to `to`.
    ///
    /// A batch that exceeds what an older kernel accepts is tried with fewer datagrams next, any
    /// other batch with single datagrams.
    pub(crate) fn of(to: Option<Destination>, length: usize, datagrams: usize) -> Self {
        Self {
            to,
            length,
            segments_max: match datagrams > OLDER_SEGMENTS_MAX {
                true => OLDER_SEGMENTS_MAX,
                false => 1,
            },
        }
    }
}

impl SendOffload {
    /// Records that this kernel does not support GSO.
    pub(crate) fn note_missing(&self) {
        self.is_missing.store(true, Ordering::Relaxed);
    }

    /// Returns whether a batch of datagrams of `length` bytes to `to` would be refused, as far as
    /// that is known.
    fn refuses(&self, to: Option<Destination>, length: usize) -> bool {
        self.is_missing.load(Ordering::Relaxed)
            || self.has_refusals.load(Ordering::Relaxed) && self.was_refused(to, length)
    }

    /// Remembers a refusal, after what was tried instead has succeeded.
    pub(crate) fn learn(&self, refusal: Refusal) {
        if refusal.segments_max > 1 {
            reduce_segments_max();
        } else {
            self.remember(refusal.to, refusal.length, Instant::now());
        }
    }

    fn remember(&self, to: Option<Destination>, length: usize, at: Instant) {
        let mut refusals = self.refusals();
        match refusals.iter_mut().find(|refusal| refusal.to == to) {
            Some(refusal) => {
                refusal.length = refusal.length.min(length);
                refusal.at = at;
            }
            None => {
                if refusals.len() >= REFUSALS_MAX {
                    // GSO is tried once more for each of them, which costs one call per
                    // destination.
                    refusals.clear();
                }
                refusals.push(Remembered { to, length, at });
            }
        }
        self.has_refusals.store(true, Ordering::Relaxed);
    }

    fn was_refused(&self, to: Option<Destination>, length: usize) -> bool {
        let mut refusals = self.refusals();
        let Some(index) = refusals.iter().position(|refusal| refusal.to == to) else {
            return false;
        };
        let refusal = refusals[index];
        if refusal.at.elapsed() < RETRY_AFTER {
            return length >= refusal.length;
        }
        refusals.swap_remove(index);
        self.has_refusals
            .store(!refusals.is_empty(), Ordering::Relaxed);
        false
    }

    fn refusals(&self) -> MutexGuard<'_, Vec<Remembered>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the limits of a GSO batch of datagrams of `length` bytes to `to`. `offload` is what the
/// socket knows, if it knows anything.
pub(crate) fn limits(
    offload: Option<&SendOffload>,
    to: Option<Destination>,
    length: usize,
) -> Limits {
    let is_refused = offload.is_some_and(|offload| offload.refuses(to, length));
    Limits {
        datagrams: if is_refused { 1 } else { segments_max() },
        bytes: BATCH_BYTES_MAX,
    }
}

/// Returns how many datagrams one GSO batch may have, as far as that is known.
fn segments_max() -> usize {
    let known = SEGMENTS_MAX.load(Ordering::Relaxed);
    if known == NEWER_SEGMENTS_MAX {
        return known;
    }
    let mut reduced_at = REDUCED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    if reduced_at.is_some_and(|at| at.elapsed() < RETRY_AFTER) {
        return known;
    }
    *reduced_at = None;
    SEGMENTS_MAX.store(NEWER_SEGMENTS_MAX, Ordering::Relaxed);
    NEWER_SEGMENTS_MAX
}

/// Limits the GSO batches of all sockets to what an older kernel accepts.
fn reduce_segments_max() {
    let mut reduced_at = REDUCED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    *reduced_at = Some(Instant::now());
    SEGMENTS_MAX.store(OLDER_SEGMENTS_MAX, Ordering::Relaxed);
}

/// `UDP_MAX_SEGMENTS`, include/linux/udp.h, of this kernel as far as it is known.
static SEGMENTS_MAX: AtomicUsize = AtomicUsize::new(NEWER_SEGMENTS_MAX);

/// When [`SEGMENTS_MAX`] was reduced; `None` if it was not.
static REDUCED_AT: Mutex<Option<Instant>> = Mutex::new(None);

/// `UDP_MAX_SEGMENTS` since Linux 6.8.
const NEWER_SEGMENTS_MAX: usize = 128;

/// `UDP_MAX_SEGMENTS` before Linux 6.8.
const OLDER_SEGMENTS_MAX: usize = 64;

/// How many bytes one GSO batch holds at most: as many as one IPv4 datagram (RFC 768, RFC 791).
const BATCH_BYTES_MAX: usize = 65_507;

/// How many destinations with refusals are remembered.
const REFUSALS_MAX: usize = 64;

/// How long a refusal is believed. Trying again costs one call.
const RETRY_AFTER: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn to(text: &str) -> Option<Destination> {
        Some(Destination::from(text.parse::<SocketAddr>().unwrap()))
    }

    #[test]
    fn a_refusal_is_remembered_for_its_destination_and_length() {
        let offload = SendOffload::default();
        let (one, other) = (to("192.0.2.1:1"), to("192.0.2.2:1"));
        offload.learn(Refusal::of(one, 1400, 10));
        offload.learn(Refusal::of(one, 1300, 10));
        for (to, length, together) in [
            (one, 1299, true),
            (one, 1300, false),
            (one, 1500, false),
            (other, 1500, true),
            (None, 1500, true),
        ] {
            let limits = limits(Some(&offload), to, length);
            assert_eq!(limits.datagrams > 1, together, "{to:?} {length}");
        }
        offload.note_missing();
        assert_eq!(limits(Some(&offload), other, 10).datagrams, 1);
    }

    #[test]
    fn a_refusal_is_forgotten_after_a_while() {
        let offload = SendOffload::default();
        let one = to("192.0.2.1:1");
        let Some(long_ago) = Instant::now().checked_sub(RETRY_AFTER) else {
            return;
        };
        offload.remember(one, 1300, long_ago);
        assert!(limits(Some(&offload), one, 1400).datagrams > 1);
        assert!(!offload.has_refusals.load(Ordering::Relaxed));
    }

    #[test]
    fn a_large_batch_is_tried_with_fewer_datagrams_and_then_with_single_ones() {
        for (datagrams, next) in [(128, 64), (65, 64), (64, 1), (2, 1)] {
            let refusal = Refusal::of(None, 100, datagrams);
            assert_eq!(refusal.segments_max, next, "{datagrams}");
        }
    }
}
