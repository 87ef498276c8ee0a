//! Answers that are kept as long as they say, and no longer.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use udpair::{ErrorKind, Resolver, Step};

use crate::resolve::{addresses, failure, zone};
use crate::support::dns::{DnsServer, Say, refusal};
use crate::support::endpoint;

/// A clock that the test moves.
#[derive(Clone)]
struct Hands(Arc<Mutex<Instant>>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn advance(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }

    /// A resolver that asks `server`, and goes by this clock.
    fn resolver(&self, server: &DnsServer) -> Resolver {
        let clock = self.clone();
        server
            .resolver_builder()
            .clock(move || *clock.0.lock().unwrap())
            .build()
    }
}

/// GEN-11: answers are kept while they hold, and not longer.
#[tokio::test]
async fn answers_are_kept_for_their_ttl() {
    let server = DnsServer::with_zone(zone());
    let hands = Hands::new();
    let resolver = hands.resolver(&server);
    let remote = endpoint("example.test:stun");
    let fresh = resolver.resolve(&remote).await;

    hands.advance(59);
    let kept = resolver.clone().resolve(&remote).await;
    assert_eq!(addresses(&kept), addresses(&fresh));
    assert_eq!(server.asked().len(), 1, "nobody was asked again");
    let Step::Srv(step) = &kept.steps()[1] else {
        panic!("{:#?}", kept.steps())
    };
    assert!(step.queries[0].is_cached);
    assert_eq!(step.records[0].ttl, 1, "what is left of it");

    hands.advance(1);
    let fresh = resolver.resolve(&remote).await;
    assert_eq!(server.asked().len(), 2);
    let Step::Srv(step) = &fresh.steps()[1] else {
        panic!("{:#?}", fresh.steps())
    };
    assert!(!step.queries[0].is_cached);
}

/// RFC 2308: that there is nothing is kept as long as the SOA record says.
#[tokio::test]
async fn negative_answers_are_kept_too() {
    let server = DnsServer::with_zone(zone());
    let hands = Hands::new();
    let resolver = hands.resolver(&server);
    let remote = endpoint("gone.test:stun");
    for (advance, asked) in [(0, 1), (29, 1), (1, 2)] {
        hands.advance(advance);
        let resolution = resolver.resolve(&remote).await;
        assert_eq!(failure(&resolution).kind(), ErrorKind::HostNotFound);
        assert_eq!(server.asked().len(), asked);
    }
}

#[tokio::test]
async fn keeping_answers_can_be_switched_off_and_failures_are_never_kept() {
    let server = DnsServer::with_zone(zone());
    let resolver = server.resolver_builder().cache(false).build();
    let remote = endpoint("example.test:stun");
    resolver.resolve(&remote).await;
    resolver.resolve(&remote).await;
    assert_eq!(server.asked().len(), 2);

    let failing =
        DnsServer::new(|query, _| vec![Say::Answer(refusal(query, ResponseCode::Refused))]);
    let resolver = failing.resolver();
    resolver.resolve(&remote).await;
    resolver.resolve(&remote).await;
    assert_eq!(failing.asked().len(), 2);
}

/// A TTL of 0 is for the question at hand alone; one with its top bit set is none (RFC 2181).
#[tokio::test]
async fn extreme_ttls_are_taken_as_meant() {
    for (ttl, shown, asked) in [
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
            vec![Say::Answer(answer)]
        });
        let resolver = server.resolver();
        let remote = endpoint("example.test:stun");
        let first = resolver.resolve(&remote).await;
        let Step::Srv(step) = &first.steps()[1] else {
            panic!("{:#?}", first.steps())
        };
        assert_eq!(step.records[0].ttl, shown, "{ttl}");
        assert_eq!(addresses(&first).len(), 3, "{ttl}");
        resolver.resolve(&remote).await;
        let srv_questions = server
            .asked()
            .iter()
            .filter(|name| name.ends_with("SRV"))
            .count();
        assert_eq!(srv_questions, asked, "{ttl}");
    }
}
