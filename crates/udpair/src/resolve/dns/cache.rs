//! A cache of DNS responses (RFC 1035, section 7.3; RFC 2308).
//!
//! A response is kept for the shortest TTL in it, a negative response for the time in its SOA
//! record. A response with a TTL of 0 is used only for the current query.
//!
//! Pure: the time is an argument.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::wire::{Record, Response};
use crate::resolve::step::{RecordType, ResponseCode};

/// The cached responses of one list of servers.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    /// Other servers may know other names, so a change of the list clears the cache.
    servers: Vec<SocketAddr>,
    responses: HashMap<(String, RecordType), CachedResponse>,
}

#[derive(Debug)]
struct CachedResponse {
    server: SocketAddr,
    response: Response,
    since: Instant,
    until: Instant,
}

impl Cache {
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
        if self.servers != servers {
            *self = Self {
                servers: servers.to_vec(),
                responses: HashMap::new(),
            };
        }
        if self.responses.len() >= RESPONSES_MAX {
            self.evict(now);
        }
        let cached = CachedResponse {
            server,
            response: response.clone(),
            since: now,
            until: now + lifetime,
        };
        self.responses
            .insert((name.to_owned(), record_type), cached);
    }

    /// Removes the responses that have expired or, if there are none, the one that expires next.
    fn evict(&mut self, now: Instant) {
        self.responses.retain(|_, cached| cached.until > now);
        if self.responses.len() >= RESPONSES_MAX {
            let next = self.responses.iter().min_by_key(|(_, cached)| cached.until);
            if let Some(key) = next.map(|(key, _)| key.clone()) {
                self.responses.remove(&key);
            }
        }
    }
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
        if let super::RecordData::Srv(srv) = &mut self.data {
            srv.ttl = self.ttl;
        }
    }
}

/// The maximum number of cached responses.
const RESPONSES_MAX: usize = 1024;

/// A response with more records is not cached: it may be intended to exhaust the memory.
const RECORDS_MAX: usize = 128;

/// No response is cached for longer than one day, whatever its TTL says.
const SECONDS_MAX: u32 = 86_400;

/// RFC 2308, section 5: one to three hours have been found to work well.
const NEGATIVE_SECONDS_MAX: u32 = 3 * 3600;

#[cfg(test)]
mod tests {
    use super::super::wire::RecordData;
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
}
