//! What the tests talk to: peers, name servers and files of their own.

pub(crate) mod dns;

use std::fs;
use std::future::Future;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use udpair::{Builder, DatagramSocket, Endpoint, EndpointPair, Engine, engines};

/// A peer that is not ours: a socket of the standard library, on loopback.
#[derive(Debug)]
pub(crate) struct Peer(UdpSocket);

impl Peer {
    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1:0")
    }

    pub(crate) fn at(address: &str) -> Self {
        let socket = UdpSocket::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
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

    /// Closes the peer and returns an address at which nobody listens any more.
    pub(crate) fn leave(self) -> SocketAddr {
        self.addr()
    }
}

/// A builder for each engine of this build, with and without what it leaves to the kernel.
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

/// Awaits `future`, which is expected to end by itself; only a hang is cut off.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("this ends by itself")
}

pub(crate) fn endpoint(text: &str) -> Endpoint {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The address of a socket bound to all addresses, as loopback peers see it.
pub(crate) fn loopback(socket: &DatagramSocket) -> SocketAddr {
    let port = socket.local_addr().expect("an open socket").port();
    SocketAddr::new("127.0.0.1".parse().unwrap(), port)
}

/// A file that is there as long as the value.
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

/// How long to wait for what happens at once on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
