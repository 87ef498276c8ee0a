//! Targets of SRV records: names as DNS sends them, targets that are skipped, and hosts and
//! addresses that several records lead to.

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::{A, CNAME, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use udpair::{AddressFamily, DatagramSocket, EndpointPair, ErrorKind, Resolution, Step};

use crate::resolve::{addresses, failure, resolve};
use crate::support::dns::{DnsServer, Reply, Zone, answer_to};
use crate::support::{TempFile, endpoint};

/// Returns the hosts of the address steps.
fn hosts(resolution: &Resolution) -> Vec<&str> {
    let steps = resolution.steps().iter();
    let hosts = steps.filter_map(|step| match step {
        Step::Address(step) => Some(step.host.as_str()),
        _ => None,
    });
    hosts.collect()
}

/// Returns the records that were skipped, as "target port: reason".
fn skipped(resolution: &Resolution) -> Vec<String> {
    let mut steps = resolution.steps().iter();
    let step = steps.find_map(|step| match step {
        Step::Srv(step) => Some(step),
        _ => None,
    });
    let skipped = step.expect("a step for SRV records").skipped.iter();
    skipped
        .map(|skipped| {
            let record = &skipped.record;
            format!("{} {}: {}", record.target, record.port, skipped.reason)
        })
        .collect()
}

fn name(labels: &[&[u8]]) -> Name {
    Name::from_labels(labels.iter().copied()).unwrap()
}

/// Starts a server that knows one SRV record, whose target has this first label, and the address of
/// the target. If `alias`, there is a CNAME in between, of the same kind.
fn server_of(label: &'static [u8], alias: bool, sends_additional: bool) -> DnsServer {
    let target = name(&[label, b"x", b"test"]);
    let canonical = match alias {
        true => name(&[b"canonical", label, b"test"]),
        false => target.clone(),
    };
    DnsServer::new(move |query, _| {
        let mut answer = answer_to(query);
        let question = &query.queries[0];
        let address = || {
            let data = RData::A(A::new(127, 0, 0, 1));
            Record::from_rdata(canonical.clone(), 60, data)
        };
        match question.query_type() {
            RecordType::SRV => {
                let data = RData::SRV(SRV::new(0, 0, 9, target.clone()));
                answer.add_answer(Record::from_rdata(question.name().clone(), 60, data));
                if sends_additional && !alias {
                    answer.add_additional(address());
                }
            }
            RecordType::A if question.name() == &target => {
                if alias {
                    let data = RData::CNAME(CNAME(canonical.clone()));
                    answer.add_answer(Record::from_rdata(target.clone(), 60, data));
                } else {
                    answer.add_answer(address());
                }
            }
            RecordType::A if question.name() == &canonical => {
                answer.add_answer(address());
            }
            _ => {}
        }
        vec![Reply::Answer(answer)]
    })
}

/// SRV-11, HOST-06: names that DNS sends are not judged by the grammar of names that people write,
/// and are shown as DNS writes them.
#[tokio::test]
async fn a_target_may_have_any_name_that_dns_can_send() {
    for (label, shown) in [
        (b"under_score" as &[u8], "under_score"),
        (b"-hyphens-", "-hyphens-"),
        (b"xn--a", "xn--a"),
        (b"a b", "a\\032b"),
        (b"a.b", "a\\.b"),
        (b"star*", "star*"),
        (b"b\xc3\xbccher", "b\\195\\188cher"),
        (b"\0\x01\x7f\xff", "\\000\\001\\127\\255"),
        (b"back\\slash", "back\\\\slash"),
        (b"123", "123"),
        (&[b'\n'; 63], "\\010\\010\\010"),
    ] {
        for (alias, sends_additional) in [(false, true), (false, false), (true, false)] {
            let server = server_of(label, alias, sends_additional);
            let resolution = resolve(&server, "example.test:stun").await;
            assert_eq!(addresses(&resolution), ["127.0.0.1:9"], "{shown} {alias}");
            let [host] = hosts(&resolution)[..] else {
                panic!("{:#?}", resolution.steps());
            };
            assert!(
                host.starts_with(shown) && host.ends_with(".x.test"),
                "{host}"
            );
            let candidates = resolution.candidates().unwrap();
            let target = &candidates[0].srv.as_ref().unwrap().target;
            assert!(target.starts_with(shown), "{target}");
            let socket = DatagramSocket::builder()
                .resolver(&server.resolver())
                .connect(&EndpointPair::to("example.test", "stun").unwrap())
                .await
                .unwrap();
            assert_eq!(socket.peer_addr(), Some("127.0.0.1:9".parse().unwrap()));
        }
    }
    // The last label is a number, which no host name of a caller may have.
    let zone = Zone::new("_a._udp.x.test SRV 0 0 9 host.7\nhost.7 A 127.0.0.1");
    let server = DnsServer::with_zone(zone.without_additional());
    assert_eq!(
        addresses(&resolve(&server, "x.test:a").await),
        ["127.0.0.1:9"]
    );
}

/// SRV-11: an error writes the name that was queried as DNS writes it.
#[tokio::test]
async fn an_error_shows_escapes_as_decimal_numbers() {
    let server = DnsServer::new(|query: &Message, _| {
        let mut answer = answer_to(query);
        if query.queries[0].query_type() == RecordType::SRV {
            let target = name(&[b"a b\xff", b"test"]);
            let data = RData::SRV(SRV::new(0, 0, 9, target));
            answer.add_answer(Record::from_rdata(
                query.queries[0].name().clone(),
                60,
                data,
            ));
        }
        vec![Reply::Answer(answer)]
    });
    let resolution = resolve(&server, "example.test:stun").await;
    let error = failure(&resolution).to_string();
    assert!(error.contains("a\\032b\\255.test"), "{error}");
    let step = resolution.steps().iter().find_map(|step| match step {
        Step::Address(step) => Some(step),
        _ => None,
    });
    assert_eq!(step.unwrap().queries[0].name, "a\\032b\\255.test");
}

/// SRV-09, SRV-11, SRV-12
#[tokio::test]
async fn a_target_that_is_skipped_is_named_with_the_reason() {
    let text = "_a._udp.x.test SRV 1 0 7 192.0.2.1
         _a._udp.x.test SRV 1 0 7 2001:db8::1
         _a._udp.x.test SRV 1 0 0 no-port.x.test
         _a._udp.x.test SRV 1 0 7 .
         _a._udp.x.test SRV 2 0 7 here.x.test
         _b._udp.x.test SRV 1 0 7 192.0.2.1
         _c._udp.x.test SRV 1 0 0 here.x.test
         _d._udp.x.test SRV 1 0 0 .
         here.x.test A 127.0.0.1";
    let server = DnsServer::with_zone(Zone::new(text));
    let resolution = resolve(&server, "x.test:a").await;
    assert_eq!(addresses(&resolution), ["127.0.0.1:7"]);
    let found = skipped(&resolution);
    for (skipped, (target, reason)) in found.iter().zip([
        ("192.0.2.1 7", "address"),
        ("2001:db8::1 7", "address"),
        ("no-port.x.test 0", "port is 0"),
        (" 7", "root"),
    ]) {
        assert!(skipped.starts_with(&format!("{target}: ")), "{skipped}");
        assert!(skipped.contains(reason), "{skipped}");
    }
    assert_eq!(found.len(), 4, "{found:?}");

    for (service, part) in [
        ("b", "address"),
        ("c", "port is 0"),
        ("d", "no host offers"),
    ] {
        let resolution = resolve(&server, &format!("x.test:{service}")).await;
        let error = failure(&resolution);
        assert_eq!(error.kind(), ErrorKind::NoData, "{service}");
        assert!(error.to_string().contains(part), "{error}");
        // That no host offers the service is the result, and nothing was skipped.
        assert_eq!(skipped(&resolution).len(), usize::from(service != "d"));
    }
    // No address was queried for a record that is not used.
    let queries = server.queries();
    let is_used = |query: &String| query.contains("SRV") || query.starts_with("here.x.test ");
    assert!(queries.iter().all(is_used), "{queries:?}");
}

/// SRV-11: a host that several records name is looked up once, and each port is listed.
#[tokio::test]
async fn a_host_that_several_records_name_is_looked_up_once() {
    let text = "_a._udp.x.test SRV 1 0 7 h.x.test
         _a._udp.x.test SRV 2 0 8 H.X.test
         _a._udp.x.test SRV 3 0 7 h.x.test
         _a._udp.x.test SRV 4 0 7 gone.x.test
         _a._udp.x.test SRV 5 0 8 gone.x.test
         h.x.test A 127.0.0.1";
    let server = DnsServer::with_zone(Zone::new(text).without_additional());
    let resolver = server.resolver_builder().cache(false).build();
    let resolution = resolver.resolve(&endpoint("x.test:a")).await;
    assert_eq!(addresses(&resolution), ["127.0.0.1:7", "127.0.0.1:8"]);
    assert_eq!(hosts(&resolution), ["h.x.test", "gone.x.test"]);
    let mut queries = server.queries();
    queries.sort();
    let expected = [
        "_a._udp.x.test SRV",
        "gone.x.test A",
        "gone.x.test AAAA",
        "h.x.test A",
        "h.x.test AAAA",
    ];
    assert_eq!(queries, expected);
}

/// SRV-11: a socket looks a host up once, too, and tries no address twice.
#[tokio::test]
async fn connecting_looks_a_host_up_once_and_tries_an_address_once() {
    // Nobody can connect to a group, so that all addresses are refused.
    let text = "_a._udp.x.test SRV 1 0 7 h.x.test
         _a._udp.x.test SRV 2 0 7 h.x.test
         _a._udp.x.test SRV 3 0 8 h.x.test
         _a._udp.x.test SRV 4 0 7 other.x.test
         h.x.test A 224.0.0.1
         other.x.test A 224.0.0.1";
    let server = DnsServer::with_zone(Zone::new(text).without_additional());
    let resolver = server.resolver_builder().cache(false).build();
    let pair = EndpointPair::to("x.test", "a").unwrap();
    let builder = DatagramSocket::builder().resolver(&resolver);
    let error = builder.connect(&pair).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HostNotFound);
    assert!(error.to_string().contains("224.0.0.1:7"), "{error}");
    let mut queries = server.queries();
    queries.sort();
    let expected = [
        "_a._udp.x.test SRV",
        "h.x.test A",
        "h.x.test AAAA",
        "other.x.test A",
        "other.x.test AAAA",
    ];
    assert_eq!(queries, expected);
}

