//! Names that cannot be resolved, and the server that said so.

use std::net::UdpSocket;
use std::thread;

use crate::run::{udpair, udpair_with_descriptors};

/// Starts a name server on loopback that answers every query with this response code and, for the
/// queried name, this record. Returns its address.
fn name_server(code: u8, record: &'static [u8]) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            // The end of the question: its type and class follow the root label (RFC 1035, section
            // 4.1.2). The rest of the query is the EDNS extension, which need not be answered.
            let end = 12
                + query[12..length]
                    .iter()
                    .position(|byte| *byte == 0)
                    .unwrap()
                + 5;
            let mut answer = query[..end].to_vec();
            answer[2] |= 0x80;
            // The server queries others, so that it may say that there are no records.
            answer[3] = 0x80 | code;
            answer[7] = u8::from(!record.is_empty());
            answer[11] = 0;
            answer.extend(record);
            let _ = socket.send_to(&answer, from);
        }
    });
    address
}

/// SRV-08, SRV-09: in every command.
#[test]
fn an_error_names_the_query_and_the_server_that_did_not_resolve_it() {
    const NO_ERROR: u8 = 0;
    const SERVER_FAILURE: u8 = 2;
    const NAME_ERROR: u8 = 3;
    const REFUSED: u8 = 5;
    /// An SRV record of the queried name with TTL 60 s: priority, weight and port 0, target ".".
    const NOT_OFFERED: &[u8] = &[
        0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 7, 0, 0, 0, 0, 0, 0, 0,
    ];

    for (code, record, service, kind, status) in [
        (NAME_ERROR, &[] as &[_], "7", "host-not-found", 6),
        (NO_ERROR, &[], "7", "no-data", 7),
        (SERVER_FAILURE, &[], "7", "name-server", 8),
        (REFUSED, &[], "7", "name-server", 0),
        (NAME_ERROR, &[], "stun", "host-not-found", 6),
        (NO_ERROR, &[], "stun", "no-data", 7),
        (NO_ERROR, NOT_OFFERED, "stun", "no-data", 7),
        (SERVER_FAILURE, &[], "stun", "name-server", 8),
        (REFUSED, &[], "stun", "name-server", 0),
    ] {
        let server = name_server(code, record);
        let queried = match service {
            "stun" => "_stun._udp.x.test",
            _ => "x.test",
        };
        for command in ["connect", "ask", "send", "resolve"] {
            let finished = udpair(&[
                command,
                "x.test",
                service,
                "--dns",
                &server,
                "--services",
                "/dev/null",
                "--json",
            ]);
            let case = format!("{command} {service}, code {code}: {finished:?}");
            let exit = if kind == "name-server" { 5 } else { 3 };
            assert_eq!(
                (finished.code, finished.stderr.as_str()),
                (exit, ""),
                "{case}"
            );
            let error = finished.error();
            assert_eq!(
                (&error["kind"], &error["status"]),
                (&kind.into(), &status.into()),
                "{case}"
            );
            let message = error["message"].as_str().unwrap();
            assert!(
                message.contains(&server) && message.contains(queried),
                "{case}"
            );
        }
    }
}

