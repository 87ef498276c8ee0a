//! Events about adapters and their changes.

use std::net::IpAddr;

use serde::{Serialize, Serializer};
use serde_json::Value;
use udpair::{Adapter, AdapterAddress, AdapterChange, DefaultRoute, Network, Reach};

/// The current state of an adapter.
#[derive(Debug, Serialize)]
pub(crate) struct AdapterEvent {
    pub(crate) name: String,
    pub(crate) index: u32,
    pub(crate) id: String,
    /// The IANA interface type.
    #[serde(rename = "type")]
    pub(crate) iana_type: u32,
    pub(crate) kind: String,
    /// `None` if the system does not report it. This applies to `bits_per_second` too.
    pub(crate) mtu: Option<u32>,
    pub(crate) bits_per_second: Option<u64>,
    /// Whether it is administratively up.
    pub(crate) up: bool,
    /// Whether it can carry packets.
    pub(crate) running: bool,
    pub(crate) loopback: bool,
    pub(crate) multicast: bool,
    pub(crate) broadcast: bool,
    /// What it reaches: `none`, `private` or `internet`.
    pub(crate) reach: &'static str,
    pub(crate) addresses: Vec<AdapterAddressEvent>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AdapterAddressEvent {
    pub(crate) address: IpAddr,
    pub(crate) prefix_length: Option<u8>,
}

/// A change of an adapter or a default route.
#[derive(Debug, Default)]
pub(crate) struct AdapterChangeEvent {
    pub(crate) change: &'static str,
    /// The adapter; `None` if the default route was removed.
    pub(crate) name: Option<String>,
    pub(crate) index: Option<u32>,
    /// The address that was added or removed.
    pub(crate) address: Option<IpAddr>,
    pub(crate) prefix_length: Option<u8>,
    /// The previous name; `None` if the name did not change.
    pub(crate) renamed_from: Option<String>,
    /// The family of a default route: `ipv4` or `ipv6`.
    pub(crate) family: Option<&'static str>,
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) metric: Option<u32>,
}

impl AdapterEvent {
    /// Describes `adapter`, which is part of `network` and has this link speed.
    pub(crate) fn new(adapter: &Adapter, network: &Network, bits_per_second: Option<u64>) -> Self {
        Self {
            name: adapter.name.clone(),
            index: adapter.index,
            id: adapter.id.to_string(),
            iana_type: adapter.kind.iana_type(),
            kind: adapter.kind.to_string(),
            mtu: adapter.mtu,
            bits_per_second,
            up: adapter.is_up,
            running: adapter.is_running,
            loopback: adapter.is_loopback,
            multicast: adapter.is_multicast,
            broadcast: adapter.is_broadcast,
            reach: match network.reach(adapter) {
                Reach::None => "none",
                Reach::Private => "private",
                Reach::Internet => "internet",
            },
            addresses: adapter.addresses.iter().map(Into::into).collect(),
        }
    }
}

/// What is known about the change of an adapter comes first, and what is null after it.
impl Serialize for AdapterChangeEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |ip: Option<IpAddr>| ip.map(|ip| ip.to_string());
        let always: [(&str, Value); 3] = [
            ("change", self.change.into()),
            ("name", self.name.clone().into()),
            ("index", self.index.into()),
        ];
        let fields: [(&str, Value); 6] = [
            ("renamed_from", self.renamed_from.clone().into()),
            ("address", text(self.address).into()),
            ("prefix_length", self.prefix_length.into()),
            ("family", self.family.into()),
            ("gateway", text(self.gateway).into()),
            ("metric", self.metric.into()),
        ];
        let (unknown, known): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|(_, value)| value.is_null());
        serializer.collect_map(always.into_iter().chain(known).chain(unknown))
    }
}

impl From<&AdapterAddress> for AdapterAddressEvent {
    fn from(address: &AdapterAddress) -> Self {
        Self {
            address: address.ip,
            prefix_length: address.prefix_length,
        }
    }
}

impl AdapterChangeEvent {
    /// Describes a change whose result is `network`. Returns `None` for an unknown kind of change.
    pub(crate) fn new(change: &AdapterChange, network: &Network) -> Option<Self> {
        let of = |change, adapter: &Adapter| Self {
            change,
            name: Some(adapter.name.clone()),
            index: Some(adapter.index),
            ..Self::default()
        };
        Some(match change {
            AdapterChange::Appeared(adapter) => of("appeared", adapter),
            AdapterChange::Vanished(adapter) => of("vanished", adapter),
            AdapterChange::LinkUp(adapter) => of("link-up", adapter),
            AdapterChange::LinkDown(adapter) => of("link-down", adapter),
            AdapterChange::AddressAdded { adapter, address } => Self {
                address: Some(address.ip),
                prefix_length: address.prefix_length,
                ..of("address-added", adapter)
            },
            AdapterChange::AddressRemoved { adapter, address } => Self {
                address: Some(address.ip),
                prefix_length: address.prefix_length,
                ..of("address-removed", adapter)
            },
            AdapterChange::Altered { before, after } => Self {
                renamed_from: (before.name != after.name).then(|| before.name.clone()),
                ..of("altered", after)
            },
            AdapterChange::DefaultRoute { is_ipv6, after, .. } => {
                Self::default_route(*is_ipv6, after.as_ref(), network)
            }
            _ => return None,
        })
    }

    fn default_route(is_ipv6: bool, route: Option<&DefaultRoute>, network: &Network) -> Self {
        let adapter = route.and_then(|route| network.adapter(route.adapter));
        Self {
            change: "default-route",
            name: adapter.map(|adapter| adapter.name.clone()),
            index: route.map(|route| route.adapter),
            family: Some(if is_ipv6 { "ipv6" } else { "ipv4" }),
            gateway: route.and_then(|route| route.gateway),
            metric: route.map(|route| route.metric),
            ..Self::default()
        }
    }
}
