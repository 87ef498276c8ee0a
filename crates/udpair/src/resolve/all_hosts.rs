//! The addresses of all hosts of a remote endpoint, looked up side by side, for a caller that wants
//! to see all of them. `remote` looks hosts up one after the other.

use std::collections::BTreeMap;
use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::candidate::{self, Group, Sources};
use super::search::{Search, report_resolved};
use super::step::{AddressSource, AddressStep, Candidate, FoundAddress, Step};
use super::target::Target;
use crate::driver;
use crate::error::Error;
use crate::name::{Endpoint, HostName};

impl Search<'_> {
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
        let at_once = match hosts.len() {
            0 | 1 => 1,
            _ => self.hosts_at_once().await?,
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
}
