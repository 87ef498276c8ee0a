//! Tests of the public behaviour of `udpair`, one file per theme.

#![cfg_attr(
    not(feature = "dns"),
    allow(
        dead_code,
        unused_imports,
        reason = "tests that need name servers are left out, and what only they use is not"
    )
)]
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

#[cfg(feature = "dns")]
mod answers;
mod api;
mod ask;
mod background;
mod batch;
mod buffers;
#[cfg(feature = "dns")]
mod cache;
mod connect;
mod cycles;
mod data;
#[cfg(feature = "dns")]
mod files;
#[cfg(feature = "dns")]
mod hints;
mod layers;
#[cfg(feature = "dns")]
mod made_up_answers;
mod many;
mod multicast;
mod names;
mod network;
mod next_batch;
mod options;
mod pairs;
#[cfg(feature = "dns")]
mod patience;
mod peer_filter;
mod polled;
mod push;
mod random_mix;
mod readme;
mod receive;
#[cfg(feature = "dns")]
mod resolve;
mod runtime;
mod send;
mod setters;
mod sharing;
mod sources;
#[cfg(feature = "dns")]
mod srv_only;
mod state;
mod support;
mod system_socket;
#[cfg(feature = "dns")]
mod targets;
#[cfg(not(feature = "dns"))]
mod without_dns;
#[cfg(not(feature = "idna"))]
mod without_idna;
#[cfg(feature = "dns")]
mod zones;
