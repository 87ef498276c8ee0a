//! `listen`: prints one line per datagram, from any sender.

use udpair::{DatagramSocket, Event as SocketEvent};

use super::context::{Context, Exit, Failure};
use crate::args::Listen;
use crate::event::Event;

pub(super) async fn run(context: &Context, arguments: &Listen) -> Result<Exit, Failure> {
    if context.global.local.is_some() {
        return Err(Failure::usage(
            "listen does not use --local: give the local endpoint as [HOST:]SERVICE",
        ));
    }
    let socket = context.bound_socket(&arguments.at).await?;
    let name = arguments.at.host().filter(|host| host.ip().is_none());
    context
        .print(&Event::Listening {
            local: socket.local_addr(),
            host: name.map(ToString::to_string),
        })
        .await?;
    context.report_unmet(&socket);
    context.summarize(&socket);
    for group in &arguments.join {
        for joined in context.resolving(socket.join_multicast(group)).await? {
            context.print(&Event::joined(&joined)).await?;
        }
    }
    receive(context, arguments, &socket).await
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
                let event = Event::message(&message, socket.local_addr());
                context.print(&event).await?;
                if arguments.echo {
                    let echo = socket.send_to(message.payload(), message.reply());
                    // An unreachable sender must not stop the replies to other senders.
                    if let Err(error) = echo.await {
                        context.print(&Event::error(&error)).await?;
                    }
                }
            }
            event => context.print_event(&event).await?,
        }
    }
    let statistics = socket.statistics();
    let is_lossy = statistics.kernel_dropped > 0 || statistics.send_dropped > 0;
    Ok(if is_lossy { Exit::Lossy } else { Exit::Done })
}
