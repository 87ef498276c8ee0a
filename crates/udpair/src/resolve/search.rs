//! One resolution in progress: which sources are queried, in which order, and what follows from
//! their results.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use udpair_io::{Adapter, LookupError};

use super::candidate::{self, Group, Sources};
use super::dns::{self, Client, DnsFailure, QueryLog};
use super::family::AddressFamily;
use super::host_lookup::{FamilyLookup, FoundAddresses, HostLookup, LookupFailure};
use super::hosts::Hosts;
use super::inputs::ListAdapters;
use super::name_servers::QueryOptions;
use super::services::ServiceTable;
use super::settings::{ATTEMPT_TIMEOUT, ATTEMPTS, ResolverSettings, TIMEOUT};
use super::special::SpecialUse;
use super::srv::SrvRecord;
use super::step::{
    AddressSource, AddressStep, Candidate, FoundAddress, KnownServices, ServiceSource, ServiceStep,
    SrvStep, Step,
};
use super::system::TextFile;
use super::system_resolver::{SystemFailure, SystemLookup};
use super::{error, srv};
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, HostName, HostNameType, bluetooth_refused};
use crate::observe;

/// One resolution in progress.
#[derive(Clone)]
pub(crate) struct Search<'a> {
    settings: &'a ResolverSettings,
    /// The only adapter through which this crate's own DNS queries leave (SRV-15); `None` leaves
    /// the route to the system.
    adapter: Option<&'a Adapter>,
    /// The family of the local end, if it has only one (ADR-02).
    local_family: Option<AddressFamily>,
    deadline: Instant,
}

