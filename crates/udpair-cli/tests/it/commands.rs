//! `ask`, `send`, `resolve`, `demo`, and multicast groups of `listen`.

use std::net::UdpSocket;

use serde_json::Value;

use crate::run::{Running, split, udpair, udpair_with};

#[test]
fn ask_prints_the_reply() {
    let (_echo, address) = Running::echo();
    let [host, port] = split(&address);
    let finished = udpair(&["ask", host, port, "hello"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (0, "hello\n"));

    let finished = udpair(&["ask", host, port, "--hex", "00ff10"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (0, "00ff10\n"));

    let finished = udpair_with(&["ask", host, port, "-"], b"from a pipe");
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (0, "from a pipe\n")
    );

    let finished = udpair(&["ask", host, port]);
    assert_eq!((finished.code, finished.stdout.as_str()), (0, "\n"));

    let finished = udpair(&["ask", host, port, "-q", "--", "--json"]);
    assert_eq!(
        (finished.stdout.as_str(), finished.stderr.as_str()),
        ("--json\n", "")
    );
}

/// CTL-06, CTL-07: a size that the system does not grant is reported as text, and is not a failure.
#[test]
fn a_clamped_buffer_size_is_reported() {
    let (_echo, address) = Running::echo();
    let [host, port] = split(&address);
    let ask = ["ask", host, port, "hello", "--rcvbuf", "1B"];
    let finished = udpair(&ask);
    assert_eq!((finished.code, finished.stdout.as_str()), (0, "hello\n"));
    let expected = "inbound buffer: requested 1 byte, granted ";
    assert!(finished.stderr.contains(expected), "{finished:?}");

    for silent in ["-q", "--json"] {
        let finished = udpair(&[&ask as &[_], &[silent]].concat());
        assert_eq!(
            (finished.code, finished.stderr.as_str()),
            (0, ""),
            "{silent}"
        );
    }
    let finished = udpair(&["ask", host, port, "hello", "--rcvbuf", "64KiB"]);
    assert!(!finished.stderr.contains("buffer"), "{finished:?}");
}

#[test]
fn ask_waits_for_the_expected_reply() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap().to_string();
    let [host, port] = split(&address);
    let ask = Running::start(&[
        "ask", host, port, "q", "--expect", "yes", "--wait", "60m", "--json",
    ]);
    let (_, from) = peer.recv_from(&mut [0; 16]).unwrap();
    peer.send_to(b"no", from).unwrap();
    peer.send_to(b"oh yes!", from).unwrap();
    let (events, code) = ask.finish();
    assert_eq!(code, 0);
    assert_eq!(only_reply(&events), "oh yes!");
    let summary = events.last().unwrap();
    // The unexpected reply counts as received too.
    assert_eq!(
        (&summary["event"], &summary["received"]),
        (&"summary".into(), &2.into())
    );
}

/// The peer replies to the second try.
#[test]
fn ask_retries_until_a_reply_arrives() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap().to_string();
    let [host, port] = split(&address);
    let ask = Running::start(&[
        "ask",
        host,
        port,
        "q",
        "--wait",
        "50ms",
        "--retries",
        "100",
        "--json",
    ]);
    let first = peer.recv_from(&mut [0; 16]).unwrap();
    let second = peer.recv_from(&mut [0; 16]).unwrap();
    assert_eq!(first, second);
    peer.send_to(b"a", second.1).unwrap();
    let (events, code) = ask.finish();
    assert_eq!(code, 0);
    assert_eq!(only_reply(&events), "a");
}

/// Returns the text of the only message.
fn only_reply(events: &[Value]) -> &str {
    let messages: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "message")
        .collect();
    assert_eq!(messages.len(), 1, "{events:?}");
    messages[0]["text"].as_str().unwrap()
}

#[test]
fn send_sends_and_counts_its_datagrams() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap().to_string();
    let [host, port] = split(&address);
    let finished = udpair(&[
        "send", host, port, "ab", "--count", "3", "--size", "5", "--rate", "1kpps", "--json",
    ]);
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_eq!(finished.events_named("sent").len(), 3);
    assert_eq!(finished.events_named("summary")[0]["sent"], 3);
    let mut buffer = [0; 16];
    for _ in 0..3 {
        let length = peer.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"ababa");
    }
}

