//! `connect`: sends standard input to a peer, and prints its replies to standard output. A target
//! that refuses before its first reply is left for the next one.

use std::future;
use std::net::SocketAddr;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};
use udpair::{
    DatagramSocket, Endpoint, Error, ErrorKind, Event as SocketEvent, OutputStream, PeerErrorKind,
};

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
        output: socket.output()?,
        tried: socket.peer_addr().into_iter().collect(),
        socket,
        unanswered: Some(Unanswered::default()),
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
    socket: DatagramSocket,
    output: OutputStream,
    /// The targets that were connected to.
    tried: Vec<SocketAddr>,
    /// What was sent before the first reply; `None` once there can be no other target.
    unanswered: Option<Unanswered>,
    /// The first error of a datagram that was to be sent.
    problem: Option<ErrorKind>,
    is_refused: bool,
    has_received: bool,
}

/// Datagrams without a reply, which the next target gets if this one refuses.
#[derive(Default)]
struct Unanswered {
    payloads: Vec<Vec<u8>>,
    bytes: usize,
}

impl Session<'_> {
    async fn run(
        mut self,
        mut input: Receiver<Result<Vec<u8>, FrameError>>,
    ) -> Result<Exit, Failure> {
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
                    Some(Ok(payload)) => {
                        self.send(&payload).await?;
                        self.keep(payload);
                    }
                    Some(Err(error)) => self.bad_input(&error).await?,
                    None => end = Some(Instant::now() + self.arguments.linger),
                },
                event = self.socket.next_event() => {
                    let is_next = self.received(&event?).await?;
                    if is_next && end.is_some() {
                        end = Some(Instant::now() + self.arguments.linger);
                    }
                }
                () = lingered => break,
            }
        }
        match self.problem {
            Some(kind) => Ok(Exit::Reported(kind)),
            None if self.is_refused && !self.has_received => {
                let kind = ErrorKind::PeerUnreachable;
                let remote = self.arguments.remote.endpoint();
                let context = self.context;
                let tried: Vec<_> = self.tried.iter().map(ToString::to_string).collect();
                let why = match &*tried {
                    [_] => "port unreachable".to_owned(),
                    tried => format!("port unreachable at {}", tried.join(" and ")),
                };
                Err(context.unreachable(kind, &why, &remote, &self.socket).await)
            }
            None => Ok(sent_all(&self.socket)),
        }
    }

    async fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let bytes = payload.len();
        match self.output.write(payload).await {
            Ok(()) => self.context.print(&Event::Sent { bytes }).await,
            Err(error) => self.not_sent(error).await,
        }
    }

    /// Keeps a datagram for the next target, unless there can be none.
    fn keep(&mut self, payload: Vec<u8>) {
        let Some(unanswered) = &mut self.unanswered else {
            return;
        };
        unanswered.bytes += payload.len() + 1;
        unanswered.payloads.push(payload);
        if unanswered.bytes > UNANSWERED_BYTES_MAX {
            self.unanswered = None;
        }
    }

    /// Handles an event of the socket. Returns whether the socket is now connected to another
    /// target.
    async fn received(&mut self, event: &SocketEvent) -> Result<bool, Failure> {
        match event {
            SocketEvent::Message(message) => {
                self.has_received = true;
                self.unanswered = None;
                self.context
                    .print_received(&self.socket, message, None)
                    .await?;
            }
            SocketEvent::PeerError(error) => {
                self.context.print_event(event).await?;
                self.is_refused |= error.kind == PeerErrorKind::PortUnreachable;
                if let Some(kind) = error.unreachable() {
                    return self.go_on(kind).await;
                }
            }
            _ => self.context.print_event(event).await?,
        }
        Ok(false)
    }

    /// Connects to the next target after this one refused, and sends it what had no reply. Returns
    /// whether there is one.
    async fn go_on(&mut self, kind: ErrorKind) -> Result<bool, Failure> {
        let Some(after) = self.socket.peer_addr() else {
            return Ok(false);
        };
        let remote = self.arguments.remote.endpoint();
        while let Some(unanswered) = self.unanswered.take() {
            let Some(destination) = self.next_target(&remote).await else {
                return Ok(false);
            };
            self.tried.push(destination);
            let event = Event::NextTarget {
                destination,
                after,
                kind: kind.name(),
            };
            self.context.print(&event).await?;
            // The next socket may need its port.
            self.socket.close();
            match self.context.connected_to(destination, &remote).await {
                Ok(socket) => {
                    self.context.summarize(&socket);
                    self.output = socket.output()?;
                    self.socket = socket;
                    for payload in &unanswered.payloads {
                        self.send(payload).await?;
                    }
                    self.unanswered = Some(unanswered);
                    return Ok(true);
                }
                Err(failure) => {
                    if self.tried.len() >= TARGETS_MAX {
                        return Err(failure);
                    }
                    self.unanswered = Some(unanswered);
                    if self.next_target(&remote).await.is_none() {
                        return Err(failure);
                    }
                    self.context.report(failure).await?;
                }
            }
        }
        Ok(false)
    }

    /// Returns the first address of `remote` that was not tried.
    async fn next_target(&self, remote: &Endpoint) -> Option<SocketAddr> {
        if remote.host().is_none_or(|host| host.ip().is_some()) {
            return None;
        }
        let context = self.context;
        let resolution = context.resolving(context.resolver().resolve(remote)).await;
        let candidates = resolution.candidates().ok()?;
        let mut addresses = candidates.iter().map(|candidate| candidate.address);
        addresses.find(|address| !self.tried.contains(address))
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

/// How much is kept for the next target. A target that refuses does so at its first datagrams.
const UNANSWERED_BYTES_MAX: usize = 1 << 20;

/// How many targets are tried.
const TARGETS_MAX: usize = 16;
