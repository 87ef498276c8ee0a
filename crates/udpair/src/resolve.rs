//! From names to addresses: services file, DNS SRV, hosts, and the order in which to try what is
//! found.
//!
//! Deciding is done in pure modules (`services`, `srv`, `order`); this one asks the questions, in the
//! order of the model, and writes down every step. It knows nothing of the sockets that will use the
//! answer.

mod dns;
mod error;
mod hosts;
mod local;
mod name_servers;
mod order;
mod services;
mod srv;
mod step;
mod system;
mod zone;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use udpair_io::Adapter;

use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, HostName, HostNameType, bluetooth_refused};
pub(crate) use local::{Local, LocalHost, resolve_local};
pub use order::OrderRule;
pub use srv::SrvRecord;
pub use step::{
    AddressSource, AddressStep, Candidate, DnsQuery, FoundAddress, Precedence, QueryOutcome,
    RecordType, Resolution, ResponseCode, ServiceSource, ServiceStep, SrvStep, Step, Transport,
};
pub(crate) use zone::with_zone;

use dns::Client;
use hosts::Hosts;
use name_servers::NameServers;
use order::{Destination, Source};
use services::Services;
use system::TextFile;

/// Turns endpoints into addresses.
///
/// By default addresses come from the operating system and SRV records from its DNS servers; a
/// [builder](Self::builder) can name other servers and files. Cloning is cheap, and clones share what
/// they know of the files.
///
/// # Model
///
/// SVC, SRV and ADR: the services file first, then DNS SRV; hosts by the system unless name servers
/// are given.
#[derive(Clone)]
pub struct Resolver(Arc<Settings>);

#[derive(Clone)]
struct Settings {
    /// `None` asks the system for hosts, and its servers for SRV.
    dns_servers: Option<Vec<SocketAddr>>,
    services: Arc<TextFile<Services>>,
    hosts: Option<Arc<TextFile<Hosts>>>,
    /// The list of the system's servers, where it has one.
    name_servers: Option<Arc<TextFile<NameServers>>>,
    family: Option<AddressFamily>,
    timeout: Duration,
    attempt_timeout: Duration,
    attempts: u32,
    dice: Arc<Dice>,
    adapters: Arc<Adapters>,
}

type Dice = dyn Fn(u64) -> u64 + Send + Sync;
type Adapters = dyn Fn() -> io::Result<Vec<Adapter>> + Send + Sync;

/// A family of addresses.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AddressFamily {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl AddressFamily {
    /// Returns whether `ip` is an address of this family; an IPv4-mapped address is an IPv4 one.
    pub fn includes(self, ip: IpAddr) -> bool {
        ip.to_canonical().is_ipv4() == (self == Self::Ipv4)
    }
}

impl fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// Says how a [`Resolver`] resolves.
#[derive(Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct ResolverBuilder(Settings);

impl Resolver {
    /// Returns the resolver that does as the system does.
    pub fn system() -> Self {
        Self::builder().build()
    }

    /// Returns a builder; unchanged, it builds [`Resolver::system`].
    pub fn builder() -> ResolverBuilder {
        let services = TextFile::of_system(udpair_io::services_path(), Services::parse);
        let name_servers = udpair_io::name_servers_path()
            .map(|path| Arc::new(TextFile::of_system(path, NameServers::parse)));
        ResolverBuilder(Settings {
            dns_servers: None,
            services: Arc::new(services),
            hosts: None,
            name_servers,
            family: None,
            timeout: TIMEOUT,
            attempt_timeout: ATTEMPT_TIMEOUT,
            attempts: ATTEMPTS,
            dice: Arc::new(|most| rand::random_range(0..=most)),
            adapters: Arc::new(udpair_io::adapters),
        })
    }

