//! A request and its reply: sends a datagram, again if need be, until its reply arrives.

mod asking;
mod each_address;
mod request;

use udpair_io::{Adapter, Destination};

use super::DatagramSocket;
use super::builder::Builder;
use super::open;
use super::send::dispatch;
use crate::error::{Error, ErrorKind};
use crate::message::Message;
use crate::name::EndpointPair;
use asking::Asking;
pub use request::{Request, RequestEvent};

impl DatagramSocket {
    /// Sends a request to the peer of a connected socket, and returns the reply.
    ///
    /// Any number of requests may wait on one socket at the same time. While one waits, it takes
    /// the messages that arrive: a message that is the reply to no request, such as a reply that
    /// comes late, is dropped. Use another socket for other messages.
    ///
    /// # Errors
    ///
    /// - [`NoReply`](ErrorKind::NoReply): no reply to any try.
    /// - [`PeerUnreachable`](ErrorKind::PeerUnreachable),
    ///   [`HostUnreachable`](ErrorKind::HostUnreachable),
    ///   [`NetworkUnreachable`](ErrorKind::NetworkUnreachable): the network sent an error back that
    ///   no further try overcomes, such as a closed port.
    /// - [`InvalidState`](ErrorKind::InvalidState): the socket has no peer.
    /// - Those of [`OutputStream::write`](crate::OutputStream::write) and
    ///   [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future may have sent the request; a reply that comes later is dropped
    /// or, if nothing waits for a reply any more, received like any message.
    pub async fn ask(&self, request: &Request) -> Result<Message, Error> {
        let shared = self.shared();
        open::for_writing_to_peer(shared, "ask the peer").await?;
        Asking::new(shared, None, request).run().await
    }

    /// Sends a request to an address, and returns the reply, as [`ask`](Self::ask) does.
    ///
    /// The reply comes from that address. To a request to a group or to 255.255.255.255, anybody
    /// may reply. An unbound socket is bound first.
    ///
    /// # Errors
    ///
    /// Those of [`ask`](Self::ask) and [`send_to`](Self::send_to).
    ///
    /// # Cancel safety
    ///
    /// That of [`ask`](Self::ask).
    pub async fn ask_to(
        &self,
        to: impl Into<Destination>,
        request: &Request,
    ) -> Result<Message, Error> {
        let shared = self.shared();
        let to = open::check_destination(shared, &to.into())?;
        shared.grant_stream_after_opening(dispatch::SEND_TO).await?;
        Asking::new(shared, Some(to), request).run().await
    }
}

impl Builder {
    /// Asks the remote end of `pair`: connects to one of its addresses after the other, in the
    /// order of [`DatagramSocket::connect`], until one replies. Returns the socket that is
    /// connected to it, and the reply.
    ///
    /// The next address is asked after a refusal or silence. As for a connect, the addresses of
    /// the next host are looked up only when all before it were asked. The time of asking does not
    /// count as time of the lookup. The sockets of addresses that did not reply are closed.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Self::connect) and [`DatagramSocket::ask`], for the last address. The
    /// message names the others. An error that another address would have too ends the request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future leaves no socket open.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn ask() -> Result<(), udpair::Error> {
    /// use udpair::{DatagramSocket, Request};
    ///
    /// let request = Request::new("ping").retries(2);
    /// let builder = DatagramSocket::builder();
    /// let (socket, reply) = builder.ask("contoso.com:stun", &request).await?;
    /// println!("{:?} replied {} bytes", socket.peer_addr(), reply.payload().len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ask(
        &self,
        pair: impl TryInto<EndpointPair, Error: Into<Error>>,
        request: &Request,
    ) -> Result<(DatagramSocket, Message), Error> {
        let pair = pair.try_into().map_err(Into::into)?;
        each_address::ask(self, None, &pair, request).await
    }

    /// Asks the remote end of `pair` through one adapter, as [`ask`](Self::ask) does. The sockets
    /// are bound to the local service of the pair on the adapter; see [`bind_on`](Self::bind_on).
    ///
    /// # Errors
    ///
    /// Those of [`ask`](Self::ask) and [`bind_on`](Self::bind_on), and
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) if the pair has a local host: the adapter
    /// decides about that.
    ///
    /// # Cancel safety
    ///
    /// That of [`ask`](Self::ask).
    pub async fn ask_on(
        &self,
        adapter: &Adapter,
        pair: impl TryInto<EndpointPair, Error: Into<Error>>,
        request: &Request,
    ) -> Result<(DatagramSocket, Message), Error> {
        let pair = pair.try_into().map_err(Into::into)?;
        if let Some(host) = pair.local().host() {
            let message = format!("cannot ask on {} from the local host {host}", adapter.name);
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_advice("give either an adapter or a local host"));
        }
        each_address::ask(self, Some(adapter), &pair, request).await
    }
}
