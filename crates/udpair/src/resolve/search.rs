//! One resolution under way: who is asked, in which order, and what that comes to.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use udpair_io::Adapter;

use super::candidate::{self, Group, Sources};
use super::dns::{self, Client};
use super::family::AddressFamily;
use super::hosts::Hosts;
use super::inputs::ListAdapters;
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

/// One resolution under way.
pub(crate) struct Search<'a> {
    settings: &'a ResolverSettings,
    /// By which alone our own questions leave (SRV-15).
    adapter: Option<&'a Adapter>,
    deadline: Instant,
}

/// A host to find the addresses of.
pub(super) struct Target {
    host: HostName,
    port: u16,
    srv: Option<SrvRecord>,
    /// Addresses that came with the SRV records, and from which server.
    known: Option<(SocketAddr, Vec<FoundAddress>)>,
}

impl<'a> Search<'a> {
    pub(super) fn begin(settings: &'a ResolverSettings, adapter: Option<&'a Adapter>) -> Self {
        Self {
            settings,
            adapter,
            deadline: after(settings.timeout),
        }
    }

    /// Returns this search with an earlier end: that of one of `hosts` that are looked up one after the
    /// other, and have the time that is left in common.
    pub(super) fn with_share_of_time(&self, hosts: usize) -> Self {
        let hosts = u32::try_from(hosts).unwrap_or(u32::MAX).max(1);
        let later = self.time_left() / hosts * (hosts - 1);
        Self {
            deadline: self.deadline.checked_sub(later).unwrap_or(self.deadline),
            ..*self
        }
    }

    /// Resolves a remote endpoint for whoever wants to know all that there is to know of it.
    pub(super) async fn in_full(
        &self,
        remote: &Endpoint,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Candidate>, Error> {
        let started = Instant::now();
        let candidates = self.candidates(remote, steps).await;
        resolved(remote, started, candidates.as_ref().map(Vec::len));
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
        Step::Order(candidates.clone()).note(steps);
        Ok(candidates)
    }

    /// Returns how much of the limit is left.
    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Returns what lists the adapters.
    pub(super) fn adapter_lister(&self) -> &ListAdapters {
        &*self.settings.list_adapters
    }

    /// Lists the adapters.
    pub(crate) fn list_adapters(&self) -> io::Result<Vec<Adapter>> {
        self.adapter_lister()()
    }

    /// Checks that an address that needs no resolving is of the family that was asked for.
    pub(super) fn check_family(&self, address: SocketAddr) -> Result<(), Error> {
        match self.settings.family {
            Some(family) if !family.includes(address.ip()) => {
                Err(error::no_address_of(family, address.ip()))
            }
            _ => Ok(()),
        }
    }

    /// Returns the hosts that offer the service of `remote`, in the order to try them.
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
            service_step(&number, ServiceSource::Number, port, Duration::ZERO).note(steps);
            return Ok(vec![Target::itself(host, port.unwrap_or(0))]);
        };
        let looked_up = self.port_in_file(service, steps).await?;
        if let Some(port) = looked_up.port {
            return Ok(vec![Target::itself(host, port)]);
        }
        let by_srv = match host.domain() {
            Some(domain) if !host.is_localhost() => {
                self.targets_by_srv(service, host, domain, steps).await
            }
            _ => Err(NoTargets::Unknown(self.unknown_service(
                service,
                &format!("{host} is no domain whose SRV records could tell"),
            ))),
        };
        match by_srv {
            Ok(targets) => Ok(targets),
            Err(NoTargets::Final(error)) => Err(error),
            Err(NoTargets::Unknown(error)) if looked_up.is_file_missing => {
                match port_in_table(service, steps) {
                    Some(port) => Ok(vec![Target::itself(host, port)]),
                    None => Err(error),
                }
            }
            Err(NoTargets::Unknown(error)) => Err(error),
        }
    }

    /// Returns the port of a local service, which no SRV record could tell (SVC-09).
    pub(super) async fn local_port(&self, service: &str) -> Result<u16, Error> {
        let steps = &mut Vec::new();
        let looked_up = self.port_in_file(service, steps).await?;
        let port = match looked_up.port {
            None if looked_up.is_file_missing => port_in_table(service, steps),
            port => port,
        };
        port.ok_or_else(|| {
            self.unknown_service(
                service,
                "the port of a local service does not come from DNS",
            )
        })
    }

    /// Returns the addresses of a host that is no remote end, each with the port.
    pub(crate) async fn host_addresses(
        &self,
        host: &HostName,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Error> {
        let (found, _) = self.addresses(&Target::itself(host, port)).await;
        Ok(found?
            .iter()
            .map(|address| address.with_port(port))
            .collect())
    }

    /// Returns what the services file lists, or the table that stands in for a missing one.
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
        service_step(service, source, port, started.elapsed()).note(steps);
        Ok(PortInFile {
            port,
            is_file_missing: services.is_none(),
        })
    }

    fn unknown_service(&self, service: &str, why_not_dns: &str) -> Error {
        let path = self.settings.services.path().display();
        Error::new(
            ErrorKind::ServiceNotFound,
            format!("cannot resolve service \"{service}\": {path} has no udp row for it, and {why_not_dns}"),
        )
        .with_advice("give the port number")
    }

    /// Returns the hosts that the SRV records of `service` at `host` name.
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
            .services(&step.name, &mut step.queries)
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
                    // The domain itself says so; that is an answer, not the lack of one.
                    let error = error::not_offered(service, host, &step.name, &found);
                    Err(NoTargets::Final(error))
                } else {
                    Ok(targets)
                }
            }
            Err(failure) => {
                let error = error::of_srv(service, host, &step.name, failure);
                Err(match error.kind() {
                    ErrorKind::HostNotFound | ErrorKind::NoData => NoTargets::Unknown(error),
                    _ => NoTargets::Final(error),
                })
            }
        };
        step.error = targets.as_ref().err().map(|none| none.error().to_string());
        step.elapsed = started.elapsed();
        Step::Srv(step).note(steps);
        targets
    }

    /// Returns the addresses of all targets; a target without any is left out.
    async fn addresses_of_all(
        &self,
        targets: Vec<Target>,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Group>, Error> {
        let mut groups = Vec::new();
        let mut last_error = None;
        // Side by side, but not hundreds at once: each has a socket of its own.
        for some in targets.chunks(TARGETS_AT_ONCE) {
            let found = some.iter().map(|target| self.addresses(target));
            for (target, (found, step)) in some.iter().zip(driver::join_all(found).await) {
                Step::Address(step).note(steps);
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

    /// Returns the addresses of one target that are of the family asked for.
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

    /// Returns the addresses of a host from the first source that is in charge of it.
    async fn look_up(
        &self,
        host: &HostName,
        step: &mut AddressStep,
    ) -> Result<Vec<FoundAddress>, Error> {
        if let Some(address) = host.socket_addr(0) {
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
                    .map_err(|failure| error::of_host(host, types, failure))
            }
            None => self.look_up_by_system(host, domain, step).await,
        }
    }

    /// Returns the addresses that a hosts file has for a host; none if it does not list it.
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

    /// Asks the operating system for the addresses of a host.
    async fn look_up_by_system(
        &self,
        host: &HostName,
        domain: &str,
        step: &mut AddressStep,
    ) -> Result<Vec<FoundAddress>, Error> {
        step.source = AddressSource::System;
        let mut name = domain.to_owned();
        if host.is_absolute() {
            // The dot keeps the search list out; but with it the system does not look into its hosts file.
            let file = &self.settings.system_hosts;
            let listed = self.look_up_in(file, host, step).await?;
            if !listed.is_empty() {
                return Ok(listed);
            }
            name.push('.');
        }
        system::addresses(&name, self.time_left())
            .await
            .map_err(|failure| error::of_system(host, failure))
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
            return Err(error::no_address_of(family, host));
        }
        Ok(kept)
    }

    /// Returns the loopback addresses that this machine has.
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

    /// Returns the servers to ask for SRV records.
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
            // What the network behind one adapter says is not for those who ask elsewhere.
            cache: match self.adapter {
                None => self.settings.cache.as_deref(),
                Some(_) => None,
            },
            clock: &*self.settings.clock,
        }
    }
}

