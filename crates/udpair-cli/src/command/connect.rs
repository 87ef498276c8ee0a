//! `connect`: sends standard input to a peer, and prints its replies to standard output.

use std::future;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};
use udpair::{DatagramSocket, Error, ErrorKind, Event as SocketEvent, PeerErrorKind};

use super::context::{Context, Exit, Failure, may_pass_later, sent_all};
use crate::args::Connect;
use crate::event::Event;
use crate::frame::FrameError;
use crate::stdin;

pub(super) async fn run(context: &Context, arguments: &Connect) -> Result<Exit, Failure> {
    let socket = context.connected(&arguments.remote.endpoint()).await?;
    context.summarize(&socket);
    let session = Session {
        context,
        arguments,
        socket: &socket,
        problem: None,
        is_refused: false,
        has_received: false,
    };
    session.run(stdin::datagrams(arguments.frame)).await
}

/// A connected socket, and the outcome of its traffic so far.
struct Session<'a> {
    context: &'a Context,
    arguments: &'a Connect,
    socket: &'a DatagramSocket,
    /// The first error of a datagram that was to be sent.
    problem: Option<ErrorKind>,
    is_refused: bool,
    has_received: bool,
}

impl Session<'_> {
    async fn run(
        mut self,
        mut input: Receiver<Result<Vec<u8>, FrameError>>,
    ) -> Result<Exit, Failure> {
        let output = self.socket.output()?;
        let mut end: Option<Instant> = None;
        loop {
            let lingered = async {
                match end {
                    Some(end) => sleep_until(end).await,
                    None => future::pending().await,
                }
            };
            tokio::select! {
                next = input.recv(), if end.is_none() => match next {
                    Some(Ok(payload)) => match output.write(&payload).await {
                        Ok(()) => self.context.print(&Event::Sent { bytes: payload.len() }).await?,
                        Err(error) => self.not_sent(error).await?,
                    },
                    Some(Err(error)) => self.bad_input(&error).await?,
                    None => end = Some(Instant::now() + self.arguments.linger),
                },
                event = self.socket.next_event() => self.received(&event?).await?,
                () = lingered => break,
            }
        }
        match self.problem {
            Some(kind) => Ok(Exit::Reported(kind)),
            None if self.is_refused && !self.has_received => {
                let kind = ErrorKind::PeerUnreachable;
                let remote = self.arguments.remote.endpoint();
                let context = self.context;
                Err(context
                    .unreachable(kind, "port unreachable", &remote, self.socket)
                    .await)
            }
            None => Ok(sent_all(self.socket)),
        }
    }

    async fn received(&mut self, event: &SocketEvent) -> Result<(), Failure> {
        match event {
            SocketEvent::Message(message) => {
                self.has_received = true;
                self.context
                    .print_received(self.socket, message, None)
                    .await
            }
            SocketEvent::PeerError(error) => {
                self.is_refused |= error.kind == PeerErrorKind::PortUnreachable;
                self.context.print_event(event).await
            }
            _ => self.context.print_event(event).await,
        }
    }

    /// Reports a datagram that could not be sent. Later datagrams are still tried.
    async fn not_sent(&mut self, error: Error) -> Result<(), Failure> {
        if !may_pass_later(&error) {
            return Err(error.into());
        }
        self.problem.get_or_insert(error.kind());
        self.context.print(&Event::error(&error)).await
    }

    async fn bad_input(&mut self, error: &FrameError) -> Result<(), Failure> {
        let (kind, message) = match error {
            FrameError::Io(error) => (
                ErrorKind::Io,
                format!("cannot read standard input: {error}"),
            ),
            FrameError::TooLong => (
                ErrorKind::PayloadTooLarge,
                "a line of standard input is longer than any datagram; it was not sent".into(),
            ),
            FrameError::Hex(reason) => (
                ErrorKind::InvalidArgument,
                format!("a line of standard input is not valid hex: {reason}; it was not sent"),
            ),
        };
        self.problem.get_or_insert(kind);
        self.context.report(Failure::new(kind, message)).await
    }
}
