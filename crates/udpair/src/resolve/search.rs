//! One resolution in progress: what it is for, and how much time it has.
//!
//! What it looks up, and in which order, is decided by the files that extend [`Search`]:
//! `targets` finds the hosts that offer a service, `services_file` the ports that a file lists,
//! `host_sources` the addresses of one host, `all_hosts` those of all hosts, and `local` the local
//! end.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use udpair_io::Adapter;

use super::error;
use super::family::AddressFamily;
use super::host::Host;
use super::inputs::{AdapterIndex, ListAdapters};
use super::settings::{ResolverSettings, TIMEOUT};
use super::step::FoundAddress;
use crate::error::Error;
use crate::name::Endpoint;
use crate::observe;

/// One resolution in progress.
#[derive(Clone)]
pub(crate) struct Search<'a> {
    pub(super) settings: &'a ResolverSettings,
    /// The only adapter through which this crate's own DNS queries leave (SRV-15); `None` leaves
    /// the route to the system.
    #[cfg_attr(
        not(feature = "dns"),
        expect(dead_code, reason = "there are no queries of this crate")
    )]
    pub(super) adapter: Option<&'a Adapter>,
    /// The family of the local end, if it has only one (ADR-02).
    local_family: Option<AddressFamily>,
    pub(super) deadline: Instant,
}

impl<'a> Search<'a> {
    pub(super) fn begin(settings: &'a ResolverSettings, adapter: Option<&'a Adapter>) -> Self {
        Self {
            settings,
            adapter,
            local_family: None,
            deadline: deadline_after(settings.timeout.unwrap_or(TIMEOUT)),
        }
    }

    /// Returns this search for a local end of this family; `None` if it has both.
    pub(crate) fn for_local_family(&self, family: Option<AddressFamily>) -> Self {
        Self {
            local_family: family,
            ..*self
        }
    }

    /// Returns this search with an earlier deadline, for the first of `hosts` hosts that are looked
    /// up one after the other and share the remaining time.
    pub(super) fn with_share_of_time(&self, hosts: usize) -> Self {
        let hosts = u32::try_from(hosts).unwrap_or(u32::MAX).max(1);
        let later = self.time_left() / hosts * (hosts - 1);
        Self {
            deadline: self.deadline.checked_sub(later).unwrap_or(self.deadline),
            ..*self
        }
    }

    /// Puts the deadline off.
    pub(super) fn postpone(&mut self, by: Duration) {
        self.deadline = self.deadline.checked_add(by).unwrap_or(self.deadline);
    }

    /// Returns how much of the time limit is left.
    pub(super) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Returns the function that lists the adapters.
    pub(super) fn adapter_lister(&self) -> &'a ListAdapters {
        &*self.settings.list_adapters
    }

    /// Returns the function that looks up the index of an adapter.
    pub(super) fn adapter_index(&self) -> &'a AdapterIndex {
        &*self.settings.adapter_index
    }

    /// Lists the adapters.
    pub(crate) fn list_adapters(&self) -> io::Result<Vec<Adapter>> {
        self.adapter_lister()()
    }

    /// Checks that an address, which needs no lookup, is of the requested family.
    pub(super) fn check_family(&self, address: SocketAddr) -> Result<(), Error> {
        match self.settings.family {
            Some(family) if !family.includes(address.ip()) => {
                Err(error::no_address_in_family(family, address.ip()))
            }
            _ => Ok(()),
        }
    }

    /// Returns the families that are wanted: by the caller, and by the local end.
    pub(super) fn families(&self) -> &'static [AddressFamily] {
        match self.settings.family.or(self.local_family) {
            Some(AddressFamily::Ipv4) => &[AddressFamily::Ipv4],
            Some(AddressFamily::Ipv6) => &[AddressFamily::Ipv6],
            None => &[AddressFamily::Ipv4, AddressFamily::Ipv6],
        }
    }

    /// Returns the family of the local end; `None` if it has both.
    pub(super) fn local_family(&self) -> Option<AddressFamily> {
        self.local_family
    }

    /// Returns those of the addresses that are of the wanted family.
    pub(super) fn of_family(
        &self,
        host: &Host,
        addresses: Vec<FoundAddress>,
    ) -> Result<Vec<FoundAddress>, Error> {
        let [family] = self.families() else {
            return Ok(addresses);
        };
        let family = *family;
        let kept: Vec<_> = addresses
            .into_iter()
            .filter(|a| family.includes(a.ip))
            .collect();
        if kept.is_empty() {
            return Err(error::no_address_in_family(family, host));
        }
        Ok(kept)
    }
}

/// Reports the end of a resolution to observers: the number of addresses, or the error.
pub(super) fn report_resolved(remote: &Endpoint, started: Instant, outcome: Result<usize, &Error>) {
    let error = outcome.err().map(|error| error as &dyn Display);
    observe::resolved(remote, outcome.unwrap_or(0), error, started.elapsed());
}

/// Returns the deadline that is `limit` from now, or one in the distant future if the clock cannot
/// represent it.
fn deadline_after(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit)
        .unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()))
}
