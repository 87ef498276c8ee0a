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
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::receiver::{Receive, runtime_ended};
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
///
/// A task fills the queue. It runs in the runtime that the socket was opened in, whichever runtime
/// takes the messages.
pub struct MessageQueue {
    state: Arc<QueueState>,
    receiver: Waiter<Arc<Waiters>>,
    filling: Option<Task>,
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
    filling: Filling,
    /// Whether the receiver was woken, and has not looked for messages since.
    is_receiver_due: bool,
}

/// Whether a task fills the queue.
#[derive(Default)]
enum Filling {
    /// There is none. The next receive starts one.
    #[default]
    Idle,
    Running,
    /// It has ended. Receivers get this error after the messages.
    Ended(Error),
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
        let mut queue = Self {
            receiver: Waiter::on(state.receivers.clone()),
            state,
            filling: None,
        };
        queue.fill()?;
        Ok(queue)
    }

    /// Waits for the next message and returns it.
    ///
    /// # Errors
    ///
    /// - [`Closed`](ErrorKind::Closed): the socket was closed, or its runtime has ended, and all
    ///   queued messages were taken.
    /// - The error with which receiving failed, after all queued messages were taken. The next call
    ///   starts to receive again.
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
        // Lets other tasks run if this task does nothing but receive.
        ready!(driver::poll_budget(cx));
        loop {
            if let Poll::Ready(taken) = self.take() {
                self.receiver.leave();
                return Poll::Ready(taken);
            }
            // Checked again, so that a message in between wakes the task.
            self.receiver.enlist(cx.waker());
            if self.state.has_nothing_new() {
                return Poll::Pending;
            }
        }
    }

    /// Takes a message, or the error with which the filling has ended. Starts to fill the queue if
    /// no task does.
    fn take(&mut self) -> Poll<Result<Message, Error>> {
        let mut backlog = self.state.backlog();
        backlog.is_receiver_due = false;
        let message = backlog.messages.pop_front();
        let mut is_idle = false;
        let taken = match (message, &mut backlog.filling) {
            (Some(message), _) => Poll::Ready(Ok(message)),
            (None, Filling::Running) => Poll::Pending,
            (None, Filling::Idle) => {
                is_idle = true;
                Poll::Pending
            }
            // What else has ended may work again.
            (None, ended) if !self.state.shared.is_closed() => match mem::take(ended) {
                Filling::Ended(error) => Poll::Ready(Err(error)),
                Filling::Idle | Filling::Running => Poll::Pending,
            },
            (None, Filling::Ended(error)) => Poll::Ready(Err(error.clone())),
        };
        drop(backlog);
        // Even if no message was taken: `backlog` may have removed those of non-peer senders.
        self.state.filler.wake_all();
        if is_idle && let Err(error) = self.fill() {
            return Poll::Ready(Err(error));
        }
        taken
    }

    /// Starts the task that fills the queue.
    fn fill(&mut self) -> Result<(), Error> {
        let action = "queue messages";
        let link = self.state.shared.open_link(action, Operation::Receive)?;
        self.state.backlog().filling = Filling::Running;
        let notice = EndNotice {
            state: self.state.clone(),
            why: None,
        };
        let spawned = link.channel.spawn(fill(notice));
        self.filling = Some(spawned.map_err(Error::no_runtime)?);
        Ok(())
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

    /// Waits until the queue has space, if a full queue pauses. A full queue that drops messages
    /// first lets a receiver run that was woken.
    async fn wait_for_space(&self) {
        let mut waiter = Waiter::on(&self.filler);
        let mut has_yielded = false;
        future::poll_fn(|cx| {
            let mut backlog = self.backlog();
            let is_full = backlog.messages.len() >= self.capacity;
            if !is_full {
                return Poll::Ready(());
            }
            if self.overflow != Overflow::Pause {
                // Once per wake-up, because the receiver may never look again.
                if has_yielded || !mem::take(&mut backlog.is_receiver_due) {
                    return Poll::Ready(());
                }
                drop(backlog);
                has_yielded = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            drop(backlog);
            // Checked again, so that a message that is taken in between wakes the task.
            waiter.enlist(cx.waker());
            if self.backlog().messages.len() < self.capacity {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Returns whether there is neither a message nor an end to report.
    fn has_nothing_new(&self) -> bool {
        let backlog = self.backlog();
        backlog.messages.is_empty() && matches!(backlog.filling, Filling::Running)
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
        backlog.is_receiver_due |= !self.receivers.is_empty();
        drop(backlog);
        if dropped.is_some()
            && let Some(link) = self.shared.link()
        {
            link.channel.counters().rare().queue_dropped.add(1);
        }
        self.receivers.wake_all();
    }
}

/// Ends the filling of a queue when it is dropped: with the task, or with the task's runtime.
struct EndNotice {
    state: Arc<QueueState>,
    why: Option<Error>,
}

impl Drop for EndNotice {
    fn drop(&mut self) {
        let state = &self.state;
        let why = self
            .why
            .take()
            .unwrap_or_else(|| match state.shared.is_closed() {
                true => closed("receive"),
                false => runtime_ended(None),
            });
        state.backlog().filling = Filling::Ended(why);
        state.receivers.wake_all();
    }
}

fn admits(channel: &Channel, message: &Message) -> bool {
    filter::admits(channel.peer(), channel.peer_zone(), &message.remote())
}

/// Receives until the socket is closed.
async fn fill(mut notice: EndNotice) {
    let state = notice.state.clone();
    notice.why = Some(loop {
        state.wait_for_space().await;
        match Receive::new(&state.shared).await {
            Ok(message) => state.enqueue(message),
            Err(_) if state.shared.is_closed() => break closed("receive"),
            // Cancelling ends the pending receive, but not the ones after it.
            Err(error) if error.kind() == ErrorKind::Cancelled => {}
            Err(error) => break error,
        }
    });
}

impl Stream for MessageQueue {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let taken = ready!(self.poll_message(cx));
        Poll::Ready(match taken {
            Err(_) if self.state.shared.is_closed() => None,
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

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::{DatagramSocket, EndpointPair};

    /// CON-09: the socket was connected while the filling task had the message of another sender in
    /// its hands.
    #[tokio::test]
    async fn a_message_that_was_received_before_the_connect_does_not_enter() {
        let [peer, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let socket = DatagramSocket::builder().bind("127.0.0.1:0").await.unwrap();
        let to = socket.local_addr().unwrap();
        let mut messages = Vec::new();
        for sender in [&peer, &other] {
            sender.send_to(b"x", to).unwrap();
            messages.push(socket.recv().await.unwrap());
        }
        let queue = socket.queue(8, Overflow::Pause).unwrap();
        let pair = EndpointPair::from(peer.local_addr().unwrap());
        socket.connect(&pair).await.unwrap();
        assert!(queue.is_empty());
        for message in messages {
            queue.state.enqueue(message);
        }
        assert_eq!(queue.len(), 1);
        assert_eq!(socket.statistics().non_peer_dropped, 1);
    }
}
