//! Name resolution with a name server that the test controls.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use udpair::{AddressSource, ErrorKind, Precedence, Resolution, Resolver, ServiceSource, Step};

use crate::support::dns::{DnsServer, Reply, Zone, answer_to};
use crate::support::{Peer, TempFile, endpoint};

/// Returns the zone of most tests: two targets with two priorities and three addresses.
pub(crate) fn zone() -> Zone {
    Zone::new(
        "_stun._udp.example.test SRV 10 0 3478 one.example.test
         _stun._udp.example.test SRV 20 5 3479 two.example.test
         _stun._service01._udp.example.test SRV 0 0 3480 one.example.test
         one.example.test A 127.0.0.1
         one.example.test AAAA ::1
         two.example.test A 127.0.0.2
         alias.example.test CNAME one.example.test",
    )
}

/// Returns the same zone, in which both targets have addresses of both families. So an answer with
/// SRV records includes all that is asked for.
pub(crate) fn complete_zone() -> Zone {
    zone().with("two.example.test AAAA ::1")
}

pub(crate) async fn resolve(server: &DnsServer, remote: &str) -> Resolution {
    server.resolver().resolve(&endpoint(remote)).await
}

pub(crate) fn addresses(resolution: &Resolution) -> Vec<String> {
    let candidates = resolution
        .candidates()
        .unwrap_or_else(|error| panic!("{error:?}"));
    candidates
        .iter()
        .map(|candidate| candidate.address.to_string())
        .collect()
}

pub(crate) fn failure(resolution: &Resolution) -> udpair::Error {
    resolution.candidates().expect_err("no candidate")
}

/// SRV-01, SRV-11: the answer has the SRV records and, in the additional section, their addresses.
#[tokio::test]
async fn srv_needs_one_round_trip_if_the_answer_includes_the_addresses() {
    let server = DnsServer::with_zone(complete_zone());
    let resolution = resolve(&server, "example.test:stun").await;

    assert_eq!(
        addresses(&resolution),
        [
            "[::1]:3478",
            "127.0.0.1:3478",
            "[::1]:3479",
            "127.0.0.2:3479"
        ]
    );
    assert_eq!(server.queries(), ["_stun._udp.example.test SRV"]);
}

/// SRV-11: for both families.
#[tokio::test]
async fn targets_without_addresses_in_the_answer_are_queried() {
    let server = DnsServer::with_zone(zone().without_additional());
    let resolution = resolve(&server, "example.test:stun").await;

    assert_eq!(
        addresses(&resolution),
        ["[::1]:3478", "127.0.0.1:3478", "127.0.0.2:3479"]
    );
    let mut queries = server.queries();
    queries.sort();
    assert_eq!(
        queries,
        [
            "_stun._udp.example.test SRV",
            "one.example.test A",
            "one.example.test AAAA",
            "two.example.test A",
            "two.example.test AAAA",
        ]
    );
}

/// SRV-11
#[tokio::test]
async fn both_families_are_queried_at_once() {
    let server = Peer::new();
    let resolver = Resolver::builder()
        .dns_servers([server.addr()])
        .timeout(crate::support::TIMEOUT)
        .build();
    let remote = endpoint("host.test:7");
    let mut resolving = pin!(resolver.resolve(&remote));
    let polled = resolving
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    // Both queries have arrived before any reply.
    let mut types = [server.recv(), server.recv()].map(|(query, _)| {
        let query = Message::from_vec(&query).unwrap();
        query.queries[0].query_type().to_string()
    });
    types.sort();
    assert_eq!(types, ["A", "AAAA"]);
}

/// SRV-02, SRV-03, SRV-07
#[tokio::test]
async fn the_srv_query_is_made_of_service_and_host() {
    for (remote, query) in [
        (
            "example.test:stun._service01",
            "_stun._service01._udp.example.test SRV",
        ),
        ("Example.TEST.:STUN", "_stun._udp.example.test SRV"),
        ("bücher.test:_stun", "_stun._udp.xn--bcher-kva.test SRV"),
    ] {
        let server = DnsServer::with_zone(complete_zone());
        resolve(&server, remote).await;
        assert_eq!(server.queries(), [query], "{remote}");
    }
}

