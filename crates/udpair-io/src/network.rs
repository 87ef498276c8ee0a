//! What this machine is attached to: its adapters, and which of them lead everywhere.

use std::io;
use std::net::IpAddr;

use crate::adapter::Adapter;
use crate::system;

/// The adapters and default routes at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Network {
    /// In the order of their indices.
    pub adapters: Vec<Adapter>,
    /// The preferred one first; IPv4 and IPv6 have routes of their own.
    pub default_routes: Vec<DefaultRoute>,
}

impl Network {
    /// Returns a network of these adapters and routes, in order.
    pub fn new(mut adapters: Vec<Adapter>, mut default_routes: Vec<DefaultRoute>) -> Self {
        adapters.sort_by_key(|adapter| adapter.index);
        // All else being equal, the order is the system's.
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

    /// Returns the default route that is used for one family: the one with the lowest metric.
    pub fn default_route(&self, is_ipv6: bool) -> Option<&DefaultRoute> {
        self.default_routes
            .iter()
            .find(|route| route.is_ipv6 == is_ipv6)
    }

    /// Returns the adapter by which this machine reaches whatever it has no better route to; `None` when
    /// there is no such way.
    ///
    /// # Model
    ///
    /// `NetworkInformation.GetInternetConnectionProfile` (NET-11).
    pub fn internet_adapter(&self) -> Option<&Adapter> {
        self.default_routes
            .iter()
            .find_map(|route| self.adapter(route.adapter))
    }

    /// Returns how far `adapter` leads.
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

/// How far an adapter leads. The nearer is the lesser.
///
/// # Model
///
/// `NetworkItem.GetNetworkTypes` (NET-09).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Reach {
    /// Nowhere: it has no address.
    None,
    /// To its own network alone: it has an address, and no default route.
    Private,
    /// Everywhere: it carries a default route.
    Internet,
}

/// A route to wherever no other route leads.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct DefaultRoute {
    /// The index of the adapter that it leads over.
    pub adapter: u32,
    /// Whether it is for IPv6 rather than IPv4.
    pub is_ipv6: bool,
    /// Its cost: of several routes the one with the lowest is used.
    pub metric: u32,
    /// The router that it leads to; `None` when the whole world is on the link.
    pub gateway: Option<IpAddr>,
}

impl DefaultRoute {
    /// Returns a route over the adapter with this index.
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
/// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where we cannot ask it.
pub fn adapters() -> io::Result<Vec<Adapter>> {
    NetworkReader::open()?.adapters()
}

/// Returns the default routes of the system's main table, the preferred one first.
///
/// Takes as long as there are routes: the system lists all of them to find these. That is a second on a
/// router that knows every network of the Internet.
///
/// # Errors
///
/// Those of [`adapters`].
pub fn default_routes() -> io::Result<Vec<DefaultRoute>> {
    let routes = NetworkReader::open()?.default_routes()?;
    Ok(Network::new(Vec::new(), routes).default_routes)
}

/// Asks the system for adapters and routes.
///
/// It keeps asking in the network namespace in which it was opened, whatever thread uses it.
#[derive(Debug)]
pub struct NetworkReader(system::NetworkReader);

impl NetworkReader {
    /// Opens a way to ask.
    ///
    /// # Errors
    ///
    /// The system's own, and [`Unsupported`](io::ErrorKind::Unsupported) where we cannot ask it.
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

    /// Returns the default routes of the main table, in no order; see [`default_routes`] for the cost.
    ///
    /// # Errors
    ///
    /// The system's own; the next call tries again.
    pub fn default_routes(&mut self) -> io::Result<Vec<DefaultRoute>> {
        self.0.default_routes()
    }

    /// Returns both.
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
    fn the_internet_is_where_the_cheapest_default_route_leads() {
        for (routes, expected) in [
            (&[] as &[_], None),
            (&[(1, false, 100)], Some(1)),
            (&[(1, false, 100), (2, false, 50)], Some(2)),
            (&[(1, true, 1024), (2, false, 600)], Some(2)),
            (&[(2, true, 0), (1, false, 0)], Some(1)),
            // A route over an adapter that has just gone.
            (&[(9, false, 0), (1, false, 5)], Some(1)),
        ] {
            let network = network(routes);
            let found = network.internet_adapter().map(|adapter| adapter.index);
            assert_eq!(found, expected, "{routes:?}");
        }
    }

    /// NET-09
    #[test]
    fn an_adapter_leads_as_far_as_its_addresses_and_routes() {
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
