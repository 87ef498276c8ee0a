//! libuv: watches descriptors in the event loop of an environment.
//!
//! The functions are those of the running program, which is asked for them by name: a program without
//! libuv has none, and then [`Loop::of`] returns `None`.

#![allow(unsafe_code, reason = "calls of C, each with its argument")]

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::OnceLock;

use libloading::os::unix::Library;
use napi::Env;
use udpair_winrt::udpair::Descriptor;

/// `uv_loop_t`.
type RawLoop = c_void;
/// `uv_poll_t` and `uv_handle_t`.
type RawHandle = c_void;

/// The functions of libuv that are used here.
#[derive(Clone, Copy)]
struct Functions {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    set_data: unsafe extern "C" fn(*mut RawHandle, *mut c_void),
    get_data: unsafe extern "C" fn(*const RawHandle) -> *mut c_void,
    poll_init: unsafe extern "C" fn(*mut RawLoop, *mut RawHandle, c_int) -> c_int,
    poll_start: unsafe extern "C" fn(*mut RawHandle, c_int, OnReady) -> c_int,
    poll_stop: unsafe extern "C" fn(*mut RawHandle) -> c_int,
    close: unsafe extern "C" fn(*mut RawHandle, OnClosed),
    keep: unsafe extern "C" fn(*mut RawHandle),
    unkeep: unsafe extern "C" fn(*mut RawHandle),
}

type OnReady = unsafe extern "C" fn(*mut RawHandle, c_int, c_int);
type OnClosed = unsafe extern "C" fn(*mut RawHandle);

impl Functions {
    fn of_this_program() -> Option<Self> {
        static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
        *FUNCTIONS.get_or_init(Self::look_up)
    }

    fn look_up() -> Option<Self> {
        let program = Library::this();
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: the types above are those of uv.h, which has kept them since 1.19.
                *unsafe { program.get($name) }.ok()?
            };
        }
        Some(Self {
            handle_size: function!(b"uv_handle_size\0"),
            set_data: function!(b"uv_handle_set_data\0"),
            get_data: function!(b"uv_handle_get_data\0"),
            poll_init: function!(b"uv_poll_init\0"),
            poll_start: function!(b"uv_poll_start\0"),
            poll_stop: function!(b"uv_poll_stop\0"),
            close: function!(b"uv_close\0"),
            keep: function!(b"uv_ref\0"),
            unkeep: function!(b"uv_unref\0"),
        })
    }
}

/// The event loop of an environment. A clone is the same one.
#[derive(Clone)]
pub(crate) struct Loop(Rc<LoopState>);

struct LoopState {
    raw: *mut RawLoop,
    functions: Functions,
    /// How many handles the loop has not closed yet.
    open: Cell<usize>,
    /// What is called when it has closed all of them.
    at_end: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Loop {
    /// Returns the loop; `None` if the program has no libuv.
    pub(crate) fn of(env: &Env) -> Option<Self> {
        let functions = Functions::of_this_program()?;
        let raw = env.get_uv_event_loop().ok()?;
        Some(Self(Rc::new(LoopState {
            raw: raw.cast(),
            functions,
            open: Cell::new(0),
            at_end: RefCell::default(),
        })))
    }

    /// Calls `action` when all handles are closed, at once if there are none.
    pub(crate) fn at_end(&self, action: impl FnOnce() + 'static) {
        if self.0.open.get() == 0 {
            action();
        } else {
            *self.0.at_end.borrow_mut() = Some(Box::new(action));
        }
    }
}

/// A descriptor that the loop watches. Dropping it ends that, and closes the descriptor.
///
/// It keeps the loop running, unless [`set_keeps_running`](Self::set_keeps_running) says otherwise.
pub(crate) struct Poll {
    watch: NonNull<Watch>,
    lives_in: Loop,
    /// After `watch`, which is ended first.
    _descriptor: Descriptor,
}

/// What libuv has a pointer to. It is freed when libuv has closed the handle.
struct Watch {
    /// The `uv_poll_t`, with the alignment that any type of C has.
    handle: Box<[u128]>,
    on_ready: Box<dyn Fn()>,
    lives_in: Loop,
}

impl Poll {
    /// Watches a descriptor. `on_ready` is called in each turn of the loop in which there is something
    /// to read, also an error.
    pub(crate) fn new(
        lives_in: &Loop,
        descriptor: Descriptor,
        on_ready: impl Fn() + 'static,
    ) -> io::Result<Self> {
        let functions = lives_in.0.functions;
        // SAFETY: the number is that of a type of handle.
        let bytes = unsafe { (functions.handle_size)(UV_POLL) };
        let watch = Box::new(Watch {
            handle: vec![0; bytes.div_ceil(size_of::<u128>())].into(),
            on_ready: Box::new(on_ready),
            lives_in: lives_in.clone(),
        });
        let watch = NonNull::from(Box::leak(watch));
        let handle = handle(watch);
        // SAFETY: the loop is that of the environment that is running, and `handle` has the size that
        // libuv asks for. It does not move: the box stays until the handle is closed.
        let status = unsafe {
            let status = (functions.poll_init)(lives_in.0.raw, handle, descriptor.as_raw_fd());
            if status == 0 {
                (functions.set_data)(handle, watch.as_ptr().cast());
            }
            status
        };
        if status != 0 {
            // SAFETY: libuv has not taken the handle.
            drop(unsafe { Box::from_raw(watch.as_ptr()) });
            return Err(io::Error::from_raw_os_error(-status));
        }
        lives_in.0.open.set(lives_in.0.open.get() + 1);
        let poll = Self {
            watch,
            lives_in: lives_in.clone(),
            _descriptor: descriptor,
        };
        poll.resume();
        Ok(poll)
    }

