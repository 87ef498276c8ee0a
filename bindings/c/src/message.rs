//! Messages: what a socket has received.

use std::net::{IpAddr, SocketAddr};

use udpair_winrt::udpair::RecvBatch;
use udpair_winrt::{Error, HostName as Host, MessageReceivedEventArgs, Result, hresult};

use crate::error::{HResult, guard, put, required};
use crate::handle::{Handle, give};
use crate::names::HostName;
use crate::reader::Reader;
use crate::streams::InputStream;
use crate::text::Span;

/// A datagram that has arrived, or an error that the network sent back for one that was sent. It
/// stays valid after the callback and after the socket, for a caller that retains it.
pub struct MessageEvent(Option<MessageReceivedEventArgs>);

impl Handle for MessageEvent {}

impl MessageEvent {
    /// Returns an object that has no message yet.
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// Replaces the message. The object is used again if no program has kept it.
    pub(crate) fn replace(&mut self, arguments: Option<MessageReceivedEventArgs>) {
        self.0 = arguments;
    }
}

fn inner(message: Option<&MessageEvent>) -> Result<&MessageReceivedEventArgs> {
    let message = required(message, "the message")?;
    let over = || Error::new(hresult::RO_E_CLOSED, "the message was not retained");
    message.0.as_ref().ok_or_else(over)
}

/// Writes where the payload of a message is: as long as a reference to the message is held. Any
/// thread.
///
/// Errors: WSAECONNRESET if nobody receives where a datagram was sent to, which the remote address and
/// port name; WSAENETRESET if its hop limit was used up; WSAEMSGSIZE if it was truncated.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_message_payload(
    message: Option<&MessageEvent>,
    out: Option<&mut Span>,
) -> HResult {
    guard(|| put(out, Span::of(inner(message)?.payload()?)))
}

/// Writes a reader of the payload, which is the caller's: the same one each time. Any thread.
///
/// Errors: those of udpair_message_payload.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_message_reader(
    message: Option<&MessageEvent>,
    out: Option<&mut *mut Reader>,
) -> HResult {
    guard(|| put(out, give(Reader(inner(message)?.data_reader()?))))
}

/// Writes a stream of the whole payload, which is the caller's. Any thread.
///
/// Errors: those of udpair_message_payload.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_message_stream(
    message: Option<&MessageEvent>,
    out: Option<&mut *mut InputStream>,
) -> HResult {
    guard(|| put(out, give(InputStream(inner(message)?.data_stream()?))))
}

/// Writes the local address that received a message, which is the caller's; NULL for an error. Any
/// thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_message_local_address(
    message: Option<&MessageEvent>,
    out: Option<&mut *mut HostName>,
) -> HResult {
    guard(|| put(out, HostName::give(inner(message)?.local_address())))
}

/// Writes the address of the sender, which is the caller's; for an error, the destination. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_message_remote_address(
    message: Option<&MessageEvent>,
    out: Option<&mut *mut HostName>,
) -> HResult {
    guard(|| put(out, HostName::give(Some(inner(message)?.remote_address()))))
}

/// Returns the port of the sender; for an error, that of the destination. 0 if the message is NULL. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_message_remote_port(message: Option<&MessageEvent>) -> u16 {
    let port = inner(message).map(MessageReceivedEventArgs::remote_port);
    port.map_or(0, |port| port.parse().unwrap_or(0))
}

/// An address with a port. An unknown one has no bytes.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Address {
    /// The bytes of the IP address, the first `length` of them.
    pub ip: [u8; 16],
    /// 4 for IPv4, 16 for IPv6, 0 if it is not known.
    pub length: u8,
    /// The port.
    pub port: u16,
    /// The zone of an IPv6 address, or 0.
    pub scope_id: u32,
}

/// A datagram of a batch, or an error that the network sent back. It is only valid during the
/// callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Datagram {
    /// The payload; NULL for an error.
    pub data: *const u8,
    /// The number of bytes of the payload.
    pub length: usize,
    /// The sender; for an error, the destination.
    pub remote: Address,
    /// The local address; unknown for an error.
    pub local: Address,
    /// 0, or the HRESULT of an error.
    pub code: HResult,
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let scope_id = match address {
            SocketAddr::V6(address) => address.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        Self {
            port: address.port(),
            scope_id,
            ..address.ip().to_canonical().into()
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        let mut bytes = [0; 16];
        let length = match ip {
            IpAddr::V4(ip) => {
                bytes[..4].copy_from_slice(&ip.octets());
                4
            }
            IpAddr::V6(ip) => {
                bytes = ip.octets();
                16
            }
        };
        Self {
            ip: bytes,
            length,
            ..Self::default()
        }
    }
}

impl Datagram {
    /// Puts the datagrams of a batch into `datagrams`. They point into the batch.
    pub(crate) fn list(batch: &RecvBatch, datagrams: &mut Vec<Self>) {
        datagrams.clear();
        datagrams.extend(batch.iter().map(|datagram| {
            let metadata = datagram.metadata();
            Self {
                data: datagram.payload().as_ptr(),
                length: datagram.payload().len(),
                remote: datagram.remote().into(),
                local: metadata.local.map(Address::from).unwrap_or_default(),
                code: match metadata.is_truncated {
                    true => hresult::WSAEMSGSIZE,
                    false => 0,
                },
            }
        }));
    }

    /// Returns an event that is no datagram of a batch.
    pub(crate) fn of(arguments: &MessageReceivedEventArgs) -> Self {
        let (data, length, code) = match arguments.payload() {
            Ok(payload) => (payload.as_ptr(), payload.len(), 0),
            Err(error) => (std::ptr::null(), 0, error.code()),
        };
        let port = arguments.remote_port().parse().unwrap_or(0);
        Self {
            data,
            length,
            remote: Address {
                port,
                ..address(&arguments.remote_address())
            },
            local: arguments
                .local_address()
                .as_ref()
                .map(address)
                .unwrap_or_default(),
            code,
        }
    }
}

/// Returns the address that a host name is.
fn address(host: &Host) -> Address {
    let name = host.canonical_name();
    let ip = name.split('%').next().unwrap_or_default();
    ip.parse::<IpAddr>().map(Address::from).unwrap_or_default()
}
