//! A DNS client: which name server to query, how many times and for how long, and what their
//! responses mean together.
//!
//! It is built on a DNS message library and one exchange per query, not on a stub resolver. So a
//! caller learns which server said what, gets the SRV records as they were sent, and has the
//! addresses of the additional section.

mod alias;
mod cache;
mod exchange;
mod labels;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use alias::{AliasError, AliasWalk};
pub(crate) use cache::Cache;
use exchange::{ExchangeError, over_tcp, over_udp};
use wire::Query;
pub(crate) use wire::{RecordData, Response};

use udpair_io::Adapter;

use super::duration::HumanDuration;
use super::inputs::{Clock, ListAdapters};
use super::srv::SrvRecord;
use super::step::{DnsQuery, FoundAddress, QueryOutcome, RecordType, ResponseCode, Transport};
use crate::driver;

/// A client of a list of name servers.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    /// In the order in which to query them.
    pub(super) servers: &'a [SocketAddr],
    /// The number of times each server is queried.
    pub(super) attempts: u32,
    /// The time limit of one attempt.
    pub(super) attempt_timeout: Duration,
    /// The end of all attempts.
    pub(super) deadline: Instant,
    /// The only adapter through which queries leave; `None` leaves the route to the system.
    pub(super) adapter: Option<&'a Adapter>,
    pub(super) list_adapters: &'a ListAdapters,
    /// The responses to earlier queries; `None` queries the servers every time.
    pub(super) cache: Option<&'a Mutex<Cache>>,
    pub(super) clock: &'a Clock,
}

/// The reason why there are no records.
#[derive(Clone, Debug)]
pub(super) enum DnsFailure {
    /// The server says that the name does not exist.
    NotFound(SocketAddr),
    /// The server says that the name exists but has no such record.
    NoData(SocketAddr),
    /// No server sent a usable response, but another attempt may succeed.
    NoResponse(Vec<ServerReport>),
    /// No server sent a usable response, and at least one would fail the same way again.
    Unusable(Vec<ServerReport>),
    /// The chain of aliases (CNAME) has no usable end: it is a loop, or too long.
    AliasChain { server: SocketAddr, is_loop: bool },
    /// The name does not fit into a query.
    InvalidName,
}

/// What a server did instead of sending a usable response.
#[derive(Clone, Debug)]
pub(super) struct ServerReport {
    server: SocketAddr,
    /// The result of the last attempt, as the predicate of a sentence.
    result: String,
    attempts: u32,
    /// The duration of all attempts in total.
    elapsed: Duration,
}

