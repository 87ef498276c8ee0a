//! Sockets that are tied to an adapter which is plugged out and in again, without any privilege.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use udpair::{
    DatagramSocket, Destination, Ecn, ErrorKind, Event, OptionValue, OutputStream, SendBatch,
    SocketOption, Source,
};

use super::daemon::Daemon;
use super::lan::{Case, E0, Lan, O0, Why, adapter, change, endpoint, port, receive, text};
use super::namespace::{Namespace, cable};
use super::suite::{Suite, check};
use super::udpair::program;

pub(crate) const SUITE: Suite = Suite {
    name: "adapters that come back, in network namespaces",
    needs: &[
        ("ip", "iproute2"),
        ("sysctl", "procps"),
        ("setpriv", "util-linux"),
    ],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        ("a socket that is bound to the adapter", bound),
        ("a socket that is connected through it", connected),
        ("a link-local peer", link_local_peer),
        ("a link-local address of its own", link_local_address),
        ("the adapter for multicast", multicast_adapter),
        ("a stream to a link-local address", stream),
        ("a stream to a group on one adapter", stream_to_group),
        ("a group with a zone", group_with_zone),
        ("a descriptor is prepared again", prepared_again),
        ("a broadcast", broadcast),
        ("what was received before is kept", kept),
        ("the command", command),
        ("the runtime that joined has ended", other_runtime),
        ("another adapter than the socket's", other_adapter),
        (
            "another adapter than the command's",
            other_adapter_by_command,
        ),
    ];
    Lan::run_all("attached", cases)
}

/// How often the adapter is plugged out and in again in each case.
const ROUNDS: usize = 2;

impl Lan {
    /// Runs `work` on `home` as a process without privileges would.
    fn unprivileged<T: Send>(
        &self,
        work: impl AsyncFnOnce() -> Result<T, Why> + Send,
    ) -> Result<T, Why> {
        self.on(&self.home, async || {
            // Only those of this thread, which ends with `on`.
            let none = CapabilitySets {
                effective: CapabilitySet::empty(),
                permitted: CapabilitySet::empty(),
                inheritable: CapabilitySet::empty(),
            };
            set_capabilities(None, none)?;
            work().await
        })
    }

    fn unplug(&self) -> Result<(), Why> {
        Ok(self.home.ip(&["link", "delete", "e0"])?)
    }

    /// Plugs the cable in again. Both ends have new indices and hardware addresses.
    fn plug(&self) -> Result<(), Why> {
        cable((&self.home, "e0", E0), (&self.one, "o0", O0))?;
        self.one
            .ip(&["route", "add", "default", "via", "10.80.1.1"])?;
        Ok(self
            .one
            .ip(&["route", "add", "fd80::/16", "via", "fd80:1::1"])?)
    }

    /// Plugs the cable out and in again, and waits for the socket's events.
    fn replug(&self, socket: &DatagramSocket) -> Result<(), Why> {
        self.unplug()?;
        self.unprivileged(async || attached(socket, false).await)?;
        self.plug()?;
        self.unprivileged(async || attached(socket, true).await)
    }
}

/// Waits until the socket has lost its adapter, or has it again.
async fn attached(socket: &DatagramSocket, is_attached: bool) -> Result<(), Why> {
    loop {
        if let Event::AttachmentChanged(change) = socket.next_event().await? {
            check(change.adapter.name == "e0", || format!("{change:?}"))?;
            if change.is_attached == is_attached {
                return Ok(());
            }
        }
    }
}

/// Waits for the next datagram, whatever other events there are.
async fn next_message(socket: &DatagramSocket) -> Result<udpair::Message, Why> {
    loop {
        if let Event::Message(message) = socket.next_event().await? {
            return Ok(message);
        }
    }
}

