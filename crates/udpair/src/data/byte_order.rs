//! `ByteOrder`: which byte of a number comes first.
//!
//! Pure: no I/O and no clock.

use crate::error::{Error, ErrorKind};

/// Which byte of a number comes first.
///
/// # Model
///
/// `Windows.Storage.Streams.ByteOrder`. The numeric values are fixed (DR-03), and big-endian is the
/// default (DR-02).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum ByteOrder {
    /// The least significant byte first.
    LittleEndian = 0,
    /// The most significant byte first, as in the headers of internet protocols.
    #[default]
    BigEndian = 1,
}

impl TryFrom<i32> for ByteOrder {
    type Error = Error;

    /// Returns the byte order with this numeric value.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): there is none.
    fn try_from(value: i32) -> Result<Self, Error> {
        match value {
            0 => Ok(Self::LittleEndian),
            1 => Ok(Self::BigEndian),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("no byte order has the number {value}"),
            )),
        }
    }
}

impl ByteOrder {
    /// Converts between the big-endian bytes of a number and its bytes in this order, either way.
    pub(super) fn reorder<const N: usize>(self, mut bytes: [u8; N]) -> [u8; N] {
        if self == Self::LittleEndian {
            bytes.reverse();
        }
        bytes
    }
}
