//! `NetworkStatusChanged`: one watch of the system for all handlers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use udpair::{AdapterWatch, background};

use crate::error::Result;
use crate::foundation::{Delivery, EventToken, Handler, Handlers};

type StatusChanged = dyn FnMut() + Send;

static HANDLERS: Handlers<StatusChanged> = Handlers::new();

/// Whether a task watches the system for the handlers.
static IS_WATCHED: AtomicBool = AtomicBool::new(false);

pub(super) fn add(handler: impl FnMut() + Send + 'static) -> Result<EventToken> {
    let token = HANDLERS.add(Handler::new(handler));
    let is_watched = IS_WATCHED.swap(true, Ordering::SeqCst);
    if !is_watched && let Err(error) = start() {
        IS_WATCHED.store(false, Ordering::SeqCst);
        HANDLERS.remove(token);
        return Err(error);
    }
    Ok(token)
}

pub(super) fn remove(token: EventToken) {
    HANDLERS.remove(token);
}

/// Starts the task. Changes count from the return of this function on.
fn start() -> Result<()> {
    let (failed, failure) = mpsc::channel();
    // The watch is opened in the first poll, which happens inside this call.
    background::spawn(async move {
        match udpair::watch_adapters() {
            Ok(watch) => {
                drop(failed);
                raise_at_changes(watch).await;
            }
            Err(error) => drop(failed.send(error)),
        }
    })?;
    match failure.try_recv() {
        Ok(error) => Err(error.into()),
        Err(_) => Ok(()),
    }
}

/// Raises the event at each change, until a change finds no handler.
async fn raise_at_changes(mut watch: AdapterWatch) {
    let mut has_failed = false;
    loop {
        match watch.changed().await {
            Ok(_) => has_failed = false,
            Err(_) if has_failed => break,
            // What happened meanwhile is not known: that may be a change.
            Err(_) => match udpair::watch_adapters() {
                Ok(again) => {
                    watch = again;
                    has_failed = true;
                }
                Err(_) => break,
            },
        }
        background::call(None, || {
            Delivery::of(&HANDLERS).raise((), |handler, ()| handler());
        });
        if HANDLERS.is_empty() {
            IS_WATCHED.store(false, Ordering::SeqCst);
            // A handler that came in between has seen that the system is watched, or starts the next
            // task.
            if HANDLERS.is_empty() || IS_WATCHED.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }
    IS_WATCHED.store(false, Ordering::SeqCst);
}
