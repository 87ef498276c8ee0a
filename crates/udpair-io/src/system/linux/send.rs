//! Sending: one sendmsg(2) for a datagram, one sendmmsg(2) for a batch.
//!
//! In a batch, consecutive datagrams of one length to one destination become one GSO message, which
//! the kernel segments (`UDP_SEGMENT`, udp(7)). Payloads are not copied here: a message is a list of
//! pointers to them.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::ptr;

use super::address::RawAddress;
use super::any_ip;
use super::calls;
use super::control::ControlWriter;
use super::message::empty_header;
use super::send_buffer::outcome_of_failed_send;
use crate::batch::{Destination, Outgoing, Run, Segments, SendBatch, Source};
use crate::engine::Sent;
use crate::gso::GsoBatch;
use crate::offload::{self, Refusal};
use crate::socket::Socket;

/// Sends one datagram; see [`Engine::send`](crate::Engine::send).
pub(super) fn send_one(socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<Sent> {
    let sent = match outgoing.to {
        // To the peer, and from a source that the kernel chooses: the standard library's call is
        // the cheapest.
        None => socket.send(outgoing),
        Some(_) if are_messages_missing() => send_plain(socket, outgoing),
        Some(to) => send_to(socket, outgoing.payload, to),
    };
    match sent {
        Ok(()) => Ok(Sent::one(outgoing.payload.len())),
        Err(error)
            if outgoing.to.is_some()
                && !are_messages_missing()
                && message_call().finds_missing(&error) =>
        {
            send_one(socket, outgoing)
        }
        Err(error)
            if error.raw_os_error() == Some(libc::EINVAL)
                && any_ip::allow_source(socket, outgoing.to) =>
        {
            send_one(socket, outgoing)
        }
        Err(error) => outcome_of_failed_send(socket, outgoing, error),
    }
}

/// Returns the call that sends one message.
fn message_call() -> &'static calls::Call {
    match calls::SENDMSG.is_missing() {
        true => &calls::SENDMMSG,
        false => &calls::SENDMSG,
    }
}

/// Returns whether this system lacks both calls that send messages.
#[inline]
fn are_messages_missing() -> bool {
    calls::SENDMSG.is_missing() && calls::SENDMMSG.is_missing()
}

