//! The status-changed event and the connection profiles of `udpair-winrt`, in a network namespace.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};

use udpair_winrt::network_information::{
    host_names, on_network_status_changed, remove_network_status_changed,
};
use udpair_winrt::{DatagramSocket, EventToken, HostName, NetworkAdapter};

use super::daemon::Folder;
use super::lan::{TIMEOUT, Why};
use super::namespace::Namespace;
use super::suite::{Suite, check, passed};

pub(crate) const SUITE: Suite = Suite {
    name: "the status-changed event, in a network namespace",
    needs: &[("ip", "iproute2"), ("sysctl", "procps")],
    needs_root: true,
    cases,
};

/// A case. It returns what it saw, or why it failed.
type Case = fn(&Host) -> Result<String, Why>;

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        ("several changes are one event", together),
        ("a handler that is removed", removed),
        ("a handler that removes itself", removes_itself),
        ("a handler that blocks", blocks),
        ("a registration after all were removed", again),
        ("a watch ends with its last handler", ends),
        ("the profile of an adapter", profile),
    ];
    for (name, case) in cases {
        let host = Host::new("status").map_err(|why| format!("{name}: {why}"))?;
        let seen = case(&host).map_err(|why| format!("{name}: {why}"))?;
        passed(name, &seen);
    }
    Ok(())
}

/// A host with one cable, `v0`, which is switched off and has no IPv6, so that nothing changes by
/// itself.
struct Host {
    near: Namespace,
    far: Namespace,
}

impl Host {
    fn new(name: &str) -> Result<Self, String> {
        let host = Self {
            near: Namespace::new(name)?,
            far: Namespace::new(&format!("{name}-far"))?,
        };
        host.near.ip(&[
            "link",
            "add",
            "v0",
            "type",
            "veth",
            "peer",
            "name",
            "far0",
            "netns",
            &host.far.name,
        ])?;
        let no_ipv6 = "net.ipv6.conf.v0.disable_ipv6=1";
        host.near.run("sysctl", &["-q", "-w", no_ipv6])?;
        Ok(host)
    }

    /// Changes the largest packet of the adapter, by which handlers tell one change from another.
    fn change(&self, mtu: u32) -> Result<(), String> {
        self.near
            .ip(&["link", "set", "v0", "mtu", &mtu.to_string()])
    }

    /// Registers a handler that sends what the adapter is like when it is called.
    fn register(&self) -> Result<(EventToken, Receiver<u32>), Why> {
        let (sender, seen) = mpsc::channel();
        let token = self.add(move || {
            let _ = sender.send(mtu());
        })?;
        Ok((token, seen))
    }

    /// Registers a handler for the changes of this host.
    fn add(&self, handler: impl FnMut() + Send + 'static) -> Result<EventToken, Why> {
        // The handler is called on another thread, which is in the namespace of the watch only if it
        // enters that.
        let path = format!("/run/netns/{}", self.near.name);
        let mut handler = handler;
        let inside = move || {
            let file = std::fs::File::open(&path).expect("the namespace exists");
            let entered = std::thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    let kind = Some(rustix::thread::LinkNameSpaceType::Network);
                    let file = std::os::fd::AsFd::as_fd(&file);
                    rustix::thread::move_into_link_name_space(file, kind).map(|()| handler())
                });
                thread.join()
            });
            entered.expect("the handler returns").expect("entered");
        };
        let token = self.near.enter(|| on_network_status_changed(inside))?;
        Ok(token?)
    }
}

/// Returns the largest packet of the adapter in the namespace of this thread; 0 without an adapter.
fn mtu() -> u32 {
    let adapters = udpair::adapters().unwrap_or_default();
    let adapter = adapters.iter().find(|adapter| adapter.name == "v0");
    adapter.and_then(|adapter| adapter.mtu).unwrap_or(0)
}

fn next(seen: &Receiver<u32>) -> Result<u32, Why> {
    Ok(seen
        .recv_timeout(TIMEOUT)
        .map_err(|why| format!("no event: {why}"))?)
}

fn expect(seen: &Receiver<u32>, expected: u32) -> Result<(), Why> {
    let found = next(seen)?;
    Ok(check(found == expected, || {
        format!("an event with {found} instead of {expected}")
    })?)
}

/// NET-13: changes of links and addresses within 250 ms raise the event once.
fn together(host: &Host) -> Result<String, Why> {
    let (token, seen) = host.register()?;
    let folder = Folder::new("status-batch")?;
    let mut commands = String::new();
    for number in 1..=20 {
        commands.push_str(&format!("address add 10.79.{number}.1/24 dev v0\n"));
        commands.push_str(&format!("link set v0 mtu {}\n", 1300 + number));
    }
    let file = folder.write("commands", &commands)?;
    host.near.ip(&["-batch", &file])?;
    expect(&seen, 1320)?;
    // Another event of the first changes would come before this one.
    for mtu in [1280, 1281] {
        host.change(mtu)?;
        expect(&seen, mtu)?;
    }
    remove_network_status_changed(token);
    check(
        matches!(
            seen.recv_timeout(TIMEOUT),
            Err(RecvTimeoutError::Disconnected)
        ),
        || "the handler was not dropped".into(),
    )?;
    Ok("40 changes, one event; a later change, another one".into())
}

/// NET-13: one of two handlers is removed between two changes; unknown tokens are ignored.
fn removed(host: &Host) -> Result<String, Why> {
    let (first, first_seen) = host.register()?;
    let (second, second_seen) = host.register()?;
    check(first != second, || "one token for two handlers".into())?;
    host.change(1300)?;
    expect(&first_seen, 1300)?;
    expect(&second_seen, 1300)?;
    remove_network_status_changed(first);
    remove_network_status_changed(first);
    host.change(1301)?;
    expect(&second_seen, 1301)?;
    let end = first_seen.recv_timeout(TIMEOUT);
    check(end == Err(RecvTimeoutError::Disconnected), || {
        format!("the handler that was removed: {end:?}")
    })?;
    remove_network_status_changed(second);
    Ok("the other one was called".into())
}

