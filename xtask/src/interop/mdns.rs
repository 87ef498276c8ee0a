//! The example of a responder for multicast DNS, on two adapters, beside avahi on the same port.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;

use udpair::DatagramSocket;

use super::daemon::{Daemon, Folder};
use super::lan::{Case, Lan, Why, adapter};
use super::namespace::Namespace;
use super::suite::{Suite, check};
use super::udpair::program;
use crate::command::root;

pub(crate) const SUITE: Suite = Suite {
    name: "a responder for multicast DNS beside avahi",
    needs: &[
        ("ip", "iproute2"),
        ("sysctl", "procps"),
        ("avahi-daemon", "avahi-daemon"),
    ],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "-p", "udpair"])
        .args(["--example", "mdns_responder"])
        .current_dir(root())
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return Err("the example does not compile".into());
    }
    let cases: &[(&str, Case)] = &[
        ("on two adapters, beside avahi", beside_avahi),
        ("avahi beside the responder", avahi_comes_later),
    ];
    Lan::run_all("mdns", cases)
}

const OURS: &str = "printer.local";
const AVAHIS: &str = "neighbour.local";
const PORT: u16 = 5353;

fn example() -> PathBuf {
    let mut path = program();
    path.pop();
    path.join("examples").join("mdns_responder")
}

fn responder(lan: &Lan) -> Result<Daemon, String> {
    let mut command = lan.home.command(&example().display().to_string());
    Daemon::start("mdns_responder", command.arg(OURS), ":5353")
}

fn avahi(lan: &Lan, folder: &Folder) -> Result<Daemon, String> {
    let configuration = "[server]\n\
                         host-name=neighbour\n\
                         domain-name=local\n\
                         enable-dbus=no\n\
                         use-ipv4=yes\n\
                         use-ipv6=yes\n\
                         ratelimit-burst=100000\n\
                         [publish]\n\
                         publish-addresses=yes\n\
                         publish-hinfo=no\n\
                         publish-workstation=no\n";
    let file = folder.write("avahi.conf", configuration)?;
    let mut command = lan.home.command("avahi-daemon");
    command.args(["-f", &file, "--no-drop-root", "--no-chroot", "--no-rlimits"]);
    Daemon::start("avahi-daemon", &mut command, "Server startup complete")
}

/// BND-09, MCG-01, MCG-11
fn beside_avahi(lan: &Lan) -> Result<String, Why> {
    let folder = Folder::new("mdns")?;
    let _avahi = avahi(lan, &folder)?;
    let _responder = responder(lan)?;
    answers(lan)
}

/// BND-09: whichever of the two comes first.
fn avahi_comes_later(lan: &Lan) -> Result<String, Why> {
    let folder = Folder::new("mdns")?;
    let _responder = responder(lan)?;
    let _avahi = avahi(lan, &folder)?;
    answers(lan)
}

/// Asks in every way, on both adapters.
fn answers(lan: &Lan) -> Result<String, Why> {
    let mut seen = Vec::new();
    for (host, through, from, address) in [
        (&lan.one, "o0", "10.80.1.2", "10.80.1.1"),
        (&lan.two, "t0", "10.80.2.2", "10.80.2.1"),
    ] {
        let other: IpAddr = match through {
            "o0" => "10.80.2.1".parse()?,
            _ => "10.80.1.1".parse()?,
        };
        let address: IpAddr = address.parse()?;
        for name in [OURS, AVAHIS] {
            // From another port than 5353 (RFC 6762, section 6.7).
            let packet = legacy(lan, host, through, from, name)?;
            let found = addresses(&packet.0);
            check(found.contains(&address) && !found.contains(&other), || {
                format!("{name} on {through}: {found:?}")
            })?;
            if name == AVAHIS {
                continue;
            }
            check(packet.1 == SocketAddr::new(address, PORT), || {
                format!("{name} from {}", packet.1)
            })?;
            for (class, group) in [
                (1, "224.0.0.251"),
                (0x8001, "224.0.0.251"),
                (1, "ff02::fb"),
                (0x8001, "ff02::fb"),
            ] {
                let to_group = class == 1;
                let answer = full(lan, host, through, name, class, group)?;
                let is_answered = answer.contains(&address) && !answer.contains(&other);
                check(is_answered, || {
                    format!("{name} to {group}, to the group: {to_group}: {answer:?}")
                })?;
            }
            seen.push(format!("{address} on {through}"));
        }
    }
    Ok(seen.join(", "))
}

