//! Groups on real links: which sockets receive which datagrams, through which adapter, and what
//! happens when the network changes.

use std::net::{IpAddr, SocketAddr};

use udpair::{DatagramSocket, Destination, ErrorKind, Event, SendBatch, SocketErrorStatus};

use super::daemon::{Daemon, Folder};
use super::lan::{Case, E0, Lan, O0, Why, adapter, change, endpoint, port, receive, text};
use super::namespace::{Namespace, cable};
use super::suite::{Suite, check};
use super::udpair::program;

pub(crate) const SUITE: Suite = Suite {
    name: "multicast in network namespaces",
    needs: &[("ip", "iproute2"), ("sysctl", "procps")],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        ("received on both adapters", both_adapters),
        ("on the adapter that a socket is bound to", where_bound),
        ("from one sender only", one_sender),
        ("groups of other sockets", groups_of_other_sockets),
        ("loopback and hop limit", loopback_and_hops),
        ("two sockets on one port", one_port),
        ("a multicast-only socket", multicast_only),
        ("the adapter that datagrams leave through", sending_adapter),
        ("a group without a route", no_route),
        ("a socket whose adapter or address is gone", no_override),
        ("more groups than the system allows", too_many),
        ("an adapter that is switched off and on", switched),
        ("addresses that change", addresses),
        (
            "an adapter that is deleted and created again",
            created_again,
        ),
        ("changes between two snapshots", quick_changes),
        ("a change among many errors", change_among_errors),
        ("the command joins", command),
    ];
    Lan::run_all("groups", cases)
}

const GROUPS: [&str; 2] = ["239.80.0.1", "ff15::80:1"];

/// Sends from a host to a group through one of its adapters.
fn send(
    lan: &Lan,
    host: &Namespace,
    through: &str,
    payload: &str,
    group: &str,
    port: u16,
) -> Result<(), Why> {
    lan.on(host, async || {
        let builder = DatagramSocket::builder().multicast_adapter(&adapter(through)?);
        let socket = builder.open()?;
        let to = SocketAddr::new(group.parse()?, port);
        Ok(socket.send_to(payload.as_bytes(), to).await?)
    })
}

/// Opens a socket on `home` that has joined some groups.
fn joined(lan: &Lan, local: &str, groups: &[&str]) -> Result<DatagramSocket, Why> {
    lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder().bind(&endpoint(local)?).await?;
        for group in groups {
            socket.join_multicast(&group.parse()?).await?;
        }
        Ok(socket)
    })
}

/// MCG-01, MCG-03, MCG-10, MSG-11: one join is enough to receive on every adapter, and returns the
/// result for each.
fn both_adapters(lan: &Lan) -> Result<String, Why> {
    let (socket, seen) = lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
        let mut seen = Vec::new();
        for group in GROUPS {
            for joined in socket.join_multicast(&group.parse()?).await? {
                joined.result?;
                seen.push(format!("{} on {}", joined.group, joined.adapter.name));
            }
        }
        Ok((socket, seen))
    })?;
    let expected = [
        "239.80.0.1 on e0",
        "239.80.0.1 on e1",
        "ff15::80:1 on e0",
        "ff15::80:1 on e1",
    ];
    check(seen == expected, || format!("{seen:?}"))?;
    for group in GROUPS {
        for (host, through, on, local, from) in [
            (&lan.one, "o0", "e0", "10.80.1.1", "10.80.1.2"),
            (&lan.two, "t0", "e1", "10.80.2.1", "10.80.2.2"),
        ] {
            send(lan, host, through, through, group, port(&socket))?;
            lan.on(&lan.home, async || {
                let message = socket.recv().await?;
                check(text(&message) == through, || format!("{message:?}"))?;
                check(message.adapter() == Some(adapter(on)?.index), || {
                    format!("not on {on}: {message:?}")
                })?;
                if message.remote().is_ipv4() {
                    check(message.local() == Some(local.parse()?), || {
                        format!("not at {local}: {message:?}")
                    })?;
                    check(message.remote().ip() == from.parse::<IpAddr>()?, || {
                        format!("not from {from}: {message:?}")
                    })?;
                }
                Ok(())
            })?;
        }
    }
    Ok(seen.join(", "))
}

