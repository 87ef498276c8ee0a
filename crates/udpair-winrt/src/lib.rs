#![doc = include_str!("../README.md")]
//!
//! # Where to read on
//!
//! - [`DatagramSocket`]: the socket. [`EndpointPair`] and [`HostName`]: what it is connected by.
//! - [`DataReader`], [`DataWriter`]: values from and to datagrams. [`InputStream`], [`OutputStream`]
//!   and [`Buffer`]: what they read and write.
//! - [`Operation`]: what a method returns whose Windows name ends in `Async`.
//! - [`Error`], [`SocketError`], [`hresult`]: what an error says.
//! - [`network_information`]: the names and adapters of this machine.
//! - [`porting`]: every member of the object model, and its name here. [`differences`]: what differs
//!   from Windows, and why.

#![forbid(unsafe_code)]

mod connectivity;
mod cryptography;
pub mod differences;
mod error;
mod foundation;
mod networking;
mod numbered;
pub mod porting;
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
    after_events,
};
pub use storage_streams::{
    Buffer, DataReader, DataReaderLoadOperation, DataWriter, DataWriterStoreOperation, IBuffer,
    IInputStream, IOutputStream, InputStream, InputStreamOptions, MemoryBuffer, OutputStream,
};
pub use udpair;
pub use udpair::data::{ByteOrder, DateTime, Guid, TimeSpan, UnicodeEncoding};
pub use udpair::{SocketErrorStatus, hresult};
