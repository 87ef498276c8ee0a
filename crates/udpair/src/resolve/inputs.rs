//! The external inputs of a resolver, which a test can replace: random numbers, time, and the
//! adapters of the machine.

use std::io;
use std::time::Instant;

use udpair_io::Adapter;

/// A random number generator: returns a number from 0 to the argument, both included.
pub(super) type Rng = dyn Fn(u64) -> u64 + Send + Sync;

/// A clock: returns the current time.
pub(super) type Clock = dyn Fn() -> Instant + Send + Sync;

/// A function that lists the adapters of the machine.
pub(super) type ListAdapters = dyn Fn() -> io::Result<Vec<Adapter>> + Send + Sync;

/// The index of the adapter with a given name; `None` if there is no such adapter.
pub(super) type AdapterIndex = dyn Fn(&str) -> Option<u32> + Send + Sync;
