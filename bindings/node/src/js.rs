//! Calls of JavaScript for which the binding library has no safe form.

#![allow(unsafe_code, reason = "calls of C, each with its argument")]

use std::ffi::c_void;
use std::ptr;

use bytes::Bytes;
use napi::bindgen_prelude::{
    Array, FromNapiValue, Function, ToNapiValue, Uint8ArraySlice, Unknown,
};
use napi::{Env, JsValue, sys};

/// A function of JavaScript that is kept.
pub(crate) struct Callback {
    env: sys::napi_env,
    reference: sys::napi_ref,
}

impl Callback {
    /// Keeps a function. `None` if the environment is ending.
    pub(crate) fn new(env: &Env, function: &Function<'_>) -> Option<Self> {
        let mut reference = ptr::null_mut();
        // SAFETY: both handles come from the running call into this module.
        let status =
            unsafe { sys::napi_create_reference(env.raw(), function.raw(), 1, &raw mut reference) };
        (status == sys::Status::napi_ok).then(|| Self {
            env: env.raw(),
            reference,
        })
    }

    /// Calls the function from the event loop with two numbers, and lets microtasks run after it. What it
    /// throws goes to `uncaughtException`. Does nothing while the environment is ending.
    pub(crate) fn call(&self, numbers: [u32; 2]) {
        // SAFETY: callbacks of libuv run on the thread of the environment, which exists until its
        // clean-up hooks have run; these end all callbacks. Every handle is used inside its scope.
        unsafe {
            let mut scope = ptr::null_mut();
            if sys::napi_open_handle_scope(self.env, &raw mut scope) != sys::Status::napi_ok {
                return;
            }
            self.call_in_scope(numbers);
            sys::napi_close_handle_scope(self.env, scope);
        }
    }

    /// # Safety
    ///
    /// A handle scope is open on the thread of the environment.
    unsafe fn call_in_scope(&self, numbers: [u32; 2]) {
        let (mut function, mut global, mut result) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        let mut arguments = [ptr::null_mut(); 2];
        // SAFETY: the caller's.
        let status = unsafe {
            sys::napi_get_reference_value(self.env, self.reference, &raw mut function);
            sys::napi_get_global(self.env, &raw mut global);
            for (argument, number) in arguments.iter_mut().zip(numbers) {
                sys::napi_create_uint32(self.env, number, argument);
            }
            sys::napi_make_callback(
                self.env,
                ptr::null_mut(),
                global,
                function,
                arguments.len(),
                arguments.as_ptr(),
                &raw mut result,
            )
        };
        if status == sys::Status::napi_pending_exception {
            // SAFETY: the caller's.
            unsafe { raise_pending(self.env) };
        }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        // SAFETY: the reference was made by `new`, and is deleted once, on the thread of its
        // environment: this type is not `Send`.
        unsafe { sys::napi_delete_reference(self.env, self.reference) };
    }
}

/// Takes the exception that is pending, and gives it to `uncaughtException`.
///
/// # Safety
///
/// `env` is an environment whose thread this is.
pub(crate) unsafe fn raise_pending(env: sys::napi_env) {
    let mut exception = ptr::null_mut();
    // SAFETY: the caller's.
    unsafe {
        if sys::napi_get_and_clear_last_exception(env, &raw mut exception) == sys::Status::napi_ok {
            sys::napi_fatal_exception(env, exception);
        }
    }
}

/// Gives an error to `uncaughtException`.
pub(crate) fn raise(env: &Env, error: &Unknown<'_>) {
    // SAFETY: both handles come from the running call into this module.
    unsafe { sys::napi_fatal_exception(env.raw(), error.raw()) };
}