/// BND-06
fn bound(lan: &Lan) -> Result<String, Why> {
    let socket = lan.unprivileged(async || {
        let builder = DatagramSocket::builder().hop_limit(9);
        let socket = builder.bind_on(&adapter("e0")?, &0.into()).await?;
        socket.set_hop_limit(7)?;
        Ok(socket)
    })?;
    let port = port(&socket);
    let mut seen = Vec::new();
    for round in 0..=ROUNDS {
        if round > 0 {
            lan.replug(&socket)?;
        }
        for (at, home) in [("10.80.1.2:0", "10.80.1.1"), ("[fd80:1::2]:0", "fd80:1::1")] {
            let peer = lan.peer(&lan.one, at)?;
            let to = SocketAddr::new(home.parse()?, port);
            peer.send_to(b"ping", to)?;
            lan.unprivileged(async || {
                let message = next_message(&socket).await?;
                let is_there = message.adapter() == Some(adapter("e0")?.index);
                check(is_there, || format!("not on e0: {message:?}"))?;
                Ok(socket.send_to(b"pong", message.reply()).await?)
            })?;
            check(receive(&peer)? == ("pong".into(), to), || {
                format!("no pong from {to}")
            })?;
        }
        let options = socket.options();
        let hops = options.get(udpair::SocketOption::HopLimit).to_string();
        check(hops.contains('7'), || format!("the hop limit is {hops}"))?;
        seen.push(lan.on(&lan.home, async || Ok(adapter("e0")?.index))?);
    }
    // Still only through the adapter: the kernel gives the other one's datagrams to nobody.
    let peer = lan.peer(&lan.two, "10.80.2.2:0")?;
    peer.send_to(b"other", SocketAddr::new("10.80.2.1".parse()?, port))?;
    let peer = lan.peer(&lan.one, "10.80.1.2:0")?;
    peer.send_to(b"own", SocketAddr::new("10.80.1.1".parse()?, port))?;
    let first = lan.unprivileged(async || Ok(text(&next_message(&socket).await?)))?;
    check(first == "own", || format!("received {first}"))?;
    Ok(format!("port {port} at the indices {seen:?}"))
}

/// BND-06, CON-08: the peer stays the only sender.
fn connected(lan: &Lan) -> Result<String, Why> {
    let peer = lan.peer(&lan.one, "10.80.1.2:0")?;
    let socket = lan.unprivileged(async || {
        let builder = DatagramSocket::builder();
        let socket = builder.bind_on(&adapter("e0")?, &0.into()).await?;
        socket.connect(peer.local_addr()?).await?;
        Ok(socket)
    })?;
    for _ in 0..ROUNDS {
        lan.replug(&socket)?;
        let stranger = lan.peer(&lan.one, "10.80.1.3:0")?;
        talk(lan, &socket, &peer, || {
            stranger.send_to(b"stranger", home(&socket)?)?;
            Ok(())
        })?;
    }
    Ok(format!("{} answered", peer.local_addr()?))
}

/// Returns the IPv4 address at which neighbours of `e0` reach the socket.
fn home(socket: &DatagramSocket) -> Result<SocketAddr, Why> {
    Ok(SocketAddr::new("10.80.1.1".parse()?, port(socket)))
}

/// Sends from the socket to its peer, and back. The peer of another family or address is told where
/// the socket is.
fn talk(
    lan: &Lan,
    socket: &DatagramSocket,
    peer: &std::net::UdpSocket,
    between: impl FnOnce() -> Result<(), Why>,
) -> Result<(), Why> {
    lan.unprivileged(async || Ok(socket.output()?.write(b"ping").await?))?;
    let (ping, from) = receive(peer)?;
    check(ping == "ping", || format!("received {ping}"))?;
    between()?;
    peer.send_to(b"pong", from)?;
    let pong = lan.unprivileged(async || next_message(socket).await)?;
    Ok(check(text(&pong) == "pong", || {
        format!("received {pong:?}")
    })?)
}

/// ADR-04, CON-08: the kernel ties a socket with a link-local peer to the adapter of its zone.
fn link_local_peer(lan: &Lan) -> Result<String, Why> {
    // It replies from the address that it was reached at.
    let _echo = lan.one.echo(":5018")?;
    let socket = lan.unprivileged(async || {
        let pair = udpair::EndpointPair::to("fe80::2%e0", "5018")?;
        Ok(DatagramSocket::builder().connect(&pair).await?)
    })?;
    let mut peers = Vec::new();
    for round in 0..=ROUNDS {
        if round > 0 {
            lan.replug(&socket)?;
        }
        lan.unprivileged(async || {
            socket.output()?.write(b"ping").await?;
            let message = next_message(&socket).await?;
            check(Some(message.remote()) == socket.peer_addr(), || {
                format!("{message:?}")
            })?;
            Ok(())
        })?;
        peers.push(socket.peer_addr());
    }
    peers.dedup();
    check(peers.len() == ROUNDS + 1, || format!("{peers:?}"))?;
    Ok(format!("{} zones of the peer", peers.len()))
}

