//! One request to one destination: sent, again if need be, until its reply arrives.

use std::future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use udpair_io::Destination;

use super::super::many;
use super::super::receive::Receive;
use super::super::replies::PendingReply;
use super::super::send::dispatch;
use super::super::shared::Shared;
use super::request::{Request, RequestEvent};
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::message::{Event, Message, PeerError};

/// A request in progress, to one destination.
pub(super) struct Asking<'a> {
    shared: &'a Arc<Shared>,
    /// `None` for the peer.
    to: Option<Destination>,
    request: &'a Request,
    pending: PendingReply<'a>,
    receive: Receive<'a>,
    /// How often the request was sent.
    tries: u32,
    /// How long a reply was waited for.
    waited: Duration,
}

impl<'a> Asking<'a> {
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        to: Option<Destination>,
        request: &'a Request,
    ) -> Self {
        let address = to.map_or_else(|| shared.peer_addr(), |to| Some(to.address));
        let from = address.filter(|address| {
            !address.ip().to_canonical().is_multicast() && !many::is_limited_broadcast(*address)
        });
        Self {
            shared,
            to,
            request,
            pending: shared.replies().add(from, request.accepts()),
            receive: Receive::new(shared),
            tries: 0,
            waited: Duration::ZERO,
        }
    }

    pub(super) async fn run(mut self) -> Result<Message, Error> {
        for wait in self.request.waits() {
            dispatch::send(self.shared, self.request.payload(), self.to).await?;
            self.tries = self.tries.saturating_add(1);
            self.request
                .report(RequestEvent::Sent { tries: self.tries });
            let replied = driver::in_runtime(async {
                driver::timeout(wait, future::poll_fn(|cx| self.poll_reply(cx))).await
            });
            if let Some(reply) = replied.await.map_err(Error::no_runtime)? {
                return reply;
            }
            self.waited = self.waited.saturating_add(wait);
        }
        Err(self.no_reply())
    }

    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        loop {
            if let Some(reply) = self.pending.take(cx.waker()) {
                return Poll::Ready(Ok(reply));
            }
            if let Some(error) = self.take_events() {
                return Poll::Ready(Err(self.unreachable(error)));
            }
            match self.receive.poll_message(cx) {
                Poll::Ready(Ok(message)) => self.shared.replies().deliver(message),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                // Looked for again, because an error may have come before the task was enlisted.
                Poll::Pending => match self.take_events() {
                    Some(error) => return Poll::Ready(Err(self.unreachable(error))),
                    None => return Poll::Pending,
                },
            }
        }
    }

    /// Takes the events of the socket that concern the request, up to an error that no further try
    /// overcomes, which it returns. If nobody observes the request, it takes that error only.
    fn take_events(&self) -> Option<PeerError> {
        let events = &self.shared.link()?.channel.events;
        if events.is_empty() {
            return None;
        }
        let destination = self.destination();
        let takes_all = self.request.is_observed();
        let is_wanted = |event: &Event| match event {
            Event::PeerError(error) => {
                let is_ours = error.destination.is_none_or(|to| Some(to) == destination);
                is_ours && (takes_all || error.unreachable().is_some())
            }
            Event::SendDropped(dropped) => takes_all && Some(dropped.destination) == destination,
            // Of a connected socket all events are the request's.
            _ => takes_all && self.to.is_none(),
        };
        while let Some(event) = events.take(is_wanted) {
            self.request.report(RequestEvent::Socket(&event));
            if let Event::PeerError(error) = event
                && error.unreachable().is_some()
            {
                return Some(error);
            }
        }
        None
    }

    fn destination(&self) -> Option<SocketAddr> {
        self.to
            .map_or_else(|| self.shared.peer_addr(), |to| Some(to.address))
    }

    fn unreachable(&self, error: PeerError) -> Error {
        error.into_error(format!("no reply from {}", self.described()))
    }

    fn no_reply(&self) -> Error {
        let tries = match self.tries {
            1 => "1 try".to_owned(),
            tries => format!("{tries} tries"),
        };
        let mut message = format!(
            "no reply from {} to {tries} in {:?}",
            self.described(),
            self.waited
        );
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
