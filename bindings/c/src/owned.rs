//! Text for the caller.

use std::ffi::c_char;

/// Text for the caller, which frees it with udpair_string_free: UTF-8, and a NUL after it that the
/// length does not count.
#[repr(C)]
pub struct OwnedText {
    /// The first byte, never NULL.
    pub data: *mut c_char,
    /// The number of bytes.
    pub length: usize,
}

impl OwnedText {
    pub(crate) fn new(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        let bytes = Box::into_raw(bytes.into_boxed_slice());
        Self {
            data: bytes.cast(),
            length: text.len(),
        }
    }
}

/// Frees text that a function has given. A text without data is ignored. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_string_free(text: OwnedText) {
    if !text.data.is_null() {
        let bytes = std::ptr::slice_from_raw_parts_mut(text.data.cast::<u8>(), text.length + 1);
        // SAFETY: `new` has made this box, and the caller gives it back.
        drop(unsafe { Box::from_raw(bytes) });
    }
}
