//! The options report: what was requested, what the system granted, and what would help.
//!
//! A system may grant less than was requested without an error. So the report contains what the
//! system returns for the open socket, and never what this crate has set. If the system granted
//! something else, the socket still works, and the report says what was granted and why.

use std::fmt;
use std::io;

use udpair_io::{Engine, Family, Socket};

use super::settings::{ECN_BITS, Ecn, Multicast, QualityOfService, RequestedOptions, Settings};
use crate::resolve::AddressFamily;

/// A report on the options of a socket: what was requested, what the system granted, and what would
/// help if that differs.
///
/// Returned by [`DatagramSocket::options`](super::DatagramSocket::options). As text (`Display`), it
/// has one line per option; those of multicast have one if they were requested.
///
/// # Examples
///
/// ```
/// # use udpair::{DatagramSocket, SocketOption};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), udpair::Error> {
/// let socket = DatagramSocket::builder()
///     .inbound_buffer_bytes(1 << 30)
///     .bind("127.0.0.1:0")
///     .await?;
/// for option in socket.options().unmet() {
///     // inbound buffer: requested 1073741824 bytes, granted 4194304 bytes: the system grants no
///     // more (`sysctl -w net.core.rmem_max=1073741824` would help)
///     println!("{option}");
/// }
/// # assert!(socket.options().get(SocketOption::InboundBuffer).granted.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OptionsReport {
    /// In the order of [`SocketOption::ALL`], each option once.
    entries: Vec<OptionReport>,
}

/// The entry of one option in an [`OptionsReport`].
///
/// As text (`Display`), it is one line: `hop limit: requested 128, granted 128`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OptionReport {
    /// The option.
    pub option: SocketOption,
    /// The requested value; `None` if the choice was left to the system.
    pub requested: Option<OptionValue>,
    /// The value that the system reports now; `None` where the system does not report it, and after
    /// the socket was closed. While the socket is not open, it is the system's default if nothing
    /// was requested, and `None` otherwise.
    pub granted: Option<OptionValue>,
    /// Why the request was not granted; `None` if it was, and if nothing was requested.
    pub why_not: Option<String>,
    /// A command that would help; `None` if none is needed or none is known.
    pub advice: Option<String>,
}

/// A socket option that an [`OptionsReport`] lists.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SocketOption {
    /// The size of the kernel's receive buffer, requested by
    /// [`Builder::inbound_buffer_bytes`](super::Builder::inbound_buffer_bytes).
    InboundBuffer,
    /// The size of the kernel's send buffer, requested by
    /// [`Builder::send_buffer_bytes`](super::Builder::send_buffer_bytes).
    SendBuffer,
    /// The hop limit of unicast datagrams, requested by
    /// [`Builder::hop_limit`](super::Builder::hop_limit).
    HopLimit,
    /// Whether fragmentation is off, requested by
    /// [`Builder::dont_fragment`](super::Builder::dont_fragment).
    DontFragment,
    /// How the system treats the datagrams on this machine, requested by
    /// [`Builder::quality_of_service`](super::Builder::quality_of_service). The mark in the packets
    /// is [`Dscp`](Self::Dscp).
    QualityOfService,
    /// The differentiated services code point, requested by
    /// [`Builder::dscp`](super::Builder::dscp) or implied by the quality of service.
    Dscp,
    /// The mark for explicit congestion notification, requested by
    /// [`Builder::ecn`](super::Builder::ecn).
    Ecn,
    /// The hop limit of datagrams to groups, requested by
    /// [`Builder::multicast_hops`](super::Builder::multicast_hops).
    MulticastHops,
    /// Whether members on this machine receive what the socket sends to groups, requested by
    /// [`Builder::multicast_loopback`](super::Builder::multicast_loopback).
    MulticastLoopback,
    /// The adapter through which datagrams to groups are sent, requested by
    /// [`Builder::multicast_adapter`](super::Builder::multicast_adapter). Linux reports it for
    /// sockets that support IPv6.
    MulticastAdapter,
    /// Whether the kernel coalesces received datagrams now. With
    /// [`Builder::receive_offload`](super::Builder::receive_offload), `true` leaves the choice to
    /// the system, and `false` is a request.
    ReceiveOffload,
    /// Whether the system reports metadata of received datagrams. With
    /// [`Builder::metadata`](super::Builder::metadata), `true` leaves the choice to the system, and
    /// `false` is a request. [`capabilities`](super::DatagramSocket::capabilities) tells which
    /// metadata it is.
    Metadata,
}

