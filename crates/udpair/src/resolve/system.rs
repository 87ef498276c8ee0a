//! The machine's own resolver.

use std::io;
use std::time::Duration;

use udpair_io::LookupError;

use super::step::FoundAddress;
use crate::driver;

/// The reason why the system's resolver returned no address.
#[derive(Debug)]
pub(super) enum SystemFailure {
    /// It reported this error.
    Lookup(LookupError),
    /// It did not answer within this time.
    TimedOut(Duration),
    /// It could not be called.
    Io(io::Error),
}

/// Returns the addresses of `host` from the operating system, which may take at most `limit`.
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
