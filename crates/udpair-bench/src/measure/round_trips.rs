//! Timing what comes back.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::flood::Flood;
use super::quantiles;

/// Keeps a number of datagrams under way to an echo, and notes how long they take.
pub(crate) struct RoundTrips {
    flood: Flood,
    in_flight: usize,
    under_way: usize,
    last: Instant,
    /// In nanoseconds; noted only while one datagram is under way.
    latencies: Vec<u64>,
}

impl RoundTrips {
    pub(crate) fn start(time: Duration, in_flight: usize) -> Self {
        let mut latencies = Vec::new();
        if in_flight == 1 {
            latencies.reserve((time.as_secs_f64() * ROUND_TRIPS_PER_SECOND_MAX) as usize);
        }
        Self {
            flood: Flood::start(time),
            in_flight,
            under_way: in_flight,
            last: Instant::now(),
            latencies,
        }
    }

    /// Returns how many datagrams are still to come back.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Notes what came back, and returns how many to send again.
    pub(crate) fn arrived(&mut self, datagrams: usize) -> usize {
        if self.in_flight == 1 {
            let now = Instant::now();
            let nanos = now.duration_since(self.last).as_nanos();
            self.latencies
                .push(u64::try_from(nanos).unwrap_or(u64::MAX));
            self.last = now;
        }
        let goes_on = self.flood.sent(datagrams);
        // Once the time is over, what is under way is waited for: it must not hit a closed port.
        if goes_on && self.under_way == self.in_flight {
            return datagrams;
        }
        self.under_way = self.under_way.saturating_sub(datagrams);
        0
    }

    pub(crate) fn finish(mut self) -> Value {
        let mut result = self.flood.finish();
        result["round_trips"] = result["sent"].take();
        if self.in_flight == 1 {
            result["latency"] = quantiles(&mut self.latencies);
        }
        result
    }
}

/// More than any peer makes with one datagram under way.
const ROUND_TRIPS_PER_SECOND_MAX: f64 = 200_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_waited_for() {
        let mut trips = RoundTrips::start(Duration::ZERO, 64);
        let mut arrivals = 0;
        while trips.under_way() > 0 {
            trips.arrived(1);
            arrivals += 1;
        }
        // The clock is read at the 16th; those before it were sent again.
        assert_eq!(arrivals, 64 + 15);
    }
}
