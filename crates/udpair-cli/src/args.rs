//! The command line, as types.

use std::env;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::error::ErrorKind as UsageErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use udpair::{Endpoint, HostName, PairOrder, ServiceName};

use crate::frame::Frame;
use crate::units;

/// UDP between named endpoints
///
/// Finds addresses by name (services file, DNS SRV, hosts), lets only the peer in, waits for the
/// reply, and says in its exit code what happened.
#[derive(Debug, Parser)]
#[command(name = "udpair", version)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Reads the command line, and the environment where the command line says nothing.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let mut arguments = Self::try_parse()?;
        arguments.check()?;
        arguments.global.complete(|name| env::var_os(name))?;
        Ok(arguments)
    }

    /// Refuses what each part of the command line allows and the whole does not.
    fn check(&self) -> Result<(), clap::Error> {
        let global = &self.global;
        let problem = if global.ipv4 && global.ipv6 {
            "-4 and -6 exclude each other: give one of them"
        } else if global.verbose && global.quiet {
            "-v and -q exclude each other: give one of them"
        } else if matches!(self.command, Command::Demo) && global.chooses_addresses() {
            "the demonstration chooses its own addresses, servers and options: give it none"
        } else {
            return Ok(());
        };
        Err(usage(problem))
    }
}

fn usage(problem: impl std::fmt::Display) -> clap::Error {
    Arguments::command().error(UsageErrorKind::ArgumentConflict, problem)
}

/// What every command understands.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Use IPv4 only
    #[arg(short = '4', global = true, overrides_with = "ipv4")]
    pub(crate) ipv4: bool,

    /// Use IPv6 only
    #[arg(short = '6', global = true, overrides_with = "ipv6")]
    pub(crate) ipv6: bool,

    /// Send from here: HOST:SERVICE, HOST: or :SERVICE
    #[arg(long, value_name = "ENDPOINT", global = true, value_parser = endpoint)]
    pub(crate) local: Option<Endpoint>,

    /// Send and receive by this adapter alone
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) adapter: Option<String>,

    /// Ask this DNS server instead of the system's resolver (repeatable) [env: UDPAIR_DNS]
    #[arg(long, value_name = "ADDR[:PORT]", global = true, value_delimiter = ',',
          value_parser = dns_server)]
    pub(crate) dns: Vec<SocketAddr>,

    /// Look services up in this file instead of the system's [env: UDPAIR_SERVICES]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) services: Option<PathBuf>,

    /// Give up resolving names after this time
    #[arg(long, value_name = "DURATION", global = true, default_value = "5s",
          value_parser = positive_duration)]
    pub(crate) timeout: Duration,

    /// Ask for a receive buffer of this size
    #[arg(long, value_name = "SIZE", global = true, value_parser = units::size)]
    pub(crate) rcvbuf: Option<u32>,

    /// Ask for a send buffer of this size
    #[arg(long, value_name = "SIZE", global = true, value_parser = units::size)]
    pub(crate) sndbuf: Option<u32>,

    /// Let datagrams pass at most this many routers
    #[arg(long, value_name = "N", global = true, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) hops: Option<u8>,

    /// Do not let datagrams be sent in fragments
    #[arg(long, global = true, overrides_with = "dont_fragment")]
    pub(crate) dont_fragment: bool,

    /// Print every event as a line of JSON
    #[arg(long, global = true, overrides_with = "json")]
    pub(crate) json: bool,

    /// Say more
    #[arg(short, long, global = true, overrides_with = "verbose")]
    pub(crate) verbose: bool,

    /// Say only what was asked for
    #[arg(short, long, global = true, overrides_with = "quiet")]
    pub(crate) quiet: bool,
}

