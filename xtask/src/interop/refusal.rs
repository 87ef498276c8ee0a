//! Refusals of the system: each has one meaning, whichever call meets it, and its advice fits.

use std::net::{IpAddr, SocketAddr};

use udpair::{
    DatagramSocket, Destination, EndpointPair, Error, ErrorKind, SendBatch, SocketErrorStatus,
    Source,
};

use super::lan::{Case, Lan, Why, endpoint, port};
use super::namespace::Namespace;
use super::suite::{Suite, check};

pub(crate) const SUITE: Suite = Suite {
    name: "refusals in network namespaces",
    needs: &[
        ("ip", "iproute2"),
        ("nft", "nftables"),
        ("sysctl", "procps"),
    ],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        ("routes that lead nowhere", routes),
        ("a local address that reaches only this machine", loopback),
        ("a local address that is lost", lost_address),
        (
            "a source that is not an address of this machine",
            foreign_source,
        ),
        ("an address that is being checked", tentative),
        ("no free port", no_port),
        ("binding to a group or a broadcast address", group),
        ("more memberships than allowed", memberships),
        ("a send buffer that is too small", send_buffer),
    ];
    Lan::run_all("refusal", cases)
}

/// What a refusal must be.
#[derive(Clone, Copy, Debug)]
struct Expected {
    kind: ErrorKind,
    status: SocketErrorStatus,
    exit_code: i32,
    /// Part of the advice.
    advice: &'static str,
}

impl Expected {
    fn check(&self, call: &str, error: Option<&Error>) -> Result<(), Why> {
        let is_expected = error.is_some_and(|error| {
            error.kind() == self.kind
                && error.status() == self.status
                && error
                    .advice()
                    .is_some_and(|text| text.contains(self.advice))
        });
        Ok(check(is_expected, || {
            format!("{call}: {error:?} instead of {self:?}")
        })?)
    }

    /// Checks a run of the command on a host.
    fn check_command(&self, host: &Namespace, arguments: &[&str]) -> Result<(), Why> {
        let run = host.udpair(&[arguments, &["--json"]].concat())?;
        run.has_code(self.exit_code)?;
        let errors = run.events_named("error")?;
        let is_expected = errors.first().is_some_and(|error| {
            let advice = error["advice"].as_str().unwrap_or_default();
            error["kind"] == self.kind.name()
                && error["status"] == self.status.number()
                && advice.contains(self.advice)
        });
        check(is_expected, || run.unlike(&format!("{self:?}")))?;
        Ok(())
    }
}

/// Checks all calls that send or connect from `local`, an endpoint or nothing, to a host.
fn check_ways(lan: &Lan, local: &str, host: &str, expected: Expected) -> Result<(), Why> {
    let to = SocketAddr::new(host.parse()?, 9);
    lan.on(&lan.home, async || {
        let builder = DatagramSocket::builder();
        let pair = EndpointPair::from(to);
        let pair = match local {
            "" => pair,
            local => pair.with_local(endpoint(local)?),
        };
        let error = builder.connect(&pair).await.err();
        expected.check("connect", error.as_ref())?;
        let bound = match local {
            "" => builder.open()?,
            local => builder.bind(&endpoint(local)?).await?,
        };
        let stream = bound.output_to(to).await?;
        expected.check("write", stream.write(b"x").await.err().as_ref())?;
        expected.check("send_to", bound.send_to(b"x", to).await.err().as_ref())?;
        expected.check("try_send_to", bound.try_send_to(b"x", to).err().as_ref())?;
        let mut batch = SendBatch::new();
        batch.push_to("one", to);
        batch.push_to("two", to);
        expected.check(
            "send_batch",
            bound.send_batch(&mut batch).await.err().as_ref(),
        )?;
        check(batch.len() == 2, || "something was sent".into())?;
        let bound = builder
            .bind(&endpoint(if local.is_empty() { ":0" } else { local })?)
            .await?;
        let error = bound.connect(to).await.err();
        expected.check("connect a bound socket", error.as_ref())?;
        Ok(())
    })?;
    for command in ["send", "connect", "ask"] {
        let mut arguments = vec![command, host, "9"];
        if command != "connect" {
            arguments.push("x");
        }
        if !local.is_empty() {
            arguments.extend(["--local", local]);
        }
        expected.check_command(&lan.home, &arguments)?;
    }
    Ok(())
}

