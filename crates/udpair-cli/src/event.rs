//! What a command has to say, as scripts read it: one JSON object a line, each with `"event"`.
//!
//! The names here are promises: a field may be added, none goes away.

mod adapter;

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use serde::Serialize;
use udpair::{
    AddressSource, Candidate, DnsQuery, Error, ErrorKind, Joined, MembershipChange, Message,
    PeerError, PeerErrorKind, ServiceSource, SrvRecord, Statistics, Step,
};

pub(crate) use adapter::{AdapterAddressEvent, AdapterChangeEvent, AdapterEvent};

use crate::frame::hex;

/// Something that a command reports.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    Connected {
        local: Option<SocketAddr>,
        remote: Option<SocketAddr>,
        host: String,
        service: String,
    },
    Listening {
        local: Option<SocketAddr>,
        /// The host name that was asked for, where the address alone says less.
        #[serde(skip)]
        host: Option<String>,
    },
    /// How joining a group went on one adapter.
    Joined {
        group: IpAddr,
        adapter: String,
        index: u32,
        /// Why the group is not heard there; `None` if it is.
        error: Option<String>,
    },
    /// A group is heard on one adapter more, or on one less, because the network changed.
    Membership {
        group: IpAddr,
        /// `None` if the adapter is gone.
        adapter: Option<String>,
        index: u32,
        heard: bool,
    },
    Message {
        remote: SocketAddr,
        /// `None` where the system does not say.
        local: Option<SocketAddr>,
        bytes: usize,
        /// `None` if the payload is not UTF-8.
        text: Option<String>,
        hex: String,
        #[serde(skip)]
        payload: Vec<u8>,
    },
    Sent {
        bytes: usize,
    },
    EndpointPair {
        /// `None` if this machine knows no way there.
        local: Option<IpAddr>,
        remote: SocketAddr,
        rank: usize,
    },
    Step(StepEvent),
    Service {
        name: String,
        port: u16,
        source: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    Adapter(AdapterEvent),
    AdapterChange(AdapterChangeEvent),
    PeerError {
        destination: Option<SocketAddr>,
        kind: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        mtu: Option<u32>,
        reporter: Option<IpAddr>,
    },
    Summary {
        sent: u64,
        received: u64,
        /// By the kernel and by our queues.
        dropped: u64,
        /// Whether `dropped` is exact; a lower bound otherwise.
        exact: bool,
        /// Datagrams from others than the peer, which were not let in.
        strangers: u64,
    },
    Error {
        kind: &'static str,
        status: u8,
        message: String,
        advice: Option<String>,
    },
    /// A line for people, and for nobody else.
    Note {
        text: String,
    },
}

