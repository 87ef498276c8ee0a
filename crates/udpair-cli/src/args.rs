//! The command line, as types.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use udpair::{Endpoint, HostName, ServiceName};

use crate::frame::Frame;
use crate::units;

/// UDP between named endpoints
///
/// Finds addresses by name (services file, DNS SRV, hosts), lets only the peer in, waits for the
/// reply, and says in its exit code what happened.
#[derive(Debug, Parser)]
#[command(name = "udpair", version, disable_help_subcommand = true)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Use IPv4 only
    #[arg(short = '4', global = true, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,

    /// Use IPv6 only
    #[arg(short = '6', global = true)]
    pub(crate) ipv6: bool,

    /// Send from here: HOST:SERVICE, HOST: or :SERVICE
    #[arg(long, value_name = "ENDPOINT", global = true)]
    pub(crate) local: Option<Endpoint>,

    /// Send and receive by this adapter alone
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) adapter: Option<String>,

    /// Ask this DNS server instead of the system's resolver (repeatable)
    #[arg(long, value_name = "ADDR[:PORT]", global = true, env = "UDPAIR_DNS",
          value_delimiter = ',', value_parser = dns_server)]
    pub(crate) dns: Vec<SocketAddr>,

    /// Look services up in this file instead of the system's
    #[arg(long, value_name = "FILE", global = true, env = "UDPAIR_SERVICES")]
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
    #[arg(long, global = true)]
    pub(crate) dont_fragment: bool,

    /// Print every event as a line of JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say more
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,

    /// Say only what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
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

    /// Take only a reply that holds this text
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

    /// Make each datagram this long, by repeating or cutting the payload
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub(crate) size: Option<u32>,
}

/// What to send.
#[derive(Args, Debug)]
pub(crate) struct Payload {
    /// The payload; - reads standard input to its end [default: empty]
    #[arg(value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,

    /// The payload, and what is printed of the reply, is hex digits
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
}

#[derive(Args, Debug)]
pub(crate) struct Services {
    /// Show this one alone
    #[arg(value_name = "NAME", value_parser = service_name)]
    pub(crate) name: Option<String>,
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

/// Reads HOST:SERVICE, or SERVICE alone.
fn listen_endpoint(text: &str) -> Result<Endpoint, String> {
    let endpoint = if text.contains(':') {
        Endpoint::from_str(text)
    } else {
        text.parse().map(Endpoint::any)
    };
    if text.parse::<IpAddr>().is_ok() {
        return Err(
            "this is an address without a service: write ADDRESS:SERVICE, with brackets \
                    around an IPv6 address"
                .into(),
        );
    }
    endpoint.map_err(|error| match error.advice() {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    })
}

fn dns_server(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let ip: Result<IpAddr, _> = text.trim_start_matches('[').trim_end_matches(']').parse();
    ip.map(|ip| SocketAddr::new(ip, 53)).map_err(|_| {
        "write an address, with or without a port: 192.0.2.1 or [2001:db8::1]:53".into()
    })
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    match units::duration(text)? {
        Duration::ZERO => Err("it must be longer than nothing".into()),
        duration => Ok(duration),
    }
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 other failure, 2 usage or invalid argument, 3 name not \
    found, 4 bind, permission or in use, 5 no reply, 6 refused or unreachable, 7 finished but lossy, \
    8 not supported here, 130 interrupted";
