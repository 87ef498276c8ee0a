//! Services that a file lists, and the SRV records that it hides.

use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::thread;

use crate::run::{udpair, udpair_with_descriptors};

/// A services file that is removed when the value is dropped.
struct Services(PathBuf);

impl Services {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("udpair-cli-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Starts a name server that answers queries for SRV with three records: a usable one, one with an
/// address as its target, and one with port 0. Queries for A are answered with `a`, all others with
/// no record. Returns its address.
fn name_server(a: Option<[u8; 4]>) -> String {
    const SRV: u8 = 33;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let name = query[12..length]
                .iter()
                .position(|byte| *byte == 0)
                .unwrap();
            let end = 12 + name + 5;
            let kind = query[end - 3];
            let mut answer = query[..end].to_vec();
            answer[2] |= 0x84;
            answer[11] = 0;
            let record = |kind: u8, data: &[u8]| {
                let length = u8::try_from(data.len()).unwrap();
                [&[0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, length], data].concat()
            };
            let srv = |port: u8, target: &[&[u8]]| {
                let mut data = vec![0, 1, 0, 2, 0, port];
                for label in target {
                    data.push(u8::try_from(label.len()).unwrap());
                    data.extend(*label);
                }
                data.push(0);
                record(SRV, &data)
            };
            let records = match (kind, a) {
                (SRV, _) => vec![
                    srv(7, &[b"a b", b"test"]),
                    srv(8, &[b"192", b"0", b"2", b"1"]),
                    srv(0, &[b"no-port", b"test"]),
                ],
                (1, Some(ip)) => vec![record(1, &ip)],
                _ => Vec::new(),
            };
            answer[7] = u8::try_from(records.len()).unwrap();
            answer.extend(records.concat());
            let _ = socket.send_to(&answer, from);
        }
    });
    address
}

/// SRV-16: `--srv`, and a service or a host that is written as in DNS.
#[test]
fn srv_records_of_a_listed_service_are_queried_on_request() {
    let server = name_server(Some([127, 0, 0, 1]));
    let services = Services::new("on-request", "sip 1111/udp\n");
    for (host, service, flag, remote) in [
        ("x.test", "sip", None, "127.0.0.1:1111"),
        ("x.test", "sip", Some("--srv"), "127.0.0.1:7"),
        ("x.test", "_sip", None, "127.0.0.1:7"),
        ("_sip._udp.x.test", "sip", None, "127.0.0.1:7"),
        ("_sip._udp.x.test", "_sip", None, "127.0.0.1:7"),
        ("x.test", "5", Some("--srv"), "127.0.0.1:5"),
    ] {
        let case = format!("{host} {service} {flag:?}");
        let mut arguments = vec!["resolve", host, service, "--json"];
        arguments.extend(["--dns", &server, "--services", services.path()]);
        arguments.extend(flag);
        let finished = udpair(&arguments);
        assert_eq!(finished.code, 0, "{case}: {finished:?}");
        let pairs = finished.events_named("endpoint-pair");
        assert_eq!(pairs[0]["remote"], remote, "{case}");
        arguments[0] = "connect";
        let finished = udpair(&[&arguments as &[_], &["--linger", "0s"]].concat());
        assert_eq!(finished.code, 0, "{case}: {finished:?}");
        let connected = finished.events_named("connected");
        assert_eq!(connected[0]["remote"], remote, "{case}");
    }
    for command in [
        &["listen", "0"] as &[_],
        &["services"],
        &["adapters"],
        &["demo"],
    ] {
        let finished = udpair(&[command, &["--srv", "--json"]].concat());
        assert_eq!(finished.code, 2, "{command:?}: {finished:?}");
        let message = finished.error()["message"].to_string();
        assert!(
            message.contains("--srv") || command == ["demo"],
            "{message}"
        );
    }
}

