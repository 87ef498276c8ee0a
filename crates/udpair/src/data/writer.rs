//! `Writer`: appends values to a buffer.
//!
//! Pure: no I/O and no clock.

use bytes::{Bytes, BytesMut};

use super::byte_order::ByteOrder;
use super::guid::Guid;
use super::reader::{LENGTH_MAX, fits};
use super::text::{UnicodeEncoding, from_utf16};
use super::ticks::{DateTime, TimeSpan};
use crate::error::Error;

/// Appends values to a buffer.
///
/// # Errors
///
/// Every method that writes fails with [`InvalidData`](crate::ErrorKind::InvalidData) and the
/// HRESULT `E_OUTOFMEMORY` if the buffer would hold more than [`u32::MAX`] bytes (DW-18). The buffer
/// then is as it was.
///
/// # Examples
///
/// ```
/// use udpair::data::Writer;
///
/// # fn main() -> Result<(), udpair::Error> {
/// let mut writer = Writer::new();
/// writer.write_u16(1)?;
/// let code_units = writer.write_string("hi")?;
/// assert_eq!(code_units, 2);
/// assert_eq!(writer.take(), [0, 1, b'h', b'i'].as_slice());
/// assert_eq!(writer.length(), 0);
/// # Ok(())
/// # }
/// ```
///
/// # Model
///
/// `Windows.Storage.Streams.DataWriter` without its stream.
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: BytesMut,
    byte_order: ByteOrder,
    encoding: UnicodeEncoding,
    /// The length of the longest buffer, in bytes. Tests use a short one.
    most: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// Returns an empty writer, big-endian and with text in UTF-8 (DW-01).
    pub fn new() -> Self {
        Self {
            bytes: BytesMut::new(),
            byte_order: ByteOrder::default(),
            encoding: UnicodeEncoding::default(),
            most: LENGTH_MAX,
        }
    }

    /// Returns the byte order.
    pub fn byte_order(&self) -> ByteOrder {
        self.byte_order
    }

    /// Sets the byte order of the values that are written from now on. The default is big-endian.
    pub fn set_byte_order(&mut self, order: ByteOrder) {
        self.byte_order = order;
    }

    /// Returns the encoding of text.
    pub fn encoding(&self) -> UnicodeEncoding {
        self.encoding
    }

    /// Sets the encoding of the text that is written from now on. The default is UTF-8.
    pub fn set_encoding(&mut self, encoding: UnicodeEncoding) {
        self.encoding = encoding;
    }

    /// Returns the number of bytes that were written and not taken (DW-07).
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the bytes that were written and not taken.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes all bytes that were written (DW-14). Byte order and encoding stay.
    pub fn take(&mut self) -> Bytes {
        self.bytes.split().freeze()
    }

    /// Puts bytes that were taken back, before those that were written since (DW-11).
    ///
    /// # Errors
    ///
    /// That of this type.
    pub fn put_back(&mut self, bytes: Bytes) -> Result<(), Error> {
        fits(self.bytes.len(), bytes.len(), self.most)?;
        let since = std::mem::replace(&mut self.bytes, bytes.into());
        self.bytes.extend_from_slice(&since);
        Ok(())
    }

    /// Returns the number of code units that `text` has in the encoding (DW-04): the number to read
    /// it with.
    pub fn measure(&self, text: &str) -> usize {
        self.encoding.measure(text)
    }

    /// Writes one byte: 1 for `true`, 0 for `false` (DW-02).
    pub fn write_bool(&mut self, value: bool) -> Result<(), Error> {
        self.write_u8(value.into())
    }

    /// Writes one byte.
    pub fn write_u8(&mut self, value: u8) -> Result<(), Error> {
        self.write_bytes(&[value])
    }

    /// Writes a number of 4 bytes (IEEE 754).
    pub fn write_f32(&mut self, value: f32) -> Result<(), Error> {
        self.write_u32(value.to_bits())
    }

    /// Writes a number of 8 bytes (IEEE 754).
    pub fn write_f64(&mut self, value: f64) -> Result<(), Error> {
        self.write_u64(value.to_bits())
    }

    /// Writes an identifier: 16 bytes, of which the first three fields are in the byte order
    /// (DW-02).
    pub fn write_guid(&mut self, value: Guid) -> Result<(), Error> {
        self.write_bytes(&value.to_bytes(self.byte_order))
    }

    /// Writes a moment: 8 bytes, the number of 100-nanosecond steps since 1601 (DW-02).
    pub fn write_date_time(&mut self, value: DateTime) -> Result<(), Error> {
        self.write_i64(value.0)
    }

    /// Writes a period: 8 bytes, the number of 100-nanosecond steps (DW-02).
    pub fn write_time_span(&mut self, value: TimeSpan) -> Result<(), Error> {
        self.write_i64(value.0)
    }

    /// Writes these bytes (DW-06).
    pub fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        fits(self.bytes.len(), bytes.len(), self.most)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes `text` and returns its length in code units of the encoding. Nothing else is written:
    /// no length, no byte order mark, no terminator (DW-03).
    pub fn write_string(&mut self, text: &str) -> Result<usize, Error> {
        if self.encoding == UnicodeEncoding::Utf8 {
            self.write_bytes(text.as_bytes())?;
            return Ok(text.len());
        }
        let bytes = self.encoding.encode(text);
        self.write_bytes(&bytes)?;
        Ok(bytes.len() / self.encoding.code_unit_bytes())
    }

    /// Writes text that is given as UTF-16 code units, as strings of JavaScript and C++ are, and
    /// returns its length in code units of the encoding.
    ///
    /// # Errors
    ///
    /// As this type says, and [`InvalidData`](crate::ErrorKind::InvalidData) with
    /// `ERROR_NO_UNICODE_TRANSLATION`: a surrogate is not paired. Nothing is written (DW-05).
    pub fn write_utf16(&mut self, text: &[u16]) -> Result<usize, Error> {
        let text = from_utf16(text.iter().copied())?;
        self.write_string(&text)
    }
}

