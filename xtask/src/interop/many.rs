//! Many peers on real links: replies, errors, small MTUs, full buffers, and the headers of packets.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::iter;
use std::net::{SocketAddr, UdpSocket};
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::SystemTime;

use udpair::{
    DatagramSocket, Destination, Ecn, EndpointPair, ErrorKind, Event, Message, PacketHeader,
    PeerErrorKind, QualityOfService, SendBatch, Source,
};

use super::lan::{Case, Lan, Why, adapter, endpoint, port, receive, text};
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
        ("replies leave from the requested address", replies),
        (
            "replies to the same link-local address on two adapters",
            link_local_replies,
        ),
        (
            "replies to datagrams that were sent to a group",
            reply_to_group,
        ),
        ("addresses that are on no adapter", any_ip),
        (
            "a socket bound to an address sends through a chosen adapter",
            chosen_adapter,
        ),
        ("the headers of packets", headers),
        (
            "reachable and unreachable peers of one socket",
            good_and_bad,
        ),
        ("errors of a connected socket", connected_errors),
        ("a batch over a link with a small MTU", narrow_link),
        ("a batch over a path with a small MTU", narrow_path),
        ("drops of a slow receiver, counted exactly", exact_drops),
        (
            "drops of a slow receiver with receive offload",
            drops_with_offload,
        ),
        ("a batch whose future is dropped", cancelled_batch),
    ];
    Lan::run_all("many", cases)
}

/// MSG-11, OUT-05: two addresses on an adapter, two adapters, both families, and neighbours that
/// have the same link-local address.
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
        // Connected, so it does not receive from any other address.
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
            answer(&server, &message).await
        })?;
        lan.on(host, async || receive_answers(&client, at).await)
            .map_err(|why| format!("{at}: {why}"))?;
        seen += 1;
    }
    Ok(format!("{seen} combinations of address and path"))
}

/// Answers a message twice: alone and in a batch.
async fn answer(server: &DatagramSocket, message: &Message) -> Result<(), Why> {
    let mut batch = SendBatch::new();
    batch.push_to("batch", message.reply());
    server.send_to(message.payload(), message.reply()).await?;
    server.send_batch(&mut batch).await?;
    Ok(())
}

/// Receives what [`answer`] sends for a message with this payload.
async fn receive_answers(client: &DatagramSocket, payload: &str) -> Result<(), Why> {
    for expected in [payload, "batch"] {
        let reply = text(&client.recv().await?);
        check(reply == expected, || reply.clone())?;
    }
    Ok(())
}

/// MSG-11, OUT-05: neighbours on two adapters that have the same link-local address, which for IPv4
/// names no adapter. The routing table has the network on both.
fn link_local_replies(lan: &Lan) -> Result<String, Why> {
    let at = [
        (&lan.home, "e0", "169.254.1.1/16"),
        (&lan.home, "e1", "169.254.2.1/16"),
        (&lan.one, "o0", "169.254.9.9/16"),
        (&lan.two, "t0", "169.254.9.9/16"),
    ];
    for (host, adapter, address) in at {
        host.ip(&["address", "add", address, "dev", adapter])?;
    }
    let server = lan.on(&lan.home, async || {
        Ok(DatagramSocket::builder().bind(&endpoint(":0")?).await?)
    })?;
    for round in 0..2 {
        for (host, adapter, remote, local) in [
            (&lan.one, "o0", "169.254.1.1", "169.254.9.9"),
            (&lan.two, "t0", "169.254.2.1", "169.254.9.9"),
            (&lan.one, "o0", "fe80::1", "fe80::2"),
            (&lan.two, "t0", "fe80::1", "fe80::2"),
        ] {
            let (zone, bracket) = match remote.contains(':') {
                true => (format!("%{adapter}"), ["[", "]"]),
                false => (String::new(), ["", ""]),
            };
            let client = lan.on(host, async || {
                let [open, close] = bracket;
                let pair =
                    EndpointPair::to(&format!("{remote}{zone}"), &port(&server).to_string())?
                        .with_local(endpoint(&format!("{open}{local}{zone}{close}:0"))?);
                let client = DatagramSocket::builder().connect(&pair).await?;
                client.output()?.write(adapter.as_bytes()).await?;
                Ok(client)
            })?;
            lan.on(&lan.home, async || {
                let message = server.recv().await?;
                check(text(&message) == adapter, || format!("{message:?}"))?;
                answer(&server, &message).await
            })?;
            lan.on(host, async || receive_answers(&client, adapter).await)
                .map_err(|why| format!("{round} {remote} {adapter}: {why}"))?;
        }
    }
    for (host, adapter, address) in at {
        host.ip(&["address", "del", address, "dev", adapter])?;
    }
    Ok("169.254.9.9 and fe80::2, each through the adapter it was heard on".into())
}

