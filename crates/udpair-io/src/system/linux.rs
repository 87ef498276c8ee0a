//! Linux: engine, socket options, error queue, multicast, adapters and host names.

#![expect(unsafe_code, reason = "this is where the kernel is called")]

mod adapter;
mod address;
mod control;
mod engine;
mod errno;
mod error_queue;
mod lookup;
mod machine;
mod message;
mod metadata;
mod multicast;
mod netlink;
mod network;
mod option;
mod receive;
mod rtnetlink;
mod send;
mod sysfs;

pub(crate) use adapter::adapter_index;
pub(crate) use errno::{cause, family_not_supported};
pub(crate) use lookup::lookup;
pub(crate) use machine::{machine_name, network_namespace};
pub(crate) use multicast::{join, leave, set_multicast_adapter, share_multicast_port};
pub(crate) use network::{NetworkMonitor, NetworkReader};
pub(crate) use option::{
    bind_to_adapter, disconnect, dont_fragment, dropped_datagrams, low_latency, open, prepare,
    receive_buffer_advice, receive_offload, requested_buffer_bytes, send_buffer_advice,
    set_busy_poll, set_dont_fragment, set_low_latency, set_traffic_class, share_port,
    traffic_class, wake_for_errors,
};
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
