//! Instrumentation: events for `tracing` and numbers for `metrics`.
//!
//! Both are features of the crate and off by default; the functions here are then empty. None of
//! them is called per datagram. Sockets count their datagrams in any case, and [`Published`]
//! publishes what they have counted since the last time.

#![cfg_attr(
    not(all(feature = "tracing", feature = "metrics")),
    allow(unused_variables, reason = "only the features use the arguments")
)]

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

/// Emits that a step of resolving has ended: `name` was looked up at `stage`, which found `found`
/// entries.
pub(crate) fn looked_up(
    stage: &'static str,
    name: &str,
    found: usize,
    error: Option<&str>,
    elapsed: Duration,
) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, stage, name, found, error, ?elapsed, "looked up");
}

/// Emits and counts that a remote endpoint was resolved to `found` addresses; `error` says why if
/// there are none. When a socket resolves the endpoint, only the addresses of the first host count.
pub(crate) fn resolved(
    remote: &dyn Display,
    found: usize,
    error: Option<&dyn Display>,
    elapsed: Duration,
) {
    #[cfg(feature = "tracing")]
    {
        let error = error.map(tracing::field::display);
        tracing::debug!(target: TARGET, %remote, found, error, ?elapsed, "resolved");
    }
    #[cfg(feature = "metrics")]
    {
        let outcome = if error.is_none() { "found" } else { "failed" };
        metrics::counter!("udpair_resolutions_total", "outcome" => outcome).increment(1);
        metrics::histogram!("udpair_resolution_seconds").record(elapsed.as_secs_f64());
    }
}

/// Emits that a destination was tried and refused. The next one may be tried.
pub(crate) fn fell_back(destination: SocketAddr, error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, %destination, %error, "address refused");
}

/// Returns the local address of a socket that is about to be closed, if a subscriber may record it.
pub(crate) fn closing(local: impl FnOnce() -> Option<SocketAddr>) -> Option<SocketAddr> {
    #[cfg(feature = "tracing")]
    if tracing::event_enabled!(target: TARGET, tracing::Level::DEBUG) {
        return local();
    }
    None
}

/// Emits and counts that a socket was opened: bound, and connected if it has a peer. `local` and
/// `peer` are called only if a subscriber records the event.
pub(crate) fn opened(
    local: impl Fn() -> Option<SocketAddr>,
    peer: impl Fn() -> Option<SocketAddr>,
) {
    emit_endpoints("socket opened", local, peer);
    #[cfg(feature = "metrics")]
    {
        metrics::counter!("udpair_sockets_opened_total").increment(1);
        metrics::gauge!("udpair_sockets_open").increment(1);
    }
}

/// Emits that a bound socket was connected to a peer; see [`opened`].
pub(crate) fn connected(
    local: impl Fn() -> Option<SocketAddr>,
    peer: impl Fn() -> Option<SocketAddr>,
) {
    emit_endpoints("socket connected", local, peer);
}

fn emit_endpoints(
    what: &str,
    local: impl Fn() -> Option<SocketAddr>,
    peer: impl Fn() -> Option<SocketAddr>,
) {
    #[cfg(feature = "tracing")]
    tracing::debug!(
        target: TARGET,
        local = local().map(tracing::field::display),
        peer = peer().map(tracing::field::display),
        "{what}"
    );
}

/// Emits and counts that an open socket was closed.
pub(crate) fn closed(local: Option<SocketAddr>) {
    #[cfg(feature = "tracing")]
    {
        let local = local.map(tracing::field::display);
        tracing::debug!(target: TARGET, local, "socket closed");
    }
    #[cfg(feature = "metrics")]
    metrics::gauge!("udpair_sockets_open").decrement(1);
}

/// Whether anything is emitted for a network error.
pub(crate) const OBSERVES_ERRORS: bool = cfg!(feature = "tracing");

/// Emits that the network sent an error back.
pub(crate) fn peer_error(
    destination: Option<SocketAddr>,
    kind: &dyn std::fmt::Debug,
    mtu: Option<u32>,
) {
    #[cfg(feature = "tracing")]
    {
        let destination = destination.map(tracing::field::display);
        tracing::debug!(target: TARGET, destination, ?kind, mtu, "peer error");
    }
}

/// The part of one socket's counts that has been published.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The published values, in the order of the last `counts`.
    #[cfg(feature = "metrics")]
    before: std::sync::Mutex<Vec<u64>>,
}

impl Published {
    /// Publishes by how much `counts` have grown since the last call. Each call must pass the same
    /// counts in the same order.
    ///
    /// All sockets share one counter per name, so only the difference may be added to it.
    pub(crate) fn publish(&self, counts: &[(&'static str, u64)]) {
        #[cfg(feature = "metrics")]
        {
            // The recorder is called after the lock is released: it may use the socket.
            for (name, new) in self.take_new(counts) {
                metrics::counter!(name).increment(new);
            }
        }
    }

    /// Returns by how much each count has grown since the last time, and remembers the counts.
    #[cfg(feature = "metrics")]
    fn take_new(&self, counts: &[(&'static str, u64)]) -> Vec<(&'static str, u64)> {
        let before = self.before.lock();
        let mut before = before.unwrap_or_else(std::sync::PoisonError::into_inner);
        before.resize(counts.len(), 0);
        let grown = counts.iter().zip(before.iter_mut());
        grown
            .filter_map(|((name, now), before)| {
                // A concurrent call may have read and published higher values.
                let new = now.saturating_sub(*before);
                *before = (*before).max(*now);
                (new > 0).then_some((*name, new))
            })
            .collect()
    }
}

/// The target of this crate's events, by which a subscriber can filter them.
#[cfg(feature = "tracing")]
const TARGET: &str = "udpair";
