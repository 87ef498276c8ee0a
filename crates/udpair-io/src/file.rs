//! Whether a file is still the one that was read, and whether it has changed since.
//!
//! The time stamp and the length of a file do not tell: a program may write another text of the
//! same length and restore the time, and another file may take the place of the first. So a stamp
//! also has the file's identity, and the time of its last change, which no program can set.

use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use crate::system;

/// The identity and the state of a file at one moment.
///
/// Two stamps are equal if they are of the same file and nothing has changed it in between. What is
/// read from a pipe does not change the pipe's stamp.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileStamp {
    /// The device and the number of the file on it; `None` where the system has no such numbers.
    identity: Option<(u64, u64)>,
    /// `None` for a file that is not a regular one: a pipe's times change with every read.
    state: Option<State>,
}

/// The state of a regular file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
    /// When the content, the name or the permissions changed last. Only the system sets it.
    changed: Option<SystemTime>,
}

impl FileStamp {
    /// Returns the stamp of the file with this metadata.
    pub fn of(metadata: &Metadata) -> Self {
        let state = || State {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            changed: system::file_changed(metadata),
        };
        Self {
            identity: system::file_identity(metadata),
            state: metadata.is_file().then(state),
        }
    }

    /// Returns whether a change of the file after `now` is sure to give it another stamp.
    ///
    /// File systems count time in steps. A file that is changed twice within one step may have the
    /// same stamp both times.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let changed = self
            .state
            .and_then(|state| state.changed.or(state.modified));
        let Some(changed) = changed else {
            return true;
        };
        // Of a time in the future nothing is known: the clocks differ.
        now.duration_since(changed)
            .is_ok_and(|age| age > TIME_STEP_MAX)
    }
}

/// Twice the longest step in which Linux counts the time of a file (a tick at 100 Hz).
const TIME_STEP_MAX: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::PathBuf;

    use super::*;

    /// A file in a folder of its own, which is removed when the value is dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("udpair-io-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        fn stamp(&self) -> FileStamp {
            FileStamp::of(&fs::metadata(self.path("file")).unwrap())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Gives a file the time stamp of another one.
    fn copy_time(from: &PathBuf, to: &PathBuf) {
        let modified = fs::metadata(from).unwrap().modified().unwrap();
        let file = File::options().write(true).open(to).unwrap();
        file.set_modified(modified).unwrap();
    }

    fn assert_only_length_and_time_are_the_same(before: FileStamp, after: FileStamp) {
        assert_eq!(
            before.state.map(|state| (state.length, state.modified)),
            after.state.map(|state| (state.length, state.modified))
        );
        assert_ne!(before, after);
    }

    #[test]
    fn a_file_that_takes_the_place_of_another_has_another_stamp() {
        let folder = Folder::new("replaced");
        fs::write(folder.path("file"), "one").unwrap();
        let before = folder.stamp();
        assert_eq!(before, folder.stamp());
        fs::write(folder.path("other"), "two").unwrap();
        copy_time(&folder.path("file"), &folder.path("other"));
        fs::rename(folder.path("other"), folder.path("file")).unwrap();
        assert_only_length_and_time_are_the_same(before, folder.stamp());
    }

    #[test]
    fn a_file_whose_time_stamp_was_restored_has_another_stamp() {
        let folder = Folder::new("restored");
        fs::write(folder.path("file"), "one").unwrap();
        fs::write(folder.path("time"), "").unwrap();
        copy_time(&folder.path("file"), &folder.path("time"));
        let mut before = folder.stamp();
        // A stamp of which a later change is known to be seen. Nothing but time can settle it.
        while !before.is_settled(SystemTime::now()) {
            before = folder.stamp();
        }
        fs::write(folder.path("file"), "two").unwrap();
        copy_time(&folder.path("time"), &folder.path("file"));
        assert_only_length_and_time_are_the_same(before, folder.stamp());
    }

    #[test]
    fn a_stamp_settles_when_the_file_system_has_counted_on() {
        let folder = Folder::new("settled");
        fs::write(folder.path("file"), "one").unwrap();
        let stamp = folder.stamp();
        let state = stamp.state.unwrap();
        let changed = state.changed.or(state.modified).unwrap();
        for (after_change, is_settled) in [(0, false), (10, false), (21, true), (5000, true)] {
            let now = changed + Duration::from_millis(after_change);
            assert_eq!(stamp.is_settled(now), is_settled, "{after_change} ms");
        }
        let before_change = changed - Duration::from_secs(3600);
        assert!(!stamp.is_settled(before_change), "a clock that is behind");
        // Nothing changes a device or a pipe.
        let null = FileStamp::of(&fs::metadata("/dev/null").unwrap());
        assert!(null.is_settled(SystemTime::now()));
    }
}
