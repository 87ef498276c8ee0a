//! `MessageReceivedEventArgs`: what a handler is given for each datagram.

use std::net::SocketAddr;
use std::sync::OnceLock;

use bytes::Bytes;
use udpair::{Message, hresult};

use crate::error::{Error, HResult, Result};
use crate::networking::HostName;
use crate::storage_streams::{Buffer, DataReader, InputStream};

/// A datagram that has arrived, or an error that the network sent back for one that was sent:
/// `DatagramSocketMessageReceivedEventArgs`.
///
/// It stays valid after the handler has returned and after the socket is closed (MSG-20). A clone is
/// the same event: its reader is the same one.
#[derive(Debug)]
pub struct MessageReceivedEventArgs {
    content: Content,
    /// Made when it is first asked for.
    reader: OnceLock<DataReader>,
}

#[derive(Clone, Debug)]
enum Content {
    Message(Message),
    /// What a reader of this event fails with, and the destination of the datagram that was lost.
    Failure {
        code: HResult,
        destination: SocketAddr,
    },
}

impl MessageReceivedEventArgs {
    #[inline]
    pub(super) fn of_message(message: Message) -> Self {
        Self {
            content: Content::Message(message),
            reader: OnceLock::new(),
        }
    }

    pub(super) fn of_failure(code: HResult, destination: SocketAddr) -> Self {
        Self {
            content: Content::Failure { code, destination },
            reader: OnceLock::new(),
        }
    }

    /// Returns a reader of the payload, which is loaded already. Each call returns the same one
    /// (MSG-07 to MSG-09).
    ///
    /// # Errors
    ///
    /// - `WSAECONNRESET`: no socket has the port to which a datagram was sent.
    ///   [`remote_address`](Self::remote_address) and [`remote_port`](Self::remote_port) name it
    ///   (MSG-12).
    /// - `WSAENETRESET`: a datagram did not arrive, because its hop limit was used up (MSG-15).
    /// - `WSAEMSGSIZE`: the system has truncated the datagram (MSG-16).
    pub fn data_reader(&self) -> Result<DataReader> {
        if let Some(reader) = self.reader.get() {
            return Ok(reader.clone());
        }
        let made = DataReader::from_buffer(Buffer::from(self.bytes()?));
        Ok(self.reader.get_or_init(|| made).clone())
    }

    /// Returns a stream of the whole payload, independent of the reader (MSG-09).
    ///
    /// # Errors
    ///
    /// Those of [`data_reader`](Self::data_reader).
    pub fn data_stream(&self) -> Result<InputStream> {
        Ok(InputStream::from_bytes(self.bytes()?))
    }

    /// Returns the bytes of the payload, without a reader of their own.
    ///
    /// # Errors
    ///
    /// Those of [`data_reader`](Self::data_reader).
    #[inline]
    pub fn payload(&self) -> Result<&[u8]> {
        match &self.content {
            Content::Message(message) if !message.is_truncated() => Ok(message.payload()),
            content => Err(content.failure()),
        }
    }

    /// Returns the local address that received the datagram; for a multicast or a broadcast, that of
    /// the adapter (MSG-11). `None` for an error, and where the engine does not report it.
    pub fn local_address(&self) -> Option<HostName> {
        match &self.content {
            Content::Message(message) => message.local().map(HostName::from),
            Content::Failure { .. } => None,
        }
    }

    /// Returns the address of the sender; for an error, the destination that was not reached.
    pub fn remote_address(&self) -> HostName {
        self.remote().into()
    }

    /// Returns the port of the sender in decimal digits; for an error, that of the destination.
    pub fn remote_port(&self) -> String {
        self.remote().port().to_string()
    }

    fn remote(&self) -> SocketAddr {
        match &self.content {
            Content::Message(message) => message.remote(),
            Content::Failure { destination, .. } => *destination,
        }
    }

    /// Returns the payload as bytes that can be kept.
    fn bytes(&self) -> Result<Bytes> {
        match &self.content {
            Content::Message(message) if !message.is_truncated() => {
                Ok(message.clone().into_payload())
            }
            content => Err(content.failure()),
        }
    }
}

impl Content {
    /// Returns the error of an event without a whole payload.
    #[cold]
    fn failure(&self) -> Error {
        match self {
            Self::Message(message) => Error::new(
                hresult::WSAEMSGSIZE,
                format!(
                    "the system has truncated a datagram from {}",
                    message.remote()
                ),
            ),
            Self::Failure { code, destination } => Error::new(
                *code,
                format!("a datagram to {destination} was not delivered"),
            ),
        }
    }
}

impl Clone for MessageReceivedEventArgs {
    fn clone(&self) -> Self {
        // Made now, so that both have the same one.
        let _ = self.data_reader();
        Self {
            content: self.content.clone(),
            reader: self.reader.clone(),
        }
    }
}