/// MCG-02, MCG-03: on the adapter, or the adapter of the address, that the socket is bound to.
fn where_bound(lan: &Lan) -> Result<String, Why> {
    let mut seen = Vec::new();
    for (local, group, expected) in [
        ("adapter e1", GROUPS[0], "e1"),
        ("localhost:0", GROUPS[0], "lo"),
        (":0", "ff02::80:2%e1", "e1"),
        (":0", "ff02::80:2%e0", "e0"),
    ] {
        let on = lan.on(&lan.home, async || {
            let builder = DatagramSocket::builder();
            let socket = match local.strip_prefix("adapter ") {
                Some(name) => builder.bind_on(&adapter(name)?, &0.into()).await?,
                None => builder.bind(&endpoint(local)?).await?,
            };
            let joined = socket.join_multicast(&group.parse()?).await?;
            socket.leave_multicast(joined[0].group)?;
            Ok(joined
                .iter()
                .map(|joined| joined.adapter.name.clone())
                .collect::<Vec<_>>())
        })?;
        check(on == [expected], || format!("{local}: {on:?}"))?;
        seen.push(format!("{group} on {expected} when bound to {local}"));
    }
    // The kernel would allow the join, and deliver nothing.
    lan.on(&lan.home, async || {
        for (local, same_family) in [("10.80.1.1:0", 0), ("[fd80:1::1]:0", 1)] {
            let socket = DatagramSocket::builder().bind(&endpoint(local)?).await?;
            for (number, group) in GROUPS.iter().enumerate() {
                let expected = if number == same_family {
                    ErrorKind::Unsupported
                } else {
                    ErrorKind::FamilyNotSupported
                };
                let error = socket.join_multicast(&group.parse()?).await.err();
                let kind = error.as_ref().map(udpair::Error::kind);
                check(kind == Some(expected), || format!("{error:?}"))?;
            }
        }
        Ok(())
    })?;
    // A socket that is bound to one adapter does not receive from the other segment.
    let socket = lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder()
            .bind_on(&adapter("e1")?, &0.into())
            .await?;
        socket.join_multicast(&GROUPS[0].parse()?).await?;
        Ok(socket)
    })?;
    send(lan, &lan.one, "o0", "one", GROUPS[0], port(&socket))?;
    send(lan, &lan.two, "t0", "two", GROUPS[0], port(&socket))?;
    let first = lan.on(&lan.home, async || Ok(text(&socket.recv().await?)))?;
    check(first == "two", || format!("received {first}"))?;
    Ok(seen.join(", "))
}

/// MCG-06, MCG-08, and RFC 4607: datagrams of a joined source arrive until the source is left. A
/// socket that has joined a source cannot join the whole group.
fn one_sender(lan: &Lan) -> Result<String, Why> {
    for (group, wanted, other, home) in [
        ("232.80.0.1", "10.80.1.2", "10.80.1.3", "10.80.1.1"),
        ("ff35::80:1", "fd80:1::2", "fd80:1::3", "fd80:1::1"),
    ] {
        let source: IpAddr = wanted.parse()?;
        let socket = lan.on(&lan.home, async || {
            let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
            for _ in 0..2 {
                socket.join_source(&group.parse()?, source).await?;
            }
            let error = socket.join_multicast(&group.parse()?).await.err();
            let kind = error.as_ref().map(udpair::Error::kind);
            check(kind == Some(ErrorKind::InvalidArgument), || {
                format!("joined both the source and the whole group: {error:?}")
            })?;
            Ok(socket)
        })?;
        let send = |payload: &str, from: &str, to: &str| {
            lan.on(&lan.one, async || {
                let local = SocketAddr::new(from.parse()?, 0);
                let builder = DatagramSocket::builder().multicast_adapter(&adapter("o0")?);
                let sender = builder.bind(local).await?;
                let to = SocketAddr::new(to.parse()?, port(&socket));
                Ok(sender.send_to(payload.as_bytes(), to).await?)
            })
        };
        let mut received = Vec::new();
        send("unwanted", other, group)?;
        send("wanted", wanted, group)?;
        received.push(lan.on(&lan.home, async || Ok(text(&socket.recv().await?)))?);
        socket.leave_source(group.parse()?, source)?;
        let again = socket.leave_source(group.parse()?, source).err();
        check(again.is_some(), || "left twice".into())?;
        send("after", wanted, group)?;
        send("fence", wanted, home)?;
        received.push(lan.on(&lan.home, async || Ok(text(&socket.recv().await?)))?);
        check(received == ["wanted", "fence"], || {
            format!("{group}: {received:?}")
        })?;
        // After the source was left, the whole group can be joined.
        lan.on(&lan.home, async || {
            Ok(socket.join_multicast(&group.parse()?).await?)
        })?;
        send("unwanted", other, group)?;
        let received = lan.on(&lan.home, async || Ok(text(&socket.recv().await?)))?;
        check(received == "unwanted", || received)?;
    }
    Ok("in 232.80.0.1 and ff35::80:1, only the joined source".into())
}

