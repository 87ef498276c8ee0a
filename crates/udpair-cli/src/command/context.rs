//! The context that every command runs in, and the ways in which a command ends.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;
use udpair::{
    Adapter, AddressFamily, Builder, DatagramSocket, Endpoint, EndpointPair, Error, ErrorKind,
    Event as SocketEvent, Message, OutputStream, Request, Resolver, ServiceSource, SocketOption,
};

use crate::args::{Arguments, Command, Global, PAYLOAD_BYTES_MAX, Payload};
use crate::event::{Arrivals, Event, Listened};
use crate::exit;
use crate::frame::Frame;
use crate::hex;
use crate::interrupt::Interruption;
use crate::output::Output;
use crate::render::{Payloads, Renderer};
use crate::stdin;

/// How a command ended if it did not fail itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Exit {
    Done,
    /// An error of this kind was reported on the way.
    Reported(ErrorKind),
    Lossy,
    Interrupted(Interruption),
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Done => exit::DONE,
            Self::Reported(kind) => exit::code_of(kind),
            Self::Lossy => exit::LOSSY,
            Self::Interrupted(how) => how.exit_code(),
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// An error of the library.
    Error(Error),
    /// An error that the command itself found.
    Problem {
        kind: ErrorKind,
        message: String,
        advice: Option<String>,
    },
    /// Standard output cannot be written.
    Output(io::Error),
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Problem {
            kind,
            message: message.into(),
            advice: None,
        }
    }

    /// Returns the failure for an argument that only the command can check.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// Adds advice to a failure that the command itself found.
    pub(super) fn advising(self, text: &str) -> Self {
        match self {
            Self::Problem { kind, message, .. } => Self::Problem {
                kind,
                message,
                advice: Some(text.to_owned()),
            },
            other => other,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Error(error) => error.kind(),
            Self::Problem { kind, .. } => *kind,
            Self::Output(_) => ErrorKind::Io,
        }
    }

    /// Returns the event to report; `None` if standard output is the problem.
    fn event(self) -> Option<Event> {
        match self {
            Self::Error(error) => Some(Event::error(&error)),
            Self::Problem {
                kind,
                message,
                advice,
            } => Some(Event::problem(kind, message, advice)),
            Self::Output(_) => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// The flags and the output of a command, and the socket to summarize.
pub(super) struct Context {
    pub(super) global: Global,
    pub(super) output: Output,
    /// The resolver of all names of the command.
    resolver: Resolver,
    /// What is known about where datagrams arrive.
    pub(super) arrivals: Arrivals,
    pub(super) listened: Cell<Listened>,
    /// The sockets whose counters are printed at the end, as sums.
    summarized: RefCell<Vec<DatagramSocket>>,
}

impl Context {
    pub(super) fn new(arguments: &Arguments) -> Self {
        let payloads = match &arguments.command {
            Command::Connect(connect) => Payloads::Framed(connect.frame),
            Command::Ask(ask) if ask.raw => Payloads::Framed(Frame::Raw),
            Command::Ask(ask) if ask.all && ask.payload.hex => Payloads::HexLine,
            Command::Ask(ask) if ask.all => Payloads::Line,
            Command::Ask(ask) if ask.payload.hex => Payloads::Framed(Frame::Hex),
            Command::Ask(_) => Payloads::Framed(Frame::Line),
            Command::Listen(listen) if listen.raw => Payloads::Framed(Frame::Raw),
            Command::Listen(listen) if listen.hex => Payloads::HexLine,
            _ => Payloads::Line,
        };
        // These commands have no purpose if no process reads their output.
        let ends_with_reader = matches!(
            arguments.command,
            Command::Connect(_) | Command::Listen(_) | Command::Adapters(_)
        );
        let renderer = Renderer::new(&arguments.global, payloads);
        Self {
            global: arguments.global.clone(),
            output: Output::new(renderer, ends_with_reader),
            resolver: resolver(&arguments.global),
            arrivals: Arrivals::default(),
            listened: Cell::default(),
            summarized: RefCell::default(),
        }
    }

    /// Prints `event`.
    pub(super) async fn print(&self, event: &Event) -> Result<(), Failure> {
        Ok(self.output.print(event).await?)
    }

    /// Prints an event of a socket, unless it is a message.
    pub(super) async fn print_event(&self, event: &SocketEvent) -> Result<(), Failure> {
        match Event::of_socket(event) {
            Some(event) => self.print(&event).await,
            None => Ok(()),
        }
    }

    /// Prints a datagram that `socket` has received: the reply to a request that was sent this long
    /// before, if `rtt` is given.
    pub(super) async fn print_received(
        &self,
        socket: &DatagramSocket,
        message: &Message,
        rtt: Option<Duration>,
    ) -> Result<(), Failure> {
        let received = self.arrivals.of_socket(socket, message, rtt);
        self.output.add(&received)?;
        Ok(self.output.space().await?)
    }

    /// Reports `failure` without ending the command.
    pub(super) async fn report(&self, failure: Failure) -> Result<(), Failure> {
        match failure {
            Failure::Output(error) => Err(error.into()),
            failure => match failure.event() {
                Some(event) => self.print(&event).await,
                None => Ok(()),
            },
        }
    }

    /// Has the counters of `socket` printed at the end, however the command ends, added to those of
    /// earlier sockets.
    pub(super) fn summarize(&self, socket: &DatagramSocket) {
        self.summarized.borrow_mut().push(socket.clone());
    }

    /// Prints the error and the summary, waits until they are written, and returns the exit code.
    pub(super) async fn finish(&self, outcome: Result<Exit, Failure>) -> u8 {
        let mut lost = None;
        let mut code = match outcome {
            Ok(exit) => exit.code(),
            Err(Failure::Output(error)) => {
                lost = Some(error);
                Exit::Done.code()
            }
            Err(failure) => {
                let code = exit::code_of(failure.kind());
                // If the report cannot be written, `finish` below returns that error.
                let _ = self.report(failure).await;
                code
            }
        };
        let summarized = self.summarized.take();
        let statistics: Vec<_> = summarized.iter().map(DatagramSocket::statistics).collect();
        if !statistics.is_empty() {
            let _ = self
                .print(&Event::summary(&statistics, self.listened.get()))
                .await;
        }
        for socket in &summarized {
            self.report_losses(socket);
        }
        let lost = self.output.finish().await.err().or(lost);
        // A reader may close the pipe at any time; that is not a failure.
        if let Some(error) = lost.filter(|error| error.kind() != io::ErrorKind::BrokenPipe) {
            self.output
                .warn(&format!("cannot write standard output: {error}"));
            if code == Exit::Done.code() {
                code = exit::code_of(ErrorKind::Io);
            }
        }
        code
    }

    pub(super) fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// Waits for `work`, which resolves names. If that takes long, says once what is waited for.
    pub(super) async fn resolving<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if let Ok(output) = timeout(NOTICE_AFTER, work.as_mut()).await {
            return output;
        }
        self.say_what_is_waited_for();
        work.await
    }

    /// Says which lookups are waited for.
    pub(super) fn say_what_is_waited_for(&self) {
        self.note(&self.waiting_for());
    }

    /// Returns what the command is waiting for, as a sentence.
    fn waiting_for(&self) -> String {
        // A question may have several queries to one server.
        let mut pending = Vec::new();
        for lookup in self.resolver.pending_lookups() {
            let lookup = lookup.to_string();
            if !pending.contains(&lookup) {
                pending.push(lookup);
            }
        }
        if pending.is_empty() {
            return "still resolving names".to_owned();
        }
        let (shown, more) = pending.split_at(pending.len().min(PENDING_SHOWN));
        let mut text = format!("still waiting for {}", shown.join(", "));
        if !more.is_empty() {
            text.push_str(&format!(", and {} more", more.len()));
        }
        text
    }

    /// Returns a builder for the engine of `--engine`, and without any other option.
    pub(super) fn default_builder(&self) -> Builder {
        let builder = DatagramSocket::builder();
        match self.global.engine {
            Some(engine) => builder.engine(engine),
            None => builder,
        }
    }

    pub(super) fn builder(&self) -> Builder {
        let global = &self.global;
        let mut builder = self
            .default_builder()
            .resolver(&self.resolver)
            // Without receive offload the count of dropped datagrams is exact. Here that matters
            // more than speed.
            .receive_offload(false)
            .timestamps(true)
            .dont_fragment(global.dont_fragment);
        if let Some(bytes) = global.rcvbuf {
            builder = builder.inbound_buffer_bytes(bytes);
        }
        if let Some(bytes) = global.sndbuf {
            builder = builder.send_buffer_bytes(bytes);
        }
        if let Some(hops) = global.hops {
            builder = builder.hop_limit(hops);
        }
        builder
    }

    /// Opens a socket with a stream to `remote`. The socket is bound as `--local` and `--adapter`
    /// say, or by its first write. If both ends are names, one time limit covers both.
    pub(super) async fn output_to(
        &self,
        remote: &Endpoint,
        more: impl FnOnce(Builder) -> Builder,
    ) -> Result<(DatagramSocket, OutputStream), Failure> {
        let builder = more(self.builder());
        let local = self.global.local.clone().unwrap_or_default();
        let socket = match &self.global.adapter {
            Some(_) => self.bound_with(&builder, &local).await?,
            None => builder.open()?,
        };
        let output = if self.global.local.is_some() && self.global.adapter.is_none() {
            let pair = EndpointPair::to_endpoint(remote.clone())?.with_local(local);
            self.resolving(socket.output_to_pair(&pair)).await?
        } else {
            self.resolving(socket.output_to(remote)).await?
        };
        Ok((socket, output))
    }

    /// Opens a socket that is bound to `local`, and to the adapter of `--adapter` if it is given.
    pub(super) async fn bound_socket(
        &self,
        local: &Endpoint,
        more: impl FnOnce(Builder) -> Builder,
    ) -> Result<DatagramSocket, Failure> {
        self.bound_with(&more(self.builder()), local).await
    }

    async fn bound_with(
        &self,
        builder: &Builder,
        local: &Endpoint,
    ) -> Result<DatagramSocket, Failure> {
        Ok(match self.adapter(local)? {
            None => self.resolving(builder.bind(local)).await?,
            Some(adapter) => {
                let binding = builder.bind_on(&adapter, local.service());
                self.resolving(binding).await?
            }
        })
    }

    /// Returns the adapter of `--adapter`, if it is given, for a socket with this local endpoint.
    fn adapter(&self, local: &Endpoint) -> Result<Option<Adapter>, Failure> {
        let Some(name) = &self.global.adapter else {
            return Ok(None);
        };
        if local.host().is_some() {
            return Err(Failure::usage(
                "--adapter and a local host cannot be used together: give only one of them",
            ));
        }
        let adapter = udpair::adapter(name).map_err(|error| match error.kind() {
            ErrorKind::AddressNotAvailable => Failure::usage(format!(
                "there is no adapter {name:?} for --adapter: {}",
                error.advice().unwrap_or_default()
            )),
            _ => Failure::from(error),
        });
        adapter.map(Some)
    }

    /// Asks one address of `remote` after the other. Returns the socket that is connected to the
    /// one that replied, and the reply.
    pub(super) async fn ask(
        &self,
        remote: Endpoint,
        request: &Request,
    ) -> Result<(DatagramSocket, Message), Failure> {
        let local = self.global.local.clone().unwrap_or_default();
        let adapter = self.adapter(&local)?;
        let pair = EndpointPair::to_endpoint(remote)?.with_local(local);
        let builder = self.builder();
        Ok(match adapter {
            None => builder.ask(&pair, request).await?,
            Some(adapter) => builder.ask_on(&adapter, &pair, request).await?,
        })
    }

    /// Opens a socket that is connected to `remote`, and reports the connection.
    pub(super) async fn connected(&self, remote: &Endpoint) -> Result<DatagramSocket, Failure> {
        let pair = EndpointPair::to_endpoint(remote.clone())?;
        self.connected_by(pair, remote).await
    }

    /// Opens a socket that is connected to one `address` of `remote`, and reports the connection.
    pub(super) async fn connected_to(
        &self,
        address: SocketAddr,
        remote: &Endpoint,
    ) -> Result<DatagramSocket, Failure> {
        self.connected_by(address.into(), remote).await
    }

    async fn connected_by(
        &self,
        pair: EndpointPair,
        remote: &Endpoint,
    ) -> Result<DatagramSocket, Failure> {
        let local = self.global.local.clone().unwrap_or_default();
        let socket = if self.global.adapter.is_some() {
            let socket = self.bound_with(&self.builder(), &local).await?;
            self.resolving(socket.connect(&pair)).await?;
            socket
        } else {
            let builder = self.builder();
            let pair = pair.with_local(local);
            self.resolving(builder.connect(&pair)).await?
        };
        self.report_connected(&socket, remote).await?;
        Ok(socket)
    }

    /// Reports that `socket` is connected to `remote`, and what the system did not grant it.
    pub(super) async fn report_connected(
        &self,
        socket: &DatagramSocket,
        remote: &Endpoint,
    ) -> Result<(), Failure> {
        self.print(&Event::Connected {
            local: socket.local_addr(),
            remote: socket.peer_addr(),
            host: remote.host().map(ToString::to_string).unwrap_or_default(),
            service: remote.service().to_string(),
        })
        .await?;
        self.report_unmet(socket);
        Ok(())
    }

    /// Writes a line about the result for people to standard error.
    pub(super) fn say(&self, text: &str) {
        if !self.global.quiet && !self.global.json {
            self.output.diagnose(&format!("{text}\n"));
        }
    }

    /// Writes a note for people to standard error.
    pub(super) fn note(&self, text: &str) {
        if !self.global.quiet && !self.global.json {
            self.output.warn(text);
        }
    }

    /// Reports the options that the system did not grant as requested. With `--json` it does so
    /// only if `--verbose` is given too: standard error stays empty otherwise.
    pub(super) fn report_unmet(&self, socket: &DatagramSocket) {
        let global = &self.global;
        if global.quiet || (global.json && !global.verbose) {
            return;
        }
        for option in socket.options().unmet() {
            // What the command requests by itself is missed only once datagrams are lost.
            if option.option != SocketOption::InboundBuffer || global.rcvbuf.is_some() {
                self.output.warn(&option.to_string());
            }
        }
    }

    /// Says why datagrams were lost, if a larger receive buffer was requested than granted.
    fn report_losses(&self, socket: &DatagramSocket) {
        let global = &self.global;
        let is_silent = global.quiet || global.json || global.rcvbuf.is_some();
        if is_silent || socket.statistics().kernel_dropped == 0 {
            return;
        }
        for option in socket.options().unmet() {
            if option.option == SocketOption::InboundBuffer {
                self.output.warn(&option.to_string());
            }
        }
    }

    /// Returns the failure for a `remote` none of whose addresses replied.
    pub(super) async fn no_reply(
        &self,
        kind: ErrorKind,
        remote: &Endpoint,
        message: String,
    ) -> Failure {
        let silence = (kind == ErrorKind::NoReply).then(|| SILENCE.to_owned());
        let advice = [self.hidden_srv_advice(remote).await, silence];
        let advice: Vec<_> = advice.into_iter().flatten().collect();
        Failure::Problem {
            kind,
            message,
            advice: (!advice.is_empty()).then(|| advice.join("; ")),
        }
    }

    /// Returns advice for a service whose port is from the services file: its SRV records, which
    /// were not queried, may name another host and port.
    async fn hidden_srv_advice(&self, remote: &Endpoint) -> Option<String> {
        let service = remote
            .service()
            .name()
            .filter(|name| !name.starts_with('_'))?;
        let host = remote
            .host()
            .filter(|host| host.ip().is_none() && !host.is_localhost())?;
        if self.global.srv {
            return None;
        }
        let known = self.resolver().services().await.ok()?;
        let ServiceSource::File(path) = &known.source else {
            return None;
        };
        let mut services = known.services.iter();
        let (_, port) = services.find(|(name, _)| name.eq_ignore_ascii_case(service))?;
        Some(format!(
            "{} lists {service} as port {port}: --srv looks it up in the SRV records of {host}",
            path.display()
        ))
    }

    /// Returns the failure for a `remote` that is unreachable or whose port is closed.
    pub(super) async fn unreachable(
        &self,
        kind: ErrorKind,
        why: &str,
        remote: &Endpoint,
        socket: &DatagramSocket,
    ) -> Failure {
        let is_name = remote.host().is_some_and(|host| host.ip().is_none());
        let other = match socket.peer_addr() {
            Some(peer) if is_name && peer.is_ipv6() && !self.global.ipv6 => Some(("IPv4", "-4")),
            Some(peer) if is_name && peer.is_ipv4() && !self.global.ipv4 => Some(("IPv6", "-6")),
            _ => None,
        };
        let other = other.map(|(family, flag)| {
            format!("if the peer is reachable over {family} only, try {flag}")
        });
        let advice = [self.hidden_srv_advice(remote).await, other];
        let advice: Vec<_> = advice.into_iter().flatten().collect();
        Failure::Problem {
            kind,
            message: format!("no reply from {remote}: {why}"),
            advice: (!advice.is_empty()).then(|| advice.join("; ")),
        }
    }
}

/// Returns how a command ends that has sent everything: with a loss, if a queue of this machine has
/// dropped datagrams.
pub(super) fn sent_all(socket: &DatagramSocket) -> Exit {
    match socket.statistics().send_dropped {
        0 => Exit::Done,
        _ => Exit::Lossy,
    }
}

fn resolver(global: &Global) -> Resolver {
    let mut builder = Resolver::builder().srv_only(global.srv);
    if let Some(timeout) = global.timeout {
        builder = builder.timeout(timeout);
    }
    if !global.dns.is_empty() {
        builder = builder.dns_servers(global.dns.iter().copied());
    }
    if let Some(path) = &global.services {
        builder = builder.services_file(path);
    }
    if global.ipv4 {
        builder = builder.family(AddressFamily::Ipv4);
    }
    if global.ipv6 {
        builder = builder.family(AddressFamily::Ipv6);
    }
    builder.build()
}

/// Whether a write error concerns one datagram or may be temporary, so that the next write may
/// succeed.
pub(super) fn may_pass_later(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PayloadTooLarge
            | ErrorKind::PermissionDenied
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::PeerUnreachable
    )
}

