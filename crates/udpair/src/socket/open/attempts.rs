//! The destinations that were tried in vain.

use std::fmt::Display;
use std::net::SocketAddr;

use crate::error::{Error, ErrorKind};
use crate::observe;

/// The destinations that could not be connected to, each with its error.
pub(crate) struct Attempts<'a> {
    action: &'a (dyn Display + Sync),
    failed: Vec<(SocketAddr, Error)>,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(action: &'a (dyn Display + Sync)) -> Self {
        Self {
            action,
            failed: Vec::new(),
        }
    }

    /// Records a failure, after which the next destination is tried whatever the error.
    pub(crate) fn add(&mut self, destination: SocketAddr, error: Error) {
        observe::fell_back(destination, &error);
        self.failed.push((destination, error));
    }

    /// Records a failure. Returns the final error if other destinations would fail in the same way
    /// (ADR-01).
    pub(crate) fn failed(&mut self, destination: SocketAddr, error: Error) -> Result<(), Error> {
        let may_succeed_elsewhere = matches!(
            error.kind(),
            ErrorKind::NetworkUnreachable
                | ErrorKind::HostUnreachable
                | ErrorKind::AddressNotAvailable
                | ErrorKind::FamilyNotSupported
        );
        self.add(destination, error);
        if may_succeed_elsewhere {
            Ok(())
        } else {
            Err(self.error())
        }
    }

    /// Returns the error of the last failure, with the earlier ones in its message.
    pub(crate) fn into_error(mut self) -> Error {
        self.error()
    }

    /// Returns the error of the last failure, which was one of `action`.
    pub(crate) fn into_error_of(self, action: &(dyn Display + Sync)) -> Error {
        Attempts { action, ..self }.into_error()
    }

    /// Returns the last failure, with the earlier ones in its message.
    fn error(&mut self) -> Error {
        let mut message = format!("cannot {}", self.action);
        let Some((_, error)) = self.failed.pop() else {
            return Error::new(ErrorKind::HostNotFound, message);
        };
        for (earlier, why) in &self.failed {
            message.push_str(&format!(" (tried {earlier}: {})", why.innermost()));
        }
        // If the peer was given as an address, the message is already complete.
        if message == error.to_string() {
            error
        } else {
            error.in_context(message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ADR-01: the next address is tried only after errors that another address may not have.
    #[test]
    fn some_errors_end_the_attempts() {
        let address = "192.0.2.1:9".parse().unwrap();
        for (kind, goes_on) in [
            (ErrorKind::NetworkUnreachable, true),
            (ErrorKind::HostUnreachable, true),
            (ErrorKind::AddressNotAvailable, true),
            (ErrorKind::FamilyNotSupported, true),
            (ErrorKind::PermissionDenied, false),
            (ErrorKind::AddressInUse, false),
            (ErrorKind::Cancelled, false),
            (ErrorKind::Closed, false),
            (ErrorKind::InvalidArgument, false),
            (ErrorKind::Io, false),
        ] {
            let mut attempts = Attempts::new(&"connect to example.test:9");
            let failed = attempts.failed(address, Error::new(kind, "no"));
            assert_eq!(failed.is_ok(), goes_on, "{kind:?}");
            let last = failed.err().unwrap_or_else(|| attempts.into_error());
            assert_eq!(last.kind(), kind);
        }
    }
}