/// MCG-09, MCG-12: a socket receives neither from groups that only another socket has joined, nor
/// datagrams to another port.
fn groups_of_other_sockets(lan: &Lan) -> Result<String, Why> {
    for (group, home) in [(GROUPS[0], "10.80.1.1"), (GROUPS[1], "fd80:1::1")] {
        let member = joined(lan, ":0", &[group])?;
        let other = joined(lan, ":0", &[])?;
        send(lan, &lan.one, "o0", "leak", group, port(&other))?;
        send(lan, &lan.one, "o0", "fence", home, port(&other))?;
        send(lan, &lan.one, "o0", "meant", group, port(&member))?;
        for (socket, expected) in [(&other, "fence"), (&member, "meant")] {
            let received = lan.on(&lan.home, async || Ok(text(&socket.recv().await?)))?;
            check(received == expected, || format!("{group}: {received}"))?;
        }
    }
    Ok("not received, over IPv4 and IPv6".into())
}

/// MCG-10, CTL-09: a member of a group receives its own datagrams unless loopback is off. The hop
/// limit is 1 unless it is set.
fn loopback_and_hops(lan: &Lan) -> Result<String, Why> {
    for (group, home) in [(GROUPS[0], "10.80.1.1"), (GROUPS[1], "fd80:1::1")] {
        for (has_loopback, is_set_later, expected) in [
            (true, false, "itself"),
            (false, false, "fence"),
            (true, true, "itself"),
            (false, true, "fence"),
        ] {
            let received = lan.on(&lan.home, async || {
                let builder = DatagramSocket::builder()
                    .multicast_adapter(&adapter("e0")?)
                    .multicast_loopback(has_loopback != is_set_later);
                let socket = builder.bind(&endpoint(":0")?).await?;
                if is_set_later {
                    socket.set_multicast_loopback(has_loopback)?;
                }
                socket.join_multicast(&group.parse()?).await?;
                let to = |ip: &str| -> Result<SocketAddr, Why> {
                    Ok(SocketAddr::new(ip.parse()?, port(&socket)))
                };
                socket.send_to(b"itself", to(group)?).await?;
                socket.send_to(b"fence", to(home)?).await?;
                Ok(text(&socket.recv().await?))
            })?;
            check(received == expected, || format!("{group}: {received}"))?;
        }
        let socket = joined(lan, ":0", &[group])?;
        for (hops, expected) in [(None, 1), (Some(7), 7)] {
            lan.on(&lan.one, async || {
                let mut builder = DatagramSocket::builder().multicast_adapter(&adapter("o0")?);
                if let Some(hops) = hops {
                    builder = builder.multicast_hops(hops);
                }
                let to = SocketAddr::new(group.parse()?, port(&socket));
                Ok(builder.open()?.send_to(b"hops", to).await?)
            })?;
            let message = lan.on(&lan.home, async || Ok(socket.recv().await?))?;
            check(message.hop_limit() == Some(expected), || {
                format!("{message:?}")
            })?;
        }
    }
    Ok("loopback on, loopback off, 1 hop, 7 hops".into())
}

/// MCG-13, BND-09: both sockets receive "Hello". A socket that does not share the port cannot be
/// bound to it.
fn one_port(lan: &Lan) -> Result<String, Why> {
    let received = lan.on(&lan.home, async || {
        let builder = DatagramSocket::builder()
            .multicast_only(true)
            .multicast_adapter(&adapter("e0")?);
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let socket = builder.bind(&endpoint(":22113")?).await?;
            socket.join_multicast(&"224.3.0.5".parse()?).await?;
            sockets.push(socket);
        }
        let exclusive = DatagramSocket::builder().bind(&endpoint(":22113")?).await;
        let kind = exclusive.as_ref().err().map(udpair::Error::kind);
        check(kind == Some(ErrorKind::AddressInUse), || {
            format!("{exclusive:?}")
        })?;
        let group = endpoint("224.3.0.5:22113")?;
        let output = sockets[0].output_to(&group).await?;
        output.write(b"Hello").await?;
        let mut received = Vec::new();
        for socket in &sockets {
            received.push(text(&socket.recv().await?));
        }
        Ok(received)
    })?;
    check(received == ["Hello", "Hello"], || format!("{received:?}"))?;
    Ok("both received Hello".into())
}