/// How long a command resolves names without saying what it waits for.
pub(super) const NOTICE_AFTER: Duration = Duration::from_secs(2);

/// What it means that nothing came back.
const SILENCE: &str = "nothing came back: the peer is silent, or a firewall drops the requests or \
                       the replies; a closed port may seem so too, because hosts limit their ICMP \
                       errors";

/// The number of lookups that it names.
const PENDING_SHOWN: usize = 4;

impl Payload {
    /// Returns the bytes to send.
    pub(super) async fn bytes(&self, context: &Context) -> Result<Vec<u8>, Failure> {
        let bytes = match self.data.as_deref() {
            None => {
                if stdin::is_piped() {
                    context.note("standard input is not read: give - as DATA to send it");
                }
                Vec::new()
            }
            Some("-") => self.read("standard input", stdin::read_to_end).await?,
            Some(text) => match text.strip_prefix('@') {
                Some(path) => {
                    let path = path.to_owned();
                    let name = format!("file {path:?}");
                    self.read(&name, |limit| stdin::read_file(path, limit))
                        .await?
                }
                None => text.as_bytes().to_vec(),
            },
        };
        self.decoded("DATA", bytes)
    }

    /// Returns the bytes that `text`, the value of argument `name`, stands for.
    pub(super) fn decoded(&self, name: &str, text: Vec<u8>) -> Result<Vec<u8>, Failure> {
        if !self.hex {
            return Ok(text);
        }
        hex::parse(&String::from_utf8_lossy(&text))
            .map_err(|reason| Failure::usage(format!("{name} is not valid with --hex: {reason}")))
    }

    /// Reads a source of this name to its end.
    ///
    /// # Errors
    ///
    /// [`PayloadTooLarge`](ErrorKind::PayloadTooLarge): it holds more than any datagram. Reading
    /// stops there.
    async fn read<F: Future<Output = io::Result<Vec<u8>>>>(
        &self,
        name: &str,
        read_to_end: impl FnOnce(usize) -> F,
    ) -> Result<Vec<u8>, Failure> {
        // With --hex each byte takes two digits, and up to one space and one line end.
        let limit = PAYLOAD_BYTES_MAX as usize * if self.hex { 4 } else { 1 };
        let bytes = read_to_end(limit + 1).await.map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => ErrorKind::InvalidArgument,
                io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
                _ => ErrorKind::Io,
            };
            Failure::new(kind, format!("cannot read {name}: {error}"))
        })?;
        if bytes.len() > limit {
            return Err(Failure::new(
                ErrorKind::PayloadTooLarge,
                format!("{name} is longer than any datagram; nothing was sent"),
            ));
        }
        Ok(bytes)
    }
}
