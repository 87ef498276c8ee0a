//! QUIC over [`udpair`]: a [`DatagramSocket`] as the socket of a [quinn] endpoint.
//!
//! quinn 0.11 lets a program bring its own socket, by the trait [`AsyncUdpSocket`]. [`QuicSocket`]
//! implements it, so that a QUIC endpoint has what `udpair` adds: names and SRV records, adapters,
//! statistics and errors with a status.
//!
//! ```
//! use std::sync::Arc;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let socket = udpair_quinn::builder().bind("localhost:0").await?;
//! # let runtime = Arc::new(quinn::TokioRuntime);
//! let config = quinn::EndpointConfig::default();
//! let endpoint = udpair_quinn::endpoint(config, None, socket.clone(), runtime)?;
//! // The socket still answers questions while the endpoint uses it.
//! println!("{} datagrams sent", socket.statistics().datagrams_sent);
//! # drop(endpoint);
//! # Ok(())
//! # }
//! ```
//!
//! A program that hands sockets of the standard library to quinn passes [`Runtime`] instead of
//! quinn's own runtime, and changes nothing else.
//!
//! [quinn]: https://docs.rs/quinn/0.11

mod runtime;
mod socket;

use std::io;
use std::sync::Arc;

use quinn::{AsyncUdpSocket, EndpointConfig, ServerConfig};
use udpair::{Builder, DatagramSocket, Fragmentation};

pub use runtime::Runtime;
pub use socket::QuicSocket;
/// The library whose sockets and builders this crate takes and returns.
pub use udpair;

/// Returns the options that suit QUIC: the library's own, and datagrams that routers do not
/// fragment, so that QUIC finds the largest packet of a path by itself (RFC 9000, section 14).
pub fn builder() -> Builder {
    DatagramSocket::builder().fragmentation(Fragmentation::Probe)
}

/// Returns a QUIC endpoint that uses `socket`, which must be open. With a `server_config` it
/// accepts connections.
///
/// # Errors
///
/// [`NotConnected`](io::ErrorKind::NotConnected): the socket is not open.
pub fn endpoint(
    config: EndpointConfig,
    server_config: Option<ServerConfig>,
    socket: DatagramSocket,
    runtime: Arc<dyn quinn::Runtime>,
) -> io::Result<quinn::Endpoint> {
    let socket: Arc<dyn AsyncUdpSocket> = Arc::new(QuicSocket::new(socket)?);
    quinn::Endpoint::new_with_abstract_socket(config, server_config, socket, runtime)
}