/// SVC-01, SVC-03, GEP-04
#[tokio::test]
async fn port_numbers_and_addresses_are_not_looked_up() {
    let server = DnsServer::with_zone(zone());
    for (remote, address) in [
        ("192.0.2.1:00080", "192.0.2.1:80"),
        ("[2001:db8::1]:53", "[2001:db8::1]:53"),
        ("192.0.2.1:0", "192.0.2.1:0"),
        ("[::ffff:192.0.2.1]:53", "192.0.2.1:53"),
    ] {
        assert_eq!(
            addresses(&resolve(&server, remote).await),
            [address],
            "{remote}"
        );
    }
    assert!(server.queries().is_empty());
}

/// SRV-16, SVC-06, SVC-08: the file is read again when it changes.
#[tokio::test]
async fn a_service_in_the_services_file_is_not_queried_in_dns() {
    let server = DnsServer::with_zone(zone());
    let services = TempFile::new("stun 1111/udp\nhttp 80/tcp\n");
    let resolver = server
        .resolver_builder()
        .services_file(services.path())
        .build();

    let resolution = resolver.resolve(&endpoint("127.0.0.1:STUN")).await;
    assert_eq!(addresses(&resolution), ["127.0.0.1:1111"]);
    services.write("stun 22222/udp # of another length\n");
    let resolution = resolver.resolve(&endpoint("127.0.0.1:stun")).await;
    assert_eq!(addresses(&resolution), ["127.0.0.1:22222"]);
    assert!(server.queries().is_empty());

    // A service that is listed only for tcp counts as not listed.
    let resolution = resolver.resolve(&endpoint("example.test:http")).await;
    assert_eq!(failure(&resolution).kind(), ErrorKind::HostNotFound);
    assert_eq!(server.queries(), ["_http._udp.example.test SRV"]);
}

/// SVC-10
#[tokio::test]
async fn a_configured_services_file_must_exist() {
    let server = DnsServer::with_zone(zone());
    let resolver = server
        .resolver_builder()
        .services_file("/nonexistent/services")
        .build();
    let error = failure(&resolver.resolve(&endpoint("example.test:stun")).await);
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(
        error.to_string().contains("/nonexistent/services"),
        "{error}"
    );
    assert!(error.raw_os_error().is_some());
    assert!(server.queries().is_empty());
}

/// SRV-06
#[tokio::test]
async fn srv_records_are_not_queried_for_an_address_or_localhost() {
    let server = DnsServer::with_zone(zone());
    for remote in [
        "192.0.2.1:stun",
        "[::1]:stun",
        "localhost:stun",
        "db.localhost:stun",
    ] {
        let error = failure(&resolve(&server, remote).await);
        assert_eq!(error.kind(), ErrorKind::ServiceNotFound, "{remote}");
        assert_eq!(error.status().number(), 9, "{remote}");
    }
    assert!(server.queries().is_empty());
}

/// SRV-09, SRV-12
#[tokio::test]
async fn a_single_srv_record_with_a_root_target_means_that_the_service_is_not_offered() {
    let server = DnsServer::with_zone(Zone::new(
        "_stun._udp.none.test SRV 0 0 0 .
         _stun._udp.mixed.test SRV 0 0 0 .
         _stun._udp.mixed.test SRV 1 0 0 no-port.mixed.test
         _stun._udp.mixed.test SRV 9 0 5 host.mixed.test
         host.mixed.test A 127.0.0.1
         none.test A 127.0.0.1",
    ));
    let error = failure(&resolve(&server, "none.test:stun").await);
    assert_eq!(error.kind(), ErrorKind::NoData);
    assert_eq!(error.status().number(), 7);
    assert_eq!(
        server.queries(),
        ["_stun._udp.none.test SRV"],
        "addresses were queried"
    );

    let resolution = resolve(&server, "mixed.test:stun").await;
    assert_eq!(addresses(&resolution), ["127.0.0.1:5"]);
}

