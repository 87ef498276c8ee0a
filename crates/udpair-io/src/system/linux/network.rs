//! Adapters and routes, listed and monitored through rtnetlink.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use super::netlink::Netlink;
use super::rtnetlink::{Content, Link, LinkAddress, Table};
use super::sysfs::device_type;
use super::tables::{Tables, without_netlink};
use crate::adapter::{Adapter, AdapterAddress, AdapterId, AdapterKind};
use crate::local_address::AddressState;
use crate::monitor::NetworkEvent;
use crate::network::DefaultRoute;

/// A reader of adapters and routes; see [`NetworkReader`](crate::NetworkReader).
#[derive(Debug)]
pub(crate) struct NetworkReader(Tables);

impl NetworkReader {
    pub(crate) fn open() -> io::Result<Self> {
        Tables::open().map(Self)
    }

    pub(crate) fn adapters(&mut self) -> io::Result<Vec<Adapter>> {
        let mut adapters: Vec<_> = self
            .0
            .list(Table::Links)?
            .into_iter()
            .filter_map(|entry| match entry {
                Content::Link(link) => Some(adapter(link)),
                _ => None,
            })
            .collect();
        for entry in self.0.list(Table::Addresses)? {
            if let Content::Address(address) = entry {
                add(&mut adapters, address);
            }
        }
        Ok(adapters)
    }

    pub(crate) fn default_routes(&mut self) -> io::Result<Vec<DefaultRoute>> {
        let mut routes = Vec::new();
        for entry in self.0.list(Table::Routes)? {
            if let Content::DefaultRoutes(found) = entry {
                routes.extend(found);
            }
        }
        Ok(routes)
    }
}

/// Returns the state of an address; see [`address_state`](crate::address_state).
pub(crate) fn address_state(ip: IpAddr) -> io::Result<Option<AddressState>> {
    let entries = Tables::open()?.list(Table::Addresses)?;
    let mut found = entries.iter().filter_map(|entry| match entry {
        Content::Address(address) if address.ip == ip => Some(address.flags),
        _ => None,
    });
    Ok(found.next().map(|flags| {
        if flags & libc::IFA_F_DADFAILED != 0 {
            AddressState::Duplicate
        } else if flags & libc::IFA_F_TENTATIVE != 0 {
            AddressState::Tentative
        } else {
            AddressState::Usable
        }
    }))
}

/// A source of network change events; see [`NetworkMonitor`](crate::NetworkMonitor).
#[derive(Debug)]
pub(crate) struct NetworkMonitor {
    netlink: Netlink,
    /// Events that were received together with one that was already returned.
    pending: VecDeque<NetworkEvent>,
}

impl NetworkMonitor {
    pub(crate) fn open() -> io::Result<Self> {
        let groups = libc::RTMGRP_LINK
            | libc::RTMGRP_IPV4_IFADDR
            | libc::RTMGRP_IPV6_IFADDR
            | libc::RTMGRP_IPV4_ROUTE
            | libc::RTMGRP_IPV6_ROUTE;
        Ok(Self {
            netlink: Netlink::open(groups.cast_unsigned())
                .map_err(|error| without_netlink(&error))?,
            pending: VecDeque::new(),
        })
    }

    pub(crate) fn namespace(&self) -> Option<u64> {
        self.netlink.namespace()
    }

    pub(crate) fn next_event(&mut self) -> io::Result<NetworkEvent> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(event);
            }
            match self.netlink.receive() {
                Ok(messages) => {
                    let events = messages.filter_map(|message| event(&message.content));
                    self.pending.extend(events);
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    return Ok(NetworkEvent::Overrun);
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Ok(NetworkEvent::Overrun);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for NetworkMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.netlink.as_fd()
    }
}

fn event(content: &Content) -> Option<NetworkEvent> {
    match content {
        Content::Link(Link { index, .. }) | Content::LinkRemoved(index) => {
            Some(NetworkEvent::Adapter { index: *index })
        }
        Content::Address(LinkAddress { link: index, .. }) | Content::AddressRemoved(index) => {
            Some(NetworkEvent::Addresses { index: *index })
        }
        Content::DefaultRoutes(_) | Content::DefaultRoutesRemoved => {
            Some(NetworkEvent::DefaultRoutes)
        }
        Content::Overrun => Some(NetworkEvent::Overrun),
        Content::LocalRoute | Content::Done | Content::Error(_) | Content::Other => None,
    }
}

fn adapter(link: Link) -> Adapter {
    Adapter {
        id: AdapterId::of(&link.hardware_address, &link.name),
        kind: kind(&link),
        index: link.index,
        mtu: link.mtu,
        is_up: has(link.flags, libc::IFF_UP),
        is_running: has(link.flags, libc::IFF_UP) && has(link.flags, libc::IFF_RUNNING),
        is_loopback: has(link.flags, libc::IFF_LOOPBACK),
        is_multicast: has(link.flags, libc::IFF_MULTICAST),
        is_broadcast: has(link.flags, libc::IFF_BROADCAST),
        addresses: Vec::new(),
        name: link.name,
    }
}