/// OUT-19, CON-15, MSG-21, CTL-12: the socket neither sends nor receives unicast datagrams.
fn multicast_only(lan: &Lan) -> Result<String, Why> {
    let neighbour = lan.peer(&lan.one, "0.0.0.0:0")?;
    let to = neighbour.local_addr()?.port();
    let (socket, message) = lan.on(&lan.home, async || {
        let builder = DatagramSocket::builder().multicast_only(true);
        let socket = builder.bind(&endpoint(":0")?).await?;
        for group in GROUPS {
            socket.join_multicast(&group.parse()?).await?;
        }
        let host = SocketAddr::new("10.80.1.2".parse()?, to);
        let stream = socket.output_to(host).await?;
        let mut batch = SendBatch::new();
        batch.push_to("broadcast", SocketAddr::new("10.80.1.255".parse()?, to));
        batch.push_to("unicast", host);
        let mut message = String::new();
        for result in [
            socket.send_to(b"unicast", host).await,
            socket.try_send_to(b"unicast", host).map(drop),
            stream.write(b"unicast").await,
            socket.send_batch(&mut batch).await,
            builder.connect(host).await.map(drop),
        ] {
            let Err(error) = result else {
                return Err("a unicast datagram was sent".into());
            };
            check(
                error.kind() == ErrorKind::Unsupported
                    && error.hresult().cast_unsigned() == 0x8007_273d
                    && error.status() == SocketErrorStatus::Unknown,
                || format!("{error:?}"),
            )?;
            message = error.to_string();
        }
        check(batch.len() == 1, || format!("{batch:?}"))?;
        Ok((socket, message))
    })?;
    let (received, _) = receive(&neighbour)?;
    check(received == "broadcast", || received)?;

    for (unicast, multicast) in [
        ("10.80.1.1", "10.80.1.255"),
        ("10.80.1.1", GROUPS[0]),
        ("fd80:1::1", GROUPS[1]),
    ] {
        send(lan, &lan.one, "o0", "unicast", unicast, port(&socket))?;
        send(lan, &lan.one, "o0", "multicast", multicast, port(&socket))?;
        let received = lan.on(&lan.home, async || Ok(text(&socket.recv().await?)))?;
        check(received == "multicast", || {
            format!("{multicast}: {received}")
        })?;
    }
    let dropped = socket.statistics().non_peer_dropped;
    check(dropped == 3, || format!("{dropped} dropped"))?;
    Ok(format!("{message}; 3 received, 3 dropped"))
}

/// MCG-11: datagrams leave through the chosen adapter or that of the bound address, independent of
/// joined groups and routes.
fn sending_adapter(lan: &Lan) -> Result<String, Why> {
    for group in GROUPS {
        let member = |host: &Namespace| {
            lan.on(host, async || {
                let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
                socket.join_multicast(&group.parse()?).await?;
                Ok(socket)
            })
        };
        let (one, two) = (member(&lan.one)?, member(&lan.two)?);
        let is_ipv4 = group.starts_with('2');
        for (through, host, receiver, address) in [
            ("e0", &lan.one, &one, ["fd80:1::1", "10.80.1.1"]),
            ("e1", &lan.two, &two, ["fd80:2::1", "10.80.2.1"]),
        ] {
            lan.on(&lan.home, async || {
                let builder = DatagramSocket::builder();
                let local = SocketAddr::new(address[usize::from(is_ipv4)].parse()?, 0);
                let to = SocketAddr::new(group.parse()?, port(receiver));
                for (how, socket) in [
                    (
                        "chosen",
                        builder
                            .clone()
                            .multicast_adapter(&adapter(through)?)
                            .bind(&endpoint(":0")?)
                            .await?,
                    ),
                    ("address", builder.bind(local).await?),
                    (
                        "bound",
                        builder.bind_on(&adapter(through)?, &0.into()).await?,
                    ),
                ] {
                    if how != "address" {
                        socket.join_multicast(&group.parse()?).await?;
                    }
                    socket.send_to(how.as_bytes(), to).await?;
                    let stream = socket.output_to(to).await?;
                    stream.write(how.as_bytes()).await?;
                }
                Ok(())
            })?;
            for how in ["chosen", "address", "bound"] {
                for _ in 0..2 {
                    let received = lan.on(host, async || Ok(text(&receiver.recv().await?)))?;
                    check(received == how, || {
                        format!("{group} through {through}: {received}, not {how}")
                    })?;
                }
            }
        }
        for receiver in [&one, &two] {
            let left = receiver.try_recv()?;
            check(left.is_none(), || format!("{group}: {left:?}"))?;
        }
    }
    Ok("through the chosen adapter, that of the address, and the bound adapter".into())
}

