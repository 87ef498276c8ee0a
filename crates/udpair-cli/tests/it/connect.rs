//! `connect` and `listen`: datagrams in both directions, and the ways in which a command ends.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::run::{Finished, Running, command, split, udpair_with};

#[test]
fn each_line_is_sent_and_its_echo_is_received() {
    let (_echo, address) = Running::echo();
    let [host, port] = split(&address);
    let finished = udpair_with(&["connect", host, port, "--json"], b"a\nb\n");
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_eq!(finished.stderr, "");

    let connected = &finished.events_named("connected")[0];
    assert_eq!(connected["remote"], address);
    assert_eq!(
        (&connected["host"], &connected["service"]),
        (&host.into(), &port.into())
    );
    let messages = finished.events_named("message");
    assert_eq!(messages.len(), 2);
    for (message, text) in messages.iter().zip(["a", "b"]) {
        assert_eq!(message["text"], text);
        assert_eq!(message["remote"], address);
        assert_eq!(message["local"], connected["local"]);
        assert_eq!(message["bytes"], 1);
    }
    assert_eq!(messages[0]["hex"], "61");
    let events = finished.events();
    let summary = events.last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!(
        (&summary["sent"], &summary["received"]),
        (&2.into(), &2.into())
    );
    assert_eq!(
        (&summary["dropped"], &summary["exact"]),
        (&0.into(), &true.into())
    );
}

#[test]
fn payloads_go_to_standard_output_and_everything_else_to_standard_error() {
    let (_echo, address) = Running::echo();
    let [host, port] = split(&address);
    let finished = udpair_with(&["connect", host, port], b"one\n\ntwo");
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (0, "one\n\ntwo\n")
    );
    assert!(finished.stderr.contains("connected"), "{finished:?}");
    assert!(
        finished.stderr.contains("3 sent, 3 received"),
        "{finished:?}"
    );

    let finished = udpair_with(&["connect", host, port, "-q"], b"one\n");
    assert_eq!(
        (finished.stdout.as_str(), finished.stderr.as_str()),
        ("one\n", "")
    );
    let finished = udpair_with(
        &["connect", host, port, "-q", "--frame", "raw"],
        b"one\ntwo\n",
    );
    assert_eq!(finished.stdout, "one\ntwo\n");
    let finished = udpair_with(&["connect", host, port, "-q", "--frame", "hex"], b"00 ff\n");
    assert_eq!(finished.stdout, "00ff\n");
}

/// CON-08, CON-09: a non-peer sender floods the port before and after the connect.
#[test]
fn datagrams_of_a_flooding_non_peer_are_never_printed() {
    let (_echo, address) = Running::echo();
    let [host, port] = split(&address);
    let local = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flooding = {
        let stop = stop.clone();
        thread::spawn(move || {
            let non_peer = UdpSocket::bind("127.0.0.1:0").unwrap();
            while !stop.load(Ordering::Relaxed) {
                // Fails while no socket is bound to the port.
                let _ = non_peer.send_to(b"from a non-peer", local);
            }
        })
    };
    for _ in 0..5 {
        let arguments = [
            "connect",
            host,
            port,
            "--json",
            "--linger",
            "100ms",
            "--local",
            &local.to_string(),
        ];
        let finished = udpair_with(&arguments, b"a\nb\n");
        assert_eq!(finished.code, 0, "{finished:?}");
        assert!(!finished.stdout.contains("non-peer\""), "{finished:?}");
        assert_eq!(finished.events_named("message").len(), 2, "{finished:?}");
    }
    stop.store(true, Ordering::Relaxed);
    flooding.join().unwrap();
}

#[test]
fn a_peer_whose_port_is_closed_is_reported() {
    let closed = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let [host, port] = split(&closed);
    let finished = udpair_with(
        &["connect", host, port, "--json", "--linger", "200ms"],
        b"a\n",
    );
    assert_eq!(finished.code, 6, "{finished:?}");
    assert_eq!(
        finished.events_named("peer-error")[0]["destination"],
        closed
    );
    assert_eq!(finished.events().last().unwrap()["event"], "summary");
}

