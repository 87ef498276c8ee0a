//! `HostName`: a name or an address of a host.

use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::enums::HostNameType;
use crate::connectivity::IpInformation;
use crate::error::{Error, Result};

/// A name or an address of a host, `Windows.Networking.HostName`. Nothing is looked up when it is
/// created (HOST-01).
///
/// Two are equal if their canonical names are (HOST-15).
///
/// ```
/// use udpair_winrt::HostName;
///
/// # fn main() -> udpair_winrt::Result<()> {
/// let name = HostName::new("WWW.Contoso.com.")?;
/// assert_eq!(name.raw_name(), "WWW.Contoso.com.");
/// assert_eq!(name.canonical_name(), "www.contoso.com");
/// assert!(name.is_equal(&HostName::new("www.contoso.com")?));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HostName {
    inner: udpair::HostName,
    ip_information: Option<IpInformation>,
}

impl HostName {
    /// Creates a host name from text.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: the text is empty, or not a host name (HOST-02, HOST-05). An IPv4 address has
    /// no zone here, also if it is that of a group.
    pub fn new(text: &str) -> Result<Self> {
        let inner: udpair::HostName = text.parse()?;
        if inner.kind() == udpair::HostNameType::Ipv4 && text.contains('%') {
            return Err(Error::invalid_argument(format!(
                "{text:?} is not a host name: an IPv4 address has no zone"
            )));
        }
        Ok(inner.into())
    }

    /// Returns the canonical form: lower-case A-labels, or an address in its shortest form
    /// (HOST-12).
    pub fn canonical_name(&self) -> String {
        self.inner.canonical_name().into_owned()
    }

    /// Returns the form for people: Unicode, without a dot at the end (HOST-13). The same as
    /// [`to_string`](ToString::to_string).
    pub fn display_name(&self) -> String {
        self.inner.display_name().into_owned()
    }

    /// Returns the text that the host name was created from (HOST-04).
    pub fn raw_name(&self) -> String {
        self.inner.raw_name().into_owned()
    }

    /// Returns the type (HOST-03).
    pub fn kind(&self) -> HostNameType {
        self.inner.kind().into()
    }

    /// Returns what is known about this address of this machine; `None` unless the host name comes
    /// from [`host_names`](crate::network_information::host_names) (HOST-18).
    pub fn ip_information(&self) -> Option<IpInformation> {
        self.ip_information.clone()
    }

    /// Returns whether both have the same canonical name (HOST-15).
    pub fn is_equal(&self, other: &Self) -> bool {
        self == other
    }

    /// Compares the canonical names of two host names that are given as text: 0 if they are equal,
    /// otherwise negative or positive by the order of their code units (HOST-16).
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn compare(value1: &str, value2: &str) -> Result<i32> {
        let (first, second) = (Self::new(value1)?, Self::new(value2)?);
        Ok(match first.cmp(&second) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        })
    }

    /// Returns the host name as the layer below knows it.
    pub(crate) fn inner(&self) -> &udpair::HostName {
        &self.inner
    }

    /// Returns an address of this machine, with what is known about it.
    pub(crate) fn of_this_machine(inner: udpair::HostName, ip: Option<IpInformation>) -> Self {
        Self {
            inner,
            ip_information: ip,
        }
    }
}

impl From<udpair::HostName> for HostName {
    fn from(inner: udpair::HostName) -> Self {
        Self {
            inner,
            ip_information: None,
        }
    }
}

impl From<IpAddr> for HostName {
    fn from(ip: IpAddr) -> Self {
        udpair::HostName::from(ip.to_canonical()).into()
    }
}

impl From<SocketAddr> for HostName {
    /// Returns the address without its port. A zone is kept.
    fn from(address: SocketAddr) -> Self {
        udpair::HostName::from(address).into()
    }
}

impl FromStr for HostName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PartialEq for HostName {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for HostName {}

impl PartialOrd for HostName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HostName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.inner.cmp(&other.inner)
    }
}

impl std::hash::Hash for HostName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}
