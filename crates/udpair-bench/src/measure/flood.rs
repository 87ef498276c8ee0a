//! Counts what is sent as fast as possible for a given time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cpu_since;
use crate::system::process::{self, Processes};

/// The state of a sender that sends until a given time is over.
pub(crate) struct Flood {
    started: Instant,
    ends: Instant,
    cpu: Duration,
    calls: u32,
    sent: u64,
}

impl Flood {
    pub(crate) fn start(time: Duration) -> Self {
        let cpu = process::cpu_time(Processes::This);
        let started = Instant::now();
        Self {
            started,
            ends: started + time,
            cpu,
            calls: 0,
            sent: 0,
        }
    }

    /// Records a number of sent datagrams, and returns whether to send more.
    pub(crate) fn sent(&mut self, datagrams: usize) -> bool {
        self.sent += datagrams as u64;
        self.calls += 1;
        // Not every call reads the clock: that costs as much as a hundredth of a send.
        !self.calls.is_multiple_of(CALLS_PER_CLOCK_READ) || Instant::now() < self.ends
    }

    pub(crate) fn finish(&self) -> Value {
        let seconds = self.started.elapsed().as_secs_f64();
        json!({
            "sent": self.sent,
            "seconds": seconds,
            "cpu_seconds": cpu_since(self.cpu),
        })
    }
}

const CALLS_PER_CLOCK_READ: u32 = 16;
