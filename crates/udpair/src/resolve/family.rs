//! The two address families.

use std::fmt;
use std::net::IpAddr;

/// An address family: IPv4 or IPv6.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AddressFamily {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl AddressFamily {
    /// Returns whether `ip` is an address of this family. An IPv4-mapped IPv6 address counts as
    /// IPv4.
    pub fn includes(self, ip: IpAddr) -> bool {
        ip.to_canonical().is_ipv4() == (self == Self::Ipv4)
    }
}

impl fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}
