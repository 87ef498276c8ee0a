//! Operations: work that has started, and that anything can wait for.
//!
//! An [`Operation`] is the state that its handles share (`operation.rs`). Two things end it: a future
//! that runs somewhere (`work.rs`), or a [`Completer`] that its owner keeps (`completer.rs`). It can
//! be awaited and waited for (`awaiting.rs`), and another operation can follow from it
//! (`following.rs`). Handlers run on threads of their own (`handlers.rs`).

mod awaiting;
mod completer;
mod following;
pub(crate) mod handlers;
mod operation;
mod status;
mod work;

pub use awaiting::OperationFuture;
pub use completer::Completer;
pub use operation::{Action, ActionWithProgress, Operation, OperationWithProgress};
pub use status::AsyncStatus;
pub use work::{Reporter, Task};
