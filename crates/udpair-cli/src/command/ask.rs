//! `ask`: one request, retries, one reply.

use tokio::time::{Instant, timeout_at};
use udpair::{DatagramSocket, ErrorKind, Event as SocketEvent, Message, PeerErrorKind};

use super::{Context, Exit, Failure};
use crate::args::Ask;
use crate::event::{Event, peer_error_kind};

pub(super) async fn run(context: &Context, arguments: &Ask) -> Result<Exit, Failure> {
    let payload = arguments.payload.bytes()?;
    let socket = context.connected(&arguments.remote.endpoint()).await?;
    exchange(context, arguments, &socket, &payload).await
}

async fn exchange(
    context: &Context,
    arguments: &Ask,
    socket: &DatagramSocket,
    payload: &[u8],
) -> Result<Exit, Failure> {
    let output = socket.output()?;
    let tries = arguments.retries.saturating_add(1);
    for _ in 0..tries {
        output.write(payload).await?;
        context.say(&Event::Sent {
            bytes: payload.len(),
        })?;
        let end = Instant::now() + arguments.wait;
        while let Ok(event) = timeout_at(end, socket.next_event()).await {
            match event? {
                SocketEvent::Message(message) if is_expected(&message, arguments) => {
                    context.say(&Event::message(&message, socket.local_addr()))?;
                    return Ok(Exit::Done);
                }
                SocketEvent::PeerError(error) => {
                    context.say(&Event::peer_error(&error))?;
                    if let Some(kind) = unreachable(error.kind()) {
                        let remote = arguments.remote.endpoint();
                        let why = peer_error_kind(error.kind()).replace('-', " ");
                        let message = format!("no reply from {remote}: {why}");
                        context.say(&Event::problem(kind, message))?;
                        return Ok(Exit::Reported(kind));
                    }
                }
                _ => {}
            }
        }
    }
    let message = format!(
        "no reply from {} to {tries} {} of {:?} each",
        arguments.remote.endpoint(),
        if tries == 1 { "try" } else { "tries" },
        arguments.wait
    );
    context.say(&Event::problem(ErrorKind::NoReply, message))?;
    Ok(Exit::Reported(ErrorKind::NoReply))
}

fn is_expected(message: &Message, arguments: &Ask) -> bool {
    let Some(expected) = &arguments.expect else {
        return true;
    };
    expected.is_empty()
        || message
            .payload()
            .windows(expected.len())
            .any(|part| part == expected.as_bytes())
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
