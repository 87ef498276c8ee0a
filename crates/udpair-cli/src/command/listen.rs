//! `listen`: one line a datagram, from anyone.

use udpair::{DatagramSocket, Event as SocketEvent};

use super::{Context, Exit, Failure};
use crate::args::Listen;
use crate::event::Event;

pub(super) async fn run(context: &Context, arguments: &Listen) -> Result<Exit, Failure> {
    if context.global.local.is_some() {
        return Err(Failure::Usage(
            "--local has no meaning here: say where to listen as [HOST:]SERVICE".into(),
        ));
    }
    let socket = context.bound_socket(&arguments.at).await?;
    context.say(&Event::Listening {
        local: socket.local_addr(),
    })?;
    context
        .with_summary(&socket, receive(context, arguments, &socket))
        .await
}

async fn receive(
    context: &Context,
    arguments: &Listen,
    socket: &DatagramSocket,
) -> Result<Exit, Failure> {
    let mut received = 0;
    while arguments.count != Some(received) {
        match socket.next_event().await? {
            SocketEvent::Message(message) => {
                received += 1;
                context.say(&Event::message(&message, socket.local_addr()))?;
                if arguments.echo {
                    let (payload, remote) = (message.payload(), message.remote());
                    // That one sender cannot be reached is no reason to leave the others alone.
                    if let Err(error) = socket.send_to(payload, remote).await {
                        context.say(&Event::error(&error))?;
                    }
                }
            }
            SocketEvent::PeerError(error) => context.say(&Event::peer_error(&error))?,
            _ => {}
        }
    }
    let is_lossy = socket.statistics().kernel_dropped > 0;
    Ok(if is_lossy { Exit::Lossy } else { Exit::Done })
}
