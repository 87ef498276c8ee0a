//! Runs the examples, the five scenarios of the sample, against peers and against each other.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread;
use std::time::Duration;

use udpair_winrt::{DatagramSocket, HostName, NetworkAdapter, udpair};

/// Only bounds a hang.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The example `listen`, which runs until this is dropped.
struct Listener {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    address: String,
    port: String,
}

impl Listener {
    /// Starts the example, which says first where it listens.
    fn start(arguments: &[&str]) -> Self {
        let mut child = command("listen", arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            output
                .lines()
                .try_for_each(|line| sender.send(line.unwrap()))
        });
        let first = lines.recv_timeout(TIMEOUT).expect("it listens");
        let place = first.strip_prefix("listening at ").expect(&first);
        let (address, port) = place.split_once(' ').unwrap();
        Self {
            input: child.stdin.take(),
            child,
            lines,
            address: address.to_owned(),
            port: port.to_owned(),
        }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(TIMEOUT).expect("a line")
    }

    /// Sends a datagram to the example, and checks that it comes back from where it was sent to.
    fn echoes(&self, host: &str, payload: &[u8]) {
        let peer = peer(host);
        let to = (host, self.port.parse().unwrap());
        peer.send_to(payload, to).unwrap();
        let mut buffer = [0; 100];
        let (length, from) = peer.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], payload);
        assert_eq!((from.ip().to_string().as_str(), from.port()), to);
        let local = peer.local_addr().unwrap();
        let expected = format!(
            "{} bytes from {} {}",
            payload.len(),
            local.ip(),
            local.port()
        );
        assert_eq!(self.line(), expected);
    }

    /// Ends the example, and returns whether it succeeded.
    fn end(mut self) -> bool {
        drop(self.input.take());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a command that runs an example, built as its users would build it.
fn command(example: &str, arguments: &[&str]) -> Command {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--examples", "--locked", "--quiet"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "the examples compile");
        // Beside the folder of this test: `target/debug/deps/examples-0123`.
        let mut folder = std::env::current_exe().unwrap();
        folder.pop();
        folder.pop();
        folder.join("examples")
    });
    let mut command = Command::new(BUILT.join(example));
    command.args(arguments);
    command
}

