//! `listen`: prints one line per datagram, from any sender.

use std::net::SocketAddr;

use udpair::{Builder, DatagramSocket, Event as SocketEvent, Message, adapters};

use super::context::{Context, Exit, Failure};
use crate::args::Listen;
use crate::event::Event;

pub(super) async fn run(context: &Context, arguments: &Listen) -> Result<Exit, Failure> {
    if context.global.local.is_some() {
        return Err(Failure::usage(
            "listen does not use --local: give the local endpoint as [HOST:]SERVICE",
        ));
    }
    let share = |builder: Builder| builder.share_port(arguments.share);
    let socket = context.bound_socket(&arguments.at, share).await?;
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
                    echo(context, socket, &message).await?;
                }
            }
            event => context.print_event(&event).await?,
        }
    }
    let statistics = socket.statistics();
    let is_lossy = statistics.kernel_dropped > 0 || statistics.send_dropped > 0;
    Ok(if is_lossy { Exit::Lossy } else { Exit::Done })
}

/// Sends a datagram back to its sender, unless that could go on forever.
///
/// A sender's address may be forged. If it is that of another echo, each would answer the other, so
/// the hop limit of a reply is one below that of the datagram, and the last one is not answered. A
/// datagram to a group says nothing about the way back: it mostly has one hop, and its reply goes
/// to one host, where the count begins.
async fn echo(
    context: &Context,
    socket: &DatagramSocket,
    message: &Message,
) -> Result<(), Failure> {
    if is_own(socket, message.remote()) {
        return Ok(());
    }
    let mut to = message.reply();
    let is_to_one_host = message
        .to()
        .is_none_or(|to| !to.is_multicast() && Some(to) == message.local());
    if let Some(hops) = message.hop_limit().filter(|_| is_to_one_host) {
        match hops {
            0 | 1 => return Ok(()),
            hops => to.header.hop_limit = Some(hops - 1),
        }
    }
    // An unreachable sender must not stop the replies to other senders.
    match socket.send_to(message.payload(), to).await {
        Ok(()) => Ok(()),
        Err(error) => context.print(&Event::error(&error)).await,
    }
}

/// Returns whether an address and port are those of the socket itself, from which only a forged
/// datagram comes.
fn is_own(socket: &DatagramSocket, remote: SocketAddr) -> bool {
    let Some(local) = socket
        .local_addr()
        .filter(|local| local.port() == remote.port())
    else {
        return false;
    };
    if !local.ip().is_unspecified() {
        return local.ip() == remote.ip();
    }
    remote.ip().is_loopback()
        || adapters()
            .unwrap_or_default()
            .iter()
            .any(|adapter| adapter.has_address(remote.ip()))
}