/// Returns an `ArrayBuffer` of these bytes, which are not copied. Gives them back where such buffers
/// are refused, as in Electron.
fn external<'env>(env: &Env, bytes: Bytes) -> Result<Unknown<'env>, Bytes> {
    unsafe extern "C" fn release(_: sys::napi_env, _: *mut c_void, hint: *mut c_void) {
        // SAFETY: made by `Box::into_raw` below, and released once.
        drop(unsafe { Box::from_raw(hint.cast::<Bytes>()) });
    }

    let owner = Box::into_raw(Box::new(bytes));
    let mut buffer = ptr::null_mut();
    // SAFETY: the bytes live, and do not move, until `release` is called. Datagrams that were received
    // are this module's alone: nothing else reads what JavaScript may write.
    let status = unsafe {
        sys::napi_create_external_arraybuffer(
            env.raw(),
            (*owner).as_ptr().cast_mut().cast(),
            (*owner).len(),
            Some(release),
            owner.cast(),
            &raw mut buffer,
        )
    };
    if status != sys::Status::napi_ok {
        // SAFETY: a call that fails does not release the bytes.
        return Err(*unsafe { Box::from_raw(owner) });
    }
    // SAFETY: a handle of the running call.
    unsafe { Unknown::from_napi_value(env.raw(), buffer) }.map_err(|_| Bytes::new())
}

/// A value of JavaScript, made by the thread of its environment.
pub(crate) fn value<T: ToNapiValue>(env: sys::napi_env, value: T) -> napi::Result<sys::napi_value> {
    // SAFETY: `env` is that of a call that is running.
    unsafe { T::to_napi_value(env, value) }
}

/// Calls `action` when the environment is about to end. The environment waits until `action` has called
/// what it is given.
pub(crate) fn before_end(
    env: &Env,
    action: impl FnOnce(Box<dyn FnOnce()>) + 'static,
) -> napi::Result<()> {
    type Action = Box<dyn FnOnce(Box<dyn FnOnce()>)>;

    unsafe extern "C" fn end(handle: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
        // SAFETY: made by `Box::into_raw` below. Node.js calls a hook once.
        let action = unsafe { Box::from_raw(data.cast::<Action>()) };
        action(Box::new(move || {
            // SAFETY: the handle is that of this hook, which is removed once.
            unsafe { sys::napi_remove_async_cleanup_hook(handle) };
        }));
    }

    let action: Action = Box::new(action);
    let data = Box::into_raw(Box::new(action));
    // SAFETY: the environment is that of the running call, and the data live until `end`.
    let status = unsafe {
        sys::napi_add_async_cleanup_hook(env.raw(), Some(end), data.cast(), ptr::null_mut())
    };
    if status != sys::Status::napi_ok {
        // SAFETY: a hook that was not added does not own the data.
        drop(unsafe { Box::from_raw(data) });
        return Err(napi::Error::from_status(status.into()));
    }
    Ok(())
}

/// A block of memory of JavaScript that is kept, and an array for buffers that have memory of their own.
pub(crate) struct Memory {
    env: sys::napi_env,
    block: sys::napi_ref,
    externals: sys::napi_ref,
    start: *mut u8,
    length: usize,
    external_count: u32,
}

impl Memory {
    pub(crate) fn new(
        env: &Env,
        block: &mut Uint8ArraySlice<'_>,
        externals: &Array<'_>,
    ) -> napi::Result<Self> {
        let length = block.len();
        let start = bytes_mut(block).as_mut_ptr();
        let reference = |value: sys::napi_value| {
            let mut reference = ptr::null_mut();
            // SAFETY: a handle of the running call.
            let status =
                unsafe { sys::napi_create_reference(env.raw(), value, 1, &raw mut reference) };
            match status {
                sys::Status::napi_ok => Ok(reference),
                other => Err(napi::Error::from_status(other.into())),
            }
        };
        Ok(Self {
            env: env.raw(),
            block: reference(block.raw())?,
            externals: reference(externals.raw())?,
            start,
            length,
            external_count: 0,
        })
    }

