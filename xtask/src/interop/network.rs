//! What loopback does not have: links, routers, firewalls, and full queues.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use udpair::{DatagramSocket, ErrorKind};

use super::namespace::{Namespace, cable};
use super::suite::{Suite, check, passed};
use super::udpair::Udpair;

pub(crate) const SUITE: Suite = Suite {
    name: "hosts and a router in network namespaces",
    needs: &[
        ("ip", "iproute2"),
        ("nft", "nftables"),
        ("setpriv", "util-linux"),
        ("sysctl", "procps"),
    ],
    needs_root: true,
    cases,
};

/// Two hosts with a router between them.
struct Network {
    near: Namespace,
    router: Namespace,
    far: Namespace,
}

const FAR: &str = "10.77.2.1";
const FAR_IPV6: &str = "fd77:2::1";
const ROUTER_NEAR: &str = "10.77.1.254";
const ROUTER_LINK_LOCAL: &str = "fe80::77";

/// A case. It returns what it saw, or why it failed.
type Case = fn(&Network) -> Result<String, String>;

fn cases() -> Result<(), String> {
    let network = Network::build()?;
    let cases: &[(&str, Case)] = &[
        ("through the router", through_the_router),
        ("link-local, with and without zone", link_local),
        ("no route", no_route),
        ("IPv6 without a route", ipv6_without_route),
        ("endpoint pairs of a host with two adapters", endpoint_pairs),
        ("a port below 1024", privileged_port),
        ("errors from routers and firewalls", icmp_errors),
        ("the hop limit runs out", time_exceeded),
        ("the path MTU is too small", path_mtu),
        ("a write waits while the queue is full", full_queue),
        ("a waiting write is cancelled", cancelled_write),
    ];
    for (name, case) in cases {
        let seen = case(&network).map_err(|why| format!("{name}: {why}"))?;
        passed(name, &seen);
    }
    Ok(())
}

impl Network {
    fn build() -> Result<Self, String> {
        let mut near = Namespace::new("near")?;
        let (router, far) = (Namespace::new("router")?, Namespace::new("far")?);
        cable(
            (&near, "n0", &["10.77.1.1/24", "fd77:1::1/64", "fe80::1/64"]),
            (
                &router,
                "rn",
                &["10.77.1.254/24", "fd77:1::fe/64", "fe80::77/64"],
            ),
        )?;
        cable(
            (&router, "rf", &["10.77.2.254/24", "fd77:2::fe/64"]),
            (&far, "f0", &["10.77.2.1/24", "fd77:2::1/64"]),
        )?;
        for name in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
            router.run("sysctl", &["-q", "-w", name])?;
        }
        // No rate limit on ICMP errors.
        for name in ["net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"] {
            router.run("sysctl", &["-q", "-w", name])?;
            far.run("sysctl", &["-q", "-w", name])?;
        }
        near.ip(&["route", "add", "10.77.2.0/24", "via", ROUTER_NEAR])?;
        near.ip(&["route", "add", "fd77:2::/64", "via", "fd77:1::fe"])?;
        far.ip(&["route", "add", "10.77.1.0/24", "via", "10.77.2.254"])?;
        far.ip(&["route", "add", "fd77:1::/64", "via", "fd77:2::fe"])?;
        near.overlay_etc(&[
            (
                "hosts",
                "127.0.0.1 localhost\n2001:db8::1 both\n10.77.2.1 both\n",
            ),
            ("nsswitch.conf", "hosts: files\n"),
        ])?;
        Ok(Self { near, router, far })
    }

    /// Runs `udpair ask` on the near host. Returns the run and the errors from the network.
    fn peer_errors(&self, arguments: &[&str]) -> Result<(Udpair, Vec<String>), String> {
        let run = self
            .near
            .udpair(&[&["ask", "--json"] as &[_], arguments].concat())?;
        let errors = run.events_named("peer-error")?;
        let kinds = errors.iter().map(|error| {
            let reporter = error["reporter"].as_str().unwrap_or("unknown");
            format!(
                "{} by {reporter}",
                error["kind"].as_str().unwrap_or_default()
            )
        });
        let kinds = kinds.collect();
        Ok((run, kinds))
    }
}

fn through_the_router(network: &Network) -> Result<String, String> {
    let _echo = network.far.echo(":5001")?;
    for remote in [FAR, FAR_IPV6] {
        let run = network.near.udpair(&["ask", remote, "5001", "hello"])?;
        run.has_code(0)?;
        check(run.stdout == "hello\n", || run.unlike("the echo"))?;
    }
    Ok(format!("{FAR} and {FAR_IPV6} answered"))
}

