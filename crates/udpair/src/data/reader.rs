//! `Reader`: takes values from bytes.
//!
//! Pure: no I/O and no clock.

use bytes::{Bytes, BytesMut};

use super::byte_order::ByteOrder;
use super::guid::Guid;
use super::text::UnicodeEncoding;
use super::ticks::{DateTime, TimeSpan};
use crate::error::{Error, ErrorKind, hresult};

/// Takes values from bytes, one after another.
///
/// Every method that reads returns the next value, or an error that leaves all bytes unread.
///
/// # Errors
///
/// [`InvalidData`](ErrorKind::InvalidData) with the HRESULT `E_BOUNDS` if there are fewer unread
/// bytes than the value has (DR-07), or with `ERROR_NO_UNICODE_TRANSLATION` if text is not
/// well-formed (DR-14).
///
/// # Examples
///
/// ```
/// use udpair::data::{ByteOrder, Reader};
///
/// # fn main() -> Result<(), udpair::Error> {
/// let mut reader = Reader::new(vec![0, 1, 2, 0, b'h', b'i']);
/// assert_eq!(reader.read_u16()?, 1);
/// reader.set_byte_order(ByteOrder::LittleEndian);
/// assert_eq!(reader.read_u16()?, 2);
/// assert_eq!(reader.read_string(2)?, "hi");
/// assert_eq!(reader.unread(), 0);
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `Windows.Storage.Streams.DataReader` without its stream.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    unread: Bytes,
    byte_order: ByteOrder,
    encoding: UnicodeEncoding,
}

impl Reader {
    /// Returns a reader of these bytes, big-endian and with text in UTF-8 (DR-02). [`Bytes`] and
    /// vectors are not copied.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self {
            unread: bytes.into(),
            ..Self::default()
        }
    }

    /// Returns the byte order.
    pub fn byte_order(&self) -> ByteOrder {
        self.byte_order
    }

    /// Sets the byte order of the values that are read from now on. The default is big-endian.
    pub fn set_byte_order(&mut self, order: ByteOrder) {
        self.byte_order = order;
    }

    /// Returns the encoding of text.
    pub fn encoding(&self) -> UnicodeEncoding {
        self.encoding
    }

    /// Sets the encoding of the text that is read from now on. The default is UTF-8.
    pub fn set_encoding(&mut self, encoding: UnicodeEncoding) {
        self.encoding = encoding;
    }

    /// Returns the number of unread bytes (DR-08).
    pub fn unread(&self) -> usize {
        self.unread.len()
    }

    /// Appends `bytes` to those that are unread (DR-04). They are not copied if none are unread.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](ErrorKind::InvalidData), with `E_OUTOFMEMORY`: more than [`u32::MAX`] bytes
    /// would be unread. Nothing is appended.
    pub fn append(&mut self, bytes: Bytes) -> Result<(), Error> {
        if self.unread.is_empty() {
            fits(0, bytes.len(), LENGTH_MAX)?;
            self.unread = bytes;
            return Ok(());
        }
        fits(self.unread.len(), bytes.len(), LENGTH_MAX)?;
        let mut all = BytesMut::from(std::mem::take(&mut self.unread));
        all.extend_from_slice(&bytes);
        self.unread = all.freeze();
        Ok(())
    }

    /// Takes all unread bytes (DR-16). Byte order and encoding stay.
    pub fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.unread)
    }

    /// Reads one byte: zero is `false`, everything else is `true` (DR-09).
    pub fn read_bool(&mut self) -> Result<bool, Error> {
        self.read_u8().map(|byte| byte != 0)
    }

    /// Reads one byte.
    pub fn read_u8(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    /// Reads a number of 4 bytes (IEEE 754).
    pub fn read_f32(&mut self) -> Result<f32, Error> {
        self.read_u32().map(f32::from_bits)
    }

    /// Reads a number of 8 bytes (IEEE 754).
    pub fn read_f64(&mut self) -> Result<f64, Error> {
        self.read_u64().map(f64::from_bits)
    }

    /// Reads an identifier: 16 bytes, of which the first three fields are in the byte order
    /// (DR-11).
    pub fn read_guid(&mut self) -> Result<Guid, Error> {
        let bytes = self.array()?;
        Ok(Guid::from_bytes(bytes, self.byte_order))
    }

    /// Reads a moment: 8 bytes, the number of 100-nanosecond steps since 1601 (DR-12).
    pub fn read_date_time(&mut self) -> Result<DateTime, Error> {
        self.read_i64().map(DateTime)
    }

    /// Reads a period: 8 bytes, the number of 100-nanosecond steps (DR-12).
    pub fn read_time_span(&mut self) -> Result<TimeSpan, Error> {
        self.read_i64().map(TimeSpan)
    }

    /// Fills `bytes` completely (DR-15).
    pub fn read_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let found = self.peek(bytes.len())?;
        bytes.copy_from_slice(found);
        let _ = self.unread.split_to(bytes.len());
        Ok(())
    }

    /// Reads `length` bytes without copying them (DR-15).
    pub fn read_buffer(&mut self, length: u32) -> Result<Bytes, Error> {
        let length = index(length);
        self.peek(length)?;
        Ok(self.unread.split_to(length))
    }

    /// Reads text of `code_units` code units of the encoding: bytes in UTF-8, pairs of bytes in
    /// UTF-16 (DR-13). A byte order mark and NUL are part of the text.
    pub fn read_string(&mut self, code_units: u32) -> Result<String, Error> {
        let length = index(code_units).saturating_mul(self.encoding.code_unit_bytes());
        let text = self.encoding.decode(self.peek(length)?)?;
        let _ = self.unread.split_to(length);
        Ok(text)
    }

    /// Takes the next `N` bytes.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let Some(bytes) = self.unread.first_chunk() else {
            return Err(self.out_of_bounds(N));
        };
        let bytes = *bytes;
        let _ = self.unread.split_to(N);
        Ok(bytes)
    }

    /// Takes the next `N` bytes, the most significant first.
    fn number<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.array().map(|bytes| self.byte_order.reorder(bytes))
    }

    /// Returns the next bytes and leaves them unread.
    fn peek(&self, length: usize) -> Result<&[u8], Error> {
        let found = self.unread.get(..length);
        found.ok_or_else(|| self.out_of_bounds(length))
    }

    fn out_of_bounds(&self, wanted: usize) -> Error {
        let unread = self.unread.len();
        Error::new(
            ErrorKind::InvalidData,
            format!("cannot read {wanted} bytes: {unread} are left"),
        )
    }
}

