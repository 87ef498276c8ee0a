//! Why a question to name servers has no answer.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::resolve::duration::HumanDuration;

/// The reason why there are no records.
#[derive(Clone, Debug)]
pub(crate) enum DnsFailure {
    /// The server says that the name does not exist.
    NotFound(SocketAddr),
    /// The server says that the name exists but has no such record.
    NoData(SocketAddr),
    /// A query could not be sent, because this process lacks something.
    Shortage(Arc<io::Error>),
    /// No server sent a usable response, but another attempt may succeed.
    NoResponse(Vec<ServerReport>),
    /// No server sent a usable response, and at least one would fail the same way again.
    Unusable(Vec<ServerReport>),
    /// The chain of aliases (CNAME) has no usable end: it is a loop, or too long.
    AliasChain { server: SocketAddr, is_loop: bool },
    /// The name does not fit into a query.
    InvalidName,
}

impl DnsFailure {
    /// Returns whether a server might have sent records later.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::NoResponse(_))
    }

    /// Returns whether a server says that there is no such name, or no such record.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::NotFound(_) | Self::NoData(_))
    }

    /// Returns whether a server says that the name exists, but has no such record.
    pub(crate) fn is_no_data(&self) -> bool {
        matches!(self, Self::NoData(_))
    }

    /// Returns the failure that is more specific.
    pub(crate) fn or_more_specific(self, other: Self) -> Self {
        match self.rank() <= other.rank() {
            true => self,
            false => other,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::NotFound(_) => 0,
            Self::AliasChain { .. } | Self::InvalidName => 1,
            // With what this process lacks, there might have been an answer.
            Self::Shortage(_) => 2,
            // That one type has no record says nothing about the other type, for which there is no
            // response.
            Self::NoResponse(_) | Self::Unusable(_) => 3,
            Self::NoData(_) => 4,
        }
    }
}

/// What a server did instead of sending a usable response.
#[derive(Clone, Debug)]
pub(crate) struct ServerReport {
    server: SocketAddr,
    /// The result of the last query, as the predicate of a sentence; empty before that.
    pub(super) result: String,
    pub(super) attempts: u32,
    /// The time from the first query to the last result.
    pub(super) elapsed: Duration,
}

impl ServerReport {
    pub(super) fn new(server: SocketAddr) -> Self {
        Self {
            server,
            result: String::new(),
            attempts: 0,
            elapsed: Duration::ZERO,
        }
    }
}

impl fmt::Display for ServerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "server {} {} within {}",
            self.server,
            self.result,
            HumanDuration(self.elapsed)
        )?;
        if self.attempts > 1 {
            write!(f, " ({} attempts)", self.attempts)?;
        }
        Ok(())
    }
}
