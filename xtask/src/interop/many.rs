//! Many peers on real links: replies, errors, narrow links, full buffers, and the headers of packets.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::iter;
use std::net::{SocketAddr, UdpSocket};
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::SystemTime;

use udpair::{
    DatagramSocket, Ecn, ErrorKind, Event, Message, PeerErrorKind, QualityOfService, SendBatch,
};

use super::lan::{Case, Lan, Why, endpoint, hear, port, text};
use super::suite::{Suite, check};

pub(crate) const SUITE: Suite = Suite {
    name: "many peers in network namespaces",
    needs: &[
        ("ip", "iproute2"),
        ("nft", "nftables"),
        ("sysctl", "procps"),
        ("tc", "iproute2"),
    ],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        ("replies leave from where they were asked", replies),
        ("a group's sender is answered", reply_to_group),
        ("what packets say", headers),
        ("good and bad peers of one socket", good_and_bad),
        ("errors of a connected socket", connected_errors),
        ("a batch over a link that is too narrow", narrow_link),
        ("a batch over a path that is too narrow", narrow_path),
        ("a receiver that sleeps, counted exactly", exact_drops),
        ("a receiver that sleeps, counted in pieces", drops_of_pieces),
        ("a batch that was given up", batch_given_up),
    ];
    Lan::run_all("many", cases)
}

/// MSG-11, OUT-05: two addresses on an adapter, two adapters, both families, and neighbours that have the
/// same link-local address.
fn replies(lan: &Lan) -> Result<String, Why> {
    let server = lan.on(&lan.home, async || {
        Ok(DatagramSocket::builder().bind(&endpoint(":0")?).await?)
    })?;
    let port = port(&server);
    let mut seen = 0;
    for (host, at, zone) in [
        (&lan.one, "10.80.1.1", ""),
        (&lan.one, "10.80.1.11", ""),
        (&lan.one, "10.80.2.1", ""),
        (&lan.two, "10.80.2.1", ""),
        (&lan.far, "10.80.1.11", ""),
        (&lan.far, "fd80:1::11", ""),
        (&lan.one, "fd80:1::1", ""),
        (&lan.one, "fd80:1::11", ""),
        (&lan.one, "fd80:2::1", ""),
        (&lan.two, "fd80:2::1", ""),
        (&lan.one, "fe80::1", "%o0"),
        (&lan.two, "fe80::1", "%t0"),
    ] {
        // Connected: what comes from another address is not heard.
        let client = lan.on(host, async || {
            let service = udpair::ServiceName::from(port);
            let host = format!("{at}{zone}").parse()?;
            let remote = udpair::Endpoint::new(Some(host), service);
            let pair = udpair::EndpointPair::to_endpoint(remote)?;
            let client = DatagramSocket::builder().connect(&pair).await?;
            client.output()?.write(at.as_bytes()).await?;
            Ok(client)
        })?;
        lan.on(&lan.home, async || {
            let message = server.recv().await?;
            check(message.local() == Some(at.parse()?), || {
                format!("{message:?}")
            })?;
            let mut batch = SendBatch::new();
            batch.push_to("batch", message.reply());
            server.send_to(message.payload(), message.reply()).await?;
            server.send_batch(&mut batch).await?;
            Ok(())
        })?;
        lan.on(host, async || {
            for expected in [at, "batch"] {
                let reply = text(&client.recv().await?);
                check(reply == expected, || format!("{at}: {reply}"))?;
            }
            Ok(())
        })?;
        seen += 1;
    }
    Ok(format!("{seen} addresses and ways"))
}

