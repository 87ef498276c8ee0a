//! Translates what name servers did into the errors that a caller of the resolver sees.

use std::path::Path;

use super::SrvResponse;
use super::failure::{DnsFailure, ServerReport};
use super::srv_order::reason_to_skip;
use udpair_io::tools;

use crate::error::{Error, ErrorKind, WSANO_RECOVERY};
use crate::name::HostName;
use crate::resolve::error::shortage;
use crate::resolve::host::Host;
use crate::resolve::step::RecordType;

impl DnsFailure {
    /// Returns the error for a host whose addresses were looked up in vain, by records of these
    /// types.
    pub(crate) fn for_host(self, host: &Host, types: &[RecordType]) -> Error {
        let name = host.domain();
        let types: Vec<_> = types.iter().map(ToString::to_string).collect();
        dns_lookup(
            &format!("cannot resolve host \"{host}\""),
            &format!("{name} {}", types.join("/")),
            self,
        )
    }
}

/// Returns the error for SRV records of which none can be used: the domain says that it does not
/// offer the service, or its records are invalid.
pub(super) fn not_offered(
    service: &str,
    host: &HostName,
    name: &str,
    found: &SrvResponse,
) -> Error {
    let action = format!("cannot resolve service \"{service}\" for host \"{host}\"");
    let server = found.server;
    let unusable = found
        .records
        .iter()
        .find(|record| !record.target.is_empty());
    let message = match unusable.and_then(|record| Some((record, reason_to_skip(record)?))) {
        None => format!("{action}: server {server} says that no host offers {name}"),
        Some((record, reason)) => format!(
            "{action}: server {server} has no usable record of {name}: of port {} at \"{}\" {reason}",
            record.port, record.target
        ),
    };
    Error::new(ErrorKind::NoData, message)
}

/// Returns the error for a list of name servers of which none can be queried; `why` is the reason
/// for the first.
pub(super) fn no_usable_server(path: &Path, why: &Error) -> Error {
    Error::new(
        ErrorKind::NameServer,
        format!("cannot query any name server of {}: {why}", path.display()),
    )
    .with_advice(format!("`{}` lists the adapters", tools().adapters))
}

/// Returns the error for an SRV lookup that failed.
pub(super) fn srv_lookup(service: &str, host: &HostName, name: &str, failure: DnsFailure) -> Error {
    let action = format!("cannot resolve service \"{service}\" for host \"{host}\"");
    // Servers refuse such a name or say that it does not exist.
    let is_short = host.domain().is_some_and(|domain| !domain.contains('.')) && !host.is_absolute();
    let is_unanswered = matches!(failure, DnsFailure::NoResponse(_));
    let error = dns_lookup(&action, &format!("{name} SRV"), failure);
    match error.kind() {
        ErrorKind::HostNotFound | ErrorKind::NoData | ErrorKind::NameServer
            if is_short && !is_unanswered =>
        {
            error.with_advice("SRV takes no search list: write the full name of the host")
        }
        ErrorKind::HostNotFound | ErrorKind::NoData => {
            error.with_advice("give the port number, or a services file that lists the service")
        }
        _ => error,
    }
}

fn dns_lookup(action: &str, query: &str, failure: DnsFailure) -> Error {
    match failure {
        DnsFailure::NotFound(server) => Error::new(
            ErrorKind::HostNotFound,
            format!("{action}: server {server} says that the name does not exist ({query})"),
        ),
        DnsFailure::NoData(server) => Error::new(
            ErrorKind::NoData,
            format!("{action}: server {server} has no such record ({query})"),
        ),
        DnsFailure::Shortage(error) => shortage(format!("{action} ({query})"), &error),
        DnsFailure::NoResponse(reports) => Error::new(
            ErrorKind::NameServer,
            format!("{action}: {} ({query})", describe(&reports)),
        )
        .with_advice("check the name servers, or allow more time"),
        DnsFailure::Unusable(reports) => Error::new(
            ErrorKind::NameServer,
            format!("{action}: {} ({query})", describe(&reports)),
        )
        .with_hresult(WSANO_RECOVERY),
        DnsFailure::AliasChain { server, is_loop } => Error::new(
            ErrorKind::NameServer,
            format!(
                "{action}: the chain of aliases that server {server} sent {} ({query})",
                if is_loop {
                    "is a loop"
                } else {
                    "is longer than 8"
                }
            ),
        )
        .with_hresult(WSANO_RECOVERY),
        DnsFailure::InvalidName => Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{action}: {query} does not fit into a DNS query: a label has at most 63 \
                 characters and a name at most 253"
            ),
        ),
    }
}

fn describe(reports: &[ServerReport]) -> String {
    if reports.is_empty() {
        return "there is no name server to query".into();
    }
    let texts: Vec<_> = reports.iter().map(ToString::to_string).collect();
    texts.join(", ")
}
