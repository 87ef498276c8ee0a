//! The addresses of a remote endpoint, found one host after the other, for a socket that will use the
//! first that serves.
//!
//! SRV records may name many hosts, and most of the time the first one will do. So nobody is asked
//! for the addresses of a host before those of all hosts in front of it have turned out to be of no
//! use; a name server that keeps silent about a spare host costs nothing. Whoever wants to know all
//! that there is to know asks [`Search::in_full`].

use std::net::SocketAddr;
use std::time::Instant;
use std::vec;

use super::candidate::{self, Sources};
use super::search::{Search, Target, resolved};
use super::zone::with_zone;
use crate::error::{Error, ErrorKind};
use crate::name::Endpoint;

/// See the module.
pub(crate) struct Remote<'a> {
    addresses: Addresses<'a>,
    /// Says what is wrong with an address that cannot be used.
    check: &'a (dyn Fn(SocketAddr) -> Result<(), Error> + Send + Sync),
    /// Whether there has been one that can.
    has_any: bool,
    /// What is wrong with the first address that cannot.
    first_refusal: Option<Error>,
}

/// Where addresses come from.
enum Addresses<'a> {
    /// The endpoint is an address; nobody has to be asked, and nothing allocated.
    Literal(Option<SocketAddr>),
    HostByHost(Box<HostByHost<'a>>),
}

/// The hosts of an endpoint, and what is left of the addresses of the last one.
struct HostByHost<'a> {
    search: &'a Search<'a>,
    remote: &'a Endpoint,
    /// The zone of a link-local address that comes without one.
    zone: Option<u32>,
    /// The hosts that were not asked for yet, in the order to try them.
    targets: vec::IntoIter<Target>,
    addresses: vec::IntoIter<SocketAddr>,
    /// How many addresses there have been.
    found: usize,
    last_error: Option<Error>,
    started: Instant,
}

impl<'a> Remote<'a> {
    /// Finds the hosts that offer the service of `remote`; of their addresses those count that pass
    /// `check`. A link-local address without a zone gets `zone`, if there is one.
    ///
    /// # Errors
    ///
    /// There is no such host.
    pub(crate) async fn find(
        search: &'a Search<'a>,
        remote: &'a Endpoint,
        zone: Option<u32>,
        check: &'a (dyn Fn(SocketAddr) -> Result<(), Error> + Send + Sync),
    ) -> Result<Self, Error> {
        let addresses = match remote.socket_addr() {
            Some(address) => {
                let address = address?;
                search.check_family(address)?;
                Addresses::Literal(Some(with_zone(address, zone, || search.list_adapters())))
            }
            None => {
                // Boxed, so that the future of a socket that is connected to an address is small.
                let hosts = Box::pin(HostByHost::find(search, remote, zone)).await?;
                Addresses::HostByHost(Box::new(hosts))
            }
        };
        Ok(Self {
            addresses,
            check,
            has_any: false,
            first_refusal: None,
        })
    }

    /// Returns the next address; `None` if there was one before, and is none any more.
    ///
    /// # Errors
    ///
    /// There is none at all: what is wrong with the first address, or why there is no address.
    pub(crate) async fn next(&mut self) -> Result<Option<SocketAddr>, Error> {
        while let Some(address) = self.addresses.next().await? {
            match (self.check)(address) {
                Ok(()) => {
                    self.has_any = true;
                    return Ok(Some(address));
                }
                Err(error) => {
                    self.first_refusal.get_or_insert(error);
                }
            }
        }
        if self.has_any {
            return Ok(None);
        }
        let nothing = || Error::new(ErrorKind::HostNotFound, "there is no address to send to");
        Err(self.first_refusal.take().unwrap_or_else(nothing))
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
            resolved(remote, started, Err(error));
        }
        Ok(Self {
            search,
            remote,
            zone,
            targets: targets?.into_iter(),
            addresses: Vec::new().into_iter(),
            found: 0,
            last_error: None,
            started,
        })
    }

    /// Returns the next address; `None` if there was one before, and is none any more.
    ///
    /// Source addresses are found out only where they decide the order; the socket will find its own.
    ///
    /// # Errors
    ///
    /// No host has an address: why the last one has none.
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
                Ok(addresses) => {
                    if self.found == 0 {
                        resolved(self.remote, self.started, Ok(addresses.len()));
                    }
                    self.found += addresses.len();
                    self.addresses = addresses.into_iter();
                }
                Err(error) => self.last_error = Some(error),
            }
        }
        match self.last_error.take() {
            Some(error) if self.found == 0 => {
                resolved(self.remote, self.started, Err(&error));
                Err(error)
            }
            _ => Ok(None),
        }
    }

    /// Returns the addresses of one host in the order to try them.
    async fn addresses_of(&mut self, target: &Target) -> Result<Vec<SocketAddr>, Error> {
        let later = self.targets.as_slice().iter();
        let later = later.filter(|target| target.must_be_looked_up());
        let search = self
            .search
            .with_share_of_time(1 + later.take(HOSTS_THAT_SHARE - 1).count());
        let (found, step) = search.addresses(target).await;
        step.tell();
        let group = target.group(found?);
        let lister = self.search.adapter_lister();
        let candidates = candidate::in_order(vec![group], self.zone, lister, Sources::Deciding);
        let addresses = candidates.iter().map(|candidate| candidate.address);
        Ok(addresses.collect())
    }
}

/// Among how many hosts the time that is left is divided, so that one whose name server keeps silent
/// leaves some to those behind it.
const HOSTS_THAT_SHARE: usize = 4;