/// MSG-11: a datagram that was sent to a group is answered from the adapter's own address.
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
            let client = DatagramSocket::builder().bind(local).await?;
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

/// MSG-11, BND-10: a machine may have whole networks as its own addresses, which are on no adapter.
/// Other addresses are still refused.
fn any_ip(lan: &Lan) -> Result<String, Why> {
    for (network, via) in [("10.85.0.0/24", "10.80.1.1"), ("fd85::/64", "fd80:1::1")] {
        lan.home
            .ip(&["route", "add", "local", network, "dev", "lo"])?;
        lan.one.ip(&["route", "add", network, "via", via])?;
    }
    let server = lan.on(&lan.home, async || {
        Ok(DatagramSocket::builder().bind(&endpoint(":0")?).await?)
    })?;
    let foreign = |host: &str, source: &str| -> Result<Destination, Why> {
        Ok(Destination {
            source: Source {
                address: Some(source.parse()?),
                ..Source::default()
            },
            ..Destination::from(SocketAddr::new(host.parse()?, 9))
        })
    };
    for round in 0..2 {
        for at in ["10.85.0.7", "fd85::7", "fd85::8"] {
            let to = SocketAddr::new(at.parse()?, port(&server));
            // Connected, so it does not receive from any other address.
            let client = lan.on(&lan.one, async || {
                let client = DatagramSocket::builder().connect(to).await?;
                client.output()?.write(at.as_bytes()).await?;
                Ok(client)
            })?;
            lan.on(&lan.home, async || {
                let message = server.recv().await?;
                let mut batch = SendBatch::new();
                for _ in 0..3 {
                    batch.push_to("batch", message.reply());
                }
                // The first call of each round is another one.
                if round == 0 {
                    server.send_to(b"one", message.reply()).await?;
                    server.send_batch(&mut batch).await?;
                } else {
                    server.send_batch(&mut batch).await?;
                    server.send_to(b"one", message.reply()).await?;
                }
                Ok(())
            })?;
            lan.on(&lan.one, async || {
                for _ in 0..4 {
                    client.recv().await?;
                }
                Ok(())
            })?;
        }
        lan.on(&lan.home, async || {
            for (host, source) in [("10.80.1.2", "10.86.0.7"), ("fd80:1::2", "fd86::7")] {
                let sent = server.send_to(b"x", foreign(host, source)?).await;
                check(sent.is_err(), || format!("sent from {source}"))?;
                let mut batch = SendBatch::new();
                batch.push_to("x", foreign(host, source)?);
                let sent = server.send_batch(&mut batch).await;
                check(sent.is_err(), || format!("sent from {source}"))?;
            }
            Ok(())
        })?;
    }
    // A socket bound to such an address.
    for (local, host) in [("10.85.0.7", "10.80.1.2"), ("fd85::7", "fd80:1::2")] {
        let peer = lan.peer(&lan.one, &SocketAddr::new(host.parse()?, 0).to_string())?;
        let from = lan.on(&lan.home, async || {
            let local = SocketAddr::new(local.parse()?, 0);
            let socket = DatagramSocket::builder().bind(local).await?;
            socket.send_to(b"bound", peer.local_addr()?).await?;
            Ok(socket.local_addr())
        })?;
        let received = receive(&peer)?;
        check(Some(received.1) == from, || format!("{received:?}"))?;
        let other = lan.on(&lan.home, async || {
            let local = SocketAddr::new(local.replace("85", "86").parse()?, 0);
            Ok(DatagramSocket::builder().bind(local).await.err())
        })?;
        let kind = other.as_ref().map(udpair::Error::kind);
        check(kind == Some(ErrorKind::AddressNotAvailable), || {
            format!("{other:?}")
        })?;
    }
    Ok("10.85.0.7, fd85::7 and fd85::8 answered, and are bound to".into())
}

