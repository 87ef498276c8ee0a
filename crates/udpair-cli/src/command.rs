//! What each command does.

mod ask;
mod connect;
mod demo;
mod listen;
mod resolve;
mod send;
mod services;

use std::fmt;
use std::future::Future;
use std::io;

use udpair::{
    AddressFamily, Builder, DatagramSocket, Endpoint, EndpointPair, Error, ErrorKind, Resolver,
};

use crate::args::{Arguments, Command, Global, Payload};
use crate::event::Event;
use crate::frame::{Frame, parse_hex};
use crate::render::Output;

/// Runs the command and returns its exit code.
pub(crate) async fn run(arguments: Arguments) -> u8 {
    let global = arguments.global;
    let frame = match &arguments.command {
        Command::Connect(connect) => Some(connect.frame),
        Command::Ask(ask) if ask.payload.hex => Some(Frame::Hex),
        Command::Ask(_) => Some(Frame::Line),
        _ => None,
    };
    let context = Context {
        output: Output::new(&global, frame),
        global,
    };
    let work = async {
        match &arguments.command {
            Command::Connect(connect) => connect::run(&context, connect).await,
            Command::Ask(ask) => ask::run(&context, ask).await,
            Command::Send(send) => send::run(&context, send).await,
            Command::Listen(listen) => listen::run(&context, listen).await,
            Command::Resolve(resolve) => resolve::run(&context, resolve).await,
            Command::Services(services) => services::run(&context, services).await,
            Command::Demo => demo::run(&context).await,
        }
    };
    let outcome = tokio::select! {
        // The command first: one that has a summary hears of the interruption itself.
        biased;
        outcome = work => outcome,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    };
    match outcome {
        Ok(exit) => exit.code(),
        // Whoever read our output has gone: there is nothing left to say, and nobody to say it to.
        Err(Failure::Output(_)) => Exit::Done.code(),
        Err(Failure::Error(error)) => {
            let _ = context.output.say(&Event::error(&error));
            error.kind().exit_code()
        }
        Err(Failure::Usage(message)) => {
            let _ = context.output.say(&Event::usage(message, None));
            ErrorKind::InvalidArgument.exit_code()
        }
    }
}

/// How a command ended, when nothing went wrong on our side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Exit {
    Done,
    /// It was told, and reported, that something went wrong of this kind.
    Reported(ErrorKind),
    Lossy,
    Interrupted,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Reported(kind) => kind.exit_code(),
            Self::Lossy => 7,
            Self::Interrupted => 130,
        }
    }
}

/// Why a command could not do what it was asked.
enum Failure {
    Error(Error),
    /// An argument is wrong in a way that only the command can see.
    Usage(String),
    /// Standard output is closed.
    Output(io::Error),
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

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Usage(message) => message.fmt(f),
            Self::Output(error) => error.fmt(f),
        }
    }
}

/// What every command works with.
struct Context {
    global: Global,
    output: Output,
}

impl Context {
    fn say(&self, event: &Event) -> Result<(), Failure> {
        Ok(self.output.say(event)?)
    }

    fn resolver(&self) -> Resolver {
        let mut builder = Resolver::builder().timeout(self.global.timeout);
        if !self.global.dns.is_empty() {
            builder = builder.dns_servers(self.global.dns.iter().copied());
        }
        if let Some(path) = &self.global.services {
            builder = builder.services_file(path);
        }
        if self.global.ipv4 {
            builder = builder.family(AddressFamily::Ipv4);
        }
        if self.global.ipv6 {
            builder = builder.family(AddressFamily::Ipv6);
        }
        builder.build()
    }

    fn builder(&self) -> Builder {
        let global = &self.global;
        let mut builder = DatagramSocket::builder()
            .resolver(&self.resolver())
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

    /// Opens a socket that is bound as `--local` and `--adapter` say; one that is not bound at all if
    /// neither is there.
    async fn socket(&self) -> Result<DatagramSocket, Failure> {
        match (&self.global.local, &self.global.adapter) {
            (None, None) => Ok(self.builder().open()?),
            (local, _) => self.bound_socket(&local.clone().unwrap_or_default()).await,
        }
    }

    /// Opens a socket that is bound to `local`, on the adapter of `--adapter` if there is one.
    async fn bound_socket(&self, local: &Endpoint) -> Result<DatagramSocket, Failure> {
        let Some(name) = &self.global.adapter else {
            return Ok(self.builder().bind(local).await?);
        };
        let adapters = udpair::adapters()
            .map_err(|error| Failure::Usage(format!("cannot list the adapters: {error}")))?;
        if local.host().is_some() {
            return Err(Failure::Usage(
                "--adapter and a local host exclude each other: give one of them".into(),
            ));
        }
        let Some(adapter) = adapters.iter().find(|adapter| adapter.name == *name) else {
            let names: Vec<_> = adapters
                .iter()
                .map(|adapter| adapter.name.as_str())
                .collect();
            return Err(Failure::Usage(format!(
                "there is no adapter {name:?} for --adapter: this machine has {}",
                names.join(", ")
            )));
        };
        Ok(self.builder().bind_on(adapter, local.service()).await?)
    }

    /// Opens a socket that is connected to `remote`, and says so.
    async fn connected(&self, remote: &Endpoint) -> Result<DatagramSocket, Failure> {
        let pair = EndpointPair::to_endpoint(remote.clone())?;
        let socket = match (&self.global.adapter, &self.global.local) {
            (Some(_), _) => {
                let socket = self.socket().await?;
                socket.connect(&pair).await?;
                socket
            }
            (None, Some(local)) => {
                self.builder()
                    .connect(&pair.with_local(local.clone()))
                    .await?
            }
            (None, None) => self.builder().connect(&pair).await?,
        };
        self.say(&Event::Connected {
            local: socket.local_addr(),
            remote: socket.peer_addr(),
            host: remote.host().map(ToString::to_string).unwrap_or_default(),
            service: remote.service().to_string(),
        })?;
        Ok(socket)
    }

    /// Runs a command that uses `socket` until it ends or is interrupted, and then says how much went
    /// through.
    async fn with_summary(
        &self,
        socket: &DatagramSocket,
        work: impl Future<Output = Result<Exit, Failure>>,
    ) -> Result<Exit, Failure> {
        let outcome = tokio::select! {
            outcome = work => outcome,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
        };
        if let Err(Failure::Error(error)) = &outcome {
            self.say(&Event::error(error))?;
        }
        if !matches!(outcome, Err(Failure::Output(_))) {
            self.say(&Event::summary(&socket.statistics()))?;
        }
        match outcome {
            Err(Failure::Error(error)) => Ok(Exit::Reported(error.kind())),
            outcome => outcome,
        }
    }
}

impl Payload {
    /// Returns the bytes to send.
    fn bytes(&self) -> Result<Vec<u8>, Failure> {
        let bytes = match self.data.as_deref() {
            None => Vec::new(),
            Some("-") => {
                let mut bytes = Vec::new();
                io::Read::read_to_end(&mut io::stdin(), &mut bytes).map_err(|error| {
                    Failure::Usage(format!("cannot read standard input: {error}"))
                })?;
                bytes
            }
            Some(text) => text.as_bytes().to_vec(),
        };
        if !self.hex {
            return Ok(bytes);
        }
        parse_hex(&String::from_utf8_lossy(&bytes))
            .map_err(|reason| Failure::Usage(format!("DATA is not valid with --hex: {reason}")))
    }
}