fn has(flags: u32, flag: libc::c_int) -> bool {
    flags & flag.cast_unsigned() != 0
}

/// Adds an address to its adapter. The adapter may be missing, if it was added after the adapters
/// were listed.
fn add(adapters: &mut [Adapter], address: LinkAddress) {
    let owner = adapters
        .iter_mut()
        .find(|adapter| adapter.index == address.link);
    if let Some(owner) = owner {
        let address = AdapterAddress::new(address.ip, address.prefix_length);
        owner.addresses.push(address);
    }
}

fn kind(link: &Link) -> AdapterKind {
    match link.hardware_type {
        ARPHRD_LOOPBACK => AdapterKind::Loopback,
        ARPHRD_PPP => AdapterKind::Ppp,
        ARPHRD_TUNNEL | ARPHRD_TUNNEL6 | ARPHRD_SIT | ARPHRD_IPGRE => AdapterKind::Tunnel,
        ARPHRD_IEEE1394 => AdapterKind::Ieee1394,
        hardware_type => match radio(link) {
            Some(kind) => kind,
            None if hardware_type == ARPHRD_ETHER => AdapterKind::Ethernet,
            None => AdapterKind::Other,
        },
    }
}

/// Returns the kind of a radio adapter. Its hardware type is that of Ethernet or an unknown one, so
/// the kind is read from its device type.
fn radio(link: &Link) -> Option<AdapterKind> {
    let device_type = match &link.info_kind {
        // Known without reading a file. There may be a thousand such adapters.
        Some(info_kind) => info_kind.clone(),
        None => device_type(&link.name, link.index)?,
    };
    match device_type.as_str() {
        "wlan" => Some(AdapterKind::Wireless),
        "wwan" => Some(AdapterKind::Cellular),
        _ => None,
    }
}

// Kinds of hardware: include/uapi/linux/if_arp.h.
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_IEEE1394: u16 = 24;
const ARPHRD_PPP: u16 = 512;
const ARPHRD_TUNNEL: u16 = 768;
const ARPHRD_TUNNEL6: u16 = 769;
const ARPHRD_LOOPBACK: u16 = 772;
const ARPHRD_SIT: u16 = 776;
const ARPHRD_IPGRE: u16 = 778;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn the_loopback_adapter_is_found_with_its_address() {
        let adapters = crate::adapters().unwrap();
        let loopback = adapters.iter().find(|adapter| adapter.is_loopback);
        let loopback = loopback.expect("every machine that runs tests has one");
        assert_eq!(crate::adapter_index(&loopback.name), Some(loopback.index));
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let address = loopback.addresses.iter().find(|address| address.ip == ip);
        assert_eq!(address.unwrap().prefix_length, Some(8));
        assert_eq!(loopback.kind, AdapterKind::Loopback);
        assert!(loopback.mtu.is_some());
    }

    /// NET-06
    #[test]
    fn adapters_keep_their_ids_and_have_different_ones() {
        let (first, second) = (crate::adapters().unwrap(), crate::adapters().unwrap());
        let ids = |adapters: &[Adapter]| adapters.iter().map(|a| a.id).collect::<Vec<_>>();
        assert_eq!(ids(&first), ids(&second));
        for (at, id) in ids(&first).iter().enumerate() {
            assert_eq!(ids(&first).iter().position(|other| other == id), Some(at));
        }
    }

    /// NET-07
    #[test]
    fn hardware_types_map_to_iana_numbers() {
        for (hardware_type, info_kind, expected) in [
            (1, Some("veth"), 6),
            (1, Some("wlan"), 71),
            (512, None, 23),
            (772, None, 24),
            (768, None, 131),
            (769, None, 131),
            (776, Some("sit"), 131),
            (778, None, 131),
            (24, None, 144),
            (1, Some("wwan"), 243),
            (0xfffe, Some("wwan"), 243),
            (0xfffe, Some("tun"), 1),
            (280, Some("can"), 1),
        ] {
            let link = Link {
                hardware_type,
                info_kind: info_kind.map(Into::into),
                ..Link::default()
            };
            let found = kind(&link).iana_type();
            assert_eq!(found, expected, "{hardware_type} {info_kind:?}");
        }
    }

    #[test]
    fn a_monitor_reports_no_events_without_changes() {
        let mut monitor = NetworkMonitor::open().unwrap();
        // The network of a busy machine may change. Then the loop skips those events.
        let error = std::iter::from_fn(|| Some(monitor.next_event())).find_map(Result::err);
        assert_eq!(error.unwrap().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn an_address_of_an_unknown_adapter_is_ignored() {
        let mut adapters = [Adapter::new("a", 1)];
        for link in [1, 2] {
            let ip = Ipv4Addr::LOCALHOST.into();
            let prefix_length = 8;
            add(
                &mut adapters,
                LinkAddress {
                    link,
                    ip,
                    prefix_length,
                    flags: 0,
                },
            );
        }
        assert_eq!(adapters[0].addresses.len(), 1);
    }
}
