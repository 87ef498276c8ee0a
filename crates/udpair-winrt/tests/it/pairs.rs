//! Endpoint pairs: their names, and the pairs that a name leads to.

use udpair_winrt::{
    AsyncStatus, DatagramSocket, EndpointPair, HostName, HostNameSortOptions, hresult,
    network_information,
};

use crate::support::code;
use crate::support::net::{NameServer, buffer, host, listening, loopback, next, port};

fn pair(local: Option<&str>, local_service: &str, remote: &str, service: &str) -> EndpointPair {
    EndpointPair::new(local.map(host), local_service, host(remote), service).unwrap()
}

/// EPP-01, GEN-10: the remote service name is needed; an empty string is like none.
#[test]
fn a_pair_needs_a_remote_service() {
    let refused = EndpointPair::new(None, "", host("a.test"), "");
    assert_eq!(code(refused), hresult::E_INVALIDARG);
    let pair = pair(None, "", "a.test", "7");
    assert_eq!(pair.local_service_name(), "");
    assert_eq!(pair.local_host_name(), None);
}

/// EPP-02, EPP-03, EPP-06: every name can be read and set, and is kept as it was given.
#[test]
fn all_names_of_a_pair_can_be_set() {
    let pair = pair(Some("192.0.2.1"), "00080", "One.Test.", "stun");
    assert_eq!(pair.local_host_name(), Some(host("192.0.2.1")));
    assert_eq!(pair.local_service_name(), "00080");
    assert_eq!(pair.remote_host_name().raw_name(), "One.Test.");
    assert_eq!(pair.remote_service_name(), "stun");

    pair.set_local_host_name(Some(host("192.0.2.2")));
    pair.set_local_service_name("not a service");
    pair.set_remote_host_name(host("Two.Test"));
    pair.set_remote_service_name("99999");
    assert_eq!(pair.local_host_name(), Some(host("192.0.2.2")));
    assert_eq!(pair.local_service_name(), "not a service");
    assert_eq!(pair.remote_host_name().raw_name(), "Two.Test");
    assert_eq!(pair.remote_service_name(), "99999");
    // Only the local host can be removed.
    pair.set_local_host_name(None);
    pair.set_local_service_name("");
    assert_eq!(pair.local_host_name(), None);
    assert_eq!(pair.local_service_name(), "");
}

/// EPP-04, CON-02, OUT-06: an empty remote service name can be set, and is refused when the pair is
/// used.
#[test]
fn an_empty_remote_service_is_refused_when_it_is_used() {
    let pair = pair(None, "", "127.0.0.1", "7");
    pair.set_remote_service_name("");
    assert_eq!(pair.remote_service_name(), "");
    let socket = DatagramSocket::new();
    let invalid = hresult::E_INVALIDARG;
    assert_eq!(
        socket.connect_pair(&pair).refusal().unwrap().code(),
        invalid
    );
    let stream = socket.output_stream_to_pair(&pair);
    assert_eq!(stream.refusal().unwrap().code(), invalid);
    let sorted = network_information::sorted_endpoint_pairs(
        std::slice::from_ref(&pair),
        HostNameSortOptions::None,
    );
    assert_eq!(code(sorted), invalid);
    // Nothing has happened to the socket.
    pair.set_remote_service_name("7");
    socket.connect_pair(&pair).get().unwrap();
}

/// EPP-06, SVC-03: services that no port can have are refused when the pair is used, before anything
/// is started.
#[test]
fn a_service_is_parsed_when_the_pair_is_used() {
    let socket = DatagramSocket::new();
    for (local, remote) in [("", "65536"), ("65536", "7"), ("", "a b"), (" ", "7")] {
        let pair = pair(None, local, "127.0.0.1", remote);
        let refused = socket.connect_pair(&pair).refusal();
        assert_eq!(refused.unwrap().code(), hresult::E_INVALIDARG, "{pair:?}");
        let refused = socket.output_stream_to_pair(&pair).refusal();
        assert_eq!(refused.unwrap().code(), hresult::E_INVALIDARG, "{pair:?}");
    }
    assert_eq!(port(&socket), "");
}

/// EPP-05: what is done to a pair while it is being connected has no effect.
#[test]
fn a_connect_uses_the_names_of_its_beginning() {
    let (server, seen) = listening();
    server.bind_service_name("").get().unwrap();
    let names = NameServer::start();
    let pair = pair(None, "", "server.test", &port(&server));
    let socket = names.socket();
    let connect = socket.connect_pair(&pair);
    assert_eq!(connect.status(), AsyncStatus::Started);
    pair.set_remote_host_name(host("192.0.2.1"));
    pair.set_remote_service_name("");
    pair.set_local_service_name("99999");
    names.release();
    connect.get().unwrap();
    assert_eq!(socket.information().remote_port(), port(&server));
    let stream = socket.output_stream().unwrap();
    stream.write(&buffer("still there")).get().unwrap();
    assert_eq!(next(&seen), "still there");
}

/// EPP-07
#[test]
fn sort_options_are_flags_without_a_one() {
    assert_eq!(HostNameSortOptions::None as u32, 0);
    assert_eq!(HostNameSortOptions::OptimizeForLongConnections as u32, 2);
    assert_eq!(
        HostNameSortOptions::try_from(2).unwrap(),
        HostNameSortOptions::OptimizeForLongConnections
    );
    for unknown in [1, 3, 4, u32::MAX] {
        let options = HostNameSortOptions::try_from(unknown);
        assert_eq!(code(options), hresult::E_INVALIDARG, "{unknown}");
    }
}

