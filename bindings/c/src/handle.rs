//! References to objects: one manner for all types.
//!
//! An object of the ABI is the value inside an `Object`. The pointer that a program has leads to
//! the value, so that a function can take it as a reference; what counts the references is in front
//! of it.

use std::ffi::c_void;
use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

/// A value that a program can hold references to.
pub(crate) trait Handle: Sized + Send + Sync + 'static {
    /// Returns whether both are the same object of the model, although they may have been handed
    /// out separately.
    fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// What is in front of a value.
#[repr(C, align(16))]
struct Header {
    table: &'static Table,
}

/// What can be done with an object of any type.
struct Table {
    retain: unsafe fn(*const Header),
    release: unsafe fn(*const Header),
    is_same: unsafe fn(*const c_void, *const c_void) -> bool,
}

#[repr(C)]
pub(crate) struct Object<T> {
    header: Header,
    pub(crate) value: T,
}

impl<T: Handle> Object<T> {
    const TABLE: Table = Table {
        // SAFETY: the caller passes the header of an object of this type.
        retain: |header| unsafe { Arc::increment_strong_count(header.cast::<Self>()) },
        // SAFETY: as above; the reference is the caller's.
        release: |header| unsafe { Arc::decrement_strong_count(header.cast::<Self>()) },
        is_same: |one, other| {
            // SAFETY: the caller passes values of this type.
            let (one, other) = unsafe { (&*one.cast::<T>(), &*other.cast::<T>()) };
            one.is_same(other)
        },
    };

    /// Returns a new object, as a reference of Rust code.
    pub(crate) fn new(value: T) -> Arc<Self> {
        const { assert!(offset_of!(Self, value) == size_of::<Header>()) };
        let header = Header {
            table: &Self::TABLE,
        };
        Arc::new(Self { header, value })
    }

    /// Turns the reference into one of the program.
    pub(crate) fn into_raw(self: Arc<Self>) -> *mut T {
        let object = Arc::into_raw(self);
        // SAFETY: the value is a field of the live object.
        unsafe { (&raw const (*object).value).cast_mut() }
    }

    /// Returns the pointer that a program knows this object by, without a reference.
    pub(crate) fn as_ptr(self: &Arc<Self>) -> *const T {
        // SAFETY: the value is a field of the live object.
        unsafe { &raw const (*Arc::as_ptr(self)).value }
    }
}

/// Returns the value of an object that nobody else has a reference to. Cheaper than [`Arc::get_mut`].
pub(crate) fn unique<T: Handle>(object: &mut Arc<Object<T>>) -> Option<&mut T> {
    if Arc::strong_count(object) != 1 || Arc::weak_count(object) != 0 {
        return None;
    }
    // What others did before they released it is seen here.
    fence(Ordering::Acquire);
    let object = Arc::as_ptr(object).cast_mut();
    // SAFETY: this is the only reference, and it is borrowed mutably; so nobody can make another one.
    Some(unsafe { &mut (*object).value })
}

/// Returns a new object whose only reference is the program's.
pub(crate) fn give<T: Handle>(value: T) -> *mut T {
    Object::new(value).into_raw()
}

/// Returns a reference to the object that a program has passed; `None` if it is NULL.
pub(crate) fn shared<T: Handle>(value: *const T) -> Option<Arc<Object<T>>> {
    if value.is_null() {
        return None;
    }
    let object = header(value.cast()).cast::<Object<T>>();
    // SAFETY: the caller holds a reference to the object, and this is one more.
    unsafe {
        Arc::increment_strong_count(object);
        Some(Arc::from_raw(object))
    }
}

/// A reference to an object of any type, which it releases when it is dropped.
pub(crate) struct Any(*const c_void);

// SAFETY: every `Handle` is `Send` and `Sync`.
unsafe impl Send for Any {}
// SAFETY: as above.
unsafe impl Sync for Any {}

impl Any {
    pub(crate) fn new<T: Handle>(value: T) -> Self {
        Self::of(Object::new(value))
    }

    pub(crate) fn of<T: Handle>(object: Arc<Object<T>>) -> Self {
        Self(object.into_raw().cast_const().cast())
    }

    /// Returns one more reference, for the program.
    pub(crate) fn give(&self) -> *mut c_void {
        udpair_retain(self.0).cast_mut()
    }
}

impl Clone for Any {
    fn clone(&self) -> Self {
        Self(udpair_retain(self.0))
    }
}

impl Drop for Any {
    fn drop(&mut self) {
        udpair_release(self.0);
    }
}

fn header(object: *const c_void) -> *const Header {
    object
        .cast::<u8>()
        .wrapping_sub(size_of::<Header>())
        .cast::<Header>()
}

/// Adds a reference to an object of any type, and returns the object. NULL stays NULL. Any thread.
///
/// Each reference, the one that a function has returned too, is given up by udpair_release.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_retain(object: *const c_void) -> *const c_void {
    if !object.is_null() {
        let header = header(object);
        // SAFETY: the caller holds a reference to the object, which therefore has this header.
        unsafe { ((*header).table.retain)(header) };
    }
    object
}

/// Gives up a reference to an object of any type. The last one destroys the object: a socket is
/// closed. NULL is ignored. Any thread, callbacks too.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_release(object: *const c_void) {
    if !object.is_null() {
        let header = header(object);
        // SAFETY: the caller gives up its reference to the object, which therefore has this header.
        unsafe { ((*header).table.release)(header) };
    }
}

/// Returns whether two pointers are the same object: a socket that an event names is the one that
/// the handler was registered with, for example. The pointers may differ. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_is_same(one: *const c_void, other: *const c_void) -> bool {
    if one.is_null() || other.is_null() || std::ptr::eq(one, other) {
        return std::ptr::eq(one, other);
    }
    // SAFETY: the caller holds references to both objects, which therefore have headers.
    let (first, second) = unsafe { ((*header(one)).table, (*header(other)).table) };
    // SAFETY: both values have the type of the table.
    std::ptr::fn_addr_eq(first.is_same, second.is_same) && unsafe { (first.is_same)(one, other) }
}