impl Global {
    /// Takes from the environment what the command line does not say; what is empty says nothing.
    fn complete(&mut self, variable: impl Fn(&str) -> Option<OsString>) -> Result<(), clap::Error> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        if let Some(value) = set(DNS_VARIABLE).filter(|_| self.dns.is_empty()) {
            let servers: Result<_, String> =
                value.to_string_lossy().split(',').map(dns_server).collect();
            self.dns = servers.map_err(|problem| {
                usage(format!(
                    "environment variable {DNS_VARIABLE} is {value:?}: {problem}"
                ))
            })?;
        }
        if self.services.is_none() {
            self.services = set(SERVICES_VARIABLE).map(PathBuf::from);
        }
        Ok(())
    }

    /// Whether anything is said about names, addresses or socket options.
    fn chooses_addresses(&self) -> bool {
        self.ipv4
            || self.ipv6
            || self.local.is_some()
            || self.adapter.is_some()
            || !self.dns.is_empty()
            || self.services.is_some()
            || self.rcvbuf.is_some()
            || self.sndbuf.is_some()
            || self.hops.is_some()
            || self.dont_fragment
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send standard input to a peer, and print what it replies
    Connect(Connect),
    /// Send one request, and wait for the reply
    Ask(Ask),
    /// Send datagrams, and wait for nothing
    Send(Send),
    /// Print what anybody sends
    Listen(Listen),
    /// Show which addresses a host and service lead to
    Resolve(Resolve),
    /// List the services that this machine knows by name
    Services(Services),
    /// List the network adapters of this machine, and their addresses
    Adapters(Adapters),
    /// Show all of it, on this machine alone: DNS server, echo peer, stranger
    Demo,
}

/// Whom to talk to.
#[derive(Args, Debug)]
pub(crate) struct Remote {
    /// Host name or address
    #[arg(value_name = "HOST")]
    pub(crate) host: HostName,

    /// Port, or service name from the services file or DNS SRV
    #[arg(value_name = "SERVICE", value_parser = remote_service)]
    pub(crate) service: ServiceName,
}

impl Remote {
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::new(Some(self.host.clone()), self.service.clone())
    }
}

#[derive(Args, Debug)]
pub(crate) struct Connect {
    #[command(flatten)]
    pub(crate) remote: Remote,

    /// Keep listening for this time after standard input has ended
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = units::duration)]
    pub(crate) linger: Duration,

    /// What is one datagram
    #[arg(long, default_value = "line")]
    pub(crate) frame: Frame,
}

#[derive(Args, Debug)]
pub(crate) struct Ask {
    #[command(flatten)]
    pub(crate) remote: Remote,

    #[command(flatten)]
    pub(crate) payload: Payload,

    /// Send it so many times more when no reply comes
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) retries: u32,

    /// Wait this long for the reply to each try
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = positive_duration)]
    pub(crate) wait: Duration,

    /// Take only a reply that holds this text; with --hex, these bytes
    #[arg(long, value_name = "TEXT")]
    pub(crate) expect: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) remote: Remote,

    #[command(flatten)]
    pub(crate) payload: Payload,

    /// Send so many datagrams
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) count: u64,

    /// Send at most so many datagrams a second: 50pps, 10kpps
    #[arg(long, value_name = "RATE", value_parser = units::rate)]
    pub(crate) rate: Option<f64>,

    /// Set the hop limit of datagrams to a multicast group [default: 1, which no router lets pass]
    #[arg(long, value_name = "N")]
    pub(crate) multicast_hops: Option<u8>,

    /// Make each datagram this long, by repeating or cutting the payload
    #[arg(long, value_name = "SIZE", value_parser = payload_size)]
    pub(crate) size: Option<u32>,
}

/// What to send.
#[derive(Args, Debug)]
pub(crate) struct Payload {
    /// The payload; - reads standard input to its end [default: empty]
    #[arg(value_name = "DATA")]
    pub(crate) data: Option<String>,

    /// Payloads are hex digits, two a byte, here and in what is printed
    #[arg(long)]
    pub(crate) hex: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// Where to listen; without HOST on every address, port 0 is the system's choice
    #[arg(value_name = "[HOST:]SERVICE", value_parser = listen_endpoint)]
    pub(crate) at: Endpoint,

    /// Send every datagram back to its sender
    #[arg(long)]
    pub(crate) echo: bool,

