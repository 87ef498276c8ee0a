//! Name servers that are slow, wrong, or mean harm: the right answer, or a stated error in time.

use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::RecordType;
use udpair::{ErrorKind, Resolver, Step};

use crate::resolve::{addresses, failure, resolve, zone};
use crate::support::dns::{DnsServer, Say, Zone, answer_to, record, refusal};
use crate::support::{Peer, endpoint};

/// SRV-08, GEN-03: each way to fail has its status, and the text names the question and the server.
#[tokio::test]
async fn a_server_that_has_nothing_is_quoted() {
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
        let server = DnsServer::new(move |query, _| vec![Say::Answer(refusal(query, code))]);
        for (remote, question) in [
            ("example.test:stun", "_stun._udp.example.test SRV"),
            ("host.example.test:7", "host.example.test A/AAAA"),
        ] {
            let error = failure(&resolve(&server, remote).await);
            assert_eq!(error.kind(), kind, "{code} {remote}");
            assert_eq!(error.status().number(), status, "{code} {remote}");
            assert_eq!(error.hresult().cast_unsigned(), hresult, "{code} {remote}");
            let text = error.to_string();
            assert!(text.contains(question), "{text}");
            assert!(text.contains(&server.address().to_string()), "{text}");
        }
    }
}

/// SRV-08, SRV-13: a server that is silent costs the time that was allowed, and is named.
#[tokio::test]
async fn a_silent_server_is_named_with_the_time_it_had() {
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
    assert_eq!(server.asked().len(), 2, "two attempts");
}

