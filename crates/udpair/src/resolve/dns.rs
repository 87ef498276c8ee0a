//! A DNS client: which name server to query, how many times and for how long, and what their
//! responses mean together.
//!
//! It is built on a DNS message library and one exchange per query, not on a stub resolver. So a
//! caller learns which server said what, gets the SRV records as they were sent, and has the
//! addresses of the additional section.

mod alias;
mod asking;
mod cache;
mod error;
mod exchange;
mod failure;
mod in_flight;
mod labels;
mod name_servers;
mod questions;
mod settings;
mod srv_order;
mod wire;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alias::{AliasError, AliasWalk};
use asking::{Answer, Asking, Plan, Question, Server};
use cache::Cache;
pub(super) use failure::DnsFailure;
use in_flight::{InFlight, Key, Waited, Waiting};
pub(super) use name_servers::NameServers;
use name_servers::QueryOptions;
#[cfg(any(fuzzing, test))]
pub use name_servers::resolv_conf;
#[cfg(test)]
pub(super) use settings::ATTEMPT_TIMEOUT;
pub(super) use settings::DnsSettings;
use wire::RecordData;

use udpair_io::Adapter;

use super::inputs::{Clock, ListAdapters};
use super::srv::SrvRecord;
use super::step::{DnsQuery, FoundAddress, QueryOutcome, RecordType, ResponseCode, Transport};
use crate::driver;

/// What the questions of a resolver share: the responses to earlier ones, and those that are being
/// asked.
#[derive(Debug)]
pub(super) struct DnsState {
    cache: Mutex<Cache>,
    in_flight: Arc<InFlight>,
    /// The servers that are known not to support the extension (RFC 6891), and since when.
    plain_servers: Mutex<HashMap<SocketAddr, Instant>>,
    /// Which server the next question begins with, if the servers rotate.
    rotation: AtomicUsize,
}

impl Default for DnsState {
    fn default() -> Self {
        Self {
            cache: Mutex::default(),
            in_flight: Arc::default(),
            plain_servers: Mutex::default(),
            // Programs that ask one question each would all begin with the same server.
            rotation: AtomicUsize::new(rand::random_range(0..usize::MAX / 2)),
        }
    }
}

impl DnsState {
    /// Returns the queries that have no response yet.
    pub(super) fn open_queries(&self) -> Vec<DnsQuery> {
        self.in_flight.open_queries()
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn plain_servers(&self) -> MutexGuard<'_, HashMap<SocketAddr, Instant>> {
        self.plain_servers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a server is known not to support the extension. It may have been replaced
    /// after some time.
    fn is_plain(&self, server: SocketAddr, now: Instant) -> bool {
        let servers = self.plain_servers();
        let since = servers.get(&server);
        since.is_some_and(|since| now.saturating_duration_since(*since) < PLAIN_FOR)
    }

    fn remember_plain(&self, server: SocketAddr, now: Instant) {
        let mut servers = self.plain_servers();
        servers.retain(|_, since| now.saturating_duration_since(*since) < PLAIN_FOR);
        if servers.len() < PLAIN_SERVERS_MAX {
            servers.insert(server, now);
        }
    }
}

/// A client of a list of name servers.
#[derive(Clone)]
pub(super) struct Client<'a> {
    /// In the order in which to query them.
    pub(super) servers: Arc<[SocketAddr]>,
    /// How the servers are queried, according to the configuration that lists them.
    pub(super) options: QueryOptions,
    /// The number of times each server is queried.
    pub(super) attempts: u32,
    /// The time limit of one attempt.
    pub(super) attempt_timeout: Duration,
    /// The end of all attempts.
    pub(super) deadline: Instant,
    /// Whether to wait until the deadline for the response to an earlier attempt.
    pub(super) is_patient: bool,
    /// The only adapter through which queries leave; `None` leaves the route to the system.
    pub(super) adapter: Option<&'a Adapter>,
    pub(super) list_adapters: &'a ListAdapters,
    pub(super) state: &'a DnsState,
    /// Whether the responses to earlier queries are used, and those to new ones kept.
    pub(super) caches: bool,
    pub(super) clock: &'a Clock,
}

/// The queries of a lookup, for the record of its steps. A query that is open when its lookup is
/// dropped is recorded as well.
#[derive(Debug, Default)]
pub(super) struct QueryLog(Mutex<Vec<DnsQuery>>);

impl QueryLog {
    fn extend(&self, queries: impl IntoIterator<Item = DnsQuery>) {
        self.queries().extend(queries);
    }

    /// Returns the queries so far, and forgets them.
    pub(super) fn take(&self) -> Vec<DnsQuery> {
        std::mem::take(&mut self.queries())
    }

