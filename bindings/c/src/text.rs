//! Text and bytes of the caller, and text for the caller.

use std::ffi::c_char;
use std::slice;
use std::str;

use udpair_winrt::{Error, Result, hresult};

use crate::error::null;

/// Text of the caller: UTF-8 with a length, so that NUL may be inside. It is only read during the
/// call. `data` may be NULL if `length` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    /// The first byte.
    pub data: *const c_char,
    /// The number of bytes.
    pub length: usize,
}

/// Bytes of the caller, which are only read during the call. `data` may be NULL if `length` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Span {
    /// The first byte.
    pub data: *const u8,
    /// The number of bytes.
    pub length: usize,
}

/// Text for the caller, which frees it with udpair_string_free: UTF-8, and a NUL after it that the
/// length does not count.
#[repr(C)]
pub struct OwnedText {
    /// The first byte, never NULL.
    pub data: *mut c_char,
    /// The number of bytes.
    pub length: usize,
}

impl Text {
    pub(crate) fn of_static(text: &'static str) -> Self {
        Self {
            data: text.as_ptr().cast(),
            length: text.len(),
        }
    }

    /// Returns the text.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there is none; `ERROR_NO_UNICODE_TRANSLATION`: it is not UTF-8.
    pub(crate) fn get(&self) -> Result<&str> {
        let bytes = Span {
            data: self.data.cast(),
            length: self.length,
        };
        // SAFETY: the bytes live as long as this text does.
        let bytes = unsafe { slice::from_raw_parts(bytes.start()?, self.length) };
        str::from_utf8(bytes).map_err(|error| {
            Error::new(
                hresult::ERROR_NO_UNICODE_TRANSLATION,
                format!("the text is not UTF-8: {error}"),
            )
        })
    }
}

impl Span {
    /// Returns the bytes.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there are none.
    pub(crate) fn get(&self) -> Result<&[u8]> {
        let start = self.start()?;
        // SAFETY: the caller promises that many bytes, until the call returns.
        Ok(unsafe { slice::from_raw_parts(start, self.length) })
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            data: bytes.as_ptr(),
            length: bytes.len(),
        }
    }

    /// Returns a pointer that is never NULL.
    fn start(&self) -> Result<*const u8> {
        match (self.data.is_null(), self.length) {
            (true, 0) => Ok(std::ptr::dangling()),
            (true, _) => Err(null("the text or bytes")),
            (false, _) if isize::try_from(self.length).is_err() => Err(Error::new(
                hresult::E_INVALIDARG,
                "the length is more than memory can hold",
            )),
            (false, _) => Ok(self.data),
        }
    }
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
