//! What happens inside, told to whoever watches the program: events for `tracing`, numbers for
//! `metrics`.
//!
//! Both are features of the crate and off by default; the functions here are empty then. None is
//! called for a datagram: what datagrams amount to is counted anyway, and [`Published`] hands on what
//! has been counted since it was last asked.

#![cfg_attr(
    not(all(feature = "tracing", feature = "metrics")),
    allow(
        unused_variables,
        reason = "what is handed in is used by the features alone"
    )
)]

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

/// A step of resolving has ended: `name` was looked up at `stage`, and led to `found` entries.
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

/// A remote endpoint was resolved to so many addresses, for a socket those of its first host; `error` says
/// why if there is none.
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

/// A destination was tried and refused; the next one may be taken.
pub(crate) fn fell_back(destination: SocketAddr, error: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: TARGET, %destination, %error, "address refused");
}

/// Returns the address of a socket that is about to be closed, if somebody may want to know.
pub(crate) fn closing(local: impl FnOnce() -> Option<SocketAddr>) -> Option<SocketAddr> {
    #[cfg(feature = "tracing")]
    if tracing::event_enabled!(target: TARGET, tracing::Level::DEBUG) {
        return local();
    }
    None
}

/// A socket was opened: bound, and connected if it has a peer. Its ends are asked for if somebody watches.
pub(crate) fn opened(
    local: impl Fn() -> Option<SocketAddr>,
    peer: impl Fn() -> Option<SocketAddr>,
) {
    tell_ends("socket opened", local, peer);
    #[cfg(feature = "metrics")]
    {
        metrics::counter!("udpair_sockets_opened_total").increment(1);
        metrics::gauge!("udpair_sockets_open").increment(1);
    }
}

/// A socket that was bound has got its peer; see [`opened`].
pub(crate) fn connected(
    local: impl Fn() -> Option<SocketAddr>,
    peer: impl Fn() -> Option<SocketAddr>,
) {
    tell_ends("socket connected", local, peer);
}

fn tell_ends(
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

/// An open socket was closed.
pub(crate) fn closed(local: Option<SocketAddr>) {
    #[cfg(feature = "tracing")]
    {
        let local = local.map(tracing::field::display);
        tracing::debug!(target: TARGET, local, "socket closed");
    }
    #[cfg(feature = "metrics")]
    metrics::gauge!("udpair_sockets_open").decrement(1);
}

/// The network sent an error back.
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

/// How much of what one socket has counted is published.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// In the order of the counts that were handed in last.
    #[cfg(feature = "metrics")]
    before: std::sync::Mutex<Vec<u64>>,
}

impl Published {
    /// Publishes what `counts` have grown by since the last time; each call has the same counts.
    ///
    /// Many sockets share one counter, so that only what is new may be added to it.
    pub(crate) fn publish(&self, counts: &[(&'static str, u64)]) {
        #[cfg(feature = "metrics")]
        {
            let before = self.before.lock();
            let mut before = before.unwrap_or_else(std::sync::PoisonError::into_inner);
            before.resize(counts.len(), 0);
            for ((name, now), before) in counts.iter().zip(before.iter_mut()) {
                // Whoever asked at the same time may have seen more than we did.
                let new = now.saturating_sub(*before);
                if new > 0 {
                    metrics::counter!(*name).increment(new);
                    *before = *now;
                }
            }
        }
    }
}

/// By which a subscriber tells these events from others.
#[cfg(feature = "tracing")]
const TARGET: &str = "udpair";
