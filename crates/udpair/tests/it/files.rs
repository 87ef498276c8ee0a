//! Services and hosts files: what a row may look like, and files that change or cannot be read.

use std::fs::{self, File};
use std::path::Path;

use udpair::{Adapter, AddressSource, DatagramSocket, ErrorKind, Resolver, Step};

use crate::resolve::{addresses, failure, zone};
use crate::support::dns::{DnsServer, Zone};
use crate::support::{TempFile, endpoint};

/// Returns the only step in which a host was looked up.
fn address_step(resolution: &udpair::Resolution) -> &udpair::AddressStep {
    let mut steps = resolution.steps().iter().filter_map(|step| match step {
        Step::Address(step) => Some(step),
        _ => None,
    });
    let step = steps.next().expect("an address step");
    assert!(steps.next().is_none(), "{:#?}", resolution.steps());
    step
}

/// Puts a file with this text in the place of another one, with the same time stamp.
fn replace(path: &Path, text: &str) {
    let other = TempFile::new(text);
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let file = File::options().write(true).open(other.path()).unwrap();
    file.set_modified(modified).unwrap();
    fs::rename(other.path(), path).unwrap();
}

/// SVC-06: also by a socket that is open, and also if the length and the time stamp are the same.
#[tokio::test]
async fn a_services_file_that_was_replaced_is_read_again() {
    let services = TempFile::new("a 1001/udp\n");
    let resolver = Resolver::builder().services_file(services.path()).build();
    let socket = DatagramSocket::builder()
        .resolver(&resolver)
        .bind(&endpoint("127.0.0.1:0"))
        .await
        .unwrap();
    for port in [1001_u16, 1002, 1003, 1004] {
        replace(services.path(), &format!("a {port}/udp\n"));
        let output = socket.output_to(&endpoint("127.0.0.1:a")).await.unwrap();
        assert_eq!(output.destination().unwrap().port(), port);
        let resolution = resolver.resolve(&endpoint("127.0.0.1:a")).await;
        assert_eq!(addresses(&resolution), [format!("127.0.0.1:{port}")]);
    }
}

/// HOST-20
#[tokio::test]
async fn a_hosts_file_that_was_replaced_is_read_again() {
    let server = DnsServer::with_zone(zone());
    let hosts = TempFile::new("192.0.2.1 h.test\n");
    let resolver = server.resolver_builder().hosts_file(hosts.path()).build();
    let socket = DatagramSocket::builder()
        .resolver(&resolver)
        .bind(&endpoint("0.0.0.0:0"))
        .await
        .unwrap();
    for last in 1..5 {
        replace(hosts.path(), &format!("192.0.2.{last} h.test\n"));
        let output = socket.output_to(&endpoint("h.test:7")).await.unwrap();
        let destination = output.destination().unwrap().to_string();
        assert_eq!(destination, format!("192.0.2.{last}:7"));
    }
}

/// SVC-10, GEN-11: a file that the caller named is an argument.
#[tokio::test]
async fn a_configured_file_that_cannot_be_read_is_an_error_that_names_it() {
    let server = DnsServer::with_zone(zone());
    let folder = std::env::temp_dir();
    for path in ["/nonexistent/file".as_ref(), folder.as_path()] {
        let services = server.resolver_builder().services_file(path).build();
        let hosts = server.resolver_builder().hosts_file(path).build();
        for (resolver, remote) in [(services, "127.0.0.1:stun"), (hosts, "one.example.test:7")] {
            let error = failure(&resolver.resolve(&endpoint(remote)).await);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{remote}");
            let path = path.display().to_string();
            assert!(error.to_string().contains(&path), "{error}");
        }
    }
    assert!(server.queries().is_empty());
}

/// SVC-06, HOST-20: the last content counts while a file cannot be read, and a step says so.
#[tokio::test]
async fn the_last_content_of_a_file_is_used_while_it_cannot_be_read() {
    let server = DnsServer::with_zone(zone());
    let (services, hosts) = (
        TempFile::new("stun 1234/udp\n"),
        TempFile::new("192.0.2.7 one.example.test\n"),
    );
    let resolver = server
        .resolver_builder()
        .services_file(services.path())
        .hosts_file(hosts.path())
        .build();
    let remote = endpoint("one.example.test:stun");
    let resolution = resolver.resolve(&remote).await;
    assert_eq!(addresses(&resolution), ["192.0.2.7:1234"]);
    for file in [&services, &hosts] {
        fs::remove_file(file.path()).unwrap();
        fs::create_dir(file.path()).unwrap();
    }
    let resolution = resolver.resolve(&remote).await;
    for file in [&services, &hosts] {
        fs::remove_dir(file.path()).unwrap();
    }
    assert_eq!(addresses(&resolution), ["192.0.2.7:1234"]);
    let Step::Service(step) = &resolution.steps()[0] else {
        panic!("{:#?}", resolution.steps());
    };
    for (notes, file) in [
        (&step.notes, &services),
        (&address_step(&resolution).notes, &hosts),
    ] {
        let path = file.path().display().to_string();
        assert!(notes[0].contains(&path), "{notes:?}");
    }
    assert!(server.queries().is_empty());
}

