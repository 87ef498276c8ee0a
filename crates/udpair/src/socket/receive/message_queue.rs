//! A bounded message queue between a socket and a slow handler.
//!
//! Without a queue, messages that the application has not requested stay in the kernel's receive
//! buffer. That buffer's size is in bytes, and its policy is fixed: it drops the newest datagrams.
//! A queue counts messages, and its owner chooses what happens when it is full.

use std::collections::VecDeque;
use std::fmt;
use std::future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;

use super::receiver::Receive;
use crate::driver::{self, Task, Waiter, Waiters};
use crate::error::{Error, ErrorKind};
use crate::message::Message;
use crate::socket::lifecycle::{Operation, closed};
use crate::socket::link::Channel;
use crate::socket::link::filter;
use crate::socket::shared::Shared;

/// What happens to messages that arrive while a [`MessageQueue`] is full.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Overflow {
    /// The messages stay in the kernel's receive buffer, which drops those that do not fit.
    #[default]
    Pause,
    /// The messages are dropped.
    DropNewest,
    /// For each message, the oldest one in the queue is dropped.
    DropOldest,
}

/// A bounded queue of messages that a socket receives ahead of need.
///
/// Created by [`DatagramSocket::queue`](crate::DatagramSocket::queue). Messages are returned in the
/// order of their arrival, by [`recv`](Self::recv) or as a [`Stream`].
///
/// Messages that are in the queue when the socket is closed can still be taken. When the socket is
/// connected, messages that non-peer senders sent before are dropped. Dropping the queue stops the
/// receiving and drops the messages in it.
pub struct MessageQueue {
    state: Arc<QueueState>,
    receiver: Waiter<Arc<Waiters>>,
    _filling: Task,
}

/// The state that a queue shares with the task that fills it.
struct QueueState {
    shared: Arc<Shared>,
    capacity: usize,
    overflow: Overflow,
    backlog: Mutex<Backlog>,
    /// The task that waits for a message.
    receivers: Arc<Waiters>,
    /// The filling task, while it waits for space in the queue.
    filler: Waiters,
}

#[derive(Default)]
struct Backlog {
    messages: VecDeque<Message>,
    dropped: u64,
    /// Whether the messages of non-peer senders from before the connect have been removed.
    is_filtered: bool,
    /// Why no more messages follow; `None` while the queue is being filled.
    end: Option<Error>,
}

impl MessageQueue {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        capacity: usize,
        overflow: Overflow,
    ) -> Result<Self, Error> {
        let action = "queue messages";
        if capacity == 0 {
            let message = format!("cannot {action}: the capacity must be at least 1");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        shared.open_link(action, Operation::Receive)?;
        shared.allow(action, Operation::Receive)?;
        let state = Arc::new(QueueState {
            shared: shared.clone(),
            capacity,
            overflow,
            backlog: Mutex::default(),
            receivers: Arc::default(),
            filler: Waiters::default(),
        });
        let filling = driver::spawn(fill(state.clone())).map_err(Error::no_runtime)?;
        Ok(Self {
            receiver: Waiter::on(state.receivers.clone()),
            state,
            _filling: filling,
        })
    }

    /// Waits for the next message and returns it.
    ///
    /// # Errors
    ///
    /// - [`Closed`](ErrorKind::Closed): the socket was closed, and all queued messages were taken.
    /// - The error with which receiving failed, after all queued messages were taken.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no message from the queue.
    pub async fn recv(&mut self) -> Result<Message, Error> {
        future::poll_fn(|cx| self.poll_message(cx)).await
    }

    /// Returns the number of messages in the queue.
    pub fn len(&self) -> usize {
        self.state.backlog().messages.len()
    }

    /// Returns whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many messages this queue dropped because it was full.
    pub fn dropped(&self) -> u64 {
        self.state.backlog().dropped
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        let state = &*self.state;
        // Enlisted before the check, so that a message in between wakes the task.
        self.receiver.enlist(cx.waker());
        let mut backlog = state.backlog();
        let taken = match (backlog.messages.pop_front(), &backlog.end) {
            (Some(message), _) => Poll::Ready(Ok(message)),
            (None, Some(end)) => Poll::Ready(Err(end.clone())),
            (None, None) => Poll::Pending,
        };
        drop(backlog);
        // Even if no message was taken: `backlog` may have removed those of non-peer senders.
        state.filler.wake_all();
        if taken.is_ready() {
            self.receiver.leave();
        }
        taken
    }
}

impl QueueState {
    /// Returns the backlog. Once the socket is connected, it contains no messages of non-peer
    /// senders.
    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        if !backlog.is_filtered
            && let Some(link) = self.shared.link()
            && link.channel.peer().is_some()
        {
            backlog.is_filtered = true;
            let before = backlog.messages.len();
            backlog
                .messages
                .retain(|message| admits(&link.channel, message));
            let removed = before - backlog.messages.len();
            link.channel.counters().non_peer_dropped.add(removed);
        }
        backlog
    }

    /// Waits until the queue has space, if a full queue pauses.
    async fn wait_for_space(&self) {
        if self.overflow != Overflow::Pause {
            return;
        }
        let mut waiter = Waiter::on(&self.filler);
        future::poll_fn(|cx| {
            waiter.enlist(cx.waker());
            if self.backlog().messages.len() < self.capacity {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn enqueue(&self, message: Message) {
        let mut backlog = self.backlog();
        if let Some(link) = self.shared.link()
            && !admits(&link.channel, &message)
        {
            // The socket was connected after it had received the message.
            link.channel.counters().non_peer_dropped.add(1);
            return;
        }
        let is_full = backlog.messages.len() >= self.capacity;
        let dropped = match self.overflow {
            Overflow::DropNewest if is_full => Some(message),
            Overflow::DropOldest if is_full => {
                backlog.messages.push_back(message);
                backlog.messages.pop_front()
            }
            _ => {
                backlog.messages.push_back(message);
                None
            }
        };
        backlog.dropped += u64::from(dropped.is_some());
        drop(backlog);
        if dropped.is_some()
            && let Some(link) = self.shared.link()
        {
            link.channel.counters().queue_dropped.add(1);
        }
        self.receivers.wake_all();
    }

    fn end(&self, why: Error) {
        self.backlog().end = Some(why);
        self.receivers.wake_all();
    }
}

fn admits(channel: &Channel, message: &Message) -> bool {
    filter::admits(channel.peer(), &message.remote())
}

/// Receives until the socket is closed.
async fn fill(state: Arc<QueueState>) {
    loop {
        state.wait_for_space().await;
        match Receive::new(&state.shared).await {
            Ok(message) => state.enqueue(message),
            Err(_) if state.shared.is_closed() => return state.end(closed("receive")),
            // Cancelling ends the pending receive, but not the ones after it.
            Err(error) if error.kind() == ErrorKind::Cancelled => {}
            Err(error) => return state.end(error),
        }
    }
}

impl Stream for MessageQueue {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_message(cx).map(|taken| match taken {
            Err(error) if error.kind() == ErrorKind::Closed => None,
            taken => Some(taken),
        })
    }
}

impl Drop for MessageQueue {
    fn drop(&mut self) {
        // The messages may hold buffers that other sockets need.
        drop(mem::take(&mut self.state.backlog().messages));
    }
}

impl fmt::Debug for MessageQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageQueue")
            .field("len", &self.len())
            .field("capacity", &self.state.capacity)
            .field("overflow", &self.state.overflow)
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