/// Asks as a resolver that knows nothing of multicast DNS, and returns the answer and its sender.
fn legacy(
    lan: &Lan,
    host: &Namespace,
    through: &str,
    from: &str,
    name: &str,
) -> Result<(Vec<u8>, SocketAddr), Why> {
    let peer: UdpSocket = lan.peer(host, &format!("{from}:0"))?;
    let at = peer.local_addr()?;
    lan.on(host, async || {
        // The standard library cannot choose the adapter for a group.
        let builder = DatagramSocket::builder().multicast_adapter(&adapter(through)?);
        let socket = builder.from_std(peer.try_clone()?)?;
        socket
            .send_to(
                &query(name, 1),
                SocketAddr::new("224.0.0.251".parse()?, PORT),
            )
            .await?;
        loop {
            let message = socket.recv().await?;
            if message.payload()[..2] == [0, 7] {
                check(message.to() == Some(at.ip()), || format!("{message:?}"))?;
                return Ok((message.payload().to_vec(), message.remote()));
            }
        }
    })
}

/// Asks from port 5353, and returns the addresses that are answered: to the group, or to the asker
/// if the class says so.
fn full(
    lan: &Lan,
    host: &Namespace,
    through: &str,
    name: &str,
    class: u16,
    group: &str,
) -> Result<Vec<IpAddr>, Why> {
    lan.on(host, async || {
        let adapter = adapter(through)?;
        let builder = DatagramSocket::builder()
            .share_port(true)
            .multicast_loopback(false)
            .multicast_adapter(&adapter);
        let socket = builder.bind(format!(":{PORT}")).await?;
        socket.join_multicast_on(&group.parse()?, &adapter).await?;
        let to = format!("{group}%{through}");
        let to = match group.contains(':') {
            true => format!("[{to}]:{PORT}"),
            false => format!("{to}:{PORT}"),
        };
        let stream = socket.output_to(to.as_str()).await?;
        stream.write(&query(name, class)).await?;
        loop {
            let message = socket.recv().await?;
            let is_answer = message
                .payload()
                .get(2)
                .is_some_and(|flags| flags & 0x80 != 0);
            let found = addresses(message.payload());
            // Avahi announces itself.
            if !is_answer || !contains_name(message.payload(), name) {
                continue;
            }
            let is_to_group = message.to().is_some_and(|to| to.is_multicast());
            check(is_to_group == (class == 1), || format!("{message:?}"))?;
            check(message.hop_limit() == Some(255), || format!("{message:?}"))?;
            check(message.remote().port() == PORT, || format!("{message:?}"))?;
            return Ok(found);
        }
    })
}

/// Returns a query for the IPv4 addresses of a host.
fn query(name: &str, class: u16) -> Vec<u8> {
    let mut query = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend(labels(name));
    query.extend([0, 0, 1]);
    query.extend(class.to_be_bytes());
    query
}

fn labels(name: &str) -> Vec<u8> {
    let mut labels = Vec::new();
    for label in name.split('.') {
        labels.extend(u8::try_from(label.len()));
        labels.extend(label.as_bytes());
    }
    labels
}

fn contains_name(packet: &[u8], name: &str) -> bool {
    let wanted = labels(name);
    packet
        .windows(wanted.len())
        .any(|window| window.eq_ignore_ascii_case(&wanted))
}

/// Returns the IPv4 addresses in the records of a packet: of type A and class IN, with 4 bytes.
fn addresses(packet: &[u8]) -> Vec<IpAddr> {
    packet
        .windows(14)
        .filter(|record| {
            record[..2] == [0, 1]
                && record[2] & 0x7f == 0
                && record[3] == 1
                && record[8..10] == [0, 4]
        })
        .filter_map(|record| <[u8; 4]>::try_from(&record[10..]).ok())
        .map(IpAddr::from)
        .collect()
}