/// OUT-05, MCG-11, BRC-04: the adapter is chosen for a datagram, and the address is that of the
/// socket. It is not the first address of its adapter.
fn chosen_adapter(lan: &Lan) -> Result<String, Why> {
    let everywhere = lan.peer(&lan.one, "0.0.0.0:0")?;
    everywhere.join_multicast_v4(&"239.80.0.3".parse()?, &"10.80.1.2".parse()?)?;
    let ipv6 = lan.peer(&lan.one, "[fd80:1::2]:0")?;
    let mut seen = Vec::new();
    for (local, through, peer, host) in [
        ("10.80.1.11", "e0", &everywhere, "10.80.1.2"),
        ("10.80.1.11", "e0", &everywhere, "239.80.0.3"),
        ("10.80.1.11", "e0", &everywhere, "10.80.1.255"),
        ("10.80.1.11", "e0", &everywhere, "255.255.255.255"),
        // The address of the other adapter.
        ("10.80.2.1", "e0", &everywhere, "10.80.1.2"),
        ("fd80:1::11", "e0", &ipv6, "fd80:1::2"),
    ] {
        let from = lan.on(&lan.home, async || {
            let at = SocketAddr::new(local.parse()?, 0);
            let socket = DatagramSocket::builder().bind(at).await?;
            let to = Destination {
                source: Source {
                    adapter: Some(adapter(through)?.index),
                    ..Source::default()
                },
                ..Destination::from(SocketAddr::new(host.parse()?, peer.local_addr()?.port()))
            };
            socket.send_to(b"one", to).await?;
            let mut batch = SendBatch::new();
            batch.push_to("batch", to);
            batch.push_to("batch", to);
            socket.send_batch(&mut batch).await?;
            Ok(socket.local_addr())
        })?;
        for expected in ["one", "batch", "batch"] {
            let received = receive(peer)?;
            check(received.0 == expected && Some(received.1) == from, || {
                format!("{local} to {host}: {received:?}")
            })?;
        }
        seen.push(host);
    }
    Ok(format!("to {}", seen.join(", ")))
}

/// CTL-08, CTL-11: ECN, hop limit, code point and timestamp, on the same link and behind a router.
fn headers(lan: &Lan) -> Result<String, Why> {
    for (host, addresses, hops) in [
        (&lan.one, ["10.80.1.2", "fd80:1::2"], 77),
        (&lan.far, ["10.80.3.9", "fd80:3::9"], 76),
    ] {
        let receiver = lan.on(host, async || {
            let builder = DatagramSocket::builder().timestamps(true);
            Ok(builder.bind(&endpoint(":0")?).await?)
        })?;
        // A message does not report the code point. So these rules drop every packet without it.
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
                    builder.open()?.send_to(b"x", to).await?;
                    // The same for one datagram.
                    let header = PacketHeader {
                        hop_limit: Some(77),
                        dscp: Some(46),
                        ecn: Some(bits),
                    };
                    let to = Destination {
                        header,
                        ..to.into()
                    };
                    Ok(DatagramSocket::builder().open()?.send_to(b"x", to).await?)
                })?;
                let message = lan.on(host, async || {
                    let first = receiver.recv().await?;
                    let second = receiver.recv().await?;
                    for message in [&first, &second] {
                        check(message.hop_limit() == Some(hops), || {
                            format!("{address}: {message:?}")
                        })?;
                        check(message.ecn() == Some(bits), || {
                            format!("{address}: {message:?}")
                        })?;
                    }
                    Ok(first)
                })?;
                let after = SystemTime::now();
                let is_in_time = message
                    .timestamp()
                    .is_some_and(|time| before <= time && time <= after);
                check(is_in_time, || format!("{address}: {message:?}"))?;
            }
        }
        host.run("nft", &["delete table inet marks"])?;
    }
    Ok("ECN 2 and 0, DSCP 46, 77 and 76 hops, and timestamps in order".into())
}

