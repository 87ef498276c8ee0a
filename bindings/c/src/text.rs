//! Text, bytes and arrays of the caller.

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

/// Returns an array of the caller, who promises that many elements until the call returns.
///
/// # Errors
///
/// `E_INVALIDARG`: there is none.
pub(crate) fn array<'a, T>(start: *const T, count: usize) -> Result<&'a [T]> {
    match (start.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null("the array")),
        // SAFETY: see above.
        (false, _) => Ok(unsafe { slice::from_raw_parts(start, count) }),
    }
}

/// Returns bytes of the caller to write to, who promises that many until the call returns.
///
/// # Errors
///
/// `E_INVALIDARG`: there are none.
pub(crate) fn place<'a>(start: *mut u8, length: usize) -> Result<&'a mut [u8]> {
    match (start.is_null(), length) {
        (_, 0) => Ok(&mut []),
        (true, _) => Err(null("the place for the bytes")),
        // SAFETY: see above.
        (false, _) => Ok(unsafe { slice::from_raw_parts_mut(start, length) }),
    }
}
