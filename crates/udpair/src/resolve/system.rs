//! What the machine knows: its files, and its own resolver.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use udpair_io::LookupError;

use super::step::FoundAddress;
use crate::driver;
use crate::error::{Error, ErrorKind};

/// A text file, read again when it has changed.
#[derive(Debug)]
pub(super) struct TextFile<T> {
    path: PathBuf,
    /// Whether the caller named it: then it must be there.
    is_named: bool,
    parse: fn(&str) -> T,
    kept: Mutex<Option<(Stamp, Arc<T>)>>,
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
        Self::new(path, false, parse)
    }

    /// A file that the caller named: if it is not there, that is an error.
    pub(super) fn named(path: PathBuf, parse: fn(&str) -> T) -> Self {
        Self::new(path, true, parse)
    }

    fn new(path: PathBuf, is_named: bool, parse: fn(&str) -> T) -> Self {
        Self {
            path,
            is_named,
            parse,
            kept: Mutex::new(None),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the file says; `None` if it is a file of the system that cannot be read.
    pub(super) async fn read(&self) -> Result<Option<Arc<T>>, Error> {
        match self.read_if_changed().await {
            Ok(content) => Ok(Some(content)),
            Err(_) if !self.is_named => Ok(None),
            Err(error) => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("cannot read the file {}", self.path.display()),
            )
            .with_source(error)),
        }
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
        let text = driver::blocking(move || fs::read(path)).await??;
        let content = Arc::new((self.parse)(&String::from_utf8_lossy(&text)));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((stamp, content.clone()));
        Ok(content)
    }
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