    /// Returns the addresses of a remote endpoint, best first, and every step that led there.
    ///
    /// The service is looked up first: a number is itself, then comes the services file, then DNS SRV.
    /// SRV records are ordered as RFC 2782 says, the addresses of each host as RFC 6724 does.
    ///
    /// The error of a failed resolution is one of these:
    ///
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): the endpoint lacks its host or its service, or a
    ///   file that was named cannot be read.
    /// - [`HostNotFound`](ErrorKind::HostNotFound), [`NoData`](ErrorKind::NoData),
    ///   [`ServiceNotFound`](ErrorKind::ServiceNotFound): who was asked says so.
    /// - [`NameServer`](ErrorKind::NameServer): who was asked does not answer, or not usably.
    /// - [`FamilyNotSupported`](ErrorKind::FamilyNotSupported): there are addresses, and none of the
    ///   family that was asked for.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future stops asking. What the operating system was asked to look up it
    /// looks up to the end, and nobody hears of it.
    pub async fn resolve(&self, remote: &Endpoint) -> Resolution {
        let mut steps = Vec::new();
        let outcome = match driver::in_runtime(self.candidates(remote, &mut steps)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(Error::system("cannot start a background runtime", error)),
        };
        Resolution::new(steps, outcome)
    }

    /// Checks that an address that needs no resolving is of the family that was asked for.
    pub(crate) fn check_family(&self, address: SocketAddr) -> Result<(), Error> {
        match self.0.family {
            Some(family) if !family.includes(address.ip()) => {
                Err(error::no_address_of(family, address.ip()))
            }
            _ => Ok(()),
        }
    }

    async fn candidates(
        &self,
        remote: &Endpoint,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Candidate>, Error> {
        let host = remote.remote_host()?;
        if host.kind() == HostNameType::Bluetooth {
            return Err(bluetooth_refused("resolve", host));
        }
        let search = Search {
            settings: &self.0,
            deadline: Instant::now() + self.0.timeout,
        };
        let targets = search.targets(host, remote, steps).await?;
        let groups = search.addresses_of_all(targets, steps).await?;
        let candidates = search.order(groups);
        steps.push(Step::Order(candidates.clone()));
        Ok(candidates)
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("dns_servers", &self.0.dns_servers)
            .field("services_file", &self.0.services.path())
            .field(
                "hosts_file",
                &self.0.hosts.as_ref().map(|hosts| hosts.path()),
            )
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}

impl ResolverBuilder {
    /// Asks these servers, for hosts and for SRV records, in this order.
    ///
    /// The system's resolver, its hosts file and its other sources are then not asked;
    /// [`hosts_file`](Self::hosts_file) adds a hosts file, and `localhost` answers itself. Default: the
    /// system's.
    pub fn dns_servers(mut self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.0.dns_servers = Some(servers.into_iter().collect());
        self
    }

    /// Looks services up in this file, which must exist then. Default: the system's file, which need
    /// not.
    pub fn services_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.services = Arc::new(TextFile::named(path.into(), Services::parse));
        self
    }

    /// Looks hosts up in this file before anything else is asked; it must exist. Default: the system's
    /// resolver reads its own.
    pub fn hosts_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.hosts = Some(Arc::new(TextFile::named(path.into(), Hosts::parse)));
        self
    }

    /// Returns addresses of this family only. Default: both.
    pub fn family(mut self, family: AddressFamily) -> Self {
        self.0.family = Some(family);
        self
    }

    /// Limits one resolution as a whole. Default: 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }

    /// Limits one try of one name server. Default: 5 seconds, or less where the time that is left must
    /// do for more tries.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.0.attempt_timeout = timeout;
        self
    }

    /// Asks each name server so often before it is given up, at least once. Default: 2.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts.max(1);
        self
    }

    /// Rolls these dice where SRV weights leave a choice: `dice(n)` returns a number from 0 to `n`, both
    /// included. Default: random.
    pub fn dice(mut self, dice: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Self {
        self.0.dice = Arc::new(dice);
        self
    }

    /// Asks this function for the adapters and their addresses. Default: the system.
    pub fn adapters(
        mut self,
        adapters: impl Fn() -> io::Result<Vec<Adapter>> + Send + Sync + 'static,
    ) -> Self {
        self.0.adapters = Arc::new(adapters);
        self
    }

    /// Returns the resolver.
    pub fn build(self) -> Resolver {
        Resolver(Arc::new(self.0))
    }
}

