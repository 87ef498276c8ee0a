//! Host names as this face shows them.

use std::collections::HashSet;
use std::net::IpAddr;

use udpair_winrt::{DatagramSocket, DomainNameType, HostName, HostNameType, hresult};

use crate::support::code;
use crate::support::net::{host, listening, loopback, port};

/// HOST-03, HOST-04, HOST-12, HOST-13: the forms of a name.
#[test]
fn a_name_has_its_forms() {
    for (raw, kind, canonical, display) in [
        (
            "Bücher.Example.",
            HostNameType::DomainName,
            "xn--bcher-kva.example",
            "Bücher.Example",
        ),
        (
            "xn--bcher-kva.Example",
            HostNameType::DomainName,
            "xn--bcher-kva.example",
            "bücher.Example",
        ),
        ("127.0.0.1", HostNameType::Ipv4, "127.0.0.1", "127.0.0.1"),
        (
            "[2001:DB8:0:0::1]",
            HostNameType::Ipv6,
            "2001:db8::1",
            "2001:db8::1",
        ),
        ("FE80::1%7", HostNameType::Ipv6, "fe80::1%7", "fe80::1%7"),
        (
            "(12:34:56:78:9a:bc)",
            HostNameType::Bluetooth,
            "12:34:56:78:9A:BC",
            "12:34:56:78:9A:BC",
        ),
    ] {
        let name = host(raw);
        assert_eq!(name.raw_name(), raw);
        assert_eq!(name.kind(), kind, "{raw}");
        assert_eq!(name.canonical_name(), canonical, "{raw}");
        assert_eq!(name.display_name(), display, "{raw}");
        assert_eq!(name.to_string(), display, "{raw}");
        assert_eq!(name.ip_information(), None, "{raw}");
    }
    assert_eq!(HostNameType::DomainName as i32, 0);
    assert_eq!(HostNameType::Ipv4 as i32, 1);
    assert_eq!(HostNameType::Ipv6 as i32, 2);
    assert_eq!(HostNameType::Bluetooth as i32, 3);
}

/// HOST-02, HOST-05, HOST-06, HOST-08, HOST-14, GEN-10: what is no host name is refused; an empty
/// string is like none.
#[test]
fn what_is_no_name_is_refused() {
    let long_label = "a".repeat(64);
    let long_name = format!("{}a", "abcdefghi.".repeat(26));
    for text in [
        "",
        " ",
        "a b",
        " a",
        "a ",
        "a\0",
        "a\n",
        "a/b",
        "a\\b",
        "a@b",
        "a?b",
        "a#b",
        "a%b",
        "host:80",
        "http://a",
        "a..b",
        ".a",
        ".",
        "-a",
        "a-",
        "256.1.1.1",
        "127.1",
        "0x7f.1",
        "1.2.3.04",
        "1.2.3.4%eth0",
        "239.1.2.3%eth0",
        "[::1]:80",
        "[127.0.0.1]",
        "[::1",
        "::1]",
        "xn--a",
        long_label.as_str(),
        long_name.as_str(),
    ] {
        assert_eq!(code(HostName::new(text)), hresult::E_INVALIDARG, "{text:?}");
        assert_eq!(
            code(text.parse::<HostName>()),
            hresult::E_INVALIDARG,
            "{text:?}"
        );
        for (one, other) in [(text, "a"), ("a", text)] {
            let compared = HostName::compare(one, other);
            assert_eq!(code(compared), hresult::E_INVALIDARG, "{text:?}");
        }
    }
}

