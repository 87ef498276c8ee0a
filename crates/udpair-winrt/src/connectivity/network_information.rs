//! `NetworkInformation`: what the system knows about its networks.

use udpair::data::Guid;
use udpair::hresult;

use super::adapter::{ConnectionProfile, IpInformation, network};
use super::status;
use crate::error::{Error, Result};
use crate::foundation::{EventToken, Operation};
use crate::networking::{EndpointPair, HostName, HostNameSortOptions};

/// Returns the names of this machine, and the addresses of its adapters (NET-01).
///
/// # Errors
///
/// The system's own.
pub fn host_names() -> Result<Vec<HostName>> {
    let names = udpair::host_names()?;
    let of_this_machine = |name: udpair::LocalHostName| {
        let ip = name.ip.map(IpInformation::new);
        HostName::of_this_machine(name.host, ip)
    };
    Ok(names.into_iter().map(of_this_machine).collect())
}

/// Returns `destinations` in the order in which they should be tried, with their local host
/// names filled in (NET-12).
///
/// # Errors
///
/// `E_INVALIDARG`: a service name of a pair is not valid.
pub fn sorted_endpoint_pairs(
    destinations: &[EndpointPair],
    sort_options: HostNameSortOptions,
) -> Result<Vec<EndpointPair>> {
    let given = destinations.iter().map(|pair| {
        let names = pair.snapshot();
        let inner = names.to_inner()?;
        Ok((names, inner))
    });
    let mut given = given.collect::<Result<Vec<_>>>()?;
    let pairs = given.iter().map(|(_, inner)| inner.clone()).collect();
    let sorted = udpair::sort_endpoint_pairs(pairs, sort_options.order());
    let completed = sorted.iter().filter_map(|pair| {
        let index = given
            .iter()
            .position(|(_, inner)| is_completed(inner, pair))?;
        // The names stay as they were given (EPP-06).
        let (names, _) = given.remove(index);
        Some(names.with_local_host_of(pair))
    });
    Ok(completed.map(EndpointPair::of).collect())
}

/// Returns whether `pair` is this one, perhaps with a local host filled in.
fn is_completed(given: &udpair::EndpointPair, pair: &udpair::EndpointPair) -> bool {
    let (local, filled) = (given.local(), pair.local());
    given.remote() == pair.remote()
        && local.service() == filled.service()
        && (local.host().is_none() || local.host() == filled.host())
}

/// Returns the profile of the adapter that the machine prefers for the internet; `None` if it
/// has none (NET-11).
///
/// # Errors
///
/// The system's own.
pub fn internet_connection_profile() -> Result<Option<ConnectionProfile>> {
    let network = network()?;
    let adapter = network.internet_adapter().cloned();
    Ok(adapter.map(ConnectionProfile::new))
}

/// Registers a handler for changes of adapters, their addresses and the default routes. It is called
/// 250 ms after the first of several changes (NET-13).
///
/// Handlers are called one after the other, on a thread of this library, and may block.
///
/// # Errors
///
/// The system's own: it does not report changes.
pub fn on_network_status_changed(handler: impl FnMut() + Send + 'static) -> Result<EventToken> {
    status::add(handler)
}

/// Removes a handler. It is not called for later changes. An unknown token is ignored (NET-13).
pub fn remove_network_status_changed(token: EventToken) {
    status::remove(token);
}

/// Not implemented (NET-15).
///
/// # Errors
///
/// `E_NOTIMPL`, always.
pub fn connection_profiles() -> Result<Vec<ConnectionProfile>> {
    Err(not_implemented("GetConnectionProfiles"))
}

/// Not implemented (NET-15): `FindConnectionProfilesAsync`, whose filter is not read.
///
/// # Errors
///
/// `E_NOTIMPL`, always.
pub fn find_connection_profiles() -> Operation<Vec<ConnectionProfile>> {
    Operation::refused(not_implemented("FindConnectionProfilesAsync"))
}

/// Not implemented (NET-15): `GetLanIdentifiers`.
///
/// # Errors
///
/// `E_NOTIMPL`, always.
pub fn lan_identifiers() -> Result<Vec<Guid>> {
    Err(not_implemented("GetLanIdentifiers"))
}

/// Not implemented (NET-15): `GetProxyConfigurationAsync`. The text is not read.
///
/// # Errors
///
/// `E_NOTIMPL`, always.
pub fn proxy_configuration(_uri: &str) -> Operation<String> {
    Operation::refused(not_implemented("GetProxyConfigurationAsync"))
}

fn not_implemented(member: &str) -> Error {
    Error::new(
        hresult::E_NOTIMPL,
        format!("{member} is not implemented: sockets do not need it"),
    )
}
