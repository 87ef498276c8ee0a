//! What a resolver is told from outside, so that a test can tell it something else: chance, time, and the
//! adapters of the machine.

use std::io;
use std::time::Instant;

use udpair_io::Adapter;

/// Returns a random number from 0 to the argument, both included.
pub(super) type Rng = dyn Fn(u64) -> u64 + Send + Sync;

/// Returns the time.
pub(super) type Clock = dyn Fn() -> Instant + Send + Sync;

/// Lists the adapters.
pub(super) type ListAdapters = dyn Fn() -> io::Result<Vec<Adapter>> + Send + Sync;
