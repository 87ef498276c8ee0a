//! Two echoes that answer each other because of a forged datagram: the loop ends by itself.

use std::net::{SocketAddr, SocketAddrV4};

use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};
use udpair::DatagramSocket;

use super::daemon::Daemon;
use super::lan::{Case, Lan, Why, endpoint};
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

/// CTL-08: a datagram from its own address and port, whatever that is.
fn itself(lan: &Lan) -> Result<String, Why> {
    for (at, from) in [
        (":5011", "10.80.1.1:5011"),
        (":5011", "10.80.2.1:5011"),
        (":5011", "127.0.0.1:5011"),
        ("127.0.0.1:5011", "127.0.0.1:5011"),
    ] {
        let mut echo = lan.home.echo(at)?;
        forge(&lan.home, from, "127.0.0.1:5011", 255)?;
        echo.wait_for("\"message\"")?;
        ends_with(lan, &mut echo, ["127.0.0.1", "5011"], 1, 0)
            .map_err(|why| format!("{at} {from}: {why}"))?;
    }
    Ok("is not answered".into())
}

/// Asks an echo once more, ends it, and checks what it received and sent before.
fn ends_with(
    lan: &Lan,
    echo: &mut Daemon,
    [host, port]: [&str; 2],
    received: u64,
    sent: u64,
) -> Result<(), Why> {
    let run = lan.home.udpair(&["ask", host, port, "fence"])?;
    run.has_code(0)?;
    echo.take_log();
    echo.signal("-TERM")?;
    echo.wait_for("\"summary\"")?;
    let log = echo.take_log();
    let summary: serde_json::Value = serde_json::from_str(log.last().ok_or("no summary")?)?;
    let is_expected = summary["received"] == received + 1 && summary["sent"] == sent + 1;
    Ok(check(is_expected, || {
        format!("{summary}, without the fence not {received} and {sent}")
    })?)
}

/// Sends a datagram with a sender that is not the socket's.
fn forge(host: &Namespace, from: &str, to: &str, hops: u8) -> Result<(), Why> {
    let (from, to): (SocketAddrV4, SocketAddrV4) = (from.parse()?, to.parse()?);
    // IPv4 (RFC 791); the kernel computes the length and the checksum.
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, hops, 17, 0, 0];
    packet.extend(from.ip().octets());
    packet.extend(to.ip().octets());
    // UDP (RFC 768), without a checksum.
    packet.extend(from.port().to_be_bytes());
    packet.extend(to.port().to_be_bytes());
    packet.extend(10_u16.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(b"me");
    host.enter(|| {
        let raw = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::RAW))?;
        sendto(&raw, &packet, SendFlags::empty(), &SocketAddr::from(to))?;
        Ok(())
    })?
}
