//! The index of the adapter with a given name (if_nametoindex(3)).

use std::ffi::CString;

/// Returns the index of the adapter called `name`; `None` if there is no such adapter.
pub(crate) fn adapter_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` ends in NUL and outlives the call.
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
