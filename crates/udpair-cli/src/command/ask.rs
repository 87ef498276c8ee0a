//! `ask`: sends one request, with retries, and waits for one reply.

use tokio::time::{Instant, timeout_at};
use udpair::{DatagramSocket, Event as SocketEvent};

use super::context::{Context, Exit, Failure};
use crate::args::Ask;
use crate::event::{Event, peer_error_kind};

pub(super) async fn run(context: &Context, arguments: &Ask) -> Result<Exit, Failure> {
    let payload = arguments.payload.bytes().await?;
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
    let request = PendingRequest {
        context,
        arguments,
        socket: &socket,
        payload: &payload,
        expected: &expected,
    };
    request.run().await
}

/// A request that waits for its reply.
struct PendingRequest<'a> {
    context: &'a Context,
    arguments: &'a Ask,
    socket: &'a DatagramSocket,
    payload: &'a [u8],
    /// The bytes that a reply must contain. Empty accepts every reply.
    expected: &'a [u8],
}

impl PendingRequest<'_> {
    /// Sends the request until a reply arrives, the tries are used up, or the peer is unreachable.
    async fn run(&self) -> Result<Exit, Failure> {
        let output = self.socket.output()?;
        let remote = self.arguments.remote.endpoint();
        let tries = self.arguments.retries.saturating_add(1);
        let mut rejected = 0_u64;
        for _ in 0..tries {
            output.write(self.payload).await?;
            let bytes = self.payload.len();
            self.context.print(&Event::Sent { bytes }).await?;
            let end = Instant::now() + self.arguments.wait;
            while let Ok(event) = timeout_at(end, self.socket.next_event()).await {
                let event = event?;
                self.context.print_event(&event).await?;
                match event {
                    SocketEvent::Message(message) if self.is_expected(message.payload()) => {
                        let event = Event::message(&message, self.socket.local_addr());
                        self.context.print(&event).await?;
                        return Ok(Exit::Done);
                    }
                    SocketEvent::Message(_) => rejected += 1,
                    SocketEvent::PeerError(error) => {
                        if let Some(kind) = error.unreachable() {
                            let why = peer_error_kind(error.kind()).replace('-', " ");
                            let context = self.context;
                            return Err(context
                                .unreachable(kind, &why, &remote, self.socket)
                                .await);
                        }
                    }
                    _ => {}
                }
            }
        }
        let sent = format!(
            "{tries} {} of {:?} each",
            if tries == 1 { "try" } else { "tries" },
            self.arguments.wait
        );
        let message = match rejected {
            0 => format!("no reply from {remote} to {sent}"),
            1 => format!("1 reply from {remote} to {sent}; it does not contain the expected data"),
            _ => format!(
                "{rejected} replies from {remote} to {sent}; none contains the expected data"
            ),
        };
        Err(self.context.no_reply(&remote, message).await)
    }

    fn is_expected(&self, payload: &[u8]) -> bool {
        self.expected.is_empty()
            || payload
                .windows(self.expected.len())
                .any(|part| part == self.expected)
    }
}
