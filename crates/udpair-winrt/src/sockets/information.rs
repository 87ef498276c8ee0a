//! `DatagramSocketInformation`: the addresses and ports of a socket.

use std::net::SocketAddr;

use super::core::WeakCore;
use crate::networking::HostName;

/// The addresses and ports of a socket. Reading them never fails: of a socket that is not open, the
/// addresses are `None` and the ports are empty (INF-01).
#[derive(Clone, Debug)]
pub struct DatagramSocketInformation(pub(super) WeakCore);

impl DatagramSocketInformation {
    /// Returns the local address; the unspecified one until the socket is connected, if it is bound
    /// to all addresses (INF-03).
    pub fn local_address(&self) -> Option<HostName> {
        self.local().map(HostName::from)
    }

    /// Returns the local port in decimal digits (INF-02).
    pub fn local_port(&self) -> String {
        port(self.local())
    }

    /// Returns the address of the peer; `None` unless the socket is connected (INF-04).
    pub fn remote_address(&self) -> Option<HostName> {
        self.remote().map(HostName::from)
    }

    /// Returns the port of the peer in decimal digits; empty unless the socket is connected.
    pub fn remote_port(&self) -> String {
        port(self.remote())
    }

    fn local(&self) -> Option<SocketAddr> {
        self.0.upgrade()?.socket.local_addr()
    }

    fn remote(&self) -> Option<SocketAddr> {
        self.0.upgrade()?.socket.peer_addr()
    }
}

fn port(address: Option<SocketAddr>) -> String {
    address.map_or_else(String::new, |address| address.port().to_string())
}
