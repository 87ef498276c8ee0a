//! Interoperability with third-party programs: real DNS servers and real UDP servers.
//!
//! Each suite installs what it needs where that is allowed, starts servers on high ports of
//! loopback, runs the built command, reads its output, and stops the servers that it started.

mod adapters;
mod attachment;
mod broadcast;
mod daemon;
mod descriptors;
mod device;
mod echo;
mod ended;
mod files;
mod full;
mod guest;
mod kubernetes;
mod lan;
mod many;
mod mdns;
mod multicast;
mod named;
mod names;
mod namespace;
mod network;
mod options;
mod peers;
mod quinn;
mod refusal;
mod release;
mod sandbox;
mod scenarios;
mod status;
mod stun;
mod suite;
mod udpair;

pub(crate) use suite::Suite;

/// All suites, in the order in which they run.
pub(crate) const SUITES: &[Suite] = &[
    // First: what the first socket of a process leaves behind must not be in another namespace.
    release::SUITE,
    ended::SUITE,
    stun::SUITE,
    peers::SUITE,
    network::SUITE,
    adapters::SUITE,
    status::SUITE,
    multicast::SUITE,
    broadcast::SUITE,
    attachment::SUITE,
    full::SUITE,
    many::SUITE,
    mdns::SUITE,
    scenarios::SUITE,
    echo::SUITE,
    refusal::SUITE,
    sandbox::SUITE,
    sandbox::EMULATOR,
    device::SUITE,
    kubernetes::SUITE,
    files::SUITE,
    names::SUITE,
    options::SUITE,
    guest::SUITE,
    descriptors::SUITE,
    quinn::SUITE,
];

/// Does the part of a suite that needs a process of its own.
pub(crate) fn inside(what: &str) -> Result<(), lan::Why> {
    if what == guest::GUEST {
        guest::inside()
    } else if let Some(case) = what.strip_prefix(descriptors::DESCRIPTORS) {
        descriptors::inside(case)
    } else {
        sandbox::inside(what)
    }
}
