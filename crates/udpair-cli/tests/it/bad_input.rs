//! Every failure is reported clearly, and with its exit code.

use std::net::UdpSocket;

use crate::run::{Finished, Running, command, split, udpair, udpair_with};

/// Runs a command with `--json`, and checks its exit code and the kind, status and part of the text
/// of its error.
fn fails(arguments: &[&str], code: i32, kind: &str, status: u8, part: &str) -> Finished {
    let finished = udpair(&[arguments, &["--json"]].concat());
    assert_eq!(finished.code, code, "{arguments:?}: {finished:?}");
    let error = finished.error();
    assert_eq!(error["kind"], kind, "{arguments:?}: {error}");
    assert_eq!(error["status"], status, "{arguments:?}: {error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(part), "{arguments:?}: {message}");
    assert_eq!(finished.stderr, "", "{arguments:?}");
    finished
}

/// SVC-03, HOST-05, HOST-08, HOST-14, CON-02: the error names the argument and the reason.
#[test]
fn an_error_names_the_argument_that_is_not_valid() {
    for (host, service, part) in [
        ("127.0.0.1", "", "<SERVICE>"),
        (
            "127.0.0.1",
            "70000",
            "<SERVICE>': service \"70000\" is not valid: the highest port is 65535",
        ),
        ("127.0.0.1", "a b", "<SERVICE>"),
        ("", "7", "<HOST>"),
        (
            "256.1.1.1",
            "7",
            "<HOST>': host name \"256.1.1.1\" is not valid",
        ),
        ("a..b", "7", "empty"),
        ("host:1", "7", "the service is given separately"),
        ("xn--a", "7", "international"),
        ("fe80::1%", "7", "<HOST>"),
    ] {
        for command in ["connect", "ask", "send", "resolve"] {
            fails(&[command, host, service], 2, "invalid-argument", 0, part);
        }
    }
}

#[test]
fn flags_that_are_not_valid_are_usage_errors() {
    for arguments in [
        &["ask", "127.0.0.1", "7", "--wait", "soon"] as &[_],
        &["ask", "127.0.0.1", "7", "--wait", "0s"],
        &["ask", "127.0.0.1", "7", "--retries", "-1"],
        &["resolve", "x.test", "7", "--dns", "nowhere"],
        &["resolve", "x.test", "7", "--timeout", "5"],
        &["send", "127.0.0.1", "7", "--rate", "fast"],
        &["send", "127.0.0.1", "7", "--size", "5GiB"],
        &["send", "127.0.0.1", "7", "--hops", "0"],
        &["send", "127.0.0.1", "7", "--local", "127.0.0.1"],
        &["connect", "127.0.0.1", "7", "--frame", "paper"],
        &["listen", "127.0.0.1"],
        &["listen", "::1"],
        &["listen", "7", "--count", "0"],
        &["-4", "-6", "resolve", "x.test", "7"],
        &["resolve"],
        &["resolve", "x.test", "7", "--nonsense"],
        &["nonsense"],
        &[],
    ] {
        let finished = udpair(&[arguments, &["--json"]].concat());
        assert_eq!(finished.code, 2, "{arguments:?}: {finished:?}");
        assert_eq!(
            finished.error()["kind"],
            "invalid-argument",
            "{arguments:?}"
        );
        assert_eq!(finished.stderr, "", "{arguments:?}");

        // Without `--json` the error goes to standard error, and standard output stays empty.
        let finished = udpair(arguments);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        assert!(!finished.stderr.is_empty());
    }
}

#[test]
fn arguments_that_only_the_command_can_check_are_rejected() {
    for (arguments, part) in [
        (&["ask", "127.0.0.1", "7", "--hex", "xyz"] as &[_], "DATA"),
        (&["ask", "127.0.0.1", "7", "--hex", "abc"], "odd"),
        (
            &["send", "127.0.0.1", "7", "--adapter", "no-such-adapter"],
            "no-such-adapter",
        ),
        (
            &[
                "send",
                "127.0.0.1",
                "7",
                "--adapter",
                "lo",
                "--local",
                "127.0.0.1:",
            ],
            "--adapter",
        ),
        (&["listen", "0", "--local", ":5"], "--local"),
        (
            &["send", "127.0.0.1", "7", "--rcvbuf", "0"],
            "inbound buffer",
        ),
        (
            &["resolve", "x.test", "stun", "--services", "/nonexistent"],
            "/nonexistent",
        ),
    ] {
        fails(arguments, 2, "invalid-argument", 0, part);
    }
}

/// CON-07, SVC-05, ADR-05: what is wrong with literals is found before any I/O.
#[test]
fn literals_that_cannot_be_used_are_rejected() {
    for (arguments, part) in [
        (&["connect", "224.0.0.1", "5000"] as &[_], "224.0.0.1:5000"),
        (&["connect", "ff02::1", "5000"], "multicast"),
        (&["ask", "239.1.2.3%lo", "5000"], "multicast"),
        (&["ask", "::ffff:224.0.0.1", "5000"], "multicast"),
        (&["ask", "127.0.0.1", "0"], "port 0"),
        (&["send", "localhost", "00"], "port 0"),
        (&["resolve", "x.test", "0"], "port 0"),
        (&["connect", "127.0.0.1", "7", "-6"], "127.0.0.1"),
        (&["ask", "::1", "7", "-4"], "::1"),
        (
            &["send", "127.0.0.1", "stun", "-6", "--services", "/none"],
            "-6",
        ),
        (&["resolve", "127.0.0.1", "-6"], "-6"),
        (&["listen", "127.0.0.1:0", "-6"], "-6"),
        (&["listen", "0", "-6", "--join", "239.1.2.3"], "239.1.2.3"),
        (
            &["connect", "x.test", "7", "-4", "--local", "[::1]:"],
            "::1",
        ),
    ] {
        fails(arguments, 2, "invalid-argument", 0, part);
    }
    // What only a file or a server reveals keeps its kind.
    fails(
        &["connect", "127.0.0.1", "stun", "--services", "/dev/null"],
        3,
        "service-not-found",
        9,
        "stun",
    );
}

/// An option that a command has no use for is refused, before and after its name.
#[test]
fn an_option_that_a_command_does_not_use_is_refused() {
    for (command, option) in [
        (
            &["resolve", "127.0.0.1", "7"] as &[_],
            &["--hops", "3"] as &[_],
        ),
        (&["resolve", "127.0.0.1", "7"], &["--adapter", "lo"]),
        (&["listen", "0"], &["--local", ":5"]),
        (&["services"], &["-4"]),
        (&["adapters"], &["--dns", "192.0.2.1"]),
        (&["demo"], &["--dont-fragment"]),
    ] {
        for arguments in [[option, command].concat(), [command, option].concat()] {
            let part = format!("{} does not use {}", command[0], option[0]);
            fails(&arguments, 2, "invalid-argument", 0, &part);
        }
        let help = udpair(&[command[0], "--help"]).stdout;
        assert!(!help.contains(&format!("{} ", option[0])), "{help}");
        assert!(help.contains("--json"), "{help}");
    }
    let help = udpair(&["ask", "--help"]).stdout;
    assert!(help.contains("--hops"), "{help}");
}

/// Every error in text starts alike.
#[test]
fn errors_have_one_prefix() {
    for arguments in [
        &["ask", "127.0.0.1"] as &[_],
        &["nonsense"],
        &["ask", "127.0.0.1", "0"],
        &["ask", "127.0.0.1", "9", "x", "--wait", "60m"],
        &["connect", "127.0.0.1", "7", "-4", "-6"],
    ] {
        let finished = udpair(arguments);
        let lines = finished.stderr.lines();
        let errors = lines.filter(|line| line.contains("error") || line.starts_with("udpair: "));
        let errors: Vec<_> = errors.collect();
        assert_eq!(errors.len(), 1, "{finished:?}");
        assert!(errors[0].starts_with("udpair: "), "{finished:?}");
    }
}

/// A word that begins with a hyphen is data only after `--`.
#[test]
fn data_that_looks_like_flags_is_explained() {
    for word in ["-hello", "-x1", "-4a"] {
        let part = format!("write -- {word}");
        fails(
            &["ask", "127.0.0.1", "9", word],
            2,
            "invalid-argument",
            0,
            &part,
        );
        let (_echo, address) = Running::echo();
        let [host, port] = split(&address);
        let finished = udpair(&["ask", host, port, "--", word]);
        assert_eq!(finished.stdout, format!("{word}\n"), "{finished:?}");
    }
    let finished = udpair(&["ask", "127.0.0.1", "9", "--hello", "--json"]);
    assert_eq!(finished.code, 2, "{finished:?}");
    let advice = finished.error()["advice"].to_string();
    assert!(advice.contains("-- --hello"), "{advice}");
}

/// Standard input is read on request only.
#[test]
fn standard_input_is_not_read_unasked() {
    let (_echo, address) = Running::echo();
    let [host, port] = split(&address);
    let ask = ["ask", host, port];
    let finished = udpair_with(&ask, b"data");
    assert_eq!((finished.code, &*finished.stdout), (0, "\n"));
    assert!(finished.stderr.contains("give - as DATA"), "{finished:?}");
    for more in [&["-q"] as &[_], &["--json"]] {
        let finished = udpair_with(&[&ask, more].concat(), b"data");
        assert_eq!((finished.code, &*finished.stderr), (0, ""), "{more:?}");
    }
    for data in ["-", "text"] {
        let finished = udpair_with(&[&ask as &[_], &[data]].concat(), b"a\nb\n");
        assert!(!finished.stderr.contains("as DATA"), "{finished:?}");
    }
    let output = command(&ask).stdin(std::process::Stdio::null()).output();
    let finished = Finished::from(output.unwrap());
    assert!(!finished.stderr.contains("as DATA"), "{finished:?}");
}

/// `@FILE` is the content of a file.
#[test]
fn a_file_is_sent() {
    let (_echo, address) = Running::echo();
    let [host, port] = split(&address);
    let path = std::env::temp_dir().join(format!("udpair-cli-data-{}", std::process::id()));
    std::fs::write(&path, b"from\na file").unwrap();
    let data = format!("@{}", path.display());
    let finished = udpair(&["ask", host, port, &data]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!((finished.code, &*finished.stdout), (0, "from\na file\n"));
    fails(
        &["ask", host, port, &data],
        2,
        "invalid-argument",
        0,
        &data[1..],
    );
}

/// ADR-01, BND-12: a missing route is reported at once, with the address.
#[test]
fn a_destination_without_a_route_is_reported() {
    // Only addresses of this machine are reachable from a loopback address or through the loopback
    // adapter.
    for (arguments, address) in [
        (
            &["ask", "192.0.2.1", "7", "--local", "localhost:"] as &[_],
            "192.0.2.1:7",
        ),
        (&["connect", "fe80::1%lo", "7"], "[fe80::1%1]:7"),
    ] {
        let finished = fails(arguments, 6, "network-unreachable", 13, address);
        assert!(finished.error()["advice"].is_string(), "{finished:?}");
    }
}

/// SRV-08: no server answers, and the text says which server and after which time.
#[test]
fn an_error_names_the_name_server_that_does_not_answer() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = silent.local_addr().unwrap().to_string();
    let arguments = [
        "resolve",
        "x.test",
        "stun",
        "--services",
        "/dev/null",
        "--timeout",
        "200ms",
    ];
    let finished = fails(
        &[&arguments as &[_], &["--dns", &server]].concat(),
        5,
        "name-server",
        8,
        "did not answer within",
    );
    let message = finished.error()["message"].to_string();
    assert!(
        message.contains(&server) && message.contains("_stun._udp.x.test"),
        "{message}"
    );

    // The same with the server from the environment.
    let output = command(&arguments)
        .env("UDPAIR_DNS", &server)
        .output()
        .unwrap();
    let finished = Finished::from(output);
    assert_eq!(finished.code, 5);
    assert!(finished.stderr.contains(&server), "{finished:?}");
}

/// BND-07, BND-10
#[test]
fn an_error_names_the_local_endpoint_that_cannot_be_bound() {
    let in_use = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = in_use.local_addr().unwrap().to_string();
    let finished = fails(&["listen", &address], 4, "address-in-use", 10, &address);
    assert!(finished.error()["advice"].is_string());
    fails(
        &["send", "127.0.0.1", "7", "--local", &address],
        4,
        "address-in-use",
        10,
        &address,
    );
    let finished = fails(
        &["listen", "192.0.2.1:0"],
        4,
        "address-not-available",
        11,
        "192.0.2.1",
    );
    assert!(finished.error()["advice"].is_string());
    fails(
        &["connect", "127.0.0.1", "7", "--local", "192.0.2.1:"],
        4,
        "address-not-available",
        11,
        "192.0.2.1",
    );
}

/// MSG-12: the ICMP error of a closed port ends the wait.
#[test]
fn a_closed_port_ends_the_command_at_once() {
    // The port of a closed socket would not do: the system may give it to another test.
    let closed = "127.0.0.1:9";
    let [host, port] = split(closed);
    // Without the error this command would run for hours.
    let arguments = ["ask", host, port, "hello?", "--wait", "60m"];
    let finished = fails(&arguments, 6, "peer-unreachable", 18, closed);
    let errors = finished.events_named("peer-error");
    assert_eq!(errors[0]["destination"], closed);
    assert_eq!(errors[0]["kind"], "port-unreachable");
    assert_eq!(finished.events_named("sent").len(), 1);

    let finished = udpair(&arguments);
    assert_eq!(finished.code, 6);
    assert_eq!(finished.stdout, "");
    assert!(finished.stderr.contains("port unreachable"), "{finished:?}");
}

#[test]
fn ask_fails_when_a_peer_does_not_reply_to_any_try() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let [host, port] = split(&address);
    let arguments = [
        "ask",
        host,
        port,
        "hello?",
        "--retries",
        "2",
        "--wait",
        "10ms",
    ];
    let finished = fails(&arguments, 5, "no-reply", 3, &address);
    assert_eq!(finished.events_named("sent").len(), 3);
    silent.set_nonblocking(true).unwrap();
    let mut buffer = [0; 16];
    for _ in 0..3 {
        assert_eq!(silent.recv(&mut buffer).unwrap(), 6);
    }
    assert!(silent.recv(&mut buffer).is_err(), "more than 3 tries");
}

