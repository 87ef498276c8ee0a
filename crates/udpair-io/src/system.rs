//! What the module of each operating system must supply, and the only place that selects one.
//!
//! A system's module supplies every name below, with these meanings:
//!
//! | name | meaning |
//! |---|---|
//! | `ENGINES` | the engines, fastest first, the portable one last |
//! | `cause(code)` | the meaning of an error number |
//! | `family_not_supported()` | the system's error for an address family that a socket does not support |
//! | `lookup(host, family)` | the system's resolver, with the error code that it returned |
//! | `NetworkReader` | lists adapters and default routes |
//! | `NetworkMonitor` | reports their changes; on Unix it has a descriptor that a change makes readable |
//! | `adapter_index(name)` | the index of the adapter with this name |
//! | `address_state(ip)` | whether an address of an adapter can be used |
//! | `bits_per_second(adapter)` | the nominal speed of its link |
//! | `machine_name()` | the machine's name |
//! | `enter_main_namespace()` | moves this thread to the network namespace of the main thread |
//! | `file_identity(metadata)`, `file_changed(metadata)` | which file it is, and when it changed last |
//! | `network_namespace()` | a number for the network namespace of the calling thread |
//! | `services_path()`, `hosts_path()`, `name_servers_path()` | where the system keeps services, hosts and name servers |
//! | `TOOLS` | the commands that hints name |
//! | `open(domain, type, protocol)` | a socket that never blocks and that no child process inherits |
//! | `is_udp(options)` | whether a descriptor is a UDP socket over IPv4 or IPv6, as far as the system says |
//! | `allow_bind(socket, address)` | whether a bind to this address, which was refused, may succeed now |
//! | `Granted` | which features the system granted to one socket |
//! | `prepare(socket)` | standing options of every socket, set when it is opened |
//! | `is_shut_down(socket)` | whether nothing can be received any more, because the descriptor was shut down |
//! | `wake_for_errors(socket)` | makes a queued error wake a task that waits to read |
//! | `outcome_of_failed_send(socket, outgoing, error)` | what a failed send of one datagram amounts to: a drop by a queue on its route, or the error |
//! | `disconnect(socket)` | removes the peer, and the local address and port that connecting chose |
//! | `set_fragmentation`, `dont_fragment`, `set_traffic_class`, `set_low_latency`, and their readers without `set_` | options that are named differently on each system |
//! | `set_busy_poll`, `share_port`, `bind_to_adapter` | the same, without readers |
//! | `join`, `leave`, `set_multicast_adapter`, `share_multicast_port` | multicast, by adapter index |
//! | `requested_buffer_bytes(reported)` | the requested size of a buffer, given the size that the system reports |
//! | `receive_buffer_advice(bytes)`, `send_buffer_advice(bytes)` | the command that allows larger buffers |
//! | `receive_offload(socket)` | whether the kernel may coalesce datagrams of one sender |
//! | `send_queue_bytes(socket)` | how much of the send buffer is in use |
//! | `stop_engine(socket)` | turns off what only an engine understands |
//! | `dropped_datagrams(socket)` | how many datagrams were dropped because the receive buffer was full |
//!
//! `headed` is the same for all systems. It is here because it needs `unsafe`.

pub(crate) mod headed;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::*;
