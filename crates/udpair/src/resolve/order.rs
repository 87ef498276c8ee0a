//! The order in which to try several addresses (RFC 6724, section 6).
//!
//! Every rule of the RFC depends only on one destination and its source address. So the rules
//! together form a sort key, and the first part in which two keys differ is the rule that decided.
//! Rules 4 (home addresses) and 7 (native transport) are left out: they need information that no
//! system provides.
//!
//! Pure: the source addresses are arguments.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv6Addr};

/// A destination, and the address from which this machine would send to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct DestinationAddress {
    pub(super) ip: IpAddr,
    /// `None` if there is no route to it.
    pub(super) source: Option<SourceAddress>,
}

/// A source address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SourceAddress {
    pub(super) ip: IpAddr,
    /// The number of leading bits that identify its own network; `None` if unknown.
    pub(super) prefix_length: Option<u8>,
}

/// The rule of RFC 6724, section 6, by which an address goes before the next one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum OrderRule {
    /// Rule 1: there is no route to the other address.
    AvoidUnusable,
    /// Rule 2: the source address has the scope of this address.
    PreferMatchingScope,
    /// Rule 5: the source address has the label of this address.
    PreferMatchingLabel,
    /// Rule 6: the policy table gives this address a higher precedence.
    PreferHigherPrecedence,
    /// Rule 8: this address has the smaller scope.
    PreferSmallerScope,
    /// Rule 9: this address shares more leading bits with its source address.
    UseLongestMatchingPrefix,
    /// Rule 10: no other rule decides, so the order of the response stays.
    LeaveOrderUnchanged,
}

impl OrderRule {
    /// Returns the name of the rule in the RFC: `"avoid unusable destinations"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AvoidUnusable => "avoid unusable destinations",
            Self::PreferMatchingScope => "prefer matching scope",
            Self::PreferMatchingLabel => "prefer matching label",
            Self::PreferHigherPrecedence => "prefer higher precedence",
            Self::PreferSmallerScope => "prefer smaller scope",
            Self::UseLongestMatchingPrefix => "use longest matching prefix",
            Self::LeaveOrderUnchanged => "leave the order unchanged",
        }
    }
}

/// Sorts `items` by the destination that `destination` returns for each.
pub(super) fn sort<T>(items: &mut [T], destination: impl Fn(&T) -> DestinationAddress) {
    items.sort_by_cached_key(|item| Key::of(&destination(item)));
}

/// Returns the rule by which `first` goes before `second`.
pub(super) fn rule(first: &DestinationAddress, second: &DestinationAddress) -> OrderRule {
    let (a, b) = (Key::of(first), Key::of(second));
    if a.unusable != b.unusable {
        OrderRule::AvoidUnusable
    } else if a.scope_differs != b.scope_differs {
        OrderRule::PreferMatchingScope
    } else if a.label_differs != b.label_differs {
        OrderRule::PreferMatchingLabel
    } else if a.precedence != b.precedence {
        OrderRule::PreferHigherPrecedence
    } else if a.scope != b.scope {
        OrderRule::PreferSmallerScope
    } else if a.matching_prefix != b.matching_prefix {
        OrderRule::UseLongestMatchingPrefix
    } else {
        OrderRule::LeaveOrderUnchanged
    }
}