impl fmt::Display for ServerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "server {} {} within {}",
            self.server,
            self.result,
            HumanDuration(self.elapsed)
        )?;
        if self.attempts > 1 {
            write!(f, " ({} attempts)", self.attempts)?;
        }
        Ok(())
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
    fn of(server: SocketAddr, owner: &str, response: Response) -> Self {
        let mut parsed = Self {
            server,
            records: Vec::new(),
            aliases: HashMap::new(),
            addresses: HashMap::new(),
        };
        for record in response.records.into_iter().chain(response.additional) {
            match record.data {
                RecordData::Srv(srv) if record.owner == owner => {
                    if parsed.records.len() < SRV_RECORDS_MAX {
                        parsed.records.push(srv);
                    }
                }
                RecordData::Srv(_) => {}
                RecordData::Alias(alias) => {
                    parsed.aliases.entry(record.owner).or_insert(alias);
                }
                RecordData::Address(ip) => {
                    let found = parsed.addresses.entry(record.owner).or_default();
                    add_address(found, ip, record.ttl);
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
        queries: &mut Vec<DnsQuery>,
    ) -> Result<SrvResponse, DnsFailure> {
        let (server, owner, response) = self.records(name, RecordType::Srv, queries).await?;
        Ok(SrvResponse::of(server, &owner, response))
    }

    /// Returns the addresses of `name`. The given record types are queried concurrently.
    ///
    /// One type that has addresses is enough. If no type has addresses, a server that says so takes
    /// precedence over one that does not respond.
    pub(super) async fn addresses(
        &self,
        name: &str,
        record_types: &[RecordType],
        queries: &mut Vec<DnsQuery>,
    ) -> Result<Vec<FoundAddress>, DnsFailure> {
        let lookups = record_types.iter().map(|record_type| async {
            let mut queries = Vec::new();
            let found = self.records(name, *record_type, &mut queries).await;
            (found, queries)
        });
        let mut addresses = Vec::new();
        let mut failure = None;
        for (found, sent) in driver::join_all(lookups).await {
            queries.extend(sent);
            match found {
                Ok((_, owner, response)) => {
                    for address in addresses_of(&owner, &response.records) {
                        // An address may have a record of each type.
                        if addresses
                            .iter()
                            .all(|other: &FoundAddress| other.ip != address.ip)
                        {
                            addresses.push(address);
                        }
                    }
                }
                Err(new) => failure = Some(more_specific(failure, new)),
            }
        }
        match failure {
            Some(failure) if addresses.is_empty() => Err(failure),
            _ => Ok(addresses),
        }
    }

    /// Returns the response that has records of `record_type` for `name` or the end of its alias
    /// chain, the server that sent it, and the name of these records.
    async fn records(
        &self,
        name: &str,
        record_type: RecordType,
        queries: &mut Vec<DnsQuery>,
    ) -> Result<(SocketAddr, String, Response), DnsFailure> {
        let mut walk = AliasWalk::from(name);
        loop {
            let (server, response) = self.response(walk.name(), record_type, queries).await?;
            let alias_failure = |error| DnsFailure::AliasChain {
                server,
                is_loop: error == AliasError::Loop,
            };
            let moved = walk
                .follow(|name| alias_of(name, &response.records))
                .map_err(alias_failure)?;
            if response.code == ResponseCode::NAME_ERROR {
                return Err(DnsFailure::NotFound(server));
            }
            if has_records(&response, walk.name(), record_type) {
                return Ok((server, walk.name().to_owned(), response));
            }
            if !moved || response.negative_ttl.is_some() {
                return Err(DnsFailure::NoData(server));
            }
            // The response does not include the end of the alias chain: query for it.
        }
    }

    /// Returns the response to a query, from the cache or from a server.
    async fn response(
        &self,
        name: &str,
        record_type: RecordType,
        queries: &mut Vec<DnsQuery>,
    ) -> Result<(SocketAddr, Response), DnsFailure> {
        let Some(cache) = self.cache else {
            return self.query_servers(name, record_type, queries).await;
        };
        let cache = || cache.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = cache().get(self.servers, name, record_type, (self.clock)());
        if let Some((server, response)) = cached {
            queries.push(DnsQuery {
                name: name.to_owned(),
                record_type,
                server,
                transport: Transport::Udp,
                outcome: QueryOutcome::Answered(response.code),
                is_cached: true,
                elapsed: Duration::ZERO,
            });
            return Ok((server, response));
        }
        let (server, response) = self.query_servers(name, record_type, queries).await?;
        let now = (self.clock)();
        cache().put(self.servers, name, record_type, (server, &response), now);
        Ok((server, response))
    }

    /// Queries one server after the other until one sends a usable response.
    async fn query_servers(
        &self,
        name: &str,
        record_type: RecordType,
        queries: &mut Vec<DnsQuery>,
    ) -> Result<(SocketAddr, Response), DnsFailure> {
        let mut reports: Vec<ServerReport> = Vec::new();
        let mut given_up: Vec<SocketAddr> = Vec::new();
        let servers = u32::try_from(self.servers.len()).unwrap_or(u32::MAX);
        let attempts = self.attempts.saturating_mul(servers);
        let rounds = (0..self.attempts).flat_map(|_| self.servers);
        for (left, server) in (1..=attempts).rev().zip(rounds) {
            if given_up.contains(server) {
                continue;
            }
            let end = Instant::now() + self.share_of_time(left);
            let started = Instant::now();
            let result = match self
                .try_server(*server, name, record_type, end, queries)
                .await?
            {
                Ok(response) => return Ok((*server, response)),
                Err(unusable) => {
                    if unusable.is_final {
                        given_up.push(*server);
                    }
                    unusable.reason
                }
            };
            let elapsed = started.elapsed();
            match reports.iter_mut().find(|report| report.server == *server) {
                Some(report) => {
                    // The last attempt at a server determines its result.
                    report.result = result;
                    report.attempts += 1;
                    report.elapsed += elapsed;
                }
                None => reports.push(ServerReport {
                    server: *server,
                    result,
                    attempts: 1,
                    elapsed,
                }),
            }
        }
        if given_up.is_empty() {
            Err(DnsFailure::NoResponse(reports))
        } else {
            Err(DnsFailure::Unusable(reports))
        }
    }

    /// Makes one attempt at one server.
    ///
    /// The query is repeated over TCP if the response does not fit into a datagram, and without the
    /// EDNS extension if the server is too old for it.
    async fn try_server(
        &self,
        server: SocketAddr,
        name: &str,
        record_type: RecordType,
        end: Instant,
        queries: &mut Vec<DnsQuery>,
    ) -> Result<Result<Response, UnusableResponse>, DnsFailure> {
        let adapter = self.adapter_for(server);
        let mut transport = Transport::Udp;
        let mut extended = true;
        loop {
            let query = Query::new(name, record_type, rand::random(), extended)
                .ok_or(DnsFailure::InvalidName)?;
            let started = Instant::now();
            let limit = end.saturating_duration_since(started);
            let result = match transport {
                Transport::Udp => driver::timeout(limit, over_udp(server, adapter, &query)).await,
                Transport::Tcp => {
                    let response = async { over_tcp(server, adapter, &query).await.map(Some) };
                    driver::timeout(limit, response).await
                }
            };
            queries.push(DnsQuery {
                name: name.to_owned(),
                record_type,
                server,
                transport,
                outcome: outcome(result.as_ref()),
                is_cached: false,
                elapsed: started.elapsed(),
            });
            let over = match transport {
                Transport::Udp => "",
                Transport::Tcp => " over TCP",
            };
            let (reason, is_final) = match result {
                None => (format!("did not answer{over}"), false),
                Some(Err(ExchangeError::Io(error))) => {
                    (format!("cannot be reached{over}: {error}"), false)
                }
                Some(Err(ExchangeError::Malformed(reason))) => {
                    (format!("sent a malformed response{over}: {reason}"), true)
                }
                Some(Ok(None)) => {
                    transport = Transport::Tcp;
                    continue;
                }
                Some(Ok(Some(response))) => match response.code {
                    ResponseCode::NO_ERROR | ResponseCode::NAME_ERROR => return Ok(Ok(response)),
                    // An old server that does not support the extension (RFC 6891, section 7).
                    ResponseCode::FORMAT_ERROR if extended => {
                        extended = false;
                        continue;
                    }
                    code @ ResponseCode::SERVER_FAILURE => {
                        (format!("answered {code}{over}"), false)
                    }
                    code => (format!("answered {code}{over}"), true),
                },
            };
            return Ok(Err(UnusableResponse { reason, is_final }));
        }
    }

    /// Returns the adapter through which a query to `server` must leave.
    ///
    /// There is none for a server on this machine, like the stub of a local resolver: datagrams to
    /// an address of this machine never reach its adapter.
    fn adapter_for(&self, server: SocketAddr) -> Option<&Adapter> {
        let adapter = self.adapter?;
        let ip = server.ip().to_canonical();
        let adapters = (self.list_adapters)().unwrap_or_default();
        let is_local = ip.is_loopback() || adapters.iter().any(|local| local.has_address(ip));
        (!is_local).then_some(adapter)
    }

    /// Returns how long one attempt may take so that `attempts` of them end by the deadline.
    fn share_of_time(&self, attempts: u32) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        (left / attempts.max(1)).min(self.attempt_timeout)
    }
}

/// The result of an attempt that brought no usable response.
struct UnusableResponse {
    /// What the server did, as the predicate of a sentence.
    reason: String,
    /// Whether querying the same server again would have the same result.
    is_final: bool,
}

fn alias_of<'a>(name: &str, records: &'a [wire::Record]) -> Option<&'a str> {
    records.iter().find_map(|record| match &record.data {
        RecordData::Alias(alias) if record.owner == name => Some(alias.as_str()),
        _ => None,
    })
}

