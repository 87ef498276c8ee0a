//! epoll(7), for sockets that are identified by a number.

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::{count, done};

/// A set of sockets to wait for: level-triggered, and for reading only.
pub(crate) struct Epoll {
    descriptor: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        done(descriptor)?;
        Ok(Self {
            // SAFETY: the call succeeded, and nothing else owns this descriptor.
            descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) },
            events: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX],
        })
    }

    /// Adds a socket with the number that identifies it.
    pub(crate) fn add(&self, socket: &UdpSocket, number: usize) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN.cast_unsigned(),
            u64: number as u64,
        };
        let (set, socket) = (self.descriptor.as_raw_fd(), socket.as_raw_fd());
        // SAFETY: `event` is live during the call; both descriptors are borrowed for it.
        done(unsafe { libc::epoll_ctl(set, libc::EPOLL_CTL_ADD, socket, &raw mut event) })
    }

    /// Waits until a socket is readable, and returns the numbers of the readable sockets.
    pub(crate) fn wait(&mut self) -> io::Result<impl Iterator<Item = usize> + use<>> {
        let capacity = libc::c_int::try_from(self.events.len()).expect("EVENTS_MAX fits");
        // SAFETY: `events` is live and writable for `capacity` elements.
        let ready = unsafe {
            libc::epoll_wait(
                self.descriptor.as_raw_fd(),
                self.events.as_mut_ptr(),
                capacity,
                -1,
            )
        };
        let ready = count(ready as libc::ssize_t)?;
        let numbers: Vec<_> = self.events[..ready]
            .iter()
            .map(|event| event.u64 as usize)
            .collect();
        Ok(numbers.into_iter())
    }
}

const EVENTS_MAX: usize = 256;
