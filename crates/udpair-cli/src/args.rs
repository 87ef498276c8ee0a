//! The command line as types.

mod examples;
mod options;

use std::env;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind as UsageErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use udpair::{Endpoint, Engine, HostName, PairOrder, ServiceName};

use crate::frame::Frame;
use crate::prefix::Prefix;
use crate::units;

/// Send and receive UDP datagrams between named endpoints
///
/// Finds addresses by name (services file, DNS SRV, hosts), accepts only the peer's datagrams,
/// waits for the reply, and reports the outcome in the exit code.
#[derive(Debug, Parser)]
#[command(name = "udpair", version)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Reads the command line, and takes from the environment what the command line omits.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let mut arguments = Self::parse_from(env::args_os())?;
        arguments.global.complete(|name| env::var_os(name))?;
        Ok(arguments)
    }

    /// Parses and checks a command line.
    fn parse_from(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let words: Vec<_> = words.into_iter().collect();
        reject_text_as_flags(&words)?;
        let definition = Self::definition();
        let mut parser = definition.clone();
        let matches = parser
            .try_get_matches_from_mut(&words)
            .map_err(|error| with_tip(with_angle_brackets(error), &words))?;
        if let Some((command, flag)) = options::unused(&definition, &matches) {
            return Err(usage(format!("{command} does not use {flag}")));
        }
        let arguments =
            Self::from_arg_matches(&matches).map_err(|error| error.format(&mut parser))?;
        arguments.check()?;
        Ok(arguments)
    }

    /// Returns the definition of the command line, for parsing.
    fn definition() -> clap::Command {
        options::hide_unused(examples::add(Self::command()))
    }

    /// Returns the definition of the command line, in which each command has the options that it
    /// uses and no others.
    pub(crate) fn documented() -> clap::Command {
        options::with_used_only(examples::add(Self::command()))
    }

    /// Rejects combinations of arguments that are valid one by one but not together.
    fn check(&self) -> Result<(), clap::Error> {
        let global = &self.global;
        let problem = if global.ipv4 && global.ipv6 {
            "-4 and -6 cannot be used together: give only one of them"
        } else if global.verbose && global.quiet {
            "-v and -q cannot be used together: give only one of them"
        } else {
            return Ok(());
        };
        Err(usage(problem))
    }
}

fn usage(problem: impl std::fmt::Display) -> clap::Error {
    Arguments::command().error(UsageErrorKind::ArgumentConflict, problem)
}

/// Rejects a word such as `-hello`, in which clap would find the flag `-h`.
fn reject_text_as_flags(words: &[OsString]) -> Result<(), clap::Error> {
    let options = words.iter().skip(1).take_while(|word| *word != "--");
    for word in options.map(|word| word.to_string_lossy()) {
        let Some(flags) = word.strip_prefix('-') else {
            continue;
        };
        let is_text = flags.len() > 1
            && !flags.starts_with('-')
            && !flags.chars().all(|flag| SHORT_FLAGS.contains(flag));
        if is_text {
            return Err(usage(format!(
                "{word} is not an option: to send it as DATA, write -- {word}"
            )));
        }
    }
    Ok(())
}

/// Names an argument in one way in all commands, whether it can be left out or not.
fn with_angle_brackets(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidArg)
        && let Some(name) = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
        && !name.contains('[')
    {
        let name = ContextValue::String(format!("<{name}>"));
        error.insert(ContextKind::InvalidArg, name);
    }
    error
}

