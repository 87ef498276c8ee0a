//! Orders the addresses of all hosts for connecting, and gives the reason for each position.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use udpair_io::{Adapter, SourceProbe};

use super::inputs::ListAdapters;
use super::order::{self, DestinationAddress, SourceAddress};
use super::srv::SrvRecord;
use super::step::{Candidate, FoundAddress, Precedence};
use super::zone::with_zone;

/// Selects the destinations whose source address is looked up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sources {
    /// All destinations.
    All,
    /// Destinations whose position depends on it. The only address of a host keeps its position,
    /// and so does an address that all others precede in any case.
    Deciding,
}

/// A host: its addresses, its port, and the SRV record that named it, if any.
pub(super) struct Group {
    pub(super) port: u16,
    pub(super) srv: Option<SrvRecord>,
    pub(super) addresses: Vec<FoundAddress>,
}

/// Returns the addresses of each host in the order in which to try them, with the reasons. The
/// order of the hosts stays. An address with a port is listed once, for the first host that leads
/// to it.
pub(super) fn in_order(
    groups: Vec<Group>,
    zone: Option<u32>,
    list_adapters: &ListAdapters,
    sources: Sources,
) -> Vec<Candidate> {
    let mut lookups = LocalLookups::new(list_adapters);
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut listed = BTreeSet::new();
    let has_others = groups.len() > 1;
    for group in groups {
        if candidates.len() >= CANDIDATES_MAX {
            break;
        }
        let to_try =
            |address: &FoundAddress| with_zone(address.with_port(group.port), zone, list_adapters);
        let mut addresses = group.addresses;
        if has_others {
            addresses.retain(|address| listed.insert(to_try(address)));
        }
        if addresses.is_empty() {
            continue;
        }
        // The last address may keep its position without a lookup.
        let last = match sources {
            Sources::All => None,
            Sources::Deciding => order::last_in_best_case(addresses.iter().map(|a| a.ip)),
        };
        let addresses = addresses.iter().enumerate();
        let mut found: Vec<_> = addresses
            .map(|(index, address)| {
                let address = to_try(address);
                (address, lookups.destination(address, Some(index) != last))
            })
            .collect();
        if let Some(last) = last {
            let (address, unresolved) = found[last];
            let mut others = found.iter().enumerate().filter(|(index, _)| *index != last);
            if !others.all(|(_, (_, other))| order::precedes_any(other, unresolved.ip)) {
                found[last].1 = lookups.destination(address, true);
            }
        }
        if order::depends_on_prefix_lengths(found.iter().map(|(_, destination)| destination)) {
            for source in found
                .iter_mut()
                .filter_map(|(_, found)| found.source.as_mut())
            {
                source.prefix_length = lookups.prefix_length(source.ip);
            }
        }
        order::sort(&mut found, |(_, destination)| *destination);
        if let (Some(last), Some(srv)) = (candidates.last_mut(), &group.srv) {
            let same = last
                .srv
                .as_ref()
                .is_some_and(|last| last.priority == srv.priority);
            last.before_next = Some(if same {
                Precedence::SrvWeight
            } else {
                Precedence::SrvPriority
            });
        }
        for (index, (address, destination)) in found.iter().enumerate() {
            let next = found.get(index + 1);
            candidates.push(Candidate {
                address: *address,
                source: destination.source.map(|source| source.ip),
                srv: group.srv.clone(),
                before_next: next
                    .map(|(_, next)| Precedence::Address(order::rule(destination, next))),
            });
        }
    }
    candidates
}

/// Lookups of this machine's own addresses, made on demand and at most once each.
struct LocalLookups<'a> {
    list_adapters: &'a ListAdapters,
    adapters: Option<Vec<Adapter>>,
    probe: SourceProbe,
    /// The source address for each destination, with port 0: many records may lead to the same
    /// host.
    sources: HashMap<SocketAddr, Option<IpAddr>>,
}

impl<'a> LocalLookups<'a> {
    fn new(list_adapters: &'a ListAdapters) -> Self {
        Self {
            list_adapters,
            adapters: None,
            probe: SourceProbe::default(),
            sources: HashMap::new(),
        }
    }

    /// Returns `address` with the source address that the kernel would choose. There is none if the
    /// kernel has no route, or if `with_source` is false.
    fn destination(&mut self, address: SocketAddr, with_source: bool) -> DestinationAddress {
        let mut host = address;
        host.set_port(0);
        let probe = &mut self.probe;
        let look_up = || {
            let source = probe.source_address(address).ok();
            source.map(|source| source.ip())
        };
        let source = if with_source {
            *self.sources.entry(host).or_insert_with(look_up)
        } else {
            None
        };
        DestinationAddress {
            ip: address.ip(),
            source: source.map(|ip| SourceAddress {
                ip,
                prefix_length: None,
            }),
        }
    }

    fn prefix_length(&mut self, local: IpAddr) -> Option<u8> {
        let adapters = self
            .adapters
            .get_or_insert_with(|| (self.list_adapters)().unwrap_or_default());
        adapters
            .iter()
            .find_map(|adapter| adapter.address(local))?
            .prefix_length
    }
}

/// The number of addresses that are worth trying. One SRV record may lead to many addresses, and
/// many records may lead to the same one.
pub(super) const CANDIDATES_MAX: usize = 1024;