/// SRV-08: nobody at the server's port is known at once.
#[tokio::test]
async fn a_server_that_is_not_there_is_known_at_once() {
    let nobody = Peer::new().leave();
    let resolver = Resolver::builder()
        .dns_servers([nobody])
        .services_text("")
        .timeout(Duration::from_secs(600))
        .attempt_timeout(Duration::from_secs(600))
        .build();
    // Would wait for ten minutes if the refusal went unheard; the test would be cut off.
    let resolution = crate::support::soon(resolver.resolve(&endpoint("example.test:stun"))).await;
    let error = failure(&resolution);
    assert_eq!(error.status().number(), 8);
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

/// SRV-13: of two servers of which one is dead the other answers, within the limit.
#[tokio::test]
async fn the_second_server_answers_when_the_first_does_not() {
    let good = DnsServer::with_zone(zone());
    let silent = DnsServer::silent();
    let failing =
        DnsServer::new(|query, _| vec![Say::Answer(refusal(query, ResponseCode::ServFail))]);
    let refusing =
        DnsServer::new(|query, _| vec![Say::Answer(refusal(query, ResponseCode::Refused))]);
    let dead = Peer::new().leave();
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

/// SRV-11: addresses that belong to no target are ignored, and the target is asked for.
#[tokio::test]
async fn foreign_addresses_in_the_additional_section_are_ignored() {
    let zone = zone();
    let server = DnsServer::new(move |query, _| {
        let mut answer = zone.answer(query);
        answer.additionals.clear();
        answer.add_additional(record("evil.example.test A 192.0.2.66"));
        answer.add_additional(record("example.test A 192.0.2.66"));
        vec![Say::Answer(answer)]
    });
    let resolution = resolve(&server, "example.test:stun").await;
    assert_eq!(
        addresses(&resolution),
        ["[::1]:3478", "127.0.0.1:3478", "127.0.0.2:3479"]
    );
}

/// SRV-11
#[tokio::test]
async fn aliases_end_after_eight_and_in_circles() {
    let chain = |length: usize| {
        let mut text = String::new();
        for n in 0..length {
            text.push_str(&format!("n{n}.test CNAME n{}.test\n", n + 1));
        }
        text + &format!("n{length}.test A 127.0.0.1\n")
    };
    let circle = "n0.test CNAME n1.test\nn1.test CNAME n0.test\n".to_owned();
    for (text, works) in [(chain(8), true), (chain(9), false), (circle, false)] {
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

/// SRV-13: what does not fit into a datagram comes over TCP.
#[tokio::test]
async fn a_truncated_answer_is_asked_for_over_tcp() {
    let zone = zone();
    let server = DnsServer::new(move |query, over_tcp| {
        let mut answer = zone.answer(query);
        if !over_tcp {
            answer.answers.clear();
            answer.additionals.clear();
            answer.metadata.truncation = true;
        }
        vec![Say::Answer(answer)]
    });
    let resolution = resolve(&server, "example.test:stun").await;
    assert_eq!(addresses(&resolution).len(), 3);
    assert_eq!(
        server.asked(),
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
async fn five_hundred_records_come_over_tcp_in_order() {
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
        vec![Say::Answer(if over_tcp {
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

/// Answers that are not to our question are passed over; the right one still counts.
#[tokio::test]
async fn forged_answers_are_passed_over() {
    let zone = zone();
    let server = DnsServer::new(move |query, _| {
        let good = zone.answer(query);
        // Each would lead elsewhere, so that one which was taken shows.
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
        let mut a_question_itself = forged.clone();
        a_question_itself.metadata.message_type = MessageType::Query;
        vec![
            Say::Answer(wrong_id),
            Say::Answer(wrong_name),
            Say::Answer(wrong_type),
            Say::Answer(no_question),
            Say::Answer(two_questions),
            Say::Answer(a_question_itself),
            Say::FromElsewhere(forged),
            Say::Bytes(b"x".to_vec()),
            Say::Bytes(vec![0; 600]),
            Say::Answer(good),
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
async fn an_answer_that_makes_no_sense_is_a_stated_error() {
    let zone = zone();
    let server = DnsServer::new(move |query, _| {
        let mut bytes = zone.answer(query).to_vec().unwrap();
        bytes.truncate(bytes.len() - 3);
        vec![Say::Bytes(bytes)]
    });
    let error = failure(&resolve(&server, "example.test:stun").await);
    assert_eq!(error.hresult().cast_unsigned(), 0x8007_2afb);
    assert!(error.to_string().contains("makes no sense"), "{error}");
    assert_eq!(server.asked().len(), 1, "it is not asked the same again");
}

/// SRV-08, SRV-13: whatever is wrong with the bytes of an answer, the error says so, at once.
#[tokio::test]
async fn malformed_answers_are_stated_errors() {
    // Takes the header and question of an answer that says that it holds one record.
    type Malform = fn(Vec<u8>) -> Vec<u8>;
    let cases: [(&str, Malform); 9] = [
        ("a header alone", |answer| answer[..12].to_vec()),
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
        ("a label of a kind that there is not", |answer| {
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
    for (what, malform) in cases {
        let server = DnsServer::new(move |query, _| {
            let mut answer = answer_to(query).to_vec().unwrap();
            answer[7] = 1;
            vec![Say::Bytes(malform(answer))]
        });
        let error = failure(&resolve(&server, "example.test:stun").await);
        assert_eq!(
            error.hresult().cast_unsigned(),
            0x8007_2afb,
            "{what}: {error}"
        );
        assert!(
            error.to_string().contains("makes no sense"),
            "{what}: {error}"
        );
    }
}

fn with(mut answer: Vec<u8>, rest: &[u8]) -> Vec<u8> {
    answer.extend(rest);
    answer
}

/// SRV-13: what goes wrong over TCP is a stated error, too.
#[tokio::test]
async fn a_long_answer_that_never_comes_whole_is_a_stated_error() {
    type Reply = fn(&Message) -> Vec<Say>;
    let cases: [(&str, Reply, &str); 4] = [
        ("it hangs up", |_| Vec::new(), "cannot be reached"),
        (
            "it sends something else",
            |_| vec![Say::Bytes(vec![7; 40])],
            "makes no sense",
        ),
        (
            "it cuts it again",
            |query| {
                let mut answer = answer_to(query);
                answer.metadata.truncation = true;
                vec![Say::Answer(answer)]
            },
            "makes no sense",
        ),
        (
            "it refuses",
            |query| vec![Say::Answer(refusal(query, ResponseCode::Refused))],
            "REFUSED",
        ),
    ];
    for (what, reply, part) in cases {
        let server = DnsServer::new(move |query, over_tcp| {
            if over_tcp {
                return reply(query);
            }
            let mut answer = answer_to(query);
            answer.metadata.truncation = true;
            vec![Say::Answer(answer)]
        });
        let error = failure(&resolve(&server, "example.test:stun").await);
        assert_eq!(error.kind(), ErrorKind::NameServer, "{what}: {error}");
        assert!(error.to_string().contains(part), "{what}: {error}");
    }
}

/// An old server that refuses the extension gets the plain question (RFC 6891, section 7).
#[tokio::test]
async fn a_server_without_edns_is_asked_without_it() {
    let zone = zone();
    let server = DnsServer::new(move |query, _| {
        vec![Say::Answer(if query.edns.is_some() {
            refusal(query, ResponseCode::FormErr)
        } else {
            zone.answer(query)
        })]
    });
    let resolution = resolve(&server, "example.test:stun").await;
    assert_eq!(addresses(&resolution).len(), 3);
}

/// What a server may send is bounded: records, addresses, candidates.
#[tokio::test]
async fn an_answer_that_is_meant_to_flood_us_is_cut_short() {
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
        vec![Say::Answer(if over_tcp {
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

/// A name that "does not exist" has no records, whatever the answer holds.
#[tokio::test]
async fn records_of_a_name_that_does_not_exist_do_not_count() {
    let server = DnsServer::new(|query, _| {
        let mut answer = refusal(query, ResponseCode::NXDomain);
        answer.add_answer(record("h.test A 127.0.0.1"));
        vec![Say::Answer(answer)]
    });
    let error = failure(&resolve(&server, "h.test:7").await);
    assert_eq!(error.kind(), ErrorKind::HostNotFound);
}

/// SRV-13: a server that knows no extension and then says no more costs one share of the time.
#[tokio::test]
async fn asking_again_without_edns_takes_no_second_share() {
    let server = DnsServer::new(|query, _| match query.edns {
        Some(_) => vec![Say::Answer(refusal(query, ResponseCode::FormErr))],
        None => Vec::new(),
    });
    let limit = Duration::from_millis(400);
    let resolver = server.resolver_builder().timeout(limit).attempts(1).build();
    let started = Instant::now();
    let error = failure(&resolver.resolve(&endpoint("h.test:7")).await);
    assert_eq!(error.kind(), ErrorKind::NameServer);
    // Each try ends at its share, so that both families together end at the limit; what is beyond is the
    // machine's.
    assert!(
        error.to_string().contains("did not answer within"),
        "{error}"
    );
    assert!(started.elapsed() >= limit);
}
