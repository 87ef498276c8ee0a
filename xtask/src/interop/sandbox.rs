//! Systems that refuse options and calls: older kernels, sandboxes, emulators.
//!
//! A helper of the harness installs a filter of system calls, and executes the command, or this
//! program for what only the library can do.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tokio::runtime::Builder as RuntimeBuilder;
use udpair::{Capabilities, DatagramSocket, Destination, ErrorKind, PacketHeader, SendBatch};

use super::daemon::Daemon;
use super::lan::{Why, endpoint};
use super::suite::{Suite, check, passed};
use super::udpair::{Udpair, program};
use crate::command::{cargo, run};

pub(crate) const SUITE: Suite = Suite {
    name: "systems that refuse options and calls",
    needs: &[],
    needs_root: false,
    cases,
};

pub(crate) const EMULATOR: Suite = Suite {
    name: "an emulated system",
    needs: &[("qemu-x86_64-static", "qemu-user-static")],
    needs_root: false,
    cases: emulated,
};

/// An option that a socket is opened with: its name, its level and its number.
type SocketOption = (&'static str, u32, u32);

/// The options that are set on sockets without any request.
const OPTIONS: &[SocketOption] = &[
    ("SO_BROADCAST", 1, 6),
    ("SO_RXQ_OVFL", 1, 40),
    ("SO_SELECT_ERR_QUEUE", 1, 45),
    ("SO_BINDTODEVICE", 1, 25),
    ("UDP_GRO", 17, 104),
    ("IP_TTL", 0, 2),
    ("IP_PKTINFO", 0, 8),
    ("IP_MTU_DISCOVER", 0, 10),
    ("IP_RECVERR", 0, 11),
    ("IP_RECVTTL", 0, 12),
    ("IP_RECVTOS", 0, 13),
    ("IP_MULTICAST_ALL", 0, 49),
    ("IPV6_UNICAST_HOPS", 41, 16),
    ("IPV6_MTU_DISCOVER", 41, 23),
    ("IPV6_RECVERR", 41, 25),
    ("IPV6_V6ONLY", 41, 26),
    ("IPV6_MULTICAST_ALL", 41, 29),
    ("IPV6_RECVPKTINFO", 41, 49),
    ("IPV6_RECVHOPLIMIT", 41, 51),
    ("IPV6_DONTFRAG", 41, 62),
    ("IPV6_RECVTCLASS", 41, 66),
];

const ENOPROTOOPT: u32 = 92;
const ENOSYS: u32 = 38;
const EPERM: u32 = 1;
const EIO: u32 = 5;
const EINVAL: u32 = 22;
const EMSGSIZE: u32 = 90;

/// Refuses the sockets through which adapters and routes are read.
const NO_NETLINK: &str = "socket:16=97";

/// Returns what it has seen.
type Case = fn() -> Result<String, Why>;

fn cases() -> Result<(), String> {
    let arguments = ["build", "--package", "udpair-bench", "--locked", "--quiet"];
    run(&mut cargo(&arguments))?;
    let cases: &[(&str, Case)] = &[
        ("each option that is refused", each_option),
        ("all options refused", all_options),
        ("calls that are refused", calls),
        ("no adapters through netlink", no_netlink),
        ("what a caller relies on is named", named),
        ("what only the library can do", library),
        ("adapters that cannot segment", segmentation),
        ("the engine that --engine names", engines),
    ];
    for (name, case) in cases {
        let seen = case().map_err(|why| format!("{name}: {why}"))?;
        passed(name, &seen);
    }
    Ok(())
}

/// Where a command runs: under these rules, or in an emulator.
enum System<'a> {
    Refusing(&'a [String]),
    Emulated,
}

impl System<'_> {
    fn command(&self, program: PathBuf, arguments: &[&str]) -> Command {
        match self {
            Self::Refusing(rules) => {
                let mut command =
                    Command::new(super::udpair::program().with_file_name("udpair-bench"));
                command.arg("deny").args(*rules).arg("--").arg(program);
                command.args(arguments);
                command
            }
            Self::Emulated => {
                let mut command = Command::new("qemu-x86_64-static");
                command.arg(program).args(arguments);
                command
            }
        }
    }

    fn udpair(&self, arguments: &[&str]) -> Result<Udpair, String> {
        Udpair::of(&mut self.command(program(), arguments))
    }

    /// Starts an echo, and returns it and its port.
    fn echo(&self, arguments: &[&str]) -> Result<(Daemon, String), Why> {
        let arguments = [&["listen"], arguments, &["--echo", "--json"]].concat();
        let mut command = self.command(program(), &arguments);
        let mut echo = Daemon::start("echo", &mut command, "\"listening\"")?;
        let listening: Value = serde_json::from_str(echo.take_log().last().ok_or("no event")?)?;
        let local: SocketAddr = listening["local"].as_str().ok_or("no address")?.parse()?;
        Ok((echo, local.port().to_string()))
    }

    /// Runs the main jobs of the command.
    fn main_jobs(&self, more: &[&str]) -> Result<(), Why> {
        let demo = self.udpair(&[&["demo"], more].concat())?;
        demo.has_code(0)?;
        let (_echo, port) = self.echo(&[&["0"], more].concat())?;
        for host in ["127.0.0.1", "::1"] {
            let ask = self.udpair(&[&["ask", host, &port, "hello"], more].concat())?;
            ask.has_code(0)?;
            check(ask.stdout == "hello\n", || ask.unlike("the echo"))?;
            let mut sent =
                self.udpair(&[&["send", host, &port, "x", "--count", "3"], more].concat())?;
            sent.has_code(0)?;
            sent =
                self.udpair(&[&["ask", host, &port, "x", "--local", "localhost:"], more].concat())?;
            sent.has_code(0)?;
        }
        // A closed port is noticed, if not at once.
        let wait = ["--wait", "300ms", "--retries", "1"];
        let ask = self.udpair(&[&["ask", "127.0.0.1", "9", "x"] as &[_], &wait, more].concat())?;
        ask.has_code(6)?;
        Ok(())
    }
}

