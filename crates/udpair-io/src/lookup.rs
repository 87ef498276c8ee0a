//! The addresses of a host name, resolved by the operating system.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::socket::Family;
use crate::system;

/// Returns the addresses of `family` that the system finds for `host`, with port 0, in the system's
/// order. [`Family::Dual`] asks for both families.
///
/// The system uses every source that it is configured to use: hosts file, DNS, mDNS, directory
/// services. **Blocks**, for half a minute if three name servers do not answer.
///
/// # Errors
///
/// The reason why there is no address, as `getaddrinfo` reports it (RFC 3493, section 6.1). If the
/// process has no descriptor or memory left, the error is [`LookupError::System`] with that cause,
/// whatever the system's resolver makes of it.
pub fn lookup(host: &str, family: Family) -> Result<Vec<SocketAddr>, LookupError> {
    system::lookup(host, family)
}

/// The reason why a host name has no address (RFC 3493, section 6.1).
#[derive(Debug)]
#[non_exhaustive]
pub enum LookupError {
    /// `EAI_NONAME`: no source of the system has the name.
    NotFound,
    /// `EAI_NODATA`, `EAI_ADDRFAMILY`: the name exists and has no address.
    NoData,
    /// `EAI_AGAIN`: no answer now; a later attempt may succeed.
    TryAgain,
    /// `EAI_FAIL`: the server refused, or its answer was invalid.
    Failed,
    /// `EAI_FAMILY`: the system supports none of the requested address families.
    FamilyNotSupported,
    /// `EAI_SOCKTYPE`: the system does not support datagram sockets.
    SocketTypeNotSupported,
    /// `EAI_MEMORY`: out of memory.
    OutOfMemory,
    /// `EAI_SYSTEM`, and every code that is not listed here.
    System(io::Error),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "the system found no such name",
            Self::NoData => "the name has no address",
            Self::TryAgain => "no name server answered the system",
            Self::Failed => "the system's name server failed",
            Self::FamilyNotSupported => "the system does not support the address family",
            Self::SocketTypeNotSupported => "the system does not support datagram sockets",
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
    fn an_address_literal_resolves_to_itself() {
        for family in [Family::Dual, Family::Ipv4] {
            let found = lookup("192.0.2.7", family).unwrap();
            assert_eq!(found, ["192.0.2.7:0".parse().unwrap()], "{family:?}");
        }
    }

    #[test]
    fn only_the_requested_family_is_returned() {
        let error = lookup("192.0.2.7", Family::Ipv6).unwrap_err();
        assert!(
            matches!(error, LookupError::NotFound | LookupError::NoData),
            "{error:?}"
        );
        let found = lookup("2001:db8::7", Family::Ipv6).unwrap();
        assert_eq!(found, ["[2001:db8::7]:0".parse().unwrap()]);
    }

    #[test]
    fn a_name_with_a_nul_byte_is_not_found() {
        let error = lookup("nul\0byte", Family::Dual).unwrap_err();
        assert!(matches!(error, LookupError::NotFound), "{error:?}");
    }
}
