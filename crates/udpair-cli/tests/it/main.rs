//! Tests that run the `udpair` command.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

mod adapters;
mod ask;
mod bad_input;
#[path = "../../src/schema.rs"]
mod checker;
mod commands;
mod connect;
mod listen;
mod names;
mod output;
mod pages;
mod run;
mod schema;
mod services;