/// Unreachable destinations behind the router, and the errors that come back. [`make_unreachable`]
/// sets them up.
const UNREACHABLE: [(&str, PeerErrorKind); 6] = [
    ("10.80.3.9:9", PeerErrorKind::PortUnreachable),
    ("[fd80:3::9]:9", PeerErrorKind::PortUnreachable),
    ("10.80.4.1:9", PeerErrorKind::HostUnreachable),
    ("[fd80:4::1]:9", PeerErrorKind::HostUnreachable),
    ("10.80.5.1:9", PeerErrorKind::NetworkUnreachable),
    ("[fd80:5::1]:9", PeerErrorKind::NetworkUnreachable),
];

/// Makes the router report that some hosts and networks are unreachable. A missing route would also
/// do, but the kernel reports that only once per second.
fn make_unreachable(lan: &Lan) -> Result<(), Why> {
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

/// MSG-13, MSG-14, OUT-15: all datagrams to reachable peers arrive, and each error names its
/// destination.
fn good_and_bad(lan: &Lan) -> Result<String, Why> {
    const ROUNDS: u32 = 40;
    make_unreachable(lan)?;
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
    let mut reported = BTreeMap::new();
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
            // Each error is reported, and there is no other event.
            for _ in &bad {
                let Event::PeerError(error) = socket.next_event().await? else {
                    return Err("an event that is not a peer error".into());
                };
                let to = error.destination.ok_or("an error without destination")?;
                *reported
                    .entry((to, format!("{:?}", error.kind)))
                    .or_insert(0) += 1;
            }
        }
        Ok(socket.statistics())
    })?;
    for (to, kind) in &bad {
        let count = reported.get(&(*to, format!("{kind:?}"))).copied();
        check(count == Some(ROUNDS), || {
            format!("{to} {kind:?}: {reported:?}")
        })?;
    }
    for peer in &good {
        for round in 0..ROUNDS {
            let (received, _) = receive(peer)?;
            check(received == round.to_string(), || {
                format!("{received}, not {round}")
            })?;
        }
    }
    let per_round = u64::try_from(good.len() + bad.len())?;
    let sent = statistics.datagrams_sent;
    check(sent == u64::from(ROUNDS) * per_round, || {
        format!("{statistics:?}")
    })?;
    Ok(format!(
        "{sent} sent, {} to reachable peers arrived, {} errors reported",
        u64::from(ROUNDS) * u64::try_from(good.len())?,
        statistics.peer_errors
    ))
}