/// ADR-04, HOST-10: a zone by name, a zone by number, and no zone where only one is possible.
fn link_local(network: &Network) -> Result<String, String> {
    let _echo = network
        .router
        .echo(&format!("[{ROUTER_LINK_LOCAL}%rn]:5002"))?;
    let mut seen = Vec::new();
    for zone in ["%n0", "%2", ""] {
        let remote = format!("{ROUTER_LINK_LOCAL}{zone}");
        let run = network
            .near
            .udpair(&["ask", &remote, "5002", "hello", "--json"])?;
        run.has_code(0)?;
        let messages = run.events_named("message")?;
        let from = messages[0]["remote"].as_str().unwrap_or_default();
        check(from.starts_with("[fe80::77%"), || {
            run.unlike("a reply with its zone")
        })?;
        seen.push(format!("{remote} is {from}"));
    }
    let run = network
        .near
        .udpair(&["ask", "fe80::77%nothing", "5002", "--json"])?;
    run.has_code(4)?;
    check(run.events_named("error")?[0]["status"] == 11, || {
        run.unlike("status 11")
    })?;
    Ok(seen.join(", "))
}

/// OUT-16
fn no_route(network: &Network) -> Result<String, String> {
    let run = network.near.udpair(&["ask", "192.0.2.1", "7", "--json"])?;
    run.has_code(6)?;
    let error = &run.events_named("error")?[0];
    check(error["status"] == 13, || run.unlike("status 13"))?;
    Ok(format!("{} ({})", error["message"], error["status"]))
}

/// CON-17, ADR-01: a name with both families, and a route for one of them.
fn ipv6_without_route(network: &Network) -> Result<String, String> {
    let run = network
        .near
        .udpair(&["resolve", "both", "5001", "--json"])?;
    run.has_code(0)?;
    let pairs = run.events_named("endpoint-pair")?;
    let remotes: Vec<_> = pairs
        .iter()
        .filter_map(|pair| pair["remote"].as_str())
        .collect();
    check(remotes == ["10.77.2.1:5001", "[2001:db8::1]:5001"], || {
        run.unlike("IPv4 first")
    })?;
    check(pairs[1]["local"].is_null(), || {
        run.unlike("no route to the other")
    })?;

    let _echo = network.far.echo(":5001")?;
    let run = network.near.udpair(&["ask", "both", "5001", "hello"])?;
    run.has_code(0)?;
    Ok(remotes.join(" before "))
}

/// GEP-03, GEP-06, GEP-07: two addresses on the first adapter, one on the second, and the far host
/// on both networks.
fn endpoint_pairs(network: &Network) -> Result<String, String> {
    let mut host = Namespace::new("pairs")?;
    cable(
        (&host, "p0", &["10.78.1.1/24", "10.78.1.2/24"]),
        (&network.far, "q0", &["10.78.1.9/24"]),
    )?;
    cable(
        (&host, "p1", &["10.78.2.1/24"]),
        (&network.far, "q1", &["10.78.2.9/24"]),
    )?;
    host.overlay_etc(&[
        ("hosts", "10.78.1.9 far\n10.78.2.9 far\n"),
        ("nsswitch.conf", "hosts: files\n"),
    ])?;
    let _echo = network.far.echo(":5001")?;
    // The pairs within one network come first. The other three are only useful with source-based
    // routing.
    for (order, expected) in [
        (
            "long",
            [
                "10.78.1.1 10.78.1.9:5001",
                "10.78.2.1 10.78.2.9:5001",
                "10.78.1.2 10.78.1.9:5001",
                "10.78.2.1 10.78.1.9:5001",
                "10.78.1.1 10.78.2.9:5001",
                "10.78.1.2 10.78.2.9:5001",
            ],
        ),
        (
            "quick",
            [
                "10.78.1.1 10.78.1.9:5001",
                "10.78.2.1 10.78.2.9:5001",
                "10.78.1.2 10.78.1.9:5001",
                "10.78.1.1 10.78.2.9:5001",
                "10.78.2.1 10.78.1.9:5001",
                "10.78.1.2 10.78.2.9:5001",
            ],
        ),
    ] {
        let run = host.udpair(&["resolve", "far", "5001", "--order", order, "--json"])?;
        run.has_code(0)?;
        let pairs = run.events_named("endpoint-pair")?;
        let pairs: Vec<_> = pairs
            .iter()
            .filter_map(|pair| Some((pair["local"].as_str()?, pair["remote"].as_str()?)))
            .map(|(local, remote)| format!("{local} {remote}"))
            .collect();
        check(pairs == expected, || run.unlike(&expected.join(", ")))?;
        for pair in pairs.iter().take(3) {
            let (local, remote) = pair.split_once(' ').unwrap_or_default();
            let host_of_remote = remote.split(':').next().unwrap_or_default();
            let local = format!("{local}:");
            let run = host.udpair(&["ask", host_of_remote, "5001", "x", "--local", &local])?;
            run.has_code(0)?;
        }
    }
    Ok("six pairs, three of them on a direct path".into())
}

