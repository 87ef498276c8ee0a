//! One socket in an epoll set.

use std::io;
use std::net::UdpSocket;
use std::ops::ControlFlow;

use crate::Result;
use crate::system::epoll::Epoll;

/// A socket with an epoll set, which waits until the socket is readable.
pub(super) struct EpollSocket {
    socket: UdpSocket,
    epoll: Epoll,
}

impl EpollSocket {
    pub(super) fn new(socket: UdpSocket) -> Result<Self> {
        socket.set_nonblocking(true)?;
        let epoll = Epoll::new()?;
        epoll.add(&socket, 0)?;
        Ok(Self { socket, epoll })
    }

    pub(super) fn inner(&self) -> &UdpSocket {
        &self.socket
    }

    /// Sleeps until the socket is readable, then calls `receive`.
    pub(super) fn receive<T>(
        &mut self,
        receive: impl FnOnce(&UdpSocket) -> io::Result<T>,
    ) -> Result<T> {
        self.epoll.wait()?.for_each(drop);
        Ok(receive(&self.socket)?)
    }

    /// Calls `receive` without waiting; `None` if there is no datagram.
    pub(super) fn try_receive<T>(
        &self,
        receive: impl FnOnce(&UdpSocket) -> io::Result<T>,
    ) -> Result<Option<T>> {
        match receive(&self.socket) {
            Ok(received) => Ok(Some(received)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Loops until `step` breaks or fails.
pub(super) fn until_end(
    mut step: impl FnMut() -> crate::Result<ControlFlow<()>>,
) -> crate::Result<()> {
    while step()?.is_continue() {}
    Ok(())
}