impl fmt::Debug for ResolverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolverBuilder").finish_non_exhaustive()
    }
}

/// One resolution under way.
struct Search<'a> {
    settings: &'a Settings,
    deadline: Instant,
}

/// A host to find the addresses of.
struct Target {
    host: HostName,
    port: u16,
    srv: Option<SrvRecord>,
    /// Addresses that came with the SRV records, and from which server.
    known: Option<(SocketAddr, Vec<FoundAddress>)>,
}

/// A host with its addresses.
struct Group {
    port: u16,
    srv: Option<SrvRecord>,
    addresses: Vec<FoundAddress>,
}

impl Search<'_> {
    /// Returns the hosts that offer the service of `remote`, in the order to try them.
    async fn targets(
        &self,
        host: &HostName,
        remote: &Endpoint,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Target>, Error> {
        let port = match remote.service().name() {
            None => self.numeric_port(remote, steps),
            Some(service) => self.port_in_file(service, steps).await?,
        };
        if let Some(port) = port {
            return Ok(vec![Target {
                host: host.clone(),
                port,
                srv: None,
                known: None,
            }]);
        }
        let service = remote.service().name().unwrap_or_default();
        match host.domain() {
            Some(domain) if !host.is_localhost() => {
                self.targets_by_srv(service, host, domain, steps).await
            }
            _ => Err(self.unknown_service(
                service,
                &format!("{host} is no domain whose SRV records could tell"),
            )),
        }
    }

    fn numeric_port(&self, remote: &Endpoint, steps: &mut Vec<Step>) -> Option<u16> {
        let port = remote.service().port();
        steps.push(Step::Service(ServiceStep {
            service: remote.service().to_string(),
            source: ServiceSource::Number,
            port,
            elapsed: Duration::ZERO,
        }));
        port
    }

    /// Returns the port that the services file has for `service`.
    async fn port_in_file(
        &self,
        service: &str,
        steps: &mut Vec<Step>,
    ) -> Result<Option<u16>, Error> {
        let started = Instant::now();
        let file = &self.settings.services;
        let services = file.read().await?;
        let port = services
            .as_ref()
            .and_then(|services| services.udp_port(service));
        let path = file.path().to_owned();
        steps.push(Step::Service(ServiceStep {
            service: service.to_owned(),
            source: match services {
                Some(_) => ServiceSource::File(path),
                None => ServiceSource::MissingFile(path),
            },
            port,
            elapsed: started.elapsed(),
        }));
        Ok(port)
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
    ) -> Result<Vec<Target>, Error> {
        let started = Instant::now();
        let mut step = SrvStep {
            name: srv::query_name(service, domain),
            queries: Vec::new(),
            records: Vec::new(),
            error: None,
            elapsed: Duration::ZERO,
        };
        let servers = self.dns_servers().await?;
        let found = self
            .client(&servers)
            .services(&step.name, &mut step.queries)
            .await;
        let targets = match found {
            Ok(found) => {
                step.records = srv::order(found.records.clone(), &*self.settings.dice);
                let targets: Vec<_> = step
                    .records
                    .iter()
                    .filter_map(|r| target(r, &found))
                    .collect();
                if targets.is_empty() {
                    Err(error::not_offered(service, host, &step.name, found.server))
                } else {
                    Ok(targets)
                }
            }
            Err(failure) => Err(error::of_srv(service, host, &step.name, failure)),
        };
        step.error = targets.as_ref().err().map(ToString::to_string);
        step.elapsed = started.elapsed();
        steps.push(Step::Srv(step));
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
                steps.push(Step::Address(step));
                match found {
                    Ok(addresses) => groups.push(Group {
                        port: target.port,
                        srv: target.srv.clone(),
                        addresses,
                    }),
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
    async fn addresses(&self, target: &Target) -> (Result<Vec<FoundAddress>, Error>, AddressStep) {
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
            let hosts = file.read().await?.unwrap_or_default();
            let addresses: Result<Vec<_>, _> = hosts
                .addresses(host)
                .filter_map(|address| address.socket_addr(0))
                .map(|address| address.map(FoundAddress::of))
                .collect();
            let addresses = addresses?;
            if !addresses.is_empty() {
                step.source = AddressSource::HostsFile(file.path().to_owned());
                return Ok(addresses);
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
                    .map_err(|failure| error::of_host(host, failure))
            }
            None => {
                step.source = AddressSource::System;
                let left = self.deadline.saturating_duration_since(Instant::now());
                system::addresses(domain, left)
                    .await
                    .map_err(|failure| error::of_system(host, failure))
            }
        }
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
        let adapters = (self.settings.adapters)().unwrap_or_default();
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
            Some(file) => file.read().await?,
            None => None,
        };
        Ok(configured.unwrap_or_default().addresses().to_vec())
    }

    fn client<'s>(&self, servers: &'s [SocketAddr]) -> Client<'s> {
        Client {
            servers,
            attempts: self.settings.attempts,
            attempt_timeout: self.settings.attempt_timeout,
            deadline: self.deadline,
        }
    }

    /// Puts the addresses of each host in the order to try them, and says why.
    fn order(&self, groups: Vec<Group>) -> Vec<Candidate> {
        let several = groups.iter().any(|group| group.addresses.len() > 1);
        // Their prefix lengths decide between addresses of one host, and nowhere else.
        let adapters = if several {
            (self.settings.adapters)().unwrap_or_default()
        } else {
            Vec::new()
        };
        let mut candidates: Vec<Candidate> = Vec::new();
        for group in groups {
            let mut found: Vec<_> = group
                .addresses
                .iter()
                .map(|address| {
                    let address = with_zone(
                        address.with_port(group.port),
                        None,
                        &*self.settings.adapters,
                    );
                    (address, destination(address, &adapters))
                })
                .collect();
            order::sort(&mut found, |(_, destination)| *destination);
            if let (Some(last), Some(srv)) = (candidates.last_mut(), &group.srv) {
                let same = last
                    .srv
                    .as_ref()
                    .is_some_and(|last| last.priority == srv.priority);
                last.before_next = Some(if same {
                    Precedence::SrvWeight
                } else {
                    Precedence::SrvPriority
                });
            }
            for (index, (address, destination)) in found.iter().enumerate() {
                let next = found.get(index + 1);
                candidates.push(Candidate {
                    address: *address,
                    source: destination.source.map(|source| source.ip),
                    srv: group.srv.clone(),
                    before_next: next
                        .map(|(_, next)| Precedence::Address(order::rule(destination, next))),
                });
            }
        }
        candidates
    }
}

