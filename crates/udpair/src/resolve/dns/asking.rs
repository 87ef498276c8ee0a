//! One question to several servers: which of them is queried when, and whose response counts.
//!
//! A new attempt does not end the attempts before it. Their sockets stay open, and the first usable
//! response counts, whichever query it answers: a server that is slow would otherwise seem not to
//! respond at all.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use udpair_io::Adapter;

use super::alias::AliasWalk;
use super::exchange::{ExchangeError, over_tcp, over_udp};
use super::failure::{DnsFailure, ServerReport};
use super::wire::{Query, Response};
use crate::driver::Timer;
use crate::resolve::step::{DnsQuery, QueryOutcome, RecordType, ResponseCode, Transport};

/// A question: the records of one type at one name.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(super) struct Question {
    pub(super) name: String,
    pub(super) record_type: RecordType,
}

/// How a question is put to the servers.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order in which to query them.
    pub(super) servers: Vec<Server>,
    /// The number of times each server is queried.
    pub(super) attempts: u32,
    /// How long to wait for a response before the next attempt.
    pub(super) attempt_timeout: Duration,
    pub(super) deadline: Instant,
    /// Whether to wait until the deadline for the response to an earlier attempt. Otherwise no
    /// query is waited for after its own time and that of the last attempt.
    pub(super) is_patient: bool,
    /// Whether queries are sent over TCP only.
    pub(super) uses_tcp: bool,
}

/// A server, as one question sees it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// The only adapter through which queries leave; `None` leaves the route to the system.
    pub(super) adapter: Option<Arc<Adapter>>,
    /// Whether the server is known not to support the extension (RFC 6891).
    pub(super) is_plain: bool,
    /// Whether it refused the extension in this question.
    refused_extension: bool,
    /// Whether another query would have the same result.
    is_given_up: bool,
    report: Option<ServerReport>,
    /// When the server was queried first.
    since: Option<Instant>,
}

impl Server {
    pub(super) fn new(address: SocketAddr, adapter: Option<Arc<Adapter>>, is_plain: bool) -> Self {
        Self {
            address,
            adapter,
            is_plain,
            refused_extension: false,
            is_given_up: false,
            report: None,
            since: None,
        }
    }
}

/// A usable response, and the server that sent it.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) server: SocketAddr,
    pub(super) response: Response,
}

/// How a question ended.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) result: Result<Arc<Answer>, DnsFailure>,
    /// Every query, in the order in which they were sent.
    pub(super) queries: Vec<DnsQuery>,
    /// Whether the question ended at its deadline, before all attempts had their time.
    pub(super) is_cut_short: bool,
    /// A server that answered only the query without the extension.
    pub(super) plain_server: Option<SocketAddr>,
}

/// A question that is being asked.
pub(super) struct Asking {
    question: Arc<Question>,
    servers: Vec<Server>,
    uses_tcp: bool,
    attempt_timeout: Duration,
    deadline: Instant,
    is_patient: bool,
    /// The number of attempts in total, and the number of the next one.
    attempts: u64,
    next_attempt: u64,
    /// The newest attempt; `None` before the first.
    newest: Option<Attempt>,
    open: Vec<OpenQuery>,
    /// The queries that have ended, each with its number.
    ended: Vec<(u32, DnsQuery)>,
    /// The number of queries so far.
    queries: u32,
    shortage: Option<Arc<io::Error>>,
    timer: Option<Timer>,
}

/// One attempt at one server.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    number: u64,
    /// The index of the server.
    server: usize,
    /// When the next attempt begins if there is no response.
    end: Instant,
    /// When the query is repeated without the extension if there is no response; `None` if it is
    /// not, or was.
    plain_at: Option<Instant>,
}

/// A query whose response has not arrived.
struct OpenQuery {
    number: u32,
    attempt: Attempt,
    transport: Transport,
    /// Whether the query has the extension.
    is_extended: bool,
    since: Instant,
    response: Pin<Box<dyn Future<Output = Received> + Send>>,
}

/// A response; `None` if it did not fit into a datagram.
type Received = Result<Option<Response>, ExchangeError>;

impl Asking {
    pub(super) fn new(question: Arc<Question>, plan: Plan) -> Self {
        let servers = u64::try_from(plan.servers.len()).unwrap_or(u64::MAX);
        Self {
            question,
            attempts: servers.saturating_mul(plan.attempts.into()),
            servers: plan.servers,
            uses_tcp: plan.uses_tcp,
            attempt_timeout: plan.attempt_timeout,
            deadline: plan.deadline,
            is_patient: plan.is_patient,
            next_attempt: 0,
            newest: None,
            open: Vec::new(),
            ended: Vec::new(),
            queries: 0,
            shortage: None,
            timer: None,
        }
    }