/// GEP-02, GEP-03, GEP-04, SVC-05: addresses and digits come back; port 0 is allowed here, and only
/// here.
#[test]
fn pairs_of_an_address_need_no_query() {
    for (service, expected) in [("7", "7"), ("0", "0"), ("00080", "80")] {
        let pairs = DatagramSocket::endpoint_pairs(&loopback(), service);
        let pairs = pairs.get().unwrap();
        assert!(!pairs.is_empty());
        for pair in pairs {
            assert_eq!(pair.remote_service_name(), expected);
            assert_eq!(pair.local_service_name(), "0");
            assert_eq!(pair.remote_host_name(), loopback());
            assert_eq!(pair.local_host_name(), Some(loopback()));
        }
    }
    for service in ["", "65536", "a b"] {
        let refused = DatagramSocket::endpoint_pairs(&loopback(), service);
        let refused = refused.refusal().expect("a refusal");
        assert_eq!(refused.code(), hresult::E_INVALIDARG, "{service}");
    }
    let unlisted = DatagramSocket::endpoint_pairs(&loopback(), "no-such-service");
    assert_eq!(code(unlisted.get()), hresult::WSATYPE_NOT_FOUND);
    let socket = DatagramSocket::new();
    for service in ["0", "00"] {
        let expected = hresult::WSAEADDRNOTAVAIL;
        let connect = socket.connect(&loopback(), service);
        assert!(connect.refusal().is_none());
        assert_eq!(code(connect.get()), expected);
        let stream = socket.output_stream_to(&loopback(), service);
        assert!(stream.refusal().is_none());
        assert_eq!(code(stream.get()), expected);
    }
}

/// GEP-01, GEP-06, NET-12: both orders have the same pairs, and without options the order is that for a
/// quick connection.
#[test]
fn the_order_of_pairs_follows_the_options() {
    let names = |pairs: Vec<EndpointPair>| -> Vec<(Option<HostName>, HostName)> {
        let names = |pair: &EndpointPair| (pair.local_host_name(), pair.remote_host_name());
        pairs.iter().map(names).collect()
    };
    let localhost = host("localhost");
    let with = |options| {
        let pairs = DatagramSocket::endpoint_pairs_with(&localhost, "7", options);
        names(pairs.get().unwrap())
    };
    let plain = names(
        DatagramSocket::endpoint_pairs(&localhost, "7")
            .get()
            .unwrap(),
    );
    assert_eq!(plain, with(HostNameSortOptions::None));
    let mut long = with(HostNameSortOptions::OptimizeForLongConnections);
    let mut quick = plain;
    assert_eq!(quick[0], long[0], "the best pair is first");
    quick.sort();
    long.sort();
    assert_eq!(quick, long);

    // S1D1, S1D2, S2D1, S2D2 of loopback, whose sources are given.
    let pairs = [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.2"),
        ("127.0.0.2", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
    ];
    let given = pairs.map(|(local, remote)| pair(Some(local), "", remote, "7"));
    let sorted =
        |options| names(network_information::sorted_endpoint_pairs(&given, options).unwrap());
    let quick = sorted(HostNameSortOptions::None);
    let shares = |(local, remote): &(Option<HostName>, HostName),
                  next: &(Option<HostName>, HostName)| {
        local == &next.0 || remote == &next.1
    };
    assert!(!shares(&quick[0], &quick[1]), "{quick:?}");
    let long = sorted(HostNameSortOptions::OptimizeForLongConnections);
    assert!(shares(&long[0], &long[1]), "{long:?}");
}

/// NET-12, EPP-06: a sorted list has the given pairs with their texts; only a missing local host is
/// filled in.
#[test]
fn sorting_keeps_the_texts_of_the_pairs() {
    let given = [
        pair(None, "", "b.test", "stun"),
        pair(None, "", "127.0.0.1", "00080"),
        pair(Some("127.0.0.1"), "0", "127.0.0.1", "81"),
        pair(None, "ntp", "A.test.", "7"),
        pair(None, "005", "[::1]", "9"),
    ];
    let options = HostNameSortOptions::OptimizeForLongConnections;
    let sorted = network_information::sorted_endpoint_pairs(&given, options).unwrap();
    let texts = |pair: &EndpointPair| {
        let remote = pair.remote_host_name().raw_name();
        (
            remote,
            pair.remote_service_name(),
            pair.local_service_name(),
        )
    };
    let (mut expected, mut found): (Vec<_>, Vec<_>) = (
        given.iter().map(texts).collect(),
        sorted.iter().map(texts).collect(),
    );
    // Names are at the end, in their order.
    assert_eq!(found[3..], [expected[0].clone(), expected[3].clone()]);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    for pair in &sorted[..3] {
        let remote = pair.remote_host_name();
        assert_eq!(pair.local_host_name(), Some(remote), "{pair:?}");
    }
    for pair in &sorted[3..] {
        assert_eq!(pair.local_host_name(), None, "{pair:?}");
    }
    // The list is a new one: the pairs that were given are as before.
    assert_eq!(given[1].local_host_name(), None);
    let none = network_information::sorted_endpoint_pairs(&[], options).unwrap();
    assert!(none.is_empty());
}