/// Returns the target of an SRV record; `None` if its name is no host's.
fn target(record: &SrvRecord, found: &dns::Services) -> Option<Target> {
    let host: HostName = record.target.parse().ok()?;
    let known = host
        .domain()
        .map(|domain| found.addresses_of(domain))
        .unwrap_or_default();
    Some(Target {
        // An address is no name: RFC 2782 wants one with address records.
        host: host.domain().is_some().then_some(host)?,
        port: record.port,
        srv: Some(record.clone()),
        known: (!known.is_empty()).then_some((found.server, known)),
    })
}

/// Asks the kernel where datagrams to `address` would leave from.
fn destination(address: SocketAddr, adapters: &[Adapter]) -> Destination {
    let source = udpair_io::source_address(address)
        .ok()
        .map(|source| Source {
            ip: source.ip(),
            prefix_length: adapters
                .iter()
                .flat_map(|adapter| &adapter.addresses)
                .find(|own| own.ip == source.ip())
                .and_then(|own| own.prefix_length),
        });
    Destination {
        ip: address.ip(),
        source,
    }
}

/// As long as the system's own resolver waits for one server.
const TIMEOUT: Duration = Duration::from_secs(10);

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

const ATTEMPTS: u32 = 2;

/// How many hosts are looked up side by side.
const TARGETS_AT_ONCE: usize = 8;
