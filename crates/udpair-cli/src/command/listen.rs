//! `listen`: prints one line per datagram, from any sender.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use udpair::{Builder, DatagramSocket, ErrorKind, Message, RecvBatch, adapters};

use super::context::{Context, Exit, Failure};
use crate::args::Listen;
use crate::event::{Event, Listened, Received};
use crate::pcapng;
use crate::prefix::Prefix;

pub(super) async fn run(context: &Context, arguments: &Listen) -> Result<Exit, Failure> {
    if context.global.local.is_some() {
        return Err(Failure::usage(
            "listen does not use --local: give the local endpoint as [HOST:]SERVICE",
        ));
    }
    let mut capture = match &arguments.write {
        Some(path) => Some(Capture::create(path)?),
        None => None,
    };
    context.listened.set(Listened {
        not_allowed: (!arguments.allow.is_empty()).then_some(0),
        unanswered: arguments.echo.then_some(0),
    });
    let is_default = context.global.rcvbuf.is_none();
    let options = |builder: Builder| {
        let builder = builder.share_port(arguments.share);
        match is_default {
            true => builder.inbound_buffer_bytes(BUFFER_BYTES),
            false => builder,
        }
    };
    let socket = context.bound_socket(&arguments.at, options).await?;
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
    receive(context, arguments, &socket, capture.as_mut()).await
}

async fn receive(
    context: &Context,
    arguments: &Listen,
    socket: &DatagramSocket,
    mut capture: Option<&mut Capture>,
) -> Result<Exit, Failure> {
    let bound = socket.local_addr();
    let mut batch = RecvBatch::new(BATCH);
    let mut left = arguments.count.unwrap_or(u64::MAX);
    while left > 0 {
        // Without receive offload, a message of the kernel is one datagram.
        batch.set_limit(usize::try_from(left).unwrap_or(BATCH).min(BATCH));
        if let Some(event) = socket.next_batch(&mut batch).await? {
            context.print_event(&event).await?;
            continue;
        }
        while let Some(datagram) = batch.pop() {
            let message = Message::from(datagram);
            let sender = message.remote().ip();
            let is_allowed = |prefix: &Prefix| prefix.contains(sender);
            if !arguments.allow.is_empty() && !arguments.allow.iter().any(is_allowed) {
                count(context, |listened| &mut listened.not_allowed);
                continue;
            }
            if arguments.count.is_some() {
                left = left.saturating_sub(1);
            }
            let received = context.arrivals.received(&message, bound, None);
            context.output.add(&received)?;
            if let Some(capture) = &mut capture {
                capture.add(&received, message.ecn());
            }
            if arguments.echo && !echo(context, socket, &message).await? {
                count(context, |listened| &mut listened.unanswered);
            }
        }
        if let Some(capture) = &mut capture {
            capture.write()?;
        }
        context.output.space().await?;
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
///
/// Returns whether it was sent.
async fn echo(
    context: &Context,
    socket: &DatagramSocket,
    message: &Message,
) -> Result<bool, Failure> {
    if is_own(socket, message.remote()) {
        return Ok(false);
    }
    let mut to = message.reply();
    let is_to_one_host = message
        .to()
        .is_none_or(|to| !to.is_multicast() && Some(to) == message.local());
    if let Some(hops) = message.hop_limit().filter(|_| is_to_one_host) {
        match hops {
            0 | 1 => return Ok(false),
            hops => to.header.hop_limit = Some(hops - 1),
        }
    }
    // An unreachable sender must not stop the replies to other senders.
    match socket.send_to(message.payload(), to).await {
        Ok(()) => Ok(true),
        Err(error) => {
            context.print(&Event::error(&error)).await?;
            Ok(false)
        }
    }
}

/// Counts one more datagram.
fn count(context: &Context, of: impl FnOnce(&mut Listened) -> &mut Option<u64>) {
    let mut listened = context.listened.get();
    let count = of(&mut listened);
    *count = Some(count.unwrap_or(0) + 1);
    context.listened.set(listened);
}

/// A file that received datagrams are written to.
struct Capture {
    path: PathBuf,
    file: File,
    interfaces: pcapng::Interfaces,
    /// What is not written yet.
    waiting: Vec<u8>,
}

impl Capture {
    /// Creates the file, in place of one that exists.
    fn create(path: &Path) -> Result<Self, Failure> {
        let mut capture = Self {
            path: path.to_owned(),
            file: File::create(path).map_err(|error| Self::failure(path, &error))?,
            interfaces: pcapng::Interfaces::default(),
            waiting: pcapng::section(),
        };
        capture.write()?;
        Ok(capture)
    }

    fn add(&mut self, received: &Received<'_>, ecn: Option<u8>) {
        self.interfaces.add(&mut self.waiting, received, ecn);
    }

    /// Writes what was received together.
    fn write(&mut self) -> Result<(), Failure> {
        let written = self.file.write_all(&self.waiting);
        self.waiting.clear();
        written.map_err(|error| Self::failure(&self.path, &error))
    }

    fn failure(path: &Path, error: &io::Error) -> Failure {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => ErrorKind::InvalidArgument,
            _ => ErrorKind::Io,
        };
        Failure::new(kind, format!("cannot write {}: {error}", path.display()))
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

/// How many datagrams are received in one call.
const BATCH: usize = 32;

/// The receive buffer that is requested unless `--rcvbuf` says otherwise: it holds a fast stream
/// for the time in which the disk or the scheduler may pause. Not to be granted it is no news,
/// unless datagrams are lost.
const BUFFER_BYTES: u32 = 16 << 20;
