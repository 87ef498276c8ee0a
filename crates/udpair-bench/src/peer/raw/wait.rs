//! One socket in an epoll set.

use std::io;
use std::net::UdpSocket;

use std::ops::ControlFlow;

use crate::Result;
use crate::system::epoll::Epoll;

/// A socket that is waited for when it has nothing.
pub(super) struct Waiting {
    socket: UdpSocket,
    epoll: Epoll,
}

impl Waiting {
    pub(super) fn new(socket: UdpSocket) -> Result<Self> {
        socket.set_nonblocking(true)?;
        let epoll = Epoll::new()?;
        epoll.add(&socket, 0)?;
        Ok(Self { socket, epoll })
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Sleeps until there is something, then lets `receive` fetch it.
    pub(super) fn receive<T>(
        &mut self,
        receive: impl FnOnce(&UdpSocket) -> io::Result<T>,
    ) -> Result<T> {
        self.epoll.wait()?.for_each(drop);
        Ok(receive(&self.socket)?)
    }

    /// Fetches what is there; `None` if there is nothing.
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
