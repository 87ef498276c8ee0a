//! The host whose addresses are to be found: as a caller named it, or as DNS did.
//!
//! A name that a caller writes is checked, so that a slip is noticed. A name that DNS sends is what
//! it is: its labels may have any bytes, and it is looked up all the same.

use std::fmt;

use crate::name::HostName;

/// A host whose addresses are to be found.
#[derive(Clone, Debug)]
pub(super) enum Host {
    /// As a caller named it.
    Named(HostName),
    /// As DNS named it, by a name that a caller could have written.
    Sent(HostName),
    /// As DNS named it, by another name, which is kept as DNS writes it (RFC 1035, section 5.1): in
    /// lower case and without a trailing dot.
    SentOnly(Box<str>),
}

impl Host {
    /// Returns the host that DNS named.
    #[cfg_attr(
        not(any(feature = "dns", test)),
        expect(dead_code, reason = "only name servers send names")
    )]
    pub(super) fn sent(domain: &str) -> Self {
        match domain.parse::<HostName>() {
            // A label may look like an address that has a zone, or brackets. It is a name here.
            Ok(name) if name.domain().is_some() => Self::Sent(name),
            _ => Self::SentOnly(domain.into()),
        }
    }

    /// Returns the name, if a caller could have written it.
    pub(super) fn name(&self) -> Option<&HostName> {
        match self {
            Self::Named(name) | Self::Sent(name) => Some(name),
            Self::SentOnly(_) => None,
        }
    }

    /// Returns the name as DNS writes it, without a trailing dot; empty for an address.
    pub(super) fn domain(&self) -> &str {
        match self {
            Self::Named(name) | Self::Sent(name) => name.domain().unwrap_or_default(),
            Self::SentOnly(domain) => domain,
        }
    }

    /// Returns whether no search list applies.
    pub(super) fn is_absolute(&self) -> bool {
        match self {
            Self::Named(name) => name.is_absolute(),
            // Names in DNS are absolute.
            Self::Sent(_) | Self::SentOnly(_) => true,
        }
    }

    /// Returns whether the host is this machine (RFC 6761, section 6.3).
    pub(super) fn is_localhost(&self) -> bool {
        self.domain().rsplit('.').next() == Some("localhost")
    }
}

/// Displays the name as the caller's [`HostName`] does, or as DNS writes it.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) | Self::Sent(name) => name.fmt(f),
            Self::SentOnly(domain) => f.pad(domain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SRV-11
    #[test]
    fn a_name_that_dns_sends_need_not_be_one_that_a_caller_may_write() {
        for (domain, shown, is_name) in [
            ("host.example", "host.example", true),
            #[cfg(feature = "idna")]
            ("xn--bcher-kva.example", "bücher.example", true),
            ("under_score.example", "under_score.example", true),
            ("-a-.example", "-a-.example", false),
            ("a\\032b.example", "a\\032b.example", false),
            ("host.123", "host.123", false),
            #[cfg(feature = "idna")]
            ("xn--a.example", "xn--a.example", false),
            ("[::1]", "[::1]", false),
            ("fe80::1%lo", "fe80::1%lo", false),
        ] {
            let host = Host::sent(domain);
            assert_eq!(host.to_string(), shown);
            assert_eq!(host.domain(), domain);
            assert_eq!(host.name().is_some(), is_name, "{domain}");
            assert!(host.is_absolute());
        }
    }

    /// HOST-19
    #[test]
    fn localhost_is_this_machine_whoever_names_it() {
        for (domain, expected) in [
            ("localhost", true),
            ("db.localhost", true),
            ("-.localhost", true),
            ("localhost.example", false),
        ] {
            assert_eq!(Host::sent(domain).is_localhost(), expected, "{domain}");
        }
        let named = |text: &str| Host::Named(text.parse().unwrap());
        assert!(named("localhost.").is_localhost());
        assert!(!named("127.0.0.1").is_localhost());
        assert_eq!(named("192.0.2.1").domain(), "");
    }
}
