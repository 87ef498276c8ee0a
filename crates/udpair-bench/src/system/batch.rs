//! sendmmsg(2) and recvmmsg(2): several datagrams per call, each with its own buffer.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;

use super::count;

/// The buffers and headers for both calls, allocated once.
pub(crate) struct Batch {
    /// Never grows: `headers` point into it.
    buffers: Vec<u8>,
    buffer_bytes: usize,
    /// Never grows: `headers` point into it.
    slices: Vec<libc::iovec>,
    /// Never grows: `headers` point into it.
    destinations: Vec<libc::sockaddr_in>,
    headers: Vec<libc::mmsghdr>,
}

/// Whether a call may sleep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wait {
    /// The call may sleep until the first datagram arrives.
    ForOne,
    /// The call never sleeps.
    Never,
}

impl Batch {
    /// Returns buffers for `length` datagrams of up to `bytes` bytes.
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
            destinations: Vec::new(),
            headers,
        }
    }

    /// Sets the destination of each datagram to the IPv4 address at its index in `remotes`.
    pub(crate) fn set_destinations(&mut self, remotes: &[SocketAddr]) {
        self.destinations = remotes
            .iter()
            .filter_map(|remote| match remote {
                SocketAddr::V4(remote) => Some(sockaddr(remote)),
                SocketAddr::V6(_) => None,
            })
            .collect();
        for (header, destination) in self.headers.iter_mut().zip(&mut self.destinations) {
            header.msg_hdr.msg_name = ptr::from_mut(destination).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        }
    }

    /// Sends the first `length` datagrams, in as many calls as are needed.
    pub(crate) fn send(&mut self, socket: &UdpSocket, length: usize) -> io::Result<()> {
        let mut sent = 0;
        while sent < length {
            let rest = &mut self.headers[sent..length];
            // SAFETY: `rest` is live for its length. Its elements point to memory that `self` owns
            // and that was not moved since.
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

    /// Receives the queued datagrams, at least one, and returns how many.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, wait: Wait) -> io::Result<usize> {
        let flags = match wait {
            Wait::ForOne => libc::MSG_WAITFORONE,
            Wait::Never => libc::MSG_DONTWAIT,
        };
        // SAFETY: `headers` is live for its length. Its elements point to memory that `self` owns
        // and that was not moved since. recvmmsg(2) allows a null timeout.
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

    /// Returns the payloads of the first `length` received datagrams.
    pub(crate) fn payloads(&self, length: usize) -> impl Iterator<Item = &[u8]> {
        let buffers = self.buffers.chunks_exact(self.buffer_bytes);
        let headers = self.headers[..length].iter();
        headers
            .zip(buffers)
            .map(|(header, buffer)| &buffer[..header.msg_len as usize])
    }

    /// Sets the lengths of the datagrams to send to those of the received datagrams.
    pub(crate) fn reflect(&mut self, length: usize) {
        for (slice, header) in self.slices.iter_mut().zip(&self.headers[..length]) {
            slice.iov_len = header.msg_len as usize;
        }
    }

    /// Undoes [`reflect`](Self::reflect): every buffer has its full length again.
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

fn sockaddr(address: &SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(address.ip().octets()),
        },
        sin_zero: [0; 8],
    }
}
