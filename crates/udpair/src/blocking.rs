//! Sockets for programs without a runtime: every call blocks its thread, with a time limit.
//!
//! A [`Socket`] is a [`DatagramSocket`] whose futures are awaited by the
//! calling thread. It has every rule of that socket: names, the peer filter, errors. A background
//! thread of the process serves it; it is started with the first socket.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use udpair::blocking::Socket;
//!
//! # fn main() -> Result<(), udpair::Error> {
//! let server = Socket::bind("localhost:0")?;
//! let client = Socket::connect(server.local_addr().unwrap())?;
//! client.send(b"ping")?;
//! let message = server.recv_timeout(Duration::from_secs(5))?.expect("a datagram in time");
//! assert_eq!(message.payload(), b"ping");
//! server.send_to(b"pong", message.reply())?;
//! assert_eq!(client.recv()?.payload(), b"pong");
//! # Ok(())
//! # }
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use udpair_io::{Destination, RecvBatch, SendBatch};

use crate::driver::{block_on, block_on_for};
use crate::error::Error;
use crate::message::{Event, Message};
use crate::name::{Endpoint, EndpointPair};
use crate::socket::{Builder, DatagramSocket, Request};

/// A UDP socket whose calls block; see the [module](self).
///
/// Clones share one socket, so that one thread can receive while another sends.
/// [`close`](DatagramSocket::close) of the [`inner`](Self::inner) socket ends calls that block in
/// other threads.
///
/// In a task of an asynchronous program use [`DatagramSocket`]: a call that blocks holds up the
/// other tasks of its thread.
#[derive(Clone, Debug)]
pub struct Socket(DatagramSocket);

impl Socket {
    /// Opens a socket that is bound to `local`; see [`Builder::bind`].
    ///
    /// # Errors
    ///
    /// Those of [`Builder::bind`].
    pub fn bind(local: impl TryInto<Endpoint, Error: Into<Error>>) -> Result<Self, Error> {
        Self::bind_with(&DatagramSocket::builder(), local)
    }

    /// Opens a socket with these options that is bound to `local`.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::bind`].
    pub fn bind_with(
        builder: &Builder,
        local: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<Self, Error> {
        block_on(builder.bind(local)).map(Self)
    }

    /// Opens a socket that is connected to the remote end of `pair`; see [`Builder::connect`].
    /// Names are looked up, for at most the time of the resolver's
    /// [`timeout`](crate::ResolverBuilder::timeout).
    ///
    /// # Errors
    ///
    /// Those of [`Builder::connect`].
    pub fn connect(pair: impl TryInto<EndpointPair, Error: Into<Error>>) -> Result<Self, Error> {
        Self::connect_with(&DatagramSocket::builder(), pair)
    }

    /// Opens a socket with these options that is connected to the remote end of `pair`.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::connect`].
    pub fn connect_with(
        builder: &Builder,
        pair: impl TryInto<EndpointPair, Error: Into<Error>>,
    ) -> Result<Self, Error> {
        block_on(builder.connect(pair)).map(Self)
    }

    /// Returns the socket whose calls do not block, for all that has no method here.
    pub fn inner(&self) -> &DatagramSocket {
        &self.0
    }

    /// Returns the local address; see [`DatagramSocket::local_addr`].
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.local_addr()
    }

