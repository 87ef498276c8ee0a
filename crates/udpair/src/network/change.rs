//! The differences between two snapshots of the network.
//!
//! Pure: two snapshots in, a list of changes out. Two adapters are the same if their indices are.

use crate::{Adapter, AdapterAddress, DefaultRoute, Network};

/// A change of the network: of an adapter, an address or a default route.
///
/// An adapter appears before its link and its addresses, and vanishes after them. So code that
/// follows only the addresses can ignore the changes of adapters.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AdapterChange {
    /// An adapter was added.
    Appeared(Adapter),
    /// An adapter was removed. Holds its last state.
    Vanished(Adapter),
    /// An adapter can carry packets now.
    LinkUp(Adapter),
    /// An adapter can no longer carry packets: it was switched off, or its cable was unplugged.
    LinkDown(Adapter),
    /// An address was added to an adapter.
    AddressAdded {
        /// The adapter as it is now.
        adapter: Adapter,
        /// The address.
        address: AdapterAddress,
    },
    /// An address was removed from an adapter.
    AddressRemoved {
        /// The adapter as it is now, or its last state if it was removed.
        adapter: Adapter,
        /// The address.
        address: AdapterAddress,
    },
    /// Another property of an adapter changed, such as its name or its MTU.
    Altered {
        /// The adapter as it was.
        before: Adapter,
        /// The adapter as it is now.
        after: Adapter,
    },
    /// The preferred default route of an address family changed.
    DefaultRoute {
        /// Whether the family is IPv6 rather than IPv4.
        is_ipv6: bool,
        /// The former route; `None` if there was none.
        before: Option<DefaultRoute>,
        /// The new route; `None` if there is none any more.
        after: Option<DefaultRoute>,
    },
}

/// Returns all changes: first of the removed adapters, then adapter by adapter, then of the default
/// routes.
pub(super) fn changes(before: &Network, after: &Network) -> Vec<AdapterChange> {
    let mut changes = Vec::new();
    for old in &before.adapters {
        if after.adapter(old.index).is_none() {
            changes.extend(lost_addresses(old, old, &[]));
            changes.extend(old.is_running.then(|| AdapterChange::LinkDown(old.clone())));
            changes.push(AdapterChange::Vanished(old.clone()));
        }
    }
    for new in &after.adapters {
        match before.adapter(new.index) {
            Some(old) => changes.extend(adapter_changes(old, new)),
            None => {
                changes.push(AdapterChange::Appeared(new.clone()));
                changes.extend(new.is_running.then(|| AdapterChange::LinkUp(new.clone())));
                changes.extend(new_addresses(&[], new));
            }
        }
    }
    for is_ipv6 in [false, true] {
        let [before, after] =
            [before, after].map(|network| network.default_route(is_ipv6).copied());
        if before != after {
            changes.push(AdapterChange::DefaultRoute {
                is_ipv6,
                before,
                after,
            });
        }
    }
    changes
}

/// Returns the changes of one adapter.
fn adapter_changes<'a>(
    old: &'a Adapter,
    new: &'a Adapter,
) -> impl Iterator<Item = AdapterChange> + 'a {
    let altered = is_altered(old, new).then(|| AdapterChange::Altered {
        before: old.clone(),
        after: new.clone(),
    });
    let link = match (old.is_running, new.is_running) {
        (false, true) => Some(AdapterChange::LinkUp(new.clone())),
        (true, false) => Some(AdapterChange::LinkDown(new.clone())),
        _ => None,
    };
    altered
        .into_iter()
        .chain(link)
        .chain(lost_addresses(old, new, &new.addresses))
        .chain(new_addresses(&old.addresses, new))
}

fn lost_addresses<'a>(
    old: &'a Adapter,
    now: &'a Adapter,
    kept: &'a [AdapterAddress],
) -> impl Iterator<Item = AdapterChange> + 'a {
    let lost = old.addresses.iter().filter(|one| !kept.contains(one));
    lost.map(|address| AdapterChange::AddressRemoved {
        adapter: now.clone(),
        address: *address,
    })
}

fn new_addresses<'a>(
    old: &'a [AdapterAddress],
    new: &'a Adapter,
) -> impl Iterator<Item = AdapterChange> + 'a {
    let added = new.addresses.iter().filter(|one| !old.contains(one));
    added.map(|address| AdapterChange::AddressAdded {
        adapter: new.clone(),
        address: *address,
    })
}

