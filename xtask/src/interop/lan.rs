//! A host on two segments, a neighbour on each, and a host behind a router.
//!
//! ```text
//! one o0 --- e0 home e1 --- t0 two t1 --- f0 far
//! ```
//!
//! `two` is the router. Both cables of `home` have the same link-local addresses at their ends.

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::runtime::Runtime;
use udpair::{Adapter, DatagramSocket, Endpoint, Event, Message};

use super::namespace::{Namespace, cable};
use super::suite::passed;

/// The hosts of the network, and a runtime for work on them.
pub(super) struct Lan {
    pub(super) home: Namespace,
    pub(super) one: Namespace,
    pub(super) two: Namespace,
    pub(super) far: Namespace,
    runtime: Runtime,
}

/// Why a case failed.
pub(super) type Why = Box<dyn Error + Send + Sync>;

/// A case. It returns what it saw, or why it failed.
pub(super) type Case = fn(&Lan) -> Result<String, Why>;

/// The addresses of `home` on each of its adapters.
pub(super) const E0: &[&str] = &[
    "10.80.1.1/24",
    "10.80.1.11/24",
    "fd80:1::1/64",
    "fd80:1::11/64",
    "fe80::1/64",
];
const E1: &[&str] = &["10.80.2.1/24", "fd80:2::1/64", "fe80::1/64"];
/// The addresses of the neighbours.
pub(super) const O0: &[&str] = &[
    "10.80.1.2/24",
    "10.80.1.3/24",
    "fd80:1::2/64",
    "fd80:1::3/64",
    "fe80::2/64",
];
const T0: &[&str] = &["10.80.2.2/24", "fd80:2::2/64", "fe80::2/64"];

impl Lan {
    pub(super) fn build(name: &str) -> Result<Self, Why> {
        let new = |host: &str| Namespace::new(&format!("{name}-{host}"));
        let (home, one, two, far) = (new("home")?, new("one")?, new("two")?, new("far")?);
        cable((&home, "e0", E0), (&one, "o0", O0))?;
        cable((&home, "e1", E1), (&two, "t0", T0))?;
        cable(
            (&two, "t1", &["10.80.3.254/24", "fd80:3::fe/64"]),
            (&far, "f0", &["10.80.3.9/24", "fd80:3::9/64"]),
        )?;
        for option in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
            two.run("sysctl", &["-q", "-w", option])?;
        }
        // No limit on ICMP errors: the kernel limits only the types in these masks.
        for option in ["net.ipv4.icmp_ratemask=0", "net.ipv6.icmp.ratemask=255"] {
            for host in [&one, &two, &far] {
                host.run("sysctl", &["-q", "-w", option])?;
            }
        }
        home.ip(&["route", "add", "10.80.0.0/16", "via", "10.80.2.2"])?;
        home.ip(&["route", "add", "fd80::/16", "via", "fd80:2::2"])?;
        one.ip(&["route", "add", "default", "via", "10.80.1.1"])?;
        one.ip(&["route", "add", "fd80::/16", "via", "fd80:1::1"])?;
        two.ip(&["route", "add", "10.80.1.0/24", "via", "10.80.2.1"])?;
        two.ip(&["route", "add", "fd80:1::/64", "via", "fd80:2::1"])?;
        far.ip(&["route", "add", "10.80.0.0/16", "via", "10.80.3.254"])?;
        far.ip(&["route", "add", "fd80::/16", "via", "fd80:3::fe"])?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let lan = Self {
            home,
            one,
            two,
            far,
            runtime,
        };
        for (host, name) in [
            (&lan.home, "e0"),
            (&lan.home, "e1"),
            (&lan.one, "o0"),
            (&lan.two, "t0"),
            (&lan.two, "t1"),
            (&lan.far, "f0"),
        ] {
            lan.until_running(host, name)?;
        }
        Ok(lan)
    }

    /// Waits until an adapter is running, which the kernel may notice a second late.
    pub(super) fn until_running(&self, host: &Namespace, name: &str) -> Result<(), Why> {
        self.on(host, async || {
            let mut watch = udpair::watch_adapters()?;
            while !adapter(name)?.is_running {
                watch.changed().await?;
            }
            Ok(())
        })
    }

    /// Builds a network for these cases, and runs them.
    pub(super) fn run_all(name: &str, cases: &[(&str, Case)]) -> Result<(), String> {
        let describe = |why: Why| {
            let mut text = why.to_string();
            let mut source = why.source();
            while let Some(cause) = source {
                text.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            text
        };
        let lan = Self::build(name).map_err(describe)?;
        for (name, case) in cases {
            let seen = case(&lan).map_err(|why| format!("{name}: {}", describe(why)))?;
            passed(name, &seen);
        }
        Ok(())
    }

    /// Runs `work` on a host. Sockets that it opens stay on this host, and can be used from any
    /// other.
    pub(super) fn on<T: Send>(
        &self,
        host: &Namespace,
        work: impl AsyncFnOnce() -> Result<T, Why> + Send,
    ) -> Result<T, Why> {
        host.enter(|| {
            self.runtime.block_on(async {
                tokio::time::timeout(TIMEOUT, work())
                    .await
                    .unwrap_or_else(|_| Err("timed out".into()))
            })
        })?
    }

    /// Opens a socket of the standard library on a host: a peer that does not use udpair.
    pub(super) fn peer(&self, host: &Namespace, at: &str) -> Result<UdpSocket, Why> {
        let socket = host.enter(|| UdpSocket::bind(at))??;
        socket.set_read_timeout(Some(TIMEOUT))?;
        Ok(socket)
    }
}

/// Returns the adapter of this thread's namespace with that name.
pub(super) fn adapter(name: &str) -> Result<Adapter, Why> {
    let adapters = udpair::adapters()?;
    let found = adapters.into_iter().find(|adapter| adapter.name == name);
    Ok(found.ok_or_else(|| format!("there is no adapter {name}"))?)
}

pub(super) fn endpoint(text: &str) -> Result<Endpoint, Why> {
    Ok(text.parse()?)
}

pub(super) fn port(socket: &DatagramSocket) -> u16 {
    socket.local_addr().map_or(0, |local| local.port())
}

/// Returns the next datagram that a peer receives, and its sender.
pub(super) fn receive(peer: &UdpSocket) -> Result<(String, SocketAddr), Why> {
    let mut buffer = [0; 65_535];
    let (length, from) = peer.recv_from(&mut buffer)?;
    Ok((
        String::from_utf8_lossy(&buffer[..length]).into_owned(),
        from,
    ))
}

pub(super) fn text(message: &Message) -> String {
    String::from_utf8_lossy(message.payload()).into_owned()
}

/// Waits until a group is joined or left on an adapter, and returns the event as text.
pub(super) async fn change(
    socket: &DatagramSocket,
    is_member: bool,
    is_ipv4: bool,
) -> Result<String, Why> {
    loop {
        if let Event::MembershipChanged(change) = socket.next_event().await?
            && change.group.is_ipv4() == is_ipv4
            && change.is_member == is_member
        {
            let verb = if is_member { "joined" } else { "left" };
            return Ok(format!("{} {verb}", change.group));
        }
    }
}

pub(super) const TIMEOUT: Duration = Duration::from_secs(20);
