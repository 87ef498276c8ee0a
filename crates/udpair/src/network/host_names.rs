//! The names of this machine: its own name, and its addresses.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use crate::{Adapter, Error, HostName, adapters};

/// A name of this machine: its own name, or one of its addresses.
///
/// # Model
///
/// A `HostName` of `NetworkInformation.GetHostNames`. In the model, only such names carry
/// information about an address, and no name that a program creates does. Here the information is a
/// separate field next to the name (HOST-18).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LocalHostName {
    /// The name or address, ready to be bound to through [`Endpoint::new`](crate::Endpoint::new). A
    /// link-local address includes its zone.
    pub host: HostName,
    /// Information about the address; `None` for the machine's own name.
    pub ip: Option<IpInformation>,
}

/// The adapter and prefix of an address of this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct IpInformation {
    /// The adapter that has the address.
    pub adapter: Adapter,
    /// The number of leading bits that identify the adapter's network; `None` if the system does
    /// not say.
    pub prefix_length: Option<u8>,
}

/// Returns the names of this machine: its own name, then every unicast address of every adapter
/// that is up and is not a loopback adapter.
///
/// A name that is not a valid [`HostName`] is left out.
///
/// # Errors
///
/// - [`Unsupported`](crate::ErrorKind::Unsupported): the names cannot be listed on this system.
/// - [`Io`](crate::ErrorKind::Io): the system refused.
///
/// # Model
///
/// `NetworkInformation.GetHostNames` (NET-01, NET-02).
pub fn host_names() -> Result<Vec<LocalHostName>, Error> {
    let failed = |error| Error::system("cannot list the names of this machine", error);
    let name = udpair_io::machine_name().map_err(failed)?;
    Ok(names(&[name], &adapters().map_err(failed)?))
}

fn names(machine_names: &[String], adapters: &[Adapter]) -> Vec<LocalHostName> {
    let machine = machine_names.iter().filter_map(|name| {
        let host: HostName = name.parse().ok()?;
        Some(LocalHostName { host, ip: None })
    });
    let adapters = adapters
        .iter()
        .filter(|adapter| adapter.is_up && !adapter.is_loopback);
    let addresses = adapters.flat_map(|adapter| {
        adapter.addresses.iter().map(|address| LocalHostName {
            host: with_zone(address.ip, adapter.index).into(),
            ip: Some(IpInformation {
                adapter: adapter.clone(),
                prefix_length: address.prefix_length,
            }),
        })
    });
    machine.chain(addresses).collect()
}

/// Returns an address with the zone that it needs, and with port 0.
fn with_zone(ip: IpAddr, index: u32) -> SocketAddr {
    match ip {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => SocketAddrV6::new(ip, 0, 0, index).into(),
        ip => SocketAddr::new(ip, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AdapterAddress, HostNameType};

    fn adapter(name: &str, index: u32, addresses: &[(&str, Option<u8>)]) -> Adapter {
        let mut adapter = Adapter::new(name, index);
        adapter.is_up = true;
        adapter.addresses = addresses
            .iter()
            .map(|(ip, length)| AdapterAddress::new(ip.parse().unwrap(), *length))
            .collect();
        adapter
    }

    /// NET-01, NET-04, NET-05
    #[test]
    fn the_machine_name_goes_first_and_every_address_but_loopback_follows() {
        let mut loopback = adapter("lo", 1, &[("127.0.0.1", Some(8))]);
        loopback.is_loopback = true;
        let eth0 = adapter("eth0", 2, &[("192.0.2.1", Some(24)), ("fe80::1", Some(64))]);
        let mut off = adapter("eth1", 3, &[("192.0.2.9", Some(24))]);
        off.is_up = false;
        let tun0 = adapter("tun0", 4, &[("198.51.100.1", None)]);
        let adapters = [loopback, eth0.clone(), off, tun0.clone()];

        let names = names(&["machine".into()], &adapters);

        let ip = |adapter: &Adapter, prefix_length| {
            Some(IpInformation {
                adapter: adapter.clone(),
                prefix_length,
            })
        };
        let expected = [
            ("machine", None),
            ("192.0.2.1", ip(&eth0, Some(24))),
            ("fe80::1%2", ip(&eth0, Some(64))),
            ("198.51.100.1", ip(&tun0, None)),
        ];
        assert_eq!(names.len(), expected.len(), "{names:?}");
        for (name, (host, ip)) in names.iter().zip(expected) {
            assert_eq!(name.host.to_string(), host);
            assert_eq!(name.ip, ip);
        }
        assert_eq!(names[0].host.kind(), HostNameType::DomainName);
    }

    /// NET-02
    #[test]
    fn the_addresses_of_a_machine_with_an_invalid_name_are_listed() {
        let names = names(
            &["my machine!".into(), String::new(), "machine".into()],
            &[adapter("eth0", 2, &[("192.0.2.1", Some(24))])],
        );
        let names: Vec<_> = names.iter().map(|name| name.host.to_string()).collect();
        assert_eq!(names, ["machine", "192.0.2.1"]);
    }
}
