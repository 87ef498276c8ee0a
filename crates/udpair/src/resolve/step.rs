//! What resolving came to, and every step on the way.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;
use std::time::Duration;

use super::order::OrderRule;
use super::srv::SrvRecord;
use crate::error::Error;
use crate::observe;

/// The result of resolving a remote endpoint.
#[derive(Clone, Debug)]
pub struct Resolution {
    steps: Vec<Step>,
    outcome: Result<Vec<Candidate>, Error>,
}

impl Resolution {
    pub(super) fn new(steps: Vec<Step>, outcome: Result<Vec<Candidate>, Error>) -> Self {
        Self { steps, outcome }
    }

    /// Returns the addresses to try, best first; at least one.
    ///
    /// # Errors
    ///
    /// Why there is none; see [`Resolver::resolve`](crate::Resolver::resolve).
    pub fn candidates(&self) -> Result<&[Candidate], Error> {
        self.outcome.as_deref().map_err(Clone::clone)
    }

    /// Returns what was asked of whom and what came of it, in that order; also when there is no
    /// candidate.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// An address to try.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// Where datagrams would go.
    pub address: SocketAddr,
    /// The address they would leave from; `None` if this machine knows no way there.
    pub source: Option<IpAddr>,
    /// The SRV record that led here; `None` if no SRV record was needed.
    pub srv: Option<SrvRecord>,
    /// Why it goes before the next candidate; `None` for the last one.
    pub before_next: Option<Precedence>,
}

/// Why one candidate goes before the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Precedence {
    /// The SRV record has the lower priority value.
    SrvPriority,
    /// The dice, which SRV weights load, fell this way.
    SrvWeight,
    /// Both are addresses of one host, and RFC 6724 orders them.
    Address(OrderRule),
}

impl fmt::Display for Precedence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SrvPriority => f.write_str("SRV priority"),
            Self::SrvWeight => f.write_str("SRV weight"),
            Self::Address(rule) => f.write_str(rule.name()),
        }
    }
}

/// One step of resolving.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// The port of the service was looked for.
    Service(ServiceStep),
    /// SRV records were asked for.
    Srv(SrvStep),
    /// The addresses of a host were looked for.
    Address(AddressStep),
    /// The addresses were ordered; in the order to try them.
    Order(Vec<Candidate>),
}

impl Step {
    /// Writes the step down behind others, and tells who watches.
    pub(super) fn note(self, steps: &mut Vec<Self>) {
        match &self {
            Self::Service(step) => observe::looked_up(
                "services",
                &step.service,
                step.port.iter().len(),
                None,
                step.elapsed,
            ),
            Self::Srv(step) => observe::looked_up(
                "srv",
                &step.name,
                step.records.len(),
                step.error.as_deref(),
                step.elapsed,
            ),
            Self::Address(step) => step.tell(),
            // The end of the resolution tells as much.
            Self::Order(_) => {}
        }
        steps.push(self);
    }
}

/// The port of a service was looked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceStep {
    /// The service as it was given.
    pub service: String,
    /// Who was asked.
    pub source: ServiceSource,
    /// The port; `None` if the source does not know the service.
    pub port: Option<u16>,
    /// How long that took.
    pub elapsed: Duration,
}

/// Who knows the port of a service.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ServiceSource {
    /// The service is its own number.
    Number,
    /// A services file.
    File(PathBuf),
    /// A text that was given instead of a services file.
    Text,
    /// The services file of the system, which is not there.
    MissingFile(PathBuf),
    /// The table that comes with this crate: the names that IANA has registered for udp.
    Table,
}

/// The services that a resolver knows without asking DNS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KnownServices {
    /// Where they come from: a file, or the table that stands in for a missing one.
    pub source: ServiceSource,
    /// Every name and alias with its UDP port, in the order of the source.
    pub services: Vec<(String, u16)>,
}

/// SRV records were asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SrvStep {
    /// The name that was asked for: `_stun._udp.contoso.com`.
    pub name: String,
    /// Every question to a server.
    pub queries: Vec<DnsQuery>,
    /// The records that can be used, in the order in which they are tried.
    pub records: Vec<SrvRecord>,
    /// What went wrong; `None` if there are records.
    pub error: Option<String>,
    /// How long that took.
    pub elapsed: Duration,
}

