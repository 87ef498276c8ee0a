//! The workloads: what each does, which roles it starts, and which figures it compares.

pub(crate) mod fan_out;

use serde_json::{Value, json};
use udpair_bench::pure::MICROBENCHMARKS;

use crate::Result;
use crate::peer::{self, Mode};

/// One workload.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    /// The figures that are compared, the most important one first.
    figures: &'static [Figure],
    /// The modes that take part; `None` for all modes that support the roles.
    modes: Option<&'static [&'static str]>,
    /// The modes that the tables compare with: raw system calls, tokio, quinn-udp or hickory.
    baselines: &'static [&'static str],
}

/// How a workload runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A sender floods a receiver.
    OneWay {
        bytes: u16,
        /// The mode of the sender; `None` for the measured mode.
        sender: Option<&'static str>,
        /// The mode of the receiver; `None` for the measured mode.
        receiver: Option<&'static str>,
        /// How long the receiver works on each datagram, in microseconds. If it does, a ticker
        /// shares its thread.
        work: u16,
    },
    /// A client keeps a number of datagrams in flight to an echo.
    Echo { in_flight: usize, cores: Cores },
    /// One socket sends to many ports.
    FanOut { ports: usize },
    /// Many open sockets wait for a datagram.
    Idle { sockets: usize },
    /// Connects by name.
    Names { connects: usize },
}

/// The number of cores that both ends of an echo run on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cores {
    One,
    Two,
}

/// A number that a measurement yields.
#[derive(Debug)]
struct Figure {
    name: &'static str,
    unit: &'static str,
    /// Whether a larger number is better.
    is_rate: bool,
}

const fn rate(name: &'static str, unit: &'static str) -> Figure {
    Figure {
        name,
        unit,
        is_rate: true,
    }
}

const fn cost(name: &'static str, unit: &'static str) -> Figure {
    Figure {
        name,
        unit,
        is_rate: false,
    }
}

const ONE_WAY: &[Figure] = &[
    rate("delivered", "1/s"),
    cost("cpu", "s/M"),
    cost("loss", "%"),
];
const RECEIVER: &[Figure] = &[
    rate("delivered", "1/s"),
    cost("receiver_cpu", "s/M"),
    cost("loss", "%"),
];
const SENDER: &[Figure] = &[
    rate("sent", "1/s"),
    cost("sender_cpu", "s/M"),
    cost("loss", "%"),
];
const TICKS: &[Figure] = &[
    cost("late", "ms"),
    cost("late_p50", "ms"),
    rate("delivered", "1/s"),
];
const LATENCY: &[Figure] = &[cost("p50", "us"), cost("p99", "us"), cost("p999", "us")];
const ROUND_TRIPS: &[Figure] = &[rate("round_trips", "1/s"), cost("cpu", "s/M")];
const IDLE: &[Figure] = &[
    cost("memory", "B/socket"),
    cost("open", "s"),
    cost("sweep", "s"),
];
const NAMES: &[Figure] = &[
    cost("p50", "us"),
    cost("p99", "us"),
    cost("first", "us"),
    cost("queries", "each"),
    cost("first_queries", "first"),
];

/// Returns a flood of small batches to a receiver that works on each datagram.
const fn beside_ticker(work: u16) -> Kind {
    Kind::OneWay {
        bytes: 64,
        sender: Some("udpair-few"),
        receiver: None,
        work,
    }
}

const BESIDE_TICKER: &[&str] = &[
    "tokio",
    "quinn-udp",
    "udpair",
    "udpair-stream",
    "udpair-batch",
    "udpair-for-each",
    "udpair-queue",
    "udpair-dropping-queue",
];
const FAST: &[&str] = &["raw-gso", "tokio", "quinn-udp"];
const SINGLE: &[&str] = &["raw", "tokio", "quinn-udp-one"];