/// Runs an example to its end, and returns the lines that it prints.
fn run(example: &str, arguments: &[&str]) -> Vec<String> {
    let output = command(example, arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{example} {arguments:?}: {output:?}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn peer(host: &str) -> UdpSocket {
    let peer = UdpSocket::bind((host, 0)).unwrap();
    peer.set_read_timeout(Some(TIMEOUT)).unwrap();
    peer
}

/// Returns a port that no socket has.
fn closed_port() -> String {
    let peer = peer("127.0.0.1");
    peer.local_addr().unwrap().port().to_string()
}

/// BND-04, MSG-07, MSG-22: on all addresses of both families. What comes in is sent back as it is.
#[test]
fn the_listener_on_any_address_answers_both_families() {
    let listener = Listener::start(&["any", "0"]);
    assert_eq!(listener.address, "::");
    for host in ["127.0.0.1", "::1"] {
        listener.echoes(host, format!("to {host}").as_bytes());
        listener.echoes(host, b"");
    }
    assert!(listener.end());
}

/// BND-01: on one address, and on no other.
#[test]
fn the_listener_on_one_address_has_only_that_one() {
    let listener = Listener::start(&["address", "127.0.0.2", "0"]);
    assert_eq!(listener.address, "127.0.0.2");
    // The port of another address is free.
    let other = ("127.0.0.1", listener.port.parse().unwrap());
    UdpSocket::bind(other).unwrap();
    listener.echoes("127.0.0.2", b"here");
    assert!(listener.end());
}

/// BND-05, BND-06, BND-07: on the adapter of loopback. Its addresses are reached.
#[test]
fn the_listener_on_an_adapter_answers_there() {
    let loopback = loopback().name;
    let listener = Listener::start(&["adapter", &loopback, "0"]);
    listener.echoes("127.0.0.1", b"IPv4");
    listener.echoes("::1", b"IPv6");
    // Two adapters may share a port; one adapter and all of them may not.
    let taken = UdpSocket::bind(("::", listener.port.parse().unwrap()));
    assert!(taken.is_err());
    assert!(listener.end());

    let missing = command("listen", &["adapter", "no such adapter", "0"]).output();
    let missing = missing.unwrap();
    assert!(!missing.status.success() && missing.stdout.is_empty());
}

/// MSG-12, MSG-13: the listener says that its answer did not arrive, and goes on.
#[test]
fn the_listener_goes_on_after_an_error_of_the_network() {
    let listener = Listener::start(&["address", "127.0.0.1", "0"]);
    // Connected to somewhere else, it refuses the answers of the listener (udp(7)).
    let deaf = peer("127.0.0.1");
    deaf.connect("127.0.0.1:9").unwrap();
    let port = deaf.local_addr().unwrap().port();
    let to = format!("127.0.0.1:{}", listener.port);
    deaf.send_to(b"x", &to).unwrap();
    assert_eq!(listener.line(), format!("1 bytes from 127.0.0.1 {port}"));
    let refused = format!("ConnectionResetByPeer from 127.0.0.1 {port}");
    assert_eq!(listener.line(), refused);
    let another = peer("127.0.0.1");
    another.send_to(b"another", &to).unwrap();
    let mut buffer = [0; 100];
    assert_eq!(another.recv(&mut buffer).unwrap(), 7);
}

/// CON-01, CON-12, INF-04: by names, without a handler, with both ends in its words.
#[test]
fn the_program_that_connects_says_both_ends_or_why_not() {
    let listener = Listener::start(&["any", "0"]);
    for (host, address) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("[::1]", "::1")] {
        let lines = run("connect", &[host, &listener.port]);
        let [line] = &lines[..] else {
            panic!("{lines:?}")
        };
        let rest = line.strip_prefix(&format!("connected {address} "));
        let rest = rest.expect(line);
        let local = rest.strip_suffix(&format!(" to {address} {}", listener.port));
        assert_ne!(local.expect(line).parse::<u16>().unwrap(), 0);
    }
    for (host, service, begin) in [
        (
            "127.0.0.1",
            "0",
            "CannotAssignRequestedAddress 0x80072741: ",
        ),
        (
            "127.0.0.1",
            "no-such-service",
            "ClassTypeNotFound 0x8007277d: ",
        ),
        (
            "12:34:56:78:9A:BC",
            "9",
            "AddressFamilyNotSupported 0x8007273f: ",
        ),
    ] {
        let lines = run("connect", &[host, service]);
        assert!(lines[0].starts_with(begin), "{host} {service}: {lines:?}");
    }
}

/// DW-08, MSG-08: one store is one datagram, and the reply is read from a reader that is loaded.
#[test]
fn the_program_that_sends_prints_the_reply() {
    let listener = Listener::start(&["any", "0"]);
    for (host, text, bytes) in [("127.0.0.1", "Hello", 5), ("::1", "Très 😀", 10)] {
        let lines = run("send", &[host, &listener.port, text]);
        assert_eq!(
            lines,
            [format!("sent {bytes} bytes"), format!("reply: {text}")]
        );
        let line = listener.line();
        let begin = format!("{bytes} bytes from {host} ");
        assert!(line.starts_with(&begin), "{line}");
    }
    let lines = run("send", &["127.0.0.1", &closed_port(), "Hello"]);
    assert_eq!(lines, ["sent 5 bytes", "ConnectionResetByPeer"]);
}

/// CLS-03, CLS-04, DW-15, DW-16
#[test]
fn the_program_that_closes_shows_what_is_left() {
    let lines = run("close", &[]);
    let expected = [
        "the stream without its writer: 10 bytes",
        "a write after the close: 0x80000013",
        "the port of the listener: \"\"",
        "the port is free: true",
    ];
    assert_eq!(lines, expected);
}

fn loopback() -> udpair::Adapter {
    let is_loopback = |adapter: &udpair::Adapter| adapter.kind.iana_type() == 24;
    udpair::adapters()
        .unwrap()
        .into_iter()
        .find(is_loopback)
        .unwrap()
}

/// MCG-01, MCG-02, MCG-13: the sender receives its own datagram, and so does another program that
/// shares the port.
#[test]
fn the_multicast_reaches_every_member_of_the_group() {
    let adapter = loopback();
    let (socket, received) = member(&adapter);
    let group = HostName::new("224.3.0.5").unwrap();
    socket.join_multicast_group(&group).unwrap();
    let port = socket.information().local_port();
    let lines = run("multicast", &["224.3.0.5", &port, "Hello", &adapter.name]);
    assert_eq!(lines[0], format!("sent 5 bytes to 224.3.0.5 {port}"));
    let begin = format!("received Hello from port {port} at ");
    assert!(lines[1].starts_with(&begin), "{lines:?}");
    assert_eq!(
        received.recv_timeout(TIMEOUT).unwrap(),
        ("Hello".to_owned(), port)
    );
}

/// BRC-01, BRC-05: without an option, and the sender receives its own.
#[test]
fn the_broadcast_comes_back() {
    let name = loopback().name;
    let lines = run("multicast", &["255.255.255.255", "0", "to all", &name]);
    let sent = lines[0].strip_prefix("sent 6 bytes to 255.255.255.255 ");
    let port = sent.expect(&lines[0]);
    let begin = format!("received to all from port {port} at ");
    assert!(lines[1].starts_with(&begin), "{lines:?}");
}

/// Returns a socket that shares its port on an adapter, and the text and remote port of what it
/// receives.
fn member(adapter: &udpair::Adapter) -> (DatagramSocket, mpsc::Receiver<(String, String)>) {
    let socket = DatagramSocket::new();
    socket.control().set_multicast_only(true).unwrap();
    let (sender, received) = mpsc::channel();
    let handler = move |_: &DatagramSocket, arguments: udpair_winrt::MessageReceivedEventArgs| {
        let reader = arguments.data_reader().unwrap();
        let length = reader.unconsumed_buffer_length().unwrap();
        let text = reader.read_string(length).unwrap();
        let _ = sender.send((text, arguments.remote_port()));
    };
    socket.on_message_received(handler).unwrap();
    let adapter = NetworkAdapter::from(adapter.clone());
    socket.bind_service_name_on("", &adapter).get().unwrap();
    (socket, received)
}
