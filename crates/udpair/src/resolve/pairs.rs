//! The order in which to try pairs of a local and a remote address.
//!
//! The base order is that of RFC 6724, applied to pairs instead of destinations. A caller that
//! wants a quick connection should not try the same broken address twice in a row, so the quick
//! order moves from one pair to another that shares neither end with the pairs before it (GEP-06,
//! GEP-07).
//!
//! Pure: what the system reports about the addresses is an argument.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::IpAddr;

use super::order::{DestinationAddress, Key, SourceAddress};

/// The goal by which a list of endpoint pairs is sorted.
///
/// # Model
///
/// `HostNameSortOptions` (EPP-07, GEP-06): `Quick` is `None`, `Long` is
/// `OptimizeForLongConnections`. The numeric values are fixed.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u32)]
pub enum PairOrder {
    /// Connect quickly: if a pair fails, the next one has another local and another remote address,
    /// as far as there are others.
    #[default]
    Quick = 0,
    /// Stay connected for long: the best pair by RFC 6724 goes first, even if the next one shares
    /// an address with it.
    Long = 2,
}

/// The two addresses of a pair, and how they compare with the system's choice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct PairAddresses {
    /// The remote address, with the pair's local address as its source. The source is `None` if the
    /// remote address cannot be reached from there.
    pub(super) remote: DestinationAddress,
    /// The local address that the system would choose for the remote address.
    pub(super) chosen: Option<SourceAddress>,
    /// How near the local address is to the chosen one.
    pub(super) nearness: Nearness,
}

/// How near a local address is to the one that the system would choose.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Nearness {
    /// It is the chosen address.
    Chosen,
    /// It belongs to the same adapter.
    SameAdapter,
    /// It belongs to another adapter, or the remote address cannot be reached from it.
    OtherAdapter,
}

/// Sorts `items` by the addresses that `addresses` returns for each. The sort is stable.
pub(super) fn sort<T>(
    mut items: Vec<T>,
    order: PairOrder,
    addresses: impl Fn(&T) -> PairAddresses,
) -> Vec<T> {
    items.sort_by_cached_key(|item| base_key(&addresses(item)));
    match order {
        PairOrder::Quick => spread(items, addresses),
        PairOrder::Long => items,
    }
}

/// Returns the sort key of a pair; smaller goes first.
///
/// The RFC recommends to consider only the addresses of the outgoing adapter (section 4). The
/// destination may be reachable from others, but replies to them often do not find their way back,
/// so they go last. A local address that the system would not choose cannot make a pair better than
/// the chosen one: the best pair is the one that a socket without a local address gets.
fn base_key(addresses: &PairAddresses) -> (bool, Key, Nearness) {
    let of_pair = Key::of(&addresses.remote);
    let of_chosen = Key::of(&DestinationAddress {
        source: addresses.chosen,
        ..addresses.remote
    });
    (
        addresses.nearness == Nearness::OtherAdapter,
        of_pair.max(of_chosen),
        addresses.nearness,
    )
}

