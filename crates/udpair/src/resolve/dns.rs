//! Asking name servers: which one, how often, how long, and what their answers mean together.
//!
//! Built on a DNS message library and one exchange per server, not on a stub resolver: a caller here
//! learns which server said what, gets the SRV records as they were sent, and has the addresses of
//! the additional section.

mod alias;
mod cache;
mod exchange;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use alias::{AliasWalk, Endless};
pub(crate) use cache::Cache;
use exchange::{Fault, over_tcp, over_udp};
use wire::Query;
pub(crate) use wire::{Answer, RecordData};

use udpair_io::Adapter;

use super::inputs::{Clock, ListAdapters};
use super::srv::SrvRecord;
use super::step::{DnsQuery, FoundAddress, QueryOutcome, RecordType, ResponseCode, Transport};
use crate::driver;

/// A client of some name servers.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    /// In the order in which to ask them.
    pub(super) servers: &'a [SocketAddr],
    /// How often each is asked.
    pub(super) attempts: u32,
    /// How long one try waits at the most.
    pub(super) attempt_timeout: Duration,
    /// When all must be over.
    pub(super) deadline: Instant,
    /// By which alone questions leave; `None` leaves the way to the system.
    pub(super) adapter: Option<&'a Adapter>,
    pub(super) list_adapters: &'a ListAdapters,
    /// Answers of earlier questions; `None` asks every time.
    pub(super) cache: Option<&'a Mutex<Cache>>,
    pub(super) clock: &'a Clock,
}

/// Why there are no records.
#[derive(Clone, Debug)]
pub(super) enum DnsFailure {
    /// The server says that the name does not exist.
    NotFound(SocketAddr),
    /// The server says that the name exists and has no such record.
    NoData(SocketAddr),
    /// No server answered; each said to have done what it did.
    NoAnswer(Vec<Statement>),
    /// The servers answered, and none of the answers can be used.
    Unusable(Vec<Statement>),
    /// The aliases lead nowhere.
    Endless { server: SocketAddr, is_loop: bool },
    /// The name does not fit into a question.
    NoName,
}

/// What a server did instead of giving an answer.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    server: SocketAddr,
    what: String,
    tries: u32,
    /// How long it was waited for, all tries together.
    waited: Duration,
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "server {} {} within {}",
            self.server,
            self.what,
            Time(self.waited)
        )?;
        if self.tries > 1 {
            write!(f, " ({} tries)", self.tries)?;
        }
        Ok(())
    }
}

/// SRV records, and the addresses that came with them.
#[derive(Debug)]
pub(super) struct SrvAnswer {
    pub(super) server: SocketAddr,
    pub(super) records: Vec<SrvRecord>,
    aliases: HashMap<String, String>,
    addresses: HashMap<String, Vec<FoundAddress>>,
}

impl SrvAnswer {
    fn of(server: SocketAddr, owner: &str, answer: Answer) -> Self {
        let mut services = Self {
            server,
            records: Vec::new(),
            aliases: HashMap::new(),
            addresses: HashMap::new(),
        };
        for record in answer.records.into_iter().chain(answer.additional) {
            match record.data {
                RecordData::Service(srv) if record.owner == owner => {
                    if services.records.len() < SERVICES_MAX {
                        services.records.push(srv);
                    }
                }
                RecordData::Service(_) => {}
                RecordData::Alias(alias) => {
                    services.aliases.entry(record.owner).or_insert(alias);
                }
                RecordData::Address(ip) => {
                    let found = services.addresses.entry(record.owner).or_default();
                    add_address(found, ip, record.ttl);
                }
            }
        }
        services
    }

    /// Returns the addresses that the answer has for `target`, itself or under its alias.
    ///
    /// Addresses of other names are ignored, whatever they are doing there.
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
    pub(super) async fn services(
        &self,
        name: &str,
        queries: &mut Vec<DnsQuery>,
    ) -> Result<SrvAnswer, DnsFailure> {
        let (server, owner, answer) = self.records(name, RecordType::Srv, queries).await?;
        Ok(SrvAnswer::of(server, &owner, answer))
    }

    /// Returns the addresses of `name`, asking for the given types side by side.
    ///
    /// One type that has addresses is enough. If none has, a server that says so counts more than one
    /// that does not answer.
    pub(super) async fn addresses(
        &self,
        name: &str,
        record_types: &[RecordType],
        queries: &mut Vec<DnsQuery>,
    ) -> Result<Vec<FoundAddress>, DnsFailure> {
        let asked = record_types.iter().map(|record_type| async {
            let mut queries = Vec::new();
            let found = self.records(name, *record_type, &mut queries).await;
            (found, queries)
        });
        let mut addresses = Vec::new();
        let mut failure = None;
        for (found, asked) in driver::join_all(asked).await {
            queries.extend(asked);
            match found {
                Ok((_, owner, answer)) => addresses.extend(addresses_of(&owner, &answer.records)),
                Err(new) => failure = Some(graver(failure, new)),
            }
        }
        match failure {
            Some(failure) if addresses.is_empty() => Err(failure),
            _ => Ok(addresses),
        }
    }

