//! A bounded queue between a socket and a handler that takes its time.
//!
//! Without one, what is not asked for stays in the kernel's receive buffer, whose size counts bytes and
//! whose policy is fixed: the newest is dropped. A queue counts messages, and its owner says what happens
//! when it is full.

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

/// What becomes of messages that come while a queue is full.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Overflow {
    /// They stay in the kernel's receive buffer, which drops what does not fit.
    #[default]
    Pause,
    /// They are dropped.
    DropNewest,
    /// The oldest in the queue is dropped for each.
    DropOldest,
}

/// Messages of a socket, received ahead of need.
///
/// Made by [`DatagramSocket::queue`](crate::DatagramSocket::queue). Messages come out in the order of their
/// arrival, from [`recv`](Self::recv) or as a [`Stream`]. What was queued when the socket was closed can
/// still be taken; what strangers sent before it was connected goes then. A dropped queue stops receiving; what it holds is gone.
pub struct MessageQueue {
    inside: Arc<Inside>,
    taker: Waiter<Arc<Waiters>>,
    _filling: Task,
}

struct Inside {
    shared: Arc<Shared>,
    capacity: usize,
    overflow: Overflow,
    list: Mutex<Backlog>,
    /// Those who wait for a message.
    takers: Arc<Waiters>,
    /// The one who waits for room.
    filler: Waiters,
}

#[derive(Default)]
struct Backlog {
    messages: VecDeque<Message>,
    dropped: u64,
    /// Whether no stranger's message is left from before there was a peer.
    is_filtered: bool,
    /// Why no more will come.
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
            let message = format!("cannot {action}: a queue holds at least one");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        shared.open_link(action, Operation::Receive)?;
        shared.allow(action, Operation::Receive)?;
        let inside = Arc::new(Inside {
            shared: shared.clone(),
            capacity,
            overflow,
            list: Mutex::default(),
            takers: Arc::default(),
            filler: Waiters::default(),
        });
        let filling = driver::spawn(fill(inside.clone())).map_err(Error::no_runtime)?;
        Ok(Self {
            taker: Waiter::on(inside.takers.clone()),
            inside,
            _filling: filling,
        })
    }

    /// Waits for the next message and returns it.
    ///
    /// # Errors
    ///
    /// [`Closed`](ErrorKind::Closed): the socket was closed, and all that was queued is taken; and what the
    /// system refused for good.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no message.
    pub async fn recv(&mut self) -> Result<Message, Error> {
        future::poll_fn(|cx| self.poll_message(cx)).await
    }

    /// Returns how many messages wait.
    pub fn len(&self) -> usize {
        self.inside.list().messages.len()
    }

    /// Returns whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many messages this queue dropped because it was full.
    pub fn dropped(&self) -> u64 {
        self.inside.list().dropped
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        let inside = &*self.inside;
        // Before looking, so that what comes in between wakes us.
        self.taker.enlist(cx.waker());
        let mut list = inside.list();
        let taken = match (list.messages.pop_front(), &list.end) {
            (Some(message), _) => Poll::Ready(Ok(message)),
            (None, Some(end)) => Poll::Ready(Err(end.clone())),
            (None, None) => Poll::Pending,
        };
        drop(list);
        // Looking alone makes room, if there were strangers.
        inside.filler.wake_all();
        if taken.is_ready() {
            self.taker.leave();
        }
        taken
    }
}

impl Inside {
    /// Returns the list, without the messages of strangers that came before the socket was connected.
    fn list(&self) -> MutexGuard<'_, Backlog> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if !list.is_filtered
            && let Some(link) = self.shared.link()
            && link.channel.peer().is_some()
        {
            list.is_filtered = true;
            let before = list.messages.len();
            list.messages
                .retain(|message| hears(&link.channel, message));
            let strangers = before - list.messages.len();
            link.channel.counters().non_peer_dropped.add(strangers);
        }
        list
    }

    /// Waits until there is room, if that is what a full queue does.
    async fn room(&self) {
        if self.overflow != Overflow::Pause {
            return;
        }
        let mut waiter = Waiter::on(&self.filler);
        future::poll_fn(|cx| {
            waiter.enlist(cx.waker());
            if self.list().messages.len() < self.capacity {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn put(&self, message: Message) {
        let mut list = self.list();
        if let Some(link) = self.shared.link()
            && !hears(&link.channel, &message)
        {
            // It was under way when the socket was connected.
            link.channel.counters().non_peer_dropped.add(1);
            return;
        }
        let is_full = list.messages.len() >= self.capacity;
        let dropped = match self.overflow {
            Overflow::DropNewest if is_full => Some(message),
            Overflow::DropOldest if is_full => {
                list.messages.push_back(message);
                list.messages.pop_front()
            }
            _ => {
                list.messages.push_back(message);
                None
            }
        };
        list.dropped += u64::from(dropped.is_some());
        drop(list);
        if dropped.is_some()
            && let Some(link) = self.shared.link()
        {
            link.channel.counters().queue_dropped.add(1);
        }
        self.takers.wake_all();
    }

    fn end(&self, why: Error) {
        self.list().end = Some(why);
        self.takers.wake_all();
    }
}

fn hears(channel: &Channel, message: &Message) -> bool {
    filter::admits(channel.peer(), &message.remote())
}

/// Receives until the socket is closed.
async fn fill(inside: Arc<Inside>) {
    loop {
        inside.room().await;
        match Receive::new(&inside.shared).await {
            Ok(message) => inside.put(message),
            Err(_) if inside.shared.is_closed() => return inside.end(closed("receive")),
            // Who cancels pending operations ends none of those to come.
            Err(error) if error.kind() == ErrorKind::Cancelled => {}
            Err(error) => return inside.end(error),
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
        // What it holds may lie in buffers that others wait for.
        drop(mem::take(&mut self.inside.list().messages));
    }
}

impl fmt::Debug for MessageQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageQueue")
            .field("len", &self.len())
            .field("capacity", &self.inside.capacity)
            .field("overflow", &self.inside.overflow)
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