/// NET-13: a handler removes itself while it is called, and another one goes on.
fn removes_itself(host: &Host) -> Result<String, Why> {
    let own = Arc::new(Mutex::new(None::<EventToken>));
    let (sender, calls) = mpsc::channel();
    let remembered = own.clone();
    let token = host.add(move || {
        let token = remembered.lock().ok().and_then(|mut own| own.take());
        let _ = sender.send(token.is_some());
        token.into_iter().for_each(remove_network_status_changed);
    })?;
    *own.lock().map_err(|_| "poisoned")? = Some(token);
    let (other, seen) = host.register()?;
    for mtu in [1300, 1301, 1302] {
        host.change(mtu)?;
        expect(&seen, mtu)?;
    }
    let called: Vec<_> = calls.iter().collect();
    check(called == [true], || format!("called: {called:?}"))?;
    remove_network_status_changed(other);
    Ok("called once".into())
}

/// NET-13: while a handler blocks, sockets are served and handlers registered; what changes
/// meanwhile is the next event.
fn blocks(host: &Host) -> Result<String, Why> {
    let (release, released) = mpsc::channel::<()>();
    let (sender, seen) = mpsc::channel();
    let token = host.add(move || {
        let _ = sender.send(mtu());
        let _ = released.recv();
    })?;
    host.change(1300)?;
    expect(&seen, 1300)?;
    host.change(1301)?;
    let (other, other_seen) = host.register()?;
    socket_works()?;
    release.send(())?;
    expect(&seen, 1301)?;
    drop(release);
    expect(&other_seen, 1301)?;
    remove_network_status_changed(token);
    remove_network_status_changed(other);
    Ok("a socket worked meanwhile, and the later change was the next event".into())
}

/// Sends a datagram from a socket to itself, and waits for its event.
fn socket_works() -> Result<(), Why> {
    let loopback = HostName::new("127.0.0.1")?;
    let socket = DatagramSocket::new();
    let (sender, seen) = mpsc::channel();
    socket.on_message_received(move |_, _| {
        let _ = sender.send(());
    })?;
    socket.bind_endpoint(Some(&loopback), "").get()?;
    let port = socket.information().local_port();
    let stream = socket.output_stream_to(&loopback, &port).get()?;
    stream.write(&udpair_winrt::Buffer::copy_from(b"x")).get()?;
    Ok(seen.recv_timeout(TIMEOUT)?)
}

/// NET-13: after the last handler was removed, another one can be registered, and hears only of what
/// changes from then on.
fn again(host: &Host) -> Result<String, Why> {
    for round in 0..5 {
        let (token, seen) = host.register()?;
        host.change(1300 + round)?;
        expect(&seen, 1300 + round)?;
        remove_network_status_changed(token);
        host.change(1400 + round)?;
    }
    let (token, seen) = host.register()?;
    host.change(1280)?;
    expect(&seen, 1280)?;
    remove_network_status_changed(token);
    Ok("five times".into())
}

/// NET-13, CLS-01: without handlers nothing watches, and nothing keeps the namespace alive.
fn ends(_: &Host) -> Result<String, Why> {
    let other = Host::new("status-end")?;
    let (token, seen) = other.register()?;
    other.change(1300)?;
    expect(&seen, 1300)?;
    remove_network_status_changed(token);
    // The far end of the cable vanishes with the namespace.
    let Host { near, far } = other;
    far.enter(|| -> Result<(), Why> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut watch = udpair::watch_adapters()?;
            drop(near);
            let gone = async {
                let is_there = |watch: &udpair::AdapterWatch| {
                    let mut adapters = watch.network().adapters.iter();
                    adapters.any(|adapter| adapter.name == "far0")
                };
                while is_there(&watch) {
                    watch.changed().await?;
                }
                Ok::<_, udpair::Error>(())
            };
            let gone = tokio::time::timeout(TIMEOUT, gone).await;
            gone.map_err(|_| "the namespace is still there")??;
            Ok(())
        })
    })??;
    Ok("the namespace ended".into())
}

/// NET-10: an adapter has a profile as long as its cable has another end.
fn profile(host: &Host) -> Result<String, Why> {
    let Host { near, far } = host;
    near.ip(&["address", "add", "10.79.0.1/24", "dev", "v0"])?;
    near.ip(&["link", "set", "v0", "up"])?;
    let adapter = || -> Result<NetworkAdapter, Why> {
        let names = near.enter(host_names)??;
        let mut ips = names.iter().filter_map(HostName::ip_information);
        Ok(ips.next().ok_or("no address")?.network_adapter())
    };
    let profile = adapter()?.connected_profile().get()?;
    check(profile.is_none(), || format!("without a link: {profile:?}"))?;
    let (token, seen) = host.register()?;
    far.ip(&["link", "set", "far0", "up"])?;
    let profile = loop {
        next(&seen)?;
        if let Some(profile) = adapter()?.connected_profile().get()? {
            break profile;
        }
    };
    check(profile.profile_name() == "v0", || format!("{profile:?}"))?;
    check(profile.network_adapter() == Some(adapter()?), || {
        format!("another adapter: {profile:?}")
    })?;
    far.ip(&["link", "set", "far0", "down"])?;
    // The kernel tells that after a while.
    while adapter()?.connected_profile().get()?.is_some() {
        next(&seen)?;
    }
    remove_network_status_changed(token);
    Ok("none, v0, and none again".into())
}