/// HOST-21, SRV-11
#[tokio::test]
async fn an_address_is_listed_once_whichever_records_lead_to_it() {
    for text in [
        "_a._udp.x.test SRV 1 0 7 one.x.test
         _a._udp.x.test SRV 2 0 7 two.x.test
         one.x.test A 127.0.0.1
         one.x.test A 127.0.0.1
         two.x.test A 127.0.0.1",
        "_a._udp.x.test SRV 1 0 7 one.x.test
         _a._udp.x.test SRV 2 0 7 two.x.test
         one.x.test A 127.0.0.1
         two.x.test CNAME one.x.test",
        "_a._udp.x.test SRV 1 0 7 one.x.test
         one.x.test A 127.0.0.1
         one.x.test AAAA ::ffff:127.0.0.1",
        "_a._udp.x.test SRV 1 0 7 one.x.test
         _a._udp.x.test SRV 2 0 7 two.x.test
         one.x.test AAAA ::ffff:127.0.0.1
         two.x.test A 127.0.0.1",
    ] {
        for zone in [Zone::new(text), Zone::new(text).without_additional()] {
            let server = DnsServer::with_zone(zone);
            let resolution = resolve(&server, "x.test:a").await;
            assert_eq!(addresses(&resolution), ["127.0.0.1:7"], "{text}");
        }
    }
}