/// GEN-08: what this process lacks is not said of the server.
#[test]
fn a_query_without_a_descriptor_is_not_the_servers_fault() {
    const NAME_ERROR: u8 = 3;
    let server = name_server(NAME_ERROR, &[]);
    for arguments in [
        &["resolve", "x.test", "7"] as &[_],
        &["resolve", "x.test", "7", "-4"],
        &["resolve", "x.test", "stun", "--srv"],
        &["ask", "x.test", "7"],
        &["send", "x.test", "stun", "--srv"],
        &["connect", "x.test", "7", "-6"],
    ] {
        let common = ["--json", "--dns", &server];
        let arguments = [arguments, &common].concat();
        let (mut lacking, mut is_answered) = (0, false);
        // With few descriptors the command does not start; with more, it cannot send a query.
        for most in 4..40 {
            let finished = udpair_with_descriptors(most, &arguments);
            let Some(line) = finished.stdout.lines().last() else {
                // The system could not load the program.
                assert!(!is_answered, "{most}: {finished:?}");
                continue;
            };
            let case = format!("{arguments:?} with {most}: {line}");
            let error = finished.error();
            if error["kind"] == "host-not-found" {
                is_answered = true;
                continue;
            }
            assert_eq!(error["kind"], "too-many-files", "{case}");
            assert_eq!(finished.code, 1, "{case}");
            assert!(!is_answered, "{case}");
            let message = error["message"].as_str().unwrap();
            if message.contains("cannot resolve") {
                lacking += 1;
                let advice = error["advice"].as_str().unwrap_or_default();
                assert!(advice.contains("ulimit -n"), "{case}");
                assert!(!message.contains(&server), "{case}");
            }
        }
        assert!(lacking > 0 && is_answered, "{arguments:?}: {lacking}");
    }
}

/// SRV-07: a name without a dot, which only the system's resolver completes from its search list.
#[test]
fn a_hint_says_that_srv_takes_no_search_list() {
    const NAME_ERROR: u8 = 3;
    const REFUSED: u8 = 5;
    for code in [NAME_ERROR, REFUSED] {
        let server = name_server(code, &[]);
        for (host, is_short) in [("web", true), ("web.test", false)] {
            let arguments = ["ask", host, "sip", "--srv", "--json", "--dns", &server];
            let error = udpair(&arguments).error();
            let advice = error["advice"].as_str().unwrap_or_default();
            let is_said = advice.contains("SRV takes no search list: write the full name");
            assert_eq!(is_said, is_short, "{error}");
        }
    }
}

/// HOST-10
#[test]
fn a_hint_says_that_the_escaped_percent_sign_is_for_urls() {
    for host in ["fe80::1%25lo", "[fe80::1%25lo]"] {
        for command in ["ask", "send", "connect", "resolve"] {
            let finished = udpair(&[command, host, "7", "--json"]);
            assert_eq!(finished.code, 4, "{command}: {finished:?}");
            let advice = finished.error()["advice"].to_string();
            assert!(
                advice.contains("`%25` is for URLs: write fe80::1%lo"),
                "{advice}"
            );
        }
    }
}

/// SRV-13: a command that takes long says once what it waits for, unless its output is for
/// programs.
#[test]
fn a_command_says_after_two_seconds_what_it_waits_for() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let run = |arguments: &[&str]| {
        let common = ["--dns", &address, "--services", "/dev/null", "--timeout"];
        let mut all = arguments.to_vec();
        all.extend(common);
        all.push("2500ms");
        udpair(&all)
    };
    thread::scope(|scope| {
        let mut runs = Vec::new();
        for (arguments, waits_for) in [
            (&["resolve", "x.test", "a"] as &[_], "_a._udp.x.test SRV"),
            (&["resolve", "x.test", "7", "-4"], "x.test A"),
            (&["ask", "x.test", "7", "-6"], "x.test AAAA"),
            (&["send", "x.test", "a"], "_a._udp.x.test SRV"),
            (&["connect", "x.test", "a"], "_a._udp.x.test SRV"),
            (&["resolve", "x.test", "a", "--quiet"], ""),
            (&["resolve", "x.test", "a", "--json"], ""),
        ] {
            let run = scope.spawn(move || run(arguments));
            runs.push((arguments, waits_for, run));
        }
        for (arguments, waits_for, run) in runs {
            let finished = run.join().unwrap();
            let notices: Vec<_> = finished
                .stderr
                .lines()
                .filter(|line| line.contains("still waiting"))
                .collect();
            let expected = match waits_for {
                "" => Vec::new(),
                query => vec![format!(
                    "udpair: still waiting for name server {address} ({query})"
                )],
            };
            assert_eq!(notices, expected, "{arguments:?}: {finished:?}");
            assert_eq!(finished.code, 5, "{arguments:?}: {finished:?}");
        }
    });
}
