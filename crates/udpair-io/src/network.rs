//! The networks that this machine is attached to: its adapters and default routes.

use std::io;
use std::net::IpAddr;

use crate::adapter::Adapter;
use crate::system;

/// A snapshot of the adapters and default routes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Network {
    /// The adapters, in the order of their indices.
    pub adapters: Vec<Adapter>,
    /// The default routes, the preferred one first. IPv4 and IPv6 have separate routes.
    pub default_routes: Vec<DefaultRoute>,
}

impl Network {
    /// Returns a network of these adapters and routes, and sorts both.
    pub fn new(mut adapters: Vec<Adapter>, mut default_routes: Vec<DefaultRoute>) -> Self {
        adapters.sort_by_key(|adapter| adapter.index);
        // The sort is stable: otherwise equal routes keep the system's order.
        default_routes.sort_by_key(|route| (route.metric, route.is_ipv6));
        Self {
            adapters,
            default_routes,
        }
    }

    /// Returns the adapter with this index.
    pub fn adapter(&self, index: u32) -> Option<&Adapter> {
        self.adapters.iter().find(|adapter| adapter.index == index)
    }

    /// Returns the default route that the system uses for one family: the one with the lowest
    /// metric.
    pub fn default_route(&self, is_ipv6: bool) -> Option<&DefaultRoute> {
        self.default_routes
            .iter()
            .find(|route| route.is_ipv6 == is_ipv6)
    }

    /// Returns the adapter through which this machine reaches every destination without a more
    /// specific route; `None` if there is no such adapter.
    ///
    /// # Model
    ///
    /// `NetworkInformation.GetInternetConnectionProfile` (NET-11).
    pub fn internet_adapter(&self) -> Option<&Adapter> {
        self.default_routes
            .iter()
            .find_map(|route| self.adapter(route.adapter))
    }

    /// Returns which networks are reachable through `adapter`.
    pub fn reach(&self, adapter: &Adapter) -> Reach {
        let routes = &self.default_routes;
        if routes.iter().any(|route| route.adapter == adapter.index) {
            Reach::Internet
        } else if adapter.addresses.is_empty() {
            Reach::None
        } else {
            Reach::Private
        }
    }
}

/// Which networks are reachable through an adapter, ordered from none to all.
///
/// # Model
///
/// `NetworkItem.GetNetworkTypes` (NET-09).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Reach {
    /// None: the adapter has no address.
    None,
    /// Only its own network: the adapter has an address and no default route.
    Private,
    /// All networks: a default route uses the adapter.
    Internet,
}

/// A route for all destinations that no other route matches.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct DefaultRoute {
    /// The index of the adapter that the route uses.
    pub adapter: u32,
    /// Whether the route is for IPv6; otherwise it is for IPv4.
    pub is_ipv6: bool,
    /// Its cost: of several routes, the one with the lowest metric is used.
    pub metric: u32,
    /// The router that packets are sent to; `None` if every destination is on the link.
    pub gateway: Option<IpAddr>,
}

impl DefaultRoute {
    /// Returns a route through the adapter with this index.
    pub fn new(adapter: u32, is_ipv6: bool, metric: u32, gateway: Option<IpAddr>) -> Self {
        Self {
            adapter,
            is_ipv6,
            metric,
            gateway,
        }
    }
}

/// Returns the adapters, in the order of their indices.
///
/// # Errors
///
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where adapters cannot be
/// listed.
pub fn adapters() -> io::Result<Vec<Adapter>> {
    NetworkReader::open()?.adapters()
}

/// Returns the default routes of the system's main table, the preferred one first.
///
/// The time is proportional to the number of all routes, because the system lists every route and
/// this function picks the default ones. It takes about a second on a router with a full Internet
/// routing table.
///
/// # Errors
///
/// Those of [`adapters`].
pub fn default_routes() -> io::Result<Vec<DefaultRoute>> {
    let routes = NetworkReader::open()?.default_routes()?;
    Ok(Network::new(Vec::new(), routes).default_routes)
}

/// A reader of the system's adapters and routes.
///
/// It always reads those of the network namespace in which it was opened, whichever thread uses it.
#[derive(Debug)]
pub struct NetworkReader(system::NetworkReader);

impl NetworkReader {
    /// Opens a reader for the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where adapters cannot be
    /// listed.
    pub fn open() -> io::Result<Self> {
        system::NetworkReader::open().map(Self)
    }

    /// Returns the adapters, in the order of their indices.
    ///
    /// # Errors
    ///
    /// The system's own; the next call tries again.
    pub fn adapters(&mut self) -> io::Result<Vec<Adapter>> {
        let mut adapters = self.0.adapters()?;
        adapters.sort_by_key(|adapter| adapter.index);
        Ok(adapters)
    }

    /// Returns the default routes of the main table, in no particular order; see [`default_routes`]
    /// for the cost.
    ///
    /// # Errors
    ///
    /// The system's own; the next call tries again.
    pub fn default_routes(&mut self) -> io::Result<Vec<DefaultRoute>> {
        self.0.default_routes()
    }

    /// Returns the adapters and the default routes.
    ///
    /// # Errors
    ///
    /// The system's own; the next call tries again.
    pub fn network(&mut self) -> io::Result<Network> {
        Ok(Network::new(self.adapters()?, self.default_routes()?))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::adapter::AdapterAddress;

    fn network(routes: &[(u32, bool, u32)]) -> Network {
        let mut adapters = [3, 1, 2].map(|index| Adapter::new(format!("a{index}"), index));
        adapters[0].addresses = vec![AdapterAddress::new(Ipv4Addr::LOCALHOST.into(), 8)];
        let routes = routes
            .iter()
            .map(|&(adapter, is_ipv6, metric)| DefaultRoute::new(adapter, is_ipv6, metric, None));
        Network::new(adapters.to_vec(), routes.collect())
    }

    /// NET-11
    #[test]
    fn the_internet_adapter_is_that_of_the_default_route_with_the_lowest_metric() {
        for (routes, expected) in [
            (&[] as &[_], None),
            (&[(1, false, 100)], Some(1)),
            (&[(1, false, 100), (2, false, 50)], Some(2)),
            (&[(1, true, 1024), (2, false, 600)], Some(2)),
            (&[(2, true, 0), (1, false, 0)], Some(1)),
            // A route through an adapter that has just been removed.
            (&[(9, false, 0), (1, false, 5)], Some(1)),
        ] {
            let network = network(routes);
            let found = network.internet_adapter().map(|adapter| adapter.index);
            assert_eq!(found, expected, "{routes:?}");
        }
    }

    /// NET-09
    #[test]
    fn the_reach_of_an_adapter_follows_from_its_addresses_and_routes() {
        let network = network(&[(1, false, 0)]);
        for (index, expected) in [(1, Reach::Internet), (2, Reach::None), (3, Reach::Private)] {
            let adapter = network.adapter(index).unwrap();
            assert_eq!(network.reach(adapter), expected, "{index}");
        }
    }

    #[test]
    fn each_family_has_its_own_default_route() {
        let network = network(&[(1, true, 1024), (2, false, 100), (3, false, 50)]);
        let adapter = |is_ipv6| network.default_route(is_ipv6).map(|route| route.adapter);
        assert_eq!(adapter(false), Some(3));
        assert_eq!(adapter(true), Some(1));
    }
}
