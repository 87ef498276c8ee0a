//! From other ways of using UDP to this crate: their calls, the calls here, and what differs. This
//! module has only documentation.
//!
//! What holds whichever crate a program comes from:
//!
//! - A name works wherever an address does, and a service name wherever a port does.
//! - A socket that is bound without a host, as in `":7777"`, is bound for both families, and IPv4
//!   addresses are IPv4: no address is an IPv4-mapped one.
//! - A connected socket delivers nothing that others sent, also not what came before it was
//!   connected; it counts that ([`Statistics::non_peer_dropped`]).
//! - An error that the network sends back, such as that of a closed port, is an
//!   [`Event`](crate::Event::PeerError) and fails neither a receive nor a send to another
//!   destination. [`Builder::peer_errors`] turns it into an error of a receive.
//! - A message brings its own memory, of the length that it needs. Nothing is cut off because a
//!   buffer was short.
//! - A socket is a handle: clone it instead of putting it into an [`Arc`](std::sync::Arc).
//!
//! # From `tokio::net`
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), udpair::Error> {
//! use udpair::DatagramSocket;
//!
//! // let server = UdpSocket::bind("127.0.0.1:0").await?;
//! let server = DatagramSocket::builder().bind("127.0.0.1:0").await?;
//! // let client = UdpSocket::bind("0.0.0.0:0").await?;
//! // client.connect(address).await?;
//! let address = server.local_addr().unwrap();
//! let client = DatagramSocket::builder().connect(address).await?;
//! // client.send(b"ping").await?;
//! client.output()?.write(b"ping").await?;
//! // let (length, from) = server.recv_from(&mut buffer).await?;
//! // server.send_to(&buffer[..length], from).await?;
//! let message = server.recv().await?;
//! server.send_to(message.payload(), message.reply()).await?;
//! assert_eq!(client.recv().await?.payload(), b"ping");
//! # Ok(())
//! # }
//! ```
//!
//! | tokio | here | what differs |
//! |---|---|---|
//! | [`bind`](tokio::net::UdpSocket::bind) | [`Builder::bind`] | a [`Builder`] has the options; no other socket can have the port, unless [`share_port`](Builder::share_port) is set |
//! | [`connect`](tokio::net::UdpSocket::connect) | [`Builder::connect`] | binds too; goes on to the next address if the system refuses one; SRV records for service names |
//! | [`send`](tokio::net::UdpSocket::send) | [`DatagramSocket::output`], then [`OutputStream::write`] | returns no length, because a datagram is sent whole or not at all |
//! | [`recv`](tokio::net::UdpSocket::recv), [`recv_from`](tokio::net::UdpSocket::recv_from) | [`DatagramSocket::recv`] | returns a [`Message`]: [`payload`](Message::payload), [`remote`](Message::remote), the address that it was sent to, and more |
//! | [`recv_buf`](tokio::net::UdpSocket::recv_buf), a buffer of the program | [`recv_into`](DatagramSocket::recv_into) | returns what was filled, and from where |
//! | [`send_to`](tokio::net::UdpSocket::send_to) | [`DatagramSocket::send_to`] | takes addresses; [`output_to`](DatagramSocket::output_to) resolves a name once. [`Message::reply`] keeps the local address |
//! | [`try_recv_from`](tokio::net::UdpSocket::try_recv_from), [`try_send_to`](tokio::net::UdpSocket::try_send_to) | [`try_recv`](DatagramSocket::try_recv), [`try_send_to`](DatagramSocket::try_send_to) | `None` and `false` in place of the error `WouldBlock` |
//! | [`poll_recv`](tokio::net::UdpSocket::poll_recv) | [`poll_recv`](DatagramSocket::poll_recv) | as there, the last of several tasks is woken; in [`recv`](DatagramSocket::recv) any number of tasks may wait |
//! | [`readable`](tokio::net::UdpSocket::readable), [`writable`](tokio::net::UdpSocket::writable) | [`readable`](DatagramSocket::readable), [`writable`](DatagramSocket::writable) | |
//! | [`peek_from`](tokio::net::UdpSocket::peek_from) | none | what was received is kept by the program |
//! | [`set_broadcast`](tokio::net::UdpSocket::set_broadcast) | none needed | broadcasts are allowed, and one to 255.255.255.255 leaves on all adapters |
//! | [`join_multicast_v4`](tokio::net::UdpSocket::join_multicast_v4), [`join_multicast_v6`](tokio::net::UdpSocket::join_multicast_v6) | [`join_multicast`](DatagramSocket::join_multicast) | on every suitable adapter, each with its outcome, and again when the network changes |
//! | [`set_ttl`](tokio::net::UdpSocket::set_ttl) | [`Builder::hop_limit`], [`set_hop_limit`](DatagramSocket::set_hop_limit) | also for IPv6 |
//! | [`from_std`](tokio::net::UdpSocket::from_std) | [`DatagramSocket::from_std`] | need not be non-blocking before |
//! | [`into_std`](tokio::net::UdpSocket::into_std) | [`into_std`](DatagramSocket::into_std) | |
//! | a loop with [`timeout`](tokio::time::timeout) and retries | [`DatagramSocket::ask`] | tells the replies of many requests on one socket apart |
//! | one call for each datagram | [`recv_batch`](DatagramSocket::recv_batch), [`send_batch`](DatagramSocket::send_batch), [`for_each`](DatagramSocket::for_each) | many datagrams in one call of the system |
//!
//! # From `std`
//!
//! ```
//! # fn main() -> Result<(), udpair::Error> {
//! use std::time::Duration;
//!
//! use udpair::blocking::Socket;
//!
//! // let socket = UdpSocket::bind("127.0.0.1:0")?;
//! let socket = Socket::bind("127.0.0.1:0")?;
//! # let sender = Socket::connect(socket.local_addr().unwrap())?;
//! # sender.send(b"ping")?;
//! // socket.set_read_timeout(Some(Duration::from_secs(5)))?;
//! // let (length, from) = socket.recv_from(&mut buffer)?;
//! match socket.recv_timeout(Duration::from_secs(5))? {
//!     Some(message) => println!("{} bytes from {}", message.payload().len(), message.remote()),
//!     None => println!("nothing in time"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | std | here | what differs |
//! |---|---|---|
//! | [`bind`](std::net::UdpSocket::bind) | [`blocking::Socket::bind`], [`bind_with`](crate::blocking::Socket::bind_with) | a [`Builder`] has the options |
//! | [`connect`](std::net::UdpSocket::connect) | [`blocking::Socket::connect`] | binds too; SRV records for service names |
//! | [`send`](std::net::UdpSocket::send), [`send_to`](std::net::UdpSocket::send_to) | [`send`](crate::blocking::Socket::send), [`send_to`](crate::blocking::Socket::send_to) | waits for space in the kernel |
//! | [`recv`](std::net::UdpSocket::recv), [`recv_from`](std::net::UdpSocket::recv_from) | [`blocking::Socket::recv`] | returns a [`Message`] |
//! | [`set_read_timeout`](std::net::UdpSocket::set_read_timeout) | [`recv_timeout`](crate::blocking::Socket::recv_timeout) | each call has its limit; `None` in place of an error |
//! | [`set_nonblocking`](std::net::UdpSocket::set_nonblocking) | [`inner`](crate::blocking::Socket::inner), then [`try_recv`](DatagramSocket::try_recv) | one socket is used in both ways |
//! | [`try_clone`](std::net::UdpSocket::try_clone) | `clone` | cannot fail; the descriptor is shared |
//! | [`take_error`](std::net::UdpSocket::take_error) | [`next_event_timeout`](crate::blocking::Socket::next_event_timeout) | says to which destination and by whom |
//! | [`set_ttl`](std::net::UdpSocket::set_ttl), [`set_multicast_ttl_v4`](std::net::UdpSocket::set_multicast_ttl_v4) | [`Builder::hop_limit`], [`Builder::multicast_hops`] | also for IPv6 |
//! | [`ToSocketAddrs`](std::net::ToSocketAddrs) | [`Resolver::resolve`] | says what was asked and why an address comes first; never blocks |
//!
//! # From `socket2`
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), udpair::Error> {
//! use udpair::DatagramSocket;
//!
//! // socket.set_recv_buffer_size(4 << 20)?;
//! // socket.set_ttl_v4(64)?;
//! // socket.set_tos_v4(46 << 2)?;
//! // socket.bind(&address.into())?;
//! let builder = DatagramSocket::builder()
//!     .inbound_buffer_bytes(4 << 20)
//!     .hop_limit(64)
//!     .dscp(46);
//! let socket = builder.bind("127.0.0.1:0").await?;
//! for option in socket.options().unmet() {
//!     println!("{option:?}");
//! }
//! // Whatever has no method here.
//! let is_open = socket.with_system_socket(|socket| socket.local_addr().is_ok())?;
//! assert!(is_open);
//! # Ok(())
//! # }
//! ```
//!
//! | socket2 | here | what differs |
//! |---|---|---|
//! | `Socket::new` | [`Builder::open`] | the family is decided when it is bound or connected |
//! | `bind_device` | [`Builder::bind_on`] with [`adapter`](crate::adapter) | bound again when the adapter comes back |
//! | `set_reuse_port` | [`Builder::bind_group`] | all sockets of a group are opened together |
//! | `set_reuse_address` | [`Builder::share_port`], [`Builder::multicast_only`] | the second is for groups and broadcasts, whichever program joins them |
//! | `set_only_v6` | [`Builder::ipv6_only`] | `"0.0.0.0:7"` is IPv4, `":7"` is both families |
//! | `set_recv_buffer_size`, `set_send_buffer_size` | [`inbound_buffer_bytes`](Builder::inbound_buffer_bytes), [`send_buffer_bytes`](Builder::send_buffer_bytes) | before or [after](DatagramSocket::set_inbound_buffer_bytes) opening; [`options`](DatagramSocket::options) says what was granted, and what would help |
//! | `set_ttl_v4`, `set_unicast_hops_v6` | [`hop_limit`](Builder::hop_limit) | both families; [`PacketHeader`] for one datagram |
//! | `set_tos_v4`, `set_tclass_v6` | [`dscp`](Builder::dscp), [`ecn`](Builder::ecn) | two options in place of one byte |
//! | `set_multicast_ttl_v4`, `set_multicast_hops_v6` | [`multicast_hops`](Builder::multicast_hops) | |
//! | `set_multicast_if_v4`, `set_multicast_if_v6` | [`multicast_adapter`](Builder::multicast_adapter) | used again when the adapter comes back |
//! | `set_multicast_loop_v4`, `set_multicast_loop_v6` | [`multicast_loopback`](Builder::multicast_loopback) | |
//! | `join_multicast_v4_n`, `join_multicast_v6` | [`join_multicast`](DatagramSocket::join_multicast), [`join_multicast_on`](DatagramSocket::join_multicast_on) | on every suitable adapter, or on one |
//! | `join_ssm_v4` | [`join_source`](DatagramSocket::join_source) | also for IPv6 |
//! | `set_multicast_all_v4` | none needed | groups of other programs are not received |
//! | `sendmsg`, `recvmsg` and their control messages | [`Destination`], [`Metadata`] | source address, adapter, hop limit and ECN as fields |
//! | any other option | [`Builder::before_bind`], [`with_system_socket`](DatagramSocket::with_system_socket) | before the socket is bound, or later |
//!
//! # From `quinn-udp`
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), udpair::Error> {
//! use udpair::{DatagramSocket, RecvBatch, SendBatch};
//!
//! let receiver = DatagramSocket::builder().bind("127.0.0.1:0").await?;
//! let sender = DatagramSocket::builder().open()?;
//! // let transmit = Transmit { destination, contents: &twice, segment_size: Some(3), .. };
//! // state.send((&sender).into(), &transmit)?;
//! let mut batch = SendBatch::new();
//! batch.push_to("one", receiver.local_addr().unwrap());
//! batch.push_to("two", receiver.local_addr().unwrap());
//! sender.send_batch(&mut batch).await?;
//! // let count = state.recv((&receiver).into(), &mut buffers, &mut metas)?;
//! // Each `meta.len` is cut into datagrams of `meta.stride`.
//! let mut received = RecvBatch::new(64);
//! let mut payloads = Vec::new();
//! while payloads.len() < 2 {
//!     receiver.recv_batch(&mut received).await?;
//!     payloads.extend(received.iter().map(|datagram| datagram.payload().to_vec()));
//! }
//! assert_eq!(payloads, [b"one", b"two"]);
//! # Ok(())
//! # }
//! ```
//!
//! | quinn-udp | here | what differs |
//! |---|---|---|
//! | `UdpSocketState::new` | opening a socket, or [`DatagramSocket::from_std`] | the state is a part of the socket |
//! | `send`, `try_send` | [`send_batch`](DatagramSocket::send_batch), [`try_send_batch`](DatagramSocket::try_send_batch) | errors are returned, and the datagram that failed is the batch's first |
//! | `Transmit::segment_size` | [`send_run_to`](DatagramSocket::send_run_to) | not needed in a [`SendBatch`], which finds datagrams of one length to one destination |
//! | `Transmit::src_ip`, `Transmit::ecn` | [`Destination::source`], [`Destination::header`] | [`Capabilities`] says whether the engine can |
//! | `recv` | [`recv_batch`](DatagramSocket::recv_batch), [`recv_buffers`](DatagramSocket::recv_buffers) | the batch has its own buffers, and returns single datagrams; the second takes buffers of the program |
//! | `RecvMeta::stride` | [`Filled::segment`] | not needed in a [`RecvBatch`], where coalesced datagrams are cut already |
//! | `RecvMeta::dst_ip`, `RecvMeta::ecn`, `RecvMeta::interface_index` | [`Metadata::to`], [`Metadata::ecn`], [`Metadata::adapter`] | [`Metadata::local`] is the address to reply from |
//! | `RecvMeta::timestamp` | [`Builder::timestamps`], [`Metadata::timestamp`] | |
//! | `gro_segments`, `max_gso_segments` | [`Capabilities::receive_segments`], [`Capabilities::send_segments`] | batches need no buffer of that size |
//! | `enable_transport_errors`, `recv_transport_error` | [`next_event`](DatagramSocket::next_event) | always on, where the engine can |
//! | `may_fragment` | [`Builder::dont_fragment`] | datagrams may be fragmented by default |
//! | `set_send_buffer_size`, `set_recv_buffer_size` | [`send_buffer_bytes`](Builder::send_buffer_bytes), [`inbound_buffer_bytes`](Builder::inbound_buffer_bytes) | |
//! | `is_msg_size_err` | [`PayloadTooLarge`](crate::ErrorKind::PayloadTooLarge) | |
//! | an IPv4-mapped address of a dual-stack socket | an IPv4 address | |

#[allow(unused_imports, reason = "the documentation links to these")]
use crate::{
    Builder, Capabilities, DatagramSocket, Destination, Filled, Message, Metadata, OutputStream,
    PacketHeader, RecvBatch, Resolver, SendBatch, Statistics, blocking,
};
