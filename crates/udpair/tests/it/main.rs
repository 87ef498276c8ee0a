//! Tests of the public behaviour of `udpair`, one file per theme.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

mod answers;
mod ask;
mod batch;
mod cache;
mod connect;
mod cycles;
mod files;
mod hints;
mod layers;
mod made_up_answers;
mod many;
mod multicast;
mod names;
mod network;
mod options;
mod pairs;
mod patience;
mod peer_filter;
mod polled;
mod push;
mod random_mix;
mod receive;
mod resolve;
mod runtime;
mod send;
mod setters;
mod sharing;
mod sources;
mod srv_only;
mod state;
mod support;
mod system_socket;
mod targets;
mod zones;
