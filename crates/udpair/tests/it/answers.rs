//! Slow, faulty and malicious name servers. The resolver returns the right answer, or a clear error
//! in time.

use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::RecordType;
use udpair::{ErrorKind, Resolver, Step};

use crate::resolve::{addresses, complete_zone, failure, resolve, zone};
use crate::support::dns::{DnsServer, Reply, Zone, answer_to, record, refusal};
use crate::support::{endpoint, unused_addr};

/// SRV-08, GEN-03: each response code has its status, and the text names the query and the server.
#[tokio::test]
async fn an_error_names_the_query_and_the_server_that_refused_it() {
    for (code, kind, status, hresult) in [
        (
            ResponseCode::NXDomain,
            ErrorKind::HostNotFound,
            6,
            0x8007_2af9,
        ),
        (ResponseCode::NoError, ErrorKind::NoData, 7, 0x8007_2afc),
        (
            ResponseCode::ServFail,
            ErrorKind::NameServer,
            8,
            0x8007_2afa,
        ),
        (
            ResponseCode::Refused,
            ErrorKind::NameServer,
            0,
            0x8007_2afb_u32,
        ),
        (ResponseCode::FormErr, ErrorKind::NameServer, 0, 0x8007_2afb),
        (ResponseCode::NotImp, ErrorKind::NameServer, 0, 0x8007_2afb),
    ] {
        let server = DnsServer::new(move |query, _| vec![Reply::Answer(refusal(query, code))]);
        for (remote, queried) in [
            ("example.test:stun", "_stun._udp.example.test SRV"),
            ("host.example.test:7", "host.example.test A/AAAA"),
        ] {
            let error = failure(&resolve(&server, remote).await);
            assert_eq!(error.kind(), kind, "{code} {remote}");
            assert_eq!(error.status().number(), status, "{code} {remote}");
            assert_eq!(error.hresult().cast_unsigned(), hresult, "{code} {remote}");
            let text = error.to_string();
            assert!(text.contains(queried), "{text}");
            assert!(text.contains(&server.address().to_string()), "{text}");
        }
    }
}

/// SRV-08, SRV-13: resolution ends at the time limit, and the error names the silent server.
#[tokio::test]
async fn an_error_names_the_silent_server_and_the_time_limit() {
    let server = DnsServer::silent();
    let limit = Duration::from_millis(300);
    let resolver = server.resolver_builder().timeout(limit).build();
    let started = Instant::now();
    let error = failure(&resolver.resolve(&endpoint("example.test:stun")).await);

    assert_eq!(error.kind(), ErrorKind::NameServer);
    assert_eq!(error.status().number(), 8);
    let text = error.to_string();
    assert!(text.contains(&server.address().to_string()), "{text}");
    assert!(text.contains("did not answer within"), "{text}");
    assert!(started.elapsed() >= limit);
    assert_eq!(server.queries().len(), 2, "two attempts");
}