macro_rules! integers {
    ($($read:ident: $integer:ty, $bytes:literal;)+) => {
        impl Reader {
            $(
                #[doc = concat!("Reads an integer of ", $bytes, " bytes in the byte order (DR-10).")]
                pub fn $read(&mut self) -> Result<$integer, Error> {
                    self.number().map(<$integer>::from_be_bytes)
                }
            )+
        }
    };
}

integers! {
    read_i16: i16, "2";
    read_i32: i32, "4";
    read_i64: i64, "8";
    read_u16: u16, "2";
    read_u32: u32, "4";
    read_u64: u64, "8";
}

/// Checks that `more` bytes can be added to `length` bytes where `most` are allowed.
///
/// # Errors
///
/// [`InvalidData`](ErrorKind::InvalidData), with `E_OUTOFMEMORY`: they cannot.
pub(super) fn fits(length: usize, more: usize, most: usize) -> Result<(), Error> {
    if more <= most.saturating_sub(length) {
        return Ok(());
    }
    let error = Error::new(
        ErrorKind::InvalidData,
        format!("cannot add {more} bytes to {length}: a buffer has at most {most}"),
    );
    Err(error.with_hresult(hresult::E_OUTOFMEMORY))
}

/// The length of the longest buffer: lengths are 32-bit numbers (DW-18).
#[cfg(target_pointer_width = "16")]
pub(super) const LENGTH_MAX: usize = usize::MAX;
#[cfg(not(target_pointer_width = "16"))]
pub(super) const LENGTH_MAX: usize = u32::MAX as usize;

/// Returns a length as an index. What no memory can hold is the largest one.
fn index(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
