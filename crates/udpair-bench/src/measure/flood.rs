//! Sending as fast as possible for a given time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cpu_since;
use crate::system::process::{self, Whose};

/// What sends as long as there is time.
pub(crate) struct Flood {
    started: Instant,
    ends: Instant,
    cpu: Duration,
    asked: u32,
    sent: u64,
}

impl Flood {
    pub(crate) fn start(time: Duration) -> Self {
        let cpu = process::cpu_time(Whose::Own);
        let started = Instant::now();
        Self {
            started,
            ends: started + time,
            cpu,
            asked: 0,
            sent: 0,
        }
    }

    /// Notes what was sent, and returns whether there is time for more.
    pub(crate) fn sent(&mut self, datagrams: usize) -> bool {
        self.sent += datagrams as u64;
        self.asked += 1;
        // The clock is read now and then: it costs as much as a hundredth of a send.
        !self.asked.is_multiple_of(ASKS_PER_LOOK) || Instant::now() < self.ends
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

const ASKS_PER_LOOK: u32 = 16;
