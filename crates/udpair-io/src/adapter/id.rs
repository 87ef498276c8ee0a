//! The identity of an adapter.

use std::fmt;

use uuid::Uuid;

/// An adapter's identity: a GUID that is the same after a restart.
///
/// On systems that do not assign GUIDs to adapters, it is a name-based UUID (RFC 9562, section 5.5)
/// of the adapter's hardware address and name. A renamed adapter therefore has another identity.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AdapterId(Uuid);

impl AdapterId {
    /// Returns the identity of the adapter with this hardware address, which may be empty, and this
    /// name.
    pub fn of(hardware_address: &[u8], name: &str) -> Self {
        // The length comes first, so that two different pairs of address and name never give the
        // same bytes.
        let length = u8::try_from(hardware_address.len()).unwrap_or(u8::MAX);
        let text = [&[length], hardware_address, name.as_bytes()].concat();
        Self(Uuid::new_v5(&NAMESPACE, &text))
    }

    /// Returns the sixteen bytes of the GUID, in the order of its text form.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }
}

/// The GUID in its usual form: lower case, with hyphens, without braces.
impl fmt::Display for AdapterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The namespace of the name-based UUIDs: a random number that never changes.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f0e_1d5a_83b2_4c61_9c57_d2a4_7be9_0f38);

#[cfg(test)]
mod tests {
    use super::*;

    /// NET-06: a fixed value, so that a change that would give every adapter a new identity fails
    /// here.
    #[test]
    fn an_identity_never_changes() {
        let id = AdapterId::of(&[0x02, 0, 0, 0, 0, 0x01], "eth0");
        assert_eq!(id.to_string(), "501df0e7-c424-5d20-8840-101e52e699c9");
        assert_eq!(id, AdapterId::of(&[0x02, 0, 0, 0, 0, 0x01], "eth0"));
        assert_eq!(id.to_bytes()[6] >> 4, 5, "version 5");
    }

    /// NET-06
    #[test]
    fn a_different_address_or_name_gives_a_different_identity() {
        let ids = [
            AdapterId::of(&[1, 2], "eth0"),
            AdapterId::of(&[1, 3], "eth0"),
            AdapterId::of(&[1, 2], "eth1"),
            AdapterId::of(&[1], "\u{2}eth0"),
            AdapterId::of(&[], "eth0"),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(ids.iter().position(|other| other == id), Some(at), "{id}");
        }
    }
}
