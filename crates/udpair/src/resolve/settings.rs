//! The settings of a resolver: plain values.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::dns::{DnsSettings, NameServers};
use super::family::AddressFamily;
use super::hosts::Hosts;
use super::inputs::{AdapterIndex, ListAdapters};
use super::pending::SystemLookups;
use super::services::ServiceTable;
use super::text_file::TextFile;

/// The settings of a resolver.
#[derive(Clone)]
pub(super) struct ResolverSettings {
    /// `None` resolves hosts by the system, and queries the system's name servers for SRV records.
    pub(super) dns_servers: Option<Arc<[SocketAddr]>>,
    pub(super) services: Arc<TextFile<ServiceTable>>,
    /// Whether remote services are looked up in DNS only.
    pub(super) srv_only: bool,
    pub(super) hosts: Option<Arc<TextFile<Hosts>>>,
    /// The system's hosts file, read for names that its resolver would not look up there.
    pub(super) system_hosts: Arc<TextFile<Hosts>>,
    /// The file that lists the system's name servers; `None` if the system has no such file.
    pub(super) name_servers: Option<Arc<TextFile<NameServers>>>,
    pub(super) family: Option<AddressFamily>,
    /// `None` lasts as long as the sources may take, see [`TIMEOUT`].
    pub(super) timeout: Option<Duration>,
    pub(super) list_adapters: Arc<ListAdapters>,
    /// Whether the application lists the adapters.
    pub(super) has_own_adapters: bool,
    pub(super) adapter_index: Arc<AdapterIndex>,
    pub(super) dns: DnsSettings,
    pub(super) system_lookups: Arc<SystemLookups>,
}

impl Default for ResolverSettings {
    fn default() -> Self {
        let services = TextFile::optional(udpair_io::services_path(), ServiceTable::parse);
        let name_servers = udpair_io::name_servers_path()
            .map(|path| Arc::new(TextFile::optional(path, NameServers::parse)));
        Self {
            dns_servers: None,
            services: Arc::new(services),
            srv_only: false,
            hosts: None,
            system_hosts: Arc::new(TextFile::optional(udpair_io::hosts_path(), Hosts::parse)),
            name_servers,
            family: None,
            timeout: None,
            list_adapters: Arc::new(udpair_io::adapters),
            has_own_adapters: false,
            adapter_index: Arc::new(udpair_io::adapter_index),
            dns: Default::default(),
            system_lookups: Arc::default(),
        }
    }
}

/// As long as the resolver of glibc takes for a name that it finds. With three name servers, of
/// which the first two do not respond, each query takes 8 seconds (5 and 3). There are up to seven
/// queries for a short name, one for each of six search domains and one for the name itself.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);
