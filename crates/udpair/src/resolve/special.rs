//! Names that no name server knows: what a query would only disclose.
//!
//! Pure: works on the name.

/// Why a name is not looked up in DNS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SpecialUse {
    /// `.local`: multicast DNS resolves it, on the links of this machine (RFC 6762, section 3).
    Local,
    /// `.onion`: only software for the Tor network knows what it means (RFC 7686, section 2).
    Onion,
}

impl SpecialUse {
    /// Returns the special use of `domain`, which is in lower case and has no trailing dot; `None`
    /// for an ordinary name.
    pub(super) fn of(domain: &str) -> Option<Self> {
        match domain.rsplit('.').next() {
            Some("local") => Some(Self::Local),
            Some("onion") => Some(Self::Onion),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SRV-07
    #[test]
    fn the_last_label_decides() {
        for (domain, special) in [
            ("printer.local", Some(SpecialUse::Local)),
            ("local", Some(SpecialUse::Local)),
            ("a.b.onion", Some(SpecialUse::Onion)),
            ("local.example", None),
            ("notlocal", None),
            ("onions.test", None),
            ("", None),
        ] {
            assert_eq!(SpecialUse::of(domain), special, "{domain}");
        }
    }
}
