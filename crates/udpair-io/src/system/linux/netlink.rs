//! A netlink socket that reads the kernel's tables of links, addresses and routes (netlink(7)).

use std::io::{self, Read};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use super::namespace::cookie;
use super::rtnetlink::{Content, Message, Table, messages, request, route_request};

/// A netlink socket that receives only from the kernel. Never blocks.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: Socket,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket that receives the messages to `groups` (`RTMGRP_…`).
    pub(super) fn open(groups: u32) -> io::Result<Self> {
        let domain = Domain::from(libc::AF_NETLINK);
        let protocol = Protocol::from(libc::NETLINK_ROUTE);
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        socket.bind(&address(groups))?;
        // A socket that is connected to the kernel receives nothing from other programs.
        socket.connect(&address(0))?;
        Ok(Self {
            socket,
            buffer: vec![0; BUFFER_BYTES],
            sequence: 0,
        })
    }

    /// Returns the number of the network namespace that the socket is in; `None` on Linux before
    /// 5.14.
    pub(super) fn namespace(&self) -> Option<u64> {
        cookie(&self.socket)
    }

    /// Receives pending messages: at least one, and more if the kernel sent them together.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if no message is pending, and `ENOBUFS` after messages were lost because the
    /// socket's buffer was full.
    pub(super) fn receive(&mut self) -> io::Result<impl Iterator<Item = Message>> {
        let length = (&self.socket).read(&mut self.buffer)?;
        if length == self.buffer.len() {
            // Never seen: the kernel builds lists of at most half that length.
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the kernel sent a message of unexpected length",
            ));
        }
        Ok(messages(&self.buffer[..length]))
    }

    /// Returns whether the route to `ip` says that the address is this machine's own.
    pub(super) fn is_route_local(&mut self, ip: IpAddr) -> io::Result<bool> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.socket.send(&route_request(ip, sequence))?;
        // The kernel answers during the call.
        let answer = self.receive()?.find(|m| m.sequence == sequence);
        Ok(answer.is_some_and(|answer| answer.content == Content::LocalRoute))
    }

    /// Returns all entries of `table`. The kernel lists them during each read, so this does not
    /// wait.
    pub(super) fn list(&mut self, table: Table) -> io::Result<Vec<Content>> {
        let mut entries = Vec::new();
        for _ in 0..LISTINGS_MAX {
            entries.clear();
            if self.list_once(table, &mut entries)? {
                break;
            }
        }
        // If the table changed during every listing, the last listing is used.
        Ok(entries)
    }

    /// Appends the entries of `table`, and returns whether the table did not change meanwhile.
    fn list_once(&mut self, table: Table, entries: &mut Vec<Content>) -> io::Result<bool> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.socket.send(&request(table, sequence))?;
        let mut is_consistent = true;
        loop {
            // Messages of an earlier listing that failed may still be queued.
            for message in self.receive()?.filter(|m| m.sequence == sequence) {
                is_consistent &= !message.is_interrupted;
                match message.content {
                    Content::Done => return Ok(is_consistent),
                    Content::Error(code) if code != 0 => {
                        return Err(io::Error::from_raw_os_error(code));
                    }
                    Content::Error(_) | Content::LocalRoute | Content::Other => {}
                    entry => entries.push(entry),
                }
            }
        }
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Returns the kernel's address if `groups` is 0, and otherwise a local address that receives from
/// `groups`.
fn address(groups: u32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a sockaddr_nl fits into any storage, and zero is a valid value of each of its fields.
    let netlink = unsafe { storage.view_as::<libc::sockaddr_nl>() };
    netlink.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    netlink.nl_groups = groups;
    // SAFETY: the storage holds a sockaddr_nl, and the length is that of a sockaddr_nl.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_nl>() as libc::socklen_t) }
}

/// Twice the largest message that the kernel builds, `netlink_recvmsg` in net/netlink/af_netlink.c.
const BUFFER_BYTES: usize = 64 * 1024;

/// How many times a table is listed if it changes during each listing.
const LISTINGS_MAX: usize = 4;
