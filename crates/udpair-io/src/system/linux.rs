//! Linux: engine, socket options, error queue, multicast, adapters and host names.

#![expect(unsafe_code, reason = "this is where the kernel is called")]

mod adapter;
mod address;
mod any_ip;
mod calls;
mod control;
mod engine;
mod errno;
mod error_queue;
mod file;
#[cfg(any(fuzzing, test))]
mod fuzzing;
mod granted;
mod gro;
mod ioctl;
mod lookup;
mod machine;
mod message;
mod metadata;
mod multicast;
mod namespace;
mod netlink;
mod network;
mod option;
mod proc_net;
mod receive;
mod rtnetlink;
mod send;
mod send_buffer;
mod sysfs;
mod tables;

pub(crate) use adapter::adapter_index;
pub(crate) use any_ip::allow_bind;
pub(crate) use errno::{cause, family_not_supported};
pub(crate) use file::{file_changed, file_identity};
#[cfg(any(fuzzing, test))]
pub(crate) use fuzzing::{control_messages, gro_splitting, netlink_messages};
pub(crate) use granted::Granted;
pub(crate) use lookup::lookup;
pub(crate) use machine::{TOOLS, machine_name, network_namespace};
pub(crate) use multicast::{join, leave, set_multicast_adapter, share_multicast_port};
pub(crate) use namespace::enter_main_namespace;
pub(crate) use network::{NetworkMonitor, NetworkReader, address_state};
pub(crate) use option::{
    bind_to_adapter, disconnect, dont_fragment, dropped_datagrams, is_shut_down, is_udp,
    low_latency, open, prepare, receive_buffer_advice, receive_offload, requested_buffer_bytes,
    send_buffer_advice, send_queue_bytes, set_busy_poll, set_fragmentation, set_low_latency,
    set_traffic_class, share_port, stop_engine, traffic_class, wake_for_errors,
};
pub(crate) use send_buffer::outcome_of_failed_send;
pub(crate) use sysfs::bits_per_second;

use std::path::PathBuf;

use crate::engine::Engine;
use crate::portable::Portable;

/// The engines, fastest first.
pub(crate) const ENGINES: &[&dyn Engine] = &[&engine::Linux, &Portable];

/// Returns the path of the services file (services(5)).
pub(crate) fn services_path() -> PathBuf {
    "/etc/services".into()
}

/// Returns the path of the hosts file (hosts(5)).
pub(crate) fn hosts_path() -> PathBuf {
    "/etc/hosts".into()
}

/// Returns the path of the file that lists the name servers (resolv.conf(5)).
pub(crate) fn name_servers_path() -> Option<PathBuf> {
    Some("/etc/resolv.conf".into())
}
