//! What each operating system must supply, and the one place that asks which it is.
//!
//! A system's module supplies every name below, with these meanings:
//!
//! | name | meaning |
//! |---|---|
//! | `ENGINES` | the engines, fastest first, the portable one last |
//! | `cause(code)` | what an error number means |
//! | `family_not_supported()` | the error that the system has for a foreign address family |
//! | `lookup(host)` | the system's resolver, with the code that it gave |
//! | `NetworkReader` | lists adapters and default routes |
//! | `NetworkMonitor` | hears of their changes; on Unix it has a descriptor that becomes readable then |
//! | `adapter_index(name)` | the number that goes with an adapter's name |
//! | `bits_per_second(adapter)` | the nominal speed of its link |
//! | `machine_name()` | what the machine is called |
//! | `services_path()`, `hosts_path()`, `name_servers_path()` | where the system keeps what it knows of names |
//! | `open(domain, type, protocol)` | a socket that never blocks and that no child process inherits |
//! | `prepare(socket)` | standing options of every socket, set when it is opened |
//! | `wake_for_errors(socket)` | whoever waits to read is woken by an error too |
//! | `disconnect(socket)` | takes the peer off again, and the address and port that connecting chose |
//! | `set_dont_fragment`, `set_traffic_class`, `set_low_latency`, and their readers without `set_` | options that each system spells its own way |
//! | `set_busy_poll`, `share_port`, `bind_to_adapter` | the same, without readers |
//! | `join`, `leave`, `set_multicast_adapter`, `share_multicast_port` | multicast, by adapter index |
//! | `requested_buffer_bytes(told)` | a buffer size as it was asked for, from what the system tells |
//! | `receive_buffer_advice(bytes)`, `send_buffer_advice(bytes)` | the command that allows larger buffers |
//! | `receive_offload(socket)` | whether datagrams of one sender may come in one piece |
//! | `dropped_datagrams(socket)` | how many datagrams the receive buffer had no room for |

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::*;