/// SRV-10: the candidates report which of the two decided.
#[tokio::test]
async fn srv_records_are_ordered_by_priority_and_then_by_random_weight() {
    let zone = Zone::new(
        "_a._udp.w.test SRV 5 0 10 h.w.test
         _a._udp.w.test SRV 5 10 11 h.w.test
         _a._udp.w.test SRV 5 30 12 h.w.test
         _a._udp.w.test SRV 1 0 13 h.w.test
         h.w.test A 127.0.0.1",
    );
    let server = DnsServer::with_zone(zone);
    for (random, ports) in [
        (0, [13, 10, 11, 12]),
        (5, [13, 11, 12, 10]),
        (30, [13, 12, 11, 10]),
    ] {
        let resolver = server
            .resolver_builder()
            .rng(move |max| random.min(max))
            .build();
        let resolution = resolver.resolve(&endpoint("w.test:a")).await;
        let candidates = resolution.candidates().unwrap();
        let found: Vec<_> = candidates.iter().map(|c| c.address.port()).collect();
        assert_eq!(found, ports, "{random}");
        assert_eq!(candidates[0].before_next, Some(Precedence::SrvPriority));
        assert_eq!(candidates[1].before_next, Some(Precedence::SrvWeight));
        assert_eq!(candidates[3].before_next, None);
    }
}

/// SRV-11: in one answer or over several.
#[tokio::test]
async fn aliases_of_the_srv_owner_and_of_the_target_are_followed() {
    let text = "_stun._udp.a.test CNAME _stun._udp.b.test
         _stun._udp.b.test SRV 0 0 7 alias.b.test
         alias.b.test CNAME host.b.test
         host.b.test A 127.0.0.1";
    for zone in [
        Zone::new(text),
        Zone::new(text).without_additional(),
        Zone::new(text).without_additional().without_following(),
    ] {
        let server = DnsServer::with_zone(zone);
        let resolution = resolve(&server, "a.test:stun").await;
        assert_eq!(
            addresses(&resolution),
            ["127.0.0.1:7"],
            "{:?}",
            server.queries()
        );
    }
}

#[tokio::test]
async fn hosts_with_addresses_of_one_family_are_found() {
    let zone = Zone::new("four.test A 127.0.0.1\nsix.test AAAA ::1\n");
    let server = DnsServer::with_zone(zone);
    assert_eq!(
        addresses(&resolve(&server, "four.test:7").await),
        ["127.0.0.1:7"]
    );
    assert_eq!(
        addresses(&resolve(&server, "six.test:7").await),
        ["[::1]:7"]
    );
    let error = failure(&resolve(&server, "none.test:7").await);
    assert_eq!(error.kind(), ErrorKind::HostNotFound);
}

/// Some servers do not reply to AAAA queries. Such a server costs time, but does not fail the
/// resolution.
#[tokio::test]
async fn a_family_without_a_reply_does_not_hide_the_other() {
    let zone = Zone::new("h.test A 127.0.0.1\n");
    let server = DnsServer::new(move |query, _| match query.queries[0].query_type() {
        RecordType::A => vec![Reply::Answer(zone.answer(query))],
        _ => Vec::new(),
    });
    let limit = Duration::from_millis(200);
    let resolver = server.resolver_builder().timeout(limit).build();
    let resolution = resolver.resolve(&endpoint("h.test:7")).await;
    assert_eq!(addresses(&resolution), ["127.0.0.1:7"]);
}

/// SRV-08
#[tokio::test]
async fn an_empty_list_of_name_servers_is_an_error() {
    let resolver = Resolver::builder()
        .dns_servers([])
        .services_text("")
        .build();
    for remote in ["h.test:7", "h.test:stun"] {
        let error = failure(&resolver.resolve(&endpoint(remote)).await);
        assert_eq!(error.kind(), ErrorKind::NameServer, "{remote}");
        assert!(error.to_string().contains("no name server"), "{error}");
    }
}