/// SRV-16: a name of SRV records is a host and a service.
#[test]
fn a_name_of_srv_records_is_resolved_by_dns() {
    let server = name_server(Some([127, 0, 0, 1]));
    let services = Services::new("by-name", "sip 1111/udp\n");
    let flags = ["--dns", &server, "--services", services.path()];
    for name in ["_sip._udp.x.test", "_SIP._udp.x.test"] {
        let finished = udpair(&[&["resolve", name, "--json"] as &[_], &flags].concat());
        assert_eq!(finished.code, 0, "{name}: {finished:?}");
        let pairs = finished.events_named("endpoint-pair");
        assert_eq!(pairs[0]["remote"], "127.0.0.1:7", "{name}");
        assert!(finished.events_named("hint").is_empty(), "{finished:?}");
    }
    let finished = udpair(&[&["resolve", "x.test", "--srv"] as &[_], &flags].concat());
    assert_eq!(finished.code, 2, "{finished:?}");
    assert!(finished.stderr.contains("SERVICE"), "{finished:?}");
}

/// SRV-16: `resolve` says what it did not query, although it found an address.
#[test]
fn resolve_says_that_the_services_file_hides_srv_records() {
    let server = name_server(Some([127, 0, 0, 1]));
    let services = Services::new("hides", "sip 1111/udp\n");
    let run = |arguments: &[&str]| {
        let flags = ["--dns", &server, "--services", services.path()];
        udpair(&[arguments, &flags].concat())
    };
    let finished = run(&["resolve", "x.test", "sip"]);
    assert_eq!(finished.code, 0, "{finished:?}");
    for part in [services.path(), "_sip._udp.x.test", "--srv", "hint: "] {
        assert!(finished.stderr.contains(part), "{part}: {finished:?}");
    }
    let finished = run(&["resolve", "x.test", "sip", "--json"]);
    let hints = finished.events_named("hint");
    assert!(hints[0]["message"].as_str().unwrap().contains("--srv"));
    assert_eq!(finished.stderr, "");
    for silent in [
        &["resolve", "x.test", "sip", "-q"] as &[_],
        &["resolve", "x.test", "sip", "--srv"],
        &["resolve", "x.test", "7"],
        &["resolve", "x.test"],
        &["resolve", "127.0.0.1", "sip"],
    ] {
        let finished = run(silent);
        assert_eq!((finished.code, &*finished.stderr), (0, ""), "{silent:?}");
    }
}

/// Without a service there is no port.
#[test]
fn a_host_alone_is_resolved_to_addresses() {
    let finished = udpair(&["resolve", "127.0.0.1"]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (0, "1  127.0.0.1 -> 127.0.0.1\n")
    );
    for more in [&[] as &[&str], &["--order", "long"], &["--explain"]] {
        let finished = udpair(&[&["resolve", "localhost", "--json"] as &[_], more].concat());
        assert_eq!(finished.code, 0, "{finished:?}");
        let pairs = finished.events_named("endpoint-pair");
        let remotes: Vec<_> = pairs.iter().map(|pair| &pair["remote"]).collect();
        assert!(remotes.contains(&&"127.0.0.1".into()), "{remotes:?}");
        assert!(remotes.contains(&&"::1".into()), "{remotes:?}");
        let steps = finished.events_named("step");
        assert!(steps.iter().all(|step| step["stage"] != "services"));
    }
}

