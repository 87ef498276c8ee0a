//! The text files that names are looked up in: services, hosts, and the list of name servers.
//!
//! Only a file that does not exist is a missing file. A file that cannot be read is an error, or
//! its last good content: a lookup that went on without it would find another port or query another
//! server, and nobody would notice. A file is read again after it has changed or was replaced.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use udpair_io::{Cause, FileStamp};

use super::duration::HumanDuration;
use crate::driver::{self, Detached};
use crate::error::{Error, ErrorKind};

/// A parsed text file, which is read again after it has changed; or a text that replaces a file.
#[derive(Debug)]
pub(super) struct TextFile<T> {
    path: PathBuf,
    origin: Origin<T>,
    parse: fn(&str) -> T,
    state: Arc<Mutex<State<T>>>,
}

/// Where the content of a [`TextFile`] comes from.
#[derive(Debug)]
enum Origin<T> {
    /// A file of the system, which may be missing.
    Optional,
    /// A file given by the caller, which must exist.
    Required,
    /// A text given by the caller.
    Text(Arc<T>),
}

/// What is known of a file.
#[derive(Debug)]
struct State<T> {
    /// The content as it was last read; `None` before that, and if the file does not exist.
    known: Option<Known<T>>,
    /// The reads under way, each of one state of the file.
    reads: Vec<(FileStamp, Detached<ReadResult<T>>)>,
}

/// The content of a file, as it was in one state.
#[derive(Debug)]
struct Known<T> {
    stamp: FileStamp,
    /// Whether every change of the file since then shows in its stamp.
    is_settled: bool,
    content: Arc<T>,
}

type ReadResult<T> = Result<Arc<T>, Arc<io::Error>>;

/// The content of a [`TextFile`].
#[derive(Debug)]
pub(super) struct Content<T> {
    /// `None` if the file is one of the system and does not exist.
    pub(super) parsed: Option<Arc<T>>,
    /// Says that the file cannot be read now, so that this is its content at an earlier time;
    /// `None` if the content is that of now.
    pub(super) problem: Option<String>,
}

impl<T> Content<T> {
    fn of_now(parsed: Option<Arc<T>>) -> Self {
        Self {
            parsed,
            problem: None,
        }
    }
}

impl<T> TextFile<T> {
    /// Returns a file of the system. It is not an error if it is missing.
    pub(super) fn optional(path: PathBuf, parse: fn(&str) -> T) -> Self {
        Self::new(path, Origin::Optional, parse)
    }

    /// Returns a file given by the caller. It is an error if it is missing.
    pub(super) fn required(path: PathBuf, parse: fn(&str) -> T) -> Self {
        Self::new(path, Origin::Required, parse)
    }

    /// Returns a text that the caller gave instead of a file.
    pub(super) fn from_text(text: &str, parse: fn(&str) -> T) -> Self {
        Self::new(
            "the given text".into(),
            Origin::Text(Arc::new(parse(without_mark(text)))),
            parse,
        )
    }

    fn new(path: PathBuf, origin: Origin<T>, parse: fn(&str) -> T) -> Self {
        let state = State {
            known: None,
            reads: Vec::new(),
        };
        Self {
            path,
            origin,
            parse,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Returns whether this is a text given by the caller instead of a file.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.origin, Origin::Text(_))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the error for a file that cannot be read.
    ///
    /// A file that the caller named is an argument that is not valid, unless it is the process that
    /// lacks something.
    fn unreadable(&self, error: io::Error) -> Error {
        let message = format!("cannot read the file {}", self.path.display());
        let cause = Cause::of(&error);
        let is_own_lack = matches!(cause, Cause::TooManyFiles | Cause::OutOfMemory);
        if matches!(self.origin, Origin::Required) && !is_own_lack {
            return Error::new(ErrorKind::InvalidArgument, message).with_source(error);
        }
        let error = Error::system(message, error);
        match cause {
            Cause::TooManyFiles => error.with_advice(
                "close some files and sockets, or allow the process more descriptors (`ulimit -n`)",
            ),
            Cause::PermissionDenied => error.with_advice(format!(
                "`ls -l {}` shows who may read it",
                self.path.display()
            )),
            _ => error,
        }
    }
}

impl<T: Send + Sync + 'static> TextFile<T> {
    /// Returns the content of the file.
    ///
    /// Waits for at most `limit`, because not every path leads to a disk. If there is content from
    /// an earlier time, waits for a part of it only: what comes after this read needs time too.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or must exist and does not. The error names it.
    pub(super) async fn read(&self, limit: Duration) -> Result<Content<T>, Error> {
        if let Origin::Text(content) = &self.origin {
            return Ok(Content::of_now(Some(content.clone())));
        }
        let last = self.last_content();
        let limit = match last {
            Some(_) => (limit / 4).min(PATIENCE),
            None => limit,
        };
        let error = match self.read_if_changed(limit).await {
            Ok(content) => return Ok(Content::of_now(Some(content))),
            Err(error) => error,
        };
        if error.kind() == io::ErrorKind::NotFound {
            // What a file said counts no more when it is removed.
            self.state().known = None;
            return match self.origin {
                Origin::Required => Err(self.unreadable(error)),
                _ => Ok(Content::of_now(None)),
            };
        }
        match last {
            Some(content) => Ok(Content {
                parsed: Some(content),
                problem: Some(format!(
                    "{} cannot be read now, and its last content is used: {error}",
                    self.path.display()
                )),
            }),
            None => Err(self.unreadable(error)),
        }
    }

