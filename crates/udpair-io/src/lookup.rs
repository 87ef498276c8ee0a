//! The addresses of a host name, as the operating system resolves it.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::system;

/// Returns the addresses that the system finds for `host`, with port 0, in the system's order.
///
/// Asks whatever the machine is set up to ask: hosts file, DNS, mDNS, directory services. **Blocks**,
/// for seconds if a server is silent.
///
/// # Errors
///
/// Why there is no address, as `getaddrinfo` says it (RFC 3493, section 6.1).
pub fn lookup(host: &str) -> Result<Vec<SocketAddr>, LookupError> {
    system::lookup(host)
}

/// Why a host name has no address (RFC 3493, section 6.1).
#[derive(Debug)]
#[non_exhaustive]
pub enum LookupError {
    /// `EAI_NONAME`: nobody knows the name.
    NotFound,
    /// `EAI_NODATA`, `EAI_ADDRFAMILY`: the name exists and has no address.
    NoData,
    /// `EAI_AGAIN`: no answer now; a later try may get one.
    TryAgain,
    /// `EAI_FAIL`: the server refused, or its answer made no sense.
    Failed,
    /// `EAI_FAMILY`: the system has none of the families asked for.
    FamilyNotSupported,
    /// `EAI_SOCKTYPE`: the system has no datagram sockets.
    SocketTypeNotSupported,
    /// `EAI_MEMORY`: out of memory.
    OutOfMemory,
    /// `EAI_SYSTEM`, and whatever has no name here.
    System(io::Error),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "the system knows no such name",
            Self::NoData => "the name has no address",
            Self::TryAgain => "no name server answered the system",
            Self::Failed => "the system's name server failed",
            Self::FamilyNotSupported => "the system has no such address family",
            Self::SocketTypeNotSupported => "the system has no datagram sockets",
            Self::OutOfMemory => "out of memory",
            Self::System(_) => "the system's resolver failed",
        })
    }
}

impl Error for LookupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::System(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_own_answer() {
        let found = lookup("192.0.2.7").unwrap();
        assert_eq!(found, ["192.0.2.7:0".parse().unwrap()]);
    }

    #[test]
    fn a_name_that_no_system_can_hold_is_not_found() {
        let error = lookup("nul\0byte").unwrap_err();
        assert!(matches!(error, LookupError::NotFound), "{error:?}");
    }
}