/// GEN-09
fn privileged_port(network: &Network) -> Result<String, String> {
    let run = network
        .near
        .udpair_without_privileges(&["listen", "127.0.0.1:53", "--json"])?;
    run.has_code(4)?;
    let error = &run.events_named("error")?[0];
    check(error["kind"] == "permission-denied", || {
        run.unlike("permission-denied")
    })?;
    check(error["advice"].is_string(), || run.unlike("advice"))?;
    Ok(error["message"].to_string())
}

/// MSG-15, MSG-12, MSG-13
fn icmp_errors(network: &Network) -> Result<String, String> {
    let rules = [
        "add table inet t",
        "add chain inet t f { type filter hook forward priority 0; }",
        "add rule inet t f udp dport 6001 reject with icmpx type host-unreachable",
        "add rule inet t f udp dport 6002 reject with icmpx type admin-prohibited",
        "add rule inet t f udp dport 6003 reject with icmpx type no-route",
    ];
    for rule in rules {
        network.router.run("nft", &[rule])?;
    }
    let mut seen = Vec::new();
    for (remote, port, code, expected) in [
        (FAR, "6001", 6, "host-unreachable by 10.77.1.254"),
        (FAR, "6002", 6, "administratively-prohibited by 10.77.1.254"),
        (FAR, "6003", 6, "network-unreachable by 10.77.1.254"),
        (FAR, "6004", 6, "port-unreachable by 10.77.2.1"),
        (FAR_IPV6, "6001", 6, "host-unreachable by fd77:1::fe"),
        (
            FAR_IPV6,
            "6002",
            6,
            "administratively-prohibited by fd77:1::fe",
        ),
        (FAR_IPV6, "6004", 6, "port-unreachable by fd77:2::1"),
    ] {
        let (run, errors) = network.peer_errors(&[remote, port, "x", "--wait", "10s"])?;
        run.has_code(code)?;
        check(errors == [expected], || run.unlike(expected))?;
        seen.push(expected.to_owned());
    }
    Ok(seen.join(", "))
}

/// MSG-15: a router reports an error, and the wait for the reply continues.
fn time_exceeded(network: &Network) -> Result<String, String> {
    let mut seen = Vec::new();
    for (remote, expected) in [
        (FAR, "time-exceeded by 10.77.1.254"),
        (FAR_IPV6, "time-exceeded by fd77:1::fe"),
    ] {
        let arguments = [
            remote,
            "5001",
            "x",
            "--hops",
            "1",
            "--retries",
            "0",
            "--wait",
            "300ms",
        ];
        let (run, errors) = network.peer_errors(&arguments)?;
        run.has_code(5)?;
        check(errors == [expected], || run.unlike(expected))?;
        seen.push(expected);
    }
    Ok(seen.join(", "))
}

/// MSG-15, CTL-03: the first datagram is lost on the path and reported with the MTU. The next one
/// is refused at once. With fragmentation allowed, everything arrives.
fn path_mtu(network: &Network) -> Result<String, String> {
    network.router.ip(&["link", "set", "rf", "mtu", "1280"])?;
    network.far.ip(&["link", "set", "f0", "mtu", "1280"])?;
    let payload = "x".repeat(1400);
    let arguments = [FAR, "5001", &payload, "--dont-fragment", "--wait", "300ms"];
    let (run, errors) = network.peer_errors(&arguments)?;
    run.has_code(1)?;
    check(errors == ["message-too-big by 10.77.1.254"], || {
        run.unlike("message-too-big")
    })?;
    let mtu = run.events_named("peer-error")?[0]["mtu"].clone();
    check(mtu == 1280, || run.unlike("MTU 1280"))?;
    let error = &run.events_named("error")?[0];
    check(error["status"] == 22, || run.unlike("status 22"))?;

    let _echo = network.far.echo(":5001")?;
    for remote in [FAR, FAR_IPV6] {
        let run = network.near.udpair(&["ask", remote, "5001", &payload])?;
        run.has_code(0)?;
        check(run.stdout.trim() == payload, || run.unlike("the echo"))?;
    }
    Ok(format!(
        "MTU {mtu}, then {}; in fragments, the datagram arrives",
        error["message"]
    ))
}

