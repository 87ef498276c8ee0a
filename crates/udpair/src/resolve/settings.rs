//! The settings of a resolver: plain values.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::dns::Cache;
use super::family::AddressFamily;
use super::hosts::Hosts;
use super::inputs::{AdapterIndex, Clock, ListAdapters, Rng};
use super::name_servers::NameServers;
use super::services::ServiceTable;
use super::text_file::TextFile;

/// The settings of a resolver.
#[derive(Clone)]
pub(super) struct ResolverSettings {
    /// `None` resolves hosts by the system, and queries the system's name servers for SRV records.
    pub(super) dns_servers: Option<Vec<SocketAddr>>,
    pub(super) services: Arc<TextFile<ServiceTable>>,
    /// Whether remote services are looked up in DNS only.
    pub(super) srv_only: bool,
    pub(super) hosts: Option<Arc<TextFile<Hosts>>>,
    /// The system's hosts file, read for names that its resolver would not look up there.
    pub(super) system_hosts: Arc<TextFile<Hosts>>,
    /// The file that lists the system's name servers; `None` if the system has no such file.
    pub(super) name_servers: Option<Arc<TextFile<NameServers>>>,
    pub(super) family: Option<AddressFamily>,
    pub(super) timeout: Duration,
    pub(super) attempt_timeout: Duration,
    pub(super) attempts: u32,
    pub(super) rng: Arc<Rng>,
    pub(super) clock: Arc<Clock>,
    pub(super) list_adapters: Arc<ListAdapters>,
    pub(super) adapter_index: Arc<AdapterIndex>,
    /// `None` queries the name servers every time.
    pub(super) cache: Option<Arc<Mutex<Cache>>>,
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
            timeout: TIMEOUT,
            attempt_timeout: ATTEMPT_TIMEOUT,
            attempts: ATTEMPTS,
            rng: Arc::new(|max| rand::random_range(0..=max)),
            clock: Arc::new(Instant::now),
            list_adapters: Arc::new(udpair_io::adapters),
            adapter_index: Arc::new(udpair_io::adapter_index),
            cache: Some(Arc::default()),
        }
    }
}

/// As long as the system's resolver waits for two attempts at one server.
const TIMEOUT: Duration = Duration::from_secs(10);

/// SRV-13 of the model.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// SRV-13 of the model.
const ATTEMPTS: u32 = 2;
