//! A remote endpoint resolved for a socket, one host after the other.
//!
//! SRV records may name many hosts, and most of the time the first one will do. So nobody is asked
//! for the addresses of a host before those of all hosts in front of it have turned out to be of no
//! use; a name server that keeps silent about a spare host costs nothing. Whoever wants to know all
//! that there is to know asks [`Search::in_full`].

use std::net::SocketAddr;
use std::time::Instant;
use std::vec;

use super::candidate::{self, Sources};
use super::search::{Group, Search, Target, resolved};
use crate::error::Error;
use crate::name::Endpoint;

/// See the module.
pub(crate) struct Remote<'a> {
    search: &'a Search<'a>,
    remote: &'a Endpoint,
    /// The zone of a link-local address that comes without one.
    zone: Option<u32>,
    /// The hosts that were not asked for yet, in the order to try them.
    targets: vec::IntoIter<Target>,
    /// How many addresses there have been.
    found: usize,
    last_error: Option<Error>,
    started: Instant,
}

impl<'a> Remote<'a> {
    /// Finds the hosts that offer the service of `remote`. A link-local address without a zone gets
    /// `zone`, if there is one.
    ///
    /// # Errors
    ///
    /// There is no such host.
    pub(crate) async fn find(
        search: &'a Search<'a>,
        remote: &'a Endpoint,
        zone: Option<u32>,
    ) -> Result<Self, Error> {
        let started = Instant::now();
        // Boxed, so that the future of a socket that is connected to an address is small.
        let targets = Box::pin(search.targets(remote, &mut Vec::new())).await;
        if let Err(error) = &targets {
            resolved(remote, started, Err(error));
        }
        Ok(Self {
            search,
            remote,
            zone,
            targets: targets?.into_iter(),
            found: 0,
            last_error: None,
            started,
        })
    }

    /// Returns the addresses of the next host that has any, best first; `None` if there was such a host
    /// before, and is none any more.
    ///
    /// Source addresses are found out only where they decide the order; the socket will find its own.
    ///
    /// # Errors
    ///
    /// No host has an address: why the last one has none.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<SocketAddr>>, Error> {
        while let Some(target) = self.targets.next()
            && self.found < candidate::CANDIDATES_MAX
        {
            let addresses = Box::pin(self.addresses(&target)).await;
            match addresses {
                Ok(addresses) => {
                    if self.found == 0 {
                        resolved(self.remote, self.started, Ok(addresses.len()));
                    }
                    self.found += addresses.len();
                    return Ok(Some(addresses));
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
    async fn addresses(&mut self, target: &Target) -> Result<Vec<SocketAddr>, Error> {
        let later = self.targets.as_slice().iter();
        let later = later.filter(|target| target.must_be_looked_up());
        let search = self
            .search
            .with_share_of_time(1 + later.take(HOSTS_THAT_SHARE - 1).count());
        let (found, step) = search.addresses(target).await;
        step.tell();
        let group = Group::of(target, found?);
        let adapters = self.search.adapters();
        let candidates = candidate::in_order(vec![group], self.zone, adapters, Sources::Deciding);
        let addresses = candidates.iter().map(|candidate| candidate.address);
        Ok(addresses.collect())
    }
}

/// Among how many hosts the time that is left is divided, so that one whose name server keeps silent
/// leaves some to those behind it.
const HOSTS_THAT_SHARE: usize = 4;
