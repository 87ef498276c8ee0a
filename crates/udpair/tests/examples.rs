//! Runs the examples against peers, as their users would.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use udpair::{DatagramSocket, HostName};

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

/// A forwarder between one client and a server, which treats datagrams as a bad network does. It
/// counts those that it has dropped. Its threads end with the process.
struct BadNetwork {
    address: SocketAddr,
    dropped: Arc<AtomicUsize>,
}

impl BadNetwork {
    /// `treat` gets a pseudo-random number for each datagram, and returns whether it passes.
    fn before(
        server: SocketAddr,
        treat: impl Fn(u64, &mut [u8]) -> bool + Send + Clone + 'static,
    ) -> Self {
        let (front, back) = (peer("127.0.0.1"), peer("127.0.0.1"));
        back.connect(server).unwrap();
        front.set_read_timeout(None).unwrap();
        back.set_read_timeout(None).unwrap();
        let address = front.local_addr().unwrap();
        let dropped = Arc::new(AtomicUsize::new(0));
        let client = Arc::new(OnceLock::new());
        for (seed, is_forward) in [(1, true), (2, false)] {
            let (front, back) = (front.try_clone().unwrap(), back.try_clone().unwrap());
            let (dropped, client, treat) = (dropped.clone(), client.clone(), treat.clone());
            thread::spawn(move || {
                let from = if is_forward { &front } else { &back };
                let (mut buffer, mut random) = ([0; 65_535], seed);
                // An error is that of a server which has ended.
                loop {
                    let Ok((length, sender)) = from.recv_from(&mut buffer) else {
                        continue;
                    };
                    random = next_random(random);
                    let datagram = &mut buffer[..length];
                    if !treat(random, datagram) {
                        dropped.fetch_add(1, Ordering::Relaxed);
                    } else if is_forward {
                        client.get_or_init(|| sender);
                        let _ = back.send(datagram);
                    } else if let Some(client) = client.get() {
                        let _ = front.send_to(datagram, client);
                    }
                }
            });
        }
        Self { address, dropped }
    }
}

