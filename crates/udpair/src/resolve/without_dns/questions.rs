//! What a resolution would ask name servers, and that it cannot.

use std::future;
use std::sync::Arc;

use super::{DnsFailure, NO_NAME_SERVER};
use crate::error::{Error, ErrorKind};
use crate::name::HostName;
use crate::resolve::family::AddressFamily;
use crate::resolve::host::Host;
use crate::resolve::host_lookup::{FamilyLookup, HostLookup, LookupFailure};
use crate::resolve::search::Search;
use crate::resolve::special::SpecialUse;
use crate::resolve::step::SrvStep;
use crate::resolve::target::{NoTargets, Target};

impl<'a> Search<'a> {
    /// Returns the error for a service that only SRV records can have. Another source may have it.
    pub(in crate::resolve) async fn targets_by_query(
        &self,
        service: &str,
        host: &HostName,
        _step: &mut SrvStep,
    ) -> Result<Vec<Target>, NoTargets> {
        let error = Error::new(
            ErrorKind::Unsupported,
            format!("cannot resolve service \"{service}\" for host \"{host}\": {NO_NAME_SERVER}"),
        );
        Err(NoTargets::Unknown(error.with_advice(
            "enable the feature `dns` of the crate udpair, give the port number, or give a services \
             file that lists the service",
        )))
    }

    /// Returns `lookup`, to which every one of `families` adds a failure.
    pub(in crate::resolve) async fn ask_for_families(
        &self,
        _host: &Host,
        families: &[AddressFamily],
        lookup: HostLookup<'a>,
        _notes: &mut Vec<String>,
    ) -> Result<HostLookup<'a>, Error> {
        let lookups = families.iter().map(|family| FamilyLookup {
            record_type: family.record_type(),
            log: Arc::default(),
            addresses: Box::pin(future::ready(Err(LookupFailure::Dns(DnsFailure)))),
        });
        Ok(lookup.with(lookups.collect(), false))
    }

    /// Returns how many of several hosts may be looked up concurrently. Only SRV records name
    /// several.
    pub(in crate::resolve) async fn hosts_at_once(&self) -> Result<usize, Error> {
        Ok(1)
    }

    /// Returns `None`: no domain is looked up in DNS, so that none is an exception.
    pub(in crate::resolve) async fn special_use(&self, _domain: &str) -> Option<SpecialUse> {
        None
    }
}