/// SRV-08: the closed port of a server is reported at once.
#[tokio::test]
async fn a_closed_server_port_ends_resolution_at_once() {
    let closed = unused_addr();
    let resolver = Resolver::builder()
        .dns_servers([closed])
        .services_text("")
        .timeout(Duration::from_secs(600))
        .attempt_timeout(Duration::from_secs(600))
        .build();
    // Without the ICMP error this would wait for ten minutes, and the test would time out.
    let resolution = crate::support::soon(resolver.resolve(&endpoint("example.test:stun"))).await;
    let error = failure(&resolution);
    assert_eq!(error.status().number(), 8);
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

/// SRV-13: if one of two servers fails, the other answers, within the time limit.
#[tokio::test]
async fn the_second_server_answers_when_the_first_does_not() {
    let good = DnsServer::with_zone(zone());
    let silent = DnsServer::silent();
    let failing =
        DnsServer::new(|query, _| vec![Reply::Answer(refusal(query, ResponseCode::ServFail))]);
    let refusing =
        DnsServer::new(|query, _| vec![Reply::Answer(refusal(query, ResponseCode::Refused))]);
    let dead = unused_addr();
    for first in [
        silent.address(),
        failing.address(),
        refusing.address(),
        dead,
    ] {
        let resolver = good
            .resolver_builder()
            .dns_servers([first, good.address()])
            .timeout(Duration::from_secs(2))
            .build();
        let resolution = resolver.resolve(&endpoint("example.test:stun")).await;
        assert_eq!(addresses(&resolution).len(), 3, "{first}");
    }
}

/// SRV-11: addresses that belong to no target are ignored, and the target is queried.
#[tokio::test]
async fn foreign_addresses_in_the_additional_section_are_ignored() {
    let zone = zone();
    let server = DnsServer::new(move |query, _| {
        let mut answer = zone.answer(query);
        answer.additionals.clear();
        answer.add_additional(record("evil.example.test A 192.0.2.66"));
        answer.add_additional(record("example.test A 192.0.2.66"));
        vec![Reply::Answer(answer)]
    });
    let resolution = resolve(&server, "example.test:stun").await;
    assert_eq!(
        addresses(&resolution),
        ["[::1]:3478", "127.0.0.1:3478", "127.0.0.2:3479"]
    );
}

/// SRV-11
#[tokio::test]
async fn more_than_eight_aliases_and_alias_cycles_are_errors() {
    let chain = |length: usize| {
        let mut text = String::new();
        for n in 0..length {
            text.push_str(&format!("n{n}.test CNAME n{}.test\n", n + 1));
        }
        text + &format!("n{length}.test A 127.0.0.1\n")
    };
    let cycle = "n0.test CNAME n1.test\nn1.test CNAME n0.test\n".to_owned();
    for (text, works) in [(chain(8), true), (chain(9), false), (cycle, false)] {
        for zone in [Zone::new(&text), Zone::new(&text).without_following()] {
            let server = DnsServer::with_zone(zone);
            let resolution = resolve(&server, "n0.test:7").await;
            if works {
                assert_eq!(addresses(&resolution), ["127.0.0.1:7"]);
            } else {
                let error = failure(&resolution);
                assert_eq!(error.kind(), ErrorKind::NameServer, "{text}");
                assert!(error.to_string().contains("aliases"), "{error}");
            }
        }
    }
}

/// SRV-13: an answer that does not fit into a datagram is fetched over TCP.
#[tokio::test]
async fn a_truncated_answer_is_queried_again_over_tcp() {
    let zone = complete_zone();
    let server = DnsServer::new(move |query, over_tcp| {
        let mut answer = zone.answer(query);
        if !over_tcp {
            answer.answers.clear();
            answer.additionals.clear();
            answer.metadata.truncation = true;
        }
        vec![Reply::Answer(answer)]
    });
    let resolution = resolve(&server, "example.test:stun").await;
    assert_eq!(addresses(&resolution).len(), 4);
    assert_eq!(
        server.queries(),
        [
            "_stun._udp.example.test SRV",
            "_stun._udp.example.test SRV tcp"
        ]
    );
    let Step::Srv(step) = &resolution.steps()[1] else {
        panic!("{:#?}", resolution.steps())
    };
    let outcomes: Vec<_> = step
        .queries
        .iter()
        .map(|query| query.outcome.to_string())
        .collect();
    assert_eq!(outcomes, ["truncated", "NOERROR"]);
}

/// SRV-13
#[tokio::test]
async fn five_hundred_records_are_received_over_tcp_in_order() {
    let mut text = String::from("h.big.test A 127.0.0.1\n");
    for n in 0..500 {
        text.push_str(&format!(
            "_a._udp.big.test SRV {n} 0 {} h.big.test\n",
            1000 + n
        ));
    }
    let zone = Zone::new(&text).without_additional();
    let server = DnsServer::new(move |query, over_tcp| {
        let answer = zone.answer(query);
        vec![Reply::Answer(if over_tcp {
            answer
        } else {
            answer.truncate()
        })]
    });
    let resolution = resolve(&server, "big.test:a").await;
    let ports: Vec<_> = resolution
        .candidates()
        .unwrap()
        .iter()
        .map(|c| c.address.port())
        .collect();
    assert_eq!(ports, (1000..1500).collect::<Vec<_>>());
}

/// The right answer, which arrives last, is used.
#[tokio::test]
async fn answers_that_do_not_match_the_query_are_ignored() {
    let zone = zone();
    let server = DnsServer::new(move |query, _| {
        let good = zone.answer(query);
        // Each has another address, so that the test detects a forged answer that is used.
        let mut forged = good.clone();
        for record in &mut forged.additionals {
            *record = crate::support::dns::record("one.example.test A 192.0.2.66");
        }
        let mut wrong_id = forged.clone();
        wrong_id.metadata.id = !good.metadata.id;
        let mut wrong_name = forged.clone();
        wrong_name.queries[0].set_name("evil.test".parse().unwrap());
        let mut wrong_type = forged.clone();
        wrong_type.queries[0].set_query_type(RecordType::TXT);
        let mut no_question = forged.clone();
        no_question.queries.clear();
        let mut two_questions = forged.clone();
        two_questions.add_query(good.queries[0].clone());
        let mut a_query = forged.clone();
        a_query.metadata.message_type = MessageType::Query;
        vec![
            Reply::Answer(wrong_id),
            Reply::Answer(wrong_name),
            Reply::Answer(wrong_type),
            Reply::Answer(no_question),
            Reply::Answer(two_questions),
            Reply::Answer(a_query),
            Reply::FromOtherPort(forged),
            Reply::Bytes(b"x".to_vec()),
            Reply::Bytes(vec![0; 600]),
            Reply::Answer(good),
        ]
    });
    let resolution = resolve(&server, "example.test:stun").await;
    assert_eq!(
        addresses(&resolution),
        ["[::1]:3478", "127.0.0.1:3478", "127.0.0.2:3479"]
    );
}

/// SRV-08
#[tokio::test]
async fn an_answer_whose_last_bytes_are_missing_is_malformed() {
    let zone = zone().without_additional();
    let server = DnsServer::new(move |query, _| {
        let mut bytes = zone.answer(query).to_vec().unwrap();
        bytes.truncate(bytes.len() - 3);
        vec![Reply::Bytes(bytes)]
    });
    let error = failure(&resolve(&server, "example.test:stun").await);
    assert_eq!(error.hresult().cast_unsigned(), 0x8007_2afb);
    assert!(error.to_string().contains("malformed"), "{error}");
    assert_eq!(server.queries().len(), 1, "the query is not repeated");
}

/// SRV-08, SRV-13: every malformed answer is an error at once.
#[tokio::test]
async fn malformed_answers_are_reported_as_malformed() {
    // Receives the header and the question of an answer whose header counts one record.
    type Malform = fn(Vec<u8>) -> Vec<u8>;
    let cases: [(&str, Malform); 9] = [
        ("a header only", |answer| answer[..12].to_vec()),
        ("half a header", |answer| answer[..6].to_vec()),
        ("no record where one is counted", |answer| answer),
        ("more records than bytes", |mut answer| {
            answer[6..8].copy_from_slice(&u16::MAX.to_be_bytes());
            with(
                answer,
                &[
                    0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 7, 0, 0, 0, 0, 0, 7, 0,
                ],
            )
        }),
        ("a name that points to itself", |answer| {
            let here = u8::try_from(answer.len()).unwrap();
            with(answer, &[0xc0, here, 0, 33, 0, 1, 0, 0, 0, 60, 0, 0])
        }),
        ("a name that points beyond the end", |answer| {
            with(answer, &[0xff, 0xff, 0, 33, 0, 1, 0, 0, 0, 60, 0, 0])
        }),
        ("a label of an unknown type", |answer| {
            with(answer, &[0x80, 1, 0, 33, 0, 1, 0, 0, 0, 60, 0, 0])
        }),
        ("data beyond the end", |answer| {
            with(
                answer,
                &[0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0xff, 0xff, 0, 0],
            )
        }),
        ("a service record without its target", |answer| {
            with(
                answer,
                &[0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 4, 0, 0, 0, 0],
            )
        }),
    ];
    for (case, malform) in cases {
        let server = DnsServer::new(move |query, _| {
            let mut answer = answer_to(query).to_vec().unwrap();
            answer[7] = 1;
            vec![Reply::Bytes(malform(answer))]
        });
        let error = failure(&resolve(&server, "example.test:stun").await);
        assert_eq!(
            error.hresult().cast_unsigned(),
            0x8007_2afb,
            "{case}: {error}"
        );
        assert!(error.to_string().contains("malformed"), "{case}: {error}");
    }
}

fn with(mut answer: Vec<u8>, rest: &[u8]) -> Vec<u8> {
    answer.extend(rest);
    answer
}

/// SRV-13: over TCP too, every failure is an error that says what is wrong.
#[tokio::test]
async fn an_answer_that_tcp_does_not_complete_is_an_error() {
    type TcpScript = fn(&Message) -> Vec<Reply>;
    let cases: [(&str, TcpScript, &str); 4] = [
        (
            "the server closes the connection",
            |_| Vec::new(),
            "cannot be reached",
        ),
        (
            "the server sends other bytes",
            |_| vec![Reply::Bytes(vec![7; 40])],
            "malformed",
        ),
        (
            "the server truncates the answer again",
            |query| {
                let mut answer = answer_to(query);
                answer.metadata.truncation = true;
                vec![Reply::Answer(answer)]
            },
            "malformed",
        ),
        (
            "the server refuses",
            |query| vec![Reply::Answer(refusal(query, ResponseCode::Refused))],
            "REFUSED",
        ),
    ];
    for (case, script, part) in cases {
        let server = DnsServer::new(move |query, over_tcp| {
            if over_tcp {
                return script(query);
            }
            let mut answer = answer_to(query);
            answer.metadata.truncation = true;
            vec![Reply::Answer(answer)]
        });
        let error = failure(&resolve(&server, "example.test:stun").await);
        assert_eq!(error.kind(), ErrorKind::NameServer, "{case}: {error}");
        assert!(error.to_string().contains(part), "{case}: {error}");
    }
}

/// A server without EDNS answers FORMERR to a query that has it (RFC 6891, section 7).
#[tokio::test]
async fn a_server_without_edns_is_queried_again_without_it() {
    let zone = zone();
    let server = DnsServer::new(move |query, _| {
        vec![Reply::Answer(if query.edns.is_some() {
            refusal(query, ResponseCode::FormErr)
        } else {
            zone.answer(query)
        })]
    });
    let resolution = resolve(&server, "example.test:stun").await;
    assert_eq!(addresses(&resolution).len(), 3);
}

/// The resolver limits the records, addresses and candidates of an answer.
#[tokio::test]
async fn an_oversized_answer_is_limited() {
    let mut text = String::new();
    for n in 0..900 {
        text.push_str(&format!(
            "_a._udp.flood.test SRV {n} 0 {} h.flood.test\n",
            1000 + n
        ));
    }
    let zone = Zone::new(&text).without_additional();
    let server = DnsServer::new(move |query, over_tcp| {
        let mut answer = zone.answer(query);
        for n in 0..200 {
            answer.add_additional(record(&format!("h.flood.test A 127.0.1.{n}")));
        }
        vec![Reply::Answer(if over_tcp {
            answer
        } else {
            answer.truncate()
        })]
    });
    let resolution = resolve(&server, "flood.test:a").await;
    let candidates = resolution.candidates().unwrap();
    assert!(candidates.len() <= 1024 + 64, "{}", candidates.len());
    let of_first = candidates
        .iter()
        .filter(|candidate| candidate.address.port() == 1000)
        .count();
    assert_eq!(of_first, 64);
}

#[tokio::test]
async fn records_in_an_nxdomain_answer_are_ignored() {
    let server = DnsServer::new(|query, _| {
        let mut answer = refusal(query, ResponseCode::NXDomain);
        answer.add_answer(record("h.test A 127.0.0.1"));
        vec![Reply::Answer(answer)]
    });
    let error = failure(&resolve(&server, "h.test:7").await);
    assert_eq!(error.kind(), ErrorKind::HostNotFound);
}

/// SRV-13: a server that has no EDNS and then stops replying takes one share of the time limit.
#[tokio::test]
async fn a_retry_without_edns_gets_no_second_share_of_the_time_limit() {
    let server = DnsServer::new(|query, _| match query.edns {
        Some(_) => vec![Reply::Answer(refusal(query, ResponseCode::FormErr))],
        None => Vec::new(),
    });
    let limit = Duration::from_millis(400);
    let resolver = server.resolver_builder().timeout(limit).attempts(1).build();
    let started = Instant::now();
    let error = failure(&resolver.resolve(&endpoint("h.test:7")).await);
    assert_eq!(error.kind(), ErrorKind::NameServer);
    // Each attempt ends with its share, so that both families end at the limit. Any time beyond
    // that is due to the machine.
    assert!(
        error.to_string().contains("did not answer within"),
        "{error}"
    );
    assert!(started.elapsed() >= limit);
}