/// OUT-16, ADR-01, GEN-08
fn routes(lan: &Lan) -> Result<String, Why> {
    let mut seen = Vec::new();
    for (kind, octet, expected) in [
        (
            "blackhole",
            "91",
            Expected {
                kind: ErrorKind::NetworkUnreachable,
                status: SocketErrorStatus::NetworkIsUnreachable,
                exit_code: 6,
                advice: "black hole",
            },
        ),
        (
            "unreachable",
            "92",
            Expected {
                kind: ErrorKind::HostUnreachable,
                status: SocketErrorStatus::UnreachableHost,
                exit_code: 6,
                advice: "ip route get",
            },
        ),
        (
            "prohibit",
            "93",
            Expected {
                kind: ErrorKind::PermissionDenied,
                status: SocketErrorStatus::Unknown,
                exit_code: 4,
                advice: "ip route get",
            },
        ),
        (
            "throw",
            "94",
            Expected {
                kind: ErrorKind::NetworkUnreachable,
                status: SocketErrorStatus::NetworkIsUnreachable,
                exit_code: 6,
                advice: "ip route get",
            },
        ),
    ] {
        for network in [format!("10.{octet}.0.0/16"), format!("fd{octet}::/16")] {
            lan.home.ip(&["route", "add", kind, &network])?;
        }
        for host in [format!("10.{octet}.0.1"), format!("fd{octet}::1")] {
            for local in ["", "10.80.1.11:0", "[fd80:1::11]:0"] {
                let is_ipv6 = host.contains(':');
                if local.is_empty() || local.contains("::") == is_ipv6 {
                    check_ways(lan, local, &host, expected)
                        .map_err(|why| format!("{kind} {local} {host}: {why}"))?;
                }
            }
        }
        seen.push(kind);
    }
    Ok(seen.join(", "))
}

/// OUT-16, BND-12, GEN-08
fn loopback(lan: &Lan) -> Result<String, Why> {
    let expected = Expected {
        kind: ErrorKind::NetworkUnreachable,
        status: SocketErrorStatus::NetworkIsUnreachable,
        exit_code: 6,
        advice: "leave the local host empty",
    };
    // On a link, behind a router, and without any route.
    for host in ["10.80.1.2", "10.80.3.9", "192.0.2.1"] {
        check_ways(lan, "127.0.0.1:0", host, expected).map_err(|why| format!("{host}: {why}"))?;
    }
    Ok("127.0.0.1 reaches no other machine".into())
}

/// OUT-16, BND-10, GEN-08
fn lost_address(lan: &Lan) -> Result<String, Why> {
    let expected = Expected {
        kind: ErrorKind::AddressNotAvailable,
        status: SocketErrorStatus::CannotAssignRequestedAddress,
        exit_code: 4,
        advice: "no longer",
    };
    lan.home
        .ip(&["address", "add", "10.80.1.99/24", "dev", "e0"])?;
    let to: SocketAddr = "10.80.1.2:9".parse()?;
    let [bound, other, connected] = lan.on(&lan.home, async || {
        let builder = DatagramSocket::builder();
        let local = endpoint("10.80.1.99:0")?;
        let pair = EndpointPair::from(to).with_local(local.clone());
        Ok([
            builder.bind(&local).await?,
            builder.bind(&local).await?,
            builder.connect(&pair).await?,
        ])
    })?;
    lan.home
        .ip(&["address", "del", "10.80.1.99/24", "dev", "e0"])?;
    lan.on(&lan.home, async || {
        expected.check("send_to", bound.send_to(b"x", to).await.err().as_ref())?;
        let mut batch = SendBatch::new();
        batch.push_to("x", to);
        expected.check(
            "send_batch",
            bound.send_batch(&mut batch).await.err().as_ref(),
        )?;
        let error = other.connect(to).await.err();
        expected.check("connect", error.as_ref())?;
        let error = connected.output()?.write(b"x").await.err();
        expected.check("write", error.as_ref())
    })?;
    Ok("a bound and a connected socket".into())
}