#[test]
fn send_uses_the_requested_local_address_and_adapter() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap().to_string();
    let [host, port] = split(&address);
    let local = UdpSocket::bind("127.0.0.2:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let finished = udpair(&["send", host, port, "x", "--local", &local.to_string()]);
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_eq!(peer.recv_from(&mut [0; 16]).unwrap().1, local);
    let finished = udpair(&["send", host, port, "x", "--adapter", "lo"]);
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_eq!(peer.recv(&mut [0; 16]).unwrap(), 1);
}

#[test]
fn resolve_prints_pairs_and_explains_them() {
    let finished = udpair(&["resolve", "127.0.0.1", "7"]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (0, "1  127.0.0.1 -> 127.0.0.1:7\n")
    );

    let finished = udpair(&["resolve", "127.0.0.1", "7", "--explain", "--json"]);
    let stages: Vec<_> = finished
        .events_named("step")
        .iter()
        .map(|step| step["stage"].to_string())
        .collect();
    assert_eq!(stages, ["\"services\"", "\"address\"", "\"order\""]);
    let pair = &finished.events_named("endpoint-pair")[0];
    assert_eq!(
        (&pair["local"], &pair["remote"]),
        (&"127.0.0.1".into(), &"127.0.0.1:7".into())
    );
    assert_eq!(pair["rank"], 1);
}

/// GEP-06
#[test]
fn resolve_lists_pairs_in_the_requested_order() {
    for order in ["quick", "long"] {
        let finished = udpair(&["resolve", "localhost", "7", "--order", order]);
        assert_eq!(finished.code, 0, "{finished:?}");
        let lines: Vec<_> = finished.stdout.lines().collect();
        assert_eq!(lines[0], "1  ::1 -> [::1]:7", "{order}");
        assert!(
            lines
                .iter()
                .any(|line| line.ends_with("  127.0.0.1 -> 127.0.0.1:7")),
            "{order}"
        );
    }
    let explained = ["resolve", "127.0.0.1", "7", "--order", "long", "--explain"];
    let finished = udpair(&explained);
    assert!(
        finished.stdout.contains("\n1  127.0.0.1 -> 127.0.0.1:7\n"),
        "{finished:?}"
    );

    let finished = udpair(&["resolve", "127.0.0.1", "7", "--order", "best"]);
    assert_eq!(finished.code, 2, "{finished:?}");
    assert!(finished.stderr.contains("quick or long"), "{finished:?}");
}