/// Tells who watches what came of it.
pub(super) fn resolved(remote: &Endpoint, started: Instant, outcome: Result<usize, &Error>) {
    let error = outcome.err().map(|error| error as &dyn Display);
    observe::resolved(remote, outcome.unwrap_or(0), error, started.elapsed());
}

/// What the services file had to say.
struct PortInFile {
    port: Option<u16>,
    /// There is no services file; the table that comes with this crate may stand in for it.
    is_file_missing: bool,
}

/// Why DNS names no host for a service.
enum NoTargets {
    /// It does not know the service; something else may.
    Unknown(Error),
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
    /// The host that was named, at a port that is known.
    fn itself(host: &HostName, port: u16) -> Self {
        Self {
            host: host.clone(),
            port,
            srv: None,
            known: None,
        }
    }

    /// Returns the host with its addresses.
    pub(super) fn group(&self, addresses: Vec<FoundAddress>) -> Group {
        Group {
            port: self.port,
            srv: self.srv.clone(),
            addresses,
        }
    }

    /// Returns whether its addresses did not come along with its name.
    pub(super) fn must_be_looked_up(&self) -> bool {
        self.known.is_none()
    }
}

/// Looks `service` up in the table that comes with this crate.
fn port_in_table(service: &str, steps: &mut Vec<Step>) -> Option<u16> {
    let started = Instant::now();
    let port = ServiceTable::iana().udp_port(service);
    service_step(service, ServiceSource::Table, port, started.elapsed()).note(steps);
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

/// Returns the target of an SRV record; `None` if its name is no host's.
fn target(record: &SrvRecord, found: &dns::SrvAnswer) -> Option<Target> {
    // With its dot: names in DNS answers are absolute.
    let host: HostName = format!("{}.", record.target).parse().ok()?;
    // An address is no name: RFC 2782 wants one with address records.
    let known = found.addresses_of(host.domain()?);
    Some(Target {
        host,
        port: record.port,
        srv: Some(record.clone()),
        known: (!known.is_empty()).then_some((found.server, known)),
    })
}

/// The moment after some time; one that never comes if the time is longer than the clock counts.
fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time)
        .unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()))
}

/// How many hosts are looked up side by side.
const TARGETS_AT_ONCE: usize = 8;