/// MSG-11: whoever spoke to a group is answered from the adapter's own address.
fn reply_to_group(lan: &Lan) -> Result<String, Why> {
    let server = lan.on(&lan.home, async || {
        let server = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
        for group in ["239.80.0.1", "ff02::80:1"] {
            server.join_multicast(&group.parse()?).await?;
        }
        Ok(server)
    })?;
    for (group, local) in [("239.80.0.1", "10.80.1.2"), ("ff02::80:1", "fd80:1::2")] {
        let client = lan.on(&lan.one, async || {
            let local = SocketAddr::new(local.parse()?, 0);
            let client = DatagramSocket::builder().bind(&local.into()).await?;
            let to = SocketAddr::new(group.parse()?, port(&server));
            client.send_to(b"who is there", to).await?;
            Ok(client)
        })?;
        lan.on(&lan.home, async || {
            let message = server.recv().await?;
            Ok(server.send_to(b"I am", message.reply()).await?)
        })?;
        lan.on(&lan.one, async || {
            let from = client.recv().await?.remote().ip().to_string();
            check(from == "10.80.1.1" || from.starts_with("fd80:1::1"), || {
                format!("{group}: from {from}")
            })
            .map_err(Why::from)
        })?;
    }
    Ok("239.80.0.1 and ff02::80:1".into())
}

/// CTL-08, CTL-11: ECN, hop limit, code point and time, next door and behind a router.
fn headers(lan: &Lan) -> Result<String, Why> {
    for (host, addresses, hops) in [
        (&lan.one, ["10.80.1.2", "fd80:1::2"], 77),
        (&lan.far, ["10.80.3.9", "fd80:3::9"], 76),
    ] {
        let receiver = lan.on(host, async || {
            let builder = DatagramSocket::builder().timestamps(true);
            Ok(builder.bind(&endpoint(":0")?).await?)
        })?;
        // No message tells of the code point, so nothing arrives without it.
        for rule in [
            "add table inet marks",
            "add chain inet marks i { type filter hook input priority 0; }",
            "add rule inet marks i meta l4proto udp ip dscp != 46 drop",
            "add rule inet marks i meta l4proto udp ip6 dscp != 46 drop",
        ] {
            host.run("nft", &[rule])?;
        }
        for address in addresses {
            for (ecn, bits) in [(Ecn::Capable0, 2), (Ecn::NotCapable, 0)] {
                let before = SystemTime::now();
                lan.on(&lan.home, async || {
                    let builder = DatagramSocket::builder().hop_limit(77).ecn(ecn);
                    let builder = match ecn {
                        Ecn::NotCapable => builder.quality_of_service(QualityOfService::LowLatency),
                        _ => builder.dscp(46),
                    };
                    let to = SocketAddr::new(address.parse()?, port(&receiver));
                    Ok(builder.open()?.send_to(b"x", to).await?)
                })?;
                let message = lan.on(host, async || Ok(receiver.recv().await?))?;
                let after = SystemTime::now();
                check(message.hop_limit() == Some(hops), || {
                    format!("{address}: {message:?}")
                })?;
                check(message.ecn() == Some(bits), || {
                    format!("{address}: {message:?}")
                })?;
                let is_in_time = message
                    .timestamp()
                    .is_some_and(|time| before <= time && time <= after);
                check(is_in_time, || format!("{address}: {message:?}"))?;
            }
        }
        host.run("nft", &["delete table inet marks"])?;
    }
    Ok("ECN 2 and 0, DSCP 46, 77 and 76 hops, and times in order".into())
}

/// Whom nobody reaches beyond the router, and what comes back ([`unreachable()`] makes it so).
const UNREACHABLE: [(&str, PeerErrorKind); 6] = [
    ("10.80.3.9:9", PeerErrorKind::PortUnreachable),
    ("[fd80:3::9]:9", PeerErrorKind::PortUnreachable),
    ("10.80.4.1:9", PeerErrorKind::HostUnreachable),
    ("[fd80:4::1]:9", PeerErrorKind::HostUnreachable),
    ("10.80.5.1:9", PeerErrorKind::NetworkUnreachable),
    ("[fd80:5::1]:9", PeerErrorKind::NetworkUnreachable),
];

