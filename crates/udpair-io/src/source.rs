//! From which address this machine would reach another one.
//!
//! A scratch socket is connected and asked for its name; nothing is sent (RFC 6724, section 8 leaves
//! the way to find a source address to the system).

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

/// Asks for many source addresses with one socket, if it can.
#[derive(Debug, Default)]
pub struct SourceProbe {
    /// The socket of the last question, if that was answered: a refused one keeps its port and its family.
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
        // The address that it has from before would stay.
        let free = self
            .scratch
            .take()
            .filter(|scratch| scratch.supports(destination) && system::disconnect(scratch).is_ok());
        let scratch = match free {
            Some(scratch) => scratch,
            // None of our options: it never sends.
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

    /// ADR-01: what one destination left behind is nothing to the next.
    #[test]
    fn one_probe_finds_what_many_would() {
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
