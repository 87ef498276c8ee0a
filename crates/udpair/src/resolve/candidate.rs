//! The addresses of all hosts in the order to try them, each with the reason.

use std::collections::HashMap;
use std::net::SocketAddr;

use udpair_io::Adapter;

use super::builder::Adapters;
use super::order::{self, Destination, Source};
use super::search::Group;
use super::step::{Candidate, Precedence};
use super::zone::with_zone;

/// Puts the addresses of each host in the order to try them, and says why. The hosts keep theirs.
pub(super) fn in_order(
    groups: Vec<Group>,
    zone: Option<u32>,
    adapters: &Adapters,
) -> Vec<Candidate> {
    let several = groups.iter().any(|group| group.addresses.len() > 1);
    // Their prefix lengths decide between addresses of one host, and nowhere else.
    let known = if several {
        adapters().unwrap_or_default()
    } else {
        Vec::new()
    };
    let mut candidates: Vec<Candidate> = Vec::new();
    // Asking the kernel takes it a few microseconds; many records may lead to the same addresses.
    let mut destinations: HashMap<SocketAddr, Destination> = HashMap::new();
    for group in groups {
        if candidates.len() >= CANDIDATES_MAX {
            break;
        }
        let addresses = group.addresses.iter();
        let mut found: Vec<_> = addresses
            .map(|address| {
                let address = with_zone(address.with_port(group.port), zone, adapters);
                let mut of_host = address;
                of_host.set_port(0);
                let destination = *destinations
                    .entry(of_host)
                    .or_insert_with(|| destination(address, &known));
                (address, destination)
            })
            .collect();
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

/// Asks the kernel where datagrams to `address` would leave from.
fn destination(address: SocketAddr, adapters: &[Adapter]) -> Destination {
    let source = udpair_io::source_address(address)
        .ok()
        .map(|source| Source {
            ip: source.ip(),
            prefix_length: adapters
                .iter()
                .flat_map(|adapter| &adapter.addresses)
                .find(|own| own.ip == source.ip())
                .and_then(|own| own.prefix_length),
        });
    Destination {
        ip: address.ip(),
        source,
    }
}

/// How many addresses are worth trying. Each SRV record may lead to many, and many records to the same.
const CANDIDATES_MAX: usize = 1024;