/// OUT-12: a line that is too long is reported, no part of it is sent, and later lines are sent.
#[test]
fn a_line_that_is_too_long_is_reported_and_the_next_one_is_sent() {
    for (at, payload_max) in [("127.0.0.1:0", 65_507), ("[::1]:0", 65_527)] {
        let peer = UdpSocket::bind(at).unwrap();
        let address = peer.local_addr().unwrap();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let mut input = vec![b'x'; payload_max + 1];
        input.extend(b"\nshort\n");
        let arguments = ["connect", &host, &port, "--linger", "0s", "--json"];
        let finished = udpair_with(&arguments, &input);
        assert_eq!(finished.code, 1, "{finished:?}");
        let error = finished.error();
        assert_eq!(
            (&error["kind"], &error["status"]),
            (&"payload-too-large".into(), &22.into())
        );
        assert_eq!(finished.events_named("summary")[0]["sent"], 1);
        let mut buffer = [0; 16];
        assert_eq!(peer.recv(&mut buffer).unwrap(), 5, "{at}");
    }
}

#[test]
fn a_line_that_is_not_hex_is_reported_and_the_next_one_is_sent() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap().to_string();
    let [host, port] = split(&address);
    let arguments = [
        "connect", host, port, "--frame", "hex", "--linger", "0s", "--json",
    ];
    let finished = udpair_with(&arguments, b"zz\n0102\n");
    assert_eq!(finished.code, 2, "{finished:?}");
    assert_eq!(finished.error()["kind"], "invalid-argument");
    let mut buffer = [0; 16];
    assert_eq!(peer.recv(&mut buffer).unwrap(), 2);
    assert_eq!(buffer[..2], [1, 2]);
}
