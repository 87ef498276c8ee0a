//! The settings of a resolver that concern only name servers: plain values, and what the questions of
//! the resolver share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::DnsState;
use super::name_servers::QueryOptions;
use crate::resolve::inputs::{Clock, Rng};
use crate::resolve::step::DnsQuery;

/// The settings of a resolver that concern only name servers.
#[derive(Clone)]
pub(crate) struct DnsSettings {
    /// `None` is what the system's configuration says, or [`ATTEMPT_TIMEOUT`].
    attempt_timeout: Option<Duration>,
    /// `None` is what the system's configuration says, or [`ATTEMPTS`].
    attempts: Option<u32>,
    rng: Arc<Rng>,
    clock: Arc<Clock>,
    state: Arc<DnsState>,
    /// Whether the responses of name servers are cached.
    caches: bool,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            attempt_timeout: None,
            attempts: None,
            rng: Arc::new(|max| rand::random_range(0..=max)),
            clock: Arc::new(Instant::now),
            state: Arc::default(),
            caches: true,
        }
    }
}

impl DnsSettings {
    pub(crate) fn set_attempt_timeout(&mut self, timeout: Duration) {
        self.attempt_timeout = Some(timeout);
    }

    pub(crate) fn set_attempts(&mut self, attempts: u32) {
        self.attempts = Some(attempts.max(1));
    }

    pub(crate) fn set_rng(&mut self, rng: Arc<Rng>) {
        self.rng = rng;
    }

    pub(crate) fn set_clock(&mut self, clock: Arc<Clock>) {
        self.clock = clock;
    }

    /// Sets whether responses are cached. What other resolvers share is not shared any more.
    pub(crate) fn set_caches(&mut self, caches: bool) {
        self.caches = caches;
        self.state = Arc::default();
    }

    /// Returns the queries that have no response yet.
    pub(crate) fn open_queries(&self) -> Vec<DnsQuery> {
        self.state.open_queries()
    }

    /// Returns how many times each server is queried.
    pub(super) fn attempts(&self, options: QueryOptions) -> u32 {
        self.attempts.or(options.attempts).unwrap_or(ATTEMPTS)
    }

    /// Returns the time limit of one attempt.
    pub(super) fn attempt_timeout(&self, options: QueryOptions) -> Duration {
        let timeout = self.attempt_timeout.or(options.attempt_timeout);
        timeout.unwrap_or(ATTEMPT_TIMEOUT)
    }

    pub(super) fn rng(&self) -> &Rng {
        &*self.rng
    }

    pub(super) fn clock(&self) -> &Clock {
        &*self.clock
    }

    pub(super) fn state(&self) -> &DnsState {
        &self.state
    }

    pub(super) fn caches(&self) -> bool {
        self.caches
    }
}

/// SRV-13 of the model.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// SRV-13 of the model.
const ATTEMPTS: u32 = 2;
