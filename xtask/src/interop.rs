//! Programs that we must get along with and did not write: real DNS servers, real UDP servers.
//!
//! Each suite installs what it needs where it may, starts servers on high ports of loopback, drives the
//! built command, reads what it prints, and stops the servers it started.

mod adapters;
mod broadcast;
mod daemon;
mod kubernetes;
mod lan;
mod many;
mod multicast;
mod named;
mod namespace;
mod network;
mod peers;
mod stun;
mod suite;
mod tied;
mod udpair;

pub(crate) use suite::Suite;

/// Suites, in the order to run them.
pub(crate) const SUITES: &[Suite] = &[
    stun::SUITE,
    peers::SUITE,
    network::SUITE,
    adapters::SUITE,
    multicast::SUITE,
    broadcast::SUITE,
    many::SUITE,
    tied::SUITE,
    kubernetes::SUITE,
];
