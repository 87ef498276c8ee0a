//! Counts and times round trips.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::flood::Flood;
use super::quantiles;

/// The state of a client that keeps a number of datagrams in flight to an echo.
pub(crate) struct RoundTrips {
    flood: Flood,
    in_flight: usize,
    in_flight_max: usize,
    last: Instant,
    /// In nanoseconds; recorded only if `in_flight_max` is 1.
    latencies: Vec<u64>,
}

impl RoundTrips {
    pub(crate) fn start(time: Duration, in_flight_max: usize) -> Self {
        let mut latencies = Vec::new();
        if in_flight_max == 1 {
            latencies.reserve((time.as_secs_f64() * ROUND_TRIPS_PER_SECOND_MAX) as usize);
        }
        Self {
            flood: Flood::start(time),
            in_flight: in_flight_max,
            in_flight_max,
            last: Instant::now(),
            latencies,
        }
    }

    /// Returns how many datagrams have not come back yet.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Records a number of datagrams that came back, and returns how many to send again.
    pub(crate) fn arrived(&mut self, datagrams: usize) -> usize {
        if self.in_flight_max == 1 {
            let now = Instant::now();
            let nanos = now.duration_since(self.last).as_nanos();
            self.latencies
                .push(u64::try_from(nanos).unwrap_or(u64::MAX));
            self.last = now;
        }
        let has_time = self.flood.sent(datagrams);
        // When the time is over, the client waits for the datagrams in flight: they must not reach
        // a closed port.
        if has_time && self.in_flight == self.in_flight_max {
            return datagrams;
        }
        self.in_flight = self.in_flight.saturating_sub(datagrams);
        0
    }

    pub(crate) fn finish(mut self) -> Value {
        let mut result = self.flood.finish();
        result["round_trips"] = result["sent"].take();
        if self.in_flight_max == 1 {
            result["latency"] = quantiles(&mut self.latencies);
        }
        result
    }
}

/// More than any peer reaches with one datagram in flight.
const ROUND_TRIPS_PER_SECOND_MAX: f64 = 200_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_waits_for_all_datagrams_in_flight() {
        let mut trips = RoundTrips::start(Duration::ZERO, 64);
        let mut arrivals = 0;
        while trips.in_flight() > 0 {
            trips.arrived(1);
            arrivals += 1;
        }
        // The 16th call reads the clock. The 15 datagrams before it were sent again.
        assert_eq!(arrivals, 64 + 15);
    }
}
