//! `listen`: its permitted senders, what it does not answer, and the file that it writes.

use std::fs;
use std::net::UdpSocket;

use crate::run::{Running, udpair};

/// Starts a listener on loopback with these flags, and returns it and its address.
fn listen(flags: &[&str]) -> (Running, String) {
    let listen = ["listen", "127.0.0.1:0", "--json"];
    let mut listen = Running::start(&[&listen, flags].concat());
    let listening = listen.next_event();
    assert_eq!(listening["event"], "listening", "{listening}");
    let address = listening["local"].as_str().unwrap().to_owned();
    (listen, address)
}

#[test]
fn only_allowed_senders_are_received() {
    let flags = [
        "--allow",
        "127.0.0.2",
        "--allow",
        "127.0.1.0/24",
        "--count",
        "2",
    ];
    let (listen, address) = listen(&flags);
    for from in ["127.0.0.1", "127.0.0.2", "127.0.2.1", "127.0.1.255"] {
        let sender = UdpSocket::bind((from, 0)).unwrap();
        sender.send_to(from.as_bytes(), &address).unwrap();
    }
    let (events, code) = listen.finish();
    assert_eq!(code, 0);
    let texts: Vec<_> = events.iter().map(|event| &event["text"]).collect();
    assert_eq!(texts[..2], ["127.0.0.2", "127.0.1.255"]);
    let summary = events.last().unwrap();
    assert_eq!(summary["not_allowed"], 2, "{summary}");
    assert!(summary["unanswered"].is_null(), "{summary}");
    for prefix in ["127.0.0.1/8", "localhost", "::/129"] {
        assert_eq!(
            udpair(&["listen", "0", "--allow", prefix]).code,
            2,
            "{prefix}"
        );
    }
}

/// A datagram that arrives with its last hop ends a loop of two echoes.
#[test]
fn what_an_echo_does_not_answer_is_counted() {
    let (listen, address) = listen(&["--echo", "--count", "3"]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for (hops, text) in [(1, "last hop"), (2, "two"), (64, "many")] {
        sender.set_ttl(hops).unwrap();
        sender.send_to(text.as_bytes(), &address).unwrap();
    }
    let mut buffer = [0; 16];
    for text in ["two", "many"] {
        let length = sender.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], text.as_bytes());
    }
    let (events, _) = listen.finish();
    let summary = events.last().unwrap();
    assert_eq!(summary["unanswered"], 1, "{summary}");
    assert_eq!(summary["sent"], 2, "{summary}");
}

/// Whole blocks, with addresses, ports and payloads in them.
#[test]
fn datagrams_are_written_to_a_file() {
    let path = std::env::temp_dir().join(format!("udpair-cli-{}.pcapng", std::process::id()));
    let name = path.to_str().unwrap();
    let (listen, address) = listen(&["--write", name, "--count", "2"]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for payload in [b"first" as &[_], b""] {
        sender.send_to(payload, &address).unwrap();
    }
    let (_, code) = listen.finish();
    assert_eq!(code, 0);
    let file = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut kinds) = (0, Vec::new());
    while at < file.len() {
        kinds.push(number(at));
        at += number(at + 4);
    }
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 6, 6]);
    let has = |part: &[u8]| file.windows(part.len()).any(|window| window == part);
    assert!(has(b"first") && has(b"lo"));
    let port = sender.local_addr().unwrap().port().to_be_bytes();
    assert!(has(&[&[127, 0, 0, 1, 127, 0, 0, 1], &port as &[_]].concat()));

    let refused = udpair(&["listen", "0", "--write", "/nonexistent/file", "--json"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    let message = refused.error()["message"].to_string();
    assert!(message.contains("/nonexistent/file"), "{message}");
}
