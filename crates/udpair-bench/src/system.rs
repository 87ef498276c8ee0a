//! Safe functions for the system calls of the raw peer and of the harness.
//!
//! Linux only, like the measurements.

#![expect(unsafe_code, reason = "this module makes the system calls")]

pub(crate) mod batch;
pub(crate) mod epoll;
pub(crate) mod offload;
pub(crate) mod process;
pub(crate) mod seccomp;

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};

/// Converts the result of a system call into a count.
fn count(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Converts the result of a system call that returns only success or failure.
fn done(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Sets an option that is an `int`.
fn set_option(
    socket: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let length =
        libc::socklen_t::try_from(size_of::<libc::c_int>()).expect("the size of an int fits");
    // SAFETY: `value` lives on the stack for the call, and `length` is its size.
    done(unsafe { libc::setsockopt(socket, level, name, (&raw const value).cast(), length) })
}

/// Requests this size for the kernel's receive and send buffers. The kernel may grant less.
pub(crate) fn request_buffers(socket: &UdpSocket, bytes: u32) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).expect("a buffer has less than 2 GiB");
    for name in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
        set_option(socket.as_raw_fd(), libc::SOL_SOCKET, name, bytes)?;
    }
    Ok(())
}

/// Requests that the kernel polls the device for this long before it sleeps, if there is a device
/// that supports polling.
pub(crate) fn request_busy_poll(socket: &UdpSocket, microseconds: u16) -> io::Result<()> {
    let (socket, level) = (socket.as_raw_fd(), libc::SOL_SOCKET);
    set_option(socket, level, libc::SO_BUSY_POLL, microseconds.into())
}
