//! A socket to the kernel's tables of links, addresses and routes (netlink(7)).

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use super::rtnetlink::{Content, Message, Table, messages, request};

/// A socket that the kernel alone writes to. Never blocks.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: Socket,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket that hears what is said to `groups` (`RTMGRP_…`).
    pub(super) fn open(groups: u32) -> io::Result<Self> {
        let domain = Domain::from(libc::AF_NETLINK);
        let protocol = Protocol::from(libc::NETLINK_ROUTE);
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        socket.bind(&address(groups))?;
        // Who is connected to the kernel gets nothing from other programs.
        socket.connect(&address(0))?;
        Ok(Self {
            socket,
            buffer: vec![0; BUFFER_BYTES],
            sequence: 0,
        })
    }

    /// Returns the number of the network namespace that the socket is in; Linux before 5.14 does not say.
    pub(super) fn namespace(&self) -> Option<u64> {
        let mut cookie = 0_u64;
        let mut length = size_of_val(&cookie) as libc::socklen_t;
        // SAFETY: `cookie` is writable for `length` bytes, and the kernel writes at most as many.
        let result = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_NETNS_COOKIE,
                (&raw mut cookie).cast(),
                &raw mut length,
            )
        };
        (result == 0).then_some(cookie)
    }

    /// Receives what is there: at least one message, more if they came together.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing is there, and `ENOBUFS` after there was more than the socket could keep.
    pub(super) fn receive(&mut self) -> io::Result<impl Iterator<Item = Message>> {
        let length = (&self.socket).read(&mut self.buffer)?;
        if length == self.buffer.len() {
            // Never so far: the kernel builds lists of at most half that length.
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the kernel sent a longer message than it ever does",
            ));
        }
        Ok(messages(&self.buffer[..length]))
    }

    /// Returns all rows of `table`. The kernel lists them while we read, so this does not wait.
    pub(super) fn list(&mut self, table: Table) -> io::Result<Vec<Content>> {
        let mut rows = Vec::new();
        for _ in 0..LISTINGS_MAX {
            rows.clear();
            if self.list_once(table, &mut rows)? {
                break;
            }
        }
        // A table that never holds still is taken as it is.
        Ok(rows)
    }

    /// Adds the rows of `table`, and returns whether it held still meanwhile.
    fn list_once(&mut self, table: Table, rows: &mut Vec<Content>) -> io::Result<bool> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.socket.send(&request(table, sequence))?;
        let mut is_whole = true;
        loop {
            // An earlier listing that failed may have left something behind.
            for message in self.receive()?.filter(|m| m.sequence == sequence) {
                is_whole &= !message.is_interrupted;
                match message.content {
                    Content::Done => return Ok(is_whole),
                    Content::Error(code) if code != 0 => {
                        return Err(io::Error::from_raw_os_error(code));
                    }
                    Content::Error(_) | Content::Other => {}
                    row => rows.push(row),
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

/// The kernel's address with no groups, and our own with those that we want to hear.
fn address(groups: u32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a sockaddr_nl fits into any storage, and zero is a value of each of its fields.
    let netlink = unsafe { storage.view_as::<libc::sockaddr_nl>() };
    netlink.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    netlink.nl_groups = groups;
    // SAFETY: the storage holds a sockaddr_nl, which is as long as that.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_nl>() as libc::socklen_t) }
}

/// Twice what the kernel puts together at most, `netlink_recvmsg` in net/netlink/af_netlink.c.
const BUFFER_BYTES: usize = 64 * 1024;

/// How often a table is listed that changes while it is.
const LISTINGS_MAX: usize = 4;
