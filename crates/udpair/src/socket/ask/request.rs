//! A request: how often it is sent, what counts as its reply, and who is notified on the way.

use std::fmt;
use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::super::DatagramSocket;
use super::super::replies::Accepts;
use crate::error::Error;
use crate::message::{Event, Message};

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
    observer: Option<Observer>,
}

/// A function of the application that is called for each step of a request.
type Observer = Arc<dyn Fn(RequestEvent<'_>) + Send + Sync>;

/// A step of a request on its way to a reply; see [`Request::on_event`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RequestEvent<'a> {
    /// A socket was connected to the next address, which is asked now. Only
    /// [`Builder::ask`](crate::Builder::ask) and [`Builder::ask_on`](crate::Builder::ask_on) do
    /// this.
    Connected(&'a DatagramSocket),
    /// The request was sent.
    Sent {
        /// How often it was sent to this address, this time included.
        tries: u32,
    },
    /// An event of the socket other than a message. If the request goes to the peer of a connected
    /// socket, this is any event; otherwise only one about the destination.
    Socket(&'a Event),
    /// An address was given up, and the next one is asked, if there is one.
    GaveUp {
        /// The address.
        address: SocketAddr,
        /// Why it was given up.
        error: &'a Error,
    },
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
            observer: None,
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
    /// `true`. It is called for every message from there until one is accepted, late replies to
    /// earlier requests included. Requests that wait on one socket at the same time need this, to tell their replies
    /// apart; most protocols have an identifier for it.
    #[must_use]
    pub fn accept(mut self, accepts: impl Fn(&Message) -> bool + Send + Sync + 'static) -> Self {
        self.accepts = Some(Arc::new(accepts));
        self
    }

    /// Sets a function to call at each step: when the request was sent, when the network sent an
    /// error back, when another address is asked. Default: none.
    ///
    /// It is called by the task that waits for the reply, in the order of the steps, and should
    /// return soon. With it, the request takes events of the socket that
    /// [`next_event`](DatagramSocket::next_event) would return otherwise:
    /// [`RequestEvent::Socket`] says which. Messages go to [`accept`](Self::accept).
    ///
    /// # Examples
    ///
    /// ```
    /// use udpair::{Request, RequestEvent};
    ///
    /// let request = Request::new("ping").on_event(|event| match event {
    ///     RequestEvent::Sent { tries } => println!("sent, {tries}. try"),
    ///     RequestEvent::GaveUp { address, error } => println!("{address} given up: {error}"),
    ///     _ => {}
    /// });
    /// ```
    #[must_use]
    pub fn on_event(mut self, observer: impl Fn(RequestEvent<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    pub(super) fn payload(&self) -> &Bytes {
        &self.payload
    }

    pub(super) fn accepts(&self) -> Option<Accepts> {
        self.accepts.clone()
    }

    pub(super) fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    /// Notifies the application. The caller holds no lock.
    pub(super) fn report(&self, event: RequestEvent<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }

    /// Returns the wait after each try.
    pub(super) fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        let max = self.wait_max.max(self.wait);
        let next = move |wait: &Duration| Some(wait.saturating_mul(2).min(max));
        let tries = usize::try_from(self.retries).map_or(usize::MAX, |n| n.saturating_add(1));
        iter::successors(Some(self.wait), next).take(tries)
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