/// Sends one datagram on a system without sendmsg(2) and sendmmsg(2), which can choose nothing for
/// it.
#[cold]
fn send_plain(socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<()> {
    let is_plain = |to: Destination| to.source.is_any() && to.header.is_any();
    if !outgoing.to.is_none_or(is_plain) {
        return Err(calls::missing("sendmsg"));
    }
    socket.send(outgoing)
}

fn send_to(socket: &Socket, payload: &[u8], to: Destination) -> io::Result<()> {
    let (mut name, name_bytes) = encode(socket, Some(to))?;
    let mut control = ControlWriter::new();
    add_chosen(&mut control, socket, &to);
    let mut payload = IoSlice::new(payload);
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
    if calls::SENDMSG.is_missing() {
        let mut headers = [libc::mmsghdr {
            msg_hdr: header,
            msg_len: 0,
        }];
        // SAFETY: as below, for one header.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), 1, 0) };
        return if sent < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        };
    }
    // SAFETY: the header points to `name`, `control` and `payload`, with their correct lengths, and
    // all three outlive the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, 0) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Sends a batch; see [`Engine::send_batch`](crate::Engine::send_batch).
///
/// A GSO batch that the kernel refuses is tried with fewer datagrams, in the end with one. Only if
/// that succeeds was the refusal about segmenting, and is remembered: other errors have the same
/// number, such as that of a route which is a black hole for a moment.
pub(super) fn send_batch(
    socket: &Socket,
    batch: &SendBatch,
    to: Option<Destination>,
    max: usize,
) -> io::Result<Sent> {
    let first = batch.runs().next().filter(|_| max > 0);
    let Some(first) = first.map(|run| run.first()) else {
        return Ok(Sent::default());
    };
    let first = Outgoing {
        to: first.to.or(to),
        ..first
    };
    send_messages(socket, first, |scratch, segments_max| {
        scratch.write(socket, batch, to, max, segments_max)
    })
}

/// Sends datagrams of one length; see [`Engine::send_run`](crate::Engine::send_run).
pub(super) fn send_run(socket: &Socket, run: Run<'_>) -> io::Result<Sent> {
    send_messages(socket, run.first(), |scratch, segments_max| {
        scratch.write_run(socket, run, segments_max)
    })
}

/// Sends the messages that `write` writes, of which `first` is the first datagram.
fn send_messages(
    socket: &Socket,
    first: Outgoing<'_>,
    mut write: impl FnMut(&mut SendScratch, Option<usize>) -> io::Result<()>,
) -> io::Result<Sent> {
    if are_messages_missing() {
        return send_one(socket, first);
    }
    SCRATCH.with_borrow_mut(|scratch| {
        let mut refusal: Option<Refusal> = None;
        loop {
            write(scratch, refusal.map(|refusal| refusal.segments_max))?;
            let error = match scratch.send(socket) {
                Ok(count) => {
                    if let Some(refusal) = refusal {
                        socket.rare().send_offload.learn(refusal);
                    }
                    return Ok(scratch.total(count));
                }
                Err(error) => error,
            };
            if scratch.is_call_missing(&error) {
                if are_messages_missing() {
                    return send_one(socket, first);
                }
                continue;
            }
            match (scratch.messages.first(), error.raw_os_error()) {
                (Some(message), Some(libc::EINVAL)) if any_ip::allow_source(socket, message.to) => {
                }
                (Some(message), Some(code)) if message.datagrams > 1 && is_gso_refusal(code) => {
                    refusal = Some(Refusal::of(message.to, message.length, message.datagrams));
                }
                (Some(message), Some(libc::ENOBUFS)) if message.datagrams > 1 => {
                    return Ok(Sent {
                        datagrams: message.datagrams,
                        bytes: message.bytes,
                        dropped: message.datagrams,
                        was_interrupted: false,
                    });
                }
                (Some(_), Some(libc::ENOBUFS)) => {
                    return outcome_of_failed_send(socket, first, error);
                }
                _ => return Err(error),
            }
        }
    })
}

/// Returns whether an error may mean that the kernel cannot segment a GSO batch (udp_send_skb in
/// net/ipv4/udp.c).
///
/// Either a segment exceeds the path's MTU, which older kernels report as `EINVAL` and newer ones
/// as `EMSGSIZE`, or the adapter cannot compute the checksums (`EIO`).
fn is_gso_refusal(code: i32) -> bool {
    matches!(code, libc::EINVAL | libc::EMSGSIZE | libc::EIO)
}

/// The memory that one sendmmsg(2) call reads. Each thread keeps one, so that a socket needs none.
struct SendScratch {
    messages: Vec<GsoMessage>,
    payloads: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// The end of the last payload. Only compared, never dereferenced.
    end: *const u8,
}

/// A message of one or more datagrams of one length to one destination.
struct GsoMessage {
    to: Option<Destination>,
    name: RawAddress,
    name_bytes: libc::socklen_t,
    control: ControlWriter,
    /// How many entries of [`SendScratch::payloads`] belong to this message.
    payloads: usize,
    datagrams: usize,
    /// Bytes of each datagram; the last may have fewer.
    length: usize,
    /// Bytes of all datagrams.
    bytes: usize,
}

impl SendScratch {
    const fn new() -> Self {
        Self {
            messages: Vec::new(),
            payloads: Vec::new(),
            headers: Vec::new(),
            end: ptr::null(),
        }
    }

    /// Writes the messages for the first `max` datagrams of `batch`, or for as many as one call
    /// takes.
    fn write(
        &mut self,
        socket: &Socket,
        batch: &SendBatch,
        to: Option<Destination>,
        max: usize,
        segments_max: Option<usize>,
    ) -> io::Result<()> {
        let mut writing = Writing::begin(self, socket, to, max, segments_max);
        for (segments, own) in batch.queued() {
            if !writing.add(segments, own)? {
                break;
            }
        }
        writing.end_current();
        Ok(())
    }

    /// Writes the messages for the datagrams of `run`, or for as many as one call takes.
    fn write_run(
        &mut self,
        socket: &Socket,
        run: Run<'_>,
        segments_max: Option<usize>,
    ) -> io::Result<()> {
        let segments = Segments {
            bytes: run.payload,
            length: run.segment,
        };
        let mut writing = Writing::begin(self, socket, None, usize::MAX, segments_max);
        writing.add(segments, &run.to)?;
        writing.end_current();
        Ok(())
    }

    fn clear(&mut self) {
        self.messages.clear();
        self.payloads.clear();
    }

    /// Begins a message to `to` with a datagram of `length` bytes.
    fn begin_message(
        &mut self,
        socket: &Socket,
        to: Option<Destination>,
        length: usize,
        segments_max: Option<usize>,
    ) -> io::Result<GsoBatch> {
        let (name, name_bytes) = encode(socket, to)?;
        self.messages.push(GsoMessage {
            to,
            name,
            name_bytes,
            control: ControlWriter::new(),
            payloads: 0,
            datagrams: 0,
            length,
            bytes: 0,
        });
        if let Some(to) = &to
            && let Some(message) = self.messages.last_mut()
        {
            add_chosen(&mut message.control, socket, to);
        }
        let offload = socket.rare_if_any().map(|rare| &rare.send_offload);
        let mut limits = offload::limits(offload, to, length);
        if let Some(max) = segments_max {
            limits.datagrams = limits.datagrams.min(max);
        }
        Ok(GsoBatch::begin(length, limits))
    }

    /// Ends the last message.
    fn end_message(&mut self, size: GsoBatch, first: usize) {
        let payloads = self.payloads.len() - first;
        let Some(message) = self.messages.last_mut() else {
            return;
        };
        message.payloads = payloads;
        message.datagrams = size.datagrams;
        message.bytes = size.bytes;
        if size.datagrams > 1 {
            let length = u16::try_from(size.length).expect("at most the bytes of a GSO batch");
            let length = length.to_ne_bytes();
            message
                .control
                .push(libc::SOL_UDP, libc::UDP_SEGMENT, &length);
        }
    }

    /// Adds `payload` to the message whose payloads begin at entry `first`. A payload that directly
    /// follows the previous one in memory extends the entry of that one.
    fn add_payload(&mut self, first: usize, payload: &[u8]) {
        match self.payloads[first..].last_mut() {
            Some(previous) if payload.as_ptr() == self.end => previous.iov_len += payload.len(),
            _ => self.payloads.push(entry(payload)),
        }
        self.end = payload.as_ptr_range().end;
    }

    /// Sends the written messages, and returns how many of them the kernel took.
    fn send(&mut self, socket: &Socket) -> io::Result<usize> {
        let mut payloads = self.payloads.as_mut_slice();
        self.headers.clear();
        for message in &mut self.messages {
            let (own, following) = payloads.split_at_mut(message.payloads);
            payloads = following;
            let mut header = empty_header();
            if message.name_bytes > 0 {
                header.msg_name = (&raw mut message.name).cast();
                header.msg_namelen = message.name_bytes;
            }
            if message.control.len() > 0 {
                header.msg_control = message.control.as_mut_ptr().cast();
                header.msg_controllen = message.control.len() as _;
            }
            header.msg_iov = own.as_mut_ptr();
            header.msg_iovlen = own.len() as _;
            self.headers.push(libc::mmsghdr {
                msg_hdr: header,
                msg_len: 0,
            });
        }
        if calls::SENDMMSG.is_missing() {
            let Some(header) = self.headers.first() else {
                return Ok(0);
            };
            // SAFETY: as below, for one header.
            let sent = unsafe {
                libc::sendmsg(
                    socket.as_raw_fd(),
                    &raw const header.msg_hdr,
                    libc::MSG_DONTWAIT,
                )
            };
            return if sent < 0 {
                Err(io::Error::last_os_error())
            } else {
                Ok(1)
            };
        }
        let count = libc::c_uint::try_from(self.headers.len()).expect("at most MESSAGES_MAX");
        // SAFETY: the headers point into `messages` and `payloads`, with the correct lengths.
        // Neither has changed since, and both outlive the call. The payloads are in the batch or
        // the run, which the caller of `write` still borrows.
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

    /// Returns whether the call failed because this system does not have it, so that another one
    /// is to be made.
    #[cold]
    fn is_call_missing(&self, error: &io::Error) -> bool {
        let call = match calls::SENDMMSG.is_missing() {
            true => &calls::SENDMSG,
            false => &calls::SENDMMSG,
        };
        call.finds_missing(error)
    }

    /// Returns the total of the first `count` messages.
    fn total(&self, count: usize) -> Sent {
        let none = Sent {
            was_interrupted: count < self.messages.len(),
            ..Sent::default()
        };
        let taken = self.messages[..count].iter();
        taken.fold(none, |sent, message| Sent {
            datagrams: sent.datagrams + message.datagrams,
            bytes: sent.bytes + message.bytes,
            ..sent
        })
    }
}

/// Writes the messages of one call.
struct Writing<'a> {
    scratch: &'a mut SendScratch,
    socket: &'a Socket,
    /// The destination of datagrams without one of their own; `None` stands for the peer.
    to: Option<Destination>,
    /// How many datagrams may still be added.
    left: usize,
    /// The largest number of datagrams in a message, where the kernel has refused more.
    segments_max: Option<usize>,
    current: Option<Current<'a>>,
}

/// A message to which more datagrams may be added: its size, its first entry in
/// [`SendScratch::payloads`], and its destination.
struct Current<'a> {
    size: GsoBatch,
    first: usize,
    to: &'a Option<Destination>,
}

