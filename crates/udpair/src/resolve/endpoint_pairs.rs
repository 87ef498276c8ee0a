//! Lists of endpoint pairs that are ready to be connected: each local address with each remote
//! address that can be reached from it, best pair first.
//!
//! Queries the system about addresses, and looks up no names.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use udpair_io::Adapter;

use super::order::DestinationAddress;
use super::pairs::{self, Nearness, PairAddresses, PairOrder};
use super::source::{self, LocalAddress};
use super::step::Candidate;
use super::zone::with_zone;
use crate::name::{Endpoint, EndpointPair, HostName, ServiceName};

/// Sorts endpoint pairs whose remote hosts are addresses, best first.
///
/// The result has the same pairs. Where a pair leaves its local host to the system, the result has
/// the address that the system would choose.
///
/// Pairs that lead nowhere go after all others: there is no route, or the local host is not an
/// address of this machine. After those go pairs whose remote host is a name, in the order in which
/// they came. No name is looked up: a local host that is a name stays as it is.
///
/// This function queries the system about each pair, which takes a few microseconds, and does not
/// block.
///
/// # Examples
///
/// ```
/// use udpair::{EndpointPair, PairOrder, sort_endpoint_pairs};
///
/// let pairs = vec![
///     EndpointPair::to("example.test", "7")?,
///     EndpointPair::to("127.0.0.1", "7")?,
/// ];
/// let sorted = sort_endpoint_pairs(pairs, PairOrder::Quick);
/// assert_eq!(sorted[0].to_string(), "127.0.0.1: -> 127.0.0.1:7");
/// assert_eq!(sorted[1].to_string(), "any -> example.test:7");
/// # Ok::<(), udpair::Error>(())
/// ```
///
/// # Model
///
/// `NetworkInformation.GetSortedEndpointPairs` (NET-12).
pub fn sort_endpoint_pairs(pairs: Vec<EndpointPair>, order: PairOrder) -> Vec<EndpointPair> {
    // Without the adapters the prefix lengths are unknown, and the order is slightly coarser.
    let mut routes = RouteCache::new(udpair_io::adapters().unwrap_or_default());
    let mut numeric = Vec::new();
    let mut named = Vec::new();
    for pair in pairs {
        match pair.remote().host().and_then(HostName::ip) {
            Some(ip) => numeric.push(complete(pair, ip.to_canonical(), &mut routes)),
            None => named.push(pair),
        }
    }
    let sorted = pairs::sort(numeric, order, |(_, addresses)| *addresses).into_iter();
    sorted.map(|(pair, _)| pair).chain(named).collect()
}

/// Fills in the local host of a pair whose remote address is `ip`, and returns the addresses of
/// both ends.
fn complete(
    pair: EndpointPair,
    ip: IpAddr,
    routes: &mut RouteCache,
) -> (EndpointPair, PairAddresses) {
    let port = pair.remote().service().port().unwrap_or(0);
    let remote = pair.remote().host().and_then(|host| host.socket_addr(port));
    // There is no route to an address whose zone this machine does not have.
    let remote = remote.and_then(Result::ok);
    let remote = remote.map(|remote| routes.with_zone(remote));
    let chosen = remote.and_then(|remote| routes.chosen(remote));
    let local = match pair.local().host() {
        None => chosen,
        Some(host) => match (host.socket_addr(0), remote) {
            // A name may stand for any address of this machine.
            (None, _) => chosen,
            (Some(Ok(local)), Some(remote)) if source::reaches(local, remote) => {
                Some(LocalAddress::of(local, &routes.adapters))
            }
            _ => None,
        },
    };
    let addresses = pair_addresses(ip, local, chosen);
    if pair.local().host().is_some() {
        return (pair, addresses);
    }
    let service = pair.local().service().clone();
    (pair.with_local(endpoint(chosen, service)), addresses)
}

/// Returns the pairs of a list of candidates. Hosts that were named by SRV records keep their
/// order.
pub(super) fn of_candidates(
    candidates: &[Candidate],
    order: PairOrder,
    adapters: Vec<Adapter>,
) -> Vec<EndpointPair> {
    let mut routes = RouteCache::new(adapters);
    let mut sorted = Vec::new();
    for group in candidates.chunk_by(|one, next| one.srv == next.srv) {
        let mut pairs = Vec::new();
        for candidate in group {
            let chosen = routes.chosen(candidate.address);
            let mut locals = vec![chosen];
            if sorted.len() + pairs.len() < PAIRS_MAX {
                let others = routes.others(candidate.address);
                locals.extend(others.iter().copied().map(Some));
            }
            pairs.extend(locals.into_iter().map(|local| {
                let pair = EndpointPair::from(candidate.address)
                    .with_local(endpoint(local, ServiceName::any()));
                let ip = candidate.address.ip().to_canonical();
                (pair, pair_addresses(ip, local, chosen))
            }));
        }
        let pairs = pairs::sort(pairs, order, |(_, addresses)| *addresses);
        sorted.extend(pairs.into_iter().map(|(pair, _)| pair));
    }
    sorted
}

fn pair_addresses(
    remote: IpAddr,
    local: Option<LocalAddress>,
    chosen: Option<LocalAddress>,
) -> PairAddresses {
    let nearness = match (local, chosen) {
        (Some(local), Some(chosen)) if local.address == chosen.address => Nearness::Chosen,
        (Some(local), Some(chosen)) if local.adapter == chosen.adapter => Nearness::SameAdapter,
        _ => Nearness::OtherAdapter,
    };
    PairAddresses {
        remote: DestinationAddress {
            ip: remote,
            source: local.map(|local| local.source()),
        },
        chosen: chosen.map(|chosen| chosen.source()),
        nearness,
    }
}

/// Returns the local end of a pair. Without a local address it is left to the system, which then
/// reports why the remote end cannot be reached.
fn endpoint(local: Option<LocalAddress>, service: ServiceName) -> Endpoint {
    Endpoint::new(local.map(|local| local.address.into()), service)
}

/// The local addresses that lead to each remote host, as looked up so far: many pairs may have the
/// same remote host.
struct RouteCache {
    adapters: Vec<Adapter>,
    chosen: HashMap<SocketAddr, Option<LocalAddress>>,
    others: HashMap<SocketAddr, Vec<LocalAddress>>,
}

impl RouteCache {
    fn new(adapters: Vec<Adapter>) -> Self {
        Self {
            adapters,
            chosen: HashMap::new(),
            others: HashMap::new(),
        }
    }

    /// Returns `remote` with the zone that it needs, if only one is possible.
    fn with_zone(&self, remote: SocketAddr) -> SocketAddr {
        with_zone(remote, None, || Ok(self.adapters.clone()))
    }

    fn chosen(&mut self, remote: SocketAddr) -> Option<LocalAddress> {
        let look_up = || source::chosen(remote, &self.adapters);
        *self.chosen.entry(host(remote)).or_insert_with(look_up)
    }

    fn others(&mut self, remote: SocketAddr) -> &[LocalAddress] {
        let chosen = self.chosen(remote);
        let look_up = || match chosen {
            Some(chosen) => source::others(remote, &chosen, &self.adapters),
            None => Vec::new(),
        };
        self.others.entry(host(remote)).or_insert_with(look_up)
    }
}

/// Returns `remote` with port 0: all ports of a host share one route.
fn host(mut remote: SocketAddr) -> SocketAddr {
    remote.set_port(0);
    remote
}

/// The number of pairs that are worth listing. Beyond it, each remote address is paired with only
/// one local address.
const PAIRS_MAX: usize = 1024;
