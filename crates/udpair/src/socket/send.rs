//! Sending: one write is one datagram.
//!
//! A send passes through these modules in order: the stream (`output`), or the buffer of its `Sink`
//! (`feed`); the decision where its datagrams go (`dispatch`); the kernel (`transmit`). `recipient`
//! is the destination of a stream.

pub(crate) mod dispatch;
mod feed;
mod output;
mod recipient;
mod transmit;

pub use output::OutputStream;