/// Returns whether the order may depend on the prefix lengths of the source addresses: whether two
/// destinations have a source address and are equal by all rules before rule 9.
pub(super) fn depends_on_prefix_lengths<'a>(
    destinations: impl IntoIterator<Item = &'a DestinationAddress>,
) -> bool {
    let reachable = destinations.into_iter().filter(|d| d.source.is_some());
    let mut keys: Vec<_> = reachable
        .map(|destination| Key {
            matching_prefix: Reverse(0),
            ..Key::of(destination)
        })
        .collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

/// Returns whether `first` goes before the address `ip`, whatever the source address of `ip` is.
pub(super) fn precedes_any(first: &DestinationAddress, ip: IpAddr) -> bool {
    Key::of(first) < Key::best_of(ip)
}

/// Returns the index of the address that goes last if each address has the best possible source
/// address.
pub(super) fn last_in_best_case(ips: impl IntoIterator<Item = IpAddr>) -> Option<usize> {
    let ips = ips.into_iter().enumerate();
    let last = ips.max_by_key(|(_, ip)| Key::best_of(*ip));
    last.map(|(index, _)| index)
}

/// The sort key of a destination: the rules in their order. Smaller goes first.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Key {
    unusable: bool,
    scope_differs: bool,
    label_differs: bool,
    precedence: Reverse<u8>,
    scope: u8,
    matching_prefix: Reverse<u32>,
}

impl Key {
    /// Returns the key of an address that has the best possible source address.
    fn best_of(ip: IpAddr) -> Self {
        Self {
            unusable: false,
            scope_differs: false,
            label_differs: false,
            precedence: Reverse(Policy::of(ip).precedence),
            scope: scope(ip),
            matching_prefix: Reverse(u32::MAX),
        }
    }

    pub(super) fn of(destination: &DestinationAddress) -> Self {
        let policy = Policy::of(destination.ip);
        let source = destination.source;
        Self {
            unusable: source.is_none(),
            scope_differs: source.is_some_and(|source| scope(source.ip) != scope(destination.ip)),
            label_differs: source.is_some_and(|source| Policy::of(source.ip).label != policy.label),
            precedence: Reverse(policy.precedence),
            scope: scope(destination.ip),
            matching_prefix: Reverse(
                source.map_or(0, |source| matching_prefix(source, destination.ip)),
            ),
        }
    }
}

/// Returns the scope of an address (RFC 6724, sections 3.1 and 3.2).
fn scope(ip: IpAddr) -> u8 {
    const LINK_LOCAL: u8 = 0x2;
    const SITE_LOCAL: u8 = 0x5;
    const GLOBAL: u8 = 0xe;
    match ip {
        IpAddr::V4(ip) if ip.is_loopback() || ip.is_link_local() => LINK_LOCAL,
        IpAddr::V4(_) => GLOBAL,
        IpAddr::V6(ip) if ip.is_multicast() => ip.octets()[1] & 0xf,
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unicast_link_local() => LINK_LOCAL,
        IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfec0 => SITE_LOCAL,
        IpAddr::V6(_) => GLOBAL,
    }
}

/// Returns how many leading bits the two addresses share, up to the prefix length of the source
/// (RFC 6724, section 2.2).
///
/// IPv4 addresses match only if they are in the same network. Outside of it, the number of equal
/// bits says nothing about the distance, and using it would undo the rotation by which servers
/// share load.
fn matching_prefix(source: SourceAddress, destination: IpAddr) -> u32 {
    match (source.ip, destination) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let common = (a.to_bits() ^ b.to_bits()).leading_zeros();
            match source.prefix_length {
                Some(length) if common >= length.into() => length.into(),
                _ => 0,
            }
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let common = (a.to_bits() ^ b.to_bits()).leading_zeros();
            common.min(source.prefix_length.unwrap_or(64).into())
        }
        _ => 0,
    }
}

/// One row of the policy table (RFC 6724, section 2.1).
#[derive(Clone, Copy)]
struct Policy {
    prefix: Ipv6Addr,
    length: u32,
    precedence: u8,
    label: u8,
}

impl Policy {
    /// Returns the row with the longest prefix that matches an address.
    fn of(ip: IpAddr) -> Self {
        let ip = match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let matches =
            |row: &&Self| (ip.to_bits() ^ row.prefix.to_bits()).leading_zeros() >= row.length;
        // The longest prefix comes first, and the last row matches everything.
        let row = POLICIES.iter().find(matches);
        row.copied().unwrap_or(EVERYTHING)
    }
}

