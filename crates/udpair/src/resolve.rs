//! Name resolution: from host and service names to addresses, in the order in which to try them.
//!
//! The sources are the services file, DNS SRV records, hosts files, name servers and the operating
//! system's resolver. Decisions are made in pure modules (`services`, `srv`, `order`). `search`
//! performs the lookups, in the order of the model, and records every step. Nothing here knows the
//! sockets that will use the addresses.

mod all_hosts;
mod builder;
mod candidate;
#[cfg(feature = "dns")]
mod dns;
mod duration;
mod endpoint_pairs;
mod error;
mod family;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod host;
mod host_lookup;
mod host_sources;
mod hosts;
mod inputs;
mod local;
mod order;
mod pairs;
mod pending;
mod remote;
mod search;
mod services;
mod services_file;
mod settings;
mod source;
mod special;
mod srv;
mod step;
mod system_resolver;
mod target;
mod targets;
mod text_file;
#[cfg(not(feature = "dns"))]
mod without_dns;
mod zone;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use udpair_io::Adapter;

use crate::driver;
use crate::error::Error;
use crate::name::{Endpoint, EndpointPair, HostName};
pub use builder::ResolverBuilder;
pub use endpoint_pairs::sort_endpoint_pairs;
pub use family::AddressFamily;
pub(crate) use local::{Local, LocalHost};
pub use order::OrderRule;
pub use pairs::PairOrder;
pub use pending::PendingLookup;
pub(crate) use remote::RemoteAddresses;
pub(crate) use search::Search;
use settings::ResolverSettings;
pub use srv::SrvRecord;
pub use step::{
    AddressSource, AddressStep, Candidate, DnsQuery, FoundAddress, KnownServices, Precedence,
    QueryOutcome, RecordType, Resolution, ResponseCode, ServiceSource, ServiceStep, SkippedRecord,
    SrvStep, Step, Transport,
};
#[cfg(not(feature = "dns"))]
use without_dns as dns;
pub(crate) use zone::{in_zone, zone_of};

/// A resolver that turns endpoints into socket addresses.
///
/// By default, the operating system resolves host names, and SRV records come from the name servers
/// that the system is configured with. A [builder](Self::builder) can specify other name servers
/// and files.
///
/// A `Resolver` is a cheap handle. Clones share the files that were read and the DNS cache.
///
/// # Examples
///
/// ```
/// # use udpair::{Error, Resolver};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let resolver = Resolver::builder().services_text("stun 3478/udp").build();
///
/// let resolution = resolver.resolve(&"127.0.0.1:stun".parse()?).await;
/// let candidates = resolution.candidates()?;
/// assert_eq!(candidates[0].address, "127.0.0.1:3478".parse().unwrap());
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// SVC, SRV and ADR: services are looked up in the services file first, then in DNS SRV. Hosts are
/// resolved by the system unless name servers are given. Files are read again after they have
/// changed. One that cannot be read is an error, or its last content if it has been read before.
#[derive(Clone)]
pub struct Resolver(Arc<ResolverSettings>);

impl Resolver {
    /// Returns the resolver with the default settings, which follow the system's configuration.
    ///
    /// The whole process shares one: every call returns a clone of it.
    pub fn system() -> Self {
        static SYSTEM: OnceLock<Resolver> = OnceLock::new();
        SYSTEM.get_or_init(|| Self::builder().build()).clone()
    }

    /// Returns a builder that has the settings of [`Resolver::system`].
    pub fn builder() -> ResolverBuilder {
        ResolverBuilder::new()
    }

