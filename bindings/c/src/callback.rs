//! Functions of the caller, each with a context.

use std::ffi::c_void;

use crate::error::guard;
use udpair_winrt::udpair::background;

/// Destroys the context of a callback. It is called exactly once, when the callback will not be
/// called any more: also if the function that was given the callback has failed. May be NULL.
pub type DestroyFn = Option<extern "C" fn(context: *mut c_void)>;

/// A function that is called on a thread of the library.
pub type RunFn = Option<extern "C" fn(context: *mut c_void)>;

/// A function of the caller and its context, which is destroyed with it.
pub(crate) struct Callback<F> {
    pub(crate) function: F,
    context: Context,
}

impl<F> Callback<F> {
    pub(crate) fn new(function: F, context: *mut c_void, destroy: DestroyFn) -> Self {
        let context = Context { context, destroy };
        Self { function, context }
    }

    pub(crate) fn context(&self) -> *mut c_void {
        self.context.context
    }
}

struct Context {
    context: *mut c_void,
    destroy: DestroyFn,
}

// SAFETY: the caller promises that the context may be used by, and destroyed on, any thread.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            destroy(self.context);
        }
    }
}

/// Calls `run` once on a thread of the library, where it may block for as long as it likes.
///
/// Errors: E_INVALIDARG if `run` is NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_run(run: RunFn, context: *mut c_void, destroy: DestroyFn) -> i32 {
    let callback = Callback::new(run, context, destroy);
    guard(|| {
        let run = crate::error::required(callback.function.as_ref(), "the function")?;
        let run = *run;
        background::run(move || run(callback.context()));
        Ok(())
    })
}