/// MCG-11: where the adapter or the address is bound to or chosen, datagrams to groups leave
/// through no other one, not even if they cannot leave through that.
fn no_override(lan: &Lan) -> Result<String, Why> {
    let addresses = ["10.89.1.1/24", "10.89.1.11/24", "fd89:1::1/64"];
    cable(
        (&lan.home, "e9", &addresses),
        (&lan.one, "o9", &["10.89.1.2/24"]),
    )?;
    lan.until_running(&lan.home, "e9")?;
    // The IPv6 address stays, and the group has a way through loopback.
    let keep = "net.ipv6.conf.e9.keep_addr_on_down=1";
    lan.home.run("sysctl", &["-q", "-w", keep])?;
    let way = ["multicast", "ff15::/16", "dev", "lo", "table", "local"];
    lan.home.ip(&[&["-6", "route", "add"], &way[..]].concat())?;
    let inside = lan.on(&lan.home, async || {
        let builder = DatagramSocket::builder();
        let socket = builder.bind_on(&adapter("lo")?, &0.into()).await?;
        for group in GROUPS {
            socket.join_multicast(&group.parse()?).await?;
        }
        Ok(socket)
    })?;
    let [ipv4, ipv6] =
        GROUPS.map(|group| group.parse().map(|ip| SocketAddr::new(ip, port(&inside))));
    let (ipv4, ipv6) = (ipv4?, ipv6?);
    let sockets = lan.on(&lan.home, async || {
        let builder = DatagramSocket::builder();
        let (e9, any) = (adapter("e9")?, endpoint(":0")?);
        let at = async |local: &str| Ok::<_, Why>(builder.bind(&endpoint(local)?).await?);
        let chosen = builder.clone().multicast_adapter(&e9);
        let mut through_e9 = Destination::from(ipv4);
        through_e9.source.adapter = Some(e9.index);
        let (down, lost) = (
            ErrorKind::NetworkUnreachable,
            ErrorKind::AddressNotAvailable,
        );
        Ok([
            (
                "bound",
                down,
                builder.bind_on(&e9, &0.into()).await?,
                ipv4.into(),
            ),
            ("lost address", lost, at("10.89.1.11:0").await?, ipv4.into()),
            ("address", down, at("[fd89:1::1]:0").await?, ipv6.into()),
            ("chosen", down, chosen.bind(&any).await?, ipv4.into()),
            ("source", down, builder.bind(&any).await?, through_e9),
        ])
    })?;
    lan.home
        .ip(&["address", "del", "10.89.1.11/24", "dev", "e9"])?;
    lan.home.ip(&["link", "set", "e9", "down"])?;
    lan.on(&lan.home, async || {
        for (how, expected, socket, to) in &sockets {
            let mut batch = SendBatch::new();
            batch.push_to("batch", *to);
            let mut tried = SendBatch::new();
            tried.push_to("tried", *to);
            for (call, sent) in [
                ("send_to", socket.send_to(b"send_to", *to).await),
                ("try_send_to", socket.try_send_to(b"try", *to).map(drop)),
                ("send_batch", socket.send_batch(&mut batch).await),
                (
                    "try_send_batch",
                    socket.try_send_batch(&mut tried).map(drop),
                ),
            ] {
                let kind = sent.as_ref().err().map(udpair::Error::kind);
                check(kind == Some(*expected), || {
                    format!("{how} {call}: {sent:?}")
                })?;
            }
        }
        let heard = inside.try_recv()?;
        check(heard.is_none(), || format!("{heard:?}"))?;
        Ok(())
    })?;
    lan.home.ip(&[&["-6", "route", "del"], &way[..]].concat())?;
    lan.home.ip(&["link", "del", "e9"])?;
    Ok("no datagram leaves through another adapter".into())
}

