//! Operations: work that has started, of any result.

use std::convert::Infallible;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use udpair_winrt::{self as winrt, AsyncStatus, Error, Result};

use crate::callback::{Callback, DestroyFn};
use crate::error::{HResult, contained, guard, invalid, null, put, required};
use crate::handle::{Any, Handle, give};
use crate::owned::OwnedText;
use crate::text::Text;

/// An operation that has started: connecting, or a write, for example. It goes on whether or not
/// anybody waits for it.
pub struct Operation(Box<dyn Operating>);

impl Handle for Operation {}

/// Called when an operation has ended. `status` is an AsyncStatus: 1 completed, 2 cancelled, 3 failed.
pub type CompletedFn = Option<extern "C" fn(context: *mut c_void, status: i32)>;

/// Called with the progress of an operation, in bytes.
pub type ProgressFn = Option<extern "C" fn(context: *mut c_void, progress: u32)>;

/// The result of an operation.
pub(crate) enum Value {
    None,
    Number(u32),
    Object(Option<Any>),
}

/// An operation whose result has any type.
trait Operating: Send + Sync {
    fn id(&self) -> u32;
    fn status(&self) -> AsyncStatus;
    fn error(&self) -> Option<Error>;
    fn cancel(&self);
    fn close(&self) -> Result<()>;
    fn wait(&self) -> Result<()>;
    fn results(&self) -> Result<Value>;
    fn when_ended(&self, callback: Ended);
    fn set_completed(&self, callback: Ended) -> Result<()>;
    fn set_progress(&self, callback: Box<dyn Fn(u32) + Send + Sync>) -> Result<()>;
}

type Ended = Box<dyn FnOnce(AsyncStatus) + Send>;

/// An operation, and how its result becomes a value.
struct With<T, P, F> {
    operation: winrt::Operation<T, P>,
    value: F,
}

impl<T, P, F> Operating for With<T, P, F>
where
    T: Clone + Send + Sync + 'static,
    P: Progress,
    F: Fn(T) -> Value + Send + Sync + 'static,
{
    fn id(&self) -> u32 {
        self.operation.id()
    }

    fn status(&self) -> AsyncStatus {
        self.operation.status()
    }

    fn error(&self) -> Option<Error> {
        self.operation.error()
    }

    fn cancel(&self) {
        self.operation.cancel();
    }

    fn close(&self) -> Result<()> {
        self.operation.close()
    }

    fn wait(&self) -> Result<()> {
        self.operation.get().map(drop)
    }

    fn results(&self) -> Result<Value> {
        self.operation.get_results().map(&self.value)
    }

    fn when_ended(&self, callback: Ended) {
        self.operation.when_ended(callback);
    }

    fn set_completed(&self, callback: Ended) -> Result<()> {
        self.operation
            .set_completed(move |_, status| callback(status))
    }

    fn set_progress(&self, callback: Box<dyn Fn(u32) + Send + Sync>) -> Result<()> {
        self.operation
            .set_progress(move |_, progress| callback(progress.number()))
    }
}

/// What an operation reports.
pub(crate) trait Progress: Send + 'static {
    fn number(self) -> u32;
}

impl Progress for u32 {
    fn number(self) -> u32 {
        self
    }
}

impl Progress for Infallible {
    fn number(self) -> u32 {
        match self {}
    }
}

/// Gives an operation to the caller, or returns the error with which the call was refused. A caller
/// that has no place for it leaves the operation alone.
pub(crate) fn started<T, P>(
    out: Option<&mut *mut Operation>,
    operation: winrt::Operation<T, P>,
    value: impl Fn(T) -> Value + Send + Sync + 'static,
) -> Result<()>
where
    T: Clone + Send + Sync + 'static,
    P: Progress,
{
    if let Some(error) = operation.refusal() {
        return Err(error);
    }
    if let Some(out) = out {
        *out = give(Operation(Box::new(With { operation, value })));
    }
    Ok(())
}

/// Gives an operation without a result to the caller.
pub(crate) fn acted(out: Option<&mut *mut Operation>, action: winrt::Action) -> Result<()> {
    started(out, action, |()| Value::None)
}