/// Says how to send a word that looks like a flag.
fn with_tip(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    let has_data = words.iter().any(|word| *word == "ask" || *word == "send");
    if has_data
        && error.kind() == UsageErrorKind::UnknownArgument
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg)
    {
        let tip = format!("to send it as DATA, write -- {word}");
        let mut tips = match error.remove(ContextKind::Suggested) {
            Some(ContextValue::StyledStrs(tips)) => tips,
            _ => Vec::new(),
        };
        tips.retain(|tip| !tip.to_string().contains("' as a value, use"));
        tips.push(tip.into());
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// The flags of one letter.
const SHORT_FLAGS: &str = "46vqhV";

/// The flags that every command accepts.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Use IPv4 only
    #[arg(short = '4', global = true, overrides_with = "ipv4")]
    pub(crate) ipv4: bool,

    /// Use IPv6 only
    #[arg(short = '6', global = true, overrides_with = "ipv6")]
    pub(crate) ipv6: bool,

    /// Send from this local endpoint: HOST:SERVICE, HOST: or :SERVICE
    #[arg(long, value_name = "ENDPOINT", global = true, value_parser = endpoint)]
    pub(crate) local: Option<Endpoint>,

    /// Send and receive only through this network adapter
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) adapter: Option<String>,

    /// Query this DNS server instead of the system's resolver (repeatable) [env: UDPAIR_DNS]
    #[arg(long, value_name = "ADDR[:PORT]", global = true, value_delimiter = ',',
          value_parser = dns_server)]
    pub(crate) dns: Vec<SocketAddr>,

    /// Look up services in this file instead of the system's [env: UDPAIR_SERVICES]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) services: Option<PathBuf>,

    /// Look up the service in DNS SRV records only, even if the services file lists it
    #[arg(long, global = true, overrides_with = "srv")]
    pub(crate) srv: bool,

    /// Limit the time for resolving names [default: what the name servers are given, at most 60s]
    #[arg(long, value_name = "DURATION", global = true, value_parser = positive_duration)]
    pub(crate) timeout: Option<Duration>,

    /// Request a receive buffer of this size
    #[arg(long, value_name = "SIZE", global = true, value_parser = units::size)]
    pub(crate) rcvbuf: Option<u32>,

    /// Request a send buffer of this size
    #[arg(long, value_name = "SIZE", global = true, value_parser = units::size)]
    pub(crate) sndbuf: Option<u32>,

    /// Limit sent datagrams to this many hops
    #[arg(long, value_name = "N", global = true, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) hops: Option<u8>,

    /// Do not fragment sent datagrams
    #[arg(long, global = true, overrides_with = "dont_fragment")]
    pub(crate) dont_fragment: bool,

    /// Move datagrams with this engine instead of the fastest: linux or portable
    #[arg(long, value_name = "NAME", global = true, value_parser = engine)]
    pub(crate) engine: Option<&'static dyn Engine>,

    /// Print each event as one line of JSON
    #[arg(long, global = true, overrides_with = "json")]
    pub(crate) json: bool,

    /// Print more details
    #[arg(short, long, global = true, overrides_with = "verbose")]
    pub(crate) verbose: bool,

    /// Print only results and errors
    #[arg(short, long, global = true, overrides_with = "quiet")]
    pub(crate) quiet: bool,
}

impl Global {
    /// Takes from the environment what the command line omits. Empty variables are ignored.
    fn complete(&mut self, variable: impl Fn(&str) -> Option<OsString>) -> Result<(), clap::Error> {
        let non_empty = |name| variable(name).filter(|value| !value.is_empty());
        if let Some(value) = non_empty(DNS_VARIABLE).filter(|_| self.dns.is_empty()) {
            let servers: Result<_, String> =
                value.to_string_lossy().split(',').map(dns_server).collect();
            self.dns = servers.map_err(|problem| {
                usage(format!(
                    "environment variable {DNS_VARIABLE} is {value:?}: {problem}"
                ))
            })?;
        }
        if self.services.is_none() {
            self.services = non_empty(SERVICES_VARIABLE).map(PathBuf::from);
        }
        Ok(())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send standard input to a peer and print its replies
    Connect(Connect),
    /// Send one request and wait for the reply
    Ask(Ask),
    /// Send datagrams without waiting for replies
    Send(Send),
    /// Print datagrams from any sender
    Listen(Listen),
    /// Show the addresses that a host and service resolve to
    Resolve(Resolve),
    /// List the services that this machine knows by name
    Services(Services),
    /// List the network adapters of this machine and their addresses
    Adapters(Adapters),
    /// Run a demo on this machine only: DNS server, echo peers, non-peer sender
    Demo(Demo),
    /// Print the completions of a shell
    Completions(Completions),
    /// Print the manual page of udpair, or of one of its commands
    Man(Man),
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell that completes
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The command [default: udpair itself]
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Only start the DNS server and the echo peers, for other programs, until interrupted
    #[arg(long)]
    pub(crate) serve: bool,
}

/// The remote endpoint.
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