/// Returns the pseudo-random number after `last` (splitmix64).
fn next_random(last: u64) -> u64 {
    let state = last.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A folder for the files of one test, which is removed when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("udpair-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts a receiver, and returns its address and a thread that waits for what it prints.
fn receiving(file: &str) -> (SocketAddr, thread::JoinHandle<(bool, String)>) {
    let mut receiver = command("file_transfer", &["receive", "127.0.0.1:0", file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(receiver.stdout.take().unwrap());
    let mut address = String::new();
    output.read_line(&mut address).unwrap();
    let ending = thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        let ended = receiver.wait_with_output().unwrap();
        text.push_str(&String::from_utf8_lossy(&ended.stderr));
        (ended.status.success(), text)
    });
    (address.trim().parse().unwrap(), ending)
}

/// Files of all lengths arrive as they are, although the network drops one of twenty datagrams in
/// either direction.
#[test]
fn a_file_arrives_although_datagrams_are_lost() {
    let folder = Folder::new("file-transfer");
    for length in [0, 1, 1200, 1201, 3_000_017_usize] {
        let (from, to) = (folder.path("from"), folder.path(&format!("to-{length}")));
        let mut random = 7;
        let content: Vec<_> = (0..length)
            .map(|_| {
                random = next_random(random);
                random.to_be_bytes()[0]
            })
            .collect();
        fs::write(&from, &content).unwrap();
        let (server, ending) = receiving(&to);
        let network = BadNetwork::before(server, |random, _| random % 20 != 0);
        let at = network.address.to_string();
        let sent = command("file_transfer", &["send", &from, &at, "80"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&sent.stdout);
        let errors = String::from_utf8_lossy(&sent.stderr);
        assert!(sent.status.success(), "{length}: {text} {errors}");
        assert!(
            text.starts_with(&format!("sent {length} bytes in ")),
            "{text}"
        );
        let (is_received, text) = ending.join().unwrap();
        assert!(is_received, "{length}: {text}");
        assert!(
            fs::read(&to).unwrap() == content,
            "{length}: another file: {text}"
        );
        if length > 1_000_000 {
            // One of twenty of 2,500 and more.
            let dropped = network.dropped.load(Ordering::Relaxed);
            assert!(dropped > 80, "{dropped}");
        }
    }
}

/// A token bucket sends no faster than it is filled, except for a first burst.
#[test]
fn a_file_is_sent_no_faster_than_the_rate() {
    let folder = Folder::new("file-paced");
    let (from, to) = (folder.path("from"), folder.path("to"));
    fs::write(&from, vec![7; 1_000_000]).unwrap();
    let (server, ending) = receiving(&to);
    let started = Instant::now();
    // 1 MB/s.
    let sent = command("file_transfer", &["send", &from, &server.to_string(), "8"])
        .output()
        .unwrap();
    let elapsed = started.elapsed();
    assert!(sent.status.success(), "{sent:?}");
    assert!(elapsed > Duration::from_millis(950), "{elapsed:?} {sent:?}");
    let (is_received, text) = ending.join().unwrap();
    assert!(is_received, "{text}");
}

/// The checksum is that of the whole file.
#[test]
fn a_file_that_was_changed_on_its_way_is_not_accepted() {
    let folder = Folder::new("file-changed");
    let (from, to) = (folder.path("from"), folder.path("to"));
    fs::write(&from, vec![7; 100_000]).unwrap();
    let (server, ending) = receiving(&to);
    let network = BadNetwork::before(server, |_, datagram| {
        // The second byte of the tenth chunk.
        if datagram.len() > 1000 && datagram[9..13] == [0, 0, 0, 10] {
            datagram[14] ^= 1;
        }
        true
    });
    let at = network.address.to_string();
    let sent = command("file_transfer", &["send", &from, &at])
        .output()
        .unwrap();
    assert!(!sent.status.success(), "{sent:?}");
    let (is_received, text) = ending.join().unwrap();
    assert!(!is_received && text.contains("checksum"), "{text}");
    assert!(!fs::exists(&to).unwrap());
}

/// Returns a query of multicast DNS for the addresses of a host.
fn mdns_query(id: u8, host: &str, class: u16) -> Vec<u8> {
    let mut query = vec![0, id, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in host.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1]);
    query.extend(class.to_be_bytes());
    query
}

/// RFC 6762, sections 5.4, 6 and 6.7: beside another program on the port, which also receives the
/// queries to the group.
#[tokio::test]
async fn the_mdns_responder_answers_beside_another_program() {
    const HOST: &str = "Printer.local";
    const RECORD: [u8; 4] = [127, 0, 0, 1];
    let mut adapters = udpair::adapters().unwrap().into_iter();
    let lo = adapters.find(|adapter| adapter.is_loopback).unwrap();
    let responder = Server::start("mdns_responder", &["printer.local", "0", &lo.name]);
    let port = responder.address.port();
    let other = DatagramSocket::builder()
        .share_port(true)
        .multicast_adapter(&lo);
    let other = other.bind(format!(":{port}")).await.unwrap();
    let group: HostName = "224.0.0.251".parse().unwrap();
    other.join_multicast_on(&group, &lo).await.unwrap();
    let to = SocketAddr::new(group.ip().unwrap(), port);
    let receive = async || {
        let limit = Duration::from_secs(20);
        let received = tokio::time::timeout(limit, other.recv()).await;
        received.expect("a datagram in time").unwrap()
    };

    // A name of somebody else is not answered; the answer to the next query comes first.
    for (class, is_to_group) in [(1_u16, true), (0x8001, false)] {
        for host in ["other.local", HOST] {
            let query = mdns_query(7, host, class);
            other.send_to(&query, to).await.unwrap();
            // Its own query, as every member of the group receives it.
            assert_eq!(receive().await.payload(), query);
        }
        let answer = receive().await;
        assert_eq!(
            answer.to().unwrap().is_multicast(),
            is_to_group,
            "{answer:?}"
        );
        assert_eq!(answer.remote().port(), port, "{answer:?}");
        assert_eq!(answer.hop_limit(), Some(255), "{answer:?}");
        // No question, one record that replaces others, of two minutes.
        let payload = answer.payload();
        assert_eq!(payload[..8], [0, 0, 0x84, 0, 0, 0, 0, 1], "{answer:?}");
        let record = [&[0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4], &RECORD[..]].concat();
        assert!(payload.ends_with(&record), "{answer:?}");
    }

    // A resolver that knows nothing of multicast DNS.
    let legacy = peer("127.0.0.1");
    let at = responder.at("127.0.0.1");
    other.close();
    legacy.send_to(&mdns_query(9, HOST, 1), at).unwrap();
    let mut buffer = [0; 1000];
    let (length, from) = legacy.recv_from(&mut buffer).unwrap();
    assert_eq!(from, at);
    assert_eq!(buffer[..8], [0, 9, 0x84, 0, 0, 1, 0, 1]);
    let record = [&[0, 1, 0, 1, 0, 0, 0, 10, 0, 4], &RECORD[..]].concat();
    assert!(
        buffer[..length].ends_with(&record),
        "{:?}",
        &buffer[..length]
    );
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