/// Returns a callback as what an operation calls.
fn ended(completed: CompletedFn, context: *mut c_void, destroy: DestroyFn) -> Result<Ended> {
    let callback = Callback::new(completed, context, destroy);
    let function = callback.function.ok_or_else(|| null("the function"))?;
    Ok(Box::new(move |status| {
        function(callback.context(), status as i32);
    }))
}

/// Returns the identifier of an operation. 0 if it is NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_id(operation: Option<&Operation>) -> u32 {
    operation.map_or(0, |operation| operation.0.id())
}

/// Returns how far an operation is: 0 started, 1 completed, 2 cancelled, 3 failed. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_status(operation: Option<&Operation>) -> i32 {
    operation.map_or(AsyncStatus::Error as i32, |operation| {
        operation.0.status() as i32
    })
}

/// Returns the HRESULT of the error with which an operation has ended; 0 if it has none, or has not
/// ended. udpair_error_message then has its text. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_error(operation: Option<&Operation>) -> HResult {
    guard(|| {
        required(operation, "the operation")?
            .0
            .error()
            .map_or(Ok(()), Err)
    })
}

/// Cancels an operation. It ends with the status 2, unless it has ended by itself. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_cancel(operation: Option<&Operation>) {
    contained(|| operation.into_iter().for_each(|it| it.0.cancel()));
}

/// Releases the result of an operation that has ended. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if it has not ended.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_close(operation: Option<&Operation>) -> HResult {
    guard(|| required(operation, "the operation")?.0.close())
}

/// Waits for an operation on the calling thread, and returns the error with which it has ended, or 0.
/// Any thread, also one that runs a callback.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_wait(operation: Option<&Operation>) -> HResult {
    guard(|| required(operation, "the operation")?.0.wait())
}

/// Sets the function that is called once when an operation has ended: at once if it has ended, and
/// otherwise on a thread of the library, where it may block. Any thread.
///
/// Errors: E_ILLEGAL_DELEGATE_ASSIGNMENT if one was set before, E_ILLEGAL_METHOD_CALL if the operation
/// was closed.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_set_completed(
    operation: Option<&Operation>,
    completed: CompletedFn,
    context: *mut c_void,
    destroy: DestroyFn,
) -> HResult {
    let callback = ended(completed, context, destroy);
    guard(|| {
        required(operation, "the operation")?
            .0
            .set_completed(callback?)
    })
}

/// Calls a function once when an operation has ended, on a thread of the library, where it may block.
/// Any number of functions may wait so, beside that of udpair_operation_set_completed. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_when_ended(
    operation: Option<&Operation>,
    completed: CompletedFn,
    context: *mut c_void,
    destroy: DestroyFn,
) -> HResult {
    let callback = ended(completed, context, destroy);
    guard(|| {
        required(operation, "the operation")?
            .0
            .when_ended(callback?);
        Ok(())
    })
}

/// Sets the function that is called with the progress of an operation, and replaces an earlier one.
/// The calls come one after another, on threads of the library, and may block. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the operation was closed.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_set_progress(
    operation: Option<&Operation>,
    progress: ProgressFn,
    context: *mut c_void,
    destroy: DestroyFn,
) -> HResult {
    let callback = Callback::new(progress, context, destroy);
    guard(|| {
        let function = callback.function.ok_or_else(|| null("the function"))?;
        let operation = required(operation, "the operation")?;
        operation
            .0
            .set_progress(Box::new(move |number| function(callback.context(), number)))
    })
}

/// Checks that an operation has completed. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if it has not ended or was closed, and the error with which it ended.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_results(operation: Option<&Operation>) -> HResult {
    guard(|| required(operation, "the operation")?.0.results().map(drop))
}

/// Writes the number that an operation has as its result: bytes that were read, loaded, written or
/// stored; 1 or 0 of a flush that has or has not succeeded. Any thread.
///
/// Errors: those of udpair_operation_results; E_INVALIDARG if the result is no number.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_result_number(
    operation: Option<&Operation>,
    number: Option<&mut u32>,
) -> HResult {
    guard(
        || match required(operation, "the operation")?.0.results()? {
            Value::Number(value) => put(number, value),
            _ => Err(invalid("the result of the operation is no number")),
        },
    )
}