fn refused(options: &[SocketOption]) -> Vec<String> {
    refused_with(options, ENOPROTOOPT)
}

fn refused_with(options: &[SocketOption], error: u32) -> Vec<String> {
    let rule = |(_, level, number): &SocketOption| format!("setsockopt:-:{level}:{number}={error}");
    options.iter().map(rule).collect()
}

/// BND-16: none of them keeps a socket from opening.
fn each_option() -> Result<String, Why> {
    for option in OPTIONS {
        for error in [ENOPROTOOPT, EPERM, ENOSYS] {
            let rules = refused_with(&[*option], error);
            System::Refusing(&rules)
                .main_jobs(&[])
                .map_err(|why| format!("{} {error}: {why}", option.0))?;
        }
    }
    Ok(format!("all {} are optional", OPTIONS.len()))
}

/// BND-16
fn all_options() -> Result<String, Why> {
    System::Refusing(&refused(OPTIONS)).main_jobs(&[])?;
    Ok("the main jobs are done without any of them".into())
}

/// BND-16
fn calls() -> Result<String, Why> {
    let mut seen = Vec::new();
    for names in [
        &["recvmmsg"] as &[_],
        &["sendmmsg"],
        &["recvmsg"],
        &["sendmsg"],
        &["recvmmsg", "sendmmsg"],
        &["recvmmsg", "sendmmsg", "recvmsg"],
        &["recvmmsg", "sendmmsg", "recvmsg", "sendmsg"],
    ] {
        for error in [ENOSYS, EPERM] {
            let rules: Vec<_> = names.iter().map(|name| format!("{name}={error}")).collect();
            System::Refusing(&rules)
                .main_jobs(&[])
                .map_err(|why| format!("{rules:?}: {why}"))?;
        }
        seen.push(names.join("+"));
    }
    Ok(seen.join(", "))
}