const fn policy(segments: [u16; 8], length: u32, precedence: u8, label: u8) -> Policy {
    let [a, b, c, d, e, f, g, h] = segments;
    Policy {
        prefix: Ipv6Addr::new(a, b, c, d, e, f, g, h),
        length,
        precedence,
        label,
    }
}

const EVERYTHING: Policy = policy([0; 8], 0, 40, 1);

/// The default policy table, longest prefix first.
const POLICIES: [Policy; 9] = [
    policy([0, 0, 0, 0, 0, 0, 0, 1], 128, 50, 0),
    policy([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, 35, 4),
    policy([0; 8], 96, 1, 3),
    policy([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, 5, 5),
    policy([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, 30, 2),
    policy([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, 1, 12),
    policy([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, 1, 11),
    policy([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, 3, 13),
    EVERYTHING,
];

#[cfg(test)]
mod tests {
    use super::OrderRule::*;
    use super::*;

    /// Parses "destination source/prefix"; a source of "-" means none.
    fn destination(text: &str) -> DestinationAddress {
        let (ip, source) = text.split_once(' ').unwrap();
        let source = (source != "-").then(|| {
            let (ip, length) = source.split_once('/').unwrap_or((source, ""));
            SourceAddress {
                ip: ip.parse().unwrap(),
                prefix_length: length.parse().ok(),
            }
        });
        DestinationAddress {
            ip: ip.parse().unwrap(),
            source,
        }
    }

    /// ADR-01: the examples of RFC 6724, section 10.2, and the cases around them.
    #[test]
    fn the_first_rule_that_distinguishes_two_destinations_decides() {
        for (first, second, expected) in [
            // Examples of the RFC.
            (
                "2001:db8:1::1 2001:db8:1::2",
                "198.51.100.121 169.254.13.78",
                PreferMatchingScope,
            ),
            (
                "198.51.100.121 198.51.100.117",
                "2001:db8:1::1 fe80::1",
                PreferMatchingScope,
            ),
            (
                "2001:db8:1::1 2001:db8:1::2",
                "10.1.2.3 10.1.2.4",
                PreferHigherPrecedence,
            ),
            (
                "fe80::1 fe80::2",
                "2001:db8:1::1 2001:db8:1::2",
                PreferSmallerScope,
            ),
            (
                "2002:c633:6401::1 2002:c633:6401::2",
                "2001:db8:1::1 2002:c633:6401::2",
                PreferMatchingLabel,
            ),
            (
                "2001:db8:1::1 2001:db8:1::2",
                "2002:c633:6401::1 2002:c633:6401::2",
                PreferHigherPrecedence,
            ),
            // Other cases.
            ("198.51.100.1 198.51.100.2", "2001:db8::1 -", AvoidUnusable),
            ("::1 ::1", "127.0.0.1 127.0.0.1", PreferHigherPrecedence),
            (
                "192.0.2.1 192.0.2.2/24",
                "fd00::1 2001:db8::2",
                PreferMatchingLabel,
            ),
            (
                "192.0.2.1 192.0.2.2/24",
                "fd00::1 fd00::2",
                PreferHigherPrecedence,
            ),
            (
                "2001:db8:3::1 2001:db8:3::2/64",
                "2001:db8:3:5::1 2001:db8:3::2/64",
                UseLongestMatchingPrefix,
            ),
            (
                "192.0.2.9 192.0.2.2/24",
                "198.51.100.1 192.0.2.2/24",
                UseLongestMatchingPrefix,
            ),
            // Neither is in the source's network: the order of the response stays, however many
            // bits are equal.
            (
                "1.1.1.1 192.0.2.2/24",
                "192.0.3.1 192.0.2.2/24",
                LeaveOrderUnchanged,
            ),
            (
                "192.0.3.1 192.0.2.2/24",
                "1.1.1.1 192.0.2.2/24",
                LeaveOrderUnchanged,
            ),
            (
                "192.0.2.9 192.0.2.2",
                "192.0.2.1 192.0.2.2",
                LeaveOrderUnchanged,
            ),
        ] {
            let (a, b) = (destination(first), destination(second));
            assert_eq!(rule(&a, &b), expected, "{first} before {second}");
            for mut items in [[a, b], [b, a]] {
                let kept = items;
                sort(&mut items, |item| *item);
                let sorted = if expected == LeaveOrderUnchanged {
                    kept
                } else {
                    [a, b]
                };
                assert_eq!(items, sorted, "{first} before {second}");
            }
        }
    }

    /// The adapters need not be listed if an earlier rule decides.
    #[test]
    fn prefix_lengths_matter_if_all_rules_before_rule_9_leave_a_tie() {
        for (destinations, expected) in [
            (&["192.0.2.1 192.0.2.2"] as &[_], false),
            (&["::1 ::1", "127.0.0.1 127.0.0.1"], false),
            (&["2001:db8::1 2001:db8::2", "192.0.2.1 192.0.2.2"], false),
            (&["192.0.2.1 192.0.2.2", "198.51.100.1 192.0.2.2"], true),
            (
                &["192.0.2.1 192.0.2.2", "::1 ::1", "198.51.100.1 192.0.2.2"],
                true,
            ),
            // Neither has a source address, and the order of the response stays.
            (&["192.0.2.1 -", "198.51.100.1 -"], false),
        ] {
            let found: Vec<_> = destinations.iter().map(|text| destination(text)).collect();
            let depends = depends_on_prefix_lengths(&found);
            assert_eq!(depends, expected, "{destinations:?}");
        }
    }

    #[test]
    fn the_longest_prefix_selects_the_row_of_the_policy_table() {
        for (ip, precedence, label) in [
            ("::1", 50, 0),
            ("::", 1, 3),
            ("::2", 1, 3),
            ("::ffff:192.0.2.1", 35, 4),
            ("192.0.2.1", 35, 4),
            ("2001::1", 5, 5),
            ("2001:db8::1", 40, 1),
            ("2002::1", 30, 2),
            ("3ffe::1", 1, 12),
            ("fec0::1", 1, 11),
            ("fd00::1", 3, 13),
            ("fe80::1", 40, 1),
        ] {
            let policy = Policy::of(ip.parse().unwrap());
            assert_eq!(
                (policy.precedence, policy.label),
                (precedence, label),
                "{ip}"
            );
        }
    }

    /// ADR-01: the source address of a destination that goes last anyway need not be looked up.
    #[test]
    fn some_addresses_go_after_others_whatever_their_source_address_is() {
        for (first, other, expected) in [
            ("2001:db8::1 2001:db8::2/64", "192.0.2.1", true),
            ("::1 ::1/128", "127.0.0.1", true),
            // Without a lookup the other address may be the better one.
            ("192.0.2.1 192.0.2.2/24", "2001:db8::1", false),
            ("2001:db8::1 2001:db8::2/64", "2001:db8:1::1", false),
            ("2001:db8::1 fe80::1/64", "192.0.2.1", false),
            ("2001:db8::1 2002::1/16", "192.0.2.1", false),
            ("2001:db8::1 -", "192.0.2.1", false),
        ] {
            let first = destination(first);
            let ip = other.parse().unwrap();
            assert_eq!(precedes_any(&first, ip), expected, "{first:?} {ip}");
            // If so, no source address moves the other address to the front.
            for source in [
                "-",
                "192.0.2.9/32",
                "2001:db8::9/128",
                "127.0.0.1/8",
                "::1/128",
            ] {
                let other = destination(&format!("{ip} {source}"));
                assert!(
                    !expected || Key::of(&first) < Key::of(&other),
                    "{first:?} {other:?}"
                );
            }
        }
        let ips = ["192.0.2.1", "2001:db8::1", "::1"].map(|ip| ip.parse().unwrap());
        assert_eq!(last_in_best_case(ips), Some(0));
        assert_eq!(last_in_best_case([]), None);
    }
}