/// One step of resolving.
#[derive(Debug, Serialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub(crate) enum StepEvent {
    Services {
        service: String,
        source: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        port: Option<u16>,
        ms: f64,
    },
    Srv {
        name: String,
        queries: Vec<QueryEvent>,
        records: Vec<SrvEvent>,
        error: Option<String>,
        ms: f64,
    },
    Address {
        host: String,
        source: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        server: Option<SocketAddr>,
        queries: Vec<QueryEvent>,
        addresses: Vec<AddressEvent>,
        error: Option<String>,
        ms: f64,
    },
    Order {
        candidates: Vec<CandidateEvent>,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct QueryEvent {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) record_type: String,
    pub(crate) server: SocketAddr,
    pub(crate) transport: String,
    pub(crate) outcome: String,
    /// Whether the answer had been kept from an earlier question.
    pub(crate) cached: bool,
    pub(crate) ms: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct SrvEvent {
    pub(crate) priority: u16,
    pub(crate) weight: u16,
    pub(crate) port: u16,
    pub(crate) target: String,
    pub(crate) ttl: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct AddressEvent {
    pub(crate) address: IpAddr,
    /// In seconds; `None` where the source does not say.
    pub(crate) ttl: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CandidateEvent {
    pub(crate) rank: usize,
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    /// The SRV target that led here.
    pub(crate) target: Option<String>,
    /// Why it goes before the next one.
    pub(crate) before_next: Option<String>,
}

impl Event {
    pub(crate) fn message(message: &Message, bound: Option<SocketAddr>) -> Self {
        let payload = message.payload();
        Self::Message {
            remote: message.remote(),
            local: bound.map(|bound| local(message, bound)),
            bytes: payload.len(),
            text: str::from_utf8(payload).ok().map(ToOwned::to_owned),
            hex: hex(payload),
            payload: payload.to_vec(),
        }
    }

    pub(crate) fn joined(joined: &Joined) -> Self {
        Self::Joined {
            group: joined.group,
            adapter: joined.adapter.name.clone(),
            index: joined.adapter.index,
            error: joined.result.as_ref().err().map(with_causes),
        }
    }

    pub(crate) fn membership(change: &MembershipChange) -> Self {
        let adapters = udpair::adapters().unwrap_or_default();
        let mut adapters = adapters.into_iter();
        Self::Membership {
            group: change.group(),
            adapter: adapters
                .find(|adapter| adapter.index == change.adapter())
                .map(|adapter| adapter.name),
            index: change.adapter(),
            heard: change.is_member(),
        }
    }

    pub(crate) fn peer_error(error: &PeerError) -> Self {
        Self::PeerError {
            destination: error.destination(),
            kind: peer_error_kind(error.kind()),
            mtu: error.mtu(),
            reporter: error.reporter(),
        }
    }

    pub(crate) fn summary(statistics: &Statistics) -> Self {
        Self::Summary {
            sent: statistics.datagrams_sent,
            received: statistics.datagrams_received,
            dropped: statistics.kernel_dropped,
            exact: statistics.kernel_dropped_exact,
            strangers: statistics.non_peer_dropped,
        }
    }

    pub(crate) fn error(error: &Error) -> Self {
        Self::Error {
            kind: error.kind().name(),
            status: error.status().number(),
            message: with_causes(error),
            advice: error.advice().map(ToOwned::to_owned),
        }
    }

    /// Something that went wrong without an error of the library.
    pub(crate) fn problem(kind: ErrorKind, message: String, advice: Option<String>) -> Self {
        Self::Error {
            kind: kind.name(),
            status: kind.status().number(),
            message,
            advice,
        }
    }

    pub(crate) fn step(step: &Step) -> Option<Self> {
        let event = match step {
            Step::Service(step) => {
                let (source, path) = match &step.source {
                    ServiceSource::Number => ("number", None),
                    ServiceSource::File(path) => ("file", Some(path)),
                    ServiceSource::MissingFile(path) => ("missing-file", Some(path)),
                    ServiceSource::Text => ("text", None),
                    ServiceSource::Table => ("table", None),
                    _ => ("other", None),
                };
                StepEvent::Services {
                    service: step.service.clone(),
                    source,
                    path: path.map(|path| path.display().to_string()),
                    port: step.port,
                    ms: milliseconds(step.elapsed),
                }
            }
            Step::Srv(step) => StepEvent::Srv {
                name: step.name.clone(),
                queries: step.queries.iter().map(query).collect(),
                records: step.records.iter().map(srv).collect(),
                error: step.error.clone(),
                ms: milliseconds(step.elapsed),
            },
            Step::Address(step) => {
                let (source, path, server) = match &step.source {
                    AddressSource::Literal => ("literal", None, None),
                    AddressSource::Localhost => ("localhost", None, None),
                    AddressSource::HostsFile(path) => ("hosts-file", Some(path), None),
                    AddressSource::Additional(server) => ("additional", None, Some(*server)),
                    AddressSource::System => ("system", None, None),
                    AddressSource::Dns => ("dns", None, None),
                    _ => ("other", None, None),
                };
                let addresses = step.addresses.iter().map(|found| AddressEvent {
                    address: found.ip,
                    ttl: found.ttl.map(|ttl| ttl.as_secs()),
                });
                StepEvent::Address {
                    host: step.host.clone(),
                    source,
                    path: path.map(|path| path.display().to_string()),
                    server,
                    queries: step.queries.iter().map(query).collect(),
                    addresses: addresses.collect(),
                    error: step.error.clone(),
                    ms: milliseconds(step.elapsed),
                }
            }
            Step::Order(candidates) => StepEvent::Order {
                candidates: candidates.iter().zip(1..).map(candidate).collect(),
            },
            _ => return None,
        };
        Some(Self::Step(event))
    }
}

/// What an error says, and what its causes say.
fn with_causes(error: &Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    message
}

/// Where a message came in: the address it was sent to, with the zone that such an address needs.
fn local(message: &Message, bound: SocketAddr) -> SocketAddr {
    match (message.local(), message.adapter()) {
        (Some(IpAddr::V6(ip)), Some(adapter)) if ip.is_unicast_link_local() => {
            SocketAddrV6::new(ip, bound.port(), 0, adapter).into()
        }
        (ip, _) => SocketAddr::new(ip.unwrap_or(bound.ip()), bound.port()),
    }
}

fn query(query: &DnsQuery) -> QueryEvent {
    QueryEvent {
        name: query.name.clone(),
        record_type: query.record_type.to_string(),
        server: query.server,
        transport: query.transport.to_string(),
        outcome: query.outcome.to_string(),
        cached: query.is_cached,
        ms: milliseconds(query.elapsed),
    }
}

fn srv(record: &SrvRecord) -> SrvEvent {
    SrvEvent {
        priority: record.priority,
        weight: record.weight,
        port: record.port,
        target: record.target.clone(),
        ttl: record.ttl,
    }
}

fn candidate((candidate, rank): (&Candidate, usize)) -> CandidateEvent {
    CandidateEvent {
        rank,
        remote: candidate.address,
        local: candidate.source,
        target: candidate.srv.as_ref().map(|srv| srv.target.clone()),
        before_next: candidate.before_next.map(|reason| reason.to_string()),
    }
}

pub(crate) fn peer_error_kind(kind: PeerErrorKind) -> String {
    match kind {
        PeerErrorKind::PortUnreachable => "port-unreachable".into(),
        PeerErrorKind::HostUnreachable => "host-unreachable".into(),
        PeerErrorKind::NetworkUnreachable => "network-unreachable".into(),
        PeerErrorKind::ProtocolUnreachable => "protocol-unreachable".into(),
        PeerErrorKind::AdministrativelyProhibited => "administratively-prohibited".into(),
        PeerErrorKind::TimeExceeded => "time-exceeded".into(),
        PeerErrorKind::MessageTooBig => "message-too-big".into(),
        PeerErrorKind::Other {
            icmp_type,
            icmp_code,
        } => format!("icmp-{icmp_type}-{icmp_code}"),
        _ => "other".into(),
    }
}

/// With three decimals, which is as exact as such a figure can be.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