/// BND-06, ADR-04: and one with a link-local address of its own.
fn link_local_address(lan: &Lan) -> Result<String, Why> {
    let socket = lan.unprivileged(async || {
        let builder = DatagramSocket::builder();
        Ok(builder.bind(&endpoint("[fe80::1%e0]:0")?).await?)
    })?;
    let to = |index: u32| format!("[fe80::1%{index}]:{}", port(&socket));
    for round in 0..=ROUNDS {
        if round > 0 {
            lan.replug(&socket)?;
        }
        let peer = lan.peer(&lan.one, "[::]:0")?;
        let index = lan.on(&lan.one, async || Ok(adapter("o0")?.index))?;
        peer.send_to(b"ping", to(index).parse::<SocketAddr>()?)?;
        lan.unprivileged(async || {
            let message = next_message(&socket).await?;
            check(text(&message) == "ping", || format!("{message:?}"))?;
            Ok(socket.send_to(b"pong", message.reply()).await?)
        })?;
        check(receive(&peer)?.0 == "pong", || "no pong".into())?;
    }
    Ok(format!("{ROUNDS} rounds"))
}

/// MCG-11: also for a socket that its first write has bound.
fn multicast_adapter(lan: &Lan) -> Result<String, Why> {
    let groups = ["239.80.7.1", "ff15::80:7"];
    for is_set_later in [false, true] {
        let socket = lan.unprivileged(async || {
            let builder = DatagramSocket::builder();
            if !is_set_later {
                return Ok(builder.multicast_adapter(&adapter("e0")?).open()?);
            }
            let socket = builder
                .multicast_adapter(&adapter("e1")?)
                .bind(":0")
                .await?;
            socket.set_multicast_adapter(&adapter("e0")?)?;
            Ok(socket)
        })?;
        sends_through_e0(lan, &socket, &groups)?;
    }
    Ok(groups.join(", "))
}

