//! The addresses of all hosts in the order to try them, each with the reason.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use udpair_io::{Adapter, SourceProbe};

use super::inputs::ListAdapters;
use super::order::{self, DestinationAddress, SourceAddress};
use super::srv::SrvRecord;
use super::step::{Candidate, FoundAddress, Precedence};
use super::zone::with_zone;

/// For which addresses the source address is found out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sources {
    /// For all of them.
    All,
    /// For those whose order depends on it: an address that is the only one of its host keeps its place,
    /// and one that others go before in any case.
    Deciding,
}

/// A host with its addresses.
pub(super) struct Group {
    pub(super) port: u16,
    pub(super) srv: Option<SrvRecord>,
    pub(super) addresses: Vec<FoundAddress>,
}

/// Puts the addresses of each host in the order to try them, and says why. The hosts keep theirs.
pub(super) fn in_order(
    groups: Vec<Group>,
    zone: Option<u32>,
    list_adapters: &ListAdapters,
    sources: Sources,
) -> Vec<Candidate> {
    let mut machine = Machine::new(list_adapters);
    let mut candidates: Vec<Candidate> = Vec::new();
    for group in groups {
        if candidates.len() >= CANDIDATES_MAX {
            break;
        }
        // The last one may keep its place without being asked.
        let last = match sources {
            Sources::All => None,
            Sources::Deciding => order::last_at_best(group.addresses.iter().map(|a| a.ip)),
        };
        let addresses = group.addresses.iter().enumerate();
        let mut found: Vec<_> = addresses
            .map(|(index, address)| {
                let address = with_zone(address.with_port(group.port), zone, list_adapters);
                (address, machine.destination(address, Some(index) != last))
            })
            .collect();
        if let Some(last) = last {
            let (address, unasked) = found[last];
            let mut others = found.iter().enumerate().filter(|(index, _)| *index != last);
            if !others.all(|(_, (_, other))| order::is_ahead_of_any(other, unasked.ip)) {
                found[last].1 = machine.destination(address, true);
            }
        }
        if order::depends_on_prefix_lengths(found.iter().map(|(_, destination)| destination)) {
            for source in found
                .iter_mut()
                .filter_map(|(_, found)| found.source.as_mut())
            {
                source.prefix_length = machine.prefix_length(source.ip);
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

/// What this machine says of its own addresses, asked when it is needed and once for each.
struct Machine<'a> {
    list_adapters: &'a ListAdapters,
    adapters: Option<Vec<Adapter>>,
    probe: SourceProbe,
    /// The source address for each destination; many records may lead to the same.
    sources: HashMap<SocketAddr, Option<IpAddr>>,
}

impl<'a> Machine<'a> {
    fn new(list_adapters: &'a ListAdapters) -> Self {
        Self {
            list_adapters,
            adapters: None,
            probe: SourceProbe::default(),
            sources: HashMap::new(),
        }
    }

    /// Returns `address` with the source address that the kernel would take; without one if the kernel
    /// knows no way, or is not to be asked.
    fn destination(&mut self, address: SocketAddr, is_asked: bool) -> DestinationAddress {
        let mut of_host = address;
        of_host.set_port(0);
        let probe = &mut self.probe;
        let ask = || {
            let source = probe.source_address(address).ok();
            source.map(|source| source.ip())
        };
        let source = if is_asked {
            *self.sources.entry(of_host).or_insert_with(ask)
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

    fn prefix_length(&mut self, own: IpAddr) -> Option<u8> {
        let adapters = self
            .adapters
            .get_or_insert_with(|| (self.list_adapters)().unwrap_or_default());
        adapters
            .iter()
            .find_map(|adapter| adapter.address(own))?
            .prefix_length
    }
}

/// How many addresses are worth trying. Each SRV record may lead to many, and many records to the same.
pub(super) const CANDIDATES_MAX: usize = 1024;