    /// Resolves a remote endpoint to its addresses, best first, and records every step on the way.
    ///
    /// The service is resolved first. A port number needs no lookup; a name is looked up in the
    /// services file, then in DNS SRV. Only DNS is queried for a name that is written as in DNS:
    /// `_sip` at `example.com`, or `sip` at `_sip._udp.example.com`. SRV records are ordered as RFC 2782 says, the addresses of
    /// each host as RFC 6724 says.
    ///
    /// If the resolution failed, [`Resolution::candidates`] returns one of these errors:
    ///
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the endpoint has no host or no
    ///   service, a file given to the builder cannot be read, or the service is neither listed in a
    ///   services file nor possible in DNS.
    /// - [`PermissionDenied`](crate::ErrorKind::PermissionDenied),
    ///   [`TooManyFiles`](crate::ErrorKind::TooManyFiles), [`Io`](crate::ErrorKind::Io): a file of
    ///   the system exists and cannot be read.
    /// - [`HostNotFound`](crate::ErrorKind::HostNotFound), [`NoData`](crate::ErrorKind::NoData),
    ///   [`ServiceNotFound`](crate::ErrorKind::ServiceNotFound): the queried source has no such
    ///   host, record or service.
    /// - [`NameServer`](crate::ErrorKind::NameServer): the source that was queried did not respond,
    ///   or its response cannot be used.
    /// - [`FamilyNotSupported`](crate::ErrorKind::FamilyNotSupported): the host has addresses, but
    ///   none of the requested family.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported): name servers would have to be queried, and
    ///   this crate was built without its feature `dns`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future sends no more queries. A lookup that the operating system has
    /// begun runs to its end, and its result is discarded.
    pub async fn resolve(&self, remote: &Endpoint) -> Resolution {
        let mut steps = Vec::new();
        let outcome =
            match driver::in_runtime(self.search().resolve_fully(remote, &mut steps)).await {
                Ok(outcome) => outcome,
                Err(error) => Err(Error::no_runtime(error)),
            };
        Resolution::new(steps, outcome)
    }

    /// Returns the pairs of a local and a remote address through which `remote` can be reached,
    /// best first.
    ///
    /// `remote` is resolved as by [`resolve`](Self::resolve). Each remote address is paired once
    /// with every local address from which it can be reached: the address that the system would
    /// choose, then others of the same adapter, and after all of these the addresses of other
    /// adapters. The system sends from those too, but replies may not find their way back. A remote
    /// address without a route goes last, and its local host is left to the system.
    ///
    /// Every pair is ready to be [connected](crate::DatagramSocket::connect): its hosts are
    /// addresses, its remote service is a port number, and its local service is empty. A remote
    /// port of 0 is kept, although no socket can connect to it. The pairs of each SRV target stay
    /// together, in the order of the targets; `order` applies to the pairs of one target.
    ///
    /// # Errors
    ///
    /// The errors of [`resolve`](Self::resolve).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future sends no more queries.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, PairOrder, Resolver};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), udpair::Error> {
    /// let remote = "127.0.0.1:7".parse()?;
    /// let pairs = Resolver::system().endpoint_pairs(&remote, PairOrder::Quick).await?;
    /// assert_eq!(pairs[0].to_string(), "127.0.0.1: -> 127.0.0.1:7");
    /// let socket = DatagramSocket::builder().connect(&pairs[0]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Model
    ///
    /// `DatagramSocket.GetEndpointPairsAsync` (GEP-01 to GEP-07).
    pub async fn endpoint_pairs(
        &self,
        remote: &Endpoint,
        order: PairOrder,
    ) -> Result<Vec<EndpointPair>, Error> {
        let resolution = self.resolve(remote).await;
        self.endpoint_pairs_of(&resolution, order).await
    }

    /// Returns the endpoint pairs of an existing resolution; see
    /// [`endpoint_pairs`](Self::endpoint_pairs).
    ///
    /// No name is looked up.
    ///
    /// # Errors
    ///
    /// The error of the resolution, if it has no candidates.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has changed nothing.
    pub async fn endpoint_pairs_of(
        &self,
        resolution: &Resolution,
        order: PairOrder,
    ) -> Result<Vec<EndpointPair>, Error> {
        let candidates = resolution.candidates()?.to_vec();
        let list_adapters = self.0.list_adapters.clone();
        // For hundreds of addresses the system takes some milliseconds, so this runs on a blocking
        // thread.
        let pairing = driver::blocking(move || {
            endpoint_pairs::of_candidates(&candidates, order, list_adapters().unwrap_or_default())
        });
        match driver::in_runtime(pairing).await {
            Ok(Ok(pairs)) => Ok(pairs),
            Ok(Err(error)) | Err(error) => {
                Err(Error::system("cannot list the endpoint pairs", error))
            }
        }
    }

