//! The DNS cache: answers are kept for their TTL, and no longer.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use udpair::{ErrorKind, Resolver, Step};

use crate::resolve::{addresses, complete_zone, failure, zone};
use crate::support::dns::{DnsServer, Reply, refusal};
use crate::support::endpoint;

/// A clock that the test advances.
#[derive(Clone)]
struct TestClock(Arc<Mutex<Instant>>);

impl TestClock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn advance(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }

    /// Returns a resolver that queries `server` and uses this clock.
    fn resolver(&self, server: &DnsServer) -> Resolver {
        let clock = self.clone();
        server
            .resolver_builder()
            .clock(move || *clock.0.lock().unwrap())
            .build()
    }
}

/// GEN-11: until the TTL expires, and no longer.
#[tokio::test]
async fn answers_are_kept_for_their_ttl() {
    let server = DnsServer::with_zone(complete_zone());
    let clock = TestClock::new();
    let resolver = clock.resolver(&server);
    let remote = endpoint("example.test:stun");
    let fresh = resolver.resolve(&remote).await;

    clock.advance(59);
    let cached = resolver.clone().resolve(&remote).await;
    assert_eq!(addresses(&cached), addresses(&fresh));
    assert_eq!(server.queries().len(), 1, "the query was repeated");
    let Step::Srv(step) = &cached.steps()[1] else {
        panic!("{:#?}", cached.steps())
    };
    assert!(step.queries[0].is_cached);
    assert_eq!(step.records[0].ttl, 1, "the remaining TTL");

    clock.advance(1);
    let fresh = resolver.resolve(&remote).await;
    assert_eq!(server.queries().len(), 2);
    let Step::Srv(step) = &fresh.steps()[1] else {
        panic!("{:#?}", fresh.steps())
    };
    assert!(!step.queries[0].is_cached);
}

/// For the time that the SOA record gives (RFC 2308).
#[tokio::test]
async fn negative_answers_are_kept_too() {
    let server = DnsServer::with_zone(zone());
    let clock = TestClock::new();
    let resolver = clock.resolver(&server);
    let remote = endpoint("gone.test:stun");
    for (advance, queries) in [(0, 1), (29, 1), (1, 2)] {
        clock.advance(advance);
        let resolution = resolver.resolve(&remote).await;
        assert_eq!(failure(&resolution).kind(), ErrorKind::HostNotFound);
        assert_eq!(server.queries().len(), queries);
    }
}

#[tokio::test]
async fn the_cache_can_be_disabled_and_never_keeps_failures() {
    let server = DnsServer::with_zone(complete_zone());
    let resolver = server.resolver_builder().cache(false).build();
    let remote = endpoint("example.test:stun");
    resolver.resolve(&remote).await;
    resolver.resolve(&remote).await;
    assert_eq!(server.queries().len(), 2);

    let failing =
        DnsServer::new(|query, _| vec![Reply::Answer(refusal(query, ResponseCode::Refused))]);
    let resolver = failing.resolver();
    resolver.resolve(&remote).await;
    resolver.resolve(&remote).await;
    assert_eq!(failing.queries().len(), 2);
}

/// A TTL of 0 is valid for the current query only. A TTL with its top bit set counts as 0
/// (RFC 2181).
#[tokio::test]
async fn extreme_ttls_have_their_standard_meaning() {
    for (ttl, reported, queries) in [
        (0, 0, 2),
        (i32::MAX as u32, i32::MAX as u32, 1),
        (1 << 31, 0, 2),
    ] {
        let zone = zone();
        let server = DnsServer::new(move |query, _| {
            let mut answer = zone.answer(query);
            for record in answer.answers.iter_mut().chain(&mut answer.additionals) {
                record.ttl = ttl;
            }
            vec![Reply::Answer(answer)]
        });
        let resolver = server.resolver();
        let remote = endpoint("example.test:stun");
        let first = resolver.resolve(&remote).await;
        let Step::Srv(step) = &first.steps()[1] else {
            panic!("{:#?}", first.steps())
        };
        assert_eq!(step.records[0].ttl, reported, "{ttl}");
        assert_eq!(addresses(&first).len(), 3, "{ttl}");
        resolver.resolve(&remote).await;
        let srv_queries = server
            .queries()
            .iter()
            .filter(|name| name.ends_with("SRV"))
            .count();
        assert_eq!(srv_queries, queries, "{ttl}");
    }
}