/// All workloads, in the order of the tables.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "w1-64",
        about: "one-way, 64 B",
        kind: Kind::OneWay {
            bytes: 64,
            sender: None,
            receiver: None,
            work: 0,
        },
        figures: ONE_WAY,
        modes: None,
        baselines: FAST,
    },
    Workload {
        name: "w1-1200",
        about: "one-way, 1,200 B",
        kind: Kind::OneWay {
            bytes: 1_200,
            sender: None,
            receiver: None,
            work: 0,
        },
        figures: ONE_WAY,
        modes: None,
        baselines: FAST,
    },
    Workload {
        name: "w1-one",
        about: "one-way, 64 B, one write per datagram",
        kind: Kind::OneWay {
            bytes: 64,
            sender: None,
            receiver: None,
            work: 0,
        },
        figures: ONE_WAY,
        modes: Some(&["raw", "tokio", "quinn-udp-one", "udpair", "node"]),
        baselines: SINGLE,
    },
    Workload {
        name: "w1-tx",
        about: "each sender to the raw GRO receiver, 64 B",
        kind: Kind::OneWay {
            bytes: 64,
            sender: None,
            receiver: Some("raw-gso"),
            work: 0,
        },
        figures: SENDER,
        modes: None,
        baselines: FAST,
    },
    Workload {
        name: "w1-rx",
        about: "the raw GSO sender to each receiver, 64 B",
        kind: Kind::OneWay {
            bytes: 64,
            sender: Some("raw-gso"),
            receiver: None,
            work: 0,
        },
        figures: RECEIVER,
        modes: None,
        baselines: FAST,
    },
    Workload {
        name: "w1-rx-one",
        about: "the raw sender, one write per datagram, to each receiver, 64 B",
        kind: Kind::OneWay {
            bytes: 64,
            sender: Some("raw"),
            receiver: None,
            work: 0,
        },
        figures: RECEIVER,
        modes: None,
        baselines: FAST,
    },
    Workload {
        name: "w2-one",
        about: "echo, 64 B, one core, 1 in flight",
        kind: Kind::Echo {
            in_flight: 1,
            cores: Cores::One,
        },
        figures: LATENCY,
        modes: Some(&[
            "raw",
            "raw-epoll",
            "raw-mmsg",
            "tokio",
            "quinn-udp",
            "udpair",
            "udpair-batch",
            "udpair-for-each",
            "node",
        ]),
        baselines: &["raw-epoll", "tokio", "quinn-udp"],
    },
    Workload {
        name: "w2-busy",
        about: "echo, 64 B, two cores that never sleep, 1 in flight",
        kind: Kind::Echo {
            in_flight: 1,
            cores: Cores::Two,
        },
        figures: LATENCY,
        modes: Some(&["raw-busy", "udpair-busy"]),
        baselines: &["raw-busy"],
    },
    Workload {
        name: "w2-64-one-core",
        about: "echo, 64 B, one core, 64 in flight",
        kind: Kind::Echo {
            in_flight: 64,
            cores: Cores::One,
        },
        figures: ROUND_TRIPS,
        modes: None,
        baselines: &["raw-epoll", "tokio", "quinn-udp"],
    },
    Workload {
        name: "w2-64",
        about: "echo, 64 B, two cores, 64 in flight",
        kind: Kind::Echo {
            in_flight: 64,
            cores: Cores::Two,
        },
        figures: ROUND_TRIPS,
        modes: None,
        baselines: &["raw-epoll", "tokio", "quinn-udp"],
    },
    Workload {
        name: "w3",
        about: "one socket to 1,000 ports, 64 B",
        kind: Kind::FanOut { ports: 1_000 },
        figures: SENDER,
        modes: None,
        baselines: &["raw-mmsg", "tokio", "quinn-udp"],
    },
    Workload {
        name: "w6-2us",
        about: "a ticker beside a flooded receiver that works 2 us on a datagram",
        kind: beside_ticker(2),
        figures: TICKS,
        modes: Some(BESIDE_TICKER),
        baselines: &["tokio"],
    },
    Workload {
        name: "w6-20us",
        about: "the same with 20 us on a datagram",
        kind: beside_ticker(20),
        figures: TICKS,
        modes: Some(BESIDE_TICKER),
        baselines: &["tokio"],
    },
    Workload {
        name: "w4",
        about: "10,000 connected sockets with a handler each",
        kind: Kind::Idle { sockets: 10_000 },
        figures: IDLE,
        modes: None,
        baselines: &["raw-epoll", "tokio-shared"],
    },
    Workload {
        name: "w5",
        about: "name to connected socket by SRV",
        kind: Kind::Names { connects: 400 },
        figures: NAMES,
        modes: None,
        baselines: &["raw-srv", "hickory-cold", "hickory-warm"],
    },
];

impl Workload {
    /// Returns whether a mode takes part.
    pub(crate) fn includes(&self, mode: &Mode) -> bool {
        let shares_a_core = matches!(
            self.kind,
            Kind::Echo {
                cores: Cores::One,
                ..
            }
        );
        !(mode.spins && shares_a_core)
            && self.modes.is_none_or(|modes| modes.contains(&mode.name))
            && self.kind.roles().iter().all(|role| mode.plays(role))
    }
}

impl Kind {
    /// Returns the roles that the measured mode plays.
    fn roles(self) -> &'static [&'static str] {
        match self {
            Self::OneWay {
                sender: Some(_), ..
            } => &["receive"],
            Self::OneWay {
                receiver: Some(_), ..
            } => &["send"],
            Self::OneWay { .. } => &["send", "receive"],
            Self::Echo { .. } => &["echo", "ping"],
            Self::FanOut { .. } => &["fan-out"],
            Self::Idle { .. } => &["idle"],
            Self::Names { .. } => &["connect"],
        }
    }
}

/// Finds a workload by its name.
pub(crate) fn find(name: &str) -> Result<&'static Workload> {
    WORKLOADS
        .iter()
        .find(|workload| workload.name == name)
        .ok_or_else(|| format!("there is no workload {name}").into())
}

/// Returns all modes, workloads and microbenchmarks as JSON, for `udpair-bench list`.
pub(crate) fn list() -> Value {
    let modes: Vec<_> = peer::modes()
        .map(|mode| {
            json!({
                "name": mode.name,
                "about": mode.about,
                "missing": mode.check().err(),
            })
        })
        .collect();
    let workloads: Vec<_> = WORKLOADS.iter().map(describe).collect();
    let microbenchmarks: Vec<_> = MICROBENCHMARKS
        .iter()
        .map(|microbenchmark| json!({ "name": microbenchmark.name, "about": microbenchmark.about }))
        .collect();
    json!({ "modes": modes, "workloads": workloads, "microbenchmarks": microbenchmarks })
}

fn describe(workload: &Workload) -> Value {
    let figures: Vec<_> = workload
        .figures
        .iter()
        .map(
            |figure| json!({ "name": figure.name, "unit": figure.unit, "is_rate": figure.is_rate }),
        )
        .collect();
    let modes = peer::modes().filter(|mode| workload.includes(mode));
    json!({
        "name": workload.name,
        "about": workload.about,
        "figures": figures,
        "modes": modes.map(|mode| mode.name).collect::<Vec<_>>(),
        "baselines": workload.baselines,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_baseline_takes_part_in_its_workload() {
        for workload in WORKLOADS {
            for baseline in workload.baselines {
                let mode = peer::mode(baseline).unwrap();
                assert!(workload.includes(mode), "{} {baseline}", workload.name);
            }
        }
    }
}
