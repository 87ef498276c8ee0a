//! UDP datagrams between named endpoints.
//!
//! Give it an *endpoint pair*: a local and a remote host name and service name. It resolves both
//! ends (services file, DNS SRV, addresses in the order of RFC 6724), opens the right socket,
//! accepts datagrams only from that remote endpoint, and moves datagrams through the fastest engine
//! that the operating system supports.
//!
//! ```no_run
//! use udpair::{DatagramSocket, Request};
//!
//! # async fn example() -> Result<(), udpair::Error> {
//! let socket = DatagramSocket::builder().connect("contoso.com:stun").await?;
//! // Sent again if no reply arrives: UDP loses datagrams.
//! let reply = socket.ask(&Request::new("ping")).await?;
//! println!("{} bytes from {}", reply.payload().len(), reply.remote());
//! # Ok(())
//! # }
//! ```
//!
//! [`DatagramSocket`] is used with `async`, in tokio or any other executor; [`blocking`] has a
//! socket for programs without one.
//!
//! [`migrating`] lists the calls of `tokio::net`, `std`, `socket2` and `quinn-udp` next to those here.
//!
//! # Executors
//!
//! Nothing has to be started or passed along. A socket that is opened in a tokio runtime is served
//! by that runtime. In any other executor, and without one, a background thread serves it; the
//! futures can be awaited anywhere:
//!
//! ```no_run
//! # use udpair::{DatagramSocket, Error, Request};
//! smol::block_on(async {
//!     let socket = DatagramSocket::builder().connect("contoso.com:stun").await?;
//!     let asking = smol::spawn(async move { socket.ask(&Request::new("ping")).await });
//!     println!("{} bytes", asking.await?.payload().len());
//!     Ok::<(), Error>(())
//! })
//! # .unwrap();
//! ```
//!
//! # Tower
//!
//! [`DatagramSocket::ask`] is a request and its reply, and a socket is a cheap handle, so a
//! `tower::Service` is a few lines: `poll_ready` is always ready, and `call` asks with a clone of
//! the socket. Layers then limit the time and the number of requests; a request that a layer drops
//! is not sent again. `examples/tower.rs` is such a service.
//!
//! # The model
//!
//! The model is the Windows Runtime class `DatagramSocket`. The documentation cites its rules by
//! their numbers in `MODEL.md`: `CON-09`, for example, says what happens to datagrams that arrived
//! before the connect.
//!
//! # Features
//!
//! On by default; a program that turns both off (`default-features = false`) needs no other crates
//! than those of the runtime, and builds in seconds. Everything else works the same without them.
//!
//! - **`dns`**: a client of name servers, for SRV records and for the servers of
//!   [`dns_servers`](ResolverBuilder::dns_servers). Without it these are
//!   [`Unsupported`](ErrorKind::Unsupported), and the error names the feature; services files, hosts
//!   files and the system's resolver still work.
//! - **`idna`**: host names that are not ASCII. Without it they are an
//!   [`InvalidArgument`](ErrorKind::InvalidArgument) that names the feature, and A-labels (`xn--`)
//!   are used and displayed as they are written.
//!
//! Off by default. They then cost nothing, and neither runs code per datagram. A subscriber may use
//! the socket that it is notified about.
//!
//! - **`tracing`**: emits events of the [`tracing`](https://docs.rs/tracing) crate, with the target
//!   `udpair` and the level `DEBUG`:
//!   - `looked up`: one step of resolving has ended (fields `stage`, which is `services`, `srv` or
//!     `address`, and `name`, `found`, `error`, `elapsed`).
//!   - `resolved`: resolving has ended (`remote`, `found`, `error`, `elapsed`).
//!   - `address refused`: a destination was refused, and the next one may be tried (`destination`,
//!     `error`).
//!   - `socket opened`, `socket connected`, `socket closed` (`local`, `peer`).
//!   - `peer error`: the network sent an error back (`destination`, `kind`, `mtu`).
//! - **`metrics`**: records numbers with the [`metrics`](https://docs.rs/metrics) crate.
//!   - Updated at once: the counters `udpair_resolutions_total` (label `outcome`: `found` or
//!     `failed`) and `udpair_sockets_opened_total`, the gauge `udpair_sockets_open`, and the
//!     histogram `udpair_resolution_seconds`.
//!   - Updated by every call to [`statistics`](DatagramSocket::statistics), and when a socket is
//!     closed: the counters `udpair_datagrams_sent_total`, `udpair_bytes_sent_total`,
//!     `udpair_send_dropped_total`, `udpair_datagrams_received_total`,
//!     `udpair_bytes_received_total`, `udpair_non_peer_dropped_total`,
//!     `udpair_kernel_dropped_total`, `udpair_queue_dropped_total`, `udpair_truncated_total`,
//!     `udpair_peer_errors_total`, `udpair_peer_errors_dropped_total`, `udpair_send_calls_total`
//!     and `udpair_receive_calls_total`. Each is the sum over all sockets.

#![deny(unsafe_code)]

pub mod background;
pub mod blocking;
pub mod data;
mod driver;
mod error;
mod message;
pub mod migrating;
mod name;
mod network;
mod observe;
mod resolve;
mod socket;

pub use error::{Error, ErrorKind, SocketErrorStatus, hresult};
pub use message::{
    AttachmentChange, Event, MembershipChange, Message, PeerError, PeerErrorKind, SendDrop,
};
pub use name::{Endpoint, EndpointPair, HostName, HostNameType, ServiceName};
pub use network::{
    AdapterChange, AdapterUpdate, AdapterWatch, IpInformation, LocalHostName, adapter, host_names,
    watch_adapters,
};
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub use resolve::fuzzing;
pub use resolve::{
    AddressFamily, AddressSource, AddressStep, Candidate, DnsQuery, FoundAddress, KnownServices,
    OrderRule, PairOrder, PendingLookup, Precedence, QueryOutcome, RecordType, Resolution,
    Resolver, ResolverBuilder, ResponseCode, ServiceSource, ServiceStep, SkippedRecord, SrvRecord,
    SrvStep, Step, Transport, sort_endpoint_pairs,
};
pub use socket::{
    Builder, DatagramSink, DatagramSocket, Ecn, Joined, MessageQueue, Messages, OptionReport,
    OptionValue, OptionsReport, OutputStream, Overflow, PeerErrors, QualityOfService, Receiver,
    Request, RequestEvent, SendQueue, SocketOperation, SocketOption, Statistics,
};
pub use udpair_io::{
    Adapter, AdapterAddress, AdapterId, AdapterKind, Capabilities, Datagram, Datagrams,
    DefaultRoute, Descriptor, Destination, Engine, Filled, Fragmentation, Metadata, Network,
    Outgoing, OwnedDatagram, PacketHeader, Reach, RecvBatch, SendBatch, Socket as SystemSocket,
    Source, adapters, default_routes, engines, is_receive_memory_full, receive_memory,
    receive_memory_limit, set_receive_memory_limit,
};

/// What the methods of [`Engine`] and of [`SystemSocket`] take and return.
///
/// A program that receives and sends through a [`DatagramSocket`] needs none of it. One that lends
/// the system's socket ([`DatagramSocket::with_system_socket`]) and calls an engine itself does.
pub mod engine {
    pub use udpair_io::{EngineOptions, Family, NetworkError, Remaining, Run, Sent};
}

/// The program of the package's README runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
