//! Host names and endpoint pairs.

use udpair_winrt as winrt;
use udpair_winrt::Result;

use crate::error::{HResult, guard, put, required};
use crate::handle::{Handle, give};
use crate::owned::OwnedText;
use crate::text::Text;

/// A name or an address of a host. It never changes.
pub struct HostName(pub(crate) winrt::HostName);

impl Handle for HostName {}

impl HostName {
    /// Gives a host name to the caller; NULL if there is none.
    pub(crate) fn give(host: Option<winrt::HostName>) -> *mut Self {
        host.map_or(std::ptr::null_mut(), |host| give(Self(host)))
    }
}

/// The host names and service names of both ends. References to it see each other's changes.
pub struct EndpointPair(pub(crate) winrt::EndpointPair);

impl Handle for EndpointPair {}

fn host(argument: Option<&HostName>) -> Result<&winrt::HostName> {
    Ok(&required(argument, "the host name")?.0)
}

fn pair(argument: Option<&EndpointPair>) -> Result<&winrt::EndpointPair> {
    Ok(&required(argument, "the endpoint pair")?.0)
}

/// Makes a host name of text. Nothing is looked up. The result is the caller's. Any thread.
///
/// Errors: E_INVALIDARG if the text is no host name.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_host_name_new(text: Text, out: Option<&mut *mut HostName>) -> HResult {
    guard(|| put(out, give(HostName(winrt::HostName::new(text.get()?)?))))
}

/// Writes the canonical form, which the caller frees. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_host_name_canonical_name(
    host_name: Option<&HostName>,
    out: Option<&mut OwnedText>,
) -> HResult {
    guard(|| put(out, OwnedText::new(&host(host_name)?.canonical_name())))
}

/// Writes the form for people, which the caller frees. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_host_name_display_name(
    host_name: Option<&HostName>,
    out: Option<&mut OwnedText>,
) -> HResult {
    guard(|| put(out, OwnedText::new(&host(host_name)?.display_name())))
}

/// Writes the text that the host name was made of, which the caller frees. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_host_name_raw_name(
    host_name: Option<&HostName>,
    out: Option<&mut OwnedText>,
) -> HResult {
    guard(|| put(out, OwnedText::new(&host(host_name)?.raw_name())))
}

/// Returns the type: 0 a domain name, 1 an IPv4 address, 2 an IPv6 address, 3 a Bluetooth address.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_host_name_type(host_name: Option<&HostName>) -> i32 {
    host_name.map_or(0, |host| host.0.kind() as i32)
}

/// Returns whether both have the same canonical name; NULL equals nothing. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_host_name_is_equal(
    host_name: Option<&HostName>,
    other: Option<&HostName>,
) -> bool {
    host_name
        .zip(other)
        .is_some_and(|(host, other)| host.0.is_equal(&other.0))
}

/// Compares the canonical names of two host names that are given as text: writes -1, 0 or 1. Any
/// thread.
///
/// Errors: those of udpair_host_name_new.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_host_name_compare(
    value1: Text,
    value2: Text,
    out: Option<&mut i32>,
) -> HResult {
    guard(|| put(out, winrt::HostName::compare(value1.get()?, value2.get()?)?))
}

/// Makes an endpoint pair, which is the caller's. Without a local host name, and with an empty local
/// service name, the system chooses the local end. Any thread.
///
/// Errors: E_INVALIDARG if the remote host name is NULL or the remote service name is empty.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_endpoint_pair_new(
    local_host_name: Option<&HostName>,
    local_service_name: Text,
    remote_host_name: Option<&HostName>,
    remote_service_name: Text,
    out: Option<&mut *mut EndpointPair>,
) -> HResult {
    guard(|| {
        let made = winrt::EndpointPair::new(
            local_host_name.map(|host| host.0.clone()),
            local_service_name.get()?,
            host(remote_host_name)?.clone(),
            remote_service_name.get()?,
        )?;
        put(out, give(EndpointPair(made)))
    })
}

/// Writes the local host name, which is the caller's; NULL if the system chooses. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_endpoint_pair_local_host_name(
    endpoint_pair: Option<&EndpointPair>,
    out: Option<&mut *mut HostName>,
) -> HResult {
    guard(|| put(out, HostName::give(pair(endpoint_pair)?.local_host_name())))
}

/// Sets the local host name; NULL lets the system choose. Any thread.
///
/// Errors: E_INVALIDARG if the pair is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_endpoint_pair_set_local_host_name(
    endpoint_pair: Option<&EndpointPair>,
    host_name: Option<&HostName>,
) -> HResult {
    guard(|| {
        pair(endpoint_pair)?.set_local_host_name(host_name.map(|host| host.0.clone()));
        Ok(())
    })
}

/// Writes the local service name, which the caller frees. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_endpoint_pair_local_service_name(
    endpoint_pair: Option<&EndpointPair>,
    out: Option<&mut OwnedText>,
) -> HResult {
    guard(|| {
        put(
            out,
            OwnedText::new(&pair(endpoint_pair)?.local_service_name()),
        )
    })
}

/// Sets the local service name; an empty one lets the system choose the port. Any thread.
///
/// Errors: E_INVALIDARG if the pair is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_endpoint_pair_set_local_service_name(
    endpoint_pair: Option<&EndpointPair>,
    service_name: Text,
) -> HResult {
    guard(|| {
        pair(endpoint_pair)?.set_local_service_name(service_name.get()?);
        Ok(())
    })
}

/// Writes the remote host name, which is the caller's. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_endpoint_pair_remote_host_name(
    endpoint_pair: Option<&EndpointPair>,
    out: Option<&mut *mut HostName>,
) -> HResult {
    guard(|| {
        put(
            out,
            HostName::give(Some(pair(endpoint_pair)?.remote_host_name())),
        )
    })
}

/// Sets the remote host name. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_endpoint_pair_set_remote_host_name(
    endpoint_pair: Option<&EndpointPair>,
    host_name: Option<&HostName>,
) -> HResult {
    guard(|| {
        pair(endpoint_pair)?.set_remote_host_name(host(host_name)?.clone());
        Ok(())
    })
}

/// Writes the remote service name, which the caller frees. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_endpoint_pair_remote_service_name(
    endpoint_pair: Option<&EndpointPair>,
    out: Option<&mut OwnedText>,
) -> HResult {
    guard(|| {
        put(
            out,
            OwnedText::new(&pair(endpoint_pair)?.remote_service_name()),
        )
    })
}

/// Sets the remote service name. An empty one is accepted here, and refused by sockets. Any thread.
///
/// Errors: E_INVALIDARG if the pair is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_endpoint_pair_set_remote_service_name(
    endpoint_pair: Option<&EndpointPair>,
    service_name: Text,
) -> HResult {
    guard(|| {
        pair(endpoint_pair)?.set_remote_service_name(service_name.get()?);
        Ok(())
    })
}
