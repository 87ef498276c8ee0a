//! The result of a resolution, and the record of its steps.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;
use std::time::Duration;

use super::order::OrderRule;
use super::srv::SrvRecord;
use crate::error::Error;
use crate::observe;

/// The result of resolving a remote endpoint: its addresses or an error, and the steps taken.
///
/// Returned by [`Resolver::resolve`](crate::Resolver::resolve).
#[derive(Clone, Debug)]
pub struct Resolution {
    steps: Vec<Step>,
    outcome: Result<Vec<Candidate>, Error>,
}

impl Resolution {
    pub(super) fn new(steps: Vec<Step>, outcome: Result<Vec<Candidate>, Error>) -> Self {
        Self { steps, outcome }
    }

    /// Returns the addresses to try, best first. There is at least one.
    ///
    /// # Errors
    ///
    /// The reason why there is no address; see [`Resolver::resolve`](crate::Resolver::resolve).
    pub fn candidates(&self) -> Result<&[Candidate], Error> {
        self.outcome.as_deref().map_err(Clone::clone)
    }

    /// Returns the steps of the resolution, in order: which source was queried, and with what
    /// result.
    ///
    /// The steps are there even if there is no candidate.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// An address to try, with the reason for its position.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// The address to which datagrams would be sent.
    pub address: SocketAddr,
    /// The address from which they would be sent; `None` if this machine has no route.
    pub source: Option<IpAddr>,
    /// The SRV record that led to this address; `None` if no SRV record was needed.
    pub srv: Option<SrvRecord>,
    /// The reason why this candidate goes before the next one; `None` for the last candidate.
    pub before_next: Option<Precedence>,
}

/// The reason why one candidate goes before the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Precedence {
    /// The SRV record has the lower priority value.
    SrvPriority,
    /// The random choice among records of one priority, weighted by SRV weight.
    SrvWeight,
    /// Both are addresses of one host, ordered by this rule of RFC 6724.
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

/// One step of a resolution.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// The port of the service was looked up.
    Service(ServiceStep),
    /// SRV records were looked up.
    Srv(SrvStep),
    /// The addresses of a host were looked up.
    Address(AddressStep),
    /// The addresses were sorted. Holds them in the order in which to try them.
    Order(Vec<Candidate>),
}

impl Step {
    /// Reports the step to observers, and appends it to `steps`.
    pub(super) fn record(self, steps: &mut Vec<Self>) {
        match &self {
            Self::Service(step) => observe::looked_up(
                "services",
                &step.service,
                step.port.iter().len(),
                step.error.as_deref(),
                step.elapsed,
            ),
            Self::Srv(step) => observe::looked_up(
                "srv",
                &step.name,
                step.records.len(),
                step.error.as_deref(),
                step.elapsed,
            ),
            Self::Address(step) => step.report(),
            // Reported with the end of the resolution.
            Self::Order(_) => {}
        }
        steps.push(self);
    }
}

/// The lookup of a service's port.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceStep {
    /// The service, as written by the caller.
    pub service: String,
    /// The source that was queried.
    pub source: ServiceSource,
    /// The port; `None` if the source does not know the service.
    pub port: Option<u16>,
    /// The name of the SRV records that were not queried because the source lists the service
    /// (MODEL SRV-16); `None` if the host has none, or the source does not know the service.
    pub hidden_srv: Option<String>,
    /// What is to be known about the source: that it cannot be read now, so that its content at an
    /// earlier time was used.
    pub notes: Vec<String>,
    /// The error message if the source cannot be read; `None` if it was searched.
    pub error: Option<String>,
    /// How long the lookup took.
    pub elapsed: Duration,
}

/// A source of service ports.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ServiceSource {
    /// The service is a port number.
    Number,
    /// The services file at this path.
    File(PathBuf),
    /// The text that was given to the builder instead of a services file.
    Text,
    /// The system's services file at this path, which does not exist.
    MissingFile(PathBuf),
    /// The table embedded in this crate: the names that IANA has registered for UDP.
    Table,
    /// None but DNS: the name is written as in DNS (`_sip`), or the resolver was told so
    /// ([`ResolverBuilder::srv_only`](crate::ResolverBuilder::srv_only)).
    SrvOnly,
}

/// The services that a resolver knows without DNS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KnownServices {
    /// The source of the services: a file, or the embedded table that replaces a missing file.
    pub source: ServiceSource,
    /// Every name and alias with its UDP port, in the order of the source.
    pub services: Vec<(String, u16)>,
    /// Why the file cannot be read now, if these are the services that it listed at an earlier
    /// time; `None` if it lists them now.
    pub problem: Option<String>,
}

/// The lookup of a service's SRV records.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SrvStep {
    /// The name that was queried, such as `_stun._udp.contoso.com`.
    pub name: String,
    /// Every query to a name server.
    pub queries: Vec<DnsQuery>,
    /// The usable records, in the order in which they are tried.
    pub records: Vec<SrvRecord>,
    /// The other records, in the order of the response.
    pub skipped: Vec<SkippedRecord>,
    /// What is to be known about the list of name servers: which of them cannot be queried, or that
    /// there is no such list.
    pub notes: Vec<String>,
    /// The error message; `None` if there are records.
    pub error: Option<String>,
    /// How long the lookup took.
    pub elapsed: Duration,
}

/// An SRV record that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SkippedRecord {
    /// The record.
    pub record: SrvRecord,
    /// The reason.
    pub reason: String,
}

