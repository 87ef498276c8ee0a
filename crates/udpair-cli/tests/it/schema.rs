//! Every event of every command is as `docs/events.schema.json` says.

use std::collections::BTreeSet;
use std::net::UdpSocket;

use serde_json::{Value, json};

use crate::checker::{check, schema};
use crate::run::{Running, split, udpair, udpair_with};

/// Returns the name of an event, with its stage if it is a step.
fn name(event: &Value) -> String {
    let text = |key| event[key].as_str().unwrap_or_default().to_owned();
    match event["event"].as_str() {
        Some("step") => format!("step-{}", text("stage")),
        _ => text("event"),
    }
}

#[test]
fn every_event_is_as_the_schema_says() {
    let schema = schema();
    let mut seen = BTreeSet::new();
    let mut see = |events: Vec<Value>| {
        assert!(!events.is_empty());
        for event in events {
            check(&schema, &event).unwrap();
            seen.insert(name(&event));
        }
    };
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port().to_string();
    for arguments in [
        &["resolve", "127.0.0.1", "7", "--explain"] as &[_],
        &["resolve", "localhost"],
        &["resolve", "127.0.0.1", "ntp", "--explain"],
        &["services"],
        &["services", "no-such-service"],
        &["adapters"],
        &["demo"],
        &["ask", "127.0.0.1", "9", "x"],
        &["ask", "localhost", "9", "x"],
        &[
            "ask",
            "127.0.0.1",
            &silent,
            "--wait",
            "5ms",
            "--retries",
            "1",
        ],
        &["send", "127.0.0.1", "9", "x", "--count", "2"],
        &["nonsense"],
        &["ask", "127.0.0.1", "0"],
        &[
            "resolve",
            "x.test",
            "a",
            "--explain",
            "--dns",
            "127.0.0.1:9",
        ],
    ] {
        let arguments = [arguments, &["--json"]].concat();
        see(udpair(&arguments).events());
    }

    let listen = ["listen", "localhost:0", "--join", "239.255.77.9", "--json"];
    let mut listen = Running::start(&[&listen as &[_], &["--echo", "--count", "2"]].concat());
    let listening = listen.next_event();
    let address = listening["local"].as_str().unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    see(udpair(&["ask", "127.0.0.1", port, "x", "--json"]).events());
    let bytes = ["connect", "127.0.0.1", port, "--frame", "hex", "--json"];
    see(udpair_with(&bytes, b"ff00\nxyz\n").events());
    see(vec![listening.clone()]);
    let (events, code) = listen.finish();
    assert_eq!(code, 0);
    see(events);

    // Those that need a change of the network, or a queue that is full.
    for rare in [
        "membership",
        "attachment",
        "adapter-change",
        "send-dropped",
        "hint",
    ] {
        seen.insert(rare.to_owned());
    }
    let definitions = schema["oneOf"].as_array().unwrap();
    let all: BTreeSet<_> = definitions
        .iter()
        .map(|one| one["$ref"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    let seen: BTreeSet<_> = seen.iter().map(|name| &**name).collect();
    assert_eq!(seen, all);
}

/// The reply says how long it took, and where it arrived.
#[test]
fn a_reply_has_its_metadata() {
    let (_echo, address) = Running::echo();
    let [host, port] = split(&address);
    let finished = udpair(&["ask", host, port, "x", "--json"]);
    let reply = &finished.events_named("message")[0];
    assert!(reply["rtt_us"].as_u64().unwrap() > 0, "{reply}");
    assert_eq!(reply["destination"], reply["local"]);
    assert_eq!(reply["adapter"], "lo");
    assert!(reply["hop_limit"].as_u64().unwrap() > 0, "{reply}");
    let finished = udpair(&["ask", host, port, "x"]);
    let part = format!("{address} replied in ");
    assert!(finished.stderr.contains(&part), "{finished:?}");
}

#[test]
fn quiet_commands_print_results_and_errors_only() {
    let (_echo, address) = Running::echo();
    let [host, port] = split(&address);
    for (arguments, names) in [
        (&["ask", host, port, "x"] as &[_], &["message"] as &[_]),
        (&["connect", host, port], &["message"]),
        (&["send", host, port, "x"], &[]),
        (&["resolve", "127.0.0.1", "7"], &["endpoint-pair"]),
        (&["ask", "127.0.0.1", "9"], &["error"]),
    ] {
        let finished = udpair_with(&[arguments, &["--json", "-q"]].concat(), b"x\n");
        let found: Vec<_> = finished.events().iter().map(name).collect();
        assert_eq!(found, names, "{arguments:?}");
        assert_eq!(finished.stderr, "");
    }
}

/// The check fails where it should.
#[test]
fn events_unlike_the_schema_are_found() {
    let schema = schema();
    let time = "2026-03-01T12:00:00.000250Z";
    let good = json!({"event": "sent", "bytes": 1, "time": time});
    check(&schema, &good).unwrap();
    for (key, value) in [
        ("bytes", json!("1")),
        ("bytes", json!(-1)),
        ("bytes", json!(null)),
        ("time", json!("2026-03-01 12:00:00")),
        ("event", json!("received")),
        ("more", json!(1)),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        assert!(check(&schema, &bad).is_err(), "{bad}");
    }
    let missing = json!({"event": "sent", "time": time});
    assert!(check(&schema, &missing).is_err());
}
