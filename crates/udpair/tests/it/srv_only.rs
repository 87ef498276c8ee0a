//! SRV records of a service that the services file lists, too: which of the two counts, how a
//! caller chooses, and what is said about it.

use udpair::{
    DatagramSocket, EndpointPair, ErrorKind, Resolution, Resolver, ServiceSource, ServiceStep, Step,
};

use crate::resolve::{addresses, failure};
use crate::support::dns::{DnsServer, Zone};
use crate::support::{TempFile, endpoint};

/// Returns a zone with SRV records at another port than the one in [`SERVICES`].
fn server() -> DnsServer {
    DnsServer::with_zone(Zone::new(
        "_sip._udp.example.test SRV 0 0 2222 h.example.test
         _sip._a._udp.example.test SRV 0 0 3333 h.example.test
         _sip._udp._stun._udp.example.test SRV 0 0 4444 h.example.test
         _sip._udp.web SRV 0 0 5555 h.example.test
         example.test A 127.0.0.9
         h.example.test A 127.0.0.1
         _stun._udp.example.test A 127.0.0.8",
    ))
}

const SERVICES: &str = "sip 1111/udp\nsip._a 1112/udp\n_sip 1113/udp\n";

fn resolver(server: &DnsServer, srv_only: bool) -> Resolver {
    let builder = server.resolver_builder().services_text(SERVICES);
    builder.srv_only(srv_only).build()
}

fn service_step(resolution: &Resolution) -> &ServiceStep {
    let Some(Step::Service(step)) = resolution.steps().first() else {
        panic!("{:#?}", resolution.steps());
    };
    step
}

/// SRV-16: the file counts, unless the caller says or writes otherwise.
#[tokio::test]
async fn dns_is_queried_for_a_listed_service_only_on_request() {
    for (remote, srv_only, address) in [
        ("example.test:sip", false, "127.0.0.9:1111"),
        ("example.test:SIP", false, "127.0.0.9:1111"),
        ("example.test:sip._a", false, "127.0.0.9:1112"),
        ("example.test:sip", true, "127.0.0.1:2222"),
        ("example.test:_sip", false, "127.0.0.1:2222"),
        ("example.test:_SIP", false, "127.0.0.1:2222"),
        ("example.test:_sip", true, "127.0.0.1:2222"),
        ("example.test:sip._a", true, "127.0.0.1:3333"),
        ("example.test:_sip._a", false, "127.0.0.1:3333"),
        ("_sip._udp.example.test:sip", false, "127.0.0.1:2222"),
        ("_SIP._UDP.Example.test.:Sip", false, "127.0.0.1:2222"),
        ("_sip._udp.example.test:_sip", false, "127.0.0.1:2222"),
        ("_sip._udp.example.test:sip", true, "127.0.0.1:2222"),
        ("_sip._a._udp.example.test:sip._a", false, "127.0.0.1:3333"),
        // Another service at a host that is called like SRV records.
        ("_stun._udp.example.test:sip", false, "127.0.0.8:1111"),
        ("_stun._udp.example.test:sip", true, "127.0.0.1:4444"),
        ("_stun._udp.example.test:7", true, "127.0.0.8:7"),
        ("192.0.2.1:sip", false, "192.0.2.1:1111"),
        ("192.0.2.1:7", true, "192.0.2.1:7"),
    ] {
        let server = server();
        let resolver = resolver(&server, srv_only);
        let resolution = resolver.resolve(&endpoint(remote)).await;
        assert_eq!(addresses(&resolution), [address], "{remote} {srv_only}");
        let is_by_srv = address.starts_with("127.0.0.1:");
        let queries = server.queries();
        let asks_srv = queries
            .iter()
            .filter(|query| query.ends_with("SRV"))
            .count();
        assert_eq!(asks_srv, usize::from(is_by_srv), "{remote} {queries:?}");
        let step = service_step(&resolution);
        let is_srv_only = step.source == ServiceSource::SrvOnly;
        assert_eq!(is_srv_only, is_by_srv, "{remote}: {step:?}");

        let (host, service) = remote.rsplit_once(':').unwrap();
        let socket = DatagramSocket::builder()
            .resolver(&resolver)
            .open()
            .unwrap();
        let pair = EndpointPair::to(host, service).unwrap();
        let output = socket.output_to(pair.remote()).await.unwrap();
        let destination = output.destination().unwrap().to_string();
        assert_eq!(destination, address, "{remote} {srv_only}");
    }
}