#[tokio::test]
async fn a_resolver_can_be_restricted_to_one_family() {
    use udpair::AddressFamily::{Ipv4, Ipv6};
    let server = DnsServer::with_zone(zone());
    for (family, remote, expected) in [
        (Ipv4, "one.example.test:7", "127.0.0.1:7"),
        (Ipv6, "one.example.test:7", "[::1]:7"),
        (Ipv4, "127.0.0.1:7", "127.0.0.1:7"),
    ] {
        let resolver = server.resolver_builder().family(family).build();
        let resolution = resolver.resolve(&endpoint(remote)).await;
        assert_eq!(addresses(&resolution), [expected], "{family} {remote}");
    }
    let resolver = server.resolver_builder().family(Ipv6).build();
    let error = failure(&resolver.resolve(&endpoint("127.0.0.1:7")).await);
    assert_eq!(error.kind(), ErrorKind::FamilyNotSupported);
    assert_eq!(
        server.queries(),
        ["one.example.test A", "one.example.test AAAA"]
    );
}

/// HOST-19, GEN-11
#[tokio::test]
async fn localhost_is_resolved_without_a_query() {
    let server = DnsServer::with_zone(zone());
    for remote in ["localhost:7", "LOCALHOST.:7", "db.localhost:7"] {
        let found = addresses(&resolve(&server, remote).await);
        assert!(
            found.contains(&"127.0.0.1:7".to_owned()),
            "{remote}: {found:?}"
        );
        assert!(
            found
                .iter()
                .all(|text| { text.parse::<SocketAddr>().unwrap().ip().is_loopback() })
        );
    }
    assert!(server.queries().is_empty());
}

/// HOST-20, GEN-11
#[tokio::test]
async fn a_hosts_file_takes_precedence_over_dns() {
    let server = DnsServer::with_zone(zone());
    let hosts = TempFile::new("192.0.2.7 one.example.test\n");
    let resolver = server.resolver_builder().hosts_file(hosts.path()).build();
    let resolution = resolver.resolve(&endpoint("one.example.test:7")).await;
    assert_eq!(addresses(&resolution), ["192.0.2.7:7"]);
    assert!(server.queries().is_empty());

    let resolution = resolver.resolve(&endpoint("two.example.test:7")).await;
    assert_eq!(addresses(&resolution), ["127.0.0.2:7"]);
}

/// HOST-20: a resolver without its own servers uses the system's resolver, which reads the hosts
/// file.
#[tokio::test]
async fn the_system_resolver_finds_names_in_its_hosts_file() {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let names = hosts
        .lines()
        .flat_map(|line| line.split_whitespace().skip(1));
    // Only a name in the hosts file is resolved, so that no query leaves the machine.
    let Some(name) = names
        .filter(|name| !name.starts_with('#'))
        .find(|name| !name.contains("localhost"))
    else {
        return;
    };
    let resolution = Resolver::system()
        .resolve(&endpoint(&format!("{name}:7")))
        .await;
    let Some(Step::Address(step)) = resolution.steps().get(1) else {
        panic!("{:?}", resolution.steps());
    };
    assert_eq!(step.source, AddressSource::System, "{name}");
    assert!(!addresses(&resolution).is_empty(), "{name}");
}

/// Each step has its source and its outcome.
#[tokio::test]
async fn a_resolution_reports_all_its_steps() {
    let server = DnsServer::with_zone(zone());
    let resolution = resolve(&server, "example.test:stun").await;
    let [
        Step::Service(service),
        Step::Srv(srv),
        Step::Address(one),
        Step::Address(two),
        Step::Order(order),
    ] = resolution.steps()
    else {
        panic!("{:#?}", resolution.steps());
    };
    assert_eq!(service.source, ServiceSource::Text);
    assert_eq!(service.port, None);
    assert_eq!(srv.name, "_stun._udp.example.test");
    assert_eq!(srv.records.len(), 2);
    assert_eq!(srv.records[0].ttl, 60);
    assert_eq!(srv.queries.len(), 1);
    assert_eq!(srv.queries[0].server, server.address());
    assert_eq!(one.host, "one.example.test");
    assert_eq!(one.source, AddressSource::Additional(server.address()));
    assert_eq!(one.addresses[0].ttl, Some(Duration::from_secs(60)));
    assert_eq!(two.addresses.len(), 1);
    assert_eq!(order.as_slice(), resolution.candidates().unwrap());
    assert_eq!(order[0].source, Some("::1".parse().unwrap()));
}

