//! The number that goes with an adapter's name (if_nametoindex(3)).

use std::ffi::CString;

/// See [`system`](crate::system).
pub(crate) fn adapter_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` ends in NUL and lives until after the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_adapter_has_no_index() {
        assert_eq!(adapter_index("no-such-adapter"), None);
        assert_eq!(adapter_index("nul\0byte"), None);
    }
}
