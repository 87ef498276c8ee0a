//! A membership in a multicast group.

use std::net::IpAddr;

/// A multicast group that a socket is a member of on one adapter.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Membership {
    /// The group's address.
    pub group: IpAddr,
    /// The only sender whose datagrams are accepted (RFC 4607); `None` accepts every sender.
    pub source: Option<IpAddr>,
    /// The index of the adapter.
    pub adapter: u32,
}
