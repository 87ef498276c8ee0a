//! The port of a service that a file gives a name: the services file, or the table that replaces a
//! missing one.

use std::time::{Duration, Instant};

use super::search::Search;
use super::services::ServiceTable;
use super::srv;
use super::step::{KnownServices, ServiceSource, ServiceStep, Step};
use crate::error::{Error, ErrorKind};

/// The result of looking up a service in the services file.
#[derive(Debug, Default)]
pub(super) struct PortInFile {
    pub(super) port: Option<u16>,
    /// There is no services file. The embedded table may replace it.
    pub(super) is_file_missing: bool,
    /// Advice for a host that has no address: the SRV records that the file hides may name others.
    pub(super) advice: Option<String>,
}

impl Search<'_> {
    /// Returns the port of a local service. SRV records are not queried for it (SVC-09).
    pub(super) async fn local_port(&self, service: &str) -> Result<u16, Error> {
        let steps = &mut Vec::new();
        let in_file = self.port_in_file(service, None, steps).await?;
        let port = match in_file.port {
            None if in_file.is_file_missing => Self::port_in_table(service, steps),
            port => port,
        };
        port.ok_or_else(|| {
            let why_not_dns = "the port of a local service does not come from DNS";
            self.unknown_service(service, why_not_dns, false)
        })
    }

    /// Returns the services that the services file lists, or the table that replaces a missing
    /// file.
    pub(super) async fn known_services(&self) -> Result<KnownServices, Error> {
        let content = self.settings.services.read(self.time_left()).await?;
        let rows = |services: &ServiceTable| {
            services
                .rows()
                .map(|(name, port)| (name.to_owned(), port))
                .collect()
        };
        Ok(KnownServices {
            source: match content.parsed {
                Some(_) => self.file_source(),
                None => ServiceSource::Table,
            },
            services: rows(content.parsed.as_deref().unwrap_or(ServiceTable::iana())),
            problem: content.problem,
        })
    }

    /// Looks up the port that the services file has for `service`.
    ///
    /// `domain` is the one whose SRV records are not queried if the file lists the service; `None`
    /// if there cannot be any.
    ///
    /// # Errors
    ///
    /// The file cannot be read. A file that does not exist is not an error.
    pub(super) async fn port_in_file(
        &self,
        service: &str,
        domain: Option<&str>,
        steps: &mut Vec<Step>,
    ) -> Result<PortInFile, Error> {
        let started = Instant::now();
        let mut step = ServiceStep {
            service: service.to_owned(),
            source: self.file_source(),
            port: None,
            hidden_srv: None,
            notes: Vec::new(),
            error: None,
            elapsed: Duration::ZERO,
        };
        let content = self.settings.services.read(self.time_left()).await;
        step.elapsed = started.elapsed();
        let content = match content {
            Ok(content) => content,
            Err(error) => {
                step.error = Some(error.to_string());
                Step::Service(step).record(steps);
                return Err(error);
            }
        };
        step.notes.extend(content.problem);
        let found = match &content.parsed {
            Some(services) => services.udp_port(service),
            None => {
                let path = self.settings.services.path();
                step.source = ServiceSource::MissingFile(path.to_owned());
                None
            }
        };
        step.port = found;
        step.hidden_srv = domain
            .filter(|_| found.is_some())
            .map(|domain| srv::query_name(service, domain));
        let advice = step.hidden_srv.as_ref().map(|name| {
            let path = self.settings.services.path().display();
            format!(
                "{path} lists \"{service}\", so the SRV records {name} were not queried: write \
                 the service as \"_{service}\" to query them"
            )
        });
        Step::Service(step).record(steps);
        Ok(PortInFile {
            port: found,
            is_file_missing: content.parsed.is_none(),
            advice,
        })
    }

    /// Looks up `service` in the table embedded in this crate.
    pub(super) fn port_in_table(service: &str, steps: &mut Vec<Step>) -> Option<u16> {
        let started = Instant::now();
        let port = ServiceTable::iana().udp_port(service);
        step(service, ServiceSource::Table, port, started.elapsed()).record(steps);
        port
    }

    /// Returns the step for a service that is a port number.
    pub(super) fn number_step(service: &str, port: Option<u16>) -> Step {
        step(service, ServiceSource::Number, port, Duration::ZERO)
    }

    /// Returns the step for a service that is not looked up in any file.
    pub(super) fn srv_only_step(&self, service: &str) -> Step {
        step(service, ServiceSource::SrvOnly, None, Duration::ZERO)
    }

    fn file_source(&self) -> ServiceSource {
        let file = &self.settings.services;
        if file.is_text() {
            ServiceSource::Text
        } else {
            ServiceSource::File(file.path().to_owned())
        }
    }

    /// Returns the error for a service that no source can have.
    pub(super) fn unknown_service(
        &self,
        service: &str,
        why_not_dns: &str,
        is_srv_only: bool,
    ) -> Error {
        let why_not_file = match is_srv_only {
            true => "no services file is searched".to_owned(),
            false => self.not_in_file(),
        };
        Error::new(
            ErrorKind::ServiceNotFound,
            format!("cannot resolve service \"{service}\": {why_not_file}, and {why_not_dns}"),
        )
        .with_advice("give the port number")
    }

    /// Returns the error for a service that is not listed, and whose name cannot be in DNS
    /// (SRV-05).
    pub(super) fn misfit_service(&self, service: &str, is_srv_only: bool) -> Error {
        let why_not_file = match is_srv_only {
            true => String::new(),
            false => format!("{}, and ", self.not_in_file()),
        };
        Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "service \"{service}\" is not valid: {why_not_file}in DNS a service has only \
                 letters, digits, hyphens, underscores and dots"
            ),
        )
        .with_advice("give the port number, or a services file that lists the service")
    }

    fn not_in_file(&self) -> String {
        let path = self.settings.services.path().display();
        format!("{path} has no udp row for it")
    }
}

fn step(service: &str, source: ServiceSource, port: Option<u16>, elapsed: Duration) -> Step {
    Step::Service(ServiceStep {
        service: service.to_owned(),
        source,
        port,
        hidden_srv: None,
        notes: Vec::new(),
        error: None,
        elapsed,
    })
}
