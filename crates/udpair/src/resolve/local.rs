//! Resolves the local end of a socket: which addresses to bind, and which port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::family::AddressFamily;
use super::inputs::ListAdapters;
use super::search::Search;
use super::zone_of;
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, HostNameType, bluetooth_refused};

/// The resolved local end of a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Local {
    pub(crate) host: LocalHost,
    /// 0 leaves the port to the system.
    pub(crate) port: u16,
}

/// The addresses to which a socket is bound.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum LocalHost {
    /// Every address of this machine.
    Any,
    /// Every loopback address of this machine.
    Loopback,
    /// The first of these that is an address of this machine. Each includes the port.
    Addresses(Vec<SocketAddr>),
}

impl Search<'_> {
    /// Resolves a local endpoint.
    ///
    /// SRV records are not queried: they could not say which port of this machine is meant
    /// (SVC-09).
    pub(crate) async fn local(&self, local: &Endpoint) -> Result<Local, Error> {
        let port = match (local.service().port(), local.service().name()) {
            (Some(port), _) => port,
            (None, Some(service)) => self.local_port(service).await?,
            (None, None) => 0,
        };
        let host = match local.host() {
            None => LocalHost::Any,
            Some(host) if host.kind() == HostNameType::Bluetooth => {
                return Err(bluetooth_refused("bind to", host));
            }
            Some(host) if host.is_localhost() => LocalHost::Loopback,
            Some(host) => {
                let mut addresses = self.host_addresses(host, port).await?;
                addresses.retain(|address| can_be_local(address.ip(), self.adapter_lister()));
                if addresses.is_empty() {
                    return Err(Error::new(
                        ErrorKind::AddressNotAvailable,
                        format!(
                            "cannot bind to {host}: a multicast or broadcast address is not a \
                             local address"
                        ),
                    )
                    .with_advice("bind to the port only, and join the group"));
                }
                LocalHost::Addresses(addresses)
            }
        };
        Ok(Local { host, port })
    }
}

impl Local {
    /// Returns the family of its addresses; `None` if it has both.
    pub(crate) fn family(&self) -> Option<AddressFamily> {
        let LocalHost::Addresses(addresses) = &self.host else {
            return None;
        };
        // The unspecified IPv6 address stands for both families.
        let is_dual = |ip: IpAddr| ip.is_ipv6() && ip.is_unspecified();
        let mut ips = addresses.iter().map(|address| address.ip().to_canonical());
        [AddressFamily::Ipv4, AddressFamily::Ipv6]
            .into_iter()
            .find(|family| ips.clone().all(|ip| family.includes(ip)))
            .filter(|_| !ips.any(is_dual))
    }

    /// Returns the zone of the first address that has one.
    pub(crate) fn zone(&self) -> Option<u32> {
        let LocalHost::Addresses(addresses) = &self.host else {
            return None;
        };
        addresses.iter().find_map(|address| zone_of(*address))
    }
}

/// Returns whether a socket may be bound to `ip`. The system would also bind one to a broadcast
/// address.
fn can_be_local(ip: IpAddr, list_adapters: &ListAdapters) -> bool {
    let IpAddr::V4(ip) = ip.to_canonical() else {
        return !ip.is_multicast();
    };
    if ip.is_multicast() || ip == Ipv4Addr::BROADCAST {
        return false;
    }
    // The last two bits of every subnet's broadcast address are set. For other addresses the
    // adapters need not be listed.
    if ip.to_bits() & 0b11 != 0b11 {
        return true;
    }
    let adapters = list_adapters().unwrap_or_default();
    let mut addresses = adapters.iter().flat_map(|adapter| &adapter.addresses);
    !addresses.any(|address| address.directed_broadcast() == Some(ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ADR-02
    #[test]
    fn addresses_of_one_family_reach_only_that_family() {
        for (addresses, family) in [
            (
                &["127.0.0.1:0", "192.0.2.1:0"] as &[_],
                Some(AddressFamily::Ipv4),
            ),
            (&["[::ffff:127.0.0.1]:0"], Some(AddressFamily::Ipv4)),
            (&["0.0.0.0:0"], Some(AddressFamily::Ipv4)),
            (&["[::1]:0", "[fe80::1%1]:0"], Some(AddressFamily::Ipv6)),
            (&["[::]:0"], None),
            (&["127.0.0.1:0", "[::1]:0"], None),
        ] {
            let parsed = addresses.iter().map(|text| text.parse().unwrap());
            let local = Local {
                host: LocalHost::Addresses(parsed.collect()),
                port: 0,
            };
            assert_eq!(local.family(), family, "{addresses:?}");
        }
        for host in [LocalHost::Any, LocalHost::Loopback] {
            assert_eq!(Local { host, port: 0 }.family(), None);
        }
    }

    /// BND-11
    #[test]
    fn multicast_and_broadcast_addresses_are_not_local_addresses() {
        let list_adapters: &ListAdapters = &udpair_io::adapters;
        // The loopback network of every machine is 127.0.0.0/8.
        for (ip, expected) in [
            ("127.0.0.1", true),
            ("127.0.0.3", true),
            ("127.255.255.255", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("::ffff:224.0.0.1", false),
            ("ff02::1", false),
            ("::1", true),
            ("fe80::1", true),
        ] {
            assert_eq!(
                can_be_local(ip.parse().unwrap(), list_adapters),
                expected,
                "{ip}"
            );
        }
    }
}
