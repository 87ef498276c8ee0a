//! Adapters, and what the system knows about its networks.

use std::ffi::c_void;

use udpair_winrt::{
    self as winrt, EventToken, HostNameSortOptions, Result, network_information, udpair,
};

use crate::callback::{Callback, DestroyFn, RunFn};
use crate::error::{HResult, guard, null, put, required};
use crate::handle::{Any, Handle, give};
use crate::list::List;
use crate::names::{EndpointPair, HostName};
use crate::operation::{Operation, Value, started};
use crate::options::{numbered, token_of};
use crate::owned::OwnedText;
use crate::text::array;

/// A network adapter of this machine, as it was when it was looked up.
pub struct Adapter(pub(crate) winrt::NetworkAdapter);

impl Handle for Adapter {
    fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// A connection of this machine to a network.
pub struct Profile(winrt::ConnectionProfile);

impl Handle for Profile {}

/// A GUID, its first three fields as numbers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Guid {
    /// The first 32 bits.
    pub data1: u32,
    /// The next 16 bits.
    pub data2: u16,
    /// The next 16 bits.
    pub data3: u16,
    /// The last 64 bits, byte by byte.
    pub data4: [u8; 8],
}

impl From<winrt::Guid> for Guid {
    fn from(guid: winrt::Guid) -> Self {
        Self {
            data1: guid.data1,
            data2: guid.data2,
            data3: guid.data3,
            data4: guid.data4,
        }
    }
}

impl From<Guid> for winrt::Guid {
    fn from(guid: Guid) -> Self {
        Self {
            data1: guid.data1,
            data2: guid.data2,
            data3: guid.data3,
            data4: guid.data4,
        }
    }
}

fn inner(adapter: Option<&Adapter>) -> Result<&winrt::NetworkAdapter> {
    Ok(&required(adapter, "the adapter")?.0)
}

/// Writes the id of an adapter. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_adapter_id(adapter: Option<&Adapter>, out: Option<&mut Guid>) -> HResult {
    guard(|| put(out, inner(adapter)?.network_adapter_id().into()))
}

/// Returns the type of an adapter as IANA numbers it; 0 if it is NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_adapter_iana_interface_type(adapter: Option<&Adapter>) -> u32 {
    adapter.map_or(0, |adapter| adapter.0.iana_interface_type())
}

/// Returns the nominal speed of what arrives, in bits per second; 0 if it is not known. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_adapter_inbound_max_bits_per_second(adapter: Option<&Adapter>) -> u64 {
    adapter.map_or(0, |adapter| adapter.0.inbound_max_bits_per_second())
}

/// Returns the nominal speed of what leaves, in bits per second; 0 if it is not known. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_adapter_outbound_max_bits_per_second(adapter: Option<&Adapter>) -> u64 {
    adapter.map_or(0, |adapter| adapter.0.outbound_max_bits_per_second())
}

/// Writes the network that an adapter is attached to: its id, and what it reaches as NetworkTypes
/// (1 the internet, 2 a private network). Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_adapter_network(
    adapter: Option<&Adapter>,
    id: Option<&mut Guid>,
    types: Option<&mut u32>,
) -> HResult {
    guard(|| {
        let network = inner(adapter)?.network_item();
        put(id, network.network_id().into())?;
        put(types, network.network_types().bits())
    })
}

/// Looks up the connection profile of an adapter. The result is a udpair_profile, or NULL if the
/// adapter is attached to no network. The operation is the caller's. Any thread.
///
/// Errors: E_INVALIDARG if the adapter is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_adapter_connected_profile(
    adapter: Option<&Adapter>,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        started(out, inner(adapter)?.connected_profile(), |profile| {
            Value::Object(profile.map(|profile| Any::new(Profile(profile))))
        })
    })
}

/// Writes the name of a connection, which the caller frees. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_profile_name(
    profile: Option<&Profile>,
    out: Option<&mut OwnedText>,
) -> HResult {
    guard(|| {
        let profile = required(profile, "the profile")?;
        put(out, OwnedText::new(profile.0.profile_name()))
    })
}

/// Writes the adapter of a connection, which is the caller's; NULL if it has none. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_profile_adapter(
    profile: Option<&Profile>,
    out: Option<&mut *mut Adapter>,
) -> HResult {
    guard(|| {
        let adapter = required(profile, "the profile")?.0.network_adapter();
        let of = |adapter| give(Adapter(adapter));
        put(out, adapter.map_or(std::ptr::null_mut(), of))
    })
}

