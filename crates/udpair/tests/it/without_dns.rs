//! What works, and what is refused, in a build without the feature `dns`.

use std::fs;
use std::net::SocketAddr;
use std::time::Instant;

use udpair::{
    AddressFamily, AddressSource, DatagramSocket, Endpoint, Error, ErrorKind, Resolution, Resolver,
    Step,
};

use crate::support::{Peer, TIMEOUT, TempFile, soon};

/// Checks that an error is about the missing feature.
fn assert_names_feature(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("feature \"dns\""), "{error}");
    let advice = error.advice().unwrap_or_default();
    assert!(advice.contains("`dns`"), "{advice}");
}

async fn resolve(resolver: &Resolver, remote: &str) -> Resolution {
    let remote: Endpoint = remote.parse().unwrap();
    soon(resolver.resolve(&remote)).await
}

fn addresses(resolution: &Resolution) -> Vec<SocketAddr> {
    let candidates = resolution.candidates().unwrap();
    candidates.iter().map(|found| found.address).collect()
}

/// SRV-04: a service that only SRV records can have.
#[tokio::test]
async fn a_service_that_no_file_lists_is_an_error_that_names_the_feature() {
    let listed = Resolver::builder().services_text("stun 3478/udp");
    let srv_only = listed.clone().srv_only(true).build();
    let listed = listed.build();
    for (resolver, remote) in [
        (&listed, "host.test:no-such-service"),
        (&listed, "host.test:_stun"),
        (&listed, "_stun._udp.host.test:stun"),
        (&srv_only, "host.test:stun"),
    ] {
        let resolution = resolve(resolver, remote).await;
        assert_names_feature(&resolution.candidates().unwrap_err());
        let Some(Step::Srv(step)) = resolution.steps().last() else {
            panic!("{remote}: {:#?}", resolution.steps());
        };
        assert!(step.queries.is_empty() && step.error.is_some(), "{step:?}");

        let builder = DatagramSocket::builder().resolver(resolver);
        let error = soon(builder.connect(remote)).await.unwrap_err();
        assert_names_feature(&error);
    }
}

/// SRV-08: name servers of the caller's choice.
#[tokio::test]
async fn a_host_for_given_name_servers_is_an_error_that_names_the_feature() {
    let server = Peer::new();
    let hosts = TempFile::new("192.0.2.7 listed.test\n");
    let resolver = Resolver::builder()
        .dns_servers([server.addr()])
        .hosts_file(hosts.path())
        .attempts(1)
        .attempt_timeout(TIMEOUT)
        .cache(false)
        .rng(|max| max)
        .clock(Instant::now)
        .build();
    for remote in ["host.test:7", "localhost.test:7", "printer.local:7"] {
        let resolution = resolve(&resolver, remote).await;
        assert_names_feature(&resolution.candidates().unwrap_err());
        let Some(Step::Address(step)) = resolution.steps().last() else {
            panic!("{remote}: {:#?}", resolution.steps());
        };
        assert_eq!(step.source, AddressSource::Dns);
        assert!(step.queries.is_empty() && step.error.is_some(), "{step:?}");
    }
    let builder = DatagramSocket::builder().resolver(&resolver);
    let error = soon(builder.connect("host.test:7")).await.unwrap_err();
    assert_names_feature(&error);

    // What needs no server works all the same.
    let resolution = resolve(&resolver, "listed.test:7").await;
    assert_eq!(addresses(&resolution), ["192.0.2.7:7".parse().unwrap()]);
    let resolution = resolve(&resolver, "192.0.2.9:7").await;
    assert_eq!(addresses(&resolution), ["192.0.2.9:7".parse().unwrap()]);
    let resolution = resolve(&resolver, "localhost:7").await;
    assert!(
        addresses(&resolution)
            .iter()
            .all(|found| found.ip().is_loopback())
    );
    assert!(resolver.pending_lookups().is_empty());
    // Nothing came before this datagram.
    Peer::new().send(b"fence", server.addr());
    assert_eq!(server.recv().0, b"fence");
}

/// SVC-01, ADR-01: the services file and the system's resolver.
#[tokio::test]
async fn a_socket_connects_by_a_listed_service_and_a_host_that_the_system_knows() {
    let peer = Peer::new();
    let services = format!("echo-test {}/udp", peer.addr().port());
    let resolver = Resolver::builder().services_text(&services);
    let resolver = resolver.family(AddressFamily::Ipv4).build();
    // Only names of the hosts file, so that no query leaves the machine.
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    let rows = hosts
        .lines()
        .map(|row| row.split('#').next().unwrap_or_default());
    let names = rows.flat_map(|row| row.split_whitespace().skip(1));
    for host in names.filter(|name| !name.contains("localhost")) {
        let resolution = resolve(&resolver, &format!("{host}:echo-test")).await;
        let Some(Step::Address(step)) = resolution.steps().get(1) else {
            panic!("{:#?}", resolution.steps());
        };
        assert_eq!(step.source, AddressSource::System, "{host}");
        assert!(!addresses(&resolution).is_empty(), "{host}");
    }
    let builder = DatagramSocket::builder().resolver(&resolver);
    let socket = soon(builder.connect("localhost:echo-test")).await.unwrap();
    assert_eq!(socket.peer_addr(), Some(peer.addr()));
}
