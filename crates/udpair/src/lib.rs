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

#![deny(unsafe_code)]

mod driver;
mod error;
mod message;
mod name;
mod resolve;
mod socket;

pub use error::{Error, ErrorKind, SocketErrorStatus};
pub use message::{Event, Message, PeerError, PeerErrorKind};
pub use name::{Endpoint, EndpointPair, HostName, HostNameType, ServiceName};
pub use resolve::{
    AddressFamily, AddressSource, AddressStep, Candidate, DnsQuery, FoundAddress, KnownServices,
    OrderRule, PairOrder, Precedence, QueryOutcome, RecordType, Resolution, Resolver,
    ResolverBuilder, ResponseCode, ServiceSource, ServiceStep, SrvRecord, SrvStep, Step, Transport,
    sort_endpoint_pairs,
};
pub use socket::{
    Builder, DatagramSocket, Ecn, Messages, OptionReport, OptionValue, OptionsReport, OutputStream,
    QualityOfService, SocketOption, Statistics, lifecycle,
};
pub use udpair_io::{
    Adapter, AdapterAddress, Capabilities, Datagram, Datagrams, Destination, Engine, Metadata,
    RecvBatch, SendBatch, Source, adapters, engines,
};

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