/// HOST-21: an IPv4-mapped address is IPv4, whichever source has it.
#[tokio::test]
async fn a_mapped_address_is_ipv4() {
    let zone =
        "h.test AAAA ::ffff:192.0.2.1\nboth.test AAAA ::ffff:192.0.2.1\nboth.test A 192.0.2.1";
    let server = DnsServer::with_zone(Zone::new(zone));
    for remote in ["h.test:7", "both.test:7"] {
        let resolution = resolve(&server, remote).await;
        assert_eq!(addresses(&resolution), ["192.0.2.1:7"], "{remote}");
    }
    let resolver = server
        .resolver_builder()
        .family(AddressFamily::Ipv6)
        .build();
    let error = failure(&resolver.resolve(&endpoint("h.test:7")).await);
    assert_eq!(error.kind(), ErrorKind::FamilyNotSupported);

    let hosts = TempFile::new("::ffff:192.0.2.7 h.test\n");
    let builder = server.resolver_builder().hosts_file(hosts.path());
    let resolution = builder.build().resolve(&endpoint("h.test:7")).await;
    assert_eq!(addresses(&resolution), ["192.0.2.7:7"]);
}

/// SVC-07, SRV-05: a services file may list names that DNS does not have.
#[tokio::test]
async fn a_service_that_the_services_file_lists_may_have_any_name() {
    let server = DnsServer::with_zone(Zone::new("x.test A 127.0.0.1"));
    let services = "whois++ 63/udp\n914c/g 211/udp\nsql*net 66/udp 'quoted'\nnone++ 1/tcp\n";
    let resolver = server.resolver_builder().services_text(services).build();
    for (service, port) in [
        ("whois++", 63),
        ("WHOIS++", 63),
        ("914c/g", 211),
        ("sql*net", 66),
        ("'quoted'", 66),
    ] {
        for host in ["127.0.0.1", "x.test"] {
            let resolution = resolver
                .resolve(&endpoint(&format!("{host}:{service}")))
                .await;
            assert_eq!(addresses(&resolution), [format!("127.0.0.1:{port}")]);
        }
    }
    for service in ["none++", "whois+", "stun!", "_sip!"] {
        let error = failure(
            &resolver
                .resolve(&endpoint(&format!("x.test:{service}")))
                .await,
        );
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{service}");
        assert!(error.to_string().contains(service), "{error}");
        let error = failure(
            &resolver
                .resolve(&endpoint(&format!("127.0.0.1:{service}")))
                .await,
        );
        assert_eq!(error.kind(), ErrorKind::ServiceNotFound, "{service}");
    }
    let queries = server.queries();
    assert!(
        queries.iter().all(|query| query.starts_with("x.test ")),
        "{queries:?}"
    );
}
