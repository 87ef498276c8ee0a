//! `Guid`: a 128-bit identifier.
//!
//! Pure: no I/O and no clock.

use std::fmt;
use std::str::FromStr;

use super::byte_order::ByteOrder;
use crate::error::{Error, ErrorKind};

/// A globally unique identifier of 128 bits.
///
/// As bytes, its first three fields follow the byte order, and the last field does not (DR-11).
///
/// # Examples
///
/// ```
/// use udpair::data::Guid;
///
/// let guid: Guid = "{00112233-4455-6677-8899-aabbccddeeff}".parse()?;
/// assert_eq!(guid.data1, 0x0011_2233);
/// assert_eq!(guid.to_string(), "00112233-4455-6677-8899-aabbccddeeff");
/// # Ok::<(), udpair::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Guid {
    /// The first 32 bits.
    pub data1: u32,
    /// The next 16 bits.
    pub data2: u16,
    /// The next 16 bits.
    pub data3: u16,
    /// The last 64 bits, byte by byte.
    pub data4: [u8; 8],
}

impl Guid {
    /// Returns the identifier whose text has the hexadecimal digits of this number.
    pub const fn from_u128(value: u128) -> Self {
        let [a, b, c, d, e, f, g, h, data4 @ ..] = value.to_be_bytes();
        Self {
            data1: u32::from_be_bytes([a, b, c, d]),
            data2: u16::from_be_bytes([e, f]),
            data3: u16::from_be_bytes([g, h]),
            data4,
        }
    }

    /// Returns the number that has the hexadecimal digits of this identifier's text.
    pub const fn to_u128(self) -> u128 {
        u128::from_be_bytes(self.to_bytes(ByteOrder::BigEndian))
    }

    /// Returns the 16 bytes of this identifier: three fields in this order, the last one as it is.
    pub const fn to_bytes(self, order: ByteOrder) -> [u8; 16] {
        let (first, second, third) = match order {
            ByteOrder::LittleEndian => (
                self.data1.to_le_bytes(),
                self.data2.to_le_bytes(),
                self.data3.to_le_bytes(),
            ),
            ByteOrder::BigEndian => (
                self.data1.to_be_bytes(),
                self.data2.to_be_bytes(),
                self.data3.to_be_bytes(),
            ),
        };
        let ([a, b, c, d], [e, f], [g, h]) = (first, second, third);
        let [i, j, k, l, m, n, o, p] = self.data4;
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }

    /// Returns the identifier that has these bytes in this order.
    pub const fn from_bytes(bytes: [u8; 16], order: ByteOrder) -> Self {
        let mut guid = Self::from_u128(u128::from_be_bytes(bytes));
        if let ByteOrder::LittleEndian = order {
            guid.data1 = guid.data1.swap_bytes();
            guid.data2 = guid.data2.swap_bytes();
            guid.data3 = guid.data3.swap_bytes();
        }
        guid
    }
}

/// Writes 32 hexadecimal digits in lower case, with hyphens and without braces.
impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, rest @ ..] = self.data4;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{a:02x}{b:02x}-",
            self.data1, self.data2, self.data3
        )?;
        rest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Guid {
    type Err = Error;

    /// Reads 32 hexadecimal digits with hyphens, with or without braces.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): the text has another form.
    fn from_str(text: &str) -> Result<Self, Error> {
        let inner = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
            .unwrap_or(text);
        let lengths = inner.split('-').map(str::len);
        let is_well_formed = lengths.eq([8, 4, 4, 4, 12])
            && inner.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
        let digits = is_well_formed.then(|| inner.replace('-', ""));
        digits
            .and_then(|digits| u128::from_str_radix(&digits, 16).ok())
            .map(Self::from_u128)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("{text:?} is not a GUID"),
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_its_text() {
        for text in [
            "00000000-0000-0000-0000-000000000000",
            "00112233-4455-6677-8899-aabbccddeeff",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ] {
            let guid: Guid = text.parse().unwrap();
            assert_eq!(guid.to_string(), text);
            assert_eq!(Guid::from_u128(guid.to_u128()), guid, "{text}");
            let braced = format!("{{{}}}", text.to_uppercase());
            assert_eq!(braced.parse::<Guid>().unwrap(), guid, "{braced}");
        }
    }

    #[test]
    fn text_of_another_form_is_refused() {
        for text in [
            "",
            "{}",
            "{00112233-4455-6677-8899-aabbccddeeff",
            "00112233445566778899aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeefg",
            "0011223-34455-6677-8899-aabbccddeeff",
            "+0112233-4455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeeéf",
        ] {
            let error = text.parse::<Guid>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
        }
    }
}
