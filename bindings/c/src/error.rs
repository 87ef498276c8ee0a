//! Errors as numbers, with a text for each thread.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use udpair_winrt::{Error, Result, SocketError, hresult};

use crate::owned::OwnedText;

/// What a function returns: 0, or the HRESULT of an error, which is negative.
pub type HResult = i32;

/// Calls `action`, and returns its error as a number. The text is kept for this thread. A panic is
/// the error `E_FAIL`.
pub(crate) fn guard(action: impl FnOnce() -> Result<()>) -> HResult {
    match panic::catch_unwind(AssertUnwindSafe(action)) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => fail(&error),
        Err(panic) => fail(&panicked(&*panic)),
    }
}

/// Calls `action` for its effect. A panic ends there; the panic hook has reported it.
pub(crate) fn contained<T: Default>(action: impl FnOnce() -> T) -> T {
    panic::catch_unwind(AssertUnwindSafe(action)).unwrap_or_default()
}

fn fail(error: &Error) -> HResult {
    // The thread may be ending.
    let _ = MESSAGE.try_with(|message| message.replace(error.to_string()));
    error.code()
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    Error::new(hresult::E_FAIL, format!("the library panicked: {text}"))
}

thread_local! {
    /// The text of the last error of this thread.
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Returns an argument that must not be NULL.
pub(crate) fn required<'a, T>(argument: Option<&'a T>, name: &str) -> Result<&'a T> {
    argument.ok_or_else(|| null(name))
}

/// Writes a result where the caller wants it.
pub(crate) fn put<T>(out: Option<&mut T>, value: T) -> Result<()> {
    *out.ok_or_else(|| null("the place for the result"))? = value;
    Ok(())
}

/// Returns the error of a pointer that is NULL.
#[cold]
pub(crate) fn null(name: &str) -> Error {
    Error::new(hresult::E_INVALIDARG, format!("{name} is NULL"))
}

/// Returns an error for an argument.
#[cold]
pub(crate) fn invalid(message: &str) -> Error {
    Error::new(hresult::E_INVALIDARG, message)
}

/// Writes the text of the last call that has failed on this thread to `message`, which the caller
/// frees with udpair_string_free. Later calls that succeed do not change it.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_error_message(message: Option<&mut OwnedText>) {
    if let Some(out) = message {
        *out = MESSAGE
            .try_with(|message| OwnedText::new(&message.borrow()))
            .unwrap_or_else(|_| OwnedText::new(""));
    }
}

/// Returns the SocketErrorStatus that an HRESULT stands for, 0 for every number that is none. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_error_status(code: HResult) -> i32 {
    SocketError::status(code) as i32
}
