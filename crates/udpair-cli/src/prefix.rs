//! Prefixes of addresses: `192.0.2.0/24`, `2001:db8::/32`, or one address.
//!
//! Pure: no I/O.

use std::net::IpAddr;
use std::str::FromStr;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// Whether an address begins with the bits of the prefix.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        let (own, address) = (self.address, address.to_canonical());
        own.is_ipv4() == address.is_ipv4()
            && first_bits(own, self.length) == first_bits(address, self.length)
    }
}

/// Returns the first bits of an address, and zeros for the others.
fn first_bits(address: IpAddr, length: u8) -> u128 {
    let bits = match address {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => ip.to_bits(),
    };
    let others = 128 - u32::from(length);
    bits.checked_shr(others)
        .unwrap_or(0)
        .checked_shl(others)
        .unwrap_or(0)
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected an address or a prefix: 192.0.2.0/24, 2001:db8::/32".to_owned();
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| expected())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            Some(length) => length.parse().map_err(|_| expected())?,
            None => most,
        };
        if length > most {
            return Err(format!("the longest prefix of {address} has {most} bits"));
        }
        if first_bits(address, length) != first_bits(address, most) {
            return Err(format!("{address} has bits after the first {length}"));
        }
        Ok(Self { address, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_contains_the_addresses_that_begin_with_it() {
        for (prefix, address, is_in) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.0/24", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "::1", true),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::1", "::2", false),
        ] {
            let prefix: Prefix = prefix.parse().unwrap();
            assert_eq!(
                prefix.contains(address.parse().unwrap()),
                is_in,
                "{prefix:?} {address}"
            );
        }
    }

    #[test]
    fn what_is_no_prefix_is_rejected() {
        for text in [
            "",
            "/",
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.1/24",
            "::/129",
            "::1/64",
            "a/8",
            "192.0.2.0/-1",
        ] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }
}
