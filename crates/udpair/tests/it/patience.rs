//! Name servers that are slow, silent, lame, old or odd: the resolver finds what they know.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use udpair::{
    AddressFamily, DatagramSocket, EndpointPair, ErrorKind, Resolver, ResolverBuilder, Step,
};

use crate::resolve::{addresses, failure};
use crate::support::dns::{DnsServer, Reply, Zone, answer_to, record, refusal};
use crate::support::{TIMEOUT, endpoint};

fn zone() -> Zone {
    Zone::new(
        "_a._udp.x.test SRV 1 0 7 h.x.test
         h.x.test A 127.0.0.1
         h.x.test AAAA ::1",
    )
}

fn builder(servers: &[&DnsServer]) -> ResolverBuilder {
    Resolver::builder()
        .dns_servers(servers.iter().map(|server| server.address()))
        .services_text("")
        .timeout(TIMEOUT)
}

/// Starts a server that answers only the queries that `answers` selects.
fn server(answers: impl Fn(&Message, bool) -> bool + Send + Sync + 'static) -> DnsServer {
    let zone = zone();
    DnsServer::new(move |query, over_tcp| match answers(query, over_tcp) {
        true => vec![Reply::Answer(zone.answer(query))],
        false => Vec::new(),
    })
}

fn kind_of(query: &Message) -> String {
    query.queries[0].query_type().to_string()
}

/// SRV-13: each server needs longer than one attempt has.
#[tokio::test]
async fn the_answer_to_an_earlier_attempt_counts() {
    for count in [1, 3] {
        let slow = || {
            let zone = zone();
            DnsServer::new(move |query, _| {
                // The time that the server needs, not a wait of the test.
                thread::sleep(Duration::from_millis(300));
                vec![Reply::Answer(zone.answer(query))]
            })
        };
        let servers: Vec<_> = (0..count).map(|_| slow()).collect();
        let resolver = builder(&servers.iter().collect::<Vec<_>>())
            .attempt_timeout(Duration::from_millis(100))
            .attempts(2)
            .build();
        let resolution = resolver.resolve(&endpoint("x.test:a")).await;
        assert_eq!(
            addresses(&resolution),
            ["[::1]:7", "127.0.0.1:7"],
            "{count}"
        );
    }
}

/// SRV-07: a family that nobody wants is not queried for.
#[tokio::test]
async fn only_the_wanted_family_is_queried_for() {
    for (family, wanted) in [(AddressFamily::Ipv4, "A"), (AddressFamily::Ipv6, "AAAA")] {
        let server = server(move |query, _| kind_of(query) == wanted);
        let resolver = builder(&[&server]).family(family).build();
        let resolution = resolver.resolve(&endpoint("h.x.test:7")).await;
        assert_eq!(addresses(&resolution).len(), 1, "{wanted}");
        assert_eq!(server.queries(), [format!("h.x.test {wanted}")]);
    }
}

/// ADR-02: the local end wants only its family.
#[tokio::test]
async fn the_local_end_says_which_family_is_queried_for() {
    for (local, wanted, peer) in [
        ("127.0.0.1:0", "A", "127.0.0.1:7"),
        ("[::1]:0", "AAAA", "[::1]:7"),
    ] {
        let server = server(move |query, _| kind_of(query) == wanted);
        let pair = EndpointPair::to("h.x.test", "7").unwrap();
        let builder = DatagramSocket::builder().resolver(&builder(&[&server]).build());
        let socket = builder.connect(&pair.with_local(endpoint(local))).await;
        assert_eq!(socket.unwrap().peer_addr(), Some(peer.parse().unwrap()));
        assert_eq!(server.queries(), [format!("h.x.test {wanted}")]);
    }
}

/// SRV-11: connecting goes on with one family; the other one never comes.
#[tokio::test]
async fn one_family_is_enough_to_go_on() {
    for (answered, expected) in [("A", "127.0.0.1:7"), ("AAAA", "[::1]:7")] {
        let server = server(move |query, _| kind_of(query) == answered);
        let resolver = builder(&[&server]).build();
        let started = Instant::now();
        let pair = EndpointPair::to("h.x.test", "7").unwrap();
        let builder = DatagramSocket::builder().resolver(&resolver);
        let socket = builder.connect(&pair).await.unwrap();
        assert_eq!(socket.peer_addr(), Some(expected.parse().unwrap()));
        let socket = builder.open().unwrap();
        socket.output_to(pair.remote()).await.unwrap();
        assert!(started.elapsed() < TIMEOUT, "waited for the other family");
    }
}

