//! What is counted and timed, in the same way for every peer.
//!
//! A peer moves datagrams; when to stop, what to count and what to note stands here. Whatever costs
//! time per datagram here costs every peer the same.

use std::hint::black_box;
use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::system::process::{self, Whose};

/// Tells whoever started this process that it may be sent to.
pub(crate) fn say_ready() -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "READY")?;
    Ok(stdout.flush()?)
}

/// A datagram of this length ends a receiver; no workload has one so short.
pub(crate) const END_BYTES: usize = 1;

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

/// Counts what arrives, one call a datagram.
pub(crate) struct Counter {
    received: u64,
    bytes: u64,
    cpu: Duration,
}

impl Counter {
    /// Starts to count, and says so.
    pub(crate) fn ready() -> Result<Self> {
        say_ready()?;
        Ok(Self {
            received: 0,
            bytes: 0,
            cpu: process::cpu_time(Whose::Own),
        })
    }

    /// Takes one datagram; breaks when it is the last.
    ///
    /// Never inlined: it stands for a program's own handler, which a library knows nothing of.
    #[inline(never)]
    pub(crate) fn take(&mut self, payload: &[u8]) -> ControlFlow<()> {
        if payload.len() == END_BYTES {
            return ControlFlow::Break(());
        }
        self.received += 1;
        self.bytes += black_box(payload).len() as u64;
        ControlFlow::Continue(())
    }

    /// Takes several datagrams; breaks at the last.
    pub(crate) fn take_all<'a>(
        &mut self,
        payloads: impl IntoIterator<Item = &'a [u8]>,
    ) -> ControlFlow<()> {
        payloads
            .into_iter()
            .try_for_each(|payload| self.take(payload))
    }

    pub(crate) fn finish(&self) -> Value {
        json!({
            "received": self.received,
            "bytes": self.bytes,
            "cpu_seconds": cpu_since(self.cpu),
        })
    }
}

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

/// Sockets that wait, each with a handler of its own.
pub(crate) struct Idle {
    /// Where each socket is, to be filled in by whoever opens it.
    pub(crate) locals: Vec<SocketAddr>,
    poker: UdpSocket,
    started: Instant,
    memory: u64,
    opened: Value,
}

impl Idle {
    pub(crate) fn start(sockets: usize) -> Result<Self> {
        process::allow_descriptors()?;
        let poker = UdpSocket::bind("127.0.0.1:0")?;
        // Written to before the memory is looked at, so that it does not count as a socket's.
        let locals = vec![poker.local_addr()?; sockets];
        Ok(Self {
            locals,
            poker,
            memory: process::resident_bytes()?,
            started: Instant::now(),
            opened: Value::Null,
        })
    }

    /// The peer that each socket connects to.
    pub(crate) fn remote(&self) -> Result<SocketAddr> {
        Ok(self.poker.local_addr()?)
    }

    /// Notes that all sockets are open with their handlers waiting, and sends each a datagram.
    pub(crate) fn poke(&mut self) -> Result<()> {
        self.opened = json!({
            "open_seconds": self.started.elapsed().as_secs_f64(),
            "bytes_per_socket_before_first": self.bytes_per_socket()?,
        });
        self.started = Instant::now();
        for local in &self.locals {
            self.poker.send_to(b"poke", local)?;
        }
        Ok(())
    }

    /// Notes that every handler ran.
    pub(crate) fn finish(self) -> Result<Value> {
        let sweep = self.started.elapsed().as_secs_f64();
        let bytes = self.bytes_per_socket()?;
        let mut result = self.opened;
        result["sweep_seconds"] = sweep.into();
        result["bytes_per_socket"] = bytes.into();
        result["sockets"] = self.locals.len().into();
        Ok(result)
    }

    fn bytes_per_socket(&self) -> Result<f64> {
        let grown = process::resident_bytes()?.saturating_sub(self.memory);
        Ok(grown as f64 / self.locals.len().max(1) as f64)
    }
}

/// Connects by name, one after another: the first in the process, then many.
pub(crate) struct Connects {
    server: SocketAddr,
    queries_at_start: u64,
    queries_after_first: u64,
    first: Option<Duration>,
    latencies: Vec<u64>,
    count: usize,
    begun: Instant,
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
            begun: Instant::now(),
        })
    }

    /// Returns whether one more is to be made, and starts the clock.
    pub(crate) fn next(&mut self) -> bool {
        self.begun = Instant::now();
        self.latencies.len() < self.count
    }

    /// Stops the clock: there is a connected socket.
    pub(crate) fn connected(&mut self, remote: SocketAddr) -> Result<()> {
        let elapsed = self.begun.elapsed();
        if !udpair_bench::dns::is_answer(remote) {
            return Err(format!("connected to {remote}, which is not what the server said").into());
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

/// Asks our name server how often it was asked.
fn queries(server: SocketAddr) -> Result<u64> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    socket.send_to(&[0; END_BYTES + 1], server)?;
    let mut count = [0; 8];
    socket.recv(&mut count)?;
    Ok(u64::from_be_bytes(count))
}

fn cpu_since(start: Duration) -> f64 {
    (process::cpu_time(Whose::Own) - start).as_secs_f64()
}

/// In microseconds.
fn quantiles(nanos: &mut [u64]) -> Value {
    nanos.sort_unstable();
    let at = |share: f64| {
        let last = nanos.len().saturating_sub(1);
        let nanos = nanos.get((last as f64 * share).round() as usize);
        nanos.copied().unwrap_or_default() as f64 / 1e3
    };
    json!({ "p50_us": at(0.5), "p99_us": at(0.99), "p999_us": at(0.999) })
}

const ASKS_PER_LOOK: u32 = 16;

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
