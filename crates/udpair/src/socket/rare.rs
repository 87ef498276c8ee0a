//! What most sockets never have. It costs the others eight bytes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::replies::Replies;
use super::settings::Settings;
use crate::driver::{Task, Waiters};

/// What most sockets never have.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// Tasks waiting for an opening to finish, or for the socket to be closed.
    pub(crate) opening_waiters: Waiters,
    /// The requests that wait for replies.
    pub(crate) replies: Replies,
    /// The task that ties the socket to its adapters again when they come back.
    pub(crate) follower: Follower,
    /// The settings with what was set since the socket was created; `None` if nothing was.
    changed: Mutex<Option<Arc<Settings>>>,
}

/// A task that follows the network for one socket.
#[derive(Debug, Default)]
pub(crate) struct Follower(Mutex<Option<Task>>);

impl Rare {
    pub(crate) fn changed(&self) -> MutexGuard<'_, Option<Arc<Settings>>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// Returns whether the task exists and has not ended.
    pub(crate) fn is_running(&self) -> bool {
        self.task().as_ref().is_some_and(Task::is_running)
    }

    /// Replaces the task.
    pub(crate) fn set(&self, task: Task) {
        let former = self.task().replace(task);
        drop(former);
    }

    /// Ends the task if nothing needs it.
    pub(crate) fn stop_unless(&self, is_needed: impl FnOnce() -> bool) {
        let mut task = self.task();
        // Called under the lock: a caller that begins to need the task checks next whether it runs.
        let former = (!is_needed()).then(|| task.take());
        drop(task);
        drop(former);
    }

    fn task(&self) -> MutexGuard<'_, Option<Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
