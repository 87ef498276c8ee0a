//! Translates failed lookups into the errors that a caller of the resolver sees.

use std::fmt::Display;
use std::io;

use udpair_io::{Cause, LookupError};

use super::duration::HumanDuration;
use super::family::AddressFamily;
use super::host::Host;
use super::special::SpecialUse;
use super::srv;
use super::system_resolver::SystemFailure;
use crate::error::{E_OUTOFMEMORY, Error, ErrorKind, WSAESOCKTNOSUPPORT, WSANO_RECOVERY};
use crate::name::Endpoint;

/// Returns the error for a host that has addresses, but none of the requested family.
pub(super) fn no_address_in_family(family: AddressFamily, host: impl Display) -> Error {
    Error::new(
        ErrorKind::FamilyNotSupported,
        format!("cannot resolve host \"{host}\": it has no {family} address"),
    )
}

/// Returns the error for an endpoint whose hosts have addresses, but none of the family that its
/// local end has (ADR-02).
pub(super) fn no_host_in_family(family: AddressFamily, remote: &Endpoint) -> Error {
    let message =
        format!("cannot reach {remote}: it has no {family} address, and the local end is");
    Error::new(ErrorKind::FamilyNotSupported, format!("{message} {family}"))
        .with_advice("leave the local address empty, or use one of the remote address's family")
}

/// Returns the advice for a host that has no address but is named like SRV records.
pub(super) fn advice_for_srv_name(domain: &str) -> Option<String> {
    let service = srv::service_of(domain)?;
    Some(format!(
        "to query the SRV records {domain}, give \"{service}\" as the service in place of a port"
    ))
}

/// Returns the error for a name that is not looked up in DNS.
pub(super) fn special_name(action: &str, name: &str, special: SpecialUse) -> Error {
    let (reason, advice) = match special {
        SpecialUse::Local => (
            "names below .local belong to multicast DNS (RFC 6762), and no name server is queried \
             for them",
            "leave it to the system's resolver, which may have multicast DNS, and give the port \
             number",
        ),
        SpecialUse::Onion => (
            "names below .onion belong to the Tor network (RFC 7686), and nobody is queried for \
             them",
            "use software for the Tor network",
        ),
    };
    let message = format!("{action}: {reason} ({name})");
    Error::new(ErrorKind::HostNotFound, message).with_advice(advice)
}

/// Returns the error for an address lookup by the operating system that failed.
pub(super) fn system_lookup(host: &Host, failure: SystemFailure) -> Error {
    let message = format!("cannot resolve host \"{host}\"");
    let error = match failure {
        SystemFailure::TimedOut(limit) => {
            return Error::new(
                ErrorKind::NameServer,
                format!(
                    "{message}: the system's resolver did not answer within {}",
                    HumanDuration(limit)
                ),
            )
            .with_advice("check the name servers, or allow more time");
        }
        SystemFailure::Busy(limit) => {
            return Error::new(
                ErrorKind::NameServer,
                format!(
                    "{message}: within {} no thread was free for it, because the system's resolver \
                     has not answered earlier lookups",
                    HumanDuration(limit)
                ),
            )
            .with_advice("check the name servers, or give the resolver name servers of its own");
        }
        SystemFailure::Io(error) => return shortage(message, &error),
        SystemFailure::Lookup(error) => error,
    };
    let (kind, hresult) = match &*error {
        LookupError::NotFound => (ErrorKind::HostNotFound, None),
        LookupError::NoData => (ErrorKind::NoData, None),
        LookupError::TryAgain => (ErrorKind::NameServer, None),
        LookupError::Failed => (ErrorKind::NameServer, Some(WSANO_RECOVERY)),
        LookupError::FamilyNotSupported => (ErrorKind::FamilyNotSupported, None),
        LookupError::SocketTypeNotSupported => {
            (ErrorKind::FamilyNotSupported, Some(WSAESOCKTNOSUPPORT))
        }
        LookupError::OutOfMemory => (ErrorKind::Io, Some(E_OUTOFMEMORY)),
        LookupError::System(system)
            if matches!(Cause::of(system), Cause::TooManyFiles | Cause::OutOfMemory) =>
        {
            return shortage(message, system);
        }
        _ => (ErrorKind::Io, None),
    };
    let error = Error::new(kind, message).with_source(error);
    match hresult {
        Some(hresult) => error.with_hresult(hresult),
        None => error,
    }
}

/// Returns the error for a lookup that this process lacks something for.
pub(super) fn shortage(message: String, error: &io::Error) -> Error {
    let error = Error::system(message, copy(error));
    match error.kind() {
        ErrorKind::TooManyFiles => error
            .with_advice("close some sockets, or allow the process more descriptors (`ulimit -n`)"),
        _ => error,
    }
}

/// Returns a copy of an error that other lookups may share.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