/// Reorders `items` so that each next pair is the earliest one whose two addresses have been used
/// least so far.
fn spread<T>(items: Vec<T>, addresses: impl Fn(&T) -> PairAddresses) -> Vec<T> {
    let addresses: Vec<_> = items
        .iter()
        .map(|item| {
            let remote = addresses(item).remote;
            (remote.source.map(|source| source.ip), remote.ip)
        })
        .collect();
    let mut locals: HashMap<IpAddr, usize> = HashMap::new();
    let mut remotes: HashMap<IpAddr, usize> = HashMap::new();
    let mut items: Vec<_> = items.into_iter().map(Some).collect();
    let mut spread = Vec::with_capacity(items.len());
    // The use count in the heap may be too low, because uses only grow: then the pair goes back
    // with the current count. Pairs that lead nowhere come after all others.
    let mut waiting: BinaryHeap<_> = (0..items.len())
        .map(|index| Reverse((addresses[index].0.is_none(), 0, index)))
        .collect();
    while let Some(Reverse((leads_nowhere, known, index))) = waiting.pop() {
        let (local, remote) = addresses[index];
        let uses = remotes.get(&remote).copied().unwrap_or(0)
            + local.map_or(0, |local| locals.get(&local).copied().unwrap_or(0));
        if uses > known {
            waiting.push(Reverse((leads_nowhere, uses, index)));
            continue;
        }
        if let Some(local) = local {
            *locals.entry(local).or_default() += 1;
        }
        *remotes.entry(remote).or_default() += 1;
        spread.extend(items[index].take());
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::PairOrder::{Long, Quick};
    use super::*;

    /// Parses "local remote": each an address, the local one with its prefix length. `-` means
    /// none, `*` marks the address that the system would choose, and `~` one of another adapter.
    fn pair(text: &str, all: &[&str]) -> PairAddresses {
        let (local, remote) = text.split_once(' ').unwrap();
        let chosen = all.iter().find_map(|other| {
            let (local, of) = other.split_once(' ')?;
            (of == remote).then_some(local.strip_prefix('*')?)
        });
        PairAddresses {
            remote: DestinationAddress {
                ip: remote.parse().unwrap(),
                source: source(local.trim_start_matches(['*', '~'])),
            },
            chosen: chosen.and_then(source),
            nearness: match local.as_bytes()[0] {
                b'*' => Nearness::Chosen,
                b'~' | b'-' => Nearness::OtherAdapter,
                _ => Nearness::SameAdapter,
            },
        }
    }

    fn source(text: &str) -> Option<SourceAddress> {
        let (ip, length) = text.split_once('/')?;
        Some(SourceAddress {
            ip: ip.parse().unwrap(),
            prefix_length: length.parse().ok(),
        })
    }

    fn sorted<'a>(pairs: &[&'a str], order: PairOrder) -> Vec<&'a str> {
        sort(pairs.to_vec(), order, |text| pair(text, pairs))
    }

    /// GEP-06, GEP-07: the table of the model, and what follows from its rule.
    #[test]
    fn neighbours_share_no_address_in_the_quick_order_and_may_in_the_long_one() {
        const S1D1: &str = "*198.51.100.1/24 192.0.2.1";
        const S1D2: &str = "*198.51.100.1/24 192.0.2.2";
        const S2D1: &str = "198.51.100.2/24 192.0.2.1";
        const S2D2: &str = "198.51.100.2/24 192.0.2.2";
        const S6D6: &str = "*2001:db8::1/64 2001:db8:1::1";
        const T6D6: &str = "2001:db8::2/64 2001:db8:1::1";
        const S6E6: &str = "*2001:db8::1/64 2001:db8:1::2";
        for (pairs, long, quick) in [
            (
                &[S1D1, S1D2, S2D1, S2D2] as &[&str],
                &[S1D1, S1D2, S2D1, S2D2] as &[&str],
                &[S1D1, S2D2, S1D2, S2D1] as &[&str],
            ),
            // The input order decides only if nothing else does.
            (
                &[S2D2, S2D1, S1D2, S1D1],
                &[S1D2, S1D1, S2D2, S2D1],
                &[S1D2, S2D1, S1D1, S2D2],
            ),
            // Both families: the better one first, the other right after it.
            (
                &[S1D1, S6D6, T6D6],
                &[S6D6, T6D6, S1D1],
                &[S6D6, S1D1, T6D6],
            ),
            // One local address for all: only the remote addresses can be spread.
            (&[S6D6, S6E6], &[S6D6, S6E6], &[S6D6, S6E6]),
            (&[S1D1], &[S1D1], &[S1D1]),
            (&[], &[], &[]),
        ] {
            assert_eq!(sorted(pairs, Long), long, "{pairs:?}");
            assert_eq!(sorted(pairs, Quick), quick, "{pairs:?}");
        }
    }

    /// GEP-01, GEP-07, ADR-01: the first pair is the one that connecting without a local host uses.
    #[test]
    fn a_local_address_that_the_system_would_not_choose_makes_no_pair_better() {
        // By the longest prefix, the other local address is in the destination's own network.
        let pairs = [
            "198.51.100.2/24 198.51.100.9",
            "*192.0.2.2/24 198.51.100.9",
            "*198.51.100.2/24 198.51.100.8",
        ];
        let expected = [pairs[2], pairs[1], pairs[0]];
        assert_eq!(sorted(&pairs, Long), expected);
    }

    /// GEP-03: replies to it may not find their way back.
    #[test]
    fn a_local_address_of_another_adapter_goes_after_the_other_family() {
        let pairs = [
            "~2001:db8:b::1/64 2001:db8:1::1",
            "*198.51.100.1/24 192.0.2.1",
            "2001:db8:a::2/64 2001:db8:1::1",
            "*2001:db8:a::1/64 2001:db8:1::1",
            "- 2001:db8:2::1",
        ];
        let expected = [pairs[3], pairs[2], pairs[1], pairs[0], pairs[4]];
        assert_eq!(sorted(&pairs, Long), expected);
    }

    /// EPP-07
    #[test]
    fn the_orders_have_the_numeric_values_of_the_model() {
        assert_eq!((Quick as u32, Long as u32), (0, 2));
        assert_eq!(PairOrder::default(), Quick);
    }

    /// NET-12: RFC 6724, rule 1.
    #[test]
    fn pairs_that_lead_nowhere_go_last() {
        let pairs = [
            "- 2001:db8::1",
            "- 192.0.2.1",
            "*198.51.100.1/24 192.0.2.2",
            "198.51.100.1/24 192.0.2.3",
            "*198.51.100.1/24 192.0.2.3",
        ];
        for order in [Quick, Long] {
            let sorted = sorted(&pairs, order);
            assert_eq!(sorted[3..], pairs[..2], "{order:?}");
        }
    }
}