/// Lets the router say that some hosts and networks cannot be reached. A route that is missing would do,
/// but the kernel tells of that once a second.
fn unreachable(lan: &Lan) -> Result<(), Why> {
    for (network, by) in [("10.80.4.0/23", "10.80.3.9"), ("fd80:4::/31", "fd80:3::9")] {
        lan.two.ip(&["route", "add", network, "via", by])?;
    }
    for rule in [
        "add table inet t",
        "add chain inet t f { type filter hook forward priority 0; }",
        "add rule inet t f ip daddr 10.80.4.1 reject with icmp type host-unreachable",
        "add rule inet t f ip daddr 10.80.5.1 reject with icmp type net-unreachable",
        "add rule inet t f ip6 daddr fd80:4::1 reject with icmpv6 type addr-unreachable",
        "add rule inet t f ip6 daddr fd80:5::1 reject with icmpv6 type no-route",
    ] {
        lan.two.run("nft", &[rule])?;
    }
    Ok(())
}

/// MSG-13, MSG-14, OUT-15: all that goes to good peers arrives, and each error names its destination.
fn good_and_bad(lan: &Lan) -> Result<String, Why> {
    const ROUNDS: u32 = 40;
    unreachable(lan)?;
    let good = [
        lan.peer(&lan.one, "10.80.1.2:0")?,
        lan.peer(&lan.far, "10.80.3.9:0")?,
        lan.peer(&lan.far, "[fd80:3::9]:0")?,
    ];
    let mut bad = Vec::new();
    let near = ("10.80.1.2:9", PeerErrorKind::PortUnreachable);
    for (address, kind) in iter::once(near).chain(UNREACHABLE) {
        bad.push((address.parse::<SocketAddr>()?, kind));
    }
    let mut told = BTreeMap::new();
    let statistics = lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder().open()?;
        let mut batch = SendBatch::new();
        for round in 0..ROUNDS {
            let payload = round.to_string();
            for (number, peer) in good.iter().enumerate() {
                let to = peer.local_addr()?;
                match round % 3 {
                    0 => socket.send_to(payload.as_bytes(), to).await?,
                    _ => batch.push_to(payload.clone(), to),
                }
                for (to, _) in bad.iter().skip(number).step_by(good.len()) {
                    match round % 2 {
                        0 => socket.send_to(payload.as_bytes(), *to).await?,
                        _ => batch.push_to(payload.clone(), *to),
                    }
                }
            }
            socket.send_batch(&mut batch).await?;
            // Each of them is told, and there is nothing else.
            for _ in &bad {
                let Event::PeerError(error) = socket.next_event().await? else {
                    return Err("a message that nobody sent".into());
                };
                let to = error.destination().ok_or("an error without destination")?;
                *told.entry((to, format!("{:?}", error.kind()))).or_insert(0) += 1;
            }
        }
        Ok(socket.statistics())
    })?;
    for (to, kind) in &bad {
        let count = told.get(&(*to, format!("{kind:?}"))).copied();
        check(count == Some(ROUNDS), || format!("{to} {kind:?}: {told:?}"))?;
    }
    for peer in &good {
        for round in 0..ROUNDS {
            let (heard, _) = hear(peer)?;
            check(heard == round.to_string(), || {
                format!("{heard}, not {round}")
            })?;
        }
    }
    let per_round = u64::try_from(good.len() + bad.len())?;
    let sent = statistics.datagrams_sent;
    check(sent == u64::from(ROUNDS) * per_round, || {
        format!("{statistics:?}")
    })?;
    Ok(format!(
        "{sent} sent, {} to good peers arrived, {} errors told",
        u64::from(ROUNDS) * u64::try_from(good.len())?,
        statistics.peer_errors
    ))
}

/// MSG-13, MSG-14: an error ends nothing, and others do not hear of it.
fn connected_errors(lan: &Lan) -> Result<String, Why> {
    let peer = lan.peer(&lan.one, "10.80.1.2:0")?;
    let mut seen = Vec::new();
    for (address, kind) in UNREACHABLE {
        lan.on(&lan.home, async || {
            let to: SocketAddr = address.parse()?;
            let bad = DatagramSocket::builder().connect(&to.into()).await?;
            let good = DatagramSocket::builder()
                .connect(&peer.local_addr()?.into())
                .await?;
            for _ in 0..3 {
                bad.output()?.write(b"x").await?;
                let Event::PeerError(error) = bad.next_event().await? else {
                    return Err("a message that nobody sent".into());
                };
                check(
                    error.kind() == kind && error.destination() == Some(to),
                    || format!("{address}: {error:?}"),
                )?;
                good.output()?.write(address.as_bytes()).await?;
            }
            check(good.statistics().peer_errors == 0, || "leaked".into())?;
            Ok(())
        })?;
        for _ in 0..3 {
            check(hear(&peer)?.0 == address, || address.into())?;
        }
        seen.push(format!("{kind:?}"));
    }
    Ok(seen.join(", "))
}