/// SRV-11: a resolution ends at its limit with what it has, and shows what is open.
#[tokio::test]
async fn a_resolution_shows_what_is_still_open() {
    for (answered, open) in [("A", "AAAA"), ("AAAA", "A")] {
        let server = server(move |query, _| kind_of(query) == answered);
        let resolver = builder(&[&server])
            .timeout(Duration::from_millis(300))
            .build();
        let resolution = resolver.resolve(&endpoint("h.x.test:7")).await;
        assert_eq!(addresses(&resolution).len(), 1);
        let is_open = |step: &Step| match step {
            Step::Address(step) => {
                step.open
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    == [open]
            }
            _ => false,
        };
        assert!(resolution.steps().iter().any(is_open), "{resolution:?}");
    }
}

/// SRV-11: silent targets leave time for the good one, wherever it stands.
#[tokio::test]
async fn sixteen_silent_targets_leave_time_for_the_good_one() {
    for good in [0, 8, 16] {
        let mut text = String::new();
        for number in 0..17 {
            text.push_str(&format!(
                "_a._udp.x.test SRV {number} 0 7 t{number}.x.test\n"
            ));
        }
        text.push_str(&format!("t{good}.x.test A 127.0.0.1\n"));
        let zone = Zone::new(&text).without_additional();
        let good_name = format!("t{good}.x.test.");
        let server = DnsServer::new(move |query, _| {
            let name = query.queries[0].name().to_ascii();
            match kind_of(query) == "SRV" || name == good_name {
                true => vec![Reply::Answer(zone.answer(query))],
                false => Vec::new(),
            }
        });
        let resolver = builder(&[&server]).timeout(Duration::from_secs(1)).build();
        let resolution = resolver.resolve(&endpoint("x.test:a")).await;
        assert_eq!(addresses(&resolution), ["127.0.0.1:7"], "{good}");
    }
}

/// SRV-11: what the additional section leaves out is queried for.
#[tokio::test]
async fn the_family_that_did_not_come_along_is_queried_for() {
    for (sent, queried) in [
        ("h.x.test A 127.0.0.1", Some("h.x.test AAAA")),
        ("h.x.test AAAA ::1", Some("h.x.test A")),
        ("h.x.test A 127.0.0.1\nh.x.test AAAA ::1", None),
    ] {
        let (all, partial) = (zone(), zone().without_additional());
        let server = DnsServer::new(move |query, _| {
            let mut answer = partial.answer(query);
            if kind_of(query) == "SRV" {
                answer.add_additionals(sent.lines().map(record));
            } else {
                answer = all.answer(query);
            }
            vec![Reply::Answer(answer)]
        });
        let resolution = builder(&[&server])
            .build()
            .resolve(&endpoint("x.test:a"))
            .await;
        assert_eq!(addresses(&resolution), ["[::1]:7", "127.0.0.1:7"], "{sent}");
        let mut expected = vec!["_a._udp.x.test SRV"];
        expected.extend(queried);
        assert_eq!(server.queries(), expected, "{sent}");

        // A socket needs one round trip.
        let (socket, server_queries) = (DatagramSocket::builder(), server.queries().len());
        let resolver = builder(&[&server]).cache(false).build();
        let pair = EndpointPair::to("x.test", "a").unwrap();
        socket.resolver(&resolver).connect(&pair).await.unwrap();
        assert_eq!(server.queries().len() - server_queries, 1, "{sent}");
    }
}

/// SRV-08: a referral is not "no data".
#[tokio::test]
async fn a_referral_is_no_answer() {
    type Script = fn(&Message) -> Message;
    let refer: Script = |query| {
        let mut answer = answer_to(query);
        answer.metadata.recursion_available = false;
        answer
    };
    let good = server(|_, _| true);
    let lame = DnsServer::new(move |query, _| vec![Reply::Answer(refer(query))]);
    for remote in ["x.test:a", "h.x.test:7"] {
        let resolver = builder(&[&lame, &good]).build();
        let resolution = resolver.resolve(&endpoint(remote)).await;
        assert_eq!(
            addresses(&resolution),
            ["[::1]:7", "127.0.0.1:7"],
            "{remote}"
        );
        let resolver = builder(&[&lame]).build();
        let error = failure(&resolver.resolve(&endpoint(remote)).await);
        assert_eq!(error.kind(), ErrorKind::NameServer, "{remote}");
        assert!(error.to_string().contains("refers"), "{error}");
    }
    // An authoritative server, and one that queries others, may say that there is nothing.
    for script in [
        (|query| {
            let mut answer = answer_to(query);
            answer.metadata.recursion_available = false;
            answer.metadata.authoritative = true;
            answer
        }) as Script,
        answer_to,
    ] {
        let server = DnsServer::new(move |query, _| vec![Reply::Answer(script(query))]);
        let resolver = builder(&[&server, &good]).build();
        let error = failure(&resolver.resolve(&endpoint("x.test:a")).await);
        assert_eq!(error.kind(), ErrorKind::NoData, "{error}");
    }
}