/// The value of a [`SocketOption`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum OptionValue {
    /// A size in bytes.
    Bytes(u32),
    /// A hop limit: a number of routers.
    Hops(u8),
    /// On or off.
    Switch(bool),
    /// A quality of service.
    Quality(QualityOfService),
    /// A differentiated services code point, 0 to 63 (RFC 2474, section 3).
    Dscp(u8),
    /// A mark for explicit congestion notification.
    Ecn(Ecn),
    /// The index of an adapter; 0 leaves the choice to the routing table.
    Adapter(u32),
}

impl OptionsReport {
    /// Returns the entry of one option.
    pub fn get(&self, option: SocketOption) -> &OptionReport {
        let mut entries = self.entries.iter();
        entries
            .find(|entry| entry.option == option)
            .expect("`report` makes an entry for each option")
    }

    /// Returns the entries of all options, in the order of [`SocketOption::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = &OptionReport> {
        self.entries.iter()
    }

    /// Returns the entries of the options that the system did not grant as requested.
    pub fn unmet(&self) -> impl Iterator<Item = &OptionReport> {
        self.iter().filter(|entry| entry.why_not.is_some())
    }
}

impl SocketOption {
    /// All options.
    pub const ALL: &[Self] = &[
        Self::InboundBuffer,
        Self::SendBuffer,
        Self::HopLimit,
        Self::DontFragment,
        Self::QualityOfService,
        Self::Dscp,
        Self::Ecn,
        Self::MulticastHops,
        Self::MulticastLoopback,
        Self::MulticastAdapter,
        Self::ReceiveOffload,
        Self::Metadata,
    ];

    /// Returns the name of the option: `"inbound buffer"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::InboundBuffer => "inbound buffer",
            Self::SendBuffer => "send buffer",
            Self::HopLimit => "hop limit",
            Self::DontFragment => "don't fragment",
            Self::QualityOfService => "quality of service",
            Self::Dscp => "DSCP",
            Self::Ecn => "ECN",
            Self::MulticastHops => "multicast hop limit",
            Self::MulticastLoopback => "multicast loopback",
            Self::MulticastAdapter => "multicast adapter",
            Self::ReceiveOffload => "receive offload",
            Self::Metadata => "metadata",
        }
    }
}

/// The options that the system reports for an open socket; an error where it does not report one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Observed {
    /// As returned by [`udpair_io::receive_buffer_bytes`].
    inbound_buffer_bytes: Answer<u32>,
    send_buffer_bytes: Answer<u32>,
    hop_limit: Answer<u8>,
    dont_fragment: Answer<bool>,
    low_latency: Answer<bool>,
    traffic_class: Answer<u8>,
    multicast_hops: Answer<u8>,
    multicast_loopback: Answer<bool>,
    /// `None` if the system does not say.
    multicast_adapter: Option<u32>,
    receive_offload: bool,
    metadata: bool,
}

type Answer<T> = Result<T, String>;

impl Observed {
    /// Returns the options that the system gives to a socket by itself, read from a descriptor that
    /// is opened for it; `None` if the system gives none.
    pub(crate) fn defaults(settings: &Settings) -> Option<Self> {
        let family = match settings.resolver.family() {
            Some(AddressFamily::Ipv4) => Family::Ipv4,
            Some(AddressFamily::Ipv6) => Family::Ipv6,
            None => Family::Dual,
        };
        // A machine without IPv6 has no dual-stack sockets (DGS-03).
        let socket = Socket::open(family).or_else(|_| Socket::open(Family::Ipv4));
        let socket = socket.ok()?;
        settings.apply_engine(&socket).ok()?;
        Some(Self::of(settings.engine, &socket))
    }