fn numbered(number: u32, bytes: usize) -> Vec<u8> {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(bytes, 0);
    payload
}

fn number(payload: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*payload.first_chunk()?))
}

/// Fails unless a peer hears these numbers next, each in a datagram of so many bytes.
fn expect_numbers(peer: &UdpSocket, count: u32, bytes: usize) -> Result<(), Why> {
    let mut buffer = [0; 65_535];
    for expected in 0..count {
        let length = peer.recv(&mut buffer)?;
        let is_it = length == bytes && number(&buffer[..length]) == Some(expected);
        check(is_it, || format!("{length} bytes instead of {expected}"))?;
    }
    Ok(())
}

/// CTL-02, CTL-03, OUT-01: longer than the link's packets, whole or not at all.
fn narrow_link(lan: &Lan) -> Result<String, Why> {
    // No more than the receiver has room for.
    const COUNT: u32 = 30;
    const BYTES: usize = 2000;
    let peer = lan.peer(&lan.one, "10.80.1.2:0")?;
    let peer_ipv6 = lan.peer(&lan.one, "[fd80:1::2]:0")?;
    for peer in [&peer, &peer_ipv6] {
        for is_connected in [true, false] {
            let to = peer.local_addr()?;
            let socket = lan.on(&lan.home, async || {
                let builder = DatagramSocket::builder();
                Ok(match is_connected {
                    true => builder.connect(&to.into()).await?,
                    false => builder.bind(&endpoint(":0")?).await?,
                })
            })?;
            // The second knows that such pieces are refused.
            for _ in 0..2 {
                lan.on(&lan.home, async || {
                    let mut batch = SendBatch::new();
                    for number in 0..COUNT {
                        match is_connected {
                            true => batch.push(numbered(number, BYTES)),
                            false => batch.push_to(numbered(number, BYTES), to),
                        }
                    }
                    socket.send_batch(&mut batch).await?;
                    check(batch.is_empty(), || format!("{} left", batch.len()))?;
                    Ok(())
                })?;
                expect_numbers(peer, COUNT, BYTES)?;
            }
        }
        lan.on(&lan.home, async || {
            let builder = DatagramSocket::builder().dont_fragment(true);
            let socket = builder.connect(&peer.local_addr()?.into()).await?;
            let mut batch: SendBatch = [numbered(0, 1000), numbered(1, 1000)].into_iter().collect();
            batch.extend((2..10).map(|number| numbered(number, BYTES)));
            let error = socket.send_batch(&mut batch).await.err();
            let kind = error.as_ref().map(udpair::Error::kind);
            check(kind == Some(ErrorKind::PayloadTooLarge), || {
                format!("{error:?}")
            })?;
            check(batch.len() == 8, || format!("{} left", batch.len()))?;
            socket.output()?.write(&numbered(2, 1000)).await?;
            check(socket.statistics().peer_errors == 0, || {
                "our own link is no peer".into()
            })?;
            Ok(())
        })?;
        expect_numbers(peer, 3, 1000)?;
    }
    Ok(format!("8 times {COUNT} of {BYTES} bytes arrived whole"))
}