impl<'a> Writing<'a> {
    fn begin(
        scratch: &'a mut SendScratch,
        socket: &'a Socket,
        to: Option<Destination>,
        max: usize,
        segments_max: Option<usize>,
    ) -> Self {
        scratch.clear();
        Self {
            scratch,
            socket,
            to,
            left: max,
            segments_max,
            current: None,
        }
    }

    /// Adds datagrams to the current message and to further ones. Returns whether all were added.
    #[inline(always)]
    fn add(&mut self, segments: Segments<'_>, own: &'a Option<Destination>) -> io::Result<bool> {
        let mut rest = segments.bytes;
        loop {
            if self.left == 0 {
                return Ok(false);
            }
            let length = segments.length.min(rest.len());
            let is_added = self
                .current
                .as_mut()
                .is_some_and(|message| message.to == own && message.size.add(length));
            if !is_added && !self.begin_message(length, own)? {
                return Ok(false);
            }
            let Some(message) = &mut self.current else {
                return Ok(false);
            };
            // The first datagram is in. Those after it follow as long as they fit.
            let mut added = 0;
            if rest.len() > length && message.size.length == length {
                let following = (self.left - 1).saturating_mul(length);
                added = message.size.add_run(following.min(rest.len() - length));
                self.left -= added.div_ceil(length);
            }
            self.left -= 1;
            let (payload, others) = rest.split_at(length + added);
            self.scratch.add_payload(message.first, payload);
            if others.is_empty() {
                return Ok(true);
            }
            rest = others;
        }
    }