/// The addresses of a host were looked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AddressStep {
    /// The host.
    pub host: String,
    /// Who was asked.
    pub source: AddressSource,
    /// Every question to a server; none where the operating system did the asking.
    pub queries: Vec<DnsQuery>,
    /// The addresses, in the order of the answer.
    pub addresses: Vec<FoundAddress>,
    /// What went wrong; `None` if there are addresses.
    pub error: Option<String>,
    /// How long that took.
    pub elapsed: Duration,
}

impl AddressStep {
    /// Tells who watches.
    pub(super) fn tell(&self) {
        observe::looked_up(
            "address",
            &self.host,
            self.addresses.len(),
            self.error.as_deref(),
            self.elapsed,
        );
    }
}

/// Who knows the addresses of a host.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AddressSource {
    /// The host is an address itself.
    Literal,
    /// The host is this machine (RFC 6761, section 6.3).
    Localhost,
    /// A hosts file.
    HostsFile(PathBuf),
    /// The additional section of the answer that brought the SRV records.
    Additional(SocketAddr),
    /// The operating system, with whatever it is set up to ask.
    System,
    /// Name servers.
    Dns,
}

/// An address of a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FoundAddress {
    /// The address.
    pub ip: IpAddr,
    /// The zone of an IPv6 address that needs one; 0 for none (RFC 4007).
    pub scope_id: u32,
    /// How long it holds; `None` where the source does not say.
    pub ttl: Option<Duration>,
}

impl FoundAddress {
    pub(super) fn of(address: SocketAddr) -> Self {
        Self {
            ip: address.ip(),
            scope_id: match address {
                SocketAddr::V4(_) => 0,
                SocketAddr::V6(address) => address.scope_id(),
            },
            ttl: None,
        }
    }

    pub(super) fn with_port(&self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => SocketAddr::new(ip.into(), port),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.scope_id).into(),
        }
    }
}

/// One question to one name server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DnsQuery {
    /// The name that was asked for; absolute.
    pub name: String,
    /// The kind of record.
    pub record_type: RecordType,
    /// The server.
    pub server: SocketAddr,
    /// How the answer came.
    pub transport: Transport,
    /// What came of it.
    pub outcome: QueryOutcome,
    /// Whether the answer had been kept from an earlier question, so that nobody was asked.
    pub is_cached: bool,
    /// How long that took.
    pub elapsed: Duration,
}

/// A kind of DNS record.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RecordType {
    /// An IPv4 address (RFC 1035).
    A,
    /// An IPv6 address (RFC 3596).
    Aaaa,
    /// A service (RFC 2782).
    Srv,
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Srv => "SRV",
        })
    }
}

/// How a DNS answer came.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// Over a connection, because it did not fit into a datagram.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        })
    }
}

/// What came of a question.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum QueryOutcome {
    /// The server answered.
    Answered(ResponseCode),
    /// Its answer does not fit into a datagram; it was asked again over TCP.
    Truncated,
    /// It did not answer in time.
    TimedOut,
    /// It cannot be reached, for this reason.
    Unreachable(String),
    /// Its answer makes no sense, for this reason.
    Broken(String),
}

impl fmt::Display for QueryOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(code) => code.fmt(f),
            Self::Truncated => f.write_str("truncated"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Unreachable(reason) => write!(f, "unreachable: {reason}"),
            Self::Broken(reason) => write!(f, "broken answer: {reason}"),
        }
    }
}

/// The response code of a DNS answer (RFC 1035, section 4.1.1; RFC 6895).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ResponseCode(pub u16);

impl ResponseCode {
    /// `NOERROR`.
    pub const NO_ERROR: Self = Self(0);
    /// `FORMERR`: the server could not read the question.
    pub const FORMAT_ERROR: Self = Self(1);
    /// `SERVFAIL`: the server has a problem of its own.
    pub const SERVER_FAILURE: Self = Self(2);
    /// `NXDOMAIN`: the name does not exist.
    pub const NAME_ERROR: Self = Self(3);
    /// `NOTIMP`: the server does not know such questions.
    pub const NOT_IMPLEMENTED: Self = Self(4);
    /// `REFUSED`: the server does not want to answer.
    pub const REFUSED: Self = Self(5);
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NO_ERROR => f.pad("NOERROR"),
            Self::FORMAT_ERROR => f.pad("FORMERR"),
            Self::SERVER_FAILURE => f.pad("SERVFAIL"),
            Self::NAME_ERROR => f.pad("NXDOMAIN"),
            Self::NOT_IMPLEMENTED => f.pad("NOTIMP"),
            Self::REFUSED => f.pad("REFUSED"),
            Self(other) => write!(f, "RCODE{other}"),
        }
    }
}
