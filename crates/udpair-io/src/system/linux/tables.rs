//! Where the kernel's tables of links, addresses and routes come from: netlink(7), or files and
//! ioctl(2) where a filter or an emulator has no netlink sockets.
//!
//! Files and ioctl(2) report the same, except for the permanent hardware address, and for routes of
//! IPv4 with several next hops. They report no changes.

use std::fs;
use std::io;
use std::net::IpAddr;

use super::adapter::adapter_index;
use super::ioctl::Ioctl;
use super::netlink::Netlink;
use super::proc_net;
use super::rtnetlink::{Content, Link, LinkAddress, Table};

/// A reader of tables.
#[derive(Debug)]
pub(super) enum Tables {
    Netlink(Netlink),
    Files(Ioctl),
}

impl Tables {
    /// Opens a reader for the namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// Those of netlink, if the system has neither.
    pub(super) fn open() -> io::Result<Self> {
        let error = match Netlink::open(0) {
            Ok(netlink) => return Ok(Self::Netlink(netlink)),
            Err(error) => error,
        };
        match (read("dev"), Ioctl::open()) {
            (Ok(_), Ok(ioctl)) => Ok(Self::Files(ioctl)),
            _ => Err(without_netlink(&error)),
        }
    }

    /// Returns all entries of `table`.
    pub(super) fn list(&mut self, table: Table) -> io::Result<Vec<Content>> {
        match self {
            Self::Netlink(netlink) => netlink.list(table),
            Self::Files(ioctl) => match table {
                Table::Links => links(ioctl),
                Table::Addresses => addresses(ioctl),
                Table::Routes => routes(),
            },
        }
    }
}

/// Returns the error for what needs netlink sockets, if one cannot be opened.
pub(super) fn without_netlink(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        // A reason that has nothing to do with netlink.
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
            io::Error::from_raw_os_error(error.raw_os_error().unwrap_or_default())
        }
        _ => io::Error::new(
            io::ErrorKind::Unsupported,
            format!("the system refuses netlink sockets: {error}"),
        ),
    }
}

fn links(ioctl: &Ioctl) -> io::Result<Vec<Content>> {
    let names = read("dev")?;
    let links = proc_net::names(&names).filter_map(|name| {
        let (hardware_type, hardware_address) = ioctl.hardware(name).unwrap_or_default();
        Some(Content::Link(Link {
            index: adapter_index(name)?,
            hardware_type,
            flags: ioctl.flags(name).ok()?,
            name: name.to_owned(),
            mtu: ioctl.mtu(name).ok(),
            hardware_address,
            info_kind: None,
        }))
    });
    Ok(links.collect())
}

fn addresses(ioctl: &Ioctl) -> io::Result<Vec<Content>> {
    let ipv4 = ioctl
        .addresses()?
        .into_iter()
        .filter_map(|(name, ip, mask)| {
            Some(LinkAddress {
                link: adapter_index(&name)?,
                ip: IpAddr::V4(ip),
                prefix_length: u8::try_from(mask.to_bits().count_ones()).ok()?,
                flags: 0,
            })
        });
    // A kernel without IPv6 has no such file.
    let ipv6 = read("if_inet6").unwrap_or_default();
    let ipv6 = proc_net::addresses(&ipv6);
    Ok(ipv4.chain(ipv6).map(Content::Address).collect())
}

fn routes() -> io::Result<Vec<Content>> {
    let ipv4 = read("route")?;
    let ipv6 = read("ipv6_route").unwrap_or_default();
    let routes = proc_net::default_routes_ipv4(&ipv4, adapter_index)
        .chain(proc_net::default_routes_ipv6(&ipv6, adapter_index));
    Ok(vec![Content::DefaultRoutes(routes.collect())])
}

/// Reads a file about the namespace of this thread.
fn read(name: &str) -> io::Result<String> {
    fs::read_to_string(format!("/proc/thread-self/net/{name}"))
        .or_else(|_| fs::read_to_string(format!("/proc/net/{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Both describe the same network.
    #[test]
    fn files_say_what_netlink_says() {
        let mut files = Tables::Files(Ioctl::open().unwrap());
        let mut netlink = Tables::open().unwrap();
        let describe = |tables: &mut Tables, table| -> BTreeSet<String> {
            let entries = tables.list(table).unwrap().into_iter();
            let texts = entries.flat_map(|entry| match entry {
                // Only netlink has the first two.
                Content::Link(link) => vec![format!(
                    "{:?}",
                    Link {
                        info_kind: None,
                        hardware_address: Vec::new(),
                        // ioctl(2) reports 16 of them.
                        flags: link.flags & 0xffff,
                        ..link
                    }
                )],
                Content::Address(address) => vec![format!(
                    "{} {} {}",
                    address.link, address.ip, address.prefix_length
                )],
                Content::DefaultRoutes(routes) => {
                    routes.iter().map(|route| format!("{route:?}")).collect()
                }
                _ => Vec::new(),
            });
            texts.collect()
        };
        for table in [Table::Links, Table::Addresses, Table::Routes] {
            // The network of the machine may change meanwhile.
            let is_equal =
                (0..50).any(|_| describe(&mut files, table) == describe(&mut netlink, table));
            assert!(
                is_equal,
                "{:#?}\n{:#?}",
                describe(&mut files, table),
                describe(&mut netlink, table)
            );
        }
    }
}
