//! Where a remote endpoint leads, and which addresses can be no destination.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use udpair_io::Adapter;

use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, needs_zone};
use crate::resolve::{Resolver, Search, with_zone};

/// The addresses of a remote endpoint, best first.
pub(super) enum Destinations {
    /// It was an address; nobody had to be asked, and nothing allocated.
    One(SocketAddr),
    /// The candidates of a resolution.
    Several(Vec<SocketAddr>),
}

/// What the addresses are for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    Connect,
    Send,
}

impl Destinations {
    /// Resolves a remote endpoint. A link-local address without a zone gets `zone`, if there is one.
    pub(super) async fn resolve(
        search: &Search<'_>,
        resolver: &Resolver,
        remote: &Endpoint,
        zone: Option<u32>,
    ) -> Result<Self, Error> {
        if let Some(address) = remote.socket_addr() {
            let address = address?;
            resolver.check_family(address)?;
            return Ok(Self::One(with_zone(address, zone, resolver.adapters())));
        }
        let candidates = search.remote(remote, zone, &mut Vec::new()).await?;
        Ok(Self::Several(
            candidates
                .iter()
                .map(|candidate| candidate.address)
                .collect(),
        ))
    }

    /// Returns the addresses that can be a destination, in order; at least one.
    ///
    /// # Errors
    ///
    /// If there is none: what is wrong with the first.
    pub(super) fn usable(
        &self,
        purpose: Purpose,
        resolver: &Resolver,
    ) -> Result<impl Iterator<Item = SocketAddr>, Error> {
        let addresses = match self {
            Self::One(address) => std::slice::from_ref(address),
            Self::Several(addresses) => addresses,
        };
        let is_usable = move |address: &SocketAddr| obstacle(*address, purpose, resolver).is_none();
        let usable = addresses.iter().copied().filter(is_usable);
        if usable.clone().next().is_none() {
            let first = addresses
                .iter()
                .find_map(|address| obstacle(*address, purpose, resolver));
            let nothing = || Error::new(ErrorKind::HostNotFound, "there is no address to send to");
            return Err(first.unwrap_or_else(nothing));
        }
        Ok(usable)
    }
}

/// Checks that datagrams can go to an address.
pub(super) fn check(address: SocketAddr, resolver: &Resolver) -> Result<(), Error> {
    match obstacle(address, Purpose::Send, resolver) {
        None => Ok(()),
        Some(error) => Err(error),
    }
}

/// Returns why an address can be no destination.
///
/// Linux would connect to port 0 and to groups, take the unspecified address for loopback, and a
/// link-local address without zone for one by whichever adapter it likes (SVC-05, CON-07, ADR-05, ADR-04).
fn obstacle(address: SocketAddr, purpose: Purpose, resolver: &Resolver) -> Option<Error> {
    let ip = address.ip().to_canonical();
    if address.port() == 0 {
        return Some(unavailable(address, "port 0 is no destination"));
    }
    if ip.is_unspecified() {
        return Some(unavailable(
            address,
            "the unspecified address is no destination",
        ));
    }
    if purpose == Purpose::Connect && ip.is_multicast() {
        let message = format!("cannot connect to {address}: a multicast group is no host");
        let error = Error::new(ErrorKind::HostNotFound, message);
        return Some(error.with_advice("send to a group without connecting"));
    }
    zone_obstacle(address, &|index| {
        let adapters = resolver.adapters()().unwrap_or_default();
        adapters
            .iter()
            .any(|adapter: &Adapter| adapter.index == index)
    })
}

fn zone_obstacle(address: SocketAddr, is_adapter: &dyn Fn(u32) -> bool) -> Option<Error> {
    let SocketAddr::V6(v6) = address else {
        return None;
    };
    // A group may be left to the system's default adapter.
    if !needs_zone(*v6.ip()) || IpAddr::V6(*v6.ip()).is_multicast() {
        return None;
    }
    let reason = match v6.scope_id() {
        0 => "it is another host on each adapter",
        index if !is_adapter(index) => "there is no such adapter",
        _ => return None,
    };
    let error = unavailable(address, reason);
    Some(
        error.with_advice(
            "name the adapter behind the address: fe80::1%eth0 (`ip link` lists them)",
        ),
    )
}

fn unavailable(address: impl fmt::Display, reason: &str) -> Error {
    Error::new(
        ErrorKind::AddressNotAvailable,
        format!("cannot send to {address}: {reason}"),
    )
}
