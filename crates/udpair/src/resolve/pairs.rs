//! Which pair of a local and a remote address to try first.
//!
//! The base order is that of RFC 6724, asked about pairs instead of destinations. Whoever wants to
//! be connected soon should not try the same broken address twice in a row, so the quick order goes
//! from one pair to another that shares neither end with those before it (GEP-06, GEP-07).
//!
//! Pure: what the system says of the addresses comes in as an argument.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::IpAddr;

use super::order::{DestinationAddress, Key, SourceAddress};

/// What a list of endpoint pairs is sorted for.
///
/// # Model
///
/// `HostNameSortOptions` (EPP-07, GEP-06): `Quick` is `None`, `Long` is `OptimizeForLongConnections`; the
/// numbers are fixed.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u32)]
pub enum PairOrder {
    /// To be connected soon: where a pair fails, the next one has another local and another remote
    /// address, as far as there are others.
    #[default]
    Quick = 0,
    /// To stay connected for long: the best pair by RFC 6724 first, whatever the next one has in common
    /// with it.
    Long = 2,
}

/// The two ends of a pair, and what the system makes of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ends {
    /// The remote address, and the local one of this pair: none if it does not lead there.
    pub(super) remote: DestinationAddress,
    /// The local address that the system would take for it.
    pub(super) chosen: Option<SourceAddress>,
    /// How near the local address is to that.
    pub(super) nearness: Nearness,
}

/// How near a local address is to the one that the system would take.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Nearness {
    /// It is that one.
    Chosen,
    /// It belongs to the same adapter.
    SameAdapter,
    /// It belongs to another adapter, or does not lead there at all.
    OtherAdapter,
}

/// Puts `items` in order, by the ends that `ends` sees in each. What nothing tells apart stays in the
/// order in which it came.
pub(super) fn sort<T>(mut items: Vec<T>, order: PairOrder, ends: impl Fn(&T) -> Ends) -> Vec<T> {
    items.sort_by_cached_key(|item| base_key(&ends(item)));
    match order {
        PairOrder::Quick => spread(items, ends),
        PairOrder::Long => items,
    }
}

/// The parts of the order, smaller first.
///
/// The RFC recommends to consider the addresses of the outgoing adapter alone (section 4). Others may
/// lead to the destination, but replies to them often do not lead back, so they go behind. And a local
/// address that the system would not take cannot make a pair better than the one it would take: the
/// best pair is the one that a socket without a local address gets.
fn base_key(ends: &Ends) -> (bool, Key, Nearness) {
    let of_pair = Key::of(&ends.remote);
    let of_choice = Key::of(&DestinationAddress {
        source: ends.chosen,
        ..ends.remote
    });
    (
        ends.nearness == Nearness::OtherAdapter,
        of_pair.max(of_choice),
        ends.nearness,
    )
}

/// Takes again and again the earliest pair whose two addresses have been used least before.
fn spread<T>(items: Vec<T>, ends: impl Fn(&T) -> Ends) -> Vec<T> {
    let addresses: Vec<_> = items
        .iter()
        .map(|item| {
            let remote = ends(item).remote;
            (remote.source.map(|source| source.ip), remote.ip)
        })
        .collect();
    let mut locals: HashMap<IpAddr, usize> = HashMap::new();
    let mut remotes: HashMap<IpAddr, usize> = HashMap::new();
    let mut items: Vec<_> = items.into_iter().map(Some).collect();
    let mut spread = Vec::with_capacity(items.len());
    // What is written in the heap may be less than the truth, because uses only grow: then it is put
    // right and the pair goes back. Pairs that lead nowhere wait behind all others.
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

    /// Reads "local remote": each an address, the local one with its prefix length; `-` is none, `*` marks
    /// what the system would take, and `~` what belongs to another adapter.
    fn pair(text: &str, all: &[&str]) -> Ends {
        let (local, remote) = text.split_once(' ').unwrap();
        let chosen = all.iter().find_map(|other| {
            let (local, of) = other.split_once(' ')?;
            (of == remote).then_some(local.strip_prefix('*')?)
        });
        Ends {
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
    fn the_quick_order_shares_no_address_and_the_long_one_may() {
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
            // The order in which they came decides only where nothing else does.
            (
                &[S2D2, S2D1, S1D2, S1D1],
                &[S1D2, S1D1, S2D2, S2D1],
                &[S1D2, S2D1, S1D1, S2D2],
            ),
            // Both families: the better one first, then at once the other.
            (
                &[S1D1, S6D6, T6D6],
                &[S6D6, T6D6, S1D1],
                &[S6D6, S1D1, T6D6],
            ),
            // One local address for all: nothing to spread but the remote ones.
            (&[S6D6, S6E6], &[S6D6, S6E6], &[S6D6, S6E6]),
            (&[S1D1], &[S1D1], &[S1D1]),
            (&[], &[], &[]),
        ] {
            assert_eq!(sorted(pairs, Long), long, "{pairs:?}");
            assert_eq!(sorted(pairs, Quick), quick, "{pairs:?}");
        }
    }

    /// GEP-01, GEP-07, ADR-01: the first pair is the one that connecting without a local host takes.
    #[test]
    fn a_local_address_that_the_system_would_not_take_makes_no_pair_better() {
        // The other local address is in the destination's own network, as the longest prefix has it.
        let pairs = [
            "198.51.100.2/24 198.51.100.9",
            "*192.0.2.2/24 198.51.100.9",
            "*198.51.100.2/24 198.51.100.8",
        ];
        let expected = [pairs[2], pairs[1], pairs[0]];
        assert_eq!(sorted(&pairs, Long), expected);
    }

    /// GEP-03: replies may not find their way back to it.
    #[test]
    fn a_local_address_of_another_adapter_goes_behind_the_other_family() {
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
    fn the_orders_have_the_numbers_of_the_model() {
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
