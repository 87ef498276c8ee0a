//! The sources of one host's addresses, and which of them is responsible for it: the name itself, a
//! hosts file, name servers, or the operating system.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use udpair_io::LookupError;

use super::error;
use super::family::AddressFamily;
use super::host::Host;
use super::host_lookup::{FamilyLookup, FoundAddresses, HostLookup, LookupFailure};
use super::hosts::Hosts;
use super::search::Search;
use super::special::SpecialUse;
use super::step::{AddressSource, FoundAddress};
use super::system_resolver::{SystemFailure, SystemLookup};
use super::target::Target;
use super::text_file::TextFile;
use crate::error::{Error, ErrorKind};

impl<'a> Search<'a> {
    /// Begins to look up a host, in the first source that is responsible for it. Stores the source,
    /// and adds to `notes` what is to be known about files.
    pub(super) async fn begin_lookup(
        &self,
        target: &Target,
        source: &mut AddressSource,
        notes: &mut Vec<String>,
    ) -> Result<HostLookup<'a>, Error> {
        let host = &target.host;
        if let Some((server, addresses)) = &target.known {
            *source = AddressSource::Additional(*server);
            return self.complete(host, addresses, notes).await;
        }
        let literal = host
            .name()
            .and_then(|name| name.socket_addr_by(0, self.adapter_index()));
        if let Some(address) = literal {
            return Ok(HostLookup::known(vec![FoundAddress::of(address?)]));
        }
        if host.is_localhost() {
            *source = AddressSource::Localhost;
            return Ok(HostLookup::known(self.loopback_addresses()));
        }
        let mut has_other_family = false;
        if let Some(file) = &self.settings.hosts {
            let listed = self.look_up_in(file, host, notes).await?;
            if !listed.addresses.is_empty() {
                *source = AddressSource::HostsFile(file.path().to_owned());
                return Ok(HostLookup::known(listed.addresses));
            }
            has_other_family = listed.has_other_family;
        }
        let lookup = match &self.settings.dns_servers {
            Some(_) => {
                *source = AddressSource::Dns;
                if let Some(special) = self.special_use(host.domain()).await {
                    return Err(special_host(host, special));
                }
                let lookup = HostLookup::known(Vec::new());
                self.ask_for_families(host, self.families(), lookup, notes)
                    .await?
            }
            None => self.begin_by_system(host, source, notes).await?,
        };
        Ok(lookup.after_other_family(has_other_family))
    }

    /// Looks up the family of a host that did not come along with its SRV record.
    ///
    /// Servers leave addresses out without saying so: those that they do not have at hand, and
    /// those that do not fit.
    async fn complete(
        &self,
        host: &Host,
        addresses: &[FoundAddress],
        notes: &mut Vec<String>,
    ) -> Result<HostLookup<'a>, Error> {
        let families = self.families();
        let known = addresses.iter().copied();
        let known: Vec<_> = known
            .filter(|found| families.iter().any(|family| family.includes(found.ip)))
            .collect();
        let missing = families.iter().copied();
        let missing: Vec<_> = missing
            .filter(|family| !known.iter().any(|found| family.includes(found.ip)))
            .collect();
        let lookup = HostLookup::known(known);
        if missing.is_empty() || self.special_use(host.domain()).await.is_some() {
            return Ok(lookup);
        }
        self.ask_for_families(host, &missing, lookup, notes).await
    }
    /// Begins to look up a host in the operating system.
    async fn begin_by_system(
        &self,
        host: &Host,
        source: &mut AddressSource,
        notes: &mut Vec<String>,
    ) -> Result<HostLookup<'a>, Error> {
        *source = AddressSource::System;
        let mut name = host.domain().to_owned();
        let onion = SpecialUse::of(host.domain()).filter(|special| *special == SpecialUse::Onion);
        let mut has_other_family = false;
        if host.is_absolute() || onion.is_some() {
            // The dot disables the search list, but with it the system does not use its hosts file.
            let file = &self.settings.system_hosts;
            let listed = self.look_up_in(file, host, notes).await?;
            if !listed.addresses.is_empty() {
                *source = AddressSource::HostsFile(file.path().to_owned());
                return Ok(HostLookup::known(listed.addresses));
            }
            has_other_family = listed.has_other_family;
            name.push('.');
        }
        if let Some(special) = onion {
            return Err(special_host(host, special));
        }
        let problem = self.problem_of_name_servers().await;
        notes.extend(problem.clone());
        let lookup = SystemLookup {
            name,
            started: Instant::now(),
            deadline: self.deadline,
        };
        let families = self.families().iter();
        let lookups = families.map(|family| self.family_by_system(host, &lookup, *family));
        let lookup = HostLookup::of(lookups.collect(), false);
        Ok(lookup
            .with_advice(problem)
            .after_other_family(has_other_family))
    }

    /// Says that the list of name servers cannot be read; `None` if it can, or if there is none.
    /// The system's resolver then queries the server of this machine, and does not say so.
    async fn problem_of_name_servers(&self) -> Option<String> {
        let file = self.settings.name_servers.as_ref()?;
        let problem = match file.read(self.time_left() / 4).await {
            Ok(content) => content.problem?,
            Err(error) => format!("{error}: {}", error.innermost()),
        };
        Some(format!(
            "{problem}; the system's resolver may query the server of this machine instead"
        ))
    }

    fn family_by_system(
        &self,
        host: &Host,
        lookup: &SystemLookup,
        family: AddressFamily,
    ) -> FamilyLookup<'a> {
        let lookup = lookup.clone();
        let is_only = self.families().len() == 1;
        let pending = self.settings.system_lookups.add(&host.to_string());
        let addresses: FoundAddresses<'a> = Box::pin(async move {
            let found = match is_only {
                true => lookup.only(family).await,
                false => lookup.one_of_both(family).await,
            };
            drop(pending);
            found.map_err(LookupFailure::System)
        });
        FamilyLookup {
            record_type: family.record_type(),
            log: Arc::default(),
            addresses,
        }
    }
    /// Returns the error for a host that has no address.
    pub(super) fn lookup_error(
        &self,
        target: &Target,
        lookup: &HostLookup<'_>,
        failure: LookupFailure,
    ) -> Error {
        let host = &target.host;
        let families = self.families();
        let is_other_family = match &failure {
            // A hosts file has the name.
            failure if failure.is_absence() && lookup.has_other_family() => true,
            // The name exists, but a local end of that family cannot reach it (ADR-02).
            LookupFailure::Dns(failure) if failure.is_no_data() => self.local_family().is_some(),
            LookupFailure::System(SystemFailure::Lookup(error)) => {
                matches!(**error, LookupError::NoData)
            }
            _ => false,
        };
        let error = match (failure, families) {
            (_, [family]) if is_other_family => {
                return error::no_address_in_family(*family, host);
            }
            (LookupFailure::Dns(failure), families) => {
                let types: Vec<_> = families.iter().map(|family| family.record_type()).collect();
                failure.for_host(host, &types)
            }
            (LookupFailure::System(failure), _) => error::system_lookup(host, failure),
        };
        let advice = match error.kind() {
            ErrorKind::HostNotFound | ErrorKind::NoData => target.advice.as_deref(),
            // What this process lacks is the reason for whatever else went wrong.
            ErrorKind::TooManyFiles => return error,
            _ => None,
        };
        match lookup.advice().or(advice) {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }

    /// Returns the addresses that a hosts file lists for a host and that can be used here. If there
    /// is none, the next source is responsible.
    async fn look_up_in(
        &self,
        file: &TextFile<Hosts>,
        host: &Host,
        notes: &mut Vec<String>,
    ) -> Result<Listed, Error> {
        let mut listed = Listed::default();
        let Some(name) = host.name() else {
            return Ok(listed);
        };
        let content = file.read(self.time_left()).await?;
        notes.extend(content.problem);
        let hosts = content.parsed.unwrap_or_default();
        let path = file.path().display();
        let mut found = Vec::new();
        for address in hosts.addresses(name) {
            match address.socket_addr_by(0, self.adapter_index()) {
                Some(Ok(address)) => {
                    let address = FoundAddress::of(address);
                    let mut families = self.families().iter();
                    match families.any(|family| family.includes(address.ip)) {
                        true => found.push(address),
                        false => listed.has_other_family = true,
                    }
                }
                Some(Err(error)) => notes.push(format!("a row of {path} is skipped: {error}")),
                None => {}
            }
        }
        listed.addresses = distinct(found);
        Ok(listed)
    }
    /// Returns the loopback addresses of this machine.
    fn loopback_addresses(&self) -> Vec<FoundAddress> {
        let adapters = self.list_adapters().unwrap_or_default();
        let loopback = adapters
            .iter()
            .filter(|adapter| adapter.is_loopback && adapter.is_up);
        let mut addresses: Vec<_> = loopback
            .flat_map(|adapter| &adapter.addresses)
            .filter(|address| address.ip.is_loopback())
            .map(|address| FoundAddress::of(SocketAddr::new(address.ip, 0)))
            .collect();
        if addresses.is_empty() {
            let both: [IpAddr; 2] = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
            addresses.extend(both.map(|ip| FoundAddress::of(SocketAddr::new(ip, 0))));
        }
        addresses
    }
}

/// Returns the error for a host that is not looked up in DNS.
fn special_host(host: &Host, special: SpecialUse) -> Error {
    let action = format!("cannot resolve host \"{host}\"");
    error::special_name(&action, host.domain(), special)
}

/// What a hosts file lists for a host.
#[derive(Debug, Default)]
struct Listed {
    /// The addresses that can be used here, of the wanted families.
    addresses: Vec<FoundAddress>,
    /// Whether there is an address of another family.
    has_other_family: bool,
}

/// Returns each address once: several rows of the system's hosts file, or records of two types, may
/// have the same.
fn distinct(addresses: Vec<FoundAddress>) -> Vec<FoundAddress> {
    let mut distinct: Vec<FoundAddress> = Vec::with_capacity(addresses.len());
    for address in addresses {
        let host = |address: &FoundAddress| (address.ip, address.scope_id);
        if distinct.iter().all(|other| host(other) != host(&address)) {
            distinct.push(address);
        }
    }
    distinct
}