    /// Returns the answer that has records of `record_type` for `name` or the end of its aliases,
    /// which is named too.
    async fn records(
        &self,
        name: &str,
        record_type: RecordType,
        queries: &mut Vec<DnsQuery>,
    ) -> Result<(SocketAddr, String, Answer), DnsFailure> {
        let mut walk = AliasWalk::from(name);
        loop {
            let (server, answer) = self.answer(walk.name(), record_type, queries).await?;
            let endless = |endless| DnsFailure::Endless {
                server,
                is_loop: endless == Endless::Loop,
            };
            let moved = walk
                .follow(|name| alias_of(name, &answer.records))
                .map_err(endless)?;
            if answer.code == ResponseCode::NAME_ERROR {
                return Err(DnsFailure::NotFound(server));
            }
            if has_records(&answer, walk.name(), record_type) {
                return Ok((server, walk.name().to_owned(), answer));
            }
            if !moved || answer.negative_ttl.is_some() {
                return Err(DnsFailure::NoData(server));
            }
            // The alias leads out of what this server knows: ask for its end.
        }
    }

    /// Returns the answer to a question, kept or new.
    async fn answer(
        &self,
        name: &str,
        record_type: RecordType,
        queries: &mut Vec<DnsQuery>,
    ) -> Result<(SocketAddr, Answer), DnsFailure> {
        let Some(cache) = self.cache else {
            return self.ask(name, record_type, queries).await;
        };
        let cache = || cache.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = cache().get(self.servers, name, record_type, (self.clock)());
        if let Some((server, answer)) = kept {
            queries.push(DnsQuery {
                name: name.to_owned(),
                record_type,
                server,
                transport: Transport::Udp,
                outcome: QueryOutcome::Answered(answer.code),
                is_cached: true,
                elapsed: Duration::ZERO,
            });
            return Ok((server, answer));
        }
        let (server, answer) = self.ask(name, record_type, queries).await?;
        let now = (self.clock)();
        cache().put(self.servers, name, record_type, (server, &answer), now);
        Ok((server, answer))
    }

    /// Asks one server after the other until one gives an answer that can be used.
    async fn ask(
        &self,
        name: &str,
        record_type: RecordType,
        queries: &mut Vec<DnsQuery>,
    ) -> Result<(SocketAddr, Answer), DnsFailure> {
        let mut statements: Vec<Statement> = Vec::new();
        let mut given_up: Vec<SocketAddr> = Vec::new();
        let servers = u32::try_from(self.servers.len()).unwrap_or(u32::MAX);
        let tries = self.attempts.saturating_mul(servers);
        let rounds = (0..self.attempts).flat_map(|_| self.servers);
        for (left, server) in (1..=tries).rev().zip(rounds) {
            if given_up.contains(server) {
                continue;
            }
            let end = Instant::now() + self.share_of_time(left);
            let started = Instant::now();
            let what = match self
                .try_one(*server, name, record_type, end, queries)
                .await?
            {
                Ok(answer) => return Ok((*server, answer)),
                Err(useless) => {
                    if useless.is_final {
                        given_up.push(*server);
                    }
                    useless.what
                }
            };
            let waited = started.elapsed();
            match statements
                .iter_mut()
                .find(|statement| statement.server == *server)
            {
                Some(statement) => {
                    // The last thing that a server did is what counts.
                    statement.what = what;
                    statement.tries += 1;
                    statement.waited += waited;
                }
                None => statements.push(Statement {
                    server: *server,
                    what,
                    tries: 1,
                    waited,
                }),
            }
        }
        if given_up.is_empty() {
            Err(DnsFailure::NoAnswer(statements))
        } else {
            Err(DnsFailure::Unusable(statements))
        }
    }

