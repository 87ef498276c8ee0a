//! Lists of endpoint pairs, for a machine with two IPv4 loopback addresses and one IPv6 address.

use std::io;
use std::net::IpAddr;

use udpair::{
    Adapter, EndpointPair, ErrorKind, HostName, PairOrder, Resolver, sort_endpoint_pairs,
};

#[cfg(feature = "dns")]
use crate::support::dns::{DnsServer, Zone};
use crate::support::{builders, endpoint};

/// Returns the loopback adapter with these addresses.
fn loopback_with(addresses: &[&str]) -> io::Result<Vec<Adapter>> {
    let mut adapters = udpair::adapters()?.into_iter();
    let mut adapter = adapters
        .find(|adapter| adapter.is_loopback)
        .expect("a loopback adapter");
    let template = adapter.addresses[0];
    adapter.addresses = addresses
        .iter()
        .map(|ip| {
            let mut address = template;
            address.ip = ip.parse().unwrap();
            address.prefix_length = Some(if address.ip.is_ipv4() { 8 } else { 128 });
            address
        })
        .collect();
    Ok(vec![adapter])
}

#[cfg(feature = "dns")]
fn resolver(server: &DnsServer) -> Resolver {
    server
        .resolver_builder()
        .adapters(|| loopback_with(&["127.0.0.1", "127.0.0.2", "::1"]))
        .build()
}

async fn pairs(resolver: &Resolver, remote: &str, order: PairOrder) -> Vec<String> {
    let pairs = resolver.endpoint_pairs(&endpoint(remote), order).await;
    let pairs = pairs.unwrap_or_else(|error| panic!("{remote}: {error:?}"));
    pairs.iter().map(ToString::to_string).collect()
}

/// GEP-03, GEP-06, GEP-07: each remote address with each local address that has a route to it.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_quick_order_varies_both_ends_and_the_long_order_keeps_the_best_local_end() {
    let server = DnsServer::with_zone(Zone::new(
        "example.test A 127.0.0.8
         example.test A 127.0.0.9",
    ));
    let resolver = resolver(&server);
    let long = pairs(&resolver, "example.test:7", PairOrder::Long).await;
    assert_eq!(
        long,
        [
            "127.0.0.1: -> 127.0.0.8:7",
            "127.0.0.1: -> 127.0.0.9:7",
            "127.0.0.2: -> 127.0.0.8:7",
            "127.0.0.2: -> 127.0.0.9:7",
        ]
    );
    let quick = pairs(&resolver, "example.test:7", PairOrder::Quick).await;
    assert_eq!(quick, [&*long[0], &long[3], &long[1], &long[2]]);
}

/// GEP-01, GEP-06: the best pair is first, and a pair of the other family is second.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_quick_order_alternates_between_the_families() {
    let server = DnsServer::with_zone(Zone::new(
        "example.test A 127.0.0.1
         example.test AAAA ::1",
    ));
    assert_eq!(
        pairs(&resolver(&server), "example.test:7", PairOrder::default()).await,
        [
            "[::1]: -> [::1]:7",
            "127.0.0.1: -> 127.0.0.1:7",
            "127.0.0.2: -> 127.0.0.1:7",
        ]
    );
}

/// GEP-02: unchanged, and on every engine.
#[cfg(feature = "dns")]
#[tokio::test]
async fn a_listed_pair_can_be_connected() {
    let server = DnsServer::with_zone(Zone::new(
        "example.test A 127.0.0.1
         example.test AAAA ::1",
    ));
    let remote = endpoint("example.test:7");
    let resolver = resolver(&server);
    let pairs = resolver.endpoint_pairs(&remote, PairOrder::Long).await;
    for pair in pairs.unwrap() {
        let local = pair.local().host().and_then(HostName::ip).unwrap();
        assert!(pair.local().service().is_any(), "{pair}");
        assert_eq!(pair.remote().service().port(), Some(7), "{pair}");
        for (engine, builder) in builders() {
            let socket = builder.connect(&pair).await.unwrap();
            assert_eq!(socket.local_addr().unwrap().ip(), local, "{engine:?}");
            assert_eq!(
                Some(socket.peer_addr().unwrap().ip()),
                pair.remote().host().and_then(HostName::ip),
                "{engine:?}"
            );
        }
    }
}

/// GEP-04: the port is not checked. The rules for remote endpoints apply.
#[cfg(feature = "dns")]
#[tokio::test]
async fn listing_the_pairs_of_an_address_and_port_sends_no_query() {
    let server = DnsServer::silent();
    let resolver = resolver(&server);
    for (remote, expected) in [
        ("127.0.0.1:0", "127.0.0.1: -> 127.0.0.1:0"),
        ("[::1]:65535", "[::1]: -> [::1]:65535"),
        ("[::ffff:127.0.0.1]:7", "127.0.0.1: -> 127.0.0.1:7"),
    ] {
        assert_eq!(
            pairs(&resolver, remote, PairOrder::Quick).await[0],
            expected
        );
    }
    assert_eq!(server.queries(), [""; 0]);
    for remote in [":7", "127.0.0.1:"] {
        let incomplete = endpoint(remote);
        let error = resolver.endpoint_pairs(&incomplete, PairOrder::Quick).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{remote}");
    }
}

