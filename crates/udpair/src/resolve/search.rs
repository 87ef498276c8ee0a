//! One resolution in progress: which sources are queried, in which order, and what follows from
//! their results.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use udpair_io::{Adapter, LookupError};

use super::candidate::{self, Group, Sources};
use super::dns::{self, Client, DnsFailure, QueryLog};
use super::family::AddressFamily;
use super::host::Host;
use super::host_lookup::{FamilyLookup, FoundAddresses, HostLookup, LookupFailure};
use super::hosts::Hosts;
use super::inputs::{AdapterIndex, ListAdapters};
use super::name_servers::{NameServers, QueryOptions};
use super::settings::{ATTEMPT_TIMEOUT, ATTEMPTS, ResolverSettings, TIMEOUT};
use super::special::SpecialUse;
use super::srv::SrvRecord;
use super::step::{
    AddressSource, AddressStep, Candidate, FoundAddress, SkippedRecord, SrvStep, Step,
};
use super::system_resolver::{SystemFailure, SystemLookup};
use super::text_file::TextFile;
use super::{error, srv};
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, HostName, HostNameType, bluetooth_refused};
use crate::observe;

/// One resolution in progress.
#[derive(Clone)]
pub(crate) struct Search<'a> {
    pub(super) settings: &'a ResolverSettings,
    /// The only adapter through which this crate's own DNS queries leave (SRV-15); `None` leaves
    /// the route to the system.
    adapter: Option<&'a Adapter>,
    /// The family of the local end, if it has only one (ADR-02).
    local_family: Option<AddressFamily>,
    deadline: Instant,
}

/// A host whose addresses are to be found.
pub(super) struct Target {
    host: Host,
    port: u16,
    srv: Option<SrvRecord>,
    /// Advice for a host that has no address; `None` if there is none.
    advice: Option<String>,
    /// Addresses that came with the SRV records, and the server that sent them.
    known: Option<(SocketAddr, Vec<FoundAddress>)>,
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