/// CTL-02, CTL-03, MSG-15: the router's side is narrower than ours.
fn narrow_path(lan: &Lan) -> Result<String, Why> {
    const COUNT: u32 = 12;
    const BYTES: usize = 1400;
    lan.two.ip(&["link", "set", "t1", "mtu", "1280"])?;
    lan.far.ip(&["link", "set", "f0", "mtu", "1280"])?;
    let peer = lan.peer(&lan.far, "10.80.3.9:0")?;
    let seen = lan.on(&lan.home, async || {
        let to = peer.local_addr()?.into();
        let batch = || -> SendBatch { (0..COUNT).map(|number| numbered(number, BYTES)).collect() };
        let allowed = DatagramSocket::builder().connect(&to).await?;
        for _ in 0..2 {
            allowed.send_batch(&mut batch()).await?;
        }
        let refused = DatagramSocket::builder().dont_fragment(true);
        let refused = refused.connect(&to).await?;
        refused.output()?.write(&numbered(0, BYTES)).await?;
        let Event::PeerError(error) = refused.next_event().await? else {
            return Err("a message that nobody sent".into());
        };
        check(error.mtu() == Some(1280), || format!("{error:?}"))?;
        let mut rest = batch();
        let result = refused.send_batch(&mut rest).await.err();
        let kind = result.as_ref().map(udpair::Error::kind);
        check(kind == Some(ErrorKind::PayloadTooLarge), || {
            format!("{result:?}")
        })?;
        check(rest.len() == COUNT as usize, || format!("{}", rest.len()))?;
        // With what is known of the path by now.
        allowed.send_batch(&mut batch()).await?;
        Ok(format!("{error:?}"))
    })?;
    for _ in 0..3 {
        expect_numbers(&peer, COUNT, BYTES)?;
    }
    lan.two.ip(&["link", "set", "t1", "mtu", "1500"])?;
    lan.far.ip(&["link", "set", "f0", "mtu", "1500"])?;
    check(seen.contains("MessageTooBig"), || seen.clone())?;
    Ok(format!("3 times {COUNT} of {BYTES} bytes arrived whole"))
}

/// Sends far more than a sleeping receiver has room for; then wakes it. Returns what it got.
fn overflow(lan: &Lan, receive_offload: bool) -> Result<(DatagramSocket, Vec<Message>), Why> {
    let receiver = lan.on(&lan.one, async || {
        let builder = DatagramSocket::builder()
            .receive_offload(receive_offload)
            .inbound_buffer_bytes(100_000);
        Ok(builder.bind(&endpoint("10.80.1.2:0")?).await?)
    })?;
    let sender = lan.on(&lan.home, async || {
        let to = SocketAddr::new("10.80.1.2".parse()?, port(&receiver));
        Ok(DatagramSocket::builder().connect(&to.into()).await?)
    })?;
    let mut messages: Vec<Message> = Vec::new();
    // It sleeps, wakes and takes everything, again and again; the last datagram of all has room.
    for round in 0..FLOODS {
        lan.on(&lan.home, async || {
            let first = round * FLOOD;
            let mut batch = SendBatch::new();
            for number in first..first + FLOOD {
                batch.push(numbered(number, 200 + (number % 3) as usize));
                if number % 64 == 63 {
                    sender.send_batch(&mut batch).await?;
                }
            }
            Ok(sender.send_batch(&mut batch).await?)
        })?;
        while let Some(message) = receiver.try_recv()? {
            messages.push(message.detach());
        }
    }
    lan.on(&lan.home, async || {
        let last = numbered(FLOODS * FLOOD, 200);
        Ok(sender.output()?.write(&last).await?)
    })?;
    messages.push(lan.on(&lan.one, async || Ok(receiver.recv().await?))?);
    let sent = sender.statistics().datagrams_sent;
    check(sent == u64::from(FLOODS * FLOOD) + 1, || {
        format!("{sent} sent")
    })?;
    Ok((receiver, messages))
}

const FLOODS: u32 = 5;
const FLOOD: u32 = 4000;

