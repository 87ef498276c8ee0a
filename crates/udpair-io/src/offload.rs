//! What is known of the kernel's offer to cut a piece into datagrams itself.
//!
//! Whether it can is tried, not guessed: a driver, a tunnel or a path whose packets are smaller may
//! refuse where the kernel in general accepts. What was refused is sent one by one, and remembered for
//! that destination alone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::batch::Destination;
use crate::gso::Limits;

/// What one socket has learnt.
#[derive(Debug, Default)]
pub(crate) struct SendOffload {
    /// Whether this kernel has no such thing.
    is_missing: AtomicBool,
    /// Whether anything was refused; looked at by every batch, so without the lock.
    has_refusals: AtomicBool,
    /// Boxed, because most sockets never have any.
    refusals: OnceLock<Box<Mutex<Vec<Refusal>>>>,
}

/// Datagrams that could not be sent in one piece.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Refusal {
    to: Option<Destination>,
    /// The shortest that were refused; longer ones are not tried.
    length: usize,
}

impl SendOffload {
    /// Notes that this kernel cannot cut at all.
    pub(crate) fn note_missing(&self) {
        self.is_missing.store(true, Ordering::Relaxed);
    }

    /// Returns how many datagrams of `length` bytes to `to` may go in one piece.
    pub(crate) fn limits(&self, to: Option<Destination>, length: usize) -> Limits {
        let is_refused = self.is_missing.load(Ordering::Relaxed)
            || self.has_refusals.load(Ordering::Relaxed) && self.was_refused(to, length);
        Limits {
            datagrams: if is_refused {
                1
            } else {
                SEGMENTS_MAX.load(Ordering::Relaxed)
            },
            bytes: PIECE_BYTES_MAX,
        }
    }

    /// Learns from a piece of datagrams of `length` bytes that the kernel refused.
    pub(crate) fn refuse(&self, to: Option<Destination>, length: usize) {
        let mut refusals = self.refusals();
        match refusals.iter_mut().find(|refusal| refusal.to == to) {
            Some(refusal) => refusal.length = refusal.length.min(length),
            None => {
                if refusals.len() >= REFUSALS_MAX {
                    // They are asked once more, which costs a call each.
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

/// Returns whether a piece of `count` datagrams may have been too many, and from now on fewer are sent:
/// an older kernel takes no more, from anybody.
pub(crate) fn may_take_fewer(count: usize) -> bool {
    let is_more = count > OLDER_SEGMENTS_MAX;
    if is_more {
        SEGMENTS_MAX.store(OLDER_SEGMENTS_MAX, Ordering::Relaxed);
    }
    is_more
}

/// `UDP_MAX_SEGMENTS`, include/linux/udp.h, of this kernel as far as it is known; 128 since Linux 6.8.
static SEGMENTS_MAX: AtomicUsize = AtomicUsize::new(128);

/// The same before that.
const OLDER_SEGMENTS_MAX: usize = 64;

/// What one piece carries at the most: what one IPv4 datagram does (RFC 768, RFC 791).
const PIECE_BYTES_MAX: usize = 65_507;

/// How many destinations are remembered.
const REFUSALS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn what_is_refused_is_remembered_for_its_destination_and_length() {
        let offload = SendOffload::default();
        let to = |text: &str| Some(Destination::from(text.parse::<SocketAddr>().unwrap()));
        let (one, other) = (to("192.0.2.1:1"), to("192.0.2.2:1"));
        offload.refuse(one, 1400);
        offload.refuse(one, 1300);
        for (to, length, together) in [
            (one, 1299, true),
            (one, 1300, false),
            (one, 1500, false),
            (other, 1500, true),
            (None, 1500, true),
        ] {
            let limits = offload.limits(to, length);
            assert_eq!(limits.datagrams > 1, together, "{to:?} {length}");
        }
        offload.note_missing();
        assert_eq!(offload.limits(other, 10).datagrams, 1);
    }
}