macro_rules! integers {
    ($($write:ident: $integer:ty, $bytes:literal;)+) => {
        impl Writer {
            $(
                #[doc = concat!("Writes an integer of ", $bytes, " bytes in the byte order (DW-02).")]
                pub fn $write(&mut self, value: $integer) -> Result<(), Error> {
                    self.write_bytes(&self.byte_order.reorder(value.to_be_bytes()))
                }
            )+
        }
    };
}

integers! {
    write_i16: i16, "2";
    write_i32: i32, "4";
    write_i64: i64, "8";
    write_u16: u16, "2";
    write_u32: u32, "4";
    write_u64: u64, "8";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::hresult;

    /// DW-18: what does not fit is not written, not even in part.
    #[test]
    fn a_value_that_does_not_fit_is_not_written() {
        type Write = fn(&mut Writer) -> Result<(), Error>;
        let writes: &[(usize, Write)] = &[
            (1, |writer| writer.write_bool(true)),
            (2, |writer| writer.write_i16(1)),
            (4, |writer| writer.write_f32(1.0)),
            (8, |writer| writer.write_u64(1)),
            (16, |writer| writer.write_guid(Guid::default())),
            (3, |writer| writer.write_bytes(b"abc")),
            (4, |writer| writer.write_string("abcd").map(drop)),
            (2, |writer| writer.write_utf16(&[0xe9]).map(drop)),
            (5, |writer| writer.put_back(Bytes::from_static(b"12345"))),
        ];
        for (length, write) in writes {
            let mut writer = Writer {
                most: 10 + length,
                ..Writer::new()
            };
            writer.write_bytes(&[7; 11]).unwrap();
            let error = write(&mut writer).unwrap_err();
            assert_eq!(error.hresult(), hresult::E_OUTOFMEMORY, "{length}");
            assert_eq!(writer.as_bytes(), [7; 11], "{length}");

            writer.take();
            writer.write_bytes(&[7; 10]).unwrap();
            write(&mut writer).unwrap();
            assert_eq!(writer.length(), 10 + length);
        }
        assert_eq!(Writer::new().most, 0xffff_ffff);
    }
}
