//! What a resolution asks name servers: which hosts offer a service, and which addresses a host
//! has.

use std::net::SocketAddr;
use std::sync::Arc;

use super::error::{no_usable_server, not_offered, srv_lookup};
use super::name_servers::{NameServers, QueryOptions};
use super::srv_order::{order, reason_to_skip};
use super::{Client, QueryLog, SrvResponse};
use crate::error::{Error, ErrorKind};
use crate::name::HostName;
use crate::resolve::error;
use crate::resolve::family::AddressFamily;
use crate::resolve::host::Host;
use crate::resolve::host_lookup::{FamilyLookup, FoundAddresses, HostLookup, LookupFailure};
use crate::resolve::search::Search;
use crate::resolve::special::SpecialUse;
use crate::resolve::srv::SrvRecord;
use crate::resolve::step::{SkippedRecord, SrvStep};
use crate::resolve::target::{NoTargets, Target};

impl<'a> Search<'a> {
    /// Queries for the SRV records that the step names, and returns the hosts that they name.
    pub(in crate::resolve) async fn targets_by_query(
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
                step.records = order(found.records.clone(), self.settings.dns.rng());
                let targets: Vec<_> = step.records.iter().map(|r| target(r, &found)).collect();
                if targets.is_empty() {
                    // The domain itself says so: final, unlike a missing response.
                    let error = not_offered(service, host, &step.name, &found);
                    Err(NoTargets::Final(error))
                } else {
                    Ok(targets)
                }
            }
            Err(failure) => {
                let error = srv_lookup(service, host, &step.name, failure);
                Err(match error.kind() {
                    ErrorKind::HostNotFound | ErrorKind::NoData => NoTargets::Unknown(error),
                    _ => NoTargets::Final(error),
                })
            }
        }
    }

    /// Begins to look up `families` of a host at name servers, in addition to what `lookup` has
    /// already. Adds to `notes` what is to be known about the file that lists the servers.
    pub(in crate::resolve) async fn ask_for_families(
        &self,
        host: &Host,
        families: &[AddressFamily],
        lookup: HostLookup<'a>,
        notes: &mut Vec<String>,
    ) -> Result<HostLookup<'a>, Error> {
        let client = self.dns_client(notes).await?;
        let families = families.iter();
        let lookups = families.map(|family| family_by_dns(&client, host.domain(), *family));
        Ok(lookup.with(lookups.collect(), client.options.asks_one_by_one))
    }

    /// Returns how many of several hosts may be looked up concurrently.
    pub(in crate::resolve) async fn hosts_at_once(&self) -> Result<usize, Error> {
        let (_, options) = self.name_servers(&mut Vec::new()).await?;
        // Not hundreds at once: each lookup has sockets of its own.
        Ok(match options.asks_one_by_one {
            true => 1,
            false => HOSTS_AT_ONCE,
        })
    }

    /// Returns why a domain is not looked up in DNS; `None` if it is.
    ///
    /// The network itself says which part of `.local` its name servers know: what is below a domain
    /// of the search list, as the names of a cluster are.
    pub(in crate::resolve) async fn special_use(&self, domain: &str) -> Option<SpecialUse> {
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
            Some(why) if usable.addresses.is_empty() => Err(no_usable_server(file.path(), why)),
            _ => Ok((usable.addresses.into(), list.options())),
        }
    }

    /// Returns a client of the servers to query for SRV records.
    async fn dns_client(&self, notes: &mut Vec<String>) -> Result<Client<'a>, Error> {
        let (servers, options) = self.name_servers(notes).await?;
        let settings = self.settings;
        let dns = &settings.dns;
        Ok(Client {
            servers,
            options,
            attempts: dns.attempts(options),
            attempt_timeout: dns.attempt_timeout(options),
            deadline: self.deadline,
            is_patient: settings.timeout.is_some(),
            adapter: self.adapter,
            list_adapters: self.adapter_lister(),
            state: dns.state(),
            // Responses from the network of one adapter are not valid for other networks.
            caches: dns.caches() && self.adapter.is_none(),
            clock: dns.clock(),
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

/// Returns the records that cannot be used, with the reasons. The only record of a response is not
/// among them if it says that no host offers the service: that is the result, then.
fn skipped(records: &[SrvRecord]) -> Vec<SkippedRecord> {
    if matches!(records, [only] if only.target.is_empty()) {
        return Vec::new();
    }
    let skipped = records.iter().filter_map(|record| {
        Some(SkippedRecord {
            record: record.clone(),
            reason: reason_to_skip(record)?.to_owned(),
        })
    });
    skipped.collect()
}

/// Returns the target of an SRV record.
fn target(record: &SrvRecord, found: &SrvResponse) -> Target {
    let known = found.addresses_of(&record.target);
    Target {
        host: Host::sent(&record.target),
        port: record.port,
        srv: Some(record.clone()),
        advice: None,
        known: (!known.is_empty()).then_some((found.server, known)),
    }
}

/// The number of hosts that are looked up concurrently.
const HOSTS_AT_ONCE: usize = 8;