/// GEP-05: the order of their addresses does not matter.
#[cfg(feature = "dns")]
#[tokio::test]
async fn the_targets_of_srv_records_keep_their_order() {
    let server = DnsServer::with_zone(Zone::new(
        "_stun._udp.example.test SRV 10 0 3478 one.example.test
         _stun._udp.example.test SRV 20 0 3479 two.example.test
         one.example.test A 127.0.0.8
         two.example.test A 127.0.0.9
         two.example.test AAAA ::1",
    ));
    let resolver = resolver(&server);
    assert_eq!(
        pairs(&resolver, "example.test:stun", PairOrder::Quick).await,
        [
            "127.0.0.1: -> 127.0.0.8:3478",
            "127.0.0.2: -> 127.0.0.8:3478",
            "[::1]: -> [::1]:3479",
            "127.0.0.1: -> 127.0.0.9:3479",
            "127.0.0.2: -> 127.0.0.9:3479",
        ]
    );
    // The answer does not say whether the first target has an IPv6 address.
    assert_eq!(
        server.queries(),
        ["_stun._udp.example.test SRV", "one.example.test AAAA"]
    );
}

#[cfg(feature = "dns")]
#[tokio::test]
async fn an_address_without_a_route_is_listed_with_an_empty_local_end() {
    let server = DnsServer::silent();
    // Any other address may have a route on some machine. No machine has an adapter with this
    // index.
    let unreachable = "[fe80::1%4294967295]:7";
    assert_eq!(
        pairs(&resolver(&server), unreachable, PairOrder::Quick).await,
        [format!("any -> {unreachable}")]
    );
}

/// NET-12
#[test]
fn sorting_keeps_every_pair_and_fills_in_the_local_host() {
    fn sorted(pairs: &[(&str, &str)], order: PairOrder) -> Vec<String> {
        let pairs = pairs.iter().map(|(local, remote)| {
            EndpointPair::to_endpoint(endpoint(remote))
                .unwrap()
                .with_local(endpoint(local))
        });
        let sorted = sort_endpoint_pairs(pairs.collect(), order);
        sorted.iter().map(ToString::to_string).collect()
    }
    assert_eq!(sorted(&[], PairOrder::Quick), [""; 0]);
    let pairs = [
        (":", "second.test:stun"),
        ("127.0.0.1:", "first.test:7"),
        // An address for documentation (RFC 5737), and an adapter that does not exist.
        ("192.0.2.77:", "127.0.0.1:1"),
        (":", "[fe80::1%4294967295]:2"),
        ("127.0.0.2:5000", "127.0.0.9:3"),
        (":6000", "127.0.0.9:stun"),
        ("localhost:", "[::1]:4"),
        ("127.0.0.2:", "127.0.0.8:5"),
        (":", "127.0.0.8:6"),
    ];
    let with_route = [
        "localhost: -> [::1]:4",
        "127.0.0.1:6000 -> 127.0.0.9:stun",
        "127.0.0.1: -> 127.0.0.8:6",
        "127.0.0.2:5000 -> 127.0.0.9:3",
        "127.0.0.2: -> 127.0.0.8:5",
    ];
    let without_route = [
        "any -> [fe80::1%4294967295]:2",
        "192.0.2.77: -> 127.0.0.1:1",
    ];
    let named = ["any -> second.test:stun", "127.0.0.1: -> first.test:7"];

    let long = sorted(&pairs, PairOrder::Long);
    assert_eq!(long[..5], with_route);
    assert_eq!(long[5..7], without_route);
    assert_eq!(long[7..], named);

    let quick = sorted(&pairs, PairOrder::Quick);
    assert_eq!(
        quick[..5],
        [
            with_route[0],
            with_route[1],
            with_route[4],
            with_route[2],
            with_route[3]
        ]
    );
    assert_eq!(quick[5..7], without_route);
    assert_eq!(quick[7..], named);
}

/// GEP-03: the local host of the first pair is the address that the kernel sends from.
#[tokio::test]
async fn the_first_pair_has_the_local_address_that_the_kernel_selects() {
    for remote in ["127.0.0.1:7", "[::1]:7"].map(endpoint) {
        let resolver = Resolver::system();
        let pairs = resolver.endpoint_pairs(&remote, PairOrder::Quick).await;
        let first = pairs.unwrap().swap_remove(0);
        let remote = EndpointPair::to_endpoint(remote).unwrap();
        for (engine, builder) in builders() {
            let socket = builder.connect(&remote).await.unwrap();
            let local: IpAddr = socket.local_addr().unwrap().ip();
            let listed = first.local().host().and_then(HostName::ip);
            assert_eq!(listed, Some(local), "{engine:?}");
        }
    }
}