/// MCG-11: datagrams leave through the first adapter on which a group is joined, otherwise through
/// loopback.
fn no_route(lan: &Lan) -> Result<String, Why> {
    let group = GROUPS[0];
    let inside = lan.on(&lan.home, async || {
        let builder = DatagramSocket::builder();
        let socket = builder.bind_on(&adapter("lo")?, &0.into()).await?;
        socket.join_multicast(&group.parse()?).await?;
        Ok(socket)
    })?;
    let outside = lan.on(&lan.one, async || {
        let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
        socket.join_multicast(&group.parse()?).await?;
        Ok(socket)
    })?;
    for (is_member, host, receiver) in [(false, &lan.home, &inside), (true, &lan.one, &outside)] {
        lan.on(&lan.home, async || {
            let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
            if is_member {
                // The first adapter, because that one has the lower index.
                socket.join_multicast(&"239.80.0.9".parse()?).await?;
            }
            let to = SocketAddr::new(group.parse()?, port(receiver));
            socket.send_to(b"send_to", to).await?;
            check(socket.try_send_to(b"try_send_to", to)?, || "full".into())?;
            let stream = socket.output_to(to).await?;
            stream.write(b"stream").await?;
            let mut batch: SendBatch = ["batch", "batch"].into_iter().collect();
            stream.write_batch(&mut batch).await?;
            batch.push_to("mixed", to);
            socket.send_batch(&mut batch).await?;
            check(batch.is_empty(), || format!("{batch:?}"))?;
            Ok(())
        })?;
        for expected in [
            "send_to",
            "try_send_to",
            "stream",
            "batch",
            "batch",
            "mixed",
        ] {
            let received = lan.on(host, async || Ok(text(&receiver.recv().await?)))?;
            check(received == expected, || {
                format!("{received}, not {expected}")
            })?;
        }
    }
    Ok("through loopback; through the adapter of a group".into())
}

/// MCG-14: a membership that the system refuses is reported, and those that it granted remain.
fn too_many(lan: &Lan) -> Result<String, Why> {
    let limit = "net.ipv4.igmp_max_memberships=5";
    lan.home.run("sysctl", &["-q", "-w", limit])?;
    let (socket, error) = lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
        for number in 1..=2 {
            for joined in socket
                .join_multicast(&format!("239.81.0.{number}").parse()?)
                .await?
            {
                joined.result?;
            }
        }
        let third = socket.join_multicast(&"239.81.0.3".parse()?).await?;
        let granted: Vec<_> = third.iter().map(|joined| joined.result.is_ok()).collect();
        check(granted == [true, false], || format!("{third:?}"))?;
        match socket.join_multicast(&"239.81.0.4".parse()?).await {
            Err(error) => Ok((socket, error)),
            Ok(joined) => Err(format!("{joined:?}").into()),
        }
    })?;
    let limit = "net.ipv4.igmp_max_memberships=20";
    lan.home.run("sysctl", &["-q", "-w", limit])?;
    check(error.hresult().cast_unsigned() == 0x8007_2747, || {
        format!("{error:?}")
    })?;
    send(lan, &lan.one, "o0", "third", "239.81.0.3", port(&socket))?;
    let received = lan.on(&lan.home, async || Ok(text(&socket.recv().await?)))?;
    check(received == "third", || received)?;
    Ok(error.to_string())
}

/// MCG-07: an adapter that is switched off is left, and joined again when it is switched on.
fn switched(lan: &Lan) -> Result<String, Why> {
    let socket = joined(lan, ":0", &GROUPS)?;
    let mut seen = Vec::new();
    lan.home.ip(&["link", "set", "e0", "down"])?;
    for is_ipv4 in [true, false] {
        seen.push(lan.on(&lan.home, async || change(&socket, false, is_ipv4).await)?);
    }
    lan.home.ip(&["link", "set", "e0", "up"])?;
    restore(lan)?;
    for is_ipv4 in [true, false] {
        seen.push(lan.on(&lan.home, async || change(&socket, true, is_ipv4).await)?);
    }
    received_again(lan, &socket)?;
    Ok(seen.join(", "))
}