    /// Returns the peer's address; `None` unless the socket is connected.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.peer_addr()
    }

    /// Sends `payload` to the peer of a connected socket as one datagram, when the kernel has
    /// buffer space.
    ///
    /// # Errors
    ///
    /// Those of [`DatagramSocket::output`] and [`OutputStream::write`](crate::OutputStream::write).
    pub fn send(&self, payload: &[u8]) -> Result<(), Error> {
        let output = self.0.output()?;
        block_on(output.write(payload))
    }

    /// Sends `payload` to an address as one datagram, when the kernel has buffer space.
    ///
    /// # Errors
    ///
    /// Those of [`DatagramSocket::send_to`].
    pub fn send_to(&self, payload: &[u8], to: impl Into<Destination>) -> Result<(), Error> {
        block_on(self.0.send_to(payload, to))
    }

    /// Sends the datagrams of a batch; see [`DatagramSocket::send_batch`].
    ///
    /// # Errors
    ///
    /// Those of [`DatagramSocket::send_batch`].
    pub fn send_batch(&self, batch: &mut SendBatch) -> Result<(), Error> {
        block_on(self.0.send_batch(batch))
    }

    /// Receives the next message, however long that takes.
    ///
    /// # Errors
    ///
    /// Those of [`DatagramSocket::recv`].
    pub fn recv(&self) -> Result<Message, Error> {
        block_on(self.0.recv())
    }

    /// Receives the next message; returns `None` if none arrives in `limit`.
    ///
    /// # Errors
    ///
    /// Those of [`DatagramSocket::recv`].
    pub fn recv_timeout(&self, limit: Duration) -> Result<Option<Message>, Error> {
        block_on_for(limit, self.0.recv()).transpose()
    }

    /// Receives datagrams into `batch`; returns their number, 0 if none arrives in `limit`. See
    /// [`DatagramSocket::recv_batch`].
    ///
    /// # Errors
    ///
    /// Those of [`DatagramSocket::recv_batch`].
    pub fn recv_batch_timeout(
        &self,
        batch: &mut RecvBatch,
        limit: Duration,
    ) -> Result<usize, Error> {
        block_on_for(limit, self.0.recv_batch(batch)).unwrap_or(Ok(0))
    }

    /// Receives the next event; returns `None` if there is none in `limit`. See
    /// [`DatagramSocket::next_event`].
    ///
    /// # Errors
    ///
    /// Those of [`DatagramSocket::next_event`].
    pub fn next_event_timeout(&self, limit: Duration) -> Result<Option<Event>, Error> {
        block_on_for(limit, self.0.next_event()).transpose()
    }

    /// Sends a request to the peer of a connected socket, and returns the reply. The request says
    /// how long this takes at most; see [`DatagramSocket::ask`].
    ///
    /// # Errors
    ///
    /// Those of [`DatagramSocket::ask`].
    pub fn ask(&self, request: &Request) -> Result<Message, Error> {
        block_on(self.0.ask(request))
    }
}

impl From<DatagramSocket> for Socket {
    fn from(socket: DatagramSocket) -> Self {
        Self(socket)
    }
}

impl From<Socket> for DatagramSocket {
    fn from(socket: Socket) -> Self {
        socket.0
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::error::ErrorKind;

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn a_program_without_a_runtime_sends_and_receives() {
        let server = Socket::bind("localhost:0").unwrap();
        let client = Socket::connect(server.local_addr().unwrap()).unwrap();
        assert_eq!(client.peer_addr(), server.local_addr());
        let serving = thread::spawn({
            let server = server.clone();
            move || {
                while let Ok(message) = server.recv() {
                    server.send_to(message.payload(), message.reply()).unwrap();
                }
            }
        });
        client.send(b"one").unwrap();
        assert_eq!(
            client.recv_timeout(SOON).unwrap().unwrap().payload(),
            b"one"
        );
        let reply = client.ask(&Request::new("two")).unwrap();
        assert_eq!(reply.payload(), b"two");
        let mut batch = SendBatch::new();
        batch.push("three");
        client.send_batch(&mut batch).unwrap();
        let mut received = RecvBatch::new(4);
        assert_eq!(client.recv_batch_timeout(&mut received, SOON).unwrap(), 1);
        client.send(b"four").unwrap();
        let event = client.next_event_timeout(SOON).unwrap();
        assert!(matches!(event, Some(Event::Message(_))), "{event:?}");
        server.inner().close();
        serving.join().unwrap();
    }

    /// The limit ends the wait, and nothing is lost.
    #[test]
    fn a_limit_ends_the_wait() {
        let socket = Socket::bind("127.0.0.1:0").unwrap();
        for limit in [Duration::ZERO, Duration::from_millis(5)] {
            assert!(socket.recv_timeout(limit).unwrap().is_none());
            assert!(socket.next_event_timeout(limit).unwrap().is_none());
            let received = socket.recv_batch_timeout(&mut RecvBatch::new(1), limit);
            assert_eq!(received.unwrap(), 0);
        }
        let sender = Socket::connect(socket.local_addr().unwrap()).unwrap();
        sender.send(b"x").unwrap();
        assert!(socket.recv_timeout(Duration::MAX).unwrap().is_some());
        socket.inner().close();
        let error = socket.recv_timeout(SOON).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}