/// SVC-07
#[tokio::test]
async fn a_services_file_may_come_from_any_editor() {
    let long = "x".repeat(1 << 20);
    for (what, text) in [
        (
            "a mark before the first row",
            "\u{feff}stun 7/udp\n".to_owned(),
        ),
        (
            "a mark before a comment",
            "\u{feff}# services\nstun 7/udp\n".into(),
        ),
        (
            "CR LF",
            "# services\r\nother 6/udp\r\nstun 7/udp\r\n".into(),
        ),
        ("CR LF and an alias", "other 7/udp stun\r\n".into()),
        ("no line end", "other 6/udp\nstun 7/udp".into()),
        (
            "long names",
            format!("{long} 6/udp\nother 6/udp {long}\nstun 7/udp\n"),
        ),
        ("a long comment", format!("# {long}\nstun 7/udp # {long}\n")),
        (
            "many aliases",
            format!("other 6/udp{}\nstun 7/udp\n", " a".repeat(1 << 16)),
        ),
        (
            "other characters",
            "caf\u{e9} 5/udp\n\u{200b}x 6/udp\n\0 6/udp\nstun 7/udp\n".into(),
        ),
    ] {
        let file = TempFile::new(&text);
        let builder = Resolver::builder();
        for resolver in [
            builder.clone().services_file(file.path()).build(),
            builder.services_text(&text).build(),
        ] {
            let resolution = resolver.resolve(&endpoint("127.0.0.1:stun")).await;
            assert_eq!(addresses(&resolution), ["127.0.0.1:7"], "{what}");
        }
    }
    // Bytes that are not UTF-8 concern their own row only.
    let file = TempFile::new("");
    fs::write(file.path(), b"caf\xe9 5/udp\nstun 7/udp # \xff\xfe\n").unwrap();
    let resolver = Resolver::builder().services_file(file.path()).build();
    let resolution = resolver.resolve(&endpoint("127.0.0.1:stun")).await;
    assert_eq!(addresses(&resolution), ["127.0.0.1:7"]);
}

/// HOST-20: a row that cannot be used is skipped alone.
#[tokio::test]
async fn a_row_of_a_hosts_file_that_cannot_be_used_is_skipped_alone() {
    let long = "x".repeat(1 << 20);
    for (what, text) in [
        (
            "a mark before the first row",
            "\u{feff}192.0.2.7 h.test\n".to_owned(),
        ),
        ("CR LF", "# hosts\r\n192.0.2.7 h.test\r\n".into()),
        (
            "CR LF and another name",
            "192.0.2.7 other h.test\r\n".into(),
        ),
        ("no line end", "192.0.2.6 other\n192.0.2.7 h.test".into()),
        (
            "a zone that is not there",
            "fe80::1%gone h.test\n192.0.2.7 h.test\n".into(),
        ),
        (
            "another character in a name",
            "192.0.2.7 caf\u{e9}! a*b h.test\n".into(),
        ),
        (
            "another character in a row",
            "192.0.2.6 \u{200b}\n192.0.2.7 h.test\n".into(),
        ),
        (
            "an address that is not one",
            "192.0.2.300 h.test\n192.0.2.7 h.test\n".into(),
        ),
        (
            "a Bluetooth address",
            "12:34:56:78:9A:BC h.test\n192.0.2.7 h.test\n".into(),
        ),
        (
            "the same row twice",
            "192.0.2.7 h.test\n192.0.2.7 h.test h.test\n".into(),
        ),
        (
            "a mapped address",
            "::ffff:192.0.2.7 h.test\n192.0.2.7 h.test\n".into(),
        ),
        (
            "long names",
            format!("192.0.2.6 {long}\n{long} h.test\n192.0.2.7 h.test {long}\n"),
        ),
    ] {
        let server = DnsServer::with_zone(Zone::new("h.test A 192.0.2.99"));
        let hosts = TempFile::new(&text);
        let resolver = server.resolver_builder().hosts_file(hosts.path()).build();
        let resolution = resolver.resolve(&endpoint("h.test:7")).await;
        assert_eq!(addresses(&resolution), ["192.0.2.7:7"], "{what}");
        assert!(server.queries().is_empty(), "{what}");
    }
}

/// HOST-20: if no row of a host can be used, the next source is responsible, and a step says why.
#[tokio::test]
async fn dns_is_queried_if_no_row_of_a_hosts_file_can_be_used() {
    for (text, family, note) in [
        ("fe80::1%gone h.test\nfe80::2%away h.test\n", None, "away"),
        (
            "2001:db8::1 h.test\n",
            Some(udpair::AddressFamily::Ipv4),
            "",
        ),
        ("192.0.2.300 h.test\n", None, ""),
    ] {
        let server = DnsServer::with_zone(Zone::new("h.test A 192.0.2.99"));
        let hosts = TempFile::new(text);
        let mut builder = server
            .resolver_builder()
            .hosts_file(hosts.path())
            .adapters(|| Ok(vec![Adapter::new("eth0", 2)]));
        if let Some(family) = family {
            builder = builder.family(family);
        }
        let resolution = builder.build().resolve(&endpoint("h.test:7")).await;
        assert_eq!(addresses(&resolution), ["192.0.2.99:7"], "{text}");
        let step = address_step(&resolution);
        assert_eq!(step.source, AddressSource::Dns, "{text}");
        let is_noted = step.notes.iter().any(|note| note.contains("gone"));
        assert_eq!(is_noted, !note.is_empty(), "{:?}", step.notes);
        assert!(step.notes.concat().contains(note), "{:?}", step.notes);
    }
}
