//! Tests of the public behaviour of `udpair-winrt`, one file per theme.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

mod buffers;
mod conformance;
mod connectivity;
mod control;
mod enums;
mod errors;
mod events;
mod names;
mod operations;
mod output;
mod pairs;
mod porting;
mod programs;
mod reader;
mod reception;
mod sockets;
mod streams;
mod support;
mod text;
mod writer;
