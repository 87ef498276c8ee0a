//! The mailbox of an environment: other threads leave letters, which its thread opens.

#![allow(unsafe_code, reason = "calls of C, each with its argument")]

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::Function;
use napi::{Env, JsValue, sys};

use crate::js;

/// What is done on the thread of the environment: the letter returns the arguments with which the
/// function of the mailbox is called.
pub(crate) type Letter =
    Box<dyn FnOnce(sys::napi_env) -> napi::Result<[sys::napi_value; ARGUMENTS]> + Send>;

/// With how many arguments a letter calls the function.
pub(crate) const ARGUMENTS: usize = 3;

/// Takes letters from any thread, until its environment ends.
pub(crate) struct Mailbox(Mutex<Option<Queue>>);

struct Queue(sys::napi_threadsafe_function);

// SAFETY: functions of this type may be called from any thread; the environment's own part, `ref` and
// `unref`, is called by methods that take an `Env`.
unsafe impl Send for Queue {}

impl Mailbox {
    /// Creates a mailbox whose letters call `function`. It does not keep the event loop running.
    pub(crate) fn new(env: &Env, function: &Function<'_>) -> napi::Result<Arc<Self>> {
        let name = js::value(env.raw(), "udpair")?;
        let mut queue = ptr::null_mut();
        // SAFETY: all handles come from the running call; `open` is called with what `post` sends.
        let status = unsafe {
            sys::napi_create_threadsafe_function(
                env.raw(),
                function.raw(),
                ptr::null_mut(),
                name,
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                Some(open),
                &raw mut queue,
            )
        };
        if status != sys::Status::napi_ok {
            return Err(napi::Error::from_status(status.into()));
        }
        // SAFETY: just created, on this thread.
        unsafe { sys::napi_unref_threadsafe_function(env.raw(), queue) };
        Ok(Arc::new(Self(Mutex::new(Some(Queue(queue))))))
    }

    /// Leaves a letter. It is dropped if the environment is ending.
    pub(crate) fn post(&self, letter: Letter) {
        let letter = Box::into_raw(Box::new(letter));
        let queue = self.queue();
        let status = queue.as_ref().map(|queue| {
            // SAFETY: the function exists until `close`, which waits for this lock. The queue has no
            // limit, so that the call does not block.
            unsafe {
                let mode = sys::ThreadsafeFunctionCallMode::nonblocking;
                sys::napi_call_threadsafe_function(queue.0, letter.cast(), mode)
            }
        });
        drop(queue);
        if status != Some(sys::Status::napi_ok) {
            // SAFETY: a letter that was not taken is still this function's.
            drop(unsafe { Box::from_raw(letter) });
        }
    }

    /// Lets the mailbox keep the event loop running, or not.
    pub(crate) fn hold(&self, env: &Env, holds: bool) {
        if let Some(queue) = &*self.queue() {
            // SAFETY: the function exists until `close`, and this is the thread of the environment.
            unsafe {
                if holds {
                    sys::napi_ref_threadsafe_function(env.raw(), queue.0);
                } else {
                    sys::napi_unref_threadsafe_function(env.raw(), queue.0);
                }
            }
        }
    }

    /// Takes no more letters.
    pub(crate) fn close(&self) {
        let queue = self.queue().take();
        if let Some(Queue(queue)) = queue {
            // SAFETY: it was taken out, so that nothing uses it after this.
            unsafe {
                let mode = sys::ThreadsafeFunctionReleaseMode::abort;
                sys::napi_release_threadsafe_function(queue, mode);
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Option<Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a letter, on the thread of the environment. Without an environment, which is ending then, the
/// letter is dropped.
unsafe extern "C" fn open(
    env: sys::napi_env,
    function: sys::napi_value,
    _context: *mut c_void,
    letter: *mut c_void,
) {
    // SAFETY: made by `post`, and given to this function once.
    let letter = unsafe { Box::from_raw(letter.cast::<Letter>()) };
    if env.is_null() || function.is_null() {
        return;
    }
    let Ok(arguments) = letter(env) else {
        // An exception cannot be made either: the environment is ending.
        return;
    };
    let (mut global, mut result) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: Node.js calls this function on the thread of the environment, inside a handle scope.
    unsafe {
        sys::napi_get_global(env, &raw mut global);
        let status = sys::napi_call_function(
            env,
            global,
            function,
            ARGUMENTS,
            arguments.as_ptr(),
            &raw mut result,
        );
        if status == sys::Status::napi_pending_exception {
            js::raise_pending(env);
        }
    }
}
