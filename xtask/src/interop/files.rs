//! The system's own files where they cannot be read, and names of adapters in them and in names
//! that a program keeps.

use std::fs::{self, File, Permissions};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use udpair::{Adapter, DatagramSocket, Endpoint, HostName, Resolver};

use super::daemon::Folder;
use super::lan::{Case, E0, Lan, O0, Why, adapter, change, endpoint};
use super::namespace::{Namespace, cable};
use super::suite::{Suite, check};
use super::udpair::Udpair;

pub(crate) const SUITE: Suite = Suite {
    name: "files of the system, and adapters that they name",
    needs: &[
        ("ip", "iproute2"),
        ("mkfifo", "coreutils"),
        ("setpriv", "util-linux"),
        ("sysctl", "procps"),
    ],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        ("a services file that cannot be read", services),
        ("a list of name servers that cannot be read", name_servers),
        ("a hosts file that cannot be read", hosts),
        ("rows that cannot be used", rows),
        (
            "an adapter that comes back under another index",
            created_again,
        ),
        ("a group on such an adapter", group),
    ];
    Lan::run_all("files", cases)
}

/// Puts something in the place of a file of the system that nobody, or only root, can read.
type Spoil = fn(&Namespace, &str) -> Result<(), Why>;

const SPOILED: &[(&str, Spoil)] = &[
    ("mode 000", |host, name| {
        fs::write(host.etc(name), "# a comment\n")?;
        fs::set_permissions(host.etc(name), Permissions::from_mode(0o000))?;
        Ok(())
    }),
    ("longer than the limit", |host, name| {
        File::create(host.etc(name))?.set_len((16 << 20) + 1)?;
        Ok(())
    }),
    ("a pipe without a writer", |host, name| {
        fs::remove_file(host.etc(name))?;
        host.run("mkfifo", &[&host.etc(name).display().to_string()])?;
        host.run("chmod", &["644", &host.etc(name).display().to_string()])?;
        Ok(())
    }),
];