/// OUT-05, BND-10
fn foreign_source(lan: &Lan) -> Result<String, Why> {
    let expected = Expected {
        kind: ErrorKind::AddressNotAvailable,
        status: SocketErrorStatus::CannotAssignRequestedAddress,
        exit_code: 4,
        advice: "ip address",
    };
    for (host, source) in [("10.80.1.2", "192.0.2.9"), ("fd80:1::2", "2001:db8::9")] {
        lan.on(&lan.home, async || {
            let to = Destination {
                address: SocketAddr::new(host.parse()?, 9),
                source: Source {
                    address: Some(source.parse()?),
                    ..Source::default()
                },
            };
            let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
            expected.check("send_to", socket.send_to(b"x", to).await.err().as_ref())?;
            let mut batch = SendBatch::new();
            batch.push_to("x", to);
            let error = socket.send_batch(&mut batch).await.err();
            expected.check("send_batch", error.as_ref())?;
            let local = SocketAddr::new(source.parse()?, 0);
            let error = DatagramSocket::builder().bind(local).await.err();
            expected.check("bind", error.as_ref())
        })?;
        let local = SocketAddr::new(source.parse()?, 0).to_string();
        expected.check_command(&lan.home, &["send", host, "9", "x", "--local", &local])?;
        expected.check_command(&lan.home, &["listen", &local])?;
    }
    Ok("192.0.2.9 and 2001:db8::9".into())
}

/// BND-10: duplicate address detection.
fn tentative(lan: &Lan) -> Result<String, Why> {
    let expected = |advice| Expected {
        kind: ErrorKind::AddressNotAvailable,
        status: SocketErrorStatus::CannotAssignRequestedAddress,
        exit_code: 4,
        advice,
    };
    // Never ends while the case runs.
    let e0 = "net.ipv6.conf.e0";
    for option in ["accept_dad=1", "dad_transmits=600"] {
        lan.home
            .run("sysctl", &["-q", "-w", &format!("{e0}.{option}")])?;
    }
    lan.home
        .ip(&["address", "add", "fd80:1::d/64", "dev", "e0"])?;
    let calls = |expected: Expected| -> Result<(), Why> {
        lan.on(&lan.home, async || {
            let builder = DatagramSocket::builder();
            let local = endpoint("[fd80:1::d]:0")?;
            expected.check("bind", builder.bind(&local).await.err().as_ref())?;
            let to: SocketAddr = "[fd80:1::2]:9".parse()?;
            let pair = EndpointPair::from(to).with_local(local);
            expected.check("connect", builder.connect(&pair).await.err().as_ref())?;
            let error = builder.open()?.output_to_pair(&pair).await.err();
            expected.check("output_to_pair", error.as_ref())
        })?;
        expected.check_command(&lan.home, &["listen", "[fd80:1::d]:0"])?;
        let send = ["send", "fd80:1::2", "9", "x", "--local", "[fd80:1::d]:0"];
        expected.check_command(&lan.home, &send)
    };
    calls(expected("tentative"))?;
    lan.home
        .ip(&["address", "del", "fd80:1::d/64", "dev", "e0"])?;
    lan.home
        .run("sysctl", &["-q", "-w", &format!("{e0}.dad_transmits=1")])?;
    // The neighbour has the address.
    lan.one
        .ip(&["address", "add", "fd80:1::d/64", "dev", "o0", "nodad"])?;
    lan.home
        .ip(&["address", "add", "fd80:1::d/64", "dev", "e0"])?;
    lan.on(&lan.home, async || {
        let ip: IpAddr = "fd80:1::d".parse()?;
        // The kernel sends no notification of this.
        while udpair_io::address_state(ip)? != Some(udpair_io::AddressState::Duplicate) {
            tokio::task::yield_now().await;
        }
        Ok(())
    })?;
    calls(expected("another machine"))?;
    lan.home
        .ip(&["address", "del", "fd80:1::d/64", "dev", "e0"])?;
    lan.one
        .ip(&["address", "del", "fd80:1::d/64", "dev", "o0"])?;
    lan.home
        .run("sysctl", &["-q", "-w", &format!("{e0}.accept_dad=0")])?;
    Ok("tentative, and then a duplicate".into())
}