    /// Ends the current message, and begins one with a datagram of `length` bytes. Returns whether
    /// there was room for it.
    fn begin_message(&mut self, length: usize, own: &'a Option<Destination>) -> io::Result<bool> {
        self.end_current();
        let scratch = &mut *self.scratch;
        if scratch.messages.len() == messages_max() {
            return Ok(false);
        }
        let to = own.or(self.to);
        match scratch.begin_message(self.socket, to, length, self.segments_max) {
            Ok(size) => {
                let first = scratch.payloads.len();
                let to = own;
                self.current = Some(Current { size, first, to });
                Ok(true)
            }
            // Returned by a later call, for which this datagram is the first.
            Err(_) if !scratch.messages.is_empty() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn end_current(&mut self) {
        if let Some(current) = self.current.take() {
            self.scratch.end_message(current.size, current.first);
        }
    }
}

/// Returns the entry that describes a payload to sendmmsg(2), which only reads it.
fn entry(payload: &[u8]) -> libc::iovec {
    libc::iovec {
        iov_base: payload.as_ptr().cast_mut().cast(),
        iov_len: payload.len(),
    }
}

/// Returns how many messages one call sends at most.
fn messages_max() -> usize {
    match calls::SENDMMSG.is_missing() {
        true => 1,
        false => MESSAGES_MAX,
    }
}

/// Returns a destination in the form that the kernel reads, with its length in bytes; the length is
/// 0 for the peer of a connected socket.
fn encode(socket: &Socket, to: Option<Destination>) -> io::Result<(RawAddress, libc::socklen_t)> {
    match to {
        Some(to) => {
            if !to.header.is_valid() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the hop limit, the code point or the ECN bits are out of range",
                ));
            }
            any_ip::check_source(socket, to)?;
            Ok(RawAddress::encode(socket.to_wire(to.address)?))
        }
        None => Ok((RawAddress::unspecified(), 0)),
    }
}