/// NET-01, MCG-03, BND-12: adapters come from files and ioctl(2). Their changes are not reported,
/// and the error says why.
fn no_netlink() -> Result<String, Why> {
    let rules = [NO_NETLINK.to_owned()];
    let system = System::Refusing(&rules);
    system.main_jobs(&[])?;
    let adapters = |run: &Udpair| -> Result<Vec<(Value, Value, Value)>, Why> {
        let adapters = run.events_named("adapter")?;
        let described = adapters.iter().map(|adapter| {
            let mut addresses = adapter["addresses"].clone();
            if let Some(addresses) = addresses.as_array_mut() {
                addresses.sort_by_key(ToString::to_string);
            }
            (adapter["name"].clone(), adapter["index"].clone(), addresses)
        });
        Ok(described.collect())
    };
    let (with, without) = (
        Udpair::run(&["adapters", "--json"])?,
        system.udpair(&["adapters", "--json"])?,
    );
    without.has_code(0)?;
    let (expected, found) = (adapters(&with)?, adapters(&without)?);
    check(found == expected && !found.is_empty(), || {
        format!("{found:?} instead of {expected:?}")
    })?;
    let watch = system.udpair(&["adapters", "--watch", "--json"])?;
    watch.has_code(8)?;
    let message = watch.events_named("error")?[0]["message"].to_string();
    check(message.contains("netlink"), || {
        watch.unlike("netlink in the message")
    })?;
    let joined = system.echo(&["0", "--join", "239.82.0.1"]);
    joined.map(drop)?;
    Ok(format!("{} adapters; {message}", found.len()))
}

/// GEN-08, CTL-03: the error says which option it is.
fn named() -> Result<String, Why> {
    let mut seen = Vec::new();
    for (option, host) in [
        (("IP_MTU_DISCOVER", 0, 10), "127.0.0.1"),
        (("IPV6_MTU_DISCOVER", 41, 23), "::1"),
        (("IPV6_DONTFRAG", 41, 62), "::1"),
    ] {
        let rules = refused(&[option]);
        let system = System::Refusing(&rules);
        let arguments = ["connect", host, "9", "--dont-fragment", "--json"];
        let run = system.udpair(&arguments)?;
        run.has_code(8)?;
        let message = run.events_named("error")?[0]["message"].to_string();
        check(message.contains(option.0), || run.unlike(option.0))?;
        seen.push(option.0);
    }
    let rules = refused(&[("IP_MULTICAST_TTL", 0, 33)]);
    let arguments = [
        "send",
        "239.82.0.1",
        "9",
        "x",
        "--multicast-hops",
        "3",
        "--json",
    ];
    let run = System::Refusing(&rules).udpair(&arguments)?;
    run.has_code(8)?;
    check(run.stdout.contains("IP_MULTICAST_TTL"), || {
        run.unlike("IP_MULTICAST_TTL")
    })?;
    Ok(seen.join(", "))
}

/// INF-05, BND-08, BND-09, MCG-09: this program does the work in `inside`.
fn library() -> Result<String, Why> {
    for (what, options, calls) in [
        ("nothing", &[] as &[SocketOption], &[] as &[&str]),
        // The message of IPv6 has the addresses of both families.
        ("ipv4-metadata", &OPTIONS[6..7], &[]),
        ("metadata", &OPTIONS[17..18], &[]),
        ("header", &[OPTIONS[9], OPTIONS[20]], &[]),
        ("drops", &OPTIONS[1..2], &[]),
        ("errors", &[OPTIONS[8], OPTIONS[14]], &[]),
        ("groups", &[OPTIONS[11], OPTIONS[16]], &[]),
        ("offload", &OPTIONS[4..5], &[]),
        ("timestamps", &[("SO_TIMESTAMPNS", 1, 35)], &[]),
        ("batches", &[], &["recvmmsg", "sendmmsg"]),
        (
            "control",
            &[],
            &["recvmmsg", "sendmmsg", "recvmsg", "sendmsg"],
        ),
        (
            "reuse",
            &[("SO_REUSEPORT", 1, 15), ("SO_REUSEADDR", 1, 2)],
            &[],
        ),
    ] {
        let mut rules = refused(options);
        rules.extend(calls.iter().map(|call| format!("{call}={ENOSYS}")));
        let this = std::env::current_exe()?;
        let output = System::Refusing(&rules)
            .command(this, &["inside", what])
            .output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        check(output.status.success(), || format!("{what}: {text}"))?;
    }
    Ok("capabilities of a socket, batches, groups, and options that are necessary".into())
}

