//! The events that a command reports. In JSON, each is one object per line with an `"event"` key.
//!
//! The names here are stable: fields may be added, but none is removed. What is not known is null.
//! `docs/events.schema.json` describes every event.

mod adapter;
mod received;

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;
use udpair::{
    AddressSource, Candidate, DnsQuery, Error, ErrorKind, Event as SocketEvent, Joined,
    MembershipChange, PeerError, PeerErrorKind, ServiceSource, SkippedRecord, SrvRecord,
    Statistics, Step,
};

pub(crate) use adapter::{AdapterAddressEvent, AdapterChangeEvent, AdapterEvent};
pub(crate) use received::{Arrivals, Received};

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
        /// The requested host name; `None` if the argument has an address or no host.
        #[serde(skip)]
        host: Option<String>,
    },
    /// The outcome of joining a group on one adapter.
    Joined {
        group: IpAddr,
        adapter: String,
        index: u32,
        /// Why the group was not joined there; `None` if it was.
        error: Option<String>,
    },
    /// A group was joined or left on one adapter because the network changed.
    Membership {
        group: IpAddr,
        /// `None` if the adapter no longer exists.
        adapter: Option<String>,
        index: u32,
        joined: bool,
    },
    /// An adapter that the socket is tied to was removed, or is used again.
    Attachment {
        adapter: String,
        index: u32,
        attached: bool,
    },
    Sent {
        bytes: usize,
    },
    EndpointPair {
        /// `None` if this machine has no route to `remote`.
        local: Option<IpAddr>,
        /// With its port, if a service was given.
        remote: String,
        rank: usize,
    },
    Step(StepEvent),
    Service {
        name: String,
        port: u16,
        source: &'static str,
        path: Option<String>,
    },
    Adapter(AdapterEvent),
    AdapterChange(AdapterChangeEvent),
    PeerError {
        destination: Option<SocketAddr>,
        kind: String,
        mtu: Option<u32>,
        reporter: Option<IpAddr>,
    },
    /// A target refused or was silent, and the next one is tried.
    NextTarget {
        destination: SocketAddr,
        /// The target that is given up, and why.
        after: SocketAddr,
        kind: &'static str,
    },
    /// Something that may explain a result.
    Hint {
        message: String,
    },
    /// A full queue on the route dropped datagrams while they were sent.
    SendDropped {
        destination: SocketAddr,
        datagrams: u64,
    },
    Summary {
        sent: u64,
        /// How many of them a full queue on the route dropped at once.
        send_dropped: u64,
        received: u64,
        /// Datagrams dropped by the kernel and by udpair's queues.
        dropped: u64,
        /// Whether `dropped` is exact; a lower bound otherwise.
        exact: bool,
        /// Dropped datagrams from non-peer senders.
        non_peer_dropped: u64,
        #[serde(flatten)]
        listened: Listened,
    },
    Error {
        kind: &'static str,
        status: u8,
        message: String,
        advice: Option<String>,
    },
    /// A line for human readers. JSON output has no such event.
    Note {
        text: String,
    },
}

/// What `listen` did not print or not answer; `None` where nothing is left out.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Listened {
    /// Datagrams from senders that `--allow` excludes.
    pub(crate) not_allowed: Option<u64>,
    /// Datagrams that `--echo` did not send back.
    pub(crate) unanswered: Option<u64>,
}

