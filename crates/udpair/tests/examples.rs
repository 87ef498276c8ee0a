//! Runs the examples against peers, as their users would.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

/// An example that runs until this is dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts an example that prints its address first.
    fn start(example: &str, arguments: &[&str]) -> Self {
        let mut child = command(example, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut first).unwrap();
        let address = first.trim().parse::<SocketAddr>().unwrap();
        Self { child, address }
    }

    fn at(&self, host: &str) -> SocketAddr {
        SocketAddr::new(host.parse().unwrap(), self.address.port())
    }
}

impl Drop for Server {
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

fn peer(host: &str) -> UdpSocket {
    let peer = UdpSocket::bind((host, 0)).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    peer
}

/// 3,000 peers, in both families, with different payloads.
#[test]
fn the_echo_server_answers_many_peers() {
    let server = Server::start("echo", &[":0"]);
    for host in ["127.0.0.1", "::1"] {
        let to = server.at(host);
        for round in 0..6 {
            let peers: Vec<_> = (0..250).map(|_| peer(host)).collect();
            for (number, peer) in peers.iter().enumerate() {
                let payload = format!("{host} {round} {number}");
                peer.send_to(payload.as_bytes(), to).unwrap();
            }
            for (number, peer) in peers.iter().enumerate() {
                let mut buffer = [0; 100];
                let (length, from) = peer.recv_from(&mut buffer).unwrap();
                assert_eq!(
                    &buffer[..length],
                    format!("{host} {round} {number}").as_bytes()
                );
                assert_eq!(from, to);
            }
        }
    }
}

/// One of twenty datagrams is dropped; all requests are answered in the end.
#[test]
fn all_requests_are_answered_although_some_are_lost() {
    let server = peer("127.0.0.1");
    let remote = server.local_addr().unwrap().to_string();
    let asking = command("requests", &[&remote])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let serving = thread::spawn(move || {
        let mut buffer = [0; 100];
        for number in 0.. {
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            if length == 0 {
                break;
            }
            if number % 20 != 11 {
                server.send_to(&buffer[..length], from).unwrap();
            }
        }
    });
    let output = asking.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("200 of 200 replies"), "{text}");
    peer("127.0.0.1").send_to(b"", &remote).unwrap();
    serving.join().unwrap();
}

/// A server for an example that sends numbered requests and says how many were answered. It drops
/// the first copies of some requests, and all copies of those that `is_ignored` selects. Returns
/// what the example prints.
fn numbered(example: &str, is_ignored: impl Fn(u32) -> bool + Send + 'static) -> String {
    let server = peer("127.0.0.1");
    let remote = server.local_addr().unwrap().to_string();
    let asking = command(example, &[&remote])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let serving = thread::spawn(move || {
        let mut copies = BTreeMap::new();
        let mut buffer = [0; 100];
        loop {
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            let Ok(number) = buffer[..length].try_into().map(u32::from_be_bytes) else {
                break;
            };
            let copy = copies.entry(number).or_insert(0);
            *copy += 1;
            if !is_ignored(number) && (number % 10 != 3 || *copy > 1) {
                server.send_to(&buffer[..length], from).unwrap();
            }
        }
    });
    let output = asking.wait_with_output().unwrap();
    peer("127.0.0.1").send_to(b"", &remote).unwrap();
    serving.join().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The sockets are served without a runtime in the program.
#[test]
fn tasks_of_another_executor_have_all_their_replies() {
    assert_eq!(numbered("smol", |_| false), "100 of 100 replies\n");
}

/// Layers hold for sockets: what has no reply ends at its time limit, and the rest goes on.
#[test]
fn a_service_has_a_reply_or_a_time_limit_for_each_request() {
    let printed = numbered("tower", |number| number % 10 == 7);
    assert_eq!(printed, "90 of 100 replies, 10 without one in time\n");
}

/// Each client gets its own replies, through two programs.
#[test]
fn the_forwarder_keeps_clients_apart() {
    let echo = Server::start("echo", &["127.0.0.1:0"]);
    let forwarder = Server::start("forwarder", &["127.0.0.1:0", &echo.address.to_string()]);
    let clients: Vec<_> = (0..50).map(|_| peer("127.0.0.1")).collect();
    for round in 0..3 {
        for (number, client) in clients.iter().enumerate() {
            let payload = format!("{round} {number}");
            client
                .send_to(payload.as_bytes(), forwarder.address)
                .unwrap();
        }
        for (number, client) in clients.iter().enumerate() {
            let mut buffer = [0; 100];
            let (length, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], format!("{round} {number}").as_bytes());
            assert_eq!(from, forwarder.address);
        }
    }
}

/// A server that answers as RFC 5905 says, after a reply that is none of its own.
#[test]
fn the_time_client_takes_the_reply_to_its_request() {
    let server = peer("127.0.0.1");
    let remote = server.local_addr().unwrap().to_string();
    let asking = command("sntp", &[&remote])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut packet = [0; 48];
    let (_, from) = server.recv_from(&mut packet).unwrap();
    assert_eq!(packet[0], 0x23);
    let mut reply = [0; 48];
    reply[40..44].copy_from_slice(&(2_208_988_800_u32 + 7).to_be_bytes());
    server.send_to(&reply, from).unwrap();
    reply[24..32].copy_from_slice(&packet[40..48]);
    reply[40..44].copy_from_slice(&(2_208_988_800_u32 + 1_000_000).to_be_bytes());
    server.send_to(&reply, from).unwrap();
    let output = asking.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("says 1000000 s since 1970"), "{text}");
}

/// A server that sees the client at an address of each family.
#[test]
fn the_stun_client_prints_its_address() {
    for host in ["127.0.0.1", "::1"] {
        let server = peer(host);
        let remote = server.local_addr().unwrap().to_string();
        let asking = command("stun", &[&remote])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut packet = [0; 100];
        let (length, from) = server.recv_from(&mut packet).unwrap();
        assert_eq!(
            (length, &packet[..8]),
            (20, &[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..])
        );
        let key = &packet[4..20];
        let (family, ip) = match from.ip() {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        // An attribute of another kind comes first (SOFTWARE, padded to four bytes).
        let mut attributes = vec![0x80, 0x22, 0, 2, b'x', b'y', 0, 0];
        attributes.extend([0, 0x20, 0, u8::try_from(ip.len()).unwrap() + 4, 0, family]);
        attributes.extend((from.port() ^ 0x2112).to_be_bytes());
        attributes.extend(ip.iter().zip(key).map(|(byte, key)| byte ^ key));
        let mut reply = vec![1, 1, 0, u8::try_from(attributes.len()).unwrap()];
        reply.extend(key);
        reply.extend(attributes);
        server.send_to(&reply, from).unwrap();
        let output = asking.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(&format!("sees {from}")), "{text}");
    }
}

/// Every metric is counted.
#[test]
fn the_statsd_sink_counts_what_the_sender_sends() {
    let mut sink = command("statsd", &["sink", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(sink.stdout.take().unwrap());
    let mut address = String::new();
    output.read_line(&mut address).unwrap();
    let sent = command("statsd", &["send", address.trim(), "1000"])
        .status()
        .unwrap();
    assert!(sent.success());
    let text: Vec<_> = output.lines().map(Result::unwrap).collect();
    assert_eq!(text, ["even 500", "odd 1000", "dropped 0"]);
    sink.wait().unwrap();
}
