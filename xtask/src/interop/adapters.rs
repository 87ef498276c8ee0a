//! Adapters that appear and vanish: reported by `udpair adapters`, and bound by sockets.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use udpair::{Adapter, DatagramSocket, Endpoint, ErrorKind, SocketErrorStatus};

use super::daemon::{Daemon, Folder};
use super::namespace::Namespace;
use super::suite::{Suite, check, passed};
use super::udpair::program;

pub(crate) const SUITE: Suite = Suite {
    name: "adapters that appear and vanish, in network namespaces",
    needs: &[("ip", "iproute2"), ("kill", "procps")],
    needs_root: true,
    cases,
};

/// A host, and a second host at the far ends of its cables.
struct Hosts {
    near: Namespace,
    far: Namespace,
}

/// A case. It returns what it saw, or why it failed.
type Case = fn(&Hosts) -> Result<String, String>;

fn cases() -> Result<(), String> {
    let hosts = Hosts {
        near: Namespace::new("adapters")?,
        far: Namespace::new("cables")?,
    };
    let cases: &[(&str, Case)] = &[
        ("the properties of an adapter", description),
        ("the identity of an adapter", identity),
        ("every change of an adapter is reported", changes),
        ("changes at the same time are reported together", together),
        ("a watch that was suspended misses nothing", overrun),
        ("several networks in one process", namespaces),
        ("sockets on listed adapters", bound),
        ("sockets on adapters that no longer exist", vanished),
    ];
    for (name, case) in cases {
        let seen = case(&hosts).map_err(|why| format!("{name}: {why}"))?;
        passed(name, &seen);
    }
    Ok(())
}

impl Hosts {
    /// Adds a cable: an adapter that is switched off, with this index and a hardware address made
    /// from it.
    fn plug(&self, name: &str, index: u32) -> Result<(), String> {
        let number = index.to_string();
        let hardware = format!("02:00:00:00:00:{index:02x}");
        let far = format!("far-{name}");
        self.near.ip(&[
            "link",
            "add",
            name,
            "index",
            &number,
            "address",
            &hardware,
            "type",
            "veth",
            "peer",
            "name",
            &far,
            "netns",
            &self.far.name,
        ])?;
        self.far.ip(&["link", "set", &far, "up"])
    }

    fn unplug(&self, name: &str) -> Result<(), String> {
        self.near.ip(&["link", "delete", name])
    }

    /// Runs many `ip` commands as one batch.
    fn batch(&self, commands: &str) -> Result<(), String> {
        let folder = Folder::new("ip-batch")?;
        let file = folder.write("commands", commands)?;
        self.near.ip(&["-batch", &file])
    }

    fn listed(&self, name: &str) -> Result<Value, String> {
        let run = self.near.udpair(&["adapters", "--json"])?;
        run.has_code(0)?;
        let mut adapters = run.events_named("adapter")?;
        adapters.retain(|adapter| adapter["name"] == name);
        check(adapters.len() == 1, || run.unlike(&format!("one {name}")))?;
        Ok(adapters.swap_remove(0))
    }

    /// Starts a watch. It reports every change that is made after this call.
    fn watch(&self) -> Result<Daemon, String> {
        let mut command = self.near.command(&program().display().to_string());
        command.args(["adapters", "--watch", "--json"]);
        Daemon::start("watch", &mut command, "\"event\":\"adapter\"")
    }
}

/// NET-06, NET-07, NET-08, NET-09
fn description(hosts: &Hosts) -> Result<String, String> {
    hosts.plug("v0", 70)?;
    let off = hosts.listed("v0")?;
    for (field, expected) in [
        ("index", Value::from(70)),
        ("type", 6.into()),
        ("kind", "ethernet".into()),
        ("mtu", 1500.into()),
        // Unknown for a link that is down.
        ("bits_per_second", Value::Null),
        ("up", false.into()),
        ("running", false.into()),
        ("reach", "none".into()),
    ] {
        check(off[field] == expected, || {
            format!("{field} is not {expected}: {off}")
        })?;
    }
    hosts.near.ip(&["link", "set", "v0", "up"])?;
    hosts
        .near
        .ip(&["address", "add", "10.78.0.1/24", "dev", "v0"])?;
    let private = hosts.listed("v0")?;
    hosts
        .near
        .ip(&["route", "add", "default", "via", "10.78.0.254"])?;
    let internet = hosts.listed("v0")?;
    for (event, reach) in [(&private, "private"), (&internet, "internet")] {
        check(event["reach"] == reach, || format!("not {reach}: {event}"))?;
        // The kernel reports this speed for every cable between namespaces.
        let is_expected = event["bits_per_second"] == 10_000_000_000_u64;
        check(is_expected, || format!("not 10 Gbit/s: {event}"))?;
        let address = &event["addresses"][0];
        let is_expected = address["address"] == "10.78.0.1" && address["prefix_length"] == 24;
        check(is_expected && event["running"] == true, || {
            format!("not up: {event}")
        })?;
    }
    hosts.unplug("v0")?;
    Ok(format!(
        "{}, {} bit/s, {} and {}",
        internet["kind"], internet["bits_per_second"], private["reach"], internet["reach"]
    ))
}

