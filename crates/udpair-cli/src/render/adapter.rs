//! Text about adapters and their changes, for human readers.
//!
//! Pure: no I/O.

use std::iter;

use crate::event::{AdapterAddressEvent, AdapterChangeEvent, AdapterEvent};

/// How the list of adapters is laid out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Layout {
    /// One row for each adapter and each further address.
    Wide,
    /// A short row for each adapter, and a line for each of its addresses.
    Narrow,
}

impl Layout {
    /// Returns the layout for a terminal with this many columns; `None` if the list goes elsewhere.
    pub(crate) fn for_columns(columns: Option<u16>) -> Self {
        match columns {
            Some(..WIDE_COLUMNS) => Self::Narrow,
            _ => Self::Wide,
        }
    }
}

/// Returns the heading of the list of adapters.
pub(crate) fn heading(layout: Layout) -> String {
    match layout {
        Layout::Wide => row(
            ["NAME", "INDEX", "KIND", "STATE", "MTU", "SPEED", "REACH"],
            "ADDRESSES",
        ),
        Layout::Narrow => narrow_row(["NAME", "INDEX", "KIND", "STATE", "REACH"]),
    }
}

/// Returns the lines for an adapter and its addresses.
pub(super) fn adapter_text(adapter: &AdapterEvent, layout: Layout) -> String {
    let state = match (adapter.up, adapter.running) {
        (_, true) => "up",
        (true, false) => "no link",
        (false, false) => "off",
    };
    let index = adapter.index.to_string();
    let mut addresses = adapter.addresses.iter().map(address_text);
    if layout == Layout::Narrow {
        let first = narrow_row([&adapter.name, &index, &adapter.kind, state, adapter.reach]);
        let addresses = addresses.map(|address| format!("    {address}"));
        return iter::once(first)
            .chain(addresses)
            .collect::<Vec<_>>()
            .join("\n");
    }
    let mtu = adapter.mtu.map_or_else(unknown, |mtu| mtu.to_string());
    let speed = adapter.bits_per_second.map_or_else(unknown, speed);
    let columns = [
        &adapter.name,
        &index,
        &adapter.kind,
        state,
        &mtu,
        &speed,
        adapter.reach,
    ];
    let first = row(columns, &addresses.next().unwrap_or_default());
    let others = addresses.map(|address| row([""; 7], &address));
    iter::once(first)
        .chain(others)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Returns one line for a change.
pub(super) fn change_text(event: &AdapterChangeEvent) -> String {
    let name = event.name.as_deref().unwrap_or("unknown adapter");
    let address = event.address.map(|address| AdapterAddressEvent {
        address,
        prefix_length: event.prefix_length,
    });
    let address = address.as_ref().map(address_text).unwrap_or_default();
    match (event.change, &event.renamed_from) {
        ("address-added", _) => format!("{name}: address {address} added"),
        ("address-removed", _) => format!("{name}: address {address} removed"),
        ("link-up", _) => format!("{name}: link up"),
        ("link-down", _) => format!("{name}: link down"),
        ("altered", Some(before)) => format!("{before}: renamed to {name}"),
        ("altered", None) => format!("{name}: changed"),
        ("default-route", _) => {
            let family = if event.family == Some("ipv6") {
                "IPv6"
            } else {
                "IPv4"
            };
            match (event.index, event.gateway) {
                (None, _) => format!("{family} default route removed"),
                (Some(_), None) => format!("{name}: {family} default route"),
                (Some(_), Some(gateway)) => {
                    format!("{name}: {family} default route via {gateway}")
                }
            }
        }
        (change, _) => format!("{name}: {change}"),
    }
}

/// Returns a row of the list. Adapter names of Linux have at most 15 characters (netdevice(7),
/// `IFNAMSIZ`).
fn row(columns: [&str; 7], last: &str) -> String {
    let [name, index, kind, state, mtu, speed, reach] = columns;
    format!("{name:<15} {index:>5} {kind:<10} {state:<8} {mtu:>5} {speed:>10} {reach:<9} {last}")
        .trim_end()
        .to_owned()
}

/// Returns a row of the narrow list, without what is wanted least.
fn narrow_row(columns: [&str; 5]) -> String {
    let [name, index, kind, state, reach] = columns;
    format!("{name:<15} {index:>5} {kind:<10} {state:<8} {reach}")
}

fn address_text(event: &AdapterAddressEvent) -> String {
    match event.prefix_length {
        Some(length) => format!("{}/{length}", event.address),
        None => event.address.to_string(),
    }
}

fn speed(bits_per_second: u64) -> String {
    let (unit, name) = match bits_per_second {
        1_000_000_000.. => (1e9, "Gbit/s"),
        1_000_000.. => (1e6, "Mbit/s"),
        _ => (1e3, "kbit/s"),
    };
    // One decimal at most: 2.5 Gbit/s.
    let rounded = (bits_per_second as f64 / unit * 10.0).round() / 10.0;
    format!("{rounded} {name}")
}

/// The columns of the wide list, with the longest address.
const WIDE_COLUMNS: u16 = 113;

fn unknown() -> String {
    "-".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_with_their_headings() {
        let event = AdapterEvent {
            name: "eth0".into(),
            index: 2,
            id: String::new(),
            iana_type: 6,
            kind: "ethernet".into(),
            mtu: Some(1500),
            bits_per_second: Some(2_500_000_000),
            up: true,
            running: false,
            loopback: false,
            multicast: true,
            broadcast: true,
            reach: "private",
            addresses: ["192.0.2.1", "fe80::1"]
                .map(|ip| AdapterAddressEvent {
                    address: ip.parse().unwrap(),
                    prefix_length: Some(24),
                })
                .into(),
        };
        let expected = "\
NAME            INDEX KIND       STATE      MTU      SPEED REACH     ADDRESSES
eth0                2 ethernet   no link   1500 2.5 Gbit/s private   192.0.2.1/24
                                                                     fe80::1/24";
        let list = |layout| format!("{}\n{}", heading(layout), adapter_text(&event, layout));
        assert_eq!(list(Layout::Wide), expected);
        let expected = "\
NAME            INDEX KIND       STATE    REACH
eth0                2 ethernet   no link  private
    192.0.2.1/24
    fe80::1/24";
        assert_eq!(list(Layout::Narrow), expected);
        let longest = list(Layout::Narrow).lines().map(str::len).max();
        assert!(longest < Some(60));
        for (columns, layout) in [
            (None, Layout::Wide),
            (Some(200), Layout::Wide),
            (Some(60), Layout::Narrow),
        ] {
            assert_eq!(Layout::for_columns(columns), layout);
        }
    }

    #[test]
    fn link_speeds_are_printed_in_the_customary_unit() {
        for (bits, expected) in [
            (9_600, "9.6 kbit/s"),
            (100_000_000, "100 Mbit/s"),
            (1_000_000_000, "1 Gbit/s"),
            (400_000_000_000, "400 Gbit/s"),
        ] {
            assert_eq!(speed(bits), expected);
        }
    }
}
