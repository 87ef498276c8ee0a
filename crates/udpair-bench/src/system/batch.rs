//! sendmmsg(2) and recvmmsg(2): several datagrams a call, each with a buffer of its own.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;

use super::count;

/// Buffers and headers for both calls, made once.
pub(crate) struct Batch {
    /// Never grows: `headers` lead here.
    buffers: Vec<u8>,
    buffer_bytes: usize,
    /// Never grows: `headers` lead here.
    slices: Vec<libc::iovec>,
    /// Never grows: `headers` lead here.
    names: Vec<libc::sockaddr_in>,
    headers: Vec<libc::mmsghdr>,
}

/// Whether a call may sleep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wait {
    /// Until the first datagram is there.
    ForOne,
    Never,
}

impl Batch {
    /// Returns room for `length` datagrams of up to `bytes` bytes.
    pub(crate) fn new(length: usize, bytes: usize) -> Self {
        let mut buffers = vec![1; length * bytes];
        let mut slices: Vec<_> = buffers
            .chunks_exact_mut(bytes)
            .map(|buffer| libc::iovec {
                iov_base: buffer.as_mut_ptr().cast(),
                iov_len: bytes,
            })
            .collect();
        let headers = slices.iter_mut().map(header).collect();
        Self {
            buffers,
            buffer_bytes: bytes,
            slices,
            names: Vec::new(),
            headers,
        }
    }

    /// Gives each datagram a destination, of the IPv4 addresses in `remotes`.
    pub(crate) fn address(&mut self, remotes: &[SocketAddr]) {
        self.names = remotes
            .iter()
            .filter_map(|remote| match remote {
                SocketAddr::V4(remote) => Some(name(remote)),
                SocketAddr::V6(_) => None,
            })
            .collect();
        for (header, name) in self.headers.iter_mut().zip(&mut self.names) {
            header.msg_hdr.msg_name = ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        }
    }

    /// Sends the first `length` datagrams, in as many calls as it takes.
    pub(crate) fn send(&mut self, socket: &UdpSocket, length: usize) -> io::Result<()> {
        let mut sent = 0;
        while sent < length {
            let rest = &mut self.headers[sent..length];
            // SAFETY: `rest` is live for its length, and what its elements lead to is owned by `self`
            // and was not moved since.
            let result = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    0,
                )
            };
            sent += count(result as libc::ssize_t)?;
        }
        Ok(())
    }

    /// Receives what is there, at least one datagram, and returns how many.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, wait: Wait) -> io::Result<usize> {
        let flags = match wait {
            Wait::ForOne => libc::MSG_WAITFORONE,
            Wait::Never => libc::MSG_DONTWAIT,
        };
        // SAFETY: `headers` is live for its length, and what its elements lead to is owned by `self`
        // and was not moved since. recvmmsg(2) allows a null timeout.
        let result = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                flags as _,
                ptr::null_mut(),
            )
        };
        count(result as libc::ssize_t)
    }

    /// Returns the first `length` datagrams received.
    pub(crate) fn payloads(&self, length: usize) -> impl Iterator<Item = &[u8]> {
        let buffers = self.buffers.chunks_exact(self.buffer_bytes);
        let headers = self.headers[..length].iter();
        headers
            .zip(buffers)
            .map(|(header, buffer)| &buffer[..header.msg_len as usize])
    }

    /// Makes the datagrams to be sent as long as those that were received.
    pub(crate) fn reflect(&mut self, length: usize) {
        for (slice, header) in self.slices.iter_mut().zip(&self.headers[..length]) {
            slice.iov_len = header.msg_len as usize;
        }
    }

    /// Undoes [`reflect`](Self::reflect): every buffer has its whole length to receive into.
    pub(crate) fn restore(&mut self) {
        for slice in &mut self.slices {
            slice.iov_len = self.buffer_bytes;
        }
    }
}

fn header(slice: &mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: all zeros is a valid `mmsghdr`, without a name, buffers or control messages.
    let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
    header.msg_hdr.msg_iov = slice;
    header.msg_hdr.msg_iovlen = 1;
    header
}

fn name(address: &SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(address.ip().octets()),
        },
        sin_zero: [0; 8],
    }
}
