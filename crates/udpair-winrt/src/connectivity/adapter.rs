//! Adapters, and what is known about the addresses of this machine.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use udpair::data::Guid;
use udpair::{Adapter, Network, hresult};

use crate::error::{Error, Result};
use crate::foundation::Operation;

/// A network adapter of this machine.
///
/// Two are equal if their ids are (NET-06).
#[derive(Clone)]
pub struct NetworkAdapter {
    adapter: Adapter,
}

impl NetworkAdapter {
    /// Returns the adapter as the layer below knows it.
    pub(crate) fn inner(&self) -> &Adapter {
        &self.adapter
    }

    /// Returns the id, which stays the same when the machine restarts (NET-06).
    pub fn network_adapter_id(&self) -> Guid {
        Guid::from_u128(u128::from_be_bytes(self.adapter.id.to_bytes()))
    }

    /// Returns the type of the adapter as IANA numbers it: 6 for Ethernet, 71 for Wi-Fi (NET-07).
    pub fn iana_interface_type(&self) -> u32 {
        self.adapter.kind.iana_type()
    }

    /// Returns the nominal speed of what arrives, in bits per second; 0 if it is not known (NET-08).
    pub fn inbound_max_bits_per_second(&self) -> u64 {
        self.adapter.bits_per_second().unwrap_or(0)
    }

    /// Returns the nominal speed of what leaves, in bits per second; 0 if it is not known (NET-08).
    pub fn outbound_max_bits_per_second(&self) -> u64 {
        self.inbound_max_bits_per_second()
    }

    /// Returns the network that the adapter is attached to (NET-09).
    pub fn network_item(&self) -> NetworkItem {
        let types = match network().map(|network| network.reach(&self.adapter)) {
            Ok(udpair::Reach::Internet) => NetworkTypes::Internet,
            Ok(udpair::Reach::Private) => NetworkTypes::PrivateNetwork,
            _ => NetworkTypes::None,
        };
        NetworkItem {
            id: self.network_adapter_id(),
            types,
        }
    }

    /// Returns the connection profile of the adapter; `None` if it is attached to no network
    /// (NET-10).
    pub fn connected_profile(&self) -> Operation<Option<ConnectionProfile>> {
        let is_connected = self.adapter.is_running && !self.adapter.addresses.is_empty();
        Operation::ready(is_connected.then(|| ConnectionProfile::new(self.adapter.clone())))
    }
}

impl From<Adapter> for NetworkAdapter {
    /// Returns an adapter that [`udpair::adapters`] lists. Adapters here have no names, and the host
    /// names of this machine leave out loopback; there both can be found.
    fn from(adapter: Adapter) -> Self {
        Self { adapter }
    }
}

impl PartialEq for NetworkAdapter {
    fn eq(&self, other: &Self) -> bool {
        self.adapter.id == other.adapter.id
    }
}

impl Eq for NetworkAdapter {}

impl fmt::Debug for NetworkAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NetworkAdapter")
            .field(&self.adapter.name)
            .finish()
    }
}

/// What is known about an address of this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IpInformation {
    adapter: NetworkAdapter,
    prefix_length: Option<u8>,
}

impl IpInformation {
    pub(super) fn new(ip: udpair::IpInformation) -> Self {
        Self {
            adapter: NetworkAdapter::from(ip.adapter),
            prefix_length: ip.prefix_length,
        }
    }

    /// Returns the adapter that has the address (NET-05).
    pub fn network_adapter(&self) -> NetworkAdapter {
        self.adapter.clone()
    }

    /// Returns the length of the network's prefix in bits: up to 32 for IPv4 and 128 for IPv6
    /// (NET-04).
    pub fn prefix_length(&self) -> Option<u8> {
        self.prefix_length
    }
}

/// A network that an adapter is attached to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetworkItem {
    id: Guid,
    types: NetworkTypes,
}

impl NetworkItem {
    /// Returns the id of the network.
    pub fn network_id(&self) -> Guid {
        self.id
    }

    /// Returns what the network reaches (NET-09).
    pub fn network_types(&self) -> NetworkTypes {
        self.types
    }
}

/// What a network reaches, as flags.
///
/// # Model
///
/// `Windows.Networking.Connectivity.NetworkTypes`. The numeric values are fixed (NET-09).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct NetworkTypes(u32);

#[allow(non_upper_case_globals, reason = "the model's names")]
impl NetworkTypes {
    /// Nothing.
    pub const None: Self = Self(0);
    /// The internet.
    pub const Internet: Self = Self(1);
    /// A private network.
    pub const PrivateNetwork: Self = Self(2);

    /// Returns the numeric value.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for NetworkTypes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for NetworkTypes {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl TryFrom<u32> for NetworkTypes {
    type Error = Error;

    /// Returns the flags with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: a bit has no meaning.
    fn try_from(bits: u32) -> Result<Self> {
        if bits & !(Self::Internet | Self::PrivateNetwork).0 != 0 {
            return Err(Error::invalid_argument(format!(
                "no network types have the number {bits}"
            )));
        }
        Ok(Self(bits))
    }
}

/// A connection of this machine to a network. Sockets need only its name and its adapter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionProfile {
    name: String,
    adapter: NetworkAdapter,
}

impl ConnectionProfile {
    pub(super) fn new(adapter: Adapter) -> Self {
        Self {
            name: adapter.name.clone(),
            adapter: NetworkAdapter::from(adapter),
        }
    }

    /// Returns the name of the connection: that of its adapter.
    pub fn profile_name(&self) -> &str {
        &self.name
    }

    /// Returns the adapter of the connection.
    pub fn network_adapter(&self) -> Option<NetworkAdapter> {
        Some(self.adapter.clone())
    }
}

/// Returns the adapters and default routes of this machine.
pub(super) fn network() -> Result<Network> {
    Ok(Network::new(
        udpair::adapters().map_err(|error| system(&error))?,
        udpair::default_routes().map_err(|error| system(&error))?,
    ))
}

fn system(error: &std::io::Error) -> Error {
    Error::new(
        hresult::E_FAIL,
        format!("cannot read the networks of this machine: {error}"),
    )
}
