//! Where a remote endpoint leads, and which addresses can be no destination.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::vec;

use udpair_io::Adapter;

use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, needs_zone};
use crate::resolve::{Remote, Resolver, Search, with_zone};

/// The addresses of a remote endpoint that can be a destination, best first. They are found when they
/// are asked for: many a name leads to more hosts than anybody will try.
pub(super) struct Destinations<'a> {
    resolver: &'a Resolver,
    purpose: Purpose,
    source: Source<'a>,
    /// Whether there has been one.
    has_any: bool,
    /// What is wrong with the first address that can be no destination.
    first_obstacle: Option<Error>,
}

/// Where addresses come from.
enum Source<'a> {
    /// The endpoint is an address; nobody has to be asked, and nothing allocated.
    One(Option<SocketAddr>),
    /// Its hosts, and what is left of the addresses of the last one.
    Several(Box<Remote<'a>>, vec::IntoIter<SocketAddr>),
}

/// What the addresses are for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    Connect,
    Send,
}

impl<'a> Destinations<'a> {
    /// Begins to resolve a remote endpoint. A link-local address without a zone gets `zone`, if there is
    /// one.
    pub(super) async fn find(
        search: &'a Search<'a>,
        resolver: &'a Resolver,
        remote: &'a Endpoint,
        zone: Option<u32>,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let source = match remote.socket_addr() {
            Some(address) => {
                let address = address?;
                resolver.check_family(address)?;
                Source::One(Some(with_zone(address, zone, resolver.adapters())))
            }
            None => {
                let remote = Remote::find(search, remote, zone).await?;
                Source::Several(Box::new(remote), Vec::new().into_iter())
            }
        };
        Ok(Self {
            resolver,
            purpose,
            source,
            has_any: false,
            first_obstacle: None,
        })
    }

    /// Returns the next destination; `None` if there was one before, and is none any more.
    ///
    /// # Errors
    ///
    /// There is none at all: what is wrong with the first address, or why there is no address.
    pub(super) async fn next(&mut self) -> Result<Option<SocketAddr>, Error> {
        while let Some(address) = self.source.next().await? {
            match obstacle(address, self.purpose, self.resolver) {
                None => {
                    self.has_any = true;
                    return Ok(Some(address));
                }
                Some(error) => {
                    self.first_obstacle.get_or_insert(error);
                }
            }
        }
        if self.has_any {
            return Ok(None);
        }
        let nothing = || Error::new(ErrorKind::HostNotFound, "there is no address to send to");
        Err(self.first_obstacle.take().unwrap_or_else(nothing))
    }
}

impl Source<'_> {
    async fn next(&mut self) -> Result<Option<SocketAddr>, Error> {
        match self {
            Self::One(address) => Ok(address.take()),
            Self::Several(remote, of_host) => loop {
                if let Some(address) = of_host.next() {
                    return Ok(Some(address));
                }
                match remote.next().await? {
                    Some(addresses) => *of_host = addresses.into_iter(),
                    None => return Ok(None),
                }
            },
        }
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