/// HOST-15, HOST-17: names are equal when their canonical names are.
#[test]
fn names_are_compared_by_their_canonical_names() {
    let equal = [
        ("WWW.Contoso.com", "www.contoso.com."),
        ("2001:DB8:0:0::1", "[2001:db8::1]"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("12:34:56:78:9a:BC", "(12:34:56:78:9A:BC)"),
    ];
    for (one, other) in equal {
        let names = [host(one), host(other)];
        assert!(names[0].is_equal(&names[1]), "{one} {other}");
        assert_eq!(names[0], names[1]);
        assert_eq!(HashSet::from(names).len(), 1, "{one} {other}");
        assert_eq!(HostName::compare(one, other).unwrap(), 0, "{one} {other}");
    }
    assert!(!host("127.0.0.1").is_equal(&host("localhost")));
    assert_ne!(host("a.test"), host("b.test"));
    assert!(host("a.test") < host("b.test"));
    let address: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    assert_eq!(HostName::from(address), host("192.0.2.1"));
}

/// HOST-16: the order is that of the code units of the canonical names.
#[test]
fn texts_are_compared_by_their_canonical_names() {
    for (smaller, greater) in [
        ("a.test", "B.test"),
        ("A.test", "b.test"),
        ("10.0.0.1", "9.0.0.1"),
        ("a", "a.b"),
        ("a-b.test", "a.test"),
        ("zz.test", "ä.test.zz"),
        ("::1", "a"),
    ] {
        let canonical = |text| host(text).canonical_name();
        let expected = canonical(smaller).cmp(&canonical(greater)) as i32;
        let compared = HostName::compare(smaller, greater).unwrap();
        assert_eq!(compared.signum(), expected, "{smaller} {greater}");
        let turned = HostName::compare(greater, smaller).unwrap();
        assert_eq!(turned.signum(), -expected, "{smaller} {greater}");
        assert_ne!(compared, 0, "{smaller} {greater}");
    }
    assert!(HostName::compare("a.test", "B.test").unwrap() < 0);
    assert!(HostName::compare("10.0.0.1", "9.0.0.1").unwrap() < 0);
    assert!(HostName::compare("B.test.", "a.test").unwrap() > 0);
}

/// HOST-22
#[test]
fn types_of_domain_names_have_their_numbers() {
    assert_eq!(DomainNameType::Suffix as i32, 0);
    assert_eq!(DomainNameType::FullyQualified as i32, 1);
}

/// HOST-11: a Bluetooth address has no sockets here.
#[test]
fn a_bluetooth_address_is_of_no_supported_family() {
    let bluetooth = host("12:34:56:78:9A:BC");
    let (socket, _seen) = listening();
    let expected = hresult::WSAEAFNOSUPPORT;
    let bound = socket.bind_endpoint(Some(&bluetooth), "");
    assert_eq!(code(bound.get()), expected);
    assert_eq!(code(socket.connect(&bluetooth, "7").get()), expected);
    let stream = socket.output_stream_to(&bluetooth, "7");
    assert_eq!(code(stream.get()), expected);
    let pairs = DatagramSocket::endpoint_pairs(&bluetooth, "7");
    assert_eq!(code(pairs.get()), expected);
    socket.bind_service_name("").get().unwrap();
    assert_eq!(code(socket.join_multicast_group(&bluetooth)), expected);
}

/// HOST-18, HOST-21: names that the library hands out are addresses, without their adapters.
#[test]
fn names_from_the_library_are_addresses() {
    let (server, _seen) = listening();
    server.bind_service_name("").get().unwrap();
    let client = DatagramSocket::new();
    client
        .connect(&host("localhost"), &port(&server))
        .get()
        .unwrap();
    let information = client.information();
    for name in [information.local_address(), information.remote_address()] {
        let name = name.unwrap();
        assert_ne!(name.kind(), HostNameType::DomainName);
        assert_eq!(name.ip_information(), None);
    }
    let pairs = DatagramSocket::endpoint_pairs(&host("::ffff:127.0.0.1"), "7");
    let pairs = pairs.get().unwrap();
    assert_eq!(pairs[0].remote_host_name().kind(), HostNameType::Ipv4);
    assert_eq!(pairs[0].remote_host_name(), loopback());
}