/// CAN-01, CAN-03, OUT-14: all datagrams that the kernel accepted arrive, and nothing of the
/// cancelled write.
fn cancelled_write(network: &Network) -> Result<String, String> {
    let receiver = network
        .far
        .enter(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)))?;
    let receiver = receiver.map_err(|error| error.to_string())?;
    receiver
        .set_read_timeout(Some(Duration::from_secs(20)))
        .map_err(|error| error.to_string())?;
    let port = receiver
        .local_addr()
        .map_err(|error| error.to_string())?
        .port();
    let remote = SocketAddr::new(FAR.parse().map_err(|_| "no address")?, port);

    network.near.run(
        "tc",
        &[
            "qdisc", "add", "dev", "n0", "root", "tbf", "rate", "64kbit", "burst", "2kb", "limit",
            "1mb",
        ],
    )?;
    let sent = network.near.enter(|| fill_and_cancel(remote));
    network.near.run(
        "tc",
        &[
            "qdisc", "change", "dev", "n0", "root", "tbf", "rate", "10mbit", "burst", "10kb",
            "limit", "1mb",
        ],
    )?;
    let sent = sent??;

    let mut buffer = [0; 2000];
    for number in 0..sent {
        let length = receiver
            .recv(&mut buffer)
            .map_err(|error| format!("{number} of {sent} arrived, then: {error}"))?;
        check(
            buffer[..length].iter().all(|byte| *byte == ACCEPTED),
            || "a byte of another write".into(),
        )?;
    }
    // A later datagram. The cancelled one would have arrived before it.
    network
        .near
        .run("tc", &["qdisc", "del", "dev", "n0", "root"])?;
    let fence = network
        .near
        .udpair(&["send", FAR, &port.to_string(), "fence"])?;
    fence.has_code(0)?;
    let length = receiver
        .recv(&mut buffer)
        .map_err(|error| error.to_string())?;
    check(&buffer[..length] == b"fence", || {
        "the cancelled write arrived".into()
    })?;
    Ok(format!(
        "{sent} accepted by the kernel arrived, the cancelled one did not"
    ))
}

/// Writes until the kernel accepts no more, then cancels a waiting write. Returns how many
/// datagrams were accepted.
fn fill_and_cancel(remote: SocketAddr) -> Result<u64, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let builder = DatagramSocket::builder().send_buffer_bytes(8192);
        let socket = builder
            .connect(remote)
            .await
            .map_err(|error| error.to_string())?;
        let output = socket.output().map_err(|error| error.to_string())?;
        while output
            .try_write(&[ACCEPTED; 1000])
            .map_err(|error| error.to_string())?
        {}
        let waiting = tokio::spawn({
            let output = output.clone();
            async move { output.write(&[CANCELLED; 1000]).await }
        });
        tokio::task::yield_now().await;
        let flushing = tokio::spawn({
            let output = output.clone();
            async move { output.drain().await }
        });
        tokio::task::yield_now().await;
        check(!waiting.is_finished(), || "the write did not wait".into())?;
        check(!flushing.is_finished(), || "the flush did not wait".into())?;
        socket.cancel_io().map_err(|error| error.to_string())?;
        let error = match waiting.await {
            Ok(Err(error)) => error,
            other => return Err(format!("the write was not cancelled: {other:?}")),
        };
        check(error.kind() == ErrorKind::Cancelled, || error.to_string())?;
        let flushed = flushing.await.map_err(|error| error.to_string())?;
        check(!flushed, || {
            "the flush did not report the cancelled write".into()
        })?;
        Ok(socket.statistics().datagrams_sent)
    })
}

/// The contents of the accepted datagrams, and of the cancelled one.
const ACCEPTED: u8 = b't';
const CANCELLED: u8 = b'c';

/// OUT-16: the writer waits for a slow link, and no datagram is lost.
fn full_queue(network: &Network) -> Result<String, String> {
    network.near.run(
        "tc",
        &[
            "qdisc", "add", "dev", "n0", "root", "tbf", "rate", "4mbit", "burst", "10kb", "limit",
            "1mb",
        ],
    )?;
    let mut listen = network
        .far
        .command(&super::udpair::program().display().to_string());
    listen.args([
        "listen", ":5003", "--count", "300", "--json", "--rcvbuf", "1MiB",
    ]);
    let mut listen = super::daemon::Daemon::start("listen", &mut listen, "\"listening\"")?;
    let arguments = ["send", FAR, "5003", "x", "--size", "1000", "--count", "300"];
    let run = network
        .near
        .udpair(&[&arguments as &[_], &["--sndbuf", "4KiB", "--json"]].concat())?;
    run.has_code(0)?;
    listen.wait_for("\"summary\"")?;
    let log = listen.take_log();
    let summary = log.last().cloned().unwrap_or_default();
    check(summary.contains("\"received\":300"), || {
        format!("expected 300: {summary}")
    })?;
    network
        .near
        .run("tc", &["qdisc", "del", "dev", "n0", "root"])?;
    Ok("300 sent through a buffer of a few datagrams, 300 received".into())
}