/// Returns whether two states of an adapter differ in a property that no other change reports.
fn is_altered(old: &Adapter, new: &Adapter) -> bool {
    let mut other = old.clone();
    other.addresses.clone_from(&new.addresses);
    if old.is_running != new.is_running {
        // A change of the link includes a change of `is_up`.
        other.is_up = new.is_up;
        other.is_running = new.is_running;
    }
    other != *new
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a short description of a change.
    fn description(change: &AdapterChange) -> String {
        match change {
            AdapterChange::Appeared(adapter) => format!("{} appeared", adapter.name),
            AdapterChange::Vanished(adapter) => format!("{} vanished", adapter.name),
            AdapterChange::LinkUp(adapter) => format!("{} up", adapter.name),
            AdapterChange::LinkDown(adapter) => format!("{} down", adapter.name),
            AdapterChange::AddressAdded { adapter, address } => {
                format!("{} +{}", adapter.name, address.ip)
            }
            AdapterChange::AddressRemoved { adapter, address } => {
                format!("{} -{}", adapter.name, address.ip)
            }
            AdapterChange::Altered { before, after } => {
                format!("{} is now {}", before.name, after.name)
            }
            AdapterChange::DefaultRoute {
                is_ipv6,
                before,
                after,
            } => {
                let over = |route: &Option<DefaultRoute>| route.map_or(0, |route| route.adapter);
                let family = if *is_ipv6 { 6 } else { 4 };
                format!("IPv{family} from {} to {}", over(before), over(after))
            }
        }
    }

    /// Parses an adapter: index, name, `+` if its link is up, addresses.
    fn adapter(text: &str) -> Adapter {
        let mut words = text.split(' ');
        let index = words.next().unwrap().parse().unwrap();
        let name = words.next().unwrap();
        let mut adapter = Adapter::new(name.trim_end_matches('+'), index);
        adapter.id = Adapter::new("", 0).id;
        adapter.is_up = name.ends_with('+');
        adapter.is_running = adapter.is_up;
        adapter.addresses = words
            .map(|ip| AdapterAddress::new(ip.parse().unwrap(), 24))
            .collect();
        adapter
    }

    fn network(adapters: &[&str], routes: &[(u32, bool, u32)]) -> Network {
        let routes = routes
            .iter()
            .map(|&(adapter, is_ipv6, metric)| DefaultRoute::new(adapter, is_ipv6, metric, None));
        Network::new(
            adapters.iter().map(|text| adapter(text)).collect(),
            routes.collect(),
        )
    }

    fn difference(before: &Network, after: &Network) -> Vec<String> {
        changes(before, after).iter().map(description).collect()
    }

    /// NET-13
    #[test]
    fn each_difference_is_reported_once() {
        for (before, after, expected) in [
            (
                &["1 a+ 10.0.0.1"] as &[_],
                &["1 a+ 10.0.0.1"] as &[_],
                &[] as &[&str],
            ),
            (&[], &["1 a"], &["a appeared"]),
            (
                &[],
                &["1 a+ 10.0.0.1"],
                &["a appeared", "a up", "a +10.0.0.1"],
            ),
            (
                &["1 a+ 10.0.0.1"],
                &[],
                &["a -10.0.0.1", "a down", "a vanished"],
            ),
            (&["1 a"], &[], &["a vanished"]),
            (&["1 a"], &["1 a+"], &["a up"]),
            (&["1 a+ 10.0.0.1"], &["1 a 10.0.0.1"], &["a down"]),
            (
                &["1 a 10.0.0.1"],
                &["1 a 10.0.0.2"],
                &["a -10.0.0.1", "a +10.0.0.2"],
            ),
            (&["1 a 10.0.0.1 ::1"], &["1 a ::1 10.0.0.1"], &[]),
            (&["1 a+"], &["1 b+"], &["a is now b"]),
            (&["1 a"], &["1 b+ ::1"], &["a is now b", "b up", "b +::1"]),
            // The same name, but another adapter.
            (
                &["1 a+"],
                &["2 a+"],
                &["a down", "a vanished", "a appeared", "a up"],
            ),
            (
                &["1 a", "2 b"],
                &["2 b+", "3 c"],
                &["a vanished", "b up", "c appeared"],
            ),
        ] {
            let (before, after) = (network(before, &[]), network(after, &[]));
            assert_eq!(
                difference(&before, &after),
                expected,
                "{before:?} {after:?}"
            );
        }
    }

    /// NET-13: only the preferred default route of each family counts.
    #[test]
    fn another_preferred_default_route_is_reported() {
        for (before, after, expected) in [
            (&[] as &[_], &[] as &[_], &[] as &[&str]),
            (&[], &[(1, false, 9)], &["IPv4 from 0 to 1"]),
            (&[(1, false, 9)], &[], &["IPv4 from 1 to 0"]),
            (&[(1, false, 9)], &[(1, false, 9), (2, false, 10)], &[]),
            (
                &[(1, false, 9)],
                &[(1, false, 9), (2, false, 8)],
                &["IPv4 from 1 to 2"],
            ),
            (&[(1, false, 9)], &[(1, false, 5)], &["IPv4 from 1 to 1"]),
            (
                &[(1, false, 9), (1, true, 9)],
                &[(2, false, 9), (2, true, 9)],
                &["IPv4 from 1 to 2", "IPv6 from 1 to 2"],
            ),
        ] {
            let (before, after) = (network(&[], before), network(&[], after));
            assert_eq!(
                difference(&before, &after),
                expected,
                "{before:?} {after:?}"
            );
        }
    }

    #[test]
    fn a_difference_that_no_other_change_reports_is_an_alteration() {
        let before = adapter("1 a+ 10.0.0.1");
        type Alter = fn(&mut Adapter);
        let alter: [(Alter, &[&str]); 5] = [
            (|adapter| adapter.mtu = Some(1400), &["a is now a"]),
            (|adapter| adapter.is_multicast = true, &["a is now a"]),
            (|adapter| adapter.is_running = false, &["a down"]),
            (
                |adapter| {
                    adapter.is_running = false;
                    adapter.is_up = false;
                },
                &["a down"],
            ),
            (
                |adapter| adapter.addresses[0].prefix_length = Some(8),
                &["a -10.0.0.1", "a +10.0.0.1"],
            ),
        ];
        for (alter, expected) in alter {
            let mut after = before.clone();
            alter(&mut after);
            let network = |adapter: &Adapter| Network::new(vec![adapter.clone()], Vec::new());
            let found = difference(&network(&before), &network(&after));
            assert_eq!(found, expected, "{after:?}");
        }
        // Switched on without a cable: it carries no packets, but the change is reported.
        let mut off = adapter("1 a");
        let on = {
            let mut on = off.clone();
            on.is_up = true;
            on
        };
        off.is_running = false;
        let (off, on) = (
            Network::new(vec![off], vec![]),
            Network::new(vec![on], vec![]),
        );
        assert_eq!(difference(&off, &on), ["a is now a"]);
    }
}
