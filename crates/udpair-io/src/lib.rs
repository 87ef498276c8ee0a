//! UDP datagrams in batches, through the fastest engine that the operating system supports.
//!
//! This crate is `udpair`'s interface to the operating system. It opens sockets, sets their
//! options, moves datagrams, reads the errors that the network sends back, and lists the adapters
//! (network interfaces). It works with [`SocketAddr`](std::net::SocketAddr), bytes and
//! [`io::Error`](std::io::Error), and contains no name resolution, no runtime and no rules. No call
//! waits; every call returns at once. The one exception is [`lookup()`], whose documentation says
//! so.
//!
//! An [`Engine`] moves datagrams. [`engines()`] lists the engines of this build, fastest first. The
//! last one uses only the standard library and works on every system.

#![deny(unsafe_code)]

mod adapter;
#[allow(dead_code, reason = "only systems that check source addresses need it")]
mod any_ip;
mod arrival;
mod batch;
mod cause;
mod descriptor;
mod engine;
mod engines;
mod file;
mod fragmentation;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
#[allow(dead_code, reason = "only engines that batch need it")]
mod gso;
mod local_address;
mod lookup;
mod machine;
mod membership;
mod memory;
mod monitor;
mod multicast;
mod namespace;
mod network;
#[allow(dead_code, reason = "only engines that batch need it")]
mod offload;
mod option;
mod path;
mod peer_error;
mod pool;
mod portable;
mod queued_error;
mod segment;
mod socket;
mod source;
mod system;
mod tools;

pub use adapter::{Adapter, AdapterAddress, AdapterId, AdapterKind, adapter_index};
pub use batch::{
    Datagram, Datagrams, Destination, Filled, FilterStats, MESSAGE_BYTES_MAX, Metadata, Outgoing,
    OwnedDatagram, PacketHeader, RecvBatch, Run, SendBatch, Source, filter_again, filter_filled,
    filter_received,
};
pub use cause::Cause;
pub use descriptor::Descriptor;
pub use engine::{Capabilities, Engine, EngineOptions, Remaining, Sent};
pub use engines::{engines, portable_engine};
pub use file::FileStamp;
pub use fragmentation::Fragmentation;
pub use local_address::{AddressState, address_state, is_local_address};
pub use lookup::{LookupError, lookup};
pub use machine::{machine_name, network_namespace};
pub use membership::Membership;
pub use memory::{
    is_receive_memory_full, receive_memory, receive_memory_limit, set_receive_memory_limit,
};
pub use monitor::{NetworkEvent, NetworkMonitor};
pub use multicast::{
    join, leave, multicast_adapter, multicast_hops, multicast_loopback, set_multicast_adapter,
    set_multicast_hops, set_multicast_loopback, share_multicast_port,
};
pub use namespace::enter_main_namespace;
pub use network::{DefaultRoute, Network, NetworkReader, Reach, adapters, default_routes};
pub use option::{
    bind_to_adapter, dont_fragment, dropped_datagrams, hop_limit, is_shut_down, low_latency,
    receive_buffer_advice, receive_buffer_bytes, receive_offload, requested_buffer_bytes,
    send_buffer_advice, send_buffer_bytes, send_queue_bytes, set_busy_poll, set_fragmentation,
    set_hop_limit, set_low_latency, set_receive_buffer_bytes, set_send_buffer_bytes,
    set_traffic_class, share_port, traffic_class,
};
pub use path::{hosts_path, name_servers_path, services_path};
pub use peer_error::{NetworkError, NetworkErrorKind};
pub use queued_error::{call_past_errors, may_be_queued, retry_past_errors};
pub use socket::{Family, Socket, stream_for_query};
pub use source::{SourceProbe, source_address};
pub use tools::{Tools, tools};