/// Lists all adapters of this machine, as udpair_adapter, loopback and those without an address too. The
/// list is the caller's. Any thread.
///
/// Errors: the system's own.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_adapters(out: Option<&mut *mut List>) -> HResult {
    guard(|| {
        let adapters = udpair::adapters().map_err(|error| {
            let text = format!("cannot read the adapters of this machine: {error}");
            winrt::Error::new(winrt::hresult::E_FAIL, text)
        })?;
        let adapters = adapters.into_iter();
        put(out, give(List::of(adapters.map(|it| Adapter(it.into())))))
    })
}

/// Lists the names of this machine and the addresses of its adapters, as udpair_host_name. The list
/// is the caller's. Any thread.
///
/// Errors: the system's own.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_host_names(out: Option<&mut *mut List>) -> HResult {
    guard(|| {
        let names = network_information::host_names()?;
        put(out, give(List::of(names.into_iter().map(HostName))))
    })
}

/// Lists endpoint pairs in the order in which they should be tried, with their local host names
/// filled in. `count` pairs begin at `pairs`; `sort_options` is 0 or 2. The list is the caller's. Any
/// thread.
///
/// Errors: E_INVALIDARG if a pair is NULL or one of its service names is not valid.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_sort_endpoint_pairs(
    pairs: *const Option<&EndpointPair>,
    count: usize,
    sort_options: u32,
    out: Option<&mut *mut List>,
) -> HResult {
    guard(|| {
        let pair = |pair: &Option<&EndpointPair>| {
            let pair = required(*pair, "an endpoint pair")?;
            Ok(pair.0.clone())
        };
        let pairs: Result<Vec<_>> = array(pairs, count)?.iter().map(pair).collect();
        let options = HostNameSortOptions::try_from(sort_options)?;
        let sorted = network_information::sorted_endpoint_pairs(&pairs?, options)?;
        put(out, give(List::of(sorted.into_iter().map(EndpointPair))))
    })
}

/// Writes the profile of the adapter that the machine prefers for the internet, which is the
/// caller's; NULL if it has none. Any thread.
///
/// Errors: the system's own.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_internet_connection_profile(out: Option<&mut *mut Profile>) -> HResult {
    guard(|| {
        let profile = network_information::internet_connection_profile()?;
        let of = |profile| give(Profile(profile));
        put(out, profile.map_or(std::ptr::null_mut(), of))
    })
}

/// Calls a function at changes of adapters, addresses and default routes, until the token that is
/// written is given to udpair_remove_network_status_changed. The calls come one after another, on a
/// thread of the library, and may block. Any thread.
///
/// Errors: the system does not report changes.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_add_network_status_changed(
    changed: RunFn,
    context: *mut c_void,
    destroy: DestroyFn,
    token: Option<&mut i64>,
) -> HResult {
    let callback = Callback::new(changed, context, destroy);
    guard(|| {
        let function = callback.function.ok_or_else(|| null("the function"))?;
        let handler = move || function(callback.context());
        let added = network_information::on_network_status_changed(handler)?;
        put(token, EventToken::value(added))
    })
}

/// Removes a function that was added. An unknown token is ignored. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_remove_network_status_changed(token: i64) {
    crate::error::contained(|| {
        token_of(token)
            .into_iter()
            .for_each(network_information::remove_network_status_changed);
    });
}

/// Refuses a member that is not implemented: 0 GetConnectionProfiles, 1 FindConnectionProfilesAsync,
/// 2 GetLanIdentifiers, 3 GetProxyConfigurationAsync. Any thread.
///
/// Errors: E_NOTIMPL; E_INVALIDARG for another number.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_not_implemented(member: i32) -> HResult {
    guard(|| match member {
        0 => network_information::connection_profiles().map(drop),
        1 => network_information::find_connection_profiles()
            .get()
            .map(drop),
        2 => network_information::lan_identifiers().map(drop),
        3 => network_information::proxy_configuration("").get().map(drop),
        _ => numbered::<winrt::AsyncStatus>(-1).map(drop),
    })
}

/// Writes what is known about the address of this machine that a host name is: the adapter, which
/// is the caller's, and the length of the network's prefix in bits, or -1. The adapter is NULL for
/// every host name that udpair_host_names has not listed. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_host_name_ip_information(
    host_name: Option<&HostName>,
    adapter: Option<&mut *mut Adapter>,
    prefix_length: Option<&mut i32>,
) -> HResult {
    guard(|| {
        let information = required(host_name, "the host name")?.0.ip_information();
        let prefix = information
            .as_ref()
            .and_then(winrt::IpInformation::prefix_length);
        put(prefix_length, prefix.map_or(-1, i32::from))?;
        let of = |ip: winrt::IpInformation| give(Adapter(ip.network_adapter()));
        put(adapter, information.map_or(std::ptr::null_mut(), of))
    })
}
