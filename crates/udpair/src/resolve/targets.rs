//! The hosts that offer a service, and in which order the sources are asked: the services file, then
//! SRV records, then the table that replaces a missing file.

use std::time::{Duration, Instant};

use super::error;
use super::search::Search;
use super::srv;
use super::step::{SrvStep, Step};
use super::target::{NoTargets, Target};
use crate::error::Error;
use crate::name::{Endpoint, HostName, HostNameType, bluetooth_refused};

impl Search<'_> {
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
}