    /// Queries the system for the options of `socket`.
    pub(crate) fn of(engine: &dyn Engine, socket: &Socket) -> Self {
        fn answer<T>(answer: io::Result<T>) -> Answer<T> {
            answer.map_err(|error| error.to_string())
        }
        Self {
            inbound_buffer_bytes: answer(udpair_io::receive_buffer_bytes(socket)),
            send_buffer_bytes: answer(udpair_io::send_buffer_bytes(socket)),
            hop_limit: answer(udpair_io::hop_limit(socket)),
            dont_fragment: answer(udpair_io::dont_fragment(socket)),
            low_latency: answer(udpair_io::low_latency(socket)),
            traffic_class: answer(udpair_io::traffic_class(socket)),
            multicast_hops: answer(udpair_io::multicast_hops(socket)),
            multicast_loopback: answer(udpair_io::multicast_loopback(socket)),
            multicast_adapter: udpair_io::multicast_adapter(socket).ok(),
            receive_offload: udpair_io::receive_offload(socket),
            metadata: {
                let reported = engine.capabilities_of(socket);
                reported.local_address || reported.packet_header || reported.drops
            },
        }
    }
}

/// Compares the requested options with the observed ones, which are `None` for a socket that was
/// closed. Those of a socket that is not open yet are the system's defaults: they hold where nothing
/// was requested.
///
/// `adapter` is the index that the requested adapter for groups has now.
pub(crate) fn report(
    settings: &Settings,
    adapter: Option<u32>,
    observed: Option<&Observed>,
    is_open: bool,
) -> OptionsReport {
    let (requested, multicast) = (&settings.requested, &settings.multicast);
    let entry = |option: &SocketOption| {
        let mut entry = entry(*option, (requested, multicast), adapter, observed);
        if !is_open && entry.requested.is_some() {
            (entry.granted, entry.why_not, entry.advice) = (None, None, None);
        }
        entry
    };
    OptionsReport {
        entries: SocketOption::ALL.iter().map(entry).collect(),
    }
}

/// Compares the requested value of one option with the observed one.
fn entry(
    option: SocketOption,
    (requested, multicast): (&RequestedOptions, &Multicast),
    adapter: Option<u32>,
    observed: Option<&Observed>,
) -> OptionReport {
    match option {
        SocketOption::InboundBuffer => buffer(
            option,
            requested.inbound_buffer_bytes,
            observed.map(|observed| &observed.inbound_buffer_bytes),
            udpair_io::receive_buffer_advice,
        ),
        SocketOption::SendBuffer => buffer(
            option,
            requested.send_buffer_bytes,
            observed.map(|observed| &observed.send_buffer_bytes),
            udpair_io::send_buffer_advice,
        ),
        SocketOption::HopLimit => compare(
            option,
            Some(OptionValue::Hops(requested.hop_limit)),
            observed.map(|observed| observed.hop_limit.clone().map(OptionValue::Hops)),
        ),
        SocketOption::DontFragment => compare(
            option,
            Some(OptionValue::Switch(requested.fragmentation.is_off())),
            observed.map(|observed| observed.dont_fragment.clone().map(OptionValue::Switch)),
        ),
        SocketOption::QualityOfService => quality(requested.quality_of_service, observed),
        SocketOption::Dscp => compare(
            option,
            requested.dscp().map(OptionValue::Dscp),
            observed.map(|observed| observed.traffic_class.clone().map(dscp_of)),
        ),
        SocketOption::Ecn => compare(
            option,
            requested.ecn.map(OptionValue::Ecn),
            observed.map(|observed| observed.traffic_class.clone().map(ecn_of)),
        ),
        SocketOption::MulticastHops => compare(
            option,
            multicast.hops.map(OptionValue::Hops),
            observed.map(|observed| observed.multicast_hops.clone().map(OptionValue::Hops)),
        ),
        SocketOption::MulticastLoopback => compare(
            option,
            multicast.loopback.map(OptionValue::Switch),
            observed.map(|observed| observed.multicast_loopback.clone().map(OptionValue::Switch)),
        ),
        SocketOption::MulticastAdapter => compare(
            option,
            adapter.map(OptionValue::Adapter),
            observed
                .and_then(|observed| observed.multicast_adapter)
                .map(|index| Ok(OptionValue::Adapter(index))),
        ),
        SocketOption::ReceiveOffload => compare(
            option,
            (!requested.receive_offload).then_some(OptionValue::Switch(false)),
            observed.map(|observed| Ok(OptionValue::Switch(observed.receive_offload))),
        ),
        SocketOption::Metadata => compare(
            option,
            (!requested.metadata).then_some(OptionValue::Switch(false)),
            observed.map(|observed| Ok(OptionValue::Switch(observed.metadata))),
        ),
    }
}

