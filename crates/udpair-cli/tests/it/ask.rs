//! `ask`: the replies of many, and what it says when there is none.

use std::net::UdpSocket;
use std::thread;

use crate::run::{Running, udpair};

/// Every member of a group replies, and one of them from two ports.
#[test]
fn the_replies_of_a_group_are_collected() {
    let group = "239.255.77.4%lo";
    let listen = |at: &str| {
        let flags = [
            "--share", "--join", group, "--echo", "--count", "1", "--json",
        ];
        let mut listen = Running::start(&[&["listen", at], &flags as &[_]].concat());
        let listening = listen.next_event();
        assert_eq!(listen.next_event()["event"], "joined");
        let address = listening["local"].as_str().unwrap();
        let (_, port) = address.rsplit_once(':').unwrap();
        (listen, port.to_owned())
    };
    let (first, port) = listen(":0");
    let (second, _) = listen(&format!(":{port}"));
    let ask = [
        "ask", group, &port, "who?", "--all", "--wait", "500ms", "--json",
    ];
    let finished = udpair(&ask);
    assert_eq!(finished.code, 0, "{finished:?}");
    let replies = finished.events_named("message");
    assert_eq!(replies.len(), 2, "{finished:?}");
    for reply in &replies {
        assert_eq!(reply["text"], "who?");
        assert!(reply["rtt_us"].is_u64(), "{reply}");
    }
    assert_eq!(finished.events_named("sent").len(), 1);
    for listen in [first, second] {
        assert_eq!(listen.finish().1, 0);
    }
    // A group is a peer for no other `ask`.
    assert_eq!(udpair(&["ask", group, &port]).code, 2);
}

#[test]
fn every_reply_of_one_host_is_a_line() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap();
    let port = address.port().to_string();
    let answering = thread::spawn(move || {
        let (_, from) = peer.recv_from(&mut [0; 16]).unwrap();
        for reply in ["one", "two", "three"] {
            peer.send_to(reply.as_bytes(), from).unwrap();
        }
    });
    let ask = ["ask", "127.0.0.1", &port, "q", "--all", "--wait", "300ms"];
    let finished = udpair(&[&ask as &[_], &["--expect", "o"]].concat());
    answering.join().unwrap();
    assert_eq!(finished.code, 0, "{finished:?}");
    let lines: Vec<_> = finished.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{finished:?}");
    assert!(lines[0].ends_with(": one") && lines[1].ends_with(": two"));
    assert!(lines[0].contains(&address.to_string()), "{lines:?}");
    assert!(
        finished.stderr.contains("replies: 2, senders: 1"),
        "{finished:?}"
    );
}

/// Closed, or silent and perhaps filtered.
#[test]
fn an_error_says_what_silence_may_mean() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let quick = ["--wait", "10ms", "--retries", "0"];
    for more in [&[] as &[&str], &["--all"]] {
        let ask = [&["ask", "127.0.0.1", &port, "q"], more, &quick].concat();
        let finished = udpair(&ask);
        assert_eq!(finished.code, 5, "{finished:?}");
        for part in ["silent", "firewall", "ICMP"] {
            assert!(finished.stderr.contains(part), "{part}: {finished:?}");
        }
    }
    let finished = udpair(&["ask", "127.0.0.1", "9", "q"]);
    assert_eq!(finished.code, 6, "{finished:?}");
    assert!(
        finished.stderr.contains("the port is closed"),
        "{finished:?}"
    );
    assert!(!finished.stderr.contains("ICMP"), "{finished:?}");
}

#[test]
fn a_raw_reply_has_no_line_end() {
    let (_echo, address) = Running::echo();
    let (host, port) = address.rsplit_once(':').unwrap();
    let finished = udpair(&["ask", host, port, "hello", "--raw"]);
    assert_eq!((finished.code, &*finished.stdout), (0, "hello"));
}
