//! What a failed question means to whoever wanted to resolve something.

use std::fmt::Display;

use udpair_io::{Cause, LookupError};

use super::dns::{DnsFailure, SrvAnswer, Statement, Time};
use super::family::AddressFamily;
use super::step::RecordType;
use super::system::SystemFailure;
use crate::error::{E_OUTOFMEMORY, Error, ErrorKind, WSAESOCKTNOSUPPORT, WSANO_RECOVERY};
use crate::name::HostName;

/// There are addresses, and none of the family that was asked for.
pub(super) fn no_address_of(family: AddressFamily, host: impl Display) -> Error {
    Error::new(
        ErrorKind::FamilyNotSupported,
        format!("cannot resolve host \"{host}\": it has no {family} address"),
    )
}

/// There are SRV records, and none can be used: the domain says that it does not offer the service, or
/// its records make no sense.
pub(super) fn not_offered(service: &str, host: &HostName, name: &str, found: &SrvAnswer) -> Error {
    let is_offered = found.records.iter().any(|record| !record.target.is_empty());
    let reason = if is_offered {
        "has no record with a host and a port for"
    } else {
        "says that nobody offers"
    };
    Error::new(
        ErrorKind::NoData,
        format!(
            "cannot resolve service \"{service}\" for host \"{host}\": server {} {reason} {name}",
            found.server
        ),
    )
}

/// There are no SRV records.
pub(super) fn of_srv(service: &str, host: &HostName, name: &str, failure: DnsFailure) -> Error {
    let action = format!("cannot resolve service \"{service}\" for host \"{host}\"");
    let error = of_failure(&action, &format!("{name} SRV"), failure);
    match error.kind() {
        ErrorKind::HostNotFound | ErrorKind::NoData => {
            error.with_advice("give the port number, or a services file that lists the service")
        }
        _ => error,
    }
}

/// Name servers gave no address.
pub(super) fn of_host(host: &HostName, types: &[RecordType], failure: DnsFailure) -> Error {
    let name = host.canonical_name();
    let types: Vec<_> = types.iter().map(ToString::to_string).collect();
    of_failure(
        &format!("cannot resolve host \"{host}\""),
        &format!("{name} {}", types.join("/")),
        failure,
    )
}

fn of_failure(action: &str, question: &str, failure: DnsFailure) -> Error {
    match failure {
        DnsFailure::NotFound(server) => Error::new(
            ErrorKind::HostNotFound,
            format!("{action}: server {server} says that the name does not exist ({question})"),
        ),
        DnsFailure::NoData(server) => Error::new(
            ErrorKind::NoData,
            format!("{action}: server {server} has no such record ({question})"),
        ),
        DnsFailure::NoAnswer(statements) => Error::new(
            ErrorKind::NameServer,
            format!("{action}: {} ({question})", list(&statements)),
        )
        .with_advice("check the name servers, or allow more time"),
        DnsFailure::Unusable(statements) => Error::new(
            ErrorKind::NameServer,
            format!("{action}: {} ({question})", list(&statements)),
        )
        .with_hresult(WSANO_RECOVERY),
        DnsFailure::Endless { server, is_loop } => Error::new(
            ErrorKind::NameServer,
            format!(
                "{action}: the aliases that server {server} sent {} ({question})",
                if is_loop {
                    "run in a circle"
                } else {
                    "are more than 8"
                }
            ),
        )
        .with_hresult(WSANO_RECOVERY),
        DnsFailure::NoName => Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{action}: {question} does not fit into DNS, where a label has at most 63 characters \
                 and a name 253"
            ),
        ),
    }
}

fn list(statements: &[Statement]) -> String {
    if statements.is_empty() {
        return "there is no name server to ask".into();
    }
    let texts: Vec<_> = statements.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// The operating system gave no address.
pub(super) fn of_system(host: &HostName, failure: SystemFailure) -> Error {
    let message = format!("cannot resolve host \"{host}\"");
    let error = match failure {
        SystemFailure::TimedOut(limit) => {
            return Error::new(
                ErrorKind::NameServer,
                format!(
                    "{message}: the system's resolver did not answer within {}",
                    Time(limit)
                ),
            )
            .with_advice("check the name servers, or allow more time");
        }
        SystemFailure::Io(error) => return Error::system(message, error),
        SystemFailure::Lookup(error) => error,
    };
    let (kind, hresult) = match &error {
        LookupError::NotFound => (ErrorKind::HostNotFound, None),
        LookupError::NoData => (ErrorKind::NoData, None),
        LookupError::TryAgain => (ErrorKind::NameServer, None),
        LookupError::Failed => (ErrorKind::NameServer, Some(WSANO_RECOVERY)),
        LookupError::FamilyNotSupported => (ErrorKind::FamilyNotSupported, None),
        LookupError::SocketTypeNotSupported => {
            (ErrorKind::FamilyNotSupported, Some(WSAESOCKTNOSUPPORT))
        }
        LookupError::OutOfMemory => (ErrorKind::Io, Some(E_OUTOFMEMORY)),
        LookupError::System(system) if Cause::of(system) == Cause::TooManyFiles => {
            (ErrorKind::TooManyFiles, None)
        }
        _ => (ErrorKind::Io, None),
    };
    let made = Error::new(kind, message).with_source(error);
    match hresult {
        Some(hresult) => made.with_hresult(hresult),
        None => made,
    }
}
