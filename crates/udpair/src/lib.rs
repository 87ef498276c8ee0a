//! UDP datagrams between named endpoints.
//!
//! Give it an *endpoint pair*, a local and a remote host name and service name: it resolves both
//! ends (services file, DNS SRV, addresses in the order of RFC 6724), opens the right socket, lets
//! only that remote in, and moves datagrams through the fastest engine the system has.
//!
//! ```no_run
//! use udpair::{DatagramSocket, EndpointPair};
//!
//! # async fn example() -> Result<(), udpair::Error> {
//! let pair = EndpointPair::to("contoso.com", "stun")?;
//! let socket = DatagramSocket::builder().connect(&pair).await?;
//! socket.output()?.write(b"ping").await?;
//! let message = socket.recv().await?;
//! println!("{} bytes from {}", message.payload().len(), message.remote());
//! # Ok(())
//! # }
//! ```
//!
//! The model is that of the Windows Runtime class `DatagramSocket`. Rules carry the numbers they
//! have in `MODEL.md`: `CON-09` says what happens to datagrams that were there before the connect.
//!
//! # Features
//!
//! Both are off by default, and cost nothing then. Neither does anything for a single datagram, and what
//! they call must not use the socket that it is told of.
//!
//! - **`tracing`**: events of the [`tracing`](https://docs.rs/tracing) crate, target `udpair`, level
//!   `DEBUG`. `looked up` is one step of resolving (fields `stage`: `services`, `srv` or `address`; `name`,
//!   `found`, `error`, `elapsed`), `resolved` its end (`remote`, `found`, `error`, `elapsed`); `address
//!   refused` a destination that gave way to the next (`destination`, `error`); `socket opened`, `socket
//!   connected`, `socket closed` (`local`, `peer`); `peer error` an error that the network sent back
//!   (`destination`, `kind`, `mtu`).
//! - **`metrics`**: numbers for the recorder of the [`metrics`](https://docs.rs/metrics) crate. At once:
//!   counters `udpair_resolutions_total` (label `outcome`: `found` or `failed`) and
//!   `udpair_sockets_opened_total`, gauge `udpair_sockets_open`, histogram `udpair_resolution_seconds`.
//!   What sockets count is added up in counters whenever
//!   [`statistics`](DatagramSocket::statistics) is asked, and when a socket closes:
//!   `udpair_datagrams_sent_total`, `udpair_bytes_sent_total`, `udpair_datagrams_received_total`,
//!   `udpair_bytes_received_total`, `udpair_non_peer_dropped_total`, `udpair_kernel_dropped_total`,
//!   `udpair_queue_dropped_total`, `udpair_truncated_total`, `udpair_peer_errors_total`, `udpair_peer_errors_dropped_total`,
//!   `udpair_send_calls_total`, `udpair_receive_calls_total`.

#![deny(unsafe_code)]

mod driver;
mod error;
mod message;
mod name;
mod network;
mod observe;
mod resolve;
mod socket;

pub use error::{Error, ErrorKind, SocketErrorStatus};
pub use message::{Event, MembershipChange, Message, PeerError, PeerErrorKind};
pub use name::{Endpoint, EndpointPair, HostName, HostNameType, ServiceName};
pub use network::{
    AdapterChange, AdapterUpdate, AdapterWatch, IpInformation, LocalHostName, host_names,
    watch_adapters,
};
pub use resolve::{
    AddressFamily, AddressSource, AddressStep, Candidate, DnsQuery, FoundAddress, KnownServices,
    OrderRule, PairOrder, Precedence, QueryOutcome, RecordType, Resolution, Resolver,
    ResolverBuilder, ResponseCode, ServiceSource, ServiceStep, SrvRecord, SrvStep, Step, Transport,
    sort_endpoint_pairs,
};
pub use socket::{
    Builder, DatagramSocket, Ecn, Joined, MessageQueue, Messages, OptionReport, OptionValue,
    OptionsReport, OutputStream, Overflow, QualityOfService, SocketOption, Statistics,
};
pub use udpair_io::{
    Adapter, AdapterAddress, AdapterId, AdapterKind, Capabilities, Datagram, Datagrams,
    DefaultRoute, Destination, Engine, Metadata, Network, Reach, RecvBatch, SendBatch, Source,
    adapters, default_routes, engines,
};

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