/// Checks that a socket sends to groups through `e0`, also when that has come back.
fn sends_through_e0(lan: &Lan, socket: &DatagramSocket, groups: &[&str]) -> Result<(), Why> {
    for round in 0..=ROUNDS {
        if round > 0 {
            lan.replug(socket)?;
        }
        for group in groups {
            let ip: IpAddr = group.parse()?;
            let peer = lan.on(&lan.one, async || {
                let peer = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
                peer.join_multicast(&group.parse()?).await?;
                Ok(peer)
            })?;
            let to = SocketAddr::new(ip, port(&peer));
            lan.unprivileged(async || Ok(socket.send_to(b"to the group", to).await?))?;
            lan.on(&lan.one, async || {
                let message = peer.recv().await?;
                check(text(&message) == "to the group", || format!("{message:?}"))?;
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// OUT-07: a stream stays a stream to the same host, by every way of writing.
fn stream(lan: &Lan) -> Result<String, Why> {
    let peer = lan.peer(&lan.one, "[::]:0")?;
    let remote = format!("[fe80::2%e0]:{}", peer.local_addr()?.port());
    let (socket, stream) = lan.unprivileged(async || {
        let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
        let stream = socket.output_to(&endpoint(&remote)?).await?;
        Ok((socket, stream))
    })?;
    for way in ["write", "write now", "batch", "sink", "after try"] {
        lan.unplug()?;
        let lost = lan.unprivileged(async || Ok(stream.write(b"lost").await.is_err()))?;
        check(lost, || "a write through no adapter succeeded".into())?;
        lan.plug()?;
        lan.unprivileged(async || write(&stream, way).await)?;
        let received = receive(&peer)?.0;
        check(received == way, || format!("received {received}"))?;
    }
    drop(socket);
    Ok(remote)
}

/// MCG-11: a stream to a group leaves through the adapter that the group names, by every way of
/// writing, also when that has come back.
fn stream_to_group(lan: &Lan) -> Result<String, Why> {
    const PORT: u16 = 22_114;
    let groups = ["239.80.0.8%e0", "ff15::80:8%e0", "ff02::80:8%e0"];
    for group in groups {
        let (socket, stream) = lan.unprivileged(async || {
            let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
            let remote = match group.contains(':') {
                true => format!("[{group}]:{PORT}"),
                false => format!("{group}:{PORT}"),
            };
            let stream = socket.output_to(&endpoint(&remote)?).await?;
            Ok((socket, stream))
        })?;
        for way in ["write", "write now", "batch", "sink", "after try"] {
            lan.unplug()?;
            let lost = lan.unprivileged(async || Ok(stream.write(b"lost").await.is_err()))?;
            check(lost, || "a write through no adapter succeeded".into())?;
            lan.plug()?;
            let peer = lan.on(&lan.one, async || {
                let peer = DatagramSocket::builder().bind(format!(":{PORT}")).await?;
                let group = group.replace("%e0", "").parse()?;
                peer.join_multicast_on(&group, &adapter("o0")?).await?;
                Ok(peer)
            })?;
            lan.unprivileged(async || write(&stream, way).await)?;
            let received = lan.on(&lan.one, async || Ok(text(&peer.recv().await?)))?;
            check(received == way, || format!("received {received}"))?;
        }
        drop(socket);
    }
    Ok(groups.join(", "))
}

async fn write(stream: &OutputStream, way: &str) -> Result<(), Why> {
    let payload = way.as_bytes();
    match way {
        "write now" => {
            stream.try_write(payload)?;
        }
        "batch" => {
            let mut batch = SendBatch::new();
            batch.push(payload.to_vec());
            stream.write_batch(&mut batch).await?;
        }
        "sink" => {
            use futures_util::SinkExt as _;
            stream.clone().send(payload.to_vec().into()).await?;
        }
        _ => stream.write(payload).await?,
    }
    Ok(())
}

/// MCG-02, MCG-07, MCG-08: a group on one adapter, which is named or given by value.
fn group_with_zone(lan: &Lan) -> Result<String, Why> {
    let groups = ["ff02::80:7", "239.80.0.7", "ff15::80:7"];
    for is_named in [true, false] {
        for group in groups {
            group_on_one_adapter(lan, group, is_named)
                .map_err(|why| format!("{group}, named: {is_named}: {why}"))?;
        }
    }
    Ok(format!("{} on e0 joined again", groups.join(", ")))
}

fn group_on_one_adapter(lan: &Lan, group: &str, is_named: bool) -> Result<(), Why> {
    let ip: IpAddr = group.parse()?;
    let socket = lan.unprivileged(async || {
        let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
        let adapters: Vec<_> = if is_named {
            let joined = socket
                .join_multicast(&format!("{group}%e0").parse()?)
                .await?;
            joined
                .into_iter()
                .map(|joined| joined.adapter.name)
                .collect()
        } else {
            let joined = socket
                .join_multicast_on(&ip.into(), &adapter("e0")?)
                .await?;
            vec![joined.adapter.name]
        };
        check(adapters == ["e0"], || format!("{adapters:?}"))?;
        Ok(socket)
    })?;
    let send = |host: &Namespace, through: &str, payload: &str| {
        lan.on(host, async || {
            let builder = DatagramSocket::builder().multicast_adapter(&adapter(through)?);
            let to = SocketAddr::new(ip, port(&socket));
            Ok(builder.open()?.send_to(payload.as_bytes(), to).await?)
        })
    };
    for _ in 0..ROUNDS {
        lan.unplug()?;
        lan.unprivileged(async || change(&socket, false, ip.is_ipv4()).await)?;
        lan.plug()?;
        lan.unprivileged(async || change(&socket, true, ip.is_ipv4()).await)?;
        send(&lan.two, "t0", "on the other adapter")?;
        send(&lan.one, "o0", "wanted")?;
        let message = lan.unprivileged(async || next_message(&socket).await)?;
        check(text(&message) == "wanted", || format!("{message:?}"))?;
    }
    // The adapter has another index than when it was described, and is still meant.
    lan.unprivileged(async || Ok(socket.leave_multicast_on(ip, &adapter("e0")?)?))?;
    lan.unprivileged(async || {
        let again = socket.leave_multicast(ip).err();
        Ok(check(again.is_some(), || "left twice".into())?)
    })
}

/// BND-17, BND-06: the function is called again for the new descriptor, and what was set since the
/// socket was opened counts for it.
fn prepared_again(lan: &Lan) -> Result<String, Why> {
    let count = Arc::new(AtomicUsize::new(0));
    let socket = lan.unprivileged(async || {
        let count = count.clone();
        let builder = DatagramSocket::builder().before_bind(move |socket| {
            count.fetch_add(1, Ordering::Relaxed);
            socket.local_addr().map(drop)
        });
        let socket = builder.bind_on(&adapter("e0")?, &0.into()).await?;
        socket.set_hop_limit(9)?;
        socket.set_ecn(Ecn::Capable0)?;
        socket.set_multicast_hops(5)?;
        Ok(socket)
    })?;
    for round in 1..=ROUNDS {
        lan.replug(&socket)?;
        let found = count.load(Ordering::Relaxed);
        check(found == round + 1, || format!("{found} after {round}"))?;
        let report = socket.options();
        for (option, value) in [
            (SocketOption::HopLimit, OptionValue::Hops(9)),
            (SocketOption::Ecn, OptionValue::Ecn(Ecn::Capable0)),
            (SocketOption::MulticastHops, OptionValue::Hops(5)),
        ] {
            let granted = report.get(option).granted;
            check(granted == Some(value), || report.get(option).to_string())?;
        }
    }
    Ok(format!("{} descriptors", ROUNDS + 1))
}

/// CON-10, BND-06: a socket that is connected to the limited broadcast address.
fn broadcast(lan: &Lan) -> Result<String, Why> {
    let peer = lan.peer(&lan.one, "0.0.0.0:0")?;
    let to = SocketAddr::new("255.255.255.255".parse()?, peer.local_addr()?.port());
    // The socket is to choose the other adapter.
    lan.home.ip(&["link", "set", "e1", "down"])?;
    let socket = lan.unprivileged(async || Ok(DatagramSocket::builder().connect(to).await?));
    lan.home.ip(&["link", "set", "e1", "up"])?;
    lan.until_running(&lan.home, "e1")?;
    let socket = socket?;
    for round in 0..=ROUNDS {
        if round > 0 {
            lan.replug(&socket)?;
        }
        lan.unprivileged(async || Ok(socket.output()?.write(b"to all").await?))?;
        let received = receive(&peer)?.0;
        check(received == "to all", || received)?;
    }
    Ok(format!("{to} on e0"))
}

/// Datagrams that arrived before the adapter was removed are delivered after it is back.
fn kept(lan: &Lan) -> Result<String, Why> {
    let socket = lan.unprivileged(async || {
        let builder = DatagramSocket::builder();
        Ok(builder.bind_on(&adapter("e0")?, &0.into()).await?)
    })?;
    let peer = lan.peer(&lan.one, "10.80.1.2:0")?;
    let to = home(&socket)?;
    for number in 0..50_u8 {
        peer.send_to(&[number], to)?;
    }
    lan.unplug()?;
    lan.plug()?;
    // Only events other than messages are taken.
    lan.unprivileged(async || {
        let mut numbers = Vec::new();
        let mut is_back = false;
        while numbers.len() < 50 || !is_back {
            match socket.next_event().await? {
                Event::Message(message) => numbers.push(message.payload()[0]),
                Event::AttachmentChanged(change) => is_back = change.is_attached,
                _ => {}
            }
        }
        check(numbers == (0..50).collect::<Vec<_>>(), || {
            format!("{numbers:?}")
        })?;
        Ok(())
    })?;
    let peer = lan.peer(&lan.one, "10.80.1.2:0")?;
    peer.send_to(b"after", to)?;
    let after = lan.unprivileged(async || Ok(text(&next_message(&socket).await?)))?;
    check(after == "after", || after)?;
    Ok("50 datagrams".into())
}

/// The same by the command, as a user without privileges runs it.
fn command(lan: &Lan) -> Result<String, Why> {
    let copy = std::env::temp_dir().join(format!("udpair-attached-{}", std::process::id()));
    std::fs::copy(program(), &copy)?;
    let mut command = lan.home.command("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args(["--bounding-set=-all", "--inh-caps=-all"])
        .arg(&copy)
        .args([
            "listen",
            "5017",
            "--adapter",
            "e0",
            "--echo",
            "--join",
            "239.80.7.2",
            "--json",
        ]);
    let started = Daemon::start("listen", &mut command, "\"joined\"");
    let _ = std::fs::remove_file(&copy);
    let mut listen = started?;
    for _ in 0..ROUNDS {
        lan.unplug()?;
        listen.wait_for("\"attachment\",\"adapter\":\"e0\"")?;
        lan.plug()?;
        listen.wait_for("\"attached\":true")?;
        let run = lan.one.udpair(&["ask", "10.80.1.1", "5017", "hello"])?;
        run.has_code(0)?;
        check(run.stdout == "hello\n", || run.unlike("the echo"))?;
    }
    listen.signal("-INT")?;
    Ok("listen --adapter e0 answered again".into())
}

/// MCG-07: what follows the network lives in the socket's runtime, not in that of the caller.
fn other_runtime(lan: &Lan) -> Result<String, Why> {
    let socket = lan.on(&lan.home, async || {
        Ok(DatagramSocket::builder().bind(&endpoint(":0")?).await?)
    })?;
    lan.home.enter(|| -> Result<(), Why> {
        let other = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        other.block_on(async { socket.join_multicast(&"239.80.7.3".parse()?).await })?;
        Ok(())
    })??;
    lan.unplug()?;
    lan.on(&lan.home, async || change(&socket, false, true).await)?;
    lan.plug()?;
    lan.on(&lan.home, async || change(&socket, true, true).await)?;
    Ok("239.80.7.3 joined again".into())
}

/// BND-06: a datagram that names another adapter is refused, by every way of sending.
fn other_adapter(lan: &Lan) -> Result<String, Why> {
    lan.unprivileged(async || {
        let e1 = adapter("e1")?.index;
        let refused = |what: &str, sent: Result<(), udpair::Error>| {
            let kind = sent.as_ref().err().map(udpair::Error::kind);
            check(kind == Some(ErrorKind::AddressNotAvailable), || {
                format!("{what}: {sent:?}")
            })
        };
        let builder = DatagramSocket::builder();
        let on_adapter = builder.bind_on(&adapter("e0")?, &0.into()).await?;
        let at_address = builder.bind(&endpoint("[fe80::1%e0]:0")?).await?;
        for socket in [&on_adapter, &at_address] {
            let mut batch = SendBatch::new();
            for host in ["fe80::2", "ff02::1", "ff12::80"] {
                let to: SocketAddr = format!("[{host}%{e1}]:9").parse()?;
                refused("send_to", socket.send_to(b"x", to).await)?;
                refused("try_send_to", socket.try_send_to(b"x", to).map(drop))?;
                let stream = socket.output_to(to).await?;
                refused("write", stream.write(b"x").await)?;
                refused("try_write", stream.try_write(b"x").map(drop))?;
                batch.clear();
                batch.push("x");
                refused("write_batch", stream.write_batch(&mut batch).await)?;
                batch.clear();
                batch.push_to("x", to);
                refused("send_batch", socket.send_batch(&mut batch).await)?;
            }
            let source = Source {
                adapter: Some(e1),
                ..Source::default()
            };
            for to in ["[fd80:2::2]:9", "[ff15::80]:9"] {
                let mut to = Destination::from(to.parse::<SocketAddr>()?);
                to.source = source;
                refused("source", socket.send_to(b"x", to).await)?;
            }
            let connected = socket
                .connect(&udpair::EndpointPair::to("fe80::2%e1", "9")?)
                .await;
            check(connected.is_err(), || format!("{connected:?}"))?;
        }
        Ok(())
    })?;
    Ok("refused in eight ways".into())
}

/// BND-06
fn other_adapter_by_command(lan: &Lan) -> Result<String, Why> {
    for arguments in [
        &["send", "fe80::2%e1", "9", "x", "--adapter", "e0"] as &[_],
        &["ask", "fe80::2%e1", "9", "x", "--adapter", "e0"],
        &["ask", "fe80::2%e1", "9", "x", "--local", "[fe80::1%e0]:0"],
        &["send", "ff02::1%e1", "9", "x", "--adapter", "e0"],
    ] {
        let run = lan.home.udpair(arguments)?;
        run.has_code(4)?;
    }
    Ok("exit code 4".into())
}
