//! The examples of `udpair-winrt`, the scenarios of the DatagramSocket sample, on two segments.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::lan::{Case, Lan, Why, receive};
use super::suite::{Suite, check};
use super::udpair::program;
use crate::command::root;

pub(crate) const SUITE: Suite = Suite {
    name: "the scenarios of the DatagramSocket sample",
    needs: &[("ip", "iproute2"), ("sysctl", "procps")],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "-p", "udpair-winrt"])
        .arg("--examples")
        .current_dir(root())
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return Err("the examples do not compile".into());
    }
    let cases: &[(&str, Case)] = &[
        ("listens on the adapter with an address", on_an_adapter),
        ("listens on one port on two adapters", on_one_port),
        ("a multicast", multicast),
        ("a broadcast", broadcast),
    ];
    Lan::run_all("scenarios", cases)
}

fn example(name: &str) -> PathBuf {
    let mut path = program();
    path.pop();
    path.join("examples").join(name)
}

/// The example `listen`, and what it prints.
struct Listener {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Listener {
    /// Starts it, and returns the port where it listens.
    fn start(lan: &Lan, arguments: &[&str]) -> Result<(Self, u16), Why> {
        let mut command = lan.home.command(&example("listen").display().to_string());
        let command = command.args(arguments).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("it has no output")?;
        let lines = BufReader::new(output);
        let mut listener = Self { child, lines };
        let first = listener.line()?;
        let port = first.rsplit(' ').next().unwrap_or_default().parse();
        Ok((listener, port.map_err(|_| first)?))
    }

    fn line(&mut self) -> Result<String, Why> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// NET-03, BND-05, BND-06: the adapter is found by an address of this machine, and the other adapter
/// refuses what comes in for the port.
fn on_an_adapter(lan: &Lan) -> Result<String, Why> {
    let mut seen = Vec::new();
    for (address, there, elsewhere) in [
        ("10.80.1.1", &lan.one, (&lan.two, "10.80.2.1")),
        ("10.80.2.1", &lan.two, (&lan.one, "10.80.1.1")),
    ] {
        let (mut listener, port) = Listener::start(lan, &["adapter", address, "0"])?;
        let peer = lan.peer(there, "0.0.0.0:0")?;
        peer.send_to(b"here", (address, port))?;
        let (answer, from) = receive(&peer)?;
        let is_answered = answer == "here" && from.to_string() == format!("{address}:{port}");
        check(is_answered, || format!("{answer} from {from}"))?;
        let line = listener.line()?;
        check(line.starts_with("4 bytes from 10.80."), || line.clone())?;

        let (host, address) = elsewhere;
        let peer = lan.peer(host, "0.0.0.0:0")?;
        peer.connect((address, port))?;
        peer.send(b"elsewhere")?;
        let refused = peer.recv(&mut [0; 100]);
        let is_refused = |kind| kind == ErrorKind::ConnectionRefused;
        check(
            refused
                .as_ref()
                .is_err_and(|error| is_refused(error.kind())),
            || format!("{refused:?} from the other adapter"),
        )?;
        seen.push(format!("{from}, and not {address}"));
    }
    Ok(seen.join("; "))
}

/// BND-07: each receives what comes in through its adapter.
fn on_one_port(lan: &Lan) -> Result<String, Why> {
    let (mut one, port) = Listener::start(lan, &["adapter", "10.80.1.1", "0"])?;
    let service = port.to_string();
    let (mut two, _) = Listener::start(lan, &["adapter", "10.80.2.1", &service])?;
    let mut seen = Vec::new();
    for (listener, host, address) in [
        (&mut one, &lan.one, "10.80.1.1"),
        (&mut two, &lan.two, "10.80.2.1"),
    ] {
        let peer = lan.peer(host, "0.0.0.0:0")?;
        peer.send_to(b"here", (address, port))?;
        let (_, from) = receive(&peer)?;
        let expected = format!("{}", peer.local_addr()?.port());
        let line = listener.line()?;
        check(line.ends_with(&expected), || line.clone())?;
        seen.push(from.to_string());
    }
    Ok(seen.join(" and "))
}

/// Runs `multicast` on the host with two adapters, and returns what it prints.
fn run(lan: &Lan, arguments: &[&str]) -> Result<String, Why> {
    let mut command = lan
        .home
        .command(&example("multicast").display().to_string());
    let output = command.args(arguments).output()?;
    let text = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    check(output.status.success(), || format!("{text}{errors}"))?;
    Ok(text.trim().replace('\n', ", "))
}

/// MCG-10, MCG-13: a member on a segment receives it, and the sender its own.
fn multicast(lan: &Lan) -> Result<String, Why> {
    let group = Ipv4Addr::new(224, 3, 0, 5);
    let member = |host, at: Ipv4Addr, port: u16| -> Result<UdpSocket, Why> {
        let peer = lan.peer(host, &format!("0.0.0.0:{port}"))?;
        peer.join_multicast_v4(&group, &at)?;
        Ok(peer)
    };
    let one = member(&lan.one, Ipv4Addr::new(10, 80, 1, 2), 22113)?;
    let printed = run(lan, &[&group.to_string(), "22113", "Hello"])?;
    check(printed.contains("received Hello from port 22113"), || {
        printed.clone()
    })?;
    let (text, from) = receive(&one)?;
    check(text == "Hello", || text.clone())?;
    Ok(format!("{printed}; {text} from {from}"))
}

/// BRC-01, BRC-02, BRC-05: every segment receives it, and the sender its own.
fn broadcast(lan: &Lan) -> Result<String, Why> {
    let peers = [
        (lan.peer(&lan.one, "0.0.0.0:22114")?, "10.80.1.1:22114"),
        (lan.peer(&lan.two, "0.0.0.0:22114")?, "10.80.2.1:22114"),
    ];
    let printed = run(lan, &["255.255.255.255", "22114", "Hello"])?;
    check(printed.contains("received Hello from port 22114"), || {
        printed.clone()
    })?;
    for (peer, expected) in &peers {
        let (text, from) = receive(peer)?;
        let is_right = text == "Hello" && from.to_string() == *expected;
        check(is_right, || format!("{text} from {from}"))?;
    }
    Ok(printed)
}