/// Restores the addresses that `e0` has lost.
fn restore(lan: &Lan) -> Result<(), Why> {
    for address in E0 {
        let add = ["address", "replace", address, "dev", "e0"];
        let nodad: &[&str] = if address.contains(':') {
            &["nodad"]
        } else {
            &[]
        };
        lan.home.ip(&[&add, nodad].concat())?;
    }
    Ok(())
}

fn received_again(lan: &Lan, socket: &DatagramSocket) -> Result<(), Why> {
    lan.until_running(&lan.home, "e0")?;
    lan.until_running(&lan.one, "o0")?;
    for group in GROUPS {
        send(lan, &lan.one, "o0", "again", group, port(socket))?;
        let received = lan.on(&lan.home, async || Ok(text(&socket.recv().await?)))?;
        check(received == "again", || received)?;
    }
    Ok(())
}

/// MCG-07: an additional address does not change the membership. Without any address, the
/// membership ends until there is one again.
fn addresses(lan: &Lan) -> Result<String, Why> {
    let socket = joined(lan, ":0", &GROUPS)?;
    let other = "10.80.77.1/24";
    lan.home.ip(&["address", "add", other, "dev", "e0"])?;
    // This also deletes the second address of that network.
    lan.home
        .ip(&["address", "del", "10.80.1.1/24", "dev", "e0"])?;
    received_again(lan, &socket)?;
    restore(lan)?;
    lan.home.ip(&["address", "del", other, "dev", "e0"])?;
    received_again(lan, &socket)?;
    let mut seen = Vec::new();
    for is_ipv4 in [true, false] {
        let family = if is_ipv4 { "-4" } else { "-6" };
        lan.home.ip(&[family, "address", "flush", "dev", "e0"])?;
        seen.push(lan.on(&lan.home, async || change(&socket, false, is_ipv4).await)?);
        restore(lan)?;
        seen.push(lan.on(&lan.home, async || change(&socket, true, is_ipv4).await)?);
        received_again(lan, &socket)?;
    }
    // A link whose MTU is too small for IPv6 loses its groups.
    lan.home.ip(&["link", "set", "e0", "mtu", "1200"])?;
    seen.push(lan.on(&lan.home, async || change(&socket, false, false).await)?);
    lan.home.ip(&["link", "set", "e0", "mtu", "1500"])?;
    restore(lan)?;
    seen.push(lan.on(&lan.home, async || change(&socket, true, false).await)?);
    received_again(lan, &socket)?;
    Ok(seen.join(", "))
}

/// MCG-07: the adapter is deleted and created again. A socket that sends to groups through a
/// group's adapter does so again, too.
fn created_again(lan: &Lan) -> Result<String, Why> {
    let socket = joined(lan, ":0", &GROUPS)?;
    let stream = lan.on(&lan.home, async || {
        let group = SocketAddr::new(GROUPS[0].parse()?, port(&socket));
        Ok(socket.output_to(group).await?)
    })?;
    let mut seen = Vec::new();
    for _ in 0..3 {
        lan.home.ip(&["link", "delete", "e0"])?;
        for is_ipv4 in [true, false] {
            seen.push(lan.on(&lan.home, async || change(&socket, false, is_ipv4).await)?);
        }
        cable((&lan.home, "e0", E0), (&lan.one, "o0", O0))?;
        lan.one
            .ip(&["route", "add", "default", "via", "10.80.1.1"])?;
        lan.one
            .ip(&["route", "add", "fd80::/16", "via", "fd80:1::1"])?;
        for is_ipv4 in [true, false] {
            seen.push(lan.on(&lan.home, async || change(&socket, true, is_ipv4).await)?);
        }
        received_again(lan, &socket)?;
        let received = lan.on(&lan.home, async || {
            stream.write(b"itself").await?;
            Ok(text(&socket.recv().await?))
        })?;
        check(received == "itself", || received)?;
    }
    Ok(format!("{} events in three rounds", seen.len()))
}

