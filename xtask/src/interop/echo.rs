//! Two echoes that answer each other because of a forged datagram: the loop ends by itself.

use std::net::{IpAddr, SocketAddr};

use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};
use udpair::DatagramSocket;

use super::daemon::Daemon;
use super::lan::{Case, Lan, Why, adapter, endpoint, receive};
use super::namespace::Namespace;
use super::suite::{Suite, check};

pub(crate) const SUITE: Suite = Suite {
    name: "echoes in network namespaces",
    needs: &[("ip", "iproute2"), ("sysctl", "procps"), ("kill", "procps")],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        ("a reply has one hop less", one_hop_less),
        ("two echoes", two_echoes),
        ("an echo and itself", itself),
        ("an echo and others on its port or its host", not_itself),
    ];
    Lan::run_all("echo", cases)
}

/// OUT-05, CTL-08: until none is left. A datagram to a group has one hop, and is answered.
fn one_hop_less(lan: &Lan) -> Result<String, Why> {
    let mut command = lan
        .home
        .command(&super::udpair::program().display().to_string());
    let arguments = [
        "listen",
        ":5008",
        "--echo",
        "--json",
        "--join",
        "239.80.7.1",
    ];
    command.args(arguments);
    let _echo = Daemon::start("echo", &mut command, "\"joined\"")?;
    for (host, at) in [
        (&lan.one, "10.80.1.1:5008"),
        (&lan.one, "[fd80:1::1]:5008"),
        (&lan.far, "10.80.2.1:5008"),
        (&lan.home, "127.0.0.1:5008"),
    ] {
        let to: SocketAddr = at.parse()?;
        // The router is in the way twice.
        let routers = if host.name == lan.far.name { 1 } else { 0 };
        lan.on(host, async || {
            let builder = DatagramSocket::builder();
            for hops in [2 * routers + 2, 50, 255] {
                let client = builder.clone().hop_limit(hops).connect(to).await?;
                client.output()?.write(b"x").await?;
                let found = client.recv().await?.hop_limit();
                check(found == Some(hops - 1 - 2 * routers), || {
                    format!("{at}: {found:?} of {hops}")
                })?;
            }
            // The first is not answered, and the second is the fence.
            let builder = builder.hop_limit(1 + routers);
            let client = builder.bind(&endpoint(":0")?).await?;
            client.send_to(b"last", to).await?;
            client.with_system_socket(|socket| udpair_io::set_hop_limit(socket, 9))??;
            client.send_to(b"fence", to).await?;
            let message = client.recv().await?;
            check(message.payload() == b"fence", || format!("{message:?}"))?;
            Ok(())
        })?;
    }
    lan.on(&lan.one, async || {
        let client = DatagramSocket::builder()
            .bind(&endpoint("10.80.1.2:0")?)
            .await?;
        client
            .send_to(b"to all", "239.80.7.1:5008".parse::<SocketAddr>()?)
            .await?;
        let message = client.recv().await?;
        check(message.payload() == b"to all", || format!("{message:?}"))?;
        Ok(())
    })?;
    Ok("over both families, through a router, and on this machine".into())
}

/// CTL-08
fn two_echoes(lan: &Lan) -> Result<String, Why> {
    for hops in [1, 2, 9, 255] {
        let (mut one, mut other) = (lan.home.echo(":5009")?, lan.one.echo(":5010")?);
        forge(&lan.one, "10.80.1.2:5010", "10.80.1.1:5009", hops)?;
        // They take turns, and the one that receives the last hop does not reply.
        let (received, received_by_other) = (u64::from(hops).div_ceil(2), u64::from(hops / 2));
        for (echo, count) in [(&mut one, received), (&mut other, received_by_other)] {
            for _ in 0..count {
                echo.wait_for("\"message\"")?;
            }
        }
        let sent = u64::from(hops - 1);
        let sent_by_one = sent.div_ceil(2);
        for (echo, at, received, sent) in [
            (&mut one, ["10.80.1.1", "5009"], received, sent_by_one),
            (
                &mut other,
                ["10.80.1.2", "5010"],
                received_by_other,
                sent - sent_by_one,
            ),
        ] {
            ends_with(lan, echo, at, received, sent).map_err(|why| format!("{hops}: {why}"))?;
        }
    }
    Ok("as many datagrams as the forged one has hops".into())
}

