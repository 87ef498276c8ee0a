//! Sending: one write is one datagram.
//!
//! A send goes one way: from the stream that people hold (`output`) or what it was fed (`feed`) to what
//! becomes of it (`dispatch`), and from there to the kernel (`transmit`).

pub(crate) mod dispatch;
mod feed;
mod output;
mod transmit;

pub use output::OutputStream;
