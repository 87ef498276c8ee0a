//! A cache of DNS responses (RFC 1035, section 7.3; RFC 2308).
//!
//! A response is kept for the shortest TTL in it, a negative response for the time in its SOA
//! record. A response with a TTL of 0 is used only for the current query. What is kept is bounded
//! in bytes, for each cache and for the process.
//!
//! Pure: the time is an argument.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::wire::{Record, RecordData, Response};
use crate::resolve::step::{RecordType, ResponseCode};

/// The cached responses of one list of servers.
#[derive(Debug)]
pub(crate) struct Cache {
    /// Other servers may know other names, so a change of the list clears the cache.
    servers: Vec<SocketAddr>,
    responses: HashMap<(String, RecordType), CachedResponse>,
    /// The bytes of all responses.
    bytes: usize,
    budget: &'static Budget,
}

impl Default for Cache {
    fn default() -> Self {
        Self::within(&BUDGET)
    }
}

#[derive(Debug)]
struct CachedResponse {
    server: SocketAddr,
    response: Response,
    since: Instant,
    until: Instant,
    reserved: Reserved,
}

/// The bytes that caches have reserved, out of those that they may keep together.
#[derive(Debug)]
struct Budget(AtomicUsize);

/// The budget of all caches of the process.
static BUDGET: Budget = Budget(AtomicUsize::new(0));

/// The right to keep a number of bytes. It ends when this value is dropped.
#[derive(Debug)]
struct Reserved {
    bytes: usize,
    budget: &'static Budget,
}