/// Writes a new reference to the object that an operation has as its result, which is the caller's;
/// NULL if there is none. Any thread.
///
/// Errors: those of udpair_operation_results; E_INVALIDARG if the result is no object.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_result_object(
    operation: Option<&Operation>,
    object: Option<&mut *mut c_void>,
) -> HResult {
    guard(
        || match required(operation, "the operation")?.0.results()? {
            Value::Object(value) => {
                let reference = value.map_or(std::ptr::null_mut(), |value| value.give());
                put(object, reference)
            }
            _ => Err(invalid("the result of the operation is no object")),
        },
    )
}

/// The other end of an operation that the program itself performs.
pub struct Completer {
    /// `None` when the operation has ended.
    completing: Mutex<Option<winrt::Completer<(), u32>>>,
    cancelling: Arc<Mutex<Cancelling>>,
}

impl Handle for Completer {}

/// What is called when an operation is cancelled.
enum Cancelling {
    Unset,
    Set(Box<dyn FnOnce() + Send>),
    /// It has been cancelled.
    Over,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes an operation that the program performs, and what ends it. Both are the caller's. If the
/// last reference to the completer is released before, the operation ends with
/// ERROR_OPERATION_ABORTED. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_pending(
    operation: Option<&mut *mut Operation>,
    completer: Option<&mut *mut Completer>,
) -> HResult {
    guard(|| {
        let out = completer.ok_or_else(|| null("the place for the completer"))?;
        if operation.is_none() {
            return Err(null("the place for the operation"));
        }
        let (pending, completer) = winrt::ActionWithProgress::<u32>::pending();
        let cancelling = Arc::new(Mutex::new(Cancelling::Unset));
        let slot = cancelling.clone();
        completer.on_cancel(move || {
            let former = std::mem::replace(&mut *locked(&slot), Cancelling::Over);
            if let Cancelling::Set(callback) = former {
                callback();
            }
        });
        started(operation, pending, |()| Value::None)?;
        *out = give(Completer {
            completing: Mutex::new(Some(completer)),
            cancelling,
        });
        Ok(())
    })
}

/// Ends the operation of a completer: `code` is 0, or an HRESULT with its text. Later calls are
/// ignored. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_completer_complete(
    completer: Option<&Completer>,
    code: HResult,
    message: Text,
) {
    contained(|| {
        let Some(completer) = completer else { return };
        // Its handlers run while nothing is locked.
        let taken = locked(&completer.completing).take();
        if let Some(taken) = taken {
            taken.complete(match code {
                0.. => Ok(()),
                _ => Err(Error::new(code, message.get().unwrap_or_default())),
            });
        }
    });
}

/// Sets the function that is called when the operation of a completer is cancelled, before it ends;
/// at once if that has happened. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_completer_on_cancel(
    completer: Option<&Completer>,
    cancelled: crate::callback::RunFn,
    context: *mut c_void,
    destroy: DestroyFn,
) -> HResult {
    let callback = Callback::new(cancelled, context, destroy);
    guard(|| {
        let function = callback.function.ok_or_else(|| null("the function"))?;
        let completer = required(completer, "the completer")?;
        let callback = Box::new(move || function(callback.context()));
        let mut cancelling = locked(&completer.cancelling);
        if matches!(*cancelling, Cancelling::Over) {
            drop(cancelling);
            callback();
            return Ok(());
        }
        let former = std::mem::replace(&mut *cancelling, Cancelling::Set(callback));
        // The context of the former one is destroyed while nothing is locked.
        drop(cancelling);
        drop(former);
        Ok(())
    })
}

/// Writes the text of the error with which an operation has ended to `message`, which the caller
/// frees with udpair_string_free; empty if there is none. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_operation_error_message(
    operation: Option<&Operation>,
    message: Option<&mut OwnedText>,
) {
    contained(|| {
        let error = operation.and_then(|operation| operation.0.error());
        let text = error.map_or_else(String::new, |error| error.to_string());
        if let Some(out) = message {
            *out = OwnedText::new(&text);
        }
    });
}
