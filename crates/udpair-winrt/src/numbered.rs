//! Enumerations by their numbers, as bindings for other languages give them.
//!
//! Pure: no I/O and no clock.

use crate::error::{Error, Result};

/// Returns the value with this number. `values` are all values of an enumeration, in the order of
/// their numbers, which begin with 0. `what` names one of them for the error.
pub(crate) fn numbered<T: Copy>(values: &[T], number: i32, what: &str) -> Result<T> {
    let index = usize::try_from(number).ok();
    let value = index.and_then(|index| values.get(index));
    value
        .copied()
        .ok_or_else(|| Error::invalid_argument(format!("no {what} has the number {number}")))
}
