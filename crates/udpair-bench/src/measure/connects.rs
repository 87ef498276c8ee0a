//! Times connects by name.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{END_BYTES, quantiles};
use crate::Result;

/// Connects by name, one after another: the first one in the process, and `count` more.
pub(crate) struct Connects {
    server: SocketAddr,
    queries_at_start: u64,
    queries_after_first: u64,
    first: Option<Duration>,
    latencies: Vec<u64>,
    count: usize,
    started: Instant,
}

impl Connects {
    pub(crate) fn start(server: SocketAddr, count: usize) -> Result<Self> {
        Ok(Self {
            server,
            queries_at_start: queries(server)?,
            queries_after_first: 0,
            first: None,
            latencies: Vec::with_capacity(count),
            count,
            started: Instant::now(),
        })
    }

    /// Returns whether to connect once more, and starts the clock.
    pub(crate) fn next(&mut self) -> bool {
        self.started = Instant::now();
        self.latencies.len() < self.count
    }

    /// Stops the clock, and records a connect to `remote`.
    pub(crate) fn connected(&mut self, remote: SocketAddr) -> Result<()> {
        let elapsed = self.started.elapsed();
        if !udpair_bench::dns::is_answer(remote) {
            return Err(format!(
                "connected to {remote}, which is not in the answer of the name server"
            )
            .into());
        }
        if self.first.is_none() {
            self.first = Some(elapsed);
            self.queries_after_first = queries(self.server)?;
        } else {
            let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
            self.latencies.push(nanos);
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Value> {
        let later = queries(self.server)? - self.queries_after_first;
        Ok(json!({
            "first_us": self.first.unwrap_or_default().as_secs_f64() * 1e6,
            "latency": quantiles(&mut self.latencies),
            "first_queries": self.queries_after_first - self.queries_at_start,
            "queries": later as f64 / self.count.max(1) as f64,
        }))
    }
}

/// Asks the name server of the workload for the number of queries so far.
fn queries(server: SocketAddr) -> Result<u64> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    socket.send_to(&[0; END_BYTES + 1], server)?;
    let mut count = [0; 8];
    socket.recv(&mut count)?;
    Ok(u64::from_be_bytes(count))
}