fn compare(
    option: SocketOption,
    requested: Option<OptionValue>,
    granted: Option<Answer<OptionValue>>,
) -> OptionReport {
    let (granted, problem) = match granted {
        None => (None, None),
        Some(Ok(granted)) => {
            let differs = requested.is_some_and(|requested| requested != granted);
            let problem = differs.then(|| "the system did not apply it".to_owned());
            (Some(granted), problem)
        }
        Some(Err(why)) => (None, Some(why)),
    };
    OptionReport {
        option,
        requested,
        granted,
        // Without a request, there is nothing to explain.
        why_not: problem.filter(|_| requested.is_some()),
        advice: None,
    }
}

fn buffer(
    option: SocketOption,
    requested: Option<u32>,
    answer: Option<&Answer<u32>>,
    advice: fn(u32) -> Option<String>,
) -> OptionReport {
    let granted = answer.map(|answer| {
        answer.clone().map(|bytes| match requested {
            Some(_) => udpair_io::requested_buffer_bytes(bytes),
            // The system's own choice is reported unchanged (CTL-07).
            None => bytes,
        })
    });
    let mut report = compare(
        option,
        requested.map(OptionValue::Bytes),
        granted
            .clone()
            .map(|granted| granted.map(OptionValue::Bytes)),
    );
    if let (Some(requested), Some(Ok(granted))) = (requested, granted) {
        if granted < requested {
            report.why_not = Some("the system grants no more".into());
            report.advice = advice(requested);
        } else if granted > requested {
            report.why_not = Some("the system grants no less".into());
        }
    }
    report
}

fn quality(requested: QualityOfService, observed: Option<&Observed>) -> OptionReport {
    let granted = observed.map(|observed| match requested {
        // Nothing was requested, so whatever the system does is normal.
        QualityOfService::Normal => Ok(QualityOfService::Normal),
        QualityOfService::LowLatency => observed.low_latency.clone().map(|is_preferred| {
            if is_preferred {
                QualityOfService::LowLatency
            } else {
                QualityOfService::Normal
            }
        }),
    });
    compare(
        SocketOption::QualityOfService,
        Some(OptionValue::Quality(requested)),
        granted.map(|granted| granted.map(OptionValue::Quality)),
    )
}

fn dscp_of(traffic_class: u8) -> OptionValue {
    OptionValue::Dscp(traffic_class >> ECN_BITS)
}

fn ecn_of(traffic_class: u8) -> OptionValue {
    OptionValue::Ecn(match traffic_class & ((1 << ECN_BITS) - 1) {
        0 => Ecn::NotCapable,
        1 => Ecn::Capable1,
        2 => Ecn::Capable0,
        _ => Ecn::Congested,
    })
}