fn has_records(response: &Response, owner: &str, record_type: RecordType) -> bool {
    response.records.iter().any(|record| {
        record.owner == owner
            && match (&record.data, record_type) {
                (RecordData::Address(ip), RecordType::A) => ip.is_ipv4(),
                (RecordData::Address(ip), RecordType::Aaaa) => ip.is_ipv6(),
                (RecordData::Srv(_), RecordType::Srv) => true,
                _ => false,
            }
    })
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

/// Returns the outcome of a query, for the record of the steps.
fn outcome(result: Option<&Result<Option<Response>, ExchangeError>>) -> QueryOutcome {
    match result {
        None => QueryOutcome::TimedOut,
        Some(Err(ExchangeError::Io(error))) => QueryOutcome::Unreachable(error.to_string()),
        Some(Err(ExchangeError::Malformed(reason))) => QueryOutcome::Broken(reason.clone()),
        Some(Ok(None)) => QueryOutcome::Truncated,
        Some(Ok(Some(response))) => QueryOutcome::Answered(response.code),
    }
}

/// Returns the failure that is more specific.
fn more_specific(old: Option<DnsFailure>, new: DnsFailure) -> DnsFailure {
    let rank = |failure: &DnsFailure| match failure {
        DnsFailure::NotFound(_) => 0,
        DnsFailure::AliasChain { .. } | DnsFailure::InvalidName => 1,
        // That one type has no record says nothing about the other type, for which there is no
        // response.
        DnsFailure::NoResponse(_) | DnsFailure::Unusable(_) => 2,
        DnsFailure::NoData(_) => 3,
    };
    match old {
        Some(old) if rank(&old) <= rank(&new) => old,
        _ => new,
    }
}

/// The number of SRV records of one response that are used. No service has that many; the limit
/// bounds the work that a server can cause.
const SRV_RECORDS_MAX: usize = 1000;

/// The number of addresses of one host that are used.
const ADDRESSES_MAX: usize = 64;