    /// Hear this multicast group too, given by its address or a name (repeatable)
    #[arg(long, value_name = "GROUP")]
    pub(crate) join: Vec<HostName>,

    /// End after so many datagrams
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Resolve {
    #[command(flatten)]
    pub(crate) remote: Remote,

    /// Show every step: who was asked, what the answer was, and why this order
    #[arg(long)]
    pub(crate) explain: bool,

    /// List every pair of a local and a remote address: quick, to be connected soon, or long, to stay
    /// connected [default: each remote address once]
    #[arg(long, value_name = "quick|long", value_parser = pair_order)]
    pub(crate) order: Option<PairOrder>,
}

#[derive(Args, Debug)]
pub(crate) struct Services {
    /// Show this one alone
    #[arg(value_name = "NAME", value_parser = service_name)]
    pub(crate) name: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Adapters {
    /// Go on, and tell what changes: links, addresses, default routes
    #[arg(long)]
    pub(crate) watch: bool,
}

fn pair_order(text: &str) -> Result<PairOrder, String> {
    match text {
        "quick" => Ok(PairOrder::Quick),
        "long" => Ok(PairOrder::Long),
        _ => Err("it is quick or long".into()),
    }
}

fn service_name(text: &str) -> Result<String, String> {
    match text.parse::<ServiceName>() {
        Ok(service) if service.name().is_some() => Ok(text.into()),
        Ok(_) => Err("a number has no name here".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn remote_service(text: &str) -> Result<ServiceName, String> {
    if text.is_empty() {
        return Err("the remote service is empty: give a port number or a service name".into());
    }
    text.parse()
        .map_err(|error: udpair::Error| error.to_string())
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    Endpoint::from_str(text).map_err(|error| match error.advice() {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    })
}

/// Reads HOST:SERVICE, or SERVICE alone.
fn listen_endpoint(text: &str) -> Result<Endpoint, String> {
    if text.is_empty() {
        return Err("it is empty: give a port, or 0 for one of the system's choice".into());
    }
    match text.parse::<ServiceName>() {
        Ok(service) => Ok(Endpoint::any(service)),
        Err(error) if !text.contains([':', '.']) => Err(error.to_string()),
        Err(_) => endpoint(text),
    }
}

/// Reads an address with or without a port; an IPv6 address may have a zone.
fn dns_server(text: &str) -> Result<SocketAddr, String> {
    let address = match text.parse::<Endpoint>() {
        Ok(endpoint) => endpoint.host().cloned().zip(endpoint.service().port()),
        Err(_) => text.parse::<HostName>().ok().map(|host| (host, DNS_PORT)),
    };
    match address.and_then(|(host, port)| host.socket_addr(port)) {
        Some(Ok(address)) if address.port() == 0 => {
            Err("a DNS server has another port than 0; without one it is 53".into())
        }
        Some(address) => address.map_err(|error| error.to_string()),
        None => Err(
            "write an address, with or without a port: 192.0.2.1, [2001:db8::1]:53, fe80::1%eth0"
                .into(),
        ),
    }
}

fn payload_size(text: &str) -> Result<u32, String> {
    match units::size(text)? {
        size if size > PAYLOAD_BYTES_MAX => Err(format!(
            "a datagram carries at most {PAYLOAD_BYTES_MAX} bytes, 65507 over IPv4"
        )),
        size => Ok(size),
    }
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    match units::duration(text)? {
        Duration::ZERO => Err("it must be longer than nothing".into()),
        duration => Ok(duration),
    }
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 other failure, 2 usage or invalid argument, 3 name not \
    found, 4 bind, permission or in use, 5 no reply, 6 refused or unreachable, 7 finished but lossy, \
    8 not supported here, 130 interrupted, 143 terminated";

const DNS_VARIABLE: &str = "UDPAIR_DNS";

const SERVICES_VARIABLE: &str = "UDPAIR_SERVICES";

const DNS_PORT: u16 = 53;

/// The most that a datagram carries, which is over IPv6 (RFC 8200, section 3, less the UDP header).
pub(crate) const PAYLOAD_BYTES_MAX: u32 = 65_527;