/// MSG-17: what is missing is counted, in all and before each message, to the datagram.
fn exact_drops(lan: &Lan) -> Result<String, Why> {
    let (receiver, messages) = overflow(lan, false)?;
    let mut next = 0;
    for message in &messages {
        let number = number(message.payload()).ok_or("a short datagram")?;
        let missing = number.checked_sub(next).ok_or("out of order")?;
        check(message.dropped_before() == missing, || {
            format!(
                "before {number} are {missing} missing, and {} are told",
                message.dropped_before()
            )
        })?;
        next = number + 1;
    }
    let sent = u64::from(next);
    check(next == FLOODS * FLOOD + 1, || format!("{next} is the last"))?;
    let statistics = receiver.statistics();
    let received = u64::try_from(messages.len())?;
    let dropped = statistics.kernel_dropped;
    check(statistics.kernel_dropped_exact, || "not exact".into())?;
    check(statistics.datagrams_received == received, || {
        format!("{statistics:?}")
    })?;
    check(dropped > 0 && received + dropped == sent, || {
        format!("{sent} sent, {received} received, {dropped} dropped")
    })?;
    Ok(format!(
        "{sent} sent, {received} received, {dropped} dropped, all accounted for"
    ))
}

/// MSG-17: with receive offload on, the count is a lower bound, and says so.
fn drops_of_pieces(lan: &Lan) -> Result<String, Why> {
    let (receiver, messages) = overflow(lan, true)?;
    let sent = u64::from(FLOODS * FLOOD) + 1;
    let statistics = receiver.statistics();
    let received = u64::try_from(messages.len())?;
    let dropped = statistics.kernel_dropped;
    check(!statistics.kernel_dropped_exact, || "exact".into())?;
    let before: u64 = messages.iter().map(|m| u64::from(m.dropped_before())).sum();
    check(before == dropped, || {
        format!("{before} told by messages, {dropped} in all")
    })?;
    let missing = sent - received;
    check(dropped > 0 && dropped <= missing, || {
        format!("{missing} missing, {dropped} told")
    })?;
    Ok(format!(
        "{sent} sent, {received} received, at least {dropped} of {missing} told"
    ))
}

/// OUT-14, CAN-03: what arrived and what is left is everything, whenever the batch was given up.
fn batch_given_up(lan: &Lan) -> Result<String, Why> {
    const COUNT: u32 = 600;
    const BYTES: usize = 900;
    let peer = lan.peer(&lan.two, "10.80.2.2:0")?;
    let limited = ["rate", "8mbit", "burst", "5kb", "limit", "2mb"];
    let e1 = ["qdisc", "add", "dev", "e1", "root", "tbf"];
    lan.home.run("tc", &[&e1 as &[_], &limited].concat())?;
    let given_up = thread::scope(|scope| -> Result<u32, Why> {
        // Read while it is sent, since no receive buffer holds all of it.
        let reading = scope.spawn(|| expect_numbers(&peer, COUNT, BYTES));
        let given_up = lan.on(&lan.home, async || {
            let mut batch: SendBatch = (0..COUNT).map(|number| numbered(number, BYTES)).collect();
            let builder = DatagramSocket::builder().send_buffer_bytes(20_000);
            let socket = builder.connect(&peer.local_addr()?.into()).await?;
            let mut given_up = 0;
            while !batch.is_empty() {
                let before = batch.len();
                // Polled once more after each wake-up, and then dropped.
                let mut polls = given_up % 3;
                let is_sent = {
                    let mut sending = pin!(socket.send_batch(&mut batch));
                    poll_fn(|cx| match sending.as_mut().poll(cx) {
                        Poll::Ready(result) => Poll::Ready(result.map(|()| true)),
                        Poll::Pending if polls == 0 => Poll::Ready(Ok(false)),
                        Poll::Pending => {
                            polls -= 1;
                            Poll::Pending
                        }
                    })
                    .await?
                };
                if !is_sent {
                    given_up += 1;
                }
                let sent = socket.statistics().datagrams_sent;
                check(u64::from(COUNT) - sent == batch.len() as u64, || {
                    format!("{before} waited, {} wait, {sent} sent", batch.len())
                })?;
            }
            Ok(given_up)
        })?;
        reading.join().map_err(|_| "the reader panicked")??;
        Ok(given_up)
    })?;
    lan.home.run("tc", &["qdisc", "del", "dev", "e1", "root"])?;
    check(given_up > 0, || "the kernel was never full".into())?;
    Ok(format!(
        "{COUNT} arrived once and in order, given up {given_up} times"
    ))
}