/// SRV-16: the step says which records were not queried.
#[tokio::test]
async fn a_step_names_the_srv_records_that_the_services_file_hides() {
    let server = server();
    let file = TempFile::new(SERVICES);
    let resolver = server.resolver_builder().services_file(file.path()).build();
    for (remote, hidden) in [
        ("example.test:sip", Some("_sip._udp.example.test")),
        ("Example.test.:SIP", Some("_sip._udp.example.test")),
        ("example.test:sip._a", Some("_sip._a._udp.example.test")),
        ("example.test:7", None),
        ("example.test:_sip", None),
        ("_sip._udp.example.test:sip", None),
        ("192.0.2.1:sip", None),
        ("localhost:sip", None),
        ("example.test:other", None),
    ] {
        let resolution = resolver.resolve(&endpoint(remote)).await;
        let step = service_step(&resolution);
        assert_eq!(step.hidden_srv.as_deref(), hidden, "{remote}");
    }
}

/// SRV-16: the records may be what the caller wanted.
#[tokio::test]
async fn an_error_says_that_the_services_file_hides_srv_records() {
    let server = DnsServer::with_zone(Zone::new(
        "_sip._udp.only-srv.test SRV 0 0 7 h.only-srv.test
         h.only-srv.test A 127.0.0.1",
    ));
    let resolver = resolver(&server, false);
    for remote in ["only-srv.test:sip", "gone.test:sip"] {
        let error = failure(&resolver.resolve(&endpoint(remote)).await);
        let connecting = DatagramSocket::builder().resolver(&resolver);
        let (host, service) = remote.split_once(':').unwrap();
        let pair = EndpointPair::to(host, service).unwrap();
        let errors = [error, connecting.connect(&pair).await.unwrap_err()];
        for error in errors {
            let advice = error.advice().expect("advice");
            let name = format!("_sip._udp.{host}");
            assert!(
                advice.contains(&name) && advice.contains("\"_sip\""),
                "{advice}"
            );
        }
    }
    let error = failure(&resolver.resolve(&endpoint("gone.test:7")).await);
    assert_eq!(error.advice(), None);
    // The advice works.
    let resolution = resolver.resolve(&endpoint("only-srv.test:_sip")).await;
    assert_eq!(addresses(&resolution), ["127.0.0.1:7"]);
    // So does the one for a port at a name of SRV records.
    let error = failure(
        &resolver
            .resolve(&endpoint("_sip._udp.only-srv.test:7"))
            .await,
    );
    assert!(
        error
            .advice()
            .is_some_and(|advice| advice.contains("\"_sip\"")),
        "{error:?}"
    );
}

/// SRV-06, SRV-16, SVC-09, SVC-10: what no SRV record can say.
#[tokio::test]
async fn services_of_addresses_and_of_this_machine_are_not_looked_up_in_dns() {
    let server = server();
    let resolver = resolver(&server, true);
    for remote in ["192.0.2.1:sip", "[::1]:sip", "localhost:sip"] {
        let error = failure(&resolver.resolve(&endpoint(remote)).await);
        assert_eq!(error.kind(), ErrorKind::ServiceNotFound, "{remote}");
    }
    // A local service has no SRV records, so that the file counts.
    let socket = DatagramSocket::builder()
        .resolver(&resolver)
        .bind(&endpoint("127.0.0.1:sip"))
        .await
        .unwrap();
    assert_eq!(socket.local_addr().unwrap().port(), 1111);
    assert!(server.queries().is_empty());
    // Where only DNS is queried, the embedded table has no say either.
    let error = failure(&resolver.resolve(&endpoint("example.test:ntp")).await);
    assert_eq!(error.kind(), ErrorKind::HostNotFound);
}

/// SRV-07
#[tokio::test]
async fn an_error_says_that_srv_takes_no_search_list() {
    let server = DnsServer::with_zone(Zone::new("_other._udp.web SRV 0 0 7 h.test"));
    let resolver = server.resolver();
    for (remote, is_short) in [
        ("web:sip", true),
        ("gone:sip", true),
        ("web.:sip", false),
        ("web.test:sip", false),
    ] {
        let error = failure(&resolver.resolve(&endpoint(remote)).await);
        let advice = error.advice().expect("advice");
        let is_said = advice.contains("SRV takes no search list: write the full name");
        assert_eq!(is_said, is_short, "{remote}: {advice}");
    }
}
