//! The object model of `Windows.Networking.Sockets` and `Windows.Storage.Streams`, on every system.
//!
//! [`udpair`] has the sockets; this crate has the spelling of the Windows Runtime: operations that
//! start when a method is called, buffers, streams, [`DataReader`] and [`DataWriter`], and errors
//! with an HRESULT. Programs that were written for Windows find their objects here, and bindings for
//! other languages are built on it.
//!
//! ```
//! use udpair_winrt::{ByteOrder, DataReader, DataWriter};
//!
//! # fn main() -> udpair_winrt::Result<()> {
//! let writer = DataWriter::new();
//! writer.set_byte_order(ByteOrder::LittleEndian)?;
//! writer.write_u32(7)?;
//! writer.write_string("Très")?;
//!
//! let reader = DataReader::from_buffer(writer.detach_buffer()?);
//! reader.set_byte_order(ByteOrder::LittleEndian)?;
//! assert_eq!(reader.read_u32()?, 7);
//! assert_eq!(reader.read_string(5)?, "Très");
//! # Ok(())
//! # }
//! ```
//!
//! # Names
//!
//! Names are those of the Windows Runtime with Rust's grammar: `LoadAsync` is `load`, `ReadInt16` is
//! `read_i16`, a property is a method and a `set_` method. Overloads have names of their own.
//! Objects are handles: a clone is the same object.
//!
//! # Operations
//!
//! A method whose Windows name ends in `Async` returns an [`Operation`], which has started already.
//! It can be awaited in any executor, waited for by a thread ([`get`](Operation::get)), given a
//! handler ([`set_completed`](Operation::set_completed)), or left alone.
//!
//! # Errors
//!
//! The HRESULT of an [`Error`] is the same on every system; [`hresult`] lists them.

#![forbid(unsafe_code)]

mod connectivity;
mod cryptography;
mod error;
mod foundation;
mod networking;
mod numbered;
mod sockets;
mod storage_streams;

pub use connectivity::{
    ConnectionProfile, IpInformation, NetworkAdapter, NetworkItem, NetworkTypes,
    network_information,
};
pub use cryptography::{BinaryStringEncoding, CryptographicBuffer};
pub use error::{Error, HResult, Result};
pub use foundation::{
    Action, ActionWithProgress, AsyncStatus, Completer, EventToken, Operation, OperationFuture,
    OperationWithProgress, Reporter, Task,
};
pub use networking::{DomainNameType, EndpointPair, HostName, HostNameSortOptions, HostNameType};
pub use sockets::{
    DatagramSocket, DatagramSocketControl, DatagramSocketInformation, MessageReceivedEventArgs,
    Received, Reception, SocketActivityConnectedStandbyAction, SocketActivityContext,
    SocketActivityInformation, SocketActivityKind, SocketActivityTrigger,
    SocketActivityTriggerDetails, SocketActivityTriggerReason, SocketError, SocketQualityOfService,
};
pub use storage_streams::{
    Buffer, DataReader, DataReaderLoadOperation, DataWriter, DataWriterStoreOperation, IBuffer,
    IInputStream, IOutputStream, InputStream, InputStreamOptions, MemoryBuffer, OutputStream,
};
pub use udpair;
pub use udpair::data::{ByteOrder, DateTime, Guid, TimeSpan, UnicodeEncoding};
pub use udpair::{SocketErrorStatus, hresult};

/// The example of the package's README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
