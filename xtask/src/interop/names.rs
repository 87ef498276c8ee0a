//! The same names by the machine's own resolver and by udpair, side by side, with the same files
//! and the same name servers: udpair finds whatever the system finds.

use std::collections::BTreeSet;
use std::net::{Ipv6Addr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::namespace::Namespace;
use super::suite::{Suite, check, passed};
use super::udpair::Udpair;

pub(crate) const SUITE: Suite = Suite {
    name: "names by the system and by udpair, side by side",
    needs: &[("ip", "iproute2"), ("getent", "libc-bin")],
    needs_root: true,
    cases,
};

const HOSTS: &str = "\
127.0.0.1 localhost
::1 localhost
192.0.2.1 listed.example.test listed
2001:db8::1 listed.example.test listed
192.0.2.2 Only-V4.Example.Test # a comment
2001:db8::2 only-v6.example.test
192.0.2.3.4 broken.example.test
fe80::3%gone broken.example.test
192.0.2.3 broken.example.test
";

const SERVICES: &str = "\
listed 4000/udp alias
listed 4001/tcp
bad-row
";

/// The records of the name servers: a name, and its addresses or its alias.
const ZONE: &[(&str, &[&str])] = &[
    ("host.example.test", &["192.0.2.10", "2001:db8::10"]),
    ("four.example.test", &["192.0.2.11"]),
    ("six.example.test", &["2001:db8::12"]),
    (
        "many.example.test",
        &["192.0.2.13", "192.0.2.14", "192.0.2.15"],
    ),
    ("alias.example.test", &["=host.example.test"]),
    ("under_score.example.test", &["192.0.2.16"]),
    ("a.b.example.test", &["192.0.2.17"]),
    ("printer.local", &["192.0.2.18"]),
    ("whole", &["192.0.2.19"]),
];

/// What is looked up.
const NAMES: &[&str] = &[
    "host.example.test",
    "host.example.test.",
    "HOST.Example.TEST",
    "host",
    "four",
    "six",
    "many.example.test",
    "alias.example.test",
    "under_score",
    "a.b",
    "printer.local",
    "whole.",
    "listed",
    "listed.example.test.",
    "only-v4.example.test",
    "only-v6.example.test",
    "broken.example.test",
    "localhost",
    "192.0.2.20",
    "gone.example.test",
    "gone",
];

/// What is looked up where that takes seconds.
const SLOW_NAMES: &[&str] = &["host.example.test", "four", "alias.example.test", "listed"];

/// How a name server behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    Good,
    Silent,
    /// Needs 400 ms for an answer.
    Slow,
    Refuses,
    /// Fails at every question.
    Fails,
    /// Does not answer questions for IPv6 addresses.
    DropsAaaa,
    /// Answers without records, and is not responsible.
    Refers,
    /// Knows no EDNS.
    Old,
}

/// The name servers at 127.0.0.2 and after it, and the options of resolv.conf.
const SETUPS: &[(&[Manner], &str)] = &[
    (&[Manner::Good], ""),
    (&[Manner::Good], "rotate single-request ndots:2"),
    (&[Manner::Silent, Manner::Good], "timeout:1 attempts:1"),
    (
        &[Manner::Silent, Manner::Silent, Manner::Good],
        "timeout:1 attempts:2 rotate",
    ),
    (&[Manner::Refuses, Manner::Good], "timeout:1"),
    (&[Manner::Fails, Manner::Good], "timeout:1"),
    (&[Manner::Slow, Manner::Slow, Manner::Slow], "timeout:1"),
    (&[Manner::DropsAaaa], "timeout:1 attempts:1"),
    (&[Manner::Old], ""),
    (&[Manner::Refers, Manner::Good], "timeout:1"),
];

