//! `AsyncStatus`: how far an operation is.

use crate::error::{Error, Result};
use crate::numbered::numbered;

/// How far an operation is.
///
/// # Model
///
/// `Windows.Foundation.AsyncStatus`. The numeric values are fixed (GEN-04).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum AsyncStatus {
    /// The operation has started and not ended.
    Started = 0,
    /// The operation has a result.
    Completed = 1,
    /// The operation was cancelled.
    Canceled = 2,
    /// The operation has an error.
    Error = 3,
}

impl TryFrom<i32> for AsyncStatus {
    type Error = Error;

    /// Returns the status with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there is none.
    fn try_from(value: i32) -> Result<Self> {
        let all = [Self::Started, Self::Completed, Self::Canceled, Self::Error];
        numbered(&all, value, "status")
    }
}