/// Returns a host with files of its own.
fn host(name: &str) -> Result<Namespace, Why> {
    let mut host = Namespace::new(name)?;
    host.overlay_etc(&[
        ("services", "sip 5060/udp\n"),
        ("hosts", "127.0.0.1 localhost\n"),
        ("resolv.conf", "nameserver 127.0.0.2\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ])?;
    Ok(host)
}

/// Returns the first event of a run that has this name.
fn first(run: &Udpair, name: &str) -> Result<Value, Why> {
    let event = run.events_named(name)?.into_iter().next();
    Ok(event.ok_or_else(|| run.unlike(name))?)
}

/// Returns a step of a run.
fn step(run: &Udpair, index: usize) -> Result<Value, Why> {
    let steps = run.events_named("step")?;
    Ok(steps
        .get(index)
        .cloned()
        .ok_or_else(|| run.unlike("a step"))?)
}

/// Checks that a run failed because a file cannot be read, and returns its message.
fn names_file(run: &Udpair, path: &str) -> Result<String, Why> {
    let error = first(run, "error")?;
    let message = error["message"].as_str().unwrap_or_default().to_owned();
    check(message.contains(path), || run.unlike(path))?;
    let kind = error["kind"].as_str().unwrap_or_default();
    check(["permission-denied", "io"].contains(&kind), || {
        run.unlike("the kind of the system's error")
    })?;
    Ok(message)
}

/// SVC-10: no other port is taken from the table, and no SRV record is queried.
fn services(_: &Lan) -> Result<String, Why> {
    let mut seen = Vec::new();
    for (what, spoil) in SPOILED {
        let host = host("services")?;
        let server = host.enter(|| UdpSocket::bind("127.0.0.2:53"))??;
        spoil(&host, "services")?;
        for arguments in [
            &["resolve", "127.0.0.1", "ntp"] as &[_],
            &["ask", "x.test", "ntp"],
            &["connect", "localhost", "sip"],
            &["send", "127.0.0.1", "7", "--local", ":sip"],
            &["listen", "sip"],
            &["services"],
            &["services", "ntp"],
        ] {
            let flags = ["--json", "--timeout", "300ms"];
            let run = host.udpair_without_privileges(&[arguments, &flags].concat())?;
            let message =
                names_file(&run, "/etc/services").map_err(|why| format!("{what}: {why}"))?;
            seen.push(message);
        }
        let run = host.udpair_without_privileges(&["resolve", "127.0.0.1", "7", "--json"])?;
        run.has_code(0)?;
        not_queried(&host, &server)?;
    }
    seen.dedup();
    Ok(format!("{} different errors", seen.len()))
}

/// Checks that a name server has received nothing, by a datagram that would have come later.
fn not_queried(host: &Namespace, server: &UdpSocket) -> Result<(), Why> {
    let at = server.local_addr()?;
    host.enter(|| UdpSocket::bind("127.0.0.1:0")?.send_to(b"fence", at))??;
    let mut buffer = [0; 512];
    let (length, _) = server.recv_from(&mut buffer)?;
    check(&buffer[..length] == b"fence", || {
        format!("{at} was queried: {:?}", &buffer[..length])
    })?;
    Ok(())
}

/// SRV-08: the server of this machine is not queried in the place of those that are listed.
fn name_servers(_: &Lan) -> Result<String, Why> {
    for (what, spoil) in SPOILED {
        let host = host("servers")?;
        let server = host.enter(|| UdpSocket::bind("127.0.0.1:53"))??;
        spoil(&host, "resolv.conf")?;
        for command in ["resolve", "ask", "connect", "send"] {
            let arguments = [command, "x.test", "stun", "--json", "--timeout", "300ms"];
            let run = host.udpair_without_privileges(&arguments)?;
            names_file(&run, "/etc/resolv.conf").map_err(|why| format!("{what}: {why}"))?;
        }
        let arguments = [
            "resolve",
            "x.test",
            "stun",
            "--explain",
            "--timeout",
            "300ms",
        ];
        let run = host.udpair_without_privileges(&arguments)?;
        check(
            run.stdout.contains("cannot read the file /etc/resolv.conf"),
            || run.unlike("a step that names the file"),
        )?;
        not_queried(&host, &server)?;
    }
    // The system's resolver queries 127.0.0.1 in this case, which is said at least.
    let host = host("servers")?;
    let (_, spoil) = SPOILED[0];
    spoil(&host, "resolv.conf")?;
    let arguments = ["resolve", "x.test", "7", "--json", "--explain"];
    let run = host.udpair_without_privileges(&arguments)?;
    run.has_code(5)?;
    let notes = step(&run, 1)?["notes"].to_string();
    let advice = first(&run, "error")?["advice"].to_string();
    for text in [notes, advice] {
        check(text.contains("/etc/resolv.conf"), || {
            run.unlike("the name of the file")
        })?;
    }
    Ok("an error each, and no query to 127.0.0.1".into())
}

/// HOST-20: the dot at the end of a name makes the command read the file itself.
fn hosts(_: &Lan) -> Result<String, Why> {
    for (what, spoil) in SPOILED {
        let host = host("hosts")?;
        spoil(&host, "hosts")?;
        for command in ["resolve", "ask"] {
            let arguments = [command, "x.test.", "7", "--json", "--timeout", "300ms"];
            let run = host.udpair_without_privileges(&arguments)?;
            names_file(&run, "/etc/hosts").map_err(|why| format!("{what}: {why}"))?;
        }
    }
    Ok("an error each".into())
}

/// SVC-07, HOST-20, SRV-08: marks of editors, line ends, and adapters that are not there.
fn rows(_: &Lan) -> Result<String, Why> {
    let mut host = Namespace::new("rows")?;
    host.overlay_etc(&[
        ("services", "\u{feff}sip 5060/udp\r\nother 5061/udp\r\n"),
        (
            "hosts",
            "\u{feff}127.0.0.9 h.test\r\nfe80::1%gone h.test\r\nfe80::1%gone only.test\r\n\
             127.0.0.8 twice.test\n127.0.0.8 twice.test\n::ffff:127.0.0.7 mapped.test\n",
        ),
        (
            "resolv.conf",
            "\u{feff}nameserver fe80::1%gone\r\nnameserver 127.1\r\n",
        ),
        ("nsswitch.conf", "hosts: files\n"),
    ])?;
    let run = host.udpair(&["resolve", "h.test.", "sip", "--json"])?;
    run.has_code(0)?;
    let pair = first(&run, "endpoint-pair")?;
    check(pair["remote"] == "127.0.0.9:5060", || {
        run.unlike("127.0.0.9:5060")
    })?;
    // HOST-21, SRV-11: also by the system's resolver, which is asked for a name without a dot at
    // its end.
    for name in ["twice.test", "twice.test.", "mapped.test", "mapped.test."] {
        let run = host.udpair(&["resolve", name, "7", "--json"])?;
        run.has_code(0)?;
        let pairs = run.events_named("endpoint-pair")?;
        let remotes: Vec<_> = pairs
            .iter()
            .filter_map(|pair| pair["remote"].as_str())
            .collect();
        let expected = if name.starts_with("twice") {
            "127.0.0.8:7"
        } else {
            "127.0.0.7:7"
        };
        check(remotes == [expected], || run.unlike(expected))?;
    }
    // The rows of this name cannot be used, so that the next source says that it does not exist.
    let run = host.udpair(&["resolve", "only.test.", "sip", "--json"])?;
    run.has_code(3)?;
    let run = host.udpair(&["resolve", "x.test", "stun", "--json", "--explain"])?;
    run.has_code(5)?;
    let step = step(&run, 1)?;
    check(step["queries"][0]["server"] == "127.0.0.1:53", || {
        run.unlike("a query to 127.0.0.1")
    })?;
    let notes = step["notes"].to_string();
    check(notes.contains("gone"), || {
        run.unlike("a note about the other server")
    })?;
    // With no row that can be used, no server is queried in their place.
    let server = host.enter(|| UdpSocket::bind("127.0.0.1:53"))??;
    fs::write(host.etc("resolv.conf"), "nameserver fe80::1%gone\n")?;
    let run = host.udpair(&["resolve", "x.test", "stun", "--json"])?;
    run.has_code(5)?;
    let message = first(&run, "error")?["message"].to_string();
    check(
        message.contains("/etc/resolv.conf") && message.contains("gone"),
        || run.unlike("the file and the adapter"),
    )?;
    not_queried(&host, &server)?;
    Ok(message)
}

/// Deletes the cable between `home` and `one`, and makes it again.
fn create_again(lan: &Lan) -> Result<(Adapter, Adapter), Why> {
    let e0 = || lan.on(&lan.home, async || adapter("e0"));
    let before = e0()?;
    lan.home.ip(&["link", "delete", "e0"])?;
    cable((&lan.home, "e0", E0), (&lan.one, "o0", O0))?;
    lan.until_running(&lan.home, "e0")?;
    let after = e0()?;
    check(before.index != after.index, || "the index stayed".into())?;
    Ok((before, after))
}

/// HOST-10: names that a program keeps, and rows of a file that it has read.
fn created_again(lan: &Lan) -> Result<String, Why> {
    let folder = Folder::new("zones")?;
    let hosts = folder.write("hosts", "fe80::2%e0 neighbour.test\n")?;
    let resolver = Resolver::builder()
        .dns_servers([])
        .hosts_file(hosts)
        .build();
    let host: HostName = "fe80::2%e0".parse()?;
    let remote = endpoint("[fe80::2%e0]:7")?;
    let named = endpoint("neighbour.test:7")?;
    let local = endpoint("[fe80::1%e0]:0")?;
    let mut seen = Vec::new();
    for _ in 0..3 {
        lan.on(&lan.home, async || {
            let index = adapter("e0")?.index;
            let expected: SocketAddr = format!("[fe80::2%{index}]:7").parse()?;
            let found = host.socket_addr(7).ok_or("no address")??;
            check(found == expected, || format!("host name: {found}"))?;
            for remote in [&remote, &named] {
                let resolution = resolver.resolve(remote).await;
                let found = resolution.candidates()?[0].address;
                check(found == expected, || format!("{remote}: {found}"))?;
            }
            let builder = DatagramSocket::builder().resolver(&resolver);
            let socket = builder.bind(&local).await?;
            let output = socket.output_to(&remote).await?;
            output.write(b"over the new cable").await?;
            seen.push(index.to_string());
            Ok(())
        })?;
        create_again(lan)?;
    }
    // A socket that outlives the adapter still finds it by its name.
    let socket = lan.on(&lan.home, async || {
        Ok(DatagramSocket::builder()
            .resolver(&resolver)
            .bind(&Endpoint::any(0.into()))
            .await?)
    })?;
    let (_, after) = create_again(lan)?;
    let peer = lan.peer(&lan.one, "[::]:0")?;
    let port = peer.local_addr()?.port();
    let received = lan.on(&lan.home, async || {
        let remote = endpoint(&format!("[fe80::2%e0]:{port}"))?;
        socket.output_to(&remote).await?.write(b"hello").await?;
        let mut buffer = [0; 16];
        let (length, _) = peer.recv_from(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    })?;
    check(received == "hello", || received)?;
    Ok(format!("e0 was {} and {}", seen.join(", "), after.index))
}

/// HOST-10, MCG-07: a group that was joined on an adapter by name.
fn group(lan: &Lan) -> Result<String, Why> {
    let (socket, index) = lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder().bind(&endpoint("[::]:0")?).await?;
        let joined = socket.join_multicast(&"ff02::80%e0".parse()?).await?;
        check(joined.len() == 1 && joined[0].adapter.name == "e0", || {
            format!("{joined:?}")
        })?;
        Ok((socket, joined[0].adapter.index))
    })?;
    let mut seen = vec![index.to_string()];
    for _ in 0..2 {
        lan.home.ip(&["link", "delete", "e0"])?;
        lan.on(&lan.home, async || change(&socket, false, false).await)?;
        cable((&lan.home, "e0", E0), (&lan.one, "o0", O0))?;
        lan.on(&lan.home, async || {
            let event = change(&socket, true, false).await?;
            seen.push(format!("{} {event}", adapter("e0")?.index));
            Ok(())
        })?;
    }
    Ok(seen.join(", "))
}
