//! A descriptor of a socket for code outside of this workspace.

use std::net::UdpSocket;

/// A second descriptor (on Windows: a second handle) of an open socket, for code that needs one: an
/// option that has no method, another event loop, or a library that takes descriptors.
///
/// On Unix it implements `AsFd` and `AsRawFd`, on Windows `AsSocket` and `AsRawSocket`. It refers to
/// the same socket of the system (dup(2), `WSADuplicateSocket`), so options that are set with it
/// count for the socket. Its number is another one than the socket's own, so that both can be
/// watched. It is valid until this value is dropped, whatever becomes of the socket.
#[derive(Debug)]
pub struct Descriptor(UdpSocket);

impl Descriptor {
    pub(crate) fn new(udp: UdpSocket) -> Self {
        Self(udp)
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Descriptor {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(unix)]
impl std::os::fd::AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for Descriptor {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.0.as_socket()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsRawSocket for Descriptor {
    fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
        self.0.as_raw_socket()
    }
}