    /// Returns the services that are known without DNS: those of the services file or, if the
    /// system has none, those that IANA has registered for UDP.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the file given to the builder
    ///   cannot be read.
    /// - [`PermissionDenied`](crate::ErrorKind::PermissionDenied),
    ///   [`TooManyFiles`](crate::ErrorKind::TooManyFiles), [`Io`](crate::ErrorKind::Io): the
    ///   system's file exists and cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has changed nothing.
    ///
    /// # Model
    ///
    /// SVC-06, SVC-10.
    pub async fn services(&self) -> Result<KnownServices, Error> {
        driver::in_runtime(self.search().known_services())
            .await
            .map_err(Error::no_runtime)?
    }

    /// Begins a resolution whose parts share one time limit.
    pub(crate) fn search(&self) -> Search<'_> {
        Search::begin(&self.0, None)
    }

    /// Begins a resolution for a socket that is bound to `adapter`, if any. This crate's own DNS
    /// queries leave only through that adapter.
    pub(crate) fn search_via<'a>(&'a self, adapter: Option<&'a Adapter>) -> Search<'a> {
        Search::begin(&self.0, adapter)
    }

    /// Returns what this resolver and its clones are waiting for at this moment: lookups by the
    /// system, and queries to name servers.
    ///
    /// A program can show it to a user who waits.
    pub fn pending_lookups(&self) -> Vec<PendingLookup> {
        let mut pending = self.0.system_lookups.pending();
        let queries = self.0.dns.open_queries().into_iter();
        pending.extend(queries.map(|query| PendingLookup::Dns {
            name: query.name,
            record_type: query.record_type,
            server: query.server,
        }));
        pending
    }

    /// Returns this resolver, limited to the addresses of one family.
    pub(crate) fn limited_to(&self, family: AddressFamily) -> Self {
        if self.family() == Some(family) {
            return self.clone();
        }
        Self(Arc::new(ResolverSettings {
            family: Some(family),
            ..ResolverSettings::clone(&self.0)
        }))
    }

    /// Returns the requested address family; `None` for both.
    pub(crate) fn family(&self) -> Option<AddressFamily> {
        self.0.family
    }

    /// Returns the address of a host that is an address, with port 0; `None` for any other host.
    ///
    /// # Errors
    ///
    /// The zone is not the name of an adapter.
    pub(crate) fn literal(&self, host: &HostName) -> Option<Result<SocketAddr, Error>> {
        host.socket_addr_by(0, &*self.0.adapter_index)
    }

    /// Returns the index of the adapter that the zone of a multicast group names; `None` for a group
    /// without a zone, and for any other host.
    ///
    /// # Errors
    ///
    /// The zone is not the name of an adapter.
    pub(crate) fn group_zone(&self, host: &HostName) -> Option<Result<u32, Error>> {
        host.group_zone_by(&*self.0.adapter_index)
    }

    /// Lists the adapters.
    pub(crate) fn list_adapters(&self) -> io::Result<Vec<Adapter>> {
        (self.0.list_adapters)()
    }

    /// Returns the adapters as the application lists them; `None` if it leaves that to the system, or
    /// cannot list them now.
    pub(crate) fn own_adapters(&self) -> Option<Vec<Adapter>> {
        self.0.has_own_adapters.then(|| self.list_adapters().ok())?
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("dns_servers", &self.0.dns_servers)
            .field("services_file", &self.0.services.path())
            .field(
                "hosts_file",
                &self.0.hosts.as_ref().map(|hosts| hosts.path()),
            )
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}
