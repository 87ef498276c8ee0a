//! The Linux engine: one datagram a call, with all that the kernel knows of it, and the error queue.

use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::AsRawFd;
use std::ptr;

use super::address::{self, RawAddress};
use super::control::{self, ControlBuffer, ControlMessages};
use super::{error_queue, option};
use crate::batch::{Metadata, Outgoing, RecvBatch};
use crate::engine::{Capabilities, Engine, Waiting, sealed::Sealed};
use crate::peer_error::NetworkError;
use crate::socket::Socket;

/// See the module.
#[derive(Debug)]
pub(super) struct Linux;

impl Sealed for Linux {}

impl Engine for Linux {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            local_address: true,
            packet_header: true,
            drops: true,
            error_queue: true,
        }
    }

    fn prepare(&self, socket: &Socket) -> io::Result<()> {
        option::ask_for_metadata(socket)?;
        option::ask_for_errors(socket)
    }

    fn receive(&self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Waiting> {
        batch.clear();
        while !batch.is_full() {
            match batch.push_with(|buffer| receive_one(socket, buffer)) {
                Ok(()) => {}
                Err(error) if batch.is_empty() => return Err(error),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Waiting::Nothing);
                }
                // The call that failed took no entry from the error queue, which the next one meets.
                Err(_) => break,
            }
        }
        Ok(Waiting::Perhaps)
    }

    fn send(&self, socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<()> {
        let to = outgoing.to.map(|to| socket.to_wire(to)).transpose()?;
        let (mut name, name_bytes) = match to {
            Some(to) => RawAddress::encode(to),
            None => (RawAddress::unspecified(), 0),
        };
        let mut payload = IoSlice::new(outgoing.payload);
        let mut header = empty_header();
        if name_bytes > 0 {
            header.msg_name = (&raw mut name).cast();
            header.msg_namelen = name_bytes;
        }
        // An `IoSlice` is an `iovec` (std documents it), which sendmsg(2) only reads.
        header.msg_iov = (&raw mut payload).cast();
        header.msg_iovlen = 1;
        // SAFETY: the header's pointers lead to `name` and `payload`, which live until after the
        // call, with their true lengths.
        let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, 0) };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    fn take_errors(
        &self,
        socket: &Socket,
        found: &mut dyn FnMut(NetworkError),
    ) -> io::Result<usize> {
        error_queue::drain(socket, found)
    }

    fn reported_by(&self, _socket: &Socket, _error: &io::Error) -> Option<NetworkError> {
        None
    }
}

/// What `recvmsg` said of the message it received.
pub(super) struct Received {
    /// Bytes written into the buffer.
    pub(super) length: usize,
    /// The other end: the sender, or for an error the destination of the lost datagram.
    pub(super) name: RawAddress,
    pub(super) control: ControlBuffer,
    pub(super) control_length: usize,
    pub(super) truncated: bool,
}

impl Received {
    pub(super) fn control_messages(&self) -> ControlMessages<'_> {
        self.control.messages(self.control_length)
    }
}

/// Calls recvmsg(2) once.
#[allow(
    clippy::unnecessary_cast,
    reason = "musl counts control bytes in 32 bits"
)]
pub(super) fn receive_message(
    socket: &Socket,
    buffer: &mut [u8],
    flags: libc::c_int,
) -> io::Result<Received> {
    let mut received = Received {
        length: 0,
        name: RawAddress::unspecified(),
        control: ControlBuffer::new(),
        control_length: 0,
        truncated: false,
    };
    let mut payload = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut header = empty_header();
    header.msg_name = (&raw mut received.name).cast();
    header.msg_namelen = RawAddress::BYTES;
    header.msg_iov = &raw mut payload;
    header.msg_iovlen = 1;
    header.msg_control = received.control.as_mut_ptr().cast();
    header.msg_controllen = received.control.len() as _;
    // SAFETY: the header's pointers lead to `received` and `buffer`, which live until after the
    // call and are writable for the lengths given.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    received.length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    received.control_length = header.msg_controllen as usize;
    received.truncated = header.msg_flags & libc::MSG_TRUNC != 0;
    Ok(received)
}

fn receive_one(socket: &Socket, buffer: &mut [u8]) -> io::Result<(usize, Metadata)> {
    let received = receive_message(socket, buffer, 0)?;
    let from = received
        .name
        .decode()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the kernel named no sender"))?;
    let mut metadata = Metadata::of_sender(from);
    metadata.truncated = received.truncated;
    read_metadata(received.control_messages(), &mut metadata);
    Ok((received.length, metadata))
}

/// Fills in what the control messages of a datagram say (ip(7), ipv6(7), socket(7)).
fn read_metadata(messages: ControlMessages<'_>, metadata: &mut Metadata) {
    for message in messages {
        let data = message.data;
        match (message.level, message.kind) {
            // struct in_pktinfo: index, the local address, the address in the packet.
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                metadata.adapter = control::u32_at(data, 0);
                metadata.local = data.get(4..).and_then(address::ipv4);
                metadata.to = data.get(8..).and_then(address::ipv4);
            }
            // struct in6_pktinfo: the address in the packet, index. An IPv4 datagram on a
            // dual-stack socket brings the IPv4 message too, which knows more.
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if metadata.local.is_none() => {
                metadata.to = address::ipv6(data);
                metadata.local = metadata.to.filter(|to| !to.is_multicast());
                metadata.adapter = control::u32_at(data, 16);
            }
            (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                metadata.hop_limit =
                    control::i32_at(data, 0).and_then(|hops| u8::try_from(hops).ok());
            }
            // One byte of traffic class for IPv4, an int for IPv6; ECN is its two low bits.
            (libc::IPPROTO_IP, libc::IP_TOS) => {
                metadata.ecn = data.first().map(|class| class & ECN_MASK);
            }
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                metadata.ecn = control::i32_at(data, 0)
                    .and_then(|class| u8::try_from(class).ok())
                    .map(|class| class & ECN_MASK);
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                metadata.drops = control::u32_at(data, 0);
            }
            _ => {}
        }
    }
}

/// A header without buffers.
fn empty_header() -> libc::msghdr {
    // SAFETY: the fields are integers and pointers, for which zero is a value.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = ptr::null_mut();
    header
}

/// The ECN field of the traffic class (RFC 3168, section 5).
const ECN_MASK: u8 = 0b11;
