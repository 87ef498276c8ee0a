//! The addresses of a remote endpoint, looked up one host after the other, for a socket that uses
//! the first suitable one.
//!
//! SRV records may name many hosts, and the first one usually suffices. So the addresses of a host
//! are looked up only after those of all hosts before it have turned out to be unusable: a name
//! server that does not respond for a spare host costs nothing. [`Search::resolve_fully`] looks up
//! all hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Instant;
use std::vec;

use super::candidate::{self, Sources};
use super::search::{Search, Target, report_resolved};
use super::step::FoundAddress;
use super::zone::with_zone;
use crate::error::{Error, ErrorKind};
use crate::name::Endpoint;

/// The usable addresses of a remote endpoint, looked up on demand.
pub(crate) struct RemoteAddresses<'a> {
    addresses: Addresses<'a>,
    /// Returns an error for an address that cannot be used.
    check: &'a (dyn Fn(SocketAddr) -> Result<(), Error> + Send + Sync),
    /// Whether there has been a usable address.
    has_yielded: bool,
    /// The error of the first address that cannot be used.
    first_rejection: Option<Error>,
}

/// The source of the addresses.
enum Addresses<'a> {
    /// The endpoint is an address, so no lookup and no allocation is needed.
    Literal(Option<SocketAddr>),
    HostByHost(Box<HostByHost<'a>>),
}

/// The hosts of an endpoint, and the remaining addresses of the current one.
struct HostByHost<'a> {
    search: &'a Search<'a>,
    remote: &'a Endpoint,
    /// The zone for a link-local address that has none.
    zone: Option<u32>,
    /// Whether there is more than one host, of which several may have the same address or be the
    /// same.
    has_several: bool,
    /// The hosts that have not been looked up yet, in the order in which to try them.
    targets: vec::IntoIter<Target>,
    addresses: vec::IntoIter<SocketAddr>,
    /// The addresses of the hosts that were looked up, by name, if another record may name them
    /// again.
    known: BTreeMap<String, Vec<FoundAddress>>,
    /// The addresses that were handed out, if there may be another host that leads to them.
    listed: BTreeSet<SocketAddr>,
    /// The number of addresses found so far.
    found: usize,
    last_error: Option<Error>,
    started: Instant,
}

impl<'a> RemoteAddresses<'a> {
    /// Finds the hosts that offer the service of `remote`.
    ///
    /// Only those of their addresses that pass `check` are used. A link-local address without a
    /// zone gets `zone`, if given.
    ///
    /// # Errors
    ///
    /// No host offers the service, or the lookup failed.
    pub(crate) async fn find(
        search: &'a Search<'a>,
        remote: &'a Endpoint,
        zone: Option<u32>,
        check: &'a (dyn Fn(SocketAddr) -> Result<(), Error> + Send + Sync),
    ) -> Result<Self, Error> {
        let addresses = match remote.socket_addr_by(search.adapter_index()) {
            Some(address) => {
                let address = address?;
                search.check_family(address)?;
                Addresses::Literal(Some(with_zone(address, zone, || search.list_adapters())))
            }
            None => {
                // Boxed to keep the future small for sockets that connect to an address.
                let hosts = Box::pin(HostByHost::find(search, remote, zone)).await?;
                Addresses::HostByHost(Box::new(hosts))
            }
        };
        Ok(Self {
            addresses,
            check,
            has_yielded: false,
            first_rejection: None,
        })
    }

    /// Returns the next address; `None` after the last one.
    ///
    /// # Errors
    ///
    /// There was no usable address: the error of the first address, or the reason why there is no
    /// address.
    pub(crate) async fn next(&mut self) -> Result<Option<SocketAddr>, Error> {
        while let Some(address) = self.addresses.next().await? {
            match (self.check)(address) {
                Ok(()) => {
                    self.has_yielded = true;
                    return Ok(Some(address));
                }
                Err(error) => {
                    self.first_rejection.get_or_insert(error);
                }
            }
        }
        if self.has_yielded {
            return Ok(None);
        }
        let no_address = || Error::new(ErrorKind::HostNotFound, "there is no address to send to");
        Err(self.first_rejection.take().unwrap_or_else(no_address))
    }
}