/// CTL-08: a datagram from its own address and port, whatever that is: an address of this or
/// another adapter, any address of loopback, over either family.
fn itself(lan: &Lan) -> Result<String, Why> {
    let index = lan.on(&lan.home, async || Ok(adapter("e0")?.index))?;
    let link_local = format!("[fe80::1%{index}]:5011");
    for (at, from, to) in [
        (":5011", "10.80.1.1:5011", "127.0.0.1:5011"),
        (":5011", "10.80.2.1:5011", "127.0.0.1:5011"),
        (":5011", "10.80.2.1:5011", "10.80.1.1:5011"),
        (":5011", "127.0.0.1:5011", "127.0.0.1:5011"),
        (":5011", "127.0.0.9:5011", "127.0.0.1:5011"),
        ("0.0.0.0:5011", "10.80.1.11:5011", "10.80.1.1:5011"),
        ("127.0.0.1:5011", "127.0.0.1:5011", "127.0.0.1:5011"),
        (
            "[::ffff:127.0.0.1]:5011",
            "127.0.0.1:5011",
            "127.0.0.1:5011",
        ),
        (
            "[::ffff:10.80.1.1]:5011",
            "10.80.1.1:5011",
            "10.80.1.1:5011",
        ),
        (":5011", "[::1]:5011", "[::1]:5011"),
        (":5011", "[fd80:1::1]:5011", "[::1]:5011"),
        (":5011", "[fd80:2::1]:5011", "[fd80:1::1]:5011"),
        ("[::1]:5011", "[::1]:5011", "[::1]:5011"),
        ("[fd80:1::1]:5011", "[fd80:1::1]:5011", "[fd80:1::1]:5011"),
        (":5011", &link_local, &link_local),
        ("[fe80::1%e0]:5011", &link_local, &link_local),
    ] {
        let mut echo = lan.home.echo(at)?;
        forge(&lan.home, from, to, 255)?;
        echo.wait_for("\"message\"")
            .map_err(|why| format!("{at} {from}: {why}"))?;
        let to: SocketAddr = to.parse()?;
        let host = match to {
            SocketAddr::V6(to) if to.scope_id() > 0 => format!("{}%{index}", to.ip()),
            _ => to.ip().to_string(),
        };
        ends_with(lan, &mut echo, [&host, "5011"], 1, 0)
            .map_err(|why| format!("{at} {from}: {why}"))?;
    }
    Ok("is not answered".into())
}

/// CTL-08: another port of the same host, and another host with the same port, are answered.
fn not_itself(lan: &Lan) -> Result<String, Why> {
    for (at, host, from, to) in [
        (":5012", &lan.home, "127.0.0.1:0", "127.0.0.1:5012"),
        (":5012", &lan.home, "[::1]:0", "[::1]:5012"),
        (":5012", &lan.one, "10.80.1.2:5012", "10.80.1.1:5012"),
        (":5012", &lan.one, "[fd80:1::2]:5012", "[fd80:1::1]:5012"),
        (
            "127.0.0.1:5012",
            &lan.home,
            "127.0.0.2:5012",
            "127.0.0.1:5012",
        ),
        (
            "10.80.1.1:5012",
            &lan.home,
            "10.80.1.11:5012",
            "10.80.1.1:5012",
        ),
    ] {
        let _echo = lan.home.echo(at)?;
        let peer = lan.peer(host, from)?;
        peer.send_to(b"other", to)?;
        let (answer, _) = receive(&peer).map_err(|why| format!("{at} {from}: {why}"))?;
        check(answer == "other", || format!("{at} {from}: {answer}"))?;
    }
    Ok("is answered".into())
}

/// Asks an echo once more, ends it, and checks what it received and sent before, and that it had no
/// trouble.
fn ends_with(
    lan: &Lan,
    echo: &mut Daemon,
    [host, port]: [&str; 2],
    received: u64,
    sent: u64,
) -> Result<(), Why> {
    let run = lan.home.udpair(&["ask", host, port, "fence"])?;
    run.has_code(0)?;
    echo.signal("-TERM")?;
    echo.wait_for("\"summary\"")?;
    let log = echo.take_log();
    check(!log.iter().any(|line| line.contains("\"error\"")), || {
        format!("{log:?}")
    })?;
    let summary: serde_json::Value = serde_json::from_str(log.last().ok_or("no summary")?)?;
    let is_expected = summary["received"] == received + 1 && summary["sent"] == sent + 1;
    Ok(check(is_expected, || {
        format!("{summary}, without the fence not {received} and {sent}")
    })?)
}

/// Sends a datagram with a sender that is not the socket's.
fn forge(host: &Namespace, from: &str, to: &str, hops: u8) -> Result<(), Why> {
    let (from, to): (SocketAddr, SocketAddr) = (from.parse()?, to.parse()?);
    let mut datagram = udp(from.port(), to.port());
    let mut at = to;
    // Of a raw socket the port is a protocol.
    at.set_port(0);
    let (family, header) = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            // RFC 791; the kernel computes the length and the checksum.
            let mut header = vec![0x45, 0, 0, 0, 0, 0, 0, 0, hops, UDP, 0, 0];
            header.extend(from.octets());
            header.extend(to.octets());
            (AddressFamily::INET, header)
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let length = u8::try_from(datagram.len())?;
            // RFC 8200
            let mut header = vec![0x60, 0, 0, 0, 0, length, UDP, hops];
            header.extend(from.octets());
            header.extend(to.octets());
            // The checksum is of the addresses, the protocol and the length too.
            let pseudo = [&header[8..], &[0, UDP, 0, length], &datagram].concat();
            datagram[6..8].copy_from_slice(&checksum(&pseudo).to_be_bytes());
            (AddressFamily::INET6, header)
        }
        _ => return Err("addresses of two families".into()),
    };
    let packet = [header, datagram].concat();
    host.enter(|| {
        let raw = socket(family, SocketType::RAW, Some(ipproto::RAW))?;
        sendto(&raw, &packet, SendFlags::empty(), &at)?;
        Ok(())
    })?
}

/// Returns a datagram without a checksum (RFC 768).
fn udp(from: u16, to: u16) -> Vec<u8> {
    let ports = [from.to_be_bytes(), to.to_be_bytes()];
    [ports.as_flattened(), &[0, 10, 0, 0], b"me"].concat()
}

/// Returns the Internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.as_chunks::<2>().0.iter();
    let mut sum: u32 = words.map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The number of UDP in the headers of packets.
const UDP: u8 = 17;