/// SRV-11, SRV-16
#[test]
fn explain_shows_hidden_and_skipped_records() {
    let server = name_server(Some([127, 0, 0, 1]));
    let services = Services::new("explain", "sip 1111/udp\n");
    let run = |more: &[&str]| {
        let arguments = ["resolve", "x.test", "sip", "--explain", "--dns", &server];
        udpair(&[&arguments as &[_], &["--services", services.path()], more].concat())
    };
    let text = run(&[]).stdout;
    for part in [
        &format!("sip is port 1111 in {}", services.path()) as &str,
        "the SRV records _sip._udp.x.test are not queried (--srv queries them)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let steps = run(&["--json"]).events_named("step");
    assert_eq!(steps[0]["hidden_srv"], "_sip._udp.x.test");

    let text = run(&["--srv"]).stdout;
    for part in [
        "sip is looked up in DNS only",
        "a\\032b.test port 7",
        "skipped 192.0.2.1 port 8 (priority 1): its target is an address",
        "skipped no-port.test port 0 (priority 1): its port is 0",
        "address   a\\032b.test",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let steps = run(&["--srv", "--json"]).events_named("step");
    assert_eq!(steps[0]["source"], "srv-only");
    let skipped = &steps[1]["skipped"];
    assert_eq!(skipped[0]["target"], "192.0.2.1");
    assert!(
        skipped[1]["reason"].as_str().unwrap().contains("port"),
        "{skipped}"
    );
}

/// SRV-16: hints where the records may be what was meant.
#[test]
fn a_hint_says_how_to_query_the_records_that_a_services_file_hides() {
    let services = Services::new("hint", "sip 1/udp\n");
    let run = |arguments: &[&str]| udpair(&[arguments, &["--services", services.path()]].concat());
    // The host has SRV records and no address.
    let server = name_server(None);
    for command in ["resolve", "ask", "connect", "send"] {
        let finished = run(&[command, "x.test", "sip", "--dns", &server]);
        assert_eq!(finished.code, 3, "{finished:?}");
        let hint = finished.stderr.split("hint: ").nth(1).expect("a hint");
        assert!(
            hint.contains("_sip._udp.x.test") && hint.contains("\"_sip\""),
            "{hint}"
        );
    }
    // The host has an address, where the service is not.
    let server = name_server(Some([127, 0, 0, 1]));
    let ask = ["ask", "x.test", "sip", "--wait", "1s", "--dns", &server];
    let finished = run(&ask);
    assert_eq!(finished.code, 6, "{finished:?}");
    let hint = finished.stderr.split("hint: ").nth(1).expect("a hint");
    assert!(
        hint.contains("--srv") && hint.contains(services.path()),
        "{hint}"
    );
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let services = Services::new("silent", &format!("sip {port}/udp\n"));
    let flags = ["--wait", "10ms", "--services", services.path()];
    let finished = udpair(&[&["ask", "x.test", "sip", "--dns", &server] as &[_], &flags].concat());
    assert_eq!(finished.code, 5, "{finished:?}");
    assert!(finished.stderr.contains("--srv"), "{finished:?}");
    // A number or an address hides nothing.
    let port = port.to_string();
    for (host, service) in [("x.test", &port as &str), ("127.0.0.1", "sip")] {
        let finished =
            udpair(&[&["ask", host, service, "--dns", &server] as &[_], &flags].concat());
        assert_eq!(finished.code, 5, "{finished:?}");
        assert!(!finished.stderr.contains("--srv"), "{finished:?}");
    }
}

/// SRV-05, SVC-07
#[test]
fn a_listed_service_may_have_any_name() {
    let services = Services::new("names", "whois++ 63/udp 914c/g\n");
    for service in ["whois++", "914c/g"] {
        let arguments = ["resolve", "127.0.0.1", service, "--json", "--services"];
        let finished = udpair(&[&arguments as &[_], &[services.path()]].concat());
        assert_eq!(finished.code, 0, "{finished:?}");
        let pairs = finished.events_named("endpoint-pair");
        assert_eq!(pairs[0]["remote"], "127.0.0.1:63");
        let finished = udpair(&["services", service, "--services", services.path()]);
        assert_eq!(
            finished.stdout,
            format!("{service} 63/udp\n"),
            "{finished:?}"
        );
    }
    let arguments = [
        "resolve",
        "x.test",
        "whois+",
        "--json",
        "--services",
        services.path(),
    ];
    let finished = udpair(&arguments);
    assert_eq!(finished.code, 2, "{finished:?}");
    assert_eq!(finished.error()["kind"], "invalid-argument");
}

/// GEN-08: what the process lacks is reported as that, and the table has no say.
#[test]
fn a_full_descriptor_table_is_not_a_missing_services_file() {
    let services = Services::new("descriptors", "sip 1111/udp\n");
    for file in [&[] as &[&str], &["--services", services.path()]] {
        let mut seen = Vec::new();
        // At some limit the command starts, and has no descriptor left for the file.
        for limit in 4..40 {
            let words = ["resolve", "127.0.0.1", "ntp", "--json"];
            let arguments = [&words as &[_], file].concat();
            let finished = udpair_with_descriptors(limit, &arguments);
            if finished.code == 1 {
                let error = finished.error();
                assert_eq!(error["kind"], "too-many-files", "{limit}: {error}");
                seen.push(error["message"].as_str().unwrap().to_owned());
            }
        }
        let path = file.last().unwrap_or(&"/etc/services");
        assert!(
            seen.iter().any(|message| message.contains(path)),
            "{seen:?}"
        );
    }
}