/// OUT-01: a batch that the kernel would have to segment is refused, with each of the errors that
/// say so, and its datagrams go one by one. This program does the work in `inside`.
fn segmentation() -> Result<String, Why> {
    for error in [EIO, EINVAL, EMSGSIZE] {
        // One message per call: a batch to one destination with datagrams of one length.
        let rules = [format!("sendmmsg:-:-:1={error}")];
        let this = std::env::current_exe()?;
        let output = System::Refusing(&rules)
            .command(this, &["inside", "segmentation"])
            .output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        check(output.status.success(), || format!("{error}: {text}"))?;
    }
    Ok("EIO, EINVAL and EMSGSIZE".into())
}

/// Sends batches that would have to be segmented, which the system refuses.
async fn inside_without_segmentation() -> Result<(), Why> {
    let builder = DatagramSocket::builder();
    let receiver = builder.bind(&endpoint(":0")?).await?;
    let sender = builder.bind(&endpoint(":0")?).await?;
    let to = SocketAddr::from(([127, 0, 0, 1], super::lan::port(&receiver)));
    for round in 0..3_u8 {
        let mut batch = SendBatch::new();
        for number in 0..30 {
            batch.push_to(vec![number, round, 0, 0], to);
        }
        sender.send_batch(&mut batch).await?;
        check(batch.is_empty(), || format!("{} left", batch.len()))?;
        for number in 0..30 {
            let message = receiver.recv().await?;
            check(message.payload() == [number, round, 0, 0], || {
                format!("{number} of {round}: {message:?}")
            })?;
        }
    }
    // The same refusal of one datagram is not about segmenting.
    let mut batch = SendBatch::new();
    batch.push_to("x", to);
    let sent = sender.send_batch(&mut batch).await;
    Ok(check(sent.is_err() && batch.len() == 1, || {
        format!("{sent:?}, {} left", batch.len())
    })?)
}

/// Checks the library on a system that refuses `what`.
pub(crate) fn inside(what: &str) -> Result<(), Why> {
    RuntimeBuilder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(inside_runtime(what))
}

async fn inside_runtime(what: &str) -> Result<(), Why> {
    if what == "segmentation" {
        return inside_without_segmentation().await;
    }
    let builder = DatagramSocket::builder().timestamps(true);
    let receiver = builder.bind(&endpoint(":0")?).await?;
    let port = super::lan::port(&receiver);
    let all = udpair::engines()[0].capabilities();
    let mut expected: Capabilities = all;
    match what {
        "metadata" => expected.local_address = false,
        "header" => expected.packet_header = false,
        "drops" => expected.drops = false,
        "errors" => expected.error_queue = false,
        "offload" => {
            expected.receive_offload = false;
            expected.receive_segments = 1;
        }
        "timestamps" => expected.timestamps = false,
        _ => {}
    }
    // A missing call is noticed when it is made.
    if !matches!(what, "batches" | "control") {
        let found = receiver.capabilities();
        check(found == expected, || {
            format!("{found:?} instead of {expected:?}")
        })?;
    }
    // Batches arrive as they were sent, one by one if need be.
    let sender = builder.bind(&endpoint(":0")?).await?;
    for host in ["127.0.0.1", "::1"] {
        let to = SocketAddr::new(host.parse()?, port);
        let mut batch = SendBatch::new();
        for number in 0..50_u8 {
            batch.push_to(vec![number; usize::from(number) / 10 * 10], to);
        }
        sender.send_batch(&mut batch).await?;
        check(batch.is_empty(), || format!("{} left", batch.len()))?;
        for number in 0..50_u8 {
            let message = receiver.recv().await?;
            let payload = vec![number; usize::from(number) / 10 * 10];
            check(message.payload() == payload, || {
                format!("{number}: {message:?}")
            })?;
            let has = receiver.capabilities();
            let is_complete = (!has.local_address || message.local().is_some())
                && (!has.packet_header || message.hop_limit().is_some())
                && (!has.timestamps || message.timestamp().is_some());
            check(is_complete, || format!("{has:?}, but {message:?}"))?;
        }
    }
    let has = sender.capabilities();
    check(
        has.send_batch == !matches!(what, "batches" | "control"),
        || format!("{has:?}"),
    )?;
    // What cannot be chosen is an error, not ignored.
    let to = Destination {
        header: PacketHeader {
            hop_limit: Some(9),
            ..PacketHeader::default()
        },
        ..Destination::from(SocketAddr::from(([127, 0, 0, 1], port)))
    };
    let sent = sender.send_to(b"chosen", to).await;
    let kind = sent.as_ref().err().map(udpair::Error::kind);
    let unsupported = (what == "control").then_some(ErrorKind::Unsupported);
    check(kind == unsupported, || format!("{sent:?}"))?;
    if sent.is_ok() {
        receiver.recv().await?;
    }
    // A closed port is an event of a connected socket, once.
    let closed: SocketAddr = "127.0.0.1:9".parse()?;
    let connected = builder.connect(closed).await?;
    connected.output()?.write(b"x").await?;
    while connected.statistics().peer_errors == 0 {
        // Where no wake-up says so, the next call does.
        connected.output()?.write(b"x").await?;
        tokio::task::yield_now().await;
    }
    other_groups(what).await?;
    let group = builder.bind_group(&endpoint("127.0.0.1:0")?, 2).await;
    let multicast_only = builder.multicast_only(true).bind(&endpoint(":0")?).await;
    let relies = match what {
        "reuse" => ["SO_REUSEPORT", "SO_REUSEADDR"],
        "metadata" => ["", "PKTINFO"],
        "control" => ["", "-"],
        _ => ["", ""],
    };
    for (bound, option) in [
        (group.map(drop), relies[0]),
        (multicast_only.map(drop), relies[1]),
    ] {
        let text = bound.as_ref().err().map(|error| format!("{error:?}"));
        let is_expected = match option {
            "" => bound.is_ok(),
            "-" => true,
            option => text.as_ref().is_some_and(|text| text.contains(option)),
        };
        check(is_expected, || format!("{option}: {bound:?}"))?;
    }
    Ok(())
}

