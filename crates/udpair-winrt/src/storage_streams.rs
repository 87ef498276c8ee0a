//! Buffers, streams, and the reader and writer on top of them.
//!
//! An [`IBuffer`], an [`IInputStream`] or an [`IOutputStream`] may be the application's own. The types
//! [`Buffer`], [`InputStream`] and [`OutputStream`] hold any of them; the latter two also see to what
//! closing a stream means (`open.rs`), so that no implementation has to.

mod buffer;
mod data_reader;
mod data_writer;
mod input_stream;
mod memory_buffer;
mod open;
mod output_stream;

pub use buffer::{Buffer, IBuffer};
pub use data_reader::{DataReader, DataReaderLoadOperation};
pub use data_writer::{DataWriter, DataWriterStoreOperation};
pub use input_stream::{IInputStream, InputStream, InputStreamOptions};
pub use memory_buffer::MemoryBuffer;
pub use output_stream::{IOutputStream, OutputStream};
