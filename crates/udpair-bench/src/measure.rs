//! Counting and timing, in the same way for every peer.
//!
//! A peer moves datagrams. This module decides when to stop, what to count and what to record. The
//! time that it takes per datagram is the same for every peer.

mod connects;
mod counter;
mod flood;
mod idle;
mod round_trips;
pub(crate) mod ticker;

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;
use crate::system::process::{self, Processes};
pub(crate) use connects::Connects;
pub(crate) use counter::Counter;
pub(crate) use flood::Flood;
pub(crate) use idle::Idle;
pub(crate) use round_trips::RoundTrips;

/// Reports to the parent process that this process can receive datagrams.
pub(crate) fn say_ready() -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "READY")?;
    Ok(stdout.flush()?)
}

/// The length of the end datagram, which ends a receiver. No workload sends datagrams this short.
pub(crate) const END_BYTES: usize = 1;

fn cpu_since(start: Duration) -> f64 {
    (process::cpu_time(Processes::This) - start).as_secs_f64()
}

/// Sorts `nanos`, and returns the quantiles in microseconds.
fn quantiles(nanos: &mut [u64]) -> Value {
    nanos.sort_unstable();
    let at = |share: f64| {
        let last = nanos.len().saturating_sub(1);
        let nanos = nanos.get((last as f64 * share).round() as usize);
        nanos.copied().unwrap_or_default() as f64 / 1e3
    };
    json!({ "p50_us": at(0.5), "p99_us": at(0.99), "p999_us": at(0.999) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_list() {
        let mut nanos: Vec<u64> = (0..=1000).rev().map(|n| n * 1000).collect();
        let found = quantiles(&mut nanos);
        assert_eq!(
            found,
            json!({ "p50_us": 500.0, "p99_us": 990.0, "p999_us": 999.0 })
        );
        assert_eq!(quantiles(&mut [])["p50_us"], 0.0);
    }
}