/// BND-03, BND-07, BND-08, BND-09: a system with four ports, all of which are different, whatever
/// they are for.
fn no_port(lan: &Lan) -> Result<String, Why> {
    let expected = Expected {
        kind: ErrorKind::AddressInUse,
        status: SocketErrorStatus::AddressAlreadyInUse,
        exit_code: 4,
        advice: "net.ipv4.ip_local_port_range",
    };
    let range = |range: &str| {
        let option = format!("net.ipv4.ip_local_port_range={range}");
        lan.home.run("sysctl", &["-q", "-w", &option])
    };
    range("40000 40003")?;
    let sockets = lan.on(&lan.home, async || {
        let builder = DatagramSocket::builder();
        let any = endpoint(":0")?;
        let multicast_only = builder.clone().multicast_only(true);
        let mut sockets = builder.bind_group(&any, 2).await?;
        let mut ports = vec![port(&sockets[0])];
        for socket in [
            multicast_only.bind(&any).await?,
            builder.bind(&any).await?,
            builder.bind_group(&any, 1).await?.remove(0),
        ] {
            ports.push(port(&socket));
            sockets.push(socket);
        }
        ports.sort_unstable();
        check(ports == [40000, 40001, 40002, 40003], || {
            format!("{ports:?}")
        })?;

        let to: SocketAddr = "10.80.1.2:9".parse()?;
        let pair = EndpointPair::from(to);
        let at = endpoint("10.80.1.1:0")?;
        for error in [
            builder.bind(&any).await.err(),
            builder.bind(&at).await.err(),
            builder.bind_group(&any, 2).await.err(),
            multicast_only.bind(&any).await.err(),
            builder.connect(&pair).await.err(),
            builder.connect(&pair.clone().with_local(at)).await.err(),
            builder.open()?.send_to(b"x", to).await.err(),
            builder.open()?.output_to(to).await?.write(b"x").await.err(),
            builder.open()?.output_to_pair(&pair).await.err(),
        ] {
            expected.check("a call", error.as_ref())?;
            let error = error.ok_or("no error")?;
            check(
                !error
                    .advice()
                    .unwrap_or_default()
                    .contains("leave the port"),
                || format!("{error:?}"),
            )?;
        }
        // The caller who chose a port can choose another one.
        let error = builder.bind(&endpoint(":40002")?).await.err();
        let taken = Expected {
            advice: "leave the port to the system",
            ..expected
        };
        taken.check("bind to a given port", error.as_ref())?;
        Ok(sockets)
    })?;
    for arguments in [
        &["listen", "0"] as &[_],
        &["send", "10.80.1.2", "9", "x"],
        &["ask", "10.80.1.2", "9", "x"],
        &["connect", "fd80:1::2", "9"],
    ] {
        expected.check_command(&lan.home, arguments)?;
    }
    drop(sockets);
    range("32768 60999")?;
    Ok("four ports for four kinds of sockets, and none for another".into())
}

/// BND-11
fn group(lan: &Lan) -> Result<String, Why> {
    let expected = Expected {
        kind: ErrorKind::AddressNotAvailable,
        status: SocketErrorStatus::CannotAssignRequestedAddress,
        exit_code: 4,
        advice: "join the group",
    };
    for local in [
        "239.80.0.9:0",
        "[ff15::9]:0",
        "[ff02::9]:0",
        "255.255.255.255:0",
        "10.80.1.255:0",
    ] {
        lan.on(&lan.home, async || {
            let builder = DatagramSocket::builder();
            let local = endpoint(local)?;
            expected.check("bind", builder.bind(&local).await.err().as_ref())?;
            let to: SocketAddr = "10.80.1.2:9".parse()?;
            let pair = EndpointPair::from(to).with_local(local);
            expected.check("connect", builder.connect(&pair).await.err().as_ref())?;
            let error = builder.open()?.output_to_pair(&pair).await.err();
            expected.check("output_to_pair", error.as_ref())
        })
        .map_err(|why| format!("{local}: {why}"))?;
        expected.check_command(&lan.home, &["listen", local])?;
        let send = ["send", "10.80.1.2", "9", "x", "--local", local];
        expected.check_command(&lan.home, &send)?;
    }
    Ok("is left to joining".into())
}

