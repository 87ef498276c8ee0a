//! Datagrams that the kernel should not deliver, and delivers because it refused an option.
//!
//! A socket receives only from the groups that it has joined itself (MODEL MCG-09), and an IPv6
//! socket receives nothing over IPv4. Where the system refuses the options for that, the datagrams
//! are dropped after they were received. Most sockets have nothing of this.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use once_cell::race::OnceBox;

use crate::batch::Metadata;
use crate::membership::Membership;

/// Which datagrams are dropped although the kernel delivers them.
#[derive(Debug, Default)]
pub(crate) struct ArrivalFilter(OnceBox<Mutex<Unwanted>>);

/// What the kernel delivers and the socket does not want.
#[derive(Debug, Default)]
struct Unwanted {
    /// Datagrams over IPv4.
    ipv4: bool,
    /// Datagrams to groups that other sockets have joined.
    other_groups: bool,
    joined: Vec<Membership>,
}

impl ArrivalFilter {
    /// Returns whether anything is dropped.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.0.get().is_some()
    }

    /// Drops datagrams over IPv4 from now on.
    pub(crate) fn refuse_ipv4(&self) {
        self.activate().ipv4 = true;
    }

    /// Drops datagrams to groups that the socket has not joined from now on.
    pub(crate) fn refuse_other_groups(&self) {
        self.activate().other_groups = true;
    }

    /// Records that the socket has joined a group.
    pub(crate) fn join(&self, membership: &Membership) {
        if let Some(mut unwanted) = self.unwanted()
            && !unwanted.joined.contains(membership)
        {
            unwanted.joined.push(*membership);
        }
    }

    /// Records that the socket has left a group.
    pub(crate) fn leave(&self, membership: &Membership) {
        if let Some(mut unwanted) = self.unwanted() {
            unwanted.joined.retain(|joined| joined != membership);
        }
    }

    /// Returns whether the socket wants a datagram.
    pub(crate) fn admits(&self, metadata: &Metadata) -> bool {
        let Some(unwanted) = self.unwanted() else {
            return true;
        };
        if unwanted.ipv4 && metadata.remote.is_ipv4() {
            return false;
        }
        let Some(group) = metadata.to.filter(IpAddr::is_multicast) else {
            return true;
        };
        let is_joined = |joined: &Membership| {
            joined.group == group
                && metadata
                    .adapter
                    .is_none_or(|adapter| adapter == joined.adapter)
                && joined
                    .source
                    .is_none_or(|source| source == metadata.remote.ip())
        };
        !unwanted.other_groups || unwanted.joined.iter().any(is_joined)
    }

    fn activate(&self) -> MutexGuard<'_, Unwanted> {
        lock(self.0.get_or_init(Box::default))
    }

    fn unwanted(&self) -> Option<MutexGuard<'_, Unwanted>> {
        self.0.get().map(|unwanted| lock(unwanted))
    }
}

fn lock(unwanted: &Mutex<Unwanted>) -> MutexGuard<'_, Unwanted> {
    unwanted.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCG-09
    #[test]
    fn only_groups_that_were_joined_pass() {
        let joined = |group: &str, source: Option<&str>| Membership {
            group: group.parse().unwrap(),
            source: source.map(|source| source.parse().unwrap()),
            adapter: 2,
        };
        let filter = ArrivalFilter::default();
        filter.refuse_other_groups();
        filter.join(&joined("239.1.1.1", None));
        filter.join(&joined("232.1.1.1", Some("192.0.2.1")));
        filter.join(&joined("239.1.1.9", None));
        filter.leave(&joined("239.1.1.9", None));
        for (from, to, adapter, expected) in [
            ("192.0.2.1:5", Some("192.0.2.9"), Some(2), true),
            ("192.0.2.1:5", None, None, true),
            ("192.0.2.1:5", Some("239.1.1.1"), Some(2), true),
            ("192.0.2.1:5", Some("239.1.1.1"), None, true),
            ("192.0.2.1:5", Some("239.1.1.1"), Some(3), false),
            ("192.0.2.1:5", Some("239.1.1.2"), Some(2), false),
            ("192.0.2.1:5", Some("239.1.1.9"), Some(2), false),
            ("192.0.2.1:5", Some("232.1.1.1"), Some(2), true),
            ("192.0.2.2:5", Some("232.1.1.1"), Some(2), false),
            ("[fe80::1]:5", Some("ff02::1"), Some(2), false),
        ] {
            let mut metadata = Metadata::of_sender(from.parse().unwrap());
            metadata.to = to.map(|to: &str| to.parse().unwrap());
            metadata.adapter = adapter;
            assert_eq!(
                filter.admits(&metadata),
                expected,
                "{from} {to:?} {adapter:?}"
            );
        }
        filter.refuse_ipv4();
        let metadata = Metadata::of_sender("192.0.2.1:5".parse().unwrap());
        assert!(!filter.admits(&metadata));
        assert!(ArrivalFilter::default().admits(&metadata));
    }
}