    /// Keep receiving for this time after standard input ends
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = units::duration)]
    pub(crate) linger: Duration,

    /// How standard input and output are divided into datagrams
    #[arg(long, default_value = "line")]
    pub(crate) frame: Frame,
}

#[derive(Args, Debug)]
pub(crate) struct Ask {
    #[command(flatten)]
    pub(crate) remote: Remote,

    #[command(flatten)]
    pub(crate) payload: Payload,

    /// Send the request to each address up to N more times if no reply comes [default: 3; with
    /// --all 0, and always N times]
    #[arg(long, value_name = "N")]
    pub(crate) retries: Option<u32>,

    /// Wait this long for the reply to each try
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = positive_duration)]
    pub(crate) wait: Duration,

    /// Accept only a reply that contains this text; with --hex, these bytes
    #[arg(long, value_name = "TEXT")]
    pub(crate) expect: Option<String>,

    /// Collect the replies of all members of a group, of all hosts on a link, or of one host, until
    /// the time of --wait is over
    #[arg(long)]
    pub(crate) all: bool,

    /// Print the reply only as it is, without a line end
    #[arg(long, conflicts_with = "hex")]
    pub(crate) raw: bool,
}

impl Ask {
    /// Returns how often the request is sent again.
    pub(crate) fn retries(&self) -> u32 {
        self.retries.unwrap_or(if self.all { 0 } else { RETRIES })
    }
}

/// How often a request without a reply is sent again.
const RETRIES: u32 = 3;

#[derive(Args, Debug)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) remote: Remote,

    #[command(flatten)]
    pub(crate) payload: Payload,

    /// Send N datagrams
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) count: u64,

    /// Send at most this many datagrams per second: 50pps, 10kpps
    #[arg(long, value_name = "RATE", value_parser = units::rate)]
    pub(crate) rate: Option<f64>,

    /// Set the hop limit of datagrams to a multicast group [default: 1, which no router forwards]
    #[arg(long, value_name = "N")]
    pub(crate) multicast_hops: Option<u8>,

    /// Make each datagram this long by repeating or truncating the payload
    #[arg(long, value_name = "SIZE", value_parser = payload_size)]
    pub(crate) size: Option<u32>,
}

/// The payload to send.
#[derive(Args, Debug)]
pub(crate) struct Payload {
    /// Payload to send; - reads standard input to its end, @FILE a file [default: empty]
    #[arg(value_name = "DATA")]
    pub(crate) data: Option<String>,

    /// Read and print payloads as hex digits, two per byte
    #[arg(long)]
    pub(crate) hex: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// Local endpoint to receive on (no HOST: all addresses; port 0: the system picks one)
    #[arg(value_name = "[HOST:]SERVICE", value_parser = listen_endpoint)]
    pub(crate) at: Endpoint,

    /// Send every datagram back to its sender, with one hop less than it arrived with
    #[arg(long)]
    pub(crate) echo: bool,

    /// Also join this multicast group, given by address or name, on one adapter if it names one
    /// (239.1.2.3%eth0); repeatable
    #[arg(long, value_name = "GROUP")]
    pub(crate) join: Vec<HostName>,

    /// Share the port with other programs that share theirs: all receive what is sent to groups,
    /// one of them what is sent to one host
    #[arg(long)]
    pub(crate) share: bool,

    /// Receive only from addresses with this prefix: 192.0.2.0/24, 2001:db8::/32 (repeatable)
    #[arg(long, value_name = "PREFIX")]
    pub(crate) allow: Vec<Prefix>,

    /// Also write the datagrams to this file, which tshark and Wireshark read
    #[arg(long, value_name = "FILE.pcapng")]
    pub(crate) write: Option<PathBuf>,

    /// Print payloads as hex digits, two per byte
    #[arg(long, conflicts_with = "raw")]
    pub(crate) hex: bool,

    /// Print payloads only, as they are, one after the other
    #[arg(long)]
    pub(crate) raw: bool,