#[tokio::test]
async fn a_failed_resolution_reports_its_steps_too() {
    let server = DnsServer::with_zone(zone());
    let resolution = resolve(&server, "nothing.test:stun").await;
    let Some(Step::Srv(srv)) = resolution.steps().last() else {
        panic!("{:#?}", resolution.steps());
    };
    assert_eq!(srv.queries[0].outcome.to_string(), "NXDOMAIN");
    assert_eq!(srv.error, Some(failure(&resolution).to_string()));
}

/// SRV-11: targets that fail are left out; if all fail, the last failure is the error.
#[tokio::test]
async fn a_target_that_does_not_resolve_is_left_out() {
    let text = "_a._udp.x.test SRV 1 0 1 gone.x.test
         _a._udp.x.test SRV 2 0 2 here.x.test
         here.x.test A 127.0.0.1
         _b._udp.x.test SRV 1 0 1 gone.x.test";
    let server = DnsServer::with_zone(Zone::new(text));
    assert_eq!(
        addresses(&resolve(&server, "x.test:a").await),
        ["127.0.0.1:2"]
    );
    let error = failure(&resolve(&server, "x.test:b").await);
    assert_eq!(error.kind(), ErrorKind::HostNotFound);
    assert!(error.to_string().contains("gone.x.test"), "{error}");
}

/// CON-02, SVC-02: a missing part is an error before any query is sent.
#[tokio::test]
async fn a_remote_endpoint_needs_host_and_service() {
    let server = DnsServer::with_zone(zone());
    for (remote, part) in [
        (":stun", "host"),
        ("example.test:", "service"),
        (":", "host"),
    ] {
        let error = failure(&resolve(&server, remote).await);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{remote}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.advice().is_some());
    }
    assert!(server.queries().is_empty());
}

/// SRV-05, SRV-07
#[tokio::test]
async fn a_name_that_is_too_long_for_dns_is_an_invalid_argument() {
    let server = DnsServer::with_zone(zone());
    let label = "a".repeat(60);
    let host = [label.as_str(); 4].join(".");
    let error = failure(&resolve(&server, &format!("{host}:{label}")).await);
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(server.queries().is_empty());
}

/// GEN-05
#[tokio::test]
async fn a_dropped_resolution_sends_no_more_queries() {
    let server = DnsServer::silent();
    let resolver = server.resolver();
    let remote = endpoint("example.test:stun");
    {
        let mut resolving = Box::pin(resolver.resolve(&remote));
        // Polled until the server has received the query, then dropped.
        tokio::select! {
            _ = &mut resolving => panic!("the server is silent"),
            () = async { while server.queries().is_empty() { tokio::task::yield_now().await } } => {}
        }
    }
    let answering = DnsServer::new(|query, _| vec![Reply::Answer(answer_to(query))]);
    resolve(&answering, "example.test:stun").await;
    assert_eq!(server.queries().len(), 1);
}

/// GEN-11
#[tokio::test]
async fn a_server_may_be_given_by_a_mapped_or_an_unspecified_address() {
    let server = DnsServer::with_zone(zone());
    let port = server.address().port();
    for address in [
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("0.0.0.0:{port}"),
    ] {
        let resolver = server
            .resolver_builder()
            .dns_servers([address.parse().unwrap()])
            .build();
        let resolution = resolver.resolve(&endpoint("example.test:stun")).await;
        assert_eq!(addresses(&resolution).len(), 3, "{address}");
    }
}

/// A time limit beyond the range of the clock is no limit.
#[tokio::test]
async fn the_longest_time_limits_are_accepted() {
    let server = DnsServer::with_zone(zone());
    let builder = server
        .resolver_builder()
        .timeout(Duration::MAX)
        .attempt_timeout(Duration::MAX);
    let resolution = builder
        .attempts(u32::MAX)
        .build()
        .resolve(&endpoint("example.test:stun"))
        .await;
    assert_eq!(addresses(&resolution).len(), 3);
}
