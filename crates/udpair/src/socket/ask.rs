//! A request and its reply: sends a datagram, again if need be, until its reply arrives.

use std::fmt;
use std::future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use udpair_io::Destination;

use super::DatagramSocket;
use super::builder::Builder;
use super::lifecycle::Operation;
use super::many;
use super::open::{self, Attempts};
use super::receive::Receive;
use super::replies::{Accepts, PendingReply};
use super::send::dispatch;
use super::shared::Shared;
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::message::{Message, PeerError};
use crate::name::EndpointPair;

/// A request, how often it is sent, and what counts as its reply.
///
/// By default it is sent up to four times, and the waits for a reply are 1 s, 2 s, 4 s and 4 s; the
/// first datagram from the destination is the reply. UDP loses datagrams, so a request should be
/// one that may arrive more than once.
///
/// # Examples
///
/// ```
/// # async fn ask(socket: &udpair::DatagramSocket) -> Result<(), udpair::Error> {
/// use std::time::Duration;
/// use udpair::Request;
///
/// let request = Request::new("id 7: what time is it?")
///     .wait(Duration::from_millis(250))
///     .retries(5)
///     .accept(|message| message.payload().starts_with(b"id 7"));
/// let reply = socket.ask(&request).await?;
/// println!("{} bytes from {}", reply.payload().len(), reply.remote());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Request {
    payload: Bytes,
    wait: Duration,
    wait_max: Duration,
    retries: u32,
    accepts: Option<Accepts>,
}

impl Request {
    /// Returns a request with this payload.
    pub fn new(payload: impl Into<Bytes>) -> Self {
        Self {
            payload: payload.into(),
            wait: Duration::from_secs(1),
            wait_max: Duration::from_secs(4),
            retries: 3,
            accepts: None,
        }
    }

    /// Sets how long to wait for a reply to the first try. Each further wait is twice as long, up
    /// to [`wait_max`](Self::wait_max). Default: 1 s.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets the longest wait for a reply to one try. Default: 4 s. A first wait that is longer than
    /// this stays as it is.
    #[must_use]
    pub fn wait_max(mut self, wait_max: Duration) -> Self {
        self.wait_max = wait_max;
        self
    }

    /// Sets how often the request is sent again without a reply. Default: 3.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets what counts as a reply: a message from the destination for which `accepts` returns
    /// `true`. Requests that wait on one socket at the same time need this, to tell their replies
    /// apart; most protocols have an identifier for it.
    #[must_use]
    pub fn accept(mut self, accepts: impl Fn(&Message) -> bool + Send + Sync + 'static) -> Self {
        self.accepts = Some(Arc::new(accepts));
        self
    }

    /// Returns the wait after each try.
    fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        let max = self.wait_max.max(self.wait);
        let next = move |wait: &Duration| Some(wait.saturating_mul(2).min(max));
        let tries = usize::try_from(self.retries).map_or(usize::MAX, |retries| retries + 1);
        std::iter::successors(Some(self.wait), next).take(tries)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("bytes", &self.payload.len())
            .field("wait", &self.wait)
            .field("wait_max", &self.wait_max)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

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
        shared.allow("ask the peer", Operation::Output)?;
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
    /// order of [`Resolver::resolve`](crate::Resolver::resolve), until one replies. Returns the
    /// socket that is connected to it, and the reply.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Self::connect) and [`DatagramSocket::ask`], for the last address. The
    /// message names the others.
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
        let resolution = self.requested_resolver().resolve(pair.remote()).await;
        let action = format!("ask {}", pair.remote());
        let mut attempts = Attempts::new(&action);
        for candidate in resolution.candidates()? {
            let one = EndpointPair::from(candidate.address).with_local(pair.local().clone());
            let asked = async {
                let socket = self.connect(one).await?;
                let reply = socket.ask(request).await?;
                Ok((socket, reply))
            };
            match asked.await {
                Ok(replied) => return Ok(replied),
                Err(error) => attempts.add(candidate.address, error),
            }
        }
        Err(attempts.into_error())
    }
}

/// A request in progress.
struct Asking<'a> {
    shared: &'a Arc<Shared>,
    /// `None` for the peer.
    to: Option<Destination>,
    request: &'a Request,
    pending: PendingReply<'a>,
    receive: Receive<'a>,
}

impl<'a> Asking<'a> {
    fn new(shared: &'a Arc<Shared>, to: Option<Destination>, request: &'a Request) -> Self {
        let address = to.map_or_else(|| shared.peer_addr(), |to| Some(to.address));
        let from = address.filter(|address| {
            !address.ip().to_canonical().is_multicast() && !many::is_limited_broadcast(*address)
        });
        Self {
            shared,
            to,
            request,
            pending: shared.replies().add(from, request.accepts.clone()),
            receive: Receive::new(shared),
        }
    }

    async fn run(mut self) -> Result<Message, Error> {
        for wait in self.request.waits() {
            dispatch::send(self.shared, &self.request.payload, self.to).await?;
            let replied = driver::in_runtime(async {
                driver::timeout(wait, future::poll_fn(|cx| self.poll_reply(cx))).await
            });
            if let Some(reply) = replied.await.map_err(Error::no_runtime)? {
                return reply;
            }
        }
        Err(self.no_reply())
    }

    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        loop {
            if let Some(reply) = self.pending.take(cx.waker()) {
                return Poll::Ready(Ok(reply));
            }
            if let Some(error) = self.take_error() {
                return Poll::Ready(Err(self.unreachable(error)));
            }
            match self.receive.poll_message(cx) {
                Poll::Ready(Ok(message)) => self.shared.replies().deliver(message),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                // Looked for again, because an error may have come before the task was enlisted.
                Poll::Pending => match self.take_error() {
                    Some(error) => return Poll::Ready(Err(self.unreachable(error))),
                    None => return Poll::Pending,
                },
            }
        }
    }

    /// Takes an error about the destination that no further try overcomes.
    fn take_error(&self) -> Option<PeerError> {
        let events = &self.shared.link()?.channel.events;
        if events.is_empty() {
            return None;
        }
        let destination = self.destination();
        events.take_error(|error| {
            let is_ours = error.destination().is_none_or(|to| Some(to) == destination);
            is_ours && error.unreachable().is_some()
        })
    }

    fn destination(&self) -> Option<SocketAddr> {
        self.to
            .map_or_else(|| self.shared.peer_addr(), |to| Some(to.address))
    }

    fn unreachable(&self, error: PeerError) -> Error {
        error.into_error(format!("no reply from {}", self.described()))
    }

    fn no_reply(&self) -> Error {
        let waits: Vec<_> = self.request.waits().collect();
        let total: Duration = waits.iter().sum();
        let tries = match waits.len() {
            1 => "1 try".to_owned(),
            tries => format!("{tries} tries"),
        };
        let mut message = format!("no reply from {} to {tries} in {total:?}", self.described());
        match self.pending.unmatched() {
            0 => {}
            1 => message.push_str("; 1 other message arrived"),
            unmatched => message.push_str(&format!("; {unmatched} other messages arrived")),
        }
        Error::new(ErrorKind::NoReply, message)
    }

    fn described(&self) -> String {
        let destination = self.destination();
        destination.map_or_else(|| "the peer".into(), |to| to.to_string())
    }
}
