//! The native part of the npm package `udpair`.
//!
//! It holds no rule: what an operation means is in [`udpair_winrt`], and what JavaScript sees is in
//! the folder `lib`. Here are the handles of objects (`socket.rs`, `output.rs`, `names.rs`,
//! `network.rs`, `data.rs`, `streams.rs`), operations that end later (`operations.rs`), and batches of
//! datagrams (`receiver.rs`, `record.rs`).
//!
//! One `Runtime` (`runtime.rs`) belongs to each environment of JavaScript: the main thread and
//! each worker. libuv watches the sockets of an environment (`uv.rs`), other threads write to it by a
//! mailbox (`mailbox.rs`), and all else runs on its thread. Calls of C are in `uv.rs`, `mailbox.rs` and
//! `js.rs`.

#![deny(unsafe_code)]
#![cfg_attr(
    test,
    allow(dead_code, reason = "a test has no JavaScript that calls the exports")
)]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::missing_safety_doc,
    reason = "macros generate glue whose arguments are owned"
)]

mod data;
mod failure;
mod js;
mod mailbox;
mod names;
mod network;
mod operations;
mod options;
mod output;
mod receiver;
mod record;
mod runtime;
mod sender;
mod socket;
mod streams;
#[cfg(unix)]
mod uv;
#[cfg(not(unix))]
#[path = "no_uv.rs"]
mod uv;
