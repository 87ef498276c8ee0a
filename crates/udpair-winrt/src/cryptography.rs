//! `CryptographicBuffer`: text as buffers. Of its Windows namesake it has the conversions of text,
//! which programs use to fill and read buffers without a reader or a writer.

use udpair::data::UnicodeEncoding;

use crate::error::{Error, Result};
use crate::numbered::numbered;
use crate::storage_streams::{Buffer, IBuffer};

/// Conversions between text and buffers.
///
/// # Examples
///
/// ```
/// use udpair_winrt::{BinaryStringEncoding, CryptographicBuffer};
///
/// # fn main() -> udpair_winrt::Result<()> {
/// let encoding = BinaryStringEncoding::Utf16LE;
/// let buffer = CryptographicBuffer::convert_string_to_binary("Très", encoding);
/// assert_eq!(buffer.length(), 8);
/// let text = CryptographicBuffer::convert_binary_to_string(encoding, &buffer)?;
/// assert_eq!(text, "Très");
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `Windows.Security.Cryptography.CryptographicBuffer`.
#[derive(Debug)]
pub enum CryptographicBuffer {}

/// An encoding of text in a buffer.
///
/// # Model
///
/// `Windows.Security.Cryptography.BinaryStringEncoding`. The numeric values are fixed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum BinaryStringEncoding {
    /// UTF-8.
    Utf8 = 0,
    /// UTF-16, the least significant byte first.
    Utf16LE = 1,
    /// UTF-16, the most significant byte first.
    Utf16BE = 2,
}

impl CryptographicBuffer {
    /// Returns a buffer with the bytes of `text`: no byte order mark, no terminator.
    pub fn convert_string_to_binary(text: &str, encoding: BinaryStringEncoding) -> Buffer {
        UnicodeEncoding::from(encoding).encode(text).into()
    }

    /// Returns a buffer with the bytes of text that is given as UTF-16 code units, as strings of
    /// JavaScript and C++ are.
    ///
    /// # Errors
    ///
    /// `ERROR_NO_UNICODE_TRANSLATION`: a surrogate is not paired.
    pub fn convert_utf16_to_binary(text: &[u16], encoding: BinaryStringEncoding) -> Result<Buffer> {
        let bytes = UnicodeEncoding::from(encoding).encode_utf16(text)?;
        Ok(bytes.into())
    }

    /// Returns the text of all bytes of `buffer`. A byte order mark and NUL are part of it.
    ///
    /// # Errors
    ///
    /// `ERROR_NO_UNICODE_TRANSLATION`: the bytes are not well-formed text.
    pub fn convert_binary_to_string(
        encoding: BinaryStringEncoding,
        buffer: &dyn IBuffer,
    ) -> Result<String> {
        let text = UnicodeEncoding::from(encoding).decode(&buffer.to_bytes())?;
        Ok(text)
    }
}

impl From<BinaryStringEncoding> for UnicodeEncoding {
    fn from(encoding: BinaryStringEncoding) -> Self {
        match encoding {
            BinaryStringEncoding::Utf8 => Self::Utf8,
            BinaryStringEncoding::Utf16LE => Self::Utf16LE,
            BinaryStringEncoding::Utf16BE => Self::Utf16BE,
        }
    }
}

impl TryFrom<i32> for BinaryStringEncoding {
    type Error = Error;

    /// Returns the encoding with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there is none.
    fn try_from(value: i32) -> Result<Self> {
        let all = [Self::Utf8, Self::Utf16LE, Self::Utf16BE];
        numbered(&all, value, "encoding")
    }
}