/// The lookup of a host's addresses.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AddressStep {
    /// The host.
    pub host: String,
    /// The source that was queried.
    pub source: AddressSource,
    /// Every query to a name server; empty if the operating system made the queries.
    pub queries: Vec<DnsQuery>,
    /// The addresses, in the order of the response.
    pub addresses: Vec<FoundAddress>,
    /// What is to be known about a hosts file: which of its rows cannot be used, or that it cannot
    /// be read now, so that its content at an earlier time was used.
    pub notes: Vec<String>,
    /// The record types that had no response when the lookup ended. There may be more addresses.
    pub open: Vec<RecordType>,
    /// The error message; `None` if there are addresses.
    pub error: Option<String>,
    /// How long the lookup took.
    pub elapsed: Duration,
}

impl AddressStep {
    /// Reports the step to observers.
    pub(super) fn report(&self) {
        observe::looked_up(
            "address",
            &self.host,
            self.addresses.len(),
            self.error.as_deref(),
            self.elapsed,
        );
    }
}

/// A source of host addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AddressSource {
    /// The host is an IP address.
    Literal,
    /// The host stands for this machine (RFC 6761, section 6.3).
    Localhost,
    /// The hosts file at this path.
    HostsFile(PathBuf),
    /// The additional section of the response that contained the SRV records, from this name
    /// server.
    Additional(SocketAddr),
    /// The operating system, which queries the sources that it is configured with.
    System,
    /// Name servers.
    Dns,
}

/// An address that was found for a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FoundAddress {
    /// The address.
    pub ip: IpAddr,
    /// The zone of an IPv6 address that needs one; 0 for none (RFC 4007).
    pub scope_id: u32,
    /// The TTL: how long the address is valid; `None` if the source does not say.
    pub ttl: Option<Duration>,
}

impl FoundAddress {
    /// Returns the address of `address`, of which an IPv4-mapped one is IPv4 (MODEL HOST-21).
    pub(super) fn of(address: SocketAddr) -> Self {
        Self {
            ip: address.ip().to_canonical(),
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

/// One query to one name server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DnsQuery {
    /// The name that was queried; absolute.
    pub name: String,
    /// The record type that was queried.
    pub record_type: RecordType,
    /// The name server.
    pub server: SocketAddr,
    /// The transport of the response.
    pub transport: Transport,
    /// The outcome.
    pub outcome: QueryOutcome,
    /// Whether the response came from the cache. If so, no query was sent.
    pub is_cached: bool,
    /// How long the query took.
    pub elapsed: Duration,
}

/// A DNS record type.
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

/// The transport of a DNS response.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP, because the response did not fit into a datagram.
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

/// The outcome of a DNS query.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum QueryOutcome {
    /// The server sent a response with this code.
    Answered(ResponseCode),
    /// The response does not fit into a datagram; the query was repeated over TCP.
    Truncated,
    /// The server did not respond in time.
    TimedOut,
    /// There was no response yet when the answer to another query was used, or when the address of
    /// the other family was enough.
    Open,
    /// The query was not sent, because this process lacks something, such as a descriptor.
    NotSent(String),
    /// The server cannot be reached, for this reason.
    Unreachable(String),
    /// The response has no records, and refers to other servers.
    Referral,
    /// The response is malformed, for this reason.
    Broken(String),
}

impl fmt::Display for QueryOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(code) => code.fmt(f),
            Self::Truncated => f.write_str("truncated"),
            Self::TimedOut => f.write_str("no response in time"),
            Self::Open => f.write_str("no response yet"),
            Self::NotSent(reason) => write!(f, "not sent: {reason}"),
            Self::Referral => f.write_str("refers elsewhere"),
            Self::Unreachable(reason) => write!(f, "unreachable: {reason}"),
            Self::Broken(reason) => write!(f, "malformed response: {reason}"),
        }
    }
}

/// The response code (RCODE) of a DNS response (RFC 1035, section 4.1.1; RFC 6895).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ResponseCode(pub u16);

impl ResponseCode {
    /// `NOERROR`.
    pub const NO_ERROR: Self = Self(0);
    /// `FORMERR`: the server could not parse the query.
    pub const FORMAT_ERROR: Self = Self(1);
    /// `SERVFAIL`: the server has an internal problem.
    pub const SERVER_FAILURE: Self = Self(2);
    /// `NXDOMAIN`: the name does not exist.
    pub const NAME_ERROR: Self = Self(3);
    /// `NOTIMP`: the server does not support this kind of query.
    pub const NOT_IMPLEMENTED: Self = Self(4);
    /// `REFUSED`: the server refuses to answer.
    pub const REFUSED: Self = Self(5);
    /// `BADVERS`: the server does not support the version of the extension (RFC 6891).
    pub const BAD_VERSION: Self = Self(16);
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
            Self::BAD_VERSION => f.pad("BADVERS"),
            Self(other) => write!(f, "RCODE{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HOST-21: the system's resolver returns what an AAAA record has.
    #[test]
    fn an_address_of_the_system_is_ipv4_if_it_is_mapped() {
        for (address, ip, scope_id) in [
            ("[::ffff:192.0.2.1]:0", "192.0.2.1", 0),
            ("192.0.2.1:0", "192.0.2.1", 0),
            ("[2001:db8::1]:0", "2001:db8::1", 0),
            ("[fe80::1%7]:0", "fe80::1", 7),
            ("[::1]:0", "::1", 0),
        ] {
            let found = FoundAddress::of(address.parse().unwrap());
            let expected = (ip.parse().unwrap(), scope_id);
            assert_eq!((found.ip, found.scope_id), expected, "{address}");
        }
    }
}
