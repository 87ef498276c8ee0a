//! Whether an address belongs to this machine, and whether it can be used now.

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::socket::{Family, Socket};
use crate::system;

/// Whether an address of this machine can be used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AddressState {
    /// It can be used.
    Usable,
    /// The machine is still finding out whether another one has the address (RFC 4862, section
    /// 5.4).
    Tentative,
    /// Another machine on the link has the address.
    Duplicate,
}

/// Returns whether this machine has `ip` and can send from it, whether an adapter has the address
/// or a route gives it to the machine.
///
/// A scratch socket is bound to the address to find out.
///
/// # Errors
///
/// The system's own, if it does not say so: no free descriptor, for example.
pub fn is_local_address(ip: IpAddr) -> io::Result<bool> {
    let address = SocketAddr::new(ip, 0);
    let scratch = Socket::bare(Family::of(address))?;
    match scratch.bind(address) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the state of an adapter's address; `None` if no adapter has it.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where adapters cannot be
/// listed.
pub fn address_state(ip: IpAddr) -> io::Result<Option<AddressState>> {
    system::address_state(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_recognized() {
        for (ip, expected) in [
            ("127.0.0.1", true),
            ("127.0.0.77", true),
            ("::1", true),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(
                is_local_address(ip.parse().unwrap()).unwrap(),
                expected,
                "{ip}"
            );
        }
    }
}