    /// Goes on with the question until it ends.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            match self.poll_open(cx) {
                Ok(None) => {}
                Ok(Some(answer)) => return Poll::Ready(self.answered(answer)),
                Err(failure) => return Poll::Ready(self.end(Err(failure), false, None)),
            }
            let now = Instant::now();
            if self.newest.is_some() && now >= self.deadline {
                return Poll::Ready(self.give_up(now));
            }
            match self.go_on(now) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(failure) => return Poll::Ready(self.end(Err(failure), false, None)),
            }
            let Some(due) = self.next_due(now) else {
                return Poll::Ready(self.give_up(now));
            };
            let timer = self.timer.get_or_insert_with(|| Timer::at(due));
            timer.set(due);
            if timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Returns every query so far, and what is known of the servers. Queries without a response
    /// have this outcome.
    pub(super) fn snapshot(&self, open: &QueryOutcome) -> (Vec<DnsQuery>, Vec<ServerReport>) {
        let now = Instant::now();
        let still_open = self
            .open
            .iter()
            .map(|query| (query.number, self.record(query, open.clone(), now)));
        let mut queries: Vec<_> = self.ended.iter().cloned().chain(still_open).collect();
        queries.sort_by_key(|(number, _)| *number);
        let queries = queries.into_iter().map(|(_, query)| query).collect();
        (queries, self.reports(now))
    }

    /// Returns the queries without a response.
    pub(super) fn open_queries(&self) -> impl Iterator<Item = DnsQuery> {
        let now = Instant::now();
        self.open
            .iter()
            .map(move |query| self.record(query, QueryOutcome::Open, now))
    }

    /// Begins what is due at this time, and returns whether anything was.
    fn go_on(&mut self, now: Instant) -> Result<bool, DnsFailure> {
        let Some(newest) = self.newest else {
            return self.begin_attempt(now);
        };
        let settled = Attempt {
            plain_at: None,
            ..newest
        };
        let is_open = |query: &OpenQuery| query.attempt.number == newest.number;
        if now >= newest.end || !self.open.iter().any(is_open) {
            self.newest = Some(settled);
            return self.begin_attempt(now);
        }
        if newest.plain_at.is_some_and(|due| now >= due) {
            self.newest = Some(settled);
            // Some old servers and firewalls drop queries with the extension.
            self.send(settled, Transport::Udp, false, now)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Begins the next attempt; returns `false` if there is none.
    fn begin_attempt(&mut self, now: Instant) -> Result<bool, DnsFailure> {
        let servers = self.servers.len();
        if self.servers.iter().all(|server| server.is_given_up) {
            self.next_attempt = self.attempts;
        }
        while self.next_attempt < self.attempts {
            let number = self.next_attempt;
            self.next_attempt += 1;
            let index = usize::try_from(number % servers as u64).unwrap_or(0);
            if self.servers[index].is_given_up {
                continue;
            }
            let time = self.share_of_time(self.attempts - number, now);
            // The first attempt at a server has the extension. A server that did not respond to it
            // may not support it, so later attempts have none.
            let is_first = number < servers as u64;
            let is_extended = is_first && !self.servers[index].is_plain;
            let may_repeat = is_extended && !self.uses_tcp && time > PLAIN_AFTER;
            let attempt = Attempt {
                number,
                server: index,
                end: now + time,
                plain_at: may_repeat.then(|| now + PLAIN_AFTER),
            };
            self.newest = Some(attempt);
            let server = &mut self.servers[index];
            server.since.get_or_insert(now);
            let report = server
                .report
                .get_or_insert_with(|| ServerReport::new(server.address));
            report.attempts = report.attempts.saturating_add(1);
            let transport = match self.uses_tcp {
                true => Transport::Tcp,
                false => Transport::Udp,
            };
            self.send(attempt, transport, is_extended, now)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Returns how long one attempt may take so that `attempts` of them end by the deadline.
    fn share_of_time(&self, attempts: u64, now: Instant) -> Duration {
        let left = self.deadline.saturating_duration_since(now);
        let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        let share = left / attempts.max(1);
        share.max(ATTEMPT_MIN).min(self.attempt_timeout)
    }

    /// Sends a query, as soon as it is polled.
    fn send(
        &mut self,
        attempt: Attempt,
        transport: Transport,
        is_extended: bool,
        now: Instant,
    ) -> Result<(), DnsFailure> {
        if self.open.len() >= OPEN_MAX {
            let oldest = self.open.remove(0);
            self.close(
                &oldest,
                QueryOutcome::TimedOut,
                "did not answer".into(),
                now,
            );
        }
        let Question { name, record_type } = &*self.question;
        let query = Query::new(name, *record_type, rand::random(), is_extended)
            .ok_or(DnsFailure::InvalidName)?;
        let server = &self.servers[attempt.server];
        let (address, adapter) = (server.address, server.adapter.clone());
        let response: Pin<Box<dyn Future<Output = Received> + Send>> = match transport {
            Transport::Udp => Box::pin(over_udp(address, adapter, query)),
            Transport::Tcp => Box::pin(async move {
                let response = over_tcp(address, adapter, query).await;
                response.map(Some)
            }),
        };
        self.open.push(OpenQuery {
            number: self.queries,
            attempt,
            transport,
            is_extended,
            since: now,
            response,
        });
        self.queries += 1;
        Ok(())
    }

    /// Receives the responses that have arrived, until one is usable.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Result<Option<Usable>, DnsFailure> {
        let mut index = 0;
        while let Some(query) = self.open.get_mut(index) {
            match query.response.as_mut().poll(cx) {
                Poll::Pending => index += 1,
                Poll::Ready(received) => {
                    let query = self.open.remove(index);
                    if let Some(usable) = self.received(&query, received)? {
                        return Ok(Some(usable));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Decides what follows from the end of a query. Returns the response if it is usable.
    ///
    /// The query is repeated over TCP if the response does not fit into a datagram, and without the
    /// extension if the server does not support it.
    fn received(
        &mut self,
        query: &OpenQuery,
        received: Received,
    ) -> Result<Option<Usable>, DnsFailure> {
        let now = Instant::now();
        if let Some(newest) = &mut self.newest
            && newest.number == query.attempt.number
        {
            // The server did respond.
            newest.plain_at = None;
        }
        let response = match received {
            Ok(Some(response)) => response,
            Ok(None) => {
                let reason = "did not answer over TCP".into();
                self.close(query, QueryOutcome::Truncated, reason, now);
                self.send(query.attempt, Transport::Tcp, query.is_extended, now)?;
                return Ok(None);
            }
            Err(ExchangeError::Shortage(error)) => {
                self.ended.push((
                    query.number,
                    self.record(query, QueryOutcome::NotSent(error.to_string()), now),
                ));
                self.shortage = Some(Arc::new(error));
                return Ok(None);
            }
            Err(ExchangeError::Io(error)) => {
                let reason = format!("cannot be reached{}: {error}", over(query));
                let outcome = QueryOutcome::Unreachable(error.to_string());
                self.close(query, outcome, reason, now);
                return Ok(None);
            }
            Err(ExchangeError::Malformed(why)) => {
                let reason = format!("sent a malformed response{}: {why}", over(query));
                self.close(query, QueryOutcome::Broken(why), reason, now);
                self.servers[query.attempt.server].is_given_up = true;
                return Ok(None);
            }
        };
        let code = response.code;
        match code {
            ResponseCode::NO_ERROR if refers_elsewhere(&self.question, &response) => {
                let reason = "refers elsewhere".into();
                self.close(query, QueryOutcome::Referral, reason, now);
                self.servers[query.attempt.server].is_given_up = true;
                return Ok(None);
            }
            ResponseCode::NO_ERROR | ResponseCode::NAME_ERROR => {
                let outcome = QueryOutcome::Answered(code);
                self.ended
                    .push((query.number, self.record(query, outcome, now)));
                return Ok(Some(Usable {
                    server: query.attempt.server,
                    is_extended: query.is_extended,
                    response,
                }));
            }
            _ => {}
        }
        let outcome = QueryOutcome::Answered(code);
        let reason = format!("answered {code}{}", over(query));
        self.close(query, outcome, reason, now);
        let may_lack_extension = matches!(
            code,
            ResponseCode::FORMAT_ERROR
                | ResponseCode::NOT_IMPLEMENTED
                | ResponseCode::BAD_VERSION
                | ResponseCode::SERVER_FAILURE
        );
        if query.is_extended && may_lack_extension {
            self.servers[query.attempt.server].refused_extension = true;
            let is_repeated =
                |open: &OpenQuery| open.attempt.server == query.attempt.server && !open.is_extended;
            if !self.open.iter().any(is_repeated) {
                self.send(query.attempt, query.transport, false, now)?;
            }
        } else if code != ResponseCode::SERVER_FAILURE {
            self.servers[query.attempt.server].is_given_up = true;
        }
        Ok(None)
    }

    /// Returns when the next thing is due; `None` if no response is waited for any more.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        let newest = self.newest.filter(|newest| newest.end > now);
        let due = match newest {
            Some(newest) if self.next_attempt < self.attempts => {
                newest.plain_at.or(Some(newest.end))
            }
            // The last attempt: what is open may still be answered.
            _ if self.open.is_empty() => None,
            newest if self.is_patient => newest
                .and_then(|newest| newest.plain_at)
                .or(Some(self.deadline)),
            newest => {
                let last = self.open.iter().map(|query| query.attempt.end).max();
                let last = last.filter(|end| *end > now);
                newest.and_then(|newest| newest.plain_at).or(last)
            }
        };
        due.map(|due| due.min(self.deadline))
    }

    /// Ends the question with a usable response.
    fn answered(&mut self, usable: Usable) -> Outcome {
        let server = &self.servers[usable.server];
        let is_silent = |open: &OpenQuery| open.attempt.server == usable.server && open.is_extended;
        let lacks_extension =
            !usable.is_extended && (server.refused_extension || self.open.iter().any(is_silent));
        let address = server.address;
        let answer = Answer {
            server: address,
            response: usable.response,
        };
        self.end(
            Ok(Arc::new(answer)),
            false,
            lacks_extension.then_some(address),
        )
    }

    /// Ends the question without a usable response.
    fn give_up(&mut self, now: Instant) -> Outcome {
        for query in std::mem::take(&mut self.open) {
            let reason = format!("did not answer{}", over(&query));
            self.close(&query, QueryOutcome::TimedOut, reason, now);
        }
        let is_cut_short = now >= self.deadline;
        let reports = self.reports(now);
        let failure = match self.shortage.take() {
            Some(shortage) => DnsFailure::Shortage(shortage),
            None if self.servers.iter().any(|server| server.is_given_up) => {
                DnsFailure::Unusable(reports)
            }
            None => DnsFailure::NoResponse(reports),
        };
        self.end(Err(failure), is_cut_short, None)
    }

    fn end(
        &mut self,
        result: Result<Arc<Answer>, DnsFailure>,
        is_cut_short: bool,
        plain_server: Option<SocketAddr>,
    ) -> Outcome {
        let now = Instant::now();
        for query in std::mem::take(&mut self.open) {
            let record = self.record(&query, QueryOutcome::Open, now);
            self.ended.push((query.number, record));
        }
        let mut queries = std::mem::take(&mut self.ended);
        queries.sort_by_key(|(number, _)| *number);
        let queries = queries.into_iter().map(|(_, query)| query).collect();
        Outcome {
            result,
            queries,
            is_cut_short,
            plain_server,
        }
    }

    /// Notes the end of a query that brought no usable response. `result` is the predicate of a
    /// sentence about the server.
    fn close(&mut self, query: &OpenQuery, outcome: QueryOutcome, result: String, now: Instant) {
        self.ended
            .push((query.number, self.record(query, outcome, now)));
        let server = &mut self.servers[query.attempt.server];
        if let Some(report) = &mut server.report {
            report.result = result;
            report.elapsed = now.saturating_duration_since(server.since.unwrap_or(now));
        }
    }

    fn record(&self, query: &OpenQuery, outcome: QueryOutcome, now: Instant) -> DnsQuery {
        DnsQuery {
            name: self.question.name.clone(),
            record_type: self.question.record_type,
            server: self.servers[query.attempt.server].address,
            transport: query.transport,
            outcome,
            is_cached: false,
            elapsed: now.saturating_duration_since(query.since),
        }
    }

    /// Returns what the servers did that were queried.
    fn reports(&self, now: Instant) -> Vec<ServerReport> {
        let queried = self.servers.iter();
        let reports = queried.filter_map(|server| Some((server.report.clone()?, server.since?)));
        let reports = reports.map(|(mut report, since)| {
            if report.result.is_empty() {
                report.result = "did not answer".into();
                report.elapsed = now.saturating_duration_since(since);
            }
            report
        });
        reports.collect()
    }
}

/// A usable response.
struct Usable {
    /// The index of the server.
    server: usize,
    is_extended: bool,
    response: Response,
}

/// Says that a query was sent over TCP; nothing for the usual UDP.
fn over(query: &OpenQuery) -> &'static str {
    match query.transport {
        Transport::Udp => "",
        Transport::Tcp => " over TCP",
    }
}

/// Returns whether a response without an error has nothing that answers the question, from a server
/// that may not say that there is nothing. It refers to other servers, or makes no sense.
fn refers_elsewhere(question: &Question, response: &Response) -> bool {
    if response.may_deny {
        return false;
    }
    let mut walk = AliasWalk::from(&question.name);
    let moved = walk.follow(|name| response.alias_of(name));
    matches!(moved, Ok(false)) && !response.has_records(walk.name(), question.record_type)
}

/// How long to wait for the response to a query with the extension before the query is repeated
/// without it. Longer than a server takes that has to query others itself.
const PLAIN_AFTER: Duration = Duration::from_secs(1);

/// The shortest time between two attempts. Attempts that do not fit into the time limit are not
/// made.
const ATTEMPT_MIN: Duration = Duration::from_millis(10);

/// The number of queries of one question that may be open: as many as resolv.conf(5) allows, three
/// servers of which each is queried five times, and one that is repeated.
const OPEN_MAX: usize = 16;
