//! The public behaviour of `udpair`, theme by theme.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on may say so this way"
)]

mod answers;
mod batch;
mod circles;
mod connect;
mod kept;
mod layers;
mod many;
mod mixture;
mod multicast;
mod names;
mod network;
mod options;
mod pairs;
mod push;
mod receive;
mod resolve;
mod runtime;
mod send;
mod sources;
mod state;
mod strangers;
mod support;
