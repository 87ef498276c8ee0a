//! Lists of endpoint pairs that are ready to be connected: each local address with each remote one
//! that it leads to, best pair first.
//!
//! Asks the system about addresses, and nobody about names.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use udpair_io::Adapter;

use super::order::DestinationAddress;
use super::pairs::{self, Ends, Nearness, PairOrder};
use super::source::{self, LocalAddress};
use super::step::Candidate;
use super::zone::with_zone;
use crate::name::{Endpoint, EndpointPair, HostName, ServiceName};

/// Sorts endpoint pairs whose remote hosts are addresses, best first.
///
/// The result has the same pairs, and where one leaves its local host to the system, that is the
/// address which the system would take. Pairs that lead nowhere go behind all that lead somewhere:
/// there is no route, or the local host is no address of this machine. Behind those go pairs whose
/// remote host is a name, in the order in which they came; nobody is asked for it. A local host that is
/// a name stays as it is.
///
/// Asks the system about each pair, a few microseconds each, and waits for nothing.
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
    // Without them nothing is known of prefixes, and the order is a little coarser.
    let mut ways = Ways::new(udpair_io::adapters().unwrap_or_default());
    let mut numeric = Vec::new();
    let mut named = Vec::new();
    for pair in pairs {
        match pair.remote().host().and_then(HostName::ip) {
            Some(ip) => numeric.push(complete(pair, ip.to_canonical(), &mut ways)),
            None => named.push(pair),
        }
    }
    let sorted = pairs::sort(numeric, order, |(_, ends)| *ends).into_iter();
    sorted.map(|(pair, _)| pair).chain(named).collect()
}

/// Fills in the local host of a pair that leads to `ip`, and tells its ends.
fn complete(pair: EndpointPair, ip: IpAddr, ways: &mut Ways) -> (EndpointPair, Ends) {
    let port = pair.remote().service().port().unwrap_or(0);
    let remote = pair.remote().host().and_then(|host| host.socket_addr(port));
    // A zone that this machine does not have leads nowhere.
    let remote = remote.and_then(Result::ok).map(|remote| ways.zoned(remote));
    let chosen = remote.and_then(|remote| ways.chosen(remote));
    let local = match pair.local().host() {
        None => chosen,
        Some(host) => match (host.socket_addr(0), remote) {
            // A name may stand for any address of this machine.
            (None, _) => chosen,
            (Some(Ok(local)), Some(remote)) if source::reaches(local, remote) => {
                Some(LocalAddress::of(local, &ways.adapters))
            }
            _ => None,
        },
    };
    let ends = ends(ip, local, chosen);
    if pair.local().host().is_some() {
        return (pair, ends);
    }
    let service = pair.local().service().clone();
    (pair.with_local(endpoint(chosen, service)), ends)
}

/// Returns the pairs of a list of candidates; hosts that SRV records name keep their order.
pub(super) fn of_candidates(
    candidates: &[Candidate],
    order: PairOrder,
    adapters: Vec<Adapter>,
) -> Vec<EndpointPair> {
    let mut ways = Ways::new(adapters);
    let mut sorted = Vec::new();
    for group in candidates.chunk_by(|one, next| one.srv == next.srv) {
        let mut pairs = Vec::new();
        for candidate in group {
            let chosen = ways.chosen(candidate.address);
            let mut locals = vec![chosen];
            if sorted.len() + pairs.len() < PAIRS_MAX {
                let others = ways.others(candidate.address);
                locals.extend(others.iter().copied().map(Some));
            }
            pairs.extend(locals.into_iter().map(|local| {
                let pair = EndpointPair::from(candidate.address)
                    .with_local(endpoint(local, ServiceName::any()));
                let ip = candidate.address.ip().to_canonical();
                (pair, ends(ip, local, chosen))
            }));
        }
        let pairs = pairs::sort(pairs, order, |(_, ends)| *ends);
        sorted.extend(pairs.into_iter().map(|(pair, _)| pair));
    }
    sorted
}

fn ends(remote: IpAddr, local: Option<LocalAddress>, chosen: Option<LocalAddress>) -> Ends {
    let nearness = match (local, chosen) {
        (Some(local), Some(chosen)) if local.address == chosen.address => Nearness::Chosen,
        (Some(local), Some(chosen)) if local.adapter == chosen.adapter => Nearness::SameAdapter,
        _ => Nearness::OtherAdapter,
    };
    Ends {
        remote: DestinationAddress {
            ip: remote,
            source: local.map(|local| local.source()),
        },
        chosen: chosen.map(|chosen| chosen.source()),
        nearness,
    }
}

/// The local end of a pair; where no address leads to the other one it is left to the system, which will
/// say why.
fn endpoint(local: Option<LocalAddress>, service: ServiceName) -> Endpoint {
    Endpoint::new(local.map(|local| local.address.into()), service)
}

/// What the system has said of the way to each host; many pairs may lead to the same.
struct Ways {
    adapters: Vec<Adapter>,
    chosen: HashMap<SocketAddr, Option<LocalAddress>>,
    others: HashMap<SocketAddr, Vec<LocalAddress>>,
}

impl Ways {
    fn new(adapters: Vec<Adapter>) -> Self {
        Self {
            adapters,
            chosen: HashMap::new(),
            others: HashMap::new(),
        }
    }

    /// Returns `remote` with the zone that it needs, if there is only one that it can have.
    fn zoned(&self, remote: SocketAddr) -> SocketAddr {
        with_zone(remote, None, || Ok(self.adapters.clone()))
    }

    fn chosen(&mut self, remote: SocketAddr) -> Option<LocalAddress> {
        let asked = || source::chosen(remote, &self.adapters);
        *self.chosen.entry(host(remote)).or_insert_with(asked)
    }

    fn others(&mut self, remote: SocketAddr) -> &[LocalAddress] {
        let chosen = self.chosen(remote);
        let asked = || match chosen {
            Some(chosen) => source::others(remote, &chosen, &self.adapters),
            None => Vec::new(),
        };
        self.others.entry(host(remote)).or_insert_with(asked)
    }
}

/// The way to a host is the same for all of its ports.
fn host(mut remote: SocketAddr) -> SocketAddr {
    remote.set_port(0);
    remote
}

/// How many pairs are worth listing. With more of them each remote address comes with one local
/// address alone.
const PAIRS_MAX: usize = 1024;
