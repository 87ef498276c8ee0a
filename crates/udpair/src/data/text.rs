//! `UnicodeEncoding`: text as bytes, in UTF-8 or UTF-16.
//!
//! The text is all there is: no byte order mark is added or removed, and a NUL is a character like
//! any other. Text that is not well-formed is refused, never repaired.
//!
//! Pure: no I/O and no clock.

use std::char;

use crate::error::{Error, ErrorKind, hresult};

/// An encoding of text.
///
/// # Model
///
/// `Windows.Storage.Streams.UnicodeEncoding`. The numeric values are fixed (DR-03), and UTF-8 is the
/// default (DR-02). The order of the bytes belongs to the encoding; `ByteOrder` does not change it
/// (DR-14).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum UnicodeEncoding {
    /// UTF-8. A code unit is a byte.
    #[default]
    Utf8 = 0,
    /// UTF-16, the least significant byte first. A code unit has two bytes.
    Utf16LE = 1,
    /// UTF-16, the most significant byte first. A code unit has two bytes.
    Utf16BE = 2,
}

impl TryFrom<i32> for UnicodeEncoding {
    type Error = Error;

    /// Returns the encoding with this numeric value.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): there is none.
    fn try_from(value: i32) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::Utf8),
            1 => Ok(Self::Utf16LE),
            2 => Ok(Self::Utf16BE),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("no encoding has the number {value}"),
            )),
        }
    }
}

impl UnicodeEncoding {
    /// Returns the length of a code unit, in bytes: 1 or 2.
    pub const fn code_unit_bytes(self) -> usize {
        match self {
            Self::Utf8 => 1,
            Self::Utf16LE | Self::Utf16BE => 2,
        }
    }

    /// Returns the number of code units that `text` has in this encoding.
    ///
    /// # Examples
    ///
    /// ```
    /// use udpair::data::UnicodeEncoding;
    ///
    /// assert_eq!(UnicodeEncoding::Utf8.measure("Très"), 5);
    /// assert_eq!(UnicodeEncoding::Utf16LE.measure("Très"), 4);
    /// assert_eq!(UnicodeEncoding::Utf16BE.measure("😀"), 2);
    /// ```
    ///
    /// # Model
    ///
    /// `DataWriter.MeasureString` (DW-04).
    pub fn measure(self, text: &str) -> usize {
        match self {
            Self::Utf8 => text.len(),
            Self::Utf16LE | Self::Utf16BE => text.chars().map(char::len_utf16).sum(),
        }
    }

    /// Returns the bytes of `text` in this encoding.
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16LE => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16BE => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }

    /// Returns the text that has these bytes in this encoding.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](ErrorKind::InvalidData), with `ERROR_NO_UNICODE_TRANSLATION`: the bytes are
    /// not well-formed text. Overlong forms, surrogates in UTF-8, unpaired surrogates in UTF-16 and
    /// incomplete characters are not.
    pub fn decode(self, bytes: &[u8]) -> Result<String, Error> {
        let units = |unit: fn([u8; 2]) -> u16| {
            let (pairs, rest) = bytes.as_chunks();
            if rest.is_empty() {
                from_utf16(pairs.iter().map(|pair| unit(*pair)))
            } else {
                Err(ill_formed("UTF-16", bytes.len() - 1))
            }
        };
        match self {
            Self::Utf8 => match str::from_utf8(bytes) {
                Ok(text) => Ok(text.to_owned()),
                Err(error) => Err(ill_formed("UTF-8", error.valid_up_to())),
            },
            Self::Utf16LE => units(u16::from_le_bytes),
            Self::Utf16BE => units(u16::from_be_bytes),
        }
    }
}

/// Returns the text that has these UTF-16 code units.
///
/// # Errors
///
/// [`InvalidData`](ErrorKind::InvalidData), with `ERROR_NO_UNICODE_TRANSLATION`: a surrogate is not
/// paired (DW-05).
pub(super) fn from_utf16(units: impl Iterator<Item = u16> + Clone) -> Result<String, Error> {
    let mut text = String::with_capacity(units.size_hint().0);
    let mut position = 0;
    for unit in char::decode_utf16(units) {
        let unit = unit.map_err(|_| ill_formed("UTF-16", 2 * position))?;
        position += unit.len_utf16();
        text.push(unit);
    }
    Ok(text)
}

fn ill_formed(encoding: &str, position: usize) -> Error {
    Error::new(
        ErrorKind::InvalidData,
        format!("the text is not well-formed {encoding} at byte {position}"),
    )
    .with_hresult(hresult::ERROR_NO_UNICODE_TRANSLATION)
}
