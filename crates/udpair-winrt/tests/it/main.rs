//! Tests of the public behaviour of `udpair-winrt`, one file per theme.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

mod buffers;
mod conformance;
mod enums;
mod operations;
mod porting;
mod reader;
mod reception;
mod sockets;
mod streams;
mod support;
mod text;
mod writer;
