//! Sending: one write is one datagram.
//!
//! A send passes through these modules in order: the stream (`output`), or the buffer of its `Sink`
//! (`feed`, `sink`); the decision where its datagrams go (`dispatch`); the kernel (`transmit`). `recipient`
//! is the destination of a stream, and `space` waits for buffer space without a write.

pub(crate) mod dispatch;
mod feed;
mod output;
mod recipient;
mod sink;
pub(crate) mod space;
mod transmit;

pub use output::OutputStream;
pub use sink::DatagramSink;