/// NET-06: a new adapter with the same name and hardware address has the same identity.
fn identity(hosts: &Hosts) -> Result<String, String> {
    let mut seen = Vec::new();
    for (name, commands) in [
        ("v0", ""),
        ("v0", ""),
        ("v1", ""),
        ("v0", "link set v0 address 02:00:00:00:00:99"),
    ] {
        hosts.plug(name, 71)?;
        hosts.batch(commands)?;
        let event = hosts.listed(name)?;
        seen.push(event["id"].as_str().unwrap_or_default().to_owned());
        hosts.unplug(name)?;
    }
    check(seen[0] == seen[1], || format!("not the same: {seen:?}"))?;
    for other in &seen[2..] {
        check(*other != seen[0], || format!("not distinguished: {seen:?}"))?;
    }
    Ok(seen.swap_remove(0))
}

/// NET-13
fn changes(hosts: &Hosts) -> Result<String, String> {
    let Hosts { near, far } = hosts;
    let mut watch = hosts.watch()?;
    let mut count = 0;
    let mut expect = |change: &str| {
        count += 1;
        watch.wait_for(&format!("\"event\":\"adapter-change\",\"change\":{change}"))
    };

    hosts.plug("v0", 72)?;
    expect(r#""appeared","name":"v0","index":72"#)?;
    near.ip(&["link", "set", "v0", "up"])?;
    expect(r#""link-up","name":"v0""#)?;

    near.ip(&["address", "add", "10.78.0.1/24", "dev", "v0"])?;
    expect(r#""address-added","name":"v0","index":72,"address":"10.78.0.1","prefix_length":24"#)?;
    near.ip(&["address", "add", "fd78::1/64", "dev", "v0", "nodad"])?;
    expect(r#""address-added","name":"v0","index":72,"address":"fd78::1","prefix_length":64"#)?;

    near.ip(&["route", "add", "default", "via", "10.78.0.254"])?;
    expect(r#""default-route","name":"v0","index":72,"family":"ipv4","gateway":"10.78.0.254""#)?;
    near.ip(&["route", "replace", "default", "via", "10.78.0.253"])?;
    expect(r#""default-route","name":"v0","index":72,"family":"ipv4","gateway":"10.78.0.253""#)?;
    near.ip(&["-6", "route", "add", "default", "via", "fd78::fe"])?;
    expect(r#""default-route","name":"v0","index":72,"family":"ipv6","gateway":"fd78::fe""#)?;
    // A second default route that is not used is not reported.
    near.ip(&[
        "route",
        "add",
        "default",
        "via",
        "10.78.0.252",
        "metric",
        "9",
    ])?;

    near.ip(&["link", "set", "v0", "mtu", "1400"])?;
    expect(r#""altered","name":"v0""#)?;
    // The other end of the cable is switched off.
    far.ip(&["link", "set", "far-v0", "down"])?;
    expect(r#""link-down","name":"v0""#)?;
    far.ip(&["link", "set", "far-v0", "up"])?;
    expect(r#""link-up","name":"v0""#)?;

    // The routes vanish with the last address. The kernel does not report that.
    near.ip(&["address", "delete", "10.78.0.1/24", "dev", "v0"])?;
    expect(r#""address-removed","name":"v0","index":72,"address":"10.78.0.1","prefix_length":24"#)?;
    expect(r#""default-route","name":null,"index":null,"family":"ipv4""#)?;
    near.ip(&["link", "set", "v0", "down"])?;
    expect(r#""link-down","name":"v0""#)?;
    expect(r#""default-route","name":null,"index":null,"family":"ipv6""#)?;

    near.ip(&["link", "set", "v0", "name", "v9"])?;
    expect(r#""altered","name":"v9","index":72,"renamed_from":"v0""#)?;
    hosts.unplug("v9")?;
    expect(r#""vanished","name":"v9","index":72"#)?;

    let log = watch.take_log().join("\n");
    let routes = log.matches("\"change\":\"default-route\"").count();
    check(routes == 5, || {
        format!("{routes} changes of route instead of 5:\n{log}")
    })?;
    Ok(format!("{count} changes, each reported when it was made"))
}

/// NET-13: an adapter that appears and vanishes within one update is not reported.
fn together(hosts: &Hosts) -> Result<String, String> {
    const ADAPTERS: u32 = 64;
    hosts.plug("v0", 73)?;
    let mut watch = hosts.watch()?;
    let begin = Instant::now();
    let mut commands = String::new();
    for number in 0..ADAPTERS {
        let _ = writeln!(
            commands,
            "link add many{number} type veth peer name other{number}"
        );
    }
    // Not reported, unless this machine is so slow that an update falls between the two.
    commands.push_str("link add brief type veth peer name fleeting\nlink delete brief\n");
    commands.push_str("link set v0 mtu 1300\n");
    hosts.batch(&commands)?;
    let made = begin.elapsed();
    let mut expected = expected_changes("appeared", "many", ADAPTERS);
    expected.push("\"altered\",\"name\":\"v0\"".into());
    let log = wait_for_all(&mut watch, expected)?;
    let brief = log.iter().find(|line| line.contains("\"brief\""));
    check(brief.is_none() || made > Duration::from_millis(200), || {
        format!("an adapter that vanished at once was reported: {brief:?}")
    })?;
    hosts.batch(&removals("many", ADAPTERS))?;
    wait_for_all(&mut watch, expected_changes("vanished", "many", ADAPTERS))?;
    hosts.unplug("v0")?;
    Ok(format!("{} adapters made in {made:.1?}", 2 * ADAPTERS))
}

/// NET-13: more changes than the kernel buffers for a listener.
fn overrun(hosts: &Hosts) -> Result<String, String> {
    // The size of the buffer is a setting of the machine (socket(7), `rmem_default`).
    const ADAPTERS_MAX: u32 = 2000;
    let mut watch = hosts.watch()?;
    watch.signal("-STOP")?;
    let (mut adapters, mut lost) = (0, Ok(0));
    while lost == Ok(0) && adapters < ADAPTERS_MAX {
        let mut commands = String::new();
        for number in adapters..adapters + 50 {
            let _ = writeln!(
                commands,
                "link add sleep{number} type veth peer name rest{number}"
            );
            let _ = writeln!(commands, "link set sleep{number} up");
        }
        lost = hosts.batch(&commands).and_then(|()| overruns(hosts));
        adapters += 50;
    }
    watch.signal("-CONT")?;
    let lost = lost?;
    check(lost > 0, || "the kernel dropped no message".into())?;
    wait_for_all(&mut watch, expected_changes("appeared", "sleep", adapters))?;
    hosts.batch(&removals("sleep", adapters))?;
    wait_for_all(&mut watch, expected_changes("vanished", "sleep", adapters))?;
    Ok(format!(
        "{} adapters reported, {lost} kernel messages lost",
        2 * adapters
    ))
}

/// Returns the reports for a change of `count` adapters, which are named `name` and a number.
fn expected_changes(change: &str, name: &str, count: u32) -> Vec<String> {
    let names = (0..count).map(|number| format!("\"{change}\",\"name\":\"{name}{number}\""));
    names.collect()
}

/// Returns the `ip` commands that delete those adapters.
fn removals(name: &str, count: u32) -> String {
    (0..count)
        .map(|number| format!("link delete {name}{number}\n"))
        .collect()
}

/// Waits until every part was reported, in any order, and returns the lines up to then.
fn wait_for_all(watch: &mut Daemon, mut parts: Vec<String>) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    while !parts.is_empty() {
        watch
            .wait_for("\"adapter-change\"")
            .map_err(|why| format!("{} are missing, {:?}: {why}", parts.len(), parts[0]))?;
        for line in watch.take_log() {
            parts.retain(|part| !line.contains(part.as_str()));
            lines.push(line);
        }
    }
    Ok(lines)
}

/// NET-13: a watch reports only the network namespace in which it was started.
fn namespaces(hosts: &Hosts) -> Result<String, String> {
    let start = |namespace: &Namespace| {
        // No runtime is running on this thread, so the background runtime serves both watches.
        let watch = namespace.enter(udpair::watch_adapters)?;
        watch.map_err(|error| error.to_string())
    };
    let mut watches = [start(&hosts.near)?, start(&hosts.far)?];
    hosts.plug("v0", 77)?;
    let mut seen = Vec::new();
    for watch in &mut watches {
        let update = block_on(watch.changed())?;
        let names = update.network.adapters.iter().map(|a| a.name.as_str());
        seen.push(names.collect::<Vec<_>>().join(" and "));
    }
    check(seen == ["lo and v0", "lo and far-v0"], || {
        format!("{seen:?}")
    })?;
    hosts.unplug("v0")?;
    Ok(seen.join("; "))
}

/// Returns how many kernel messages were dropped because a buffer was full (proc(5),
/// `net/netlink`).
fn overruns(hosts: &Hosts) -> Result<u64, String> {
    let table = hosts
        .near
        .enter(|| std::fs::read_to_string("/proc/thread-self/net/netlink"))?;
    let table = table.map_err(|error| format!("cannot read the netlink sockets: {error}"))?;
    // The columns are sk, Eth, Pid, Groups, Rmem, Wmem, Dump, Locks, Drops, Inode.
    let drops = table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(8));
    Ok(drops.filter_map(|drops| drops.parse::<u64>().ok()).sum())
}

/// NET-03: a socket can be bound to every listed address, including link-local addresses.
fn bound(hosts: &Hosts) -> Result<String, String> {
    hosts.plug("v0", 74)?;
    hosts.batch(
        "address add 10.78.0.1/24 dev v0\naddress add fd78::1/64 dev v0 nodad\n\
         address add fe80::78/64 dev v0 nodad\nlink set v0 addrgenmode none\nlink set v0 up\n",
    )?;
    let seen = hosts.near.enter(|| {
        block_on(async {
            let mut seen = Vec::new();
            for name in udpair::host_names()? {
                let Some(information) = &name.ip else {
                    continue;
                };
                let local = Endpoint::new(Some(name.host.clone()), 0.into());
                let builder = DatagramSocket::builder();
                let socket = builder.bind(&local).await?;
                builder.bind_on(&information.adapter, &0.into()).await?;
                seen.extend(socket.local_addr().map(|address| address.ip().to_string()));
            }
            Ok(seen)
        })
    })??;
    check(seen == ["10.78.0.1", "fd78::1", "fe80::78"], || {
        format!("bound to {seen:?}")
    })?;
    hosts.unplug("v0")?;
    Ok(seen.join(", "))
}

/// NET-14: a socket cannot be bound to an adapter that was deleted, even if another one has
/// replaced it.
fn vanished(hosts: &Hosts) -> Result<String, String> {
    hosts.plug("v0", 75)?;
    let adapters = hosts.near.enter(udpair::adapters)?;
    let adapters = adapters.map_err(|error| error.to_string())?;
    let adapter = adapters.iter().find(|adapter| adapter.name == "v0");
    let adapter = adapter.ok_or("v0 is not listed")?;
    hosts
        .near
        .enter(|| bind_on(adapter))??
        .map_err(|why| format!("while the adapter exists: {why}"))?;

    hosts.unplug("v0")?;
    let mut messages = Vec::new();
    for is_replaced in [false, true] {
        if is_replaced {
            hosts.plug("v0", 76)?;
        }
        let error = match hosts.near.enter(|| bind_on(adapter))?? {
            Ok(()) => {
                return Err(format!(
                    "bound to a deleted adapter; replaced: {is_replaced}"
                ));
            }
            Err(error) => error,
        };
        let is_expected = error.kind() == ErrorKind::AddressNotAvailable
            && error.status() == SocketErrorStatus::CannotAssignRequestedAddress;
        check(is_expected, || format!("{error:?}"))?;
        messages.push(error.to_string());
    }
    hosts.unplug("v0")?;
    Ok(messages.swap_remove(0))
}

/// Binds a socket to an adapter, and returns the result.
fn bind_on(adapter: &Adapter) -> Result<Result<(), udpair::Error>, String> {
    block_on(async {
        let socket = DatagramSocket::builder().bind_on(adapter, &0.into()).await;
        Ok(socket.map(drop))
    })
}

/// Runs `work` in a runtime on this thread, so that its sockets belong to the thread's namespace.
fn block_on<T>(work: impl Future<Output = Result<T, udpair::Error>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    runtime.block_on(work).map_err(|error| error.to_string())
}
