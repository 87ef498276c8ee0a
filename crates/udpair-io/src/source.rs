//! The local address from which this machine would reach another one.
//!
//! A scratch socket is connected to the destination, and its local address is read. Nothing is
//! sent. (RFC 6724, section 8 leaves it to the system how a source address is found.)

use std::io;
use std::net::SocketAddr;

use crate::socket::{Family, Socket, plain};
use crate::system;

/// Returns the address that this machine would send from to reach `destination`.
///
/// # Errors
///
/// The system's own: there is no route.
pub fn source_address(destination: SocketAddr) -> io::Result<SocketAddr> {
    SourceProbe::default().source_address(destination)
}

/// A probe for the source addresses of many destinations, with one socket where possible.
#[derive(Debug, Default)]
pub struct SourceProbe {
    /// The socket of the last call, if that call succeeded. After a failed call the socket would
    /// keep its port and its family.
    scratch: Option<Socket>,
}

impl SourceProbe {
    /// Returns the address that this machine would send from to reach `destination`.
    ///
    /// # Errors
    ///
    /// The system's own: there is no route.
    pub fn source_address(&mut self, destination: SocketAddr) -> io::Result<SocketAddr> {
        let destination = plain(destination);
        // Without disconnecting, the socket would keep the local address of the last call.
        let free = self
            .scratch
            .take()
            .filter(|scratch| scratch.supports(destination) && system::disconnect(scratch).is_ok());
        let scratch = match free {
            Some(scratch) => scratch,
            // No standing options: the socket never sends.
            None => match Socket::bare(Family::Dual) {
                Ok(scratch) => scratch,
                // A machine without IPv6.
                Err(_) if destination.is_ipv4() => Socket::bare(Family::Ipv4)?,
                Err(error) => return Err(error),
            },
        };
        scratch.connect(destination)?;
        let source = scratch.local_addr()?;
        self.scratch = Some(scratch);
        Ok(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ADR-01
    #[test]
    fn the_source_address_of_a_loopback_destination_is_loopback() {
        for (destination, expected) in [("127.0.0.1:9", "127.0.0.1"), ("[::1]:9", "::1")] {
            let source = source_address(destination.parse().unwrap()).unwrap();
            assert_eq!(source.ip().to_string(), expected);
        }
    }

    /// ADR-01: an earlier destination does not affect the result for the next.
    #[test]
    fn a_reused_probe_finds_the_same_addresses_as_new_probes() {
        let mut probe = SourceProbe::default();
        for destination in [
            "127.0.0.1:9",
            "[::1]:9",
            // Refused.
            "255.255.255.255:9",
            "[::ffff:127.0.0.1]:9",
            "127.0.0.2:9",
            "[::1]:9",
            "192.0.2.1:9",
            "[2001:db8::1]:9",
            "127.0.0.1:9",
        ] {
            let destination: SocketAddr = destination.parse().unwrap();
            let ip = |source: io::Result<SocketAddr>| {
                let source = source.map(|source| source.ip());
                source.map_err(|error| error.raw_os_error())
            };
            let found = ip(probe.source_address(destination));
            assert_eq!(found, ip(source_address(destination)), "{destination}");
        }
    }
}
