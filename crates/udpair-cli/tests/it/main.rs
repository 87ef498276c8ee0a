//! The `udpair` command, from outside.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on may say so this way"
)]

mod adapters;
mod bad_input;
mod connect;
mod names;
mod run;
mod talk;