    /// Exit after N datagrams
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Resolve {
    /// Host name or address, or a name of SRV records: _sip._udp.example.com
    #[arg(value_name = "HOST")]
    pub(crate) host: HostName,

    /// Port, or service name from the services file or DNS SRV [default: addresses only]
    #[arg(value_name = "SERVICE", value_parser = remote_service)]
    pub(crate) service: Option<ServiceName>,

    /// Show every step: each query, its answer, and the reason for the order
    #[arg(long)]
    pub(crate) explain: bool,

    /// List every pair of a local and a remote address, ordered to connect soon (quick) or to stay
    /// connected (long) [default: each remote address once]
    #[arg(long, value_name = "quick|long", value_parser = pair_order)]
    pub(crate) order: Option<PairOrder>,
}

#[derive(Args, Debug)]
pub(crate) struct Services {
    /// Show only this service
    #[arg(value_name = "NAME", value_parser = service_name)]
    pub(crate) name: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Adapters {
    /// Keep running and print changes of links, addresses and default routes
    #[arg(long)]
    pub(crate) watch: bool,
}

fn engine(text: &str) -> Result<&'static dyn Engine, String> {
    let engines = udpair::engines();
    let found = engines.iter().find(|engine| engine.name() == text);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = engines.iter().map(|engine| engine.name()).collect();
        format!("this system has {}", names.join(" and "))
    })
}

fn pair_order(text: &str) -> Result<PairOrder, String> {
    match text {
        "quick" => Ok(PairOrder::Quick),
        "long" => Ok(PairOrder::Long),
        _ => Err("expected quick or long".into()),
    }
}

fn service_name(text: &str) -> Result<String, String> {
    match text.parse::<ServiceName>() {
        Ok(service) if service.name().is_some() => Ok(text.into()),
        Ok(_) => Err("expected a service name, not a port number".into()),
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

/// Parses HOST:SERVICE, or SERVICE without a host.
fn listen_endpoint(text: &str) -> Result<Endpoint, String> {
    if text.is_empty() {
        return Err("the endpoint is empty: give a port, or 0 to let the system pick one".into());
    }
    match text.parse::<ServiceName>() {
        Ok(service) => Ok(Endpoint::any(service)),
        Err(error) if !text.contains([':', '.']) => Err(error.to_string()),
        Err(_) => endpoint(text),
    }
}

/// Parses an address with or without a port. An IPv6 address may have a zone.
fn dns_server(text: &str) -> Result<SocketAddr, String> {
    let address = match text.parse::<Endpoint>() {
        Ok(endpoint) => endpoint.host().cloned().zip(endpoint.service().port()),
        Err(_) => text.parse::<HostName>().ok().map(|host| (host, DNS_PORT)),
    };
    match address.and_then(|(host, port)| host.socket_addr(port)) {
        Some(Ok(address)) if address.port() == 0 => {
            Err("a DNS server cannot have port 0; without a port it is 53".into())
        }
        Some(address) => address.map_err(|error| error.to_string()),
        None => Err(
            "expected an address with or without a port: 192.0.2.1, [2001:db8::1]:53, fe80::1%eth0"
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
        Duration::ZERO => Err("the duration must be longer than zero".into()),
        duration => Ok(duration),
    }
}

const DNS_VARIABLE: &str = "UDPAIR_DNS";

const SERVICES_VARIABLE: &str = "UDPAIR_SERVICES";

const DNS_PORT: u16 = 53;

/// The largest payload of a datagram, that of IPv6 (RFC 8200, section 3, less the UDP header).
pub(crate) const PAYLOAD_BYTES_MAX: u32 = 65_527;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The commands that the pages of the repository and of the package show are valid.
    #[test]
    fn the_commands_of_the_pages_are_valid() {
        let folder = env!("CARGO_MANIFEST_DIR");
        for page in ["README.md", "../../README.md"] {
            let text = fs::read_to_string(format!("{folder}/{page}")).expect("a page");
            let lines = text.lines().filter(|line| line.starts_with("$ "));
            let commands = lines.filter_map(|line| line.split_once("udpair "));
            let mut count = 0;
            for (before, arguments) in commands {
                // What is typed before the command: the prompt, and what is piped into it.
                if before != "$ " && !before.ends_with("| ") {
                    continue;
                }
                let arguments = arguments.split('#').next().unwrap_or_default();
                let words = ["udpair"].into_iter().chain(arguments.split_whitespace());
                let parsed = Arguments::parse_from(words.map(OsString::from));
                assert!(parsed.is_ok(), "{page}: {arguments}: {parsed:?}");
                count += 1;
            }
            assert!(count > 4, "{page}: {count}");
        }
    }
}
