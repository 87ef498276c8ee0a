//! Receiving: messages one by one, in batches, as a stream, by a handler, or queued ahead of need.

mod message_queue;
mod messages;
mod receiver;

pub use message_queue::{MessageQueue, Overflow};
pub use messages::Messages;
pub(crate) use receiver::{
    ForEach, Receive, poll_readable, poll_recv, poll_recv_batch, poll_recv_buffers, readable,
    recv_batch, recv_buffers, recv_into, try_recv, try_recv_batch, try_recv_buffers, try_recv_into,
};
