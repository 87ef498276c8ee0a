//! The files about the network in `/proc/net` (proc(5)).
//!
//! Pure: reads texts that the kernel wrote. A line that is not as expected is skipped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::rtnetlink::LinkAddress;
use crate::network::DefaultRoute;

/// Returns the names of links in the text of `dev`.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    // The first two lines are headings.
    let lines = text.lines().skip(2);
    lines.filter_map(|line| Some(line.rsplit_once(':')?.0.trim()))
}

/// Returns the addresses in the text of `if_inet6`.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = LinkAddress> {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let ip = ipv6(words.next()?)?;
        let link = u32::from_str_radix(words.next()?, 16).ok()?;
        let prefix_length = u8::from_str_radix(words.next()?, 16).ok()?;
        let flags = u32::from_str_radix(words.nth(1)?, 16).ok()?;
        Some(LinkAddress {
            link,
            ip: ip.into(),
            prefix_length,
            flags,
        })
    })
}

/// Returns the default routes in the text of `route`. `index` says which adapter has a name.
pub(super) fn default_routes_ipv4(
    text: &str,
    index: impl Fn(&str) -> Option<u32>,
) -> impl Iterator<Item = DefaultRoute> {
    text.lines().filter_map(move |line| {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let [name, destination, gateway, flags, _, _, metric, mask, ..] = words[..] else {
            return None;
        };
        // Numbers in the byte order of the network, printed in that of this machine.
        let address = |text| {
            let bits = u32::from_str_radix(text, 16).ok()?;
            Some(Ipv4Addr::from(bits.to_ne_bytes()))
        };
        let is_default = address(destination)?.is_unspecified() && address(mask)?.is_unspecified();
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let gateway = address(gateway).filter(|_| flags & RTF_GATEWAY != 0);
        route(
            is_default && flags & RTF_REJECT == 0,
            index(name)?,
            metric.parse().ok()?,
            false,
            gateway.map(IpAddr::V4),
        )
    })
}

/// Returns the default routes in the text of `ipv6_route`.
pub(super) fn default_routes_ipv6(
    text: &str,
    index: impl Fn(&str) -> Option<u32>,
) -> impl Iterator<Item = DefaultRoute> {
    text.lines().filter_map(move |line| {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let [destination, bits, _, _, gateway, metric, _, _, flags, name] = words[..] else {
            return None;
        };
        let is_default = bits == "00" && ipv6(destination)?.is_unspecified();
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let gateway = ipv6(gateway).filter(|_| flags & RTF_GATEWAY != 0);
        route(
            is_default && flags & (RTF_REJECT | RTF_CACHE) == 0,
            index(name)?,
            u32::from_str_radix(metric, 16).ok()?,
            true,
            gateway.map(IpAddr::V6),
        )
    })
}

fn route(
    is_default: bool,
    adapter: u32,
    metric: u32,
    is_ipv6: bool,
    gateway: Option<IpAddr>,
) -> Option<DefaultRoute> {
    is_default.then(|| DefaultRoute::new(adapter, is_ipv6, metric, gateway))
}

/// Reads 32 hexadecimal digits.
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    let bits = u128::from_str_radix(text, 16)
        .ok()
        .filter(|_| text.len() == 32)?;
    Some(Ipv6Addr::from_bits(bits))
}

// Flags of routes: include/uapi/linux/route.h, ipv6_route.h.
const RTF_GATEWAY: u32 = 0x2;
const RTF_REJECT: u32 = 0x200;
const RTF_CACHE: u32 = 0x0100_0000;

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str) -> Option<u32> {
        name.strip_prefix("eth")?.parse().ok()
    }

    #[test]
    fn names_of_links_are_read() {
        let text =
            "Inter-|   Receive\n face |bytes\n    lo: 219 1    0\n  eth0:       0\nbr:0: 1\nx";
        assert_eq!(names(text).collect::<Vec<_>>(), ["lo", "eth0", "br:0"]);
        assert_eq!(names("").count(), 0);
    }

    #[test]
    fn addresses_are_read() {
        let text = "fe8000000000000000fc00fffe000001 04 40 20 c0     eth0\n\
                    00000000000000000000000000000001 01 80 10 80       lo\n\
                    0001 01 80 10 80 lo\nzz 1\n\n";
        let found: Vec<_> = addresses(text).collect();
        let expected = |ip: &str, link, prefix_length, flags| LinkAddress {
            link,
            ip: ip.parse().unwrap(),
            prefix_length,
            flags,
        };
        assert_eq!(
            found,
            [
                expected("fe80::fc:ff:fe00:1", 4, 64, 0xc0),
                expected("::1", 1, 128, 0x80)
            ]
        );
    }

    /// NET-11
    #[test]
    fn default_routes_are_read() {
        let gateway = u32::from_ne_bytes([192, 0, 2, 1]);
        let text = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
             eth1\t00000000\t{gateway:08X}\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             eth2\t00000000\t00000000\t0001\t0\t0\t7\t00000000\t0\t0\t0\n\
             eth3\t{gateway:08X}\t00000000\t0001\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n\
             eth4\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n\
             eth5\t00000000\n"
        );
        let found: Vec<_> = default_routes_ipv4(&text, index).collect();
        let gateway = "192.0.2.1".parse().ok();
        assert_eq!(
            found,
            [
                DefaultRoute::new(1, false, 100, gateway),
                DefaultRoute::new(2, false, 7, None)
            ]
        );

        let zero = "0".repeat(32);
        let gateway = "fe800000000000000000000000000001";
        let text = format!(
            "{zero} 00 {zero} 00 {gateway} 00000400 00000003 00000000 00000003     eth1\n\
             {gateway} 80 {zero} 00 {zero} 00000400 00000003 00000000 00000001     eth2\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200     eth3\n"
        );
        let found: Vec<_> = default_routes_ipv6(&text, index).collect();
        assert_eq!(
            found,
            [DefaultRoute::new(1, true, 1024, "fe80::1".parse().ok())]
        );
    }
}
