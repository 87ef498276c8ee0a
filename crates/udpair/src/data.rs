//! Numbers, text, identifiers and times as bytes: the encoding of `DataReader` and `DataWriter`.
//!
//! A [`Writer`] appends values to a buffer, and a [`Reader`] takes them from one. Both have a
//! [`ByteOrder`] and a [`UnicodeEncoding`], which may change between two values. A value that
//! cannot be read or written leaves the buffer as it was.
//!
//! Nothing but the values is written: no lengths, no types, no byte order mark. So both ends have
//! to agree on what follows what.
//!
//! # Examples
//!
//! ```
//! use udpair::data::{Reader, Writer};
//!
//! # fn main() -> Result<(), udpair::Error> {
//! let mut writer = Writer::new();
//! writer.write_u32(writer.measure("Très").try_into().unwrap())?;
//! writer.write_string("Très")?;
//!
//! let mut reader = Reader::new(writer.take());
//! let code_units = reader.read_u32()?;
//! assert_eq!(reader.read_string(code_units)?, "Très");
//! assert!(reader.read_u8().is_err());
//! # Ok(())
//! # }
//! ```
//!
//! # Model
//!
//! `Windows.Storage.Streams.DataReader` and `DataWriter`, without their streams (DR-02 to DR-16,
//! DW-01 to DW-07).

mod byte_order;
mod guid;
mod reader;
mod text;
mod ticks;
mod writer;

pub use byte_order::ByteOrder;
pub use guid::Guid;
pub use reader::Reader;
pub use text::UnicodeEncoding;
pub use ticks::{DateTime, TimeSpan};
pub use writer::Writer;
