//! What the machine knows: its files, and its own resolver.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use udpair_io::LookupError;

use super::step::FoundAddress;
use crate::driver;
use crate::error::{Error, ErrorKind};

/// A text file, read again when it has changed; or a text that stands in for one.
#[derive(Debug)]
pub(super) struct TextFile<T> {
    path: PathBuf,
    origin: Origin<T>,
    parse: fn(&str) -> T,
    kept: Mutex<Option<(Stamp, Arc<T>)>>,
}

#[derive(Debug)]
enum Origin<T> {
    /// The system's: if it is not there, it is empty.
    System,
    /// The caller named it, and it must be there.
    Named,
    /// The caller gave the text itself.
    Text(Arc<T>),
}

/// By what a change is noticed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

impl<T> TextFile<T> {
    /// A file of the system: if it is not there, it is empty.
    pub(super) fn of_system(path: PathBuf, parse: fn(&str) -> T) -> Self {
        Self::new(path, Origin::System, parse)
    }

    /// A file that the caller named: if it is not there, that is an error.
    pub(super) fn named(path: PathBuf, parse: fn(&str) -> T) -> Self {
        Self::new(path, Origin::Named, parse)
    }

    /// A text that the caller gave instead of a file.
    pub(super) fn of_text(text: &str, parse: fn(&str) -> T) -> Self {
        Self::new(
            "the text that was given".into(),
            Origin::Text(Arc::new(parse(text))),
            parse,
        )
    }

    fn new(path: PathBuf, origin: Origin<T>, parse: fn(&str) -> T) -> Self {
        Self {
            path,
            origin,
            parse,
            kept: Mutex::new(None),
        }
    }

    /// Returns whether there is no file, but a text that was given.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.origin, Origin::Text(_))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the file says; `None` if it is a file of the system that cannot be read.
    ///
    /// Waits for `limit` at the most, because not every path leads to a disk.
    pub(super) async fn read(&self, limit: Duration) -> Result<Option<Arc<T>>, Error> {
        if let Origin::Text(content) = &self.origin {
            return Ok(Some(content.clone()));
        }
        let error = match driver::timeout(limit, self.read_if_changed()).await {
            Some(Ok(content)) => return Ok(Some(content)),
            _ if matches!(self.origin, Origin::System) => return Ok(None),
            Some(Err(error)) => error,
            None => io::ErrorKind::TimedOut.into(),
        };
        let message = format!("cannot read the file {}", self.path.display());
        Err(Error::new(ErrorKind::InvalidArgument, message).with_source(error))
    }

    async fn read_if_changed(&self) -> io::Result<Arc<T>> {
        // Asking for its state takes the kernel a microsecond; only reading may wait for a disk.
        let stamp = Stamp::of(&fs::metadata(&self.path)?);
        if let Some((known, content)) = &*self.kept.lock().unwrap_or_else(PoisonError::into_inner)
            && *known == stamp
        {
            return Ok(content.clone());
        }
        let path = self.path.clone();
        let text = driver::blocking(move || read_bounded(&path)).await??;
        let content = Arc::new((self.parse)(&String::from_utf8_lossy(&text)));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((stamp, content.clone()));
        Ok(content)
    }
}

/// Reads a file that is no longer than any list of names.
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

/// Why the system's resolver gave no address.
#[derive(Debug)]
pub(super) enum SystemFailure {
    Lookup(LookupError),
    /// It did not answer within this time.
    TimedOut(Duration),
    /// It could not be asked.
    Io(io::Error),
}

/// Asks the operating system for the addresses of `host`, for `limit` at the most.
pub(super) async fn addresses(
    host: &str,
    limit: Duration,
) -> Result<Vec<FoundAddress>, SystemFailure> {
    let host = host.to_owned();
    let lookup = driver::blocking(move || udpair_io::lookup(&host));
    match driver::timeout(limit, lookup).await {
        None => Err(SystemFailure::TimedOut(limit)),
        Some(Err(error)) => Err(SystemFailure::Io(error)),
        Some(Ok(Err(error))) => Err(SystemFailure::Lookup(error)),
        Some(Ok(Ok(addresses))) => Ok(addresses.into_iter().map(FoundAddress::of).collect()),
    }
}

/// Ten times the longest services file that is known.
const FILE_BYTES_MAX: u64 = 16 << 20;