/// SRV-13: a server that does not know the extension is queried without it.
#[tokio::test]
async fn an_old_server_is_queried_without_the_extension() {
    type Refuse = fn(&Message) -> Vec<Reply>;
    fn code(query: &Message, code: ResponseCode) -> Vec<Reply> {
        vec![Reply::Answer(refusal(query, code))]
    }
    for (what, refuse) in [
        (
            "NOTIMP",
            (|query| code(query, ResponseCode::NotImp)) as Refuse,
        ),
        ("FORMERR", |query| code(query, ResponseCode::FormErr)),
        ("SERVFAIL", |query| code(query, ResponseCode::ServFail)),
        ("BADVERS", |query| {
            // The upper bits of the code are in the extension: 16 = 1 << 4.
            let mut bytes = refusal(query, ResponseCode::NoError).to_vec().unwrap();
            bytes[11] = 1;
            bytes.extend([0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0]);
            vec![Reply::Bytes(bytes)]
        }),
        ("FORMERR without a body", |query| {
            let bytes = refusal(query, ResponseCode::FormErr).to_vec().unwrap();
            let mut header = bytes[..12].to_vec();
            header[4..].fill(0);
            vec![Reply::Bytes(header)]
        }),
        ("silence", |_| Vec::new()),
    ] {
        let zone = zone();
        let server = DnsServer::new(move |query, _| match query.edns {
            Some(_) => refuse(query),
            None => vec![Reply::Answer(zone.answer(query))],
        });
        let resolver = builder(&[&server]).build();
        let resolution = resolver.resolve(&endpoint("x.test:a")).await;
        assert_eq!(addresses(&resolution), ["[::1]:7", "127.0.0.1:7"], "{what}");
    }
}

/// SRV-08: only the records that are needed must be good.
#[tokio::test]
async fn a_broken_record_that_nobody_needs_does_no_harm() {
    type Break = fn(&mut Vec<u8>);
    for (what, spoil) in [
        ("cut", (|bytes| bytes.truncate(bytes.len() - 3)) as Break),
        ("miscounted", |bytes| bytes[11] = 9),
        ("authority miscounted", |bytes| bytes[9] = 5),
        ("trailing bytes", |bytes| bytes.extend([0xff; 40])),
    ] {
        let zone = zone();
        let server = DnsServer::new(move |query, _| {
            let mut bytes = zone.answer(query).to_vec().unwrap();
            if kind_of(query) == "SRV" {
                spoil(&mut bytes);
            }
            vec![Reply::Bytes(bytes)]
        });
        let resolution = builder(&[&server])
            .build()
            .resolve(&endpoint("x.test:a"))
            .await;
        assert_eq!(addresses(&resolution), ["[::1]:7", "127.0.0.1:7"], "{what}");
    }
}

/// SRV-13: equal questions that are under way are asked once.
#[tokio::test]
async fn equal_questions_are_asked_once() {
    for caches in [true, false] {
        let waiting = Arc::new(AtomicUsize::new(0));
        let (zone, begun) = (zone(), waiting.clone());
        let server = DnsServer::new(move |query, _| {
            // The answers come when all lookups have begun.
            while begun.load(Ordering::SeqCst) < LOOKUPS {
                thread::yield_now();
            }
            vec![Reply::Answer(zone.answer(query))]
        });
        let resolver = builder(&[&server]).cache(caches).build();
        let mut tasks = Vec::new();
        for _ in 0..LOOKUPS {
            let (resolver, waiting) = (resolver.clone(), waiting.clone());
            tasks.push(tokio::spawn(async move {
                let remote = endpoint("h.x.test:7");
                let mut lookup = std::pin::pin!(resolver.resolve(&remote));
                let first =
                    std::future::poll_fn(|cx| std::task::Poll::Ready(lookup.as_mut().poll(cx)));
                assert!(first.await.is_pending());
                waiting.fetch_add(1, Ordering::SeqCst);
                addresses(&lookup.await)
            }));
        }
        for task in tasks {
            assert_eq!(task.await.unwrap(), ["[::1]:7", "127.0.0.1:7"]);
        }
        let mut queries = server.queries();
        queries.sort();
        assert_eq!(queries, ["h.x.test A", "h.x.test AAAA"], "{caches}");
    }
}

/// SRV-07: nobody's name server hears of these names.
#[tokio::test]
async fn special_names_are_not_queried_for() {
    let server = server(|_, _| true);
    for remote in [
        "printer.local:a",
        "printer.local:7",
        "A.B.Local.:a",
        "x.onion:a",
        "x.y.onion:7",
    ] {
        let error = failure(&builder(&[&server]).build().resolve(&endpoint(remote)).await);
        assert_eq!(error.kind(), ErrorKind::HostNotFound, "{remote}: {error}");
    }
    assert!(server.queries().is_empty(), "{:?}", server.queries());
}

/// The number of equal lookups.
const LOOKUPS: usize = 200;