    /// Asks one server once; over TCP too if its answer does not fit into a datagram, and without the
    /// extension if it is too old for that.
    async fn try_one(
        &self,
        server: SocketAddr,
        name: &str,
        record_type: RecordType,
        end: Instant,
        queries: &mut Vec<DnsQuery>,
    ) -> Result<Result<Answer, Useless>, DnsFailure> {
        let adapter = self.way_to(server);
        let mut transport = Transport::Udp;
        let mut extended = true;
        loop {
            let query = Query::new(name, record_type, rand::random(), extended)
                .ok_or(DnsFailure::NoName)?;
            let started = Instant::now();
            let limit = end.saturating_duration_since(started);
            let result = match transport {
                Transport::Udp => driver::timeout(limit, over_udp(server, adapter, &query)).await,
                Transport::Tcp => {
                    let answer = async { over_tcp(server, adapter, &query).await.map(Some) };
                    driver::timeout(limit, answer).await
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
            let (what, is_final) = match result {
                None if transport == Transport::Tcp => ("did not answer over TCP".into(), false),
                None => ("did not answer".into(), false),
                Some(Err(Fault::Io(error))) => (format!("cannot be reached: {error}"), false),
                Some(Err(Fault::Broken(reason))) => (
                    format!("sent an answer that makes no sense: {reason}"),
                    true,
                ),
                Some(Ok(None)) => {
                    transport = Transport::Tcp;
                    continue;
                }
                Some(Ok(Some(answer))) => match answer.code {
                    ResponseCode::NO_ERROR | ResponseCode::NAME_ERROR => return Ok(Ok(answer)),
                    // An old server that does not know the extension (RFC 6891, section 7).
                    ResponseCode::FORMAT_ERROR if extended => {
                        extended = false;
                        continue;
                    }
                    ResponseCode::SERVER_FAILURE => (format!("answered {}", answer.code), false),
                    code => (format!("answered {code}"), true),
                },
            };
            return Ok(Err(Useless { what, is_final }));
        }
    }

    /// Returns the adapter by which a question to `server` has to leave.
    ///
    /// A server on this machine, like the stub of a local resolver, is reached by none: what goes to an own
    /// address never gets as far as its adapter.
    fn way_to(&self, server: SocketAddr) -> Option<&Adapter> {
        let adapter = self.adapter?;
        let ip = server.ip().to_canonical();
        let adapters = (self.list_adapters)().unwrap_or_default();
        let is_here = ip.is_loopback() || adapters.iter().any(|own| own.has_address(ip));
        (!is_here).then_some(adapter)
    }

    /// Returns how long one try may take so that `tries` of them end by the deadline.
    fn share_of_time(&self, tries: u32) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        (left / tries.max(1)).min(self.attempt_timeout)
    }
}

/// Something that is no answer.
struct Useless {
    what: String,
    /// Whether asking the same server again would bring the same.
    is_final: bool,
}

fn alias_of<'a>(name: &str, records: &'a [wire::Record]) -> Option<&'a str> {
    records.iter().find_map(|record| match &record.data {
        RecordData::Alias(alias) if record.owner == name => Some(alias.as_str()),
        _ => None,
    })
}

fn has_records(answer: &Answer, owner: &str, record_type: RecordType) -> bool {
    answer.records.iter().any(|record| {
        record.owner == owner
            && match (&record.data, record_type) {
                (RecordData::Address(ip), RecordType::A) => ip.is_ipv4(),
                (RecordData::Address(ip), RecordType::Aaaa) => ip.is_ipv6(),
                (RecordData::Service(_), RecordType::Srv) => true,
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

/// Adds an address, each once: some servers send one for every record that names it.
fn add_address(found: &mut Vec<FoundAddress>, ip: IpAddr, ttl: u32) {
    if found.len() < ADDRESSES_MAX && found.iter().all(|earlier| earlier.ip != ip) {
        found.push(FoundAddress {
            ip,
            scope_id: 0,
            ttl: Some(Duration::from_secs(ttl.into())),
        });
    }
}

/// What a query came to, for the record.
fn outcome(result: Option<&Result<Option<Answer>, Fault>>) -> QueryOutcome {
    match result {
        None => QueryOutcome::TimedOut,
        Some(Err(Fault::Io(error))) => QueryOutcome::Unreachable(error.to_string()),
        Some(Err(Fault::Broken(reason))) => QueryOutcome::Broken(reason.clone()),
        Some(Ok(None)) => QueryOutcome::Truncated,
        Some(Ok(Some(answer))) => QueryOutcome::Answered(answer.code),
    }
}

/// Returns the failure that says more.
fn graver(old: Option<DnsFailure>, new: DnsFailure) -> DnsFailure {
    let rank = |failure: &DnsFailure| match failure {
        DnsFailure::NotFound(_) => 0,
        DnsFailure::Endless { .. } | DnsFailure::NoName => 1,
        // That one type has no record says nothing about the other, which nobody answered for.
        DnsFailure::NoAnswer(_) | DnsFailure::Unusable(_) => 2,
        DnsFailure::NoData(_) => 3,
    };
    match old {
        Some(old) if rank(&old) <= rank(&new) => old,
        _ => new,
    }
}

/// A duration as people read it.
pub(super) struct Time(pub(super) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_secs(1) {
            write!(f, "{} ms", self.0.as_millis())
        } else {
            write!(f, "{:.1} s", self.0.as_secs_f64())
        }
    }
}

/// How many SRV records of one answer count. No service has so many; this bounds what a server can make
/// us do.
const SERVICES_MAX: usize = 1000;

/// How many addresses of one host count.
const ADDRESSES_MAX: usize = 64;
