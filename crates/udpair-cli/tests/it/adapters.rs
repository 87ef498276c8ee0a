//! `adapters`: lists and watches the network adapters.

use crate::run::{Running, udpair};

#[test]
fn the_loopback_adapter_is_listed_as_json() {
    let run = udpair(&["adapters", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let adapters = run.events_named("adapter");
    let loopback = adapters.iter().find(|event| event["loopback"] == true);
    let loopback = loopback.unwrap_or_else(|| panic!("{run:?}"));
    assert_eq!(loopback["kind"], "loopback");
    assert_eq!(loopback["type"], 24);
    assert_eq!(loopback["addresses"][0]["address"], "127.0.0.1");
    assert_eq!(loopback["addresses"][0]["prefix_length"], 8);
    let id = loopback["id"].as_str().unwrap();
    let parts: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
}

#[test]
fn the_loopback_adapter_is_listed_as_text() {
    let run = udpair(&["adapters"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.starts_with("NAME"), "{run:?}");
    let line = run.stdout.lines().find(|line| line.contains("127.0.0.1/8"));
    assert!(
        line.is_some_and(|line| line.contains("loopback")),
        "{run:?}"
    );
}

#[test]
fn a_watch_runs_until_it_is_interrupted() {
    let mut watch = Running::start(&["adapters", "--watch", "--json"]);
    assert_eq!(watch.next_event()["event"], "adapter");
    watch.interrupt();
    assert_eq!(watch.finish().1, 130);
}
