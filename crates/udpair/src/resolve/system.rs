//! The machine's files.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::driver;
use crate::error::{Error, ErrorKind};

/// A parsed text file, which is read again after it has changed; or a text that replaces a file.
#[derive(Debug)]
pub(super) struct TextFile<T> {
    path: PathBuf,
    origin: Origin<T>,
    parse: fn(&str) -> T,
    /// The content as it was last read, with the stamp of the file at that time.
    cached: Mutex<Option<(Stamp, Arc<T>)>>,
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

/// The metadata by which a change of a file is detected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
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
            Origin::Text(Arc::new(parse(text))),
            parse,
        )
    }

    fn new(path: PathBuf, origin: Origin<T>, parse: fn(&str) -> T) -> Self {
        Self {
            path,
            origin,
            parse,
            cached: Mutex::new(None),
        }
    }

    /// Returns whether this is a text given by the caller instead of a file.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.origin, Origin::Text(_))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the parsed content; `None` if it is a file of the system that cannot be read.
    ///
    /// Waits for at most `limit`, because not every path leads to a disk.
    pub(super) async fn read(&self, limit: Duration) -> Result<Option<Arc<T>>, Error> {
        if let Origin::Text(content) = &self.origin {
            return Ok(Some(content.clone()));
        }
        let error = match driver::timeout(limit, self.read_if_changed()).await {
            Some(Ok(content)) => return Ok(Some(content)),
            _ if matches!(self.origin, Origin::Optional) => return Ok(None),
            Some(Err(error)) => error,
            None => io::ErrorKind::TimedOut.into(),
        };
        let message = format!("cannot read the file {}", self.path.display());
        Err(Error::new(ErrorKind::InvalidArgument, message).with_source(error))
    }

    async fn read_if_changed(&self) -> io::Result<Arc<T>> {
        // Reading the metadata takes a microsecond; only reading the content may wait for a disk.
        let stamp = Stamp::of(&fs::metadata(&self.path)?);
        if let Some((known, content)) = &*self.cached.lock().unwrap_or_else(PoisonError::into_inner)
            && *known == stamp
        {
            return Ok(content.clone());
        }
        let path = self.path.clone();
        let text = driver::blocking(move || read_bounded(&path)).await??;
        let content = Arc::new((self.parse)(&String::from_utf8_lossy(&text)));
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        *cached = Some((stamp, content.clone()));
        Ok(content)
    }
}

/// Reads a file of at most [`FILE_BYTES_MAX`] bytes.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    fs::File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is longer than {FILE_BYTES_MAX} bytes"),
        ));
    }
    Ok(text)
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
        }
    }
}

/// Ten times the longest known services file.
const FILE_BYTES_MAX: u64 = 16 << 20;