impl Budget {
    /// Reserves bytes; `None` if too few are left.
    fn reserve(&'static self, bytes: usize) -> Option<Reserved> {
        let more = |used: usize| {
            used.checked_add(bytes)
                .filter(|sum| *sum <= PROCESS_BYTES_MAX)
        };
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let reserved = self.0.fetch_update(set, fetch, more);
        reserved.ok().map(|_| Reserved {
            bytes,
            budget: self,
        })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Cache {
    fn within(budget: &'static Budget) -> Self {
        Self {
            servers: Vec::new(),
            responses: HashMap::new(),
            bytes: 0,
            budget,
        }
    }

    /// Returns the cached response to a query, with its remaining TTLs, and the server that sent
    /// it.
    pub(super) fn get(
        &self,
        servers: &[SocketAddr],
        name: &str,
        record_type: RecordType,
        now: Instant,
    ) -> Option<(SocketAddr, Response)> {
        if self.servers != servers {
            return None;
        }
        let cached = self.responses.get(&(name.to_owned(), record_type))?;
        if cached.until <= now {
            return None;
        }
        let age = seconds(now.saturating_duration_since(cached.since));
        let mut response = cached.response.clone();
        for record in response.records.iter_mut().chain(&mut response.additional) {
            record.age(age);
        }
        // A record of the additional section may expire before the response.
        response.additional.retain(|record| record.ttl > 0);
        Some((cached.server, response))
    }

    /// Caches a response for as long as it is valid.
    pub(super) fn put(
        &mut self,
        servers: &[SocketAddr],
        name: &str,
        record_type: RecordType,
        (server, response): (SocketAddr, &Response),
        now: Instant,
    ) {
        let lifetime = lifetime(response);
        let records = response.records.len() + response.additional.len();
        if lifetime.is_zero() || records > RECORDS_MAX {
            return;
        }
        let bytes = bytes_of(name, response);
        if bytes > CACHE_BYTES_MAX {
            return;
        }
        if self.servers != servers {
            *self = Self {
                servers: servers.to_vec(),
                ..Self::within(self.budget)
            };
        }
        let key = (name.to_owned(), record_type);
        self.remove(&key);
        if self.responses.len() >= RESPONSES_MAX || self.bytes + bytes > CACHE_BYTES_MAX {
            self.evict(bytes, now);
        }
        // If the caches of other resolvers have used up what the process may keep, this one does
        // not grow.
        let Some(reserved) = self.budget.reserve(bytes) else {
            return;
        };
        let cached = CachedResponse {
            server,
            response: response.clone(),
            since: now,
            until: now + lifetime,
            reserved,
        };
        self.bytes += bytes;
        self.responses.insert(key, cached);
    }

    fn remove(&mut self, key: &(String, RecordType)) {
        if let Some(cached) = self.responses.remove(key) {
            self.bytes -= cached.reserved.bytes;
        }
    }

    /// Makes room for a response of this length: removes the responses that have expired, and then
    /// those that expire next.
    fn evict(&mut self, bytes: usize, now: Instant) {
        let mut expiries: Vec<_> = self
            .responses
            .iter()
            .map(|(key, cached)| (cached.until, key.clone()))
            .collect();
        expiries.sort_by_key(|(until, _)| *until);
        for (until, key) in expiries {
            let fits =
                self.responses.len() < RESPONSES_MAX && self.bytes + bytes <= CACHE_BYTES_MAX;
            if fits && until > now {
                break;
            }
            self.remove(&key);
        }
    }
}

/// Returns about how many bytes a cached response takes.
fn bytes_of(name: &str, response: &Response) -> usize {
    let records = response.records.iter().chain(&response.additional);
    let of_records = records.map(|record| {
        let text = match &record.data {
            RecordData::Address(_) => 0,
            RecordData::Alias(alias) => alias.len(),
            RecordData::Srv(srv) => srv.target.len(),
        };
        size_of::<Record>() + record.owner.len() + text
    });
    let entry = size_of::<(String, RecordType)>() + size_of::<CachedResponse>();
    entry + name.len() + of_records.sum::<usize>()
}

/// Returns how long a response may be cached.
fn lifetime(response: &Response) -> Duration {
    let is_cacheable = matches!(
        response.code,
        ResponseCode::NO_ERROR | ResponseCode::NAME_ERROR
    );
    if !is_cacheable {
        return Duration::ZERO;
    }
    let ttls = response.records.iter().map(|record| record.ttl);
    // Without an SOA record, a negative response does not say how long it is valid (RFC 2308,
    // section 5).
    let negative = match response.negative_ttl {
        Some(ttl) => Some(ttl.min(NEGATIVE_SECONDS_MAX)),
        None if response.code == ResponseCode::NAME_ERROR || response.records.is_empty() => Some(0),
        None => None,
    };
    let shortest = ttls.chain(negative).min().unwrap_or(0);
    Duration::from_secs(shortest.min(SECONDS_MAX).into())
}

/// Returns a duration in whole seconds, like a TTL.
fn seconds(age: Duration) -> u32 {
    u32::try_from(age.as_secs()).unwrap_or(u32::MAX)
}

impl Record {
    fn age(&mut self, seconds: u32) {
        self.ttl = self.ttl.saturating_sub(seconds);
        if let RecordData::Srv(srv) = &mut self.data {
            srv.ttl = self.ttl;
        }
    }
}

/// The maximum number of cached responses.
const RESPONSES_MAX: usize = 1024;

/// The bytes that one cache keeps: twice what that many ordinary responses take.
const CACHE_BYTES_MAX: usize = 1 << 20;

/// The bytes that all caches of a process keep: a program has few resolvers.
const PROCESS_BYTES_MAX: usize = 16 << 20;

/// A response with more records is not cached: it may be intended to exhaust the memory.
const RECORDS_MAX: usize = 128;

/// No response is cached for longer than one day, whatever its TTL says.
const SECONDS_MAX: u32 = 86_400;

/// RFC 2308, section 5: one to three hours have been found to work well.
const NEGATIVE_SECONDS_MAX: u32 = 3 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> SocketAddr {
        "192.0.2.53:53".parse().unwrap()
    }

    fn record(owner: &str, ttl: u32) -> Record {
        Record {
            owner: owner.into(),
            ttl,
            data: RecordData::Address("192.0.2.1".parse().unwrap()),
        }
    }

    fn response(code: ResponseCode, ttls: &[u32], negative_ttl: Option<u32>) -> Response {
        Response {
            code,
            records: ttls.iter().map(|ttl| record("x.test", *ttl)).collect(),
            additional: Vec::new(),
            negative_ttl,
            may_deny: true,
        }
    }

    #[test]
    fn a_response_is_cached_for_its_shortest_ttl() {
        use ResponseCode as Code;
        for (code, ttls, negative_ttl, seconds) in [
            (Code::NO_ERROR, &[60_u32, 30, 90] as &[_], None, 30),
            (Code::NO_ERROR, &[60, 0], None, 0),
            (Code::NO_ERROR, &[i32::MAX.cast_unsigned()], None, 86_400),
            (Code::NAME_ERROR, &[], Some(300), 300),
            (Code::NO_ERROR, &[], Some(300), 300),
            // An alias of a name that does not exist.
            (Code::NAME_ERROR, &[20], Some(300), 20),
            (Code::NAME_ERROR, &[], Some(u32::MAX), 10_800),
            (Code::NAME_ERROR, &[], None, 0),
            (Code::NO_ERROR, &[], None, 0),
            (Code::SERVER_FAILURE, &[60], Some(60), 0),
            (Code::REFUSED, &[], Some(60), 0),
        ] {
            let response = response(code, ttls, negative_ttl);
            assert_eq!(lifetime(&response).as_secs(), seconds, "{response:?}");
        }
    }

    #[test]
    fn a_cached_response_ages_and_expires() {
        let mut cache = Cache::default();
        let servers = [server()];
        let start = Instant::now();
        let mut fresh = response(ResponseCode::NO_ERROR, &[60], None);
        fresh.additional.push(record("short.test", 10));
        cache.put(&servers, "x.test", RecordType::A, (server(), &fresh), start);

        let get = |after: u64| {
            let now = start + Duration::from_secs(after);
            cache.get(&servers, "x.test", RecordType::A, now)
        };
        let (from, cached) = get(9).unwrap();
        assert_eq!(
            (from, cached.records[0].ttl, cached.additional[0].ttl),
            (server(), 51, 1)
        );
        let (_, cached) = get(59).unwrap();
        assert_eq!((cached.records[0].ttl, cached.additional.len()), (1, 0));
        assert!(get(60).is_none());
        assert!(
            cache
                .get(&servers, "x.test", RecordType::Aaaa, start)
                .is_none()
        );
        assert!(
            cache
                .get(&servers, "y.test", RecordType::A, start)
                .is_none()
        );
    }

    #[test]
    fn other_servers_have_other_responses() {
        let mut cache = Cache::default();
        let now = Instant::now();
        let cached = response(ResponseCode::NO_ERROR, &[60], None);
        let others = ["192.0.2.54:53".parse().unwrap()];
        cache.put(
            &[server()],
            "x.test",
            RecordType::A,
            (server(), &cached),
            now,
        );
        assert!(cache.get(&others, "x.test", RecordType::A, now).is_none());
        cache.put(&others, "y.test", RecordType::A, (others[0], &cached), now);
        assert!(
            cache
                .get(&[server()], "x.test", RecordType::A, now)
                .is_none()
        );
    }

    #[test]
    fn the_number_of_cached_responses_is_bounded() {
        let mut cache = Cache::default();
        let servers = [server()];
        let now = Instant::now();
        for number in 0..2 * RESPONSES_MAX {
            let ttl = 10 + u32::try_from(number).unwrap();
            let cached = response(ResponseCode::NO_ERROR, &[ttl], None);
            cache.put(
                &servers,
                &number.to_string(),
                RecordType::A,
                (server(), &cached),
                now,
            );
            assert!(cache.responses.len() <= RESPONSES_MAX);
        }
        // The responses that are valid the longest are kept.
        let last = (2 * RESPONSES_MAX - 1).to_string();
        assert!(cache.get(&servers, &last, RecordType::A, now).is_some());
        assert!(cache.get(&servers, "0", RecordType::A, now).is_none());
    }

    /// Names may be long: a zone can send a megabyte with every eighth of the responses.
    #[test]
    fn the_bytes_of_cached_responses_are_bounded() {
        static SHARED: Budget = Budget(AtomicUsize::new(0));
        let mut caches: [Cache; 24] = std::array::from_fn(|_| Cache::within(&SHARED));
        let servers = [server()];
        let now = Instant::now();
        let mut large = response(ResponseCode::NO_ERROR, &[60; 100], None);
        for record in &mut large.records {
            record.owner = "x".repeat(1000);
        }
        for cache in &mut caches {
            for number in 0..100 {
                let name = number.to_string();
                cache.put(&servers, &name, RecordType::A, (server(), &large), now);
                let cached = cache.responses.iter();
                let bytes: usize = cached
                    .map(|((name, _), cached)| bytes_of(name, &cached.response))
                    .sum();
                assert_eq!(cache.bytes, bytes);
                assert!(bytes <= CACHE_BYTES_MAX, "{bytes}");
            }
        }
        // The first caches are full, and there is nothing left for the last ones.
        let kept = |cache: &Cache| cache.responses.len();
        assert!(kept(&caches[0]) >= 8, "{}", kept(&caches[0]));
        let sum: usize = caches.iter().map(|cache| cache.bytes).sum();
        assert!(sum <= PROCESS_BYTES_MAX, "{sum}");
        assert_eq!(kept(&caches[23]), 0);
        // What a cache has kept is free again with it.
        let [first, .., last] = &mut caches;
        *first = Cache::within(&SHARED);
        last.put(&servers, "x.test", RecordType::A, (server(), &large), now);
        assert_eq!(kept(last), 1);
    }

    #[test]
    fn a_response_replaces_the_one_to_the_same_query() {
        let mut cache = Cache::default();
        let servers = [server()];
        let now = Instant::now();
        let mut bytes = Vec::new();
        for ttls in [&[60_u32] as &[_], &[60, 60], &[60]] {
            let cached = response(ResponseCode::NO_ERROR, ttls, None);
            cache.put(&servers, "x.test", RecordType::A, (server(), &cached), now);
            bytes.push(cache.bytes);
        }
        assert!(bytes[0] < bytes[1]);
        assert_eq!(bytes[0], bytes[2]);
    }
}