    async fn read_if_changed(&self, limit: Duration) -> io::Result<Arc<T>> {
        // Reading the metadata takes a microsecond; only reading the content may wait for a disk.
        let stamp = FileStamp::of(&fs::metadata(&self.path)?);
        let read = match self.known_or_read(stamp)? {
            Ok(content) => return Ok(content),
            Err(read) => read,
        };
        let result = driver::timeout(limit, read.result()).await;
        let result = result.unwrap_or_else(|| {
            let message = format!("it took longer than {}", HumanDuration(limit));
            Err(io::Error::other(message))
        });
        result?.map_err(|error| copy(&error))
    }

    /// Returns the content if the file still has this stamp; otherwise the read that finds it out.
    ///
    /// A read of the same state that is under way is shared. So a file that cannot be read to its
    /// end does not hold another thread with each lookup.
    fn known_or_read(
        &self,
        stamp: FileStamp,
    ) -> io::Result<Result<Arc<T>, Detached<ReadResult<T>>>> {
        let mut state = self.state();
        if let Some(known) = &state.known
            && known.stamp == stamp
            && known.is_settled
        {
            return Ok(Ok(known.content.clone()));
        }
        if let Some((_, read)) = state.reads.iter().find(|(other, _)| *other == stamp) {
            return Ok(Err(read.clone()));
        }
        if state.reads.len() >= READS_MAX {
            let message = format!("{READS_MAX} earlier reads of it have not ended");
            return Err(io::Error::other(message));
        }
        let (path, parse) = (self.path.clone(), self.parse);
        let shared = self.state.clone();
        let read = Detached::start("udpair-file", move || {
            let result = read(&path, parse);
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            state.reads.retain(|(other, _)| *other != stamp);
            let known = result.map_err(Arc::new)?;
            let content = known.content.clone();
            let replaced = state.known.replace(known);
            drop(state);
            drop(replaced);
            Ok(content)
        })
        .map_err(|error| {
            let message = format!("there is no thread for it: {error}");
            io::Error::new(io::ErrorKind::OutOfMemory, message)
        })?;
        state.reads.push((stamp, read.clone()));
        Ok(Err(read))
    }

    fn last_content(&self) -> Option<Arc<T>> {
        let state = self.state();
        state.known.as_ref().map(|known| known.content.clone())
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads and parses a file of at most [`FILE_BYTES_MAX`] bytes.
fn read<T>(path: &Path, parse: fn(&str) -> T) -> io::Result<Known<T>> {
    let file = fs::File::open(path)?;
    // Of the file that was opened: another one may have taken its place meanwhile. And before its
    // content: a change in between shows in the stamp.
    let metadata = file.metadata()?;
    let stamp = FileStamp::of(&metadata);
    let is_settled = stamp.is_settled(SystemTime::now());
    let too_long = || {
        let message = format!("it is longer than {FILE_BYTES_MAX} bytes");
        io::Error::new(io::ErrorKind::InvalidData, message)
    };
    if metadata.is_file() && metadata.len() > FILE_BYTES_MAX {
        return Err(too_long());
    }
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(too_long());
    }
    let text = String::from_utf8_lossy(&text);
    Ok(Known {
        stamp,
        is_settled,
        content: Arc::new(parse(without_mark(&text))),
    })
}

/// Returns `text` without the byte-order mark that some editors put at the start of a file.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Returns an error with the same number, kind and text: an error of the system cannot be cloned.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// Ten times the longest known services file.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// How long a lookup waits for a file of which it has the content at an earlier time.
const PATIENCE: Duration = Duration::from_secs(1);

/// The number of reads of one file that may be under way. Only a file that was replaced while a
/// read did not end has more than one.
const READS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A folder that is removed when the value is dropped. The file under test is in it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("udpair-text-file-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn path(&self) -> PathBuf {
            self.0.join("file")
        }