fn cases() -> Result<(), String> {
    for (manners, options) in SETUPS {
        let mut host = Namespace::new("names")?;
        let mut configuration = format!("search example.test\noptions {options}\n");
        for number in 0..manners.len() {
            configuration.push_str(&format!("nameserver 127.0.0.{}\n", number + 2));
        }
        host.overlay_etc(&[
            ("hosts", HOSTS),
            ("services", SERVICES),
            ("resolv.conf", &configuration),
            ("nsswitch.conf", "hosts: files dns\nservices: files\n"),
        ])?;
        let questions: Questions = Arc::default();
        let servers: Result<Vec<_>, String> = manners
            .iter()
            .enumerate()
            .map(|(number, manner)| {
                Server::start(
                    &host,
                    &format!("127.0.0.{}:53", number + 2),
                    *manner,
                    &questions,
                )
            })
            .collect();
        let servers = servers?;
        let rotates = options.contains("rotate");
        let result = side_by_side(&host, &questions, manners, rotates)?;
        drop(servers);
        passed(&format!("{manners:?} {options}"), &result);
    }
    Ok(())
}

/// Looks all names up both ways, and returns the longest times.
fn side_by_side(
    host: &Namespace,
    questions: &Questions,
    manners: &[Manner],
    rotates: bool,
) -> Result<String, String> {
    let (mut slowest, mut found) = ([Duration::ZERO; 2], 0);
    let slow = [Manner::Silent, Manner::Slow, Manner::DropsAaaa];
    let is_quick = !manners.iter().any(|manner| slow.contains(manner));
    let names = if is_quick { NAMES } else { SLOW_NAMES };
    for name in names {
        take(questions);
        let started = Instant::now();
        let by_system = by_system(host, name)?;
        let mut times = [started.elapsed(), Duration::ZERO];
        let asked_by_system = take(questions);

        let started = Instant::now();
        let run = host.udpair(&["resolve", name, "7", "--json"])?;
        times[1] = started.elapsed();
        let asked = take(questions);
        if is_quick {
            // The time of a lookup, and not of whatever else this machine does.
            for _ in 0..QUICK_RUNS {
                let again = times_of(host, name)?;
                times = [0, 1].map(|way| times[way].min(again[way]));
            }
            take(questions);
        }
        slowest = [0, 1].map(|way| slowest[way].max(times[way]));
        has_all(&run, name, &by_system)?;
        // HOST-20: the questions are those of the system, unless udpair finds more without any: the
        // system does not look absolute names up in its hosts file. If a server is slow, udpair
        // also looks up each family alone.
        let is_same = match is_quick {
            true => asked == asked_by_system,
            false => asked.is_superset(&asked_by_system),
        };
        let finds_more = asked.is_empty() && by_system.is_empty();
        check(is_same || finds_more, || {
            let stdout = &run.stdout;
            format!("{name}: {asked:?} and not {asked_by_system:?}\n{stdout}")
        })?;
        found += usize::from(!by_system.is_empty());

        // The same servers, queried by udpair itself. It has no search list.
        let is_whole = by_system.is_empty()
            || asked.iter().all(|question| {
                question.0.trim_end_matches('.') == name.trim_end_matches('.').to_ascii_lowercase()
            });
        if !asked.is_empty() && is_whole && *name != "printer.local" {
            let servers: Vec<_> = (0..manners.len())
                .map(|number| format!("--dns=127.0.0.{}:53", number + 2))
                .collect();
            let mut arguments = vec!["resolve", name, "7", "--json", "--timeout", "5s"];
            arguments.extend(servers.iter().map(String::as_str));
            let run = host.udpair(&arguments)?;
            has_all(&run, name, &by_system)?;
            let asked = take(questions);
            let wanted = name.trim_end_matches('.').to_ascii_lowercase();
            let expected: BTreeSet<_> = [1, 28].map(|kind| (wanted.clone(), kind)).into();
            check(asked == expected, || {
                run.unlike(&format!("{expected:?}: {asked:?}"))
            })?;
        }
    }
    if rotates && !is_quick {
        // The system begins with a server at random, in each process.
        for _ in 0..ROTATING_RUNS {
            let again = times_of(host, names[0])?;
            slowest = [0, 1].map(|way| slowest[way].max(again[way]));
        }
    }
    // SVC-07: ports of the file, by the name and by its alias.
    for service in ["listed", "alias"] {
        let system = host.run("getent", &["services", &format!("{service}/udp")]);
        system?;
        let run = host.udpair(&["resolve", "127.0.0.1", service, "--json"])?;
        check(remotes(&run)?.contains("127.0.0.1:4000"), || {
            run.unlike("port 4000")
        })?;
    }
    // SRV-01: what the system's resolver does not do.
    take(questions);
    let run = host.udpair(&["resolve", "example.test", "a", "--json"])?;
    let expected = ["192.0.2.10:9", "[2001:db8::10]:9"].map(str::to_owned);
    let remotes = remotes(&run)?;
    let is_found = match manners {
        [Manner::DropsAaaa] => remotes.contains(&expected[0]),
        _ => expected.iter().all(|remote| remotes.contains(remote)),
    };
    check(is_found, || run.unlike("the target of the SRV record"))?;
    let asked = take(questions);
    check(
        asked.contains(&("_a._udp.example.test".to_owned(), 33)),
        || format!("asked {asked:?}"),
    )?;
    Ok(format!(
        "{found} of {} names found; at most {} ms by the system, {} ms by udpair",
        names.len(),
        slowest[0].as_millis(),
        slowest[1].as_millis()
    ))
}

