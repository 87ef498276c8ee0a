//! What a resolver is waiting for.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::step::RecordType;

/// A lookup that has not ended.
///
/// Returned by [`Resolver::pending_lookups`](crate::Resolver::pending_lookups). `Display` names
/// what is waited for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PendingLookup {
    /// The operating system looks up the addresses of a host.
    System {
        /// The host.
        host: String,
    },
    /// A name server was queried, and has not responded.
    Dns {
        /// The name that was queried; absolute.
        name: String,
        /// The record type that was queried.
        record_type: RecordType,
        /// The name server.
        server: SocketAddr,
    },
}

impl fmt::Display for PendingLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System { host } => write!(f, "the system's resolver ({host})"),
            Self::Dns {
                name,
                record_type,
                server,
            } => write!(f, "name server {server} ({name} {record_type})"),
        }
    }
}

/// The hosts that the operating system looks up for one resolver.
#[derive(Debug, Default)]
pub(super) struct SystemLookups(Mutex<Hosts>);

#[derive(Debug, Default)]
struct Hosts {
    last_number: u64,
    hosts: Vec<(u64, String)>,
}

impl SystemLookups {
    /// Adds a host, until the returned value is dropped.
    pub(super) fn add(self: &Arc<Self>, host: &str) -> SystemLookup {
        let mut hosts = self.hosts();
        hosts.last_number += 1;
        let number = hosts.last_number;
        hosts.hosts.push((number, host.to_owned()));
        drop(hosts);
        SystemLookup {
            lookups: self.clone(),
            number,
        }
    }

    /// Returns the lookups that have not ended, each host once.
    pub(super) fn pending(&self) -> Vec<PendingLookup> {
        let mut pending = Vec::new();
        for (_, host) in &self.hosts().hosts {
            let lookup = PendingLookup::System { host: host.clone() };
            if !pending.contains(&lookup) {
                pending.push(lookup);
            }
        }
        pending
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A host on the list. It is removed when this value is dropped.
#[derive(Debug)]
pub(super) struct SystemLookup {
    lookups: Arc<SystemLookups>,
    number: u64,
}

impl Drop for SystemLookup {
    fn drop(&mut self) {
        let mut hosts = self.lookups.hosts();
        hosts.hosts.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_pending_until_its_lookup_is_dropped() {
        let lookups: Arc<SystemLookups> = Arc::default();
        let first = lookups.add("x.test");
        let same = lookups.add("x.test");
        let other = lookups.add("y.test");
        let hosts = || {
            let pending = lookups.pending();
            pending.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let both = [
            "the system's resolver (x.test)",
            "the system's resolver (y.test)",
        ];
        assert_eq!(hosts(), both);
        drop(first);
        assert_eq!(hosts(), both);
        drop(same);
        assert_eq!(hosts(), both[1..]);
        drop(other);
        assert!(hosts().is_empty());
    }
}
