//! Host names and endpoint pairs.

use napi::Env;
use napi_derive::napi;
use udpair_winrt::{EndpointPair, HostName};

use crate::failure::OrThrow;

/// A host name.
#[napi]
pub struct NativeHostName(pub(crate) HostName);

#[napi]
impl NativeHostName {
    #[napi(constructor)]
    pub fn new(env: Env, text: String) -> napi::Result<Self> {
        HostName::new(&text).map(Self).or_throw(&env)
    }

    #[napi]
    pub fn canonical_name(&self) -> String {
        self.0.canonical_name()
    }

    #[napi]
    pub fn display_name(&self) -> String {
        self.0.display_name()
    }

    #[napi]
    pub fn raw_name(&self) -> String {
        self.0.raw_name()
    }

    #[napi]
    pub fn kind(&self) -> i32 {
        self.0.kind() as i32
    }

    #[napi]
    pub fn is_equal(&self, other: &NativeHostName) -> bool {
        self.0.is_equal(&other.0)
    }
}

/// Compares two host names that are given as text.
#[napi]
pub fn compare_host_names(env: Env, first: String, second: String) -> napi::Result<i32> {
    HostName::compare(&first, &second).or_throw(&env)
}

/// An endpoint pair.
#[napi]
pub struct NativeEndpointPair(pub(crate) EndpointPair);

#[napi]
impl NativeEndpointPair {
    #[napi(constructor)]
    pub fn new(
        env: Env,
        local_host: Option<&NativeHostName>,
        local_service: String,
        remote_host: &NativeHostName,
        remote_service: String,
    ) -> napi::Result<Self> {
        let local = local_host.map(|host| host.0.clone());
        let remote = remote_host.0.clone();
        let pair = EndpointPair::new(local, &local_service, remote, &remote_service);
        pair.map(Self).or_throw(&env)
    }

    #[napi]
    pub fn local_host_name(&self) -> Option<NativeHostName> {
        self.0.local_host_name().map(NativeHostName)
    }

    #[napi]
    pub fn set_local_host_name(&self, host: Option<&NativeHostName>) {
        self.0.set_local_host_name(host.map(|host| host.0.clone()));
    }

    #[napi]
    pub fn local_service_name(&self) -> String {
        self.0.local_service_name()
    }

    #[napi]
    pub fn set_local_service_name(&self, service: String) {
        self.0.set_local_service_name(&service);
    }

    #[napi]
    pub fn remote_host_name(&self) -> NativeHostName {
        NativeHostName(self.0.remote_host_name())
    }

    #[napi]
    pub fn set_remote_host_name(&self, host: &NativeHostName) {
        self.0.set_remote_host_name(host.0.clone());
    }

    #[napi]
    pub fn remote_service_name(&self) -> String {
        self.0.remote_service_name()
    }

    #[napi]
    pub fn set_remote_service_name(&self, service: String) {
        self.0.set_remote_service_name(&service);
    }
}

/// Returns pairs as values of JavaScript.
pub(crate) fn pairs(pairs: Vec<EndpointPair>) -> Vec<NativeEndpointPair> {
    pairs.into_iter().map(NativeEndpointPair).collect()
}