    /// Watches again after [`pause`](Self::pause).
    pub(crate) fn resume(&self) {
        // SAFETY: the handle is open until this value is dropped.
        unsafe { (self.functions().poll_start)(handle(self.watch), UV_READABLE, ready) };
    }

    /// Does not watch for a while. A handle that does not watch does not keep the loop running.
    pub(crate) fn pause(&self) {
        // SAFETY: the handle is open until this value is dropped.
        unsafe { (self.functions().poll_stop)(handle(self.watch)) };
    }

    /// Sets whether this keeps the loop running.
    pub(crate) fn set_keeps_running(&self, keeps: bool) {
        let functions = self.functions();
        let function = if keeps {
            functions.keep
        } else {
            functions.unkeep
        };
        // SAFETY: the handle is open until this value is dropped.
        unsafe { function(handle(self.watch)) };
    }

    fn functions(&self) -> Functions {
        self.lives_in.0.functions
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and closed once. From here on libuv does not use the
        // descriptor, and calls nothing but `closed`.
        unsafe { (self.functions().close)(handle(self.watch), closed) };
    }
}

fn handle(watch: NonNull<Watch>) -> *mut RawHandle {
    // SAFETY: the watch exists until libuv has closed its handle, and nothing borrows it mutably.
    unsafe { (*watch.as_ptr()).handle.as_ptr().cast_mut().cast() }
}

/// Returns the watch that a handle belongs to.
///
/// # Safety
///
/// The handle is that of a watch, and open.
unsafe fn watch_of(handle: *mut RawHandle) -> *mut Watch {
    let functions = Functions::of_this_program().expect("they have made the handle");
    // SAFETY: the caller's.
    unsafe { (functions.get_data)(handle).cast() }
}

unsafe extern "C" fn ready(handle: *mut RawHandle, status: c_int, _events: c_int) {
    // SAFETY: `data` is the watch that `handle` belongs to, which exists until it is closed: also if
    // `on_ready` ends it, since libuv closes handles after their callbacks.
    unsafe {
        let watch = watch_of(handle);
        let functions = (&*watch).lives_in.0.functions;
        if status < 0 {
            // An error of the socket is to be read, like a datagram. libuv stops watching then.
            (functions.poll_start)(handle, UV_READABLE, ready);
        }
        ((*watch).on_ready)();
    }
}

unsafe extern "C" fn closed(handle: *mut RawHandle) {
    // SAFETY: as in `ready`; this is the last call for the handle.
    let watch = unsafe { Box::from_raw(watch_of(handle)) };
    let state = watch.lives_in.0.clone();
    drop(watch);
    state.open.set(state.open.get() - 1);
    if state.open.get() == 0 {
        let action = state.at_end.borrow_mut().take();
        action.into_iter().for_each(|action| action());
    }
}

/// `UV_POLL` of `uv_handle_type`, uv.h.
const UV_POLL: c_int = 8;

/// `UV_READABLE` of `uv_poll_event`, uv.h.
const UV_READABLE: c_int = 1;
