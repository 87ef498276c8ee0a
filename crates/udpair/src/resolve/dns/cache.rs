//! Answers that are still good (RFC 1035, section 7.3; RFC 2308).
//!
//! An answer is kept as long as the shortest TTL in it says, a negative one as long as the SOA record
//! that came with it. One with a TTL of 0 is for the question at hand alone.
//!
//! Pure: the time comes in as an argument.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::wire::{Answer, Record};
use crate::resolve::step::{RecordType, ResponseCode};

/// Kept answers, of one list of servers.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    /// Another list may know other names, so that a change forgets everything.
    servers: Vec<SocketAddr>,
    answers: HashMap<(String, RecordType), Kept>,
}

#[derive(Debug)]
struct Kept {
    server: SocketAddr,
    answer: Answer,
    since: Instant,
    until: Instant,
}

impl Cache {
    /// Returns the answer to a question, with what is left of its TTLs, and who gave it.
    pub(super) fn get(
        &self,
        servers: &[SocketAddr],
        name: &str,
        record_type: RecordType,
        now: Instant,
    ) -> Option<(SocketAddr, Answer)> {
        if self.servers != servers {
            return None;
        }
        let kept = self.answers.get(&(name.to_owned(), record_type))?;
        if kept.until <= now {
            return None;
        }
        let age = seconds(now.saturating_duration_since(kept.since));
        let mut answer = kept.answer.clone();
        for record in answer.records.iter_mut().chain(&mut answer.additional) {
            record.age(age);
        }
        // An address that came along may hold shorter than the answer it came with.
        answer.additional.retain(|record| record.ttl > 0);
        Some((kept.server, answer))
    }

    /// Keeps an answer as long as it holds.
    pub(super) fn put(
        &mut self,
        servers: &[SocketAddr],
        name: &str,
        record_type: RecordType,
        (server, answer): (SocketAddr, &Answer),
        now: Instant,
    ) {
        let lifetime = lifetime(answer);
        let records = answer.records.len() + answer.additional.len();
        if lifetime.is_zero() || records > RECORDS_MAX {
            return;
        }
        if self.servers != servers {
            *self = Self {
                servers: servers.to_vec(),
                answers: HashMap::new(),
            };
        }
        if self.answers.len() >= ANSWERS_MAX {
            self.make_room(now);
        }
        let kept = Kept {
            server,
            answer: answer.clone(),
            since: now,
            until: now + lifetime,
        };
        self.answers.insert((name.to_owned(), record_type), kept);
    }

    /// Forgets what no longer holds, or else what would be the next to go.
    fn make_room(&mut self, now: Instant) {
        self.answers.retain(|_, kept| kept.until > now);
        if self.answers.len() >= ANSWERS_MAX {
            let next = self.answers.iter().min_by_key(|(_, kept)| kept.until);
            if let Some(key) = next.map(|(key, _)| key.clone()) {
                self.answers.remove(&key);
            }
        }
    }
}

/// How long an answer may be kept.
fn lifetime(answer: &Answer) -> Duration {
    let is_kept_kind = matches!(
        answer.code,
        ResponseCode::NO_ERROR | ResponseCode::NAME_ERROR
    );
    if !is_kept_kind {
        return Duration::ZERO;
    }
    let ttls = answer.records.iter().map(|record| record.ttl);
    // Without an SOA record a negative answer says nothing of how long it holds (RFC 2308, section 5).
    let negative = match answer.negative_ttl {
        Some(ttl) => Some(ttl.min(NEGATIVE_SECONDS_MAX)),
        None if answer.code == ResponseCode::NAME_ERROR || answer.records.is_empty() => Some(0),
        None => None,
    };
    let shortest = ttls.chain(negative).min().unwrap_or(0);
    Duration::from_secs(shortest.min(SECONDS_MAX).into())
}

/// Whole seconds, as TTLs count them.
fn seconds(age: Duration) -> u32 {
    u32::try_from(age.as_secs()).unwrap_or(u32::MAX)
}

impl Record {
    fn age(&mut self, seconds: u32) {
        self.ttl = self.ttl.saturating_sub(seconds);
        if let super::RecordData::Service(srv) = &mut self.data {
            srv.ttl = self.ttl;
        }
    }
}

/// How many answers are kept.
const ANSWERS_MAX: usize = 1024;

/// An answer of more records is not kept: it may be meant to fill the memory.
const RECORDS_MAX: usize = 128;

/// No answer is kept for longer than a day, whatever its TTL says.
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

    fn answer(code: ResponseCode, ttls: &[u32], negative_ttl: Option<u32>) -> Answer {
        Answer {
            code,
            records: ttls.iter().map(|ttl| record("x.test", *ttl)).collect(),
            additional: Vec::new(),
            negative_ttl,
        }
    }

    #[test]
    fn an_answer_is_kept_for_its_shortest_ttl() {
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
            let answer = answer(code, ttls, negative_ttl);
            assert_eq!(lifetime(&answer).as_secs(), seconds, "{answer:?}");
        }
    }

    #[test]
    fn a_kept_answer_ages_and_ends() {
        let mut cache = Cache::default();
        let servers = [server()];
        let start = Instant::now();
        let mut fresh = answer(ResponseCode::NO_ERROR, &[60], None);
        fresh.additional.push(record("short.test", 10));
        cache.put(&servers, "x.test", RecordType::A, (server(), &fresh), start);

        let get = |after: u64| {
            let now = start + Duration::from_secs(after);
            cache.get(&servers, "x.test", RecordType::A, now)
        };
        let (from, kept) = get(9).unwrap();
        assert_eq!(
            (from, kept.records[0].ttl, kept.additional[0].ttl),
            (server(), 51, 1)
        );
        let (_, kept) = get(59).unwrap();
        assert_eq!((kept.records[0].ttl, kept.additional.len()), (1, 0));
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
    fn other_servers_have_other_answers() {
        let mut cache = Cache::default();
        let now = Instant::now();
        let kept = answer(ResponseCode::NO_ERROR, &[60], None);
        let others = ["192.0.2.54:53".parse().unwrap()];
        cache.put(&[server()], "x.test", RecordType::A, (server(), &kept), now);
        assert!(cache.get(&others, "x.test", RecordType::A, now).is_none());
        cache.put(&others, "y.test", RecordType::A, (others[0], &kept), now);
        assert!(
            cache
                .get(&[server()], "x.test", RecordType::A, now)
                .is_none()
        );
    }

    #[test]
    fn the_number_of_answers_is_bounded() {
        let mut cache = Cache::default();
        let servers = [server()];
        let now = Instant::now();
        for number in 0..2 * ANSWERS_MAX {
            let ttl = 10 + u32::try_from(number).unwrap();
            let kept = answer(ResponseCode::NO_ERROR, &[ttl], None);
            cache.put(
                &servers,
                &number.to_string(),
                RecordType::A,
                (server(), &kept),
                now,
            );
            assert!(cache.answers.len() <= ANSWERS_MAX);
        }
        // Those that hold longest are there.
        let last = (2 * ANSWERS_MAX - 1).to_string();
        assert!(cache.get(&servers, &last, RecordType::A, now).is_some());
        assert!(cache.get(&servers, "0", RecordType::A, now).is_none());
    }
}
