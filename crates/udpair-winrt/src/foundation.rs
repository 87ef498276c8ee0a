//! Operations: work that has started, and that anything can wait for.
//!
//! An [`Operation`] is the state that its handles share (`operation.rs`). Two things end it: a future
//! that runs somewhere (`work.rs`), or a [`Completer`] that its owner keeps (`completer.rs`). It can
//! be awaited and waited for (`awaiting.rs`), and another operation can follow from it
//! (`following.rs`). An object can keep the list of those that it has to wait for (`pending.rs`).
//! Handlers run on threads of their own (`handlers.rs`); those of an event are a list (`event.rs`).

mod awaiting;
mod completer;
mod event;
mod following;
pub(crate) mod handlers;
mod operation;
mod pending;
mod status;
mod work;

pub use awaiting::OperationFuture;
pub use completer::Completer;
pub use event::EventToken;
pub(crate) use event::{Delivery, Handler, Handlers};
pub use operation::{Action, ActionWithProgress, Operation, OperationWithProgress};
pub(crate) use pending::Pending;
pub use status::AsyncStatus;
pub use work::{Reporter, Task};