/// MSG-13, MSG-14: a socket works after an error, and other sockets do not receive the error.
fn connected_errors(lan: &Lan) -> Result<String, Why> {
    let peer = lan.peer(&lan.one, "10.80.1.2:0")?;
    let mut seen = Vec::new();
    for (address, kind) in UNREACHABLE {
        lan.on(&lan.home, async || {
            let to: SocketAddr = address.parse()?;
            let bad = DatagramSocket::builder().connect(to).await?;
            let good = DatagramSocket::builder()
                .connect(peer.local_addr()?)
                .await?;
            for _ in 0..3 {
                bad.output()?.write(b"x").await?;
                let Event::PeerError(error) = bad.next_event().await? else {
                    return Err("an event that is not a peer error".into());
                };
                check(error.kind == kind && error.destination == Some(to), || {
                    format!("{address}: {error:?}")
                })?;
                good.output()?.write(address.as_bytes()).await?;
            }
            check(good.statistics().peer_errors == 0, || {
                "an error of another socket".into()
            })?;
            Ok(())
        })?;
        for _ in 0..3 {
            check(receive(&peer)?.0 == address, || address.into())?;
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

/// Fails unless a peer receives the numbers below `count` next, each in a datagram of `bytes`
/// bytes.
fn expect_numbers(peer: &UdpSocket, count: u32, bytes: usize) -> Result<(), Why> {
    let mut buffer = [0; 65_535];
    for expected in 0..count {
        let length = peer.recv(&mut buffer)?;
        let is_expected = length == bytes && number(&buffer[..length]) == Some(expected);
        check(is_expected, || {
            format!("{length} bytes instead of number {expected}")
        })?;
    }
    Ok(())
}

/// CTL-02, CTL-03, OUT-01: datagrams longer than the MTU of the link arrive whole or not at all.
fn narrow_link(lan: &Lan) -> Result<String, Why> {
    // No more than fits into the buffer of the receiver.
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
                    true => builder.connect(to).await?,
                    false => builder.bind(&endpoint(":0")?).await?,
                })
            })?;
            // For the second batch, the socket knows that the kernel refuses such GSO batches.
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
            let socket = builder.connect(peer.local_addr()?).await?;
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
                "the local link is not a peer".into()
            })?;
            Ok(())
        })?;
        expect_numbers(peer, 3, 1000)?;
    }
    Ok(format!(
        "8 times {COUNT} datagrams of {BYTES} bytes arrived whole"
    ))
}

/// CTL-02, CTL-03, MSG-15: the MTU behind the router is smaller than that of the local link.
fn narrow_path(lan: &Lan) -> Result<String, Why> {
    const COUNT: u32 = 12;
    const BYTES: usize = 1400;
    lan.two.ip(&["link", "set", "t1", "mtu", "1280"])?;
    lan.far.ip(&["link", "set", "f0", "mtu", "1280"])?;
    let peer = lan.peer(&lan.far, "10.80.3.9:0")?;
    let seen = lan.on(&lan.home, async || {
        let to = peer.local_addr()?;
        let batch = || -> SendBatch { (0..COUNT).map(|number| numbered(number, BYTES)).collect() };
        let allowed = DatagramSocket::builder().connect(to).await?;
        for _ in 0..2 {
            allowed.send_batch(&mut batch()).await?;
        }
        let refused = DatagramSocket::builder().dont_fragment(true);
        let refused = refused.connect(to).await?;
        refused.output()?.write(&numbered(0, BYTES)).await?;
        let Event::PeerError(error) = refused.next_event().await? else {
            return Err("an event that is not a peer error".into());
        };
        check(error.mtu == Some(1280), || format!("{error:?}"))?;
        let mut rest = batch();
        let result = refused.send_batch(&mut rest).await.err();
        let kind = result.as_ref().map(udpair::Error::kind);
        check(kind == Some(ErrorKind::PayloadTooLarge), || {
            format!("{result:?}")
        })?;
        check(rest.len() == COUNT as usize, || format!("{}", rest.len()))?;
        // The path MTU is known now.
        allowed.send_batch(&mut batch()).await?;
        Ok(format!("{error:?}"))
    })?;
    for _ in 0..3 {
        expect_numbers(&peer, COUNT, BYTES)?;
    }
    lan.two.ip(&["link", "set", "t1", "mtu", "1500"])?;
    lan.far.ip(&["link", "set", "f0", "mtu", "1500"])?;
    check(seen.contains("MessageTooBig"), || seen.clone())?;
    Ok(format!(
        "3 times {COUNT} datagrams of {BYTES} bytes arrived whole"
    ))
}