/// One step of name resolution.
#[derive(Debug, Serialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub(crate) enum StepEvent {
    Services {
        service: String,
        source: &'static str,
        path: Option<String>,
        port: Option<u16>,
        /// The SRV records that were not queried because the source lists the service.
        hidden_srv: Option<String>,
        notes: Vec<String>,
        error: Option<String>,
        ms: f64,
    },
    Srv {
        name: String,
        queries: Vec<QueryEvent>,
        records: Vec<SrvEvent>,
        skipped: Vec<SkippedEvent>,
        notes: Vec<String>,
        error: Option<String>,
        ms: f64,
    },
    Address {
        host: String,
        source: &'static str,
        path: Option<String>,
        server: Option<SocketAddr>,
        queries: Vec<QueryEvent>,
        addresses: Vec<AddressEvent>,
        notes: Vec<String>,
        /// The record types without a response when the lookup ended.
        open: Vec<String>,
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
    /// Whether the answer came from the cache.
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

/// An SRV record that cannot be used.
#[derive(Debug, Serialize)]
pub(crate) struct SkippedEvent {
    #[serde(flatten)]
    pub(crate) record: SrvEvent,
    pub(crate) reason: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct AddressEvent {
    pub(crate) address: IpAddr,
    /// In seconds; `None` if the source has none.
    pub(crate) ttl: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CandidateEvent {
    pub(crate) rank: usize,
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    /// The SRV target that has this address.
    pub(crate) target: Option<String>,
    /// Why this candidate is before the next one.
    pub(crate) before_next: Option<String>,
}

impl Event {
    pub(crate) fn joined(joined: &Joined) -> Self {
        Self::Joined {
            group: joined.group,
            adapter: joined.adapter.name.clone(),
            index: joined.adapter.index,
            error: joined.result.as_ref().err().map(with_causes),
        }
    }

    fn membership(change: &MembershipChange) -> Self {
        let adapters = udpair::adapters().unwrap_or_default();
        let mut adapters = adapters.into_iter();
        Self::Membership {
            group: change.group,
            adapter: adapters
                .find(|adapter| adapter.index == change.adapter)
                .map(|adapter| adapter.name),
            index: change.adapter,
            joined: change.is_member,
        }
    }

    fn peer_error(error: &PeerError) -> Self {
        Self::PeerError {
            destination: error.destination,
            kind: peer_error_kind(error.kind),
            mtu: error.mtu,
            reporter: error.reporter,
        }
    }

    /// Returns the event for a socket's event; `None` for a message, which needs more than that.
    pub(crate) fn of_socket(event: &SocketEvent) -> Option<Self> {
        match event {
            SocketEvent::PeerError(error) => Some(Self::peer_error(error)),
            SocketEvent::SendDropped(dropped) => Some(Self::SendDropped {
                destination: dropped.destination,
                datagrams: dropped.datagrams,
            }),
            SocketEvent::MembershipChanged(change) => Some(Self::membership(change)),
            SocketEvent::AttachmentChanged(change) => Some(Self::Attachment {
                adapter: change.adapter.name.clone(),
                index: change.adapter.index,
                attached: change.is_attached,
            }),
            _ => None,
        }
    }

    /// Whether the event is what a command is run for, or an error. `-q` leaves out the others.
    pub(crate) fn is_result(&self) -> bool {
        match self {
            Self::EndpointPair { .. }
            | Self::Step(_)
            | Self::Service { .. }
            | Self::Adapter(_)
            | Self::AdapterChange(_)
            | Self::Error { .. }
            | Self::Note { .. } => true,
            Self::Connected { .. }
            | Self::Listening { .. }
            | Self::Joined { .. }
            | Self::Membership { .. }
            | Self::Attachment { .. }
            | Self::Sent { .. }
            | Self::PeerError { .. }
            | Self::NextTarget { .. }
            | Self::Hint { .. }
            | Self::SendDropped { .. }
            | Self::Summary { .. } => false,
        }
    }

    /// Returns the sums of the counters of the sockets.
    pub(crate) fn summary(sockets: &[Statistics], listened: Listened) -> Self {
        let sum = |count: fn(&Statistics) -> u64| sockets.iter().map(count).sum();
        Self::Summary {
            sent: sum(|socket| socket.datagrams_sent),
            send_dropped: sum(|socket| socket.send_dropped),
            received: sum(|socket| socket.datagrams_received),
            dropped: sum(|socket| socket.kernel_dropped),
            exact: sockets.iter().all(|socket| socket.kernel_dropped_exact),
            non_peer_dropped: sum(|socket| socket.non_peer_dropped),
            listened,
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

    /// Returns the event for a failure that is not an error of the library.
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
                    ServiceSource::SrvOnly => ("srv-only", None),
                    _ => ("other", None),
                };
                StepEvent::Services {
                    service: step.service.clone(),
                    source,
                    path: path.map(|path| path.display().to_string()),
                    port: step.port,
                    hidden_srv: step.hidden_srv.clone(),
                    notes: step.notes.clone(),
                    error: step.error.clone(),
                    ms: milliseconds(step.elapsed),
                }
            }
            Step::Srv(step) => StepEvent::Srv {
                name: step.name.clone(),
                queries: step.queries.iter().map(query).collect(),
                records: step.records.iter().map(srv).collect(),
                skipped: step.skipped.iter().map(skipped).collect(),
                notes: step.notes.clone(),
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
                    notes: step.notes.clone(),
                    open: step.open.iter().map(ToString::to_string).collect(),
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

/// Returns the text of an error, followed by the texts of its causes.
pub(crate) fn with_causes(error: &Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    message
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

fn skipped(skipped: &SkippedRecord) -> SkippedEvent {
    SkippedEvent {
        record: srv(&skipped.record),
        reason: skipped.reason.clone(),
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

/// Returns `duration` in milliseconds, rounded to three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::schema;

    /// The events that need a change of the network, or a queue that is full.
    #[test]
    fn rare_events_are_as_the_schema_says() {
        let schema = schema::schema();
        let group = IpAddr::from([224, 0, 0, 251]);
        let destination = SocketAddr::from(([192, 0, 2, 1], 9));
        let change = |change| AdapterChangeEvent {
            change,
            ..AdapterChangeEvent::default()
        };
        for event in [
            Event::Membership {
                group,
                adapter: None,
                index: 3,
                joined: false,
            },
            Event::Attachment {
                adapter: "eth0".into(),
                index: 3,
                attached: true,
            },
            Event::SendDropped {
                destination,
                datagrams: 2,
            },
            Event::Hint {
                message: "so".into(),
            },
            Event::AdapterChange(change("default-route")),
            Event::AdapterChange(AdapterChangeEvent {
                family: Some("ipv6"),
                address: Some(group),
                prefix_length: Some(24),
                ..change("altered")
            }),
        ] {
            let mut value = serde_json::to_value(&event).unwrap();
            value["time"] = clock::text(std::time::SystemTime::now()).into();
            schema::check(&schema, &value).unwrap();
        }
    }
}