        fn other(&self) -> PathBuf {
            self.0.join("other")
        }

        /// Removes whatever has the path of the file.
        fn clear(&self) {
            let _ = fs::remove_dir_all(self.path());
            let _ = fs::remove_file(self.path());
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Makes a symbolic link at `at`.
    fn link(target: impl AsRef<Path>, at: impl AsRef<Path>) {
        let mut ln = Command::new("ln");
        let made = ln.arg("-s").arg(target.as_ref()).arg(at.as_ref()).status();
        assert!(made.unwrap().success());
    }

    /// Puts something there that even root cannot read.
    type Spoil = fn(&Folder);

    const SPOILED: &[(&str, Spoil)] = &[
        ("a folder", |folder| fs::create_dir(folder.path()).unwrap()),
        ("a link to itself", |folder| {
            link(folder.path(), folder.path());
        }),
        ("a path below a file", |folder| {
            fs::write(folder.other(), "").unwrap();
            link(folder.other().join("file"), folder.path());
        }),
        ("more than the limit", |folder| {
            let file = fs::File::create(folder.path()).unwrap();
            file.set_len(FILE_BYTES_MAX + 1).unwrap();
        }),
        ("a pipe without a writer", |folder| {
            let made = Command::new("mkfifo").arg(folder.path()).status();
            assert!(made.unwrap().success());
        }),
    ];

    fn parse(text: &str) -> String {
        text.to_owned()
    }

    fn optional(folder: &Folder) -> TextFile<String> {
        TextFile::optional(folder.path(), parse)
    }

    /// The text, and whether it is that of an earlier time; `None` if the file is missing.
    async fn read(file: &TextFile<String>) -> Option<(String, bool)> {
        let content = file.read(Duration::from_secs(20)).await.unwrap();
        let is_old = content.problem.is_some();
        content.parsed.map(|text| (text.to_string(), is_old))
    }

    fn now(text: &str) -> Option<(String, bool)> {
        Some((text.to_owned(), false))
    }

    fn earlier(text: &str) -> Option<(String, bool)> {
        Some((text.to_owned(), true))
    }

    /// SVC-10
    #[tokio::test]
    async fn only_a_file_that_does_not_exist_is_missing() {
        let folder = Folder::new("missing");
        assert_eq!(read(&optional(&folder)).await, None);
        link(folder.other(), folder.path());
        assert_eq!(read(&optional(&folder)).await, None, "a link to nothing");
        for (what, spoil) in SPOILED {
            folder.clear();
            spoil(&folder);
            let limit = Duration::from_millis(50);
            let error = optional(&folder).read(limit).await.expect_err(what);
            let path = folder.path().display().to_string();
            assert!(error.to_string().contains(&path), "{what}: {error:?}");
            assert_ne!(error.kind(), ErrorKind::InvalidArgument, "{what}");
            let required = TextFile::required(folder.path(), parse);
            let error = required.read(limit).await.expect_err(what);
            assert!(error.to_string().contains(&path), "{what}: {error:?}");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{what}");
        }
    }

    /// SVC-06
    #[tokio::test]
    async fn the_last_content_is_used_while_a_file_cannot_be_read() {
        for (what, spoil) in SPOILED {
            for file in [TextFile::optional, TextFile::required] {
                let folder = Folder::new("last");
                let file = file(folder.path(), parse);
                fs::write(folder.path(), "one").unwrap();
                assert_eq!(read(&file).await, now("one"));
                folder.clear();
                spoil(&folder);
                assert_eq!(read(&file).await, earlier("one"), "{what}");
                let content = file.read(Duration::from_secs(20)).await.unwrap();
                let path = folder.path().display().to_string();
                assert!(content.problem.unwrap().contains(&path), "{what}");
                folder.clear();
                fs::write(folder.path(), "two").unwrap();
                assert_eq!(read(&file).await, now("two"), "{what}");
            }
        }
    }

    /// SVC-10: what a removed file said counts no more, even if it comes back unreadable.
    #[tokio::test]
    async fn a_file_that_was_removed_is_missing() {
        let folder = Folder::new("removed");
        let (one, other) = (optional(&folder), TextFile::required(folder.path(), parse));
        fs::write(folder.path(), "one").unwrap();
        assert_eq!(read(&one).await, now("one"));
        assert_eq!(read(&other).await, now("one"));
        folder.clear();
        assert_eq!(read(&one).await, None);
        let error = other.read(Duration::from_secs(20)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        fs::create_dir(folder.path()).unwrap();
        assert!(one.read(Duration::from_secs(20)).await.is_err());
    }

    /// Gives a file the time stamp that another one has.
    fn restore_time(path: &Path, modified: SystemTime) {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(modified).unwrap();
    }

    /// SVC-06: a change is seen although the time stamp and the length stay.
    #[tokio::test]
    async fn a_changed_or_replaced_file_is_read_again() {
        let folder = Folder::new("changed");
        let file = optional(&folder);
        fs::write(folder.path(), "one").unwrap();
        let modified = fs::metadata(folder.path()).unwrap().modified().unwrap();
        // Several times, without a pause: a file system counts time in steps.
        for text in ["two", "six", "ten", "out", "and", "yes"] {
            fs::write(folder.path(), text).unwrap();
            restore_time(&folder.path(), modified);
            assert_eq!(read(&file).await, now(text), "written over");
        }
        for text in ["abc", "def", "ghi", "jkl"] {
            fs::write(folder.other(), text).unwrap();
            restore_time(&folder.other(), modified);
            fs::rename(folder.other(), folder.path()).unwrap();
            assert_eq!(read(&file).await, now(text), "moved over it");
        }
        for text in ["123", "456", "789"] {
            folder.clear();
            fs::write(folder.path(), text).unwrap();
            restore_time(&folder.path(), modified);
            assert_eq!(read(&file).await, now(text), "removed and written");
        }
        fs::write(folder.other(), "new").unwrap();
        restore_time(&folder.other(), modified);
        folder.clear();
        link(folder.other(), folder.path());
        assert_eq!(read(&file).await, now("new"), "a link instead");
    }

    #[tokio::test]
    async fn a_file_that_has_not_changed_is_not_read_again() {
        let folder = Folder::new("same");
        let file = optional(&folder);
        fs::write(folder.path(), "one").unwrap();
        let settled = || {
            let stamp = FileStamp::of(&fs::metadata(folder.path()).unwrap());
            stamp.is_settled(SystemTime::now())
        };
        // Only time can settle the stamp of a new file.
        while !settled() {}
        let first = file.read(Duration::MAX).await.unwrap().parsed.unwrap();
        let second = file.read(Duration::MAX).await.unwrap().parsed.unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        // Unless a change within one step of the file system's time may have left its stamp as it
        // was.
        file.state().known.as_mut().unwrap().is_settled = false;
        let third = file.read(Duration::MAX).await.unwrap().parsed.unwrap();
        assert!(!Arc::ptr_eq(&first, &third));
    }

    /// A file that cannot be read to its end holds one thread, however many lookups need it.
    #[tokio::test]
    async fn reads_that_do_not_end_are_shared() {
        let folder = Folder::new("shared");
        let file = optional(&folder);
        let (_, pipe) = SPOILED.last().unwrap();
        pipe(&folder);
        for _ in 0..20 {
            assert!(file.read(Duration::from_millis(1)).await.is_err());
        }
        assert_eq!(file.state().reads.len(), 1);
        // Each time another pipe takes its place, another read is needed.
        for _ in 0..20 {
            fs::rename(folder.path(), folder.other()).unwrap();
            pipe(&folder);
            assert!(file.read(Duration::from_millis(1)).await.is_err());
        }
        assert_eq!(file.state().reads.len(), READS_MAX);
        // The writer comes. What a pipe had to say is kept until another file takes its place.
        fs::remove_file(folder.path()).unwrap();
        let file = optional(&folder);
        pipe(&folder);
        let reading = file.read(Duration::from_secs(20));
        let path = folder.path();
        let writing = tokio::task::spawn_blocking(move || fs::write(path, "late"));
        let content = reading.await.unwrap();
        assert_eq!(*content.parsed.unwrap(), "late");
        writing.await.unwrap().unwrap();
        assert_eq!(read(&file).await, now("late"));
    }

    #[tokio::test]
    async fn a_byte_order_mark_is_no_part_of_the_text() {
        let folder = Folder::new("mark");
        fs::write(folder.path(), "\u{feff}one\u{feff}").unwrap();
        assert_eq!(read(&optional(&folder)).await, now("one\u{feff}"));
        let text = TextFile::from_text("\u{feff}one", parse);
        assert_eq!(read(&text).await, now("one"));
    }
}
