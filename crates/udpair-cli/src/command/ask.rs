//! `ask`: one request, retries, one reply.

use tokio::time::{Instant, timeout_at};
use udpair::{DatagramSocket, ErrorKind, Event as SocketEvent, PeerErrorKind};

use super::context::{Context, Exit, Failure};
use crate::args::Ask;
use crate::event::{Event, peer_error_kind};

pub(super) async fn run(context: &Context, arguments: &Ask) -> Result<Exit, Failure> {
    let request = arguments.payload.bytes().await?;
    let expected = match &arguments.expect {
        Some(text) => arguments
            .payload
            .decoded("--expect", text.as_bytes().to_vec())?,
        None => Vec::new(),
    };
    let socket = context.connected(&arguments.remote.endpoint()).await?;
    if context.global.json || context.global.verbose {
        context.summarize(&socket);
    }
    let question = Question {
        context,
        arguments,
        socket: &socket,
        request: &request,
        expected: &expected,
    };
    question.put().await
}

struct Question<'a> {
    context: &'a Context,
    arguments: &'a Ask,
    socket: &'a DatagramSocket,
    request: &'a [u8],
    /// What a reply must hold; nothing accepts every reply.
    expected: &'a [u8],
}

impl Question<'_> {
    /// Asks until there is a reply, or no hope for one.
    async fn put(&self) -> Result<Exit, Failure> {
        let output = self.socket.output()?;
        let remote = self.arguments.remote.endpoint();
        let tries = self.arguments.retries.saturating_add(1);
        let mut refused = 0_u64;
        for _ in 0..tries {
            output.write(self.request).await?;
            let bytes = self.request.len();
            self.context.say(&Event::Sent { bytes }).await?;
            let end = Instant::now() + self.arguments.wait;
            while let Ok(event) = timeout_at(end, self.socket.next_event()).await {
                match event? {
                    SocketEvent::Message(message) if self.is_expected(message.payload()) => {
                        let event = Event::message(&message, self.socket.local_addr());
                        self.context.say(&event).await?;
                        return Ok(Exit::Done);
                    }
                    SocketEvent::Message(_) => refused += 1,
                    SocketEvent::PeerError(error) => {
                        self.context.say(&Event::peer_error(&error)).await?;
                        if let Some(kind) = unreachable(error.kind()) {
                            let why = peer_error_kind(error.kind()).replace('-', " ");
                            return Err(self.context.unreachable(kind, &why, &remote, self.socket));
                        }
                    }
                    _ => {}
                }
            }
        }
        let asked = format!(
            "{tries} {} of {:?} each",
            if tries == 1 { "try" } else { "tries" },
            self.arguments.wait
        );
        let message = match refused {
            0 => format!("no reply from {remote} to {asked}"),
            1 => format!("one reply from {remote} to {asked}, which did not hold what is expected"),
            _ => format!(
                "{refused} replies from {remote} to {asked}, none of which held what is expected"
            ),
        };
        Err(Failure::new(ErrorKind::NoReply, message))
    }

    fn is_expected(&self, payload: &[u8]) -> bool {
        self.expected.is_empty()
            || payload
                .windows(self.expected.len())
                .any(|part| part == self.expected)
    }
}

/// The errors from the network that no retry helps against.
fn unreachable(kind: PeerErrorKind) -> Option<ErrorKind> {
    match kind {
        PeerErrorKind::PortUnreachable | PeerErrorKind::ProtocolUnreachable => {
            Some(ErrorKind::PeerUnreachable)
        }
        PeerErrorKind::HostUnreachable | PeerErrorKind::AdministrativelyProhibited => {
            Some(ErrorKind::HostUnreachable)
        }
        PeerErrorKind::NetworkUnreachable => Some(ErrorKind::NetworkUnreachable),
        _ => None,
    }
}
