//! The local end of a socket, resolved: which addresses to bind, and which port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Resolver;
use super::search::Search;
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::name::{Endpoint, HostNameType, bluetooth_refused};

/// The local end of a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Local {
    pub(crate) host: LocalHost,
    /// 0 is the system's choice.
    pub(crate) port: u16,
}

/// Where a socket is bound.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum LocalHost {
    /// Every address of this machine.
    Any,
    /// Every loopback address of this machine.
    Loopback,
    /// The first of these that is an address of this machine; each has the port.
    Addresses(Vec<SocketAddr>),
}

impl Resolver {
    /// Resolves a local endpoint. No SRV record is asked for: none could say which of our own ports is
    /// meant (SVC-09).
    async fn local(&self, local: &Endpoint) -> Result<Local, Error> {
        let search = Search::begin(&self.0);
        let port = match (local.service().port(), local.service().name()) {
            (Some(port), _) => port,
            (None, Some(service)) => search.local_port(service).await?,
            (None, None) => 0,
        };
        let host = match local.host() {
            None => LocalHost::Any,
            Some(host) if host.kind() == HostNameType::Bluetooth => {
                return Err(bluetooth_refused("bind to", host));
            }
            Some(host) if host.is_localhost() => LocalHost::Loopback,
            Some(host) => {
                let mut addresses = search.local_addresses(host, port).await?;
                addresses.retain(|address| can_be_local(address.ip()));
                if addresses.is_empty() {
                    return Err(Error::new(
                        ErrorKind::AddressNotAvailable,
                        format!(
                            "cannot bind to {host}: a group or broadcast address is no local address"
                        ),
                    ));
                }
                LocalHost::Addresses(addresses)
            }
        };
        Ok(Local { host, port })
    }
}

fn can_be_local(ip: IpAddr) -> bool {
    !ip.is_multicast() && ip != IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// The local end of a numeric endpoint, and of one that leaves the address to the system, needs no
/// resolving.
impl Local {
    pub(crate) fn without_resolving(local: &Endpoint) -> Option<Self> {
        let port = match local.service().port() {
            None if local.service().is_any() => 0,
            port => port?,
        };
        match local.host() {
            None => Some(Self {
                host: LocalHost::Any,
                port,
            }),
            Some(host) => {
                let address = host.socket_addr(port)?.ok()?;
                can_be_local(address.ip()).then_some(Self {
                    host: LocalHost::Addresses(vec![address]),
                    port,
                })
            }
        }
    }
}

/// Keeps the runtime out of the way where nothing has to be asked.
pub(crate) async fn resolve_local(resolver: &Resolver, local: &Endpoint) -> Result<Local, Error> {
    match Local::without_resolving(local) {
        Some(local) => Ok(local),
        None => driver::in_runtime(resolver.local(local))
            .await
            .map_err(|error| Error::system("cannot start a background runtime", error))?,
    }
}
