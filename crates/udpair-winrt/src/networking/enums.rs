//! The enumerations of names.

use crate::error::{Error, Result};
use crate::numbered::numbered;

/// The type of a [`HostName`](super::HostName), which follows from its syntax (HOST-03).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(i32)]
pub enum HostNameType {
    /// A name for DNS or the hosts file.
    DomainName = 0,
    /// An IPv4 address.
    Ipv4 = 1,
    /// An IPv6 address.
    Ipv6 = 2,
    /// A Bluetooth address, which sockets refuse.
    Bluetooth = 3,
}

impl TryFrom<i32> for HostNameType {
    type Error = Error;

    /// Returns the type with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there is none.
    fn try_from(value: i32) -> Result<Self> {
        let all = [Self::DomainName, Self::Ipv4, Self::Ipv6, Self::Bluetooth];
        numbered(&all, value, "type of host names")
    }
}

impl From<udpair::HostNameType> for HostNameType {
    fn from(kind: udpair::HostNameType) -> Self {
        match kind {
            udpair::HostNameType::Ipv4 => Self::Ipv4,
            udpair::HostNameType::Ipv6 => Self::Ipv6,
            udpair::HostNameType::Bluetooth => Self::Bluetooth,
            _ => Self::DomainName,
        }
    }
}

/// How endpoint pairs are sorted (EPP-07). A flag enumeration, which has no 1.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u32)]
pub enum HostNameSortOptions {
    /// For a quick connection: a pair shares as few addresses as possible with the one before it.
    #[default]
    None = 0,
    /// For a connection that lasts: the best pair first, then the next best.
    OptimizeForLongConnections = 2,
}

impl TryFrom<u32> for HostNameSortOptions {
    type Error = Error;

    /// Returns the options with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there are none.
    fn try_from(flags: u32) -> Result<Self> {
        match flags {
            0 => Ok(Self::None),
            2 => Ok(Self::OptimizeForLongConnections),
            _ => Err(Error::invalid_argument(format!(
                "no sort options have the number {flags}"
            ))),
        }
    }
}

impl HostNameSortOptions {
    /// Returns the order as the layer below knows it.
    pub(crate) fn order(self) -> udpair::PairOrder {
        match self {
            Self::None => udpair::PairOrder::Quick,
            Self::OptimizeForLongConnections => udpair::PairOrder::Long,
        }
    }
}

/// The type of a domain name (HOST-22). No member of a socket uses it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(i32)]
pub enum DomainNameType {
    /// The end of a name.
    Suffix = 0,
    /// A whole name.
    FullyQualified = 1,
}

impl TryFrom<i32> for DomainNameType {
    type Error = Error;

    /// Returns the type with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there is none.
    fn try_from(value: i32) -> Result<Self> {
        let all = [Self::Suffix, Self::FullyQualified];
        numbered(&all, value, "type of domain names")
    }
}