/// MCG-14
fn memberships(lan: &Lan) -> Result<String, Why> {
    let expected = |advice| Expected {
        kind: ErrorKind::Io,
        status: SocketErrorStatus::Unknown,
        exit_code: 1,
        advice,
    };
    lan.home
        .run("sysctl", &["-q", "-w", "net.ipv4.igmp_max_memberships=4"])?;
    for (group, advice) in [
        ("239.80.9.", "net.ipv4.igmp_max_memberships"),
        ("ff15::9:", "net.core.optmem_max"),
    ] {
        let error = lan.on(&lan.home, async || {
            let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
            for number in 1..=65_000 {
                let group = match group.contains(':') {
                    true => format!("{group}{number:x}"),
                    false => format!("{group}{number}"),
                };
                for joined in match socket.join_multicast(&group.parse()?).await {
                    Ok(joined) => joined,
                    Err(error) => return Ok(error),
                } {
                    if let Err(error) = joined.result {
                        return Ok(error);
                    }
                }
            }
            Err("there is no limit".into())
        })?;
        expected(advice).check(group, Some(&error))?;
    }
    for number in 1..=2 {
        lan.home.run(
            "sysctl",
            &["-q", "-w", &format!("net.ipv4.igmp_max_msf={number}")],
        )?;
        let error = lan.on(&lan.home, async || {
            let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
            for last in 1..=9 {
                let source = format!("10.80.1.{last}").parse()?;
                let joined = socket.join_source(&"232.80.0.1".parse()?, source).await;
                if let Err(error) = joined {
                    return Ok(error);
                }
            }
            Err("there is no limit".into())
        })?;
        expected("net.ipv4.igmp_max_msf").check("sources", Some(&error))?;
    }
    let arguments: Vec<_> = (1..=5)
        .flat_map(|last| ["--join".to_owned(), format!("239.80.8.{last}")])
        .collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let arguments = [&["listen", "0", "--adapter", "e0"] as &[_], &arguments].concat();
    expected("net.ipv4.igmp_max_memberships").check_command(&lan.home, &arguments)?;
    Ok("for groups of both families, for senders, and for the command".into())
}

/// OUT-16, OUT-12
fn send_buffer(lan: &Lan) -> Result<String, Why> {
    let expected = Expected {
        kind: ErrorKind::PayloadTooLarge,
        status: SocketErrorStatus::MessageTooLong,
        exit_code: 1,
        advice: "larger send buffer",
    };
    const BYTES: usize = 60_000;
    lan.on(&lan.home, async || {
        let builder = DatagramSocket::builder().send_buffer_bytes(1);
        for host in ["10.80.1.2", "fd80:1::2"] {
            let to = SocketAddr::new(host.parse()?, 9);
            let payload = vec![0; BYTES];
            let connected = builder.connect(to).await?;
            let error = connected.output()?.write(&payload).await.err();
            expected.check("write", error.as_ref())?;
            let bound = builder.bind(&endpoint(":0")?).await?;
            expected.check("send_to", bound.send_to(&payload, to).await.err().as_ref())?;
            let mut batch = SendBatch::new();
            batch.push_to(payload, to);
            let error = bound.send_batch(&mut batch).await.err();
            expected.check("send_batch", error.as_ref())?;
        }
        Ok(())
    })?;
    for command in ["send", "ask"] {
        let size = BYTES.to_string();
        let payload = "x".repeat(BYTES);
        let arguments = match command {
            "send" => [
                command,
                "10.80.1.2",
                "9",
                "x",
                "--sndbuf",
                "1",
                "--size",
                &size,
            ]
            .to_vec(),
            _ => [command, "10.80.1.2", "9", &payload, "--sndbuf", "1"].to_vec(),
        };
        expected.check_command(&lan.home, &arguments)?;
    }
    Ok("60,000 bytes in a buffer of a few thousand".into())
}
