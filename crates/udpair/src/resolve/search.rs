//! One resolution in progress: which sources are queried, in which order, and what follows from
//! their results.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use udpair_io::Adapter;

use super::candidate::{self, Group, Sources};
use super::dns::{self, Client};
use super::family::AddressFamily;
use super::hosts::Hosts;
use super::inputs::{AdapterIndex, ListAdapters};
use super::services::ServiceTable;
use super::settings::ResolverSettings;
use super::srv::SrvRecord;
use super::step::{
    AddressSource, AddressStep, Candidate, FoundAddress, KnownServices, RecordType, ServiceSource,
    ServiceStep, SrvStep, Step,
};
use super::system::TextFile;
use super::{error, srv, system};
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, HostName, HostNameType, bluetooth_refused};
use crate::observe;

/// One resolution in progress.
pub(crate) struct Search<'a> {
    settings: &'a ResolverSettings,
    /// The only adapter through which this crate's own DNS queries leave (SRV-15); `None` leaves
    /// the route to the system.
    adapter: Option<&'a Adapter>,
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
            deadline: deadline_after(settings.timeout),
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
    pub(super) fn adapter_lister(&self) -> &ListAdapters {
        &*self.settings.list_adapters
    }

    /// Returns the function that looks up the index of an adapter.
    pub(super) fn adapter_index(&self) -> &AdapterIndex {
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
        let servers = self.dns_servers().await.map_err(NoTargets::Final)?;
        let found = self
            .client(&servers)
            .srv_records(&step.name, &mut step.queries)
            .await;
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
        // Concurrently, but not hundreds at once: each lookup has a socket of its own.
        for some in targets.chunks(TARGETS_AT_ONCE) {
            let found = some.iter().map(|target| self.addresses(target));
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

    /// Returns the addresses of one target that are of the requested family.
    pub(super) async fn addresses(
        &self,
        target: &Target,
    ) -> (Result<Vec<FoundAddress>, Error>, AddressStep) {
        let started = Instant::now();
        let mut step = AddressStep {
            host: target.host.to_string(),
            source: AddressSource::Literal,
            queries: Vec::new(),
            addresses: Vec::new(),
            error: None,
            elapsed: Duration::ZERO,
        };
        let found = match &target.known {
            Some((server, addresses)) => {
                step.source = AddressSource::Additional(*server);
                Ok(addresses.clone())
            }
            None => self.look_up(&target.host, &mut step).await,
        };
        let found = found.and_then(|addresses| {
            step.addresses.clone_from(&addresses);
            self.of_family(&target.host, addresses)
        });
        step.error = found.as_ref().err().map(ToString::to_string);
        step.elapsed = started.elapsed();
        (found, step)
    }

    /// Returns the addresses of a host from the first source that is responsible for it.
    async fn look_up(
        &self,
        host: &HostName,
        step: &mut AddressStep,
    ) -> Result<Vec<FoundAddress>, Error> {
        if let Some(address) = host.socket_addr_by(0, self.adapter_index()) {
            return Ok(vec![FoundAddress::of(address?)]);
        }
        if host.is_localhost() {
            step.source = AddressSource::Localhost;
            return Ok(self.loopback_addresses());
        }
        if let Some(file) = &self.settings.hosts {
            let listed = self.look_up_in(file, host, step).await?;
            if !listed.is_empty() {
                return Ok(listed);
            }
        }
        let domain = host.domain().unwrap_or_default();
        match &self.settings.dns_servers {
            Some(servers) => {
                step.source = AddressSource::Dns;
                let types: &[RecordType] = match self.settings.family {
                    Some(AddressFamily::Ipv4) => &[RecordType::A],
                    Some(AddressFamily::Ipv6) => &[RecordType::Aaaa],
                    None => &[RecordType::A, RecordType::Aaaa],
                };
                let client = self.client(servers);
                client
                    .addresses(domain, types, &mut step.queries)
                    .await
                    .map_err(|failure| error::host_lookup(host, types, failure))
            }
            None => self.look_up_by_system(host, domain, step).await,
        }
    }

    /// Returns the addresses that a hosts file lists for a host; empty if it does not list the
    /// host.
    async fn look_up_in(
        &self,
        file: &TextFile<Hosts>,
        host: &HostName,
        step: &mut AddressStep,
    ) -> Result<Vec<FoundAddress>, Error> {
        let hosts = file.read(self.time_left()).await?.unwrap_or_default();
        let addresses = hosts
            .addresses(host)
            .filter_map(|address| address.socket_addr(0));
        let found: Vec<_> = addresses
            .map(|address| address.map(FoundAddress::of))
            .collect::<Result<_, _>>()?;
        if !found.is_empty() {
            step.source = AddressSource::HostsFile(file.path().to_owned());
        }
        Ok(found)
    }

    /// Returns the addresses of a host from the operating system.
    async fn look_up_by_system(
        &self,
        host: &HostName,
        domain: &str,
        step: &mut AddressStep,
    ) -> Result<Vec<FoundAddress>, Error> {
        step.source = AddressSource::System;
        let mut name = domain.to_owned();
        if host.is_absolute() {
            // The dot disables the search list, but with it the system does not use its hosts file.
            let file = &self.settings.system_hosts;
            let listed = self.look_up_in(file, host, step).await?;
            if !listed.is_empty() {
                return Ok(listed);
            }
            name.push('.');
        }
        system::addresses(&name, self.time_left())
            .await
            .map_err(|failure| error::system_lookup(host, failure))
    }

    fn of_family(
        &self,
        host: &HostName,
        addresses: Vec<FoundAddress>,
    ) -> Result<Vec<FoundAddress>, Error> {
        let Some(family) = self.settings.family else {
            return Ok(addresses);
        };
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

    /// Returns the servers to query for SRV records.
    async fn dns_servers(&self) -> Result<Vec<SocketAddr>, Error> {
        if let Some(servers) = &self.settings.dns_servers {
            return Ok(servers.clone());
        }
        let configured = match &self.settings.name_servers {
            Some(file) => file.read(self.time_left()).await?,
            None => None,
        };
        Ok(configured.unwrap_or_default().addresses().to_vec())
    }

    fn client<'s>(&'s self, servers: &'s [SocketAddr]) -> Client<'s> {
        Client {
            servers,
            attempts: self.settings.attempts,
            attempt_timeout: self.settings.attempt_timeout,
            deadline: self.deadline,
            adapter: self.adapter,
            list_adapters: self.adapter_lister(),
            // Responses from the network of one adapter are not valid for other networks.
            cache: match self.adapter {
                None => self.settings.cache.as_deref(),
                Some(_) => None,
            },
            clock: &*self.settings.clock,
        }
    }
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