impl Addresses<'_> {
    async fn next(&mut self) -> Result<Option<SocketAddr>, Error> {
        match self {
            Self::Literal(address) => Ok(address.take()),
            Self::HostByHost(hosts) => Box::pin(hosts.next()).await,
        }
    }
}

impl<'a> HostByHost<'a> {
    async fn find(
        search: &'a Search<'a>,
        remote: &'a Endpoint,
        zone: Option<u32>,
    ) -> Result<Self, Error> {
        let started = Instant::now();
        let targets = search.targets(remote, &mut Vec::new()).await;
        if let Err(error) = &targets {
            report_resolved(remote, started, Err(error));
        }
        let targets = targets?;
        Ok(Self {
            search,
            remote,
            zone,
            has_several: targets.len() > 1,
            targets: targets.into_iter(),
            addresses: Vec::new().into_iter(),
            known: BTreeMap::new(),
            listed: BTreeSet::new(),
            found: 0,
            last_error: None,
            started,
        })
    }

    /// Returns the next address; `None` after the last one.
    ///
    /// Source addresses are looked up only if they decide the order. The socket gets its own from
    /// the system.
    ///
    /// # Errors
    ///
    /// No host has an address: the error of the last host.
    async fn next(&mut self) -> Result<Option<SocketAddr>, Error> {
        loop {
            if let Some(address) = self.addresses.next() {
                return Ok(Some(address));
            }
            let Some(target) = self.targets.next() else {
                break;
            };
            if self.found >= candidate::CANDIDATES_MAX {
                break;
            }
            match self.addresses_of(&target).await {
                // All of them were handed out already, or there were none the last time.
                Ok(addresses) if addresses.is_empty() => {}
                Ok(addresses) => {
                    if self.found == 0 {
                        report_resolved(self.remote, self.started, Ok(addresses.len()));
                    }
                    self.found += addresses.len();
                    self.addresses = addresses.into_iter();
                }
                Err(error) => self.last_error = Some(error),
            }
        }
        match self.last_error.take() {
            Some(error) if self.found == 0 => {
                report_resolved(self.remote, self.started, Err(&error));
                Err(error)
            }
            _ => Ok(None),
        }
    }

    /// Returns the addresses of one host in the order in which to try them.
    async fn addresses_of(&mut self, target: &Target) -> Result<Vec<SocketAddr>, Error> {
        let later = self.targets.as_slice().iter();
        let later = later.filter(|target| target.needs_lookup());
        let search = self
            .search
            .with_share_of_time(1 + later.take(HOSTS_SHARING_TIME - 1).count());
        let found = match self.known.get(target.host().domain()) {
            Some(known) => known.clone(),
            None => {
                let (found, step) = search.addresses(target).await;
                step.report();
                if self.has_several {
                    // A host without an address is not looked up again either.
                    let known = found.as_deref().unwrap_or_default().to_vec();
                    let domain = target.host().domain().to_owned();
                    self.known.insert(domain, known);
                }
                found?
            }
        };
        let group = target.group(found);
        let lister = self.search.adapter_lister();
        let candidates = candidate::in_order(vec![group], self.zone, lister, Sources::Deciding);
        let addresses = candidates.iter().map(|candidate| candidate.address);
        let mut addresses: Vec<_> = addresses.collect();
        if self.has_several {
            addresses.retain(|address| self.listed.insert(*address));
        }
        Ok(addresses)
    }
}

/// The maximum number of hosts among which the remaining time is divided. A host whose name server
/// does not respond leaves time for the hosts after it.
const HOSTS_SHARING_TIME: usize = 4;
