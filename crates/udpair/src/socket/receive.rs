//! Receiving: messages one by one, in batches, as a stream, by a handler, or queued ahead of need.

mod batches;
mod buffers;
mod message_queue;
mod messages;
mod receiver;
mod weak;

pub(crate) use batches::{
    for_each_batch, next_batch, poll_next_batch, poll_recv_batch, recv_batch, try_next_batch,
    try_recv_batch,
};
pub(crate) use buffers::{
    poll_recv_buffers, recv_buffers, recv_into, try_recv_buffers, try_recv_into,
};
pub use message_queue::{MessageQueue, Overflow};
pub use messages::Messages;
pub(crate) use receiver::{ForEach, Receive, poll_readable, poll_recv, readable, try_recv};
pub use weak::Receiver;