    fn queries(&self) -> MutexGuard<'_, Vec<DnsQuery>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The SRV records of a response, and the addresses that came with them.
#[derive(Debug)]
pub(super) struct SrvResponse {
    pub(super) server: SocketAddr,
    pub(super) records: Vec<SrvRecord>,
    aliases: HashMap<String, String>,
    addresses: HashMap<String, Vec<FoundAddress>>,
}

impl SrvResponse {
    fn of(owner: &str, answer: &Answer) -> Self {
        let mut parsed = Self {
            server: answer.server,
            records: Vec::new(),
            aliases: HashMap::new(),
            addresses: HashMap::new(),
        };
        let response = &answer.response;
        for record in response.records.iter().chain(&response.additional) {
            match &record.data {
                RecordData::Srv(srv) if record.owner == owner => {
                    if parsed.records.len() < SRV_RECORDS_MAX {
                        parsed.records.push(srv.clone());
                    }
                }
                RecordData::Srv(_) => {}
                RecordData::Alias(alias) => {
                    let aliases = parsed.aliases.entry(record.owner.clone());
                    aliases.or_insert_with(|| alias.clone());
                }
                RecordData::Address(ip) => {
                    let found = match parsed.addresses.get_mut(&record.owner) {
                        Some(found) => found,
                        None => parsed.addresses.entry(record.owner.clone()).or_default(),
                    };
                    add_address(found, *ip, record.ttl);
                }
            }
        }
        parsed
    }

    /// Returns the addresses that the response has for `target` or its alias.
    ///
    /// Addresses of unrelated names are ignored.
    pub(super) fn addresses_of(&self, target: &str) -> Vec<FoundAddress> {
        let mut walk = AliasWalk::from(target);
        if walk
            .follow(|name| self.aliases.get(name).map(String::as_str))
            .is_err()
        {
            return Vec::new();
        }
        self.addresses.get(walk.name()).cloned().unwrap_or_default()
    }
}

impl Client<'_> {
    /// Returns the SRV records of `name`.
    pub(super) async fn srv_records(
        &self,
        name: &str,
        log: &QueryLog,
    ) -> Result<SrvResponse, DnsFailure> {
        let (owner, answer) = self.records(name, RecordType::Srv, log).await?;
        Ok(SrvResponse::of(&owner, &answer))
    }

    /// Returns the addresses of `name` that records of `record_type` have.
    pub(super) async fn addresses(
        &self,
        name: &str,
        record_type: RecordType,
        log: &QueryLog,
    ) -> Result<Vec<FoundAddress>, DnsFailure> {
        let (owner, answer) = self.records(name, record_type, log).await?;
        Ok(addresses_of(&owner, &answer.response.records))
    }

    /// Returns the answer that has records of `record_type` for `name` or the end of its alias
    /// chain, and the name of these records.
    async fn records(
        &self,
        name: &str,
        record_type: RecordType,
        log: &QueryLog,
    ) -> Result<(String, Arc<Answer>), DnsFailure> {
        let mut walk = AliasWalk::from(name);
        loop {
            let answer = self.answer(walk.name(), record_type, log).await?;
            let server = answer.server;
            let response = &answer.response;
            let alias_failure = |error| DnsFailure::AliasChain {
                server,
                is_loop: error == AliasError::Loop,
            };
            let moved = walk
                .follow(|name| response.alias_of(name))
                .map_err(alias_failure)?;
            if response.code == ResponseCode::NAME_ERROR {
                return Err(DnsFailure::NotFound(server));
            }
            if response.has_records(walk.name(), record_type) {
                return Ok((walk.name().to_owned(), answer));
            }
            if !moved || response.negative_ttl.is_some() {
                return Err(DnsFailure::NoData(server));
            }
            // The response does not include the end of the alias chain: query for it.
        }
    }

    /// Returns the answer to a question, from the cache or from a server.
    async fn answer(
        &self,
        name: &str,
        record_type: RecordType,
        log: &QueryLog,
    ) -> Result<Arc<Answer>, DnsFailure> {
        if self.caches {
            let now = (self.clock)();
            let cached = self
                .state
                .cache()
                .get(&self.servers, name, record_type, now);
            if let Some((server, response)) = cached {
                log.extend([DnsQuery {
                    name: name.to_owned(),
                    record_type,
                    server,
                    transport: Transport::Udp,
                    outcome: QueryOutcome::Answered(response.code),
                    is_cached: true,
                    elapsed: Duration::ZERO,
                }]);
                return Ok(Arc::new(Answer { server, response }));
            }
        }
        let question = Arc::new(Question {
            name: name.to_owned(),
            record_type,
        });
        loop {
            let mut lookup = Lookup {
                waiting: self.begin(question.clone()),
                log,
                has_ended: false,
            };
            let waited = (&mut lookup.waiting).await;
            lookup.has_ended = true;
            let Waited::Ended(outcome) = waited else {
                let (queries, reports) = lookup.waiting.snapshot(&QueryOutcome::TimedOut);
                log.extend(queries);
                return Err(DnsFailure::NoResponse(reports));
            };
            log.extend(outcome.queries.iter().cloned());
            self.remember(&question, &outcome);
            lookup.waiting.forget();
            // The waiter that began the question may have had less time than this one.
            let is_early = outcome.is_cut_short && lookup.waiting.is_joined();
            match &outcome.result {
                Err(_) if is_early && Instant::now() < self.deadline => {}
                Err(failure) => return Err(failure.clone()),
                Ok(answer) => return Ok(answer.clone()),
            }
        }
    }

