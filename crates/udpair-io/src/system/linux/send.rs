//! Sending: one sendmsg(2) for a datagram, one sendmmsg(2) for a batch.
//!
//! In a batch, datagrams of one length to one destination become one message, which the kernel cuts
//! (`UDP_SEGMENT`, udp(7)). Payloads are not copied: a message is a list of where they lie. Only very
//! short ones are, since the kernel takes longer to find such a payload than it takes to copy it.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::ptr;

use super::address::RawAddress;
use super::control::ControlWriter;
use super::message::empty_header;
use crate::batch::{Destination, Outgoing, SendBatch, Source};
use crate::engine::Sent;
use crate::gso::GsoBatch;
use crate::offload;
use crate::socket::Socket;

/// See [`Engine::send`](crate::Engine::send).
pub(super) fn send_one(socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<()> {
    let Some(to) = outgoing.to else {
        // To the peer, by its own choice: the standard library's call is the shortest way.
        return socket.send(outgoing);
    };
    let (mut name, name_bytes) = encode(socket, Some(to))?;
    let mut control = source_control(Some(to));
    let mut payload = IoSlice::new(outgoing.payload);
    let mut header = empty_header();
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = name_bytes;
    if control.len() > 0 {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.len() as _;
    }
    // An `IoSlice` is an `iovec` (std documents it), which sendmsg(2) only reads.
    header.msg_iov = (&raw mut payload).cast();
    header.msg_iovlen = 1;
    // SAFETY: the header's pointers lead to `name`, `control` and `payload`, which live until after
    // the call, with their true lengths.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, 0) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// See [`Engine::send_batch`](crate::Engine::send_batch).
pub(super) fn send_batch(
    socket: &Socket,
    batch: &SendBatch,
    to: Option<Destination>,
    most: usize,
) -> io::Result<Sent> {
    SCRATCH.with_borrow_mut(|messages| {
        loop {
            messages.write(socket, batch, to, most)?;
            let error = match messages.send(socket) {
                Ok(count) => return Ok(messages.total(count)),
                Err(error) => error,
            };
            match (messages.rows.first(), error.raw_os_error()) {
                // What a kernel says that takes fewer in one piece.
                (Some(row), Some(libc::EINVAL)) if offload::may_take_fewer(row.datagrams) => {}
                // One by one, each of them may well go, and the one that does not has an error of its
                // own.
                (Some(row), Some(code)) if row.datagrams > 1 && is_about_cutting(code) => {
                    socket.send_offload.refuse(row.to, row.length);
                }
                _ => return Err(error),
            }
        }
    })
}

/// Whether an error says that a piece cannot be cut: its parts exceed the packets of the path, for which
/// older kernels have the first and newer ones the second; or the adapter cannot make the checksums
/// (udp_send_skb in net/ipv4/udp.c).
fn is_about_cutting(code: i32) -> bool {
    matches!(code, libc::EINVAL | libc::EMSGSIZE | libc::EIO)
}

/// What one call reads. Each thread keeps one, so that a socket needs none.
struct SendScratch {
    rows: Vec<GsoMessage>,
    payloads: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// Short payloads, side by side. Never grows, because `payloads` leads into it.
    copies: Vec<u8>,
    /// Where the last payload ends; only compared.
    end: *const u8,
}

/// Datagrams that go in one message.
struct GsoMessage {
    to: Option<Destination>,
    name: RawAddress,
    name_bytes: libc::socklen_t,
    control: ControlWriter,
    /// How many entries of the list of payloads are this row's.
    payloads: usize,
    datagrams: usize,
    /// Of the first datagram, and of all others but the last.
    length: usize,
    bytes: usize,
}

impl SendScratch {
    const fn new() -> Self {
        Self {
            rows: Vec::new(),
            payloads: Vec::new(),
            headers: Vec::new(),
            copies: Vec::new(),
            end: ptr::null(),
        }
    }

    /// Writes the messages for the first `most` datagrams of `batch`, or as many as one call takes.
    fn write(
        &mut self,
        socket: &Socket,
        batch: &SendBatch,
        to: Option<Destination>,
        most: usize,
    ) -> io::Result<()> {
        self.rows.clear();
        self.payloads.clear();
        self.copies.clear();
        self.copies.reserve(COPIES_BYTES_MAX);
        // The row at hand, where it began and whose it is.
        let mut open: Option<(GsoBatch, usize, &Option<Destination>)> = None;
        for queued in batch.queued().take(most) {
            let (payload, own) = (&queued.payload, &queued.to);
            if let Some((row, first, of)) = &mut open {
                if *of == own && row.add(payload.len()) {
                    self.add_payload(*first, payload);
                    continue;
                }
                self.end_row(*row, *first);
            }
            open = None;
            if self.rows.len() == MESSAGES_MAX {
                break;
            }
            match self.begin_row(socket, own.or(to), payload.len()) {
                Ok(row) => open = Some((row, self.payloads.len(), own)),
                // Met again when it is the first.
                Err(_) if !self.rows.is_empty() => break,
                Err(error) => return Err(error),
            }
            self.add_payload(self.payloads.len(), payload);
        }
        if let Some((row, first, _)) = open {
            self.end_row(row, first);
        }
        Ok(())
    }

    /// Begins a row to `to` with a datagram of `length` bytes.
    fn begin_row(
        &mut self,
        socket: &Socket,
        to: Option<Destination>,
        length: usize,
    ) -> io::Result<GsoBatch> {
        let (name, name_bytes) = encode(socket, to)?;
        self.rows.push(GsoMessage {
            to,
            name,
            name_bytes,
            control: source_control(to),
            payloads: 0,
            datagrams: 0,
            length,
            bytes: 0,
        });
        let limits = socket.send_offload.limits(to, length);
        Ok(GsoBatch::begin(length, limits))
    }

    /// Ends the last row, whose payloads begin at `first`.
    fn end_row(&mut self, made: GsoBatch, first: usize) {
        let payloads = self.payloads.len() - first;
        let Some(row) = self.rows.last_mut() else {
            return;
        };
        row.payloads = payloads;
        row.datagrams = made.datagrams;
        row.bytes = made.bytes;
        if made.datagrams > 1 {
            let length = u16::try_from(made.length).expect("a piece is shorter");
            let length = length.to_ne_bytes();
            row.control.push(libc::SOL_UDP, libc::UDP_SEGMENT, &length);
        }
    }

    /// Adds where `payload` lies to a row that began at `first`; what lies right behind the one before
    /// makes that longer.
    fn add_payload(&mut self, first: usize, payload: &[u8]) {
        let (length, mut start) = (payload.len(), payload.as_ptr());
        if start != self.end
            && length <= COPIED_BYTES_MAX
            && self.copies.len() + length <= COPIES_BYTES_MAX
        {
            start = self.copies.as_ptr().wrapping_add(self.copies.len());
            self.copies.extend_from_slice(payload);
        }
        match self.payloads[first..].last_mut() {
            Some(before) if start == self.end => before.iov_len += length,
            _ => self.payloads.push(libc::iovec {
                // sendmmsg(2) only reads what it leads to.
                iov_base: start.cast_mut().cast(),
                iov_len: length,
            }),
        }
        self.end = start.wrapping_add(length);
    }

    /// Sends what was written, and returns how many messages the kernel took.
    fn send(&mut self, socket: &Socket) -> io::Result<usize> {
        let mut payloads = self.payloads.as_mut_slice();
        self.headers.clear();
        for row in &mut self.rows {
            let (own, behind) = payloads.split_at_mut(row.payloads);
            payloads = behind;
            let mut header = empty_header();
            if row.name_bytes > 0 {
                header.msg_name = (&raw mut row.name).cast();
                header.msg_namelen = row.name_bytes;
            }
            if row.control.len() > 0 {
                header.msg_control = row.control.as_mut_ptr().cast();
                header.msg_controllen = row.control.len() as _;
            }
            header.msg_iov = own.as_mut_ptr();
            header.msg_iovlen = own.len() as _;
            self.headers.push(libc::mmsghdr {
                msg_hdr: header,
                msg_len: 0,
            });
        }
        let count = libc::c_uint::try_from(self.headers.len()).expect("at most MESSAGES_MAX");
        // SAFETY: the headers' pointers lead into `rows` and `payloads`, which have not changed since
        // and live until after the call, with their true lengths. The payloads lie in the batch, which
        // the caller of `write` still borrows, or in `copies`, whose room `write` reserved before it put
        // the first one there.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT as _,
            )
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// Returns what the first `count` messages carried.
    fn total(&self, count: usize) -> Sent {
        let none = Sent {
            was_interrupted: count < self.rows.len(),
            ..Sent::default()
        };
        self.rows[..count].iter().fold(none, |sent, row| Sent {
            datagrams: sent.datagrams + row.datagrams,
            bytes: sent.bytes + row.bytes,
            ..sent
        })
    }
}

/// Returns a destination as the kernel reads it; no bytes for the peer of a connected socket.
fn encode(socket: &Socket, to: Option<Destination>) -> io::Result<(RawAddress, libc::socklen_t)> {
    match to {
        Some(to) => Ok(RawAddress::encode(socket.to_wire(to.address)?)),
        None => Ok((RawAddress::unspecified(), 0)),
    }
}

/// Returns what tells the kernel where a datagram leaves from; nothing if that is its own choice.
fn source_control(to: Option<Destination>) -> ControlWriter {
    let mut control = ControlWriter::new();
    let Some(Destination { address, source }) = to else {
        return control;
    };
    let Source {
        address: from,
        adapter,
    } = source;
    if source.is_any() {
        return control;
    }
    let adapter = adapter.unwrap_or(0).to_ne_bytes();
    match (
        address.ip().to_canonical(),
        from.map(|ip| ip.to_canonical()),
    ) {
        (IpAddr::V4(_), from) => {
            let from = match from {
                Some(IpAddr::V4(ip)) => ip.octets(),
                _ => [0; 4],
            };
            // struct in_pktinfo: index, the address to send from, one that is not read.
            let info = [adapter, from, [0; 4]].concat();
            control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
        (IpAddr::V6(_), from) => {
            let from = match from {
                Some(IpAddr::V6(ip)) => ip.octets(),
                _ => [0; 16],
            };
            // struct in6_pktinfo: the address to send from, index.
            let info = [&from as &[u8], &adapter].concat();
            control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        }
    }
    control
}

/// How many messages one call sends at the most.
const MESSAGES_MAX: usize = 64;

/// Longer payloads are not copied.
const COPIED_BYTES_MAX: usize = 256;

/// How much of a batch is copied at the most; what is behind that is not.
const COPIES_BYTES_MAX: usize = 65_536;

thread_local! {
    static SCRATCH: RefCell<SendScratch> = const { RefCell::new(SendScratch::new()) };
}

#[cfg(test)]
mod tests {
    use std::mem;
    use std::net::UdpSocket;

    use super::*;
    use crate::socket::Family;

    /// A path whose packets are smaller than the datagrams: each of them goes in fragments, all in one
    /// piece do not.
    #[test]
    fn datagrams_that_go_in_fragments_go_one_by_one() {
        let packet_bytes: libc::c_int = 1280;
        let peer = UdpSocket::bind("[::1]:0").unwrap();
        let socket = Socket::open(Family::Ipv6).unwrap();
        // SAFETY: the value is an int, with its true length; setsockopt(2) only reads it.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_IPV6,
                libc::IPV6_MTU,
                (&raw const packet_bytes).cast(),
                mem::size_of_val(&packet_bytes) as libc::socklen_t,
            )
        };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        socket.connect(peer.local_addr().unwrap()).unwrap();
        let batch: SendBatch = (0..3_u8).map(|number| vec![number; 2000]).collect();
        let sent = send_batch(&socket, &batch, None, 3).unwrap();
        assert_eq!((sent.datagrams, sent.bytes), (3, 6000));
        for number in 0..3 {
            let mut payload = [0; 3000];
            let length = peer.recv(&mut payload).unwrap();
            assert_eq!(payload[..length], [number; 2000]);
        }
    }
}