/// Returns how long the system and udpair need for a name.
fn times_of(host: &Namespace, name: &str) -> Result<[Duration; 2], String> {
    let started = Instant::now();
    by_system(host, name)?;
    let by_system = started.elapsed();
    host.udpair(&["resolve", name, "7", "--json"])?;
    Ok([by_system, started.elapsed() - by_system])
}

/// How many more times a name is looked up where that takes milliseconds.
const QUICK_RUNS: usize = 3;

/// How many more times a name is looked up so that every server was the first one.
const ROTATING_RUNS: usize = 10;

/// Returns the addresses that the system finds.
fn by_system(host: &Namespace, name: &str) -> Result<BTreeSet<String>, String> {
    let output = host.command("getent").args(["ahosts", name]).output();
    let output = output.map_err(|error| format!("getent: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let addresses = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    Ok(addresses.map(str::to_owned).collect())
}

/// Checks that a run has all of these addresses.
fn has_all(run: &Udpair, name: &str, addresses: &BTreeSet<String>) -> Result<(), String> {
    let remotes = remotes(run)?;
    for address in addresses {
        let remote = match address.contains(':') {
            true => format!("[{address}]:7"),
            false => format!("{address}:7"),
        };
        check(remotes.contains(&remote), || {
            run.unlike(&format!("{name}: {remote}, which the system finds"))
        })?;
    }
    check(!name.starts_with("gone") || remotes.is_empty(), || {
        run.unlike(&format!("{name}: nothing"))
    })
}

fn remotes(run: &Udpair) -> Result<BTreeSet<String>, String> {
    let pairs = run.events_named("endpoint-pair")?;
    let remotes = pairs.iter().filter_map(|pair| pair["remote"].as_str());
    Ok(remotes.map(str::to_owned).collect())
}

/// The questions that the servers received: names in lower case, and the types of the records.
type Questions = Arc<Mutex<BTreeSet<(String, u16)>>>;

fn take(questions: &Questions) -> BTreeSet<(String, u16)> {
    std::mem::take(&mut *questions.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A name server in a namespace. It ends with its value.
struct Server {
    socket: Arc<UdpSocket>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(
        host: &Namespace,
        address: &str,
        manner: Manner,
        questions: &Questions,
    ) -> Result<Self, String> {
        let socket = host.enter(|| UdpSocket::bind(address))?;
        let socket = Arc::new(socket.map_err(|error| format!("{address}: {error}"))?);
        let (receiver, questions) = (socket.clone(), questions.clone());
        let thread = thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = receiver.recv_from(&mut buffer) {
                if length == 0 {
                    return;
                }
                let query = buffer[..length].to_vec();
                let Some((name, kind, end)) = question(&query) else {
                    continue;
                };
                let mut log = questions.lock().unwrap_or_else(PoisonError::into_inner);
                log.insert((name.clone(), kind));
                drop(log);
                let Some(reply) = reply(&query, &name, kind, end, manner) else {
                    continue;
                };
                let sender = receiver.clone();
                let send = move || {
                    if manner == Manner::Slow {
                        // The time that the server needs.
                        thread::sleep(Duration::from_millis(400));
                    }
                    let _ = sender.send_to(&reply, from);
                };
                match manner {
                    Manner::Slow => drop(thread::spawn(send)),
                    _ => send(),
                }
            }
        });
        Ok(Self {
            socket,
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An empty datagram is no query.
        if let Ok(address) = self.socket.local_addr() {
            let _ = self.socket.send_to(&[], address);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns the name and the type of the first question, and where it ends.
pub(super) fn question(query: &[u8]) -> Option<(String, u16, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind = query.get(at..at + 2)?;
    Some((
        labels.join("."),
        u16::from_be_bytes([kind[0], kind[1]]),
        at + 4,
    ))
}

/// Returns the reply of a server; `None` if it is silent.
fn reply(query: &[u8], name: &str, kind: u16, end: usize, manner: Manner) -> Option<Vec<u8>> {
    let has_extension = query[11] != 0;
    let (flags, code) = match manner {
        Manner::Silent => return None,
        Manner::DropsAaaa if kind == 28 => return None,
        Manner::Refuses => (0x80, 5),
        Manner::Fails => (0x80, 2),
        Manner::Refers => (0x80, 0),
        Manner::Old if has_extension => (0x80, 1),
        _ => (0x84, 0),
    };
    let mut records = Vec::new();
    let is_good = flags == 0x84;
    let mut exists = true;
    if is_good {
        exists = name == "example.test" || name == "_a._udp.example.test";
        if name == "_a._udp.example.test" && kind == 33 {
            let mut data = vec![0, 1, 0, 0, 0, 9];
            data.extend(wire_name("host.example.test"));
            records.push(record(name, 33, &data));
        }
        let mut owner = name;
        while let Some((_, values)) = ZONE.iter().find(|(listed, _)| *listed == owner) {
            exists = true;
            let from = owner;
            for value in *values {
                if let Some(alias) = value.strip_prefix('=') {
                    records.push(record(from, 5, &wire_name(alias)));
                    owner = alias;
                } else if let (Ok(ip), 28) = (value.parse::<Ipv6Addr>(), kind) {
                    records.push(record(from, 28, &ip.octets()));
                } else if let (Ok(ip), 1) = (value.parse::<std::net::Ipv4Addr>(), kind) {
                    records.push(record(from, 1, &ip.octets()));
                }
            }
            if owner == from {
                break;
            }
        }
    }
    let code = if is_good && !exists { 3 } else { code };
    let mut message = query[..2].to_vec();
    let count = u8::try_from(records.len()).unwrap_or(u8::MAX);
    let recursion = if is_good { 0x80 } else { 0 };
    message.extend([
        flags | query[2] & 1,
        recursion | code,
        0,
        1,
        0,
        count,
        0,
        0,
        0,
        0,
    ]);
    message.extend(&query[12..end]);
    message.extend(records.concat());
    Some(message)
}

pub(super) fn record(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut record = wire_name(owner);
    record.extend(kind.to_be_bytes());
    record.extend([0, 1, 0, 0, 0, 60]);
    record.extend(u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
    record.extend(data);
    record
}

pub(super) fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.') {
        wire.push(u8::try_from(label.len()).unwrap_or(0));
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    wire
}