    /// Begins a question, or joins it if it is being asked.
    fn begin(&self, question: Arc<Question>) -> Waiting {
        // Outside of any lock: the list of adapters may come from the caller.
        let routes: Vec<_> = self.adapter.map_or_else(Vec::new, |_| {
            let servers = self.servers.iter();
            servers.map(|server| self.adapter_for(*server)).collect()
        });
        let key = Arc::new(Key {
            runtime: driver::current_runtime(),
            servers: self.servers.clone(),
            adapter: self.adapter.map(|adapter| adapter.index),
            question: question.clone(),
        });
        let state = self.state;
        state.in_flight.wait(key, self.deadline, || {
            let now = Instant::now();
            let mut routes = routes.into_iter();
            let servers = self.servers.iter().map(|server| {
                let adapter = routes.next().flatten().map(Arc::new);
                Server::new(*server, adapter, state.is_plain(*server, now))
            });
            let mut servers: Vec<_> = servers.collect();
            if self.options.rotates && !servers.is_empty() {
                let turn = state.rotation.fetch_add(1, Ordering::Relaxed);
                let first = turn % servers.len();
                servers.rotate_left(first);
            }
            let plan = Plan {
                servers,
                attempts: self.attempts,
                attempt_timeout: self.attempt_timeout,
                deadline: self.deadline,
                is_patient: self.is_patient,
                uses_tcp: self.options.uses_tcp,
            };
            Asking::new(question, plan)
        })
    }

    /// Keeps what the end of a question says: the response, and what is known of the servers.
    fn remember(&self, question: &Question, outcome: &asking::Outcome) {
        if let Some(server) = outcome.plain_server {
            self.state.remember_plain(server, Instant::now());
        }
        if let Ok(answer) = &outcome.result
            && self.caches
        {
            let now = (self.clock)();
            let Question { name, record_type } = question;
            let answer = (answer.server, &answer.response);
            let mut cache = self.state.cache();
            cache.put(&self.servers, name, *record_type, answer, now);
        }
    }

    /// Returns the adapter through which a query to `server` must leave.
    ///
    /// There is none for a server on this machine, like the stub of a local resolver: datagrams to
    /// an address of this machine never reach its adapter.
    fn adapter_for(&self, server: SocketAddr) -> Option<Adapter> {
        let adapter = self.adapter?;
        let ip = server.ip().to_canonical();
        let adapters = (self.list_adapters)().unwrap_or_default();
        let is_local = ip.is_loopback() || adapters.iter().any(|local| local.has_address(ip));
        (!is_local).then(|| adapter.clone())
    }
}

/// A waiter for a question, whose queries are recorded even if the lookup is dropped.
struct Lookup<'l> {
    waiting: Waiting,
    log: &'l QueryLog,
    has_ended: bool,
}

impl Drop for Lookup<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            let (queries, _) = self.waiting.snapshot(&QueryOutcome::Open);
            self.log.extend(queries);
        }
    }
}

/// Returns the addresses of `owner`.
fn addresses_of(owner: &str, records: &[wire::Record]) -> Vec<FoundAddress> {
    let mut found = Vec::new();
    for record in records {
        if let RecordData::Address(ip) = record.data
            && record.owner == owner
        {
            add_address(&mut found, ip, record.ttl);
        }
    }
    found
}

/// Adds an address unless it is there already: some servers repeat an address for every record that
/// refers to it. An IPv4-mapped one is IPv4, whichever record has it (HOST-21).
fn add_address(found: &mut Vec<FoundAddress>, ip: IpAddr, ttl: u32) {
    let ip = ip.to_canonical();
    if found.len() < ADDRESSES_MAX && found.iter().all(|earlier| earlier.ip != ip) {
        found.push(FoundAddress {
            ip,
            scope_id: 0,
            ttl: Some(Duration::from_secs(ttl.into())),
        });
    }
}

/// The number of SRV records of one response that are used. No service has that many; the limit
/// bounds the work that a server can cause.
const SRV_RECORDS_MAX: usize = 1000;

/// The number of addresses of one host that are used.
const ADDRESSES_MAX: usize = 64;

/// How long a server is taken for one without the extension.
const PLAIN_FOR: Duration = Duration::from_secs(15 * 60);

/// The number of such servers that are remembered.
const PLAIN_SERVERS_MAX: usize = 64;
