//! The requests of a socket that wait for their replies.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::message::Message;

/// Says whether a message is the reply to a request.
pub(crate) type Accepts = Arc<dyn Fn(&Message) -> bool + Send + Sync>;

/// The requests that wait, oldest first.
///
/// Whoever receives a message hands it to the request that it is for. So any number of requests can
/// wait on one socket, and none takes the reply of another.
#[derive(Default)]
pub(crate) struct Replies {
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    next_id: u64,
    waiting: Vec<Waiting>,
}

struct Waiting {
    id: u64,
    /// The only sender of a reply; `None` if any sender may reply.
    from: Option<SocketAddr>,
    accepts: Option<Accepts>,
    reply: Option<Message>,
    waker: Option<Waker>,
    /// How many messages arrived meanwhile that are for no request.
    unmatched: u64,
}

/// A request that waits. Dropping it ends the waiting.
pub(crate) struct PendingReply<'a> {
    replies: &'a Replies,
    id: u64,
}

impl Replies {
    /// Adds a request. Replies that arrive from now on are kept for it.
    pub(crate) fn add(
        &self,
        from: Option<SocketAddr>,
        accepts: Option<Accepts>,
    ) -> PendingReply<'_> {
        let mut list = self.list();
        let id = list.next_id;
        list.next_id += 1;
        list.waiting.push(Waiting {
            id,
            from,
            accepts,
            reply: None,
            waker: None,
            unmatched: 0,
        });
        PendingReply { replies: self, id }
    }

    /// Hands a message to the oldest request that it is the reply to. Without one, the message is
    /// dropped and counted.
    pub(crate) fn deliver(&self, message: Message) {
        // The checks run without the lock, because they are code of the application.
        let candidates: Vec<_> = {
            let list = self.list();
            let may_be_for =
                |waiting: &&Waiting| waiting.from.is_none_or(|from| from == message.remote());
            let candidates = list.waiting.iter().filter(may_be_for);
            candidates
                .map(|waiting| (waiting.id, waiting.accepts.clone()))
                .collect()
        };
        for (id, accepts) in candidates {
            if accepts.is_some_and(|accepts| !accepts(&message)) {
                continue;
            }
            let mut list = self.list();
            let waiting = list.waiting.iter_mut().find(|waiting| waiting.id == id);
            if let Some(waiting) = waiting.filter(|waiting| waiting.reply.is_none()) {
                waiting.reply = Some(message);
                let waker = waiting.waker.take();
                drop(list);
                if let Some(waker) = waker {
                    waker.wake();
                }
                return;
            }
        }
        for waiting in &mut self.list().waiting {
            waiting.unmatched += 1;
        }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingReply<'_> {
    /// Takes the reply if it is there; otherwise, `waker` is woken when it comes.
    pub(crate) fn take(&self, waker: &Waker) -> Option<Message> {
        let mut list = self.replies.list();
        let waiting = list
            .waiting
            .iter_mut()
            .find(|waiting| waiting.id == self.id)?;
        if let Some(reply) = waiting.reply.take() {
            return Some(reply);
        }
        let former = waiting.waker.replace(waker.clone());
        drop(list);
        drop(former);
        None
    }

    /// Returns how many messages arrived meanwhile that are for no request.
    pub(crate) fn unmatched(&self) -> u64 {
        let list = self.replies.list();
        let waiting = list.waiting.iter().find(|waiting| waiting.id == self.id);
        waiting.map_or(0, |waiting| waiting.unmatched)
    }
}

impl Drop for PendingReply<'_> {
    fn drop(&mut self) {
        let mut list = self.replies.list();
        let at = list
            .waiting
            .iter()
            .position(|waiting| waiting.id == self.id);
        let removed = at.map(|at| list.waiting.remove(at));
        drop(list);
        drop(removed);
    }
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.list().waiting.len();
        f.debug_struct("Replies")
            .field("waiting", &waiting)
            .finish()
    }
}