/// Adds the control messages that set what was chosen for a datagram: the source address and the
/// adapter, and what its header says. None if everything is left to the kernel and the socket.
#[inline]
fn add_chosen(control: &mut ControlWriter, socket: &Socket, to: &Destination) {
    if !to.source.is_any() {
        add_source(control, socket, to);
    }
    if !to.header.is_any() {
        add_header(control, socket, to);
    }
}

fn add_header(control: &mut ControlWriter, socket: &Socket, to: &Destination) {
    let (level, hop_limit, traffic_class) = match to.address.ip().to_canonical() {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_TTL, libc::IP_TOS),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, libc::IPV6_TCLASS),
    };
    if let Some(hops) = to.header.hop_limit {
        control.push(level, hop_limit, &i32::from(hops).to_ne_bytes());
    }
    if let Some(class) = to.header.traffic_class(|| socket.traffic_class()) {
        control.push(level, traffic_class, &i32::from(class).to_ne_bytes());
    }
}

fn add_source(control: &mut ControlWriter, socket: &Socket, to: &Destination) {
    let Destination {
        address, source, ..
    } = *to;
    let Source {
        address: from,
        adapter,
    } = source;
    let adapter = adapter.unwrap_or(0).to_ne_bytes();
    match (
        address.ip().to_canonical(),
        from.map(|ip| ip.to_canonical()),
    ) {
        (IpAddr::V4(_), from) => {
            let from = match from {
                Some(IpAddr::V4(ip)) if !ip.is_unspecified() => Some(ip),
                Some(IpAddr::V6(_)) => None,
                // With 0, the kernel would choose an address even for a socket that is bound to one
                // (ip_cmsg_send in net/ipv4/ip_sockglue.c). For IPv6 it would not.
                Some(IpAddr::V4(_)) | None => socket.bound_ipv4(),
            };
            let from = from.map_or([0; 4], |ip| ip.octets());
            // struct in_pktinfo: index, source address, an address that is not read.
            let info = [adapter, from, [0; 4]].concat();
            control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
        (IpAddr::V6(_), from) => {
            let from = match from {
                Some(IpAddr::V6(ip)) => ip.octets(),
                _ => [0; 16],
            };
            // struct in6_pktinfo: source address, index.
            let info = [&from as &[u8], &adapter].concat();
            control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        }
    }
}

/// How many messages one call sends at most.
const MESSAGES_MAX: usize = 64;

thread_local! {
    static SCRATCH: RefCell<SendScratch> = const { RefCell::new(SendScratch::new()) };
}

#[cfg(test)]
mod tests {
    use std::mem;
    use std::net::UdpSocket;

    use super::*;
    use crate::socket::Family;

    /// On a path whose packets are smaller than the datagrams, the kernel fragments a single
    /// datagram and refuses a GSO batch.
    #[test]
    fn datagrams_that_need_fragments_are_sent_one_by_one() {
        let packet_bytes: libc::c_int = 1280;
        let peer = UdpSocket::bind("[::1]:0").unwrap();
        let socket = Socket::open(Family::Ipv6).unwrap();
        // SAFETY: the value is an int, with its correct length; setsockopt(2) only reads it.
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
