//! `NetworkStatusChanged`: one watch of the system for all handlers, as long as there are any.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::task::Poll;

use udpair::{AdapterWatch, background};

use crate::error::Result;
use crate::foundation::{Action, Completer, Delivery, EventToken, Handler, Handlers};

type StatusChanged = dyn FnMut() + Send;

static HANDLERS: Handlers<StatusChanged> = Handlers::new();

/// The watch under way. It ends with this value.
static WATCH: Mutex<Option<Watch>> = Mutex::new(None);

struct Watch {
    /// Ends when the watch is to end.
    end: Action,
    _ends: Completer<()>,
}

pub(super) fn add(handler: impl FnMut() + Send + 'static) -> Result<EventToken> {
    let token = HANDLERS.add(Handler::new(handler));
    let end = {
        let mut watch = watch();
        if watch.is_some() {
            return Ok(token);
        }
        let (end, ends) = Action::pending();
        *watch = Some(Watch {
            end: end.clone(),
            _ends: ends,
        });
        end
    };
    if let Err(error) = start(end.clone()) {
        forget(&end);
        HANDLERS.remove(token);
        return Err(error);
    }
    Ok(token)
}

pub(super) fn remove(token: EventToken) {
    HANDLERS.remove(token);
    let ended = {
        let mut watch = watch();
        // A handler that comes after this check starts a watch of its own.
        if HANDLERS.is_empty() {
            watch.take()
        } else {
            None
        }
    };
    drop(ended);
}

/// Starts a watch. Changes count from the return of this function on.
fn start(end: Action) -> Result<()> {
    let (failed, failure) = mpsc::channel();
    // The watch is opened in the first poll, which happens inside this call.
    background::spawn(async move {
        match udpair::watch_adapters() {
            Ok(watch) => {
                drop(failed);
                raise_at_changes(watch, &end).await;
                forget(&end);
            }
            Err(error) => drop(failed.send(error)),
        }
    })?;
    match failure.try_recv() {
        Ok(error) => Err(error.into()),
        Err(_) => Ok(()),
    }
}

/// Raises the event at each change, until `end` or until the system does not report changes any more.
async fn raise_at_changes(mut watch: AdapterWatch, end: &Action) {
    let mut end = end.into_future();
    let mut has_failed = false;
    loop {
        let changed = {
            let mut changed = pin!(watch.changed());
            poll_fn(|cx| match Pin::new(&mut end).poll(cx) {
                Poll::Ready(_) => Poll::Ready(None),
                Poll::Pending => changed.as_mut().poll(cx).map(Some),
            })
            .await
        };
        match changed {
            None => return,
            Some(Ok(_)) => has_failed = false,
            Some(Err(_)) if has_failed => return,
            // What happened meanwhile is not known: that may be a change.
            Some(Err(_)) => match udpair::watch_adapters() {
                Ok(again) => {
                    watch = again;
                    has_failed = true;
                }
                Err(_) => return,
            },
        }
        background::call(None, || {
            Delivery::of(&HANDLERS).raise((), |handler, ()| handler());
        });
    }
}

/// Forgets a watch that has ended, so that the next handler starts another one.
fn forget(end: &Action) {
    let ended = watch().take_if(|watch| watch.end.id() == end.id());
    drop(ended);
}

fn watch() -> MutexGuard<'static, Option<Watch>> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}
