//! Asking name servers: which one, how often, how long, and what their answers mean together.
//!
//! Built on a DNS message library and one exchange per server, not on a stub resolver: a caller here
//! learns which server said what, gets the SRV records as they were sent, and has the addresses of
//! the additional section.

mod alias;
mod cache;
mod exchange;
mod wire;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use alias::{AliasWalk, Endless};
pub(crate) use cache::Cache;
use exchange::{Fault, exchange};
use wire::Query;
pub(crate) use wire::{Answer, RecordData};

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
    /// Answers of earlier questions; `None` asks every time.
    pub(super) cache: Option<&'a Mutex<Cache>>,
    pub(super) clock: &'a Clock,
}

/// Tells the time.
pub(super) type Clock = dyn Fn() -> Instant + Send + Sync;

/// Why there are no records.
#[derive(Clone, Debug)]
pub(super) enum Failure {
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
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {} {}", self.server, self.what)
    }
}

/// SRV records, and the addresses that came with them.
#[derive(Debug)]
pub(super) struct Services {
    pub(super) server: SocketAddr,
    pub(super) records: Vec<SrvRecord>,
    answer: Answer,
}

impl Services {
    /// Returns the addresses that the answer has for `target`, itself or under its alias.
    ///
    /// Addresses of other names are ignored, whatever they are doing there.
    pub(super) fn addresses_of(&self, target: &str) -> Vec<FoundAddress> {
        let records = [self.answer.records.as_slice(), &self.answer.additional].concat();
        let mut walk = AliasWalk::from(target);
        if walk.follow(&records).is_err() {
            return Vec::new();
        }
        addresses_of(walk.name(), &records)
    }
}

impl Client<'_> {
    /// Returns the SRV records of `name`.
    pub(super) async fn services(
        &self,
        name: &str,
        queries: &mut Vec<DnsQuery>,
    ) -> Result<Services, Failure> {
        let (server, owner, answer) = self.records(name, RecordType::Srv, queries).await?;
        let records = answer
            .records
            .iter()
            .filter_map(|record| match &record.data {
                RecordData::Service(srv) if record.owner == owner => Some(srv.clone()),
                _ => None,
            });
        Ok(Services {
            server,
            records: records.collect(),
            answer,
        })
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
    ) -> Result<Vec<FoundAddress>, Failure> {
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
    ) -> Result<(SocketAddr, String, Answer), Failure> {
        let mut walk = AliasWalk::from(name);
        loop {
            let (server, answer) = self.answer(walk.name(), record_type, queries).await?;
            let endless = |endless| Failure::Endless {
                server,
                is_loop: endless == Endless::Loop,
            };
            let moved = walk.follow(&answer.records).map_err(endless)?;
            if has_records(&answer, walk.name(), record_type) {
                return Ok((server, walk.name().to_owned(), answer));
            }
            if answer.code == ResponseCode::NAME_ERROR {
                return Err(Failure::NotFound(server));
            }
            if !moved || answer.negative_ttl.is_some() {
                return Err(Failure::NoData(server));
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
    ) -> Result<(SocketAddr, Answer), Failure> {
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
    ) -> Result<(SocketAddr, Answer), Failure> {
        let mut statements: Vec<Statement> = Vec::new();
        let mut answered = false;
        let mut given_up: Vec<SocketAddr> = Vec::new();
        let tries_max = self
            .attempts
            .saturating_mul(u32::try_from(self.servers.len()).unwrap_or(u32::MAX));
        let rounds = (0..self.attempts).flat_map(|_| self.servers);
        for (tried, server) in (0..tries_max).zip(rounds) {
            if given_up.contains(server) {
                continue;
            }
            let limit = self.share_of_time(tries_max - tried);
            if limit.is_zero() {
                break;
            }
            let mut extended = true;
            let what = loop {
                let query = Query::new(name, record_type, rand::random(), extended)
                    .ok_or(Failure::NoName)?;
                let started = Instant::now();
                let result = driver::timeout(limit, exchange(*server, &query)).await;
                let elapsed = started.elapsed();
                let (result, transport) = match result {
                    Some((result, transport)) => (Some(result), transport),
                    None => (None, Transport::Udp),
                };
                queries.push(DnsQuery {
                    name: name.to_owned(),
                    record_type,
                    server: *server,
                    transport,
                    outcome: outcome(result.as_ref()),
                    is_cached: false,
                    elapsed,
                });
                break match result {
                    None => format!("did not answer within {}", seconds(elapsed)),
                    Some(Err(Fault::Io(error))) => format!("cannot be reached: {error}"),
                    Some(Err(Fault::Broken(reason))) => {
                        answered = true;
                        given_up.push(*server);
                        format!("sent an answer that makes no sense: {reason}")
                    }
                    Some(Ok(answer)) => match answer.code {
                        ResponseCode::NO_ERROR | ResponseCode::NAME_ERROR => {
                            return Ok((*server, answer));
                        }
                        // An old server that does not know the extension (RFC 6891, section 7).
                        ResponseCode::FORMAT_ERROR if extended => {
                            extended = false;
                            continue;
                        }
                        ResponseCode::SERVER_FAILURE => format!("answered {}", answer.code),
                        code => {
                            answered = true;
                            given_up.push(*server);
                            format!("answered {code}")
                        }
                    },
                };
            };
            // The last thing that a server did is what counts.
            statements.retain(|statement| statement.server != *server);
            statements.push(Statement {
                server: *server,
                what,
            });
        }
        if answered {
            Err(Failure::Unusable(statements))
        } else {
            Err(Failure::NoAnswer(statements))
        }
    }

    /// Returns how long one try may take so that `tries` of them end by the deadline.
    fn share_of_time(&self, tries: u32) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        (left / tries.max(1)).min(self.attempt_timeout)
    }
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

/// Returns the addresses of `owner`, each once: some servers send one for every record that names it.
fn addresses_of(owner: &str, records: &[wire::Record]) -> Vec<FoundAddress> {
    let mut found: Vec<FoundAddress> = Vec::new();
    for record in records {
        if let RecordData::Address(ip) = record.data
            && record.owner == owner
            && found.iter().all(|earlier| earlier.ip != ip)
        {
            found.push(FoundAddress {
                ip,
                scope_id: 0,
                ttl: Some(Duration::from_secs(record.ttl.into())),
            });
        }
    }
    found
}

/// What a query came to, for the record.
fn outcome(result: Option<&Result<Answer, Fault>>) -> QueryOutcome {
    match result {
        None => QueryOutcome::TimedOut,
        Some(Err(Fault::Io(error))) => QueryOutcome::Unreachable(error.to_string()),
        Some(Err(Fault::Broken(reason))) => QueryOutcome::Broken(reason.clone()),
        Some(Ok(answer)) => QueryOutcome::Answered(answer.code),
    }
}

/// Returns the failure that says more.
fn graver(old: Option<Failure>, new: Failure) -> Failure {
    let rank = |failure: &Failure| match failure {
        Failure::NotFound(_) => 0,
        Failure::Endless { .. } | Failure::NoName => 1,
        // That one type has no record says nothing about the other, which nobody answered for.
        Failure::NoAnswer(_) | Failure::Unusable(_) => 2,
        Failure::NoData(_) => 3,
    };
    match old {
        Some(old) if rank(&old) <= rank(&new) => old,
        _ => new,
    }
}

/// Returns a duration as people read it.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