/// MCG-07: addresses and adapters that vanish and return between two snapshots of the network.
fn quick_changes(lan: &Lan) -> Result<String, Why> {
    let socket = joined(lan, ":0", &GROUPS)?;
    let folder = Folder::new("quick")?;
    let again: String = E0
        .iter()
        .map(|address| {
            let nodad = if address.contains(':') { " nodad" } else { "" };
            format!("address add {address} dev e0{nodad}\n")
        })
        .collect();
    let addresses = format!("address flush dev e0\n{again}");
    let link = format!("link set e0 down\nlink set e0 up\naddress flush dev e0\n{again}");
    for commands in [addresses, link] {
        let file = folder.write("commands", &commands)?;
        lan.home.ip(&["-batch", &file])?;
        settled(lan, &socket)?;
        received_again(lan, &socket)?;
    }
    Ok("addresses and a link; datagrams arrive again".into())
}

/// Waits until the socket on `home` has processed the last change. To find out, adds an adapter and
/// deletes it, and waits for both events.
fn settled(lan: &Lan, socket: &DatagramSocket) -> Result<(), Why> {
    let add = ["link", "add", "x0", "type", "veth", "peer", "name", "x1"];
    lan.home.ip(&add)?;
    lan.home
        .ip(&["address", "add", "10.99.0.1/24", "dev", "x0"])?;
    lan.home.ip(&["link", "set", "x0", "up"])?;
    let x0 = lan.on(&lan.home, async || Ok(adapter("x0")?.index))?;
    lan.on(&lan.home, async || change_on(socket, true, x0).await)?;
    lan.home.ip(&["link", "delete", "x0"])?;
    lan.on(&lan.home, async || change_on(socket, false, x0).await)
}

/// Waits until a group is joined or left on one adapter.
async fn change_on(socket: &DatagramSocket, is_member: bool, index: u32) -> Result<(), Why> {
    loop {
        if let Event::MembershipChanged(change) = socket.next_event().await?
            && change.adapter == index
            && change.is_member == is_member
        {
            return Ok(());
        }
    }
}

/// MCG-07, MSG-14: a change is reported even after any number of errors from the network.
fn change_among_errors(lan: &Lan) -> Result<String, Why> {
    let socket = joined(lan, ":0", &GROUPS[..1])?;
    let errors = lan.on(&lan.home, async || {
        let closed = SocketAddr::from(([127, 0, 0, 1], 9));
        for _ in 0..200 {
            socket.send_to(b"x", closed).await?;
        }
        Ok(socket.statistics().peer_errors)
    })?;
    settled(lan, &socket)?;
    let statistics = socket.statistics();
    check(errors > 64 && statistics.peer_errors_dropped > 0, || {
        format!("{statistics:?}")
    })?;
    Ok(format!("{} errors", statistics.peer_errors))
}

/// MCG-01, MCG-07: `listen --join` reports the adapters on which the group is joined, and changes.
fn command(lan: &Lan) -> Result<String, Why> {
    let mut listen = lan.home.command(&program().display().to_string());
    listen.args(["listen", ":5080", "--json", "--count", "2"]);
    listen.args(["--join", GROUPS[0], "--join", GROUPS[1]]);
    let mut listen = Daemon::start("listen", &mut listen, "\"listening\"")?;
    for _ in 0..4 {
        listen.wait_for("\"joined\"")?;
    }
    let joined = listen.take_log();
    lan.home.ip(&["link", "set", "e0", "down"])?;
    listen.wait_for("\"group\":\"239.80.0.1\",\"adapter\":\"e0\"")?;
    lan.home.ip(&["link", "set", "e0", "up"])?;
    restore(lan)?;
    listen.wait_for("\"group\":\"239.80.0.1\",\"adapter\":\"e0\"")?;
    lan.until_running(&lan.home, "e0")?;
    lan.until_running(&lan.one, "o0")?;
    for (host, through) in [(&lan.one, "o0"), (&lan.two, "t0")] {
        let arguments = ["send", GROUPS[0], "5080", through, "--adapter", through];
        let hops = ["--multicast-hops", "3"];
        host.udpair(&[&arguments as &[_], &hops].concat())?
            .has_code(0)?;
        listen.wait_for(&format!("\"text\":\"{through}\""))?;
    }
    listen
        .wait_for("\"event\":\"summary\",\"sent\":0,\"send_dropped\":0,\"received\":2,\"dropped\":0,\"exact\":true")?;
    check(
        joined.iter().all(|line| !line.contains("\"error\":\"")),
        || joined.join(", "),
    )?;
    Ok("joined, left and joined again, and received on both adapters".into())
}