/// A host whose addresses are to be found.
pub(super) struct Target {
    host: HostName,
    port: u16,
    srv: Option<SrvRecord>,
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
    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Returns the function that lists the adapters.
    pub(super) fn adapter_lister(&self) -> &'a ListAdapters {
        &*self.settings.list_adapters
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
            let number = remote.service().to_string();
            service_step(&number, ServiceSource::Number, port, Duration::ZERO).record(steps);
            return Ok(vec![Target::without_srv(host, port.unwrap_or(0))]);
        };
        let in_file = self.port_in_file(service, steps).await?;
        if let Some(port) = in_file.port {
            return Ok(vec![Target::without_srv(host, port)]);
        }
        let by_srv = match host.domain() {
            Some(domain) if !host.is_localhost() => {
                self.targets_by_srv(service, host, domain, steps).await
            }
            _ => Err(NoTargets::Unknown(self.unknown_service(
                service,
                &format!("{host} is not a domain that can have SRV records"),
            ))),
        };
        match by_srv {
            Ok(targets) => Ok(targets),
            Err(NoTargets::Final(error)) => Err(error),
            Err(NoTargets::Unknown(error)) if in_file.is_file_missing => {
                match port_in_table(service, steps) {
                    Some(port) => Ok(vec![Target::without_srv(host, port)]),
                    None => Err(error),
                }
            }
            Err(NoTargets::Unknown(error)) => Err(error),
        }
    }

    /// Returns the port of a local service. SRV records are not queried for it (SVC-09).
    pub(super) async fn local_port(&self, service: &str) -> Result<u16, Error> {
        let steps = &mut Vec::new();
        let in_file = self.port_in_file(service, steps).await?;
        let port = match in_file.port {
            None if in_file.is_file_missing => port_in_table(service, steps),
            port => port,
        };
        port.ok_or_else(|| {
            self.unknown_service(
                service,
                "the port of a local service does not come from DNS",
            )
        })
    }

    /// Returns the addresses of a host that is not a remote end, each with the port.
    pub(crate) async fn host_addresses(
        &self,
        host: &HostName,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Error> {
        let (found, _) = self.addresses(&Target::without_srv(host, port)).await;
        Ok(found?
            .iter()
            .map(|address| address.with_port(port))
            .collect())
    }

    /// Returns the services that the services file lists, or the table that replaces a missing
    /// file.
    pub(super) async fn known_services(&self) -> Result<KnownServices, Error> {
        let file = &self.settings.services;
        let rows = |services: &ServiceTable| {
            services
                .rows()
                .map(|(name, port)| (name.to_owned(), port))
                .collect()
        };
        Ok(match file.read(self.time_left()).await? {
            Some(services) => KnownServices {
                source: if file.is_text() {
                    ServiceSource::Text
                } else {
                    ServiceSource::File(file.path().to_owned())
                },
                services: rows(&services),
            },
            None => KnownServices {
                source: ServiceSource::Table,
                services: rows(ServiceTable::iana()),
            },
        })
    }

    /// Looks up the port that the services file has for `service`.
    async fn port_in_file(
        &self,
        service: &str,
        steps: &mut Vec<Step>,
    ) -> Result<PortInFile, Error> {
        let started = Instant::now();
        let file = &self.settings.services;
        let services = file.read(self.time_left()).await?;
        let port = services
            .as_ref()
            .and_then(|services| services.udp_port(service));
        let path = file.path().to_owned();
        let source = match services {
            Some(_) if file.is_text() => ServiceSource::Text,
            Some(_) => ServiceSource::File(path),
            None => ServiceSource::MissingFile(path),
        };
        service_step(service, source, port, started.elapsed()).record(steps);
        Ok(PortInFile {
            port,
            is_file_missing: services.is_none(),
        })
    }

    fn unknown_service(&self, service: &str, why_not_dns: &str) -> Error {
        let path = self.settings.services.path().display();
        Error::new(
            ErrorKind::ServiceNotFound,
            format!(
                "cannot resolve service \"{service}\": {path} has no udp row for it, and \
                 {why_not_dns}"
            ),
        )
        .with_advice("give the port number")
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
            error: None,
            elapsed: Duration::ZERO,
        };
        if let Some(special) = SpecialUse::of(domain) {
            let action = format!("cannot resolve service \"{service}\" for host \"{host}\"");
            return Err(NoTargets::Unknown(error::special_name(
                &action, &step.name, special,
            )));
        }
        let client = self.dns_client().await.map_err(NoTargets::Final)?;
        let log = QueryLog::default();
        let found = client.srv_records(&step.name, &log).await;
        step.queries = log.take();
        let targets = match found {
            Ok(found) => {
                step.records = srv::order(found.records.clone(), &*self.settings.rng);
                let targets: Vec<_> = step
                    .records
                    .iter()
                    .filter_map(|r| target(r, &found))
                    .collect();
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
        };
        step.error = targets.as_ref().err().map(|none| none.error().to_string());
        step.elapsed = started.elapsed();
        Step::Srv(step).record(steps);
        targets
    }

    /// Returns the addresses of all targets. A target without any is left out.
    async fn addresses_of_all(
        &self,
        targets: Vec<Target>,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Group>, Error> {
        let mut groups = Vec::new();
        let mut last_error = None;
        // Concurrently, but not hundreds at once: each lookup has sockets of its own.
        let at_once = match targets.len() {
            0 | 1 => 1,
            _ if self.name_servers().await?.1.asks_one_by_one => 1,
            _ => TARGETS_AT_ONCE,
        };
        for (number, some) in targets.chunks(at_once).enumerate() {
            // Targets that do not resolve leave time for those after them.
            let rounds = targets.len().div_ceil(at_once) - number;
            let search = self.with_share_of_time(rounds);
            let found = some.iter().map(|target| search.addresses(target));
            for (target, (found, step)) in some.iter().zip(driver::join_all(found).await) {
                Step::Address(step).record(steps);
                match found {
                    Ok(addresses) => groups.push(target.group(addresses)),
                    Err(error) => last_error = Some(error),
                }
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
            open: Vec::new(),
            error: None,
            elapsed: Duration::ZERO,
        };
        let found = match self.begin_lookup(target, &mut step.source).await {
            Ok(mut lookup) => {
                let found = lookup.all().await;
                step.queries = lookup.take_queries();
                step.open = lookup.open().to_vec();
                found.map_err(|failure| self.lookup_error(&target.host, failure))
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

    /// Begins to look up a host, in the first source that is responsible for it. Stores the source.
    pub(super) async fn begin_lookup(
        &self,
        target: &Target,
        source: &mut AddressSource,
    ) -> Result<HostLookup<'a>, Error> {
        let host = &target.host;
        if let Some((server, addresses)) = &target.known {
            *source = AddressSource::Additional(*server);
            return self.complete(host, addresses).await;
        }
        if let Some(address) = host.socket_addr(0) {
            return Ok(HostLookup::known(vec![FoundAddress::of(address?)]));
        }
        if host.is_localhost() {
            *source = AddressSource::Localhost;
            return Ok(HostLookup::known(self.loopback_addresses()));
        }
        if let Some(file) = &self.settings.hosts {
            let listed = self.look_up_in(file, host, source).await?;
            if !listed.is_empty() {
                return Ok(HostLookup::known(listed));
            }
        }
        let domain = host.domain().unwrap_or_default();
        let special = SpecialUse::of(domain);
        match (&self.settings.dns_servers, special) {
            (Some(_), Some(special)) => {
                *source = AddressSource::Dns;
                Err(special_host(host, special))
            }
            (Some(_), None) => {
                *source = AddressSource::Dns;
                let client = self.dns_client().await?;
                let families = self.families().iter();
                let lookups = families.map(|family| family_by_dns(&client, domain, *family));
                Ok(HostLookup::of(
                    lookups.collect(),
                    client.options.asks_one_by_one,
                ))
            }
            (None, special) => self.begin_by_system(host, domain, special, source).await,
        }
    }

    /// Looks up the family of a host that did not come along with its SRV record.
    ///
    /// Servers leave addresses out without saying so: those that they do not have at hand, and those
    /// that do not fit.
    async fn complete(
        &self,
        host: &HostName,
        addresses: &[FoundAddress],
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
        let domain = host.domain().unwrap_or_default();
        if missing.is_empty() || SpecialUse::of(domain).is_some() {
            return Ok(lookup);
        }
        let client = self.dns_client().await?;
        let lookups = missing
            .into_iter()
            .map(|family| family_by_dns(&client, domain, *family));
        Ok(lookup.with(lookups.collect(), client.options.asks_one_by_one))
    }

    /// Begins to look up a host in the operating system.
    async fn begin_by_system(
        &self,
        host: &HostName,
        domain: &str,
        special: Option<SpecialUse>,
        source: &mut AddressSource,
    ) -> Result<HostLookup<'a>, Error> {
        *source = AddressSource::System;
        let mut name = domain.to_owned();
        let is_onion = special == Some(SpecialUse::Onion);
        if host.is_absolute() || is_onion {
            // The dot disables the search list, but with it the system does not use its hosts file.
            let file = &self.settings.system_hosts;
            let listed = self.look_up_in(file, host, source).await?;
            if !listed.is_empty() {
                return Ok(HostLookup::known(listed));
            }
            name.push('.');
        }
        if let Some(special) = special.filter(|_| is_onion) {
            return Err(special_host(host, special));
        }
        let lookup = SystemLookup {
            name,
            started: Instant::now(),
            deadline: self.deadline,
        };
        let families = self.families().iter();
        let lookups = families.map(|family| self.family_by_system(host, &lookup, *family));
        Ok(HostLookup::of(lookups.collect(), false))
    }

    fn family_by_system(
        &self,
        host: &HostName,
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
    pub(super) fn lookup_error(&self, host: &HostName, failure: LookupFailure) -> Error {
        let families = self.families();
        let is_other_family = match &failure {
            // The name exists, but a local end of that family cannot reach it (ADR-02).
            LookupFailure::Dns(DnsFailure::NoData(_)) => self.local_family.is_some(),
            LookupFailure::System(SystemFailure::Lookup(error)) => {
                matches!(**error, LookupError::NoData)
            }
            _ => false,
        };
        match (failure, families) {
            (_, [family]) if is_other_family => error::no_address_in_family(*family, host),
            (LookupFailure::Dns(failure), families) => {
                let types: Vec<_> = families.iter().map(|family| family.record_type()).collect();
                error::host_lookup(host, &types, failure)
            }
            (LookupFailure::System(failure), _) => error::system_lookup(host, failure),
        }
    }

    /// Returns the addresses that a hosts file lists for a host; empty if it does not list the
    /// host.
    async fn look_up_in(
        &self,
        file: &TextFile<Hosts>,
        host: &HostName,
        source: &mut AddressSource,
    ) -> Result<Vec<FoundAddress>, Error> {
        let hosts = file.read(self.time_left()).await?.unwrap_or_default();
        let addresses = hosts
            .addresses(host)
            .filter_map(|address| address.socket_addr(0));
        let found: Vec<_> = addresses
            .map(|address| address.map(FoundAddress::of))
            .collect::<Result<_, _>>()?;
        if !found.is_empty() {
            *source = AddressSource::HostsFile(file.path().to_owned());
        }
        Ok(found)
    }

    /// Returns those of the addresses that are of the wanted family.
    pub(super) fn of_family(
        &self,
        host: &HostName,
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

    /// Returns the servers to query for SRV records, and how to query them.
    async fn name_servers(&self) -> Result<(Arc<[SocketAddr]>, QueryOptions), Error> {
        if let Some(servers) = &self.settings.dns_servers {
            return Ok((servers.clone(), QueryOptions::default()));
        }
        let configured = match &self.settings.name_servers {
            Some(file) => file.read(self.time_left()).await?,
            None => None,
        };
        let configured = configured.unwrap_or_default();
        Ok((configured.addresses().into(), configured.options()))
    }

    /// Returns a client of the servers to query for SRV records.
    async fn dns_client(&self) -> Result<Client<'a>, Error> {
        let (servers, options) = self.name_servers().await?;
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
fn special_host(host: &HostName, special: SpecialUse) -> Error {
    let action = format!("cannot resolve host \"{host}\"");
    error::special_name(&action, &host.canonical_name(), special)
}

/// Reports the end of a resolution to observers: the number of addresses, or the error.
pub(super) fn report_resolved(remote: &Endpoint, started: Instant, outcome: Result<usize, &Error>) {
    let error = outcome.err().map(|error| error as &dyn Display);
    observe::resolved(remote, outcome.unwrap_or(0), error, started.elapsed());
}

/// The result of looking up a service in the services file.
struct PortInFile {
    port: Option<u16>,
    /// There is no services file. The embedded table may replace it.
    is_file_missing: bool,
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
    /// Returns the target for the host of an endpoint whose port is known.
    fn without_srv(host: &HostName, port: u16) -> Self {
        Self {
            host: host.clone(),
            port,
            srv: None,
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
    pub(super) fn host(&self) -> &HostName {
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

/// Looks up `service` in the table embedded in this crate.
fn port_in_table(service: &str, steps: &mut Vec<Step>) -> Option<u16> {
    let started = Instant::now();
    let port = ServiceTable::iana().udp_port(service);
    service_step(service, ServiceSource::Table, port, started.elapsed()).record(steps);
    port
}

fn service_step(
    service: &str,
    source: ServiceSource,
    port: Option<u16>,
    elapsed: Duration,
) -> Step {
    Step::Service(ServiceStep {
        service: service.to_owned(),
        source,
        port,
        elapsed,
    })
}

/// Returns the target of an SRV record; `None` if its name is not a host name.
fn target(record: &SrvRecord, found: &dns::SrvResponse) -> Option<Target> {
    // With a trailing dot: names in DNS responses are absolute.
    let host: HostName = format!("{}.", record.target).parse().ok()?;
    // An address is not a valid target: RFC 2782 requires a name with address records.
    let known = found.addresses_of(host.domain()?);
    Some(Target {
        host,
        port: record.port,
        srv: Some(record.clone()),
        known: (!known.is_empty()).then_some((found.server, known)),
    })
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
