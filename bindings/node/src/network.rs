//! Adapters and what the system knows about its networks.

use napi::Env;
use napi::bindgen_prelude::{BigInt, ClassInstance, Null};
use napi_derive::napi;
use udpair_winrt::{
    ConnectionProfile, HostNameSortOptions, IpInformation, NetworkAdapter, network_information,
};

use crate::failure::OrThrow;
use crate::js;
use crate::names::{self, NativeEndpointPair, NativeHostName};
use crate::operations::{Started, started};
use crate::runtime::Runtime;

/// A network adapter.
#[napi]
pub struct NativeNetworkAdapter(pub(crate) NetworkAdapter);

#[napi]
impl NativeNetworkAdapter {
    #[napi]
    pub fn id(&self) -> String {
        self.0.network_adapter_id().to_string()
    }

    #[napi]
    pub fn iana_interface_type(&self) -> u32 {
        self.0.iana_interface_type()
    }

    #[napi]
    pub fn inbound_max_bits_per_second(&self) -> BigInt {
        self.0.inbound_max_bits_per_second().into()
    }

    #[napi]
    pub fn outbound_max_bits_per_second(&self) -> BigInt {
        self.0.outbound_max_bits_per_second().into()
    }

    #[napi]
    pub fn network_id(&self) -> String {
        self.0.network_item().network_id().to_string()
    }

    #[napi]
    pub fn network_types(&self) -> u32 {
        self.0.network_item().network_types().bits()
    }

    #[napi]
    pub fn connected_profile<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
    ) -> napi::Result<Started<'env>> {
        let operation = self.0.connected_profile();
        started(env, runtime.state(), operation, |profile| {
            profile.map(NativeConnectionProfile)
        })
    }
}

#[napi]
impl NativeHostName {
    #[napi]
    pub fn ip_information(&self) -> Option<NativeIpInformation> {
        self.0.ip_information().map(NativeIpInformation)
    }
}

/// What is known about an address of this machine.
#[napi]
pub struct NativeIpInformation(pub(crate) IpInformation);

#[napi]
impl NativeIpInformation {
    #[napi]
    pub fn network_adapter(&self) -> NativeNetworkAdapter {
        NativeNetworkAdapter(self.0.network_adapter())
    }

    #[napi]
    pub fn prefix_length(&self) -> Option<u32> {
        self.0.prefix_length().map(u32::from)
    }
}

/// A connection to a network.
#[napi]
pub struct NativeConnectionProfile(ConnectionProfile);

#[napi]
impl NativeConnectionProfile {
    #[napi]
    pub fn name(&self) -> String {
        self.0.profile_name().to_owned()
    }

    #[napi]
    pub fn network_adapter(&self) -> Option<NativeNetworkAdapter> {
        self.0.network_adapter().map(NativeNetworkAdapter)
    }
}

#[napi]
pub fn host_names(env: Env) -> napi::Result<Vec<NativeHostName>> {
    let names = network_information::host_names().or_throw(&env)?;
    Ok(names.into_iter().map(NativeHostName).collect())
}

#[napi]
pub fn internet_connection_profile(env: Env) -> napi::Result<Option<NativeConnectionProfile>> {
    let profile = network_information::internet_connection_profile().or_throw(&env)?;
    Ok(profile.map(NativeConnectionProfile))
}

#[napi]
pub fn sorted_endpoint_pairs(
    env: Env,
    pairs: Vec<ClassInstance<'_, NativeEndpointPair>>,
    options: u32,
) -> napi::Result<Vec<NativeEndpointPair>> {
    let options = HostNameSortOptions::try_from(options).or_throw(&env)?;
    let pairs: Vec<_> = pairs.iter().map(|pair| pair.0.clone()).collect();
    let sorted = network_information::sorted_endpoint_pairs(&pairs, options).or_throw(&env)?;
    Ok(names::pairs(sorted))
}

#[napi]
pub fn connection_profiles(env: Env) -> napi::Result<()> {
    network_information::connection_profiles().or_throw(&env)?;
    Ok(())
}

#[napi]
pub fn lan_identifiers(env: Env) -> napi::Result<()> {
    network_information::lan_identifiers().or_throw(&env)?;
    Ok(())
}

#[napi]
pub fn find_connection_profiles<'env>(
    env: &'env Env,
    runtime: &Runtime,
) -> napi::Result<Started<'env>> {
    let operation = network_information::find_connection_profiles();
    started(env, runtime.state(), operation, |_| ())
}

#[napi]
pub fn proxy_configuration<'env>(env: &'env Env, runtime: &Runtime) -> napi::Result<Started<'env>> {
    let operation = network_information::proxy_configuration("");
    started(env, runtime.state(), operation, |_| ())
}

/// Returns the adapter with this name.
#[napi]
pub fn network_adapter(env: Env, name: String) -> napi::Result<NativeNetworkAdapter> {
    let adapter = udpair_winrt::udpair::adapter(&name).or_throw(&env)?;
    Ok(NativeNetworkAdapter(adapter.into()))
}

/// An adapter and its addresses, for programs that are not written for the object model.
#[napi(object)]
pub struct AdapterDescription {
    pub name: String,
    pub index: u32,
    pub id: String,
    pub iana_type: u32,
    pub mtu: Option<u32>,
    pub is_up: bool,
    pub is_running: bool,
    pub is_loopback: bool,
    pub is_multicast: bool,
    pub is_broadcast: bool,
    pub addresses: Vec<AdapterAddress>,
}

/// An address of an adapter.
#[napi(object)]
pub struct AdapterAddress {
    pub address: String,
    pub family: u32,
    pub prefix_length: Option<u32>,
}

#[napi]
pub fn adapters() -> napi::Result<Vec<AdapterDescription>> {
    let adapters = udpair_winrt::udpair::adapters()?;
    let describe = |adapter: udpair_winrt::udpair::Adapter| AdapterDescription {
        id: adapter.id.to_string(),
        iana_type: adapter.kind.iana_type(),
        index: adapter.index,
        mtu: adapter.mtu,
        is_up: adapter.is_up,
        is_running: adapter.is_running,
        is_loopback: adapter.is_loopback,
        is_multicast: adapter.is_multicast,
        is_broadcast: adapter.is_broadcast,
        addresses: adapter
            .addresses
            .iter()
            .map(|address| AdapterAddress {
                address: address.ip.to_string(),
                family: if address.ip.is_ipv4() { 4 } else { 6 },
                prefix_length: address.prefix_length.map(u32::from),
            })
            .collect(),
        name: adapter.name,
    };
    Ok(adapters.into_iter().map(describe).collect())
}

/// Registers a handler for changes of the network. Returns a number: `settle` is called with its
/// negative at each change.
#[napi]
pub fn add_status_handler(env: Env, runtime: &Runtime) -> napi::Result<u32> {
    let state = runtime.state();
    let number = state.number();
    let mailbox = state.mailbox.clone();
    let added = network_information::on_network_status_changed(move || {
        mailbox.post(Box::new(move |env| {
            let null = js::value(env, Null)?;
            Ok([js::value(env, -i64::from(number))?, null, null])
        }));
    });
    state.keep_token(number, added.or_throw(&env)?);
    Ok(number)
}

#[napi]
pub fn remove_status_handler(runtime: &Runtime, number: u32) {
    if let Some(token) = runtime.state().take_token(number) {
        network_information::remove_network_status_changed(token);
    }
}