    /// The bytes of the block.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the reference keeps the block, whose memory does not move. JavaScript runs on this
        // thread, and reads it only while nothing here borrows it.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.length) }
    }

    /// Adds a buffer that has memory of its own, and returns its number in the array. Gives the bytes
    /// back where such buffers are refused, as in Electron.
    pub(crate) fn add_external(&mut self, bytes: Bytes) -> Result<u32, Bytes> {
        let kept = bytes.clone();
        let env = Env::from_raw(self.env);
        let (mut scope, mut array) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: this is the thread of the environment, which has not ended.
        if unsafe { sys::napi_open_handle_scope(self.env, &raw mut scope) } != sys::Status::napi_ok
        {
            return Err(kept);
        }
        let number = self.external_count;
        let added = external(&env, bytes).ok().is_some_and(|buffer| {
            // SAFETY: the same; the handles are used inside the scope.
            unsafe {
                sys::napi_get_reference_value(self.env, self.externals, &raw mut array);
                sys::napi_set_element(self.env, array, number, buffer.raw()) == sys::Status::napi_ok
            }
        });
        // SAFETY: opened above.
        unsafe { sys::napi_close_handle_scope(self.env, scope) };
        if !added {
            return Err(kept);
        }
        self.external_count += 1;
        Ok(number)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and deleted once, on the thread of the environment.
        unsafe {
            sys::napi_delete_reference(self.env, self.block);
            sys::napi_delete_reference(self.env, self.externals);
        }
    }
}

/// What a [`writer`] calls.
type Write = Box<dyn Fn(&Env, &[u8]) -> napi::Result<bool>>;

/// Returns a function of JavaScript that calls `write` with the bytes of its argument, an
/// `Uint8Array`. It costs less than a method of a class, and sends are many.
pub(crate) fn writer<'env>(
    env: &'env Env,
    write: impl Fn(&Env, &[u8]) -> napi::Result<bool> + 'static,
) -> napi::Result<Unknown<'env>> {
    unsafe extern "C" fn call(
        env: sys::napi_env,
        info: sys::napi_callback_info,
    ) -> sys::napi_value {
        let (mut count, mut argument, mut data) = (1, ptr::null_mut(), ptr::null_mut());
        let (mut length, mut bytes, mut result) = (0, ptr::null_mut(), ptr::null_mut());
        // SAFETY: Node.js calls this with the environment and the arguments of a running call. The
        // bytes stay while it runs: JavaScript waits.
        unsafe {
            sys::napi_get_cb_info(
                env,
                info,
                &raw mut count,
                &raw mut argument,
                ptr::null_mut(),
                &raw mut data,
            );
            let status = sys::napi_get_typedarray_info(
                env,
                argument,
                ptr::null_mut(),
                &raw mut length,
                &raw mut bytes,
                ptr::null_mut(),
                ptr::null_mut(),
            );
            if status != sys::Status::napi_ok {
                let text = c"a payload has to be a Uint8Array";
                sys::napi_throw_type_error(env, ptr::null(), text.as_ptr());
                return ptr::null_mut();
            }
            let payload = if length == 0 {
                &[]
            } else {
                std::slice::from_raw_parts(bytes.cast::<u8>(), length)
            };
            let write = &*data.cast::<Write>();
            match write(&Env::from_raw(env), payload) {
                Ok(is_written) => {
                    sys::napi_get_boolean(env, is_written, &raw mut result);
                }
                Err(error) => napi::JsError::from(error).throw_into(env),
            }
        }
        result
    }

    unsafe extern "C" fn release(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
        // SAFETY: made by `Box::into_raw` below, and released once.
        drop(unsafe { Box::from_raw(data.cast::<Write>()) });
    }

    let write: Write = Box::new(write);
    let data = Box::into_raw(Box::new(write));
    let mut function = ptr::null_mut();
    // SAFETY: the data live until `release`, which is called when the function is collected.
    let status = unsafe {
        let status = sys::napi_create_function(
            env.raw(),
            ptr::null(),
            0,
            Some(call),
            data.cast(),
            &raw mut function,
        );
        if status == sys::Status::napi_ok {
            sys::napi_add_finalizer(
                env.raw(),
                function,
                data.cast(),
                Some(release),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        } else {
            status
        }
    };
    if status != sys::Status::napi_ok {
        // SAFETY: nothing else has the data.
        drop(unsafe { Box::from_raw(data) });
        return Err(napi::Error::from_status(status.into()));
    }
    // SAFETY: a handle of the running call.
    unsafe { Unknown::from_napi_value(env.raw(), function) }
}

/// Returns the bytes of an array that JavaScript has given to a call.
pub(crate) fn bytes_mut<'a>(array: &'a mut Uint8ArraySlice<'_>) -> &'a mut [u8] {
    // SAFETY: JavaScript is waiting for the call, and nothing else reads or writes the array: each
    // caller has only this one.
    unsafe { array.as_mut() }
}