/// Sends far more datagrams than the buffer of a receiver holds, which reads only after each flood.
/// Returns the receiver and the messages that it received.
fn overflow(lan: &Lan, receive_offload: bool) -> Result<(DatagramSocket, Vec<Message>), Why> {
    let receiver = lan.on(&lan.one, async || {
        let builder = DatagramSocket::builder()
            .receive_offload(receive_offload)
            .inbound_buffer_bytes(100_000);
        Ok(builder.bind(&endpoint("10.80.1.2:0")?).await?)
    })?;
    let sender = lan.on(&lan.home, async || {
        let to = SocketAddr::new("10.80.1.2".parse()?, port(&receiver));
        Ok(DatagramSocket::builder().connect(to).await?)
    })?;
    let mut messages: Vec<Message> = Vec::new();
    // In each round, the receiver waits and then takes everything. The buffer has space for the
    // last datagram of all.
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

/// MSG-17: dropped datagrams are counted exactly, in total and before each message.
fn exact_drops(lan: &Lan) -> Result<String, Why> {
    let (receiver, messages) = overflow(lan, false)?;
    let mut next = 0;
    for message in &messages {
        let number = number(message.payload()).ok_or("a short datagram")?;
        let missing = number.checked_sub(next).ok_or("out of order")?;
        check(message.dropped_before() == missing, || {
            format!(
                "{missing} are missing before {number}, and {} are reported",
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

/// MSG-17: with receive offload on, the count is a lower bound, and is reported as not exact.
fn drops_with_offload(lan: &Lan) -> Result<String, Why> {
    let (receiver, messages) = overflow(lan, true)?;
    let sent = u64::from(FLOODS * FLOOD) + 1;
    let statistics = receiver.statistics();
    let received = u64::try_from(messages.len())?;
    let dropped = statistics.kernel_dropped;
    check(!statistics.kernel_dropped_exact, || "exact".into())?;
    let before: u64 = messages.iter().map(|m| u64::from(m.dropped_before())).sum();
    check(before == dropped, || {
        format!("{before} reported by messages, {dropped} in total")
    })?;
    let missing = sent - received;
    check(dropped > 0 && dropped <= missing, || {
        format!("{missing} missing, {dropped} reported")
    })?;
    Ok(format!(
        "{sent} sent, {received} received, at least {dropped} of {missing} reported"
    ))
}

/// OUT-14, CAN-03: every datagram has either arrived or is left in the batch, whenever the future
/// is dropped.
fn cancelled_batch(lan: &Lan) -> Result<String, Why> {
    const COUNT: u32 = 600;
    const BYTES: usize = 900;
    let peer = lan.peer(&lan.two, "10.80.2.2:0")?;
    let limited = ["rate", "8mbit", "burst", "5kb", "limit", "2mb"];
    let e1 = ["qdisc", "add", "dev", "e1", "root", "tbf"];
    lan.home.run("tc", &[&e1 as &[_], &limited].concat())?;
    let cancelled = thread::scope(|scope| -> Result<u32, Why> {
        // Read while it is sent, since no receive buffer holds all of it.
        let reading = scope.spawn(|| expect_numbers(&peer, COUNT, BYTES));
        let cancelled = lan.on(&lan.home, async || {
            let mut batch: SendBatch = (0..COUNT).map(|number| numbered(number, BYTES)).collect();
            let builder = DatagramSocket::builder().send_buffer_bytes(20_000);
            let socket = builder.connect(peer.local_addr()?).await?;
            let mut cancelled = 0;
            while !batch.is_empty() {
                let before = batch.len();
                // Polled once more after each wake-up, and then dropped.
                let mut polls = cancelled % 3;
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
                    cancelled += 1;
                }
                let sent = socket.statistics().datagrams_sent;
                check(u64::from(COUNT) - sent == batch.len() as u64, || {
                    format!("{before} were left, {} are left, {sent} sent", batch.len())
                })?;
            }
            Ok(cancelled)
        })?;
        reading.join().map_err(|_| "the reader panicked")??;
        Ok(cancelled)
    })?;
    lan.home.run("tc", &["qdisc", "del", "dev", "e1", "root"])?;
    check(cancelled > 0, || "the send buffer was never full".into())?;
    Ok(format!(
        "{COUNT} arrived once and in order, cancelled {cancelled} times"
    ))
}
