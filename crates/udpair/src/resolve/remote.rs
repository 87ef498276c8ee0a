//! The addresses of a remote endpoint, looked up one host after the other, for a socket that uses
//! the first suitable one.
//!
//! SRV records may name many hosts, and the first one usually suffices. So the addresses of a host
//! are looked up only after those of all hosts before it have turned out to be unusable: a name
//! server that does not respond for a spare host costs nothing. [`Search::resolve_fully`] looks up
//! all hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use std::vec;

use super::candidate::{self, Sources};
use super::error;
use super::host_lookup::HostLookup;
use super::search::{Search, report_resolved};
use super::step::{AddressSource, FoundAddress};
use super::target::Target;
use super::zone::with_zone;
use crate::error::{Error, ErrorKind};
use crate::name::Endpoint;

/// The usable addresses of a remote endpoint, looked up on demand.
pub(crate) struct RemoteAddresses<'a> {
    addresses: Addresses<'a>,
    /// Returns the address to use for one that was found, or an error if it cannot be used.
    check: &'a Check<'a>,
    /// Whether there has been a usable address.
    has_yielded: bool,
    /// The error of the first address that cannot be used.
    first_rejection: Option<Error>,
}

/// A check of an address that was found.
type Check<'a> = dyn Fn(SocketAddr) -> Result<SocketAddr, Error> + Send + Sync + 'a;

/// The source of the addresses.
enum Addresses<'a> {
    /// The endpoint is an address, so no lookup and no allocation is needed.
    Literal(Option<SocketAddr>),
    HostByHost(Box<HostByHost<'a>>),
}

/// The hosts of an endpoint, and the remaining addresses of the current one.
struct HostByHost<'a> {
    search: Search<'a>,
    remote: &'a Endpoint,
    /// The zone for a link-local address that has none.
    zone: Option<u32>,
    /// The hosts that have not been looked up yet, in the order in which to try them.
    targets: vec::IntoIter<Target>,
    current: Option<CurrentHost<'a>>,
    addresses: vec::IntoIter<SocketAddr>,
    /// The addresses of the hosts that were looked up, by name, if another record may name them
    /// again.
    known: BTreeMap<String, Vec<FoundAddress>>,
    /// The addresses that were handed out: several hosts and records may lead to the same one.
    listed: BTreeSet<SocketAddr>,
    /// Whether there is more than one host.
    has_several: bool,
    /// The number of addresses found so far.
    found: usize,
    last_error: Option<Error>,
    /// Whether a host has addresses, but not of the local end's family.
    has_other_family: bool,
    started: Instant,
}

/// The host that is being looked up. Its addresses may come one family after the other.
struct CurrentHost<'a> {
    target: Target,
    /// The search, with the host's share of the time.
    search: Search<'a>,
    lookup: HostLookup<'a>,
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
        check: &'a Check<'a>,
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
                Ok(usable) => {
                    self.has_yielded = true;
                    return Ok(Some(usable));
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

    /// Gives the lookups more time: what passed while the last address was in use is none of
    /// theirs.
    pub(crate) fn postpone(&mut self, by: Duration) {
        self.addresses.postpone(by);
    }
}

impl Addresses<'_> {
    fn postpone(&mut self, by: Duration) {
        let Self::HostByHost(hosts) = self else {
            return;
        };
        hosts.search.postpone(by);
        if let Some(current) = &mut hosts.current {
            current.search.postpone(by);
        }
    }

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
            search: search.clone(),
            remote,
            zone,
            has_several: targets.len() > 1,
            targets: targets.into_iter(),
            current: None,
            addresses: Vec::new().into_iter(),
            known: BTreeMap::new(),
            listed: BTreeSet::new(),
            found: 0,
            last_error: None,
            has_other_family: false,
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
            if self.found >= candidate::CANDIDATES_MAX {
                break;
            }
            let current = match self.current.take() {
                Some(current) => current,
                None => match self.targets.next() {
                    Some(target) => match self.begin(target).await {
                        Some(current) => current,
                        None => continue,
                    },
                    None => break,
                },
            };
            self.go_on(current).await;
        }
        if self.found > 0 {
            return Ok(None);
        }
        let error = match (self.last_error.take(), self.search.local_family()) {
            // A host that the local end cannot reach counts more than one that does not resolve.
            (_, Some(family)) if self.has_other_family => {
                error::no_host_in_family(family, self.remote)
            }
            (Some(error), _) => error,
            (None, _) => return Ok(None),
        };
        report_resolved(self.remote, self.started, Err(&error));
        Err(error)
    }

    /// Notes that a host has no address, and why.
    fn failed(&mut self, target: &Target, error: Error, started: Instant) {
        target.report(0, Some(&error), started);
        self.has_other_family |= error.kind() == ErrorKind::FamilyNotSupported;
        self.last_error = Some(error);
    }

    /// Begins to look up a host; `None` if that failed.
    async fn begin(&mut self, target: Target) -> Option<CurrentHost<'a>> {
        let later = self.targets.as_slice().iter();
        let later = later.filter(|target| target.needs_lookup());
        let search = self
            .search
            .with_share_of_time(1 + later.take(HOSTS_SHARING_TIME - 1).count());
        let started = Instant::now();
        let begun = match self.known.get(target.host().domain()) {
            // The host was looked up for an earlier record. It had no address, or it leads to
            // others now, since this record has another port.
            Some(known) if known.is_empty() => return None,
            Some(known) => Ok(HostLookup::known(known.clone())),
            None => {
                let (source, notes) = (&mut AddressSource::Literal, &mut Vec::new());
                search.begin_lookup(&target, source, notes).await
            }
        };
        if self.has_several {
            let domain = target.host().domain().to_owned();
            self.known.entry(domain).or_default();
        }
        match begun {
            Ok(lookup) => Some(CurrentHost {
                target,
                search,
                lookup,
                started,
            }),
            Err(error) => {
                self.failed(&target, error, started);
                None
            }
        }
    }

    /// Waits for more addresses of a host, and puts them in order.
    async fn go_on(&mut self, mut current: CurrentHost<'a>) {
        let CurrentHost {
            target,
            search,
            lookup,
            started,
        } = &mut current;
        let found = lookup.next().await;
        let found = match found.map_err(|failure| search.lookup_error(target, lookup, failure)) {
            Ok(Some(addresses)) => search.of_family(target.host(), addresses),
            // The host has no more addresses.
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let addresses = match found {
            Ok(addresses) => addresses,
            Err(error) => {
                let started = *started;
                self.failed(target, error, started);
                return;
            }
        };
        target.report(addresses.len(), None, *started);
        if self.found == 0 {
            report_resolved(self.remote, self.started, Ok(addresses.len()));
        }
        if let Some(known) = self.known.get_mut(target.host().domain()) {
            let new = addresses.iter().filter(|address| !known.contains(address));
            let new: Vec<_> = new.copied().collect();
            known.extend(new);
        }
        let group = target.group(addresses);
        let lister = self.search.adapter_lister();
        let candidates = candidate::in_order(vec![group], self.zone, lister, Sources::Deciding);
        self.found += candidates.len();
        let addresses = candidates.iter().map(|found| found.address);
        let addresses: Vec<_> = addresses
            .filter(|address| self.listed.insert(*address))
            .collect();
        self.addresses = addresses.into_iter();
        self.current = Some(current);
    }
}

/// The maximum number of hosts among which the remaining time is divided. A host whose name server
/// does not respond leaves time for the hosts after it.
const HOSTS_SHARING_TIME: usize = 4;