/// Displays one line per option, without a line break at the end. The options of multicast, which
/// most sockets do not use, have one only if they were requested.
impl fmt::Display for OptionsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_shown = |entry: &&OptionReport| {
            entry.requested.is_some()
                || !matches!(
                    entry.option,
                    SocketOption::MulticastHops
                        | SocketOption::MulticastLoopback
                        | SocketOption::MulticastAdapter
                        | SocketOption::Metadata
                )
        };
        for (index, entry) in self.entries.iter().filter(is_shown).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            entry.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for OptionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.option)?;
        match self.requested {
            Some(requested) => write!(f, "requested {requested}")?,
            None => f.write_str("left to the system")?,
        }
        if let Some(granted) = self.granted {
            write!(f, ", granted {granted}")?;
        }
        if let Some(why_not) = &self.why_not {
            write!(f, ": {why_not}")?;
        }
        if let Some(advice) = &self.advice {
            write!(f, " (`{advice}` would help)")?;
        }
        Ok(())
    }
}

impl fmt::Display for SocketOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(1) => f.pad("1 byte"),
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Self::Hops(value) | Self::Dscp(value) => value.fmt(f),
            Self::Switch(true) => f.pad("on"),
            Self::Switch(false) => f.pad("off"),
            Self::Quality(QualityOfService::Normal) => f.pad("normal"),
            Self::Quality(QualityOfService::LowLatency) => f.pad("low latency"),
            Self::Ecn(ecn) => ecn.fmt(f),
            Self::Adapter(0) => f.pad("the routing table's"),
            Self::Adapter(index) => write!(f, "index {index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the report on a socket that is open, unless nothing was observed.
    fn report(requested: &RequestedOptions, observed: Option<&Observed>) -> OptionsReport {
        let settings = Settings {
            requested: requested.clone(),
            ..Settings::default()
        };
        super::report(&settings, None, observed, observed.is_some())
    }

    fn observed() -> Observed {
        Observed {
            inbound_buffer_bytes: Ok(212_992),
            send_buffer_bytes: Ok(212_992),
            hop_limit: Ok(128),
            dont_fragment: Ok(false),
            low_latency: Ok(false),
            traffic_class: Ok(0),
            multicast_hops: Ok(1),
            multicast_loopback: Ok(true),
            multicast_adapter: Some(0),
            receive_offload: true,
            metadata: true,
        }
    }

    /// Returns the line of one option.
    fn line(
        requested: &RequestedOptions,
        observed: Option<&Observed>,
        option: SocketOption,
    ) -> String {
        report(requested, observed).get(option).to_string()
    }

    /// CTL-06, CTL-07
    #[test]
    fn a_clamped_buffer_is_reported_with_advice() {
        // The kernel reports twice the size that was set, but its own choice unchanged.
        let factor = 1_000 / udpair_io::requested_buffer_bytes(1_000);
        let twice = |granted: u32| granted * factor;
        let advice = match udpair_io::receive_buffer_advice(100_000) {
            Some(advice) => format!(" (`{advice}` would help)"),
            None => String::new(),
        };
        for (requested, answer, expected) in [
            (
                None,
                212_992,
                "left to the system, granted 212992 bytes".to_owned(),
            ),
            (
                Some(50_000),
                twice(50_000),
                "requested 50000 bytes, granted 50000 bytes".to_owned(),
            ),
            (
                Some(100_000),
                twice(50_000),
                format!(
                    "requested 100000 bytes, granted 50000 bytes: the system grants no more{advice}"
                ),
            ),
            (
                Some(1),
                twice(2_000),
                "requested 1 byte, granted 2000 bytes: the system grants no less".to_owned(),
            ),
        ] {
            let requested = RequestedOptions {
                inbound_buffer_bytes: requested,
                ..RequestedOptions::default()
            };
            let mut observed = observed();
            observed.inbound_buffer_bytes = Ok(answer);
            let line = line(&requested, Some(&observed), SocketOption::InboundBuffer);
            assert_eq!(line, format!("inbound buffer: {expected}"));
        }
    }

    /// CTL-11: if the request is not granted, the socket opens all the same, and the report says
    /// so.
    #[test]
    fn a_request_that_is_not_granted_is_reported_with_the_reason() {
        let requested = RequestedOptions {
            quality_of_service: QualityOfService::LowLatency,
            ..RequestedOptions::default()
        };
        let mut observed = observed();
        for (low_latency, traffic_class, quality, dscp) in [
            (
                Ok(true),
                Ok(0xb8),
                "requested low latency, granted low latency",
                "requested 46, granted 46",
            ),
            (
                Ok(false),
                Ok(0),
                "requested low latency, granted normal: the system did not apply it",
                "requested 46, granted 0: the system did not apply it",
            ),
            (
                Err("no such option".to_owned()),
                Err("no such mark".to_owned()),
                "requested low latency: no such option",
                "requested 46: no such mark",
            ),
        ] {
            observed.low_latency = low_latency;
            observed.traffic_class = traffic_class;
            let line = |option| line(&requested, Some(&observed), option);
            let expected = format!("quality of service: {quality}");
            assert_eq!(line(SocketOption::QualityOfService), expected);
            assert_eq!(line(SocketOption::Dscp), format!("DSCP: {dscp}"));
        }
    }

    #[test]
    fn an_option_that_was_not_requested_is_never_unmet() {
        let mut observed = observed();
        observed.traffic_class = Err("this system does not report it".into());
        let report = report(&RequestedOptions::default(), Some(&observed));
        assert_eq!(report.unmet().count(), 0, "{report}");
        assert_eq!(report.get(SocketOption::Ecn).granted, None);
    }

    #[test]
    fn every_option_has_a_line_before_the_socket_is_open() {
        let report = report(&RequestedOptions::default(), None);
        assert_eq!(report.unmet().count(), 0, "{report}");
        assert_eq!(
            report.to_string(),
            "inbound buffer: left to the system\n\
             send buffer: left to the system\n\
             hop limit: requested 128\n\
             don't fragment: requested off\n\
             quality of service: requested normal\n\
             DSCP: left to the system\n\
             ECN: left to the system\n\
             receive offload: left to the system"
        );
    }

    /// CTL-07: the system's own value holds where nothing was requested, also for a socket that is
    /// not open yet.
    #[test]
    fn a_socket_that_is_not_open_has_the_defaults_of_the_system() {
        let settings = Settings {
            requested: RequestedOptions {
                send_buffer_bytes: Some(50_000),
                ..RequestedOptions::default()
            },
            multicast: Multicast {
                hops: Some(4),
                ..Multicast::default()
            },
            ..Settings::default()
        };
        let report = super::report(&settings, None, Some(&observed()), false);
        assert_eq!(report.unmet().count(), 0, "{report}");
        assert_eq!(
            report.to_string(),
            "inbound buffer: left to the system, granted 212992 bytes\n\
             send buffer: requested 50000 bytes\n\
             hop limit: requested 128\n\
             don't fragment: requested off\n\
             quality of service: requested normal\n\
             DSCP: left to the system, granted 0\n\
             ECN: left to the system, granted Not-ECT\n\
             multicast hop limit: requested 4\n\
             receive offload: left to the system, granted on"
        );
    }

    #[test]
    fn both_halves_of_a_traffic_class_are_reported() {
        let requested = RequestedOptions {
            dscp: Some(10),
            ecn: Some(Ecn::Capable0),
            ..RequestedOptions::default()
        };
        let mut observed = observed();
        observed.traffic_class = Ok(requested.traffic_class().unwrap());
        assert_eq!(observed.traffic_class, Ok(0x2a));
        let line = |option| line(&requested, Some(&observed), option);
        assert_eq!(line(SocketOption::Dscp), "DSCP: requested 10, granted 10");
        assert_eq!(
            line(SocketOption::Ecn),
            "ECN: requested ECT(0), granted ECT(0)"
        );
    }
}
