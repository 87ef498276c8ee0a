//! The C ABI of `udpair`, over the object model of `udpair-winrt`. The header is
//! `include/udpair.h`.
//!
//! This crate decides nothing: each function finds its arguments, calls the member of the object
//! model, and puts the result where the caller wants it.
//!
//! `handle.rs` counts the references of objects, `error.rs` turns errors and panics into numbers,
//! `text.rs` takes text, bytes and arrays, `owned.rs` gives text, `callback.rs` holds the caller's
//! functions, and `buffer.rs` has the bytes that a program reads and writes in place. The other files
//! have the functions, one file for each part of the model.
//!
//! # Safety
//!
//! The arguments are references, so that most of the code is safe: the caller promises by calling
//! that each pointer is null or an object of that type which it holds a reference to. Only the files
//! above, but for `error.rs`, have unsafe blocks.

#![allow(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "the callers are programs in C, which promise what the documentation says"
)]

pub mod buffer;
pub mod callback;
pub mod connectivity;
pub mod error;
pub mod handle;
pub mod list;
pub mod message;
pub mod names;
pub mod operation;
mod options;
pub mod owned;
pub mod reader;
pub mod resolver;
pub mod socket;
pub mod streams;
pub mod text;
pub mod writer;

/// Returns the version of this ABI: the number of changes that break programs. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_abi_version() -> u32 {
    1
}

/// Returns the version of the library, such as "0.1.0". The text is static. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_version() -> text::Text {
    text::Text::of_static(env!("CARGO_PKG_VERSION"))
}
