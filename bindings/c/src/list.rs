//! Lists of objects.

use std::ffi::c_void;

use crate::handle::{Any, Handle};

/// Host names, endpoint pairs or adapters, in an order. It never changes.
pub struct List(Vec<Any>);

impl Handle for List {}

impl List {
    pub(crate) fn of<T: Handle>(items: impl IntoIterator<Item = T>) -> Self {
        Self(items.into_iter().map(Any::new).collect())
    }
}

/// Returns the number of items; 0 if the list is NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_list_length(list: Option<&List>) -> usize {
    list.map_or(0, |list| list.0.len())
}

/// Returns a new reference to an item, which is the caller's: a udpair_host_name, a
/// udpair_endpoint_pair or a udpair_adapter, as the list has them. NULL if there is none. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_list_get(list: Option<&List>, index: usize) -> *mut c_void {
    let item = list.and_then(|list| list.0.get(index));
    item.map_or(std::ptr::null_mut(), Any::give)
}