#[test]
fn help_and_version_are_not_errors() {
    for arguments in [
        &["--help"] as &[_],
        &["-h"],
        &["--version"],
        &["ask", "--help"],
        &["--help", "--json"],
    ] {
        let finished = udpair(arguments);
        assert_eq!(
            (finished.code, finished.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
        assert!(!finished.stdout.is_empty(), "{arguments:?}");
    }
}

/// From the first name to the last datagram, with no other software installed.
#[test]
fn the_demo_shows_the_main_job() {
    let finished = udpair(&["demo"]);
    assert_eq!(finished.code, 0, "{finished:?}");
    for part in ["SRV", "priority 10, weight 60", "hello", "udpair dropped 1"] {
        assert!(finished.stdout.contains(part), "{part}: {finished:?}");
    }

    let finished = udpair(&["demo", "--json"]);
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_eq!(finished.stderr, "");
    assert_eq!(finished.events_named("connected").len(), 1);
    assert_eq!(finished.events_named("message").len(), 2);
    assert!(!finished.stdout.contains("let me in"));
    assert_eq!(finished.events().last().unwrap()["non_peer_dropped"], 1);
}

/// Other programs can do the main job against the servers of the demo.
#[test]
fn the_demo_serves_other_programs() {
    let mut demo = Running::start(&["demo", "--serve"]);
    let server = loop {
        let line = demo.next_line();
        if let Some((_, server)) = line.split_once("DNS server at ") {
            break server.to_owned();
        }
    };
    let services = std::env::temp_dir().join(format!("udpair-demo-{}", std::process::id()));
    std::fs::write(&services, "").unwrap();
    let services_text = services.to_str().unwrap();
    let asked = udpair(&[
        "ask",
        "example.test",
        "echo",
        "hello",
        "--dns",
        &server,
        "--services",
        services_text,
    ]);
    std::fs::remove_file(&services).unwrap();
    assert_eq!((asked.code, asked.stdout.trim()), (0, "hello"), "{asked:?}");
}

/// MCG-01, BRC-01: the adapter that joined is reported, and a datagram to the group is received
/// within its hop limit.
#[test]
fn datagrams_to_a_joined_group_are_received() {
    let group = "239.255.77.1";
    let mut listen = Running::start(&[
        "listen",
        "localhost:0",
        "--join",
        group,
        "--count",
        "1",
        "--json",
    ]);
    let listening = listen.next_event();
    let joined = listen.next_event();
    assert_eq!(joined["event"], "joined", "{joined}");
    assert_eq!(joined["group"], group);
    assert_eq!(joined["adapter"], "lo");
    assert_eq!(joined["error"], Value::Null);

    let address = listening["local"].as_str().unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    let send = ["send", group, port, "hello", "--adapter", "lo"];
    let finished = udpair(&[&send as &[_], &["--multicast-hops", "4"]].concat());
    assert_eq!(finished.code, 0, "{finished:?}");

    let (rest, code) = listen.finish();
    assert_eq!(code, 0, "{rest:?}");
    assert_eq!(rest[0]["text"], "hello", "{rest:?}");
    let summary = rest.last().unwrap();
    for (count, expected) in [("sent", 0), ("received", 1), ("dropped", 0)] {
        assert_eq!(summary[count], expected, "{summary}");
    }
    assert_eq!(summary["exact"], true);
}

/// MCG-02: whatever other adapters the machine has.
#[test]
fn a_group_is_joined_on_the_adapter_that_it_names() {
    let (group, named) = ("239.255.77.2", "239.255.77.2%lo");
    let mut listen = Running::start(&["listen", ":0", "--join", named, "--count", "1", "--json"]);
    let listening = listen.next_event();
    let joined = listen.next_event();
    assert_eq!(joined["event"], "joined", "{joined}");
    assert_eq!(joined["group"], group);
    assert_eq!(joined["adapter"], "lo");
    let address = listening["local"].as_str().unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    let finished = udpair(&["send", named, port, "hello"]);
    assert_eq!(finished.code, 0, "{finished:?}");
    let (rest, code) = listen.finish();
    assert_eq!(code, 0, "{rest:?}");
    assert_eq!(rest[0]["text"], "hello", "{rest:?}");
    let finished = udpair(&["listen", ":0", "--join", "239.255.77.2%no-such"]);
    assert_eq!(finished.code, 4, "{finished:?}");
    assert!(finished.stderr.contains("no-such"), "{finished:?}");
}

/// BND-09: two commands share a port, and both receive what is sent to a group.
#[test]
fn two_listeners_share_a_port() {
    let group = "239.255.77.3%lo";
    let listen = |at: &str| {
        let share = ["--share", "--join", group, "--count", "1", "--json"];
        let mut listen = Running::start(&[&["listen", at], &share as &[_]].concat());
        let listening = listen.next_event();
        let joined = listen.next_event();
        assert_eq!(joined["event"], "joined", "{joined}");
        let address = listening["local"].as_str().unwrap();
        let (_, port) = address.rsplit_once(':').unwrap();
        (listen, format!(":{port}"))
    };
    let (first, at) = listen(":0");
    let (second, _) = listen(&at);
    let exclusive = udpair(&["listen", &at, "--count", "1"]);
    assert_eq!(exclusive.code, 4, "{exclusive:?}");
    let finished = udpair(&["send", group, &at[1..], "hello"]);
    assert_eq!(finished.code, 0, "{finished:?}");
    for listen in [first, second] {
        let (rest, code) = listen.finish();
        assert_eq!(code, 0, "{rest:?}");
        assert_eq!(rest[0]["text"], "hello", "{rest:?}");
    }
}

/// MCG-05, MCG-03
#[test]
fn a_group_that_cannot_be_joined_is_an_error_with_advice() {
    for (at, group, code) in [
        (":0", "192.0.2.1", 2),
        ("127.0.0.1:0", "239.255.77.1", 8),
        (":0", "not a name", 2),
        (":0", "192.0.2.1%lo", 2),
    ] {
        let finished = udpair(&["listen", at, "--join", group]);
        assert_eq!(finished.code, code, "{at} {group}: {finished:?}");
        assert!(finished.stderr.contains(group), "{finished:?}");
    }
    let finished = udpair(&["listen", "127.0.0.1:0", "--join", "239.255.77.1"]);
    assert!(finished.stderr.contains("hint: "), "{finished:?}");
}

/// Both ends are resolved within one time limit, and the socket is bound to the requested address.
#[test]
fn send_accepts_a_local_endpoint() {
    let (_echo, address) = Running::echo();
    let [host, port] = split(&address);
    let finished = udpair(&["send", host, port, "x", "--local", "127.0.0.2:", "--json"]);
    assert_eq!(finished.code, 0, "{finished:?}");
    let events = finished.events();
    let summary = events.last().unwrap();
    assert_eq!(summary["event"], "summary", "{finished:?}");
    assert_eq!(summary["sent"], 1, "{finished:?}");
    let finished = udpair(&["send", host, port, "x", "--local", "[::1]:", "--json"]);
    assert_eq!(finished.code, 8, "{finished:?}");
}

/// The socket neither sent nor received, so the count is exact.
#[test]
fn send_with_count_zero_reports_exactly_zero_drops() {
    let finished = udpair(&["send", "127.0.0.1", "9", "x", "--count", "0", "--json"]);
    assert_eq!(finished.code, 0, "{finished:?}");
    let events = finished.events();
    let summary = events.last().unwrap();
    assert_eq!(
        (&summary["dropped"], &summary["exact"]),
        (&0.into(), &true.into())
    );
}

/// ADR-01: a name has two addresses. The first one refuses or is silent, the second one replies.
#[test]
fn ask_goes_on_to_the_next_address() {
    for is_silent in [false, true] {
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = peer.local_addr().unwrap().port();
        let first = format!("[::1]:{port}");
        let silent = is_silent.then(|| UdpSocket::bind(&first).unwrap());
        let port = port.to_string();
        let arguments = ["ask", "localhost", &port, "q", "--retries", "1", "--json"];
        let ask = Running::start(&[&arguments as &[_], &["--wait", "50ms"]].concat());
        let (_, from) = peer.recv_from(&mut [0; 16]).unwrap();
        peer.send_to(b"a", from).unwrap();
        let (events, code) = ask.finish();
        assert_eq!((code, only_reply(&events)), (0, "a"));
        let names: Vec<_> = events.iter().map(|event| &event["event"]).collect();
        let tries = if is_silent { 2 } else { 1 };
        let count = |name| names.iter().filter(|event| **event == name).count();
        assert_eq!(count("connected"), 2, "{names:?}");
        assert_eq!(count("peer-error"), usize::from(!is_silent), "{names:?}");
        // The peer may have been asked twice before its reply arrived.
        assert!(count("sent") > tries, "{names:?}");
        assert_eq!(events[0]["remote"], first);
        let next = events.iter().find(|event| event["event"] == "next-target");
        let kind = ["peer-unreachable", "no-reply"][usize::from(is_silent)];
        assert_eq!(next.unwrap()["kind"], kind);
        let summary = events.last().unwrap();
        assert_eq!(summary["sent"], count("sent"), "{summary}");
        drop(silent);
    }
}

/// All addresses of a name refuse: the error names each, and its kind is that of the last one.
#[test]
fn ask_names_every_address_that_did_not_reply() {
    let free = UdpSocket::bind("[::1]:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    let arguments = ["ask", "localhost", &port, "q", "--json", "--retries", "0"];
    let ask = [&arguments as &[_], &["--wait", "20ms"]].concat();
    // The local port serves for one address after the other.
    let local = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local_port = format!(":{}", local.local_addr().unwrap().port());
    drop(local);
    for local in [&[] as &[&str], &["--local", &local_port]] {
        let finished = udpair(&[&ask, local].concat());
        assert_eq!(finished.code, 6, "{finished:?}");
        let error = finished.error();
        assert_eq!(error["kind"], "peer-unreachable");
        let message = error["message"].as_str().unwrap();
        for address in [format!("[::1]:{port}"), format!("127.0.0.1:{port}")] {
            assert!(message.contains(&address), "{message}");
        }
    }
}
