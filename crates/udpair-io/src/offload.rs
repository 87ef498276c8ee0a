//! For which destinations the kernel segments GSO batches.
//!
//! Whether segmenting works is tried, not guessed: a driver, a tunnel or a path with smaller
//! packets may refuse a GSO batch although the kernel supports GSO. Datagrams whose batch was
//! refused are sent one by one. A refusal is remembered per destination and does not affect other
//! destinations.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::batch::Destination;
use crate::gso::Limits;

/// What one socket knows about GSO: whether the kernel supports it, and which batches it refused.
#[derive(Debug, Default)]
pub(crate) struct SendOffload {
    /// Whether this kernel does not support GSO.
    is_missing: AtomicBool,
    /// Whether any batch was refused. Every send reads this, so it must not take the lock.
    has_refusals: AtomicBool,
    /// The refusals. Boxed, because most sockets never have one.
    refusals: OnceLock<Box<Mutex<Vec<Refusal>>>>,
}

/// A refused GSO batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Refusal {
    to: Option<Destination>,
    /// The shortest datagram length that was refused. Batches of longer datagrams are not tried.
    length: usize,
}

impl SendOffload {
    /// Records that this kernel does not support GSO.
    pub(crate) fn note_missing(&self) {
        self.is_missing.store(true, Ordering::Relaxed);
    }

    /// Returns the limits of a GSO batch of datagrams of `length` bytes to `to`.
    pub(crate) fn limits(&self, to: Option<Destination>, length: usize) -> Limits {
        let is_refused = self.is_missing.load(Ordering::Relaxed)
            || self.has_refusals.load(Ordering::Relaxed) && self.was_refused(to, length);
        Limits {
            datagrams: if is_refused {
                1
            } else {
                SEGMENTS_MAX.load(Ordering::Relaxed)
            },
            bytes: BATCH_BYTES_MAX,
        }
    }

    /// Records that the kernel refused a GSO batch of datagrams of `length` bytes to `to`.
    pub(crate) fn refuse(&self, to: Option<Destination>, length: usize) {
        let mut refusals = self.refusals();
        match refusals.iter_mut().find(|refusal| refusal.to == to) {
            Some(refusal) => refusal.length = refusal.length.min(length),
            None => {
                if refusals.len() >= REFUSALS_MAX {
                    // GSO is tried once more for each of them, which costs one call per
                    // destination.
                    refusals.clear();
                }
                refusals.push(Refusal { to, length });
            }
        }
        self.has_refusals.store(true, Ordering::Relaxed);
    }

    fn refusals(&self) -> MutexGuard<'_, Vec<Refusal>> {
        let refusals = self.refusals.get_or_init(Box::default);
        refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn was_refused(&self, to: Option<Destination>, length: usize) -> bool {
        self.refusals()
            .iter()
            .any(|refusal| refusal.to == to && length >= refusal.length)
    }
}

/// Returns whether a refused GSO batch of `count` datagrams may have had too many for an older
/// kernel.
///
/// If so, GSO batches of all sockets are limited to what an older kernel accepts from now on.
pub(crate) fn reduce_segments_max(count: usize) -> bool {
    let may_be_too_many = count > OLDER_SEGMENTS_MAX;
    if may_be_too_many {
        SEGMENTS_MAX.store(OLDER_SEGMENTS_MAX, Ordering::Relaxed);
    }
    may_be_too_many
}

/// `UDP_MAX_SEGMENTS`, include/linux/udp.h, of this kernel as far as it is known. 128 since Linux
/// 6.8.
static SEGMENTS_MAX: AtomicUsize = AtomicUsize::new(128);

/// `UDP_MAX_SEGMENTS` before Linux 6.8.
const OLDER_SEGMENTS_MAX: usize = 64;

/// How many bytes one GSO batch holds at most: as many as one IPv4 datagram (RFC 768, RFC 791).
const BATCH_BYTES_MAX: usize = 65_507;

/// How many destinations with refusals are remembered.
const REFUSALS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_refusal_is_remembered_for_its_destination_and_length() {
        let offload = SendOffload::default();
        let to = |text: &str| Some(Destination::from(text.parse::<SocketAddr>().unwrap()));
        let (one, other) = (to("192.0.2.1:1"), to("192.0.2.2:1"));
        offload.refuse(one, 1400);
        offload.refuse(one, 1300);
        for (to, length, is_batched) in [
            (one, 1299, true),
            (one, 1300, false),
            (one, 1500, false),
            (other, 1500, true),
            (None, 1500, true),
        ] {
            let limits = offload.limits(to, length);
            assert_eq!(limits.datagrams > 1, is_batched, "{to:?} {length}");
        }
        offload.note_missing();
        assert_eq!(offload.limits(other, 10).datagrams, 1);
    }
}