/// The first address of a name refuses: the second one gets what was sent, and both are named.
#[test]
fn connect_goes_on_to_the_next_target_when_the_first_refuses() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = peer.local_addr().unwrap().port().to_string();
    let answering = thread::spawn(move || {
        let mut buffer = [0; 16];
        for _ in 0..2 {
            let (length, from) = peer.recv_from(&mut buffer).unwrap();
            peer.send_to(&buffer[..length], from).unwrap();
        }
    });
    for local in [&[] as &[&str], &["--adapter", "lo"]] {
        let connect = ["connect", "localhost", &port, "--json"];
        let finished = udpair_with(&[&connect as &[_], local].concat(), b"hello\n");
        assert_eq!(finished.code, 0, "{finished:?}");
        let connected = finished.events_named("connected");
        let (first, second) = (format!("[::1]:{port}"), format!("127.0.0.1:{port}"));
        assert_eq!(connected[0]["remote"], first);
        assert_eq!(connected[1]["remote"], second);
        let next = &finished.events_named("next-target")[0];
        assert_eq!(next["after"], first);
        assert_eq!(next["destination"], second);
        assert_eq!(next["kind"], "peer-unreachable");
        assert_eq!(finished.events_named("message")[0]["text"], "hello");
        assert_eq!(finished.events_named("summary")[0]["sent"], 2);
    }
    answering.join().unwrap();
}

/// All addresses of a name refuse: the error names each.
#[test]
fn connect_names_every_target_that_refused() {
    let free = UdpSocket::bind("[::1]:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let finished = udpair_with(
        &["connect", "localhost", &port, "--linger", "200ms"],
        b"a\n",
    );
    assert_eq!(finished.code, 6, "{finished:?}");
    let error = finished.stderr.split("udpair: ").nth(1).unwrap();
    for address in [format!("[::1]:{port}"), format!("127.0.0.1:{port}")] {
        assert!(error.contains(&address), "{finished:?}");
    }
}

#[test]
fn connect_still_receives_replies_after_its_input_has_ended() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap().to_string();
    let [host, port] = split(&address);
    let mut connect = Running::start(&["connect", host, port, "--json", "--linger", "30s"]);
    assert_eq!(connect.next_event()["event"], "connected");
    connect.write(b"question\n");
    assert_eq!(connect.next_event()["event"], "sent");
    connect.stdin = None;
    let mut buffer = [0; 16];
    let (_, from) = peer.recv_from(&mut buffer).unwrap();
    peer.send_to(b"answer", from).unwrap();
    assert_eq!(connect.next_event()["text"], "answer");
    connect.interrupt();
    let (rest, code) = connect.finish();
    assert_eq!(code, 130);
    assert_eq!(rest.last().unwrap()["event"], "summary");
}

#[test]
fn an_interrupted_command_ends_with_its_summary() {
    let (echo, address) = Running::echo();
    let [host, port] = split(&address);
    let mut connect = Running::start(&["connect", host, port, "--json"]);
    connect.write(b"a\n");
    let names: Vec<_> = (0..3)
        .map(|_| connect.next_event()["event"].to_string())
        .collect();
    assert_eq!(names, ["\"connected\"", "\"sent\"", "\"message\""]);
    connect.interrupt();
    let (rest, code) = connect.finish();
    assert_eq!(code, 130);
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(rest[0]["event"], "summary");
    assert_eq!(
        (&rest[0]["sent"], &rest[0]["received"]),
        (&1.into(), &1.into())
    );

    echo.interrupt();
    let (rest, code) = echo.finish();
    assert_eq!(code, 130);
    assert_eq!(rest.last().unwrap()["received"], 1);
}

/// The command sends without end and never waits.
#[test]
fn an_interruption_ends_a_command_that_never_waits() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap().to_string();
    let [host, port] = split(&address);
    let endless = u64::MAX.to_string();
    let send = Running::start(&["send", host, port, "x", "--count", &endless]);
    peer.recv(&mut [0; 16]).unwrap();
    send.interrupt();
    let (_, code) = send.finish();
    assert_eq!(code, 130);
}

#[test]
fn an_interruption_ends_the_wait_for_a_payload() {
    let mut ask = Running::start(&["ask", "127.0.0.1", "7", "-", "--hex"]);
    // More than a pipe holds, so that `write` returns only after the command has begun to read.
    ask.write(&[b' '; 100_000]);
    ask.interrupt();
    assert_eq!(ask.wait(), 130);
}