    /// Resolves a remote endpoint to the addresses of all of its hosts.
    pub(super) async fn resolve_fully(
        &self,
        remote: &Endpoint,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Candidate>, Error> {
        let started = Instant::now();
        let candidates = self.candidates(remote, steps).await;
        report_resolved(remote, started, candidates.as_ref().map(Vec::len));
        candidates
    }

    async fn candidates(
        &self,
        remote: &Endpoint,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Candidate>, Error> {
        let targets = self.targets(remote, steps).await?;
        let groups = self.addresses_of_all(targets, steps).await?;
        let candidates = candidate::in_order(groups, None, self.adapter_lister(), Sources::All);
        Step::Order(candidates.clone()).record(steps);
        Ok(candidates)
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

    /// Returns the hosts that offer the service of `remote`, in the order in which to try them.
    pub(super) async fn targets(
        &self,
        remote: &Endpoint,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Target>, Error> {
        let host = remote.remote_host()?;
        if host.kind() == HostNameType::Bluetooth {
            return Err(bluetooth_refused("resolve", host));
        }
        let Some(service) = remote.service().name() else {
            let port = remote.service().port();
            Self::number_step(&remote.service().to_string(), port).record(steps);
            let advice = host.domain().and_then(error::advice_for_srv_name);
            return Ok(vec![Target::without_srv(host, port.unwrap_or(0), advice)]);
        };
        // Only a domain has SRV records.
        let domain = host.domain().filter(|_| !host.is_localhost());
        let is_srv_only = self.settings.srv_only
            || domain.is_some_and(|domain| srv::is_written_as_in_dns(service, domain));
        let in_file = if is_srv_only {
            self.srv_only_step(service).record(steps);
            Default::default()
        } else {
            self.port_in_file(service, domain, steps).await?
        };
        if let Some(port) = in_file.port {
            return Ok(vec![Target::without_srv(host, port, in_file.advice)]);
        }
        let by_srv = match domain {
            Some(_) if !srv::fits(service) => Err(NoTargets::Unknown(
                self.misfit_service(service, is_srv_only),
            )),
            Some(domain) => self.targets_by_srv(service, host, domain, steps).await,
            None => Err(NoTargets::Unknown(self.unknown_service(
                service,
                &format!("{host} is not a domain that can have SRV records"),
                is_srv_only,
            ))),
        };
        match by_srv {
            Ok(targets) => Ok(targets),
            Err(NoTargets::Final(error)) => Err(error),
            Err(NoTargets::Unknown(error)) if in_file.is_file_missing => {
                match Self::port_in_table(service, steps) {
                    Some(port) => Ok(vec![Target::without_srv(host, port, None)]),
                    None => Err(error),
                }
            }
            Err(NoTargets::Unknown(error)) => Err(error),
        }
    }

    /// Returns the addresses of a host that is not a remote end, each with the port.
    pub(crate) async fn host_addresses(
        &self,
        host: &HostName,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Error> {
        let (found, _) = self.addresses(&Target::without_srv(host, port, None)).await;
        Ok(found?
            .iter()
            .map(|address| address.with_port(port))
            .collect())
    }

    /// Returns the hosts that are named by the SRV records of `service` at `host`.
    async fn targets_by_srv(
        &self,
        service: &str,
        host: &HostName,
        domain: &str,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Target>, NoTargets> {
        let started = Instant::now();
        let mut step = SrvStep {
            name: srv::query_name(service, domain),
            queries: Vec::new(),
            records: Vec::new(),
            skipped: Vec::new(),
            notes: Vec::new(),
            error: None,
            elapsed: Duration::ZERO,
        };
        let targets = self.targets_by_query(service, host, &mut step).await;
        step.error = targets.as_ref().err().map(|none| none.error().to_string());
        step.elapsed = started.elapsed();
        Step::Srv(step).record(steps);
        targets
    }

    /// Queries for the SRV records that the step names, and returns the hosts that they name.
    async fn targets_by_query(
        &self,
        service: &str,
        host: &HostName,
        step: &mut SrvStep,
    ) -> Result<Vec<Target>, NoTargets> {
        if let Some(special) = self.special_use(&step.name).await {
            let action = format!("cannot resolve service \"{service}\" for host \"{host}\"");
            let error = error::special_name(&action, &step.name, special);
            return Err(NoTargets::Unknown(error));
        }
        let client = self.dns_client(&mut step.notes).await;
        let client = client.map_err(NoTargets::Final)?;
        let log = QueryLog::default();
        let found = client.srv_records(&step.name, &log).await;
        step.queries = log.take();
        match found {
            Ok(found) => {
                step.skipped = skipped(&found.records);
                step.records = srv::order(found.records.clone(), &*self.settings.rng);
                let targets: Vec<_> = step.records.iter().map(|r| target(r, &found)).collect();
                if targets.is_empty() {
                    // The domain itself says so: final, unlike a missing response.
                    let error = error::not_offered(service, host, &step.name, &found);
                    Err(NoTargets::Final(error))
                } else {
                    Ok(targets)
                }
            }
            Err(failure) => {
                let error = error::srv_lookup(service, host, &step.name, failure);
                Err(match error.kind() {
                    ErrorKind::HostNotFound | ErrorKind::NoData => NoTargets::Unknown(error),
                    _ => NoTargets::Final(error),
                })
            }
        }
    }

    /// Returns the addresses of all targets. A target without any is left out, and a host that
    /// several records name is looked up once.
    async fn addresses_of_all(
        &self,
        targets: Vec<Target>,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Group>, Error> {
        let mut last_error = None;
        let mut numbers = BTreeMap::new();
        let mut hosts: Vec<&Target> = Vec::with_capacity(targets.len());
        let number_of = |target| {
            let number = numbers.entry(Target::host(target).domain());
            *number.or_insert_with(|| {
                hosts.push(target);
                hosts.len() - 1
            })
        };
        let host_of: Vec<usize> = targets.iter().map(number_of).collect();
        let mut found: Vec<Vec<FoundAddress>> = Vec::with_capacity(hosts.len());
        // Concurrently, but not hundreds at once: each lookup has sockets of its own.
        let at_once = match hosts.len() {
            0 | 1 => 1,
            _ if self.name_servers(&mut Vec::new()).await?.1.asks_one_by_one => 1,
            _ => TARGETS_AT_ONCE,
        };
        for (number, some) in hosts.chunks(at_once).enumerate() {
            // Hosts that do not resolve leave time for those after them.
            let rounds = hosts.len().div_ceil(at_once) - number;
            let search = self.with_share_of_time(rounds);
            let lookups = some.iter().map(|target| search.addresses(target));
            for (result, step) in driver::join_all(lookups).await {
                Step::Address(step).record(steps);
                found.push(result.unwrap_or_else(|error| {
                    last_error = Some(error);
                    Vec::new()
                }));
            }
        }
        let has_repeated = hosts.len() < targets.len();
        let mut groups = Vec::with_capacity(targets.len());
        for (target, host) in targets.iter().zip(host_of) {
            let addresses = match has_repeated {
                true => found[host].clone(),
                false => mem::take(&mut found[host]),
            };
            if !addresses.is_empty() {
                groups.push(target.group(addresses));
            }
        }
        match last_error {
            Some(error) if groups.is_empty() => Err(error),
            _ => Ok(groups),
        }
    }

    /// Returns all addresses of one target that are of the wanted family.
    async fn addresses(&self, target: &Target) -> (Result<Vec<FoundAddress>, Error>, AddressStep) {
        let started = Instant::now();
        let mut step = AddressStep {
            host: target.host.to_string(),
            source: AddressSource::Literal,
            queries: Vec::new(),
            addresses: Vec::new(),
            notes: Vec::new(),
            open: Vec::new(),
            error: None,
            elapsed: Duration::ZERO,
        };
        let begun = self.begin_lookup(target, &mut step.source, &mut step.notes);
        let found = match begun.await {
            Ok(mut lookup) => {
                let found = lookup.all().await;
                step.queries = lookup.take_queries();
                step.open = lookup.open().to_vec();
                found.map_err(|failure| self.lookup_error(target, &lookup, failure))
            }
            Err(error) => Err(error),
        };
        let found = found.and_then(|addresses| {
            step.addresses.clone_from(&addresses);
            self.of_family(&target.host, addresses)
        });
        step.error = found.as_ref().err().map(ToString::to_string);
        step.elapsed = started.elapsed();
        (found, step)
    }

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
        let special = self.special_use(host.domain()).await;
        let lookup = match (&self.settings.dns_servers, special) {
            (Some(_), Some(special)) => {
                *source = AddressSource::Dns;
                return Err(special_host(host, special));
            }
            (Some(_), None) => {
                *source = AddressSource::Dns;
                let client = self.dns_client(notes).await?;
                let families = self.families().iter();
                let lookups = families.map(|family| family_by_dns(&client, host.domain(), *family));
                HostLookup::of(lookups.collect(), client.options.asks_one_by_one)
            }
            (None, special) => self.begin_by_system(host, special, source, notes).await?,
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
        let missing: Vec<_> = families
            .iter()
            .filter(|family| !known.iter().any(|found| family.includes(found.ip)))
            .collect();
        let lookup = HostLookup::known(known);
        if missing.is_empty() || self.special_use(host.domain()).await.is_some() {
            return Ok(lookup);
        }
        let client = self.dns_client(notes).await?;
        let lookups = missing
            .into_iter()
            .map(|family| family_by_dns(&client, host.domain(), *family));
        Ok(lookup.with(lookups.collect(), client.options.asks_one_by_one))
    }

    /// Returns why a domain is not looked up in DNS; `None` if it is.
    ///
    /// The network itself says which part of `.local` its name servers know: what is below a domain
    /// of the search list, as the names of a cluster are.
    async fn special_use(&self, domain: &str) -> Option<SpecialUse> {
        let special = SpecialUse::of(domain)?;
        let file = self.settings.name_servers.as_ref();
        if let (SpecialUse::Local, Some(file)) = (special, file) {
            let content = file.read(self.time_left() / 4).await.ok();
            let list = content.and_then(|content| content.parsed);
            if list.is_some_and(|list| list.searches_above(domain)) {
                return None;
            }
        }
        Some(special)
    }

    /// Begins to look up a host in the operating system.
    async fn begin_by_system(
        &self,
        host: &Host,
        special: Option<SpecialUse>,
        source: &mut AddressSource,
        notes: &mut Vec<String>,
    ) -> Result<HostLookup<'a>, Error> {
        *source = AddressSource::System;
        let mut name = host.domain().to_owned();
        let is_onion = special == Some(SpecialUse::Onion);
        let mut has_other_family = false;
        if host.is_absolute() || is_onion {
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
        if let Some(special) = special.filter(|_| is_onion) {
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

    /// Returns the families that are wanted: by the caller, and by the local end.
    fn families(&self) -> &'static [AddressFamily] {
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
            LookupFailure::Dns(DnsFailure::NoData(_)) => self.local_family.is_some(),
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
                error::host_lookup(host, &types, failure)
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

    /// Returns the servers to query for SRV records, and how to query them. Adds to `notes` what is
    /// to be known about the file that lists them.
    async fn name_servers(
        &self,
        notes: &mut Vec<String>,
    ) -> Result<(Arc<[SocketAddr]>, QueryOptions), Error> {
        if let Some(servers) = &self.settings.dns_servers {
            return Ok((servers.clone(), QueryOptions::default()));
        }
        let Some(file) = &self.settings.name_servers else {
            let usable = NameServers::default().usable(self.adapter_index());
            return Ok((usable.addresses.into(), QueryOptions::default()));
        };
        let path = file.path().display();
        let content = file.read(self.time_left()).await?;
        notes.extend(content.problem);
        if content.parsed.is_none() {
            notes.push(format!(
                "{path} does not exist: the server of this machine is queried"
            ));
        } else if content.parsed.as_ref().is_some_and(|list| list.is_empty()) {
            notes.push(format!(
                "{path} lists no server: that of this machine is queried"
            ));
        }
        let list = content.parsed.unwrap_or_default();
        let usable = list.usable(self.adapter_index());
        let skipped = usable.skipped.iter();
        notes.extend(skipped.map(|why| format!("a row of {path} is skipped: {why}")));
        match usable.skipped.first() {
            Some(why) if usable.addresses.is_empty() => {
                Err(error::no_usable_server(file.path(), why))
            }
            _ => Ok((usable.addresses.into(), list.options())),
        }
    }

    /// Returns a client of the servers to query for SRV records.
    async fn dns_client(&self, notes: &mut Vec<String>) -> Result<Client<'a>, Error> {
        let (servers, options) = self.name_servers(notes).await?;
        let settings = self.settings;
        let attempts = settings.attempts.or(options.attempts);
        let attempt_timeout = settings.attempt_timeout.or(options.attempt_timeout);
        Ok(Client {
            servers,
            options,
            attempts: attempts.unwrap_or(ATTEMPTS),
            attempt_timeout: attempt_timeout.unwrap_or(ATTEMPT_TIMEOUT),
            deadline: self.deadline,
            is_patient: settings.timeout.is_some(),
            adapter: self.adapter,
            list_adapters: &*settings.list_adapters,
            state: &settings.dns,
            // Responses from the network of one adapter are not valid for other networks.
            caches: settings.caches && self.adapter.is_none(),
            clock: &*settings.clock,
        })
    }
}

/// Returns the lookup of one family of a host by name servers.
fn family_by_dns<'a>(client: &Client<'a>, domain: &str, family: AddressFamily) -> FamilyLookup<'a> {
    let log: Arc<QueryLog> = Arc::default();
    let record_type = family.record_type();
    let (client, domain, kept) = (client.clone(), domain.to_owned(), log.clone());
    let addresses: FoundAddresses<'a> = Box::pin(async move {
        let found = client.addresses(&domain, record_type, &kept).await;
        found.map_err(LookupFailure::Dns)
    });
    FamilyLookup {
        record_type,
        log,
        addresses,
    }
}

/// Returns the error for a host that is not looked up in DNS.
fn special_host(host: &Host, special: SpecialUse) -> Error {
    let action = format!("cannot resolve host \"{host}\"");
    error::special_name(&action, host.domain(), special)
}

/// Reports the end of a resolution to observers: the number of addresses, or the error.
pub(super) fn report_resolved(remote: &Endpoint, started: Instant, outcome: Result<usize, &Error>) {
    let error = outcome.err().map(|error| error as &dyn Display);
    observe::resolved(remote, outcome.unwrap_or(0), error, started.elapsed());
}

/// What a hosts file lists for a host.
#[derive(Debug, Default)]
struct Listed {
    /// The addresses that can be used here, of the wanted families.
    addresses: Vec<FoundAddress>,
    /// Whether there is an address of another family.
    has_other_family: bool,
}

/// The reason why DNS returned no host for a service.
enum NoTargets {
    /// DNS does not know the service. Another source may.
    Unknown(Error),
    /// No other source is tried.
    Final(Error),
}

impl NoTargets {
    fn error(&self) -> &Error {
        match self {
            Self::Unknown(error) | Self::Final(error) => error,
        }
    }
}

impl Target {
    /// Returns the target for the host of an endpoint whose port is known, with advice for a host
    /// that has no address.
    fn without_srv(host: &HostName, port: u16, advice: Option<String>) -> Self {
        Self {
            host: Host::Named(host.clone()),
            port,
            srv: None,
            advice,
            known: None,
        }
    }

    /// Returns the host with `addresses`.
    pub(super) fn group(&self, addresses: Vec<FoundAddress>) -> Group {
        Group {
            port: self.port,
            srv: self.srv.clone(),
            addresses,
        }
    }

    /// Returns the host.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// Reports the lookup of its addresses to observers.
    pub(super) fn report(&self, found: usize, error: Option<&Error>, started: Instant) {
        let error = error.map(ToString::to_string);
        let host = self.host.to_string();
        observe::looked_up("address", &host, found, error.as_deref(), started.elapsed());
    }

    /// Returns whether its addresses must be looked up: they did not come with the SRV records.
    pub(super) fn needs_lookup(&self) -> bool {
        self.known.is_none()
    }
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

/// Returns the records that cannot be used, with the reasons. The only record of a response is not
/// among them if it says that no host offers the service: that is the result, then.
fn skipped(records: &[SrvRecord]) -> Vec<SkippedRecord> {
    if matches!(records, [only] if only.target.is_empty()) {
        return Vec::new();
    }
    let skipped = records.iter().filter_map(|record| {
        Some(SkippedRecord {
            record: record.clone(),
            reason: srv::reason_to_skip(record)?.to_owned(),
        })
    });
    skipped.collect()
}

/// Returns the target of an SRV record.
fn target(record: &SrvRecord, found: &dns::SrvResponse) -> Target {
    let known = found.addresses_of(&record.target);
    Target {
        host: Host::sent(&record.target),
        port: record.port,
        srv: Some(record.clone()),
        advice: None,
        known: (!known.is_empty()).then_some((found.server, known)),
    }
}

/// Returns the deadline that is `limit` from now, or one in the distant future if the clock cannot
/// represent it.
fn deadline_after(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit)
        .unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()))
}

/// The number of hosts that are looked up concurrently.
const TARGETS_AT_ONCE: usize = 8;
