//! What identifies a file, and when it changed (stat(2)).

use std::fs::Metadata;
use std::os::linux::fs::MetadataExt;
use std::time::{Duration, SystemTime};

/// Returns the device of a file, and its number (inode) there.
pub(crate) fn file_identity(metadata: &Metadata) -> Option<(u64, u64)> {
    Some((metadata.st_dev(), metadata.st_ino()))
}

/// Returns when the content or the metadata of a file changed last (ctime).
pub(crate) fn file_changed(metadata: &Metadata) -> Option<SystemTime> {
    let seconds = u64::try_from(metadata.st_ctime()).ok()?;
    let nanoseconds = u32::try_from(metadata.st_ctime_nsec()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}