/// A socket does not receive from groups that another one has joined.
async fn other_groups(what: &str) -> Result<(), Why> {
    let adapters = udpair::adapters()?;
    let loopback = adapters.iter().find(|adapter| adapter.is_loopback);
    let loopback = loopback.ok_or("no loopback")?;
    let group = |last: u8, port| SocketAddr::from(([239, 82, 1, last], port));
    // One program has both sockets on a port; the second one joins another group.
    let builder = DatagramSocket::builder().multicast_only(true);
    let one = match builder.bind_on(loopback, &0.into()).await {
        Ok(one) => one,
        Err(_) if matches!(what, "metadata" | "reuse" | "control") => {
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let port = super::lan::port(&one);
    let other = builder.bind_on(loopback, &port.into()).await?;
    one.join_multicast(&group(1, 0).ip().into()).await?;
    other.join_multicast(&group(2, 0).ip().into()).await?;
    one.send_to(b"to one", group(1, port)).await?;
    one.send_to(b"to other", group(2, port)).await?;
    for (socket, expected) in [(&one, "to one"), (&other, "to other")] {
        let message = socket.recv().await?;
        check(message.payload() == expected.as_bytes(), || {
            format!("{expected}: {message:?}")
        })?;
        let more = socket.try_recv()?;
        check(more.is_none(), || format!("{expected}: {more:?}"))?;
    }
    Ok(())
}

/// GEN-02: and an engine that does not exist is named, with those that do.
fn engines() -> Result<String, Why> {
    let rules = [];
    let system = System::Refusing(&rules);
    for engine in ["linux", "portable"] {
        system
            .main_jobs(&["--engine", engine])
            .map_err(|why| format!("{engine}: {why}"))?;
    }
    let run = Udpair::run(&["listen", "0", "--engine", "fast", "--json"])?;
    run.has_code(2)?;
    let message = run.events_named("error")?[0]["message"].to_string();
    check(message.contains("linux and portable"), || {
        run.unlike("the engines")
    })?;
    Ok("linux and portable, and no other".into())
}

fn emulated() -> Result<(), String> {
    let describe = |why: Why| why.to_string();
    let system = System::Emulated;
    system.main_jobs(&[]).map_err(describe)?;
    passed("the main jobs", "done");
    for arguments in [
        &["adapters"] as &[_],
        &["services", "ntp"],
        &["resolve", "localhost", "9"],
        &["send", "127.0.0.1", "9", "x", "--engine", "portable"],
    ] {
        let run = system.udpair(arguments)?;
        if arguments[0] != "send" {
            run.has_code(0)?;
        }
        passed(&arguments.join(" "), "done");
    }
    Ok(())
}
