//! Peers, name servers and temporary files for the tests.

#[cfg(feature = "dns")]
pub(crate) mod dns;
#[cfg(feature = "dns")]
pub(crate) mod made_up_answers;

use std::fs;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use udpair::{Builder, DatagramSocket, Endpoint, EndpointPair, Engine, engines};

/// A peer of the socket under test: a socket of the standard library, on loopback.
#[derive(Debug)]
pub(crate) struct Peer(UdpSocket);

impl Peer {
    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1:0")
    }

    pub(crate) fn at(address: &str) -> Self {
        let socket = UdpSocket::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self(socket)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) fn pair(&self) -> EndpointPair {
        self.addr().into()
    }

    pub(crate) fn send(&self, payload: &[u8], to: SocketAddr) {
        self.0.send_to(payload, to).unwrap();
    }

    pub(crate) fn recv(&self) -> (Vec<u8>, SocketAddr) {
        let mut buffer = vec![0; 65_535];
        let (length, from) = self.0.recv_from(&mut buffer).expect("a datagram in time");
        buffer.truncate(length);
        (buffer, from)
    }

    /// Joins an IPv4 group on loopback.
    pub(crate) fn join(&self, group: Ipv4Addr) {
        self.0
            .join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
            .unwrap();
    }
}

/// Returns a port that no socket is bound to, and that the system gives to none: ports that it
/// chooses by itself come from a range of their own. The port of a socket that was closed would not
/// do, because the system may give it to a socket of another test at once.
pub(crate) fn unused_port() -> u16 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let is_unused = |port: &u16| {
        let any = [IpAddr::from([0; 4]), IpAddr::from([0; 16])];
        any.iter().all(|ip| UdpSocket::bind((*ip, *port)).is_ok())
    };
    // Processes that run at the same time start at different ports.
    let first = u64::from(process::id()) * 37;
    (0..UNUSED_PORTS)
        .map(|_| (first + COUNT.fetch_add(1, Ordering::Relaxed)) % UNUSED_PORTS)
        .map(|number| u16::try_from(20_000 + number).unwrap())
        .find(is_unused)
        .expect("a port without a socket")
}

/// Returns an address of this machine at which nobody receives.
pub(crate) fn unused_addr() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, unused_port()).into()
}

/// The number of ports from 20,000 on. The range of the system begins above them
/// (`ip_local_port_range`, ip(7): 32,768).
const UNUSED_PORTS: u64 = 10_000;

/// Returns a builder for each engine of this build, with and without receive offload where the
/// engine supports it.
pub(crate) fn builders() -> impl Iterator<Item = (&'static dyn Engine, Builder)> {
    engines().iter().flat_map(|engine| {
        let offload = engine.capabilities().receive_offload;
        let choices = if offload {
            &[true, false] as &[_]
        } else {
            &[false]
        };
        choices.iter().map(|offload| {
            let builder = DatagramSocket::builder().engine(*engine);
            (*engine, builder.receive_offload(*offload))
        })
    })
}

/// Awaits `future`, which completes by itself. The timeout only bounds a hang.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .expect("the future did not complete in time")
}

pub(crate) fn endpoint(text: &str) -> Endpoint {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Returns the address at which loopback peers reach a socket that is bound to all addresses.
pub(crate) fn loopback(socket: &DatagramSocket) -> SocketAddr {
    let port = socket.local_addr().expect("an open socket").port();
    SocketAddr::new("127.0.0.1".parse().unwrap(), port)
}

/// A temporary file, which is removed when the value is dropped.
#[derive(Debug)]
pub(crate) struct TempFile(PathBuf);

impl TempFile {
    pub(crate) fn new(content: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("udpair-test-{}-{number}", process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, content: &str) {
        fs::write(&self.0, content).unwrap();
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// How long to wait for an event that occurs at once on an idle machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);
