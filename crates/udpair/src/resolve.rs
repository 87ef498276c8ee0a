//! From names to addresses: services file, DNS SRV, hosts, and the order in which to try what is
//! found.
//!
//! Deciding is done in pure modules (`services`, `srv`, `order`); `search` asks the questions, in the
//! order of the model, and writes down every step. Nothing here knows of the sockets that will use the
//! answer.

mod builder;
mod candidate;
mod dns;
mod endpoint_pairs;
mod error;
mod family;
mod hosts;
mod inputs;
mod local;
mod name_servers;
mod order;
mod pairs;
mod remote;
mod search;
mod services;
mod settings;
mod source;
mod srv;
mod step;
mod system;
mod zone;

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use udpair_io::Adapter;

use crate::driver;
use crate::error::Error;
use crate::name::{Endpoint, EndpointPair};
pub use builder::ResolverBuilder;
pub use endpoint_pairs::sort_endpoint_pairs;
pub use family::AddressFamily;
pub(crate) use local::{Local, LocalHost};
pub use order::OrderRule;
pub use pairs::PairOrder;
pub(crate) use remote::Remote;
pub(crate) use search::Search;
use settings::ResolverSettings;
pub use srv::SrvRecord;
pub use step::{
    AddressSource, AddressStep, Candidate, DnsQuery, FoundAddress, KnownServices, Precedence,
    QueryOutcome, RecordType, Resolution, ResponseCode, ServiceSource, ServiceStep, SrvStep, Step,
    Transport,
};
pub(crate) use zone::zone_of;

/// Turns endpoints into addresses.
///
/// By default addresses come from the operating system and SRV records from its DNS servers; a
/// [builder](Self::builder) can name other servers and files. Cloning is cheap, and clones share what
/// they know of the files.
///
/// # Model
///
/// SVC, SRV and ADR: the services file first, then DNS SRV; hosts by the system unless name servers
/// are given.
#[derive(Clone)]
pub struct Resolver(Arc<ResolverSettings>);

impl Resolver {
    /// Returns the resolver that does as the system does; the same one for the whole process.
    pub fn system() -> Self {
        static SYSTEM: OnceLock<Resolver> = OnceLock::new();
        SYSTEM.get_or_init(|| Self::builder().build()).clone()
    }

    /// Returns a builder; unchanged, it builds [`Resolver::system`].
    pub fn builder() -> ResolverBuilder {
        ResolverBuilder::new()
    }

    /// Returns the addresses of a remote endpoint, best first, and every step that led there.
    ///
    /// The service is looked up first: a number is itself, then comes the services file, then DNS SRV.
    /// SRV records are ordered as RFC 2782 says, the addresses of each host as RFC 6724 does.
    ///
    /// The error of a failed resolution is one of these:
    ///
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the endpoint lacks its host or its service, or a
    ///   file that was named cannot be read.
    /// - [`HostNotFound`](crate::ErrorKind::HostNotFound), [`NoData`](crate::ErrorKind::NoData),
    ///   [`ServiceNotFound`](crate::ErrorKind::ServiceNotFound): who was asked says so.
    /// - [`NameServer`](crate::ErrorKind::NameServer): who was asked does not answer, or not usably.
    /// - [`FamilyNotSupported`](crate::ErrorKind::FamilyNotSupported): there are addresses, and none of the
    ///   family that was asked for.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future stops asking. What the operating system was asked to look up it
    /// looks up to the end, and nobody hears of it.
    pub async fn resolve(&self, remote: &Endpoint) -> Resolution {
        let mut steps = Vec::new();
        let outcome = match driver::in_runtime(self.search().in_full(remote, &mut steps)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(Error::no_runtime(error)),
        };
        Resolution::new(steps, outcome)
    }

    /// Returns the pairs of a local and a remote address by which `remote` can be reached, best first.
    ///
    /// `remote` is resolved as [`resolve`](Self::resolve) does. Each remote address comes once with every
    /// local address that leads there: the one that the system would take, others of the same adapter,
    /// and behind all of these those of other adapters, from which the system sends too, but to which
    /// replies may not find back. An address to which there is no way goes last, with the local host left
    /// to the system.
    ///
    /// Every pair is ready to be [connected](crate::DatagramSocket::connect): its hosts are addresses, its
    /// remote service is a number (0 is kept, and is no port to connect to), its local service is empty.
    /// Of SRV records one target comes after the other; `order` holds for the pairs of each.
    ///
    /// # Errors
    ///
    /// Those of [`resolve`](Self::resolve).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future stops asking.
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

    /// Returns the endpoint pairs of a resolution that is there already; see
    /// [`endpoint_pairs`](Self::endpoint_pairs). Nobody is asked for names.
    ///
    /// # Errors
    ///
    /// Why the resolution has no candidate.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing changes.
    pub async fn endpoint_pairs_of(
        &self,
        resolution: &Resolution,
        order: PairOrder,
    ) -> Result<Vec<EndpointPair>, Error> {
        let candidates = resolution.candidates()?.to_vec();
        let list_adapters = self.0.list_adapters.clone();
        // Hundreds of addresses take the system some milliseconds.
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

    /// Returns the services that are known without asking DNS: those of the services file, or where
    /// the system has none, those that IANA has registered for udp.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): a file that was named cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing changes.
    ///
    /// # Model
    ///
    /// SVC-06, SVC-10.
    pub async fn services(&self) -> Result<KnownServices, Error> {
        driver::in_runtime(self.search().known_services())
            .await
            .map_err(Error::no_runtime)?
    }

    /// Begins a resolution, whose parts share one limit of time.
    pub(crate) fn search(&self) -> Search<'_> {
        Search::begin(&self.0, None)
    }

    /// Begins a resolution for a socket that is bound to `adapter`, if it is: our own questions leave by
    /// that alone.
    pub(crate) fn search_by<'a>(&'a self, adapter: Option<&'a Adapter>) -> Search<'a> {
        Search::begin(&self.0, adapter)
    }

    /// Returns the family that was asked for.
    pub(crate) fn family(&self) -> Option<AddressFamily> {
        self.0.family
    }

    /// Lists the adapters.
    pub(crate) fn list_adapters(&self) -> io::Result<Vec<Adapter>> {
        (self.0.list_adapters)()
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