#[test]
fn listen_ends_after_count_datagrams() {
    let mut listen = Running::start(&["listen", "0", "--count", "2", "--json"]);
    let listening = listen.next_event();
    let (_, port) = listening["local"]
        .as_str()
        .unwrap()
        .rsplit_once(':')
        .unwrap();
    for at in ["127.0.0.1", "::1"] {
        let sender = UdpSocket::bind((at, 0)).unwrap();
        sender
            .send_to(b"\xff\x00", (at, port.parse().unwrap()))
            .unwrap();
        let message = listen.next_event();
        assert_eq!(message["remote"], sender.local_addr().unwrap().to_string());
        assert!(message["text"].is_null());
        assert_eq!(message["hex"], "ff00");
    }
    let (rest, code) = listen.finish();
    assert_eq!((rest.len(), code), (1, 0));
    assert_eq!(rest[0]["received"], 2);
}

/// Even if the payload contains line ends: time, sender, destination and adapter, length, hops.
#[test]
fn listen_prints_one_line_per_datagram() {
    for (flags, payload) in [
        (&[] as &[&str], "two\\nlines \\u{1b}[31m"),
        (&["--hex"], "74776f0a6c696e6573201b5b33316d"),
    ] {
        let address = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let at = address.to_string();
        let listen = ["listen", &at, "--count", "1"];
        let mut listen = Running::start(&[&listen, flags].concat());
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        // The command reports its address on standard error, which this test does not read. So the
        // test sends until the port is open. A closed port is reported at once.
        sender.connect(address).unwrap();
        while sender.send(b"two\nlines \x1b[31m").is_err() || is_refused(&sender) {}
        let line = listen.next_line();
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.len() == 27 && time.ends_with('Z'), "{line}");
        let from = sender.local_addr().unwrap();
        let expected = format!("{from} → {address}%lo 15 bytes 64 hops: {payload}");
        assert_eq!(rest, expected);
    }
}

/// The payloads only, as they are.
#[test]
fn listen_writes_raw_payloads() {
    let address = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut listen = command(&["listen", &address.to_string(), "--raw", "--count", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(listen.stderr.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for payload in [b"a\xff\n" as &[_], b"b\0"] {
        sender.send_to(payload, address).unwrap();
    }
    let output = listen.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"a\xff\nb\0");
    assert_eq!(output.status.code(), Some(0));
}

/// Whether the last datagram arrived at a closed port. Loopback reports that before `send` returns.
fn is_refused(socket: &UdpSocket) -> bool {
    socket.take_error().unwrap().is_some()
}

#[test]
fn listen_ends_without_an_error_when_standard_output_is_closed() {
    let (echo, address) = Running::echo();
    let mut echo = echo.close_stdout();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Another process that is being started may hold the pipe for a moment.
    while !echo.has_ended() {
        sender.send_to(b"x", &address).unwrap();
        thread::yield_now();
    }
    assert_eq!(echo.wait(), 0);
}

/// The summary goes to standard error, which is still open.
#[test]
fn the_summary_is_printed_when_standard_output_is_closed() {
    let address = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut listen = command(&["listen", &address.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(listen.stdout.take());
    let mut lines = BufReader::new(listen.stderr.take().unwrap()).lines();
    assert_eq!(
        lines.next().unwrap().unwrap(),
        format!("listening on {address}")
    );
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Another process that is being started may hold the pipe for a moment.
    while listen.try_wait().unwrap().is_none() {
        sender.send_to(b"x", address).unwrap();
        thread::yield_now();
    }
    let summary = lines.next().unwrap().unwrap();
    assert!(summary.starts_with("0 sent, "), "{summary}");
    assert!(summary.contains(" received, "), "{summary}");
    assert_eq!(listen.wait().unwrap().code(), Some(0));
}

/// Output that cannot be written is a failure. It is reported on standard error.
#[test]
fn a_full_disk_is_reported() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return;
    };
    for arguments in [
        &["resolve", "127.0.0.1", "7"] as &[_],
        &["listen", "127.0.0.1:0", "--json"],
        &["demo"],
        &["--help"],
    ] {
        let child = command(arguments)
            .stdout(full.try_clone().unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let finished = Finished::from(child.wait_with_output().unwrap());
        assert_eq!(finished.code, 1, "{arguments:?}: {finished:?}");
        let is_reported = finished.stderr.contains("cannot write standard output");
        assert!(is_reported, "{arguments:?}: {finished:?}");
    }
}
